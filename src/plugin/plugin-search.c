/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-search.c: finding plugins along the search path (D1, B18).
 *
 * The first file of a name holds that name, also when it is refused: nobody shall run another file
 * than the one he put in front without being told. One bad file is a refusal of that file, never
 * the end of the search.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/nearest.h"
#include "util/spawn.h"

struct vmmiPluginList {
    GPtrArray *plugins;   /* of vmmiPlugin * */
    GHashTable *names;    /* that are taken */
};

/* Adds a directory once, absolute and without slashes at its end. */
static void
add_directory(GPtrArray *path, const char *directory)
{
    g_autofree char *here = g_path_is_absolute(directory) ? NULL : g_get_current_dir();
    g_autofree char *absolute = g_build_filename(here ? here : "/", directory, NULL);
    size_t length = strlen(absolute);

    while (length > 1 && absolute[length - 1] == '/')
        absolute[--length] = '\0';
    if (!g_ptr_array_find_with_equal_func(path, absolute, g_str_equal, NULL))
        g_ptr_array_add(path, g_steal_pointer(&absolute));
}

char **
vmmiPluginGetPath(void)
{
    GPtrArray *path = g_ptr_array_new();
    const char *wanted = vmmiSpawnIsPrivileged() ? NULL : getenv("VMMI_PLUGIN_PATH");
    g_auto(GStrv) parts = g_strsplit(wanted ? wanted : "", ":", -1);

    for (char **part = parts; *part; part++) {
        if (**part)
            add_directory(path, *part);
    }
    add_directory(path, VMMI_CANONICAL_PLUGIN_DIR);
    add_directory(path, VMMI_PLUGIN_DIR);
    g_ptr_array_add(path, NULL);
    return (char **)g_ptr_array_free(path, FALSE);
}

static vmmiPlugin *
examine(const char *directory, const char *name)
{
    g_autofree char *file = g_build_filename(directory, name, NULL);
    vmmiError *refusal = NULL;

    if (vmmiPluginCheckName(name, &refusal) == 0)
        vmmiPluginCheckFile(file, &refusal);
    return vmmiPluginNew(name, file, refusal);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a directory, sorted; NULL with errno. */
static GPtrArray *
read_names(const char *directory)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(DIR) stream = opendir(directory);
    struct dirent *entry;

    if (!stream)
        return NULL;
    errno = 0;
    while ((entry = readdir(stream))) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            g_ptr_array_add(names, g_strdup(entry->d_name));
        errno = 0;
    }
    if (errno != 0)
        return NULL;
    g_ptr_array_sort(names, compare_names);
    return g_steal_pointer(&names);
}

/* A directory that cannot be read stands in the list itself: its name holds a '/', so it is
 * nobody's. */
static void
add_unreadable(vmmiPluginList *list, const char *directory, int number)
{
    vmmiError *refusal = NULL;

    vmmiErrorSetErrno(&refusal, VMMI_ERR_PLUGIN_REFUSED, number, "cannot list the directory '%s'",
                      directory);
    g_ptr_array_add(list->plugins, vmmiPluginNew(directory, directory, refusal));
}

static void
search_directory(vmmiPluginList *list, const char *directory)
{
    g_autoptr(GPtrArray) names = read_names(directory);
    int number = errno;

    if (!names) {
        if (number != ENOENT)
            add_unreadable(list, directory, number);
        return;
    }
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        vmmiPlugin *plugin = examine(directory, name);

        if (!g_hash_table_add(list->names, g_strdup(name)) &&
            plugin->verdict == VMMI_PLUGIN_USABLE)
            plugin->verdict = VMMI_PLUGIN_SHADOWED;
        g_ptr_array_add(list->plugins, plugin);
    }
}

static void
unref_plugin(gpointer plugin)
{
    vmmiPluginUnref(plugin);
}

vmmiPluginList *
vmmiPluginSearch(vmmiError **err G_GNUC_UNUSED)
{
    vmmiPluginList *list = g_new0(vmmiPluginList, 1);
    g_auto(GStrv) path = vmmiPluginGetPath();

    list->plugins = g_ptr_array_new_with_free_func(unref_plugin);
    list->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (char **directory = path; *directory; directory++)
        search_directory(list, *directory);
    return list;
}

size_t
vmmiPluginListGetCount(const vmmiPluginList *list)
{
    return list ? list->plugins->len : 0;
}

vmmiPlugin *
vmmiPluginListGet(const vmmiPluginList *list, size_t index)
{
    return index < vmmiPluginListGetCount(list) ? g_ptr_array_index(list->plugins, index) : NULL;
}

void
vmmiPluginListFree(vmmiPluginList *list)
{
    if (!list)
        return;
    g_ptr_array_unref(list->plugins);
    g_hash_table_unref(list->names);
    g_free(list);
}

/* "there is no plugin 'x' in /a, /b; did you mean 'y'?" */
static void
set_unknown(const char *name, char **path, vmmiError **err)
{
    g_autoptr(vmmiPluginList) list = vmmiPluginSearch(NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *places = g_strjoinv(", ", path);
    g_autofree char *shown = vmmiPluginEscape(places);
    const char *nearest;

    for (size_t i = 0; i < vmmiPluginListGetCount(list); i++) {
        if (vmmiPluginListGet(list, i)->verdict == VMMI_PLUGIN_USABLE)
            g_ptr_array_add(names, vmmiPluginListGet(list, i)->name);
    }
    g_ptr_array_add(names, NULL);
    nearest = vmmiNearestName(name, (const char *const *)names->pdata);
    vmmiErrorSet(err, VMMI_ERR_PLUGIN_UNKNOWN, "there is no plugin '%s' in %s%s%s%s", name, shown,
                 nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

vmmiPlugin *
vmmiPluginFind(const char *name, vmmiError **err)
{
    g_auto(GStrv) path = vmmiPluginGetPath();

    if (!name) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no plugin was named");
        return NULL;
    }
    if (vmmiPluginCheckName(name, err) < 0)
        return NULL;
    for (char **directory = path; *directory; directory++) {
        g_autofree char *file = g_build_filename(*directory, name, NULL);
        g_autoptr(vmmiPlugin) plugin = NULL;
        struct stat st;

        if (lstat(file, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
            continue;
        plugin = examine(*directory, name);
        if (!plugin->refusal)
            return g_steal_pointer(&plugin);
        vmmiErrorPropagate(err, vmmiErrorCopy(plugin->refusal));
        vmmiErrorPrefix(err, "plugin '%s' is refused", name);
        return NULL;
    }
    set_unknown(name, path, err);
    return NULL;
}
