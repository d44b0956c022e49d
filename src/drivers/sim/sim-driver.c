/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-driver.c: the simulator as a driver: each call takes the world in hand, acts or looks, and gives it back.
 */
#include "drivers/sim/sim-driver.h"

#include <string.h>

#include "drivers/sim/sim-action.h"
#include "drivers/sim/sim-sample.h"
#include "drivers/sim/sim-step.h"
#include "drivers/sim/sim-watch.h"
#include "util/cleanup.h"
#include "util/clock.h"

typedef struct {
    vmmiSimUri *uri;
    vmmiSimStore *store;
    vmmiSimWatcher *watcher;
    size_t host;
    vmmiDriverLayer layer;
} Connection;

/* --- taking the world in hand ----------------------------------------------------------------------------- */

static int
begin(Connection *connection, vmmiSimSession *session, vmmiError **err)
{
    if (vmmiSimSessionBegin(connection->store, NULL, session, err) < 0)
        return -1;
    if (connection->host >= session->world->n_hosts ||
        !session->world->hosts[connection->host].reachable) {
        vmmiSimSessionDrop(session);
        return vmmiErrorSet(err, VMMI_ERR_DISCONNECTED,
                            "host '%s' of the simulated world '%s' cannot be reached",
                            connection->uri->host, connection->uri->world);
    }
    return 0;
}

/* As above, with a guest that must be known in the world. */
static int
begin_guest(Connection *connection, const char *uuid, vmmiSimSession *session, vmmiError **err)
{
    int guest;

    if (begin(connection, session, err) < 0)
        return -1;
    guest = vmmiSimWorldFindGuest(session->world, uuid);
    if (guest >= 0)
        return guest;
    vmmiSimSessionDrop(session);
    return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "the simulated world '%s' knows no guest %s",
                        connection->uri->world, uuid);
}

static int
end_action(vmmiSimSession *session, int result, vmmiError **err)
{
    if (result < 0) {
        vmmiSimSessionEnd(session, false, NULL);
        return -1;
    }
    vmmiSimStep(session->world, session->world->now);
    return vmmiSimSessionEnd(session, true, err);
}

/* --- connection ------------------------------------------------------------------------------------------- */

static void
sim_close(void *priv)
{
    Connection *connection = priv;

    if (connection->watcher)
        vmmiSimWatcherClose(connection->watcher);
    vmmiSimStoreUnref(connection->store);
    vmmiSimUriFree(connection->uri);
    g_free(connection);
}

static int
sim_ping(void *priv, vmmiError **err)
{
    vmmiSimSession session;

    if (begin(priv, &session, err) < 0)
        return -1;
    return vmmiSimSessionEnd(&session, false, err);
}

/* --- guests ----------------------------------------------------------------------------------------------- */

static int
sim_guest_lookup(void *priv, const char *selector, vmmiGuestInfo *info, vmmiError **err)
{
    Connection *connection = priv;
    vmmiSimSession session;
    int guest;

    if (begin(connection, &session, err) < 0)
        return -1;
    guest = vmmiSimWorldSelect(session.world, connection->host, selector, err);
    if (guest >= 0)
        vmmiSimGuestInfo(vmmiSimWorldGuest(session.world, (size_t)guest), connection->host, info);
    vmmiSimSessionEnd(&session, false, NULL);
    return guest < 0 ? -1 : 0;
}

static int
sim_guest_get_info(void *priv, const char *uuid, vmmiGuestInfo *info, vmmiError **err)
{
    Connection *connection = priv;
    vmmiSimSession session;
    int guest;

    if (begin(connection, &session, err) < 0)
        return -1;
    guest = vmmiSimWorldFindGuest(session.world, uuid);
    if (guest >= 0) {
        vmmiSimGuestInfo(vmmiSimWorldGuest(session.world, (size_t)guest), connection->host, info);
    } else {
        memset(info, 0, sizeof(*info));
        g_strlcpy(info->uuid, uuid, sizeof(info->uuid));
        info->id = -1;
        info->state = VMMI_GUEST_ABSENT;
    }
    return vmmiSimSessionEnd(&session, false, err);
}

typedef int (*Action)(vmmiSimWorld *world, size_t guest, size_t host, vmmiError **err);

static int
act(Connection *connection, const char *uuid, Action action, vmmiError **err)
{
    vmmiSimSession session;
    int guest = begin_guest(connection, uuid, &session, err);

    if (guest < 0)
        return -1;
    return end_action(&session, action(session.world, (size_t)guest, connection->host, err), err);
}

static int
sim_guest_start(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, vmmiSimActStart, err);
}

static int
sim_guest_stop(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, vmmiSimActStop, err);
}

static int
sim_guest_suspend(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, vmmiSimActSuspend, err);
}

static int
sim_guest_resume(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, vmmiSimActResume, err);
}

static int
sim_guest_monitor(void *priv, const char *uuid, vmmiEventFunc func, void *opaque,
                  vmmiFreeFunc free_opaque, void **ret_watch, vmmiError **err)
{
    Connection *connection = priv;
    vmmiSimSession session;
    uint64_t sequence;
    void *watch;

    if (begin(connection, &session, err) < 0) {
        if (free_opaque)
            free_opaque(opaque);
        return -1;
    }
    sequence = session.world->next_sequence - 1;
    vmmiSimSessionEnd(&session, false, NULL);
    watch =
        vmmiSimWatcherAddGuest(connection->watcher, uuid, sequence, func, opaque, free_opaque, err);
    if (!watch)
        return -1;
    *ret_watch = watch;
    return 0;
}

static void
sim_guest_unmonitor(void *priv, void *watch)
{
    vmmiSimWatcherRemove(((Connection *)priv)->watcher, watch);
}

/* --- migration -------------------------------------------------------------------------------------------- */

static int
sim_migration_check(void *priv, const vmmiMigrateRequest *request, vmmiError **err)
{
    vmmiSimOrder order;

    (void)priv;
    return vmmiSimOrderRead(request, &order, err);
}

/* The destination's URI must name the same world. */
static int
find_destination(const Connection *connection, const vmmiSimWorld *world, const char *uri,
                 vmmiError **err)
{
    g_autoptr(vmmiSimUri) parsed = NULL;
    int host;

    if (!uri || vmmiSimUriProbe(uri, NULL) < 0)
        return vmmiErrorSet(
            err, VMMI_ERR_URI,
            "a simulated guest can only move to a host of its own world, not to '%s'",
            uri ? uri : "(none)");
    parsed = vmmiSimUriParse(uri, err);
    if (!parsed)
        return -1;
    if (!g_str_equal(parsed->world, connection->uri->world))
        return vmmiErrorSet(
            err, VMMI_ERR_URI,
            "the destination '%s' is in the simulated world '%s', the guest in '%s'", uri,
            parsed->world, connection->uri->world);
    host = *parsed->host ? vmmiSimWorldFindHost(world, parsed->host) : 0;
    if (host < 0)
        return vmmiErrorSet(err, VMMI_ERR_CONNECT, "the simulated world '%s' has no host '%s'",
                            parsed->world, parsed->host);
    return host;
}

static int
perform(Connection *connection, const vmmiMigrateRequest *request, uint64_t *job, vmmiError **err)
{
    vmmiSimSession session;
    int guest = begin_guest(connection, request->uuid, &session, err);
    int destination, result = -1;

    if (guest < 0)
        return -1;
    destination = find_destination(connection, session.world, request->destination_uri, err);
    if (destination >= 0)
        result = vmmiSimActPerform(session.world, (size_t)guest, connection->host,
                                   (size_t)destination, request, job, err);
    return end_action(&session, result, err);
}

static int
sim_migration_perform(void *priv, const vmmiMigrateRequest *request, vmmiDoneFunc done,
                      void *opaque, vmmiFreeFunc free_opaque, vmmiError **err)
{
    Connection *connection = priv;
    uint64_t job = 0;

    if (vmmiSimWatcherPrepare(connection->watcher, err) < 0 ||
        perform(connection, request, &job, err) < 0) {
        if (free_opaque)
            free_opaque(opaque);
        return -1;
    }
    return vmmiSimWatcherAddJob(connection->watcher, job, done, opaque, free_opaque, err);
}

static int
sim_migration_sample(void *priv, const char *uuid, vmmiSample *sample, vmmiJobKind *job,
                     vmmiError **err)
{
    Connection *connection = priv;
    vmmiSimSession session;
    int index = begin_guest(connection, uuid, &session, err);
    vmmiSimWorld *shown;
    const vmmiSimGuest *guest;

    if (index < 0)
        return -1;
    guest = vmmiSimWorldGuest(session.world, (size_t)index);
    if (!guest->job.id || guest->job.source != (int64_t)connection->host) {
        vmmiErrorSet(err, VMMI_ERR_STATE, "no migration of guest '%s' leaves host '%s'",
                     guest->name, session.world->hosts[connection->host].name);
        vmmiSimSessionEnd(&session, false, NULL);
        return -1;
    }
    /* Looking must not change what is to come: a copy is brought to the present. */
    shown = vmmiSimWorldCopy(session.world);
    vmmiSimSettle(shown);
    vmmiSimSampleRunning(vmmiSimWorldGuest(shown, (size_t)index), sample);
    vmmiSampleSet(sample, VMMI_SAMPLE_TIMESTAMP_MS, vmmiClockWallMs());
    vmmiSimWorldFree(shown);
    *job = VMMI_JOB_MIGRATION_OUT;
    return vmmiSimSessionEnd(&session, false, err);
}

static int
sim_migration_completed_sample(void *priv, const char *uuid, vmmiSample *sample, vmmiError **err)
{
    Connection *connection = priv;
    vmmiSimSession session;
    int index = begin_guest(connection, uuid, &session, err);
    const vmmiSimGuest *guest;
    bool known;

    if (index < 0)
        return -1;
    guest = vmmiSimWorldGuest(session.world, (size_t)index);
    known = guest->has_last && (guest->last.source == (int64_t)connection->host ||
                                guest->last.destination == (int64_t)connection->host);
    if (known) {
        vmmiSimSampleCompleted(guest, sample);
        vmmiSampleSet(sample, VMMI_SAMPLE_TIMESTAMP_MS, vmmiClockWallMs());
    } else {
        vmmiErrorSet(err, VMMI_ERR_STATE,
                     "no migration of guest '%s' has been completed on host '%s'", guest->name,
                     session.world->hosts[connection->host].name);
    }
    vmmiSimSessionEnd(&session, false, NULL);
    return known ? 0 : -1;
}

static int
sim_migration_tune(void *priv, const char *uuid, vmmiTunable what, uint64_t value, vmmiError **err)
{
    Connection *connection = priv;
    vmmiSimSession session;
    int guest = begin_guest(connection, uuid, &session, err);

    if (guest < 0)
        return -1;
    return end_action(
        &session, vmmiSimActTune(session.world, (size_t)guest, connection->host, what, value, err),
        err);
}

static int
sim_migration_abort(void *priv, const char *uuid, bool postcopy, vmmiError **err)
{
    Connection *connection = priv;
    vmmiSimSession session;
    int guest = begin_guest(connection, uuid, &session, err);

    if (guest < 0)
        return -1;
    return end_action(
        &session, vmmiSimActAbort(session.world, (size_t)guest, connection->host, postcopy, err),
        err);
}

static int
sim_migration_start_postcopy(void *priv, const char *uuid, vmmiError **err)
{
    return act(priv, uuid, vmmiSimActStartPostcopy, err);
}

static const vmmiDriverOps sim_ops = {
    .close = sim_close,
    .ping = sim_ping,
    .guest_lookup = sim_guest_lookup,
    .guest_get_info = sim_guest_get_info,
    .guest_start = sim_guest_start,
    .guest_stop = sim_guest_stop,
    .guest_suspend = sim_guest_suspend,
    .guest_resume = sim_guest_resume,
    .guest_monitor = sim_guest_monitor,
    .guest_unmonitor = sim_guest_unmonitor,
    .migration_check = sim_migration_check,
    .migration_perform = sim_migration_perform,
    .migration_sample = sim_migration_sample,
    .migration_completed_sample = sim_migration_completed_sample,
    .migration_tune = sim_migration_tune,
    .migration_abort = sim_migration_abort,
    .migration_start_postcopy = sim_migration_start_postcopy,
};

/* --- the driver ------------------------------------------------------------------------------------------- */

static int
find_own_host(Connection *connection, vmmiError **err)
{
    vmmiSimSession session;
    int host;

    if (vmmiSimSessionBegin(connection->store, connection->uri, &session, err) < 0)
        return -1;
    host = *connection->uri->host ? vmmiSimWorldFindHost(session.world, connection->uri->host) : 0;
    if (host < 0)
        vmmiErrorSet(err, VMMI_ERR_CONNECT, "the simulated world '%s' has no host '%s'",
                     connection->uri->world, connection->uri->host);
    else if (!session.world->hosts[host].reachable)
        host = vmmiErrorSet(err, VMMI_ERR_CONNECT,
                            "host '%s' of the simulated world '%s' cannot be reached",
                            session.world->hosts[host].name, connection->uri->world);
    if (host < 0) {
        vmmiSimSessionEnd(&session, false, NULL);
        return -1;
    }
    connection->host = (size_t)host;
    g_free(connection->uri->host);
    connection->uri->host = g_strdup(session.world->hosts[host].name);
    /* A world that could not be written would not be there for the next call. */
    return vmmiSimSessionEnd(&session, session.must_write, err);
}

static int
sim_open(const char *uri, const vmmiConnectOptions *options, unsigned int flags,
         vmmiDriverOpened *opened, vmmiError **err)
{
    Connection *connection = g_new0(Connection, 1);

    (void)flags;
    connection->uri = vmmiSimUriParse(uri, err);
    if (connection->uri)
        connection->store = vmmiSimStoreOpen(connection->uri, options->call_timeout_ms, err);
    if (!connection->store || find_own_host(connection, err) < 0) {
        sim_close(connection);
        return -1;
    }
    connection->watcher = vmmiSimWatcherNew(connection->store, connection->host);
    connection->layer = (vmmiDriverLayer){
        .name = "sim", .ops = &sim_ops, .ops_size = sizeof(sim_ops), .priv = connection
    };
    opened->locality = VMMI_LOCALITY_LOCAL;
    g_snprintf(opened->world, sizeof(opened->world), "sim:%s", connection->uri->world);
    opened->layers = &connection->layer;
    opened->n_layers = 1;
    return 0;
}

const vmmiDriver vmmiSimDriver = {
    VMMI_DRIVER_INIT,
    .name = "sim",
    .summary = "a simulated pair of hosts, shared by all processes that name it (sim:///)",
    .probe = vmmiSimUriProbe,
    .open = sim_open,
};
