/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-open.c: a migration that is followed by another manager than the one that started it: later,
 * beside it, or instead of it.
 */
#include <signal.h>
#include <string.h>

#include "driver/connect.h"
#include "world.h"

/* --- how it is followed ------------------------------------------------------------ */

/* Who follows, and when it is opened. */
typedef enum { WHILE_IT_RUNS, BETWEEN, WHEN_SETTLED } When;

static const struct {
    const char *name;
    When when;
    bool with_connect;
    bool same_manager; /* the one that started it */
} follow_rows[] = {
    { "running", WHILE_IT_RUNS, true, false },
    { "running-lazy", WHILE_IT_RUNS, false, false },
    { "running-same-manager", WHILE_IT_RUNS, true, true },
    { "plugin-gone", BETWEEN, true, false },
    { "plugin-gone-lazy", BETWEEN, false, false },
    { "settled", WHEN_SETTLED, true, false },
    { "settled-lazy", WHEN_SETTLED, false, false },
    { "settled-same-manager", WHEN_SETTLED, false, true },
};

/* Follows fixture->migration's id by a new manager, which takes the place of the old one. */
static void
change_manager(Fixture *fixture, bool with_connect)
{
    g_autofree char *id = g_strdup(vmmiMigrationGetId(fixture->migration));
    g_autofree char *run = g_strdup(vmmiManagerGetRunDir(fixture->manager));
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    g_autoptr(vmmiError) error = NULL;

    g_clear_pointer(&fixture->migration, vmmiMigrationUnref);
    g_clear_pointer(&fixture->manager, vmmiManagerFree);
    g_string_truncate(fixture->log, 0);
    fixture->manager = vmmiManagerNew(run, 0, NULL);
    fixture->migration =
        vmmiMigrationOpen(fixture->manager, id, with_connect ? fixture->connect : NULL, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
}

static void
open_again(Fixture *fixture, size_t row)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    vmmiMigration *again;

    if (!follow_rows[row].same_manager) {
        change_manager(fixture, follow_rows[row].with_connect);
        return;
    }
    again = vmmiMigrationOpen(fixture->manager, vmmiMigrationGetId(fixture->migration),
                              fixture->connect, NULL);
    g_assert_true(again == fixture->migration);
    g_assert_cmpint(vmmiMigrationWatch(again, &callbacks, NULL), ==, 0);
    vmmiMigrationUnref(again);
}

static bool
plugin_is_gone(Fixture *fixture)
{
    return fixture->migration->plugin_ended;
}

static void
test_follow(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const vmmiOutcome *outcome;

    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_ERROR(8) "exit 1");
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    if (follow_rows[row].when == WHILE_IT_RUNS)
        open_again(fixture, row);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER,
              follow_rows[row].when == BETWEEN ? VMMI_JOB_MIGRATION_OUT : VMMI_JOB_NONE);
    make_file(fixture, "go");
    if (follow_rows[row].when == BETWEEN) {
        dispatch_until(fixture, plugin_is_gone);
        open_again(fixture, row);
        world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    } else if (follow_rows[row].when == WHEN_SETTLED) {
        dispatch_until(fixture, has_ended);
        open_again(fixture, row);
    }
    if (!dispatch_until(fixture, has_ended))
        return;
    vmmiManagerDispatch(fixture->manager, NULL);
    g_assert_true(g_str_has_suffix(fixture->log->str, "end:failed "));
    g_assert_true(strstr(fixture->log->str, "end:failed ") ==
                  fixture->log->str + fixture->log->len - strlen("end:failed "));
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiOutcomeGetWhere(outcome), ==, VMMI_WHERE_SOURCE);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, 8);
    g_assert_cmpint(vmmiOutcomeGetExitValue(outcome), ==, 1);
}

/* --- what it shows ------------------------------------------------------------------ */

static void
test_information(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *configuration = NULL;
    g_autofree char *id = NULL;
    uint64_t created;

    write_plugin(fixture, "fake", READY FOREVER);
    fixture->migration = start(fixture, 1);
    id = g_strdup(vmmiMigrationGetId(fixture->migration));
    configuration = g_strdup(vmmiMigrationGetConfiguration(fixture->migration));
    created = vmmiMigrationGetCreatedMs(fixture->migration);
    g_assert_cmpuint(created, >, 0);
    change_manager(fixture, false);
    g_assert_cmpstr(vmmiMigrationGetId(fixture->migration), ==, id);
    g_assert_cmpstr(vmmiMigrationGetGuestName(fixture->migration), ==, "g1");
    g_assert_cmpstr(vmmiMigrationGetPlugin(fixture->migration), ==, "fake");
    g_assert_cmpstr(vmmiMigrationGetConfiguration(fixture->migration), ==, configuration);
    g_assert_nonnull(strstr(configuration, "\"migration.attach\":\"vmmi\""));
    g_assert_cmpuint(vmmiMigrationGetCreatedMs(fixture->migration), ==, created);
    g_assert_null(vmmiMigrationGetReplaces(fixture->migration));
    g_assert_null(vmmiMigrationGetReplacedBy(fixture->migration));
    g_assert_cmpint(vmmiMigrationGetState(fixture->migration), ==, VMMI_STATE_STARTING);
}

/* What the kit would have written while nobody followed. */
static void
write_journal(Fixture *fixture, unsigned int samples)
{
    g_autoptr(vmmiJournal) journal =
        vmmiJournalOpen(vmmiJobGetFd(fixture->migration->job), NULL);
    g_autoptr(json_t) action = json_pack("{s:s}", "what", "downtime");
    g_autoptr(vmmiSample) figures = vmmiSampleNew();

    vmmiJournalAddState(journal, VMMI_STATE_BEGIN, NULL, NULL);
    vmmiJournalAddState(journal, VMMI_STATE_PRECOPY, NULL, NULL);
    /* Far at first, and back then: percent must not follow. */
    for (unsigned int i = 0; i < samples; i++) {
        vmmiSampleSet(figures, VMMI_SAMPLE_PERCENT, i == samples / 2 ? 80 : 30);
        vmmiSampleSet(figures, VMMI_SAMPLE_ELAPSED_MS, 1000 + i);
        vmmiJournalAddSample(journal, figures, 0, NULL, NULL);
    }
    vmmiJournalAddAction(journal, action, NULL);
    vmmiJournalAddState(journal, VMMI_STATE_SWITCHOVER, NULL, NULL);
    vmmiSampleSet(figures, VMMI_SAMPLE_ELAPSED_MS, 99999);
    vmmiJournalAddSample(journal, figures, 0, NULL, NULL);
}

/* Longer than one look takes. */
#define SAMPLES 2500
#define LATE_LOG                                                                                   \
    "starting>begin begin>precopy sample precopy>switchover sample switchover>failed end:failed "

/* The states in order, of the samples the last before each, nothing twice, and all that was done. */
static void
test_journal(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiOutcome *outcome;

    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_ERROR(8) "exit 1");
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    write_journal(fixture, SAMPLES);
    change_manager(fixture, false);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_cmpstr(fixture->log->str, ==, LATE_LOG);
    g_assert_cmpuint(vmmiMigrationGetPercent(fixture->migration), ==, 80);
    g_assert_cmpuint(vmmiSampleGetOr(vmmiMigrationGetSample(fixture->migration),
                                     VMMI_SAMPLE_ELAPSED_MS, 0),
                     ==, 99999);
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpstr(vmmiOutcomeGetActions(outcome), ==, "[{\"what\":\"downtime\"}]");
    /* Once more, now that it is settled. */
    change_manager(fixture, false);
    dispatch_until(fixture, has_ended);
    g_assert_cmpstr(fixture->log->str, ==, LATE_LOG);
    g_assert_cmpuint(vmmiMigrationGetPercent(fixture->migration), ==, 80);
}

/*
 * The source has forgotten the guest, nobody saw how, and the plugin is gone without a word: the
 * destination knows, which the application had given to the first manager.
 */
static void
test_destination_tells(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    write_plugin(fixture, "fake", READY FOREVER);
    options.guest = "g1";
    options.plugin = "fake";
    options.destination_uri = "test:///destination";
    options.destination = fixture->destination;
    fixture->migration = try_start(fixture, &options, NULL);
    g_assert_nonnull(fixture->migration);
    wait_for_file(fixture, "ready");
    world_set(&source_world, 1, VMMI_GUEST_ABSENT, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    world_set(&destination_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    g_assert_cmpint(vmmiJobSignal(fixture->migration->job, SIGKILL, NULL), ==, 0);
    change_manager(fixture, false);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:completed"));
    g_assert_nonnull(strstr(vmmiOutcomeGetEvidence(vmmiMigrationGetOutcome(fixture->migration)),
                            "on the destination the guest is running"));
}

/* A guest that was shut off before is known to have been. */
static void
test_inactive(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_SUCCESS);
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    change_manager(fixture, false);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:completed "));
    g_assert_nonnull(strstr(vmmiOutcomeGetEvidence(vmmiMigrationGetOutcome(fixture->migration)),
                            "its definition moved"));
}

/* --- what can be asked for ------------------------------------------------------------ */

static bool
has_status(Fixture *fixture)
{
    return log_has(fixture, "status:precopy ");
}

/* Without a connection of its own. */
static void
test_status_and_release(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    write_plugin(fixture, "fake",
                 "answer() {\n"
                 "echo '{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\","
                 " \"timestamp\": 1, \"status\": {\"state\": \"precopy\"}}'\n}\n"
                 "let_go() {\n" SAY_ERROR(13) "exit 1\n}\n"
                 "trap answer USR1\ntrap let_go TERM\n" READY FOREVER);
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    change_manager(fixture, false);
    g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 0, NULL), ==, 0);
    dispatch_until(fixture, has_status);
    g_assert_cmpint(vmmiMigrationRelease(fixture->migration, NULL), ==, 0);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:released "));
}

static void
test_acknowledge(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_ERROR(8) "exit 1");
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    change_manager(fixture, true);
    g_assert_cmpint(vmmiMigrationAcknowledge(fixture->migration, &error), <, 0);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_false(vmmiJobIsAcknowledged(fixture->migration->job));
    for (int i = 0; i < 2; i++)
        g_assert_cmpint(vmmiMigrationAcknowledge(fixture->migration, NULL), ==, 0);
    g_assert_true(vmmiJobIsAcknowledged(fixture->migration->job));
}

/* --- a source that cannot be opened ---------------------------------------------------- */

/* As when the driver was the other application's own. */
static void
change_source(Fixture *fixture, const char *from, const char *to)
{
    g_autofree char *path =
        g_build_filename(vmmiMigrationGetDirectory(fixture->migration), "job.json", NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) parts = NULL;
    g_autofree char *changed = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    parts = g_strsplit(text, from, -1);
    changed = g_strjoinv(to, parts);
    g_assert_cmpstr(changed, !=, text);
    g_assert_true(g_file_set_contents(path, changed, -1, NULL));
}

static void
test_unreachable(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiOutcome *outcome;

    write_plugin(fixture, "fake", READY WAIT_FOR("go") "kill -KILL $$");
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    change_source(fixture, "test:///source", "none:///source");
    change_manager(fixture, false);
    fixture->manager->limits.settle = 200;
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:unknown "));
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_nonnull(strstr(vmmiOutcomeGetEvidence(outcome), "the source did not answer: "));
    g_assert_nonnull(strstr(vmmiOutcomeGetEvidence(outcome), "none:///source"));
}

/* A source that comes back is opened, and asked. */
static void
test_reached_later(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    write_plugin(fixture, "fake", READY FOREVER);
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    change_manager(fixture, false);
    world_set_lost(&source_world, true);
    g_assert_cmpint(vmmiJobSignal(fixture->migration->job, SIGKILL, NULL), ==, 0);
    dispatch_until(fixture, plugin_is_gone);
    world_set_lost(&source_world, false);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:failed "));
}

/* --- refusals ------------------------------------------------------------------------ */

static const struct {
    const char *name, *id;
    int code;
} refusal_rows[] = {
    { "no-such-number", "00000001-0000-4000-8000-000000000000.7", VMMI_ERR_MIGRATION_UNKNOWN },
    { "no-id", "g1", VMMI_ERR_MIGRATION_UNKNOWN },
    { "path", "../jobs", VMMI_ERR_MIGRATION_UNKNOWN },
    { "null", NULL, VMMI_ERR_INVALID_ARGUMENT },
};

static void
test_refusal(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(vmmiMigrationOpen(fixture->manager, refusal_rows[row].id, NULL, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refusal_rows[row].code);
}

static const struct {
    const char *name, *text, *needle;
} outcome_rows[] = {
    { "outcome-too-new", "{\"version\": 99, \"outcome\": \"completed\"}", "outcome.json has version 99" },
    { "outcome-damaged", "{\"version\": 1}", "holds no outcome" },
    { "outcome-no-json", "x", "outcome.json" },
};

static void
test_bad_outcome(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiManager) second = vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), 0, NULL);
    g_autofree char *path = NULL;
    g_autoptr(vmmiError) error = NULL;

    write_plugin(fixture, "fake", READY FOREVER);
    fixture->migration = start(fixture, 1);
    path = g_build_filename(vmmiMigrationGetDirectory(fixture->migration), "outcome.json", NULL);
    g_assert_true(g_file_set_contents(path, outcome_rows[row].text, -1, NULL));
    g_assert_null(vmmiMigrationOpen(second, vmmiMigrationGetId(fixture->migration), NULL, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    if (!strstr(vmmiErrorGetMessage(error), outcome_rows[row].needle))
        g_test_fail_printf("'%s'", vmmiErrorGetMessage(error));
}

static void
test_other_world(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) other = vmmiConnectOpen("lonely:///source", NULL, 0, NULL);
    g_autoptr(vmmiManager) second = vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), 0, NULL);
    g_autoptr(vmmiError) error = NULL;

    write_plugin(fixture, "fake", READY FOREVER);
    fixture->migration = start(fixture, 1);
    g_assert_null(
        vmmiMigrationOpen(second, vmmiMigrationGetId(fixture->migration), other, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
}

#define ADD(name, func) ADD_FIXTURE("/migration/open/" name, func, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD_FIXTURE_ROWS("/migration/open/", follow_rows, test_follow);
    ADD_FIXTURE_ROWS("/migration/open/refuse/", refusal_rows, test_refusal);
    ADD_FIXTURE_ROWS("/migration/open/refuse/", outcome_rows, test_bad_outcome);
    ADD("refuse/other-world", test_other_world);
    ADD("information", test_information);
    ADD("journal", test_journal);
    ADD("inactive", test_inactive);
    ADD("destination-tells", test_destination_tells);
    ADD("status-and-release", test_status_and_release);
    ADD("acknowledge", test_acknowledge);
    ADD("unreachable", test_unreachable);
    ADD("reached-later", test_reached_later);
    return g_test_run();
}
