/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * timer.c: the timers of migrations, on one descriptor. It is armed only while one of them is set:
 * a manager that has nothing to wait for is never woken.
 */
#include <sys/timerfd.h>

#include "migration/private.h"
#include "util/clock.h"

void
vmmiTimersArm(vmmiManager *manager)
{
    struct itimerspec when = { 0 };
    uint64_t earliest = 0;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, manager->migrations);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const vmmiMigration *migration = value;

        for (size_t i = 0; i < VMMI_TIMER_LAST; i++) {
            if (migration->timers[i] && (!earliest || migration->timers[i] < earliest))
                earliest = migration->timers[i];
        }
    }
    if (earliest == manager->armed_ms)
        return;
    when.it_value.tv_sec = (time_t)(earliest / 1000);
    when.it_value.tv_nsec = (long)(earliest % 1000) * 1000000;
    timerfd_settime(manager->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    manager->armed_ms = earliest;
}

void
vmmiTimerSet(vmmiMigration *migration, vmmiTimer timer, uint64_t delay_ms)
{
    migration->timers[timer] = vmmiClockBoottimeMs() + delay_ms;
    if (migration->manager && !migration->manager->dispatching)
        vmmiTimersArm(migration->manager);
}

void
vmmiTimerStop(vmmiMigration *migration, vmmiTimer timer)
{
    migration->timers[timer] = 0;
}

bool
vmmiTimerIsSet(const vmmiMigration *migration, vmmiTimer timer)
{
    return migration->timers[timer] != 0;
}

static void
run(vmmiMigration *migration, vmmiTimer timer)
{
    switch (timer) {
    case VMMI_TIMER_LOOK:
        vmmiFollowLook(migration, NULL);
        break;
    case VMMI_TIMER_POLL:
    case VMMI_TIMER_SILENCE:
        vmmiAskTimer(migration, timer);
        break;
    case VMMI_TIMER_SETTLE:
    case VMMI_TIMER_ATTEND:
    case VMMI_TIMER_STALLED:
        vmmiSettleTimer(migration, timer);
        break;
    case VMMI_TIMER_STATUS:
        vmmiStatusGiveUp(migration, VMMI_ERR_TIMEOUT, "it did not answer in time");
        break;
    default:
        vmmiControlTimer(migration, timer);
    }
}

void
vmmiTimersRun(vmmiManager *manager)
{
    g_autoptr(GList) all = g_hash_table_get_values(manager->migrations);
    uint64_t now = vmmiClockBoottimeMs();

    for (GList *item = all; item; item = item->next) {
        vmmiMigration *migration = item->data;

        for (size_t i = 0; i < VMMI_TIMER_LAST; i++) {
            if (!migration->timers[i] || migration->timers[i] > now)
                continue;
            migration->timers[i] = 0;
            run(migration, (vmmiTimer)i);
        }
    }
}
