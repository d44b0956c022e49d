/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-migration.h: starting, following and judging migrations.
 *
 * A manager owns a run directory, one descriptor to poll, and migrations. When the descriptor is
 * readable, call vmmiManagerDispatch(): callbacks run inside it, on the thread that calls it, and
 * nowhere else. One thread at a time uses a manager and its migrations. A migration goes on when
 * its manager ends (L6). After fork every call is refused with VMMI_ERR_FORKED, and freeing does
 * nothing: all belongs to the parent.
 *
 * Several managers, in one process or in many, may follow one migration: each gets its states and
 * its end, and the outcome is settled once for all of them. What one asked for (abort, release) is
 * in the record, and is known to the others.
 *
 * Nothing here waits for a host or a plugin but vmmiMigrationStart(), vmmiMigrationTakeOver() and
 * vmmiMigrationWait(). Hosts are asked by a thread per connection, with all signals blocked. How a
 * migration can end, and how that is known: docs/outcomes.md.
 */
#ifndef VMMI_MIGRATION_H
#define VMMI_MIGRATION_H

#include <libvmmi/vmmi-connect.h>
#include <libvmmi/vmmi-message.h>

VMMI_BEGIN_DECLS

typedef struct vmmiManager vmmiManager;
typedef struct vmmiMigration vmmiMigration;
typedef struct vmmiOutcome vmmiOutcome;

/* A run directory to look at only, see vmmiManagerNew(). */
#define VMMI_MANAGER_READ_ONLY (1u << 0)

/**
 * vmmiManagerNew:
 * @run_dir: (nullable): NULL: VMMI_RUN_DIR, /run/vmmi for root, $XDG_RUNTIME_DIR/vmmi,
 * /tmp/vmmi-UID
 * @flags: 0 or VMMI_MANAGER_READ_ONLY
 * @err: (out) (optional): VMMI_ERR_RUN_DIR
 *
 * With VMMI_MANAGER_READ_ONLY the directory must exist; it may belong to another user when the
 * caller is root. Nothing is made, changed, signalled, settled or acknowledged: whatever would is
 * refused with VMMI_ERR_RUN_DIR. No recorded URI or password file is used, since they are the word
 * of somebody else: hosts are asked only through a connection that the caller gives.
 *
 * Returns: (transfer full): a manager, or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiManager *vmmiManagerNew(const char *run_dir, unsigned int flags, vmmiError **err);
/** Detaches from all migrations, which go on, and frees. Inside a callback it is deferred. NULL is
 * fine. Since: 0.1 */
VMMI_PUBLIC void vmmiManagerFree(vmmiManager *manager);
/** The descriptor to poll for reading; do not read or close it. Since: 0.1 */
VMMI_PUBLIC int vmmiManagerGetFd(const vmmiManager *manager);
/**
 * vmmiManagerDispatch:
 * @err: (out) (optional): VMMI_ERR_STATE inside a callback, VMMI_ERR_FORKED, VMMI_ERR_SYSTEM
 *
 * Does what there is to do, never blocks, runs callbacks. What a callback causes is delivered by
 * the next dispatch, for which the descriptor stays readable.
 *
 * Returns: the number of callbacks that ran, or -1.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiManagerDispatch(vmmiManager *manager, vmmiError **err);
/** The run directory in use, borrowed. Since: 0.1 */
VMMI_PUBLIC const char *vmmiManagerGetRunDir(const vmmiManager *manager);

/* What becomes of plugins when the service or session of the process that started them is
 * stopped. */
typedef enum {
    VMMI_SURVIVAL_SCOPE = 0,     /* they go on, each in a systemd scope of its own */
    VMMI_SURVIVAL_DETACHED,      /* they go on: no service manager would kill them */
    VMMI_SURVIVAL_SERVICE_KILLS  /* they are killed, or no one can tell */
} vmmiSurvival;
/**
 * vmmiManagerGetSurvival:
 * @ret_reason: (out) (optional): one sentence; for VMMI_SURVIVAL_SERVICE_KILLS it says why, and
 * what mends it. Borrowed until the next call and the next start.
 *
 * Whether plugins that this process starts outlive the stop of its service (L6), told before
 * anything is started. The first call may ask systemd, logind or polkit, each for two seconds at
 * most and only where systemd runs; it changes nothing. The answer is kept, and corrected when a
 * launch has shown otherwise. Plugins of a host that is not this one are not meant.
 *
 * Returns: what would become of them; VMMI_SURVIVAL_SERVICE_KILLS also for NULL and after fork.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiSurvival vmmiManagerGetSurvival(const vmmiManager *manager,
                                                const char **ret_reason);

/* What to start. Strings are borrowed for the call. Bytes that this library does not know must be
 * zero. */
typedef struct {
    size_t size;                      /* set by VMMI_MIGRATION_OPTIONS_INIT */
    const char *plugin;               /* NULL: "adaptive" when it is there, else "touri" */
    const char *guest;                /* selector, see vmmiGuestLookup(); mandatory */
    const char *destination_uri;      /* mandatory; a password in it is refused */
    const char *migrate_uri;          /* NULL, "" and "-": libvirt chooses (B10) */
    /* NULL, or the content of a configuration as JSON text: what the caller gives (B9a). Its
     * `migration.trace` names a file that the plugin writes its trace to (B15a). */
    const char *configuration;
    /* NULL, or "KEY=VALUE" strings ending with NULL, applied last: the key is split at dots, a key
     * without a dot is an option of the policy, the value is JSON if it parses, else a string. */
    const char *const *settings;
    /* NULL, or a connection to the destination: evidence for where the guest is; is referenced. */
    vmmiConnect *destination;
    unsigned int describe_timeout_ms; /* 0: 5,000 */
    unsigned int start_timeout_ms;    /* 0: 10,000: the longest time until the plugin runs */
    /* Fail, before anything is done, where vmmiManagerGetSurvival() says that it would not last. */
    bool require_survival;
} vmmiMigrationOptions;
#define VMMI_MIGRATION_OPTIONS_INIT \
    { sizeof(vmmiMigrationOptions), NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, false }

/*
 * Callbacks run in dispatch, each may be NULL. States come in order; no sample comes after the end;
 * the end comes exactly once and last. What the getters show changes with the callbacks. Inside
 * one, dispatch and wait are refused; freeing the manager or giving up the last reference is fine:
 * then no other callback comes, and what is passed stays valid until it returns.
 */
typedef struct {
    size_t size; /* sizeof(vmmiMigrationCallbacks) */
    void (*state)(vmmiMigration *migration, vmmiState from, vmmiState to, void *opaque);
    void (*sample)(vmmiMigration *migration, const vmmiSample *sample, void *opaque);
    /* The answer to vmmiMigrationRequestStatus(); @status is NULL when none came in time, then
     * @error says why. */
    void (*status)(vmmiMigration *migration, const vmmiMessage *status, const vmmiError *error,
                   void *opaque);
    void (*end)(vmmiMigration *migration, const vmmiOutcome *outcome, void *opaque);
    void *opaque;
    /* Runs exactly once, when no further call can come; also when registering fails. */
    void (*free_opaque)(void *opaque);
} vmmiMigrationCallbacks;

/**
 * vmmiMigrationStart:
 * @manager: who follows it
 * @connect: the source host; a reference is kept while the migration is followed
 * @options: what to start
 * @err: (out) (optional): VMMI_ERR_GUEST_UNKNOWN, VMMI_ERR_GUEST_BUSY, VMMI_ERR_PLUGIN_*,
 * configuration errors
 *
 * Looks the guest up, finds and checks the plugin, merges and checks the configuration (B9a, B11),
 * claims the guest (B13), writes the record and launches the plugin. On failure nothing has been
 * started and no record is left.
 *
 * Returns: (transfer full): the migration, in state "starting", or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiMigration *vmmiMigrationStart(vmmiManager *manager, vmmiConnect *connect,
                                              const vmmiMigrationOptions *options, vmmiError **err);
/**
 * vmmiMigrationOpen:
 * @manager: who follows it
 * @id: of a recorded migration: one that runs, or one that has ended
 * @connect: (nullable): the source host; a reference is kept while the migration is followed. NULL:
 * the recorded source URI is opened, with the recorded user name and password file, on a thread of
 * the library and only when the host must be asked
 * @err: (out) (optional): VMMI_ERR_MIGRATION_UNKNOWN, VMMI_ERR_RUN_DIR when the record is damaged
 * or too new, VMMI_ERR_INVALID_ARGUMENT when @connect leads to another world than the guest's
 *
 * Follows a migration, whoever started it: the callbacks, the information and the outcome are those
 * of the manager that started it. What happened so far comes in the next dispatches: the states in
 * order, of the samples at least the last one before each state, the end if there was one. A
 * migration that nobody settled is settled now. A host that cannot be opened is like one that does
 * not answer (docs/outcomes.md).
 *
 * Without @connect no events of the host are seen. An application that can pass them on should give a
 * connection: they tell where a guest went that vanished from its source.
 *
 * For an id that this manager follows already, the same object is returned with one reference more.
 * A read-only manager without @connect gets the end when somebody else has settled it.
 *
 * Returns: (transfer full): the migration, in state "starting", or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiMigration *vmmiMigrationOpen(vmmiManager *manager, const char *id,
                                             vmmiConnect *connect, vmmiError **err);

/* flags of vmmiTakeOverOptions */
#define VMMI_TAKE_OVER_KILL (1u << 0) /* a plugin that does not end in time is killed */

/* How to take over. Strings are borrowed for the call. Bytes that this library does not know must
 * be zero. */
typedef struct {
    size_t size; /* set by VMMI_TAKE_OVER_OPTIONS_INIT */
    unsigned int flags;
    const char *guest; /* selector, see vmmiGuestLookup(); mandatory */
    /* NULL: the plugin that is in charge, or was until it died, else as for vmmiMigrationStart() */
    const char *plugin;
    const char *configuration;    /* as for vmmiMigrationStart() */
    const char *const *settings;  /* the same */
    vmmiConnect *destination;     /* the same */
    unsigned int describe_timeout_ms; /* 0: 5,000 */
    unsigned int start_timeout_ms;    /* 0: 10,000: the longest time until the plugin runs */
    unsigned int release_timeout_ms;  /* 0: 10,000: the longest time until the old one has ended */
    /* As for vmmiMigrationStart(): the plugin in charge is left alone then. */
    bool require_survival;
} vmmiTakeOverOptions;
#define VMMI_TAKE_OVER_OPTIONS_INIT \
    { sizeof(vmmiTakeOverOptions), 0, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, false }

/**
 * vmmiMigrationTakeOver:
 * @manager: who follows it
 * @connect: the source host; a reference is kept while the migration is followed
 * @options: what to put in charge
 * @err: (out) (optional): VMMI_ERR_GUEST_UNKNOWN; VMMI_ERR_STATE when no migration of the guest
 *   runs (any more), with how it ended; VMMI_ERR_GUEST_BUSY when the plugin in charge does not end,
 *   or somebody else took over; VMMI_ERR_NOT_SUPPORTED when the migration is not peer-to-peer, or a
 *   setting cannot be changed in flight; VMMI_ERR_PLUGIN_*, configuration errors
 *
 * Puts a policy in charge of a migration that runs already (L7, L8, B13): one that another plugin
 * drives, that a dead plugin left, or that somebody else started. First everything is checked; then
 * the plugin in charge is told to end (SIGTERM: the migration goes on) and waited for, the guest is
 * claimed, and the new plugin is launched with `migration.attach` "only". The new record has
 * `replaces`; the outcome of the old one is "released".
 *
 * With the same plugin the effective configuration of the old one is the base: configuration and
 * settings are laid over it. Another one gets its own defaults and of the old configuration
 * `migration`, `connection` and the credentials. libvirt's limits (speed, downtime) stay as the old
 * policy set them until the new one sets its own.
 *
 * When the new plugin cannot be started, the old one is started again, with its own configuration,
 * in a record of its own; the error says what is in charge now: that one, or nobody. The call waits
 * for the plugins: up to release_timeout_ms and start_timeout_ms, twice the latter when the old one
 * is started again.
 *
 * Returns: (transfer full): the migration, in state "starting", or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiMigration *vmmiMigrationTakeOver(vmmiManager *manager, vmmiConnect *connect,
                                                 const vmmiTakeOverOptions *options,
                                                 vmmiError **err);
VMMI_PUBLIC vmmiMigration *vmmiMigrationRef(vmmiMigration *migration);
/** The last reference stops following: no callback comes any more, the migration goes on. NULL is
 * fine. Since: 0.1 */
VMMI_PUBLIC void vmmiMigrationUnref(vmmiMigration *migration);

/** Registers callbacks; several watchers are fine. A migration that has ended gets its end in the
 * next dispatch. Since: 0.1 */
VMMI_PUBLIC int vmmiMigrationWatch(vmmiMigration *migration,
                                   const vmmiMigrationCallbacks *callbacks, vmmiError **err);

/* Information; strings are borrowed from the migration. */
VMMI_PUBLIC const char *vmmiMigrationGetId(const vmmiMigration *migration);
VMMI_PUBLIC const char *vmmiMigrationGetGuestName(const vmmiMigration *migration);
VMMI_PUBLIC const char *vmmiMigrationGetGuestUuid(const vmmiMigration *migration);
VMMI_PUBLIC const char *vmmiMigrationGetPlugin(const vmmiMigration *migration);
VMMI_PUBLIC const char *vmmiMigrationGetDirectory(const vmmiMigration *migration);
VMMI_PUBLIC vmmiState vmmiMigrationGetState(const vmmiMigration *migration);
/** The latest sample, borrowed until the next dispatch; NULL if there is none. Since: 0.1 */
VMMI_PUBLIC const vmmiSample *vmmiMigrationGetSample(const vmmiMigration *migration);
/** Never decreases; 100 only at a completed end. Since: 0.1 */
VMMI_PUBLIC unsigned int vmmiMigrationGetPercent(const vmmiMigration *migration);
/** NULL until it has ended; borrowed. Since: 0.1 */
VMMI_PUBLIC const vmmiOutcome *vmmiMigrationGetOutcome(const vmmiMigration *migration);
/** The effective configuration as JSON text with the origin of each key (B9a), borrowed. Since: 0.1
 */
VMMI_PUBLIC const char *vmmiMigrationGetConfiguration(const vmmiMigration *migration);
/** The id of the migration whose plugin this one's took the place of; NULL if there is none. Since:
 * 0.1 */
VMMI_PUBLIC const char *vmmiMigrationGetReplaces(const vmmiMigration *migration);
/** The id of the migration whose plugin took the place of this one's; NULL as long as there is none.
 * Looks into the run directory. Since: 0.1 */
VMMI_PUBLIC const char *vmmiMigrationGetReplacedBy(const vmmiMigration *migration);
/** When its record was made: wall clock, in milliseconds since the epoch. Since: 0.1 */
VMMI_PUBLIC uint64_t vmmiMigrationGetCreatedMs(const vmmiMigration *migration);

/**
 * vmmiMigrationWait:
 * @timeout_ms: -1 for ever
 *
 * Dispatches until the migration has ended or the time is over. Callbacks of all migrations of the
 * manager run. Not inside a callback (VMMI_ERR_STATE).
 *
 * Returns: 1 when it has ended, 0 when the time is over, -1 on failure.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiMigrationWait(vmmiMigration *migration, int timeout_ms, vmmiError **err);
/**
 * vmmiMigrationAbort:
 * @err: (out) (optional): VMMI_ERR_STATE when it has ended, VMMI_ERR_NOT_SUPPORTED when nobody
 * attends to it and it is in post-copy
 *
 * Asks the plugin to abort (SIGINT, G3, B6); when it is gone, the connection aborts (W1). Only
 * asks: the end tells what came of it. A plugin that does not end is helped along, see
 * docs/outcomes.md.
 *
 * Returns: 0 or -1.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiMigrationAbort(vmmiMigration *migration, vmmiError **err);
/** Asks the plugin to end and let the migration go on (SIGTERM, G2, B8). Only asks. Returns: 0 or
 * -1. Since: 0.1 */
VMMI_PUBLIC int vmmiMigrationRelease(vmmiMigration *migration, vmmiError **err);
/**
 * vmmiMigrationRequestStatus:
 * @timeout_ms: how long to wait for the answer; 0: 5,000
 * @err: (out) (optional): VMMI_ERR_NOT_READY when it is too early (B7), VMMI_ERR_STATE when the
 * plugin has ended or an answer is waited for already
 *
 * Asks for a status (G1). Exactly one call of the status callback follows: with the answer, or with
 * the reason why none came.
 *
 * Returns: 0 or -1.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiMigrationRequestStatus(vmmiMigration *migration, unsigned int timeout_ms,
                                           vmmiError **err);

/**
 * vmmiMigrationAcknowledge:
 * @err: (out) (optional): VMMI_ERR_STATE before the end, VMMI_ERR_RUN_DIR for a read-only manager,
 * VMMI_ERR_SYSTEM
 *
 * Marks the record of a migration that has ended as seen: from then on it may be removed some day
 * (docs/run-directory.md). For an application that has kept what it needs of the outcome; the
 * library never does so by itself. Once more is fine.
 *
 * Returns: 0 or -1.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiMigrationAcknowledge(vmmiMigration *migration, vmmiError **err);

/* The outcome: three facts, never merged (B15), and an error. It does not change. Strings are
 * borrowed. Success in the sense of B9 is VMMI_OUTCOME_COMPLETED without an error. */
VMMI_PUBLIC vmmiOutcomeKind vmmiOutcomeGetKind(const vmmiOutcome *outcome);
VMMI_PUBLIC vmmiWhere vmmiOutcomeGetWhere(const vmmiOutcome *outcome);
/** How `where` is known: "source domain is shut off: migrated". Since: 0.1 */
VMMI_PUBLIC const char *vmmiOutcomeGetEvidence(const vmmiOutcome *outcome);
VMMI_PUBLIC vmmiExitKind vmmiOutcomeGetExitKind(const vmmiOutcome *outcome);
/** Exit status or signal; -1 when unknown. Since: 0.1 */
VMMI_PUBLIC int vmmiOutcomeGetExitValue(const vmmiOutcome *outcome);
/** What went wrong; NULL when nothing did. Since: 0.1 */
VMMI_PUBLIC const vmmiError *vmmiOutcomeGetError(const vmmiOutcome *outcome);
/** The final figures; NULL when unknown. Since: 0.1 */
VMMI_PUBLIC const vmmiSample *vmmiOutcomeGetStatistics(const vmmiOutcome *outcome);
/** The completion message; NULL when the plugin sent none. Since: 0.1 */
VMMI_PUBLIC const vmmiMessage *vmmiOutcomeGetCompletion(const vmmiOutcome *outcome);
/** What the plugin wrote beside its completion, at most 64 KiB, "" if nothing. Since: 0.1 */
VMMI_PUBLIC const char *vmmiOutcomeGetDiagnostics(const vmmiOutcome *outcome);
/** What the policy did, as a JSON array; "[]" if nothing is known. Since: 0.1 */
VMMI_PUBLIC const char *vmmiOutcomeGetActions(const vmmiOutcome *outcome);

/**
 * vmmiMigrationToJson:
 *
 * Everything about a migration as one JSON object: `id`, `guest`, `uuid`, `plugin`, `state`,
 * `percent`, `sample`, the keys of an outcome (`outcome`, `where`, `error`, ..., see
 * docs/outcomes.md; null until the end), and the record (`source`, `destination`, `migrateUri`,
 * `pluginPath`, `directory`, `createdMs`, `replaces`, `replacedBy`).
 *
 * Returns: (transfer full): the text, to be freed with vmmiFree(), or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC char *vmmiMigrationToJson(const vmmiMigration *migration, vmmiError **err);

VMMI_END_DECLS

#endif
