/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.h: a policy's table: its check, and its description (B17).
 */
#ifndef VMMI_KIT_TABLE_H
#define VMMI_KIT_TABLE_H

#include <libvmmi/vmmi-policy.h>

/*
 * Checks a table and copies what this library knows of it: policy and library may differ in age.
 * Strings and callbacks stay the policy's. Returns 0, or -1 with VMMI_ERR_INTERNAL, naming what is
 * missing.
 */
int vmmiPolicyTableCopy(const vmmiPolicy *given, vmmiPolicy *copy, vmmiError **err);
/* What --vmmi-describe prints: one JSON object, to be freed with g_free(). @name: that of the
 * executable. */
char *vmmiPolicyTableDescribe(const vmmiPolicy *policy, const char *name);

#endif
