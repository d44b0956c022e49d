/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.c: a thread that asks one connection.
 */
#include "migration/worker.h"

#include <pthread.h>
#include <signal.h>

#include "driver/connect.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

typedef struct {
    vmmiAnswerKind kind;
    void *watch; /* not NULL: no question, end this watch */
    char uuid[VMMI_UUID_STRING_SIZE];
    uint64_t token;
    unsigned int generation;
} Question;

struct vmmiWorker {
    int refs; /* atomic: the manager's and the thread's */
    vmmiConnect *connect;  /* of a worker that opens its source: the thread's own */
    vmmiKeptSource source; /* .uri NULL: the connection was given */
    vmmiMailbox *mailbox;
    GMutex lock;
    GCond changed;
    GQueue questions;
    bool started;
    bool stopped;
    uint64_t busy_since;
};

static void
unref(vmmiWorker *worker)
{
    if (!g_atomic_int_dec_and_test(&worker->refs))
        return;
    g_queue_clear_full(&worker->questions, g_free);
    vmmiConnectUnref(worker->connect);
    vmmiKeptSourceClear(&worker->source);
    vmmiMailboxUnref(worker->mailbox);
    g_mutex_clear(&worker->lock);
    g_cond_clear(&worker->changed);
    g_free(worker);
}

vmmiWorker *
vmmiWorkerNew(vmmiConnect *connect, const vmmiKeptSource *source, vmmiMailbox *mailbox)
{
    vmmiWorker *worker = g_new0(vmmiWorker, 1);

    worker->refs = 1;
    if (connect) {
        worker->connect = vmmiConnectRef(connect);
    } else {
        worker->source.uri = g_strdup(source->uri);
        worker->source.username = g_strdup(source->username);
        worker->source.password_file = g_strdup(source->password_file);
    }
    worker->mailbox = vmmiMailboxRef(mailbox);
    g_mutex_init(&worker->lock);
    g_cond_init(&worker->changed);
    g_queue_init(&worker->questions);
    return worker;
}

void
vmmiWorkerStop(vmmiWorker *worker)
{
    if (!worker)
        return;
    g_mutex_lock(&worker->lock);
    worker->stopped = true;
    g_cond_signal(&worker->changed);
    g_mutex_unlock(&worker->lock);
    unref(worker);
}

/* --- on the thread ---------------------------------------------------------------- */

void
vmmiLookSet(vmmiLook *look, const vmmiGuestInfo *info)
{
    look->kind = VMMI_LOOK_SEEN;
    look->state = info->state;
    look->reason = info->reason;
    look->job = info->job;
}

static void
ask_figures(vmmiConnect *connect, const char *uuid, vmmiAnswer *answer)
{
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    vmmiJobKind job = VMMI_JOB_NONE;

    if (vmmiCallMigrationSample(connect, uuid, sample, &job, NULL) == 0 &&
        job == VMMI_JOB_MIGRATION_OUT) {
        answer->look.job = job;
        answer->sample = g_steal_pointer(&sample);
        return;
    }
    if (answer->look.job != VMMI_JOB_MIGRATION_OUT &&
        vmmiCallMigrationCompletedSample(connect, uuid, sample, NULL) == 0)
        answer->completed = g_steal_pointer(&sample);
}

static void
ask_guest(vmmiConnect *connect, const Question *question, vmmiAnswer *answer)
{
    vmmiGuestInfo info = { 0 };

    if (vmmiGuestGetInfo(connect, question->uuid, &info, &answer->error) < 0) {
        answer->look.kind = VMMI_LOOK_FAILED;
        return;
    }
    vmmiLookSet(&answer->look, &info);
    if (question->kind == VMMI_ANSWER_SOURCE && info.state != VMMI_GUEST_ABSENT)
        ask_figures(connect, question->uuid, answer);
}

/* Returns: 0 with worker->connect, or -1. */
static int
reach(vmmiWorker *worker, vmmiError **err)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;

    if (worker->connect)
        return 0;
    options.username = worker->source.username;
    options.password_file = worker->source.password_file;
    worker->connect = vmmiConnectOpen(worker->source.uri, &options, 0, err);
    return worker->connect ? 0 : -1;
}

/* One that was opened here and is lost is opened again for the next question. */
static void
drop_lost(vmmiWorker *worker, const vmmiError *error)
{
    if (worker->source.uri && vmmiErrorGetCode(error) == VMMI_ERR_DISCONNECTED)
        g_clear_pointer(&worker->connect, vmmiConnectUnref);
}

static vmmiAnswer *
ask(vmmiWorker *worker, const Question *question)
{
    vmmiAnswer *answer = g_new0(vmmiAnswer, 1);

    answer->kind = question->kind;
    answer->token = question->token;
    answer->generation = question->generation;
    if (reach(worker, &answer->error) < 0)
        answer->look.kind = VMMI_LOOK_FAILED;
    else if (question->kind == VMMI_ANSWER_ABORT)
        vmmiGuestAbortMigration(worker->connect, question->uuid, &answer->error);
    else
        ask_guest(worker->connect, question, answer);
    drop_lost(worker, answer->error);
    return answer;
}

/* The next thing to do, or NULL when there will be none. Of a stopped worker only watches are left
 * to be ended. */
static Question *
wait_for_question(vmmiWorker *worker)
{
    Question *question;

    g_mutex_lock(&worker->lock);
    worker->busy_since = 0;
    while (!(question = g_queue_pop_head(&worker->questions)) ||
           (worker->stopped && !question->watch)) {
        if (question)
            g_free(question);
        else if (worker->stopped)
            break;
        else
            g_cond_wait(&worker->changed, &worker->lock);
    }
    if (question)
        worker->busy_since = vmmiClockBoottimeMs();
    g_mutex_unlock(&worker->lock);
    return question;
}

static void *
run(void *opaque)
{
    vmmiWorker *worker = opaque;
    Question *question;

    while ((question = wait_for_question(worker))) {
        if (question->watch)
            vmmiCallGuestUnmonitor(worker->connect, question->watch);
        else
            vmmiMailboxPut(worker->mailbox, ask(worker, question));
        g_free(question);
    }
    unref(worker);
    return NULL;
}

/* --- on the manager's thread ------------------------------------------------------ */

/* Signals are the application's business: none is delivered to this thread. */
static int
start_thread(vmmiWorker *worker, vmmiError **err)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    int failure;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    g_atomic_int_inc(&worker->refs);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&thread, &attributes, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failure) {
        unref(worker);
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, failure, "cannot start a thread");
    }
    worker->started = true;
    return 0;
}

static void
push(vmmiWorker *worker, Question *question)
{
    g_mutex_lock(&worker->lock);
    g_queue_push_tail(&worker->questions, question);
    g_cond_signal(&worker->changed);
    g_mutex_unlock(&worker->lock);
}

int
vmmiWorkerAsk(vmmiWorker *worker, vmmiAnswerKind kind, const char *uuid, uint64_t token,
              unsigned int generation, vmmiError **err)
{
    Question *question;

    if (!worker->started && start_thread(worker, err) < 0)
        return -1;
    question = g_new0(Question, 1);
    question->kind = kind;
    question->token = token;
    question->generation = generation;
    g_strlcpy(question->uuid, uuid, sizeof(question->uuid));
    push(worker, question);
    return 0;
}

void
vmmiWorkerUnmonitor(vmmiWorker *worker, void *watch)
{
    Question *question;

    if (!worker->started && start_thread(worker, NULL) < 0) {
        vmmiCallGuestUnmonitor(worker->connect, watch);
        return;
    }
    question = g_new0(Question, 1);
    question->watch = watch;
    push(worker, question);
}

uint64_t
vmmiWorkerGetBusyMs(vmmiWorker *worker)
{
    uint64_t busy;

    g_mutex_lock(&worker->lock);
    busy = worker->busy_since ? MAX(vmmiClockBoottimeMs() - worker->busy_since, 1) : 0;
    g_mutex_unlock(&worker->lock);
    return busy;
}
