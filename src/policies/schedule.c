/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule.c: the policy of oVirt and of the first VMMI: a convergence schedule.
 *
 * Initial actions when the job is there; then one look each interval, and at each at most one action,
 * in order: the next one whose limit is below the number of passes since the first look. A look
 * without a new pass does nothing. How the options are read is schedule-options.c.
 */
#include "policies/policies.h"

#include <inttypes.h>

#include "policies/resort.h"
#include "policies/schedule-options.h"
#include "policies/start-flags.h"

#define MIB UINT64_C(1048576)

typedef struct {
    vmmiScheduleOptions options;
    bool no_postcopy;   /* it was left out of the schedule */
    const char *why_no_postcopy;
    bool begun;         /* the initial actions were asked for */
    bool looked;        /* there was a first look */
    uint64_t next_ms;   /* the next look */
    uint64_t first;     /* the pass of the first look */
    uint64_t last;      /* the pass of the last look that saw a new one */
    guint at;           /* the action that comes next */
    char *failure;      /* of the last action; NULL: it was done */
    vmmiResort resort;
    /* as of the last event */
    vmmiState state;
    uint64_t now_ms, iteration;
} State;

static const vmmiScheduleItem *
next_item(const State *state)
{
    const GArray *list = state->options.schedule.stalling;

    return state->at < list->len ? &g_array_index(list, vmmiScheduleItem, state->at) : NULL;
}

static int
configure(void *opaque, const vmmiPolicyConfig *config, vmmiError **err)
{
    State *state = opaque;

    return vmmiScheduleOptionsRead(&state->options, config, err);
}

static void
clear(void *opaque)
{
    State *state = opaque;

    vmmiScheduleClear(&state->options.schedule);
    g_free(state->failure);
}

/* --- the start --- */

/* Post-copy is no way out with parallel streams, and none that the user or the host forbids. */
static int
settle_postcopy(State *state, vmmiPolicyStart *start, const vmmiError *refusal, vmmiError **err)
{
    vmmiSchedule *schedule = &state->options.schedule;

    if (!vmmiScheduleHas(schedule, VMMI_SCHEDULE_POSTCOPY))
        return 0;
    if (vmmiPolicyStartHasFlag(start, "parallel"))
        state->why_no_postcopy = "it does not go together with parallel streams";
    else if (!vmmiStartFlagsWant(start, "postcopy", refusal))
        state->why_no_postcopy = vmmiStartFlagsRefused(refusal, "postcopy")
                                     ? "the host refused it"
                                     : "the configuration forbids it";
    if (!state->why_no_postcopy)
        return 0;
    state->no_postcopy = true;
    vmmiScheduleDrop(schedule, VMMI_SCHEDULE_POSTCOPY);
    if (!vmmiScheduleIsEmpty(schedule))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_OPTION, "%s: nothing is left without post-copy: %s",
                        state->options.origin, state->why_no_postcopy);
}

static void
settle_compression(vmmiPolicyStart *start, const vmmiError *refusal)
{
    bool on = !vmmiPolicyStartHasFlag(start, "parallel") &&
              vmmiStartFlagsWant(start, "compressed", refusal);

    vmmiPolicyStartSetString(start, "compression", on ? "xbzrle" : NULL);
}

static int
prepare(void *opaque, vmmiPolicyStart *start, const vmmiError *refusal, vmmiError **err)
{
    State *state = opaque;
    const vmmiSchedulePreset *preset = state->options.preset;

    /* Whoever wrote a schedule of one's own counted on a guest that is slowed down. */
    if (!preset || preset->auto_converge)
        vmmiStartFlagsWant(start, "auto_converge", refusal);
    if (preset && preset->compressed)
        settle_compression(start, refusal);
    if (preset && preset->zerocopy && vmmiPolicyStartHasFlag(start, "parallel"))
        vmmiStartFlagsWant(start, "zerocopy", refusal);
    return settle_postcopy(state, start, refusal, err);
}

/* --- actions --- */

static uint64_t
remaining_mib(const vmmiPolicyEvent *event)
{
    return vmmiSampleGetOr(event->sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 0) / MIB;
}

static void
act(State *state, const vmmiScheduleItem *item, vmmiPolicyActions *actions, const char *reason)
{
    switch (item->kind) {
    case VMMI_SCHEDULE_SET_DOWNTIME:
        vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, item->value, "%s", reason);
        break;
    case VMMI_SCHEDULE_SET_BANDWIDTH:
        vmmiPolicyActionTune(actions, VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND, item->value, "%s",
                             reason);
        break;
    case VMMI_SCHEDULE_POSTCOPY:
        vmmiResortAsk(&state->resort, actions, VMMI_RESORT_POSTCOPY, "%s", reason);
        break;
    case VMMI_SCHEDULE_SUSPEND:
        vmmiResortAsk(&state->resort, actions, VMMI_RESORT_SUSPEND, "%s", reason);
        break;
    case VMMI_SCHEDULE_ABORT:
        vmmiResortAsk(&state->resort, actions, VMMI_RESORT_ABORT, "%s", reason);
        break;
    }
}

static void
begin(State *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    const GArray *init = state->options.schedule.init;

    state->begun = true;
    for (guint i = 0; i < init->len; i++) {
        const vmmiScheduleItem *item = &g_array_index(init, vmmiScheduleItem, i);
        g_autofree char *what = vmmiScheduleItemToString(item);
        g_autofree char *reason =
            g_strdup_printf("initial action %u of %u of %s: %s; %" PRIu64 " MiB are to be moved",
                            i + 1, init->len, state->options.origin, what, remaining_mib(event));

        act(state, item, actions, reason);
    }
}

static void
take_next(State *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    const vmmiScheduleItem *item = next_item(state);
    uint64_t passes = state->last - state->first;
    g_autofree char *what = item ? vmmiScheduleItemToString(item) : NULL;
    g_autofree char *limit = NULL;
    g_autofree char *reason = NULL;

    if (!item || (item->limit >= 0 && (uint64_t)item->limit >= passes))
        return;
    limit = item->limit < 0 ? g_strdup("any will do")
                            : g_strdup_printf("the limit is %" PRId64, item->limit);
    reason = g_strdup_printf("action %u of %u of %s: %s; %" PRIu64 " passes since the first look, "
                             "%s; %" PRIu64 " MiB remain after %.1f s",
                             state->at + 1, state->options.schedule.stalling->len,
                             state->options.origin, what, passes, limit, remaining_mib(event),
                             (double)event->now_ms / 1000);
    state->at++;
    act(state, item, actions, reason);
}

/* --- looks --- */

/* A job that prepares has figures, too, but nothing to be moved yet. */
static bool
runs(const vmmiPolicyEvent *event)
{
    return event->sample && event->state < VMMI_STATE_SWITCHOVER &&
           (vmmiSampleGetOr(event->sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, 0) > 0 ||
            vmmiSampleGetOr(event->sample, VMMI_SAMPLE_DATA_TOTAL_BYTES, 0) > 0);
}

static void
look(State *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    if (!state->looked) {
        /* The hypervisor's count may include passes of an earlier migration. */
        state->looked = true;
        state->first = state->last = event->iteration;
    }
    if (event->iteration <= state->last || !vmmiResortIsFree(&state->resort, event->now_ms))
        return;
    state->last = event->iteration;
    take_next(state, event, actions);
}

/* Looks keep to their times; those that were missed are left out. */
static void
arrange_next(State *state, uint64_t now_ms)
{
    uint64_t interval = state->options.interval_ms;

    state->next_ms += interval * ((now_ms - state->next_ms) / interval + 1);
}

/* --- what came of an action --- */

static void
note_result(State *state, const vmmiPolicyEvent *event)
{
    bool strong = vmmiResortNote(&state->resort, event);

    g_clear_pointer(&state->failure, g_free);
    if (!event->error)
        return;
    state->failure = g_strdup(vmmiErrorGetMessage(event->error));
    /* There is nothing after giving up but trying it again. */
    if (strong && state->resort.kind == VMMI_RESORT_ABORT && state->at > 0)
        state->at--;
}

static int
on_event(void *opaque, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
         vmmiError **err G_GNUC_UNUSED)
{
    State *state = opaque;

    state->now_ms = event->now_ms;
    state->iteration = event->iteration;
    state->state = event->state;
    if (!state->next_ms)
        state->next_ms = state->options.interval_ms;
    if (event->type == VMMI_POLICY_ACTION)
        note_result(state, event);
    if (!state->begun && runs(event))
        begin(state, event, actions);
    if (event->now_ms >= state->next_ms) {
        if (runs(event))
            look(state, event, actions);
        arrange_next(state, event->now_ms);
    }
    vmmiPolicyActionWakeAt(actions, state->next_ms);
    return 0;
}

/* --- what it waits for --- */

static char *
describe_next(const State *state)
{
    const vmmiScheduleItem *item = next_item(state);
    g_autofree char *what = item ? vmmiScheduleItemToString(item) : NULL;
    uint64_t at_s = state->next_ms / 1000, at_ms = state->next_ms % 1000;

    if (state->resort.kind == VMMI_RESORT_ABORT && state->resort.action_id)
        return g_strdup("it has asked to abort");
    if (!item)
        return g_strdup_printf("the schedule has run out after %u actions: the migration goes on "
                               "as it is",
                               state->options.schedule.stalling->len);
    if (!state->looked)
        return g_strdup_printf("the first look is at %" PRIu64 ".%03" PRIu64 " s, passes are "
                               "counted from there; then comes %s",
                               at_s, at_ms, what);
    return g_strdup_printf(
        "%" PRIu64 " passes since the first look; at the next one, at %" PRIu64 ".%03" PRIu64
        " s, comes %s if a new pass has begun and more than %" PRId64 " are over",
        state->iteration > state->first ? state->iteration - state->first : 0, at_s, at_ms, what,
        MAX(item->limit, 0));
}

static void
say_status(void *opaque, vmmiPolicyStatus *status)
{
    const State *state = opaque;
    g_autofree char *next = NULL;

    if (state->resort.postcopy_started || state->state == VMMI_STATE_POSTCOPY) {
        vmmiPolicyStatusSetReason(status, "post-copy runs: no more actions");
        return;
    }
    if (!state->begun) {
        vmmiPolicyStatusSetReason(status, "waits for the job to begin; then come %u initial actions",
                                  state->options.schedule.init->len);
        return;
    }
    next = describe_next(state);
    vmmiPolicyStatusSetReason(status, "%s%s%s%s%s%s%s: %s", state->options.origin,
                              state->no_postcopy ? " (without post-copy: " : "",
                              state->no_postcopy ? state->why_no_postcopy : "",
                              state->no_postcopy ? ")" : "",
                              state->failure ? " (an action failed: " : "",
                              state->failure ? state->failure : "", state->failure ? ")" : "",
                              next);
}

const vmmiPolicy vmmiPolicySchedule = {
    VMMI_POLICY_INIT,
    .name = "schedule",
    .version = VMMI_VERSION,
    .summary = "actions tied to numbers of passes, as in oVirt's convergence schedules",
    .options = vmmiScheduleOptionTable,
    .top_level = vmmiScheduleTopLevel,
    .state_size = sizeof(State),
    .configure = configure,
    .prepare = prepare,
    .on_event = on_event,
    .status = say_status,
    .clear = clear,
};
