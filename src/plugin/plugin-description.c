/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-description.c: whether what a plugin prints about itself is a description (B17).
 *
 * Keys that are not known are kept. What is known has the right type, so that later readers need
 * not ask.
 */
#include <stdio.h>
#include <string.h>

#include "message/json.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"

typedef enum {
    KEY_TEXT,       /* a string of one printable line */
    KEY_TEXTS,      /* an array of such strings */
    KEY_UINT,
    KEY_BOOL,
    KEY_ANY,
    KEY_OPTIONS
} KeyType;

typedef struct {
    const char *name;
    KeyType type;
    bool mandatory;
} Key;

static const Key description_keys[] = {
    { "name", KEY_TEXT, true },
    { "version", KEY_TEXT, true },
    { "protocolVersions", KEY_TEXTS, true },
    { "summary", KEY_TEXT, true },
    { "needs", KEY_TEXTS, false },
    { "features", KEY_TEXTS, false },
    { "options", KEY_OPTIONS, false },
};

static const Key option_keys[] = {
    { "name", KEY_TEXT, true },
    { "type", KEY_TEXT, true },
    { "default", KEY_ANY, false },
    { "minimum", KEY_UINT, false },
    { "maximum", KEY_UINT, false },
    { "choices", KEY_TEXTS, false },
    { "topLevel", KEY_BOOL, false },
    { "unit", KEY_TEXT, false },
    { "meaning", KEY_TEXT, true },
};

static const char *const option_types[] = { "bool", "uint", "string", "json", "strings", NULL };

static int
check_text(const json_t *value, const char *place, vmmiError **err)
{
    if (!json_is_string(value))
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL, "'%s' must be a string, got %s", place,
                            vmmiJsonTypeName(value));
    if (!*json_string_value(value) || !vmmiPluginIsPrintable(json_string_value(value)))
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL,
                            "'%s' must be one line of text, not empty, without control characters",
                            place);
    return 0;
}

static int
check_array(const json_t *value, const char *place, vmmiError **err)
{
    if (json_is_array(value))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL, "'%s' must be an array, got %s", place,
                        vmmiJsonTypeName(value));
}

static int
check_texts(const json_t *value, const char *place, vmmiError **err)
{
    const json_t *item;
    size_t i;

    if (check_array(value, place, err) < 0)
        return -1;
    json_array_foreach (value, i, item) {
        g_autofree char *item_place = g_strdup_printf("%s[%zu]", place, i);

        if (check_text(item, item_place, err) < 0)
            return -1;
    }
    return 0;
}

static int
check_uint(const json_t *value, const char *place, vmmiError **err)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL, "'%s' must be an integer, at least 0",
                        place);
}

static int
check_bool(const json_t *value, const char *place, vmmiError **err)
{
    if (json_is_boolean(value))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL, "'%s' must be true or false, got %s", place,
                        vmmiJsonTypeName(value));
}

static int check_options(const json_t *value, const char *place, vmmiError **err);

static int
check_value(const json_t *value, KeyType type, const char *place, vmmiError **err)
{
    switch (type) {
    case KEY_TEXT: return check_text(value, place, err);
    case KEY_TEXTS: return check_texts(value, place, err);
    case KEY_UINT: return check_uint(value, place, err);
    case KEY_BOOL: return check_bool(value, place, err);
    case KEY_OPTIONS: return check_options(value, place, err);
    case KEY_ANY: break;
    }
    return 0;
}

static int
check_keys(const json_t *object, const Key *keys, size_t n_keys, const char *prefix,
           vmmiError **err)
{
    if (!json_is_object(object))
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL, "'%s' must be an object, got %s", prefix,
                            vmmiJsonTypeName(object));
    for (size_t i = 0; i < n_keys; i++) {
        const json_t *value = json_object_get(object, keys[i].name);
        g_autofree char *place = g_strdup_printf("%s%s%s", prefix, *prefix ? "." : "",
                                                 keys[i].name);

        if (!value && keys[i].mandatory)
            return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL, "'%s' is missing", place);
        if (value && check_value(value, keys[i].type, place, err) < 0)
            return -1;
    }
    return 0;
}

static int
check_option(const json_t *option, const char *place, GHashTable *seen, vmmiError **err)
{
    const char *name, *type;

    if (check_keys(option, option_keys, G_N_ELEMENTS(option_keys), place, err) < 0)
        return -1;
    name = json_string_value(json_object_get(option, "name"));
    type = json_string_value(json_object_get(option, "type"));
    if (!g_strv_contains(option_types, type))
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL,
                            "'%s.type' must be bool, uint, string, strings or json, got '%s'", place, type);
    if (!g_hash_table_add(seen, (gpointer)name))
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL, "'%s.name' is '%s' for a second time",
                            place, name);
    return 0;
}

static int
check_options(const json_t *value, const char *place, vmmiError **err)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    const json_t *option;
    size_t i;

    if (check_array(value, place, err) < 0)
        return -1;
    json_array_foreach (value, i, option) {
        g_autofree char *option_place = g_strdup_printf("%s[%zu]", place, i);

        if (check_option(option, option_place, seen, err) < 0)
            return -1;
    }
    return 0;
}

/* Major and minor number must be ours (B1). */
static int
check_versions(const json_t *versions, vmmiError **err)
{
    g_autoptr(GString) list = g_string_new(NULL);
    const char *dot = strrchr(VMMI_PROTOCOL_VERSION, '.');
    size_t i, length = (size_t)(dot + 1 - VMMI_PROTOCOL_VERSION);
    const json_t *version;

    json_array_foreach (versions, i, version) {
        if (strncmp(json_string_value(version), VMMI_PROTOCOL_VERSION, length) == 0)
            return 0;
        g_string_append_printf(list, "%s%s", i > 0 ? ", " : "", json_string_value(version));
    }
    return vmmiErrorSet(err, VMMI_ERR_PROTOCOL_VERSION,
                        "it speaks protocol version %s, this library speaks %s",
                        list->len > 0 ? list->str : "(none)", VMMI_PROTOCOL_VERSION);
}

json_t *
vmmiPluginParseDescription(const char *text, size_t length, vmmiError **err)
{
    g_autoptr(vmmiError) mistake = NULL;
    g_autoptr(json_t) object = vmmiJsonParse(text, length, NULL, &mistake);

    if (!object) {
        vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL, "%s", vmmiErrorGetMessage(mistake));
        return NULL;
    }
    if (check_keys(object, description_keys, G_N_ELEMENTS(description_keys), "", err) < 0 ||
        check_versions(json_object_get(object, "protocolVersions"), err) < 0)
        return NULL;
    return g_steal_pointer(&object);
}
