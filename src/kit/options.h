/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.h: the options of a policy: its table, and the values that a configuration gives them
 * (B1).
 */
#ifndef VMMI_KIT_OPTIONS_H
#define VMMI_KIT_OPTIONS_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-policy.h>

/* Checks the table itself: names, defaults, ranges. A mistake is the policy author's:
 * VMMI_ERR_INTERNAL. Returns 0 or -1. */
int vmmiOptionTableCheck(const vmmiPolicyOption *options, vmmiError **err);
/* Checks that each name of @top_level (NULL: none) is that of an option, and no key that all plugins
 * read. Returns 0 or -1, VMMI_ERR_INTERNAL. */
int vmmiOptionTopLevelCheck(const vmmiPolicyOption *options, const char *const *top_level,
                            vmmiError **err);
const char *vmmiOptionTypeToString(vmmiPolicyOptionType type);
int vmmiOptionTypeFromString(const char *name);

/*
 * Reads `policy` of a configuration: defaults first, given values over them (I4). @given: NULL, or
 * the value. @bad_key (out): on failure the option that is wrong, to be freed, so that the caller
 * can tell its place; NULL when it is the whole. Returns: (transfer full): the values, or NULL with
 * VMMI_ERR_OPTION.
 */
vmmiPolicyConfig *vmmiPolicyConfigNew(const vmmiPolicyOption *options, const json_t *given,
                                      char **bad_key, vmmiError **err);
/*
 * The options in the content of a configuration: `policy`, and what stands beside it under a name of
 * @top_level (NULL: none). Returns: (transfer full): the object, or whatever `policy` is, or NULL
 * when there is nothing; or NULL with VMMI_ERR_OPTION and @bad_key (out) for an option in both
 * places.
 */
json_t *vmmiOptionsGather(const char *const *top_level, const json_t *content, char **bad_key,
                          vmmiError **err);
/* All values, defaults included: one object, a new reference. */
json_t *vmmiPolicyConfigToJson(const vmmiPolicyConfig *config);
void vmmiPolicyConfigFree(vmmiPolicyConfig *config);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiPolicyConfig, vmmiPolicyConfigFree)

#endif
