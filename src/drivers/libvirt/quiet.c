/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quiet.c: a connection beside libvirt's event loop, for the figures that a plugin asks for each
 * second.
 *
 * On a connection that takes part in the loop, each call of libvirt wakes the loop's thread seven
 * times or more. One that was opened before the loop began waits for its answers by itself, once
 * a call. It has no events and no keepalive: the observing lane has, and takes this one down with
 * it. Only a program whose loop is the driver's own has it, for a host on this machine, where a
 * second connection costs next to nothing.
 */
#include "host.h"

static bool
is_of_use(const vmmiVirtHost *host)
{
    return host->target->options.events == VMMI_EVENTS_OWN &&
           host->uri.locality == VMMI_LOCALITY_LOCAL && !host->uri.in_process &&
           !vmmiVirtLoopIsRunning();
}

static int
open_quiet(void *data, vmmiError **err)
{
    vmmiVirtHost *host = data;
    virConnectPtr conn = vmmiVirtTargetOpen(host->target, err);
    bool wanted;

    if (!conn)
        return -1;
    g_mutex_lock(&host->lock);
    wanted = !host->closed;
    if (wanted)
        host->lanes[VMMI_VIRT_FIGURES].conn = conn;
    g_mutex_unlock(&host->lock);
    if (!wanted)
        virConnectClose(conn);
    return 0;
}

static void
unref_host(void *data)
{
    vmmiVirtHostUnref(data);
}

int
vmmiVirtQuietOpen(vmmiVirtHost *host, vmmiError **err)
{
    void *data;
    int result;

    if (!is_of_use(host))
        return 0;
    data = vmmiVirtHostRef(host);
    result = vmmiWorkersCall(host->workers, "connecting", host->target->options.open_timeout_ms,
                             open_quiet, &data, unref_host, err);
    if (data)
        vmmiVirtHostUnref(data);
    return result;
}

/* The guest of the last call, if this one is about the same. */
static virDomainPtr
recall(vmmiVirtHost *host, virConnectPtr conn, const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);
    virDomainPtr domain = host->lanes[VMMI_VIRT_FIGURES].domain;
    char known[VIR_UUID_STRING_BUFLEN];

    if (!domain || virDomainGetConnect(domain) != conn ||
        virDomainGetUUIDString(domain, known) < 0 || g_ascii_strcasecmp(known, uuid) != 0)
        return NULL;
    virDomainRef(domain);
    return domain;
}

static void
remember(vmmiVirtHost *host, virConnectPtr conn, virDomainPtr domain)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);
    vmmiVirtLane *lane = &host->lanes[VMMI_VIRT_FIGURES];

    if (lane->conn != conn)
        return;
    if (lane->domain)
        virDomainFree(lane->domain);
    virDomainRef(domain);
    lane->domain = domain;
}

virDomainPtr
vmmiVirtQuietLookup(vmmiVirtHost *host, virConnectPtr conn, const char *uuid, vmmiError **err)
{
    virDomainPtr domain = recall(host, conn, uuid);

    if (domain)
        return domain;
    domain = virDomainLookupByUUIDString(conn, uuid);
    if (!domain) {
        vmmiVirtHostTakeError(host, conn, VMMI_ERR_OPERATION_FAILED, err);
        return NULL;
    }
    remember(host, conn, domain);
    return domain;
}
