/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c: abort and release, and what is done about plugins that do not end.
 *
 * Both only ask (architecture.md, section 9). A plugin that does not follow an abort, or outlives
 * its migration (L1), is helped along step by step, each with a time limit: the limits are in
 * private.h, the reasons in docs/outcomes.md.
 */
#include <signal.h>

#include "driver/connect.h"
#include "migration/private.h"
#include "util/cleanup.h"

int
vmmiControlSignal(vmmiMigration *migration, int number, vmmiError **err)
{
    if (vmmiManagerCheckWritable(migration->manager, err) < 0)
        return -1;
    if (!migration->connect)
        return vmmiJobSignal(migration->job, number, err);
    return vmmiCallPluginSignal(migration->connect, vmmiJobGetPath(migration->job), number, err);
}

/* The mark is made first: whoever judges must know, also when this process is killed in between. */
static int
ask_plugin(vmmiMigration *migration, vmmiJobAsked what, int number, vmmiError **err)
{
    bool made = vmmiJobMarkAsked(migration->job, what);

    if (vmmiControlSignal(migration, number, err) == 0)
        return 0;
    if (made)
        vmmiJobUnmarkAsked(migration->job, what);
    return -1;
}

bool
vmmiControlWasAsked(const vmmiMigration *migration, vmmiJobAsked what)
{
    const bool here[VMMI_JOB_ASKED_LAST] = {
        [VMMI_JOB_ASKED_ABORT] = migration->abort_asked,
        [VMMI_JOB_ASKED_RELEASE] = migration->release_asked,
        [VMMI_JOB_ASKED_END] = migration->overdue,
        [VMMI_JOB_ASKED_KILL] = migration->killed,
    };

    return here[what] || vmmiJobWasAsked(migration->job, what);
}

static int
check_running(const vmmiMigration *migration, vmmiError **err)
{
    if (vmmiMigrationCheck(migration, err) < 0 ||
        vmmiManagerCheckWritable(migration->manager, err) < 0)
        return -1;
    if (migration->outcome)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "migration %s has ended: %s",
                            vmmiMigrationGetId(migration),
                            vmmiOutcomeKindToString(migration->outcome->kind));
    return 0;
}

/* Where an abort would lose the guest. */
static bool
is_in_postcopy(const vmmiMigration *migration)
{
    return migration->state == VMMI_STATE_POSTCOPY ||
           migration->state == VMMI_STATE_POSTCOPY_BROKEN ||
           migration->source.reason == VMMI_REASON_POSTCOPY;
}

void
vmmiControlAbort(vmmiMigration *migration)
{
    vmmiWorker *worker;

    if (migration->abort_sent || migration->manager->read_only || !migration->source_asker ||
        is_in_postcopy(migration))
        return;
    worker = vmmiAskerGetWorker(migration->manager, migration->source_asker);
    if (worker && vmmiWorkerAsk(worker, VMMI_ANSWER_ABORT, vmmiMigrationGetGuestUuid(migration),
                                migration->token, 0, NULL) == 0)
        migration->abort_sent = true;
}

/* Nobody is there to be asked: the connection aborts (W1). */
static int
abort_unattended(vmmiMigration *migration, vmmiError **err)
{
    if (is_in_postcopy(migration))
        return vmmiErrorSet(
            err, VMMI_ERR_NOT_SUPPORTED,
            "migration %s is in post-copy, which cannot be aborted: the guest would be lost",
            vmmiMigrationGetId(migration));
    migration->abort_asked = true;
    vmmiJobMarkAsked(migration->job, VMMI_JOB_ASKED_ABORT);
    vmmiControlAbort(migration);
    return 0;
}

static void
start_escalation(vmmiMigration *migration)
{
    if (!vmmiTimerIsSet(migration, VMMI_TIMER_ESCALATE) && !migration->escalated)
        vmmiTimerSet(migration, VMMI_TIMER_ESCALATE, migration->manager->limits.escalate);
}

void
vmmiControlLook(vmmiMigration *migration)
{
    if (!migration->plugin_ended && !migration->manager->read_only &&
        vmmiJobWasAsked(migration->job, VMMI_JOB_ASKED_ABORT))
        start_escalation(migration);
}

int
vmmiMigrationAbort(vmmiMigration *migration, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;

    if (check_running(migration, err) < 0)
        return -1;
    if (migration->plugin_ended)
        return abort_unattended(migration, err);
    if (ask_plugin(migration, VMMI_JOB_ASKED_ABORT, SIGINT, &error) < 0) {
        /* It is about to be seen that it ended. */
        if (vmmiErrorGetCode(error) == VMMI_ERR_STATE)
            return abort_unattended(migration, err);
        return vmmiErrorPropagate(err, g_steal_pointer(&error));
    }
    migration->abort_asked = true;
    start_escalation(migration);
    return 0;
}

int
vmmiMigrationRelease(vmmiMigration *migration, vmmiError **err)
{
    if (check_running(migration, err) < 0)
        return -1;
    if (migration->plugin_ended)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "migration %s has no plugin any more",
                            vmmiMigrationGetId(migration));
    if (ask_plugin(migration, VMMI_JOB_ASKED_RELEASE, SIGTERM, err) < 0)
        return -1;
    migration->release_asked = true;
    return 0;
}

/* --- plugins that do not end ------------------------------------------------------ */

static void
kill_plugin(vmmiMigration *migration)
{
    if (ask_plugin(migration, VMMI_JOB_ASKED_KILL, SIGKILL, NULL) == 0)
        migration->killed = true;
}

static void
escalate(vmmiMigration *migration)
{
    /* A plugin that refuses now is right; but it may come back from there. */
    if (is_in_postcopy(migration)) {
        vmmiTimerSet(migration, VMMI_TIMER_ESCALATE, migration->manager->limits.escalate);
        return;
    }
    if (migration->escalated) {
        kill_plugin(migration);
        return;
    }
    migration->escalated = true;
    vmmiControlAbort(migration);
    vmmiTimerSet(migration, VMMI_TIMER_ESCALATE, migration->manager->limits.escalate_kill);
}

/* Only while the source still says that the guest is gone. */
static void
end_overdue(vmmiMigration *migration)
{
    if (!vmmiLookHasLeft(&migration->source))
        return;
    if (migration->overdue) {
        kill_plugin(migration);
        return;
    }
    migration->overdue = true;
    ask_plugin(migration, VMMI_JOB_ASKED_END, SIGTERM, NULL);
    vmmiTimerSet(migration, VMMI_TIMER_OVERDUE, migration->manager->limits.overdue_kill);
}

void
vmmiControlOverdue(vmmiMigration *migration)
{
    if (!migration->overdue && !vmmiTimerIsSet(migration, VMMI_TIMER_OVERDUE))
        vmmiTimerSet(migration, VMMI_TIMER_OVERDUE, migration->manager->limits.overdue);
}

void
vmmiControlTimer(vmmiMigration *migration, vmmiTimer timer)
{
    if (migration->outcome || migration->plugin_ended)
        return;
    if (timer == VMMI_TIMER_ESCALATE)
        escalate(migration);
    else if (timer == VMMI_TIMER_OVERDUE)
        end_overdue(migration);
}

void
vmmiControlEnded(vmmiMigration *migration)
{
    vmmiTimerStop(migration, VMMI_TIMER_ESCALATE);
    vmmiTimerStop(migration, VMMI_TIMER_OVERDUE);
}
