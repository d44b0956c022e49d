/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tracker.c: the state of a migration, derived from what a driver shows.
 *
 * A driver may show steps itself. Else: figures that move mean pre-copy; a guest that is paused by
 * its migration means switchover; a job that completed means finish; a guest that is shut off
 * because it migrated means confirm.
 */
#include "kit/tracker.h"

bool
vmmiTrackerSetState(vmmiTracker *tracker, vmmiState state)
{
    if (tracker->state == state || !vmmiStateMayFollow(tracker->state, state))
        return false;
    tracker->state = state;
    if (state == VMMI_STATE_POSTCOPY || state == VMMI_STATE_POSTCOPY_BROKEN)
        tracker->switched = true;
    return true;
}

static bool
see_guest(vmmiTracker *tracker, vmmiGuestState guest, vmmiGuestReason reason)
{
    tracker->guest = guest;
    tracker->reason = reason;
    if (reason == VMMI_REASON_POSTCOPY_FAILED)
        return vmmiTrackerSetState(tracker, VMMI_STATE_POSTCOPY_BROKEN);
    if (reason == VMMI_REASON_POSTCOPY)
        return vmmiTrackerSetState(tracker, VMMI_STATE_POSTCOPY);
    if (guest == VMMI_GUEST_PAUSED &&
        (reason == VMMI_REASON_MIGRATION || reason == VMMI_REASON_MIGRATED) &&
        tracker->state == VMMI_STATE_PRECOPY)
        return vmmiTrackerSetState(tracker, VMMI_STATE_SWITCHOVER);
    if ((guest == VMMI_GUEST_SHUTOFF || guest == VMMI_GUEST_ABSENT) &&
        reason == VMMI_REASON_MIGRATED)
        return vmmiTrackerSetState(tracker, VMMI_STATE_CONFIRM);
    return false;
}

static void
see_iteration(vmmiTracker *tracker, uint64_t iteration)
{
    if (iteration > tracker->iteration)
        tracker->iteration = iteration;
}

bool
vmmiTrackerEvent(vmmiTracker *tracker, const vmmiEvent *event)
{
    switch (event->type) {
    case VMMI_EVENT_STATE:
        if (vmmiStateIsFinal(event->state) || event->state == VMMI_STATE_UNATTENDED)
            return false; /* the end is judged elsewhere, by more than one witness */
        tracker->shown = tracker->shown || event->state <= VMMI_STATE_PREPARE;
        return vmmiTrackerSetState(tracker, event->state);
    case VMMI_EVENT_ITERATION:
        see_iteration(tracker, event->iteration);
        tracker->job_seen = true;
        return tracker->state < VMMI_STATE_PRECOPY &&
               vmmiTrackerSetState(tracker, VMMI_STATE_PRECOPY);
    case VMMI_EVENT_JOB_COMPLETED:
        tracker->job_completed = true;
        return vmmiTrackerSetState(tracker, VMMI_STATE_FINISH);
    case VMMI_EVENT_GUEST:
        return see_guest(tracker, event->guest_state, event->reason);
    default:
        return false;
    }
}

/* A job that prepares has figures, too, but none that moved. */
static bool
is_copying(const vmmiSample *sample)
{
    return vmmiSampleGetOr(sample, VMMI_SAMPLE_ITERATION, 0) > 0 ||
           vmmiSampleGetOr(sample, VMMI_SAMPLE_DATA_PROCESSED_BYTES, 0) > 0 ||
           vmmiSampleGetOr(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, 0) > 0 ||
           vmmiSampleGetOr(sample, VMMI_SAMPLE_DISK_PROCESSED_BYTES, 0) > 0;
}

bool
vmmiTrackerSample(vmmiTracker *tracker, const vmmiSample *sample, vmmiJobKind job,
                  const vmmiError *error)
{
    uint64_t iteration;

    if (error) {
        int code = vmmiErrorGetCode(error);

        if (tracker->job_seen && (code == VMMI_ERR_STATE || code == VMMI_ERR_GUEST_UNKNOWN))
            tracker->job_gone = true;
        return false;
    }
    if (job != VMMI_JOB_MIGRATION_OUT)
        return false;
    tracker->job_seen = true;
    tracker->job_gone = false;
    if (vmmiSampleGet(sample, VMMI_SAMPLE_ITERATION, &iteration))
        see_iteration(tracker, iteration);
    return is_copying(sample) && !tracker->shown && tracker->state < VMMI_STATE_PRECOPY &&
           vmmiTrackerSetState(tracker, VMMI_STATE_PRECOPY);
}
