/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * private.h: the objects behind vmmiManager and vmmiMigration, and what the files of this room call
 * of each other.
 *
 *     start.c     makes a migration        take-over.c one that runs already
 *     begin.c     what both share          charge.c   who is in charge
 *     kept.c      what the record keeps    follow.c   its files: journal, streams, the plugin's end
 *     manager.c   descriptor and dispatch  ask.c      its hosts: figures, places, events
 *     watch.c     callbacks, in order      settle.c   from the plugin's end to the outcome
 *     status.c    a status on request      control.c  abort, release, and plugins that do not end
 *     open.c      follows a recorded one
 *     survival.c  whether all this outlives the manager's service
 */
#ifndef VMMI_MIGRATION_PRIVATE_H
#define VMMI_MIGRATION_PRIVATE_H

#include <sys/types.h>

#include <glib.h>
#include <jansson.h>

#include "migration/judge.h"
#include "migration/kept.h"
#include "migration/mailbox.h"
#include "migration/outcome.h"
#include "migration/worker.h"
#include "plugin/job.h"
#include "plugin/journal.h"

/* Figures are asked for twice a second (architecture.md, section 9). */
#define VMMI_POLL_MS 500
/* Limits of a manager, in milliseconds; tests shorten them. docs/outcomes.md tells what each is
 * for. */
typedef struct {
    unsigned int silence; /* a journal that is silent for so long is not relied upon: hosts are
                             asked instead */
    unsigned int settle;  /* how long hosts that do not answer are asked again before it is judged
                             without them */
    unsigned int
        attend; /* how long after a completion the source may lag before it is called unattended */
    unsigned int escalate;      /* from an abort until the connection is used ... */
    unsigned int escalate_kill; /* ... and from then until the plugin is killed */
    unsigned int
        overdue; /* how long a plugin may outlive its migration (L1) before it is told to end ... */
    unsigned int overdue_kill; /* ... and from then until it is killed */
    unsigned int stalled; /* how long a guest may be paused for a migration that runs no more */
    unsigned int quiet;   /* how long after the end of a plugin that said nothing what it had asked
                             the source for may still begin */
} vmmiLimits;
#define VMMI_LIMITS_INIT                                                                           \
    {                                                                                              \
        5000, 10000, 2000, 10000, 50000, 30000, 10000, 30000, 1000                                     \
    }
/* How many threads that are stuck in a host are let go before no more are started for it. */
#define VMMI_MAX_ORPHANS 4
/* What a plugin may leave on standard output before it is thrown away (S3). */
#define VMMI_STDOUT_MAX_BYTES (1024 * 1024)

typedef enum {
    VMMI_TIMER_LOOK = 0,
    VMMI_TIMER_POLL,
    VMMI_TIMER_SILENCE,
    VMMI_TIMER_SETTLE,
    VMMI_TIMER_ATTEND,
    VMMI_TIMER_STALLED,
    VMMI_TIMER_STATUS,
    VMMI_TIMER_ESCALATE,
    VMMI_TIMER_OVERDUE
} vmmiTimer;
#define VMMI_TIMER_LAST (VMMI_TIMER_OVERDUE + 1)

/* What is known of the survival of plugins, see survival.c. */
typedef struct {
    vmmiSurvival verdict;
    char *reason; /* NULL: not asked yet */
    char *last;   /* what the last launch had shown, as vmmiSurvivalJudge() takes it */
} vmmiManagerSurvival;

struct vmmiManager {
    vmmiLimits limits;
    int refs; /* the application's and those of calls under way */
    pid_t pid;
    vmmiRunDir *run;
    bool read_only;
    int epoll_fd, inotify_fd, timer_fd;
    vmmiMailbox *mailbox;
    GHashTable *migrations; /* token -> vmmiMigration, borrowed */
    GHashTable *watches;    /* inotify descriptor -> vmmiMigration, borrowed */
    GHashTable *pidfds;     /* pidfd -> vmmiMigration, borrowed */
    GPtrArray *askers;      /* vmmiAsker: a connection and its worker */
    GQueue notices;         /* vmmiNotice */
    GPtrArray *retired;     /* samples that were shown since the last dispatch */
    uint64_t next_token;
    uint64_t armed_ms; /* what the timer is set to; 0: off */
    int callbacks;     /* of this dispatch */
    bool dispatching;
    bool delivering; /* callbacks run */
    bool freed;      /* the application gave it up */
    vmmiManagerSurvival *survival;
};

/* A connection that is asked by a worker, for all migrations that use it. */
typedef struct {
    vmmiConnect *connect;  /* NULL: the worker opens .source */
    vmmiKeptSource source;
    vmmiWorker *worker;
    unsigned int users;
    unsigned int orphans;
} vmmiAsker;

typedef struct {
    vmmiMigrationCallbacks callbacks;
    bool ended;
} vmmiWatcher;

typedef enum {
    VMMI_NOTICE_STATE = 0,
    VMMI_NOTICE_SAMPLE,
    VMMI_NOTICE_STATUS,
    VMMI_NOTICE_END
} vmmiNoticeKind;

struct vmmiMigration {
    int refs;  /* the application's */
    int holds; /* of notices and calls under way: memory, not following */
    pid_t pid;
    vmmiManager *manager; /* NULL: it was freed, or nobody follows any more */
    uint64_t token;
    vmmiConnect *connect; /* NULL: the recorded source is opened when it must be asked */
    vmmiConnect *destination;
    vmmiAsker *source_asker, *destination_asker;
    vmmiJob *job;
    char *configuration; /* with origins, for people; NULL: the record has none */
    char *replaced_by;   /* NULL: not known yet */
    bool inactive;       /* the guest was shut off when it began */

    /* What the application sees: as of the notice that was delivered last. */
    vmmiState shown_state;
    vmmiSample *shown_sample;
    GPtrArray *watchers; /* vmmiWatcher */
    unsigned int delivering;

    /* What is known. */
    vmmiState state;
    unsigned int percent; /* as shown */
    unsigned int reached; /* the highest so far */
    vmmiOutcome *outcome;

    uint64_t timers[VMMI_TIMER_LAST]; /* boot time in ms; 0: off */

    /* The job's files (follow.c). */
    int watch;
    int plugin_pidfd, shim_pidfd;
    vmmiJournalReader *journal;
    bool journal_seen;
    bool journal_silent;
    bool late; /* opened, and not through yet with what happened before */
    vmmiSample *late_sample; /* the latest of it */
    json_t *journal_end;
    json_t *actions;
    unsigned int again_ms; /* until the records are looked at again */
    bool plugin_ended;
    vmmiJobResult result;
    vmmiMessage *completion;
    char *diagnostics;

    /* Its hosts (ask.c). */
    unsigned int generation; /* of the question under way; answers to others are late */
    bool asking;
    const vmmiWorker *asked; /* who was asked last; only compared */
    bool asked_destination;
    bool seen_moving;
    unsigned int looks; /* since the plugin ended */
    void *monitor;
    vmmiLook source, event, at_destination;
    unsigned int event_waits;
    bool stalled; /* for too long */
    uint64_t quiet_until; /* boot time in ms, see vmmiLimits */
    char *next;   /* a migration of the guest that came after this one */
    char *source_failure;
    vmmiSample *completed;

    /* A status that was asked for (status.c). */
    bool status_pending;
    uint64_t status_offset;

    /* What was asked of the plugin is in the record, for all managers (control.c). */
    bool abort_asked; /* by this one; counts when the record has no room for it */
    bool release_asked;
    bool abort_sent;         /* through the connection */
    bool escalated, overdue; /* the first step was taken */
    bool killed;
};

/* manager.c */
int vmmiManagerCheck(const vmmiManager *manager, vmmiError **err);
/* Refuses with VMMI_ERR_RUN_DIR when the manager only looks. */
int vmmiManagerCheckWritable(const vmmiManager *manager, vmmiError **err);
/* The migration with this id that is followed, borrowed; NULL when none is. */
vmmiMigration *vmmiManagerFind(const vmmiManager *manager, const char *id);
void vmmiManagerHold(vmmiManager *manager);
void vmmiManagerRelease(vmmiManager *manager);
/* Makes the descriptor readable: there is something to do that no other descriptor tells of. */
void vmmiManagerKick(vmmiManager *manager);
int vmmiManagerAddPidfd(vmmiManager *manager, int pidfd, vmmiMigration *migration, vmmiError **err);
void vmmiManagerDropPidfd(vmmiManager *manager, int *pidfd);
void vmmiManagerAdd(vmmiManager *manager, vmmiMigration *migration);
void vmmiManagerRemove(vmmiManager *manager, vmmiMigration *migration);

/* survival.c */
vmmiManagerSurvival *vmmiManagerSurvivalNew(void);
void vmmiManagerSurvivalFree(vmmiManagerSurvival *survival);
/* 0, or -1 when what is started now would end with this process's service. */
int vmmiManagerRequireSurvival(const vmmiManager *manager, vmmiError **err);
/* After each launch: whether it got a scope of its own. */
void vmmiManagerNoteLaunch(vmmiManager *manager, vmmiConnect *connect);

/* timer.c */
/* Sets a timer @delay_ms from now; 0: at once. */
void vmmiTimerSet(vmmiMigration *migration, vmmiTimer timer, uint64_t delay_ms);
void vmmiTimerStop(vmmiMigration *migration, vmmiTimer timer);
bool vmmiTimerIsSet(const vmmiMigration *migration, vmmiTimer timer);
/* Sets the descriptor to the earliest timer of all; runs those that are due. */
void vmmiTimersArm(vmmiManager *manager);
void vmmiTimersRun(vmmiManager *manager);

/* asker.c */
vmmiAsker *vmmiAskerGet(vmmiManager *manager, vmmiConnect *connect);
/* The same for a host that is opened when it is asked for the first time. */
vmmiAsker *vmmiAskerGetSource(vmmiManager *manager, const vmmiKeptSource *source);
void vmmiAskerDrop(vmmiManager *manager, vmmiAsker *asker);
/* The worker to ask, a new one when the old one is stuck; NULL when too many are. */
vmmiWorker *vmmiAskerGetWorker(vmmiManager *manager, vmmiAsker *asker);

/* migration.c */
vmmiMigration *vmmiMigrationNew(vmmiManager *manager, vmmiConnect *connect, vmmiJob *job);
int vmmiMigrationCheck(const vmmiMigration *migration, vmmiError **err);
void vmmiMigrationHold(vmmiMigration *migration);
void vmmiMigrationDrop(vmmiMigration *migration);
/* Nobody follows any more; callbacks are given up. The migration itself goes on. */
void vmmiMigrationDetach(vmmiMigration *migration);

/* watch.c */
/* Queue notices; they are delivered at the end of the dispatch. Illegal changes of state are left
 * out. */
void vmmiNoticeState(vmmiMigration *migration, vmmiState to);
/* A sample that is not shown: only how far it had come. */
void vmmiNoticePassed(vmmiMigration *migration, const vmmiSample *sample);
/* Takes @sample. */
void vmmiNoticeSample(vmmiMigration *migration, vmmiSample *sample);
/* Takes both. */
void vmmiNoticeStatus(vmmiMigration *migration, vmmiMessage *status, vmmiError *error);
void vmmiNoticeEnd(vmmiMigration *migration);
/* How much of all data is done, by the figures of a sample; 100 is for the end. NULL: 0. */
unsigned int vmmiSampleToPercent(const vmmiSample *sample);
void vmmiNoticesDeliver(vmmiManager *manager);
void vmmiNoticesDrop(vmmiManager *manager);
void vmmiWatchersFree(vmmiMigration *migration);

/* follow.c */
int vmmiFollowStart(vmmiMigration *migration, vmmiError **err);
/* Once the plugin was launched. */
void vmmiFollowProcesses(vmmiMigration *migration);
void vmmiFollowStop(vmmiMigration *migration);
/* Looks at the files; @name is the one that changed, NULL: any. */
void vmmiFollowLook(vmmiMigration *migration, const char *name);
/* Reads what is left of the journal before the end is told. */
void vmmiFollowRest(vmmiMigration *migration);

/* ask.c */
void vmmiAskStart(vmmiMigration *migration);
void vmmiAskStop(vmmiMigration *migration);
/* Asks the source now, unless a question is under way. */
void vmmiAskSource(vmmiMigration *migration);
/* The same of the destination, once; returns whether an answer will come. */
bool vmmiAskDestination(vmmiMigration *migration);
/* What was seen so far is old; answers that are under way are late. */
void vmmiAskForget(vmmiMigration *migration);
/* Asks the source soon. */
void vmmiAskAgain(vmmiMigration *migration);
void vmmiAskAnswered(vmmiMigration *migration, vmmiAnswer *answer);
void vmmiAskTimer(vmmiMigration *migration, vmmiTimer timer);

/* overtaken.c */
/* The next migration of the guest that was started from the same source, its id to be freed; NULL:
 * none was. This one had ended by then, with the guest there. */
char *vmmiMigrationFindNext(const vmmiMigration *migration);

/* settle.c */
void vmmiSettleStart(vmmiMigration *migration);
void vmmiSettleAnswered(vmmiMigration *migration);
void vmmiSettleTimer(vmmiMigration *migration, vmmiTimer timer);
/*
 * The outcome that was settled. Returns: 1 with it, 0 when there is none yet, -1 when it is damaged
 * or too new (VMMI_ERR_RUN_DIR).
 */
int vmmiSettleRead(const vmmiJob *job, vmmiOutcome **outcome, vmmiError **err);
/* Writes an outcome that found no room before. Returns 0 or -1. */
int vmmiSettleKeep(vmmiMigration *migration, vmmiError **err);
/* Somebody else settled it. Returns: whether it is. */
bool vmmiSettleAdopt(vmmiMigration *migration);

/* status.c */
void vmmiStatusLook(vmmiMigration *migration);
void vmmiStatusGiveUp(vmmiMigration *migration, int code, const char *why);

/* control.c */
/* Whether something was asked of the plugin, by whichever manager. */
bool vmmiControlWasAsked(const vmmiMigration *migration, vmmiJobAsked what);
/* Somebody may have asked for an abort: whoever follows sees to it. */
void vmmiControlLook(vmmiMigration *migration);
void vmmiControlTimer(vmmiMigration *migration, vmmiTimer timer);
/* The guest has left the source: the plugin should end soon. */
void vmmiControlOverdue(vmmiMigration *migration);
void vmmiControlEnded(vmmiMigration *migration);
/* Sends a signal to the plugin, through the connection if there is one. */
int vmmiControlSignal(vmmiMigration *migration, int number, vmmiError **err);
/* Aborts through the connection, once. */
void vmmiControlAbort(vmmiMigration *migration);

#endif
