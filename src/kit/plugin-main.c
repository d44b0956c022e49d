/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-main.c: vmmiPolicyMain(): a complete plugin out of a table of decisions.
 *
 * One function per step, in the order of a plugin's life; the first that fails ends it. Whatever
 * happens, the last thing is the completion (S1, B0).
 */
#include "kit/plugin-main.h"

#include <stdio.h>
#include <string.h>

#include "kit/arguments.h"
#include "kit/completion.h"
#include "kit/configuration.h"
#include "kit/options.h"
#include "kit/record.h"
#include "kit/shadow.h"
#include "kit/table.h"
#include "kit/trace.h"
#include "message/message.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_COUNT 2

typedef struct {
    int argc;
    char **argv;
    const vmmiKitLimits *limits;
    vmmiPolicy policy;
    const char *name; /* of the executable */
    vmmiArguments arguments;
    vmmiStreams streams;
    vmmiKitConfig config;
    vmmiPolicyConfig *options;
    vmmiEngine *engine;
    vmmiConnect *connect;
    vmmiKitRecord record;
    int trace_fd; /* the user's file until the trace has it; -1: none */
    vmmiRun *run;
} Plugin;

/* --- configuration ---------------------------------------------------------------- */

/* Read on the worker: a standard input that stays silent must not hold up signals. */
typedef struct {
    char *path; /* NULL: the default file */
    char *plugin;
    int timeout_ms;
    vmmiKitConfig config;
} Reading;

static void
reading_free(Reading *reading)
{
    vmmiKitConfigClear(&reading->config);
    g_free(reading->path);
    g_free(reading->plugin);
    g_free(reading);
}

static int
read_config(void *data, vmmiError **err)
{
    Reading *reading = data;

    return vmmiKitConfigRead(reading->path, reading->plugin, reading->timeout_ms, &reading->config,
                             err);
}

static int
read_configuration(Plugin *plugin, vmmiError **err)
{
    Reading *reading = g_new0(Reading, 1);
    g_autoptr(vmmiTask) task = NULL;

    reading->path = g_strdup(plugin->arguments.configuration);
    reading->plugin = g_strdup(plugin->name);
    reading->timeout_ms = (int)plugin->limits->input;
    task = vmmiRunCall(plugin->run, read_config, reading, (GDestroyNotify)reading_free, true, err);
    if (!task)
        return -1;
    plugin->config = reading->config;
    memset(&reading->config, 0, sizeof(reading->config));
    return 0;
}

/* A mistake in an option is told with its place, when the configuration was a text. */
static int
place_option(const Plugin *plugin, const char *key, const vmmiError *mistake, vmmiError **err)
{
    const json_t *content = vmmiMessageContent(plugin->config.message);
    bool beside = key && json_object_get(content, key) &&
                  !json_object_get(json_object_get(content, "policy"), key);
    g_autofree char *path = beside ? g_strdup(key)
                                   : g_strdup_printf("policy%s%s", key ? "." : "", key ? key : "");

    return vmmiMessageRaiseAt(plugin->config.message, path, true, err, vmmiErrorGetCode(mistake),
                              "%s", vmmiErrorGetMessage(mistake));
}

/* Opened before anything is started; what is in it stays until there is something to write. */
static int
open_trace(Plugin *plugin, vmmiError **err)
{
    const char *path;

    if (!vmmiMessageGetString(plugin->config.message, "migration.trace", &path))
        return 0;
    plugin->trace_fd = vmmiTraceOpenFile(path, err);
    return plugin->trace_fd < 0 ? -1 : 0;
}

static int
apply_configuration(Plugin *plugin, vmmiError **err)
{
    const json_t *content = vmmiMessageContent(plugin->config.message);
    g_autoptr(vmmiError) mistake = NULL;
    g_autoptr(json_t) given = NULL;
    g_autofree char *bad_key = NULL;

    if (plugin->config.log_file && vmmiStreamsLogTo(plugin->config.log_file, err) < 0)
        return -1;
    plugin->run->silent = plugin->config.silent;
    plugin->run->ready = true;
    plugin->run->migration = json_object_get(content, "migration");
    given = vmmiOptionsGather(plugin->policy.top_level, content, &bad_key, &mistake);
    if (!mistake)
        plugin->options = vmmiPolicyConfigNew(plugin->policy.options, given, &bad_key, &mistake);
    if (!plugin->options)
        return place_option(plugin, bad_key, mistake, err);
    if (vmmiEngineConfigure(plugin->engine, plugin->options, err) < 0)
        return -1;
    return vmmiRunReadWish(plugin->run, err) < 0 ? -1 : open_trace(plugin, err);
}

/* --- connection ------------------------------------------------------------------- */

typedef struct {
    char *uri, *username, *password_file;
    vmmiConnect *connect;
} Connecting;

static void
connecting_free(Connecting *connecting)
{
    vmmiConnectUnref(connecting->connect);
    g_free(connecting->uri);
    g_free(connecting->username);
    g_free(connecting->password_file);
    g_free(connecting);
}

static int
open_connection(void *data, vmmiError **err)
{
    Connecting *connecting = data;
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;

    options.username = connecting->username;
    options.password_file = connecting->password_file;
    options.events = VMMI_EVENTS_OWN;
    /* Fewer wake-ups, and a dead host is found out as soon as by default. */
    options.keepalive_interval_s = KEEPALIVE_INTERVAL_S;
    options.keepalive_count = KEEPALIVE_COUNT;
    options.sample_timeout_ms = UINT_MAX; /* the sampler can afford to hang */
    connecting->connect = vmmiConnectOpen(connecting->uri, &options, 0, err);
    return connecting->connect ? 0 : -1;
}

static int
connect_source(Plugin *plugin, vmmiError **err)
{
    Connecting *connecting = g_new0(Connecting, 1);
    g_autoptr(vmmiTask) task = NULL;

    connecting->uri = g_strdup(plugin->config.connection);
    connecting->username = g_strdup(plugin->config.username);
    connecting->password_file = g_strdup(plugin->config.password_file);
    task = vmmiRunCall(plugin->run, open_connection, connecting, (GDestroyNotify)connecting_free,
                       true, err);
    if (!task)
        return -1;
    plugin->connect = g_steal_pointer(&connecting->connect);
    plugin->run->connect = plugin->connect;
    return 0;
}

/* --- the guest -------------------------------------------------------------------- */

typedef struct {
    vmmiKitRecordFacts facts; /* borrows what is below */
    char *plugin, *path, *destination_uri, *migrate_uri;
    vmmiGuestInfo info;
    vmmiKitRecord record;
} Claiming;

static void
claiming_free(Claiming *claiming)
{
    /* Nobody waited for it: the process ends, and with an error. */
    if (claiming->record.bare && claiming->record.job)
        vmmiJobLeave(claiming->record.job, 1, NULL);
    vmmiKitRecordClear(&claiming->record);
    vmmiConnectUnref(claiming->facts.connect);
    vmmiMessageUnref(claiming->facts.configuration);
    g_free(claiming->plugin);
    g_free(claiming->path);
    g_free(claiming->destination_uri);
    g_free(claiming->migrate_uri);
    g_free(claiming);
}

/* While another plugin was waited for, its migration went on. */
static int
claim(void *data, vmmiError **err)
{
    Claiming *claiming = data;

    if (vmmiKitRecordOpen(&claiming->facts, &claiming->record, err) < 0)
        return -1;
    if (!claiming->facts.replace)
        return 0;
    return vmmiGuestGetInfo(claiming->facts.connect, claiming->info.uuid, &claiming->info, err);
}

static Claiming *
claiming_new(const Plugin *plugin)
{
    Claiming *claiming = g_new0(Claiming, 1);

    claiming->plugin = g_strdup(plugin->name);
    claiming->path = g_file_read_link("/proc/self/exe", NULL);
    claiming->destination_uri = g_strdup(plugin->arguments.destination_uri);
    claiming->migrate_uri = g_strdup(plugin->arguments.migrate_uri);
    claiming->info = plugin->run->info;
    claiming->facts = (vmmiKitRecordFacts){
        .plugin = claiming->plugin,
        .plugin_path = claiming->path,
        .connect = vmmiConnectRef(plugin->connect),
        .guest = &claiming->info,
        .destination_uri = claiming->destination_uri,
        .migrate_uri = claiming->migrate_uri,
        .configuration = vmmiMessageRef(plugin->config.message),
        .replace = json_is_true(json_object_get(plugin->run->migration, "replace")),
        .replace_ms = plugin->limits->replace,
    };
    return claiming;
}

static int
claim_guest(Plugin *plugin, vmmiError **err)
{
    Claiming *claiming = claiming_new(plugin);
    bool replace = claiming->facts.replace;
    g_autoptr(vmmiTask) task = vmmiRunCall(plugin->run, claim, claiming,
                                           (GDestroyNotify)claiming_free, replace, err);

    if (!task)
        return -1;
    plugin->record = claiming->record;
    memset(&claiming->record, 0, sizeof(claiming->record));
    plugin->run->info = claiming->info;
    return 0;
}

/* The first entry; the user's file gets all from here on. */
static void
start_trace(Plugin *plugin)
{
    vmmiRun *run = plugin->run;
    vmmiTraceStart start = {
        .policy = &plugin->policy,
        .plugin = plugin->name,
        .options = plugin->options,
        .migration = run->migration,
        .uuid = plugin->arguments.uuid,
        .guest = *run->info.name ? run->info.name : NULL,
        .pid = (int)getpid(),
        .attached = run->shadow || run->info.job == VMMI_JOB_MIGRATION_OUT,
        .shadow = run->shadow,
    };

    if (plugin->trace_fd >= 0 && !plugin->record.journal)
        plugin->record.journal = vmmiJournalNew(-1);
    if (plugin->trace_fd >= 0)
        vmmiJournalAddFile(plugin->record.journal, vmmiFdSteal(&plugin->trace_fd));
    run->trace.journal = plugin->record.journal;
    run->trace.began_ms = vmmiClockBoottimeMs();
    vmmiTraceAddStart(&run->trace, &start);
}

/* A shadow takes no place, neither the guest's nor in the run directory, and its policy's time
 * begins when there is something to watch. */
static int
take_charge(Plugin *plugin, vmmiError **err)
{
    if (plugin->run->shadow ? vmmiShadowAwait(plugin->run, err) < 0 : claim_guest(plugin, err) < 0)
        return -1;
    start_trace(plugin);
    vmmiRunAnnounce(plugin->run);
    return 0;
}

/* --- the life of a plugin --------------------------------------------------------- */

/* Returns 0 when there was a migration to follow, whose end is in the run's verdict; or -1: it did
 * not come to that. */
static int
live(Plugin *plugin, vmmiError **err)
{
    vmmiRun *run = plugin->run;

    run->engine = plugin->engine;
    run->uuid = plugin->arguments.uuid;
    run->destination_uri = plugin->arguments.destination_uri;
    run->migrate_uri = plugin->arguments.migrate_uri;
    if (read_configuration(plugin, err) < 0 || apply_configuration(plugin, err) < 0 ||
        connect_source(plugin, err) < 0 || vmmiRunInspect(run, err) < 0 ||
        take_charge(plugin, err) < 0 || vmmiRunBegin(run, err) < 0)
        return -1;
    vmmiRunFollow(run);
    return 0;
}

/* What did not come to a migration has changed nothing: the guest is where it was. */
static void
judge_early_end(const Plugin *plugin, vmmiError *error, vmmiKitVerdict *verdict)
{
    const vmmiGuestInfo *info = plugin->run ? &plugin->run->info : NULL;
    bool known = info && *info->uuid;

    verdict->settled = true;
    verdict->outcome = vmmiErrorGetCode(error) == VMMI_ERR_MIGRATION_ABORTED ? VMMI_OUTCOME_ABORTED
                       : vmmiErrorGetCode(error) == VMMI_ERR_RELEASED ? VMMI_OUTCOME_RELEASED
                                                                      : VMMI_OUTCOME_FAILED;
    verdict->error = error;
    if (!known) {
        verdict->evidence = g_strdup("the guest was not touched");
        return;
    }
    verdict->evidence = vmmiKitDescribeGuest(info->state, info->reason);
    if (info->job == VMMI_JOB_NONE)
        verdict->where = info->state == VMMI_GUEST_RUNNING || info->state == VMMI_GUEST_PAUSED
                             ? VMMI_WHERE_SOURCE
                             : VMMI_WHERE_NOWHERE;
}

static const vmmiSample *
statistics_of(const vmmiRun *run, const vmmiKitVerdict *verdict)
{
    if (!run || run->final_sample || verdict->outcome == VMMI_OUTCOME_COMPLETED)
        return run ? run->final_sample : NULL;
    return run->sample;
}

/* B9 */
static int
verdict_status(const vmmiKitVerdict *verdict)
{
    return verdict->outcome == VMMI_OUTCOME_COMPLETED ? 0 : 1;
}

/* Also of what ended before it was a migration, if the user wants a trace. */
static void
end_trace(Plugin *plugin, const vmmiKitVerdict *verdict, const vmmiSample *statistics)
{
    if (!plugin->run->trace.started && plugin->trace_fd >= 0)
        start_trace(plugin);
    if (plugin->run->trace.started)
        vmmiTraceAddEnd(&plugin->run->trace, verdict, statistics);
}

static void
send_completion(Plugin *plugin, const vmmiKitVerdict *verdict)
{
    g_autoptr(json_t) actions = plugin->engine ? vmmiEngineGetRecord(plugin->engine) : NULL;
    vmmiCompletionFacts facts = {
        .verdict = verdict,
        .statistics = statistics_of(plugin->run, verdict),
        .actions = actions,
        .attached = plugin->run && plugin->run->attached,
        .shadow = plugin->run && plugin->run->shadow,
        .policy_error = plugin->engine ? vmmiEngineGetError(plugin->engine) : NULL,
        .abort_refused = plugin->run ? plugin->run->abort_refused : NULL,
    };
    g_autoptr(vmmiMessage) completion = NULL;

    if (plugin->run)
        end_trace(plugin, verdict, facts.statistics);
    facts.trace_lost = vmmiJournalGetLost(plugin->record.journal);
    completion = vmmiCompletionBuild(&facts);
    vmmiStreamsWriteCompletion(&plugin->streams, completion, NULL);
    vmmiKitRecordLeave(&plugin->record, completion, verdict_status(verdict));
}

/* Runs to the end. Returns the exit status (B9). */
static int
carry_through(Plugin *plugin, vmmiError *error)
{
    g_auto(vmmiKitVerdict) early = { 0 };
    const vmmiKitVerdict *verdict = &early;

    if (!error && live(plugin, &error) == 0)
        verdict = &plugin->run->verdict;
    else
        judge_early_end(plugin, error, &early);
    send_completion(plugin, verdict);
    return verdict_status(verdict);
}

static int
set_up(Plugin *plugin, const vmmiPolicy *policy, vmmiError **err)
{
    int signal_fd;

    if (vmmiPolicyTableCopy(policy, &plugin->policy, err) < 0 ||
        vmmiArgumentsParse(plugin->argc, plugin->argv, &plugin->arguments, err) < 0)
        return -1;
    plugin->name = vmmiArgumentsPluginName(plugin->argc, plugin->argv, plugin->policy.name);
    if (plugin->arguments.mode)
        return 0;
    signal_fd = vmmiSignalsOpen(err);
    if (signal_fd < 0)
        return -1;
    plugin->engine = vmmiEngineNew(&plugin->policy);
    plugin->run = vmmiRunNew(plugin->limits, signal_fd, &plugin->streams, err);
    return plugin->run ? 0 : -1;
}

static int
run_mode(Plugin *plugin)
{
    const vmmiKitModeCall call = {
        .policy = &plugin->policy,
        .name = plugin->name,
        .streams = &plugin->streams,
    };

    return vmmiKitModeRun(plugin->arguments.mode, &call);
}

static void
clear(Plugin *plugin)
{
    vmmiRunFree(plugin->run);
    vmmiFdCleanup(&plugin->trace_fd);
    vmmiKitRecordClear(&plugin->record);
    vmmiConnectUnref(plugin->connect);
    vmmiEngineFree(plugin->engine);
    vmmiPolicyConfigFree(plugin->options);
    vmmiKitConfigClear(&plugin->config);
}

/*
 * Whether threads are left that nobody can stop: one that hangs in a call, or libvirt's own. They
 * must not meet the ends of libraries, which run when main returns; a search for leaks at that
 * moment would blame them for what they are about to free.
 */
static bool
leaves_threads(Plugin *plugin)
{
    if (plugin->connect && g_str_equal(vmmiConnectGetDriver(plugin->connect), "libvirt"))
        return true;
    return plugin->run && vmmiRunIsStuck(plugin->run);
}

int
vmmiKitMain(int argc, char **argv, const vmmiPolicy *policy, const vmmiKitLimits *limits)
{
    Plugin plugin = { .argc = argc, .argv = argv, .limits = limits, .trace_fd = -1 };
    vmmiError *error = NULL;
    int status;

    if (vmmiStreamsTake(&plugin.streams, NULL) < 0)
        return 1;
    if (set_up(&plugin, policy, &error) == 0 && plugin.arguments.mode)
        return run_mode(&plugin);
    status = carry_through(&plugin, error);
    if (leaves_threads(&plugin))
        _exit(status);
    clear(&plugin);
    return status;
}

int
vmmiPolicyMain(int argc, char **argv, const vmmiPolicy *policy)
{
    return vmmiKitMain(argc, argv, policy, &vmmiKitDefaultLimits);
}
