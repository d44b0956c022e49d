/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-outcome.c: plugins that end in every possible way, followed to their outcome; and what is
 * left when shims, plugins and hosts are lost on the way.
 */
#include <signal.h>
#include <string.h>

#include "driver/connect.h"
#include "message/json.h"
#include "world.h"

static const struct {
    const char *name, *body;
    WorldGuest guest; /* once the plugin may end */
    vmmiOutcomeKind kind;
    vmmiWhere where;
    vmmiExitKind exit_kind;
    int exit_value, error;
    const char *diagnostics;
} rows[] = {
    { "success", SAY_SUCCESS, { VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE },
      VMMI_OUTCOME_COMPLETED, VMMI_WHERE_DESTINATION, VMMI_EXIT_EXITED, 0, 0, "" },
    { "garbage-around", "echo 'warning: { no json' >&2\n" SAY_SUCCESS "echo 'bye }' >&2",
      { VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE }, VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, VMMI_EXIT_EXITED, 0, 0, "warning: { no json\nbye }" },
    { "noise-without-end",
      SAY_SUCCESS "head -c 3000000 /dev/zero | tr '\\0' x >&2\necho bye >&2",
      { VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE }, VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, VMMI_EXIT_EXITED, 0, 0, "xxxbye" },
    { "two-completions", SAY_SUCCESS SAY_ERROR(8) "exit 1",
      { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE }, VMMI_OUTCOME_FAILED,
      VMMI_WHERE_SOURCE, VMMI_EXIT_EXITED, 1, 8, "\"result\": \"success\"" },
    { "no-completion", "echo 'segfault soon' >&2\nexit 3",
      { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE }, VMMI_OUTCOME_FAILED,
      VMMI_WHERE_SOURCE, VMMI_EXIT_EXITED, 3, VMMI_ERR_PLUGIN_PROTOCOL, "segfault soon" },
    { "half-completion",
      "printf '{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"compl' >&2\nexit 1",
      { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE }, VMMI_OUTCOME_FAILED,
      VMMI_WHERE_SOURCE, VMMI_EXIT_EXITED, 1, VMMI_ERR_PLUGIN_PROTOCOL, "contentType" },
    { "success-exit-1", SAY_SUCCESS "exit 1",
      { VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE }, VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, VMMI_EXIT_EXITED, 1, VMMI_ERR_PLUGIN_PROTOCOL, "" },
    { "false-success", SAY_SUCCESS, { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE },
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, VMMI_EXIT_EXITED, 0, VMMI_ERR_PLUGIN_PROTOCOL, "" },
    { "error-exit-0", SAY_ERROR(8), { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE },
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, VMMI_EXIT_EXITED, 0, VMMI_ERR_PLUGIN_PROTOCOL, "" },
    { "killed-itself", "kill -SEGV $$", { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE },
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, VMMI_EXIT_KILLED, SIGSEGV, VMMI_ERR_PLUGIN_CRASHED,
      "" },
    { "killed-moved", "kill -KILL $$",
      { VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE }, VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, VMMI_EXIT_KILLED, SIGKILL, VMMI_ERR_PLUGIN_CRASHED, "" },
    { "destroyed", SAY_ERROR(11) "exit 1",
      { VMMI_GUEST_SHUTOFF, VMMI_REASON_DESTROYED, VMMI_JOB_NONE }, VMMI_OUTCOME_FAILED,
      VMMI_WHERE_NOWHERE, VMMI_EXIT_EXITED, 1, 11, "" },
    { "postcopy-broken", SAY_ERROR(17) "exit 1",
      { VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY_FAILED, VMMI_JOB_NONE }, VMMI_OUTCOME_FAILED,
      VMMI_WHERE_BOTH, VMMI_EXIT_EXITED, 1, 17, "" },
    { "released", SAY_ERROR(13) "exit 1",
      { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT }, VMMI_OUTCOME_RELEASED,
      VMMI_WHERE_SOURCE, VMMI_EXIT_EXITED, 1, 13, "" },
    { "aborted", SAY_ERROR(9) "exit 1",
      { VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATION_CANCELED, VMMI_JOB_NONE }, VMMI_OUTCOME_ABORTED,
      VMMI_WHERE_SOURCE, VMMI_EXIT_EXITED, 1, 9, "" },
};

/* outcome.json holds the same, and keeps it. */
static void
check_record(const vmmiMigration *migration, const vmmiOutcome *outcome)
{
    g_autofree char *text = NULL;
    g_autoptr(json_t) object = NULL;
    g_autoptr(vmmiOutcome) back = NULL;
    size_t length = 0;

    g_assert_cmpint(vmmiJobReadOutcome(migration->job, &text, &length, NULL), ==, 1);
    object = vmmiJsonParse(text, length, NULL, NULL);
    back = vmmiOutcomeFromJson(object, NULL);
    g_assert_nonnull(back);
    g_assert_cmpint(back->kind, ==, outcome->kind);
    g_assert_cmpint(back->where, ==, outcome->where);
    g_assert_cmpint(back->exit_kind, ==, outcome->exit_kind);
    g_assert_cmpint(back->exit_value, ==, outcome->exit_value);
    g_assert_cmpint(vmmiErrorGetCode(back->error), ==, vmmiErrorGetCode(outcome->error));
    g_assert_cmpstr(back->evidence, ==, outcome->evidence);
    g_assert_cmpstr(back->diagnostics, ==, outcome->diagnostics);
    g_assert_cmpint(!back->completion, ==, !outcome->completion);
}

static void
test_row(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *body = g_strconcat(READY WAIT_FOR("go"), rows[row].body, NULL);
    const vmmiOutcome *outcome;

    write_plugin(fixture, "fake", body);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    world_set(&source_world, 1, rows[row].guest.state, rows[row].guest.reason, rows[row].guest.job);
    make_file(fixture, "go");
    if (!dispatch_until(fixture, has_ended))
        return;
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpstr(vmmiOutcomeKindToString(vmmiOutcomeGetKind(outcome)), ==,
                    vmmiOutcomeKindToString(rows[row].kind));
    g_assert_cmpstr(vmmiWhereToString(vmmiOutcomeGetWhere(outcome)), ==,
                    vmmiWhereToString(rows[row].where));
    g_assert_cmpstr(vmmiExitKindToString(vmmiOutcomeGetExitKind(outcome)), ==,
                    vmmiExitKindToString(rows[row].exit_kind));
    g_assert_cmpint(vmmiOutcomeGetExitValue(outcome), ==, rows[row].exit_value);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, rows[row].error);
    if (!strstr(vmmiOutcomeGetDiagnostics(outcome), rows[row].diagnostics))
        g_test_fail_printf("diagnostics '%s'", vmmiOutcomeGetDiagnostics(outcome));
    check_record(fixture->migration, outcome);
    g_assert_false(vmmiJobIsAcknowledged(fixture->migration->job));
    g_assert_cmpint(vmmiMigrationAcknowledge(fixture->migration, NULL), ==, 0);
    g_assert_true(vmmiJobIsAcknowledged(fixture->migration->job));
    g_assert_cmpuint(fixture->freed, ==, 1);
}

/* --- the plugin ends, the migration does not -------------------------------------- */

static bool
is_unattended(Fixture *fixture)
{
    return vmmiMigrationGetState(fixture->migration) == VMMI_STATE_UNATTENDED;
}

/* A plugin that moves the guest and waits. */
static void
start_moving(Fixture *fixture, const char *body)
{
    g_autofree char *text = g_strconcat(READY, body, FOREVER, NULL);

    write_plugin(fixture, "fake", text);
    start_logged(fixture);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    wait_for_file(fixture, "ready");
}

static void
kill_plugin(Fixture *fixture)
{
    g_assert_cmpint(vmmiJobSignal(fixture->migration->job, SIGKILL, NULL), ==, 0);
}

static void
test_unattended(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_moving(fixture, "");
    kill_plugin(fixture);
    dispatch_until(fixture, is_unattended);
    g_assert_null(vmmiMigrationGetOutcome(fixture->migration));
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, ">unattended "));
    g_assert_true(g_str_has_suffix(fixture->log->str, "unattended>completed end:completed "));
    g_assert_cmpuint(vmmiMigrationGetPercent(fixture->migration), ==, 100);
    g_assert_cmpint(
        vmmiErrorGetCode(vmmiOutcomeGetError(vmmiMigrationGetOutcome(fixture->migration))), ==,
        VMMI_ERR_PLUGIN_CRASHED);
    g_assert_cmpuint(
        vmmiSampleGetOr(vmmiOutcomeGetStatistics(vmmiMigrationGetOutcome(fixture->migration)),
                        VMMI_SAMPLE_DOWNTIME_FINAL_MS, 0),
        ==, 42);
}

static void
test_unattended_abort(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_moving(fixture, "");
    kill_plugin(fixture);
    dispatch_until(fixture, is_unattended);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:aborted"));
    g_assert_cmpuint(world_count(&source_world, &source_world.aborted), ==, 1);
}

static void
test_unattended_lost(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->manager->limits.settle = 200;
    start_moving(fixture, "");
    kill_plugin(fixture);
    dispatch_until(fixture, is_unattended);
    world_set_lost(&source_world, true);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "unattended>unknown end:unknown"));
    g_assert_cmpint(vmmiOutcomeGetWhere(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_WHERE_UNKNOWN);
}

/* The guest stays paused by a migration that runs no more: not for ever. */
static void
test_stalled(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->manager->limits.settle = 200;
    fixture->manager->limits.stalled = 200;
    start_moving(fixture, "");
    world_set(&source_world, 1, VMMI_GUEST_PAUSED, VMMI_REASON_MIGRATION, VMMI_JOB_NONE);
    kill_plugin(fixture);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, ">unattended unattended>unknown end:unknown"));
    g_assert_nonnull(strstr(vmmiOutcomeGetEvidence(vmmiMigrationGetOutcome(fixture->migration)),
                            "paused: migration under way, but no migration runs any more"));
}

/* A source that hangs does not hang the manager. */
static void
test_source_stuck(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->manager->limits.settle = 200;
    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_ERROR(12) "exit 1");
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    world_set_stuck(&source_world, true);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:unknown"));
}

/* Starts "fake" with both hosts known, and waits until it works. */
static void
start_with_destination(Fixture *fixture)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);

    write_plugin(fixture, "fake", READY FOREVER);
    options.plugin = "fake";
    options.guest = "g1";
    options.destination_uri = "test:///destination";
    options.destination = fixture->destination;
    fixture->migration = try_start(fixture, &options, NULL);
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    wait_for_file(fixture, "ready");
}

/* The source forgot the guest; the destination has it. */
static void
test_destination_tells(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_with_destination(fixture);
    world_set(&source_world, 1, VMMI_GUEST_ABSENT, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    world_set(&destination_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    kill_plugin(fixture);
    dispatch_until(fixture, has_ended);
    g_assert_cmpint(vmmiOutcomeGetWhere(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_WHERE_DESTINATION);
    g_assert_nonnull(strstr(vmmiOutcomeGetEvidence(vmmiMigrationGetOutcome(fixture->migration)),
                            "on the destination the guest is running"));
}

/* The same, for a migration that went on without its plugin before. */
static void
test_destination_tells_later(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_with_destination(fixture);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    kill_plugin(fixture);
    dispatch_until(fixture, is_unattended);
    world_set(&destination_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    world_set(&source_world, 1, VMMI_GUEST_ABSENT, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:completed"));
}

/* --- shims are killed ------------------------------------------------------------- */

static pid_t
shim_pid(Fixture *fixture)
{
    vmmiJobLiveness liveness = { 0 };

    g_assert_cmpint(vmmiJobGetLiveness(fixture->migration->job, &liveness, NULL), ==, 0);
    g_assert_cmpint(liveness.shim_pid, >, 0);
    return liveness.shim_pid;
}

static bool
shim_is_gone(Fixture *fixture)
{
    return fixture->migration->shim_pidfd < 0;
}

static void
test_shim_killed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_SUCCESS);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    kill(shim_pid(fixture), SIGKILL);
    dispatch_until(fixture, shim_is_gone);
    g_assert_false(has_ended(fixture));
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:completed"));
    g_assert_cmpint(vmmiOutcomeGetExitKind(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_EXIT_UNKNOWN);
    g_assert_null(vmmiOutcomeGetError(vmmiMigrationGetOutcome(fixture->migration)));
}

static bool
was_asked_after_end(Fixture *fixture)
{
    return fixture->migration->plugin_ended && fixture->migration->looks > 1;
}

/* What a plugin had asked the source for begins after it was killed. */
static void
test_killed_before_start(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    write_plugin(fixture, "fake", READY FOREVER);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    kill_plugin(fixture);
    dispatch_until(fixture, was_asked_after_end);
    g_assert_false(has_ended(fixture));
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    dispatch_until(fixture, is_unattended);
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:completed"));
}

static void
test_both_killed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    write_plugin(fixture, "fake", READY FOREVER);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    kill(shim_pid(fixture), SIGKILL);
    kill_plugin(fixture);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:failed"));
    g_assert_cmpint(vmmiOutcomeGetExitKind(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_EXIT_UNKNOWN);
    g_assert_cmpint(vmmiOutcomeGetWhere(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_WHERE_SOURCE);
}

/* --- once and for all ------------------------------------------------------------- */

/* Somebody else settled it: that outcome counts here too. */
static void
test_adopt(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const char settled[] =
        "{\"version\": 1, \"outcome\": \"aborted\", \"where\": \"source\", \"evidence\": \"seen by another\","
        " \"exit\": {\"kind\": \"killed\", \"value\": 9}, \"error\": null, \"diagnostics\": \"\"}";

    start_moving(fixture, "");
    kill_plugin(fixture);
    dispatch_until(fixture, is_unattended);
    g_assert_cmpint(vmmiJobSettle(fixture->migration->job, settled, strlen(settled), NULL), ==, 1);
    dispatch_until(fixture, has_ended);
    g_assert_cmpstr(vmmiOutcomeGetEvidence(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    "seen by another");
    g_assert_true(log_has(fixture, "end:aborted"));
}

/* The guest is free again, for the next migration. */
static void
test_guest_free_again(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiMigration) second = NULL;

    write_plugin(fixture, "fake", SAY_ERROR(8) "exit 1");
    start_logged(fixture);
    dispatch_until(fixture, has_ended);
    second = start(fixture, 1);
    g_assert_cmpstr(vmmiMigrationGetId(second), !=, vmmiMigrationGetId(fixture->migration));
    g_assert_cmpint(vmmiMigrationWait(second, 20000, NULL), ==, 1);
}

/* What the kit would have written, and what is taken from it. */
static void
test_journal(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiSample) figures = vmmiSampleNew();
    g_autoptr(json_t) end = json_pack("{s:s, s:s}", "outcome", "completed", "where", "destination");
    g_autoptr(json_t) action = json_pack("{s:s}", "what", "downtime");
    g_autoptr(vmmiJournal) journal = NULL;

    write_plugin(fixture, "fake", READY WAIT_FOR("go") "kill -KILL $$");
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    vmmiSampleSet(figures, VMMI_SAMPLE_PERCENT, 50);
    journal = vmmiJournalOpen(vmmiJobGetFd(fixture->migration->job), NULL);
    vmmiJournalAddState(journal, VMMI_STATE_PRECOPY, NULL, NULL);
    vmmiJournalAddSample(journal, figures, 0, NULL, NULL);
    vmmiJournalAddState(journal, VMMI_STATE_BEGIN, NULL, NULL);     /* illegal: left out */
    vmmiJournalAddState(journal, VMMI_STATE_COMPLETED, NULL, NULL); /* judged, not read */
    vmmiJournalAddAction(journal, action, NULL);
    vmmiJournalAddEnd(journal, end, NULL);
    world_set(&source_world, 1, VMMI_GUEST_ABSENT, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_cmpstr(fixture->log->str, ==,
                    "starting>precopy sample precopy>completed end:completed ");
    g_assert_cmpstr(vmmiOutcomeGetActions(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    "[{\"what\":\"downtime\"}]");
    g_assert_nonnull(
        strstr(vmmiOutcomeGetEvidence(vmmiMigrationGetOutcome(fixture->migration)), "journal"));
}

/* A long journal is taken in portions, and wholly. */
#define ENTRIES 2500

static void
test_journal_long(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiSample) figures = vmmiSampleNew();
    g_autoptr(vmmiJournal) journal = NULL;
    unsigned int samples = 0;

    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_ERROR(8) "exit 1");
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    vmmiSampleSet(figures, VMMI_SAMPLE_PERCENT, 1);
    journal = vmmiJournalOpen(vmmiJobGetFd(fixture->migration->job), NULL);
    for (int i = 0; i < ENTRIES; i++)
        g_assert_cmpint(vmmiJournalAddSample(journal, figures, 0, NULL, NULL), ==, 0);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    for (const char *at = fixture->log->str; (at = strstr(at, "sample ")); at++)
        samples++;
    g_assert_cmpuint(samples, ==, ENTRIES);
    g_assert_true(g_str_has_suffix(fixture->log->str, ">failed end:failed "));
}

/* A journal that fell silent is not waited for. */
static bool
has_sample(Fixture *fixture)
{
    return log_has(fixture, "sample");
}

static void
test_journal_silent(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJournal) journal = NULL;

    fixture->manager->limits.silence = 100;
    write_plugin(fixture, "fake", READY FOREVER);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    world_set(&source_world, 1, VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY, VMMI_JOB_MIGRATION_OUT);
    journal = vmmiJournalOpen(vmmiJobGetFd(fixture->migration->job), NULL);
    vmmiJournalAddState(journal, VMMI_STATE_PRECOPY, NULL, NULL);
    dispatch_until(fixture, has_sample);
    g_assert_true(log_has(fixture, "precopy>postcopy"));
    g_assert_cmpuint(vmmiMigrationGetPercent(fixture->migration), ==, 75);
    kill_plugin(fixture);
}

/* --- events ----------------------------------------------------------------------- */

static bool
has_postcopy(Fixture *fixture)
{
    return log_has(fixture, ">postcopy");
}

static void
test_events(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiEvent state = { .size = sizeof(state),
                        .type = VMMI_EVENT_STATE,
                        .state = VMMI_STATE_POSTCOPY };
    vmmiEvent gone = { .size = sizeof(gone),
                       .type = VMMI_EVENT_GUEST,
                       .guest_state = VMMI_GUEST_SHUTOFF,
                       .reason = VMMI_REASON_MIGRATED };

    fixture->connect->options.events = VMMI_EVENTS_APPLICATION;
    write_plugin(fixture, "fake", READY FOREVER);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    g_assert_cmpuint(world_count(&source_world, &source_world.monitors), ==, 1);
    world_send(&source_world, &state);
    dispatch_until(fixture, has_postcopy);
    world_send(&source_world, &gone);
    world_set(&source_world, 1, VMMI_GUEST_ABSENT, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    kill_plugin(fixture);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "postcopy>completed end:completed"));
    g_assert_nonnull(strstr(vmmiOutcomeGetEvidence(vmmiMigrationGetOutcome(fixture->migration)),
                            "it had reported"));
}

/* --- many ------------------------------------------------------------------------- */

#define MANY 100

static void
test_many(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiMigration *migrations[MANY];
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);

    write_plugin(fixture, "fake", SAY_ERROR(8) "exit 1");
    for (unsigned int i = 0; i < MANY; i++) {
        migrations[i] = start(fixture, i);
        g_assert_cmpint(vmmiMigrationWatch(migrations[i], &callbacks, NULL), ==, 0);
    }
    for (unsigned int i = 0; i < MANY; i++) {
        g_assert_cmpint(vmmiMigrationWait(migrations[i], 60000, NULL), ==, 1);
        g_assert_cmpint(vmmiOutcomeGetKind(vmmiMigrationGetOutcome(migrations[i])), ==,
                        VMMI_OUTCOME_FAILED);
    }
    for (unsigned int i = 0; i < MANY; i++)
        vmmiMigrationUnref(migrations[i]);
    g_assert_cmpuint(fixture->freed, ==, MANY);
}

#define ADD(name, function) ADD_FIXTURE("/migration/outcome/" name, function, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD_FIXTURE_ROWS("/migration/outcome/row/", rows, test_row);
    ADD("unattended/completed", test_unattended);
    ADD("unattended/aborted", test_unattended_abort);
    ADD("unattended/lost", test_unattended_lost);
    ADD("unattended/stalled", test_stalled);
    ADD("source-stuck", test_source_stuck);
    ADD("destination-tells", test_destination_tells);
    ADD("destination-tells-later", test_destination_tells_later);
    ADD("shim-killed", test_shim_killed);
    ADD("both-killed", test_both_killed);
    ADD("killed-before-start", test_killed_before_start);
    ADD("adopt", test_adopt);
    ADD("guest-free-again", test_guest_free_again);
    ADD("journal", test_journal);
    ADD("journal-long", test_journal_long);
    ADD("journal-silent", test_journal_silent);
    ADD("events", test_events);
    ADD("many", test_many);
    return g_test_run();
}
