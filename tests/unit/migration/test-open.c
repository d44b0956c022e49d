/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-open.c: a migration that is followed by another manager than the one that started it: later,
 * beside it, or instead of it.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    for (size_t i = 0; i < G_N_ELEMENTS(follow_rows); i++) {
        g_autofree char *path = g_strconcat("/migration/open/", follow_rows[i].name, NULL);

        g_test_add(path, Fixture, GSIZE_TO_POINTER(i), fixture_set_up, test_follow,
                   fixture_tear_down);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(refusal_rows); i++) {
        g_autofree char *path = g_strconcat("/migration/open/refuse/", refusal_rows[i].name, NULL);

        g_test_add(path, Fixture, GSIZE_TO_POINTER(i), fixture_set_up, test_refusal,
                   fixture_tear_down);
    }
    g_test_add("/migration/open/refuse/other-world", Fixture, NULL, fixture_set_up,
               test_other_world, fixture_tear_down);
    g_test_add("/migration/open/information", Fixture, NULL, fixture_set_up, test_information,
               fixture_tear_down);
    return g_test_run();
}
