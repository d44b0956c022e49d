/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * taking.c: what the tests of taking over share.
 */
#include "taking.h"

#include <string.h>

vmmiMigration *
take_over_with(Fixture *fixture, const vmmiTakeOverOptions *given, vmmiError **err)
{
    vmmiTakeOverOptions options = *given;

    options.size = sizeof(options);
    return vmmiMigrationTakeOver(fixture->manager, fixture->connect, &options, err);
}

vmmiMigration *
take_over(Fixture *fixture, const char *plugin, vmmiError **err)
{
    return take_over_with(fixture, &(vmmiTakeOverOptions){ .guest = "g1", .plugin = plugin }, err);
}

/* "old" in charge of guest 1, whose migration runs; logged as fixture->migration. */
void
start_old_with(Fixture *fixture, const char *body, const char *const *settings)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    write_plugin(fixture, "old", body);
    options.plugin = "old";
    options.guest = "g1";
    options.destination_uri = "test:///destination";
    options.migrate_uri = "tcp://there";
    options.settings = settings;
    fixture->migration = try_start(fixture, &options, NULL);
    g_assert_nonnull(fixture->migration);
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    wait_for_file(fixture, "old.ready");
    MOVE(fixture);
}

void
start_old(Fixture *fixture, const char *body)
{
    start_old_with(fixture, body, NULL);
}

char *
in_charge(Fixture *fixture)
{
    char *holder = NULL;

    vmmiClaimFind(fixture->manager->run, "test", UUID1, &holder, NULL);
    return holder;
}

void
expect_in_charge(Fixture *fixture, const char *id)
{
    g_autofree char *holder = in_charge(fixture);

    g_assert_cmpstr(holder, ==, id);
}

guint
count_records(const Fixture *fixture)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(fixture->manager->run, NULL);

    return g_strv_length(ids);
}

void
expect_text(const char *text, const char *needle)
{
    if (!strstr(text, needle))
        g_test_fail_printf("'%s' lacks '%s'", text, needle);
}

/* Who is in charge after a failure: still the old one, as if nothing had been. */
void
expect_untouched(Fixture *fixture)
{
    vmmiJobLiveness liveness = { 0 };

    expect_in_charge(fixture, vmmiMigrationGetId(fixture->migration));
    g_assert_cmpuint(count_records(fixture), ==, 1);
    g_assert_cmpint(vmmiJobGetLiveness(fixture->migration->job, &liveness, NULL), ==, 0);
    g_assert_cmpint(liveness.phase, ==, VMMI_PHASE_RUNNING);
}
