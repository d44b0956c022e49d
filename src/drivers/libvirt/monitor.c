/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * monitor.c: libvirt's events, from its callbacks to those who watch a guest.
 *
 * libvirt takes a callback once for each guest and connection, so all who watch one guest share a
 * channel. Events come on the thread of the event loop; that a host was lost or is back is told
 * by a worker. Delivery is watch.c.
 */
#include "watch.h"

#define N_CALLBACKS 3

/* Lives as long as the host; its callbacks keep the host. */
typedef struct {
    vmmiVirtHost *host;         /* borrowed */
    char *uuid;
    GMutex lock;                /* held while libvirt is asked to call, or not to */
    virConnectPtr conn;         /* where it is registered; a reference */
    int ids[N_CALLBACKS];
} Channel;

/* --- lists --- */

static void
unref_watch(void *data)
{
    vmmiVirtWatchUnref(data);
}

/* Those who watch a guest; all with @uuid NULL. */
static GPtrArray *
watches_of(vmmiVirtHost *host, const char *uuid)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func(unref_watch);

    g_mutex_lock(&host->lock);
    for (guint i = 0; i < host->watches->len; i++) {
        vmmiVirtWatch *watch = g_ptr_array_index(host->watches, i);

        if (!uuid || vmmiVirtWatchIsOf(watch, uuid))
            g_ptr_array_add(copy, vmmiVirtWatchRef(watch));
    }
    g_mutex_unlock(&host->lock);
    return copy;
}

static bool
is_watched(vmmiVirtHost *host, const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);

    for (guint i = 0; i < host->watches->len && !host->closed; i++) {
        if (vmmiVirtWatchIsOf(g_ptr_array_index(host->watches, i), uuid))
            return true;
    }
    return false;
}

/*
 * Takes a watch out of the list. Returns whether it was there: then the reference of the list is
 * the caller's.
 */
static bool
forget(vmmiVirtHost *host, vmmiVirtWatch *watch)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);

    return g_ptr_array_remove(host->watches, watch);
}

static Channel *
channel_of(vmmiVirtHost *host, const char *uuid)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);
    g_autofree char *key = g_ascii_strdown(uuid, -1);
    Channel *channel = g_hash_table_lookup(host->channels, key);

    if (!channel) {
        channel = g_new0(Channel, 1);
        channel->host = host;
        channel->uuid = g_strdup(key);
        g_mutex_init(&channel->lock);
        g_hash_table_insert(host->channels, g_steal_pointer(&key), channel);
    }
    return channel;
}

void
vmmiVirtChannelFree(void *data)
{
    Channel *channel = data;

    g_mutex_clear(&channel->lock);
    g_free(channel->uuid);
    g_free(channel);
}

/* --- what libvirt calls --- */

static bool
is_guest(const Channel *channel, virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    return virDomainGetUUIDString(domain, uuid) == 0 && g_str_equal(uuid, channel->uuid);
}

static int
on_lifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, int event, int detail,
             void *opaque)
{
    Channel *channel = opaque;
    g_autoptr(GPtrArray) watches = NULL;

    if (!is_guest(channel, domain))
        return 0;
    watches = watches_of(channel->host, channel->uuid);
    for (guint i = 0; i < watches->len; i++)
        vmmiVirtWatchTellLifecycle(g_ptr_array_index(watches, i), event, detail);
    return 0;
}

/* The final figures of the last migration that ended; NULL: forget them. */
static void
keep_completed(Channel *channel, const vmmiSample *sample)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&channel->host->lock);
    vmmiVirtGuest *guest = vmmiVirtHostGuest(channel->host, channel->uuid);

    vmmiSampleFree(guest->completed);
    guest->completed = vmmiSampleCopy(sample);
}

static void
on_iteration(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, int iteration, void *opaque)
{
    Channel *channel = opaque;
    g_autoptr(GPtrArray) watches = NULL;

    if (iteration < 1 || !is_guest(channel, domain))
        return;
    /* Somebody else's migration may follow one that has ended. */
    if (iteration == 1)
        keep_completed(channel, NULL);
    watches = watches_of(channel->host, channel->uuid);
    for (guint i = 0; i < watches->len; i++)
        vmmiVirtWatchTellIteration(g_ptr_array_index(watches, i), (uint64_t)iteration);
}

/* libvirt sends it for a success only: the destination has the guest, the source gives it up. */
static void
on_completed(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, virTypedParameterPtr params,
             int n_params, void *opaque)
{
    Channel *channel = opaque;
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(GPtrArray) watches = NULL;

    if (!is_guest(channel, domain) ||
        vmmiVirtStatsRead(VIR_DOMAIN_JOB_COMPLETED, params, n_params, true, sample) !=
            VMMI_JOB_MIGRATION_OUT)
        return;
    keep_completed(channel, sample);
    watches = watches_of(channel->host, channel->uuid);
    for (guint i = 0; i < watches->len; i++)
        vmmiVirtWatchTellCompleted(g_ptr_array_index(watches, i), sample);
}

static void
on_closed(virConnectPtr conn, int reason, void *opaque)
{
    if (reason != VIR_CONNECT_CLOSE_REASON_CLIENT)
        vmmiVirtHostDrop(opaque, VMMI_VIRT_OBSERVE, conn);
}

/* --- registration, on a worker --- */

static void
unref_host(void *data)
{
    vmmiVirtHostUnref(data);
}

/* libvirt frees what it is given with the callback; that is the channel's hold on its host. */
static void
channel_release(void *data)
{
    vmmiVirtHostUnref(((Channel *)data)->host);
}

static void
unregister(Channel *channel)
{
    for (int i = 0; i < N_CALLBACKS && channel->conn; i++) {
        if (channel->ids[i] >= 0)
            virConnectDomainEventDeregisterAny(channel->conn, channel->ids[i]);
    }
    if (channel->conn)
        virConnectClose(channel->conn);
    channel->conn = NULL;
    virResetLastError();
}

static int
register_one(Channel *channel, virDomainPtr domain, int event,
             virConnectDomainEventGenericCallback callback)
{
    int id;

    vmmiVirtHostRef(channel->host);
    id = virConnectDomainEventRegisterAny(channel->conn, domain, event, callback, channel,
                                          channel_release);
    if (id < 0)
        channel_release(channel);
    return id;
}

/* A libvirt driver without migrations has the first event only. */
static int
register_all(Channel *channel, vmmiError **err)
{
    /* A guest that is not there now may come: then all guests' events are looked at. */
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(channel->conn, channel->uuid);

    channel->ids[0] = register_one(channel, domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                   VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle));
    if (channel->ids[0] < 0) {
        channel->ids[1] = channel->ids[2] = -1;
        return vmmiVirtHostTakeError(channel->host, channel->conn, VMMI_ERR_NOT_SUPPORTED, err);
    }
    channel->ids[1] = register_one(channel, domain, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
                                   VIR_DOMAIN_EVENT_CALLBACK(on_iteration));
    channel->ids[2] = register_one(channel, domain, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                                   VIR_DOMAIN_EVENT_CALLBACK(on_completed));
    virResetLastError();
    return 0;
}

/* Listens on @conn while somebody watches; on nothing when nobody does. */
static int
settle(Channel *channel, virConnectPtr conn, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&channel->lock);
    bool wanted = is_watched(channel->host, channel->uuid);

    if (wanted && (!conn || channel->conn == conn))
        return 0;
    unregister(channel);
    if (!wanted)
        return 0;
    virConnectRef(conn);
    channel->conn = conn;
    if (register_all(channel, err) == 0)
        return 0;
    unregister(channel);
    return -1;
}

/* What is done later to a guest's channel, when a watch has ended. */
typedef struct {
    vmmiVirtHost *host;
    char *uuid;
} Later;

static int
settle_later(void *data, vmmiError **err G_GNUC_UNUSED)
{
    Later *later = data;

    return settle(channel_of(later->host, later->uuid), NULL, NULL);
}

static void
later_free(void *data)
{
    Later *later = data;

    vmmiVirtHostUnref(later->host);
    g_free(later->uuid);
    g_free(later);
}

static void
watch_end(vmmiVirtHost *host, vmmiVirtWatch *watch)
{
    Later *later = g_new0(Later, 1);

    later->host = vmmiVirtHostRef(host);
    later->uuid = g_strdup(vmmiVirtWatchGetUuid(watch));
    vmmiVirtWatchKill(watch);
    vmmiVirtWatchUnref(watch);
    vmmiWorkersStart(host->workers, settle_later, later, later_free, NULL);
}

/* --- for the host --- */

void
vmmiVirtMonitorAttach(vmmiVirtHost *host, virConnectPtr conn)
{
    g_autoptr(GPtrArray) watches = watches_of(host, NULL);

    if (!vmmiVirtHostHasEvents(host))
        return;
    /*
     * A driver in this process is never lost; libvirt would take the callback and forget what
     * must be freed with it.
     */
    if (!host->uri.in_process &&
        virConnectRegisterCloseCallback(conn, on_closed, vmmiVirtHostRef(host), unref_host) < 0)
        vmmiVirtHostUnref(host);
    for (guint i = 0; i < watches->len; i++)
        settle(channel_of(host, vmmiVirtWatchGetUuid(g_ptr_array_index(watches, i))), conn, NULL);
    virResetLastError();
}

void
vmmiVirtMonitorDetach(virConnectPtr conn)
{
    virConnectUnregisterCloseCallback(conn, on_closed);
    virResetLastError();
}

void
vmmiVirtMonitorTell(vmmiVirtHost *host, vmmiEventType type, const vmmiError *error)
{
    g_autoptr(GPtrArray) watches = watches_of(host, NULL);

    for (guint i = 0; i < watches->len; i++)
        vmmiVirtWatchTell(g_ptr_array_index(watches, i), type, error);
}

void
vmmiVirtMonitorEnd(vmmiVirtHost *host)
{
    g_autoptr(GPtrArray) watches = watches_of(host, NULL);

    for (guint i = 0; i < watches->len; i++) {
        if (forget(host, g_ptr_array_index(watches, i)))
            watch_end(host, g_ptr_array_index(watches, i));
    }
}

void
vmmiVirtMonitorForget(vmmiVirtHost *host, const char *uuid)
{
    g_autoptr(GPtrArray) watches = watches_of(host, uuid);

    for (guint i = 0; i < watches->len; i++)
        vmmiVirtWatchReset(g_ptr_array_index(watches, i), false);
}

/* --- slots --- */

/* On a worker. */
static int
begin(vmmiVirtCall *call, vmmiError **err)
{
    vmmiVirtWatch *watch = call->data;
    vmmiGuestInfo info;

    if (vmmiVirtGuestRead(call->host, call->conn, call->domain, &info, err) < 0)
        return -1;
    vmmiVirtWatchReset(watch, info.reason == VMMI_REASON_MIGRATION &&
                       info.job != VMMI_JOB_MIGRATION_OUT);
    return settle(channel_of(call->host, call->uuid), call->conn, err);
}

int
vmmiVirtGuestMonitor(void *priv, const char *uuid, vmmiEventFunc func, void *opaque,
                     vmmiFreeFunc free_opaque, void **ret_watch, vmmiError **err)
{
    vmmiVirtHost *host = priv;
    vmmiVirtWatch *watch = vmmiVirtWatchNew(host, uuid, func, opaque, free_opaque);
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(host, VMMI_VIRT_OBSERVE, uuid, begin);

    call->data = vmmiVirtWatchRef(watch);
    call->free_data = unref_watch;
    /* Listed first: a connection that is lost from now on is told. */
    g_mutex_lock(&host->lock);
    g_ptr_array_add(host->watches, watch);
    g_mutex_unlock(&host->lock);
    if (vmmiVirtCallRun(&call, "watching a guest", err) == 0) {
        *ret_watch = watch;
        return 0;
    }
    vmmiErrorPrefix(err, "guest '%s'", uuid);
    if (forget(host, watch))
        watch_end(host, watch);
    return -1;
}

void
vmmiVirtGuestUnmonitor(void *priv, void *data)
{
    if (forget(priv, data))
        watch_end(priv, data);
}
