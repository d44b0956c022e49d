/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * feed.c: what other threads have to say to the loop.
 */
#include "kit/feed.h"

#include <string.h>
#include <sys/eventfd.h>

#include "util/cleanup.h"
#include "util/error.h"

struct vmmiFeed {
    int refs; /* atomic */
    int fd;
    GMutex lock;
    GQueue items; /* of vmmiItem; under lock */
    GCond bell;
    bool sample_asked; /* under lock */
    bool samples_over; /* the same */
    bool sampling;     /* the same: the sampler's thread is there */
};

vmmiFeed *
vmmiFeedNew(vmmiError **err)
{
    vmmi_autofd int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    vmmiFeed *feed;

    if (fd < 0) {
        vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot open an event descriptor");
        return NULL;
    }
    feed = g_new0(vmmiFeed, 1);
    feed->refs = 1;
    feed->fd = vmmiFdSteal(&fd);
    g_mutex_init(&feed->lock);
    g_cond_init(&feed->bell);
    g_queue_init(&feed->items);
    return feed;
}

vmmiFeed *
vmmiFeedRef(vmmiFeed *feed)
{
    g_atomic_int_inc(&feed->refs);
    return feed;
}

void
vmmiFeedUnref(vmmiFeed *feed)
{
    if (!feed || !g_atomic_int_dec_and_test(&feed->refs))
        return;
    g_queue_clear_full(&feed->items, (GDestroyNotify)vmmiItemFree);
    g_mutex_clear(&feed->lock);
    g_cond_clear(&feed->bell);
    close(feed->fd);
    g_free(feed);
}

int
vmmiFeedGetFd(const vmmiFeed *feed)
{
    return feed->fd;
}

void
vmmiFeedDrain(vmmiFeed *feed)
{
    uint64_t count;
    ssize_t ignored = read(feed->fd, &count, sizeof(count));

    (void)ignored;
}

void
vmmiFeedWake(vmmiFeed *feed)
{
    uint64_t one = 1;
    ssize_t ignored = write(feed->fd, &one, sizeof(one));

    (void)ignored;
}

void
vmmiFeedPush(vmmiFeed *feed, vmmiItem *item, bool wake)
{
    g_mutex_lock(&feed->lock);
    g_queue_push_tail(&feed->items, item);
    g_mutex_unlock(&feed->lock);
    if (wake)
        vmmiFeedWake(feed);
}

vmmiItem *
vmmiFeedPop(vmmiFeed *feed)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&feed->lock);

    return g_queue_pop_head(&feed->items);
}

void
vmmiItemFree(vmmiItem *item)
{
    if (!item)
        return;
    vmmiSampleFree(item->sample);
    vmmiErrorFree(item->error);
    g_free(item);
}

void
vmmiFeedTakeEvent(const vmmiEvent *event, void *opaque)
{
    vmmiFeed *feed = opaque;
    vmmiItem *item = g_new0(vmmiItem, 1);

    item->kind = VMMI_ITEM_EVENT;
    memcpy(&item->event, event, MIN(event->size, sizeof(item->event)));
    item->sample = vmmiSampleCopy(item->event.sample);
    item->error = vmmiErrorCopy(item->event.error);
    item->event.sample = NULL;
    item->event.error = NULL;
    if (event->type == VMMI_EVENT_ITERATION) {
        vmmiFeedPush(feed, item, false);
        vmmiFeedAskSample(feed);
    } else {
        vmmiFeedPush(feed, item, true);
    }
}

void
vmmiFeedAskSample(vmmiFeed *feed)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&feed->lock);

    if (feed->sample_asked)
        return;
    feed->sample_asked = true;
    g_cond_broadcast(&feed->bell);
}

void
vmmiFeedSetSampling(vmmiFeed *feed, bool on)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&feed->lock);

    feed->sampling = on;
    g_cond_broadcast(&feed->bell);
}

bool
vmmiFeedStopSamples(vmmiFeed *feed, unsigned int timeout_ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&feed->lock);
    gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;

    feed->samples_over = true;
    g_cond_broadcast(&feed->bell);
    while (feed->sampling) {
        if (!g_cond_wait_until(&feed->bell, &feed->lock, until))
            break;
    }
    return !feed->sampling;
}

bool
vmmiFeedWaitSample(vmmiFeed *feed, gint64 last_us, gint64 min_gap_us, gint64 max_gap_us)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&feed->lock);

    while (!feed->samples_over) {
        gint64 due = last_us + (feed->sample_asked ? min_gap_us : max_gap_us);

        if (g_get_monotonic_time() >= due)
            break;
        g_cond_wait_until(&feed->bell, &feed->lock, due);
    }
    feed->sample_asked = false;
    return !feed->samples_over;
}
