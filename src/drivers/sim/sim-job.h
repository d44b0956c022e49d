/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-job.h: one simulated migration: its five steps, and what the hypervisor does inside the third. Pure.
 */
#ifndef VMMI_SIM_JOB_H
#define VMMI_SIM_JOB_H

#include "drivers/sim/sim-world.h"

/* --- the five steps (sim-job.c) --------------------------------------------------------------------------- */

/* Begins: the job's request is filled in already. */
void vmmiSimJobBegin(vmmiSimWorld *world, vmmiSimGuest *guest);
/* Ends a step whose time is over, or looks at what the sender did; called at the time that vmmiSimJobNext() gave. */
void vmmiSimJobTick(vmmiSimWorld *world, vmmiSimGuest *guest);
void vmmiSimJobEnter(vmmiSimWorld *world, vmmiSimGuest *guest, vmmiSimPhase step);
/* Ends the migration with an error; from post-copy on it breaks instead. */
void vmmiSimJobFail(vmmiSimWorld *world, vmmiSimGuest *guest, int code, const char *format, ...)
    VMMI_PRINTF(4, 5);
/* Post-copy stops in the middle: each host holds a part of the guest. */
void vmmiSimJobBreak(vmmiSimWorld *world, vmmiSimGuest *guest, const char *format, ...)
    VMMI_PRINTF(3, 4);
/* Takes a broken post-copy up again, under a new id. */
void vmmiSimJobRecover(vmmiSimWorld *world, vmmiSimGuest *guest);
/* The caller's connection is lost while the migration goes on: its call ends, the job does not. */
void vmmiSimJobOrphan(vmmiSimWorld *world, vmmiSimGuest *guest, const char *message);
/* Ends the job without touching the guest: it is gone. */
void vmmiSimJobDrop(vmmiSimWorld *world, vmmiSimGuest *guest, int code, const char *message);
/* What is to happen to this step, once: -1 nothing, else a vmmiSimFaultKind. */
int vmmiSimJobFault(vmmiSimGuest *guest, vmmiSimPhase step);
/* Whether both hosts answer and the link carries something. */
bool vmmiSimJobHasLink(const vmmiSimWorld *world, const vmmiSimJob *job);

/* --- inside of perform (sim-perform.c) -------------------------------------------------------------------- */

/* Whether the job uses the link now, and the most that it may use, in bytes per microsecond. */
bool vmmiSimJobIsSending(const vmmiSimJob *job);
double vmmiSimJobLimit(const vmmiSimGuest *guest);
/* Goes on to @until with a part of the link, in bytes per microsecond. Nothing is decided. */
void vmmiSimJobAdvance(const vmmiSimWorld *world, vmmiSimGuest *guest, double share, int64_t until);
/* When the sender has something to decide, or a step ends. */
int64_t vmmiSimJobNext(const vmmiSimWorld *world, const vmmiSimGuest *guest, double share);
/* The decisions of the sender. */
void vmmiSimPrecopyStart(vmmiSimWorld *world, vmmiSimGuest *guest);
void vmmiSimPrecopyTick(vmmiSimWorld *world, vmmiSimGuest *guest);
void vmmiSimSwitchoverTick(vmmiSimWorld *world, vmmiSimGuest *guest);
void vmmiSimPostcopyTick(vmmiSimWorld *world, vmmiSimGuest *guest);
/* The state of the devices has arrived: the guest runs on the destination. */
void vmmiSimPostcopyLand(vmmiSimWorld *world, vmmiSimGuest *guest);

/* A number in 0..1 from a state of 64 bits. */
double vmmiSimRandom(uint64_t *state);

#endif
