/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-action.c: what callers do to a simulated world: with what libvirt answers when it cannot be done.
 */
#include "drivers/sim/sim-action.h"

#include "drivers/sim/sim-job.h"
#include "drivers/sim/sim-step.h"

#define LONGEST_DOWNTIME_MS 2000000 /* QEMU's */

static bool
is_active(const vmmiSimGuest *guest, size_t host)
{
    int64_t state = guest->places[host].state;

    return state == VMMI_GUEST_RUNNING || state == VMMI_GUEST_PAUSED;
}

static int
need_active(const vmmiSimWorld *world, const vmmiSimGuest *guest, size_t host, vmmiError **err)
{
    if (guest->places[host].state == VMMI_GUEST_ABSENT)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "host '%s' knows no guest %s",
                            world->hosts[host].name, guest->uuid);
    if (!is_active(guest, host))
        return vmmiErrorSet(err, VMMI_ERR_STATE, "guest '%s' does not run on host '%s'",
                            guest->name, world->hosts[host].name);
    return 0;
}

/* The guest whose migration leaves this host. */
static int
need_job(const vmmiSimWorld *world, const vmmiSimGuest *guest, size_t host, vmmiError **err)
{
    if (need_active(world, guest, host, err) < 0)
        return -1;
    if (!guest->job.id || guest->job.source != (int64_t)host)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "no migration of guest '%s' leaves host '%s'",
                            guest->name, world->hosts[host].name);
    return 0;
}

/* --- migrations ------------------------------------------------------------------------------------------- */

static int
check_refusals(const vmmiSimGuest *guest, const vmmiMigrateRequest *request, vmmiError **err)
{
    size_t index;
    json_t *flag;

    json_array_foreach(guest->refuse, index, flag)
    {
        if (vmmiSimOrderNames(request, json_string_value(flag)))
            return vmmiErrorSet(
                err, VMMI_ERR_NOT_SUPPORTED,
                "guest '%s': the source refuses flag '%s', as the simulated world was asked to do",
                guest->name, json_string_value(flag));
    }
    return 0;
}

static int
check_start(const vmmiSimWorld *world, const vmmiSimGuest *guest, size_t source, size_t destination,
            const vmmiMigrateRequest *request, vmmiError **err)
{
    if (need_active(world, guest, source, err) < 0)
        return -1;
    if (source == destination)
        return vmmiErrorSet(err, VMMI_ERR_OPERATION_FAILED, "guest '%s' is on host '%s' already",
                            guest->name, world->hosts[source].name);
    if (guest->job.id)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "guest '%s' is being migrated already",
                            guest->name);
    if (is_active(guest, destination))
        return vmmiErrorSet(err, VMMI_ERR_OPERATION_FAILED, "guest '%s' runs on host '%s' already",
                            guest->name, world->hosts[destination].name);
    return check_refusals(guest, request, err);
}

static int
recover(vmmiSimWorld *world, vmmiSimGuest *guest, size_t source, size_t destination,
        uint64_t *ret_job, vmmiError **err)
{
    vmmiSimJob *job = &guest->job;

    if (need_job(world, guest, source, err) < 0)
        return -1;
    if (job->step != VMMI_SIM_STEP_POSTCOPY_BROKEN)
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "the post-copy migration of guest '%s' is not broken: pause it first",
                            guest->name);
    if (job->destination != (int64_t)destination)
        return vmmiErrorSet(err, VMMI_ERR_OPERATION_FAILED,
                            "guest '%s' was on its way to host '%s', not to '%s'", guest->name,
                            world->hosts[job->destination].name, world->hosts[destination].name);
    if (!vmmiSimJobHasLink(world, job))
        return vmmiErrorSet(err, VMMI_ERR_CONNECT, "host '%s' cannot be reached from host '%s'",
                            world->hosts[destination].name, world->hosts[source].name);
    vmmiSimJobRecover(world, guest);
    *ret_job = job->id;
    return 0;
}

static void
apply_order(vmmiSimGuest *guest, size_t source, size_t destination, const vmmiSimOrder *order)
{
    vmmiSimJob *job = &guest->job;
    /* As the libvirt driver: a persistent guest moves wholly, and is not given up where it would not be kept. */
    bool whole = guest->places[source].persistent && !order->keep_source;

    job->source = (int64_t)source;
    job->destination = (int64_t)destination;
    job->live = order->live;
    job->auto_converge = order->auto_converge;
    job->compressed = order->compressed;
    job->postcopy = order->postcopy;
    job->dest_paused = order->paused;
    job->persist_dest = order->persist_dest || (whole && !order->no_persist_dest);
    job->undefine_source =
        order->undefine_source || (whole && !order->no_persist_dest && !order->no_undefine_source);
    job->throttle_initial = order->throttle_initial;
    job->throttle_increment = order->throttle_increment;
    job->saved = guest->tuning;
    if (order->has_bandwidth)
        guest->tuning.bandwidth_mib = order->bandwidth_mib;
    if (order->has_postcopy_bandwidth)
        guest->tuning.postcopy_bandwidth_mib = order->postcopy_bandwidth_mib;
    if (order->has_cache)
        guest->tuning.xbzrle_cache_bytes = order->cache_bytes;
}

int
vmmiSimActPerform(vmmiSimWorld *world, size_t index, size_t source, size_t destination,
                  const vmmiMigrateRequest *request, uint64_t *ret_job, vmmiError **err)
{
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, index);
    vmmiSimOrder order;

    if (vmmiSimOrderRead(request, &order, err) < 0)
        return -1;
    vmmiSimSettle(world);
    if (order.postcopy_resume)
        return recover(world, guest, source, destination, ret_job, err);
    if (check_start(world, guest, source, destination, request, err) < 0)
        return -1;
    apply_order(guest, source, destination, &order);
    vmmiSimJobBegin(world, guest);
    *ret_job = guest->job.id;
    return 0;
}

int
vmmiSimActAbort(vmmiSimWorld *world, size_t index, size_t host, bool postcopy, vmmiError **err)
{
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, index);
    vmmiSimPhase step = (vmmiSimPhase)guest->job.step;

    if (need_job(world, guest, host, err) < 0)
        return -1;
    if (step == VMMI_SIM_STEP_POSTCOPY_BROKEN ||
        (!postcopy && (step == VMMI_SIM_STEP_POSTCOPY ||
                       guest->places[guest->job.destination].reason == VMMI_REASON_POSTCOPY)))
        return vmmiErrorSet(
            err, VMMI_ERR_STATE,
            "the migration of guest '%s' is in post-copy: it cannot be aborted any more",
            guest->name);
    if (postcopy && step != VMMI_SIM_STEP_POSTCOPY)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "the migration of guest '%s' is not in post-copy",
                            guest->name);
    if (step >= VMMI_SIM_STEP_FINISH)
        return vmmiErrorSet(
            err, VMMI_ERR_STATE,
            "the migration of guest '%s' is about to end: it cannot be aborted any more",
            guest->name);
    vmmiSimSettle(world);
    if (postcopy)
        vmmiSimJobBreak(world, guest, "post-copy was paused by a client");
    else
        vmmiSimJobFail(world, guest, VMMI_ERR_MIGRATION_ABORTED,
                       "the migration was aborted by a client");
    return 0;
}

int
vmmiSimActStartPostcopy(vmmiSimWorld *world, size_t index, size_t host, vmmiError **err)
{
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, index);

    if (need_job(world, guest, host, err) < 0)
        return -1;
    if (!guest->job.postcopy)
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "the migration of guest '%s' was started without flag 'postcopy'",
                            guest->name);
    if (guest->job.step < VMMI_SIM_STEP_SETUP || guest->job.step > VMMI_SIM_STEP_PRECOPY)
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "the migration of guest '%s' is in step '%s', not in pre-copy",
                            guest->name, vmmiSimPhaseToString((vmmiSimPhase)guest->job.step));
    guest->job.postcopy_asked = true;
    world->version++;
    return 0;
}

static int
check_tune(vmmiTunable what, uint64_t value, vmmiError **err)
{
    static const uint64_t limits[VMMI_TUNE_LAST][2] = {
        [VMMI_TUNE_DOWNTIME_MS] = { 1, LONGEST_DOWNTIME_MS },
        [VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND] = { 0, UINT64_C(1) << 43 },
        [VMMI_TUNE_POSTCOPY_BANDWIDTH_MIB_PER_SECOND] = { 0, UINT64_C(1) << 43 },
        [VMMI_TUNE_XBZRLE_CACHE_BYTES] = { 4096, UINT64_C(1) << 40 },
    };
    static const char *const names[VMMI_TUNE_LAST] = {
        "the maximum downtime in ms",
        "the bandwidth in MiB/s",
        "the post-copy bandwidth in MiB/s",
        "the size of the XBZRLE cache in bytes",
    };

    if ((unsigned int)what >= VMMI_TUNE_LAST)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "tunable %u is not known",
                            (unsigned int)what);
    if (value < limits[what][0] || value > limits[what][1])
        return vmmiErrorSet(
            err, VMMI_ERR_INVALID_ARGUMENT,
            "%s must be %" G_GUINT64_FORMAT "..%" G_GUINT64_FORMAT ", got %" G_GUINT64_FORMAT,
            names[what], (guint64)limits[what][0], (guint64)limits[what][1], (guint64)value);
    return 0;
}

int
vmmiSimActTune(vmmiSimWorld *world, size_t index, size_t host, vmmiTunable what, uint64_t value,
               vmmiError **err)
{
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, index);

    if (check_tune(what, value, err) < 0 || need_active(world, guest, host, err) < 0)
        return -1;
    vmmiSimSettle(world);
    switch (what) {
    case VMMI_TUNE_DOWNTIME_MS: guest->tuning.downtime_limit_ms = value; break;
    case VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND: guest->tuning.bandwidth_mib = value; break;
    case VMMI_TUNE_POSTCOPY_BANDWIDTH_MIB_PER_SECOND:
        guest->tuning.postcopy_bandwidth_mib = value;
        break;
    case VMMI_TUNE_XBZRLE_CACHE_BYTES: guest->tuning.xbzrle_cache_bytes = value; break;
    }
    world->version++;
    return 0;
}

/* --- guests ----------------------------------------------------------------------------------------------- */

int
vmmiSimActStart(vmmiSimWorld *world, size_t index, size_t host, vmmiError **err)
{
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, index);

    if (guest->places[host].state == VMMI_GUEST_ABSENT)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "host '%s' knows no guest %s",
                            world->hosts[host].name, guest->uuid);
    if (is_active(guest, host))
        return vmmiErrorSet(err, VMMI_ERR_STATE, "guest '%s' runs already on host '%s'",
                            guest->name, world->hosts[host].name);
    vmmiSimWorldPlace(world, guest, host, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER);
    return 0;
}

int
vmmiSimActStop(vmmiSimWorld *world, size_t index, size_t host, vmmiError **err)
{
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, index);
    const vmmiSimJob *job = &guest->job;
    int64_t before = guest->places[host].reason;

    if (need_active(world, guest, host, err) < 0)
        return -1;
    vmmiSimSettle(world);
    vmmiSimWorldPlace(world, guest, host, VMMI_GUEST_SHUTOFF, VMMI_REASON_DESTROYED);
    if (!job->id)
        return 0;
    /* As long as the destination has not begun to run the guest, it has nothing that could live. */
    if (job->source == (int64_t)host &&
        guest->places[job->destination].reason == VMMI_REASON_MIGRATION)
        vmmiSimWorldPlace(world, guest, (size_t)job->destination, VMMI_GUEST_SHUTOFF,
                          VMMI_REASON_OTHER);
    if (job->destination == (int64_t)host && before == VMMI_REASON_MIGRATION)
        vmmiSimJobFail(world, guest, VMMI_ERR_MIGRATION_FAILED,
                       "the guest was destroyed on the destination during its migration");
    else
        vmmiSimJobDrop(world, guest, VMMI_ERR_GUEST_DISAPPEARED,
                       "the guest was destroyed during its migration");
    return 0;
}

int
vmmiSimActSuspend(vmmiSimWorld *world, size_t index, size_t host, vmmiError **err)
{
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, index);
    bool leaving = guest->job.id && guest->job.source == (int64_t)host;

    if (need_active(world, guest, host, err) < 0)
        return -1;
    if (guest->job.id && (!leaving || guest->job.step > VMMI_SIM_STEP_SWITCHOVER))
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "guest '%s' cannot be suspended on host '%s' in step '%s'", guest->name,
                            world->hosts[host].name,
                            vmmiSimPhaseToString((vmmiSimPhase)guest->job.step));
    vmmiSimSettle(world);
    if (guest->places[host].state == VMMI_GUEST_RUNNING) {
        vmmiSimWorldPlace(world, guest, host, VMMI_GUEST_PAUSED,
                          leaving ? VMMI_REASON_MIGRATION : VMMI_REASON_USER);
        /* From here on nothing happens in the guest: that is downtime. */
        if (leaving && guest->job.stopped_at < 0)
            guest->job.stopped_at = world->now;
    }
    return 0;
}

int
vmmiSimActResume(vmmiSimWorld *world, size_t index, size_t host, vmmiError **err)
{
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, index);
    bool leaving = guest->job.id && guest->job.source == (int64_t)host;

    if (need_active(world, guest, host, err) < 0)
        return -1;
    if (guest->job.id && (!leaving || guest->job.step > VMMI_SIM_STEP_PRECOPY))
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "guest '%s' cannot be resumed on host '%s' in step '%s'", guest->name,
                            world->hosts[host].name,
                            vmmiSimPhaseToString((vmmiSimPhase)guest->job.step));
    vmmiSimSettle(world);
    if (guest->places[host].state == VMMI_GUEST_PAUSED) {
        vmmiSimWorldPlace(world, guest, host, VMMI_GUEST_RUNNING, VMMI_REASON_USER);
        guest->job.stopped_at = -1;
        guest->job.was_paused = false;
    }
    return 0;
}
