/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-worker.c: calls on workers: answers, failures, deadlines, late answers, closing while one
 * is stuck.
 */
#include <pthread.h>
#include <signal.h>

#include "util/cleanup.h"
#include "util/worker.h"

/* A request; where it blocks, until somebody opens the gate. */
typedef struct {
    GMutex lock;
    GCond changed;
    bool open;
    int answers;
    int freed;
} Gate;

typedef struct {
    Gate *gate;
    int number;
} Request;

static void
gate_init(Gate *gate)
{
    memset(gate, 0, sizeof(*gate));
    g_mutex_init(&gate->lock);
    g_cond_init(&gate->changed);
}

static void
gate_open(Gate *gate)
{
    g_mutex_lock(&gate->lock);
    gate->open = true;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->lock);
}

/* Until so many requests have been freed. */
static void
gate_wait_freed(Gate *gate, int wanted)
{
    gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

    g_mutex_lock(&gate->lock);
    while (gate->freed < wanted && g_cond_wait_until(&gate->changed, &gate->lock, until))
        ;
    g_assert_cmpint(gate->freed, ==, wanted);
    g_mutex_unlock(&gate->lock);
}

static Request *
request_new(Gate *gate)
{
    Request *request = g_new0(Request, 1);

    request->gate = gate;
    return request;
}

static void
request_free(void *data)
{
    Gate *gate = ((Request *)data)->gate;

    g_free(data);
    g_mutex_lock(&gate->lock);
    gate->freed++;
    g_cond_broadcast(&gate->changed);
    g_mutex_unlock(&gate->lock);
}

static int
answer(void *data, vmmiError **err G_GNUC_UNUSED)
{
    ((Request *)data)->number = 42;
    return 0;
}

static int
refuse(void *data G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_STATE, "not now");
}

static int
block(void *data, vmmiError **err G_GNUC_UNUSED)
{
    Gate *gate = ((Request *)data)->gate;

    g_mutex_lock(&gate->lock);
    while (!gate->open)
        g_cond_wait(&gate->changed, &gate->lock);
    gate->answers++;
    g_mutex_unlock(&gate->lock);
    return vmmiErrorSet(err, VMMI_ERR_STATE, "nobody reads this");
}

/* Which signals the worker lets through. */
static int
look_at_signals(void *data, vmmiError **err G_GNUC_UNUSED)
{
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    ((Request *)data)->number = sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGCHLD) &&
                                sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGUSR1);
    return 0;
}

static void
test_answer(void)
{
    vmmiWorkers *workers = vmmiWorkersNew("test", 4);
    g_autoptr(vmmiError) error = NULL;
    Gate gate;
    void *data;

    gate_init(&gate);
    data = request_new(&gate);
    for (int i = 0; i < 100; i++) {
        ((Request *)data)->number = 0;
        g_assert_cmpint(vmmiWorkersCall(workers, "asking", 30000, answer, &data, request_free,
                                        &error), ==,
                        0);
        g_assert_nonnull(data);
        g_assert_cmpint(((Request *)data)->number, ==, 42);
    }
    g_assert_null(error);
    g_assert_cmpint(vmmiWorkersCall(workers, "asking", 30000, refuse, &data, request_free, &error),
                    ==, -1);
    g_assert_nonnull(data);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    g_assert_cmpint(vmmiWorkersCall(workers, "asking", 30000, refuse, &data, request_free, NULL),
                    ==, -1);
    g_assert_cmpint(gate.freed, ==, 0);
    request_free(data);
    vmmiWorkersClose(workers);
}

static void
test_signals(void)
{
    vmmiWorkers *workers = vmmiWorkersNew("test", 4);
    sigset_t before, after;
    Gate gate;
    void *data;

    gate_init(&gate);
    data = request_new(&gate);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    g_assert_cmpint(vmmiWorkersCall(workers, "asking", 30000, look_at_signals, &data, request_free,
                                    NULL),
                    ==, 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    g_assert_cmpint(((Request *)data)->number, ==, 1);
    g_assert_cmpint(sigismember(&before, SIGINT), ==, sigismember(&after, SIGINT));
    request_free(data);
    vmmiWorkersClose(workers);
}

/* A stuck worker holds nobody up, is counted, and its late answer is freed unread. */
static void
test_stuck(void)
{
    vmmiWorkers *workers = vmmiWorkersNew("test", 2);
    g_autoptr(vmmiError) error = NULL;
    Gate gate;
    void *data;

    gate_init(&gate);
    data = request_new(&gate);
    g_assert_cmpint(vmmiWorkersCall(workers, "hanging", 20, block, &data, request_free, &error), ==,
                    -1);
    g_assert_null(data);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_TIMEOUT);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "hanging: no answer within 20 ms");
    g_assert_cmpuint(vmmiWorkersCountStuck(workers), ==, 1);
    data = request_new(&gate);
    g_assert_cmpint(vmmiWorkersCall(workers, "asking", 30000, answer, &data, request_free, NULL),
                    ==, 0);
    request_free(data);
    data = request_new(&gate);
    g_assert_cmpint(vmmiWorkersCall(workers, "hanging", 20, block, &data, request_free, NULL), ==,
                    -1);
    vmmiErrorClear(&error);
    data = request_new(&gate);
    g_assert_cmpint(vmmiWorkersCall(workers, "asking", 30000, answer, &data, request_free, &error),
                    ==, -1);
    g_assert_nonnull(data);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_TIMEOUT);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error),
                            "2 earlier calls still hang, the limit is 2"));
    gate_open(&gate);
    gate_wait_freed(&gate, 3);
    while (vmmiWorkersCountStuck(workers) > 0)
        g_thread_yield();
    g_assert_cmpint(vmmiWorkersCall(workers, "asking", 30000, answer, &data, request_free, NULL),
                    ==, 0);
    request_free(data);
    vmmiWorkersClose(workers);
    g_assert_cmpint(gate.answers, ==, 2);
}

static void
test_close_while_stuck(void)
{
    vmmiWorkers *workers = vmmiWorkersNew("test", 4);
    Gate gate;
    void *data;

    gate_init(&gate);
    data = request_new(&gate);
    g_assert_cmpint(vmmiWorkersCall(workers, "hanging", 20, block, &data, request_free, NULL), ==,
                    -1);
    vmmiWorkersClose(workers);
    g_assert_cmpint(gate.freed, ==, 0);
    gate_open(&gate);
    gate_wait_freed(&gate, 1);
    vmmiWorkersClose(NULL);
}

/* What was started before closing is done and freed. */
static void
test_start(void)
{
    vmmiWorkers *workers = vmmiWorkersNew("test", 4);
    Gate gate;

    gate_init(&gate);
    for (int i = 0; i < 20; i++)
        g_assert_cmpint(vmmiWorkersStart(workers, block, request_new(&gate), request_free, NULL),
                        ==, 0);
    vmmiWorkersClose(workers);
    gate_open(&gate);
    gate_wait_freed(&gate, 20);
    g_assert_cmpint(gate.answers, ==, 20);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/worker/answer", test_answer);
    g_test_add_func("/worker/signals", test_signals);
    g_test_add_func("/worker/stuck", test_stuck);
    g_test_add_func("/worker/close-while-stuck", test_close_while_stuck);
    g_test_add_func("/worker/start", test_start);
    return g_test_run();
}
