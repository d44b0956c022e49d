/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * touri.c: the policy that decides nothing: the migration that libvirt makes by itself.
 */
#include "policies/policies.h"

const vmmiPolicy vmmiPolicyTouri = {
    VMMI_POLICY_INIT,
    .name = "touri",
    .version = VMMI_VERSION,
    .summary = "starts the migration and leaves everything to the hypervisor",
};
