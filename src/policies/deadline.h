/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadline.h: the options of the policy `deadline`.
 */
#ifndef VMMI_POLICIES_DEADLINE_H
#define VMMI_POLICIES_DEADLINE_H

#include <libvmmi/vmmi-policy.h>

typedef struct {
    bool virsh; /* whose rules: virsh's, else KubeVirt's */
    bool wants_postcopy;

    uint64_t completion_ms_per_gib, progress_ms, poll_ms, round_ms;
    bool allow_postcopy, allow_disruption;
    bool tuning;
    uint64_t max_downtime_ms, tuning_initial_ms, tuning_steps, tuning_after, tuning_cooldown_ms;

    uint64_t timeout_ms; /* 0: none */
    bool timeout_postcopy;
    uint64_t pass; /* post-copy starts with it; 0: never */
} vmmiDeadlineOptions;

extern const vmmiPolicyOption vmmiDeadlineOptionTable[];

/* Reads them, and refuses what contradicts itself. Returns 0 or -1. */
int vmmiDeadlineOptionsRead(vmmiDeadlineOptions *options, const vmmiPolicyConfig *config,
                            vmmiError **err);

#endif
