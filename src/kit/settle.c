/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settle.c: the end of a run: when to look for it, what to put side by side, when to give up.
 *
 * The judgement itself is verdict.c. A look asks the source for the domain's state and the job's
 * final figures.
 */
#include "kit/run.h"

#include "driver/connect.h"
#include "util/cleanup.h"
#include "util/clock.h"

typedef struct {
    vmmiConnect *connect;
    char *uuid;
    bool figures; /* wanted as well */
    vmmiGuestInfo info;
    vmmiSample *sample; /* NULL: none */
} Look;

static void
look_free(Look *look)
{
    vmmiConnectUnref(look->connect);
    g_free(look->uuid);
    vmmiSampleFree(look->sample);
    g_free(look);
}

static int
look(void *data, vmmiError **err)
{
    Look *what = data;
    g_autoptr(vmmiSample) sample = NULL;

    if (vmmiGuestGetInfo(what->connect, what->uuid, &what->info, err) < 0)
        return -1;
    if (!what->figures || what->info.state == VMMI_GUEST_ABSENT)
        return 0;
    sample = vmmiSampleNew();
    if (vmmiCallMigrationCompletedSample(what->connect, what->uuid, sample, NULL) == 0)
        what->sample = g_steal_pointer(&sample);
    return 0;
}

static void
start_look(vmmiRun *run)
{
    Look *what = g_new0(Look, 1);

    what->connect = vmmiConnectRef(run->connect);
    what->uuid = g_strdup(run->uuid);
    what->figures = !run->final_sample && (!run->returned || !run->returned_error);
    run->look_call =
        vmmiKitWorkerSubmit(vmmiRunGetUrgent(run), look, what, (GDestroyNotify)look_free);
}

/* --- is it the end? --------------------------------------------------------------- */

/* Something besides our own call says that it is over. */
static bool
end_was_seen(const vmmiRun *run)
{
    const vmmiTracker *t = &run->tracker;

    return t->job_completed || t->job_gone || t->state == VMMI_STATE_POSTCOPY_BROKEN ||
           t->guest == VMMI_GUEST_SHUTOFF || t->guest == VMMI_GUEST_CRASHED ||
           t->guest == VMMI_GUEST_ABSENT;
}

static bool
is_lost_for_good(const vmmiRun *run, uint64_t now_ms)
{
    return run->lost_ms && now_ms - run->lost_ms >= run->limits->lost;
}

static bool
is_ending(vmmiRun *run, uint64_t now_ms)
{
    if (is_lost_for_good(run, now_ms))
        return true;
    if (run->returned && !run->call_lost)
        return true;
    if (!end_was_seen(run)) {
        run->hint_ms = 0;
        return false;
    }
    if (!run->hint_ms)
        run->hint_ms = now_ms;
    return !run->performing || now_ms - run->hint_ms >= run->limits->returning;
}

/* --- the judgement ---------------------------------------------------------------- */

static bool
is_final(const vmmiRun *run, uint64_t now_ms)
{
    bool waits = run->lost_ms ||
                 (run->returned && vmmiErrorGetCode(run->returned_error) == VMMI_ERR_DISCONNECTED);
    uint64_t since = run->lost_ms ? run->lost_ms : run->ending_ms;

    return now_ms - since >= (waits ? run->limits->lost : run->limits->settle);
}

/* @late: NULL, or why the look that is under way is not waited for. */
static vmmiKitEvidence
gather(const vmmiRun *run, const vmmiError *late, uint64_t now_ms)
{
    const Look *what = vmmiTaskGetData(run->look_call);
    const vmmiRequest *request =
        run->requests->len ? g_ptr_array_index(run->requests, run->requests->len - 1) : NULL;
    vmmiKitEvidence evidence = {
        .attached = run->attached,
        .returned = run->returned,
        .returned_error = run->returned_error,
        .ran = run->info.state == VMMI_GUEST_RUNNING || run->info.state == VMMI_GUEST_PAUSED,
        .offline = request && vmmiRequestHasFlag(request, "offline"),
        .abort_done = run->abort_done,
        .abort_reason = run->abort_reason,
        .job_completed = run->tracker.job_completed,
        .switched = run->tracker.switched,
        .heard = run->tracker.guest,
        .heard_reason = run->tracker.reason,
        .looked = !late && vmmiTaskGetResult(run->look_call) == 0,
        .look_error = late ? late : vmmiTaskGetError(run->look_call),
        .final = is_final(run, now_ms),
    };

    if (evidence.looked) {
        evidence.guest = what->info.state;
        evidence.reason = what->info.reason;
        evidence.job = what->info.job;
    }
    return evidence;
}

static vmmiState
final_state(vmmiOutcomeKind outcome)
{
    switch (outcome) {
    case VMMI_OUTCOME_COMPLETED:
        return VMMI_STATE_COMPLETED;
    case VMMI_OUTCOME_ABORTED:
        return VMMI_STATE_ABORTED;
    case VMMI_OUTCOME_RELEASED:
        return VMMI_STATE_RELEASED;
    case VMMI_OUTCOME_FAILED:
        return VMMI_STATE_FAILED;
    default:
        return VMMI_STATE_UNKNOWN;
    }
}

static void
finish(vmmiRun *run)
{
    if (run->managed_release && run->verdict.outcome == VMMI_OUTCOME_ABORTED)
        vmmiErrorPrefix(&run->verdict.error, "a managed migration cannot go on without its plugin");
    vmmiRunSetState(run, final_state(run->verdict.outcome));
    run->over = true;
}

/* The final figures come by an event of their own, a moment later than the call's return. */
static bool
lacks_figures(vmmiRun *run, uint64_t now_ms)
{
    Look *what = vmmiTaskGetData(run->look_call);

    if (run->verdict.outcome != VMMI_OUTCOME_COMPLETED || run->final_sample ||
        !vmmiTaskIsDone(run->look_call))
        return false;
    run->final_sample = g_steal_pointer(&what->sample);
    return !run->final_sample && now_ms - run->ending_ms < run->limits->statistics;
}

/* The job outlives our call: from now on it is followed like anybody's. */
static void
follow_on(vmmiRun *run)
{
    run->call_lost = run->returned;
    run->ending_ms = 0;
    run->hint_ms = 0;
    run->tracker.job_gone = false;
    run->tracker.job_seen = true;
}

static void
judge(vmmiRun *run, uint64_t now_ms)
{
    g_autoptr(vmmiError) late = NULL;
    vmmiKitEvidence evidence;

    if (!vmmiTaskIsDone(run->look_call))
        vmmiErrorSet(&late, VMMI_ERR_TIMEOUT, "it does not answer");
    evidence = gather(run, late, now_ms);
    if (evidence.looked)
        run->lost_ms = 0;
    run->next_look_ms = now_ms + run->limits->retry * (evidence.looked ? 1 : 5);
    vmmiKitJudge(&evidence, &run->verdict);
    if (run->verdict.goes_on &&
        (!run->returned || vmmiErrorGetCode(run->returned_error) == VMMI_ERR_DISCONNECTED))
        follow_on(run);
    else if (run->verdict.settled && !lacks_figures(run, now_ms))
        finish(run);
    if (!run->over)
        vmmiKitVerdictClear(&run->verdict);
    g_clear_pointer(&run->look_call, vmmiTaskUnref);
}

void
vmmiRunSettle(vmmiRun *run, uint64_t now_ms)
{
    if (!run->ending_ms) {
        if (!is_ending(run, now_ms))
            return;
        run->ending_ms = now_ms;
        run->next_look_ms = now_ms;
    }
    if (run->look_call && (vmmiTaskIsDone(run->look_call) || is_lost_for_good(run, now_ms)))
        judge(run, now_ms);
    if (!run->over && run->ending_ms && !run->look_call && now_ms >= run->next_look_ms)
        start_look(run);
}

uint64_t
vmmiRunSettleDeadline(const vmmiRun *run)
{
    if (run->ending_ms && !run->look_call)
        return run->next_look_ms;
    if (run->lost_ms)
        return run->lost_ms + run->limits->lost;
    if (run->ending_ms)
        return UINT64_MAX;
    if (run->hint_ms && run->performing)
        return run->hint_ms + run->limits->returning;
    return UINT64_MAX;
}

void
vmmiRunRelease(vmmiRun *run)
{
    vmmiKitVerdict *verdict = &run->verdict;
    bool there = run->tracker.state == VMMI_STATE_POSTCOPY;

    verdict->settled = true;
    verdict->outcome = VMMI_OUTCOME_RELEASED;
    verdict->where = there ? VMMI_WHERE_DESTINATION : VMMI_WHERE_SOURCE;
    verdict->evidence =
        g_strdup_printf("the migration was in state '%s'", vmmiStateToString(run->tracker.state));
    vmmiErrorSet(&verdict->error, VMMI_ERR_RELEASED, "%s",
                 run->shadow ? "the shadow was told to end: the migration goes on"
                             : "released: the migration goes on without its policy");
    finish(run);
}
