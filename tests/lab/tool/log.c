/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.c: turns the bytes of a guest into lines of the log.
 *
 * Before a migration the bytes come from one QEMU, afterwards from the other, and a line
 * may begin in the first and end in the second. Only one of them runs at a time, so the
 * bytes are one stream.
 */
#include "tool.h"

#include <string.h>

int
lab_log_open(lab_log *log, const char *path)
{
    memset(log, 0, sizeof(*log));
    log->file = fopen(path, "ae");
    if (!log->file) {
        perror(path);
        return -1;
    }
    return 0;
}

void
lab_log_event(lab_log *log, char kind, uint64_t now, const char *text)
{
    fprintf(log->file, "%c %llu %s\n", kind, (unsigned long long)now, text);
    fflush(log->file);
}

static bool
parse_beat(const char *line, unsigned int *seq, unsigned int *clock, unsigned int *work)
{
    unsigned int sum;

    return sscanf(line, "B %x %x %x %x", seq, clock, work, &sum) == 4 &&
           sum == (*seq ^ *clock ^ *work);
}

static void
take_line(lab_log *log, lab_side side, uint64_t now)
{
    unsigned int seq, clock, work;
    bool is_beat = strncmp(log->line, "B ", 2) == 0;

    if (parse_beat(log->line, &seq, &clock, &work)) {
        fprintf(log->file, "b %llu %s %u %u %u\n", (unsigned long long)now,
                lab_side_name(side), seq, clock, work);
        return;
    }
    fprintf(log->file, "%c %llu %s %s\n", is_beat ? 'g' : 't', (unsigned long long)now,
            lab_side_name(side), log->line);
    if (is_beat)
        return;
    memcpy(log->answer, log->line, sizeof(log->answer));
    log->answered = true;
}

void
lab_log_bytes(lab_log *log, lab_side side, uint64_t now, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n' || log->used == sizeof(log->line) - 1) {
            log->line[log->used] = '\0';
            if (log->used > 0)
                take_line(log, side, now);
            log->used = 0;
        } else if ((unsigned char)bytes[i] >= ' ' && (unsigned char)bytes[i] < 127) {
            log->line[log->used++] = bytes[i];
        }
    }
    fflush(log->file);
}
