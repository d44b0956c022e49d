/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures.h: what the files figures*.c share: one guest's beats, and what follows from them.
 */
#ifndef VMMI_LAB_FIGURES_H
#define VMMI_LAB_FIGURES_H

#include "tool.h"

typedef struct figures_beat figures_beat;
struct figures_beat {
    uint64_t at;   /* receiver's clock, microseconds */
    int64_t clock; /* guest's clock, microseconds; does not wrap */
    uint32_t seq;
    uint32_t work; /* pages dirtied since the start */
    lab_side side;
};

/* Which stretch of the log is meant, and what the caller knows of it. */
typedef struct figures_order figures_order;
struct figures_order {
    const char *path;
    uint64_t since, until;       /* until 0: to the end */
    uint64_t turn_from, turn_to; /* the switchover; turn_to 0: find it */
    uint64_t phase;              /* the writer's, microseconds; 0: it is not phased */
};

typedef struct figures_log figures_log;
struct figures_log {
    figures_beat *beats;
    size_t n, room;
    uint64_t *damaged; /* when */
    size_t n_damaged, room_damaged;
    uint64_t end; /* the collector's end, or now */
};

/* A silence: the time between two beats, as far as it lies in the stretch. */
typedef struct figures_gap figures_gap;
struct figures_gap {
    uint64_t from, length; /* receiver's clock; length 0: there was none */
    uint64_t standstill;   /* so much of it the guest's own clock stood still */
};

typedef struct figures_rate figures_rate;
struct figures_rate {
    double pages; /* a second; below 0: unknown */
    bool steady;
};

typedef struct figures figures;
struct figures {
    uint64_t since, until;
    figures_gap longest, turn, other; /* anywhere; around the switchover; elsewhere */
    uint64_t turn_from, turn_to;      /* 0: there was none */
    uint64_t moved;                   /* first beat of the new host; 0: it stayed */
    uint64_t standstill;              /* of all silences together */
    uint64_t other_over_100;
    uint64_t guest_longest, guest_span;
    figures_rate before;
    double pages_during; /* a second; below 0: unknown */
    uint64_t work;       /* pages */
    double lost_ms;      /* work lost, in time at the rate before */
    bool lost_known;
    uint64_t beats, lost, repeated, damaged, moves, per_side[3];
    lab_side side;
};

/* figures-read.c */
int figures_read(const char *path, figures_log *log);
void figures_clear(figures_log *log);

/* figures.c */
void figures_compute(const figures_order *order, const figures_log *log, figures *f);

/* figures-print.c */
void figures_print(const figures *f, FILE *file);

#endif
