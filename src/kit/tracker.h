/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tracker.h: the state of a migration, derived from what a driver shows (architecture.md, section
 * 4). Pure.
 */
#ifndef VMMI_KIT_TRACKER_H
#define VMMI_KIT_TRACKER_H

#include <libvmmi/vmmi-driver.h>

typedef struct {
    vmmiState state;
    bool shown;         /* the driver shows the steps before pre-copy itself */
    bool job_seen;      /* libvirt's job was there */
    bool job_gone;      /* and is not any more */
    bool job_completed; /* libvirt said so */
    bool switched;      /* post-copy was reached */
    uint64_t iteration; /* the largest that was seen; 0: none */
    /* The last that was heard of the guest on this host, VMMI_GUEST_UNKNOWN: nothing. */
    vmmiGuestState guest;
    vmmiGuestReason reason;
} vmmiTracker;

/* Each returns whether .state changed. Steps that may not follow are ignored. */
bool vmmiTrackerSetState(vmmiTracker *tracker, vmmiState state);
bool vmmiTrackerEvent(vmmiTracker *tracker, const vmmiEvent *event);
/* A sample that came, or did not. @error: NULL, or why there is none. */
bool vmmiTrackerSample(vmmiTracker *tracker, const vmmiSample *sample, vmmiJobKind job,
                       const vmmiError *error);

#endif
