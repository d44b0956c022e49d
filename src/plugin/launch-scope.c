/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-scope.c: starting plugins in systemd scopes of their own, so that stopping the manager's
 * service leaves them alone.
 *
 * The shim is executed by `systemd-run --scope`, which asks the manager to move itself into a new
 * scope and then becomes the command: descriptors, directory and streams stay as they are, there is
 * no moment at which the shim is in the wrong place, and no D-Bus code here. It fails before it
 * executes anything, with one line on standard error. What it needs in its environment, and what it
 * adds to it, is taken away again by env(1), so that a plugin gets its allow-list and nothing else.
 *
 * Which unit we are in is launch-unit.c, whether it matters launch-survival.c.
 */
#include "plugin/launch-scope.h"

#include <string.h>

#include "driver/connect.h"
#include "plugin/launch-local.h"
#include "plugin/launch-survival.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

/* From the call of systemd-run until the shim speaks; it takes some 20 ms when all is well. */
#define SCOPE_MS 5000
/* What is left for launching without a scope when the manager does not answer. */
#define RESERVE_MS 2000
/* What systemd says of a name that another unit has. */
#define NAME_TAKEN "already"

typedef struct {
    const vmmiUnitHost *host;
    const vmmiUnit *unit;
    const vmmiLaunchRequest *request;
    GPtrArray *words;         /* owned strings */
    GPtrArray *environment;   /* owned strings */
} Prefix;

/* --- the command in front of the shim --------------------------------------------- */

static void
add(GPtrArray *array, const char *text)
{
    g_ptr_array_add(array, g_strdup(text));
}

/* NAME=VALUE of the plugin's environment, or NULL. */
static const char *
of_plugin(const Prefix *prefix, const char *name)
{
    size_t length = strlen(name);

    for (const char *const *entry = prefix->request->environment; *entry; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry;
    }
    return NULL;
}

/* Something systemd-run needs: what the plugin has of that name comes back behind it. */
static void
lend(Prefix *prefix, GPtrArray *given_back, const char *name, const char *value)
{
    const char *own = of_plugin(prefix, name);

    if (!value)
        return;
    for (guint i = 0; own && i < prefix->environment->len; i++) {
        if (g_str_equal(prefix->environment->pdata[i], own)) {
            g_ptr_array_remove_index(prefix->environment, i);
            break;
        }
    }
    g_ptr_array_add(prefix->environment, g_strdup_printf("%s=%s", name, value));
    if (own) {
        add(given_back, own);
    } else {
        add(prefix->words, "-u");
        add(prefix->words, name);
    }
}

static void
fill_environment(Prefix *prefix)
{
    g_autoptr(GPtrArray) given_back = g_ptr_array_new_with_free_func(g_free);

    for (const char *const *entry = prefix->request->environment; *entry; entry++)
        add(prefix->environment, *entry);
    add(prefix->words, prefix->host->env);
    /* The scope's own, which systemd-run adds. */
    if (!of_plugin(prefix, "INVOCATION_ID")) {
        add(prefix->words, "-u");
        add(prefix->words, "INVOCATION_ID");
    }
    if (prefix->unit->maker == VMMI_SCOPE_USER) {
        lend(prefix, given_back, "XDG_RUNTIME_DIR", prefix->unit->runtime_dir);
        lend(prefix, given_back, "DBUS_SESSION_BUS_ADDRESS", prefix->host->session_bus);
    }
    for (guint i = 0; i < given_back->len; i++)
        add(prefix->words, given_back->pdata[i]);
    g_ptr_array_add(prefix->words, NULL);
    g_ptr_array_add(prefix->environment, NULL);
}

static void
fill_words(Prefix *prefix, const char *suffix)
{
    g_autofree char *id = g_path_get_basename(prefix->request->job_dir);

    add(prefix->words, prefix->host->systemd_run);
    add(prefix->words, "--scope");
    add(prefix->words, "--collect");
    add(prefix->words, "--quiet");
    add(prefix->words, "--no-ask-password");
    if (prefix->unit->maker == VMMI_SCOPE_USER)
        add(prefix->words, "--user");
    g_ptr_array_add(prefix->words, g_strconcat("--unit=" VMMI_SCOPE_PREFIX, id, suffix, NULL));
    /* Else it would be the whole command line. */
    g_ptr_array_add(prefix->words, g_strconcat("--description=Live migration ", id, NULL));
    add(prefix->words, "--");
}

/* --- launching -------------------------------------------------------------------- */

static int
launch_through(Prefix *prefix, const char *suffix, uint64_t deadline, char **refusal,
               vmmiError **err)
{
    uint64_t now = vmmiClockBoottimeMs();
    uint64_t left = now + RESERVE_MS < deadline ? deadline - now - RESERVE_MS : 1;
    uint64_t limit = prefix->host->scope_ms ? prefix->host->scope_ms : SCOPE_MS;
    vmmiLaunchPrefix through = { .timeout_ms = (unsigned int)MIN(left, limit) };
    int result;

    prefix->words = g_ptr_array_new_with_free_func(g_free);
    prefix->environment = g_ptr_array_new_with_free_func(g_free);
    fill_words(prefix, suffix);
    fill_environment(prefix);
    through.words = (const char *const *)prefix->words->pdata;
    through.environment = (const char *const *)prefix->environment->pdata;
    result = vmmiLaunchThrough(&through, prefix->request, refusal, err);
    g_ptr_array_unref(prefix->words);
    g_ptr_array_unref(prefix->environment);
    return result;
}

/* Records of different run directories may have the same id: then the name gets a random end. */
static int
launch_in_scope(Prefix *prefix, uint64_t deadline, char **refusal, vmmiError **err)
{
    g_autofree char *first = NULL;
    g_autofree char *suffix = NULL;
    int result = launch_through(prefix, "", deadline, &first, err);

    if (result == 1 && strstr(first, NAME_TAKEN)) {
        suffix = g_strdup_printf("-%08x", g_random_int() ^ (guint32)getpid());
        return launch_through(prefix, suffix, deadline, refusal, err);
    }
    *refusal = g_steal_pointer(&first);
    return result;
}

/* The same plugin without a scope, in the time that is left. */
static int
launch_plain(const vmmiLaunchRequest *given, uint64_t deadline, vmmiError **err)
{
    vmmiLaunchRequest request = { 0 };
    uint64_t now = vmmiClockBoottimeMs();

    memcpy(&request, given, MIN(given->size, sizeof(request)));
    request.timeout_ms = now < deadline ? (unsigned int)(deadline - now) : 1;
    return vmmiLaunchLocal(&request, err);
}

/* Unless it would not live long, and has to. */
static int
launch_without(const vmmiUnitHost *host, const vmmiLaunchRequest *given, uint64_t deadline,
               const char *refusal, vmmiError **err)
{
    bool required = given->size >= sizeof(*given) && given->must_survive;
    g_autofree char *reason = NULL;

    if (required && vmmiSurvivalJudge(host, refusal, &reason) == VMMI_SURVIVAL_SERVICE_KILLS)
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH, "plugin '%s' was not started: %s",
                            given->plugin_path, reason);
    return launch_plain(given, deadline, err);
}

int
vmmiLaunchScope(const vmmiUnitHost *host, const vmmiLaunchRequest *request, char **shown,
                vmmiError **err)
{
    g_auto(vmmiUnit) unit = { false };
    Prefix prefix = { .host = host, .unit = &unit, .request = request };
    uint64_t deadline = vmmiClockBoottimeMs() + vmmiLaunchLimit(request);
    int result;

    *shown = NULL;
    vmmiUnitLook(host, &unit);
    if (!vmmiSurvivalWantsScope(host, &unit))
        return launch_plain(request, deadline, err);
    result = launch_in_scope(&prefix, deadline, shown, err);
    if (result == 1)
        return launch_without(host, request, deadline, *shown, err);
    if (result == 0)
        *shown = g_strdup("");
    return result;
}

/* --- the layer -------------------------------------------------------------------- */

bool
vmmiPluginScopeApplies(void *priv G_GNUC_UNUSED, vmmiLocality locality)
{
    const vmmiUnitHost host = vmmiUnitThisHost();
    g_auto(vmmiUnit) unit = { false };

    if (locality != VMMI_LOCALITY_LOCAL)
        return false;
    vmmiUnitLook(&host, &unit);
    return unit.maker != VMMI_SCOPE_NOBODY;
}

/* The core's own layers have the connection as their private pointer. */
static int
launch_plugin(void *priv, const vmmiLaunchRequest *request, vmmiError **err)
{
    const vmmiUnitHost host = vmmiUnitThisHost();
    char *shown;
    int result = vmmiLaunchScope(&host, request, &shown, err);

    vmmiConnectNoteLaunch(priv, shown);
    return result;
}

const vmmiDriverOps vmmiPluginScopeOps = {
    .plugin_launch = launch_plugin,
};
