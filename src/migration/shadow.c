/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shadow.c: how a policy is started that only watches (vmmi-shadow.h). The process itself is the
 * application's.
 */
#include <libvmmi/vmmi-shadow.h>

#include "message/json.h"
#include "migration/begin.h"
#include "plugin/config-merge.h"
#include "util/cleanup.h"
#include "util/spawn.h"

struct vmmiShadow {
    char *file, *name, *uuid;
    char **arguments;
    char **environment;
    char *configuration;
};

void
vmmiShadowFree(vmmiShadow *shadow)
{
    if (!shadow)
        return;
    g_free(shadow->file);
    g_free(shadow->name);
    g_free(shadow->uuid);
    g_strfreev(shadow->arguments);
    g_strfreev(shadow->environment);
    vmmiFree(shadow->configuration);
    g_free(shadow);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiShadow, vmmiShadowFree)

static int
read_options(const vmmiShadowOptions *given, vmmiShadowOptions *options, vmmiError **err)
{
    if (vmmiBeginReadOptions(given, given ? given->size : 0, options, sizeof(*options), err) < 0)
        return -1;
    if (!options->guest || !*options->guest)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "a guest's UUID or name is needed");
    if (options->wait_ms > INT64_MAX)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "nobody waits for that long");
    return 0;
}

static int
find_guest(vmmiBegin *begin, const vmmiShadowOptions *options, vmmiError **err)
{
    if (vmmiGuestLookup(begin->connect, options->guest, &begin->guest, err) < 0)
        return -1;
    if (begin->guest.job == VMMI_JOB_MIGRATION_OUT || options->wait_ms)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_STATE,
                        "guest '%s' is not being migrated, so there is nothing to watch",
                        begin->guest.name);
}

/* What the options say comes last and wins. */
static GPtrArray *
make_settings(const vmmiShadowOptions *options)
{
    GPtrArray *settings = g_ptr_array_new_with_free_func(g_free);

    for (size_t i = 0; options->settings && options->settings[i]; i++)
        g_ptr_array_add(settings, g_strdup(options->settings[i]));
    g_ptr_array_add(settings, g_strdup("migration.shadow=true"));
    if (options->wait_ms)
        g_ptr_array_add(settings, g_strdup_printf("migration.shadowWaitMs=%" G_GUINT64_FORMAT,
                                                  options->wait_ms));
    if (options->trace) {
        g_autoptr(json_t) path = json_string(options->trace);
        g_autofree char *text = path ? vmmiJsonWrite(path, false) : g_strdup(options->trace);

        g_ptr_array_add(settings, g_strconcat("migration.trace=", text, NULL));
    }
    g_ptr_array_add(settings, NULL);
    return settings;
}

static int
make_configuration(vmmiBegin *begin, const vmmiShadowOptions *options, vmmiError **err)
{
    g_autoptr(GPtrArray) settings = make_settings(options);

    if (vmmiConfigMerge(begin->plugin, begin->connect->uri, options->configuration,
                        (const char *const *)settings->pdata, &begin->config, &begin->origins,
                        err) < 0)
        return -1;
    return vmmiBeginCheckFeatures(begin, true, err) < 0 ? -1 : vmmiBeginCompleteConfig(begin, err);
}

static vmmiShadow *
make_shadow(const vmmiBegin *begin, vmmiError **err)
{
    g_autoptr(vmmiShadow) shadow = g_new0(vmmiShadow, 1);
    const char *const arguments[] = {
        vmmiPluginGetName(begin->plugin), begin->guest.uuid, "-", "-", "-", NULL,
    };
    const char *run_dir = g_getenv("VMMI_RUN_DIR");
    g_autofree char *run = run_dir ? g_strconcat("VMMI_RUN_DIR=", run_dir, NULL) : NULL;
    const char *const extra[] = { run, NULL };

    shadow->file = g_strdup(vmmiPluginGetFile(begin->plugin));
    shadow->name = g_strdup(begin->guest.name);
    shadow->uuid = g_strdup(begin->guest.uuid);
    shadow->arguments = g_strdupv((char **)arguments);
    shadow->environment = vmmiSpawnEnvironment(begin->connect->uri, extra);
    shadow->configuration = vmmiMessageToJson(begin->config, true, err);
    return shadow->configuration ? g_steal_pointer(&shadow) : NULL;
}

vmmiShadow *
vmmiShadowNew(vmmiConnect *connect, const vmmiShadowOptions *options, vmmiError **err)
{
    g_auto(vmmiBegin) begin = { .connect = connect, .attach = VMMI_ATTACH_ONLY };
    vmmiShadowOptions wanted;

    if (vmmiConnectCheck(connect, VMMI_SLOT(guest_lookup), err) < 0 ||
        read_options(options, &wanted, err) < 0 || vmmiBeginCheckLaunchable(connect, err) < 0)
        return NULL;
    begin.plugin_name = wanted.plugin;
    begin.describe_timeout_ms = wanted.describe_timeout_ms;
    if (find_guest(&begin, &wanted, err) < 0 || vmmiBeginFindPlugin(&begin, err) < 0 ||
        make_configuration(&begin, &wanted, err) < 0)
        return NULL;
    return make_shadow(&begin, err);
}

const char *
vmmiShadowGetFile(const vmmiShadow *shadow)
{
    return shadow ? shadow->file : NULL;
}

const char *const *
vmmiShadowGetArguments(const vmmiShadow *shadow)
{
    return shadow ? (const char *const *)shadow->arguments : NULL;
}

const char *const *
vmmiShadowGetEnvironment(const vmmiShadow *shadow)
{
    return shadow ? (const char *const *)shadow->environment : NULL;
}

const char *
vmmiShadowGetConfiguration(const vmmiShadow *shadow)
{
    return shadow ? shadow->configuration : NULL;
}

const char *
vmmiShadowGetGuestName(const vmmiShadow *shadow)
{
    return shadow ? shadow->name : NULL;
}

const char *
vmmiShadowGetGuestUuid(const vmmiShadow *shadow)
{
    return shadow ? shadow->uuid : NULL;
}
