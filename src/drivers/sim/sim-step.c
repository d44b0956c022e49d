/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-step.c: how a simulated world goes on by itself: from one event to the next, whoever asks.
 */
#include "drivers/sim/sim-step.h"

#include <math.h>

#include "drivers/sim/sim-job.h"

/* The link is shared evenly among those who send; what one may not use goes to the others. Bytes per microsecond. */
static void
share_link(const vmmiSimWorld *world, double *shares)
{
    double left = world->link / 1e6;
    size_t open = 0;

    for (size_t i = 0; i < world->guests->len; i++) {
        const vmmiSimGuest *guest = vmmiSimWorldGuest(world, i);

        shares[i] = -1;
        if (!vmmiSimJobIsSending(&guest->job) || !vmmiSimJobHasLink(world, &guest->job))
            shares[i] = 0;
        else
            open++;
    }
    while (open > 0) {
        double even = left / (double)open;
        bool capped = false;

        for (size_t i = 0; i < world->guests->len; i++) {
            double limit = vmmiSimJobLimit(vmmiSimWorldGuest(world, i));

            if (shares[i] < 0 && limit < even) {
                shares[i] = limit;
                left -= limit;
                open--;
                capped = true;
            }
        }
        if (capped)
            continue;
        for (size_t i = 0; i < world->guests->len; i++)
            shares[i] = shares[i] < 0 ? even : shares[i];
        break;
    }
}

static int64_t
next_with(const vmmiSimWorld *world, const double *shares)
{
    int64_t next = VMMI_SIM_NEVER;

    if (world->timeline->len > 0)
        next = g_array_index(world->timeline, vmmiSimEvent, 0).at;
    for (size_t i = 0; i < world->guests->len; i++) {
        const vmmiSimGuest *guest = vmmiSimWorldGuest(world, i);

        if (guest->job.id)
            next = MIN(next, vmmiSimJobNext(world, guest, shares[i]));
    }
    return next;
}

static void
advance_all(vmmiSimWorld *world, const double *shares, int64_t until)
{
    for (size_t i = 0; i < world->guests->len; i++) {
        vmmiSimGuest *guest = vmmiSimWorldGuest(world, i);

        if (guest->job.id)
            vmmiSimJobAdvance(world, guest, shares[i], until);
    }
}

int64_t
vmmiSimNext(const vmmiSimWorld *world)
{
    double shares[VMMI_SIM_MAX_GUESTS];

    share_link(world, shares);
    return next_with(world, shares);
}

void
vmmiSimSettle(vmmiSimWorld *world)
{
    double shares[VMMI_SIM_MAX_GUESTS];

    share_link(world, shares);
    advance_all(world, shares, world->now);
}

void
vmmiSimPeek(const vmmiSimWorld *world, size_t guest, vmmiSimGuest *shown)
{
    double shares[VMMI_SIM_MAX_GUESTS];

    *shown = *vmmiSimWorldGuest(world, guest);
    if (!shown->job.id)
        return;
    share_link(world, shares);
    vmmiSimJobAdvance(world, shown, shares[guest], world->now);
}

/* --- what a scenario lets happen -------------------------------------------------------------------------- */

static void
end_guest(vmmiSimWorld *world, vmmiSimGuest *guest, vmmiGuestReason reason)
{
    bool crashed = false;

    for (size_t i = 0; i < world->n_hosts; i++) {
        int64_t state = guest->places[i].state;

        if (state != VMMI_GUEST_RUNNING && state != VMMI_GUEST_PAUSED)
            continue;
        vmmiSimWorldPlace(world, guest, i, VMMI_GUEST_SHUTOFF, reason);
        crashed = true;
    }
    if (crashed && guest->job.id)
        vmmiSimJobDrop(world, guest, VMMI_ERR_GUEST_DISAPPEARED,
                       reason == VMMI_REASON_SHUTDOWN
                           ? "the guest was shut down during its migration"
                           : "the guest was destroyed during its migration");
}

/* As libvirt does it: the source cancels before post-copy and keeps it, the destination kills what is coming in. */
static void
restart_host(vmmiSimWorld *world, size_t host)
{
    vmmiSimWorldLog(world, VMMI_EVENT_DISCONNECTED, -1, host, 0, 0, 0);
    for (size_t i = 0; i < world->guests->len; i++) {
        vmmiSimGuest *guest = vmmiSimWorldGuest(world, i);
        vmmiSimJob *job = &guest->job;

        if (!job->id || (job->source != (int64_t)host && job->destination != (int64_t)host))
            continue;
        if (job->step == VMMI_SIM_STEP_POSTCOPY && job->source == (int64_t)host)
            vmmiSimJobOrphan(world, guest, "the source's daemon was restarted; post-copy goes on");
        else if (job->step != VMMI_SIM_STEP_POSTCOPY_BROKEN)
            vmmiSimJobFail(world, guest,
                           job->source == (int64_t)host ? VMMI_ERR_DISCONNECTED
                                                        : VMMI_ERR_MIGRATION_FAILED,
                           "the daemon of host '%s' was restarted", world->hosts[host].name);
    }
    vmmiSimWorldLog(world, VMMI_EVENT_RECONNECTED, -1, host, 0, 0, 0);
}

static void
set_reachable(vmmiSimWorld *world, size_t host, bool reachable)
{
    if (world->hosts[host].reachable == reachable)
        return;
    world->hosts[host].reachable = reachable;
    vmmiSimWorldLog(world, reachable ? VMMI_EVENT_RECONNECTED : VMMI_EVENT_DISCONNECTED, -1, host,
                    0, 0, 0);
}

void
vmmiSimHappen(vmmiSimWorld *world, const vmmiSimEvent *event)
{
    vmmiSimGuest *guest = event->guest >= 0 ? vmmiSimWorldGuest(world, (size_t)event->guest) : NULL;

    switch ((vmmiSimEventKind)event->kind) {
    case VMMI_SIM_EVENT_LINK: world->link = event->value * VMMI_SIM_MIB; break;
    case VMMI_SIM_EVENT_UNREACHABLE:
    case VMMI_SIM_EVENT_REACHABLE:
        set_reachable(world, (size_t)event->host, event->kind == VMMI_SIM_EVENT_REACHABLE);
        break;
    case VMMI_SIM_EVENT_DESTROY: end_guest(world, guest, VMMI_REASON_DESTROYED); break;
    case VMMI_SIM_EVENT_SHUTDOWN: end_guest(world, guest, VMMI_REASON_SHUTDOWN); break;
    case VMMI_SIM_EVENT_DIRTY_RATE: guest->load.dirty_rate = event->value * VMMI_SIM_MIB; break;
    case VMMI_SIM_EVENT_BREAK_POSTCOPY:
        if (guest->job.id && guest->job.step == VMMI_SIM_STEP_POSTCOPY)
            vmmiSimJobBreak(world, guest,
                            "post-copy broke off, as the simulated world was asked to do");
        break;
    case VMMI_SIM_EVENT_RESTART_HOST: restart_host(world, (size_t)event->host); break;
    }
    world->version++;
}

static void
happen_due(vmmiSimWorld *world)
{
    while (world->timeline->len > 0 &&
           g_array_index(world->timeline, vmmiSimEvent, 0).at <= world->now) {
        vmmiSimEvent event = g_array_index(world->timeline, vmmiSimEvent, 0);

        g_array_remove_index(world->timeline, 0);
        vmmiSimHappen(world, &event);
    }
}

static void
tick_due(vmmiSimWorld *world)
{
    double shares[VMMI_SIM_MAX_GUESTS];

    share_link(world, shares);
    for (size_t i = 0; i < world->guests->len; i++) {
        vmmiSimGuest *guest = vmmiSimWorldGuest(world, i);

        if (guest->job.id && vmmiSimJobNext(world, guest, shares[i]) <= world->now)
            vmmiSimJobTick(world, guest);
    }
}

void
vmmiSimStep(vmmiSimWorld *world, int64_t now)
{
    double shares[VMMI_SIM_MAX_GUESTS];
    int64_t next;

    while (share_link(world, shares), (next = next_with(world, shares)) <= now) {
        world->now = MAX(next, world->now);
        advance_all(world, shares, world->now);
        happen_due(world);
        tick_due(world);
    }
    world->now = MAX(now, world->now);
}
