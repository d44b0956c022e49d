/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start.h: the flags and parameters of a start, of which the user's are fixed and the policy may
 * choose the rest.
 */
#ifndef VMMI_KIT_START_H
#define VMMI_KIT_START_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-policy.h>

/* @migration: the user's object `migration`, NULL: none; borrowed for the call. */
vmmiPolicyStart *vmmiPolicyStartNew(const json_t *migration);
void vmmiPolicyStartFree(vmmiPolicyStart *start);
/* The object `migration` as it is now, with what the policy chose. A new reference. */
json_t *vmmiPolicyStartGetMigration(const vmmiPolicyStart *start);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiPolicyStart, vmmiPolicyStartFree)

#endif
