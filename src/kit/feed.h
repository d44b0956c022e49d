/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * feed.h: what other threads have to say to the loop: a queue, a descriptor to poll, and a bell for
 * the sampler.
 *
 * Reference-counted, since a thread of a driver, or a call that hangs, may come late.
 */
#ifndef VMMI_KIT_FEED_H
#define VMMI_KIT_FEED_H

#include <glib.h>

#include <libvmmi/vmmi-driver.h>

typedef struct vmmiFeed vmmiFeed;

typedef enum {
    VMMI_ITEM_EVENT = 0, /* .event */
    VMMI_ITEM_RETURNED,  /* .attempt, .error: the call that performs the migration is back */
    VMMI_ITEM_SAMPLE     /* .sample, .job, .error: a look at the figures */
} vmmiItemKind;

typedef struct {
    vmmiItemKind kind;
    vmmiEvent event; /* its sample and error are NULL: see below */
    vmmiSample *sample;
    vmmiJobKind job;
    vmmiError *error;
    unsigned int attempt;
} vmmiItem;

/* NULL when there is no descriptor to be had, VMMI_ERR_SYSTEM. */
vmmiFeed *vmmiFeedNew(vmmiError **err);
vmmiFeed *vmmiFeedRef(vmmiFeed *feed);
void vmmiFeedUnref(vmmiFeed *feed);

/* Readable when there is something new. */
int vmmiFeedGetFd(const vmmiFeed *feed);
/* Makes it unreadable again; to be done before looking. */
void vmmiFeedDrain(vmmiFeed *feed);
/* Any thread. */
void vmmiFeedWake(vmmiFeed *feed);
/* Takes the item. Without @wake it waits for the next reason to look. Any thread. */
void vmmiFeedPush(vmmiFeed *feed, vmmiItem *item, bool wake);
/* The oldest item, to be freed; NULL: none. */
vmmiItem *vmmiFeedPop(vmmiFeed *feed);
void vmmiItemFree(vmmiItem *item);

/* Copies an event of a driver into the feed: a vmmiEventFunc, @opaque is the feed. A new pass asks
 * for a sample and wakes nobody by itself, the sample will. */
void vmmiFeedTakeEvent(const vmmiEvent *event, void *opaque);

/* The sampler's bell. Asks for a sample soon. Any thread. */
void vmmiFeedAskSample(vmmiFeed *feed);
/* The sampler begins and ends. */
void vmmiFeedSetSampling(vmmiFeed *feed, bool on);
/* No more samples are wanted. Waits so long for the sampler to end. Returns: whether it has. */
bool vmmiFeedStopSamples(vmmiFeed *feed, unsigned int timeout_ms);
/*
 * Waits until a sample is due: @max_gap_us after the last, or when one was asked for, but not
 * before @min_gap_us. Returns: false when no more are wanted.
 */
bool vmmiFeedWaitSample(vmmiFeed *feed, gint64 last_us, gint64 min_gap_us, gint64 max_gap_us);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiFeed, vmmiFeedUnref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiItem, vmmiItemFree)

#endif
