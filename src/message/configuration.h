/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * configuration.h: making one configuration out of several (B9a). Works on the content, not on the
 * envelope.
 */
#ifndef VMMI_MESSAGE_CONFIGURATION_H
#define VMMI_MESSAGE_CONFIGURATION_H

#include <jansson.h>

#include <libvmmi/vmmi-message.h>

/* Lays @over on @base, in place: objects merge, arrays and scalars replace. Both must be objects.
 * Returns 0 or -1. */
int vmmiConfigurationMerge(json_t *base, const json_t *over, vmmiError **err);
/*
 * Applies one "KEY=VALUE": the key is split at dots, below
 * "migration.params." the rest is one name; a key without a dot is an option of the policy; the
 * value is JSON if it parses, else a string. @ret_path (optional): the path that was set
 * ("policy.maxDowntimeMs"), to be freed with g_free(). Returns 0 or -1 with
 * VMMI_ERR_MALFORMED_CONFIGURATION.
 */
int vmmiConfigurationApply(json_t *content, const char *setting, char **ret_path, vmmiError **err);
/* Checks types and ranges of the keys that are known. Returns 0 or -1 with
 * VMMI_ERR_MALFORMED_CONFIGURATION. */
int vmmiConfigurationCheck(const json_t *content, vmmiError **err);

#endif
