/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-fakes.c: each plugin of tests/fakes/flawed under a manager, with a guest that stays and with
 * one that moves: what the plugin says and what is true are different things. FAKES names the
 * folder.
 */
#include <signal.h>
#include <string.h>

#include "world.h"

typedef struct {
    const char *name;
    vmmiExitKind exit_kind;
    int exit_value;
    vmmiOutcomeKind stayed; /* outcome when the guest is where it was */
    int stayed_error;
    int moved_error; /* the outcome then is "completed" */
} Row;

#define ENDS(n) VMMI_EXIT_EXITED, (n)
#define DIES(n) VMMI_EXIT_KILLED, (n)
#define FAILED VMMI_OUTCOME_FAILED
#define WRONG VMMI_ERR_PLUGIN_PROTOCOL

static const Row rows[] = {
    /* Those in order. */
    { "lies", ENDS(0), FAILED, WRONG, 0 },
    { "many-lines", ENDS(0), FAILED, WRONG, 0 },
    { "fails", ENDS(1), FAILED, 8, WRONG },
    { "own-code", ENDS(1), FAILED, 1234, WRONG },
    { "sigwait", ENDS(0), FAILED, WRONG, 0 },
    { "slow-bytes", ENDS(0), FAILED, WRONG, 0 },
    { "catches-late", ENDS(0), FAILED, WRONG, 0 },
    { "leaves-child", ENDS(0), FAILED, WRONG, 0 },
    /* No completion. */
    { "no-completion", ENDS(0), FAILED, WRONG, WRONG },
    { "no-completion-fails", ENDS(1), FAILED, WRONG, WRONG },
    { "exits-early", ENDS(0), FAILED, WRONG, WRONG },
    { "wrong-stream", ENDS(0), FAILED, WRONG, WRONG },
    { "truncated", ENDS(0), FAILED, WRONG, WRONG },
    { "empty-completion", ENDS(0), FAILED, WRONG, WRONG },
    { "wrong-result", ENDS(0), FAILED, WRONG, WRONG },
    { "wrong-types", ENDS(1), FAILED, WRONG, WRONG },
    { "no-success", ENDS(0), FAILED, WRONG, WRONG },
    { "no-error", ENDS(1), FAILED, WRONG, WRONG },
    { "no-timestamp", ENDS(0), FAILED, WRONG, WRONG },
    { "other-version", ENDS(0), FAILED, WRONG, WRONG },
    /* Two completions: the last counts. */
    { "two-completions", ENDS(0), FAILED, WRONG, 0 },
    { "two-completions-error", ENDS(1), FAILED, 8, WRONG },
    /* Noise. */
    { "garbage-before", ENDS(0), FAILED, WRONG, 0 },
    { "garbage-after", ENDS(0), FAILED, WRONG, 0 },
    { "garbage-around", ENDS(0), FAILED, WRONG, 0 },
    { "other-message", ENDS(0), FAILED, WRONG, 0 },
    { "floods-stdout", ENDS(0), FAILED, WRONG, 0 },
    { "floods-stderr", ENDS(0), FAILED, WRONG, 0 },
    { "answers-unasked", ENDS(0), FAILED, WRONG, 0 },
    /* Contradictions, and violent ends (B9). */
    { "success-exit-1", ENDS(1), FAILED, WRONG, WRONG },
    { "error-exit-0", ENDS(0), FAILED, WRONG, WRONG },
    { "success-killed", DIES(SIGKILL), FAILED, WRONG, WRONG },
    { "killed", DIES(SIGKILL), FAILED, VMMI_ERR_PLUGIN_CRASHED, VMMI_ERR_PLUGIN_CRASHED },
    { "crashes", DIES(SIGSEGV), FAILED, VMMI_ERR_PLUGIN_CRASHED, VMMI_ERR_PLUGIN_CRASHED },
    /* Broken descriptions are no reason not to start. */
    { "describes-not", ENDS(0), FAILED, WRONG, 0 },
    { "describes-nonsense", ENDS(0), FAILED, WRONG, 0 },
    { "describes-wrongly", ENDS(0), FAILED, WRONG, 0 },
    { "describes-at-length", ENDS(0), FAILED, WRONG, 0 },
    { "describes-forever", ENDS(0), FAILED, WRONG, 0 },
};

static vmmiMigration *
start_fake(Fixture *fixture, const char *name, vmmiError **err)
{
    /* Some descriptions do not name the options; then whatever is given is passed on. */
    const char *const settings[] = { "policy.durationMs=20",
                                     g_str_equal(name, "slow-bytes") ? "policy.paceMs=0" : NULL,
                                     NULL };
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    g_setenv("VMMI_PLUGIN_PATH", g_getenv("FAKES"), TRUE);
    options.plugin = name;
    options.guest = "g1";
    options.destination_uri = "test:///destination";
    options.settings = settings;
    options.describe_timeout_ms = 500;
    /* None of them leaves a request behind that the fake host would have to be watched for. */
    fixture->manager->limits.quiet = 50;
    return try_start(fixture, &options, err);
}

static void
check(Fixture *fixture, const Row *row, bool moved)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    g_autoptr(vmmiError) error = NULL;
    const vmmiOutcome *outcome;

    fixture->migration = start_fake(fixture, row->name, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    if (!fixture->migration)
        return;
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    if (moved)
        world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    if (!dispatch_until(fixture, has_ended))
        return;
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpstr(vmmiOutcomeKindToString(vmmiOutcomeGetKind(outcome)), ==,
                    vmmiOutcomeKindToString(moved ? VMMI_OUTCOME_COMPLETED : row->stayed));
    g_assert_cmpint(vmmiOutcomeGetWhere(outcome), ==,
                    moved ? VMMI_WHERE_DESTINATION : VMMI_WHERE_SOURCE);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==,
                    moved ? row->moved_error : row->stayed_error);
    g_assert_cmpint(vmmiOutcomeGetExitKind(outcome), ==, row->exit_kind);
    g_assert_cmpint(vmmiOutcomeGetExitValue(outcome), ==, row->exit_value);
    g_assert_true(g_str_has_suffix(fixture->log->str, moved ? "end:completed " : "end:failed "));
}

static void
test_stays(Fixture *fixture, gconstpointer data)
{
    check(fixture, data, false);
}

static void
test_moves(Fixture *fixture, gconstpointer data)
{
    check(fixture, data, true);
}

/* --- plugins that do not end, or not when they are told --------------------------- */

static const struct {
    const char *name;
    bool abort; /* asked for; else the guest moves and the plugin stays */
    vmmiOutcomeKind outcome;
    int error;
    vmmiExitKind exit_kind;
    int exit_value;
} stubborn[] = {
    { "never-ends", true, VMMI_OUTCOME_ABORTED, 9, ENDS(1) },
    { "never-ends", false, VMMI_OUTCOME_COMPLETED, WRONG, ENDS(1) },
    { "silent", true, VMMI_OUTCOME_ABORTED, 9, ENDS(1) },
    { "ignores-sigint", true, VMMI_OUTCOME_ABORTED, 9, DIES(SIGKILL) },
    { "ignores-sigterm", false, VMMI_OUTCOME_COMPLETED, VMMI_ERR_PLUGIN_CRASHED, DIES(SIGKILL) },
    { "ignores-signals", true, VMMI_OUTCOME_ABORTED, 9, DIES(SIGKILL) },
    { "ignores-signals", false, VMMI_OUTCOME_COMPLETED, VMMI_ERR_PLUGIN_CRASHED, DIES(SIGKILL) },
    { "stops-itself", true, VMMI_OUTCOME_ABORTED, 9, DIES(SIGKILL) },
    { "stops-itself", false, VMMI_OUTCOME_COMPLETED, VMMI_ERR_PLUGIN_CRASHED, DIES(SIGKILL) },
};

static uint64_t
signals(const char *status, const char *key)
{
    const char *line = strstr(status, key);

    return line ? g_ascii_strtoull(line + strlen(key), NULL, 16) : 0;
}

/* The fakes catch SIGUSR1 last. */
static bool
is_ready(Fixture *fixture)
{
    const uint64_t usr1 = UINT64_C(1) << (SIGUSR1 - 1), interrupt = UINT64_C(1) << (SIGINT - 1);
    vmmiJobLiveness liveness = { 0 };
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;

    vmmiJobGetLiveness(fixture->migration->job, &liveness, NULL);
    path = g_strdup_printf("/proc/%d/status", (int)liveness.plugin_pid);
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    if (g_str_equal(vmmiMigrationGetPlugin(fixture->migration), "stops-itself"))
        return strstr(text, "State:\tT") != NULL;
    return (signals(text, "SigCgt:\t") & usr1) || (signals(text, "SigIgn:\t") & interrupt);
}

static void
test_stubborn(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    const vmmiOutcome *outcome;

    fixture->manager->limits.escalate = fixture->manager->limits.escalate_kill = 300;
    fixture->manager->limits.overdue = fixture->manager->limits.overdue_kill = 300;
    fixture->migration = start_fake(fixture, stubborn[row].name, NULL);
    g_assert_nonnull(fixture->migration);
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    dispatch_until(fixture, is_ready);
    if (stubborn[row].abort)
        g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, 0);
    else
        world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    if (!dispatch_until(fixture, has_ended))
        return;
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, stubborn[row].outcome);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, stubborn[row].error);
    g_assert_cmpint(vmmiOutcomeGetExitKind(outcome), ==, stubborn[row].exit_kind);
    g_assert_cmpint(vmmiOutcomeGetExitValue(outcome), ==, stubborn[row].exit_value);
}

static void
test_no_interpreter(Fixture *fixture, gconstpointer data)
{
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(start_fake(fixture, data, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
}

/* B1: what it says of itself counts before it is started; both versions are named. */
static void
test_other_version(Fixture *fixture, gconstpointer data)
{
    g_autoptr(vmmiError) error = NULL;
    g_auto(GStrv) jobs = NULL;

    g_assert_null(start_fake(fixture, data, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PROTOCOL_VERSION);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "this library speaks 0.4.1"));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "it speaks protocol version "));
    jobs = vmmiRunDirListJobs(fixture->manager->run, NULL);
    g_assert_cmpuint(g_strv_length(jobs), ==, 0);
}

static void
add(const char *kind, const char *name, gconstpointer data, void (*test)(Fixture *, gconstpointer))
{
    g_autofree char *path = g_strdup_printf("/migration/fakes/%s/%s", kind, name);

    g_test_add(path, Fixture, data, fixture_set_up, test, fixture_tear_down);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        add("stays", rows[i].name, &rows[i], test_stays);
        add("moves", rows[i].name, &rows[i], test_moves);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(stubborn); i++)
        add(stubborn[i].abort ? "abort" : "overdue", stubborn[i].name, GSIZE_TO_POINTER(i),
            test_stubborn);
    add("refused", "no-interpreter", "no-interpreter", test_no_interpreter);
    add("refused", "not-a-program", "not-a-program", test_no_interpreter);
    add("refused", "other-version", "describes-other-version", test_other_version);
    return g_test_run();
}
