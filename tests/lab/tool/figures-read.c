/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures-read.c: a guest's log as an array of beats. The log's lines are described in tool.h.
 */
#include "figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
grow(void **array, size_t *room, size_t n, size_t size)
{
    size_t more = *room ? 2 * *room : 1024;
    void *bigger;

    if (n < *room)
        return 0;
    bigger = realloc(*array, more * size);
    if (!bigger) {
        fputs("out of memory\n", stderr);
        return -1;
    }
    *array = bigger;
    *room = more;
    return 0;
}

static lab_side
parse_side(const char *text)
{
    return strcmp(text, "source") == 0        ? SIDE_SOURCE
           : strcmp(text, "destination") == 0 ? SIDE_DESTINATION
                                              : SIDE_UNKNOWN;
}

static int
take_beat(figures_log *log, const char *line)
{
    unsigned long long at;
    unsigned int seq, clock, work;
    int64_t last = log->n > 0 ? log->beats[log->n - 1].clock : 0;
    char side[16];

    if (sscanf(line, "b %llu %15s %u %u %u", &at, side, &seq, &clock, &work) != 5)
        return 0;
    if (grow((void **)&log->beats, &log->room, log->n, sizeof(*log->beats)) < 0)
        return -1;
    log->beats[log->n++] = (figures_beat){
        .at = at, .seq = seq, .work = work, .side = parse_side(side) };
    log->beats[log->n - 1].clock = last + (int32_t)(clock - (uint32_t)last);
    return 0;
}

static int
take_damaged(figures_log *log, const char *line)
{
    if (grow((void **)&log->damaged, &log->room_damaged, log->n_damaged, sizeof(*log->damaged)) < 0)
        return -1;
    log->damaged[log->n_damaged++] = strtoull(line + 2, NULL, 10);
    return 0;
}

static int
take_line(figures_log *log, const char *line)
{
    log->end = line[0] == 'e' ? strtoull(line + 2, NULL, 10) : 0;
    if (line[0] == 'b')
        return take_beat(log, line);
    return line[0] == 'g' ? take_damaged(log, line) : 0;
}

/* Returns 0, or -1 after a message. */
int
figures_read(const char *path, figures_log *log)
{
    char line[640];
    int result = 0;
    FILE *file = fopen(path, "re");

    memset(log, 0, sizeof(*log));
    if (!file) {
        fprintf(stderr, "cannot read '%s': %s\n", path, strerror(errno));
        return -1;
    }
    while (result == 0 && fgets(line, sizeof(line), file))
        result = take_line(log, line);
    fclose(file);
    if (result == 0 && log->n == 0) {
        fprintf(stderr, "'%s' has no beat\n", path);
        result = -1;
    }
    if (log->end == 0)
        log->end = lab_now_us();
    return result;
}

void
figures_clear(figures_log *log)
{
    free(log->beats);
    free(log->damaged);
    memset(log, 0, sizeof(*log));
}
