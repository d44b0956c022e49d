/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start.c: making a migration: guest, plugin, configuration, record, launch. In that order, so that
 * whatever is wrong is found before something is started; a failure leaves nothing behind.
 */
#include <string.h>

#include "driver/connect.h"
#include "message/json.h"
#include "message/message.h"
#include "migration/private.h"
#include "migration/request.h"
#include "plugin/config-merge.h"
#include "util/cleanup.h"
#include "util/spawn.h"

#define DEFAULT_PLUGIN "adaptive"
#define FALLBACK_PLUGIN "touri"
#define AT(member) vmmiDriverSlotAt(offsetof(vmmiDriverOps, member))

/* Everything on the way to a migration; owned unless told otherwise. */
typedef struct {
    vmmiManager *manager; /* borrowed */
    vmmiConnect *connect; /* borrowed */
    vmmiMigrationOptions options;
    vmmiGuestInfo guest;
    vmmiPlugin *plugin;
    vmmiMessage *config;
    json_t *origins;
    vmmiRequest *request;
    vmmiJob *job;
    vmmiMigration *migration;
} Start;

static void
start_clear(Start *start)
{
    vmmiMigrationUnref(start->migration);
    vmmiJobUnref(start->job);
    vmmiRequestFree(start->request);
    vmmiMessageUnref(start->config);
    json_decref(start->origins);
    vmmiPluginUnref(start->plugin);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Start, start_clear)

/* --- what is asked for ------------------------------------------------------------ */

/* Bytes that this library does not know must be zero: an option is never dropped silently. */
static int
read_options(const vmmiMigrationOptions *given, vmmiMigrationOptions *options, vmmiError **err)
{
    if (!given || given->size < sizeof(size_t))
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "no options were given: was VMMI_MIGRATION_OPTIONS_INIT used?");
    for (size_t i = sizeof(*options); i < given->size; i++) {
        if (((const char *)given)[i])
            return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                                "a migration option at byte %zu is newer than this library", i);
    }
    memset(options, 0, sizeof(*options));
    memcpy(options, given, MIN(given->size, sizeof(*options)));
    if (!options->guest || !*options->guest)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "a guest's UUID, name or id is needed");
    if (!vmmiRequestUri(options->destination_uri))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS, "a destination URI is needed");
    return 0;
}

/* Arguments can be seen by everybody who lists processes. */
static int
refuse_password(const char *what, const char *uri, vmmiError **err)
{
    const char *authority = uri ? strstr(uri, "://") : NULL;
    const char *at, *colon;

    if (!authority)
        return 0;
    authority += 3;
    at = memchr(authority, '@', strcspn(authority, "/?#"));
    colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    if (!colon)
        return 0;
    return vmmiErrorSet(
        err, VMMI_ERR_MALFORMED_PARAMETERS,
        "the %s URI has a password in it, which every user of this machine could see; "
        "give a password file instead",
        what);
}

/* A process of its own must be able to reach the same guests. */
static int
check_launchable(const vmmiConnect *connect, vmmiError **err)
{
    size_t slot = AT(plugin_launch);

    if (vmmiConnectCheck(connect, slot, err) < 0)
        return -1;
    /* The core's own layers have the connection as their private pointer; a driver may bring a way
     * of its own. */
    if (!vmmiDriverIsBuiltin(connect->driver) && connect->privs[slot] == connect)
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH,
                            "driver '%s' is known to this program only: a plugin is a process of "
                            "its own and could not "
                            "open '%s'",
                            connect->driver->name, connect->uri);
    return 0;
}

static int
find_guest(Start *start, vmmiError **err)
{
    if (vmmiGuestLookup(start->connect, start->options.guest, &start->guest, err) < 0)
        return -1;
    if (start->guest.job == VMMI_JOB_MIGRATION_OUT || start->guest.job == VMMI_JOB_MIGRATION_IN)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "guest '%s' is being migrated already",
                            start->guest.name);
    return 0;
}

static int
find_plugin(Start *start, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;

    if (start->options.plugin) {
        start->plugin = vmmiPluginFind(start->options.plugin, err);
    } else {
        start->plugin = vmmiPluginFind(DEFAULT_PLUGIN, &error);
        if (!start->plugin && vmmiErrorGetCode(error) == VMMI_ERR_PLUGIN_UNKNOWN)
            start->plugin = vmmiPluginFind(FALLBACK_PLUGIN, err);
        else if (!start->plugin)
            vmmiErrorPropagate(err, g_steal_pointer(&error));
    }
    if (!start->plugin)
        return -1;
    /* One that cannot say what it is is still a plugin (B17); then its options are checked by
     * itself. */
    vmmiPluginDescribe(start->plugin, start->options.describe_timeout_ms, NULL);
    return 0;
}

/* --- the configuration ------------------------------------------------------------ */

static int
set_value(Start *start, const char *path, json_t *value, const char *origin, vmmiError **err)
{
    if (vmmiPathSet(vmmiMessageContent(start->config), path, value, err) < 0)
        return -1;
    json_object_set_new(start->origins, path, json_string(origin));
    return 0;
}

/* The plugin connects as the manager did, with the path of the password and never the password. */
static int
add_credentials(Start *start, vmmiError **err)
{
    const vmmiConnectOptions *options = &start->connect->options;

    if (json_object_get(vmmiMessageContent(start->config), "connectionCredentials"))
        return 0;
    if (options->username && set_value(start, "connectionCredentials.username",
                                       json_string(options->username), "connection", err) < 0)
        return -1;
    if (options->password_file &&
        set_value(start, "connectionCredentials.passwordFile", json_string(options->password_file),
                  "connection", err) < 0)
        return -1;
    return 0;
}

static int
check_migration(Start *start, vmmiError **err)
{
    const json_t *migration = vmmiPathGet(vmmiMessageContent(start->config), "migration");

    start->request = vmmiRequestNew(migration, start->guest.uuid, start->options.destination_uri,
                                    start->options.migrate_uri, err);
    if (!start->request)
        return -1;
    if (!start->connect->layer_names[AT(migration_check)])
        return 0;
    return vmmiCallMigrationCheck(start->connect, vmmiRequestGet(start->request), err);
}

static int
make_configuration(Start *start, vmmiError **err)
{
    if (vmmiConfigMerge(start->plugin, start->connect->uri, start->options.configuration,
                        start->options.settings, &start->config, &start->origins, err) < 0)
        return -1;
    if (add_credentials(start, err) < 0 ||
        set_value(start, "migration.attach", json_string(vmmiAttachToString(VMMI_ATTACH_NEVER)),
                  "vmmi", err) < 0)
        return -1;
    vmmiMessageForgetText(start->config);
    return check_migration(start, err);
}

/* --- record and launch ------------------------------------------------------------ */

static int
make_job(Start *start, vmmiError **err)
{
    char *config = vmmiMessageToJson(start->config, true, err);
    g_autofree char *kept =
        vmmiKeptWrite(start->guest.state == VMMI_GUEST_SHUTOFF, start->origins);
    vmmiJobRecord record = {
        .plugin = vmmiPluginGetName(start->plugin),
        .plugin_path = vmmiPluginGetFile(start->plugin),
        .world = start->connect->world,
        .guest_uuid = start->guest.uuid,
        .guest_name = start->guest.name,
        .source_uri = start->connect->uri,
        .destination_uri = start->options.destination_uri,
        .migrate_uri = vmmiRequestUri(start->options.migrate_uri),
        .options = kept,
    };

    if (!config)
        return -1;
    start->job = vmmiJobCreate(start->manager->run, &record, config, strlen(config), err);
    vmmiFree(config);
    return start->job ? 0 : -1;
}

static int
make_migration(Start *start, vmmiError **err)
{
    vmmiMigration *migration = vmmiMigrationNew(start->manager, start->connect, start->job);

    start->migration = migration;
    migration->inactive = start->guest.state == VMMI_GUEST_SHUTOFF;
    migration->configuration =
        vmmiKeptFormatConfiguration(vmmiMessageContent(start->config), start->origins);
    if (start->options.destination)
        migration->destination = vmmiConnectRef(start->options.destination);
    return vmmiFollowStart(migration, err);
}

static int
launch(Start *start, vmmiError **err)
{
    const char *run_dir = g_getenv("VMMI_RUN_DIR");
    const char *migrate_uri = vmmiRequestUri(start->options.migrate_uri);
    g_autofree char *job = g_strdup_printf(VMMI_JOB_ENV "=%s", vmmiJobGetPath(start->job));
    g_autofree char *run = run_dir ? g_strdup_printf("VMMI_RUN_DIR=%s", run_dir) : NULL;
    const char *const extra[] = { job, run, NULL };
    g_auto(GStrv) environment = vmmiSpawnEnvironment(start->connect->uri, extra);
    const char *const arguments[] = {
        vmmiPluginGetName(start->plugin),
        start->guest.uuid,
        start->options.destination_uri,
        migrate_uri ? migrate_uri : "-",
        "-",
        NULL,
    };
    const vmmiLaunchRequest request = {
        .size = sizeof(request),
        .plugin_path = vmmiPluginGetFile(start->plugin),
        .arguments = arguments,
        .environment = (const char *const *)environment,
        .job_dir = vmmiJobGetPath(start->job),
        .timeout_ms = start->options.start_timeout_ms,
    };

    return vmmiCallPluginLaunch(start->connect, &request, err);
}

static int
run(Start *start, vmmiError **err)
{
    if (make_job(start, err) < 0)
        return -1;
    if (make_migration(start, err) < 0 || launch(start, err) < 0) {
        vmmiJobDiscard(start->job);
        return -1;
    }
    vmmiJobCommit(start->job);
    vmmiAskStart(start->migration);
    vmmiFollowProcesses(start->migration);
    return 0;
}

vmmiMigration *
vmmiMigrationStart(vmmiManager *manager, vmmiConnect *connect, const vmmiMigrationOptions *options,
                   vmmiError **err)
{
    g_auto(Start) start = { .manager = manager, .connect = connect };

    if (vmmiManagerCheck(manager, err) < 0 || vmmiManagerCheckWritable(manager, err) < 0 ||
        vmmiConnectCheck(connect, AT(guest_lookup), err) < 0 ||
        read_options(options, &start.options, err) < 0 ||
        refuse_password("destination", start.options.destination_uri, err) < 0 ||
        refuse_password("migration", start.options.migrate_uri, err) < 0)
        return NULL;
    if (find_guest(&start, err) < 0 || check_launchable(connect, err) < 0 ||
        find_plugin(&start, err) < 0 || make_configuration(&start, err) < 0 || run(&start, err) < 0)
        return NULL;
    return g_steal_pointer(&start.migration);
}
