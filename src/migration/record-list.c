/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-list.c: all records of a run directory.
 */
#include <string.h>

#include "migration/private.h"
#include "migration/record.h"
#include "util/error.h"

struct vmmiRecordList {
    GPtrArray *records;
    size_t broken;
    vmmiError *first;      /* why */
};

static gint
compare(gconstpointer left, gconstpointer right)
{
    const vmmiRecord *a = *(const vmmiRecord *const *)left;
    const vmmiRecord *b = *(const vmmiRecord *const *)right;

    if (a->job.created_ms != b->job.created_ms)
        return a->job.created_ms < b->job.created_ms ? -1 : 1;
    return strcmp(a->id, b->id);
}

static bool
is_wanted(const vmmiRecord *record, unsigned int flags)
{
    if ((flags & (VMMI_LIST_RUNNING | VMMI_LIST_ENDED)) == 0)
        return true;
    return flags & (record->kind ? VMMI_LIST_ENDED : VMMI_LIST_RUNNING);
}

static void
count_broken(vmmiRecordList *list, vmmiError *error)
{
    list->broken++;
    if (list->first)
        vmmiErrorFree(error);
    else
        list->first = error;
}

static void
add_all(vmmiRecordList *list, vmmiRunDir *run, char **ids)
{
    for (size_t i = 0; ids[i]; i++) {
        vmmiError *error = NULL;
        vmmiRecord *record = vmmiRecordRead(run, ids[i], &error);

        /* One that was removed since was never there. */
        if (record)
            g_ptr_array_add(list->records, record);
        else if (vmmiErrorGetCode(error) == VMMI_ERR_MIGRATION_UNKNOWN)
            vmmiErrorFree(error);
        else
            count_broken(list, error);
    }
}

/* As vmmiJobFindReplacement() has it. */
static bool
takes_over(const vmmiRecord *record)
{
    return record->job.replaces && record->phase != VMMI_PHASE_ABANDONED &&
           vmmiOutcomeGetExitKind(record->outcome) != VMMI_EXIT_NOT_STARTED;
}

/* Records come in the order of their numbers: the last that took over counts, if it came so far. */
static void
link_replaced(vmmiRecordList *list)
{
    g_autoptr(GHashTable) by_id = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < list->records->len; i++) {
        vmmiRecord *record = g_ptr_array_index(list->records, i);
        vmmiRecord *replaced =
            takes_over(record) ? g_hash_table_lookup(by_id, record->job.replaces) : NULL;

        if (replaced && !vmmiRecordWasNeverStarted(record)) {
            g_free(replaced->replaced_by);
            replaced->replaced_by = g_strdup(record->id);
        }
        g_hash_table_insert(by_id, record->id, record);
    }
}

static void
select_wanted(vmmiRecordList *list, unsigned int flags)
{
    for (guint i = list->records->len; i-- > 0;) {
        if (!is_wanted(g_ptr_array_index(list->records, i), flags))
            g_ptr_array_remove_index(list->records, i);
    }
}

vmmiRecordList *
vmmiManagerListRecords(const vmmiManager *manager, unsigned int flags, vmmiError **err)
{
    g_autoptr(vmmiRecordList) list = NULL;
    g_auto(GStrv) ids = NULL;

    if (vmmiManagerCheck(manager, err) < 0)
        return NULL;
    if (flags & ~(VMMI_LIST_RUNNING | VMMI_LIST_ENDED)) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                     "flags 0x%x are unknown, known are VMMI_LIST_RUNNING and VMMI_LIST_ENDED",
                     flags & ~(VMMI_LIST_RUNNING | VMMI_LIST_ENDED));
        return NULL;
    }
    ids = vmmiRunDirListJobs(manager->run, err);
    if (!ids)
        return NULL;
    list = g_new0(vmmiRecordList, 1);
    list->records = g_ptr_array_new_with_free_func((GDestroyNotify)vmmiRecordFree);
    add_all(list, manager->run, ids);
    link_replaced(list);
    select_wanted(list, flags);
    g_ptr_array_sort(list->records, compare);
    return g_steal_pointer(&list);
}

size_t
vmmiRecordListGetCount(const vmmiRecordList *list)
{
    return list ? list->records->len : 0;
}

const vmmiRecord *
vmmiRecordListGet(const vmmiRecordList *list, size_t index)
{
    return index < vmmiRecordListGetCount(list) ? g_ptr_array_index(list->records, index) : NULL;
}

size_t
vmmiRecordListGetBroken(const vmmiRecordList *list, const vmmiError **ret_first)
{
    if (ret_first)
        *ret_first = list ? list->first : NULL;
    return list ? list->broken : 0;
}

void
vmmiRecordListFree(vmmiRecordList *list)
{
    if (!list)
        return;
    g_ptr_array_unref(list->records);
    vmmiErrorFree(list->first);
    g_free(list);
}
