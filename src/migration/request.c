/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request.c: from the `migration` object of a configuration to what a driver is asked for.
 *
 * Names and ranges of flags and parameters are checked by the driver (vmmiCallMigrationCheck());
 * shapes are checked here.
 */
#include "migration/request.h"

#include <string.h>

#include "message/json.h"
#include "util/cleanup.h"
#include "util/enum-table.h"

struct vmmiRequest {
    vmmiMigrateRequest public;
    vmmiAttach attach;
    json_t *migration; /* a private copy: strings of the request point into it */
    char *uuid;
    char *destination_uri;
    char *migrate_uri;
    GPtrArray *flags; /* borrowed strings, NULL at the end */
    GArray *params;   /* of vmmiParam */
    GPtrArray *lists; /* arrays of borrowed strings, owned */
};

static const char *const attach_names[] = { "auto", "never", "only" };
VMMI_ENUM_IMPL(vmmiAttach, vmmiAttach, VMMI_ATTACH_LAST, attach_names);

const char *
vmmiRequestUri(const char *uri)
{
    return uri && *uri && !g_str_equal(uri, "-") ? uri : NULL;
}

static int
wrong_type(const char *where, const char *wanted, const json_t *value, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "'migration.%s' must be %s, got %s",
                        where, wanted, vmmiJsonTypeName(value));
}

/* A string out of a table of names; @value stays when the key is absent. */
static int
read_name(const vmmiRequest *request, const char *key, const char *const *names, size_t n_names,
          int *value, vmmiError **err)
{
    const json_t *found = json_object_get(request->migration, key);
    g_autofree char *list = NULL;
    int known;

    if (!found)
        return 0;
    if (!json_is_string(found))
        return wrong_type(key, "a string", found, err);
    known = vmmiEnumFromString(names, n_names, json_string_value(found));
    if (known < 0) {
        g_autoptr(GPtrArray) words = g_ptr_array_new();

        for (size_t i = 0; i < n_names; i++)
            g_ptr_array_add(words, (gpointer)names[i]);
        g_ptr_array_add(words, NULL);
        list = g_strjoinv("', '", (char **)words->pdata);
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "'migration.%s' must be one of '%s', got '%s'", key, list,
                            json_string_value(found));
    }
    *value = known;
    return 0;
}

static int
read_flags(vmmiRequest *request, vmmiError **err)
{
    const json_t *flags = json_object_get(request->migration, "flags");
    size_t index;
    json_t *flag;

    if (flags && !json_is_array(flags))
        return wrong_type("flags", "an array of strings", flags, err);
    json_array_foreach (flags, index, flag) {
        g_autofree char *where = g_strdup_printf("flags[%zu]", index);

        if (!json_is_string(flag))
            return wrong_type(where, "a string", flag, err);
        g_ptr_array_add(request->flags, (gpointer)json_string_value(flag));
    }
    g_ptr_array_add(request->flags, NULL);
    return 0;
}

static int
read_strings(vmmiRequest *request, const char *where, const json_t *value, vmmiParam *param,
             vmmiError **err)
{
    const char **strings = g_new0(const char *, json_array_size(value) + 1);
    size_t index;
    json_t *item;

    g_ptr_array_add(request->lists, strings);
    json_array_foreach (value, index, item) {
        if (!json_is_string(item))
            return wrong_type(where, "an array of strings only", item, err);
        strings[index] = json_string_value(item);
    }
    param->type = VMMI_PARAM_STRINGS;
    param->strings = strings;
    return 0;
}

static void
read_integer(const json_t *value, vmmiParam *param)
{
    json_int_t number = json_integer_value(value);

    if (number < 0) {
        param->type = VMMI_PARAM_INT;
        param->int_value = number;
        return;
    }
    param->type = VMMI_PARAM_UINT;
    param->uint_value = (uint64_t)number;
}

static int
read_param(vmmiRequest *request, const char *name, const json_t *value, vmmiError **err)
{
    g_autofree char *where = g_strdup_printf("params.%s", name);
    vmmiParam param = { .name = name };

    switch (json_typeof(value)) {
    case JSON_INTEGER:
        read_integer(value, &param);
        break;
    case JSON_REAL:
        param.type = VMMI_PARAM_DOUBLE;
        param.double_value = json_real_value(value);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        param.type = VMMI_PARAM_BOOL;
        param.bool_value = json_is_true(value);
        break;
    case JSON_STRING:
        param.type = VMMI_PARAM_STRING;
        param.string_value = json_string_value(value);
        break;
    case JSON_ARRAY:
        if (read_strings(request, where, value, &param, err) < 0)
            return -1;
        break;
    default:
        return wrong_type(where, "a number, a boolean, a string or an array of strings", value,
                          err);
    }
    g_array_append_val(request->params, param);
    return 0;
}

static int
read_params(vmmiRequest *request, vmmiError **err)
{
    json_t *params = json_object_get(request->migration, "params");
    const char *name;
    json_t *value;

    if (params && !json_is_object(params))
        return wrong_type("params", "an object", params, err);
    json_object_foreach (params, name, value) {
        if (read_param(request, name, value, err) < 0)
            return -1;
    }
    return 0;
}

static int
read_migration(vmmiRequest *request, vmmiError **err)
{
    const json_t *keep = json_object_get(request->migration, "keepSource");
    const char *modes[VMMI_MODE_LAST];
    int mode = VMMI_MODE_P2P;
    int attach = VMMI_ATTACH_AUTO;

    for (int i = 0; i < VMMI_MODE_LAST; i++)
        modes[i] = vmmiModeToString((vmmiMode)i);
    if (read_name(request, "mode", modes, VMMI_MODE_LAST, &mode, err) < 0 ||
        read_name(request, "attach", attach_names, VMMI_ATTACH_LAST, &attach, err) < 0 ||
        read_flags(request, err) < 0 || read_params(request, err) < 0)
        return -1;
    if (keep && !json_is_boolean(keep))
        return wrong_type("keepSource", "a boolean", keep, err);
    request->public.mode = (vmmiMode)mode;
    request->public.keep_source = json_is_true(keep);
    request->attach = (vmmiAttach)attach;
    return 0;
}

/* What goes to a command line and into records must be one line. */
static int
check_uri(const char *what, const char *uri, vmmiError **err)
{
    for (const char *c = uri; c && *c; c++) {
        if (g_ascii_iscntrl(*c))
            return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS,
                                "the %s URI has a control character at byte %zu", what,
                                (size_t)(c - uri));
    }
    return 0;
}

static int
check_uris(const vmmiRequest *request, vmmiError **err)
{
    if (!request->destination_uri && request->attach == VMMI_ATTACH_NEVER)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS, "a destination URI is needed");
    if (check_uri("destination", request->destination_uri, err) < 0)
        return -1;
    return check_uri("migration", request->migrate_uri, err);
}

vmmiRequest *
vmmiRequestNew(const json_t *migration, const char *uuid, const char *destination_uri,
               const char *migrate_uri, vmmiError **err)
{
    g_autoptr(vmmiRequest) request = g_new0(vmmiRequest, 1);

    request->flags = g_ptr_array_new();
    request->params = g_array_new(false, true, sizeof(vmmiParam));
    request->lists = g_ptr_array_new_with_free_func(g_free);
    request->uuid = g_strdup(uuid);
    request->destination_uri = g_strdup(vmmiRequestUri(destination_uri));
    request->migrate_uri = g_strdup(vmmiRequestUri(migrate_uri));
    if (migration && !json_is_object(migration)) {
        vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "'migration' must be an object, got %s",
                     vmmiJsonTypeName(migration));
        return NULL;
    }
    request->migration = migration ? json_deep_copy(migration) : json_object();
    if (read_migration(request, err) < 0 || check_uris(request, err) < 0)
        return NULL;
    request->public.size = sizeof(request->public);
    request->public.uuid = request->uuid;
    request->public.destination_uri = request->destination_uri;
    request->public.migrate_uri = request->migrate_uri;
    request->public.flags = (const char *const *)request->flags->pdata;
    request->public.params = (const vmmiParam *)(void *)request->params->data;
    request->public.n_params = request->params->len;
    return g_steal_pointer(&request);
}

void
vmmiRequestFree(vmmiRequest *request)
{
    if (!request)
        return;
    json_decref(request->migration);
    g_ptr_array_unref(request->flags);
    g_array_unref(request->params);
    g_ptr_array_unref(request->lists);
    g_free(request->uuid);
    g_free(request->destination_uri);
    g_free(request->migrate_uri);
    g_free(request);
}

const vmmiMigrateRequest *
vmmiRequestGet(const vmmiRequest *request)
{
    return &request->public;
}

vmmiAttach
vmmiRequestGetAttach(const vmmiRequest *request)
{
    return request->attach;
}

bool
vmmiRequestHasFlag(const vmmiRequest *request, const char *flag)
{
    bool has = false;

    for (const char *const *f = request->public.flags; *f; f++) {
        if (g_str_equal(*f, flag))
            has = true;
        else if (g_str_has_prefix(*f, "no-") && g_str_equal(*f + 3, flag))
            has = false;
    }
    return has;
}
