/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-survival.c: that a manager asks once, is corrected by launches, and refuses to start what
 * would not last. What the answers are is tested in test-scope.c of the jobs: here they are given.
 */
#include <string.h>
#include <sys/wait.h>

#include "driver/connect.h"
#include "world.h"

#define REASON "stopping 'x.service' kills everything"

static void
give(Fixture *fixture, vmmiSurvival verdict)
{
    fixture->manager->survival->verdict = verdict;
    g_free(fixture->manager->survival->reason);
    fixture->manager->survival->reason = g_strdup(REASON);
}

static void
test_asked_once(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const char *first, *second;
    vmmiSurvival verdict = vmmiManagerGetSurvival(fixture->manager, &first);

    g_assert_cmpint(vmmiManagerGetSurvival(fixture->manager, &second), ==, verdict);
    g_assert_true(first == second);
    g_assert_cmpuint(strlen(first), >, 0);
    g_assert_cmpint(vmmiManagerGetSurvival(fixture->manager, NULL), ==, verdict);
}

static void
test_without_manager(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    const char *reason = NULL;

    g_assert_cmpint(vmmiManagerGetSurvival(NULL, &reason), ==, VMMI_SURVIVAL_SERVICE_KILLS);
    g_assert_cmpstr(reason, ==, "the manager cannot be used here");
}

static void
test_after_fork(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    int status = -1;
    pid_t pid;

    give(fixture, VMMI_SURVIVAL_SCOPE);
    pid = fork();
    if (pid == 0)
        _exit(vmmiManagerGetSurvival(fixture->manager, NULL) == VMMI_SURVIVAL_SERVICE_KILLS ? 0 : 1);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
}

static const struct {
    const char *name;
    vmmiSurvival verdict;
    bool require, starts;
} rows[] = {
    { "killed", VMMI_SURVIVAL_SERVICE_KILLS, true, false },
    { "killed-not-asked", VMMI_SURVIVAL_SERVICE_KILLS, false, true },
    { "detached", VMMI_SURVIVAL_DETACHED, true, true },
    { "scope", VMMI_SURVIVAL_SCOPE, true, true },
};

static void
test_require(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    g_autoptr(vmmiError) error = NULL;
    g_auto(GStrv) jobs = NULL;
    vmmiMigration *migration;

    options.plugin = "fake";
    options.guest = "g1";
    options.destination_uri = "d:///";
    options.require_survival = rows[row].require;
    write_plugin(fixture, "fake", SAY_SUCCESS);
    give(fixture, rows[row].verdict);
    migration = try_start(fixture, &options, &error);
    if (rows[row].starts) {
        g_assert_nonnull(migration);
    } else {
        g_assert_null(migration);
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), REASON));
        jobs = vmmiRunDirListJobs(fixture->manager->run, NULL);
        g_assert_cmpuint(g_strv_length(jobs), ==, 0);
    }
    fixture->migration = migration;
    if (migration)
        g_assert_true(dispatch_until(fixture, has_ended));
}

/* Nobody is told to make way for one that would not last. */
static void
test_take_over(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiTakeOverOptions options = VMMI_TAKE_OVER_OPTIONS_INIT;
    g_autoptr(vmmiError) error = NULL;

    options.guest = "g1";
    options.require_survival = true;
    give(fixture, VMMI_SURVIVAL_SERVICE_KILLS);
    g_assert_null(vmmiMigrationTakeOver(fixture->manager, fixture->connect, &options, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), REASON));
    vmmiErrorClear(&error);
    give(fixture, VMMI_SURVIVAL_SCOPE);
    g_assert_null(vmmiMigrationTakeOver(fixture->manager, fixture->connect, &options, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
}

/* What a launch has shown takes the place of what was thought. */
static void
test_corrected(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    give(fixture, VMMI_SURVIVAL_SCOPE);
    vmmiManagerNoteLaunch(fixture->manager, fixture->connect);
    g_assert_cmpstr(fixture->manager->survival->reason, ==, REASON);
    vmmiConnectNoteLaunch(fixture->connect, g_strdup("refused"));
    vmmiManagerNoteLaunch(fixture->manager, fixture->connect);
    g_assert_null(fixture->manager->survival->reason);
    g_assert_cmpstr(fixture->manager->survival->last, ==, "refused");
    give(fixture, VMMI_SURVIVAL_SERVICE_KILLS);
    vmmiManagerNoteLaunch(fixture->manager, fixture->connect);
    g_assert_cmpstr(fixture->manager->survival->reason, ==, REASON);
    vmmiConnectNoteLaunch(fixture->connect, g_strdup(""));
    vmmiManagerNoteLaunch(fixture->manager, fixture->connect);
    g_assert_cmpstr(fixture->manager->survival->last, ==, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD_FIXTURE("/survival/asked-once", test_asked_once, NULL);
    ADD_FIXTURE("/survival/no-manager", test_without_manager, NULL);
    ADD_FIXTURE("/survival/after-fork", test_after_fork, NULL);
    ADD_FIXTURE("/survival/corrected", test_corrected, NULL);
    ADD_FIXTURE_ROWS("/survival/require/", rows, test_require);
    ADD_FIXTURE("/survival/take-over", test_take_over, NULL);
    return g_test_run();
}
