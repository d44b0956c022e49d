/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migration.c: the object of a migration: its life, and what it tells of itself.
 *
 * The application's references keep it followed. Notices and calls under way hold its memory only.
 */
#include <poll.h>

#include "migration/private.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

int
vmmiMigrationCheck(const vmmiMigration *migration, vmmiError **err)
{
    if (!migration)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no migration was given");
    if (migration->pid != getpid())
        return vmmiErrorSet(err, VMMI_ERR_FORKED,
                            "migration %s is followed by process %d and cannot be used after fork",
                            vmmiJobGetId(migration->job), (int)migration->pid);
    if (!migration->manager)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "the manager of migration %s was freed",
                            vmmiJobGetId(migration->job));
    return vmmiManagerCheck(migration->manager, err);
}

vmmiMigration *
vmmiMigrationNew(vmmiManager *manager, vmmiConnect *connect, vmmiJob *job)
{
    vmmiMigration *migration = g_new0(vmmiMigration, 1);

    migration->refs = 1;
    migration->holds = 1;
    migration->pid = getpid();
    migration->connect = connect ? vmmiConnectRef(connect) : NULL;
    migration->job = vmmiJobRef(job);
    migration->watchers = g_ptr_array_new();
    migration->actions = json_array();
    migration->watch = migration->plugin_pidfd = migration->shim_pidfd = -1;
    vmmiManagerAdd(manager, migration);
    return migration;
}

void
vmmiMigrationHold(vmmiMigration *migration)
{
    migration->holds++;
}

void
vmmiMigrationDrop(vmmiMigration *migration)
{
    if (--migration->holds)
        return;
    vmmiJournalReaderFree(migration->journal);
    json_decref(migration->journal_end);
    json_decref(migration->actions);
    vmmiMessageUnref(migration->completion);
    vmmiSampleFree(migration->completed);
    vmmiSampleFree(migration->late_sample);
    vmmiSampleFree(migration->shown_sample);
    vmmiOutcomeFree(migration->outcome);
    vmmiConnectUnref(migration->connect);
    vmmiConnectUnref(migration->destination);
    vmmiJobUnref(migration->job);
    g_ptr_array_unref(migration->watchers);
    g_free(migration->configuration);
    g_free(migration->replaced_by);
    g_free(migration->next);
    g_free(migration->diagnostics);
    g_free(migration->source_failure);
    g_free(migration);
}

void
vmmiMigrationDetach(vmmiMigration *migration)
{
    if (!migration->manager)
        return;
    vmmiFollowStop(migration);
    vmmiAskStop(migration);
    vmmiManagerRemove(migration->manager, migration);
    if (!migration->delivering)
        vmmiWatchersFree(migration);
}

vmmiMigration *
vmmiMigrationRef(vmmiMigration *migration)
{
    migration->refs++;
    vmmiMigrationHold(migration);
    return migration;
}

void
vmmiMigrationUnref(vmmiMigration *migration)
{
    /* After fork it is the parent's. */
    if (!migration || migration->pid != getpid())
        return;
    if (--migration->refs == 0)
        vmmiMigrationDetach(migration);
    vmmiMigrationDrop(migration);
}

/* --- what it tells ---------------------------------------------------------------- */

const char *
vmmiMigrationGetId(const vmmiMigration *migration)
{
    return vmmiJobGetId(migration->job);
}

const char *
vmmiMigrationGetGuestName(const vmmiMigration *migration)
{
    return vmmiJobGetRecord(migration->job)->guest_name;
}

const char *
vmmiMigrationGetGuestUuid(const vmmiMigration *migration)
{
    return vmmiJobGetRecord(migration->job)->guest_uuid;
}

const char *
vmmiMigrationGetPlugin(const vmmiMigration *migration)
{
    return vmmiJobGetRecord(migration->job)->plugin;
}

const char *
vmmiMigrationGetDirectory(const vmmiMigration *migration)
{
    return vmmiJobGetPath(migration->job);
}

vmmiState
vmmiMigrationGetState(const vmmiMigration *migration)
{
    return migration->shown_state;
}

const vmmiSample *
vmmiMigrationGetSample(const vmmiMigration *migration)
{
    return migration->shown_sample;
}

unsigned int
vmmiMigrationGetPercent(const vmmiMigration *migration)
{
    return migration->percent;
}

const vmmiOutcome *
vmmiMigrationGetOutcome(const vmmiMigration *migration)
{
    return vmmiStateIsFinal(migration->shown_state) ? migration->outcome : NULL;
}

const char *
vmmiMigrationGetConfiguration(const vmmiMigration *migration)
{
    return migration->configuration;
}

const char *
vmmiMigrationGetReplaces(const vmmiMigration *migration)
{
    return vmmiJobGetRecord(migration->job)->replaces;
}

uint64_t
vmmiMigrationGetCreatedMs(const vmmiMigration *migration)
{
    return vmmiJobGetRecord(migration->job)->created_ms;
}

/* --- wait ------------------------------------------------------------------------- */

/* Dispatches once. Returns 1 when it has ended, 0 when not, -1 on failure. */
static int
dispatch_once(vmmiMigration *migration, vmmiManager *manager, vmmiError **err)
{
    if (vmmiManagerDispatch(manager, err) < 0)
        return -1;
    if (vmmiStateIsFinal(migration->shown_state))
        return 1;
    /* A callback may have freed the manager, or given this migration up. */
    return vmmiMigrationCheck(migration, err);
}

static int
wait_until(vmmiMigration *migration, vmmiManager *manager, int timeout_ms, vmmiError **err)
{
    uint64_t deadline = vmmiClockBoottimeMs() + (uint64_t)MAX(timeout_ms, 0);
    int ended;

    while ((ended = dispatch_once(migration, manager, err)) == 0) {
        struct pollfd fd = { .fd = manager->epoll_fd, .events = POLLIN };
        uint64_t now = vmmiClockBoottimeMs();

        if (timeout_ms >= 0 && now >= deadline)
            return 0;
        if (poll(&fd, 1, timeout_ms < 0 ? -1 : (int)(deadline - now)) < 0 && errno != EINTR)
            return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot poll");
    }
    return ended;
}

int
vmmiMigrationWait(vmmiMigration *migration, int timeout_ms, vmmiError **err)
{
    vmmiManager *manager;
    int ended;

    if (vmmiMigrationCheck(migration, err) < 0)
        return -1;
    manager = migration->manager;
    vmmiManagerHold(manager);
    vmmiMigrationHold(migration);
    ended = wait_until(migration, manager, timeout_ms, err);
    vmmiMigrationDrop(migration);
    vmmiManagerRelease(manager);
    return ended;
}
