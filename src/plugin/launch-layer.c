/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-layer.c: plugins on this machine, as a layer that builtin.c puts under those of every
 * driver.
 */
#include "plugin/launch-layer.h"

#include "plugin/job.h"
#include "plugin/launch-local.h"
#include "util/cleanup.h"

bool
vmmiPluginLocalApplies(void *priv G_GNUC_UNUSED, vmmiLocality locality)
{
    return locality == VMMI_LOCALITY_LOCAL;
}

static int
list_plugins(void *priv G_GNUC_UNUSED,
             void (*found)(const char *name, const char *path, bool shadowed,
                           const vmmiError *refusal, void *opaque),
             void *opaque, vmmiError **err)
{
    g_autoptr(vmmiPluginList) list = vmmiPluginSearch(err);

    if (!list)
        return -1;
    for (size_t i = 0; i < vmmiPluginListGetCount(list); i++) {
        const vmmiPlugin *plugin = vmmiPluginListGet(list, i);

        found(vmmiPluginGetName(plugin), vmmiPluginGetFile(plugin),
              vmmiPluginGetVerdict(plugin) == VMMI_PLUGIN_SHADOWED, vmmiPluginGetRefusal(plugin),
              opaque);
    }
    return 0;
}

static int
launch_plugin(void *priv G_GNUC_UNUSED, const vmmiLaunchRequest *request, vmmiError **err)
{
    return vmmiLaunchLocal(request, err);
}

static int
signal_plugin(void *priv G_GNUC_UNUSED, const char *job_dir, int signal_number, vmmiError **err)
{
    g_autoptr(vmmiJob) job = vmmiJobOpenPath(job_dir, err);

    return job ? vmmiJobSignal(job, signal_number, err) : -1;
}

const vmmiDriverOps vmmiPluginLocalOps = {
    .plugin_list = list_plugins,
    .plugin_launch = launch_plugin,
    .plugin_signal = signal_plugin,
};
