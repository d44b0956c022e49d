/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-step.h: how a simulated world goes on by itself. Pure: a function of the world and the time.
 *
 * Stepping to a time at once or in many parts gives the same world, so looking never changes what is seen.
 */
#ifndef VMMI_SIM_STEP_H
#define VMMI_SIM_STEP_H

#include "drivers/sim/sim-world.h"

/* Goes on to @now; an earlier time than the world's own changes nothing. */
void vmmiSimStep(vmmiSimWorld *world, int64_t now);
/* When something happens next by itself, VMMI_SIM_NEVER if nothing does. */
int64_t vmmiSimNext(const vmmiSimWorld *world);
/* Brings the figures of all jobs to the world's time: before acting on them, and before showing a copy. */
void vmmiSimSettle(vmmiSimWorld *world);
/* Fills in a copy of a guest with the figures of the world's time; the world stays as it is. The copy owns nothing. */
void vmmiSimPeek(const vmmiSimWorld *world, size_t guest, vmmiSimGuest *shown);
/* Carries out one event. */
void vmmiSimHappen(vmmiSimWorld *world, const vmmiSimEvent *event);

#endif
