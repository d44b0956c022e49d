/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-take-sim.c: one policy after the other on a simulated host: plugins made with the kit, a
 * guest that would never arrive with a pause of 900 ms, and time ten times as fast.
 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migration/private.h"
#include "util/cleanup.h"
#include "../tree.h"

#define LIMIT_MS 60000
#define GUEST "memory=96&working-set=64&dirty-rate=80&pattern=cyclic&link=38&speed=10"

typedef struct {
    char *top;
    vmmiManager *manager;
    vmmiConnect *connect;
    char *destination;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *run = NULL;
    g_autofree char *uri = NULL;
    g_autoptr(vmmiError) error = NULL;

    fixture->top = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    run = g_build_filename(fixture->top, "run", NULL);
    uri = g_strdup_printf("sim:///source?file=%s/world.json&" GUEST, fixture->top);
    fixture->destination =
        g_strdup_printf("sim:///destination?file=%s/world.json&" GUEST, fixture->top);
    g_setenv("VMMI_RUN_DIR", run, TRUE);
    g_setenv("VMMI_CONF_DIR", fixture->top, TRUE);
    fixture->manager = vmmiManagerNew(NULL, 0, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    fixture->connect = vmmiConnectOpen(uri, NULL, 0, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_nonnull(fixture->manager);
}

static void
kill_all(const Fixture *fixture)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(fixture->manager->run, NULL);

    for (char **id = ids; id && *id; id++) {
        g_autoptr(vmmiJob) job = vmmiJobOpen(fixture->manager->run, *id, NULL);

        if (job)
            vmmiJobEnd(job, true, 0, NULL);
    }
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    kill_all(fixture);
    vmmiManagerFree(fixture->manager);
    vmmiConnectUnref(fixture->connect);
    remove_tree(fixture->top);
    g_free(fixture->destination);
    g_free(fixture->top);
}

/* A gentle policy in charge, and the guest gone through three times in vain. */
static vmmiMigration *
start_gentle(Fixture *fixture)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    gint64 deadline = g_get_monotonic_time() + LIMIT_MS * 1000;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMigration) migration = NULL;

    options.plugin = "gentle";
    options.guest = "guest1";
    options.destination_uri = fixture->destination;
    migration = vmmiMigrationStart(fixture->manager, fixture->connect, &options, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    while (migration && g_get_monotonic_time() < deadline) {
        const vmmiSample *sample = vmmiMigrationGetSample(migration);

        if (sample && vmmiSampleGetOr(sample, VMMI_SAMPLE_ITERATION, 0) >= 3)
            return g_steal_pointer(&migration);
        g_assert_cmpint(vmmiMigrationWait(migration, 50, NULL), ==, 0);
    }
    g_test_fail_printf("the guest was not gone through three times");
    return NULL;
}

static void
expect_end(vmmiMigration *migration, vmmiOutcomeKind kind, int code)
{
    const vmmiOutcome *outcome;

    g_assert_cmpint(vmmiMigrationWait(migration, LIMIT_MS, NULL), ==, 1);
    outcome = vmmiMigrationGetOutcome(migration);
    g_assert_cmpstr(vmmiOutcomeKindToString(vmmiOutcomeGetKind(outcome)), ==,
                    vmmiOutcomeKindToString(kind));
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, code);
}

static void
expect_attached(const vmmiMigration *migration)
{
    const vmmiMessage *completion =
        vmmiOutcomeGetCompletion(vmmiMigrationGetOutcome(migration));
    bool attached = false;

    g_assert_true(vmmiMessageGetBool(completion, "success.attached", &attached) && attached);
}

static vmmiMigration *
take_over(Fixture *fixture, const char *plugin, const char *const *settings)
{
    vmmiTakeOverOptions options = VMMI_TAKE_OVER_OPTIONS_INIT;
    g_autoptr(vmmiError) error = NULL;
    vmmiMigration *migration;

    options.guest = "guest1";
    options.plugin = plugin;
    options.settings = settings;
    migration = vmmiMigrationTakeOver(fixture->manager, fixture->connect, &options, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    return migration;
}

static void
test_swap(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiMigration) first = start_gentle(fixture);
    g_autoptr(vmmiMigration) next = first ? take_over(fixture, "forceful", NULL) : NULL;

    if (!next)
        return;
    expect_end(first, VMMI_OUTCOME_RELEASED, VMMI_ERR_RELEASED);
    expect_end(next, VMMI_OUTCOME_COMPLETED, 0);
    expect_attached(next);
    g_assert_cmpstr(vmmiMigrationGetReplacedBy(first), ==, vmmiMigrationGetId(next));
    g_assert_cmpuint(vmmiMigrationGetPercent(next), ==, 100);
}

/* A plugin that was killed left it; the same one goes on with another limit. */
static void
test_dead(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const char *const settings[] = { "downtimeMs=3000", NULL };
    g_autoptr(vmmiMigration) first = start_gentle(fixture);
    g_autoptr(vmmiMigration) next = NULL;

    if (!first)
        return;
    g_assert_cmpint(vmmiJobSignal(first->job, SIGKILL, NULL), ==, 0);
    g_assert_cmpint(vmmiJobEnd(first->job, false, LIMIT_MS, NULL), ==, 0);
    next = take_over(fixture, NULL, settings);
    if (!next)
        return;
    g_assert_cmpstr(vmmiMigrationGetPlugin(next), ==, "gentle");
    g_assert_cmpstr(vmmiMigrationGetReplaces(next), ==, vmmiMigrationGetId(first));
    expect_end(first, VMMI_OUTCOME_RELEASED, VMMI_ERR_PLUGIN_CRASHED);
    expect_end(next, VMMI_OUTCOME_COMPLETED, 0);
    expect_attached(next);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add("/migration/take-sim/swap", Fixture, NULL, set_up, test_swap, tear_down);
    g_test_add("/migration/take-sim/dead", Fixture, NULL, set_up, test_dead, tear_down);
    return g_test_run();
}
