/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.h: one migration under one policy inside a given connection: what vmmiPolicyMain() runs, and
 * what a manager may run in its own process for a driver that no other process can open.
 *
 * One thread owns a run. begin.c starts it, follow.c lives with it, settle.c ends it; run.c is the
 * loop's ground.
 */
#ifndef VMMI_KIT_RUN_H
#define VMMI_KIT_RUN_H

#include "kit/engine.h"
#include "kit/feed.h"
#include "kit/signals.h"
#include "kit/start.h"
#include "kit/streams.h"
#include "kit/trace.h"
#include "kit/tracker.h"
#include "kit/verdict.h"
#include "kit/worker.h"
#include "migration/request.h"

/* All in milliseconds. */
typedef struct {
    unsigned int input;      /* for a whole configuration on standard input */
    unsigned int lost;       /* for libvirt to come back */
    unsigned int settle;     /* for the source to show how it ended */
    unsigned int returning;  /* for the call to return once the end was seen */
    unsigned int statistics; /* for the final figures of a success */
    unsigned int release;    /* for the job to show before it is let go */
    unsigned int replace;    /* for another plugin to end */
    unsigned int sample_min, sample_max;
    unsigned int retry; /* between two looks, or two tries to abort */
} vmmiKitLimits;
extern const vmmiKitLimits vmmiKitDefaultLimits;

typedef struct {
    /* Given by the caller, borrowed. */
    const vmmiKitLimits *limits;
    vmmiConnect *connect;
    vmmiEngine *engine;
    vmmiTrace trace;         /* .journal NULL: none; cleared with the run */
    vmmiStreams *streams;    /* NULL: no status */
    const json_t *migration; /* the user's, NULL: all defaults */
    const char *uuid, *destination_uri, *migrate_uri;
    int signal_fd;     /* -1: none */
    vmmiAttach attach; /* by vmmiRunReadWish() */
    bool shadow;       /* by vmmiRunReadWish(): nothing is claimed, nothing changed */
    uint64_t shadow_wait_ms; /* the same: how long a migration may take to begin */
    bool silent;       /* no status either */
    bool ready;        /* the configuration is complete (I6) */
    bool status_due;   /* a status was asked for before that */

    /* The run's own. */
    vmmiFeed *feed;
    vmmiKitWorker *worker; /* set-up, the policy's actions */
    vmmiKitWorker *urgent; /* looks and aborts; NULL until needed */
    void *watch;
    vmmiGuestInfo info; /* as it was before the start; all zero until it was looked at */
    vmmiPolicyStart *start;
    json_t *asked; /* the object `migration` as the host was asked for it last */
    GPtrArray
        *requests; /* of vmmiRequest, the last one counts; drivers may still look at older ones */
    vmmiTracker tracker;
    vmmiSample *sample;       /* the latest */
    uint64_t percent;         /* the highest that was reached */
    vmmiSample *final_sample; /* of the job's end */
    vmmiMessage *status;      /* kept, since percent never decreases */
    unsigned int attempt;
    bool attached;
    bool asked_again; /* the policy was told of a refusal */
    bool performing;  /* our call is under way */
    bool returned;
    vmmiError *returned_error;
    vmmiSignal signalled; /* the strongest request so far: release, abort */
    bool managed_release; /* SIGTERM had to become an abort */
    bool call_lost;       /* our call returned, but its job goes on */
    bool sampling;        /* the sampler hangs in a call */
    bool abort_done;
    char *abort_reason; /* of the policy's abort */
    vmmiError *abort_refused;
    uint64_t release_ms; /* when release was asked for; 0: it was not */
    uint64_t lost_ms;    /* since when libvirt is lost; 0: it is not */
    uint64_t hint_ms;    /* when the end was first seen; 0: it was not */
    uint64_t ending_ms;  /* since when the end is being settled; 0: it is not */
    uint64_t next_look_ms, next_abort_ms;
    uint64_t shadow_due_ms; /* when the action that nobody carries out is done; 0: there is none */
    vmmiTask *action_call, *abort_call, *look_call;
    bool over;
    vmmiKitVerdict verdict; /* filled when it is over */
} vmmiRun;

vmmiRun *vmmiRunNew(const vmmiKitLimits *limits, int signal_fd, vmmiStreams *streams,
                    vmmiError **err);
/* Never waits. */
void vmmiRunFree(vmmiRun *run);
/* Whether a call hangs, so that the process must not wait for its threads. */
bool vmmiRunIsStuck(vmmiRun *run);

/* --- run.c ------------------------------------------------------------------------ */

/*
 * Has a call made and waits for it, while signals are served. @may_stop: a release or an abort ends
 * the wait at once, with VMMI_ERR_MIGRATION_ABORTED: only while nothing is changed by the call.
 * Takes @data, which owns what the call brings. Returns: (transfer full): the task, done and
 * successful, or NULL.
 */
vmmiTask *vmmiRunCall(vmmiRun *run, vmmiTaskFunc func, void *data, GDestroyNotify free_data,
                      bool may_stop, vmmiError **err);
/* Waits until there is something to do, or @deadline_ms (boot time, UINT64_MAX: none), and reads
 * the signals. */
void vmmiRunPoll(vmmiRun *run, uint64_t deadline_ms);
/* Fails when a signal wants the run to end, which has not started anything yet. Returns 0 or -1. */
int vmmiRunCheckSignals(const vmmiRun *run, vmmiError **err);
/* The state changed: journal and policy are told. */
void vmmiRunAnnounce(vmmiRun *run);
void vmmiRunSetState(vmmiRun *run, vmmiState state);
vmmiKitWorker *vmmiRunGetUrgent(vmmiRun *run);
const vmmiMigrateRequest *vmmiRunGetRequest(const vmmiRun *run);

/* --- begin.c ---------------------------------------------------------------------- */

/*
 * Reads what the user's object `migration` wants. It must make a request by itself, before a host
 * is even asked: mistakes in it are found first. Returns 0 or -1.
 */
int vmmiRunReadWish(vmmiRun *run, vmmiError **err);
/* Looks at the guest and follows it from now on; nothing is changed. Returns 0 or -1. */
int vmmiRunInspect(vmmiRun *run, vmmiError **err);
/* Attaches to the job that runs, or starts one (B12). Returns 0 when there is something to follow,
 * or -1. */
int vmmiRunBegin(vmmiRun *run, vmmiError **err);
/* The start was refused after all: asks the policy once more and starts again. Returns 0 or -1. */
int vmmiRunBeginAgain(vmmiRun *run, const vmmiError *refusal, vmmiError **err);

/* --- follow.c --------------------------------------------------------------------- */

/* Lives with the migration until .over; .verdict is filled then. */
void vmmiRunFollow(vmmiRun *run);

/* --- settle.c --------------------------------------------------------------------- */

/* Looks for the end, and judges it. To be called in each round. */
void vmmiRunSettle(vmmiRun *run, uint64_t now_ms);
/* When vmmiRunSettle() is due; UINT64_MAX: not before something happens. */
uint64_t vmmiRunSettleDeadline(const vmmiRun *run);
/* Lets go of the migration (G2, B8). */
void vmmiRunRelease(vmmiRun *run);

/* --- status.c --------------------------------------------------------------------- */

/* Answers one SIGUSR1 (S2, B4). */
void vmmiRunSendStatus(vmmiRun *run);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiRun, vmmiRunFree)

#endif
