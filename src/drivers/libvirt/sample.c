/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample.c: the figures of a migration that runs, or has ended, asked from libvirt.
 *
 * What libvirt's names mean is stats.c.
 */
#include "host.h"

/* The downtime limit costs a question of its own, so it is remembered for this long. */
#define DOWNTIME_LIMIT_KEPT_US (5 * G_USEC_PER_SEC)

static bool
limit_is_fresh(vmmiVirtHost *host, const char *uuid, uint64_t *limit_ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);
    vmmiVirtGuest *guest = vmmiVirtHostGuest(host, uuid);

    *limit_ms = guest->downtime_limit_ms;
    return guest->downtime_limit_at &&
           g_get_monotonic_time() - guest->downtime_limit_at < DOWNTIME_LIMIT_KEPT_US;
}

static void
add_downtime_limit(vmmiVirtCall *call)
{
    unsigned long long libvirt_ms;
    vmmiVirtGuest *guest;
    uint64_t limit_ms;

    if (!limit_is_fresh(call->host, call->uuid, &limit_ms)) {
        if (virDomainMigrateGetMaxDowntime(call->domain, &libvirt_ms, 0) < 0) {
            virResetLastError();
            return;
        }
        limit_ms = libvirt_ms;
        g_mutex_lock(&call->host->lock);
        guest = vmmiVirtHostGuest(call->host, call->uuid);
        guest->downtime_limit_ms = limit_ms;
        guest->downtime_limit_at = g_get_monotonic_time();
        g_mutex_unlock(&call->host->lock);
    }
    vmmiSampleSet(call->sample, VMMI_SAMPLE_DOWNTIME_LIMIT_MS, limit_ms);
}

static int
read_stats(vmmiVirtCall *call, unsigned int flags, vmmiError **err)
{
    g_auto(vmmiVirtParams) stats = { 0 };
    bool completed = flags & VIR_DOMAIN_JOB_STATS_COMPLETED;
    int type = VIR_DOMAIN_JOB_NONE;

    if (virDomainGetJobStats(call->domain, &type, &stats.items, &stats.n_items, flags) < 0)
        return vmmiVirtHostTakeError(call->host, call->conn, VMMI_ERR_OPERATION_FAILED, err);
    call->sample = vmmiSampleNew();
    call->job = vmmiVirtStatsRead(type, stats.items, stats.n_items, completed, call->sample);
    if (call->job == VMMI_JOB_NONE)
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            completed ? "guest '%s' has no figures of an ended job"
                                                           : "guest '%s' has no job running",
                            call->uuid);
    return 0;
}

static int
get_sample(vmmiVirtCall *call, vmmiError **err)
{
    if (read_stats(call, 0, err) < 0)
        return -1;
    if (call->job == VMMI_JOB_MIGRATION_OUT &&
        vmmiSampleGet(call->sample, VMMI_SAMPLE_DATA_TOTAL_BYTES, NULL))
        add_downtime_limit(call);
    return 0;
}

static void
copy_known(vmmiSample *to, const vmmiSample *from)
{
    uint64_t value;

    for (int i = 0; i < VMMI_SAMPLE_LAST; i++) {
        if (vmmiSampleGet(from, (vmmiSampleField)i, &value))
            vmmiSampleSet(to, (vmmiSampleField)i, value);
    }
}

int
vmmiVirtMigrationSample(void *priv, const char *uuid, vmmiSample *sample, vmmiJobKind *job,
                        vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(priv, VMMI_VIRT_FIGURES, uuid, get_sample);

    call->timeout_ms = ((vmmiVirtHost *)priv)->target->options.sample_timeout_ms;
    if (vmmiVirtCallRun(&call, "asking for job statistics", err) < 0)
        return -1;
    copy_known(sample, call->sample);
    if (job)
        *job = call->job;
    return 0;
}

static int
get_completed(vmmiVirtCall *call, vmmiError **err)
{
    if (read_stats(call, VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED,
                   err) < 0)
        return -1;
    if (call->job == VMMI_JOB_OTHER)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "guest '%s': the last job was no migration",
                            call->uuid);
    return 0;
}

/* Figures that came as an event outlive the guest's definition here. */
static bool
copy_from_event(vmmiVirtHost *host, const char *uuid, vmmiSample *sample)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);
    const vmmiVirtGuest *guest = vmmiVirtHostGuest(host, uuid);

    if (!guest->completed)
        return false;
    copy_known(sample, guest->completed);
    return true;
}

int
vmmiVirtMigrationCompletedSample(void *priv, const char *uuid, vmmiSample *sample, vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = NULL;
    g_autoptr(vmmiError) error = NULL;

    if (copy_from_event(priv, uuid, sample))
        return 0;
    call = vmmiVirtCallNew(priv, VMMI_VIRT_OBSERVE, uuid, get_completed);
    if (vmmiVirtCallRun(&call, "asking for final job statistics", &error) == 0) {
        copy_known(sample, call->sample);
        return 0;
    }
    if (vmmiErrorGetCode(error) == VMMI_ERR_GUEST_UNKNOWN)
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "guest '%s' is not here, nor are its final figures", uuid);
    return vmmiErrorPropagate(err, g_steal_pointer(&error));
}
