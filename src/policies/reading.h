/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reading.h: what a look at the job would find now, reckoned from the latest sample.
 *
 * Samples come with the beginnings of passes, or after a second; who polls between them sees how
 * what remains falls during a pass, and who would only see the samples could take a guest whose
 * passes all begin alike for one that stands still.
 */
#ifndef VMMI_POLICIES_READING_H
#define VMMI_POLICIES_READING_H

#include <libvmmi/vmmi-policy.h>

typedef struct {
    bool known;
    uint64_t at_ms;
    uint64_t remaining;        /* bytes */
    uint64_t processed;        /* bytes */
    uint64_t bytes_per_second; /* 0 where it is not known: nothing is reckoned then */
} vmmiReading;

typedef enum {
    VMMI_READING_MEMORY, /* what remains and is processed of memory */
    VMMI_READING_DATA    /* of memory and disks, where that is known */
} vmmiReadingOf;

/* To be told of every event; takes a new sample. */
void vmmiReadingTake(vmmiReading *reading, vmmiReadingOf of, const vmmiPolicyEvent *event);
/* At the rate of the sample, but never to nothing: a pass ends before that. */
uint64_t vmmiReadingRemaining(const vmmiReading *reading, uint64_t now_ms);
uint64_t vmmiReadingProcessed(const vmmiReading *reading, uint64_t now_ms);

#endif
