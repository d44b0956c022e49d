/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.c: calls that may hang, on threads of their own, with a deadline.
 *
 * Nothing here knows what the calls do.
 */
#include "util/worker.h"

#include <signal.h>

#include "util/cleanup.h"
#include "util/error.h"

/* Workers that wait for work; more than these end when they are done. */
#define MAX_IDLE 3

typedef struct {
    vmmiWorkFunc run;
    void *data;
    GDestroyNotify free_data;
    bool waited_for;        /* under the lock of the group; false: the worker frees */
    bool stuck;             /* the caller has left */
    bool done;
    int result;
    vmmiError *error;
    GCond answered;
} Job;

struct vmmiWorkers {
    const char *name;
    unsigned int max_stuck;
    GMutex lock;            /* for all below */
    GCond wake;
    int refs;               /* the owner's and one for each thread */
    GQueue jobs;            /* of Job, not taken up yet */
    unsigned int idle;
    unsigned int stuck;
    bool closed;
};

int
vmmiThreadStart(const char *name, GThreadFunc func, void *data, vmmiError **err)
{
    sigset_t all, old;
    GError *error = NULL;
    GThread *thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    thread = g_thread_try_new(name, func, data, &error);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!thread)
        return vmmiErrorSetGError(err, VMMI_ERR_SYSTEM, error);
    g_thread_unref(thread);
    return 0;
}

static void
job_free(Job *job)
{
    if (job->data && job->free_data)
        job->free_data(job->data);
    vmmiErrorFree(job->error);
    g_cond_clear(&job->answered);
    g_free(job);
}

/* Called with the lock held, which it releases. */
static void
workers_unref_unlock(vmmiWorkers *workers)
{
    bool last = --workers->refs == 0;

    g_mutex_unlock(&workers->lock);
    if (!last)
        return;
    g_queue_clear(&workers->jobs);
    g_cond_clear(&workers->wake);
    g_mutex_clear(&workers->lock);
    g_free(workers);
}

/* Called with the lock held. */
static void
work_on(vmmiWorkers *workers, Job *job)
{
    vmmiError *error = NULL;
    int result;

    g_mutex_unlock(&workers->lock);
    result = job->run(job->data, &error);
    g_mutex_lock(&workers->lock);
    job->result = result;
    job->error = error;
    job->done = true;
    if (job->waited_for) {
        g_cond_signal(&job->answered);
        return;
    }
    g_mutex_unlock(&workers->lock);
    /* Freeing may wait for a host as well. */
    if (job->data && job->free_data)
        job->free_data(g_steal_pointer(&job->data));
    g_mutex_lock(&workers->lock);
    if (job->stuck)
        workers->stuck--;
    job_free(job);
}

static gpointer
worker_main(gpointer data)
{
    vmmiWorkers *workers = data;

    g_mutex_lock(&workers->lock);
    for (;;) {
        Job *job = g_queue_pop_head(&workers->jobs);

        if (job) {
            work_on(workers, job);
            continue;
        }
        if (workers->closed || workers->idle >= MAX_IDLE)
            break;
        workers->idle++;
        g_cond_wait(&workers->wake, &workers->lock);
        workers->idle--;
    }
    workers_unref_unlock(workers);
    return NULL;
}

vmmiWorkers *
vmmiWorkersNew(const char *name, unsigned int max_stuck)
{
    vmmiWorkers *workers = g_new0(vmmiWorkers, 1);

    workers->name = name;
    workers->max_stuck = max_stuck;
    workers->refs = 1;
    g_mutex_init(&workers->lock);
    g_cond_init(&workers->wake);
    g_queue_init(&workers->jobs);
    return workers;
}

void
vmmiWorkersClose(vmmiWorkers *workers)
{
    if (!workers)
        return;
    g_mutex_lock(&workers->lock);
    workers->closed = true;
    g_cond_broadcast(&workers->wake);
    workers_unref_unlock(workers);
}

/* Called with the lock held. Each job that waits has an idle worker, or gets a new one. */
static int
submit(vmmiWorkers *workers, Job *job, vmmiError **err)
{
    g_queue_push_tail(&workers->jobs, job);
    if (workers->jobs.length <= workers->idle) {
        g_cond_signal(&workers->wake);
        return 0;
    }
    workers->refs++;
    if (vmmiThreadStart(workers->name, worker_main, workers, err) == 0)
        return 0;
    workers->refs--;
    g_queue_remove(&workers->jobs, job);
    return vmmiErrorPrefix(err, "cannot start a worker");
}

static Job *
job_new(vmmiWorkFunc run, void *data, GDestroyNotify free_data, bool waited_for)
{
    Job *job = g_new0(Job, 1);

    job->run = run;
    job->data = data;
    job->free_data = free_data;
    job->waited_for = waited_for;
    g_cond_init(&job->answered);
    return job;
}

/* Called with the lock held. Returns whether the answer came in time. */
static bool
wait_for(vmmiWorkers *workers, Job *job, unsigned int timeout_ms)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;

    while (!job->done) {
        if (!g_cond_wait_until(&job->answered, &workers->lock, deadline))
            break;
    }
    if (job->done)
        return true;
    job->waited_for = false;
    job->stuck = true;
    workers->stuck++;
    return false;
}

int
vmmiWorkersCall(vmmiWorkers *workers, const char *what, unsigned int timeout_ms,
                vmmiWorkFunc run, void **data, GDestroyNotify free_data, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&workers->lock);
    Job *job;
    int result;

    if (workers->stuck >= workers->max_stuck)
        return vmmiErrorSet(err, VMMI_ERR_TIMEOUT,
                            "%s: %u earlier calls still hang, the limit is %u", what,
                            workers->stuck, workers->max_stuck);
    job = job_new(run, *data, free_data, true);
    if (submit(workers, job, err) < 0) {
        job->data = NULL;
        job_free(job);
        return -1;
    }
    if (!wait_for(workers, job, timeout_ms)) {
        *data = NULL;
        return vmmiErrorSet(err, VMMI_ERR_TIMEOUT, "%s: no answer within %u ms", what, timeout_ms);
    }
    result = job->result;
    if (result < 0)
        vmmiErrorPropagate(err, g_steal_pointer(&job->error));
    job->data = NULL;
    job_free(job);
    return result;
}

int
vmmiWorkersStart(vmmiWorkers *workers, vmmiWorkFunc run, void *data, GDestroyNotify free_data,
                 vmmiError **err)
{
    Job *job = job_new(run, data, free_data, false);
    int result;

    g_mutex_lock(&workers->lock);
    result = submit(workers, job, err);
    g_mutex_unlock(&workers->lock);
    if (result < 0)
        job_free(job);
    return result;
}

unsigned int
vmmiWorkersCountStuck(vmmiWorkers *workers)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&workers->lock);

    return workers->stuck;
}
