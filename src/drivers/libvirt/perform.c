/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perform.c: a migration from its start to the return of libvirt's call.
 *
 * That call blocks for the whole migration, on a worker and a connection of its own. What comes
 * before it is bounded.
 */
#include "plan.h"

/* How often a broken post-copy is tried to be resumed while QEMU thinks that it runs. */
#define RESUME_TRIES 20
#define RESUME_AGAIN_US (100 * 1000)

/*
 * One migration that is being started or runs. A late answer of what comes first may outlive the
 * one who waits.
 */
typedef struct {
    int refs;                     /* atomic */
    vmmiVirtHost *host;
    vmmiVirtPlan *plan;
    vmmiDoneFunc done;
    void *opaque;
    vmmiFreeFunc free_opaque;

    virConnectPtr conn;           /* all below: the last worker's only */
    virConnectPtr destination;    /* managed mode */
    virDomainPtr domain;
    unsigned int flags;
} Perform;

static Perform *
perform_ref(Perform *perform)
{
    g_atomic_int_inc(&perform->refs);
    return perform;
}

static void
perform_unref(void *data)
{
    Perform *perform = data;

    if (!g_atomic_int_dec_and_test(&perform->refs))
        return;
    if (perform->domain)
        virDomainFree(perform->domain);
    if (perform->destination)
        virConnectClose(perform->destination);
    if (perform->conn)
        virConnectClose(perform->conn);
    vmmiVirtPlanFree(perform->plan);
    vmmiVirtHostUnref(perform->host);
    g_free(perform);
}

/* --- what comes first, each step bounded --- */

static int
open_source(void *data, vmmiError **err)
{
    Perform *perform = data;
    vmmiVirtHost *host = perform->host;
    vmmiGuestInfo info;

    if (host->uri.in_process)
        perform->conn = vmmiVirtHostBorrow(host, VMMI_VIRT_CONTROL, err);
    else
        perform->conn = vmmiVirtTargetOpen(host->target, err);
    if (!perform->conn)
        return -1;
    perform->domain = virDomainLookupByUUIDString(perform->conn, perform->plan->uuid);
    if (!perform->domain)
        return vmmiVirtHostTakeError(host, perform->conn, VMMI_ERR_OPERATION_FAILED, err);
    if (vmmiVirtGuestRead(host, perform->conn, perform->domain, &info, err) < 0)
        return -1;
    if ((info.job == VMMI_JOB_MIGRATION_OUT || info.job == VMMI_JOB_MIGRATION_IN) &&
        !(perform->plan->flags.named & VIR_MIGRATE_POSTCOPY_RESUME))
        return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "a migration of it is running already");
    perform->flags = vmmiVirtPlanFlags(perform->plan, info.persistent);
    return vmmiVirtPlanCheckHost(perform->plan, perform->conn, err);
}

static int
open_destination(void *data, vmmiError **err)
{
    Perform *perform = data;

    perform->destination = vmmiVirtTargetOpen(perform->plan->destination, err);
    return perform->destination ? 0 : vmmiErrorPrefix(err, "the destination");
}

/* A step within a time limit. Returns 0 or -1. */
static int
step(Perform *perform, const char *what, unsigned int timeout_ms, vmmiWorkFunc run, vmmiError **err)
{
    void *data = perform_ref(perform);
    int result = vmmiWorkersCall(perform->host->workers, what, timeout_ms, run, &data,
                                 perform_unref, err);

    if (data)
        perform_unref(data);
    return result;
}

static int
prepare(Perform *perform, vmmiError **err)
{
    const vmmiConnectOptions *options = &perform->host->target->options;

    if (step(perform, "preparing a migration", options->open_timeout_ms + options->call_timeout_ms,
             open_source, err) < 0)
        return -1;
    if (!perform->plan->destination)
        return 0;
    return step(perform, "connecting to the destination",
                perform->plan->destination->options.open_timeout_ms, open_destination, err);
}

/* The last moment at which an abort is free. */
static int
begin(Perform *perform, vmmiError **err)
{
    vmmiVirtHost *host = perform->host;
    vmmiVirtGuest *guest;
    bool cancel;

    g_mutex_lock(&host->lock);
    guest = vmmiVirtHostGuest(host, perform->plan->uuid);
    cancel = guest->cancel;
    guest->begun = !cancel;
    if (!cancel) {
        guest->suspended = false;
        guest->downtime_limit_at = 0;
        vmmiSampleFree(g_steal_pointer(&guest->completed));
    }
    g_mutex_unlock(&host->lock);
    if (cancel)
        return vmmiErrorSet(err, VMMI_ERR_MIGRATION_ABORTED,
                            "the migration was aborted before it began");
    vmmiVirtMonitorForget(host, perform->plan->uuid);
    return 0;
}

/* --- libvirt's call --- */

static bool
is_postcopy_broken(virDomainPtr domain)
{
    int state, reason;

    return virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED &&
           reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
}

/* What libvirt said, under a code that says what it means for a migration. */
static int
recode(int code, const char *what, const vmmiError *error, vmmiError **err)
{
    vmmiErrorSet(err, code, "%s: %s", what, vmmiErrorGetMessage(error));
    vmmiErrorSetDetails(err, "%s", vmmiErrorGetDetails(error));
    vmmiErrorSetOrigin(err, "libvirt");
    return -1;
}

static bool
was_aborted(const Perform *perform)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&perform->host->lock);

    return vmmiVirtHostGuest(perform->host, perform->plan->uuid)->aborted;
}

static int
take_error(const Perform *perform, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;

    vmmiVirtHostTakeError(perform->host, perform->conn, VMMI_ERR_MIGRATION_FAILED, &error);
    if (vmmiErrorGetCode(error) == VMMI_ERR_GUEST_UNKNOWN)
        return recode(VMMI_ERR_GUEST_DISAPPEARED, "it disappeared", error, err);
    if (vmmiErrorGetCode(error) != VMMI_ERR_DISCONNECTED && is_postcopy_broken(perform->domain))
        return recode(VMMI_ERR_POSTCOPY_BROKEN, "post-copy is broken, the guest is paused", error,
                      err);
    virResetLastError();
    /* QEMU may find its stream broken by the abort before it finds that it was aborted. */
    if (vmmiErrorGetCode(error) == VMMI_ERR_MIGRATION_FAILED && was_aborted(perform))
        return recode(VMMI_ERR_MIGRATION_ABORTED, "aborted", error, err);
    return vmmiErrorPropagate(err, g_steal_pointer(&error));
}

/* libvirt's call. Returns 0, or -1 with libvirt's last error. */
static int
migrate_once(Perform *perform)
{
    vmmiVirtParams *params = &perform->plan->params;
    unsigned int n_params = (unsigned int)params->n_items;
    virDomainPtr moved;

    switch (perform->plan->mode) {
    case VMMI_MODE_MANAGED:
        moved = virDomainMigrate3(perform->domain, perform->destination, params->items, n_params,
                                  perform->flags);
        if (!moved)
            return -1;
        virDomainFree(moved);
        return 0;
    case VMMI_MODE_DIRECT:
        return virDomainMigrateToURI3(perform->domain, NULL, params->items, n_params,
                                      perform->flags);
    case VMMI_MODE_P2P:
    default:
        return virDomainMigrateToURI3(perform->domain, perform->plan->destination_uri,
                                      params->items, n_params, perform->flags);
    }
}

/*
 * The destination may find post-copy broken before the source's QEMU does. To be resumed, it must
 * know: then it is told to pause, and asked again until it has.
 */
static int
migrate(Perform *perform, vmmiError **err)
{
    bool resume = perform->plan->flags.named & VIR_MIGRATE_POSTCOPY_RESUME;
    int tries = resume ? RESUME_TRIES : 1;

    for (;;) {
        g_autoptr(vmmiError) error = NULL;
        bool refused;

        if (migrate_once(perform) == 0)
            return 0;
        refused = virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID;
        take_error(perform, &error);
        if (--tries == 0 || !refused || vmmiErrorGetCode(error) != VMMI_ERR_POSTCOPY_BROKEN)
            return vmmiErrorPropagate(err, g_steal_pointer(&error));
        virDomainAbortJobFlags(perform->domain, VIR_DOMAIN_ABORT_JOB_POSTCOPY);
        g_usleep(RESUME_AGAIN_US);
    }
}

static int
work(void *data, vmmiError **err G_GNUC_UNUSED)
{
    Perform *perform = data;
    vmmiVirtHost *host = perform->host;
    g_autoptr(vmmiError) error = NULL;
    vmmiVirtGuest *guest;

    if (prepare(perform, &error) == 0 && begin(perform, &error) == 0)
        migrate(perform, &error);
    vmmiErrorPrefix(&error, "guest '%s'", perform->plan->uuid);
    g_mutex_lock(&host->lock);
    guest = vmmiVirtHostGuest(host, perform->plan->uuid);
    guest->performing = guest->begun = guest->cancel = false;
    g_mutex_unlock(&host->lock);
    perform->done(error, perform->opaque);
    if (perform->free_opaque)
        perform->free_opaque(perform->opaque);
    return 0;
}

/* --- slots --- */

static int
claim(vmmiVirtHost *host, const char *uuid, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);
    vmmiVirtGuest *guest = vmmiVirtHostGuest(host, uuid);

    if (guest->performing)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY,
                            "guest '%s': a migration of it is running already",
                            uuid);
    guest->performing = true;
    guest->begun = guest->cancel = guest->aborted = false;
    return 0;
}

static void
unclaim(vmmiVirtHost *host, const char *uuid)
{
    g_mutex_lock(&host->lock);
    vmmiVirtHostGuest(host, uuid)->performing = false;
    g_mutex_unlock(&host->lock);
}

static int
start(vmmiVirtHost *host, vmmiVirtPlan *plan, vmmiDoneFunc done, void *opaque,
      vmmiFreeFunc free_opaque, vmmiError **err)
{
    Perform *perform;

    if (claim(host, plan->uuid, err) < 0) {
        vmmiVirtPlanFree(plan);
        return -1;
    }
    perform = g_new0(Perform, 1);
    perform->refs = 1;
    perform->host = vmmiVirtHostRef(host);
    perform->plan = plan;
    perform->done = done;
    perform->opaque = opaque;
    perform->free_opaque = free_opaque;
    /* Held for the case that no worker can be had. */
    perform_ref(perform);
    if (vmmiWorkersStart(host->workers, work, perform, perform_unref, err) < 0) {
        unclaim(host, plan->uuid);
        perform_unref(perform);
        return -1;
    }
    perform_unref(perform);
    return 0;
}

int
vmmiVirtMigrationPerform(void *priv, const vmmiMigrateRequest *request, vmmiDoneFunc done,
                         void *opaque, vmmiFreeFunc free_opaque, vmmiError **err)
{
    vmmiVirtPlan *plan = vmmiVirtPlanNew(priv, request, err);
    int result = -1;

    if (plan && !plan->destination_uri && plan->mode != VMMI_MODE_DIRECT) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "a destination URI is needed");
        vmmiVirtPlanFree(plan);
    } else if (plan) {
        result = start(priv, plan, done, opaque, free_opaque, err);
    }
    if (result < 0 && free_opaque)
        free_opaque(opaque);
    return result;
}

static int
check(vmmiVirtCall *call, vmmiError **err)
{
    return vmmiVirtPlanCheckHost(call->data, call->conn, err);
}

static void
free_plan(void *data)
{
    vmmiVirtPlanFree(data);
}

int
vmmiVirtMigrationCheck(void *priv, const vmmiMigrateRequest *request, vmmiError **err)
{
    vmmiVirtPlan *plan = vmmiVirtPlanNew(priv, request, err);
    g_autoptr(vmmiVirtCall) call = NULL;

    if (!plan)
        return -1;
    call = vmmiVirtCallNew(priv, VMMI_VIRT_OBSERVE, NULL, check);
    call->data = plan;
    call->free_data = free_plan;
    return vmmiVirtCallRun(&call, "checking a migration", err);
}
