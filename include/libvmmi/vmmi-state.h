/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-state.h: the words for states, outcomes and places. Nothing here can change: new values go last.
 */
#ifndef VMMI_STATE_H
#define VMMI_STATE_H

#include <libvmmi/vmmi-base.h>

VMMI_BEGIN_DECLS

/* The states of a migration. What libvirt hides is derived; the manual says how. */
typedef enum {
    VMMI_STATE_STARTING = 0,
    VMMI_STATE_BEGIN,
    VMMI_STATE_PREPARE,
    VMMI_STATE_PRECOPY,
    VMMI_STATE_SWITCHOVER,
    VMMI_STATE_POSTCOPY,
    VMMI_STATE_POSTCOPY_BROKEN,
    VMMI_STATE_FINISH,
    VMMI_STATE_CONFIRM,
    VMMI_STATE_UNATTENDED,   /* the plugin ended, the end of the migration is not settled yet */
    VMMI_STATE_COMPLETED,    /* this and the following are final */
    VMMI_STATE_FAILED,
    VMMI_STATE_ABORTED,
    VMMI_STATE_RELEASED,
    VMMI_STATE_UNKNOWN
} vmmiState;
#define VMMI_STATE_LAST (VMMI_STATE_UNKNOWN + 1)

/* How a migration ended (B15). */
typedef enum {
    VMMI_OUTCOME_NONE = 0,   /* it has not ended */
    VMMI_OUTCOME_COMPLETED,
    VMMI_OUTCOME_FAILED,
    VMMI_OUTCOME_ABORTED,
    VMMI_OUTCOME_RELEASED,
    VMMI_OUTCOME_UNKNOWN
} vmmiOutcomeKind;
#define VMMI_OUTCOME_LAST (VMMI_OUTCOME_UNKNOWN + 1)

/* Where the guest runs (B15). */
typedef enum {
    VMMI_WHERE_UNKNOWN = 0,
    VMMI_WHERE_SOURCE,
    VMMI_WHERE_DESTINATION,
    VMMI_WHERE_NOWHERE,
    VMMI_WHERE_BOTH
} vmmiWhere;
#define VMMI_WHERE_LAST (VMMI_WHERE_BOTH + 1)

/* How a plugin ended (B15). */
typedef enum {
    VMMI_EXIT_UNKNOWN = 0,
    VMMI_EXIT_EXITED,        /* value: the exit status */
    VMMI_EXIT_KILLED,        /* value: the signal */
    VMMI_EXIT_NOT_STARTED,
    VMMI_EXIT_LOST_AT_BOOT
} vmmiExitKind;
#define VMMI_EXIT_LAST (VMMI_EXIT_LOST_AT_BOOT + 1)

/* What of a recorded migration lives: its shim, its plugin, or nothing any more. docs/run-directory.md says how that is
 * known. */
typedef enum {
    VMMI_PHASE_PREPARED = 0, /* its manager is about to launch the plugin */
    VMMI_PHASE_ABANDONED,    /* its manager died before the plugin was started: nothing was done */
    VMMI_PHASE_STARTING,     /* the shim lives, the plugin does not run yet */
    VMMI_PHASE_RUNNING,      /* the plugin lives, with or without its shim */
    VMMI_PHASE_ENDING,       /* the plugin ended, its shim is writing that down */
    VMMI_PHASE_FINISHED,     /* the plugin ended, and how is known */
    VMMI_PHASE_GONE,         /* the plugin ended, and nobody knows how: its shim was killed */
    VMMI_PHASE_LOST_AT_BOOT, /* the machine was started anew since */
    VMMI_PHASE_UNCLEAR       /* the records contradict each other: no signal is sent */
} vmmiPhase;
#define VMMI_PHASE_LAST (VMMI_PHASE_UNCLEAR + 1)

/* The kind of a migration (B11, W2). */
typedef enum {
    VMMI_MODE_P2P = 0,       /* the source's libvirtd does it alone; survives its client */
    VMMI_MODE_MANAGED,       /* the client carries it; ends with the client */
    VMMI_MODE_DIRECT         /* the hypervisor does it alone */
} vmmiMode;
#define VMMI_MODE_LAST (VMMI_MODE_DIRECT + 1)

/* The state of a guest on one host. */
typedef enum {
    VMMI_GUEST_UNKNOWN = 0,
    VMMI_GUEST_RUNNING,
    VMMI_GUEST_PAUSED,
    VMMI_GUEST_SHUTOFF,      /* defined, or known, but not running here */
    VMMI_GUEST_CRASHED,
    VMMI_GUEST_ABSENT        /* the host does not know it */
} vmmiGuestState;
#define VMMI_GUEST_LAST (VMMI_GUEST_ABSENT + 1)

/* Why a guest is in that state, as far as migrations care. */
typedef enum {
    VMMI_REASON_OTHER = 0,
    VMMI_REASON_MIGRATION,          /* paused or started by a migration under way */
    VMMI_REASON_MIGRATED,           /* running here after a migration, or gone because of one */
    VMMI_REASON_MIGRATION_CANCELED, /* running here again after a migration that failed */
    VMMI_REASON_POSTCOPY,           /* post-copy is under way */
    VMMI_REASON_POSTCOPY_FAILED,    /* post-copy broke */
    VMMI_REASON_USER,               /* paused by a person or a manager */
    VMMI_REASON_SHUTDOWN,
    VMMI_REASON_DESTROYED,
    VMMI_REASON_CRASHED
} vmmiGuestReason;
#define VMMI_REASON_LAST (VMMI_REASON_CRASHED + 1)

/* What a libvirt job of a guest is, as far as migrations care. */
typedef enum {
    VMMI_JOB_NONE = 0,
    VMMI_JOB_MIGRATION_OUT,
    VMMI_JOB_MIGRATION_IN,
    VMMI_JOB_OTHER
} vmmiJobKind;
#define VMMI_JOB_LAST (VMMI_JOB_OTHER + 1)

/* Each enum has two calls: the name of a value ("postcopy-broken"), static, NULL if the value is unknown; and the value
 * of a name, or -1. Names in JSON are these. Any thread. Since: 0.1 */
VMMI_PUBLIC const char *vmmiStateToString(vmmiState state);
VMMI_PUBLIC int vmmiStateFromString(const char *name);
VMMI_PUBLIC const char *vmmiOutcomeKindToString(vmmiOutcomeKind kind);
VMMI_PUBLIC int vmmiOutcomeKindFromString(const char *name);
VMMI_PUBLIC const char *vmmiWhereToString(vmmiWhere where);
VMMI_PUBLIC int vmmiWhereFromString(const char *name);
VMMI_PUBLIC const char *vmmiExitKindToString(vmmiExitKind kind);
VMMI_PUBLIC int vmmiExitKindFromString(const char *name);
VMMI_PUBLIC const char *vmmiPhaseToString(vmmiPhase phase);
VMMI_PUBLIC int vmmiPhaseFromString(const char *name);
VMMI_PUBLIC const char *vmmiModeToString(vmmiMode mode);
VMMI_PUBLIC int vmmiModeFromString(const char *name);
VMMI_PUBLIC const char *vmmiGuestStateToString(vmmiGuestState state);
VMMI_PUBLIC int vmmiGuestStateFromString(const char *name);
VMMI_PUBLIC const char *vmmiGuestReasonToString(vmmiGuestReason reason);
VMMI_PUBLIC int vmmiGuestReasonFromString(const char *name);
VMMI_PUBLIC const char *vmmiJobKindToString(vmmiJobKind kind);
VMMI_PUBLIC int vmmiJobKindFromString(const char *name);

/** Whether no other state can follow. Since: 0.1 */
VMMI_PUBLIC bool vmmiStateIsFinal(vmmiState state);
/** Whether a migration may go from @from to @to; the table of architecture.md, section 4. Since: 0.1 */
VMMI_PUBLIC bool vmmiStateMayFollow(vmmiState from, vmmiState to);

VMMI_END_DECLS

#endif
