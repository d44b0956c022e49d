/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-driver.h: how libvmmi reaches a world of guests; what an application implements to bring its own.
 *
 * A driver is a name, a probe and an open. Open hands the core layers of callbacks. The core alone merges them: a later
 * layer that applies overrides what an earlier one set; slots left NULL are inherited. Then it checks that every
 * mandatory call has somebody. So one driver serves a local and a remote host with different callbacks.
 *
 * Threads: the core may call any callback from any thread, several at once for different guests. Callbacks must
 * be bounded in time as the options of the connection say. Each gets the `priv` of the layer that brought it.
 */
#ifndef VMMI_DRIVER_H
#define VMMI_DRIVER_H

#include <libvmmi/vmmi-connect.h>

VMMI_BEGIN_DECLS

#define VMMI_DRIVER_API_VERSION 1

typedef enum {
    VMMI_LOCALITY_LOCAL = 0,
    VMMI_LOCALITY_REMOTE
} vmmiLocality;

/* --- migration: what is asked for ------------------------------------------------------------------------ */

typedef enum {
    VMMI_PARAM_UINT = 0,
    VMMI_PARAM_INT,
    VMMI_PARAM_DOUBLE,
    VMMI_PARAM_BOOL,
    VMMI_PARAM_STRING,
    VMMI_PARAM_STRINGS
} vmmiParamType;

/* One of libvirt's typed parameters by its libvirt name (B11). All pointers are borrowed for the call. */
typedef struct {
    const char *name;
    vmmiParamType type;
    uint64_t uint_value;
    int64_t int_value;
    double double_value;
    bool bool_value;
    const char *string_value;
    const char *const *strings;   /* ends with NULL */
} vmmiParam;

typedef struct {
    size_t size;
    const char *uuid;
    const char *destination_uri;  /* NULL only for attaching */
    const char *migrate_uri;      /* NULL: the hypervisor chooses (B10) */
    vmmiMode mode;
    const char *const *flags;     /* libvirt's names in lower case, ends with NULL; "no-x" forbids x */
    const vmmiParam *params;
    size_t n_params;
    bool keep_source;             /* a persistent guest stays defined on the source */
    const vmmiConnectOptions *destination_options;   /* credentials for managed mode; NULL: defaults */
} vmmiMigrateRequest;

/* --- migration: what is seen ------------------------------------------------------------------------------ */

typedef enum {
    VMMI_EVENT_STATE = 0,      /* .state: a step of the migration, as far as the driver sees it */
    VMMI_EVENT_ITERATION,      /* .iteration: a pre-copy pass begins */
    VMMI_EVENT_JOB_COMPLETED,  /* .sample: the final figures */
    VMMI_EVENT_GUEST,          /* .guest_state, .reason: the guest changed on this host */
    VMMI_EVENT_DISCONNECTED,   /* .error: the host was lost; the driver tries to come back by itself */
    VMMI_EVENT_RECONNECTED     /* the host is back; events were missed: look again */
} vmmiEventType;

typedef struct {
    size_t size;
    vmmiEventType type;
    uint64_t boottime_ms;      /* CLOCK_BOOTTIME when the event came in */
    vmmiState state;
    uint64_t iteration;
    const vmmiSample *sample;  /* borrowed, may be NULL */
    vmmiGuestState guest_state;
    vmmiGuestReason reason;
    const vmmiError *error;    /* borrowed, may be NULL */
} vmmiEvent;

/* Called on a thread of the driver: take what is needed, hand it on, return at once. */
typedef void (*vmmiEventFunc)(const vmmiEvent *event, void *opaque);
/* Called once, on a thread of the driver; @error is borrowed, NULL for success. */
typedef void (*vmmiDoneFunc)(const vmmiError *error, void *opaque);
typedef void (*vmmiFreeFunc)(void *opaque);

/* What can be moved while a migration runs (policies.md, fact 4). */
typedef enum {
    VMMI_TUNE_DOWNTIME_MS = 0,
    VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND,
    VMMI_TUNE_POSTCOPY_BANDWIDTH_MIB_PER_SECOND,
    VMMI_TUNE_XBZRLE_CACHE_BYTES
} vmmiTunable;
#define VMMI_TUNE_LAST (VMMI_TUNE_XBZRLE_CACHE_BYTES + 1)

/* --- plugins: how policy processes are reached on the source's host --------------------------------------- */

typedef struct {
    size_t size;
    const char *plugin_path;          /* passed the checks of B18 */
    const char *const *arguments;     /* argv of the plugin, argv[0] included, ends with NULL (I1) */
    const char *const *environment;   /* NAME=VALUE, ends with NULL: all that the plugin gets */
    const char *job_dir;              /* the migration's directory; holds config.json and the streams' files */
    unsigned int timeout_ms;          /* the longest time until the plugin runs; 0: 10,000 */
    bool must_survive;                /* fail rather than start where stopping the caller's service would end it */
} vmmiLaunchRequest;

/* --- the table -------------------------------------------------------------------------------------------- */

typedef struct {
    /* Connection. */

    /** Mandatory. Cannot fail, calls nothing back, never waits for the host. */
    void (*close)(void *priv);
    /** Optional. Returns: 0 when the host answers, else -1. */
    int (*ping)(void *priv, vmmiError **err);

    /* Plugins. The core's own local layer serves these for a local source. */

    /** Calls @found for each candidate of the search path, first match first; @refusal is NULL for a usable one. */
    int (*plugin_list)(void *priv,
                       void (*found)(const char *name, const char *path, bool shadowed,
                                     const vmmiError *refusal, void *opaque),
                       void *opaque, vmmiError **err);
    /** Starts a plugin; returns when it runs, or with the reason why it does not (stage and errno in the message). */
    int (*plugin_launch)(void *priv, const vmmiLaunchRequest *request, vmmiError **err);
    /** Sends a signal to the plugin of a job directory, and to nobody else. */
    int (*plugin_signal)(void *priv, const char *job_dir, int signal_number, vmmiError **err);

    /* Guests. */

    /** Mandatory. @selector as in vmmiGuestLookup(). Fails with VMMI_ERR_GUEST_UNKNOWN. */
    int (*guest_lookup)(void *priv, const char *selector, vmmiGuestInfo *info, vmmiError **err);
    /** Mandatory. An unknown guest is VMMI_GUEST_ABSENT. */
    int (*guest_get_info)(void *priv, const char *uuid, vmmiGuestInfo *info, vmmiError **err);
    int (*guest_start)(void *priv, const char *uuid, vmmiError **err);
    int (*guest_stop)(void *priv, const char *uuid, vmmiError **err);
    int (*guest_suspend)(void *priv, const char *uuid, vmmiError **err);
    int (*guest_resume)(void *priv, const char *uuid, vmmiError **err);
    /**
     * Follows a guest. @ret_watch is set on success; @free_opaque runs exactly once, when no further event can come, and
     * also when this call fails. Without events (VMMI_EVENTS_NONE) the driver may fail with VMMI_ERR_NOT_SUPPORTED.
     */
    int (*guest_monitor)(void *priv, const char *uuid, vmmiEventFunc func, void *opaque,
                         vmmiFreeFunc free_opaque, void **ret_watch, vmmiError **err);
    /** Ends a watch; an event that is being delivered may still finish on its thread. */
    void (*guest_unmonitor)(void *priv, void *watch);

    /* Migration. */

    /** Optional. Checks names and values of flags and parameters, and pairs that lose guests, and changes nothing (B11). */
    int (*migration_check)(void *priv, const vmmiMigrateRequest *request, vmmiError **err);
    /**
     * Mandatory. Starts a migration and returns; @done runs when the hypervisor's call has returned, with its error,
     * unless this call itself fails. Unbounded in time. @free_opaque runs once in any case.
     */
    int (*migration_perform)(void *priv, const vmmiMigrateRequest *request, vmmiDoneFunc done,
                             void *opaque, vmmiFreeFunc free_opaque, vmmiError **err);
    /** Mandatory. Fills @sample with the figures of the running job, @job with its kind; VMMI_ERR_STATE when no job runs. */
    int (*migration_sample)(void *priv, const char *uuid, vmmiSample *sample, vmmiJobKind *job,
                            vmmiError **err);
    /** Optional. The figures of the last job that ended here; kept, not consumed. VMMI_ERR_STATE when there are none. */
    int (*migration_completed_sample)(void *priv, const char *uuid, vmmiSample *sample,
                                      vmmiError **err);
    /** Optional. */
    int (*migration_tune)(void *priv, const char *uuid, vmmiTunable what, uint64_t value,
                          vmmiError **err);
    /** Mandatory. In post-copy with @postcopy it pauses the copying; without, it is refused there. */
    int (*migration_abort)(void *priv, const char *uuid, bool postcopy, vmmiError **err);
    /** Optional. Switches a running pre-copy to post-copy. */
    int (*migration_start_postcopy)(void *priv, const char *uuid, vmmiError **err);

    /* New members go here, last, with a Since line and a row in tests/abi. */
} vmmiDriverOps;

typedef struct {
    const char *name;                                   /* static storage */
    bool (*applies)(void *priv, vmmiLocality locality); /* NULL: always */
    const vmmiDriverOps *ops;                           /* must live as long as the connection */
    size_t ops_size;                                    /* sizeof(vmmiDriverOps) as the driver was compiled */
    void *priv;                                         /* given to this layer's callbacks */
} vmmiDriverLayer;

/* What .open fills in. */
typedef struct {
    size_t size;                     /* set by the core */
    vmmiLocality locality;
    char world[256];                 /* see vmmiConnectGetWorld(); empty: the driver's name */
    const vmmiDriverLayer *layers;   /* must live until .close of the merged table has run */
    size_t n_layers;
} vmmiDriverOpened;

typedef struct {
    /* Set by VMMI_DRIVER_INIT, never by hand: lets library and driver differ in age. */
    size_t struct_size;
    unsigned int api_version;

    /* Mandatory. Matches [a-z0-9][a-z0-9-]*; static storage; unique among drivers. */
    const char *name;
    /* Mandatory. One line of text for people. */
    const char *summary;

    /**
     * Mandatory. Looks at the URI only. Returns: 0 when it is the driver's own, else -1 with VMMI_ERR_DECLINED ("not
     * mine", the next driver is asked) or another code ("mine, but broken", the search ends).
     */
    int (*probe)(const char *uri, vmmiError **err);

    /** Mandatory. Fills @opened. Returns: 0, or -1 with @opened untouched. @flags must be 0. */
    int (*open)(const char *uri, const vmmiConnectOptions *options, unsigned int flags,
                vmmiDriverOpened *opened, vmmiError **err);

    /* New members go here, last, with a Since line and a row in tests/abi. */
} vmmiDriver;

#define VMMI_DRIVER_INIT .struct_size = sizeof(vmmiDriver), .api_version = VMMI_DRIVER_API_VERSION

/**
 * vmmiDriverRegister:
 * @driver: must stay valid for ever
 * @err: (out) (optional): VMMI_ERR_DRIVER, naming what is missing
 *
 * Adds an application's own driver, asked before those of the library. Any thread.
 *
 * Returns: 0 or -1.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiDriverRegister(const vmmiDriver *driver, vmmiError **err);

/** The @index-th driver, from 0, in the order in which they are asked; NULL behind the last. Since: 0.1 */
VMMI_PUBLIC const vmmiDriver *vmmiDriverGet(size_t index);

VMMI_END_DECLS

#endif
