/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.c: a policy's table: its check, and its description.
 */
#include "kit/table.h"

#include <string.h>

#include "kit/mode.h"
#include "kit/options.h"
#include "message/json.h"
#include "util/cleanup.h"

#define V1_SIZE (offsetof(vmmiPolicy, clear) + sizeof(((vmmiPolicy *)NULL)->clear))
#define MAX_STATE_BYTES (256 * 1024 * 1024)

#define NEED(member)                                                                               \
    {                                                                                              \
#member, offsetof(vmmiPolicy, member)                                                      \
    }
static const struct {
    const char *name;
    size_t offset;
} needed[] = { NEED(name), NEED(version), NEED(summary) };

int
vmmiPolicyTableCopy(const vmmiPolicy *given, vmmiPolicy *copy, vmmiError **err)
{
    vmmiPolicy policy = { 0 };

    if (!given)
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "no policy was given");
    if (given->api_version < 1 || given->api_version > VMMI_POLICY_API_VERSION)
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "policy API version %u is not in 1..%d",
                            given->api_version, VMMI_POLICY_API_VERSION);
    if (given->struct_size < V1_SIZE)
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "policy struct is too short: %zu bytes",
                            given->struct_size);
    memcpy(&policy, given, MIN(given->struct_size, sizeof(policy)));
    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
        const char *text;

        memcpy(&text, (const char *)&policy + needed[i].offset, sizeof(text));
        if (!text || !*text)
            return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "policy '%s' lacks .%s",
                                policy.name ? policy.name : "(no name)", needed[i].name);
    }
    if (policy.state_size > MAX_STATE_BYTES)
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL,
                            "policy '%s' wants %zu bytes of state, the limit is %d", policy.name,
                            policy.state_size, MAX_STATE_BYTES);
    if (vmmiOptionTableCheck(policy.options, err) < 0 ||
        vmmiOptionTopLevelCheck(policy.options, policy.top_level, err) < 0)
        return vmmiErrorPrefix(err, "policy '%s'", policy.name);
    *copy = policy;
    return 0;
}

static json_t *
string_array(const char *const *strings)
{
    json_t *array = json_array();

    for (size_t i = 0; strings && strings[i]; i++)
        json_array_append_new(array, json_string(strings[i]));
    return array;
}

static json_t *
describe_option(const vmmiPolicyOption *option, const char *const *top_level)
{
    json_t *object = json_object();

    json_object_set_new(object, "name", json_string(option->name));
    json_object_set_new(object, "type", json_string(vmmiOptionTypeToString(option->type)));
    if (option->default_value)
        json_object_set_new(
            object, "default",
            vmmiJsonParseValue(option->default_value, strlen(option->default_value), NULL, NULL));
    if (option->type == VMMI_OPTION_UINT && (option->minimum || option->maximum)) {
        json_object_set_new(object, "minimum", json_integer((json_int_t)option->minimum));
        if (option->maximum)
            json_object_set_new(object, "maximum", json_integer((json_int_t)option->maximum));
    }
    if ((option->type == VMMI_OPTION_STRING || option->type == VMMI_OPTION_STRINGS) &&
        option->choices)
        json_object_set_new(object, "choices", string_array(option->choices));
    if (top_level && g_strv_contains(top_level, option->name))
        json_object_set_new(object, "topLevel", json_true());
    if (option->unit)
        json_object_set_new(object, "unit", json_string(option->unit));
    json_object_set_new(object, "meaning", json_string(option->meaning));
    return object;
}

char *
vmmiPolicyTableDescribe(const vmmiPolicy *policy, const char *name)
{
    g_autoptr(json_t) object = json_object();
    json_t *options = json_array();

    json_object_set_new(object, "name", json_string(name));
    json_object_set_new(object, "version", json_string(policy->version));
    json_object_set_new(object, "protocolVersions", json_pack("[s]", VMMI_PROTOCOL_VERSION));
    json_object_set_new(object, "summary", json_string(policy->summary));
    json_object_set_new(object, "needs", string_array(policy->needs));
    json_object_set_new(object, "features", vmmiKitModeFeatures());
    for (const vmmiPolicyOption *option = policy->options; option && option->name; option++)
        json_array_append_new(options, describe_option(option, policy->top_level));
    json_object_set_new(object, "options", options);
    return vmmiJsonWrite(object, false);
}
