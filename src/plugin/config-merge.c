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
    const char *connection_uri;   /* NULL: any */
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
lay_on(Merge *merge, const json_t *over, const char *origin, vmmiError **err)
{
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

    if (lstat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    message = vmmiMessageReadFile(path, &mistake);
    if (message && check_kind(message, &mistake) < 0)
        vmmiErrorPrefix(&mistake, "%s", path);
    if (mistake)
        return raise_malformed(err, mistake, "default configuration");
    if (merge->connection_uri)
        json_object_del(vmmiMessageContent(message), "connection");
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

static int
lay_setting(Merge *merge, const char *setting, vmmiError **err)
{
    g_autoptr(json_t) over = json_object();
    g_autofree char *path = NULL;

    if (vmmiConfigurationApply(over, setting, &path, err) < 0 ||
        check_way(merge->content, path, err) < 0 || check_connection(merge, over, err) < 0)
        return -1;
    return lay_on(merge, over, "--set", err);
}

static int
lay_all(Merge *merge, const char *plugin_name, const char *caller_json, const char *const *settings,
        vmmiError **err)
{
    if (lay_defaults(merge, err) < 0 || lay_file(merge, plugin_name, err) < 0 ||
        lay_caller(merge, caller_json, err) < 0)
        return -1;
    for (; settings && *settings; settings++) {
        if (lay_setting(merge, *settings, err) < 0)
            return -1;
    }
    return 0;
}

int
vmmiConfigMerge(const vmmiPlugin *plugin, const char *connection_uri, const char *caller_json,
                const char *const *settings, vmmiMessage **ret_message, json_t **ret_origins,
                vmmiError **err)
{
    g_auto(Merge) merge = { json_object(), json_object(), connection_uri };
    g_autoptr(vmmiMessage) message = NULL;
    g_autofree char *text = NULL;

    if (lay_all(&merge, plugin->name, caller_json, settings, err) < 0 ||
        vmmiConfigCheckOptions(plugin->name, plugin->description,
                               json_object_get(merge.content, "policy"), merge.origins, err) < 0)
        return -1;
    message = vmmiMessageNewContent("configuration", json_incref(merge.content), err);
    /* Writing checks types, size and depth. */
    text = message ? vmmiMessageToJson(message, false, err) : NULL;
    if (!text)
        return vmmiErrorPrefix(err, "the effective configuration");
    *ret_message = g_steal_pointer(&message);
    if (ret_origins)
        *ret_origins = json_incref(merge.origins);
    return 0;
}
