/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * begin.c: from a plugin's name to a process that is followed: what start.c and take-over.c have in
 * common. In which order, and what is claimed when, is theirs.
 */
#include "migration/begin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message/message.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/spawn.h"

#define DEFAULT_PLUGIN "adaptive"
#define FALLBACK_PLUGIN "touri"

void
vmmiBeginClear(vmmiBegin *begin)
{
    vmmiMigrationUnref(begin->migration);
    vmmiJobUnref(begin->job);
    vmmiRequestFree(begin->request);
    vmmiMessageUnref(begin->config);
    json_decref(begin->origins);
    vmmiPluginUnref(begin->plugin);
}

/* --- what is asked for ------------------------------------------------------------ */

int
vmmiBeginReadOptions(const void *given, size_t given_size, void *options, size_t size,
                     vmmiError **err)
{
    if (!given || given_size < sizeof(size_t))
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "no options were given: was their INIT macro used?");
    for (size_t i = size; i < given_size; i++) {
        if (((const char *)given)[i])
            return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                                "a migration option at byte %zu is newer than this library", i);
    }
    memset(options, 0, size);
    memcpy(options, given, MIN(given_size, size));
    return 0;
}

int
vmmiBeginCheckLaunchable(const vmmiConnect *connect, vmmiError **err)
{
    size_t slot = VMMI_SLOT(plugin_launch);

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

/* --- the plugin ------------------------------------------------------------------- */

static vmmiPlugin *
find_default(vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiPlugin *plugin = vmmiPluginFind(DEFAULT_PLUGIN, &error);

    if (plugin)
        return plugin;
    if (vmmiErrorGetCode(error) == VMMI_ERR_PLUGIN_UNKNOWN)
        return vmmiPluginFind(FALLBACK_PLUGIN, err);
    vmmiErrorPropagate(err, g_steal_pointer(&error));
    return NULL;
}

int
vmmiBeginFindPlugin(vmmiBegin *begin, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;

    begin->plugin =
        begin->plugin_name ? vmmiPluginFind(begin->plugin_name, err) : find_default(err);
    if (!begin->plugin)
        return -1;
    if (vmmiPluginDescribe(begin->plugin, begin->describe_timeout_ms, &error) < 0 &&
        vmmiErrorGetCode(error) == VMMI_ERR_PROTOCOL_VERSION)
        return vmmiErrorPropagate(err, g_steal_pointer(&error));
    return 0;
}

/* --- the configuration ------------------------------------------------------------ */

static int
set_value(vmmiBegin *begin, const char *path, json_t *value, const char *origin, vmmiError **err)
{
    if (vmmiPathSet(vmmiMessageContent(begin->config), path, value, err) < 0)
        return -1;
    json_object_set_new(begin->origins, path, json_string(origin));
    return 0;
}

static int
check_feature(const vmmiBegin *begin, const char *feature, const char *key, vmmiError **err)
{
    if (vmmiPluginHasFeature(begin->plugin, feature))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                        "plugin '%s' does not know '%s': it does not name the feature '%s'",
                        vmmiPluginGetName(begin->plugin), key, feature);
}

/*
 * What can be told of a trace's file before the plugin opens it; a plugin that is started elsewhere
 * finds out by itself.
 */
static int
check_trace_file(const vmmiBegin *begin, const char *path, vmmiError **err)
{
    g_autofree char *folder = g_path_get_dirname(path);
    struct stat st;

    if (!g_path_is_absolute(path))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH,
                            "the trace file '%s' must be an absolute path", path);
    if (begin->connect->privs[VMMI_SLOT(plugin_launch)] != begin->connect)
        return 0;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "the trace file '%s' is not a regular file",
                            path);
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 ||
        (errno == ENOENT && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0))
        return 0;
    return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot write the trace file '%s'",
                             path);
}

int
vmmiBeginCheckFeatures(const vmmiBegin *begin, bool shadow, vmmiError **err)
{
    const json_t *content = vmmiMessageContent(begin->config);
    const char *trace = json_string_value(vmmiPathGet(content, "migration.trace"));

    if (!shadow && json_is_true(vmmiPathGet(content, "migration.shadow")))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "'migration.shadow' is for a plugin that only watches: it cannot "
                            "migrate a guest");
    if (trace && (check_feature(begin, "trace", "migration.trace", err) < 0 ||
                  check_trace_file(begin, trace, err) < 0))
        return -1;
    return shadow ? check_feature(begin, "shadow", "migration.shadow", err) : 0;
}

/* The plugin connects as the manager did, with the path of the password and never the password. */
static int
add_credentials(vmmiBegin *begin, vmmiError **err)
{
    const vmmiConnectOptions *options = &begin->connect->options;

    if (json_object_get(vmmiMessageContent(begin->config), "connectionCredentials"))
        return 0;
    if (options->username && set_value(begin, "connectionCredentials.username",
                                       json_string(options->username), "connection", err) < 0)
        return -1;
    if (options->password_file &&
        set_value(begin, "connectionCredentials.passwordFile", json_string(options->password_file),
                  "connection", err) < 0)
        return -1;
    return 0;
}

int
vmmiBeginCompleteConfig(vmmiBegin *begin, vmmiError **err)
{
    const char *attach = vmmiAttachToString(begin->attach);

    if (add_credentials(begin, err) < 0 ||
        set_value(begin, "migration.attach", json_string(attach), "vmmi", err) < 0)
        return -1;
    vmmiMessageForgetText(begin->config);
    begin->request =
        vmmiRequestNew(vmmiPathGet(vmmiMessageContent(begin->config), "migration"),
                       begin->guest.uuid, begin->destination_uri, begin->migrate_uri, err);
    return begin->request ? 0 : -1;
}

/* --- record and launch ------------------------------------------------------------ */

int
vmmiBeginMakeJob(vmmiBegin *begin, vmmiJobMaker make, vmmiError **err)
{
    const vmmiConnect *there = begin->destination;
    const vmmiKeptSource destination = {
        .uri = there ? there->uri : NULL,
        .username = there ? (char *)there->options.username : NULL,
        .password_file = there ? (char *)there->options.password_file : NULL,
    };
    g_autofree char *kept = vmmiKeptWrite(begin->guest.state == VMMI_GUEST_SHUTOFF, begin->origins,
                                          &destination);
    const vmmiJobRecord record = {
        .plugin = vmmiPluginGetName(begin->plugin),
        .plugin_path = vmmiPluginGetFile(begin->plugin),
        .world = begin->connect->world,
        .guest_uuid = begin->guest.uuid,
        .guest_name = begin->guest.name,
        .source_uri = begin->connect->uri,
        .destination_uri = vmmiRequestUri(begin->destination_uri),
        .migrate_uri = vmmiRequestUri(begin->migrate_uri),
        .replaces = begin->replaces,
        .options = kept,
    };
    char *config = vmmiMessageToJson(begin->config, true, err);

    if (!config)
        return -1;
    begin->job = make(begin->manager->run, &record, config, strlen(config), err);
    vmmiFree(config);
    return begin->job ? 0 : -1;
}

int
vmmiBeginLaunch(const vmmiBegin *begin, vmmiError **err)
{
    const char *run_dir = g_getenv("VMMI_RUN_DIR");
    const char *destination_uri = vmmiRequestUri(begin->destination_uri);
    const char *migrate_uri = vmmiRequestUri(begin->migrate_uri);
    /* Not g_strdup_printf(), which without memory gives NULL: the list would end there. */
    g_autofree char *job = g_strconcat(VMMI_JOB_ENV "=", vmmiJobGetPath(begin->job), NULL);
    g_autofree char *run = run_dir ? g_strconcat("VMMI_RUN_DIR=", run_dir, NULL) : NULL;
    const char *const extra[] = { job, run, NULL };
    g_auto(GStrv) environment = vmmiSpawnEnvironment(begin->connect->uri, extra);
    const char *const arguments[] = {
        vmmiPluginGetName(begin->plugin),
        begin->guest.uuid,
        destination_uri ? destination_uri : "-",
        migrate_uri ? migrate_uri : "-",
        "-",
        NULL,
    };
    const vmmiLaunchRequest request = {
        .size = sizeof(request),
        .plugin_path = vmmiPluginGetFile(begin->plugin),
        .arguments = arguments,
        .environment = (const char *const *)environment,
        .job_dir = vmmiJobGetPath(begin->job),
        .timeout_ms = begin->start_timeout_ms,
        .must_survive = begin->require_survival,
    };
    int result = vmmiCallPluginLaunch(begin->connect, &request, err);

    vmmiManagerNoteLaunch(begin->manager, begin->connect);
    return result;
}

static int
make_migration(vmmiBegin *begin, vmmiError **err)
{
    vmmiMigration *migration = vmmiMigrationNew(begin->manager, begin->connect, begin->job);

    begin->migration = migration;
    migration->inactive = begin->guest.state == VMMI_GUEST_SHUTOFF;
    migration->configuration =
        vmmiKeptFormatConfiguration(vmmiMessageContent(begin->config), begin->origins);
    if (begin->destination)
        migration->destination = vmmiConnectRef(begin->destination);
    return vmmiFollowStart(migration, err);
}

int
vmmiBeginRun(vmmiBegin *begin, vmmiError **err)
{
    if (make_migration(begin, err) < 0 || vmmiBeginLaunch(begin, err) < 0) {
        vmmiJobDiscard(begin->job);
        return -1;
    }
    vmmiJobCommit(begin->job);
    vmmiAskStart(begin->migration);
    vmmiFollowProcesses(begin->migration);
    return 0;
}
