/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.c: the thread on which the loop has its calls made.
 */
#include "kit/worker.h"

#include "util/cleanup.h"

struct vmmiTask {
    int refs; /* atomic */
    int done; /* atomic; what follows is written before it is set */
    int result;
    vmmiError *error;
    vmmiTaskFunc func;
    void *data;
    GDestroyNotify free_data;
};

struct vmmiKitWorker {
    int refs;    /* atomic: the owner's and the thread's */
    int pending; /* atomic */
    vmmiFeed *feed;
    GAsyncQueue *calls; /* of vmmiTask; the stop mark is the worker itself */
};

static void
worker_unref(vmmiKitWorker *worker)
{
    if (!g_atomic_int_dec_and_test(&worker->refs))
        return;
    vmmiFeedUnref(worker->feed);
    g_async_queue_unref(worker->calls);
    g_free(worker);
}

static gpointer
run(gpointer data)
{
    vmmiKitWorker *worker = data;

    for (;;) {
        gpointer next = g_async_queue_pop(worker->calls);
        vmmiTask *call = next;

        if (next == worker)
            break;
        call->result = call->func(call->data, &call->error);
        g_atomic_int_add(&worker->pending, -1);
        g_atomic_int_set(&call->done, 1);
        vmmiTaskUnref(call);
        vmmiFeedWake(worker->feed);
    }
    worker_unref(worker);
    return NULL;
}

vmmiKitWorker *
vmmiKitWorkerNew(vmmiFeed *feed)
{
    vmmiKitWorker *worker = g_new0(vmmiKitWorker, 1);

    worker->refs = 2;
    worker->feed = vmmiFeedRef(feed);
    worker->calls = g_async_queue_new();
    g_thread_unref(g_thread_new("vmmi-worker", run, worker));
    return worker;
}

void
vmmiKitWorkerFree(vmmiKitWorker *worker)
{
    if (!worker)
        return;
    g_async_queue_push(worker->calls, worker);
    worker_unref(worker);
}

bool
vmmiKitWorkerIsIdle(vmmiKitWorker *worker)
{
    return g_atomic_int_get(&worker->pending) == 0;
}

vmmiTask *
vmmiKitWorkerSubmit(vmmiKitWorker *worker, vmmiTaskFunc func, void *data, GDestroyNotify free_data)
{
    vmmiTask *call = g_new0(vmmiTask, 1);

    call->refs = 2;
    call->func = func;
    call->data = data;
    call->free_data = free_data;
    g_atomic_int_inc(&worker->pending);
    g_async_queue_push(worker->calls, call);
    return call;
}

void
vmmiTaskUnref(vmmiTask *call)
{
    if (!call || !g_atomic_int_dec_and_test(&call->refs))
        return;
    if (call->free_data)
        call->free_data(call->data);
    vmmiErrorFree(call->error);
    g_free(call);
}

bool
vmmiTaskIsDone(vmmiTask *call)
{
    return g_atomic_int_get(&call->done) != 0;
}

int
vmmiTaskGetResult(const vmmiTask *call)
{
    return call->result;
}

const vmmiError *
vmmiTaskGetError(const vmmiTask *call)
{
    return call->error;
}

void *
vmmiTaskGetData(const vmmiTask *call)
{
    return call->data;
}
