/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.c: guests of a libvirt host: found, looked at, started, stopped, suspended, resumed.
 */
#include "host.h"

#include <string.h>
#include "util/number.h"

/* Statistics of a job cost one question to the host; a guest that is off has none. */
static vmmiJobKind
read_job(virDomainPtr domain, const vmmiGuestInfo *info)
{
    g_auto(vmmiVirtParams) stats = { 0 };
    g_autoptr(vmmiSample) sample = NULL;
    int type = VIR_DOMAIN_JOB_NONE;

    if (info->state != VMMI_GUEST_RUNNING && info->state != VMMI_GUEST_PAUSED)
        return VMMI_JOB_NONE;
    if (virDomainGetJobStats(domain, &type, &stats.items, &stats.n_items, 0) < 0) {
        /* The destination refuses them while the guest comes in. */
        virResetLastError();
        return info->reason == VMMI_REASON_MIGRATION ? VMMI_JOB_MIGRATION_IN : VMMI_JOB_NONE;
    }
    sample = vmmiSampleNew();
    return vmmiVirtStatsRead(type, stats.items, stats.n_items, false, sample);
}

int
vmmiVirtGuestRead(vmmiVirtHost *host, virConnectPtr conn, virDomainPtr domain, vmmiGuestInfo *info,
                  vmmiError **err)
{
    const char *name = virDomainGetName(domain);
    unsigned int id = virDomainGetID(domain);
    int state, reason;

    memset(info, 0, sizeof(*info));
    if (virDomainGetUUIDString(domain, info->uuid) < 0 ||
        virDomainGetState(domain, &state, &reason, 0) < 0)
        return vmmiVirtHostTakeError(host, conn, VMMI_ERR_OPERATION_FAILED, err);
    g_strlcpy(info->name, name ? name : "", sizeof(info->name));
    info->id = id == (unsigned int)-1 ? -1 : (int)id;
    vmmiVirtStateRead(state, reason, &info->state, &info->reason);
    info->persistent = virDomainIsPersistent(domain) == 1;
    info->job = read_job(domain, info);
    virResetLastError();
    return 0;
}

/* --- finding --- */

static bool
read_id(const char *text, int *id)
{
    uint64_t number;

    if (!vmmiNumberParse(text, 0, G_MAXINT, &number))
        return false;
    *id = (int)number;
    return true;
}

/* Returns the guest, or NULL with libvirt's last error. */
static virDomainPtr
find_as_told(virConnectPtr conn, const char *selector)
{
    int id;

    if (g_str_has_prefix(selector, "uuid:"))
        return virDomainLookupByUUIDString(conn, selector + 5);
    if (g_str_has_prefix(selector, "name:"))
        return virDomainLookupByName(conn, selector + 5);
    if (g_str_has_prefix(selector, "id:") && read_id(selector + 3, &id))
        return virDomainLookupByID(conn, id);
    return NULL;
}

static bool
has_prefix(const char *selector)
{
    return g_str_has_prefix(selector, "uuid:") || g_str_has_prefix(selector, "name:") ||
           g_str_has_prefix(selector, "id:");
}

/* A UUID, else a name, else an id. Another failure than "no such guest" ends the search. */
static virDomainPtr
find(virConnectPtr conn, const char *selector)
{
    virDomainPtr domain = find_as_told(conn, selector);
    int id;

    if (domain || has_prefix(selector))
        return domain;
    if (g_uuid_string_is_valid(selector))
        domain = virDomainLookupByUUIDString(conn, selector);
    if (!domain &&
        (virGetLastErrorCode() == VIR_ERR_OK || virGetLastErrorCode() == VIR_ERR_NO_DOMAIN))
        domain = virDomainLookupByName(conn, selector);
    if (!domain && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN && read_id(selector, &id))
        domain = virDomainLookupByID(conn, id);
    return domain;
}

static int
lookup(vmmiVirtCall *call, vmmiError **err)
{
    int code;

    virResetLastError();
    call->domain = find(call->conn, call->selector);
    if (call->domain)
        return vmmiVirtGuestRead(call->host, call->conn, call->domain, &call->info, err);
    code = virGetLastErrorCode();
    if (virConnectIsAlive(call->conn) == 0 ||
        (code != VIR_ERR_OK && code != VIR_ERR_NO_DOMAIN && code != VIR_ERR_INVALID_ARG))
        return vmmiVirtHostTakeError(call->host, call->conn, VMMI_ERR_OPERATION_FAILED, err);
    virResetLastError();
    return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "'%s' has no guest '%s'",
                        call->host->target->uri, call->selector);
}

int
vmmiVirtGuestLookup(void *priv, const char *selector, vmmiGuestInfo *info, vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(priv, VMMI_VIRT_OBSERVE, NULL, lookup);

    call->selector = g_strdup(selector);
    if (vmmiVirtCallRun(&call, "looking up a guest", err) < 0)
        return -1;
    *info = call->info;
    return 0;
}

static int
get_info(vmmiVirtCall *call, vmmiError **err)
{
    return vmmiVirtGuestRead(call->host, call->conn, call->domain, &call->info, err);
}

int
vmmiVirtGuestGetInfo(void *priv, const char *uuid, vmmiGuestInfo *info, vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(priv, VMMI_VIRT_OBSERVE, uuid, get_info);
    g_autoptr(vmmiError) error = NULL;

    if (vmmiVirtCallRun(&call, "looking at a guest", &error) == 0) {
        *info = call->info;
        return 0;
    }
    if (vmmiErrorGetCode(error) != VMMI_ERR_GUEST_UNKNOWN)
        return vmmiErrorPropagate(err, g_steal_pointer(&error));
    memset(info, 0, sizeof(*info));
    g_strlcpy(info->uuid, uuid, sizeof(info->uuid));
    info->id = -1;
    info->state = VMMI_GUEST_ABSENT;
    return 0;
}

static int
ping(vmmiVirtCall *call, vmmiError **err)
{
    unsigned long version;

    if (virConnectGetLibVersion(call->conn, &version) < 0)
        return vmmiVirtHostTakeError(call->host, call->conn, VMMI_ERR_DISCONNECTED, err);
    return 0;
}

int
vmmiVirtPing(void *priv, vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(priv, VMMI_VIRT_OBSERVE, NULL, ping);

    return vmmiVirtCallRun(&call, "asking whether the host answers", err);
}

/* --- acting --- */

static int
finish(vmmiVirtCall *call, int result, vmmiError **err)
{
    if (result < 0)
        return vmmiVirtHostTakeError(call->host, call->conn, VMMI_ERR_OPERATION_FAILED, err);
    return 0;
}

static int
start(vmmiVirtCall *call, vmmiError **err)
{
    return finish(call, virDomainCreate(call->domain), err);
}

static int
stop(vmmiVirtCall *call, vmmiError **err)
{
    return finish(call, virDomainDestroy(call->domain), err);
}

/* Noted before it is done: the event may be quicker than the answer. */
static void
note_suspended(vmmiVirtCall *call, bool suspended)
{
    g_mutex_lock(&call->host->lock);
    vmmiVirtHostGuest(call->host, call->uuid)->suspended = suspended;
    g_mutex_unlock(&call->host->lock);
}

static int
suspend(vmmiVirtCall *call, vmmiError **err)
{
    int result;

    note_suspended(call, true);
    result = virDomainSuspend(call->domain);
    if (result < 0)
        note_suspended(call, false);
    return finish(call, result, err);
}

static int
resume(vmmiVirtCall *call, vmmiError **err)
{
    int result = virDomainResume(call->domain);

    if (result == 0)
        note_suspended(call, false);
    return finish(call, result, err);
}

static int
act(void *priv, const char *uuid, const char *what, vmmiVirtCallFunc run, vmmiError **err)
{
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(priv, VMMI_VIRT_CONTROL, uuid, run);

    return vmmiVirtCallRun(&call, what, err);
}

int
vmmiVirtGuestStart(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, "starting a guest", start, err);
}

int
vmmiVirtGuestStop(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, "stopping a guest", stop, err);
}

int
vmmiVirtGuestSuspend(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, "suspending a guest", suspend, err);
}

int
vmmiVirtGuestResume(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, "resuming a guest", resume, err);
}
