/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-take-back.c: taking over that does not go as it should: migrations that end meanwhile, new
 * plugins that do not start, takers that are killed, and several at once.
 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "migration/record.h"
#include "taking.h"

/* --- migrations that end meanwhile ------------------------------------------------ */

static gpointer
end_when_told(gpointer data)
{
    Fixture *fixture = data;

    wait_for_file(fixture, "told");
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    make_file(fixture, "go");
    return NULL;
}

/* It completes while the old plugin is on its way out: nothing is started. */
static void
test_ends_meanwhile(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;
    GThread *thread;

    start_old(fixture, "finish() { : > \"$TOP/told\"; " WAIT_FOR("go") SAY_SUCCESS
                       "exit 0; }\ntrap finish TERM\n: > \"$TOP/old.ready\"\n" FOREVER);
    write_plugin(fixture, "new", LETS_GO);
    thread = g_thread_new("host", end_when_told, fixture);
    g_assert_null(take_over(fixture, "new", &error));
    g_thread_join(thread);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    expect_text(vmmiErrorGetMessage(error), "is not being migrated");
    expect_text(vmmiErrorGetMessage(error), "its plugin says success");
    g_assert_cmpuint(count_records(fixture), ==, 1);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:completed "));
}

/* It completes before the new plugin has looked: that one came too late, which harms nobody. */
static void
test_too_late(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    const vmmiOutcome *outcome;

    MOVE(fixture);
    write_plugin(fixture, "new", WAIT_FOR("go") SAY_ERROR(117) "exit 1");
    fixture->migration = take_over(fixture, "new", NULL);
    g_assert_nonnull(fixture->migration);
    vmmiMigrationWatch(fixture->migration, &callbacks, NULL);
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_COMPLETED);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, VMMI_ERR_STATE);
}

static void
test_ended_before(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    start_old(fixture, ": > \"$TOP/old.ready\"\n" WAIT_FOR("go") SAY_SUCCESS "exit 0");
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_null(take_over(fixture, "old", &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    expect_text(vmmiErrorGetMessage(error), "ended: completed");
    g_assert_cmpuint(count_records(fixture), ==, 1);
}

/* A plugin that was just started, and has not begun to migrate. */
static void
test_not_yet(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiTakeOverOptions options = { .guest = "g1", .release_timeout_ms = 200 };
    g_autoptr(vmmiError) error = NULL;

    start_old(fixture, LETS_GO);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    g_assert_null(take_over_with(fixture, &options, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_READY);
    expect_untouched(fixture);
}

/* --- new ones that do not start --------------------------------------------------- */

static void
write_lost(const Fixture *fixture)
{
    g_autofree char *lost = g_build_filename(fixture->plugins, "lost", NULL);

    g_assert_true(g_file_set_contents(lost, "#!/nowhere/interpreter\n", -1, NULL));
    g_assert_cmpint(chmod(lost, 0700), ==, 0);
}

/* The old one is in charge again, in a record of its own. */
static void
test_falls_back(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const char *const settings[] = { "downtime=5", NULL };
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiJob) again = NULL;
    g_autofree char *holder = NULL;
    g_autofree char *config = NULL;
    size_t length = 0;

    start_old_with(fixture, LETS_GO, settings);
    write_lost(fixture);
    g_assert_null(take_over(fixture, "lost", &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
    expect_text(vmmiErrorGetMessage(error), "/nowhere/interpreter");
    expect_text(vmmiErrorGetMessage(error), "plugin 'old' is in charge again, as migration ");
    holder = in_charge(fixture);
    g_assert_nonnull(holder);
    if (!holder)
        return;
    expect_text(vmmiErrorGetMessage(error), holder);
    again = vmmiJobOpen(fixture->manager->run, holder, NULL);
    g_assert_cmpstr(vmmiJobGetRecord(again)->plugin, ==, "old");
    g_assert_cmpstr(vmmiJobGetRecord(again)->replaces, ==,
                    vmmiMigrationGetId(fixture->migration));
    vmmiJobReadConfig(again, &config, &length, NULL);
    expect_text(config, "\"only\"");
    expect_text(config, "\"downtime\"");
    g_assert_cmpuint(count_records(fixture), ==, 2);
    g_assert_cmpstr(vmmiMigrationGetReplacedBy(fixture->migration), ==, holder);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:released "));
}

/* Neither of them. */
static void
test_falls(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    start_old(fixture, "trap 'rm -f \"$0\"; " RELEASED "exit 1' TERM\n: > \"$TOP/old.ready\"\n"
                       FOREVER);
    write_lost(fixture);
    g_assert_null(take_over(fixture, "lost", &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
    expect_text(vmmiErrorGetMessage(error), "the migration goes on and nobody is in charge of it");
    expect_text(vmmiErrorGetMessage(error), "could not be started again either");
    expect_in_charge(fixture, NULL);
    g_assert_cmpuint(count_records(fixture), ==, 1);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:released "));
}

/* Nobody was in charge, and nobody is. */
static void
test_as_before(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    MOVE(fixture);
    write_lost(fixture);
    g_assert_null(take_over(fixture, "lost", &error));
    expect_text(vmmiErrorGetMessage(error), "nobody is in charge of it, as before");
    g_assert_cmpuint(count_records(fixture), ==, 0);
}

/* It starts and gives up at once: its outcome tells how the guest was left. */
static void
test_gives_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    const vmmiOutcome *outcome;

    start_old(fixture, LETS_GO);
    write_plugin(fixture, "new", SAY_ERROR(119) "exit 1");
    vmmiMigrationUnref(fixture->migration);
    fixture->migration = take_over(fixture, "new", NULL);
    g_assert_nonnull(fixture->migration);
    g_string_truncate(fixture->log, 0);
    vmmiMigrationWatch(fixture->migration, &callbacks, NULL);
    dispatch_until(fixture, has_ended);
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_FAILED);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, VMMI_ERR_OPTION);
    expect_text(vmmiOutcomeGetEvidence(outcome),
                "the migration goes on and nobody is in charge of it");
}

/* --- takers that are killed ------------------------------------------------------- */

#define KILL_TAKER "kill -9 \"$(cat \"$TOP/taker\")\"; "

static const struct {
    const char *name;
    const char *old, *describe, *next;
    bool next_runs; /* afterwards */
    bool old_runs;
} killed[] = {
    { "checking", LETS_GO, KILL_TAKER, LETS_GO, false, true },
    { "ending", "trap '" RELEASED KILL_TAKER "exit 1' TERM\n: > \"$TOP/old.ready\"\n" FOREVER, "",
      LETS_GO, false, false },
    { "started", LETS_GO, "", KILL_TAKER LETS_GO, true, false },
};

static void
write_next(const Fixture *fixture, size_t row)
{
    g_autofree char *path = g_build_filename(fixture->plugins, "new", NULL);
    g_autofree char *text = g_strdup_printf(
        "#!/bin/sh\nTOP='%s'\nif [ \"$1\" = --vmmi-describe ]; then %s exit 1; fi\n%s\n",
        fixture->top, killed[row].describe, killed[row].next);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, 0700), ==, 0);
}

static void
take_in_child(Fixture *fixture)
{
    g_autofree char *path = g_build_filename(fixture->top, "taker", NULL);
    g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
    vmmiTakeOverOptions options = VMMI_TAKE_OVER_OPTIONS_INIT;
    vmmiManager *manager = vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), 0, NULL);
    vmmiConnect *connect = vmmiConnectOpen("test:///source", NULL, 0, NULL);

    g_file_set_contents(path, pid, -1, NULL);
    options.guest = "g1";
    options.plugin = "new";
    vmmiMigrationTakeOver(manager, connect, &options, NULL);
    for (;;)
        pause();
}

static bool
old_has_ended(Fixture *fixture)
{
    vmmiJobResult result;

    return vmmiJobReadResult(fixture->migration->job, &result, NULL) != 0;
}

static void
test_killed(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiRecordList) list = NULL;
    g_autoptr(vmmiMigration) last = NULL;
    g_autofree char *holder = NULL;
    int status = 0;
    pid_t taker;

    start_old(fixture, killed[row].old);
    write_next(fixture, row);
    taker = fork();
    if (taker == 0)
        take_in_child(fixture);
    g_assert_cmpint(waitpid(taker, &status, 0), ==, taker);
    g_assert_true(WIFSIGNALED(status));
    if (!killed[row].old_runs)
        dispatch_until(fixture, old_has_ended);
    if (killed[row].next_runs)
        wait_for_file(fixture, "new.ready");
    list = vmmiManagerListRecords(fixture->manager, 0, NULL);
    g_assert_cmpuint(vmmiRecordListGetBroken(list, NULL), ==, 0);
    holder = in_charge(fixture);
    if (killed[row].old_runs)
        g_assert_cmpstr(holder, ==, vmmiMigrationGetId(fixture->migration));
    else
        g_assert_true((holder != NULL) == killed[row].next_runs);
    /* Whoever comes later can go on from there. */
    write_plugin(fixture, "last", LETS_GO);
    last = take_over(fixture, "last", &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    if (!last)
        return;
    expect_in_charge(fixture, vmmiMigrationGetId(last));
    g_assert_cmpstr(vmmiMigrationGetReplaces(last), ==,
                    killed[row].next_runs ? holder : vmmiMigrationGetId(fixture->migration));
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:released "));
}

/* Several at once: some may follow one another, but at the end one is in charge, and one runs. */
#define TAKERS 4

static void
test_race(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_auto(GStrv) ids = NULL;
    g_autofree char *holder = NULL;
    int won = 0, busy = 0, running = 0;

    start_old(fixture, LETS_GO);
    write_plugin(fixture, "new", LETS_GO);
    for (int i = 0; i < TAKERS; i++) {
        if (fork() == 0) {
            vmmiTakeOverOptions options = VMMI_TAKE_OVER_OPTIONS_INIT;
            vmmiManager *manager = vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), 0, NULL);
            vmmiConnect *connect = vmmiConnectOpen("test:///source", NULL, 0, NULL);
            vmmiError *error = NULL;

            options.guest = "g1";
            options.plugin = "new";
            _exit(vmmiMigrationTakeOver(manager, connect, &options, &error) ? 0
                  : vmmiErrorGetCode(error) == VMMI_ERR_GUEST_BUSY          ? 14
                                                                            : 1);
        }
    }
    for (int i = 0; i < TAKERS; i++) {
        int status = -1;

        g_assert_cmpint(wait(&status), >, 0);
        won += WIFEXITED(status) && WEXITSTATUS(status) == 0;
        busy += WIFEXITED(status) && WEXITSTATUS(status) == 14;
    }
    g_assert_cmpint(won, >=, 1);
    g_assert_cmpint(won + busy, ==, TAKERS);
    ids = vmmiRunDirListJobs(fixture->manager->run, NULL);
    holder = in_charge(fixture);
    for (char **id = ids; *id; id++) {
        g_autoptr(vmmiJob) job = vmmiJobOpen(fixture->manager->run, *id, NULL);
        vmmiJobLiveness liveness = { 0 };

        vmmiJobGetLiveness(job, &liveness, NULL);
        if (!vmmiJobPhaseIsLive(liveness.phase))
            continue;
        running++;
        g_assert_cmpstr(holder, ==, *id);
    }
    g_assert_cmpint(running, ==, 1);
    g_assert_cmpuint(g_strv_length(ids), ==, (guint)won + 1);
}

#define ADD(name, function) ADD_FIXTURE("/migration/take-back/" name, function, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD("ends-meanwhile", test_ends_meanwhile);
    ADD("too-late", test_too_late);
    ADD("ended-before", test_ended_before);
    ADD("not-yet", test_not_yet);
    ADD("falls-back", test_falls_back);
    ADD("falls", test_falls);
    ADD("as-before", test_as_before);
    ADD("gives-up", test_gives_up);
    ADD_FIXTURE_ROWS("/migration/take-back/killed/", killed, test_killed);
    ADD("race", test_race);
    return g_test_run();
}
