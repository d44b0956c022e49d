/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c: what can be done to a migration that runs: tune, switch to post-copy, abort.
 */
#include "host.h"

/* Between two tries of an abort that came before libvirt's job. */
#define ABORT_AGAIN_US (20 * 1000)
/*
 * So long after the switch to post-copy the guest is taken to run on the destination, even if it
 * asks for no page.
 */
#define POSTCOPY_START_MS 2000

static int
finish(vmmiVirtCall *call, int result, vmmiError **err)
{
    if (result < 0)
        return vmmiVirtHostTakeError(call->host, call->conn, VMMI_ERR_OPERATION_FAILED, err);
    return 0;
}

/* --- tune --- */

static void
note_downtime_limit(vmmiVirtCall *call)
{
    vmmiVirtGuest *guest;

    g_mutex_lock(&call->host->lock);
    guest = vmmiVirtHostGuest(call->host, call->uuid);
    guest->downtime_limit_ms = call->value;
    guest->downtime_limit_at = g_get_monotonic_time();
    g_mutex_unlock(&call->host->lock);
}

static int
tune(vmmiVirtCall *call, vmmiError **err)
{
    int result = -1;

    switch (call->tunable) {
    case VMMI_TUNE_DOWNTIME_MS:
        result = virDomainMigrateSetMaxDowntime(call->domain, call->value, 0);
        if (result == 0)
            note_downtime_limit(call);
        break;
    case VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND:
        result = virDomainMigrateSetMaxSpeed(call->domain, call->value, 0);
        break;
    case VMMI_TUNE_POSTCOPY_BANDWIDTH_MIB_PER_SECOND:
        result = virDomainMigrateSetMaxSpeed(call->domain, call->value,
                                             VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY);
        break;
    case VMMI_TUNE_XBZRLE_CACHE_BYTES:
        result = virDomainMigrateSetCompressionCache(call->domain, call->value, 0);
        break;
    }
    return finish(call, result, err);
}

static const struct {
    const char *name;
    uint64_t minimum, maximum;
} tunables[] = {
    [VMMI_TUNE_DOWNTIME_MS] = { "the downtime limit (ms)", 1, 2000000 },
    [VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND] = { "the bandwidth (MiB/s)", 1,
                                             INT64_MAX / (1024 * 1024) },
    [VMMI_TUNE_POSTCOPY_BANDWIDTH_MIB_PER_SECOND] = { "the post-copy bandwidth (MiB/s)", 0,
                                                      INT64_MAX / (1024 * 1024) },
    [VMMI_TUNE_XBZRLE_CACHE_BYTES] = { "the xbzrle cache (bytes)", 1, INT64_MAX },
};
G_STATIC_ASSERT(G_N_ELEMENTS(tunables) == VMMI_TUNE_LAST);

int
vmmiVirtMigrationTune(void *priv, const char *uuid, vmmiTunable what, uint64_t value,
                      vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = NULL;

    if ((unsigned int)what >= VMMI_TUNE_LAST)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "tunable %u is not in 0..%d",
                            (unsigned int)what, VMMI_TUNE_LAST - 1);
    if (value < tunables[what].minimum || value > tunables[what].maximum)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "%s must be %" G_GUINT64_FORMAT "..%" G_GUINT64_FORMAT ", got %"
                            G_GUINT64_FORMAT, tunables[what].name, tunables[what].minimum,
                            tunables[what].maximum, value);
    call = vmmiVirtCallNew(priv, VMMI_VIRT_CONTROL, uuid, tune);
    call->tunable = what;
    call->value = value;
    if (vmmiVirtCallRun(&call, "tuning a migration", err) < 0)
        return vmmiErrorPrefix(err, "cannot set %s to %" G_GUINT64_FORMAT, tunables[what].name,
                               value);
    return 0;
}

/* --- abort --- */

typedef enum { NOT_HERE, CANCELLED, BEGUN } Stage;

/* What was asked for here and has not begun yet is cancelled. */
static Stage
cancel(vmmiVirtCall *call)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&call->host->lock);
    vmmiVirtGuest *guest = vmmiVirtHostGuest(call->host, call->uuid);

    if (!guest->performing)
        return NOT_HERE;
    if (guest->begun)
        return BEGUN;
    guest->cancel = true;
    return CANCELLED;
}

static bool
has_job(virDomainPtr domain)
{
    g_auto(vmmiVirtParams) stats = { 0 };
    int type = VIR_DOMAIN_JOB_NONE;

    return virDomainGetJobStats(domain, &type, &stats.items, &stats.n_items, 0) == 0 &&
           type != VIR_DOMAIN_JOB_NONE;
}

static bool
guest_runs_there(virDomainPtr domain)
{
    g_auto(vmmiVirtParams) stats = { 0 };
    unsigned long long requests = 0;
    int type;

    if (virDomainGetJobStats(domain, &type, &stats.items, &stats.n_items, 0) < 0)
        return false;
    virTypedParamsGetULLong(stats.items, stats.n_items, VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS,
                            &requests);
    return requests > 0;
}

/*
 * Post-copy that is paused before the destination has started the guest loses it: QEMU's
 * destination gives up. A page that the guest asked for proves that it runs there.
 */
static void
wait_for_guest(vmmiVirtCall *call)
{
    unsigned int ms = MIN(POSTCOPY_START_MS, call->host->target->options.call_timeout_ms / 2);
    gint64 until = g_get_monotonic_time() + (gint64)ms * 1000;

    while (!guest_runs_there(call->domain) && g_get_monotonic_time() < until)
        g_usleep(ABORT_AGAIN_US);
    virResetLastError();
}

static void
note_abort(vmmiVirtCall *call, bool aborted)
{
    g_mutex_lock(&call->host->lock);
    vmmiVirtHostGuest(call->host, call->uuid)->aborted = aborted;
    g_mutex_unlock(&call->host->lock);
}

/* Noted before it is done: the migration may end before the answer comes. A pause is no abort. */
static int
ask_to_abort(vmmiVirtCall *call)
{
    int result;

    if (call->postcopy)
        return virDomainAbortJobFlags(call->domain, VIR_DOMAIN_ABORT_JOB_POSTCOPY);
    note_abort(call, true);
    result = virDomainAbortJob(call->domain);
    if (result < 0)
        note_abort(call, false);
    return result;
}

/* Whether an abort that was refused should be tried again. Sets @done when there is no need. */
static bool
try_again(vmmiVirtCall *call, int libvirt_code, bool *had_job, bool *done)
{
    Stage stage;

    if (libvirt_code != VIR_ERR_OPERATION_INVALID)
        return false;
    /* It has begun since, or it is a job that cannot be aborted. The second try tells. */
    if (has_job(call->domain)) {
        bool second = *had_job;

        *had_job = true;
        return !second;
    }
    stage = cancel(call);
    *done = stage == CANCELLED;
    if (stage == BEGUN)
        g_usleep(ABORT_AGAIN_US);
    return stage == BEGUN;
}

/* An abort that comes before libvirt's job has begun is tried again until it has. */
static int
abort_migration(vmmiVirtCall *call, vmmiError **err)
{
    gint64 until = g_get_monotonic_time() +
                   (gint64)call->host->target->options.call_timeout_ms * 900;
    bool had_job = false, done = false;

    if (call->postcopy)
        wait_for_guest(call);
    for (;;) {
        g_autoptr(vmmiError) error = NULL;
        int code;

        if (ask_to_abort(call) == 0)
            return 0;
        code = virGetLastErrorCode();
        vmmiVirtHostTakeError(call->host, call->conn, VMMI_ERR_OPERATION_FAILED, &error);
        if (try_again(call, code, &had_job, &done) && g_get_monotonic_time() < until)
            continue;
        return done ? 0 : vmmiErrorPropagate(err, g_steal_pointer(&error));
    }
}

int
vmmiVirtMigrationAbort(void *priv, const char *uuid, bool postcopy, vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(priv, VMMI_VIRT_CONTROL, uuid, abort_migration);

    call->postcopy = postcopy;
    return vmmiVirtCallRun(&call, "aborting a migration", err);
}

/* --- post-copy --- */

static int
start_postcopy(vmmiVirtCall *call, vmmiError **err)
{
    return finish(call, virDomainMigrateStartPostCopy(call->domain, 0), err);
}

int
vmmiVirtMigrationStartPostcopy(void *priv, const char *uuid, vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(priv, VMMI_VIRT_CONTROL, uuid, start_postcopy);

    return vmmiVirtCallRun(&call, "switching to post-copy", err);
}
