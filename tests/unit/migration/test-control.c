/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-control.c: abort, release, a status on request; and plugins that do not end when they
 * should.
 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "world.h"

#define STATUS(state)                                                                              \
    "echo '{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": 1, "           \
    "\"status\": {\"state\": \"" state "\"}}'\n"
#define ON(signal, body) "act() {\n" body "}\ntrap act " signal "\n"

static void
start_body(Fixture *fixture, const char *body)
{
    write_plugin(fixture, "fake", body);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
}

static void
expect_end(Fixture *fixture, const char *end, int error)
{
    if (!dispatch_until(fixture, has_ended))
        return;
    if (!log_has(fixture, end))
        g_test_fail_printf("'%s' lacks '%s'", fixture->log->str, end);
    g_assert_cmpint(
        vmmiErrorGetCode(vmmiOutcomeGetError(vmmiMigrationGetOutcome(fixture->migration))), ==,
        error);
}

/* --- abort ------------------------------------------------------------------------ */

static void
test_abort(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    start_body(fixture, ON("INT", SAY_ERROR(9) "exit 1\n") READY FOREVER);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    expect_end(fixture, "end:aborted", 9);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
}

/* A plugin that did not get as far as catching signals is killed by the abort: that is no fault. */
static void
test_abort_early(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_body(fixture, READY FOREVER);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    expect_end(fixture, "end:aborted", 9);
    g_assert_cmpint(vmmiOutcomeGetExitKind(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_EXIT_KILLED);
    g_assert_cmpint(vmmiOutcomeGetExitValue(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    SIGINT);
}

/* Too late: the guest has moved. */
static void
test_abort_late(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_body(fixture, ON("INT", SAY_SUCCESS "exit 0\n") READY FOREVER);
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    expect_end(fixture, "end:completed", 0);
}

/* A hung plugin: the connection aborts, then the plugin is killed. */
static void
test_abort_hung(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->manager->limits.escalate = 50;
    fixture->manager->limits.escalate_kill = 50;
    start_body(fixture, "trap '' INT\n" READY FOREVER);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    expect_end(fixture, "end:aborted", 9);
    g_assert_cmpuint(world_count(&source_world, &source_world.aborted), ==, 1);
    g_assert_cmpint(vmmiOutcomeGetExitValue(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    SIGKILL);
    g_assert_nonnull(strstr(
        vmmiErrorGetDetails(vmmiOutcomeGetError(vmmiMigrationGetOutcome(fixture->migration))),
        "since it did not end by itself"));
}

static void
test_abort_stopped(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->manager->limits.escalate = 50;
    fixture->manager->limits.escalate_kill = 50;
    start_body(fixture, READY "kill -STOP $$\n" FOREVER);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    expect_end(fixture, "end:aborted", 9);
}

/* In post-copy nobody but the plugin can be asked: an abort would lose the guest. */
static bool
is_unattended(Fixture *fixture)
{
    return vmmiMigrationGetState(fixture->migration) == VMMI_STATE_UNATTENDED;
}

static void
test_abort_postcopy(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    start_body(fixture, READY WAIT_FOR("go") "exit 1");
    world_set(&source_world, 1, VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY, VMMI_JOB_MIGRATION_OUT);
    make_file(fixture, "go");
    dispatch_until(fixture, is_unattended);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
    g_assert_cmpuint(world_count(&source_world, &source_world.aborted), ==, 0);
}

static bool
has_waited(Fixture *fixture)
{
    static uint64_t last;
    static unsigned int changes;

    if (fixture->migration->timers[VMMI_TIMER_ESCALATE] != last)
        changes++;
    last = fixture->migration->timers[VMMI_TIMER_ESCALATE];
    return changes > 5;
}

/* A plugin that goes on then is right, and neither passed by nor killed. */
static void
test_abort_postcopy_refused(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJournal) journal = NULL;

    fixture->manager->limits.escalate = 50;
    fixture->manager->limits.escalate_kill = 50;
    start_body(fixture, "trap '' INT\n" READY FOREVER);
    journal = vmmiJournalOpen(vmmiJobGetFd(fixture->migration->job), NULL);
    vmmiJournalAddState(journal, VMMI_STATE_POSTCOPY, NULL, NULL);
    world_set(&source_world, 1, VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY, VMMI_JOB_MIGRATION_OUT);
    vmmiManagerDispatch(fixture->manager, NULL);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    dispatch_until(fixture, has_waited);
    g_assert_cmpuint(world_count(&source_world, &source_world.aborted), ==, 0);
    g_assert_false(vmmiJobWasAsked(fixture->migration->job, VMMI_JOB_ASKED_KILL));
    g_assert_false(has_ended(fixture));
}

/* --- release ---------------------------------------------------------------------- */

static void
test_release(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    start_body(fixture, ON("TERM", SAY_ERROR(13) "exit 1\n") READY FOREVER);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    g_assert_cmpint(vmmiMigrationRelease(fixture->migration, NULL), ==, 0);
    expect_end(fixture, "end:released", 13);
    g_assert_cmpint(vmmiOutcomeGetWhere(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_WHERE_SOURCE);
    g_assert_cmpint(vmmiMigrationRelease(fixture->migration, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
}

/* --- plugins that outlive their migration ----------------------------------------- */

static void
test_overdue(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->manager->limits.overdue = 50;
    start_body(fixture, ON("TERM", SAY_SUCCESS "exit 0\n") READY FOREVER);
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    expect_end(fixture, "end:completed", 0);
}

static void
test_overdue_hung(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->manager->limits.overdue = 50;
    fixture->manager->limits.overdue_kill = 50;
    start_body(fixture, READY "kill -STOP $$\n" FOREVER);
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    expect_end(fixture, "end:completed", VMMI_ERR_PLUGIN_CRASHED);
    g_assert_cmpint(vmmiOutcomeGetExitValue(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    SIGKILL);
}

/* --- status ----------------------------------------------------------------------- */

static bool
has_status(Fixture *fixture)
{
    return log_has(fixture, "status:");
}

static void
test_status(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    start_body(fixture,
               STATUS("begin") ON("USR1", STATUS("precopy") STATUS("postcopy")) READY FOREVER);
    g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 20000, NULL), ==, 0);
    g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 20000, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    dispatch_until(fixture, has_status);
    /* What was written before is no answer, and there is one answer only. */
    for (int i = 0; i < 5; i++)
        vmmiManagerDispatch(fixture->manager, NULL);
    g_assert_true(log_has(fixture, "status:precopy "));
    g_assert_false(log_has(fixture, "status:begin"));
    g_assert_false(log_has(fixture, "status:postcopy"));
    g_string_truncate(fixture->log, 0);
    g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 20000, NULL), ==, 0);
    dispatch_until(fixture, has_status);
    g_assert_true(log_has(fixture, "status:p"));
}

/* Noise is passed over, and a message in pieces is put together. */
static void
test_status_noise(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_body(fixture,
               ON("USR1", "echo '{ hello'\nprintf '{\"vmmiVersion\": \"0.4.1\", '\nsleep 0.1\n"
                          "echo '\"contentType\": \"status\", \"timestamp\": 1, "
                          "\"status\": {\"state\": \"precopy\"}}'\n") READY FOREVER);
    g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 20000, NULL), ==, 0);
    dispatch_until(fixture, has_status);
    g_assert_true(log_has(fixture, "status:precopy "));
}

static bool
is_sleep(Fixture *fixture)
{
    vmmiJobLiveness liveness = { 0 };
    g_autofree char *path = NULL;
    g_autofree char *name = NULL;

    vmmiJobGetLiveness(fixture->migration->job, &liveness, NULL);
    path = g_strdup_printf("/proc/%d/comm", (int)liveness.plugin_pid);
    return g_file_get_contents(path, &name, NULL, NULL) && g_str_equal(name, "sleep\n");
}

static void
test_status_not_ready(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    /* A shell blocks signals for a moment around each command; this does not. */
    start_body(fixture, READY "exec sleep 1000");
    dispatch_until(fixture, is_sleep);
    g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 0, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_READY);
}

static void
test_status_late(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_body(fixture, "trap ':' USR1\n" READY FOREVER);
    g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 20, NULL), ==, 0);
    dispatch_until(fixture, has_status);
    g_assert_true(log_has(fixture, "status:timeout "));
}

static void
test_status_end(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_body(fixture, "trap 'exit 1' USR1\n" READY FOREVER);
    g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 20000, NULL), ==, 0);
    dispatch_until(fixture, has_ended);
    g_assert_nonnull(strstr(fixture->log->str, "status:state"));
    g_assert_true(g_str_has_suffix(fixture->log->str, "end:failed "));
}

/* A plugin that chatters does not fill the disk. */
static bool
stdout_is_small(Fixture *fixture)
{
    struct stat st;

    return fstatat(vmmiJobGetFd(fixture->migration->job), "stdout", &st, 0) == 0 &&
           st.st_size < VMMI_STDOUT_MAX_BYTES;
}

static void
test_stdout_bounded(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_body(fixture, "head -c 3000000 /dev/zero\n" READY FOREVER);
    dispatch_until(fixture, stdout_is_small);
}

#define ADD(name, function) ADD_FIXTURE("/migration/control/" name, function, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD("abort/caught", test_abort);
    ADD("abort/early", test_abort_early);
    ADD("abort/late", test_abort_late);
    ADD("abort/hung", test_abort_hung);
    ADD("abort/stopped", test_abort_stopped);
    ADD("abort/postcopy", test_abort_postcopy);
    ADD("abort/postcopy-refused", test_abort_postcopy_refused);
    ADD("release", test_release);
    ADD("overdue/caught", test_overdue);
    ADD("overdue/hung", test_overdue_hung);
    ADD("status/answer", test_status);
    ADD("status/noise", test_status_noise);
    ADD("status/not-ready", test_status_not_ready);
    ADD("status/late", test_status_late);
    ADD("status/end", test_status_end);
    ADD("stdout-bounded", test_stdout_bounded);
    return g_test_run();
}
