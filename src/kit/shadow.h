/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shadow.h: a policy that only watches a migration which something else runs, and decides what it
 * would have done (`migration.shadow`). Nothing is claimed, recorded or changed: what comes of it
 * is the trace and the completion.
 */
#ifndef VMMI_KIT_SHADOW_H
#define VMMI_KIT_SHADOW_H

#include "kit/run.h"

/* Waits until a migration of the guest runs, .shadow_wait_ms at most. Returns 0, or -1 with
 * VMMI_ERR_STATE when there is none. */
int vmmiShadowAwait(vmmiRun *run, vmmiError **err);
/* Takes the policy's actions, in order, and tells it that they are done. To be called in each
 * round. */
void vmmiShadowServe(vmmiRun *run, uint64_t now_ms);
/* When vmmiShadowServe() is due; UINT64_MAX: not before something happens. */
uint64_t vmmiShadowDeadline(const vmmiRun *run);

#endif
