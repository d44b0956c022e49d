/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-world.h: what a simulated world consists of. Plain data: no clock, no file, no thread.
 *
 * Times are microseconds of the world's own time, counted from its creation. A world is a value: stepping it
 * (sim-step.h) and acting on it (sim-action.h) depend on nothing but the world, the time given and the arguments.
 */
#ifndef VMMI_SIM_WORLD_H
#define VMMI_SIM_WORLD_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-connect.h>
#include <libvmmi/vmmi-driver.h>

#include "drivers/sim/sim-memory.h"

#define VMMI_SIM_MAX_HOSTS 8
#define VMMI_SIM_MAX_GUESTS 64
#define VMMI_SIM_MAX_EVENTS 256          /* of a scenario, and due in a world */
#define VMMI_SIM_MAX_FAULTS 8            /* of one guest */
#define VMMI_SIM_LOG_LENGTH 256          /* what watchers may be behind */
#define VMMI_SIM_MAX_RESULTS 64          /* ends of migrations that are remembered */
#define VMMI_SIM_NAME_SIZE 64
#define VMMI_SIM_TEXT_SIZE 256
#define VMMI_SIM_NEVER INT64_MAX
#define VMMI_SIM_MIB (1024.0 * 1024.0)
#define VMMI_SIM_PAGE 4096.0

/* The steps of a migration. Perform is SETUP to POSTCOPY_BROKEN. */
typedef enum {
    VMMI_SIM_STEP_NONE = 0,
    VMMI_SIM_STEP_BEGIN,
    VMMI_SIM_STEP_PREPARE,
    VMMI_SIM_STEP_SETUP,
    VMMI_SIM_STEP_PRECOPY,
    VMMI_SIM_STEP_SWITCHOVER,
    VMMI_SIM_STEP_POSTCOPY,
    VMMI_SIM_STEP_POSTCOPY_BROKEN,
    VMMI_SIM_STEP_FINISH,
    VMMI_SIM_STEP_CONFIRM
} vmmiSimPhase;
#define VMMI_SIM_STEP_LAST (VMMI_SIM_STEP_CONFIRM + 1)
const char *vmmiSimPhaseToString(vmmiSimPhase step);
int vmmiSimPhaseFromString(const char *name);

typedef struct {
    char name[VMMI_SIM_NAME_SIZE];
    bool reachable;
    int64_t next_id;     /* of the next guest that runs here */
} vmmiSimHost;

/* A guest as one host knows it. */
typedef struct {
    int64_t state;       /* vmmiGuestState */
    int64_t reason;      /* vmmiGuestReason */
    int64_t id;          /* -1: not running */
    bool persistent;
} vmmiSimPlace;

/* What can be set on a guest; a failed migration puts back what was there before it. */
typedef struct {
    uint64_t downtime_limit_ms;
    uint64_t bandwidth_mib;            /* MiB/s, 0: no limit */
    uint64_t postcopy_bandwidth_mib;
    uint64_t xbzrle_cache_bytes;
} vmmiSimTuning;

typedef enum {
    VMMI_SIM_FAULT_FAIL = 0,
    VMMI_SIM_FAULT_HANG
} vmmiSimFaultKind;
#define VMMI_SIM_FAULT_LAST (VMMI_SIM_FAULT_HANG + 1)

/* What goes wrong with the migrations of a guest. */
typedef struct {
    int64_t step;        /* vmmiSimPhase; SETUP stands for "perform" */
    int64_t kind;        /* vmmiSimFaultKind */
    uint64_t times;      /* how often still; 0: always */
    bool spent;
} vmmiSimFault;

/* One migration. Times are the world's. */
typedef struct {
    uint64_t id;                       /* 0: none */
    int64_t step;                      /* vmmiSimPhase */
    int64_t source, destination;       /* hosts */
    int64_t started;
    int64_t at;                        /* the time up to which the figures hold */
    int64_t step_end;                  /* VMMI_SIM_NEVER: not known by the clock */
    bool hanging;                      /* the step never ends by itself */
    int64_t silent_since;              /* the link carries nothing since; -1: it does */

    /* asked for */
    bool auto_converge, compressed, postcopy, dest_paused, persist_dest, undefine_source, live;
    uint64_t throttle_initial, throttle_increment;
    bool postcopy_asked;
    bool was_paused;                   /* the guest was paused when it began */
    int64_t reason_before;             /* vmmiGuestReason before it began */
    vmmiSimTuning saved;

    /* figures */
    vmmiSimMemory memory;
    double sent_bytes;                 /* on the wire */
    double normal_pages, constant_pages;
    double xbzrle_pages, xbzrle_bytes, xbzrle_misses;
    double requests;                   /* pages that the destination asked for in post-copy */
    uint64_t syncs;                    /* of the dirty log; the number of the pass */
    int64_t setup_us;
    int64_t throttle;                  /* percent */
    int64_t high_count;

    /* the window of 100 ms in which the hypervisor measures */
    int64_t window_start;
    double window_sent;                /* sent_bytes at its start */
    double bandwidth;                  /* bytes per microsecond, 0: not measured yet */
    double threshold;                  /* bytes that may be pending at the switchover */
    double expected_us;                /* expected downtime, < 0: no estimate yet */
    double remaining_at_sync;

    /* the period of more than a second in which dirty pages are counted */
    int64_t period_start;
    double period_dirty, period_sent;
    double dirty_bytes_per_second;

    int64_t stopped_at;                /* the guest stands still since; -1: it does not */
    int64_t stop_after;                /* end of the time that the device state takes, once memory is through */
    int64_t downtime_net_us, downtime_us;
    double slowdown_us;                /* time that auto-converge took from the guest */
    uint64_t random;
} vmmiSimJob;

/* How a migration ended. */
typedef struct {
    uint64_t id;
    int64_t at;
    int64_t code;                      /* vmmiErrorCode */
    char message[VMMI_SIM_TEXT_SIZE];
} vmmiSimResult;

typedef struct {
    char name[VMMI_SIM_NAME_SIZE];
    char uuid[VMMI_UUID_STRING_SIZE];
    vmmiSimLoad load;
    vmmiSimTuning tuning;
    vmmiSimPlace places[VMMI_SIM_MAX_HOSTS];
    vmmiSimFault faults[VMMI_SIM_MAX_FAULTS];
    size_t n_faults;
    json_t *refuse;                    /* flags that the source refuses, an array of strings */
    vmmiSimJob job;
    bool has_last;                     /* the final figures of the last migration that succeeded */
    vmmiSimJob last;
} vmmiSimGuest;

typedef enum {
    VMMI_SIM_EVENT_LINK = 0,           /* .value: MiB/s */
    VMMI_SIM_EVENT_UNREACHABLE,        /* .host */
    VMMI_SIM_EVENT_REACHABLE,          /* .host */
    VMMI_SIM_EVENT_DESTROY,            /* .guest */
    VMMI_SIM_EVENT_SHUTDOWN,           /* .guest */
    VMMI_SIM_EVENT_DIRTY_RATE,         /* .guest, .value: MiB/s */
    VMMI_SIM_EVENT_BREAK_POSTCOPY,     /* .guest */
    VMMI_SIM_EVENT_RESTART_HOST        /* .host: its daemon is killed and comes back */
} vmmiSimEventKind;
#define VMMI_SIM_EVENT_LAST (VMMI_SIM_EVENT_RESTART_HOST + 1)
const char *vmmiSimEventKindToString(vmmiSimEventKind kind);
int vmmiSimEventKindFromString(const char *name);

/* Something that happens by itself, at a time of the world or so long after a guest's migration began. */
typedef struct {
    int64_t at;
    int64_t kind;                      /* vmmiSimEventKind */
    int64_t guest;                     /* -1: none */
    int64_t host;
    double value;
} vmmiSimEvent;

/* One line of what watchers are told. */
typedef struct {
    uint64_t sequence;
    int64_t at;
    int64_t type;                      /* vmmiEventType */
    int64_t guest;                     /* -1: all of a host */
    int64_t host;
    uint64_t job;
    int64_t state;                     /* vmmiState, or vmmiGuestState */
    int64_t reason;
    uint64_t iteration;
} vmmiSimLogEntry;

typedef struct {
    char name[VMMI_SIM_NAME_SIZE];
    uint64_t version;                  /* grows with each change that others should see */
    int64_t now;
    double speed;                      /* world seconds per real second */
    uint64_t seed;
    double jitter;                     /* spread of the measured bandwidth, as a share */
    double link;                       /* bytes per second between any two hosts, shared */
    int64_t begin_us, prepare_us, setup_us, device_us, finish_us, confirm_us;
    int64_t keepalive_us;              /* how long a silent link is borne */
    vmmiSimHost hosts[VMMI_SIM_MAX_HOSTS];
    size_t n_hosts;
    GArray *guests;                    /* of vmmiSimGuest */
    GArray *timeline;                  /* of vmmiSimEvent, by time */
    GArray *triggers;                  /* of vmmiSimEvent: .at counts from the beginning of each migration of .guest */
    GArray *log;                       /* of vmmiSimLogEntry, oldest first */
    GArray *results;                   /* of vmmiSimResult, oldest first */
    uint64_t next_job, next_sequence;
    json_t *definition;                /* the scenario that it was made from */
    json_t *options;                   /* what the URI said when it was made: an object of strings */
} vmmiSimWorld;

vmmiSimWorld *vmmiSimWorldNew(void);
vmmiSimWorld *vmmiSimWorldCopy(const vmmiSimWorld *world);
void vmmiSimWorldFree(vmmiSimWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiSimWorld, vmmiSimWorldFree)

/* The guest with an index, borrowed. */
vmmiSimGuest *vmmiSimWorldGuest(const vmmiSimWorld *world, size_t index);
/* The index of a host or of a guest, or -1. */
int vmmiSimWorldFindHost(const vmmiSimWorld *world, const char *name);
int vmmiSimWorldFindGuest(const vmmiSimWorld *world, const char *uuid);
/* What a guest is, seen from a host. */
void vmmiSimGuestInfo(const vmmiSimGuest *guest, size_t host, vmmiGuestInfo *info);
/* A guest by selector (vmmiGuestLookup()) among those that a host knows; its index, or -1 with VMMI_ERR_GUEST_UNKNOWN. */
int vmmiSimWorldSelect(const vmmiSimWorld *world, size_t host, const char *selector, vmmiError **err);
/* The UUID that a guest gets when nobody chose one. */
void vmmiSimWorldMakeUuid(const char *world, const char *guest, char uuid[VMMI_UUID_STRING_SIZE]);

/* Changes how a host knows a guest, and tells watchers. */
void vmmiSimWorldPlace(vmmiSimWorld *world, vmmiSimGuest *guest, size_t host, vmmiGuestState state,
                       vmmiGuestReason reason);
/* Tells watchers. @guest -1: all of the host. */
void vmmiSimWorldLog(vmmiSimWorld *world, vmmiEventType type, int guest, size_t host, int state,
                     int reason, uint64_t iteration);
/* The end of a migration, or NULL when it is not known (any more). */
const vmmiSimResult *vmmiSimWorldFindResult(const vmmiSimWorld *world, uint64_t job);

#endif
