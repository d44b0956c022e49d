/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.c: callbacks: who is told what, in which order.
 *
 * Whatever becomes known is queued as a notice. Notices are delivered at the end of a dispatch,
 * oldest first; what the getters show changes with them. So states come in order, no sample comes
 * after the end, and the end comes once and last.
 */
#include <string.h>

#include "migration/private.h"
#include "util/cleanup.h"

typedef struct {
    vmmiMigration *migration; /* held */
    vmmiNoticeKind kind;
    vmmiState from, to;
    vmmiSample *sample;
    unsigned int percent; /* with it */
    vmmiMessage *status;
    vmmiError *error;
} vmmiNotice;

static void
free_notice(vmmiNotice *notice)
{
    vmmiSampleFree(notice->sample);
    vmmiMessageUnref(notice->status);
    vmmiErrorFree(notice->error);
    vmmiMigrationDrop(notice->migration);
    g_free(notice);
}

static vmmiNotice *
queue(vmmiMigration *migration, vmmiNoticeKind kind)
{
    vmmiManager *manager = migration->manager;
    vmmiNotice *notice = g_new0(vmmiNotice, 1);

    notice->migration = migration;
    notice->kind = kind;
    vmmiMigrationHold(migration);
    g_queue_push_tail(&manager->notices, notice);
    /* This dispatch will deliver it, unless it is delivering already. */
    if (!manager->dispatching || manager->delivering)
        vmmiManagerKick(manager);
    return notice;
}

void
vmmiNoticeState(vmmiMigration *migration, vmmiState to)
{
    vmmiNotice *notice;

    if (!vmmiStateMayFollow(migration->state, to))
        return;
    notice = queue(migration, VMMI_NOTICE_STATE);
    notice->from = migration->state;
    notice->to = to;
    migration->state = to;
}

unsigned int
vmmiSampleToPercent(const vmmiSample *sample)
{
    uint64_t percent = vmmiSampleGetOr(sample, VMMI_SAMPLE_PERCENT, 0);
    uint64_t total = vmmiSampleGetOr(sample, VMMI_SAMPLE_DATA_TOTAL_BYTES, 0);
    uint64_t remaining = vmmiSampleGetOr(sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, total);

    if (!vmmiSampleGet(sample, VMMI_SAMPLE_PERCENT, NULL) && total > 0 && remaining <= total)
        percent = (uint64_t)((double)(total - remaining) * 100.0 / (double)total);
    return (unsigned int)MIN(percent, 99);
}

/* Percent is what all data say, but it never goes back, and 100 is for the end. */
void
vmmiNoticePassed(vmmiMigration *migration, const vmmiSample *sample)
{
    migration->reached = MAX(migration->reached, vmmiSampleToPercent(sample));
}

void
vmmiNoticeSample(vmmiMigration *migration, vmmiSample *sample)
{
    vmmiNotice *notice;

    if (vmmiStateIsFinal(migration->state)) {
        vmmiSampleFree(sample);
        return;
    }
    vmmiNoticePassed(migration, sample);
    notice = queue(migration, VMMI_NOTICE_SAMPLE);
    notice->sample = sample;
    notice->percent = migration->reached;
}

void
vmmiNoticeStatus(vmmiMigration *migration, vmmiMessage *status, vmmiError *error)
{
    vmmiNotice *notice = queue(migration, VMMI_NOTICE_STATUS);

    notice->status = status;
    notice->error = error;
}

void
vmmiNoticeEnd(vmmiMigration *migration)
{
    queue(migration, VMMI_NOTICE_END);
}

/* --- delivering ------------------------------------------------------------------- */

static void
free_watcher(vmmiWatcher *watcher)
{
    if (watcher->callbacks.free_opaque)
        watcher->callbacks.free_opaque(watcher->callbacks.opaque);
    g_free(watcher);
}

void
vmmiWatchersFree(vmmiMigration *migration)
{
    while (migration->watchers->len > 0)
        free_watcher(g_ptr_array_steal_index(migration->watchers, 0));
}

static void
free_ended(vmmiMigration *migration)
{
    for (guint i = 0; i < migration->watchers->len;) {
        vmmiWatcher *watcher = g_ptr_array_index(migration->watchers, i);

        if (watcher->ended)
            free_watcher(g_ptr_array_steal_index(migration->watchers, i));
        else
            i++;
    }
}

/* What the getters show from now on. */
static void
show(vmmiNotice *notice)
{
    vmmiMigration *migration = notice->migration;

    if (notice->kind == VMMI_NOTICE_STATE) {
        migration->shown_state = notice->to;
        if (notice->to == VMMI_STATE_COMPLETED)
            migration->percent = 100;
    } else if (notice->kind == VMMI_NOTICE_SAMPLE) {
        migration->percent = notice->percent;
        if (migration->shown_sample)
            g_ptr_array_add(migration->manager->retired, migration->shown_sample);
        migration->shown_sample = g_steal_pointer(&notice->sample);
    }
}

/* Returns: whether there was a callback. */
static bool
call(const vmmiNotice *notice, vmmiWatcher *watcher)
{
    const vmmiMigrationCallbacks *callbacks = &watcher->callbacks;
    vmmiMigration *migration = notice->migration;

    switch (notice->kind) {
    case VMMI_NOTICE_STATE:
        if (callbacks->state)
            callbacks->state(migration, notice->from, notice->to, callbacks->opaque);
        return callbacks->state != NULL;
    case VMMI_NOTICE_SAMPLE:
        if (callbacks->sample)
            callbacks->sample(migration, migration->shown_sample, callbacks->opaque);
        return callbacks->sample != NULL;
    case VMMI_NOTICE_STATUS:
        if (callbacks->status)
            callbacks->status(migration, notice->status, notice->error, callbacks->opaque);
        return callbacks->status != NULL;
    default:
        watcher->ended = true;
        if (callbacks->end)
            callbacks->end(migration, migration->outcome, callbacks->opaque);
        return callbacks->end != NULL;
    }
}

static void
deliver(vmmiManager *manager, vmmiNotice *notice)
{
    vmmiMigration *migration = notice->migration;
    guint count = migration->watchers->len;

    show(notice);
    migration->delivering++;
    /* Watchers are only added meanwhile; these get the next notice. */
    for (guint i = 0; i < count && migration->manager && !manager->freed; i++) {
        vmmiWatcher *watcher = g_ptr_array_index(migration->watchers, i);

        if (!watcher->ended && call(notice, watcher))
            manager->callbacks++;
    }
    migration->delivering--;
    if (!migration->manager)
        vmmiWatchersFree(migration);
    else
        free_ended(migration);
}

void
vmmiNoticesDeliver(vmmiManager *manager)
{
    /* What callbacks cause comes in the next dispatch, so that one dispatch ends. */
    guint count = g_queue_get_length(&manager->notices);

    manager->delivering = true;
    while (count-- > 0 && !manager->freed) {
        vmmiNotice *notice = g_queue_pop_head(&manager->notices);

        if (notice->migration->manager)
            deliver(manager, notice);
        free_notice(notice);
    }
    manager->delivering = false;
}

void
vmmiNoticesDrop(vmmiManager *manager)
{
    g_queue_clear_full(&manager->notices, (GDestroyNotify)free_notice);
}

/* --- registering ------------------------------------------------------------------ */

static int
copy_callbacks(const vmmiMigrationCallbacks *given, vmmiMigrationCallbacks *copy, vmmiError **err)
{
    if (given->size < sizeof(*copy))
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "callbacks of %zu bytes, at least %zu are needed", given->size,
                            sizeof(*copy));
    for (size_t i = sizeof(*copy); i < given->size; i++) {
        if (((const char *)given)[i])
            return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                                "a callback at byte %zu is newer than this library", i);
    }
    memcpy(copy, given, sizeof(*copy));
    copy->size = sizeof(*copy);
    return 0;
}

int
vmmiMigrationWatch(vmmiMigration *migration, const vmmiMigrationCallbacks *callbacks,
                   vmmiError **err)
{
    vmmiMigrationCallbacks copy;
    vmmiWatcher *watcher;

    if (!callbacks)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no callbacks were given");
    if (copy_callbacks(callbacks, &copy, err) < 0 || vmmiMigrationCheck(migration, err) < 0) {
        /* Shorter than we know, a struct may end before this member. */
        if (callbacks->size >= sizeof(copy) && callbacks->free_opaque)
            callbacks->free_opaque(callbacks->opaque);
        return -1;
    }
    watcher = g_new0(vmmiWatcher, 1);
    watcher->callbacks = copy;
    g_ptr_array_add(migration->watchers, watcher);
    if (migration->outcome)
        vmmiNoticeEnd(migration);
    return 0;
}
