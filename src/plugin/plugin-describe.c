/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-describe.c: asking a plugin what it is (B17).
 *
 * The plugin is run once, bounded in time and output, and whatever it started is gone afterwards.
 * Only files that pass the checks are run. A plugin that does not know the question is no worse a
 * plugin.
 */
#include "message/json.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "util/spawn.h"

#define DESCRIBE_OPTION "--vmmi-describe"
#define DESCRIBE_TIMEOUT_MS 5000
#define DESCRIBE_MAX_BYTES (64 * 1024)

/* Returns: 1 with @description set, 0 without an answer, -1. */
static int
judge(const vmmiSpawnResult *result, json_t **description, vmmiError **err)
{
    if (result->kind == VMMI_EXIT_KILLED) {
        vmmiErrorSet(err, VMMI_ERR_PLUGIN_CRASHED, "it was killed by signal %d", result->value);
        if (*result->diagnostics)
            vmmiErrorSetDetails(err, "%s", result->diagnostics);
        return -1;
    }
    /* It took the option for a wrong argument, or ignored it. */
    if ((result->kind == VMMI_EXIT_EXITED && result->value != 0) || result->output_length == 0)
        return 0;
    *description = vmmiPluginParseDescription(result->output, result->output_length, err);
    return *description ? 1 : -1;
}

static int
ask(const vmmiPlugin *plugin, unsigned int timeout_ms, json_t **description, vmmiError **err)
{
    const char *const arguments[] = { plugin->file, DESCRIBE_OPTION, NULL };
    g_auto(GStrv) environment = vmmiSpawnEnvironment(NULL, NULL);
    vmmiSpawnRequest request = {
        .path = plugin->file,
        .arguments = arguments,
        .environment = (const char *const *)environment,
        .timeout_ms = timeout_ms ? timeout_ms : DESCRIBE_TIMEOUT_MS,
        .max_output = DESCRIBE_MAX_BYTES,
    };
    g_auto(vmmiSpawnResult) result = { 0 };

    if (vmmiSpawnRun(&request, &result, err) < 0)
        return -1;
    return judge(&result, description, err);
}

int
vmmiPluginDescribe(vmmiPlugin *plugin, unsigned int timeout_ms, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = NULL;
    json_t *description = NULL;
    int answer;

    if (!plugin)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no plugin was given");
    if (plugin->refusal) {
        vmmiErrorPropagate(err, vmmiErrorCopy(plugin->refusal));
        return vmmiErrorPrefix(err, "plugin '%s' is refused", plugin->name);
    }
    locker = g_mutex_locker_new(&plugin->lock);
    if (plugin->described)
        return plugin->description ? 1 : 0;
    /* Time may have passed since it was found. */
    answer = vmmiPluginCheckFile(plugin->file, err);
    if (answer == 0)
        answer = ask(plugin, timeout_ms, &description, err);
    if (answer < 0)
        return vmmiErrorPrefix(err, "plugin '%s' cannot be described", plugin->name);
    plugin->described = true;
    plugin->description = description;
    plugin->description_text = description ? vmmiJsonWrite(description, false) : NULL;
    return answer;
}
