/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-action.h: what callers do to a simulated world, at its present. Pure: sim-store.c brings the world to the present first.
 */
#ifndef VMMI_SIM_ACTION_H
#define VMMI_SIM_ACTION_H

#include "drivers/sim/sim-order.h"
#include "drivers/sim/sim-world.h"

/* Hosts and guests are indices. All return 0 or -1; on failure nothing was changed. */

/* Starts a migration, or takes a broken post-copy up again; @ret_job is what vmmiSimWorldFindResult() is asked for. */
int vmmiSimActPerform(vmmiSimWorld *world, size_t guest, size_t source, size_t destination,
                      const vmmiMigrateRequest *request, uint64_t *ret_job, vmmiError **err);
int vmmiSimActAbort(vmmiSimWorld *world, size_t guest, size_t host, bool postcopy, vmmiError **err);
int vmmiSimActStartPostcopy(vmmiSimWorld *world, size_t guest, size_t host, vmmiError **err);
int vmmiSimActTune(vmmiSimWorld *world, size_t guest, size_t host, vmmiTunable what, uint64_t value,
                   vmmiError **err);
int vmmiSimActStart(vmmiSimWorld *world, size_t guest, size_t host, vmmiError **err);
int vmmiSimActStop(vmmiSimWorld *world, size_t guest, size_t host, vmmiError **err);
int vmmiSimActSuspend(vmmiSimWorld *world, size_t guest, size_t host, vmmiError **err);
int vmmiSimActResume(vmmiSimWorld *world, size_t guest, size_t host, vmmiError **err);

#endif
