/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-sample.h: the figures of a simulated migration. Pure.
 */
#ifndef VMMI_SIM_SAMPLE_H
#define VMMI_SIM_SAMPLE_H

#include "drivers/sim/sim-world.h"

/* Fills in the figures of a guest's running job; the world must be settled. Wall-clock time is the caller's to add. */
void vmmiSimSampleRunning(const vmmiSimGuest *guest, vmmiSample *sample);
/* The final figures of the last migration that succeeded. */
void vmmiSimSampleCompleted(const vmmiSimGuest *guest, vmmiSample *sample);

#endif
