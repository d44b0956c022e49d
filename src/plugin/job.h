/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.h: the run directory and the record of one migration in it. For the migration room and the
 * kit.
 *
 * The layout, its commit order and the meaning of each lock are in docs/run-directory.md. A job is
 * one plugin process and its files; its id is "<uuid>.<n>". Who runs is derived from the locks,
 * never from a file that somebody wrote. One thread at a time uses a run directory or a job;
 * several objects, also in several processes, may stand for the same one.
 */
#ifndef VMMI_PLUGIN_JOB_H
#define VMMI_PLUGIN_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-error.h>
#include <libvmmi/vmmi-state.h>

/* The layout that this library writes; a larger number in a run directory is refused by name. */
#define VMMI_RUN_DIR_VERSION 1
/* Names the job directory to the plugin: an absolute path. */
#define VMMI_JOB_ENV "VMMI_JOB"
/* Room for the completion that a full file system cannot take. */
#define VMMI_JOB_RESERVED_BYTES (64 * 1024)
#define VMMI_JOB_OUTCOME_MAX_BYTES (1024 * 1024)

/*
 * --- the run directory
 * ------------------------------------------------------------------------------------
 */

typedef struct vmmiRunDir vmmiRunDir;

/*
 * Opens a run directory, and makes it when it is missing; @path NULL: the default. Owner, type,
 * mode and layout version are checked. VMMI_ERR_RUN_DIR; the message names VMMI_RUN_DIR.
 */
vmmiRunDir *vmmiRunDirOpen(const char *path, vmmiError **err);
/*
 * Opens an existing one to look at only; it may belong to another user when the caller is root.
 * Nothing is made or changed.
 */
vmmiRunDir *vmmiRunDirOpenReadOnly(const char *path, vmmiError **err);
vmmiRunDir *vmmiRunDirRef(vmmiRunDir *run);
void vmmiRunDirUnref(vmmiRunDir *run);
/* Absolute, borrowed. */
const char *vmmiRunDirGetPath(const vmmiRunDir *run);
int vmmiRunDirGetFd(const vmmiRunDir *run);
/*
 * The ids of all jobs, oldest first by number within a guest, ends with NULL; free with
 * g_strfreev(). NULL on failure.
 */
char **vmmiRunDirListJobs(vmmiRunDir *run, vmmiError **err);
/*
 * Removes what killed managers left half made, and records that are due (job-age.h). Never blocks:
 * does nothing while another works.
 */
void vmmiRunDirClean(vmmiRunDir *run);
/* Whether a text has the form of an id: a UUID in lower case, a dot, a number from 1 on. */
bool vmmiJobIdIsValid(const char *id);

/*
 * --- the record
 * -------------------------------------------------------------------------------------------
 */

/*
 * What job.json says. For vmmiJobCreate() strings are borrowed for the call and the last five
 * members are set by it; those of vmmiJobGetRecord() belong to the job. NULL: not known or not
 * given.
 */
typedef struct {
    const char *plugin;           /* name */
    const char *plugin_path;
    const char *world;            /* vmmiConnectGetWorld() */
    const char *guest_uuid;
    const char *guest_name;
    const char *source_uri;       /* a password in a URI is not written */
    const char *destination_uri;
    const char *migrate_uri;
    const char *replaces;         /* id of the job that this one takes over from */
    /* To be written: a JSON object of the caller's own, kept as it is. For reading:
     * vmmiJobGetOptions(). */
    const char *options;
    bool bare;                    /* the plugin was started without a manager and has no shim */

    const char *id;
    const char *vmmi_version;
    const char *boot_id;
    uint64_t created_ms;          /* wall clock */
    uint64_t created_boottime_ms;
} vmmiJobRecord;

typedef struct vmmiJob vmmiJob;

/*
 * Makes a record and claims the guest, in the commit order: afterwards the job is "prepared", and
 * stays so while the object lives, until vmmiJobCommit(). @config is written to config.json. Fails
 * with VMMI_ERR_GUEST_BUSY, naming the job that holds the guest, VMMI_ERR_RUN_DIR or
 * VMMI_ERR_SYSTEM (no space); then nothing is left.
 */
vmmiJob *vmmiJobCreate(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
                       size_t config_length, vmmiError **err);
/*
 * Opens an existing job. VMMI_ERR_MIGRATION_UNKNOWN; VMMI_ERR_RUN_DIR when its record is damaged or
 * too new.
 */
vmmiJob *vmmiJobOpen(vmmiRunDir *run, const char *id, vmmiError **err);
/* Whether there is a job of that name; it may be damaged. */
bool vmmiJobExists(vmmiRunDir *run, const char *id);
/* The same by its directory, as in VMMI_JOB; the run directory above it is opened as well. */
vmmiJob *vmmiJobOpenPath(const char *job_dir, vmmiError **err);
vmmiJob *vmmiJobRef(vmmiJob *job);
void vmmiJobUnref(vmmiJob *job);

/*
 * The id of the newest job that says that it takes over from this one, to be freed; NULL: none
 * does. Those that were abandoned before their plugin was started do not count. @started: nor do
 * those that are still on their way there.
 */
char *vmmiJobFindReplacement(vmmiRunDir *run, const char *id, bool started);

const char *vmmiJobGetId(const vmmiJob *job);
/* Absolute path, borrowed: what vmmiLaunchRequest.job_dir and VMMI_JOB take. */
const char *vmmiJobGetPath(const vmmiJob *job);
/* The directory's descriptor, borrowed. */
int vmmiJobGetFd(const vmmiJob *job);
vmmiRunDir *vmmiJobGetRunDir(const vmmiJob *job);
const vmmiJobRecord *vmmiJobGetRecord(const vmmiJob *job);
/* job.json, borrowed: owns the strings of the record. */
json_t *vmmiJobGetRoot(const vmmiJob *job);
/* The caller's own object of it, borrowed; NULL: none. */
json_t *vmmiJobGetOptions(const vmmiJob *job);
/* config.json, at most 1 MiB, to be freed. Returns 0 or -1. */
int vmmiJobReadConfig(const vmmiJob *job, char **text, size_t *length, vmmiError **err);

/* The plugin was launched: from now on the locks of shim and plugin alone say whether it lives. */
void vmmiJobCommit(vmmiJob *job);
/*
 * Takes back a job whose launch failed: no claim, no directory. The object stays until it is
 * unreferenced.
 */
void vmmiJobDiscard(vmmiJob *job);
/*
 * For a plugin that runs bare (record.bare): this process becomes the job's plugin: takes the lock,
 * writes helper.json, commits. The process must not open the file `lock` of this job any other way.
 * The job must stay referenced while the process works.
 */
int vmmiJobHold(vmmiJob *job, vmmiError **err);
/*
 * The counterpart, right before a bare plugin ends: writes result.json with the exit status that it
 * is about to end with, gives up the lock and the guest.
 */
int vmmiJobLeave(vmmiJob *job, int exit_status, vmmiError **err);
/* Whether this process is the job's plugin, launched or bare. */
bool vmmiJobIsOwn(const vmmiJob *job);

/*
 * --- claims (B13)
 * -----------------------------------------------------------------------------------------
 */

/*
 * Who holds a guest: 1 and its id in @ret_id (to be freed) when a live job does, 0 when nobody
 * does, -1 on failure. A claim whose job is dead counts as nobody's.
 */
int vmmiClaimFind(vmmiRunDir *run, const char *world, const char *uuid, char **ret_id,
                  vmmiError **err);
/*
 * Gives the guest free, if this job holds it and is not alive any more. A claim that stays behind
 * does no harm.
 */
void vmmiJobReleaseClaim(vmmiJob *job);

/*
 * --- taking over (B13)
 * ------------------------------------------------------------------------------------
 */

/*
 * The id that the claim on a guest names, whether its job lives or not: 1 with it in @ret_id (to be
 * freed), 0 when there is no claim, -1 on failure.
 */
int vmmiClaimRead(vmmiRunDir *run, const char *world, const char *uuid, char **ret_id,
                  vmmiError **err);
/*
 * Like vmmiJobCreate(), but without claiming the guest, which somebody else may hold: for a record
 * that is to take over. vmmiJobClaim() follows, else vmmiJobDiscard().
 */
vmmiJob *vmmiJobCreateUnclaimed(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
                                size_t config_length, vmmiError **err);
/*
 * Whether the migration goes on when the plugin of this job ends: not when its configuration says
 * another mode than "p2p" (B8). Returns 0, or -1 with VMMI_ERR_NOT_SUPPORTED.
 */
int vmmiJobCheckLeavable(const vmmiJob *job, vmmiError **err);
/*
 * Has the plugin end: SIGTERM, then waits for its process and for the record of its end, @limit_ms
 * at most. @kill: one that has not ended by then is killed; one that is stopped, too. Returns 0
 * when nothing of the job lives, or -1: VMMI_ERR_GUEST_BUSY when it is still in charge.
 */
int vmmiJobEnd(vmmiJob *job, bool kill, unsigned int limit_ms, vmmiError **err);
/*
 * Claims the guest for a job that was made without a claim: only if the claim still is what it was:
 * @expected is the id that it named (NULL: there was none), whose job must be dead. One that was
 * removed meanwhile is fine, unless another job has taken over from `replaces` of this one. Of
 * several that try exactly one wins; the others get VMMI_ERR_GUEST_BUSY, naming it. Returns 0 or -1.
 */
int vmmiJobClaim(vmmiJob *job, const char *expected, vmmiError **err);
/*
 * All of it at once: the plugin in charge of the guest of @record, if there is one, is ended within
 * @limit_ms, and the new record, whose `replaces` names it, claims the guest. Like vmmiJobCreate()
 * else. VMMI_ERR_GUEST_BUSY, VMMI_ERR_NOT_SUPPORTED (not peer-to-peer); then nothing is left.
 */
vmmiJob *vmmiJobTakeOver(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
                         size_t config_length, unsigned int limit_ms, vmmiError **err);

/*
 * --- who is alive
 * -----------------------------------------------------------------------------------------
 */

typedef struct {
    vmmiPhase phase;
    bool shim_alive;
    pid_t shim_pid;      /* 0: none, or not visible from here */
    bool plugin_alive;
    pid_t plugin_pid;    /* 0: none, or not visible from here */
    bool plugin_stopped; /* by a signal, or under a debugger */
    bool lock_lost; /* the plugin closed the descriptor of its lock; known by pid and start time */
} vmmiJobLiveness;

/*
 * Looks at the locks. Never blocks, opens no connection. Returns 0, or -1 when the files cannot be
 * read.
 */
int vmmiJobGetLiveness(vmmiJob *job, vmmiJobLiveness *liveness, vmmiError **err);
/* Whether something of the job runs or is about to (so that it holds its guest). */
bool vmmiJobPhaseIsLive(vmmiPhase phase);

/*
 * Sends a signal to the plugin, and to nobody else, ever: lock holder, pidfd, lock holder again.
 * SIGUSR1 only when it is caught, or blocked in every thread (B7), else VMMI_ERR_NOT_READY.
 * VMMI_ERR_STATE when no plugin lives; VMMI_ERR_INVALID_ARGUMENT for SIGSTOP (B6).
 */
int vmmiJobSignal(vmmiJob *job, int signal_number, vmmiError **err);
/*
 * A pidfd of the live plugin, which polls readable when it ends; to be closed by the caller.
 * VMMI_ERR_STATE when none lives.
 */
int vmmiJobOpenPidfd(vmmiJob *job, vmmiError **err);

/*
 * --- what it left
 * -----------------------------------------------------------------------------------------
 */

typedef struct {
    vmmiExitKind kind;
    int value;               /* exit status or signal, -1 when unknown */
    uint64_t ended_ms;       /* wall clock, 0 when unknown */
    uint64_t ended_boottime_ms;
    int stopped_signal;      /* the plugin was seen stopped by this signal, 0 if never */
    char stage[32];          /* of a plugin that could not be executed: "exec", ... else "" */
    int launch_errno;        /* the same, 0 else */
} vmmiJobResult;

/*
 * How the plugin ended, from result.json and the locks. Returns: 1 when it ended (kind
 * VMMI_EXIT_UNKNOWN, NOT_STARTED and LOST_AT_BOOT included), 0 while it lives or may yet start, -1
 * on failure.
 */
int vmmiJobReadResult(vmmiJob *job, vmmiJobResult *result, vmmiError **err);
/* Whether it ended before its plugin was: abandoned, or of the kind not-started. */
bool vmmiJobWasNeverStarted(vmmiJob *job);

typedef enum {
    VMMI_JOB_STDOUT = 1,
    VMMI_JOB_STDERR = 2
} vmmiJobStream;
/*
 * Reads at most @max_bytes from @offset of what the plugin wrote, into a buffer to be freed that
 * ends with a NUL that is not counted. With a negative @offset: the last @max_bytes. @total
 * (optional) gets the file's size. Returns 0 or -1.
 */
int vmmiJobReadStream(const vmmiJob *job, vmmiJobStream stream, int64_t offset, size_t max_bytes,
                      char **text, size_t *length, uint64_t *total, vmmiError **err);

/* What a manager asked of the plugin, kept for whoever judges: the empty files asked-*. */
typedef enum {
    VMMI_JOB_ASKED_ABORT = 0,
    VMMI_JOB_ASKED_RELEASE,
    VMMI_JOB_ASKED_END,       /* it outlived its migration (L1), and was told to end */
    VMMI_JOB_ASKED_KILL       /* it did not end, and was killed for that */
} vmmiJobAsked;
#define VMMI_JOB_ASKED_LAST (VMMI_JOB_ASKED_KILL + 1)
const char *vmmiJobAskedToFile(vmmiJobAsked what);
/*
 * Before the signal is sent. Returns: whether this call made the mark; not when it was there, and
 * not when there is no room for it: a request does not fail for that.
 */
bool vmmiJobMarkAsked(vmmiJob *job, vmmiJobAsked what);
/* For whoever made it, when the signal could not be sent. */
void vmmiJobUnmarkAsked(vmmiJob *job, vmmiJobAsked what);
bool vmmiJobWasAsked(const vmmiJob *job, vmmiJobAsked what);

/*
 * Writes outcome.json, once and for all: whoever comes first settles it. @json is one object.
 * Returns: 1 when this call wrote it, 0 when somebody had settled it before (read that one), -1 on
 * failure.
 */
int vmmiJobSettle(vmmiJob *job, const char *json, size_t length, vmmiError **err);
/*
 * The outcome that was settled, to be freed. Returns: 1 with it, 0 when there is none yet, -1 on
 * failure.
 */
int vmmiJobReadOutcome(const vmmiJob *job, char **json, size_t *length, vmmiError **err);
/*
 * Marks a finished record as seen, and when; VMMI_ERR_STATE while it is alive or unsettled. Once
 * more is fine.
 */
int vmmiJobAcknowledge(vmmiJob *job, vmmiError **err);
bool vmmiJobIsAcknowledged(const vmmiJob *job);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiRunDir, vmmiRunDirUnref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiJob, vmmiJobUnref)

#endif
