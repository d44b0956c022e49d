/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.c: the ground of the loop: signals, calls on the worker, changes of state.
 */
#include "kit/run.h"

#include <poll.h>

#include "driver/connect.h"
#include "util/cleanup.h"
#include "util/clock.h"

const vmmiKitLimits vmmiKitDefaultLimits = {
    .input = 30000,
    .lost = 60000,
    .settle = 10000,
    .returning = 30000,
    .statistics = 1000,
    .release = 10000,
    .replace = 10000,
    .sample_min = 200,
    .sample_max = 1000,
    .retry = 100,
};

vmmiRun *
vmmiRunNew(const vmmiKitLimits *limits, int signal_fd, vmmiStreams *streams, vmmiError **err)
{
    g_autoptr(vmmiRun) run = g_new0(vmmiRun, 1);

    run->limits = limits;
    run->signal_fd = signal_fd;
    run->streams = streams;
    run->requests = g_ptr_array_new_with_free_func((GDestroyNotify)vmmiRequestFree);
    run->feed = vmmiFeedNew(err);
    if (!run->feed)
        return NULL;
    run->worker = vmmiKitWorkerNew(run->feed);
    return g_steal_pointer(&run);
}

void
vmmiRunFree(vmmiRun *run)
{
    if (!run)
        return;
    if (run->watch)
        vmmiCallGuestUnmonitor(run->connect, run->watch);
    if (run->feed)
        vmmiFeedStopSamples(run->feed, 0);
    vmmiTaskUnref(run->action_call);
    vmmiTaskUnref(run->abort_call);
    vmmiTaskUnref(run->look_call);
    vmmiKitWorkerFree(run->worker);
    vmmiKitWorkerFree(run->urgent);
    vmmiFeedUnref(run->feed);
    vmmiPolicyStartFree(run->start);
    g_ptr_array_unref(run->requests);
    vmmiSampleFree(run->sample);
    vmmiSampleFree(run->final_sample);
    vmmiMessageUnref(run->status);
    vmmiErrorFree(run->returned_error);
    vmmiErrorFree(run->abort_refused);
    g_free(run->abort_reason);
    vmmiTraceClear(&run->trace);
    json_decref(run->asked);
    vmmiKitVerdictClear(&run->verdict);
    g_free(run);
}

bool
vmmiRunIsStuck(vmmiRun *run)
{
    return !vmmiKitWorkerIsIdle(run->worker) ||
           (run->urgent && !vmmiKitWorkerIsIdle(run->urgent)) || run->performing || run->sampling;
}

vmmiKitWorker *
vmmiRunGetUrgent(vmmiRun *run)
{
    if (!run->urgent)
        run->urgent = vmmiKitWorkerNew(run->feed);
    return run->urgent;
}

const vmmiMigrateRequest *
vmmiRunGetRequest(const vmmiRun *run)
{
    if (!run->requests->len)
        return NULL;
    return vmmiRequestGet(g_ptr_array_index(run->requests, run->requests->len - 1));
}

static void
read_signals(vmmiRun *run)
{
    vmmiSignal request;

    while (run->signal_fd >= 0 && (request = vmmiSignalsRead(run->signal_fd)) != VMMI_SIGNAL_NONE) {
        if (request == VMMI_SIGNAL_STATUS)
            vmmiRunSendStatus(run);
        else if (run->shadow) /* what it watches is not its own to abort */
            run->signalled = VMMI_SIGNAL_RELEASE;
        else
            run->signalled = MAX(run->signalled, request);
    }
}

void
vmmiRunPoll(vmmiRun *run, uint64_t deadline_ms)
{
    uint64_t now = vmmiClockBoottimeMs();
    struct pollfd fds[] = {
        { .fd = vmmiFeedGetFd(run->feed), .events = POLLIN },
        { .fd = run->signal_fd, .events = POLLIN },
    };
    int timeout = -1;

    if (deadline_ms != UINT64_MAX)
        timeout = deadline_ms > now ? (int)MIN(deadline_ms - now, (uint64_t)G_MAXINT) : 0;
    if (run->status_due && run->ready)
        vmmiRunSendStatus(run);
    poll(fds, G_N_ELEMENTS(fds), timeout);
    vmmiFeedDrain(run->feed);
    read_signals(run);
}

int
vmmiRunCheckSignals(const vmmiRun *run, vmmiError **err)
{
    if (run->signalled == VMMI_SIGNAL_NONE)
        return 0;
    if (run->shadow)
        return vmmiErrorSet(err, VMMI_ERR_RELEASED,
                            "the shadow was told to end before it saw a migration");
    return vmmiErrorSet(err, VMMI_ERR_MIGRATION_ABORTED, "%s came before the migration was started",
                        run->signalled == VMMI_SIGNAL_RELEASE ? "SIGTERM" : "SIGINT");
}

vmmiTask *
vmmiRunCall(vmmiRun *run, vmmiTaskFunc func, void *data, GDestroyNotify free_data, bool may_stop,
            vmmiError **err)
{
    g_autoptr(vmmiTask) task = vmmiKitWorkerSubmit(run->worker, func, data, free_data);

    while (!vmmiTaskIsDone(task)) {
        if (may_stop && vmmiRunCheckSignals(run, err) < 0)
            return NULL;
        vmmiRunPoll(run, UINT64_MAX);
    }
    if (vmmiTaskGetResult(task) < 0) {
        vmmiErrorPropagate(err, vmmiErrorCopy(vmmiTaskGetError(task)));
        return NULL;
    }
    if (may_stop && vmmiRunCheckSignals(run, err) < 0)
        return NULL;
    return g_steal_pointer(&task);
}

void
vmmiRunAnnounce(vmmiRun *run)
{
    if (run->tracker.state == VMMI_STATE_BEGIN)
        vmmiTraceAddBegin(&run->trace, run->asked, NULL);
    else
        vmmiTraceAddState(&run->trace, run->tracker.state);
    vmmiEngineSetState(run->engine, run->tracker.state, vmmiClockBoottimeMs());
}

void
vmmiRunSetState(vmmiRun *run, vmmiState state)
{
    if (vmmiTrackerSetState(&run->tracker, state))
        vmmiRunAnnounce(run);
}
