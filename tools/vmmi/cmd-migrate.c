/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-migrate.c: vmmi migrate: reads what is wanted, starts a migration, and hands it to follow.c.
 */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "follow.h"
#include "report.h"
#include "signals.h"

static struct {
    char *plugin, *config, *timeout, *username, *password_file, *trace;
    char **settings;
    gboolean keep_source, detach, require_survival;
} wanted;

static const GOptionEntry entries[] = {
    { "plugin", 'p', 0, G_OPTION_ARG_FILENAME, &wanted.plugin,
      "The policy; else 'adaptive' when it is there, else 'touri'", "NAME" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &wanted.config,
      "A configuration message; - takes it from standard input", "FILE" },
    { "set", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &wanted.settings,
      "One setting; a key without a dot is an option of the policy", "KEY=VALUE" },
    { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &wanted.timeout,
      "Abort after so many seconds, and wait for the truth", "SECONDS" },
    { "trace", 0, 0, G_OPTION_ARG_FILENAME, &wanted.trace,
      "Have the policy write all that it sees and decides to a file", "FILE" },
    { "keep-source", 0, 0, G_OPTION_ARG_NONE, &wanted.keep_source,
      "A persistent guest stays defined on the source", NULL },
    { "require-survival", 0, 0, G_OPTION_ARG_NONE, &wanted.require_survival,
      "Start nothing that would end with the service or session that vmmi runs in", NULL },
    { "username", 0, 0, G_OPTION_ARG_FILENAME, &wanted.username, "For the connection to the source",
      "NAME" },
    { "password-file", 0, 0, G_OPTION_ARG_FILENAME, &wanted.password_file,
      "Holds the password; only its owner may read it", "FILE" },
    { "detach", 'd', 0, G_OPTION_ARG_NONE, &wanted.detach, "Start it, print its id, and leave",
      NULL },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

/* Everything that is held while a migration is made. */
typedef struct {
    const Common *common;
    char **arguments;
    uint64_t timeout_ms;
    ArgumentConfig config;
    GPtrArray *settings;      /* ends with NULL */
    vmmiManager *manager;
    vmmiConnect *connect;
} Job;

/* What the options say, as settings; those of --set come last and win. */
static void
collect_settings(Job *job)
{
    job->settings = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(job->settings, g_strdup("migration.attach=\"never\""));
    if (wanted.keep_source)
        g_ptr_array_add(job->settings, g_strdup("migration.keepSource=true"));
    if (wanted.username)
        arguments_add_string(job->settings, "connectionCredentials.username", wanted.username);
    if (wanted.password_file)
        arguments_add_string(job->settings, "connectionCredentials.passwordFile",
                             wanted.password_file);
    arguments_add_trace(job->settings, wanted.trace);
    for (size_t i = 0; wanted.settings && wanted.settings[i]; i++)
        g_ptr_array_add(job->settings, g_strdup(wanted.settings[i]));
    g_ptr_array_add(job->settings, NULL);
}

/* -c wins over the configuration's own connection; credentials likewise. */
static int
open_source(Job *job, vmmiError **err)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    const char *uri = job->common->uri, *text;

    if (!uri && job->config.message &&
        vmmiMessageGetString(job->config.message, "connection", &text))
        uri = text;
    if (job->config.message &&
        vmmiMessageGetString(job->config.message, "connectionCredentials.username", &text))
        options.username = text;
    if (job->config.message &&
        vmmiMessageGetString(job->config.message, "connectionCredentials.passwordFile", &text))
        options.password_file = text;
    options.username = wanted.username ? wanted.username : options.username;
    options.password_file = wanted.password_file ? wanted.password_file : options.password_file;
    options.events = VMMI_EVENTS_OWN;
    job->manager = vmmiManagerNew(job->common->run_dir, 0, err);
    if (!job->manager)
        return -1;
    job->connect = vmmiConnectOpen(uri, &options, 0, err);
    return job->connect ? 0 : -1;
}

/* A plugin that dies with the service it is started from leaves a migration without a policy. */
static void
warn_of_the_service(const Job *job)
{
    const char *reason = "";

    if (!wanted.require_survival &&
        vmmiManagerGetSurvival(job->manager, &reason) == VMMI_SURVIVAL_SERVICE_KILLS)
        report_sentence("the policy will not outlive the service that vmmi runs in: %s", reason);
}

static vmmiMigration *
start(Job *job, vmmiError **err)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    options.plugin = wanted.plugin;
    options.guest = job->arguments[0];
    options.destination_uri = job->arguments[1];
    options.migrate_uri = job->arguments[2];
    options.configuration = job->config.text;
    options.settings = (const char *const *)job->settings->pdata;
    options.require_survival = wanted.require_survival;
    warn_of_the_service(job);
    /* Ctrl-C until here simply ends the command: nothing has been started. */
    signals_catch();
    return vmmiMigrationStart(job->manager, job->connect, &options, err);
}

static void
job_clear(Job *job)
{
    arguments_config_clear(&job->config);
    if (job->settings)
        g_ptr_array_unref(job->settings);
    vmmiManagerFree(job->manager);
    vmmiConnectUnref(job->connect);
}

/* All the keys that scripts may rely on, though nothing was started. */
static ExitCode
report_not_started(const Job *job, const vmmiError *error)
{
    g_autofree char *guest = g_utf8_make_valid(job->arguments[0], -1);
    g_autofree char *plugin = wanted.plugin ? g_utf8_make_valid(wanted.plugin, -1) : NULL;

    return report_error(job->common, error,
                        json_pack("{s:n, s:s, s:n, s:s?, s:n, s:n, s:n, s:n}", "id", "guest", guest,
                                  "uuid", "plugin", plugin, "state", "outcome", "where",
                                  "percent"));
}

static ExitCode
detach(const Job *job, vmmiMigration *migration)
{
    const char *id = vmmiMigrationGetId(migration);

    if (job->common->json)
        report_object(display_object(migration, VMMI_STATE_LAST));
    else
        printf("%s\n", id);
    fflush(stdout);
    if (!job->common->json)
        fprintf(stderr, "To follow it: vmmi wait %s\n", id);
    return EXIT_DONE;
}

static ExitCode
follow(const Job *job, vmmiMigration *migration)
{
    Follow follow = {
        .common = job->common,
        .purpose = FOLLOW_OWN,
        .manager = job->manager,
        .connect = job->connect,
        .migration = vmmiMigrationRef(migration),
        .source = g_strdup(vmmiConnectGetUri(job->connect)),
        .destination = g_strdup(job->arguments[1]),
        .timeout_ms = job->timeout_ms,
    };
    ExitCode code;

    display_init(&follow.display, job->common);
    code = follow_migration(&follow);
    follow_clear(&follow);
    return code;
}

static ExitCode
run_migrate(const Common *common, char **arguments)
{
    Job job = { .common = common, .arguments = arguments };
    vmmiMigration *migration = NULL;
    vmmiError *error = NULL;
    ExitCode code;

    if (wanted.timeout && !arguments_timeout(wanted.timeout, &job.timeout_ms))
        return report_usage(common, "migrate", "--timeout must be seconds, more than 0, not '%s'",
                            wanted.timeout);
    if (wanted.timeout && wanted.detach)
        return report_usage(common, "migrate",
                            "--timeout needs somebody who stays, so it does not go with --detach");
    collect_settings(&job);
    if (arguments_config(wanted.config, &job.config, &error) == 0 && open_source(&job, &error) == 0)
        migration = start(&job, &error);
    if (!migration)
        code = report_not_started(&job, error);
    else
        code = wanted.detach ? detach(&job, migration) : follow(&job, migration);
    vmmiMigrationUnref(migration);
    vmmiErrorFree(error);
    job_clear(&job);
    return code;
}

const Verb verb_migrate = {
    .name = "migrate",
    .arguments = "GUEST DESTURI [MIGRATEURI]",
    .summary = "move a running guest to another host",
    .details =
        "GUEST is a UUID, a name or an id; uuid:, name: and id: force one. DESTURI is the other "
        "host as the source reaches\n"
        "it. MIGRATEURI is the address for the data; without it, or with -, libvirt chooses.\n"
        "\n"
        "Ctrl-C aborts and says where the guest is; a second one leaves at once. SIGTERM and "
        "SIGHUP leave, and the\n"
        "migration goes on.\n"
        "\n"
        "Exit status: 0 done, 1 failed, 2 wrong usage, 3 aborted, 4 the migration goes on, 5 no "
        "such guest or plugin,\n"
        "6 nobody knows how it ended, 7 too late, 8 the guest is being migrated already, 125 "
        "nothing was started.",
    .options = entries,
    .min_arguments = 2,
    .max_arguments = 3,
    .acts = true,
    .run = run_migrate,
};
