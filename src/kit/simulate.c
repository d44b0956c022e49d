/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate.c: one policy over a simulated world in virtual time: from event to event of the world,
 * of the policy and of the loop around it.
 *
 * What begin.c, follow.c and sampler.c do with threads and clocks is done here with the world's own
 * time. Nothing is copied in the loop but one guest a sample.
 */
#include "kit/simulate.h"

#include "drivers/sim/sim-action.h"
#include "drivers/sim/sim-job.h"
#include "drivers/sim/sim-sample.h"
#include "drivers/sim/sim-step.h"
#include "kit/run.h"
#include "kit/simulate-run.h"
#include "util/cleanup.h"

/* The same limits as in a plugin. */
#define SAMPLE_MIN_US ((int64_t)vmmiKitDefaultLimits.sample_min * 1000)
#define SAMPLE_MAX_US ((int64_t)vmmiKitDefaultLimits.sample_max * 1000)
/* When nothing else is due, so that a limit is kept. */
#define STEP_MAX_US (10 * G_USEC_PER_SEC)

uint64_t
vmmiSimulatedNowMs(const vmmiSimulated *run)
{
    return (uint64_t)run->world->now / 1000;
}

vmmiSimGuest *
vmmiSimulatedGuest(const vmmiSimulated *run)
{
    return vmmiSimWorldGuest(run->world, run->guest);
}

void
vmmiSimulatedAnnounce(vmmiSimulated *run)
{
    if (run->tracker.state == VMMI_STATE_BEGIN)
        vmmiTraceAddBegin(&run->trace, run->asked, NULL);
    else
        vmmiTraceAddState(&run->trace, run->tracker.state);
    vmmiEngineSetState(run->engine, run->tracker.state, vmmiSimulatedNowMs(run));
}

/* --- beginning -------------------------------------------------------------------- */

static int
prepare(vmmiSimulated *run, const vmmiError *refusal, vmmiError **err)
{
    if (vmmiEnginePrepare(run->engine, run->start, refusal, err) < 0)
        return -1;
    json_decref(run->asked);
    run->asked = vmmiPolicyStartGetMigration(run->start);
    g_clear_pointer(&run->request, vmmiRequestFree);
    run->request = vmmiRequestNew(run->asked, vmmiSimulatedGuest(run)->uuid, "sim:///", NULL, err);
    return run->request ? 0 : -1;
}

/* @refusal: of the start before, NULL: it is the first. */
static int
start(vmmiSimulated *run, const vmmiError *refusal, vmmiError **err)
{
    vmmiSimOrder order;

    if (vmmiSimOrderRead(vmmiRequestGet(run->request), &order, err) < 0)
        return -1;
    if (refusal)
        vmmiTraceAddBegin(&run->trace, run->asked, refusal);
    if (vmmiTrackerSetState(&run->tracker, VMMI_STATE_BEGIN))
        vmmiSimulatedAnnounce(run);
    return vmmiSimActPerform(run->world, run->guest, run->source, run->order->destination,
                             vmmiRequestGet(run->request), &run->job, err);
}

/* A policy that is told of a refusal may choose otherwise, once. */
static int
begin_again(vmmiSimulated *run, const vmmiError *refusal, vmmiError **err)
{
    g_autoptr(json_t) before = vmmiPolicyStartGetMigration(run->start);
    g_autoptr(json_t) after = NULL;

    if (!vmmiEnginePrepares(run->engine))
        return vmmiErrorPropagate(err, vmmiErrorCopy(refusal));
    if (prepare(run, refusal, err) < 0)
        return -1;
    after = vmmiPolicyStartGetMigration(run->start);
    if (json_equal(before, after))
        return vmmiErrorPropagate(err, vmmiErrorCopy(refusal));
    return start(run, refusal, err);
}

static uint64_t
trace_clock(void *opaque)
{
    const vmmiSimulated *run = opaque;

    return (uint64_t)(run->world->now - run->began) / 1000;
}

static void
begin_trace(vmmiSimulated *run)
{
    const vmmiSimGuest *guest = vmmiSimulatedGuest(run);
    const vmmiTraceStart begun = {
        .policy = run->order->policy,
        .plugin = run->order->plugin,
        .options = run->order->options,
        .migration = run->order->migration,
        .uuid = guest->uuid,
        .guest = guest->name,
        .simulated = true,
    };

    if (!run->order->trace)
        return;
    run->trace.journal = run->order->trace;
    vmmiJournalSetClock(run->trace.journal, trace_clock, run);
    vmmiTraceAddStart(&run->trace, &begun);
    vmmiTraceAddState(&run->trace, run->tracker.state);
}

static void
begin(vmmiSimulated *run)
{
    g_autoptr(vmmiError) refusal = NULL;

    run->start = vmmiPolicyStartNew(run->order->migration);
    run->log_seen = run->world->next_sequence - 1;
    run->sampled = run->began - SAMPLE_MAX_US;
    vmmiEngineBegin(run->engine, vmmiSimulatedNowMs(run));
    if (prepare(run, NULL, &run->refusal) < 0)
        return;
    if (start(run, NULL, &refusal) == 0)
        return;
    begin_again(run, refusal, &run->refusal);
}

/* --- what comes in ---------------------------------------------------------------- */

static void
see_event(vmmiSimulated *run, const vmmiSimLogEntry *entry)
{
    vmmiEvent event = {
        .size = sizeof(event),
        .type = (vmmiEventType)entry->type,
        .boottime_ms = (uint64_t)entry->at / 1000,
        .iteration = entry->iteration,
        .reason = (vmmiGuestReason)entry->reason,
    };

    if (event.type == VMMI_EVENT_STATE)
        event.state = (vmmiState)entry->state;
    else if (event.type == VMMI_EVENT_GUEST)
        event.guest_state = (vmmiGuestState)entry->state;
    if (event.type == VMMI_EVENT_ITERATION || event.type == VMMI_EVENT_RECONNECTED)
        run->sample_asked = true;
    if (vmmiTrackerEvent(&run->tracker, &event))
        vmmiSimulatedAnnounce(run);
}

static void
take_in(vmmiSimulated *run)
{
    const GArray *log = run->world->log;
    guint at = log->len;

    if (run->world->next_sequence - 1 == run->log_seen)
        return;
    while (at > 0 && g_array_index(log, vmmiSimLogEntry, at - 1).sequence > run->log_seen)
        at--;
    run->log_seen = run->world->next_sequence - 1;
    for (; at < log->len; at++) {
        const vmmiSimLogEntry *entry = &g_array_index(log, vmmiSimLogEntry, at);

        if (entry->host == (int64_t)run->source &&
            (entry->guest < 0 || entry->guest == (int64_t)run->guest))
            see_event(run, entry);
    }
}

static int64_t
sample_due(const vmmiSimulated *run)
{
    return run->sampled + (run->sample_asked ? SAMPLE_MIN_US : SAMPLE_MAX_US);
}

/* How far it is never goes back, whoever reads it. */
static void
keep_percent(vmmiSimulated *run, vmmiSample *sample)
{
    uint64_t percent;

    if (!vmmiSampleGet(sample, VMMI_SAMPLE_PERCENT, &percent))
        return;
    run->percent = MAX(run->percent, percent);
    vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT, run->percent);
}

static void
take_sample(vmmiSimulated *run)
{
    g_autoptr(vmmiSample) sample = NULL;
    vmmiSimGuest shown;

    run->sampled = run->world->now;
    run->sample_asked = false;
    if (!run->world->hosts[run->source].reachable || vmmiSimulatedGuest(run)->job.id != run->job)
        return;
    sample = vmmiSampleNew();
    vmmiSimPeek(run->world, run->guest, &shown);
    vmmiSimSampleRunning(&shown, sample);
    vmmiSampleSet(sample, VMMI_SAMPLE_TIMESTAMP_MS, vmmiSimulatedNowMs(run));
    if (vmmiTrackerSample(&run->tracker, sample, VMMI_JOB_MIGRATION_OUT, NULL))
        vmmiSimulatedAnnounce(run);
    keep_percent(run, sample);
    vmmiEngineSample(run->engine, sample, run->tracker.iteration, vmmiSimulatedNowMs(run));
    vmmiTraceAddSample(&run->trace, sample, run->tracker.iteration, run->engine);
}

/* --- the loop --------------------------------------------------------------------- */

static int64_t
next_time(const vmmiSimulated *run)
{
    uint64_t timer_ms = vmmiEngineGetDeadline(run->engine);
    int64_t next = MIN(vmmiSimNext(run->world), sample_due(run));

    if (timer_ms < (uint64_t)INT64_MAX / 1000)
        next = MIN(next, (int64_t)timer_ms * 1000);
    if (run->acting)
        next = MIN(next, run->act_at);
    next = MIN(next, run->began + run->order->limit_us);
    return MIN(next, run->world->now + STEP_MAX_US);
}

static void
go_on(vmmiSimulated *run)
{
    const vmmiSimGuest *guest = vmmiSimulatedGuest(run);
    int64_t next = MAX(next_time(run), run->world->now + 1);

    if (run->counted)
        vmmiSimFeltAdd(&run->result->felt, run->world, guest, next);
    if (guest->job.id == run->job) {
        run->result->bytes_sent = (uint64_t)guest->job.sent_bytes;
        run->result->iterations = guest->job.syncs;
    }
    vmmiSimStep(run->world, next);
}

static void
live(vmmiSimulated *run)
{
    for (;;) {
        take_in(run);
        if (vmmiSimulatedEnd(run, run->world->now - run->began >= run->order->limit_us))
            return;
        if (run->world->now >= sample_due(run))
            take_sample(run);
        vmmiEngineTick(run->engine, vmmiSimulatedNowMs(run));
        vmmiSimulatedAct(run);
        go_on(run);
    }
}

/* --- the whole -------------------------------------------------------------------- */

/* What is random: the measured bandwidth, how far the guest's rate is off, and in which moment of
 * its phases the migration begins. */
static void
shuffle(vmmiSimulated *run)
{
    vmmiSimLoad *load = &vmmiSimulatedGuest(run)->load;
    uint64_t random = run->order->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

    run->world->seed = run->order->seed;
    load->dirty_rate *= 1 + run->order->spread * (2 * vmmiSimRandom(&random) - 1);
    if (load->pattern == VMMI_SIM_PATTERN_PHASED)
        vmmiSimStep(run->world, run->world->now + (int64_t)(vmmiSimRandom(&random) *
                                                            (double)(load->on_us + load->off_us)));
}

static int
find_source(vmmiSimulated *run, vmmiError **err)
{
    const vmmiSimGuest *guest = vmmiSimulatedGuest(run);

    for (size_t i = 0; i < run->world->n_hosts; i++) {
        if (guest->places[i].state == VMMI_GUEST_RUNNING ||
            guest->places[i].state == VMMI_GUEST_PAUSED) {
            run->source = i;
            run->counted = guest->places[i].state == VMMI_GUEST_RUNNING;
            return 0;
        }
    }
    return vmmiErrorSet(err, VMMI_ERR_STATE, "guest '%s' runs on no host of the simulated world",
                        guest->name);
}

static void
clear(vmmiSimulated *run)
{
    vmmiEngineFree(run->engine);
    vmmiPolicyStartFree(run->start);
    vmmiRequestFree(run->request);
    vmmiErrorFree(run->refusal);
    json_decref(run->asked);
    vmmiTraceClear(&run->trace);
    g_free(run->abort_reason);
    vmmiSimWorldFree(run->world);
}

int
vmmiSimulateRun(const vmmiSimulateOrder *order, vmmiSimulateResult *result, vmmiError **err)
{
    vmmiSimulated run = {
        .order = order,
        .guest = order->guest,
        .world = vmmiSimWorldCopy(order->world),
        .engine = vmmiEngineNew(order->policy),
        .result = result,
    };
    int status = -1;

    memset(result, 0, sizeof(*result));
    if (find_source(&run, err) == 0 && vmmiEngineConfigure(run.engine, order->options, err) == 0) {
        shuffle(&run);
        run.began = run.world->now;
        begin_trace(&run);
        begin(&run);
        live(&run);
        vmmiEngineStop(run.engine);
        status = 0;
    }
    if (run.trace.journal)
        vmmiJournalSetClock(run.trace.journal, NULL, NULL);
    clear(&run);
    return status;
}

void
vmmiSimulateResultClear(vmmiSimulateResult *result)
{
    vmmiKitVerdictClear(&result->verdict);
    vmmiSampleFree(result->statistics);
    g_free(result->policy_error);
    memset(result, 0, sizeof(*result));
}
