/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-merge.c: laying configurations on one another, and remembering where each value comes from
 * (B9a).
 *
 * How two contents are merged and how a setting is read is message/configuration.h; here is the
 * order, and what may not be overridden.
 */
#include "plugin/config-merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "message/configuration.h"
#include "message/json.h"
#include "message/message.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "util/spawn.h"

#define DEFAULT_CONNECTION "qemu:///system"

typedef struct {
    json_t *content;
    json_t *origins;
    const json_t *description;    /* the plugin's, borrowed; NULL: none */
    const char *connection_uri;   /* NULL: any */
    const json_t *record;         /* of a migration that runs, borrowed; NULL: none runs */
    bool in_flight;               /* settings come too late for some things */
} Merge;

static void
merge_clear(Merge *merge)
{
    json_decref(merge->content);
    json_decref(merge->origins);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Merge, merge_clear)

/* --- origins --- */

static void
forget_below(json_t *origins, const char *path)
{
    g_autofree char *below = g_strconcat(path, ".", NULL);
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe (origins, next, key, value) {
        if (g_str_has_prefix(key, below))
            json_object_del(origins, key);
    }
}

/* Notes what @over will replace in @base; to be called before it does. Depth is bounded by the
 * reader. */
static void
note_origins(json_t *origins, const json_t *base, const json_t *over, const char *prefix,
             const char *origin)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)over, key, value) {
        const json_t *old = json_object_get(base, key);
        g_autofree char *path = g_strdup_printf("%s%s%s", prefix, *prefix ? "." : "", key);

        if (json_object_size(value) > 0) {
            json_object_del(origins, path);
            note_origins(origins, old, value, path, origin);
        } else if (!json_is_object(value) || !json_is_object(old)) {
            /* "a" and "a.b" are both names of libvirt's parameters: only an object has something
             * below it. */
            if (json_is_object(old))
                forget_below(origins, path);
            json_object_set_new(origins, path, json_string(origin));
        }
    }
}

static int
lay_on(Merge *merge, json_t *over, const char *origin, vmmiError **err)
{
    if (vmmiConfigLiftOptions(merge->description, over, err) < 0)
        return vmmiErrorPrefix(err, "%s", origin);
    note_origins(merge->origins, merge->content, over, "", origin);
    return vmmiConfigurationMerge(merge->content, over, err);
}

/* --- the layers --- */

static int
lay_defaults(Merge *merge, vmmiError **err)
{
    g_autoptr(json_t) defaults = json_pack("{s:s, s:i}", "connection", DEFAULT_CONNECTION,
                                           "verbose", 1);
    g_autoptr(json_t) connection = NULL;

    if (lay_on(merge, defaults, "default", err) < 0)
        return -1;
    if (!merge->connection_uri)
        return 0;
    connection = json_pack("{s:s}", "connection", merge->connection_uri);
    if (!connection)
        return vmmiErrorSet(err, VMMI_ERR_URI, "the connection's URI is not valid UTF-8");
    return lay_on(merge, connection, "connection", err);
}

/* What is not a message is a malformed configuration as well (I3). Takes @mistake. */
static int
raise_malformed(vmmiError **err, vmmiError *mistake, const char *where)
{
    if (vmmiErrorGetCode(mistake) == VMMI_ERR_MESSAGE) {
        vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "%s", vmmiErrorGetMessage(mistake));
        vmmiErrorFree(mistake);
    } else {
        vmmiErrorPropagate(err, mistake);
    }
    return vmmiErrorPrefix(err, "%s", where);
}

static int
check_kind(const vmmiMessage *message, vmmiError **err)
{
    if (vmmiMessageGetKind(message) == VMMI_MESSAGE_CONFIGURATION)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                        "'contentType' must be \"configuration\", got \"%.100s\"",
                        vmmiMessageGetContentType(message));
}

char *
vmmiConfigDefaultPath(const char *plugin_name)
{
    const char *directory = vmmiSpawnIsPrivileged() ? NULL : getenv("VMMI_CONF_DIR");
    g_autofree char *file = g_strconcat(plugin_name, ".json", NULL);

    return g_build_filename(directory && *directory ? directory : VMMI_CONF_DIR, file, NULL);
}

static int
lay_file(Merge *merge, const char *plugin_name, vmmiError **err)
{
    g_autofree char *path = vmmiConfigDefaultPath(plugin_name);
    g_autoptr(vmmiMessage) message = NULL;
    vmmiError *mistake = NULL;
    struct stat st;

    /* A name of full length leaves no room for ".json": there can be no such file. */
    if (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG))
        return 0;
    message = vmmiMessageReadFile(path, &mistake);
    if (message && check_kind(message, &mistake) < 0)
        vmmiErrorPrefix(&mistake, "%s", path);
    if (mistake)
        return raise_malformed(err, mistake, "default configuration");
    if (merge->connection_uri)
        json_object_del(vmmiMessageContent(message), "connection");
    if (merge->record)
        json_object_del(vmmiMessageContent(message), "migration");
    return lay_on(merge, vmmiMessageContent(message), path, err);
}

/* The content in a text: itself, or inside a whole message. A new reference. */
static json_t *
read_content(const char *text, vmmiError **err)
{
    g_autoptr(json_t) object = vmmiJsonParse(text, strlen(text), NULL, err);
    g_autoptr(vmmiMessage) message = NULL;

    if (!object)
        return NULL;
    if (!json_object_get(object, "contentType") && !json_object_get(object, "vmmiVersion"))
        return vmmiConfigurationCheck(object, err) < 0 ? NULL : g_steal_pointer(&object);
    message = vmmiMessageParse(text, strlen(text), err);
    if (!message || check_kind(message, err) < 0)
        return NULL;
    return json_incref(vmmiMessageContent(message));
}

/* A caller's connection that is not the manager's would make them look at different guests. */
static int
check_connection(const Merge *merge, const json_t *over, vmmiError **err)
{
    const char *wanted = json_string_value(json_object_get(over, "connection"));

    if (!wanted || !merge->connection_uri || g_str_equal(wanted, merge->connection_uri))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                        "'connection' is '%s', but the migration is started through '%s'", wanted,
                        merge->connection_uri);
}

static int
lay_caller(Merge *merge, const char *text, vmmiError **err)
{
    vmmiError *mistake = NULL;
    g_autoptr(json_t) content = NULL;

    if (!text)
        return 0;
    content = read_content(text, &mistake);
    if (!content || check_connection(merge, content, &mistake) < 0)
        return raise_malformed(err, mistake, "the caller's configuration");
    return lay_on(merge, content, "caller", err);
}

/* Settings do not turn a value into an object: "migration.flags.x=1" is a mistake. */
static int
check_way(const json_t *content, const char *path, vmmiError **err)
{
    g_auto(GStrv) keys = vmmiPathSplit(path);

    for (size_t i = 0; content && keys[i] && keys[i + 1]; i++) {
        content = json_object_get(content, keys[i]);
        if (content && !json_is_object(content))
            return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                                "setting '%s': '%s' is %s, not an object", path, keys[i],
                                vmmiJsonTypeName(content));
    }
    return 0;
}

/* What libvirt fixes when a migration begins. */
static int
check_changeable(const Merge *merge, const char *path, const json_t *over, vmmiError **err)
{
    static const char *const movable[] = { "migration.attach", "migration.replace",
                                           "migration.trace", "migration.params.bandwidth",
                                           "migration.params.bandwidth.postcopy", NULL };

    if (!merge->in_flight || !g_str_has_prefix(path, "migration.") ||
        g_strv_contains(movable, path) ||
        json_equal(vmmiPathGet(merge->content, path), vmmiPathGet(over, path)))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                        "setting '%s' cannot be changed while the migration runs", path);
}

static int
lay_setting(Merge *merge, const char *setting, vmmiError **err)
{
    g_autoptr(json_t) over = json_object();
    g_autofree char *path = NULL;

    if (vmmiConfigurationApply(over, setting, &path, err) < 0 ||
        check_way(merge->content, path, err) < 0 || check_connection(merge, over, err) < 0 ||
        check_changeable(merge, path, over, err) < 0)
        return -1;
    return lay_on(merge, over, "--set", err);
}

static int
lay_settings(Merge *merge, const char *const *settings, vmmiError **err)
{
    for (; settings && *settings; settings++) {
        if (lay_setting(merge, *settings, err) < 0)
            return -1;
    }
    return 0;
}

/* Of a migration that runs: all, or what does not belong to its policy. */
static int
lay_record(Merge *merge, bool whole, vmmiError **err)
{
    static const char *const common[] = { "migration", "connection", "connectionCredentials" };
    g_autoptr(json_t) kept = whole ? json_deep_copy(merge->record) : json_object();
    json_t *migration;

    for (size_t i = 0; !whole && i < G_N_ELEMENTS(common); i++) {
        const json_t *value = json_object_get(merge->record, common[i]);

        if (value)
            json_object_set_new(kept, common[i], json_deep_copy(value));
    }
    /* How that one came to its job is no matter of the next one. */
    migration = json_object_get(kept, "migration");
    json_object_del(migration, "attach");
    json_object_del(migration, "replace");
    return lay_on(merge, kept, "record", err);
}

static int
check_all(Merge *merge, const vmmiPlugin *plugin, vmmiMessage **ret_message, json_t **ret_origins,
          vmmiError **err)
{
    g_autoptr(vmmiMessage) message = NULL;
    g_autofree char *text = NULL;

    if (vmmiConfigCheckOptions(plugin->name, plugin->description,
                               json_object_get(merge->content, "policy"), merge->origins, err) < 0)
        return -1;
    message = vmmiMessageNewContent("configuration", json_incref(merge->content), err);
    /* Writing checks types, size and depth. */
    text = message ? vmmiMessageToJson(message, false, err) : NULL;
    if (!text)
        return vmmiErrorPrefix(err, "the effective configuration");
    *ret_message = g_steal_pointer(&message);
    if (ret_origins)
        *ret_origins = json_incref(merge->origins);
    return 0;
}

int
vmmiConfigMerge(const vmmiPlugin *plugin, const char *connection_uri, const char *caller_json,
                const char *const *settings, vmmiMessage **ret_message, json_t **ret_origins,
                vmmiError **err)
{
    g_auto(Merge) merge = { json_object(), json_object(), plugin->description,
                            connection_uri, NULL,          false };

    if (lay_defaults(&merge, err) < 0 || lay_file(&merge, plugin->name, err) < 0 ||
        lay_caller(&merge, caller_json, err) < 0 || lay_settings(&merge, settings, err) < 0)
        return -1;
    return check_all(&merge, plugin, ret_message, ret_origins, err);
}

int
vmmiConfigMergeRecord(const vmmiPlugin *plugin, const char *connection_uri, const json_t *record,
                      bool whole, const char *caller_json, const char *const *settings,
                      vmmiMessage **ret_message, json_t **ret_origins, vmmiError **err)
{
    g_auto(Merge) merge = { json_object(), json_object(), plugin->description,
                            connection_uri, record,        true };
    const char *recorded = json_string_value(json_object_get(record, "connection"));

    /* The same guests, perhaps by another way: the plugin's way is known to work. */
    if (recorded)
        merge.connection_uri = recorded;
    if (lay_defaults(&merge, err) < 0 ||
        (!(record && whole) && lay_file(&merge, plugin->name, err) < 0) ||
        (record && lay_record(&merge, whole, err) < 0) ||
        lay_caller(&merge, caller_json, err) < 0 || lay_settings(&merge, settings, err) < 0)
        return -1;
    return check_all(&merge, plugin, ret_message, ret_origins, err);
}
