/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open.c: following a migration that is in the run directory already, whoever started it; what its
 * record tells of others; acknowledging.
 *
 * All that the manager which started it knows is read again from the record (kept.c), the journal
 * (follow.c) and the hosts (ask.c).
 */
#include "driver/connect.h"
#include "migration/private.h"
#include "util/cleanup.h"

/* A guest's UUID means one guest only within its world. */
static int
check_world(const vmmiJob *job, const vmmiConnect *connect, vmmiError **err)
{
    const char *world = vmmiJobGetRecord(job)->world;

    if (!connect || !world || g_str_equal(world, vmmiConnectGetWorld(connect)))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                        "migration %s is of a guest of world '%s', but the connection '%s' leads "
                        "to world '%s'",
                        vmmiJobGetId(job), world, vmmiConnectGetUri(connect),
                        vmmiConnectGetWorld(connect));
}

/* One that cannot be read is not judged again: a newer library wrote it, or somebody spoiled it. */
static int
check_outcome(const vmmiJob *job, vmmiError **err)
{
    g_autoptr(vmmiOutcome) outcome = NULL;

    return vmmiSettleRead(job, &outcome, err) < 0 ? -1 : 0;
}

/* It may be followed without a connection so far. */
static vmmiMigration *
open_again(vmmiMigration *migration, vmmiConnect *connect, vmmiError **err)
{
    if (check_world(migration->job, connect, err) < 0)
        return NULL;
    if (connect && !migration->connect && !migration->outcome) {
        vmmiAskStop(migration);
        migration->connect = vmmiConnectRef(connect);
        vmmiAskStart(migration);
    }
    return vmmiMigrationRef(migration);
}

static vmmiMigration *
follow(vmmiManager *manager, vmmiJob *job, vmmiConnect *connect, vmmiError **err)
{
    vmmiMigration *migration = vmmiMigrationNew(manager, connect, job);

    migration->late = true;
    migration->inactive = vmmiKeptIsInactive(job);
    migration->configuration = vmmiKeptShowConfiguration(job);
    if (vmmiFollowStart(migration, err) < 0) {
        vmmiMigrationUnref(migration);
        return NULL;
    }
    vmmiAskStart(migration);
    vmmiFollowProcesses(migration);
    return migration;
}

vmmiMigration *
vmmiMigrationOpen(vmmiManager *manager, const char *id, vmmiConnect *connect, vmmiError **err)
{
    g_autoptr(vmmiJob) job = NULL;
    vmmiMigration *followed;

    if (vmmiManagerCheck(manager, err) < 0)
        return NULL;
    if (!id) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "the id of a migration is needed");
        return NULL;
    }
    if (connect &&
        vmmiConnectCheck(connect, vmmiDriverSlotAt(offsetof(vmmiDriverOps, guest_get_info)), err) <
            0)
        return NULL;
    followed = vmmiManagerFind(manager, id);
    if (followed)
        return open_again(followed, connect, err);
    job = vmmiJobOpen(manager->run, id, err);
    if (!job || check_world(job, connect, err) < 0 || check_outcome(job, err) < 0)
        return NULL;
    return follow(manager, job, connect, err);
}

/* --- who came after it ------------------------------------------------------------ */

const char *
vmmiMigrationGetReplacedBy(const vmmiMigration *migration)
{
    g_autofree char *found =
        vmmiJobFindReplacement(vmmiJobGetRunDir(migration->job), vmmiMigrationGetId(migration),
                               false);
    vmmiMigration *owner = (vmmiMigration *)migration;

    if (found && g_strcmp0(found, migration->replaced_by) != 0) {
        g_free(owner->replaced_by);
        owner->replaced_by = g_steal_pointer(&found);
    }
    return migration->replaced_by;
}

/* --- seen --------------------------------------------------------------------------- */

int
vmmiMigrationAcknowledge(vmmiMigration *migration, vmmiError **err)
{
    if (vmmiMigrationCheck(migration, err) < 0 ||
        vmmiManagerCheckWritable(migration->manager, err) < 0)
        return -1;
    if (!vmmiMigrationGetOutcome(migration))
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "migration %s has not ended, it cannot be acknowledged yet",
                            vmmiMigrationGetId(migration));
    if (vmmiSettleKeep(migration, err) < 0)
        return -1;
    return vmmiJobAcknowledge(migration->job, err);
}
