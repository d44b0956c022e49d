/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-options.h: the options of the policy `schedule`.
 */
#ifndef VMMI_POLICIES_SCHEDULE_OPTIONS_H
#define VMMI_POLICIES_SCHEDULE_OPTIONS_H

#include <libvmmi/vmmi-policy.h>

#include "policies/schedule.h"

typedef struct {
    vmmiSchedule schedule;
    const vmmiSchedulePreset *preset; /* whose start flags; NULL: no preset was asked for */
    const char *origin;               /* where the actions come from: a preset's name, "schedule" */
    uint64_t interval_ms;
} vmmiScheduleOptions;

extern const vmmiPolicyOption vmmiScheduleOptionTable[];
/* Those that configurations have had at the top level since before `policy`. */
extern const char *const vmmiScheduleTopLevel[];

/* Reads them, and refuses what makes no sense. Returns 0 or -1; to be cleared in both cases. */
int vmmiScheduleOptionsRead(vmmiScheduleOptions *options, const vmmiPolicyConfig *config,
                            vmmiError **err);

#endif
