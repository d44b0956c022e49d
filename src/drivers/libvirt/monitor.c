/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * monitor.c: libvirt's events for those who watch a guest.
 *
 * Events come on the thread of the event loop; that a host was lost or is back is told by a worker. For one watch they
 * are delivered one at a time. A watch lives as long as libvirt may still call it.
 */
#include "host.h"

#include "util/clock.h"

#define N_CALLBACKS 3

struct vmmiVirtWatch {
    int refs;                        /* atomic */
    vmmiVirtHost *host;
    char uuid[VMMI_UUID_STRING_SIZE];
    vmmiEventFunc func;
    void *opaque;
    vmmiFreeFunc free_opaque;

    GRecMutex delivery;              /* held while func runs */
    bool incoming;                   /* the guest comes to this host; under delivery */
    vmmiState seen;                  /* the last step told; under delivery */

    GMutex registration;             /* held while libvirt is asked to call, or not to */
    virConnectPtr conn;              /* where it is registered; the callbacks hold it */
    int ids[N_CALLBACKS];

    GMutex lock;                     /* for what follows */
    bool dead;
    unsigned int delivering;
};

static void
watch_unref(void *data)
{
    vmmiVirtWatch *watch = data;

    if (!g_atomic_int_dec_and_test(&watch->refs))
        return;
    g_rec_mutex_clear(&watch->delivery);
    g_mutex_clear(&watch->registration);
    g_mutex_clear(&watch->lock);
    vmmiVirtHostUnref(watch->host);
    g_free(watch);
}

static vmmiVirtWatch *
watch_ref(vmmiVirtWatch *watch)
{
    g_atomic_int_inc(&watch->refs);
    return watch;
}

static vmmiVirtWatch *
watch_new(vmmiVirtHost *host, const char *uuid, vmmiEventFunc func, void *opaque,
          vmmiFreeFunc free_opaque)
{
    vmmiVirtWatch *watch = g_new0(vmmiVirtWatch, 1);

    watch->refs = 1;
    watch->host = vmmiVirtHostRef(host);
    g_strlcpy(watch->uuid, uuid, sizeof(watch->uuid));
    watch->func = func;
    watch->opaque = opaque;
    watch->free_opaque = free_opaque;
    g_rec_mutex_init(&watch->delivery);
    g_mutex_init(&watch->registration);
    g_mutex_init(&watch->lock);
    return watch;
}

/* --- delivery --- */

static void
release_opaque(vmmiVirtWatch *watch)
{
    if (watch->free_opaque)
        watch->free_opaque(watch->opaque);
}

/* No further event is begun; the one that is being delivered may finish. */
static void
watch_kill(vmmiVirtWatch *watch)
{
    bool release;

    g_mutex_lock(&watch->lock);
    release = !watch->dead && watch->delivering == 0;
    watch->dead = true;
    g_mutex_unlock(&watch->lock);
    if (release)
        release_opaque(watch);
}

static bool
delivery_begin(vmmiVirtWatch *watch)
{
    bool alive;

    g_mutex_lock(&watch->lock);
    alive = !watch->dead;
    if (alive)
        watch->delivering++;
    g_mutex_unlock(&watch->lock);
    if (alive)
        g_rec_mutex_lock(&watch->delivery);
    return alive;
}

static void
delivery_end(vmmiVirtWatch *watch)
{
    bool release;

    g_rec_mutex_unlock(&watch->delivery);
    g_mutex_lock(&watch->lock);
    release = --watch->delivering == 0 && watch->dead;
    g_mutex_unlock(&watch->lock);
    if (release)
        release_opaque(watch);
}

/* Between delivery_begin() and delivery_end(). */
static void
tell(vmmiVirtWatch *watch, vmmiEvent event)
{
    bool alive;

    g_mutex_lock(&watch->lock);
    alive = !watch->dead;
    g_mutex_unlock(&watch->lock);
    if (!alive)
        return;
    event.size = sizeof(event);
    event.boottime_ms = vmmiClockBoottimeMs();
    watch->func(&event, watch->opaque);
}

static void
tell_state(vmmiVirtWatch *watch, vmmiState state)
{
    if (watch->seen == state)
        return;
    watch->seen = state;
    tell(watch, (vmmiEvent){ .type = VMMI_EVENT_STATE, .state = state });
}

/* --- what libvirt calls --- */

static bool
is_guest(const vmmiVirtWatch *watch, virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    return virDomainGetUUIDString(domain, uuid) == 0 && g_ascii_strcasecmp(uuid, watch->uuid) == 0;
}

/* The steps of the migration that a change of the guest gives away. Only the source shows them. */
static void
tell_step(vmmiVirtWatch *watch, vmmiGuestState state, vmmiGuestReason reason)
{
    if (watch->incoming)
        return;
    if (reason == VMMI_REASON_POSTCOPY_FAILED)
        tell_state(watch, VMMI_STATE_POSTCOPY_BROKEN);
    else if (reason == VMMI_REASON_POSTCOPY)
        tell_state(watch, VMMI_STATE_POSTCOPY);
    else if (reason == VMMI_REASON_MIGRATION && state == VMMI_GUEST_PAUSED)
        tell_state(watch, VMMI_STATE_SWITCHOVER);
    else if (reason == VMMI_REASON_MIGRATED && state == VMMI_GUEST_SHUTOFF)
        tell_state(watch, VMMI_STATE_CONFIRM);
    else if (reason == VMMI_REASON_MIGRATION_CANCELED)
        watch->seen = VMMI_STATE_STARTING;   /* another migration may follow */
}

static int
on_lifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, int event, int detail,
             void *opaque)
{
    vmmiVirtWatch *watch = opaque;
    vmmiGuestState state;
    vmmiGuestReason reason;
    bool suspended;

    if (!is_guest(watch, domain) || !delivery_begin(watch))
        return 0;
    if (event == VIR_DOMAIN_EVENT_STARTED)
        watch->incoming = detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED;
    if (vmmiVirtLifecycleRead(event, detail, watch->incoming, &state, &reason)) {
        g_mutex_lock(&watch->host->lock);
        suspended = vmmiVirtHostGuest(watch->host, watch->uuid)->suspended;
        g_mutex_unlock(&watch->host->lock);
        /* While a migration runs, libvirt calls a guest paused for it whoever paused it. */
        if (suspended && state == VMMI_GUEST_PAUSED && reason == VMMI_REASON_MIGRATION)
            reason = VMMI_REASON_USER;
        tell_step(watch, state, reason);
        tell(watch, (vmmiEvent){ .type = VMMI_EVENT_GUEST, .guest_state = state, .reason = reason });
    }
    delivery_end(watch);
    return 0;
}

static void
on_iteration(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, int iteration, void *opaque)
{
    vmmiVirtWatch *watch = opaque;

    if (iteration < 1 || !is_guest(watch, domain) || !delivery_begin(watch))
        return;
    /* The last pass begins when the guest is paused already. */
    if (watch->seen < VMMI_STATE_PRECOPY)
        tell_state(watch, VMMI_STATE_PRECOPY);
    tell(watch, (vmmiEvent){ .type = VMMI_EVENT_ITERATION, .iteration = (uint64_t)iteration });
    delivery_end(watch);
}

/* libvirt sends it for a success only, when the destination has the guest and the source is about to give it up. */
static void
on_completed(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, virTypedParameterPtr params,
             int n_params, void *opaque)
{
    vmmiVirtWatch *watch = opaque;
    vmmiVirtGuest *guest;
    vmmiSample *sample;

    if (!is_guest(watch, domain) || !delivery_begin(watch))
        return;
    sample = vmmiSampleNew();
    if (vmmiVirtStatsRead(VIR_DOMAIN_JOB_COMPLETED, params, n_params, true, sample) ==
        VMMI_JOB_MIGRATION_OUT) {
        g_mutex_lock(&watch->host->lock);
        guest = vmmiVirtHostGuest(watch->host, watch->uuid);
        vmmiSampleFree(guest->completed);
        guest->completed = vmmiSampleCopy(sample);
        g_mutex_unlock(&watch->host->lock);
        tell_state(watch, VMMI_STATE_CONFIRM);
        tell(watch, (vmmiEvent){ .type = VMMI_EVENT_JOB_COMPLETED, .sample = sample });
    }
    vmmiSampleFree(sample);
    delivery_end(watch);
}

static void
on_closed(virConnectPtr conn, int reason, void *opaque)
{
    if (reason != VIR_CONNECT_CLOSE_REASON_CLIENT)
        vmmiVirtHostDrop(opaque, VMMI_VIRT_OBSERVE, conn);
}

/* --- registration, on a worker --- */

static void
unregister(vmmiVirtWatch *watch)
{
    for (int i = 0; i < N_CALLBACKS; i++) {
        if (watch->conn && watch->ids[i] >= 0)
            virConnectDomainEventDeregisterAny(watch->conn, watch->ids[i]);
        watch->ids[i] = -1;
    }
    if (watch->conn)
        virConnectClose(watch->conn);
    watch->conn = NULL;
    virResetLastError();
}

static int
register_one(vmmiVirtWatch *watch, virDomainPtr domain, int event,
             virConnectDomainEventGenericCallback callback)
{
    int id = virConnectDomainEventRegisterAny(watch->conn, domain, event, callback, watch_ref(watch),
                                              watch_unref);

    if (id < 0)
        watch_unref(watch);
    return id;
}

/* A driver without migrations has the first event only. Called with watch->registration held. */
static int
register_all(vmmiVirtWatch *watch, vmmiError **err)
{
    /* A guest that is not there now may come: then all guests' events are looked at. */
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(watch->conn, watch->uuid);

    watch->ids[0] = register_one(watch, domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                 VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle));
    if (watch->ids[0] < 0)
        return vmmiVirtHostTakeError(watch->host, watch->conn, VMMI_ERR_NOT_SUPPORTED, err);
    watch->ids[1] = register_one(watch, domain, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
                                 VIR_DOMAIN_EVENT_CALLBACK(on_iteration));
    watch->ids[2] = register_one(watch, domain, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                                 VIR_DOMAIN_EVENT_CALLBACK(on_completed));
    virResetLastError();
    return 0;
}

static int
watch_attach(vmmiVirtWatch *watch, virConnectPtr conn, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&watch->registration);
    bool dead;

    g_mutex_lock(&watch->lock);
    dead = watch->dead;
    g_mutex_unlock(&watch->lock);
    if (watch->conn == conn || dead)
        return 0;
    unregister(watch);
    virConnectRef(conn);
    watch->conn = conn;
    if (register_all(watch, err) == 0)
        return 0;
    unregister(watch);
    return -1;
}

static int
detach(void *data, vmmiError **err G_GNUC_UNUSED)
{
    vmmiVirtWatch *watch = data;

    g_mutex_lock(&watch->registration);
    unregister(watch);
    g_mutex_unlock(&watch->registration);
    return 0;
}

/* Takes a watch out of the list. Returns whether it was there. */
static bool
forget(vmmiVirtHost *host, vmmiVirtWatch *watch)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

    return g_ptr_array_remove(host->watches, watch);
}

/* Gives the list's reference to a worker, for libvirt must be asked not to call any more. */
static void
watch_end(vmmiVirtHost *host, vmmiVirtWatch *watch)
{
    watch_kill(watch);
    vmmiWorkersStart(host->workers, detach, watch, watch_unref, NULL);
}

static GPtrArray *
watches_copy(vmmiVirtHost *host)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func(watch_unref);

    g_mutex_lock(&host->lock);
    for (guint i = 0; i < host->watches->len; i++)
        g_ptr_array_add(copy, watch_ref(g_ptr_array_index(host->watches, i)));
    g_mutex_unlock(&host->lock);
    return copy;
}

static void
unref_host(void *data)
{
    vmmiVirtHostUnref(data);
}

void
vmmiVirtMonitorAttach(vmmiVirtHost *host, virConnectPtr conn)
{
    g_autoptr(GPtrArray) watches = watches_copy(host);

    if (!vmmiVirtHostHasEvents(host))
        return;
    if (virConnectRegisterCloseCallback(conn, on_closed, vmmiVirtHostRef(host), unref_host) < 0)
        vmmiVirtHostUnref(host);
    for (guint i = 0; i < watches->len; i++)
        watch_attach(g_ptr_array_index(watches, i), conn, NULL);
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
    g_autoptr(GPtrArray) watches = watches_copy(host);

    for (guint i = 0; i < watches->len; i++) {
        vmmiVirtWatch *watch = g_ptr_array_index(watches, i);

        if (!delivery_begin(watch))
            continue;
        tell(watch, (vmmiEvent){ .type = type, .error = error });
        delivery_end(watch);
    }
}

void
vmmiVirtMonitorEnd(vmmiVirtHost *host)
{
    g_autoptr(GPtrArray) watches = watches_copy(host);

    for (guint i = 0; i < watches->len; i++) {
        if (forget(host, g_ptr_array_index(watches, i)))
            watch_end(host, g_ptr_array_index(watches, i));
    }
}

void
vmmiVirtMonitorForget(vmmiVirtHost *host, const char *uuid)
{
    g_autoptr(GPtrArray) watches = watches_copy(host);

    for (guint i = 0; i < watches->len; i++) {
        vmmiVirtWatch *watch = g_ptr_array_index(watches, i);

        if (g_ascii_strcasecmp(watch->uuid, uuid) != 0 || !delivery_begin(watch))
            continue;
        watch->seen = VMMI_STATE_STARTING;
        watch->incoming = false;
        delivery_end(watch);
    }
}

static void
unref_watch(void *data)
{
    watch_unref(data);
}

/* On a worker. */
static int
begin(vmmiVirtCall *call, vmmiError **err)
{
    vmmiVirtWatch *watch = call->data;
    vmmiGuestInfo info;

    if (vmmiVirtGuestRead(call->host, call->conn, call->domain, &info, err) < 0)
        return -1;
    watch->incoming = info.reason == VMMI_REASON_MIGRATION && info.job != VMMI_JOB_MIGRATION_OUT;
    return watch_attach(watch, call->conn, err);
}

int
vmmiVirtGuestMonitor(void *priv, const char *uuid, vmmiEventFunc func, void *opaque,
                     vmmiFreeFunc free_opaque, void **ret_watch, vmmiError **err)
{
    vmmiVirtHost *host = priv;
    vmmiVirtWatch *watch = watch_new(host, uuid, func, opaque, free_opaque);
    g_autoptr(vmmiVirtCall) call = vmmiVirtCallNew(host, VMMI_VIRT_OBSERVE, uuid, begin);

    call->data = watch_ref(watch);
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
