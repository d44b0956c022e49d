/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.c: what the log of a guest says about its silence and its work.
 *
 * Silence is the time between two beats as the host saw them. While the collector is there
 * the time since the last beat counts, too, so a guest that is dead is not overlooked.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct lab_figures lab_figures;
struct lab_figures {
    uint64_t beats, lost, repeated, damaged, moves;
    uint64_t first_us, last_us, gap_us, gap_at_us;
    uint64_t per_side[3], gaps_over_100;
    unsigned int first_work, last_work, last_seq, last_clock;
    bool ended;
    char side[16];
};

static void
count_gap(lab_figures *f, uint64_t from, uint64_t to)
{
    if (to - from > 100000)
        f->gaps_over_100++;
    if (to - from <= f->gap_us)
        return;
    f->gap_us = to - from;
    f->gap_at_us = from;
}

static void
count_sequence(lab_figures *f, unsigned int seq)
{
    if (seq <= f->last_seq)
        f->repeated++;
    else
        f->lost += seq - f->last_seq - 1;
}

static void
take_beat(lab_figures *f, uint64_t since, const char *line)
{
    unsigned long long now;
    unsigned int seq, clock, work;
    char side[16];

    if (sscanf(line, "b %llu %15s %u %u %u", &now, side, &seq, &clock, &work) != 5)
        return;
    if (now >= since) {
        uint64_t from = f->last_us < since ? since : f->last_us;

        if (f->last_us != 0) {
            count_gap(f, from, now);
            count_sequence(f, seq);
        }
        if (f->beats++ == 0) {
            f->first_us = now;
            f->first_work = work;
        }
        f->moves += f->side[0] != '\0' && strcmp(f->side, side) != 0;
        f->per_side[strcmp(side, "source") == 0 ? 1 : strcmp(side, "destination") == 0 ? 2 : 0]++;
    }
    f->last_us = now;
    f->last_seq = seq;
    f->last_clock = clock;
    f->last_work = work;
    memcpy(f->side, side, sizeof(side));
}

static int
read_figures(const char *path, uint64_t since, lab_figures *f)
{
    char line[640];
    uint64_t end = lab_now_us();
    FILE *file = fopen(path, "re");

    memset(f, 0, sizeof(*f));
    if (!file) {
        fprintf(stderr, "cannot read '%s': %s\n", path, strerror(errno));
        return -1;
    }
    while (fgets(line, sizeof(line), file)) {
        f->ended = line[0] == 'e';
        if (f->ended)
            end = strtoull(line + 2, NULL, 10);
        else if (line[0] == 'b')
            take_beat(f, since, line);
        else if (line[0] == 'g' && strtoull(line + 2, NULL, 10) >= since)
            f->damaged++;
    }
    fclose(file);
    if (!f->ended)
        end = lab_now_us();
    if (f->last_us == 0) {
        fprintf(stderr, "'%s' has no beat\n", path);
        return -1;
    }
    if (end > since)
        count_gap(f, f->last_us < since ? since : f->last_us, end);
    return 0;
}

int
lab_report_gap(const char *path, uint64_t since)
{
    lab_figures f;

    if (read_figures(path, since, &f) < 0)
        return 1;
    printf("%llu\n", (unsigned long long)((f.gap_us + 500) / 1000));
    return 0;
}

int
lab_report_beats(const char *path, uint64_t since)
{
    lab_figures f;
    uint64_t span;

    if (read_figures(path, since, &f) < 0)
        return 1;
    span = f.beats > 0 ? f.last_us - f.first_us : 0;
    printf("beats=%llu\nlost=%llu\nrepeated=%llu\ndamaged=%llu\nmoves=%llu\n",
           (unsigned long long)f.beats, (unsigned long long)f.lost,
           (unsigned long long)f.repeated, (unsigned long long)f.damaged,
           (unsigned long long)f.moves);
    printf("beats_source=%llu\nbeats_destination=%llu\nside=%s\n",
           (unsigned long long)f.per_side[1], (unsigned long long)f.per_side[2], f.side);
    printf("sequence=%u\nclock_us=%u\nspan_us=%llu\n", f.last_seq, f.last_clock,
           (unsigned long long)span);
    printf("work=%u\nwork_rate=%.1f\n", f.last_work,
           span > 0 ? (double)(f.last_work - f.first_work) / 256.0 / ((double)span / 1e6) : 0.0);
    printf("gap_ms=%llu\ngap_at_us=%llu\ngaps_over_100_ms=%llu\n",
           (unsigned long long)((f.gap_us + 500) / 1000), (unsigned long long)f.gap_at_us,
           (unsigned long long)f.gaps_over_100);
    return 0;
}
