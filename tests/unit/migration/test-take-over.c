/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-take-over.c: one policy after the other on a migration that runs: what is refused, who is in
 * charge afterwards, what the records say.
 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "message/json.h"
#include "world.h"

#define UUID1 "00000001-0000-4000-8000-000000000000"
#define MOVE(fixture)                                                                              \
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT)
/* A plugin that lets go when it is told to, as B8 wants it. */
#define LETS_GO                                                                                    \
    "trap '" RELEASED "exit 1' TERM\n: > \"$TOP/$(basename \"$0\").ready\"\n" FOREVER
#define RELEASED                                                                                   \
    "echo \"{\\\"vmmiVersion\\\": \\\"0.4.1\\\", \\\"contentType\\\": \\\"completion\\\", "          \
    "\\\"timestamp\\\": 1, \\\"completion\\\": {\\\"result\\\": \\\"error\\\", \\\"error\\\": "      \
    "{\\\"code\\\": 13, \\\"message\\\": \\\"let go\\\", \\\"details\\\": \\\"\\\"}}}\" >&2; "

static vmmiMigration *
take_over(Fixture *fixture, const char *plugin, vmmiError **err)
{
    vmmiTakeOverOptions options = VMMI_TAKE_OVER_OPTIONS_INIT;

    options.guest = "g1";
    options.plugin = plugin;
    return vmmiMigrationTakeOver(fixture->manager, fixture->connect, &options, err);
}

/* "old" in charge of guest 1, whose migration runs; logged as fixture->migration. */
static void
start_old(Fixture *fixture, const char *body)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    write_plugin(fixture, "old", body);
    options.plugin = "old";
    options.guest = "g1";
    options.destination_uri = "test:///destination";
    fixture->migration = try_start(fixture, &options, NULL);
    g_assert_nonnull(fixture->migration);
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    wait_for_file(fixture, "old.ready");
    MOVE(fixture);
}

static const char *
in_charge(Fixture *fixture, char **holder)
{
    g_clear_pointer(holder, g_free);
    return vmmiClaimFind(fixture->manager->run, "test", UUID1, holder, NULL) > 0 ? *holder : NULL;
}

static void
test_swap(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMigration) next = NULL;
    g_autofree char *holder = NULL;
    g_autofree char *successor = NULL;

    start_old(fixture, LETS_GO);
    write_plugin(fixture, "new", LETS_GO);
    next = take_over(fixture, "new", &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    if (!next)
        return;
    g_assert_cmpstr(in_charge(fixture, &holder), ==, vmmiMigrationGetId(next));
    g_assert_cmpstr(vmmiJobGetRecord(next->job)->replaces, ==,
                    vmmiMigrationGetId(fixture->migration));
    successor =
        g_strdup(vmmiMigrationGetReplacedBy(fixture->migration));
    g_assert_cmpstr(successor, ==, vmmiMigrationGetId(next));
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:released"));
    g_assert_cmpint(
        vmmiErrorGetCode(vmmiOutcomeGetError(vmmiMigrationGetOutcome(fixture->migration))), ==,
        VMMI_ERR_RELEASED);
}

#define ADD(name, function)                                                                        \
    g_test_add("/migration/take-over/" name, Fixture, NULL, fixture_set_up, function,              \
               fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD("swap", test_swap);
    return g_test_run();
}
