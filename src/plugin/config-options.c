/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-options.c: whether the options of a policy are such as the plugin's description names
 * (B1).
 *
 * So a misspelt option is found before anything is started. The plugin checks again, since it may
 * be started bare.
 */
#include <inttypes.h>

#include "message/json.h"
#include "plugin/config-merge.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "util/nearest.h"

/* What stands beside `policy` in a configuration, and is easily taken for an option. */
static const char *const other_keys[] = { "connection", "connectionCredentials", "logFilePath",
                                          "migration",  "verbose",               NULL };

typedef struct {
    const char *plugin_name;
    const char *name;      /* of the option */
    const char *origin;    /* NULL: not known */
    const json_t *value;
    vmmiError **err;
} Option;

static int
refuse(const Option *option, const char *format, ...) VMMI_PRINTF(2, 3);

static int
refuse(const Option *option, const char *format, ...)
{
    g_autofree char *what = NULL;
    g_autofree char *shown = vmmiPluginEscape(option->name);
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    return vmmiErrorSet(option->err, VMMI_ERR_OPTION, "option '%s' of plugin '%s'%s%s%s %s", shown,
                        option->plugin_name, option->origin ? " (from " : "",
                        option->origin ? option->origin : "", option->origin ? ")" : "", what);
}

static const json_t *
find_option(const json_t *options, const char *name)
{
    const json_t *option;
    size_t i;

    json_array_foreach (options, i, option) {
        if (g_strcmp0(json_string_value(json_object_get(option, "name")), name) == 0)
            return option;
    }
    return NULL;
}

static int
refuse_unknown(const Option *option, const json_t *options)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *nearest;
    const json_t *known;
    size_t i;

    json_array_foreach (options, i, known)
        g_ptr_array_add(names, (gpointer)json_string_value(json_object_get(known, "name")));
    g_ptr_array_add(names, NULL);
    nearest = vmmiNearestName(option->name, (const char *const *)names->pdata);
    if (nearest)
        return refuse(option, "does not exist; did you mean '%s'?", nearest);
    if (g_strv_contains(other_keys, option->name))
        return refuse(option, "does not exist; '%s' is a key beside 'policy', for a configuration "
                              "file", option->name);
    return refuse(option, "does not exist: it has %s", names->len > 1 ? "others" : "no options");
}

static int
check_uint(const Option *option, const json_t *known)
{
    const json_t *minimum = json_object_get(known, "minimum");
    const json_t *maximum = json_object_get(known, "maximum");
    const char *unit = json_string_value(json_object_get(known, "unit"));
    json_int_t least = json_integer_value(minimum);
    json_int_t most = maximum ? json_integer_value(maximum) : INT64_MAX;
    json_int_t value = json_integer_value(option->value);

    if (!json_is_integer(option->value))
        return refuse(option, "must be an integer, got %s", vmmiJsonTypeName(option->value));
    if (value >= least && value <= most)
        return 0;
    if (maximum)
        return refuse(option, "must be %" PRId64 "..%" PRId64 "%s%s, got %" PRId64, (int64_t)least,
                      (int64_t)most, unit ? " " : "", unit ? unit : "", (int64_t)value);
    return refuse(option, "must be at least %" PRId64 "%s%s, got %" PRId64, (int64_t)least,
                  unit ? " " : "", unit ? unit : "", (int64_t)value);
}

static int
check_string(const Option *option, const json_t *known)
{
    const json_t *choices = json_object_get(known, "choices");
    g_autoptr(GString) list = g_string_new(NULL);
    const json_t *choice;
    size_t i;

    if (!json_is_string(option->value))
        return refuse(option, "must be a string, got %s", vmmiJsonTypeName(option->value));
    if (json_array_size(choices) == 0)
        return 0;
    json_array_foreach (choices, i, choice) {
        if (json_equal(choice, option->value))
            return 0;
        g_string_append_printf(list, "%s%s", i > 0 ? ", " : "", json_string_value(choice));
    }
    return refuse(option, "must be one of %s, got '%.100s'", list->str,
                  json_string_value(option->value));
}

static int
check_strings(const Option *option, const json_t *known)
{
    g_autoptr(json_t) items = vmmiJsonSplitList(option->value);
    Option one = *option;
    size_t i;

    if (!items)
        return refuse(option, "must be an array of strings, or a string with commas, got %s",
                      vmmiJsonTypeName(option->value));
    json_array_foreach (items, i, one.value) {
        if (check_string(&one, known) < 0)
            return -1;
    }
    return 0;
}

static int
check_option(const Option *option, const json_t *options)
{
    const json_t *known = find_option(options, option->name);
    const char *type = json_string_value(json_object_get(known, "type"));

    if (!known)
        return refuse_unknown(option, options);
    if (g_str_equal(type, "bool"))
        return json_is_boolean(option->value) ? 0 : refuse(option, "must be true or false, got %s",
                                                           vmmiJsonTypeName(option->value));
    if (g_str_equal(type, "uint"))
        return check_uint(option, known);
    if (g_str_equal(type, "strings"))
        return check_strings(option, known);
    return g_str_equal(type, "string") ? check_string(option, known) : 0;
}

/* The origin of an option, or that of a value below it. */
static const char *
find_origin(const json_t *origins, const char *name)
{
    g_autofree char *path = g_strconcat("policy.", name, NULL);
    g_autofree char *below = g_strconcat(path, ".", NULL);
    const char *key, *origin = json_string_value(json_object_get(origins, path));
    json_t *value;

    if (origin)
        return origin;
    json_object_foreach ((json_t *)origins, key, value) {
        if (g_str_has_prefix(key, below))
            return json_string_value(value);
    }
    return NULL;
}

int
vmmiConfigLiftOptions(const json_t *description, json_t *content, vmmiError **err)
{
    const json_t *option;
    size_t i;

    json_array_foreach (json_object_get(description, "options"), i, option) {
        const char *name = json_string_value(json_object_get(option, "name"));
        json_t *value = json_object_get(content, name), *policy = json_object_get(content, "policy");

        if (!value || !json_is_true(json_object_get(option, "topLevel")) ||
            (policy && !json_is_object(policy)))
            continue;
        if (json_object_get(policy, name))
            return vmmiErrorSet(err, VMMI_ERR_OPTION,
                                "option '%s' is given twice: at the top level and in 'policy'",
                                name);
        if (!policy) {
            policy = json_object();
            json_object_set_new(content, "policy", policy);
        }
        json_object_set(policy, name, value);
        json_object_del(content, name);
    }
    return 0;
}

int
vmmiConfigCheckOptions(const char *plugin_name, const json_t *description, const json_t *policy,
                       const json_t *origins, vmmiError **err)
{
    const json_t *options = json_object_get(description, "options");
    const char *name;
    json_t *value;

    if (!options)
        return 0;
    json_object_foreach ((json_t *)policy, name, value) {
        Option option = { plugin_name, name, find_origin(origins, name), value, err };

        if (check_option(&option, options) < 0)
            return -1;
    }
    return 0;
}
