/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-end.c: how a simulated run ended. The judgement is that of every plugin, verdict.c.
 */
#include "kit/simulate-run.h"

#include "drivers/sim/sim-sample.h"
#include "util/cleanup.h"

/* A job that outlives its call is followed on, unless post-copy broke. */
static bool
goes_on(const vmmiSimulated *run, const vmmiSimResult *result)
{
    const vmmiSimJob *job = &vmmiSimulatedGuest(run)->job;

    if (job->id != run->job)
        return false;
    return !result || result->code == VMMI_ERR_DISCONNECTED;
}

static vmmiKitEvidence
gather(const vmmiSimulated *run, const vmmiError *returned, const vmmiError *unreachable)
{
    const vmmiSimGuest *guest = vmmiSimulatedGuest(run);
    vmmiKitEvidence evidence = {
        .returned = true,
        .returned_error = returned,
        .ran = true,
        .abort_done = run->abort_done,
        .abort_reason = run->abort_reason,
        .job_completed = run->tracker.job_completed,
        .switched = run->tracker.switched,
        .heard = run->tracker.guest,
        .heard_reason = run->tracker.reason,
        .looked = !unreachable,
        .look_error = unreachable,
        .final = true,
    };

    if (evidence.looked) {
        evidence.guest = (vmmiGuestState)guest->places[run->source].state;
        evidence.reason = (vmmiGuestReason)guest->places[run->source].reason;
        evidence.job = guest->job.id == run->job ? VMMI_JOB_MIGRATION_OUT : VMMI_JOB_NONE;
    }
    return evidence;
}

static void
judge(vmmiSimulated *run, const vmmiSimResult *ended)
{
    const vmmiSimHost *source = &run->world->hosts[run->source];
    g_autoptr(vmmiError) returned = NULL;
    g_autoptr(vmmiError) unreachable = NULL;
    vmmiKitEvidence evidence;

    if (ended && ended->code != VMMI_ERR_OK)
        vmmiErrorSet(&returned, (int)ended->code, "%s", ended->message);
    if (!source->reachable)
        vmmiErrorSet(&unreachable, VMMI_ERR_DISCONNECTED, "host '%s' cannot be reached",
                     source->name);
    evidence = gather(run, returned, unreachable);
    vmmiKitJudge(&evidence, &run->result->verdict);
}

/* What did not come to a migration has changed nothing. */
static void
judge_refused(vmmiSimulated *run)
{
    vmmiKitVerdict *verdict = &run->result->verdict;

    verdict->outcome = VMMI_OUTCOME_FAILED;
    verdict->where = VMMI_WHERE_SOURCE;
    verdict->evidence = g_strdup("the migration was not started");
    verdict->error = g_steal_pointer(&run->refusal);
}

static void
judge_late(vmmiSimulated *run)
{
    vmmiKitVerdict *verdict = &run->result->verdict;
    bool there = vmmiSimulatedGuest(run)->job.step == VMMI_SIM_STEP_POSTCOPY;

    verdict->outcome = VMMI_OUTCOME_FAILED;
    verdict->where = there ? VMMI_WHERE_BOTH : VMMI_WHERE_SOURCE;
    verdict->evidence =
        g_strdup_printf("the migration was in state '%s'", vmmiStateToString(run->tracker.state));
    vmmiErrorSet(&verdict->error, VMMI_ERR_DEADLINE,
                 "it never ended: %" G_GINT64_FORMAT " s of virtual time were over",
                 run->order->limit_us / G_USEC_PER_SEC);
}

static void
fill_figures(vmmiSimulated *run)
{
    const vmmiSimGuest *guest = vmmiSimulatedGuest(run);
    vmmiSimulateResult *result = run->result;
    const vmmiError *broken = vmmiEngineGetError(run->engine);

    result->total_us = run->world->now - run->began;
    result->downtime_us = -1;
    result->started = run->job != 0;
    if (broken)
        result->policy_error = g_strdup(vmmiErrorGetMessage(broken));
    if (!run->job || !guest->has_last || guest->last.id != run->job)
        return;
    result->downtime_us = guest->last.downtime_us;
    result->bytes_sent = (uint64_t)guest->last.sent_bytes;
    result->iterations = guest->last.syncs;
    result->statistics = vmmiSampleNew();
    vmmiSimSampleCompleted(guest, result->statistics);
}

static vmmiState
final_state(vmmiOutcomeKind outcome)
{
    switch (outcome) {
    case VMMI_OUTCOME_COMPLETED:
        return VMMI_STATE_COMPLETED;
    case VMMI_OUTCOME_ABORTED:
        return VMMI_STATE_ABORTED;
    case VMMI_OUTCOME_FAILED:
        return VMMI_STATE_FAILED;
    default:
        return VMMI_STATE_UNKNOWN;
    }
}

bool
vmmiSimulatedEnd(vmmiSimulated *run, bool late)
{
    const vmmiSimResult *ended = NULL;

    if (run->job)
        ended = vmmiSimWorldFindResult(run->world, run->job);
    if (run->job && goes_on(run, ended) && !late)
        return false;
    if (!run->job)
        judge_refused(run);
    else if (goes_on(run, ended))
        judge_late(run);
    else
        judge(run, ended);
    run->result->ended = !run->job || !goes_on(run, ended);
    fill_figures(run);
    if (vmmiTrackerSetState(&run->tracker, final_state(run->result->verdict.outcome)))
        vmmiSimulatedAnnounce(run);
    vmmiTraceAddEnd(&run->trace, &run->result->verdict, run->result->statistics);
    return true;
}
