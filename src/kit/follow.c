/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.c: living with a migration: events and samples to the policy, its actions to the host,
 * signals to both.
 *
 * Nothing here blocks but the poll of the loop: calls are made by workers, one for the policy's
 * actions, in order, and one for aborts and looks, which an action that hangs must not hold up.
 */
#include "kit/run.h"

#include "driver/connect.h"
#include "kit/sampler.h"
#include "kit/shadow.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* --- actions, made on a worker ---------------------------------------------------- */

typedef struct {
    vmmiConnect *connect;
    char *uuid;
    vmmiActionKind kind;
    vmmiTunable what;
    uint64_t value;
} Order;

static Order *
order_new(const vmmiRun *run, vmmiActionKind kind)
{
    Order *order = g_new0(Order, 1);

    order->connect = vmmiConnectRef(run->connect);
    order->uuid = g_strdup(run->uuid);
    order->kind = kind;
    return order;
}

static void
order_free(Order *order)
{
    vmmiConnectUnref(order->connect);
    g_free(order->uuid);
    g_free(order);
}

static int
carry_out(void *data, vmmiError **err)
{
    const Order *order = data;

    switch (order->kind) {
    case VMMI_ACTION_TUNE:
        return vmmiCallMigrationTune(order->connect, order->uuid, order->what, order->value, err);
    case VMMI_ACTION_START_POSTCOPY:
        return vmmiCallMigrationStartPostcopy(order->connect, order->uuid, err);
    case VMMI_ACTION_SUSPEND:
        return vmmiGuestSuspend(order->connect, order->uuid, err);
    case VMMI_ACTION_RESUME:
        return vmmiGuestResume(order->connect, order->uuid, err);
    case VMMI_ACTION_ABORT:
        return vmmiCallMigrationAbort(order->connect, order->uuid, false, err);
    default:
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "there is no action %d", (int)order->kind);
    }
}

static void
end_action(vmmiRun *run, uint64_t now_ms)
{
    const Order *order = vmmiTaskGetData(run->action_call);
    const vmmiError *error = vmmiTaskGetError(run->action_call);
    const vmmiAction *last;

    vmmiEngineActionDone(run->engine, error, now_ms);
    last = vmmiEngineGetLast(run->engine);
    if (last)
        vmmiTraceAddAction(&run->trace, last);
    if (order->kind == VMMI_ACTION_ABORT && !error) {
        run->abort_done = true;
        g_free(run->abort_reason);
        run->abort_reason = g_strdup(last ? last->reason : "");
    }
    g_clear_pointer(&run->action_call, vmmiTaskUnref);
}

static void
serve_actions(vmmiRun *run, uint64_t now_ms)
{
    const vmmiAction *action;
    Order *order;

    if (run->shadow) {
        vmmiShadowServe(run, now_ms);
        return;
    }
    if (run->action_call && vmmiTaskIsDone(run->action_call))
        end_action(run, now_ms);
    if (run->action_call || run->ending_ms || run->signalled == VMMI_SIGNAL_ABORT)
        return;
    action = vmmiEngineNext(run->engine);
    if (!action)
        return;
    order = order_new(run, action->kind);
    order->what = action->what;
    order->value = action->value;
    run->action_call =
        vmmiKitWorkerSubmit(run->worker, carry_out, order, (GDestroyNotify)order_free);
}

/* --- aborting as the manager asks ------------------------------------------------- */

/* It is not the policy's, so it has the id 0. */
static void
note_abort(vmmiRun *run, const vmmiError *error, uint64_t now_ms)
{
    g_autofree char *reason = g_strdup("the manager asked for it");
    g_autoptr(vmmiError) copy = vmmiErrorCopy(error);
    const vmmiAction abort = {
        .kind = VMMI_ACTION_ABORT,
        .reason = reason,
        .at_ms = now_ms > run->trace.began_ms ? now_ms - run->trace.began_ms : 0,
        .iteration = run->tracker.iteration,
        .result = error ? VMMI_RESULT_FAILED : VMMI_RESULT_DONE,
        .error = copy,
    };

    vmmiTraceAddAction(&run->trace, &abort);
}

static void
end_abort(vmmiRun *run, uint64_t now_ms)
{
    const vmmiError *error = vmmiTaskGetError(run->abort_call);
    bool hopeless = run->tracker.state == VMMI_STATE_POSTCOPY ||
                    vmmiErrorGetCode(error) == VMMI_ERR_NOT_SUPPORTED;

    if (!error)
        run->abort_done = true;
    else if (hopeless)
        run->abort_refused = vmmiErrorCopy(error);
    else
        run->next_abort_ms = now_ms + run->limits->retry; /* the job may not have begun yet */
    if (!error || hopeless)
        note_abort(run, error, now_ms);
    g_clear_pointer(&run->abort_call, vmmiTaskUnref);
}

static bool
wants_abort(const vmmiRun *run)
{
    return run->signalled == VMMI_SIGNAL_ABORT && !run->abort_done && !run->abort_refused &&
           !run->ending_ms;
}

static void
serve_abort(vmmiRun *run, uint64_t now_ms)
{
    if (run->abort_call && vmmiTaskIsDone(run->abort_call))
        end_abort(run, now_ms);
    if (run->abort_call || !wants_abort(run) || now_ms < run->next_abort_ms)
        return;
    run->abort_call =
        vmmiKitWorkerSubmit(vmmiRunGetUrgent(run), carry_out, order_new(run, VMMI_ACTION_ABORT),
                            (GDestroyNotify)order_free);
}

/* --- releasing -------------------------------------------------------------------- */

static bool
lives_without_us(const vmmiRun *run)
{
    return run->attached || run->returned || vmmiRunGetRequest(run)->mode != VMMI_MODE_MANAGED;
}

/* What is about to end is waited for, and so is a job that has not begun: it must not be said that
 * it goes on if it does not. */
static bool
may_release(const vmmiRun *run, uint64_t now_ms)
{
    if (run->ending_ms || run->hint_ms)
        return false;
    if (now_ms - run->release_ms >= run->limits->release)
        return true;
    switch (run->tracker.state) {
    case VMMI_STATE_PRECOPY:
    case VMMI_STATE_POSTCOPY:
        return true;
    case VMMI_STATE_STARTING:
    case VMMI_STATE_BEGIN:
    case VMMI_STATE_PREPARE:
        return run->tracker.job_seen;
    default:
        return false;
    }
}

static void
serve_release(vmmiRun *run, uint64_t now_ms)
{
    if (run->signalled != VMMI_SIGNAL_RELEASE)
        return;
    if (!lives_without_us(run)) {
        /* It would die with us in some moment of its own choosing: end it now, and tell the truth.
         */
        run->signalled = VMMI_SIGNAL_ABORT;
        run->managed_release = true;
        return;
    }
    if (!run->release_ms)
        run->release_ms = now_ms;
    if (may_release(run, now_ms))
        vmmiRunRelease(run);
}

/* --- what comes in ---------------------------------------------------------------- */

static void
see_event(vmmiRun *run, vmmiItem *item, uint64_t now_ms)
{
    switch (item->event.type) {
    case VMMI_EVENT_JOB_COMPLETED:
        if (item->sample) {
            vmmiSampleFree(run->final_sample);
            run->final_sample = g_steal_pointer(&item->sample);
        }
        break;
    case VMMI_EVENT_DISCONNECTED:
        if (!run->lost_ms)
            run->lost_ms = now_ms;
        break;
    case VMMI_EVENT_RECONNECTED:
        run->lost_ms = 0;
        run->next_look_ms = 0;
        vmmiFeedAskSample(run->feed);
        break;
    default:
        break;
    }
    if (vmmiTrackerEvent(&run->tracker, &item->event))
        vmmiRunAnnounce(run);
}

static bool
means_lost(const vmmiError *error)
{
    int code = vmmiErrorGetCode(error);

    return code == VMMI_ERR_DISCONNECTED || code == VMMI_ERR_CONNECT;
}

/* What is left grows again while the guest writes; how far it is never goes back (B4), whoever reads
 * it. */
static void
keep_percent(vmmiRun *run)
{
    uint64_t percent;

    if (!vmmiSampleGet(run->sample, VMMI_SAMPLE_PERCENT, &percent))
        return;
    run->percent = MAX(run->percent, percent);
    vmmiSampleSet(run->sample, VMMI_SAMPLE_PERCENT, run->percent);
}

static void
see_sample(vmmiRun *run, vmmiItem *item, uint64_t now_ms)
{
    if (run->ending_ms)
        return;
    if (means_lost(item->error)) {
        if (!run->lost_ms)
            run->lost_ms = now_ms;
    } else if (vmmiErrorGetCode(item->error) != VMMI_ERR_TIMEOUT) {
        run->lost_ms = 0;
    }
    if (vmmiTrackerSample(&run->tracker, item->sample, item->job, item->error))
        vmmiRunAnnounce(run);
    if (!item->sample || item->job != VMMI_JOB_MIGRATION_OUT)
        return;
    vmmiSampleFree(run->sample);
    run->sample = g_steal_pointer(&item->sample);
    keep_percent(run);
    vmmiEngineSample(run->engine, run->sample, run->tracker.iteration, now_ms);
    vmmiTraceAddSample(&run->trace, run->sample, run->tracker.iteration, run->engine);
}

/* A start that was refused before a job was there is the policy's to mend, once. */
static bool
is_refusal(const vmmiRun *run, const vmmiError *error)
{
    return error && !run->tracker.job_seen && !means_lost(error) &&
           vmmiErrorGetCode(error) != VMMI_ERR_MIGRATION_ABORTED &&
           run->signalled == VMMI_SIGNAL_NONE;
}

static void
see_return(vmmiRun *run, vmmiItem *item)
{
    g_autoptr(vmmiError) error = NULL;

    if (item->attempt != run->attempt || !run->performing)
        return;
    run->performing = false;
    if (is_refusal(run, item->error)) {
        if (vmmiRunBeginAgain(run, item->error, &error) == 0)
            return;
    } else {
        error = g_steal_pointer(&item->error);
    }
    run->returned = true;
    run->returned_error = g_steal_pointer(&error);
}

static void
take_in(vmmiRun *run, uint64_t now_ms)
{
    vmmiItem *next;

    while ((next = vmmiFeedPop(run->feed))) {
        g_autoptr(vmmiItem) item = next;

        switch (item->kind) {
        case VMMI_ITEM_EVENT:
            see_event(run, item, now_ms);
            break;
        case VMMI_ITEM_SAMPLE:
            see_sample(run, item, now_ms);
            break;
        case VMMI_ITEM_RETURNED:
            see_return(run, item);
            break;
        }
    }
}

/* --- the loop --------------------------------------------------------------------- */

static uint64_t
next_deadline(const vmmiRun *run)
{
    uint64_t deadline = MIN(vmmiEngineGetDeadline(run->engine), vmmiRunSettleDeadline(run));

    deadline = MIN(deadline, vmmiShadowDeadline(run));
    if (wants_abort(run) && !run->abort_call)
        deadline = MIN(deadline, run->next_abort_ms);
    if (run->release_ms)
        deadline = MIN(deadline, run->release_ms + run->limits->release);
    return deadline;
}

static void
one_round(vmmiRun *run)
{
    uint64_t now_ms = vmmiClockBoottimeMs();

    take_in(run, now_ms);
    serve_release(run, now_ms);
    if (run->over)
        return;
    serve_abort(run, now_ms);
    vmmiRunSettle(run, now_ms);
    if (run->over)
        return;
    if (!run->ending_ms)
        vmmiEngineTick(run->engine, now_ms);
    serve_actions(run, now_ms);
}

/* What the policy decided and nobody saw the end of. */
static void
note_unfinished(vmmiRun *run)
{
    const GPtrArray *actions = vmmiEngineGetActions(run->engine);

    for (guint i = 0; i < actions->len; i++) {
        const vmmiAction *action = g_ptr_array_index(actions, i);

        if (action->result == VMMI_RESULT_RUNNING || action->result == VMMI_RESULT_DROPPED)
            vmmiTraceAddAction(&run->trace, action);
    }
}

void
vmmiRunFollow(vmmiRun *run)
{
    vmmiSamplerStart(run->feed, run->connect, run->uuid, run->limits->sample_min,
                     run->limits->sample_max);
    for (;;) {
        one_round(run);
        if (run->over)
            break;
        vmmiRunPoll(run, next_deadline(run));
    }
    run->sampling = !vmmiFeedStopSamples(run->feed, run->limits->retry);
    vmmiEngineStop(run->engine);
    note_unfinished(run);
}
