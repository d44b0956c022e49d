/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-felt.h: what a guest, and whoever uses it, feels of a migration. Pure; an observer: nothing
 * of it is part of a world.
 *
 * The hypervisor's own downtime tells little of it: auto-converge stops a guest for up to a second
 * at a time, and behind a switch to post-copy each missing page is waited for.
 */
#ifndef VMMI_SIM_FELT_H
#define VMMI_SIM_FELT_H

#include "drivers/sim/sim-world.h"

/* All in microseconds. Starts zeroed. */
typedef struct {
    double standing;           /* all the time in which it stood still */
    double longest;            /* the longest silence: standing, or waiting for missing pages */
    double current;            /* the one that lasts; 0: it answers */
    double worked;             /* what it got done in that one */
    double lost;               /* work: the time that it would have taken, .standing included */
    double asleep;             /* how long auto-converge lets it sleep at a time, at present */
    double throttle_silence;   /* the longest that auto-converge let a processor sleep at a time */
    double postcopy;           /* time in post-copy, broken or not */
} vmmiSimFelt;

/*
 * The share of its work that a guest gets done between two times in which nothing happens in the
 * world: 1 all, 0 none. A guest that is broken in post-copy stands still as soon as it would touch
 * what is missing.
 */
double vmmiSimGuestSpeed(const vmmiSimWorld *world, const vmmiSimGuest *guest, int64_t from,
                         int64_t to);
/*
 * Adds what is felt from the world's time until @to, when something happens next at the earliest.
 */
void vmmiSimFeltAdd(vmmiSimFelt *felt, const vmmiSimWorld *world, const vmmiSimGuest *guest,
                    int64_t to);

#endif
