/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-list.c: a convergence schedule: what is in it, and what is left out of it.
 */
#include "policies/schedule.h"

#include <inttypes.h>

void
vmmiScheduleInit(vmmiSchedule *schedule)
{
    schedule->init = g_array_new(FALSE, FALSE, sizeof(vmmiScheduleItem));
    schedule->stalling = g_array_new(FALSE, FALSE, sizeof(vmmiScheduleItem));
}

void
vmmiScheduleClear(vmmiSchedule *schedule)
{
    g_clear_pointer(&schedule->init, g_array_unref);
    g_clear_pointer(&schedule->stalling, g_array_unref);
}

static bool
list_has(const GArray *list, vmmiScheduleKind kind)
{
    for (guint i = 0; i < list->len; i++) {
        if (g_array_index(list, vmmiScheduleItem, i).kind == kind)
            return true;
    }
    return false;
}

bool
vmmiScheduleHas(const vmmiSchedule *schedule, vmmiScheduleKind kind)
{
    return list_has(schedule->init, kind) || list_has(schedule->stalling, kind);
}

static void
drop(GArray *list, vmmiScheduleKind kind)
{
    for (guint i = list->len; i-- > 0;) {
        if (g_array_index(list, vmmiScheduleItem, i).kind == kind)
            g_array_remove_index(list, i);
    }
}

void
vmmiScheduleDrop(vmmiSchedule *schedule, vmmiScheduleKind kind)
{
    drop(schedule->init, kind);
    drop(schedule->stalling, kind);
}

bool
vmmiScheduleIsEmpty(const vmmiSchedule *schedule)
{
    return schedule->init->len == 0 && schedule->stalling->len == 0;
}

char *
vmmiScheduleItemToString(const vmmiScheduleItem *item)
{
    const vmmiScheduleWord *word = &vmmiScheduleWords[item->kind];

    if (!word->unit)
        return g_strdup(word->name);
    return g_strdup_printf("%s %" PRIu64 " %s", word->name, item->value, word->unit);
}
