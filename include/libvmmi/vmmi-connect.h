/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-connect.h: a connection to one host of guests, reached by a URI through a driver.
 *
 * Calls are safe from several threads. Every call is bounded in time (options.call_timeout_ms): a host that hangs never
 * hangs the caller; it gets VMMI_ERR_TIMEOUT. A connection is refused after fork.
 */
#ifndef VMMI_CONNECT_H
#define VMMI_CONNECT_H

#include <libvmmi/vmmi-sample.h>

VMMI_BEGIN_DECLS

typedef struct vmmiConnect vmmiConnect;

/*
 * Whether the application runs libvirt's event loop (architecture.md, section 9). libvirt prints errors on standard error unless
 * told otherwise: an application that uses libvirt itself (VMMI_EVENTS_APPLICATION) says so with virSetErrorFunc(); for
 * the others the first connection does. Errors of an open connection are never printed.
 */
typedef enum {
    VMMI_EVENTS_NONE = 0,     /* no: figures are asked for */
    VMMI_EVENTS_APPLICATION,  /* the application registered an event implementation and runs it */
    VMMI_EVENTS_OWN           /* a program that has no other use for libvirt's loop: the driver registers libvirt's default
                                 implementation and runs it in a thread. For mains of programs, never for libraries. */
} vmmiEventsMode;

/* Options of vmmiConnectOpen(). Bytes that this library does not know must be zero. */
typedef struct {
    size_t size;                       /* set by VMMI_CONNECT_OPTIONS_INIT */
    const char *username;              /* NULL: none */
    const char *password_file;         /* a path; refused when others can read the file */
    vmmiEventsMode events;
    unsigned int call_timeout_ms;      /* 0: 30,000 */
    unsigned int open_timeout_ms;      /* 0: 30,000 */
    unsigned int keepalive_interval_s; /* 0: 5 */
    unsigned int keepalive_count;      /* 0: 5 */
    /* For vmmiGuestGetSample(); 0: call_timeout_ms. UINT_MAX: none, and the calling thread asks
     * the host itself: for a thread that may hang as long as the host does. Fewer wake-ups. */
    unsigned int sample_timeout_ms;
} vmmiConnectOptions;
#define VMMI_CONNECT_OPTIONS_INIT { sizeof(vmmiConnectOptions), NULL, NULL, VMMI_EVENTS_NONE, 0, 0, 0, 0, 0 }

/* What a host knows of a guest. */
typedef struct {
    char uuid[VMMI_UUID_STRING_SIZE];
    char name[1024];                   /* cut if longer */
    int id;                            /* -1: not running */
    vmmiGuestState state;
    vmmiGuestReason reason;
    vmmiJobKind job;
    bool persistent;
} vmmiGuestInfo;

/**
 * vmmiConnectOpen:
 * @uri: (nullable): the URI; NULL: VMMI_DEFAULT_URI, LIBVIRT_DEFAULT_URI, qemu:///system
 * @options: (nullable): NULL for defaults
 * @flags: must be 0
 * @err: (out) (optional): VMMI_ERR_DRIVER when no driver takes the URI, VMMI_ERR_CONNECT, VMMI_ERR_AUTH, VMMI_ERR_URI,
 *   VMMI_ERR_TIMEOUT
 *
 * Asks each driver whether the URI is its own, the applications' drivers first. May block up to the time limit.
 *
 * Returns: (transfer full): the connection, to be given back with vmmiConnectUnref(), or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiConnect *vmmiConnectOpen(const char *uri, const vmmiConnectOptions *options,
                                         unsigned int flags, vmmiError **err);
VMMI_PUBLIC vmmiConnect *vmmiConnectRef(vmmiConnect *connect);
/** NULL is fine. The last reference closes; that never waits for a host. Since: 0.1 */
VMMI_PUBLIC void vmmiConnectUnref(vmmiConnect *connect);

/** The URI as it was opened, borrowed. Since: 0.1 */
VMMI_PUBLIC const char *vmmiConnectGetUri(const vmmiConnect *connect);
/** The driver's name ("libvirt", "sim"), borrowed. Since: 0.1 */
VMMI_PUBLIC const char *vmmiConnectGetDriver(const vmmiConnect *connect);
/** The world in which a guest's UUID is unique: "libvirt", or the name of a simulated world; borrowed. Since: 0.1 */
VMMI_PUBLIC const char *vmmiConnectGetWorld(const vmmiConnect *connect);
/** Whether the host is this machine. Since: 0.1 */
VMMI_PUBLIC bool vmmiConnectIsLocal(const vmmiConnect *connect);

/**
 * vmmiConnectGetCall:
 * @index: from 0
 * @name: (out) (optional): the call's name ("migration_perform"), static
 * @layer: (out) (optional): the layer that serves it, borrowed; NULL when nothing does
 * @mandatory: (out) (optional): whether a driver must have it
 *
 * Walks over the connection's table, to show which layer serves which call.
 *
 * Returns: whether there is a call with that index.
 * Since: 0.1
 */
VMMI_PUBLIC bool vmmiConnectGetCall(const vmmiConnect *connect, size_t index, const char **name,
                                    const char **layer, bool *mandatory);

/**
 * vmmiGuestLookup:
 * @selector: a UUID, else an exact name, else an id; "uuid:", "name:" and "id:" force one
 * @info: (out): what is known
 * @err: (out) (optional): VMMI_ERR_GUEST_UNKNOWN
 *
 * Returns: 0 or -1.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiGuestLookup(vmmiConnect *connect, const char *selector, vmmiGuestInfo *info,
                                vmmiError **err);
/** The state of a guest by UUID; a guest that the host does not know is no error but VMMI_GUEST_ABSENT. Since: 0.1 */
VMMI_PUBLIC int vmmiGuestGetInfo(vmmiConnect *connect, const char *uuid, vmmiGuestInfo *info,
                                 vmmiError **err);
VMMI_PUBLIC int vmmiGuestStart(vmmiConnect *connect, const char *uuid, vmmiError **err);
VMMI_PUBLIC int vmmiGuestStop(vmmiConnect *connect, const char *uuid, vmmiError **err);
VMMI_PUBLIC int vmmiGuestSuspend(vmmiConnect *connect, const char *uuid, vmmiError **err);
VMMI_PUBLIC int vmmiGuestResume(vmmiConnect *connect, const char *uuid, vmmiError **err);
/** The figures of the migration that runs, to be freed; VMMI_ERR_STATE when none does. Since: 0.1 */
VMMI_PUBLIC vmmiSample *vmmiGuestGetSample(vmmiConnect *connect, const char *uuid,
                                           vmmiError **err);
/** Aborts the migration that runs, as the hypervisor would (W1). Since: 0.1 */
VMMI_PUBLIC int vmmiGuestAbortMigration(vmmiConnect *connect, const char *uuid, vmmiError **err);

VMMI_END_DECLS

#endif
