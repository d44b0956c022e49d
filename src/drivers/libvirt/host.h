/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host.h: one libvirt host: its connections, its workers, and what is known of its guests.
 *
 * Two lanes: what observes must not hold up what acts; and a third, quiet one for a plugin's
 * samples. A blocking migration has a connection of its own besides. "On a worker" marks functions that may wait for the host: they must not run on
 * a caller's thread.
 */
#ifndef VMMI_DRIVERS_LIBVIRT_HOST_H
#define VMMI_DRIVERS_LIBVIRT_HOST_H

#include "internal.h"

typedef enum {
    VMMI_VIRT_OBSERVE = 0,   /* look-ups, statistics, events */
    VMMI_VIRT_CONTROL,       /* what changes something */
    VMMI_VIRT_FIGURES,       /* statistics beside libvirt's loop, if there is such a connection;
                                else those of VMMI_VIRT_OBSERVE: quiet.c */
} vmmiVirtLaneKind;
#define VMMI_VIRT_LANES 3

typedef struct {
    virConnectPtr conn;       /* NULL: not open */
    virDomainPtr domain;      /* of VMMI_VIRT_FIGURES: the guest that was asked for last, or NULL */
    bool was_open;            /* so that opening it anew is a reconnection */
    unsigned int opener;      /* number of the one who is opening it, 0: nobody */
    unsigned int openers;     /* how many there were */
    gint64 open_until;        /* monotonic: then the opener counts as stuck */
    unsigned int timeouts;    /* in a row */
} vmmiVirtLane;

/* What is remembered of a guest, by UUID. */
typedef struct {
    uint64_t downtime_limit_ms;
    gint64 downtime_limit_at;    /* monotonic; 0: unknown */
    bool suspended;              /* by this connection, not by the hypervisor */
    vmmiSample *completed;       /* the last final figures that came as an event */
    bool performing;             /* a migration was asked for here and has not returned */
    bool begun;                  /* and libvirt has been called */
    bool cancel;                 /* and it shall not begin */
    bool aborted;                /* and libvirt was asked to abort it, and agreed */
} vmmiVirtGuest;

typedef struct {
    int refs;                    /* atomic */
    vmmiVirtUri uri;
    vmmiVirtTarget *target;
    vmmiWorkers *workers;
    vmmiDriverLayer layers[2];   /* what the core gets */
    GRecMutex change;            /* held while a connection is swapped and that is told */
    GMutex lock;                 /* for all below */
    GCond changed;
    bool closed;
    bool reconnecting;
    vmmiVirtLane lanes[VMMI_VIRT_LANES];
    GPtrArray *watches;          /* of vmmiVirtWatch */
    GHashTable *guests;          /* UUID to vmmiVirtGuest */
    GHashTable *channels;        /* UUID to what listens for all watches of a guest; monitor.c */
} vmmiVirtHost;

/* Opens a connection within the time limit of its options. Returns the host, or NULL. */
vmmiVirtHost *vmmiVirtHostOpen(const char *uri, const vmmiVirtUri *parsed,
                               const vmmiConnectOptions *options, vmmiError **err);
vmmiVirtHost *vmmiVirtHostRef(vmmiVirtHost *host);
void vmmiVirtHostUnref(vmmiVirtHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiVirtHost, vmmiVirtHostUnref)
/* Closes all without waiting, and gives the reference back. */
void vmmiVirtHostClose(vmmiVirtHost *host);
bool vmmiVirtHostHasEvents(const vmmiVirtHost *host);

/*
 * On a worker: a lane's connection, opened if need be; to be closed. Returns NULL when the host
 * cannot be reached.
 */
virConnectPtr vmmiVirtHostBorrow(vmmiVirtHost *host, vmmiVirtLaneKind lane, vmmiError **err);
/* Takes a dead connection out of its lane. Any thread, never waits. */
void vmmiVirtHostDrop(vmmiVirtHost *host, vmmiVirtLaneKind lane, virConnectPtr conn);
/* Counts calls without an answer; several in a row give the lane a new connection. */
void vmmiVirtHostNoteCall(vmmiVirtHost *host, vmmiVirtLaneKind lane, bool timed_out);
/* Under the lock of the host: what is remembered of a guest. */
vmmiVirtGuest *vmmiVirtHostGuest(vmmiVirtHost *host, const char *uuid);
/* On a worker: libvirt's last error, VMMI_ERR_DISCONNECTED if @conn is dead. Returns -1. */
int vmmiVirtHostTakeError(vmmiVirtHost *host, virConnectPtr conn, int fallback, vmmiError **err);

/* Under the lock of the host: empties a lane. The connection is the caller's, or NULL. */
virConnectPtr vmmiVirtLaneTake(vmmiVirtLane *lane);

/* --- quiet.c: a connection beside libvirt's event loop --- */

/*
 * Opens it, where it is of use and can be had: before the loop of this process runs. Within the
 * time limit of opening. Returns 0, also where there is none, or -1.
 */
int vmmiVirtQuietOpen(vmmiVirtHost *host, vmmiError **err);
/* On a worker: the guest of a call, looked up once. To be freed; NULL with @err. */
virDomainPtr vmmiVirtQuietLookup(vmmiVirtHost *host, virConnectPtr conn, const char *uuid,
                                 vmmiError **err);

/* --- call.c: one call to libvirt, with a deadline --- */

typedef struct vmmiVirtCall vmmiVirtCall;
typedef int (*vmmiVirtCallFunc)(vmmiVirtCall *call, vmmiError **err);

/* An object on the heap: it may outlive its caller. */
struct vmmiVirtCall {
    vmmiVirtHost *host;
    vmmiVirtLaneKind lane;
    vmmiVirtCallFunc run;
    unsigned int timeout_ms;     /* UINT_MAX: none, and the caller's thread makes the call */
    char *uuid;                  /* NULL: no guest is needed */
    virConnectPtr conn;          /* open while .run runs */
    virDomainPtr domain;         /* NULL without uuid */

    char *selector;              /* what goes in */
    vmmiTunable tunable;
    uint64_t value;
    bool postcopy;
    void *data;
    GDestroyNotify free_data;

    vmmiGuestInfo info;          /* what comes out */
    vmmiSample *sample;
    vmmiJobKind job;
};

vmmiVirtCall *vmmiVirtCallNew(vmmiVirtHost *host, vmmiVirtLaneKind lane, const char *uuid,
                              vmmiVirtCallFunc run);
void vmmiVirtCallFree(vmmiVirtCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiVirtCall, vmmiVirtCallFree)
/*
 * Runs within its time limit, the host's if nothing else was set. When that is over, *call is
 * NULL. @what names the call.
 * Returns 0 or -1.
 */
int vmmiVirtCallRun(vmmiVirtCall **call, const char *what, vmmiError **err);

/* --- monitor.c --- */

typedef struct vmmiVirtWatch vmmiVirtWatch;

/* On a worker: makes all watches listen on a new connection. */
void vmmiVirtMonitorAttach(vmmiVirtHost *host, virConnectPtr conn);
/* On a worker: the last things to do with a connection before it is closed. */
void vmmiVirtMonitorDetach(virConnectPtr conn);
/* Tells all watches. */
void vmmiVirtMonitorTell(vmmiVirtHost *host, vmmiEventType type, const vmmiError *error);
/* The host is being closed: no watch hears anything any more. */
void vmmiVirtMonitorEnd(vmmiVirtHost *host);
void vmmiVirtChannelFree(void *channel);
/* A migration begins: what was seen of an earlier one does not count. */
void vmmiVirtMonitorForget(vmmiVirtHost *host, const char *uuid);

/* --- the slots of the table --- */

int vmmiVirtPing(void *priv, vmmiError **err);
int vmmiVirtGuestLookup(void *priv, const char *selector, vmmiGuestInfo *info, vmmiError **err);
int vmmiVirtGuestGetInfo(void *priv, const char *uuid, vmmiGuestInfo *info, vmmiError **err);
int vmmiVirtGuestStart(void *priv, const char *uuid, vmmiError **err);
int vmmiVirtGuestStop(void *priv, const char *uuid, vmmiError **err);
int vmmiVirtGuestSuspend(void *priv, const char *uuid, vmmiError **err);
int vmmiVirtGuestResume(void *priv, const char *uuid, vmmiError **err);
int vmmiVirtGuestMonitor(void *priv, const char *uuid, vmmiEventFunc func, void *opaque,
                         vmmiFreeFunc free_opaque, void **ret_watch, vmmiError **err);
void vmmiVirtGuestUnmonitor(void *priv, void *watch);
int vmmiVirtMigrationCheck(void *priv, const vmmiMigrateRequest *request, vmmiError **err);
int vmmiVirtMigrationPerform(void *priv, const vmmiMigrateRequest *request, vmmiDoneFunc done,
                             void *opaque, vmmiFreeFunc free_opaque, vmmiError **err);
int vmmiVirtMigrationSample(void *priv, const char *uuid, vmmiSample *sample, vmmiJobKind *job,
                            vmmiError **err);
int vmmiVirtMigrationCompletedSample(void *priv, const char *uuid, vmmiSample *sample,
                                     vmmiError **err);
int vmmiVirtMigrationTune(void *priv, const char *uuid, vmmiTunable what, uint64_t value,
                          vmmiError **err);
int vmmiVirtMigrationAbort(void *priv, const char *uuid, bool postcopy, vmmiError **err);
int vmmiVirtMigrationStartPostcopy(void *priv, const char *uuid, vmmiError **err);

/* On a worker: state, reason and job of a guest. Returns 0 or -1. */
int vmmiVirtGuestRead(vmmiVirtHost *host, virConnectPtr conn, virDomainPtr domain,
                      vmmiGuestInfo *info, vmmiError **err);

#endif
