/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call.c: one call to libvirt on a worker, with a deadline; or without, on a thread of the caller's
 * that can afford it.
 */
#include "host.h"

vmmiVirtCall *
vmmiVirtCallNew(vmmiVirtHost *host, vmmiVirtLaneKind lane, const char *uuid, vmmiVirtCallFunc run)
{
    vmmiVirtCall *call = g_new0(vmmiVirtCall, 1);

    call->host = vmmiVirtHostRef(host);
    call->lane = lane;
    call->timeout_ms = host->target->options.call_timeout_ms;
    call->uuid = g_strdup(uuid);
    call->run = run;
    return call;
}

void
vmmiVirtCallFree(vmmiVirtCall *call)
{
    if (!call)
        return;
    if (call->data && call->free_data)
        call->free_data(call->data);
    vmmiSampleFree(call->sample);
    g_free(call->selector);
    g_free(call->uuid);
    vmmiVirtHostUnref(call->host);
    g_free(call);
}

static void
free_late(void *data)
{
    vmmiVirtCallFree(data);
}

static int
run_with_guest(vmmiVirtCall *call, vmmiError **err)
{
    if (call->uuid && call->lane == VMMI_VIRT_FIGURES) {
        call->domain = vmmiVirtQuietLookup(call->host, call->conn, call->uuid, err);
        if (!call->domain)
            return -1;
    } else if (call->uuid) {
        call->domain = virDomainLookupByUUIDString(call->conn, call->uuid);
        if (!call->domain)
            return vmmiVirtHostTakeError(call->host, call->conn, VMMI_ERR_OPERATION_FAILED, err);
    }
    return call->run(call, err);
}

static int
work(void *data, vmmiError **err)
{
    vmmiVirtCall *call = data;
    int result;

    call->conn = vmmiVirtHostBorrow(call->host, call->lane, err);
    if (!call->conn)
        return -1;
    result = run_with_guest(call, err);
    if (call->domain)
        virDomainFree(call->domain);
    call->domain = NULL;
    virConnectClose(call->conn);
    call->conn = NULL;
    return result;
}

int
vmmiVirtCallRun(vmmiVirtCall **call, const char *what, vmmiError **err)
{
    vmmiVirtHost *host = (*call)->host;
    vmmiVirtLaneKind lane = (*call)->lane;
    g_autoptr(vmmiVirtHost) held G_GNUC_UNUSED = vmmiVirtHostRef(host);
    void *data = *call;
    int result = (*call)->timeout_ms == UINT_MAX
                     ? work(data, err)
                     : vmmiWorkersCall(host->workers, what, (*call)->timeout_ms, work, &data,
                                       free_late, err);

    vmmiVirtHostNoteCall(host, lane, !data);
    *call = data;
    return result;
}
