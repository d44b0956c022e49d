/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policies.h: the policies that come with the library. Pure decisions; a plugin's main for each is
 * in tools/plugins.
 */
#ifndef VMMI_POLICIES_POLICIES_H
#define VMMI_POLICIES_POLICIES_H

#include <libvmmi/vmmi-policy.h>

#include "config.h"

extern const vmmiPolicy vmmiPolicyDeadline;
extern const vmmiPolicy vmmiPolicyDoubling;
extern const vmmiPolicy vmmiPolicySchedule;
extern const vmmiPolicy vmmiPolicyStall;
extern const vmmiPolicy vmmiPolicySteps;
extern const vmmiPolicy vmmiPolicyAdaptive;
extern const vmmiPolicy vmmiPolicyTouri;

#endif
