/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host.c: the connections of one libvirt host: opened, shared, found dead, opened anew, closed
 * without waiting.
 *
 * A single call is call.c; what is told to watches is monitor.c.
 */
#include "host.h"

/* With so many workers stuck, calls fail at once. */
#define MAX_STUCK 16
/* So many calls without an answer in a row give a lane a new connection. */
#define MAX_TIMEOUTS 3

static void
guest_free(void *data)
{
    vmmiVirtGuest *guest = data;

    vmmiSampleFree(guest->completed);
    g_free(guest);
}

static vmmiVirtHost *
host_new(const char *uri, const vmmiVirtUri *parsed, const vmmiConnectOptions *options)
{
    vmmiVirtHost *host = g_new0(vmmiVirtHost, 1);

    host->refs = 1;
    host->uri = *parsed;
    host->target = vmmiVirtTargetNew(uri, options);
    host->workers = vmmiWorkersNew("vmmi-libvirt", MAX_STUCK);
    g_rec_mutex_init(&host->change);
    g_mutex_init(&host->lock);
    g_cond_init(&host->changed);
    host->watches = g_ptr_array_new();
    host->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, guest_free);
    host->channels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, vmmiVirtChannelFree);
    return host;
}

vmmiVirtHost *
vmmiVirtHostRef(vmmiVirtHost *host)
{
    g_atomic_int_inc(&host->refs);
    return host;
}

void
vmmiVirtHostUnref(vmmiVirtHost *host)
{
    if (!host || !g_atomic_int_dec_and_test(&host->refs))
        return;
    vmmiWorkersClose(host->workers);
    vmmiVirtTargetFree(host->target);
    g_ptr_array_unref(host->watches);
    g_hash_table_unref(host->guests);
    g_hash_table_unref(host->channels);
    g_cond_clear(&host->changed);
    g_mutex_clear(&host->lock);
    g_rec_mutex_clear(&host->change);
    g_free(host);
}

bool
vmmiVirtHostHasEvents(const vmmiVirtHost *host)
{
    return host->target->options.events != VMMI_EVENTS_NONE;
}

vmmiVirtGuest *
vmmiVirtHostGuest(vmmiVirtHost *host, const char *uuid)
{
    g_autofree char *key = g_ascii_strdown(uuid, -1);
    vmmiVirtGuest *guest = g_hash_table_lookup(host->guests, key);

    if (!guest) {
        guest = g_new0(vmmiVirtGuest, 1);
        g_hash_table_insert(host->guests, g_steal_pointer(&key), guest);
    }
    return guest;
}

/* --- closing --- */

/* Closing asks the host, too. */
static int
bury(void *data, vmmiError **err G_GNUC_UNUSED)
{
    vmmiVirtMonitorDetach(data);
    return 0;
}

static void
bury_done(void *data)
{
    virConnectClose(data);
}

static void
close_later(vmmiVirtHost *host, virConnectPtr conn)
{
    if (conn)
        vmmiWorkersStart(host->workers, bury, conn, bury_done, NULL);
}

virConnectPtr
vmmiVirtLaneTake(vmmiVirtLane *lane)
{
    if (lane->domain)
        virDomainFree(lane->domain);
    lane->domain = NULL;
    return g_steal_pointer(&lane->conn);
}

void
vmmiVirtHostClose(vmmiVirtHost *host)
{
    virConnectPtr conns[VMMI_VIRT_LANES];

    g_mutex_lock(&host->lock);
    host->closed = true;
    for (int i = 0; i < VMMI_VIRT_LANES; i++)
        conns[i] = vmmiVirtLaneTake(&host->lanes[i]);
    g_cond_broadcast(&host->changed);
    g_mutex_unlock(&host->lock);
    vmmiVirtMonitorEnd(host);
    for (int i = 0; i < VMMI_VIRT_LANES; i++)
        close_later(host, conns[i]);
    vmmiVirtHostUnref(host);
}

/* --- losing and coming back --- */

static int
come_back(void *data, vmmiError **err)
{
    virConnectPtr conn = vmmiVirtHostBorrow(data, VMMI_VIRT_OBSERVE, err);

    if (!conn)
        return -1;
    virConnectClose(conn);
    return 0;
}

static void
unref_host(void *data)
{
    vmmiVirtHostUnref(data);
}

/* Waits, at most for @ms. Returns whether coming back is still wanted. */
static bool
wait_while_wanted(vmmiVirtHost *host, unsigned int ms)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);
    gint64 until = g_get_monotonic_time() + (gint64)ms * 1000;

    while (!host->closed && g_cond_wait_until(&host->changed, &host->lock, until))
        ;
    return !host->closed && host->watches->len > 0;
}

/* Whether it is lost, and somebody cares. If not, the next loss starts anew. */
static bool
is_lost(vmmiVirtHost *host)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);

    host->reconnecting = !host->closed && host->watches->len > 0 &&
                         !host->lanes[VMMI_VIRT_OBSERVE].conn;
    return host->reconnecting;
}

static void
try_for_a_while(vmmiVirtHost *host)
{
    unsigned int pause_ms = 50;

    while (wait_while_wanted(host, pause_ms)) {
        void *again = vmmiVirtHostRef(host);
        int result = vmmiWorkersCall(host->workers, "reconnecting",
                                     host->target->options.open_timeout_ms,
                                     come_back, &again, unref_host, NULL);

        if (again)
            vmmiVirtHostUnref(again);
        if (result == 0)
            break;
        pause_ms = MIN(pause_ms * 2, 2000);
    }
}

/* For as long as somebody watches; how long to hope is the watcher's business (B14). */
static int
keep_trying(void *data, vmmiError **err G_GNUC_UNUSED)
{
    while (is_lost(data))
        try_for_a_while(data);
    return 0;
}

static void
start_trying(vmmiVirtHost *host)
{
    g_mutex_lock(&host->lock);
    if (host->reconnecting || host->closed || host->watches->len == 0) {
        g_mutex_unlock(&host->lock);
        return;
    }
    host->reconnecting = true;
    g_mutex_unlock(&host->lock);
    vmmiWorkersStart(host->workers, keep_trying, vmmiVirtHostRef(host), unref_host, NULL);
}

void
vmmiVirtHostDrop(vmmiVirtHost *host, vmmiVirtLaneKind lane, virConnectPtr conn)
{
    g_autoptr(vmmiError) error = NULL;
    virConnectPtr figures = NULL;
    bool mine;

    g_rec_mutex_lock(&host->change);
    g_mutex_lock(&host->lock);
    mine = conn && host->lanes[lane].conn == conn;
    if (mine)
        vmmiVirtLaneTake(&host->lanes[lane]);
    if (mine && lane == VMMI_VIRT_OBSERVE)   /* the other one is dead as well, and does not know */
        figures = vmmiVirtLaneTake(&host->lanes[VMMI_VIRT_FIGURES]);
    g_mutex_unlock(&host->lock);
    if (mine && lane == VMMI_VIRT_OBSERVE) {
        vmmiErrorSet(&error, VMMI_ERR_DISCONNECTED, "the connection to '%s' was lost",
                     host->target->uri);
        vmmiVirtMonitorTell(host, VMMI_EVENT_DISCONNECTED, error);
    }
    g_rec_mutex_unlock(&host->change);
    if (!mine)
        return;
    close_later(host, conn);
    close_later(host, figures);
    if (lane == VMMI_VIRT_OBSERVE)
        start_trying(host);
}

void
vmmiVirtHostNoteCall(vmmiVirtHost *host, vmmiVirtLaneKind lane, bool timed_out)
{
    virConnectPtr given_up = NULL;

    g_mutex_lock(&host->lock);
    host->lanes[lane].timeouts = timed_out ? host->lanes[lane].timeouts + 1 : 0;
    /* Where somebody watches, libvirt's own keepalive finds out. */
    if (host->lanes[lane].timeouts >= MAX_TIMEOUTS && !host->uri.in_process &&
        (lane != VMMI_VIRT_OBSERVE || host->watches->len == 0)) {
        given_up = vmmiVirtLaneTake(&host->lanes[lane]);
        host->lanes[lane].timeouts = 0;
    }
    g_mutex_unlock(&host->lock);
    close_later(host, given_up);
}

/* --- opening --- */

/* A connection that is there and alive, as a reference of its own. */
static virConnectPtr
borrow_open(vmmiVirtHost *host, vmmiVirtLaneKind lane)
{
    virConnectPtr conn;

    g_mutex_lock(&host->lock);
    conn = host->lanes[lane].conn;
    if (conn)
        virConnectRef(conn);
    g_mutex_unlock(&host->lock);
    if (!conn || virConnectIsAlive(conn) != 0) {
        virResetLastError();
        return conn;
    }
    vmmiVirtHostDrop(host, lane, conn);
    virConnectClose(conn);
    return NULL;
}

/*
 * Becomes the one who opens a lane: 0 if it has been opened meanwhile. Another who opens it is
 * waited for, unless stuck.
 */
static unsigned int
become_opener(vmmiVirtHost *host, vmmiVirtLane *lane)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host->lock);

    while (lane->opener && !lane->conn && !host->closed) {
        if (!g_cond_wait_until(&host->changed, &host->lock, lane->open_until))
            break;
    }
    if (lane->conn)
        return 0;
    if (++lane->openers == 0)
        lane->openers = 1;
    lane->opener = lane->openers;
    lane->open_until = g_get_monotonic_time() +
                       (gint64)host->target->options.open_timeout_ms * 1000;
    return lane->opener;
}

typedef enum { TOO_LATE, FIRST, AGAIN } Installed;

/* Puts a connection into its lane, if there is none. Called with host->change held. */
static Installed
install(vmmiVirtHost *host, vmmiVirtLane *lane, virConnectPtr conn, unsigned int me)
{
    Installed result = TOO_LATE;

    g_mutex_lock(&host->lock);
    if (lane->opener == me)
        lane->opener = 0;
    if (conn && !lane->conn && !host->closed) {
        virConnectRef(conn);
        lane->conn = conn;
        lane->timeouts = 0;
        result = lane->was_open ? AGAIN : FIRST;
        lane->was_open = true;
    }
    g_cond_broadcast(&host->changed);
    g_mutex_unlock(&host->lock);
    return result;
}

/* Another was quicker, or the host has been closed. */
static virConnectPtr
take_other(vmmiVirtHost *host, vmmiVirtLaneKind lane, virConnectPtr conn, vmmiError **err)
{
    virConnectPtr other = borrow_open(host, lane);

    if (lane == VMMI_VIRT_OBSERVE) {
        vmmiVirtMonitorDetach(conn);
        if (other)
            vmmiVirtMonitorAttach(host, other);
    }
    virConnectClose(conn);
    if (!other)
        vmmiErrorSet(err, VMMI_ERR_DISCONNECTED, "the connection to '%s' is closed",
                     host->target->uri);
    return other;
}

virConnectPtr
vmmiVirtHostBorrow(vmmiVirtHost *host, vmmiVirtLaneKind kind, vmmiError **err)
{
    vmmiVirtLaneKind lane = host->uri.in_process ? VMMI_VIRT_OBSERVE : kind;
    virConnectPtr conn;
    unsigned int me = 0;
    Installed result;

    if (kind == VMMI_VIRT_FIGURES) {
        if ((conn = borrow_open(host, kind)))
            return conn;
        lane = VMMI_VIRT_OBSERVE;
    }
    while (me == 0) {
        if ((conn = borrow_open(host, lane)))
            return conn;
        me = become_opener(host, &host->lanes[lane]);
    }
    conn = vmmiVirtTargetOpen(host->target, err);
    if (conn && lane == VMMI_VIRT_OBSERVE)
        vmmiVirtMonitorAttach(host, conn);
    g_rec_mutex_lock(&host->change);
    result = install(host, &host->lanes[lane], conn, me);
    if (result == AGAIN && lane == VMMI_VIRT_OBSERVE)
        vmmiVirtMonitorTell(host, VMMI_EVENT_RECONNECTED, NULL);
    g_rec_mutex_unlock(&host->change);
    return conn && result == TOO_LATE ? take_other(host, lane, conn, err) : conn;
}

int
vmmiVirtHostTakeError(vmmiVirtHost *host, virConnectPtr conn, int fallback, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;

    vmmiVirtErrorTake(&error, fallback);
    if (virConnectIsAlive(conn) == 0) {
        vmmiErrorSet(err, VMMI_ERR_DISCONNECTED, "the connection to '%s' was lost: %s",
                     host->target->uri, vmmiErrorGetMessage(error));
        vmmiErrorSetDetails(err, "%s", vmmiErrorGetDetails(error));
        vmmiErrorSetOrigin(err, "libvirt");
    } else {
        vmmiErrorPropagate(err, g_steal_pointer(&error));
    }
    virResetLastError();
    return -1;
}

vmmiVirtHost *
vmmiVirtHostOpen(const char *uri, const vmmiVirtUri *parsed, const vmmiConnectOptions *options,
                 vmmiError **err)
{
    g_autoptr(vmmiVirtHost) host = host_new(uri, parsed, options);
    void *first = vmmiVirtHostRef(host);
    int result = vmmiVirtQuietOpen(host, err);

    if (result == 0 && options->events == VMMI_EVENTS_OWN)
        result = vmmiVirtLoopStart(err);
    if (result == 0)
        result = vmmiWorkersCall(host->workers, "connecting", options->open_timeout_ms, come_back,
                                 &first, unref_host, err);
    if (first)
        vmmiVirtHostUnref(first);
    if (result == 0)
        return g_steal_pointer(&host);
    /* A late answer finds the host closed and closes what it got. */
    if (err && vmmiErrorGetCode(*err) == VMMI_ERR_TIMEOUT)
        vmmiErrorPrefix(err, "cannot connect to '%s'", uri);
    vmmiVirtHostClose(g_steal_pointer(&host));
    return NULL;
}
