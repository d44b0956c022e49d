/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-object.c: a plugin that was found, or a file that was refused, and what is known of it.
 */
#include "plugin/plugin.h"

vmmiPlugin *
vmmiPluginNew(const char *name, const char *file, vmmiError *refusal)
{
    vmmiPlugin *plugin = g_new0(vmmiPlugin, 1);

    plugin->refs = 1;
    plugin->name = vmmiPluginEscape(name);
    plugin->file = vmmiPluginEscape(file);
    plugin->verdict = refusal ? VMMI_PLUGIN_REFUSED : VMMI_PLUGIN_USABLE;
    plugin->refusal = refusal;
    g_mutex_init(&plugin->lock);
    return plugin;
}

vmmiPlugin *
vmmiPluginRef(vmmiPlugin *plugin)
{
    if (plugin)
        g_atomic_int_inc(&plugin->refs);
    return plugin;
}

void
vmmiPluginUnref(vmmiPlugin *plugin)
{
    if (!plugin || !g_atomic_int_dec_and_test(&plugin->refs))
        return;
    g_free(plugin->name);
    g_free(plugin->file);
    vmmiErrorFree(plugin->refusal);
    json_decref(plugin->description);
    g_free(plugin->description_text);
    g_mutex_clear(&plugin->lock);
    g_free(plugin);
}

const char *
vmmiPluginGetName(const vmmiPlugin *plugin)
{
    return plugin ? plugin->name : NULL;
}

const char *
vmmiPluginGetFile(const vmmiPlugin *plugin)
{
    return plugin ? plugin->file : NULL;
}

vmmiPluginVerdict
vmmiPluginGetVerdict(const vmmiPlugin *plugin)
{
    return plugin ? plugin->verdict : VMMI_PLUGIN_REFUSED;
}

const vmmiError *
vmmiPluginGetRefusal(const vmmiPlugin *plugin)
{
    return plugin ? plugin->refusal : NULL;
}

json_t *
vmmiPluginGetDescriptionObject(const vmmiPlugin *plugin)
{
    return plugin ? plugin->description : NULL;
}

const char *
vmmiPluginGetDescription(const vmmiPlugin *plugin)
{
    return plugin ? plugin->description_text : NULL;
}

/* Checked when the description was taken in. */
static const char *
get_string(const vmmiPlugin *plugin, const char *key)
{
    return json_string_value(json_object_get(vmmiPluginGetDescriptionObject(plugin), key));
}

const char *
vmmiPluginGetVersion(const vmmiPlugin *plugin)
{
    return get_string(plugin, "version");
}

const char *
vmmiPluginGetSummary(const vmmiPlugin *plugin)
{
    return get_string(plugin, "summary");
}

bool
vmmiPluginHasFeature(const vmmiPlugin *plugin, const char *feature)
{
    const json_t *features = json_object_get(vmmiPluginGetDescriptionObject(plugin), "features");
    const json_t *item;
    size_t i;

    json_array_foreach (features, i, item) {
        if (g_strcmp0(json_string_value(item), feature) == 0)
            return true;
    }
    return false;
}
