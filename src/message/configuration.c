/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * configuration.c: making one configuration out of several (B9a). Who merges what, and in which
 * order, is the business of the rooms above; what keys a policy has, that of the policy.
 */
#include "message/configuration.h"

#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "util/cleanup.h"

static int
merge_level(json_t *base, const json_t *over, size_t depth, vmmiError **err)
{
    if (depth > VMMI_MESSAGE_MAX_DEPTH)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "a configuration has more than %d levels of brackets",
                            VMMI_MESSAGE_MAX_DEPTH);
    for (void *iter = json_object_iter((json_t *)over); iter;
         iter = json_object_iter_next((json_t *)over, iter)) {
        const char *key = json_object_iter_key(iter);
        json_t *value = json_object_iter_value(iter), *old = json_object_get(base, key);

        if (json_is_object(value) && json_is_object(old)) {
            if (merge_level(old, value, depth + 1, err) < 0)
                return -1;
        } else if (json_object_set_new(base, key, json_deep_copy(value)) < 0) {
            return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "cannot merge '%s': out of memory", key);
        }
    }
    return 0;
}

int
vmmiConfigurationMerge(json_t *base, const json_t *over, vmmiError **err)
{
    if (!json_is_object(base) || !json_is_object(over))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "a configuration must be an object, got %s",
                            vmmiJsonTypeName(json_is_object(base) ? over : base));
    return merge_level(base, over, 1, err);
}

int
vmmiConfigurationApply(json_t *content, const char *setting, char **ret_path, vmmiError **err)
{
    const char *equals = setting ? strchr(setting, '=') : NULL;
    g_autofree char *key = NULL, *path = NULL;
    g_autoptr(vmmiError) reason = NULL;
    json_t *value;

    if (!equals || equals == setting)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "'%s' is not KEY=VALUE",
                            setting ? setting : "");
    key = g_strndup(setting, (size_t)(equals - setting));
    path = strchr(key, '.') ? g_strdup(key) : g_strconcat("policy.", key, NULL);
    value = vmmiJsonParseValue(equals + 1, strlen(equals + 1), NULL, NULL);
    if (!value)
        value = json_string(equals + 1);
    if (vmmiPathSet(content, path, value, &reason) < 0)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "setting '%s': %s", key,
                            vmmiErrorGetMessage(reason));
    if (ret_path)
        *ret_path = g_steal_pointer(&path);
    return 0;
}

int
vmmiConfigurationCheck(const json_t *content, vmmiError **err)
{
    g_autoptr(vmmiMessage) message = vmmiMessageNewContent("configuration",
                                                           json_incref((json_t *)content), err);
    g_autofree char *text = message ? vmmiMessageToJson(message, false, err) : NULL;

    return text ? 0 : -1;
}
