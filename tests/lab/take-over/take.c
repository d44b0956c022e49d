/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * take.c: takes a migration over and follows it to its end, with the public interface alone.
 *
 *     take SOURCE GUEST [PLUGIN|-] [KEY=VALUE]...
 *
 * Prints the migration as one object when it was taken over, and once more when it has ended. Exits
 * with 0 when the guest arrived, 1 when it did not, 2 when it could not be taken over.
 */
#include <stdio.h>
#include <string.h>

#include <libvmmi/libvmmi.h>

static void
show(const vmmiMigration *migration)
{
    char *text = vmmiMigrationToJson(migration, NULL);

    puts(text);
    fflush(stdout);
    vmmiFree(text);
}

static int
follow(vmmiMigration *migration)
{
    const vmmiOutcome *outcome;

    show(migration);
    if (vmmiMigrationWait(migration, -1, NULL) != 1)
        return 1;
    show(migration);
    outcome = vmmiMigrationGetOutcome(migration);
    return vmmiOutcomeGetKind(outcome) == VMMI_OUTCOME_COMPLETED ? 0 : 1;
}

static int
take(vmmiManager *manager, vmmiConnect *connect, char **argv)
{
    vmmiTakeOverOptions options = VMMI_TAKE_OVER_OPTIONS_INIT;
    vmmiError *error = NULL;
    vmmiMigration *migration;
    int status = 2;

    options.guest = argv[0];
    options.plugin = argv[1] && strcmp(argv[1], "-") != 0 ? argv[1] : NULL;
    options.settings = argv[1] ? (const char *const *)argv + 2 : NULL;
    migration = vmmiMigrationTakeOver(manager, connect, &options, &error);
    if (migration)
        status = follow(migration);
    else
        fprintf(stderr, "%d: %s\n", vmmiErrorGetCode(error), vmmiErrorGetMessage(error));
    vmmiMigrationUnref(migration);
    vmmiErrorFree(error);
    return status;
}

int
main(int argc, char **argv)
{
    vmmiError *error = NULL;
    vmmiManager *manager = vmmiManagerNew(NULL, 0, &error);
    vmmiConnect *connect = manager && argc >= 3 ? vmmiConnectOpen(argv[1], NULL, 0, &error) : NULL;
    int status = 2;

    if (connect)
        status = take(manager, connect, argv + 2);
    else
        fprintf(stderr, "%s\n", error ? vmmiErrorGetMessage(error) : "SOURCE and GUEST are needed");
    vmmiErrorFree(error);
    vmmiConnectUnref(connect);
    vmmiManagerFree(manager);
    return status;
}
