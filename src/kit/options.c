/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.c: the options of a policy: its table, and the values that a configuration gives them.
 *
 * A misspelt or impossible option is an error that names it (B1).
 */
#include "kit/options.h"

#include <string.h>

#include "message/json.h"
#include "util/cleanup.h"
#include "util/enum-table.h"
#include "util/nearest.h"

struct vmmiPolicyConfig {
    const vmmiPolicyOption *options; /* may be NULL */
    json_t *values;                  /* name to value */
    GHashTable *texts;               /* JSON options: name to text */
    GHashTable *lists;               /* options of strings: name to GStrv */
};

static const char *const type_names[] = { "bool", "uint", "string", "json", "strings" };
VMMI_ENUM_IMPL(vmmiOptionType, vmmiPolicyOptionType, VMMI_OPTION_STRINGS + 1, type_names);

static const vmmiPolicyOption *
find_option(const vmmiPolicyOption *options, const char *name)
{
    for (const vmmiPolicyOption *option = options; option && option->name; option++) {
        if (g_str_equal(option->name, name))
            return option;
    }
    return NULL;
}

static int
check_uint(const vmmiPolicyOption *option, const json_t *value, vmmiError **err)
{
    bool bounded = option->minimum || option->maximum;
    uint64_t maximum = option->maximum ? option->maximum : INT64_MAX;
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value))
        return vmmiErrorSet(err, VMMI_ERR_OPTION, "option '%s' must be an unsigned integer, got %s",
                            option->name, vmmiJsonTypeName(value));
    if (number < 0)
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option '%s' must be an unsigned integer, got %" JSON_INTEGER_FORMAT,
                            option->name, number);
    if (bounded && ((uint64_t)number < option->minimum || (uint64_t)number > maximum))
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option '%s' must be %" G_GUINT64_FORMAT "..%" G_GUINT64_FORMAT
                            "%s%s, got %" JSON_INTEGER_FORMAT,
                            option->name, option->minimum, maximum, option->unit ? " " : "",
                            option->unit ? option->unit : "", number);
    return 0;
}

static int
check_string(const vmmiPolicyOption *option, const json_t *value, vmmiError **err)
{
    g_autofree char *list = NULL;

    if (!json_is_string(value))
        return vmmiErrorSet(err, VMMI_ERR_OPTION, "option '%s' must be a string, got %s",
                            option->name, vmmiJsonTypeName(value));
    if (!option->choices || g_strv_contains(option->choices, json_string_value(value)))
        return 0;
    list = g_strjoinv(", ", (char **)option->choices);
    return vmmiErrorSet(err, VMMI_ERR_OPTION, "option '%s' must be one of %s, got '%.100s'",
                        option->name, list, json_string_value(value));
}

static int
check_strings(const vmmiPolicyOption *option, const json_t *value, vmmiError **err)
{
    g_autoptr(json_t) items = vmmiJsonSplitList(value);
    g_autofree char *list = NULL;
    const json_t *item;
    size_t i;

    if (!items)
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option '%s' must be an array of strings, or a string with commas, "
                            "got %s",
                            option->name, vmmiJsonTypeName(value));
    json_array_foreach (items, i, item) {
        const char *text = json_string_value(item);

        if (text && *text && (!option->choices || g_strv_contains(option->choices, text)))
            continue;
        list = option->choices ? g_strjoinv(", ", (char **)option->choices) : NULL;
        return vmmiErrorSet(err, VMMI_ERR_OPTION, "option '%s': item %zu must be %s%s, got %s%.100s%s",
                            option->name, i + 1, list ? "one of " : "a string, not empty",
                            list ? list : "", text ? "'" : "", text ? text : vmmiJsonTypeName(item),
                            text ? "'" : "");
    }
    return 0;
}

static int
check_value(const vmmiPolicyOption *option, const json_t *value, vmmiError **err)
{
    switch (option->type) {
    case VMMI_OPTION_BOOL:
        if (!json_is_boolean(value))
            return vmmiErrorSet(err, VMMI_ERR_OPTION, "option '%s' must be true or false, got %s",
                                option->name, vmmiJsonTypeName(value));
        return 0;
    case VMMI_OPTION_UINT:
        return check_uint(option, value, err);
    case VMMI_OPTION_STRING:
        return check_string(option, value, err);
    case VMMI_OPTION_JSON:
        return 0;
    case VMMI_OPTION_STRINGS:
        return check_strings(option, value, err);
    default:
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "option '%s' has the unknown type %d",
                            option->name, (int)option->type);
    }
}

static json_t *
default_of(const vmmiPolicyOption *option, vmmiError **err)
{
    return vmmiJsonParseValue(option->default_value, strlen(option->default_value), "default", err);
}

static int
check_row(const vmmiPolicyOption *options, const vmmiPolicyOption *option, vmmiError **err)
{
    g_autoptr(json_t) value = NULL;

    if (!*option->name || !option->meaning)
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "option '%s' lacks its meaning", option->name);
    if (find_option(options, option->name) != option)
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "option '%s' is there twice", option->name);
    if (!vmmiOptionTypeToString(option->type))
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "option '%s' has the unknown type %d",
                            option->name, (int)option->type);
    if (!option->default_value)
        return 0;
    value = default_of(option, err);
    if (!value)
        return vmmiErrorPrefix(err, "option '%s'", option->name);
    if (check_value(option, value, err) < 0)
        return vmmiErrorPrefix(err, "the default of an option");
    return 0;
}

int
vmmiOptionTableCheck(const vmmiPolicyOption *options, vmmiError **err)
{
    for (const vmmiPolicyOption *option = options; option && option->name; option++) {
        g_autoptr(vmmiError) mistake = NULL;

        if (check_row(options, option, &mistake) < 0)
            return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "%s", vmmiErrorGetMessage(mistake));
    }
    return 0;
}

int
vmmiOptionTopLevelCheck(const vmmiPolicyOption *options, const char *const *top_level,
                        vmmiError **err)
{
    static const char *const taken[] = { "connection", "connectionCredentials", "logFilePath",
                                         "migration",  "policy",                "verbose",
                                         NULL };

    for (; top_level && *top_level; top_level++) {
        if (!find_option(options, *top_level))
            return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "top-level option '%s' is no option",
                                *top_level);
        if (g_strv_contains(taken, *top_level))
            return vmmiErrorSet(err, VMMI_ERR_INTERNAL,
                                "top-level option '%s' has the name of another key", *top_level);
    }
    return 0;
}

static int
refuse_unknown(const vmmiPolicyOption *options, const char *key, vmmiError **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *nearest;

    if (strlen(key) > 100)
        return vmmiErrorSet(err, VMMI_ERR_OPTION, "option '%.40s...' is unknown", key);
    for (const vmmiPolicyOption *option = options; option && option->name; option++)
        g_ptr_array_add(names, (gpointer)option->name);
    g_ptr_array_add(names, NULL);
    nearest = vmmiNearestName(key, (const char *const *)names->pdata);
    if (nearest)
        return vmmiErrorSet(err, VMMI_ERR_OPTION, "option '%s' is unknown; did you mean '%s'?", key,
                            nearest);
    return vmmiErrorSet(err, VMMI_ERR_OPTION, "option '%s' is unknown%s", key,
                        options && options->name ? "" : "; this policy has no options");
}

static int
read_given(vmmiPolicyConfig *config, const json_t *given, char **bad_key, vmmiError **err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(given))
        return vmmiErrorSet(err, VMMI_ERR_OPTION, "'policy' must be an object, got %s",
                            vmmiJsonTypeName(given));
    json_object_foreach ((json_t *)given, key, value) {
        const vmmiPolicyOption *option = find_option(config->options, key);

        if (!option || check_value(option, value, err) < 0) {
            if (!option)
                refuse_unknown(config->options, key, err);
            *bad_key = g_strdup(key);
            return -1;
        }
        json_object_set(config->values, key, value);
    }
    return 0;
}

static char **
list_of(const json_t *value)
{
    g_autoptr(json_t) items = vmmiJsonSplitList(value);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    const json_t *item;
    size_t i;

    json_array_foreach (items, i, item) {
        const char *text = json_string_value(item);

        if (!g_ptr_array_find_with_equal_func(list, text, g_str_equal, NULL))
            g_ptr_array_add(list, g_strdup(text));
    }
    g_ptr_array_add(list, NULL);
    g_ptr_array_set_free_func(list, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

static int
fill(vmmiPolicyConfig *config, const json_t *given, char **bad_key, vmmiError **err)
{
    for (const vmmiPolicyOption *option = config->options; option && option->name; option++) {
        json_t *value = option->default_value ? default_of(option, err) : NULL;

        if (option->default_value && !value)
            return -1;
        if (value)
            json_object_set_new(config->values, option->name, value);
    }
    if (given && read_given(config, given, bad_key, err) < 0)
        return -1;
    for (const vmmiPolicyOption *option = config->options; option && option->name; option++) {
        const json_t *value = json_object_get(config->values, option->name);

        if (value && option->type == VMMI_OPTION_JSON)
            g_hash_table_insert(config->texts, (gpointer)option->name, vmmiJsonWrite(value, false));
        if (value && option->type == VMMI_OPTION_STRINGS)
            g_hash_table_insert(config->lists, (gpointer)option->name, list_of(value));
    }
    return 0;
}

vmmiPolicyConfig *
vmmiPolicyConfigNew(const vmmiPolicyOption *options, const json_t *given, char **bad_key,
                    vmmiError **err)
{
    g_autoptr(vmmiPolicyConfig) config = g_new0(vmmiPolicyConfig, 1);

    *bad_key = NULL;
    config->options = options;
    config->values = json_object();
    config->texts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    config->lists = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_strfreev);
    if (fill(config, given, bad_key, err) < 0)
        return NULL;
    return g_steal_pointer(&config);
}

json_t *
vmmiPolicyConfigToJson(const vmmiPolicyConfig *config)
{
    return json_deep_copy(config->values);
}

void
vmmiPolicyConfigFree(vmmiPolicyConfig *config)
{
    if (!config)
        return;
    json_decref(config->values);
    g_hash_table_unref(config->texts);
    g_hash_table_unref(config->lists);
    g_free(config);
}

static const json_t *
get(const vmmiPolicyConfig *config, const char *name, vmmiPolicyOptionType type)
{
    const vmmiPolicyOption *option = name ? find_option(config->options, name) : NULL;

    return option && option->type == type ? json_object_get(config->values, name) : NULL;
}

bool
vmmiPolicyConfigGetBool(const vmmiPolicyConfig *config, const char *name, bool *value)
{
    const json_t *found = get(config, name, VMMI_OPTION_BOOL);

    if (found)
        *value = json_is_true(found);
    return found != NULL;
}

bool
vmmiPolicyConfigGetUInt(const vmmiPolicyConfig *config, const char *name, uint64_t *value)
{
    const json_t *found = get(config, name, VMMI_OPTION_UINT);

    if (found)
        *value = (uint64_t)json_integer_value(found);
    return found != NULL;
}

bool
vmmiPolicyConfigGetString(const vmmiPolicyConfig *config, const char *name, const char **value)
{
    const json_t *found = get(config, name, VMMI_OPTION_STRING);

    if (found)
        *value = json_string_value(found);
    return found != NULL;
}

bool
vmmiPolicyConfigGetJson(const vmmiPolicyConfig *config, const char *name, const char **value)
{
    if (!get(config, name, VMMI_OPTION_JSON))
        return false;
    *value = g_hash_table_lookup(config->texts, name);
    return true;
}

bool
vmmiPolicyConfigGetStrings(const vmmiPolicyConfig *config, const char *name,
                           const char *const **values)
{
    if (!get(config, name, VMMI_OPTION_STRINGS))
        return false;
    *values = g_hash_table_lookup(config->lists, name);
    return true;
}

json_t *
vmmiOptionsGather(const char *const *top_level, const json_t *content, char **bad_key,
                  vmmiError **err)
{
    const json_t *given = json_object_get(content, "policy");
    json_t *policy = json_is_object(given) ? json_copy((json_t *)given)
                                           : json_incref((json_t *)given);

    *bad_key = NULL;
    for (; top_level && *top_level; top_level++) {
        json_t *value = json_object_get(content, *top_level);

        if (!value || (policy && !json_is_object(policy)))
            continue;
        if (json_object_get(policy, *top_level)) {
            vmmiErrorSet(err, VMMI_ERR_OPTION,
                         "option '%s' is given twice: at the top level and in 'policy'", *top_level);
            *bad_key = g_strdup(*top_level);
            json_decref(policy);
            return NULL;
        }
        if (!policy)
            policy = json_object();
        json_object_set(policy, *top_level, value);
    }
    return policy;
}
