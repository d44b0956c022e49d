/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadline.c: policies that act by the clock: KubeVirt's completion and progress timeouts, and
 * virsh's --timeout and --postcopy-after-precopy.
 *
 * KubeVirt's notion of progress is kept as it is: any fall of what remains since the look before
 * counts, so that the saw-tooth of passes is always progress.
 */
#include "policies/policies.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policies/data-size.h"
#include "policies/deadline.h"
#include "policies/poll.h"
#include "policies/reading.h"
#include "policies/resort.h"
#include "policies/start-flags.h"

typedef struct {
    vmmiDeadlineOptions options;
    bool permit_postcopy; /* as the start came out */
    vmmiPoll poll;
    vmmiReading reading;
    vmmiResort resort;
    uint64_t now_ms;
    uint64_t gigabytes;     /* to be moved; 0: not known yet */
    uint64_t acceptable_ms; /* 0: no limit, or not known yet */
    uint64_t remaining;     /* at the look before; 0: none yet */
    uint64_t progress_ms;   /* the last look that found less */
    bool assisted;          /* the guest stands still already */
    uint64_t downtime_ms;   /* as tuned; 0: not yet */
    uint64_t tuned_ms;
    bool timeout_used, pass_used; /* virsh's, each is tried once */
} Deadline;

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Deadline *deadline = state;

    if (vmmiDeadlineOptionsRead(&deadline->options, config, err) < 0)
        return -1;
    deadline->permit_postcopy = deadline->options.wants_postcopy;
    deadline->poll.period_ms = deadline->options.poll_ms;
    return 0;
}

/* KubeVirt can do without post-copy, virsh cannot. */
static int
prepare(void *state, vmmiPolicyStart *start, const vmmiError *refusal, vmmiError **err)
{
    Deadline *deadline = state;
    const vmmiDeadlineOptions *o = &deadline->options;

    if (!o->wants_postcopy || (o->virsh && refusal))
        return 0;
    deadline->permit_postcopy = vmmiStartFlagsWant(start, "postcopy", refusal);
    if (o->virsh && !deadline->permit_postcopy)
        return vmmiErrorSet(
            err, VMMI_ERR_OPTION,
            "option '%s' needs post-copy, but the start flag 'no-postcopy' forbids it",
            o->pass ? "postcopyAtIteration" : "timeoutAction");
    return 0;
}

/* --- virsh ------------------------------------------------------------------------ */

static void
follow_virsh(Deadline *deadline, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    const vmmiDeadlineOptions *o = &deadline->options;
    vmmiResort *resort = &deadline->resort;
    uint64_t now = event->now_ms;

    if (event->state != VMMI_STATE_PRECOPY)
        return;
    if (o->pass && !deadline->pass_used && event->iteration >= o->pass &&
        vmmiResortIsFree(resort, now)) {
        deadline->pass_used = true;
        vmmiResortAsk(resort, actions, VMMI_RESORT_POSTCOPY,
                      "pass %" PRIu64 " has begun, post-copy is wanted at %" PRIu64,
                      event->iteration, o->pass);
    }
    if (o->timeout_ms && !deadline->timeout_used && now >= o->timeout_ms &&
        vmmiResortIsFree(resort, now)) {
        deadline->timeout_used = true;
        vmmiResortAsk(resort, actions,
                      o->timeout_postcopy ? VMMI_RESORT_POSTCOPY : VMMI_RESORT_SUSPEND,
                      "not completed after %" PRIu64 " ms, the limit is %" PRIu64 " ms", now,
                      o->timeout_ms);
    }
    if (o->timeout_ms && !deadline->timeout_used)
        vmmiPolicyActionWakeAt(actions, now < o->timeout_ms ? o->timeout_ms : now + o->poll_ms);
}

/* --- KubeVirt --------------------------------------------------------------------- */

static void
note_progress(Deadline *deadline)
{
    uint64_t remaining;

    if (!deadline->reading.known)
        return;
    remaining = vmmiReadingRemaining(&deadline->reading, deadline->now_ms);
    if (deadline->remaining == 0 || remaining < deadline->remaining)
        deadline->progress_ms = deadline->now_ms;
    deadline->remaining = remaining;
}

static void
read_size(Deadline *deadline, const vmmiSample *sample)
{
    vmmiDataSize size;

    if (deadline->gigabytes || !vmmiDataSizeRead(&size, sample))
        return;
    deadline->gigabytes = vmmiDataSizeGigabytesUp(&size);
    deadline->acceptable_ms = deadline->gigabytes * deadline->options.completion_ms_per_gib;
}

/* Downtime tuning (VEP 291): in equal steps, by the clock, once a few passes have been made. */
static void
tune(Deadline *deadline, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    const vmmiDeadlineOptions *o = &deadline->options;
    uint64_t step = (o->max_downtime_ms - o->tuning_initial_ms) / o->tuning_steps;
    uint64_t next;

    if (!o->tuning || event->state != VMMI_STATE_PRECOPY)
        return;
    if (!deadline->downtime_ms) {
        next = o->tuning_initial_ms;
    } else {
        if (event->iteration < o->tuning_after ||
            event->now_ms - deadline->tuned_ms < o->tuning_cooldown_ms ||
            deadline->downtime_ms >= o->max_downtime_ms)
            return;
        next = deadline->downtime_ms + (step ? step : 1);
        if (next > o->max_downtime_ms)
            next = o->max_downtime_ms;
    }
    vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, next,
                         "pass %" PRIu64 " after %" PRIu64 " ms; the limit goes from %" PRIu64
                         " to %" PRIu64 " ms in %" PRIu64 " steps",
                         event->iteration, event->now_ms, o->tuning_initial_ms, o->max_downtime_ms,
                         o->tuning_steps);
    deadline->downtime_ms = next;
    deadline->tuned_ms = event->now_ms;
}

static uint64_t
whole(const Deadline *deadline, uint64_t ms)
{
    return vmmiTimeRoundDown(ms, deadline->options.round_ms);
}

/* Time for the rest to be moved. */
static void
note_standstill(Deadline *deadline)
{
    deadline->assisted = true;
    deadline->acceptable_ms *= 2;
}

static void
assist(Deadline *deadline, vmmiState at, vmmiPolicyActions *actions)
{
    vmmiResort *resort = &deadline->resort;

    if (at == VMMI_STATE_SWITCHOVER)
        note_standstill(deadline);
    else if (deadline->permit_postcopy && !resort->postcopy_refused)
        vmmiResortAsk(resort, actions, VMMI_RESORT_POSTCOPY,
                      "not completed after %" PRIu64 " ms, %" PRIu64
                      " ms are acceptable for %" PRIu64 " GB; post-copy is allowed",
                      deadline->now_ms, deadline->acceptable_ms, deadline->gigabytes);
    else
        vmmiResortAsk(resort, actions, VMMI_RESORT_SUSPEND,
                      "not completed after %" PRIu64 " ms, %" PRIu64
                      " ms are acceptable for %" PRIu64
                      " GB; the guest may be disturbed, post-copy is %s",
                      deadline->now_ms, deadline->acceptable_ms, deadline->gigabytes,
                      deadline->options.allow_postcopy ? "refused" : "not allowed");
}

static void
judge(Deadline *deadline, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    const vmmiDeadlineOptions *o = &deadline->options;
    vmmiResort *resort = &deadline->resort;
    uint64_t now = event->now_ms;
    uint64_t idle = now - deadline->progress_ms;
    bool late = deadline->acceptable_ms && whole(deadline, now) > deadline->acceptable_ms;

    if (!vmmiResortIsFree(resort, now))
        return;
    if (late && o->allow_disruption && !deadline->assisted)
        assist(deadline, event->state, actions);
    else if (o->progress_ms && whole(deadline, idle) > o->progress_ms)
        vmmiResortAsk(resort, actions, VMMI_RESORT_ABORT,
                      "no progress for %" PRIu64 " ms, the limit is %" PRIu64 " ms; %" PRIu64
                      " MiB remain",
                      idle, o->progress_ms, deadline->remaining >> 20);
    else if (late)
        vmmiResortAsk(resort, actions, VMMI_RESORT_ABORT,
                      "not completed after %" PRIu64 " ms, %" PRIu64
                      " ms are acceptable for %" PRIu64 " GB",
                      now, deadline->acceptable_ms, deadline->gigabytes);
}

static void
follow_kubevirt(Deadline *deadline, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    read_size(deadline, event->sample);
    vmmiReadingTake(&deadline->reading, VMMI_READING_DATA, event);
    if (vmmiPollIsDue(&deadline->poll, event->now_ms)) {
        note_progress(deadline);
        tune(deadline, event, actions);
        judge(deadline, event, actions);
    }
    vmmiPolicyActionWakeAt(actions, deadline->poll.next_ms);
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    Deadline *deadline = state;

    (void)err;
    deadline->now_ms = event->now_ms;
    if (vmmiResortNote(&deadline->resort, event) && deadline->resort.suspended &&
        !deadline->assisted)
        note_standstill(deadline);
    if (event->state != VMMI_STATE_PRECOPY && event->state != VMMI_STATE_SWITCHOVER)
        return 0;
    if (deadline->options.virsh)
        follow_virsh(deadline, event, actions);
    else
        follow_kubevirt(deadline, event, actions);
    return 0;
}

static void
say_virsh(const Deadline *deadline, vmmiPolicyStatus *status)
{
    const vmmiDeadlineOptions *o = &deadline->options;

    if (o->pass && !deadline->pass_used)
        vmmiPolicyStatusSetReason(status, "waiting for pass %" PRIu64 ", post-copy starts then",
                                  o->pass);
    else if (o->timeout_ms && !deadline->timeout_used)
        vmmiPolicyStatusSetReason(
            status, "waiting for the guest to converge, until %" PRIu64 " ms, then %s",
            o->timeout_ms, o->timeout_postcopy ? "post-copy" : "the guest is suspended");
    else
        vmmiPolicyStatusSetReason(status, "waiting for the end");
}

static void
status(void *state, vmmiPolicyStatus *status)
{
    const Deadline *deadline = state;
    const char *then = deadline->options.allow_disruption && !deadline->resort.suspended
                           ? deadline->permit_postcopy ? "post-copy" : "the guest is suspended"
                           : "it is aborted";

    if (deadline->resort.suspended)
        vmmiPolicyStatusSetReason(status,
                                  "the guest is suspended, waiting for the rest to be moved");
    else if (deadline->resort.postcopy_started)
        vmmiPolicyStatusSetReason(status, "post-copy, waiting for the rest to be moved");
    else if (deadline->options.virsh)
        say_virsh(deadline, status);
    else if (!deadline->gigabytes)
        vmmiPolicyStatusSetReason(status, "waiting for the size of the guest");
    else if (!deadline->acceptable_ms)
        vmmiPolicyStatusSetReason(
            status, "waiting for the guest to converge; last progress at %" PRIu64 " ms",
            deadline->progress_ms);
    else
        vmmiPolicyStatusSetReason(status,
                                  "waiting for the guest to converge, until %" PRIu64
                                  " ms, then %s; last progress at %" PRIu64 " ms",
                                  deadline->acceptable_ms, then, deadline->progress_ms);
}

const vmmiPolicy vmmiPolicyDeadline = {
    VMMI_POLICY_INIT,
    .name = "deadline",
    .version = VMMI_VERSION,
    .summary = "ends a migration that takes too long by post-copy, by suspending the guest or by "
               "giving up (KubeVirt's timeouts, virsh's timeout)",
    .options = vmmiDeadlineOptionTable,
    .state_size = sizeof(Deadline),
    .configure = configure,
    .prepare = prepare,
    .on_event = on_event,
    .status = status,
};
