/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive.c: the policy `adaptive`: goals in, the least harm that reaches them out. Here events
 * meet decisions; what is known, what follows and what is done are in adaptive-*.c, the reasons for
 * all of it in docs/adaptive.md.
 */
#include <string.h>

#include "policies/adaptive.h"
#include "policies/policies.h"

typedef struct {
    vmmiAdaptiveGoals goals;
    vmmiAdaptiveStart start;
    vmmiAdaptiveEstimate estimate;
    vmmiAdaptiveControl control;
    vmmiAdaptiveDecision decision; /* the latest with a reason */
    unsigned int limit_id, postcopy_id;
    vmmiState state;
    bool begun;
} Adaptive;

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Adaptive *adaptive = state;

    return vmmiAdaptiveGoalsRead(&adaptive->goals, config, err);
}

static int
prepare(void *state, vmmiPolicyStart *start, const vmmiError *refusal,
        vmmiError **err G_GNUC_UNUSED)
{
    Adaptive *adaptive = state;

    return vmmiAdaptivePrepare(&adaptive->start, &adaptive->goals, start, refusal);
}

/* Attached to a migration of somebody else it is not known whether post-copy was made possible:
 * it is tried. */
static void
begin(Adaptive *adaptive)
{
    if (adaptive->begun)
        return;
    adaptive->begun = true;
    adaptive->control.postcopy_usable = adaptive->start.prepared
                                            ? adaptive->start.postcopy
                                            : adaptive->goals.permit & VMMI_ADAPTIVE_POSTCOPY;
}

static void
act(Adaptive *adaptive, const vmmiAdaptiveDecision *decision, vmmiPolicyActions *actions)
{
    switch (decision->verb) {
    case VMMI_ADAPTIVE_LIMIT:
        adaptive->limit_id = vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS,
                                                  decision->limit_ms, "%s", decision->reason);
        break;
    case VMMI_ADAPTIVE_START_POSTCOPY:
        adaptive->postcopy_id = vmmiPolicyActionStartPostcopy(actions, "%s", decision->reason);
        break;
    case VMMI_ADAPTIVE_DO_SUSPEND:
        vmmiPolicyActionSuspend(actions, "%s", decision->reason);
        break;
    case VMMI_ADAPTIVE_ABORT:
        vmmiPolicyActionAbort(actions, "%s", decision->reason);
        break;
    case VMMI_ADAPTIVE_WAIT:
        break;
    }
}

static void
take_sample(Adaptive *adaptive, const vmmiPolicyEvent *event, vmmiPolicyActions *actions)
{
    vmmiAdaptiveDecision decision = { 0 };
    bool boundary;

    if (!event->sample || event->state > VMMI_STATE_PRECOPY)
        return;
    boundary = vmmiAdaptiveEstimateTake(&adaptive->estimate, event->sample, event->now_ms,
                                        adaptive->control.limit_ms);
    vmmiAdaptiveDecide(&adaptive->goals, &adaptive->estimate, &adaptive->control, boundary,
                       &decision);
    if (*decision.reason)
        adaptive->decision = decision;
    act(adaptive, &decision, actions);
}

/* What was refused is not asked for again; a limit that was not taken is set again at the next
 * occasion. */
static void
take_result(Adaptive *adaptive, const vmmiPolicyEvent *event)
{
    if (!event->error)
        return;
    if (event->action_id == adaptive->postcopy_id) {
        adaptive->control.postcopy_asked = adaptive->control.postcopy_usable = false;
        g_snprintf(adaptive->start.note, sizeof(adaptive->start.note),
                   "without post-copy, as it was refused: %.200s",
                   vmmiErrorGetMessage(event->error));
    } else if (event->action_id == adaptive->limit_id) {
        adaptive->control.limit_ms = 0;
    }
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
         vmmiError **err G_GNUC_UNUSED)
{
    Adaptive *adaptive = state;

    begin(adaptive);
    adaptive->state = event->state;
    switch (event->type) {
    case VMMI_POLICY_SAMPLE:
    case VMMI_POLICY_ITERATION:
        take_sample(adaptive, event, actions);
        break;
    case VMMI_POLICY_ACTION:
        take_result(adaptive, event);
        break;
    case VMMI_POLICY_STATE:
    case VMMI_POLICY_TIMER:
        break;
    }
    return 0;
}

static const char *
reason_of(const Adaptive *adaptive)
{
    switch (adaptive->state) {
    case VMMI_STATE_SWITCHOVER:
        return "the guest stands still, and the rest is sent";
    case VMMI_STATE_POSTCOPY:
        return "the guest runs on the destination and fetches the rest of its memory";
    case VMMI_STATE_POSTCOPY_BROKEN:
        return "post-copy broke off: each host holds a part of the guest's memory, it stands "
               "still, and neither may be destroyed; the migration has to be taken up again with "
               "the flags postcopy and postcopy_resume";
    default:
        return *adaptive->decision.reason ? adaptive->decision.reason
                                          : "waits for the first figures";
    }
}

static void
status(void *state, vmmiPolicyStatus *status)
{
    const Adaptive *adaptive = state;

    if (*adaptive->start.note)
        vmmiPolicyStatusSetReason(status, "%s (%s)", reason_of(adaptive), adaptive->start.note);
    else
        vmmiPolicyStatusSetReason(status, "%s", reason_of(adaptive));
}

const vmmiPolicy vmmiPolicyAdaptive = {
    VMMI_POLICY_INIT,
    .name = "adaptive",
    .version = VMMI_VERSION,
    .summary = "reaches goals (deadline, longest pause, permissions) with the least harm",
    .options = vmmiAdaptiveOptions,
    .state_size = sizeof(Adaptive),
    .configure = configure,
    .prepare = prepare,
    .on_event = on_event,
    .status = status,
};
