/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-policies.c: policies for tests of the kit, each for one thing.
 */
#include "fake-policies.h"

#include <string.h>

#include <glib.h>

typedef struct {
    unsigned int samples, results, timers;
    unsigned int first_id;
    bool acted;
} State;

/* Tunes three times at the first sample; the second fails. Then checks that the results come back
 * in order. */
static int
tuner_event(void *opaque, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    State *state = opaque;

    if (event->type == VMMI_POLICY_ACTION) {
        bool failed = event->error != NULL;

        if (event->action_id != state->first_id + state->results || failed != (state->results == 1))
            return vmmiErrorSet(err, 2000, "result %u came for action %u", state->results,
                                event->action_id);
        state->results++;
    }
    if (event->type != VMMI_POLICY_SAMPLE || state->acted)
        return 0;
    state->acted = true;
    state->first_id =
        vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, 500, "from %d to %d", 300, 500);
    vmmiPolicyActionTune(actions, VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND, 10, "this one fails");
    vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, 600, "and this one works");
    return 0;
}

static int
aborter_event(void *opaque G_GNUC_UNUSED, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
              vmmiError **err G_GNUC_UNUSED)
{
    if (event->type == VMMI_POLICY_ITERATION)
        vmmiPolicyActionAbort(actions, "pass %d is hopeless", (int)event->iteration);
    return 0;
}

static int
switcher_event(void *opaque, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
               vmmiError **err G_GNUC_UNUSED)
{
    State *state = opaque;

    if (event->type == VMMI_POLICY_SAMPLE && !state->acted) {
        state->acted = true;
        vmmiPolicyActionStartPostcopy(actions, "time to go");
    }
    return 0;
}

/* Acts by timers only. */
static int
clock_event(void *opaque, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
            vmmiError **err G_GNUC_UNUSED)
{
    State *state = opaque;

    if (event->type == VMMI_POLICY_TIMER && event->state == VMMI_STATE_PRECOPY &&
        ++state->timers == 3)
        vmmiPolicyActionAbort(actions, "three timers came");
    else
        vmmiPolicyActionWakeAt(actions, event->now_ms + 20);
    return 0;
}

static int
broken_event(void *opaque G_GNUC_UNUSED, const vmmiPolicyEvent *event,
             vmmiPolicyActions *actions G_GNUC_UNUSED, vmmiError **err G_GNUC_UNUSED)
{
    return event->type == VMMI_POLICY_SAMPLE ? -1 : 0;
}

static int
parachute_prepare(void *opaque G_GNUC_UNUSED, vmmiPolicyStart *start, const vmmiError *refusal,
                  vmmiError **err G_GNUC_UNUSED)
{
    vmmiPolicyStartSetFlag(start, "postcopy", refusal == NULL);
    vmmiPolicyStartSetUInt(start, "bandwidth", 100);
    return 0;
}

static int
stubborn_prepare(void *opaque G_GNUC_UNUSED, vmmiPolicyStart *start,
                 const vmmiError *refusal G_GNUC_UNUSED, vmmiError **err G_GNUC_UNUSED)
{
    vmmiPolicyStartSetFlag(start, "postcopy", true);
    return 0;
}

static int
quitter_prepare(void *opaque G_GNUC_UNUSED, vmmiPolicyStart *start G_GNUC_UNUSED,
                const vmmiError *refusal G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, 1001, "this policy never starts anything");
}

static int
chooser_configure(void *opaque G_GNUC_UNUSED, const vmmiPolicyConfig *config, vmmiError **err)
{
    uint64_t downtime_ms = 0;
    bool hard = false;
    const char *how = "?";
    const char *plan = "?";

    vmmiPolicyConfigGetUInt(config, "downtimeMs", &downtime_ms);
    vmmiPolicyConfigGetBool(config, "hard", &hard);
    vmmiPolicyConfigGetString(config, "how", &how);
    vmmiPolicyConfigGetJson(config, "plan", &plan);
    return vmmiErrorSet(err, 1234, "downtimeMs %d, hard %d, how %s, plan %s", (int)downtime_ms,
                        hard, how, plan);
}

static void
sayer_status(void *opaque G_GNUC_UNUSED, vmmiPolicyStatus *status)
{
    vmmiPolicyStatusSetReason(status, "waiting for %s", "nothing");
}

static const char *const ways[] = { "gently", "roughly", NULL };
static const vmmiPolicyOption options[] = {
    { .name = "downtimeMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "300",
      .minimum = 1,
      .maximum = 1000,
      .unit = "ms",
      .meaning = "the pause that is tolerated" },
    { .name = "hard",
      .type = VMMI_OPTION_BOOL,
      .default_value = "true",
      .meaning = "whether it is hard" },
    { .name = "how",
      .type = VMMI_OPTION_STRING,
      .default_value = "\"gently\"",
      .choices = ways,
      .meaning = "the way" },
    { .name = "plan", .type = VMMI_OPTION_JSON, .default_value = "[1]", .meaning = "anything" },
    { .name = NULL },
};
static const vmmiPolicyOption bad_options[] = {
    { .name = "x", .type = VMMI_OPTION_UINT, .default_value = "\"three\"", .meaning = "a number" },
    { .name = NULL },
};

#define BASE(n)                                                                                    \
    VMMI_POLICY_INIT, .name = n, .version = "1", .summary = "for tests", .state_size = sizeof(State)
static const vmmiPolicy policies[] = {
    { BASE("plain") },
    { BASE("tuner"), .on_event = tuner_event },
    { BASE("aborter"), .on_event = aborter_event },
    { BASE("switcher"), .on_event = switcher_event },
    { BASE("clock"), .on_event = clock_event },
    { BASE("broken"), .on_event = broken_event },
    { BASE("parachute"), .prepare = parachute_prepare },
    { BASE("stubborn"), .prepare = stubborn_prepare },
    { BASE("quitter"), .prepare = quitter_prepare },
    { BASE("chooser"), .configure = chooser_configure, .options = options },
    { BASE("sayer"), .status = sayer_status },
    { BASE("bad-default"), .options = bad_options },
};

const vmmiPolicy *
fakePolicyFind(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(policies); i++) {
        if (g_str_equal(policies[i].name, name))
            return &policies[i];
    }
    return NULL;
}
