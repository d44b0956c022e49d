/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate.c: migrates a guest and prints each change of state.
 *
 * migrate SOURCE-URI GUEST DESTINATION-URI [MIGRATION-URI [PLUGIN]]
 */
#include <stdio.h>

#include <libvmmi/libvmmi.h>

static void
changed(vmmiMigration *migration, vmmiState from, vmmiState to, void *opaque)
{
    (void)opaque;
    printf("%3u%%  %s -> %s\n", vmmiMigrationGetPercent(migration), vmmiStateToString(from),
           vmmiStateToString(to));
}

static int
run(vmmiManager *manager, vmmiConnect *source, const vmmiMigrationOptions *options, vmmiError **err)
{
    vmmiMigrationCallbacks callbacks = { sizeof(callbacks), changed, NULL, NULL, NULL, NULL, NULL };
    vmmiMigration *migration = vmmiMigrationStart(manager, source, options, err);
    vmmiOutcomeKind kind = VMMI_OUTCOME_UNKNOWN;

    if (migration && vmmiMigrationWatch(migration, &callbacks, err) == 0 &&
        vmmiMigrationWait(migration, -1, err) == 1) {
        const vmmiOutcome *outcome = vmmiMigrationGetOutcome(migration);

        kind = vmmiOutcomeGetKind(outcome);
        printf("%s: the guest is on the %s (%s)\n", vmmiOutcomeKindToString(kind),
               vmmiWhereToString(vmmiOutcomeGetWhere(outcome)), vmmiOutcomeGetEvidence(outcome));
        vmmiErrorPropagate(err, vmmiErrorCopy(vmmiOutcomeGetError(outcome)));
    }
    vmmiMigrationUnref(migration);
    return kind == VMMI_OUTCOME_COMPLETED ? 0 : 1;
}

int
main(int argc, char **argv)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    vmmiError *error = NULL;
    vmmiConnect *source = argc > 3 ? vmmiConnectOpen(argv[1], NULL, 0, &error) : NULL;
    vmmiManager *manager = source ? vmmiManagerNew(NULL, 0, &error) : NULL;
    int status = 1;

    options.guest = argc > 2 ? argv[2] : NULL;
    options.destination_uri = argc > 3 ? argv[3] : NULL;
    options.migrate_uri = argc > 4 ? argv[4] : NULL;
    options.plugin = argc > 5 ? argv[5] : NULL;
    if (manager)
        status = run(manager, source, &options, &error);
    if (status)
        fprintf(stderr, "migrate: %s\n", error ? vmmiErrorGetMessage(error) : "it failed");
    vmmiErrorFree(error);
    vmmiManagerFree(manager);
    vmmiConnectUnref(source);
    return status;
}
