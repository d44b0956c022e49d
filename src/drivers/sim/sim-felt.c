/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-felt.c: what a guest feels of a migration: standstill, throttling, faults in post-copy.
 */
#include "drivers/sim/sim-felt.h"

#include <math.h>

#include "drivers/sim/sim-job.h"

#define THROTTLE_SLICE_US 10000.0 /* QEMU lets a processor run so long between two sleeps */
/* A page that is asked for waits behind what is in the sockets' queues already. */
#define QUEUE_BYTES (512.0 * 1024)
#define ROUND_TRIP_US 300.0

static bool
runs_anywhere(const vmmiSimWorld *world, const vmmiSimGuest *guest)
{
    for (size_t i = 0; i < world->n_hosts; i++) {
        if (guest->places[i].state == VMMI_GUEST_RUNNING)
            return true;
    }
    return false;
}

/* What one missing page costs, HUGE_VAL: it never comes. */
static double
fault_us(const vmmiSimWorld *world, const vmmiSimGuest *guest)
{
    double rate = fmin(world->link / 1e6, vmmiSimJobLimit(guest));

    if (guest->job.step == VMMI_SIM_STEP_POSTCOPY_BROKEN || guest->job.hanging ||
        !vmmiSimJobHasLink(world, &guest->job) || rate <= 0)
        return HUGE_VAL;
    return ROUND_TRIP_US + QUEUE_BYTES / rate;
}

static double
postcopy_speed(const vmmiSimWorld *world, const vmmiSimGuest *guest, int64_t from, int64_t to)
{
    double writes = vmmiSimLoadWritten(&guest->load, from, to) / VMMI_SIM_PAGE;
    double faults = writes * vmmiSimMemoryMissing(&guest->job.memory, &guest->load);

    if (faults <= 0 || to <= from)
        return 1;
    return 1 / (1 + faults * fault_us(world, guest) / (double)(to - from));
}

double
vmmiSimGuestSpeed(const vmmiSimWorld *world, const vmmiSimGuest *guest, int64_t from, int64_t to)
{
    const vmmiSimJob *job = &guest->job;

    if (!runs_anywhere(world, guest))
        return 0;
    if (!job->id)
        return 1;
    if (job->step == VMMI_SIM_STEP_PRECOPY)
        return (double)(100 - job->throttle) / 100;
    if (job->step == VMMI_SIM_STEP_POSTCOPY || job->step == VMMI_SIM_STEP_POSTCOPY_BROKEN)
        return postcopy_speed(world, guest, from, to);
    return 1;
}

void
vmmiSimFeltAdd(vmmiSimFelt *felt, const vmmiSimWorld *world, const vmmiSimGuest *guest, int64_t to)
{
    const vmmiSimJob *job = &guest->job;
    double passed = (double)(to - world->now);
    double speed;

    if (passed <= 0)
        return;
    speed = vmmiSimGuestSpeed(world, guest, world->now, to);
    felt->lost += passed * (1 - speed);
    if (job->id && (job->step == VMMI_SIM_STEP_POSTCOPY || job->step == VMMI_SIM_STEP_POSTCOPY_BROKEN))
        felt->postcopy += passed;
    if (job->id && job->step == VMMI_SIM_STEP_PRECOPY && speed > 0 && job->throttle > 0)
        felt->throttle_silence =
            fmax(felt->throttle_silence,
                 THROTTLE_SLICE_US * (double)job->throttle / (double)(100 - job->throttle));
    if (speed > 0) {
        felt->current = 0;
        return;
    }
    felt->standing += passed;
    felt->current += passed;
    felt->longest = fmax(felt->longest, felt->current);
}
