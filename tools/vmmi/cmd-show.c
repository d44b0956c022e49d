/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-show.c: vmmi show: everything that is known about one migration.
 */
#include <stdio.h>
#include <string.h>

#include "figures.h"
#include "open.h"
#include "report.h"
#include "show.h"

/*
 * When the plugin has ended and nobody has settled yet how the migration did, that is done first: a
 * migration that goes on without a plugin is shown as unattended. Failing is no harm, what the
 * record holds is shown then.
 */
static void
settle(Opened *opened)
{
    vmmiRecord *newer;
    const char *id = vmmiRecordGetId(opened->record);
    vmmiMigration *migration;

    if (opened->read_only || !open_is_unsettled(opened->record))
        return;
    migration = vmmiMigrationOpen(opened->manager, id, NULL, NULL);
    if (migration)
        open_settle(migration);
    newer = migration ? vmmiManagerFindRecord(opened->manager, id, NULL) : NULL;
    if (newer) {
        vmmiRecordFree(opened->record);
        opened->record = newer;
    }
    vmmiMigrationUnref(migration);
}

/* --- what is in charge --------------------------------------------------------------- */

/* Whether a plugin of that record is there to decide. */
static bool
is_in_charge(const vmmiRecord *record)
{
    switch (vmmiRecordGetPhase(record)) {
    case VMMI_PHASE_PREPARED:
    case VMMI_PHASE_STARTING:
    case VMMI_PHASE_RUNNING:
    case VMMI_PHASE_ENDING:
        return true;
    default:
        return false;
    }
}

/* The record of the plugin that decides now: this one, or the one that came last after it. NULL:
 * nobody decides. To be freed unless it is @record. */
static vmmiRecord *
find_in_charge(const Opened *opened)
{
    vmmiRecord *at = opened->record, *next;

    /* Each step is a newer record; the bound is for damaged ones. */
    for (int i = 0; i < 1000 && at && !is_in_charge(at); i++) {
        const char *by = vmmiRecordGetReplacedBy(at);

        next = by ? vmmiManagerFindRecord(opened->manager, by, NULL) : NULL;
        if (at != opened->record)
            vmmiRecordFree(at);
        at = next;
    }
    return at;
}

static char *
in_charge_text(const Opened *opened, const vmmiRecord *charge)
{
    bool ended = vmmiRecordGetOutcome(opened->record) != NULL;

    if (charge == opened->record)
        return g_strdup_printf("%s", vmmiRecordGetPlugin(charge));
    if (charge)
        return g_strdup_printf("%s, migration %s", vmmiRecordGetPlugin(charge),
                               vmmiRecordGetId(charge));
    return ended ? NULL : g_strdup("nobody; 'vmmi attach' puts a policy in charge");
}

/* --- for people ---------------------------------------------------------------------- */

static char *
time_text(uint64_t ms)
{
    g_autoptr(GDateTime) time = ms ? g_date_time_new_from_unix_local((gint64)(ms / 1000)) : NULL;
    uint64_t now = (uint64_t)g_get_real_time() / 1000;
    g_autofree char *text = time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : NULL;
    g_autofree char *age = figures_age(now > ms ? now - ms : 0);

    return text ? g_strdup_printf("%s, %s ago", text, age) : NULL;
}

static char *
exit_text(const vmmiOutcome *outcome)
{
    int value = vmmiOutcomeGetExitValue(outcome);

    switch (vmmiOutcomeGetExitKind(outcome)) {
    case VMMI_EXIT_EXITED:
        return g_strdup_printf("ended with status %d", value);
    case VMMI_EXIT_KILLED:
        return g_strdup_printf("killed by signal %d, %s", value, strsignal(value));
    case VMMI_EXIT_NOT_STARTED:
        return g_strdup("was not started");
    case VMMI_EXIT_LOST_AT_BOOT:
        return g_strdup("lost when the machine was started anew");
    default:
        return g_strdup("ended, nobody knows how");
    }
}

static void
print_outcome(const View *view)
{
    const vmmiOutcome *outcome = view->outcome;
    const vmmiError *error = vmmiOutcomeGetError(outcome);
    g_autofree char *place = view_place(vmmiOutcomeGetWhere(outcome),
                                        vmmiRecordGetSourceUri(view->record),
                                        vmmiRecordGetDestinationUri(view->record));
    g_autofree char *guest = view_guest(view);
    g_autofree char *where = g_strdup_printf("%s %s", guest, place);
    g_autofree char *exit = exit_text(outcome);
    g_autofree char *figures = figures_summary(vmmiOutcomeGetStatistics(outcome));

    show_line("where", where);
    show_line("evidence", vmmiOutcomeGetEvidence(outcome));
    show_line("its plugin", exit);
    show_line("figures", figures);
    show_line("error", vmmiErrorGetMessage(error));
    show_line("details", vmmiErrorGetDetails(error));
}

static void
print_progress(const View *view)
{
    g_autofree char *state = view->state_known
                                 ? figures_plain(view->state, view->percent, view->sample)
                                 : g_strdup(view_state(view));

    show_line("state", state);
}

static void
print_head(const View *view)
{
    const vmmiRecord *record = view->record;
    g_autofree char *guest = view_guest(view);
    g_autofree char *who = g_strdup_printf("%s, %s", guest, vmmiRecordGetGuestUuid(record));
    g_autofree char *plugin = g_strdup_printf("%s, %s", vmmiRecordGetPlugin(record),
                                              vmmiRecordGetPluginPath(record)
                                                  ? vmmiRecordGetPluginPath(record)
                                                  : "its file is not known");
    g_autofree char *to = view_host(vmmiRecordGetDestinationUri(record));
    g_autofree char *created = time_text(vmmiRecordGetCreatedMs(record));
    g_autofree char *ended = time_text(vmmiRecordGetEndedMs(record));

    show_line("migration", vmmiRecordGetId(record));
    show_line("guest", who);
    show_line("policy", plugin);
    show_line("from", vmmiRecordGetSourceUri(record));
    show_line("to", to);
    show_line("data to", vmmiRecordGetMigrateUri(record));
    show_line("started", created);
    show_line("ended", ended);
}

static json_t *
actions_of(const vmmiRecord *record)
{
    const vmmiOutcome *outcome = vmmiRecordGetOutcome(record);

    return outcome ? json_loads(vmmiOutcomeGetActions(outcome), 0, NULL)
                   : show_journal_actions(vmmiRecordGetDirectory(record));
}

static void
print_record(const Opened *opened, const vmmiRecord *charge)
{
    const vmmiRecord *record = opened->record;
    View view = view_of(record, NULL);
    g_autofree char *in_charge = in_charge_text(opened, charge);
    json_t *list = actions_of(record);

    print_head(&view);
    if (view.outcome)
        show_line("outcome", view_state(&view));
    else
        print_progress(&view);
    if (view.outcome)
        print_outcome(&view);
    show_line("in charge", in_charge);
    show_line("replaces", vmmiRecordGetReplaces(record));
    show_line("replaced by", vmmiRecordGetReplacedBy(record));
    if (view.outcome)
        show_line("seen", vmmiRecordIsAcknowledged(record) ? "yes, its record goes some day"
                                                           : "no, its record stays");
    show_line("directory", vmmiRecordGetDirectory(record));
    show_configuration(vmmiRecordGetConfiguration(record));
    show_actions(list);
    json_decref(list);
}

/* --- for programs -------------------------------------------------------------------- */

static void
report_record(const Opened *opened, const vmmiRecord *charge)
{
    const char *text = vmmiRecordGetConfiguration(opened->record);
    json_t *object = open_record_object(opened->record);
    json_t *configuration = text ? json_loads(text, 0, NULL) : NULL;
    json_t *content = json_object_get(configuration, "configuration");
    json_t *origins = json_object_get(configuration, "origins");

    json_object_set_new(object, "configuration", content ? json_incref(content) : json_null());
    json_object_set_new(object, "origins", origins ? json_incref(origins) : json_null());
    if (!vmmiRecordGetOutcome(opened->record))
        json_object_set_new(object, "actions", actions_of(opened->record));
    json_object_set_new(object, "inCharge",
                        charge ? json_pack("{s:s, s:s?}", "id", vmmiRecordGetId(charge), "plugin",
                                           vmmiRecordGetPlugin(charge))
                               : json_null());
    json_decref(configuration);
    report_object(object);
}

static ExitCode
run_show(const Common *common, char **arguments)
{
    Opened opened = { .common = common };
    vmmiRecord *charge = NULL;
    vmmiError *error = NULL;
    ExitCode code = EXIT_DONE;

    if (open_record(&opened, common, arguments[0], &error) < 0) {
        code = open_report(&opened, error);
    } else {
        settle(&opened);
        charge = find_in_charge(&opened);
        common->json ? report_record(&opened, charge) : print_record(&opened, charge);
    }
    if (charge != opened.record)
        vmmiRecordFree(charge);
    vmmiErrorFree(error);
    open_clear(&opened);
    return code;
}

const Verb verb_show = {
    .name = "show",
    .arguments = "ID",
    .summary = "everything about one migration",
    .details =
        "ID is that of a migration, or the name or UUID of its guest: then the migration that "
        "runs, else the newest. Shows where\n"
        "the guest is and how that is known, which policy is in charge, what it did, and the "
        "configuration with the origin of\n"
        "each key. If the plugin has ended and nobody has found out yet what became of the "
        "migration, that is done first.",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_show,
};
