/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * path.c: values inside nested objects by a path: keys joined by dots. Below "migration.params."
 * the rest is one key, since libvirt's names may hold dots.
 */
#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "util/cleanup.h"

#define PARAMS "migration.params."

char **
vmmiPathSplit(const char *path)
{
    g_auto(GStrv) keys = NULL;

    if (!path || !*path)
        return NULL;
    if (g_str_has_prefix(path, PARAMS)) {
        keys = g_new0(char *, 4);
        keys[0] = g_strdup("migration");
        keys[1] = g_strdup("params");
        keys[2] = g_strdup(path + strlen(PARAMS));
    } else {
        keys = g_strsplit(path, ".", -1);
    }
    for (size_t i = 0; keys[i]; i++) {
        if (!*keys[i])
            return NULL;
    }
    return g_steal_pointer(&keys);
}

json_t *
vmmiPathGet(const json_t *object, const char *path)
{
    g_auto(GStrv) keys = vmmiPathSplit(path);
    const json_t *value = keys ? object : NULL;

    for (size_t i = 0; value && keys[i]; i++)
        value = json_object_get(value, keys[i]);
    return (json_t *)value;
}

/* The object that holds the last key, made if need be. */
static json_t *
make_way(json_t *object, char **keys, const char *path, vmmiError **err)
{
    for (size_t i = 0; keys[i + 1]; i++) {
        json_t *child = json_object_get(object, keys[i]);

        if (!child) {
            json_object_set_new(object, keys[i], json_object());
            child = json_object_get(object, keys[i]);
        }
        if (!json_is_object(child)) {
            vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                         "cannot set '%s': '%s' is %s, not an object", path, keys[i],
                         vmmiJsonTypeName(child));
            return NULL;
        }
        object = child;
    }
    return object;
}

int
vmmiPathSet(json_t *object, const char *path, json_t *value, vmmiError **err)
{
    g_autoptr(json_t) owned = value;
    g_auto(GStrv) keys = vmmiPathSplit(path);
    json_t *parent;

    if (!keys || !g_utf8_validate(path, -1, NULL))
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "'%s' is not a path of keys",
                            path ? path : "");
    if (!owned)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "the value of '%s' is not UTF-8", path);
    parent = make_way(object, keys, path, err);
    if (!parent)
        return -1;
    if (json_object_set(parent, keys[g_strv_length(keys) - 1], owned) < 0)
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "out of memory at '%s'", path);
    return 0;
}

void
vmmiPathRemove(json_t *object, const char *path)
{
    g_auto(GStrv) keys = vmmiPathSplit(path);
    size_t last = keys ? g_strv_length(keys) - 1 : 0;

    for (size_t i = 0; keys && object && i < last; i++)
        object = json_object_get(object, keys[i]);
    if (keys && object)
        json_object_del(object, keys[last]);
}
