/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-memory.h: which of a guest's pages are still to be sent, and which it has written again. Pure
 * arithmetic.
 *
 * The working set lies behind the rest of the memory, or before it, and is the only part that is
 * written. Random writers are kept as shares of classes of pages that are written equally often
 * (one class: uniform); a cyclic writer as arcs of a ring.
 */
#ifndef VMMI_SIM_MEMORY_H
#define VMMI_SIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMMI_SIM_MAX_CLASSES 12
#define VMMI_SIM_MAX_ARCS 64

typedef enum {
    VMMI_SIM_PATTERN_UNIFORM = 0,
    VMMI_SIM_PATTERN_CYCLIC,
    VMMI_SIM_PATTERN_ZIPF,
    VMMI_SIM_PATTERN_PHASED            /* uniform, on and off by turns */
} vmmiSimPattern;
#define VMMI_SIM_PATTERN_LAST (VMMI_SIM_PATTERN_PHASED + 1)
const char *vmmiSimPatternToString(vmmiSimPattern pattern);
int vmmiSimPatternFromString(const char *name);

/* What a guest does to its memory. Bytes are bytes of pages: a write dirties a whole page. */
typedef struct {
    double memory;                     /* bytes */
    double working_set;                /* bytes, at most .memory */
    double dirty_rate;                 /* bytes per second */
    int64_t pattern;                   /* vmmiSimPattern */
    double zipf_exponent;
    int64_t on_us, off_us;             /* of VMMI_SIM_PATTERN_PHASED */
    double zero_share;                 /* of the memory outside the working set: pages of zeroes */
    double unthrottled_share;          /* of the writes: by devices, which are not slowed */
    double xbzrle_share;               /* what compression leaves of a page that was sent before */
    bool set_first;                    /* the working set lies before the rest of the memory */
    double busy_share;                 /* of its processor: what the writing takes; 0: all of it */
} vmmiSimLoad;

typedef struct {
    double start, end;                 /* 0 <= start < end <= working set */
} vmmiSimArc;

/* The bitmap of the sender and the dirty log, for one migration. */
typedef struct {
    double rest;                       /* bytes outside the working set still to be sent */
    double ahead;                      /* of a set that comes first: not yet reached in pass 1 */
    double written;                    /* bytes written since the last look at the dirty log */
    double pending[VMMI_SIM_MAX_CLASSES];
    vmmiSimArc arcs[VMMI_SIM_MAX_ARCS];
    size_t n_arcs;
    double position;                   /* of the sender in the ring */
    double writer;                     /* of the writer in the ring, at the last look */
} vmmiSimMemory;

/* Everything is to be sent. */
void vmmiSimMemoryStart(vmmiSimMemory *memory, const vmmiSimLoad *load);
/*
 * Bytes of the working set, and of all memory, that are still to be sent as far as the sender
 * knows.
 */
double vmmiSimMemoryPendingSet(const vmmiSimMemory *memory, const vmmiSimLoad *load);
double vmmiSimMemoryPending(const vmmiSimMemory *memory, const vmmiSimLoad *load);
/* How likely the next write of the guest meets a page that is still to be sent: 0 to 1. */
double vmmiSimMemoryMissing(const vmmiSimMemory *memory, const vmmiSimLoad *load);
/*
 * How many bytes come next, in the sender's order, before it changes between the rest (@rest: true)
 * and the working set.
 */
double vmmiSimMemoryNext(const vmmiSimMemory *memory, const vmmiSimLoad *load, bool *rest);
/* Sends @bytes of the guest's memory: the rest before the working set, or behind it. */
void vmmiSimMemorySend(vmmiSimMemory *memory, const vmmiSimLoad *load, double bytes);
/*
 * Looks at the dirty log: what was written becomes pending. Returns the bytes that were not pending
 * before.
 */
double vmmiSimMemorySync(vmmiSimMemory *memory, const vmmiSimLoad *load);
/* The bytes that an unhindered guest writes between two times. */
double vmmiSimLoadWritten(const vmmiSimLoad *load, int64_t from, int64_t to);
/* How much of the writing is left at a throttle percentage: 1 is all. */
double vmmiSimLoadThrottled(const vmmiSimLoad *load, int64_t percent);

#endif
