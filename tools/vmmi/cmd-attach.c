/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-attach.c: vmmi attach: puts a policy in charge of a migration that runs already, and hands
 * it to follow.c.
 */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "follow.h"
#include "report.h"
#include "signals.h"

static struct {
    char *plugin, *config, *timeout, *trace;
    char **settings;
    gboolean kill, detach, require_survival;
} wanted;

static const GOptionEntry entries[] = {
    { "plugin", 'p', 0, G_OPTION_ARG_FILENAME, &wanted.plugin,
      "The policy; else the one that is in charge, or was", "NAME" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &wanted.config,
      "A configuration message; - takes it from standard input", "FILE" },
    { "set", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &wanted.settings,
      "One setting; a key without a dot is an option of the policy", "KEY=VALUE" },
    { "trace", 0, 0, G_OPTION_ARG_FILENAME, &wanted.trace,
      "Have the policy write all that it sees and decides to a file", "FILE" },
    { "kill", 0, 0, G_OPTION_ARG_NONE, &wanted.kill, "Kill a policy that does not make way in time",
      NULL },
    { "require-survival", 0, 0, G_OPTION_ARG_NONE, &wanted.require_survival,
      "Start nothing that would end with the service or session that vmmi runs in", NULL },
    { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &wanted.timeout,
      "Stop following after so many seconds; the migration goes on", "SECONDS" },
    { "detach", 'd', 0, G_OPTION_ARG_NONE, &wanted.detach, "Print the id, and leave", NULL },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

typedef struct {
    Opened opened;            /* its record is that of the guest's migration, or NULL */
    const char *guest;
    uint64_t timeout_ms;
    ArgumentConfig config;
    vmmiConnect *connect;
} Attach;

/* --- the source ---------------------------------------------------------------------- */

/* The record of a migration that has not ended. */
static const vmmiRecord *
running_record(const Attach *attach)
{
    const vmmiRecord *record = attach->opened.record;

    return record && !vmmiRecordGetOutcome(record) ? record : NULL;
}

/* A user name or a password file, from what was given, else from the record. To be freed with
 * g_free(). */
static char *
credential(const Attach *attach, const char *name)
{
    const vmmiRecord *record = running_record(attach);
    const char *text = record ? vmmiRecordGetConfiguration(record) : NULL, *given;
    json_t *object = text ? json_loads(text, 0, NULL) : NULL;
    json_t *content = json_object_get(object, "configuration");
    g_autofree char *path = g_strconcat("connectionCredentials.", name, NULL);
    char *found;

    if (attach->config.message && vmmiMessageGetString(attach->config.message, path, &given))
        found = g_strdup(given);
    else
        found = g_strdup(json_string_value(
            json_object_get(json_object_get(content, "connectionCredentials"), name)));
    json_decref(object);
    return found;
}

/* -c, else the configuration's own connection, else that of the migration under way. */
static int
open_source(Attach *attach, vmmiError **err)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    g_autofree char *username = credential(attach, "username");
    g_autofree char *password_file = credential(attach, "passwordFile");
    const vmmiRecord *record = running_record(attach);
    const char *uri = attach->opened.common->uri, *text;

    if (!uri && attach->config.message &&
        vmmiMessageGetString(attach->config.message, "connection", &text))
        uri = text;
    if (!uri && record)
        uri = vmmiRecordGetSourceUri(record);
    options.username = username;
    options.password_file = password_file;
    options.events = VMMI_EVENTS_OWN;
    attach->connect = vmmiConnectOpen(uri, &options, 0, err);
    return attach->connect ? 0 : -1;
}

/* --- taking over --------------------------------------------------------------------- */

/* Whether GUEST is the id of a migration rather than a name of a guest. */
static bool
is_id(const Attach *attach)
{
    const char *id = attach->opened.record ? vmmiRecordGetId(attach->opened.record) : NULL;
    g_autofree char *brief = open_brief_id(id);

    return g_strcmp0(id, attach->guest) == 0 || g_strcmp0(brief, attach->guest) == 0;
}

/* --set comes last and wins. */
static GPtrArray *
collect_settings(void)
{
    GPtrArray *settings = g_ptr_array_new_with_free_func(g_free);

    arguments_add_trace(settings, wanted.trace);
    for (size_t i = 0; wanted.settings && wanted.settings[i]; i++)
        g_ptr_array_add(settings, g_strdup(wanted.settings[i]));
    g_ptr_array_add(settings, NULL);
    return settings;
}

static vmmiMigration *
take_over(Attach *attach, vmmiError **err)
{
    g_autoptr(GPtrArray) settings = collect_settings();
    vmmiTakeOverOptions options = VMMI_TAKE_OVER_OPTIONS_INIT;
    g_autofree char *guest =
        is_id(attach)
            ? g_strconcat("uuid:", vmmiRecordGetGuestUuid(attach->opened.record), NULL)
            : g_strdup(attach->guest);

    options.flags = wanted.kill ? VMMI_TAKE_OVER_KILL : 0;
    options.guest = guest;
    options.plugin = wanted.plugin;
    options.configuration = attach->config.text;
    options.settings = (const char *const *)settings->pdata;
    options.require_survival = wanted.require_survival;
    signals_catch();
    return vmmiMigrationTakeOver(attach->opened.manager, attach->connect, &options, err);
}

/* Nothing was named, and a policy is in charge: there is nothing to change. */
static bool
only_follows(const Attach *attach)
{
    const vmmiRecord *record = running_record(attach);
    vmmiPhase phase = record ? vmmiRecordGetPhase(record) : VMMI_PHASE_FINISHED;

    return record && !wanted.plugin && !wanted.config && !wanted.settings &&
           !wanted.trace &&
           (phase == VMMI_PHASE_PREPARED || phase == VMMI_PHASE_STARTING ||
            phase == VMMI_PHASE_RUNNING || phase == VMMI_PHASE_ENDING);
}

static vmmiMigration *
get_migration(Attach *attach, vmmiError **err)
{
    if (only_follows(attach))
        return vmmiMigrationOpen(attach->opened.manager, vmmiRecordGetId(attach->opened.record),
                                 NULL, err);
    return open_source(attach, err) == 0 ? take_over(attach, err) : NULL;
}

/* --- reporting ----------------------------------------------------------------------- */

static ExitCode
report_not_attached(const Attach *attach, const vmmiError *error)
{
    g_autofree char *guest = g_utf8_make_valid(attach->guest, -1);
    g_autofree char *plugin = wanted.plugin ? g_utf8_make_valid(wanted.plugin, -1) : NULL;
    json_t *object = report_empty_object();
    ExitCode code;

    json_object_set_new(object, "guest", json_string(guest));
    if (plugin)
        json_object_set_new(object, "plugin", json_string(plugin));
    code = report_error(attach->opened.common, error, object);
    /* There is no migration that could be taken over. */
    return vmmiErrorGetCode(error) == VMMI_ERR_STATE ? EXIT_NO_SUCH : code;
}

/* What gave way: said before the first line of what comes now. */
static void
print_replaced(const Attach *attach, vmmiMigration *migration)
{
    const char *id = vmmiMigrationGetReplaces(migration);
    vmmiRecord *old = id ? vmmiManagerFindRecord(attach->opened.manager, id, NULL) : NULL;
    g_autofree char *before = report_printable(old ? vmmiRecordGetPlugin(old) : "a policy");
    g_autofree char *after = report_printable(vmmiMigrationGetPlugin(migration));

    if (id && strcmp(before, after) == 0)
        printf("%s was started anew, in place of migration %s\n", after, id);
    else if (id)
        printf("%s is in charge, in place of %s, migration %s\n", after, before, id);
    else
        printf("%s is in charge of a migration that had no policy\n", after);
    fflush(stdout);
    vmmiRecordFree(old);
}

static ExitCode
detach(const Attach *attach, vmmiMigration *migration)
{
    const char *id = vmmiMigrationGetId(migration);

    if (attach->opened.common->json) {
        report_object(display_object(migration, VMMI_STATE_LAST));
        return EXIT_DONE;
    }
    printf("%s\n", id);
    fflush(stdout);
    fprintf(stderr, "To follow it: vmmi wait %s\n", id);
    return EXIT_DONE;
}

static ExitCode
stay(Attach *attach, vmmiMigration *migration)
{
    Opened opened = attach->opened;
    vmmiError *error = NULL;
    ExitCode code;

    opened.migration = migration;
    opened.record =
        vmmiManagerFindRecord(opened.manager, vmmiMigrationGetId(migration), &error);
    code = opened.record ? follow_opened(&opened, FOLLOW_LOOK, attach->timeout_ms, false)
                         : open_report(&opened, error);
    vmmiRecordFree(opened.record);
    vmmiErrorFree(error);
    return code;
}

/* --- the verb ------------------------------------------------------------------------ */

static ExitCode
attach_to(Attach *attach)
{
    vmmiError *error = NULL;
    vmmiMigration *migration = NULL;
    ExitCode code;

    if (open_manager(&attach->opened, attach->opened.common, &error) == 0 &&
        arguments_config(wanted.config, &attach->config, &error) == 0) {
        /* Without a record it may still be a guest that somebody migrates. */
        open_record(&attach->opened, attach->opened.common, attach->guest, NULL);
        migration = get_migration(attach, &error);
    }
    if (!migration) {
        code = report_not_attached(attach, error);
    } else {
        if (attach->connect && !attach->opened.common->json && !wanted.detach)
            print_replaced(attach, migration);
        code = wanted.detach ? detach(attach, migration) : stay(attach, migration);
    }
    vmmiMigrationUnref(migration);
    vmmiErrorFree(error);
    return code;
}

static ExitCode
run_attach(const Common *common, char **arguments)
{
    Attach attach = { .opened = { .common = common }, .guest = arguments[0] };
    ExitCode code;

    if (wanted.timeout && !arguments_timeout(wanted.timeout, &attach.timeout_ms))
        return report_usage(common, "attach", "--timeout must be seconds, more than 0, not '%s'",
                            wanted.timeout);
    if (wanted.timeout && wanted.detach)
        return report_usage(common, "attach",
                            "--timeout needs somebody who stays, so it does not go with --detach");
    code = attach_to(&attach);
    arguments_config_clear(&attach.config);
    open_clear(&attach.opened);
    vmmiConnectUnref(attach.connect);
    return code;
}

const Verb verb_attach = {
    .name = "attach",
    .arguments = "GUEST",
    .summary = "put a policy in charge of a migration that runs",
    .details =
        "GUEST is a UUID or a name, or the id of a migration. The policy that is in charge makes "
        "way, the migration goes on, and\n"
        "another one takes over; so does one for a migration that virsh started, or whose plugin "
        "is dead. With --set and\n"
        "--config the same policy is started again with settings laid over those that it had; "
        "without any of these what runs\n"
        "is only followed. The source is that of -c, else that of the migration's record.\n"
        "\n"
        "Ctrl-C leaves; the migration goes on.\n"
        "\n"
        "Exit status: as 'vmmi migrate'; 5 no such guest, plugin, or migration under way, 7 it has "
        "not ended in time, 8 the\n"
        "policy in charge does not make way.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .acts = true,
    .run = run_attach,
};
