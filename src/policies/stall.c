/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stall.c: the policy of KubeVirt's stall detection (VEP 248): what remains at the beginning of
 * each pass is compared with the smallest that was seen a while ago; once that does not fall any
 * more, the end is forced at a moment when little remains.
 *
 * Passes are judged by what remains at their beginning, the bandwidth by what is seen in between.
 */
#include "policies/policies.h"

#include <inttypes.h>
#include <stdio.h>

#include "policies/data-size.h"
#include "policies/ewma.h"
#include "policies/lowest.h"
#include "policies/poll.h"
#include "policies/resort.h"
#include "policies/start-flags.h"
#include "policies/window.h"

#define MIB(bytes) ((uint64_t)(bytes) >> 20)

typedef struct {
    uint64_t max_downtime_ms, initial_downtime_ms, forced_downtime_ms, switchover_ms;
    uint64_t completion_ms_per_gib, stall_ms, round_ms;
    double margin, possible_factor, patience_factor, completion_factor;
    bool allow_postcopy, allow_disruption, search_minimum;
} Options;

typedef struct {
    Options options;
    bool permit_postcopy; /* as the start came out */
    vmmiPoll poll;
    vmmiResort resort;
    uint64_t now_ms;
    bool initial_set;
    uint64_t gigabytes;     /* to be moved; 0: not known yet */
    uint64_t acceptable_ms; /* for all of it; 0: not known yet */
    uint64_t switch_by_ms;  /* what has not switched over by then is ended */

    vmmiEwma bandwidth; /* bytes a second */
    vmmiWindow window;
    uint64_t pass, remaining; /* at the beginning of the latest pass */
    bool stalled;
    uint64_t best; /* what may remain when the end is forced */
    vmmiLowest history;
    uint64_t patience_ms, relax_at_ms;
    unsigned int switch_id; /* of the action that raises the limit; 0: none under way */
    bool switching;         /* the end was forced */
    char verdict[200];      /* of the latest pass */
} Stall;

static const vmmiPolicyOption options[] = {
    { .name = "maxDowntimeMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "900",
      .minimum = 1,
      .maximum = 2000000,
      .unit = "ms",
      .meaning = "the downtime that is granted where the guest may not be disturbed" },
    { .name = "initialDowntimeMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "300",
      .minimum = 1,
      .maximum = 2000000,
      .unit = "ms",
      .meaning = "the limit at the beginning, where maxDowntimeMs is not less" },
    { .name = "forcedDowntimeMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "2000000",
      .minimum = 1,
      .maximum = 2000000,
      .unit = "ms",
      .meaning = "the limit that forces the end where the guest may be disturbed" },
    { .name = "allowPostcopy",
      .type = VMMI_OPTION_BOOL,
      .default_value = "false",
      .meaning = "post-copy may be used" },
    { .name = "allowWorkloadDisruption",
      .type = VMMI_OPTION_BOOL,
      .meaning =
          "the end may be forced, by post-copy if that is allowed, else by forcedDowntimeMs; when "
          "not given it is as allowPostcopy" },
    { .name = "completionTimeoutMsPerGib",
      .type = VMMI_OPTION_UINT,
      .default_value = "150000",
      .minimum = 1,
      .maximum = 86400000,
      .unit = "ms/GB",
      .meaning = "the acceptable time for each 10^9 bytes to be moved" },
    { .name = "completionTimeoutFactorPercent",
      .type = VMMI_OPTION_UINT,
      .default_value = "200",
      .minimum = 100,
      .maximum = 10000,
      .unit = "%",
      .meaning = "a forced end must fit into this share of the acceptable time" },
    { .name = "stallTimeoutMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "40000",
      .minimum = 1,
      .maximum = 86400000,
      .unit = "ms",
      .meaning = "what was seen this long ago is compared with; also the patience at first" },
    { .name = "stallMarginPercent",
      .type = VMMI_OPTION_UINT,
      .default_value = "4",
      .minimum = 1,
      .maximum = 99,
      .unit = "%",
      .meaning = "a fall by less is none, and a figure this close to the best is as good" },
    { .name = "patienceFactorPercent",
      .type = VMMI_OPTION_UINT,
      .default_value = "50",
      .minimum = 1,
      .maximum = 100,
      .unit = "%",
      .meaning = "each time that the aim is relaxed, patience shrinks to this share" },
    { .name = "searchLocalMinimum",
      .type = VMMI_OPTION_BOOL,
      .default_value = "true",
      .meaning = "force the end only when little remains" },
    { .name = "precopyPossibleFactorPercent",
      .type = VMMI_OPTION_UINT,
      .default_value = "150",
      .minimum = 100,
      .maximum = 10000,
      .unit = "%",
      .meaning =
          "maxDowntimeMs is granted up to this share of it, beyond the migration is aborted" },
    { .name = "switchoverTimeoutMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "60000",
      .minimum = 1,
      .maximum = 86400000,
      .unit = "ms",
      .meaning =
          "after the limit was raised the guest must switch over within this, or it is aborted" },
    { .name = "bandwidthSharePercent",
      .type = VMMI_OPTION_UINT,
      .default_value = "40",
      .minimum = 1,
      .maximum = 100,
      .unit = "%",
      .meaning = "the share of a new figure in the mean of the bandwidth" },
    { .name = "pollMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "400",
      .minimum = 50,
      .maximum = 60000,
      .unit = "ms",
      .meaning = "the time between two looks" },
    { .name = "roundToMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "1000",
      .minimum = 1,
      .maximum = 60000,
      .unit = "ms",
      .meaning = "timeouts are compared in whole multiples of this" },
    { .name = NULL },
};

static double
get_share(const vmmiPolicyConfig *config, const char *name)
{
    uint64_t percent = 0;

    vmmiPolicyConfigGetUInt(config, name, &percent);
    return (double)percent / 100;
}

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Stall *stall = state;
    Options *o = &stall->options;

    vmmiPolicyConfigGetUInt(config, "maxDowntimeMs", &o->max_downtime_ms);
    vmmiPolicyConfigGetUInt(config, "initialDowntimeMs", &o->initial_downtime_ms);
    vmmiPolicyConfigGetUInt(config, "forcedDowntimeMs", &o->forced_downtime_ms);
    vmmiPolicyConfigGetUInt(config, "switchoverTimeoutMs", &o->switchover_ms);
    vmmiPolicyConfigGetUInt(config, "completionTimeoutMsPerGib", &o->completion_ms_per_gib);
    vmmiPolicyConfigGetUInt(config, "stallTimeoutMs", &o->stall_ms);
    vmmiPolicyConfigGetUInt(config, "roundToMs", &o->round_ms);
    vmmiPolicyConfigGetUInt(config, "pollMs", &stall->poll.period_ms);
    vmmiPolicyConfigGetBool(config, "allowPostcopy", &o->allow_postcopy);
    o->allow_disruption = o->allow_postcopy;
    vmmiPolicyConfigGetBool(config, "allowWorkloadDisruption", &o->allow_disruption);
    vmmiPolicyConfigGetBool(config, "searchLocalMinimum", &o->search_minimum);
    o->margin = get_share(config, "stallMarginPercent");
    o->possible_factor = get_share(config, "precopyPossibleFactorPercent");
    o->patience_factor = get_share(config, "patienceFactorPercent");
    o->completion_factor = get_share(config, "completionTimeoutFactorPercent");
    stall->bandwidth.share = get_share(config, "bandwidthSharePercent");
    stall->window.length_ms = o->stall_ms;
    stall->permit_postcopy = o->allow_postcopy;
    if (o->initial_downtime_ms > o->max_downtime_ms)
        o->initial_downtime_ms = o->max_downtime_ms;
    if (o->forced_downtime_ms < o->max_downtime_ms)
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option 'forcedDowntimeMs' is %" PRIu64
                            " ms, less than 'maxDowntimeMs', %" PRIu64 " ms",
                            o->forced_downtime_ms, o->max_downtime_ms);
    return 0;
}

static int
prepare(void *state, vmmiPolicyStart *start, const vmmiError *refusal, vmmiError **err)
{
    Stall *stall = state;

    (void)err;
    if (stall->options.allow_postcopy)
        stall->permit_postcopy = vmmiStartFlagsWant(start, "postcopy", refusal);
    return 0;
}

/* --- figures ---------------------------------------------------------------------- */

static void
read_size(Stall *stall, const vmmiSample *sample)
{
    vmmiDataSize size;

    if (stall->gigabytes || !vmmiDataSizeRead(&size, sample))
        return;
    stall->gigabytes = vmmiDataSizeGigabytesUp(&size);
    stall->acceptable_ms = stall->gigabytes * stall->options.completion_ms_per_gib;
    stall->switch_by_ms = stall->acceptable_ms;
}

static bool
get_remaining(const vmmiSample *sample, uint64_t *remaining)
{
    return vmmiSampleGet(sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, remaining) ||
           vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, remaining);
}

/* The time to move what remained at the beginning of the latest pass. */
static uint64_t
expected_ms(const Stall *stall)
{
    double ms =
        stall->bandwidth.value > 0 ? (double)stall->remaining / (stall->bandwidth.value / 1000) : 0;

    return ms < (double)UINT32_MAX ? (uint64_t)ms : UINT32_MAX;
}

static uint64_t
budget_end_ms(const Stall *stall)
{
    return (uint64_t)((double)stall->acceptable_ms * stall->options.completion_factor);
}

static bool
fits_budget(const Stall *stall)
{
    uint64_t end = budget_end_ms(stall);

    return stall->bandwidth.value > 0 && end >= stall->now_ms &&
           expected_ms(stall) <= end - stall->now_ms;
}

/* --- the end ---------------------------------------------------------------------- */

static void
raise_limit(Stall *stall, vmmiPolicyActions *actions, uint64_t limit_ms, const char *why)
{
    stall->switching = true;
    stall->switch_id = vmmiPolicyActionTune(
        actions, VMMI_TUNE_DOWNTIME_MS, limit_ms,
        "%s: %" PRIu64 " MiB remain, %" PRIu64 " ms expected, best %" PRIu64 " MiB, pass %" PRIu64,
        why, MIB(stall->remaining), expected_ms(stall), MIB(stall->best), stall->pass);
    stall->switch_by_ms = stall->now_ms + stall->options.switchover_ms;
}

static void
start_postcopy(Stall *stall, vmmiPolicyActions *actions, const char *why)
{
    stall->switching = true;
    vmmiResortAsk(
        &stall->resort, actions, VMMI_RESORT_POSTCOPY,
        "%s: %" PRIu64 " MiB remain, %" PRIu64 " ms expected, best %" PRIu64 " MiB, pass %" PRIu64,
        why, MIB(stall->remaining), expected_ms(stall), MIB(stall->best), stall->pass);
}

static bool
can_postcopy(const Stall *stall)
{
    return stall->permit_postcopy && !stall->resort.postcopy_refused;
}

/* A switch that could not be carried out leaves the way open for another one. */
static void
note_results(Stall *stall, const vmmiPolicyEvent *event)
{
    if (vmmiResortNote(&stall->resort, event) && event->error)
        stall->switching = false;
    if (event->type == VMMI_POLICY_ACTION && stall->switch_id &&
        event->action_id == stall->switch_id) {
        stall->switch_id = 0;
        if (event->error)
            stall->switching = false;
    }
}

static void
decide(Stall *stall, vmmiPolicyActions *actions)
{
    const Options *o = &stall->options;
    uint64_t expected = expected_ms(stall);
    uint64_t target = (uint64_t)((double)stall->best * (1 + o->margin));

    if (o->search_minimum && stall->remaining > target) {
        snprintf(stall->verdict, sizeof(stall->verdict),
                 "stalled, waiting for less than %" PRIu64 " MiB", MIB(target));
    } else if (!fits_budget(stall)) {
        snprintf(stall->verdict, sizeof(stall->verdict),
                 "stalled, the rest would take %" PRIu64 " ms, longer than until %" PRIu64
                 " ms: perhaps the network",
                 expected, budget_end_ms(stall));
    } else if (o->allow_disruption && can_postcopy(stall)) {
        start_postcopy(stall, actions, "stalled, at a local minimum");
    } else if (o->allow_disruption) {
        raise_limit(stall, actions, o->forced_downtime_ms, "stalled, forced at a local minimum");
    } else if ((double)expected <= (double)o->max_downtime_ms * o->possible_factor) {
        raise_limit(stall, actions, o->max_downtime_ms, "stalled, at a local minimum");
    } else if (vmmiResortIsFree(&stall->resort, stall->now_ms)) {
        vmmiResortAsk(&stall->resort, actions, VMMI_RESORT_ABORT,
                      "stalled: %" PRIu64 " MiB remain at best, %" PRIu64
                      " ms expected, at most %" PRIu64 " ms are allowed",
                      MIB(stall->remaining), expected,
                      (uint64_t)((double)o->max_downtime_ms * o->possible_factor));
    }
}

/* --- passes ----------------------------------------------------------------------- */

static bool
detect(Stall *stall, uint64_t at_ms)
{
    const vmmiWindow *window = &stall->window;
    double threshold = (double)window->older * (1 - stall->options.margin);

    if (!window->has_older || stall->remaining < (uint64_t)threshold)
        return false;
    stall->stalled = true;
    stall->best = vmmiWindowSmallest(window);
    stall->patience_ms = stall->options.stall_ms;
    stall->relax_at_ms = at_ms + stall->patience_ms;
    return true;
}

static void
relax(Stall *stall, uint64_t at_ms)
{
    vmmiLowestAdd(&stall->history, stall->remaining);
    if (at_ms < stall->relax_at_ms || !vmmiLowestTake(&stall->history, &stall->best))
        return;
    stall->patience_ms = (uint64_t)((double)stall->patience_ms * stall->options.patience_factor);
    stall->relax_at_ms = at_ms + stall->patience_ms;
}

static void
look_at_pass(Stall *stall, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    uint64_t at_ms = vmmiSampleGetOr(event->sample, VMMI_SAMPLE_ELAPSED_MS, event->now_ms);

    if (!get_remaining(event->sample, &stall->remaining))
        return;
    stall->pass = event->iteration;
    if (stall->bandwidth.value <= 0 || stall->switching ||
        !vmmiResortIsFree(&stall->resort, event->now_ms))
        return;
    vmmiWindowAdd(&stall->window, at_ms, stall->remaining);
    if (stall->stalled)
        relax(stall, at_ms);
    else if (!detect(stall, at_ms))
        return;
    decide(stall, actions);
}

/* --- looks in between ------------------------------------------------------------- */

static void
look_between(Stall *stall, const vmmiPolicyEvent *event)
{
    uint64_t bandwidth;

    if (event->state == VMMI_STATE_SWITCHOVER)
        get_remaining(event->sample, &stall->remaining);
    else if (vmmiSampleGet(event->sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, &bandwidth))
        vmmiEwmaAdd(&stall->bandwidth, (double)bandwidth);
}

static void
time_out(Stall *stall, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    const Options *o = &stall->options;
    uint64_t limit =
        event->state == VMMI_STATE_SWITCHOVER ? stall->acceptable_ms : stall->switch_by_ms;

    if (!stall->acceptable_ms || vmmiTimeRoundDown(event->now_ms, o->round_ms) <= limit ||
        !vmmiResortIsFree(&stall->resort, event->now_ms))
        return;
    if (!stall->switching && event->state == VMMI_STATE_PRECOPY && fits_budget(stall)) {
        if (can_postcopy(stall)) {
            start_postcopy(stall, actions, "the acceptable time is over");
            return;
        }
        if (o->allow_disruption) {
            raise_limit(stall, actions, o->forced_downtime_ms,
                        "the acceptable time is over, forced");
            stall->acceptable_ms = budget_end_ms(stall);
            return;
        }
    }
    vmmiResortAsk(&stall->resort, actions, VMMI_RESORT_ABORT,
                  "not %s after %" PRIu64 " ms, the limit is %" PRIu64 " ms; %" PRIu64
                  " MiB remain, %" PRIu64 " ms expected",
                  stall->switching && event->state == VMMI_STATE_PRECOPY ? "switched over"
                                                                         : "completed",
                  event->now_ms, limit, MIB(stall->remaining), expected_ms(stall));
}

static void
set_initial_limit(Stall *stall, vmmiPolicyActions *actions)
{
    if (stall->initial_set || !stall->gigabytes)
        return;
    stall->initial_set = true;
    vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, stall->options.initial_downtime_ms,
                         "at the beginning, of at most %" PRIu64 " ms",
                         stall->options.max_downtime_ms);
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    Stall *stall = state;

    (void)err;
    stall->now_ms = event->now_ms;
    note_results(stall, event);
    if (event->state != VMMI_STATE_PRECOPY && event->state != VMMI_STATE_SWITCHOVER)
        return 0;
    read_size(stall, event->sample);
    set_initial_limit(stall, actions);
    if (event->type == VMMI_POLICY_ITERATION && event->state == VMMI_STATE_PRECOPY) {
        look_at_pass(stall, event, actions);
        time_out(stall, event, actions);
    } else if (vmmiPollIsDue(&stall->poll, event->now_ms)) {
        look_between(stall, event);
        time_out(stall, event, actions);
    }
    vmmiPolicyActionWakeAt(actions, stall->poll.next_ms);
    return 0;
}

static void
status(void *state, vmmiPolicyStatus *status)
{
    const Stall *stall = state;

    if (!stall->gigabytes)
        vmmiPolicyStatusSetReason(status, "waiting for the size of the guest");
    else if (stall->resort.postcopy_started)
        vmmiPolicyStatusSetReason(status, "post-copy, waiting for the rest to be moved");
    else if (stall->switching)
        vmmiPolicyStatusSetReason(status,
                                  "waiting for the guest to switch over, until %" PRIu64 " ms",
                                  stall->switch_by_ms);
    else if (stall->stalled)
        vmmiPolicyStatusSetReason(status, "%s; best %" PRIu64 " MiB, relaxed at %" PRIu64 " ms",
                                  stall->verdict, MIB(stall->best), stall->relax_at_ms);
    else if (stall->window.has_older)
        vmmiPolicyStatusSetReason(status,
                                  "converging: %" PRIu64 " MiB remain, %" PRIu64
                                  " MiB were seen %" PRIu64 " ms ago or earlier",
                                  MIB(stall->remaining), MIB(stall->window.older),
                                  stall->options.stall_ms);
    else
        vmmiPolicyStatusSetReason(status,
                                  "waiting for passes to compare, %" PRIu64
                                  " ms apart; acceptable are %" PRIu64 " ms",
                                  stall->options.stall_ms, stall->acceptable_ms);
}

const vmmiPolicy vmmiPolicyStall = {
    VMMI_POLICY_INIT,
    .name = "stall",
    .version = VMMI_VERSION,
    .summary =
        "forces the end at a moment when little remains, once what remains does not fall any "
        "more (KubeVirt's stall detection)",
    .options = options,
    .state_size = sizeof(Stall),
    .configure = configure,
    .prepare = prepare,
    .on_event = on_event,
    .status = status,
};
