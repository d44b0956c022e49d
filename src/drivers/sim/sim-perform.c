/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-perform.c: what the hypervisor does while memory is copied, after QEMU 7.2.
 *
 * The sender works in slices of 50 ms. Behind each it looks whether less is pending than the
 * measured bandwidth moves in the tolerated downtime; then it reads the dirty log (a new pass
 * begins), and if still less is pending it stops the guest and sends the remainder. Bandwidth is
 * measured over windows of 100 ms; auto-converge acts on periods of more than a second.
 */
#include <math.h>

#include "drivers/sim/sim-job.h"

#define SLICE_US 50000
#define SHORTEST_SLICE_US 1000 /* reading the dirty log takes time */
#define WINDOW_US 100000
#define PERIOD_US 1000000
#define THROTTLE_TRIGGER 0.5 /* dirtied more than this share of what was sent */
#define THROTTLE_MAX 99
#define ZERO_PAGE_BYTES 9.0
#define SCAN_BYTES_PER_US 8000.0 /* how fast pages of zeroes are recognised */

double
vmmiSimRandom(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static double
pending(const vmmiSimGuest *guest)
{
    return vmmiSimMemoryPending(&guest->job.memory, &guest->load);
}

/* --- moving bytes ----------------------------------------------------------------------------- */

bool
vmmiSimJobIsSending(const vmmiSimJob *job)
{
    if (!job->id || job->hanging)
        return false;
    return job->step == VMMI_SIM_STEP_PRECOPY || job->step == VMMI_SIM_STEP_POSTCOPY ||
           (job->step == VMMI_SIM_STEP_SWITCHOVER && job->stop_after < 0);
}

double
vmmiSimJobLimit(const vmmiSimGuest *guest)
{
    uint64_t mib = 0;

    /* QEMU lifts the limit for the part in which the guest stands still. */
    if (guest->job.step == VMMI_SIM_STEP_PRECOPY)
        mib = guest->tuning.bandwidth_mib;
    else if (guest->job.step == VMMI_SIM_STEP_POSTCOPY)
        mib = guest->tuning.postcopy_bandwidth_mib;
    return mib ? (double)mib * VMMI_SIM_MIB / 1e6 : HUGE_VAL;
}

/* The share of pages that are found in the cache of XBZRLE. */
static double
cache_hits(const vmmiSimGuest *guest)
{
    double fill;

    if (!guest->job.compressed || guest->job.syncs < 2 ||
        guest->job.step == VMMI_SIM_STEP_POSTCOPY || guest->load.working_set <= 0)
        return 0;
    fill = (double)guest->tuning.xbzrle_cache_bytes / guest->load.working_set;
    if (guest->load.pattern == VMMI_SIM_PATTERN_CYCLIC)
        return fill >= 1 ? 1 : 0;
    return fmin(fill, 1);
}

/*
 * Microseconds that one byte of the guest's memory takes, and the bytes on the wire that it
 * becomes.
 */
static double
cost(const vmmiSimGuest *guest, bool rest, double share, double *wire)
{
    double zero = rest ? guest->load.zero_share : 0;
    double hits = rest ? 0 : cache_hits(guest);

    *wire =
        1 - zero + zero * ZERO_PAGE_BYTES / VMMI_SIM_PAGE - hits * (1 - guest->load.xbzrle_share);
    return *wire / share + zero / SCAN_BYTES_PER_US;
}

static void
count_pages(vmmiSimGuest *guest, bool rest, double bytes, double wire)
{
    vmmiSimJob *job = &guest->job;
    double pages = bytes / VMMI_SIM_PAGE;
    double zero = rest ? guest->load.zero_share : 0;
    double hits = rest ? 0 : cache_hits(guest);

    job->sent_bytes += bytes * wire;
    job->constant_pages += pages * zero;
    job->normal_pages += pages * (1 - zero - hits);
    job->xbzrle_pages += pages * hits;
    job->xbzrle_bytes += bytes * hits * guest->load.xbzrle_share;
    if (!rest && job->compressed && job->syncs > 1)
        job->xbzrle_misses += pages * (1 - hits);
}

static void
send_for(vmmiSimGuest *guest, double share, double us)
{
    vmmiSimJob *job = &guest->job;

    while (us > 0 && share > 0 && pending(guest) > 0) {
        bool rest;
        double here = vmmiSimMemoryNext(&job->memory, &guest->load, &rest);
        double wire, per_byte = cost(guest, rest, share, &wire);
        double bytes = fmin(us / per_byte, here);

        count_pages(guest, rest, bytes, wire);
        vmmiSimMemorySend(&job->memory, &guest->load, bytes);
        if (bytes < here)
            break;
        us -= bytes * per_byte;
    }
}

static double
time_to_send(const vmmiSimGuest *guest, double share)
{
    const vmmiSimMemory *memory = &guest->job.memory;
    double wire;

    return memory->rest * cost(guest, true, share, &wire) +
           vmmiSimMemoryPendingSet(memory, &guest->load) * cost(guest, false, share, &wire);
}

/*
 * Pages that the destination asks for: it touches the working set as before, and finds a part
 * missing.
 */
static void
count_requests(vmmiSimGuest *guest, int64_t from, int64_t until)
{
    double missing = vmmiSimMemoryPendingSet(&guest->job.memory, &guest->load);

    if (guest->load.working_set > 0)
        guest->job.requests += fmin(missing, vmmiSimLoadWritten(&guest->load, from, until)) /
                               VMMI_SIM_PAGE * missing / guest->load.working_set;
}

void
vmmiSimJobAdvance(const vmmiSimWorld *world, vmmiSimGuest *guest, double share, int64_t until)
{
    vmmiSimJob *job = &guest->job;
    int64_t from = job->at;
    bool runs = guest->places[job->source].state == VMMI_GUEST_RUNNING;

    if (until <= from)
        return;
    job->at = until;
    if (!vmmiSimJobHasLink(world, job)) {
        if (job->silent_since < 0)
            job->silent_since = from;
    } else {
        job->silent_since = -1;
    }
    if (job->step == VMMI_SIM_STEP_PRECOPY && runs) {
        job->memory.written += vmmiSimLoadWritten(&guest->load, from, until) *
                               vmmiSimLoadThrottled(&guest->load, job->throttle);
        job->slowdown_us +=
            (double)(until - from) * (1 - vmmiSimLoadThrottled(&guest->load, job->throttle));
    }
    if (!vmmiSimJobIsSending(job))
        return;
    if (job->step == VMMI_SIM_STEP_POSTCOPY)
        count_requests(guest, from, until);
    send_for(guest, share, (double)(until - from));
}

static int64_t
silence_ends(const vmmiSimWorld *world, const vmmiSimJob *job)
{
    if (vmmiSimJobHasLink(world, job) || job->step == VMMI_SIM_STEP_POSTCOPY_BROKEN ||
        job->step < VMMI_SIM_STEP_SETUP)
        return VMMI_SIM_NEVER;
    return (job->silent_since < 0 ? job->at : job->silent_since) + world->keepalive_us;
}

int64_t
vmmiSimJobNext(const vmmiSimWorld *world, const vmmiSimGuest *guest, double share)
{
    const vmmiSimJob *job = &guest->job;
    int64_t next = silence_ends(world, job);
    int64_t empty = VMMI_SIM_NEVER;

    if (job->hanging)
        return next;
    if (!vmmiSimJobIsSending(job) || job->step == VMMI_SIM_STEP_POSTCOPY)
        next = MIN(next, job->stop_after >= 0 ? job->stop_after : VMMI_SIM_NEVER);
    if (!vmmiSimJobIsSending(job))
        return MIN(next, job->step_end);
    if (share <= 0)
        return next;
    empty = job->at + (int64_t)fmin(ceil(time_to_send(guest, share)), 1e15);
    if (job->step != VMMI_SIM_STEP_SWITCHOVER)
        empty = MIN(job->step_end, MAX(empty, job->step_end - SLICE_US + SHORTEST_SLICE_US));
    return MIN(next, empty);
}

/* --- deciding --------------------------------------------------------------------------------- */

/* Bandwidth over the last window, and what follows from it. */
static void
measure(const vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;
    double sent = job->sent_bytes - job->window_sent;
    int64_t passed = job->at - job->window_start;

    if (passed < WINDOW_US)
        return;
    job->bandwidth = sent / (double)passed;
    if (world->jitter > 0)
        job->bandwidth *= 1 + world->jitter * (2 * vmmiSimRandom(&job->random) - 1);
    job->threshold = job->bandwidth * (double)guest->tuning.downtime_limit_ms * 1000;
    if (job->dirty_bytes_per_second > 0 && sent > 10000)
        job->expected_us = job->remaining_at_sync / job->bandwidth;
    job->window_start = job->at;
    job->window_sent = job->sent_bytes;
}

static void
throttle(vmmiSimJob *job)
{
    double sent = job->sent_bytes - job->period_sent;

    if (!job->auto_converge || job->period_dirty <= sent * THROTTLE_TRIGGER)
        return;
    if (++job->high_count < 2)
        return;
    job->high_count = 0;
    job->throttle = job->throttle ? job->throttle + (int64_t)job->throttle_increment
                                  : (int64_t)job->throttle_initial;
    job->throttle = MIN(job->throttle, THROTTLE_MAX);
}

/* Reads the dirty log: a pass begins. */
static void
sync_log(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;

    job->syncs++;
    job->period_dirty += vmmiSimMemorySync(&job->memory, &guest->load);
    job->remaining_at_sync = pending(guest);
    if (job->at > job->period_start + PERIOD_US) {
        throttle(job);
        job->dirty_bytes_per_second =
            job->period_dirty * 1e6 / (double)(job->at - job->period_start);
        job->period_start = job->at;
        job->period_dirty = 0;
        job->period_sent = job->sent_bytes;
    }
    vmmiSimWorldLog(world, VMMI_EVENT_ITERATION, (int)(guest - vmmiSimWorldGuest(world, 0)),
                    (size_t)job->source, 0, 0, job->syncs);
}

void
vmmiSimPrecopyStart(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;

    vmmiSimMemoryStart(&job->memory, &guest->load);
    job->window_start = job->at;
    job->period_start = job->at;
    job->expected_us = -1;
    job->step_end = job->at + SLICE_US;
    if (!job->live && !job->was_paused)
        vmmiSimWorldPlace(world, guest, (size_t)job->source, VMMI_GUEST_PAUSED,
                          VMMI_REASON_MIGRATION);
    if (!job->live)
        job->stopped_at = job->at;
    sync_log(world, guest);
}

static void
stop_guest(vmmiSimWorld *world, vmmiSimGuest *guest, vmmiGuestReason reason)
{
    vmmiSimJob *job = &guest->job;

    if (job->stopped_at < 0)
        job->stopped_at = job->at;
    vmmiSimWorldPlace(world, guest, (size_t)job->source, VMMI_GUEST_PAUSED, reason);
}

static void
start_postcopy(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;

    stop_guest(world, guest, VMMI_REASON_POSTCOPY);
    vmmiSimMemorySync(&job->memory, &guest->load);
    job->throttle = 0;
    job->remaining_at_sync = pending(guest);
    job->stop_after = job->at + world->device_us;
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_POSTCOPY);
    job->step_end = job->at + SLICE_US;
}

/* Whether a fault of this step was asked for; @failure is what it looks like. */
static bool
fault_strikes(vmmiSimWorld *world, vmmiSimGuest *guest, vmmiSimPhase step, const char *failure)
{
    int fault = vmmiSimJobFault(guest, step);

    if (fault == VMMI_SIM_FAULT_FAIL)
        vmmiSimJobFail(world, guest, VMMI_ERR_MIGRATION_FAILED,
                       "%s, as the simulated world was asked to do", failure);
    else if (fault == VMMI_SIM_FAULT_HANG)
        guest->job.hanging = true;
    return fault >= 0;
}

void
vmmiSimPrecopyTick(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;
    double left;

    job->step_end = job->at + SLICE_US;
    if ((job->syncs > 1 || pending(guest) <= guest->load.memory / 2) &&
        fault_strikes(world, guest, VMMI_SIM_STEP_SETUP,
                      "perform failed: the copying of memory broke off"))
        return;
    measure(world, guest);
    left = pending(guest);
    if (left <= 0 || left < job->threshold) {
        sync_log(world, guest);
        left = pending(guest);
    }
    if (left <= 0 || left < job->threshold) {
        stop_guest(world, guest, VMMI_REASON_MIGRATION);
        vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_SWITCHOVER);
    } else if (job->postcopy_asked) {
        start_postcopy(world, guest);
    }
}

void
vmmiSimSwitchoverTick(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;

    if (job->stop_after < 0) {
        job->stop_after = job->at + world->device_us;
        return;
    }
    if (job->at < job->stop_after)
        return;
    if (fault_strikes(world, guest, VMMI_SIM_STEP_SWITCHOVER,
                      "perform failed: the destination could not load the state of the devices"))
        return;
    job->stop_after = -1;
    job->downtime_net_us = job->at - job->stopped_at;
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_FINISH);
}

void
vmmiSimPostcopyLand(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;
    bool paused = job->was_paused || job->dest_paused;

    job->stop_after = -1;
    job->downtime_us = job->downtime_net_us = job->at - job->stopped_at;
    vmmiSimWorldPlace(world, guest, (size_t)job->destination,
                      paused ? VMMI_GUEST_PAUSED : VMMI_GUEST_RUNNING, VMMI_REASON_POSTCOPY);
}

void
vmmiSimPostcopyTick(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;

    if (job->stop_after >= 0 && job->at >= job->stop_after)
        vmmiSimPostcopyLand(world, guest);
    if (job->at >= job->step_end || pending(guest) <= 0) {
        job->step_end = job->at + SLICE_US;
        measure(world, guest);
    }
    if (job->stop_after < 0 && pending(guest) < job->remaining_at_sync / 2 &&
        fault_strikes(world, guest, VMMI_SIM_STEP_POSTCOPY, "post-copy broke off"))
        return;
    if (pending(guest) <= 0 && job->stop_after < 0)
        vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_FINISH);
}
