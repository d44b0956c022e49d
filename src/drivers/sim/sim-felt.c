/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-felt.c: what a guest feels of a migration: standstill, throttling, faults in post-copy.
 */
#include "drivers/sim/sim-felt.h"

#include <math.h>

#include "drivers/sim/sim-job.h"

#define THROTTLE_SLICE_US 10000.0 /* QEMU lets a processor run so long between two sleeps */
/*
 * A page that is asked for waits behind what is in the sockets' queues already (docs/simulator.md).
 */
#define QUEUE_BYTES (400.0 * 1024)
/*
 * Nobody hears of a guest that waits for one page after the other before it has worked so long, or
 * written so much.
 */
#define ANSWER_US 5000.0
#define ANSWER_BYTES (64 * VMMI_SIM_PAGE)
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

/* Bytes per microsecond that reach the guest. */
static double
stream_rate(const vmmiSimWorld *world, const vmmiSimGuest *guest)
{
    if (guest->job.step == VMMI_SIM_STEP_POSTCOPY_BROKEN || guest->job.hanging ||
        !vmmiSimJobHasLink(world, &guest->job))
        return 0;
    return fmin(world->link / 1e6, vmmiSimJobLimit(guest));
}

/*
 * A missing page is asked for, and waited for. Behind it the sender goes on with the next ones: who
 * writes one page after the other has to wait once, and is then as fast as the stream.
 */
static double
postcopy_speed(const vmmiSimWorld *world, const vmmiSimGuest *guest, int64_t from, int64_t to)
{
    double written = vmmiSimLoadWritten(&guest->load, from, to);
    double missing = vmmiSimMemoryMissing(&guest->job.memory, &guest->load);
    double rate = stream_rate(world, guest), passed = (double)(to - from);
    double faults = written / VMMI_SIM_PAGE * missing;

    if (written <= 0 || missing <= 0 || passed <= 0)
        return 1;
    if (rate <= 0)
        return 0;
    if (guest->load.pattern == VMMI_SIM_PATTERN_CYCLIC)
        return 1 / (1 - missing + missing * fmax(1, written / (rate * passed)));
    return 1 / (1 + faults * (ROUND_TRIP_US + QUEUE_BYTES / rate) / passed);
}

/* What auto-converge leaves of the work that the processor does. */
static double
throttled_speed(const vmmiSimLoad *load, int64_t percent)
{
    vmmiSimLoad throttled = *load;

    throttled.unthrottled_share = 0;
    return vmmiSimLoadThrottled(&throttled, percent);
}

static double
throttle_sleep(int64_t percent)
{
    return THROTTLE_SLICE_US * (double)percent / (double)(100 - percent);
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
        return throttled_speed(&guest->load, job->throttle);
    if (job->step == VMMI_SIM_STEP_POSTCOPY || job->step == VMMI_SIM_STEP_POSTCOPY_BROKEN)
        return postcopy_speed(world, guest, from, to);
    return 1;
}

/* It runs: a silence ends with the first answer, the next one with the next. */
static void
go_on(vmmiSimFelt *felt, const vmmiSimLoad *load, double passed, double speed)
{
    double work = fmin(ANSWER_US, ANSWER_BYTES * 1e6 / fmax(load->dirty_rate, 1));
    double answer = fmax(work - felt->worked, 0) / speed;

    if (speed >= 1) {
        felt->current = felt->worked = 0;
        return;
    }
    if (passed < answer) {
        felt->worked += passed * speed;
        felt->current += passed;
        felt->longest = fmax(felt->longest, felt->current);
        return;
    }
    felt->longest = fmax(felt->longest, felt->current + answer);
    passed = fmod(passed - answer, work / speed);
    felt->current = passed;
    felt->worked = passed * speed;
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
    if (job->id && (job->step == VMMI_SIM_STEP_POSTCOPY ||
                    job->step == VMMI_SIM_STEP_POSTCOPY_BROKEN))
        felt->postcopy += passed;
    if (speed > 0) {
        felt->asleep =
            job->id && job->step == VMMI_SIM_STEP_PRECOPY ? throttle_sleep(job->throttle) : 0;
        felt->throttle_silence = fmax(felt->throttle_silence, felt->asleep);
        go_on(felt, &guest->load, passed,
              job->id && job->step == VMMI_SIM_STEP_POSTCOPY ? speed : 1);
        return;
    }
    /* Less gets pending only while it sleeps: it is stopped at the end of a sleep. */
    felt->current += felt->asleep;
    felt->asleep = 0;
    felt->standing += passed;
    felt->current += passed;
    felt->longest = fmax(felt->longest, felt->current);
}
