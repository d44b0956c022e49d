/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-job.c: the five steps of a migration, and its possible ends: what the hosts and their guests are after each.
 */
#include "drivers/sim/sim-job.h"

#include <stdarg.h>
#include <string.h>

static const vmmiState step_states[VMMI_SIM_STEP_LAST] = {
    [VMMI_SIM_STEP_BEGIN] = VMMI_STATE_BEGIN,
    [VMMI_SIM_STEP_PREPARE] = VMMI_STATE_PREPARE,
    [VMMI_SIM_STEP_SETUP] = VMMI_STATE_PREPARE,
    [VMMI_SIM_STEP_PRECOPY] = VMMI_STATE_PRECOPY,
    [VMMI_SIM_STEP_SWITCHOVER] = VMMI_STATE_SWITCHOVER,
    [VMMI_SIM_STEP_POSTCOPY] = VMMI_STATE_POSTCOPY,
    [VMMI_SIM_STEP_POSTCOPY_BROKEN] = VMMI_STATE_POSTCOPY_BROKEN,
    [VMMI_SIM_STEP_FINISH] = VMMI_STATE_FINISH,
    [VMMI_SIM_STEP_CONFIRM] = VMMI_STATE_CONFIRM,
};

static int
guest_index(const vmmiSimWorld *world, const vmmiSimGuest *guest)
{
    return (int)(guest - vmmiSimWorldGuest(world, 0));
}

static const char *
host_name(const vmmiSimWorld *world, int64_t host)
{
    return world->hosts[host].name;
}

bool
vmmiSimJobHasLink(const vmmiSimWorld *world, const vmmiSimJob *job)
{
    return world->link > 0 && world->hosts[job->source].reachable &&
           world->hosts[job->destination].reachable;
}

int
vmmiSimJobFault(vmmiSimGuest *guest, vmmiSimPhase step)
{
    for (size_t i = 0; i < guest->n_faults; i++) {
        vmmiSimFault *fault = &guest->faults[i];

        if (fault->step != (int64_t)step || fault->spent)
            continue;
        if (fault->times && --fault->times == 0)
            fault->spent = true;
        return (int)fault->kind;
    }
    return -1;
}

/* --- ends ------------------------------------------------------------------------------------------------- */

static void
record_result(vmmiSimWorld *world, const vmmiSimGuest *guest, int code, const char *message)
{
    vmmiSimResult result = { .id = guest->job.id, .at = world->now, .code = code };

    g_strlcpy(result.message, message, sizeof(result.message));
    if (world->results->len >= VMMI_SIM_MAX_RESULTS)
        g_array_remove_range(world->results, 0, world->results->len - VMMI_SIM_MAX_RESULTS + 1);
    g_array_append_val(world->results, result);
    world->version++;
}

static void
clear_job(vmmiSimGuest *guest)
{
    memset(&guest->job, 0, sizeof(guest->job));
}

/* The source is as before, and knows why. */
static void
restore_source(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;
    size_t source = (size_t)job->source;

    guest->tuning = job->saved;
    if (job->step < VMMI_SIM_STEP_SETUP)
        return;
    if (job->was_paused)
        vmmiSimWorldPlace(world, guest, source, VMMI_GUEST_PAUSED,
                          (vmmiGuestReason)job->reason_before);
    else
        vmmiSimWorldPlace(world, guest, source, VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATION_CANCELED);
}

static void
remove_from(vmmiSimWorld *world, vmmiSimGuest *guest, int64_t host)
{
    const vmmiSimPlace *place = &guest->places[host];

    if (place->state == VMMI_GUEST_RUNNING || place->state == VMMI_GUEST_PAUSED)
        vmmiSimWorldPlace(world, guest, (size_t)host, VMMI_GUEST_SHUTOFF, VMMI_REASON_OTHER);
}

static bool
runs_on_destination(const vmmiSimGuest *guest)
{
    const vmmiSimPlace *place = &guest->places[guest->job.destination];

    return place->reason == VMMI_REASON_POSTCOPY || place->reason == VMMI_REASON_POSTCOPY_FAILED;
}

void
vmmiSimJobFail(vmmiSimWorld *world, vmmiSimGuest *guest, int code, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    /* As long as the state of the devices is on its way, the destination has nothing that could run. */
    if (runs_on_destination(guest)) {
        vmmiSimJobBreak(world, guest, "%s", message);
        return;
    }
    /* Behind the end of finish the guest lives on the destination, whatever becomes of the source. */
    if (guest->job.step != VMMI_SIM_STEP_CONFIRM) {
        restore_source(world, guest);
        remove_from(world, guest, guest->job.destination);
    }
    record_result(world, guest, code, message);
    clear_job(guest);
}

void
vmmiSimJobBreak(vmmiSimWorld *world, vmmiSimGuest *guest, const char *format, ...)
{
    vmmiSimJob *job = &guest->job;
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    if (job->stop_after >= 0)
        vmmiSimPostcopyLand(world, guest);
    job->hanging = false;
    vmmiSimWorldPlace(world, guest, (size_t)job->source, VMMI_GUEST_PAUSED,
                      VMMI_REASON_POSTCOPY_FAILED);
    vmmiSimWorldPlace(world, guest, (size_t)job->destination,
                      (vmmiGuestState)guest->places[job->destination].state,
                      VMMI_REASON_POSTCOPY_FAILED);
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_POSTCOPY_BROKEN);
    record_result(world, guest, VMMI_ERR_POSTCOPY_BROKEN, message);
}

void
vmmiSimJobRecover(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;

    job->id = world->next_job++;
    job->at = world->now;
    job->silent_since = -1;
    job->window_start = job->at;
    job->window_sent = job->sent_bytes;
    vmmiSimWorldPlace(world, guest, (size_t)job->source, VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY);
    vmmiSimWorldPlace(world, guest, (size_t)job->destination,
                      (vmmiGuestState)guest->places[job->destination].state, VMMI_REASON_POSTCOPY);
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_POSTCOPY);
    job->step_end = job->at + 1;
}

void
vmmiSimJobOrphan(vmmiSimWorld *world, vmmiSimGuest *guest, const char *message)
{
    record_result(world, guest, VMMI_ERR_DISCONNECTED, message);
}

void
vmmiSimJobDrop(vmmiSimWorld *world, vmmiSimGuest *guest, int code, const char *message)
{
    record_result(world, guest, code, message);
    clear_job(guest);
}

/* Everything is on the destination, and the source lets go. */
static void
complete(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;
    int64_t source = job->source, destination = job->destination;
    const vmmiSimTuning defaults = { .downtime_limit_ms = 300, .xbzrle_cache_bytes = 64 << 20 };

    if (job->undefine_source)
        guest->places[source].persistent = false;
    guest->has_last = true;
    guest->last = *job;
    vmmiSimWorldLog(world, VMMI_EVENT_JOB_COMPLETED, guest_index(world, guest), (size_t)source, 0,
                    0, 0);
    vmmiSimWorldLog(world, VMMI_EVENT_JOB_COMPLETED, guest_index(world, guest), (size_t)destination,
                    0, 0, 0);
    vmmiSimWorldPlace(world, guest, (size_t)source, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED);
    guest->tuning = defaults;
    record_result(world, guest, VMMI_ERR_OK, "");
    clear_job(guest);
}

/* --- steps ------------------------------------------------------------------------------------------------ */

static int64_t
step_duration(const vmmiSimWorld *world, vmmiSimPhase step)
{
    switch (step) {
    case VMMI_SIM_STEP_BEGIN: return world->begin_us;
    case VMMI_SIM_STEP_PREPARE: return world->prepare_us;
    case VMMI_SIM_STEP_SETUP: return world->setup_us;
    case VMMI_SIM_STEP_FINISH: return world->finish_us;
    case VMMI_SIM_STEP_CONFIRM: return world->confirm_us;
    default: return VMMI_SIM_NEVER;
    }
}

void
vmmiSimJobEnter(vmmiSimWorld *world, vmmiSimGuest *guest, vmmiSimPhase step)
{
    vmmiSimJob *job = &guest->job;
    int64_t duration = step_duration(world, step);
    vmmiState before = step_states[job->step];

    job->step = (int64_t)step;
    job->step_end = duration == VMMI_SIM_NEVER ? VMMI_SIM_NEVER : job->at + duration;
    if (step_states[step] != before || step == VMMI_SIM_STEP_BEGIN)
        vmmiSimWorldLog(world, VMMI_EVENT_STATE, guest_index(world, guest), (size_t)job->source,
                        (int)step_states[step], 0, job->syncs);
    world->version++;
}

void
vmmiSimJobBegin(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;
    const vmmiSimPlace *place = &guest->places[job->source];

    job->id = world->next_job++;
    job->started = job->at = world->now;
    job->silent_since = job->stopped_at = job->stop_after = -1;
    job->expected_us = -1;
    job->was_paused = place->state == VMMI_GUEST_PAUSED;
    job->reason_before = place->reason;
    job->random = world->seed * UINT64_C(0x2545f4914f6cdd1d) + job->id;
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_BEGIN);
    for (size_t i = 0; i < world->triggers->len; i++) {
        vmmiSimEvent event = g_array_index(world->triggers, vmmiSimEvent, i);
        size_t at = 0;

        if (event.guest != guest_index(world, guest) || world->timeline->len >= VMMI_SIM_MAX_EVENTS)
            continue;
        event.at += world->now;
        while (at < world->timeline->len &&
               g_array_index(world->timeline, vmmiSimEvent, at).at <= event.at)
            at++;
        g_array_insert_val(world->timeline, at, event);
    }
}

/* Whether a step that is over failed or hangs. */
static bool
step_is_faulty(vmmiSimWorld *world, vmmiSimGuest *guest, vmmiSimPhase step)
{
    static const char *const what[VMMI_SIM_STEP_LAST] = {
        [VMMI_SIM_STEP_BEGIN] = "begin failed: the source refused",
        [VMMI_SIM_STEP_PREPARE] = "prepare failed: the destination refused the guest",
        [VMMI_SIM_STEP_FINISH] = "finish failed: the destination could not start the guest",
        [VMMI_SIM_STEP_CONFIRM] =
            "confirm failed: the guest runs on the destination and is left paused on the source",
    };
    int fault = vmmiSimJobFault(guest, step);

    if (fault == VMMI_SIM_FAULT_FAIL)
        vmmiSimJobFail(world, guest, VMMI_ERR_MIGRATION_FAILED,
                       "%s, as the simulated world was asked to do", what[step]);
    else if (fault == VMMI_SIM_FAULT_HANG)
        guest->job.hanging = true;
    return fault >= 0;
}

static void
end_begin(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    if (step_is_faulty(world, guest, VMMI_SIM_STEP_BEGIN))
        return;
    if (!vmmiSimJobHasLink(world, &guest->job)) {
        vmmiSimJobFail(world, guest, VMMI_ERR_CONNECT, "host '%s' cannot be reached from host '%s'",
                       host_name(world, guest->job.destination),
                       host_name(world, guest->job.source));
        return;
    }
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_PREPARE);
}

static void
end_prepare(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    if (step_is_faulty(world, guest, VMMI_SIM_STEP_PREPARE))
        return;
    vmmiSimWorldPlace(world, guest, (size_t)guest->job.destination, VMMI_GUEST_PAUSED,
                      VMMI_REASON_MIGRATION);
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_SETUP);
}

static void
end_setup(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    guest->job.setup_us = world->setup_us;
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_PRECOPY);
    vmmiSimPrecopyStart(world, guest);
}

static void
end_finish(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;
    vmmiSimPlace *place = &guest->places[job->destination];
    bool paused = job->was_paused || job->dest_paused;

    if (step_is_faulty(world, guest, VMMI_SIM_STEP_FINISH))
        return;
    if (job->persist_dest)
        place->persistent = true;
    if (!job->downtime_us)
        job->downtime_us = job->at - job->stopped_at;
    if (runs_on_destination(guest))
        paused = place->state == VMMI_GUEST_PAUSED;
    vmmiSimWorldPlace(world, guest, (size_t)job->destination,
                      paused ? VMMI_GUEST_PAUSED : VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATED);
    vmmiSimJobEnter(world, guest, VMMI_SIM_STEP_CONFIRM);
}

static void
end_silence(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJobFail(world, guest, VMMI_ERR_MIGRATION_FAILED,
                   "nothing was heard from host '%s' for %" G_GINT64_FORMAT " ms",
                   host_name(world, guest->job.destination), world->keepalive_us / 1000);
}

void
vmmiSimJobTick(vmmiSimWorld *world, vmmiSimGuest *guest)
{
    vmmiSimJob *job = &guest->job;

    if (job->step >= VMMI_SIM_STEP_SETUP && job->step != VMMI_SIM_STEP_POSTCOPY_BROKEN &&
        job->silent_since >= 0 && job->at >= job->silent_since + world->keepalive_us) {
        end_silence(world, guest);
        return;
    }
    if (job->hanging)
        return;
    switch ((vmmiSimPhase)job->step) {
    case VMMI_SIM_STEP_BEGIN: end_begin(world, guest); break;
    case VMMI_SIM_STEP_PREPARE: end_prepare(world, guest); break;
    case VMMI_SIM_STEP_SETUP: end_setup(world, guest); break;
    case VMMI_SIM_STEP_PRECOPY: vmmiSimPrecopyTick(world, guest); break;
    case VMMI_SIM_STEP_SWITCHOVER: vmmiSimSwitchoverTick(world, guest); break;
    case VMMI_SIM_STEP_POSTCOPY: vmmiSimPostcopyTick(world, guest); break;
    case VMMI_SIM_STEP_FINISH: end_finish(world, guest); break;
    case VMMI_SIM_STEP_CONFIRM:
        if (!step_is_faulty(world, guest, VMMI_SIM_STEP_CONFIRM))
            complete(world, guest);
        break;
    default: break;
    }
}
