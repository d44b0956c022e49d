/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * steps.c: the policy of OpenStack Nova: the tolerated downtime rises in steps by the clock, and a
 * migration that takes too long for its size is aborted or forced.
 *
 * It looks at no figure but the size: nothing is detected, only waited for.
 */
#include "policies/policies.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policies/data-size.h"
#include "policies/resort.h"
#include "policies/start-flags.h"

#define LEAST_MIB 2048 /* memory and disks count for this at least */
#define MIB_PER_GIB 1024

typedef struct {
    uint64_t downtime_ms, steps, delay_ms_per_gib, completion_ms_per_gib, round_ms;
    bool force, permit_postcopy, permit_autoconverge;
    uint64_t mib;           /* what is to be moved; 0: not known yet */
    uint64_t delay_ms;      /* between two steps */
    uint64_t completion_ms; /* 0: none */
    uint64_t next;          /* the step that has not been taken yet */
    uint64_t now_ms;
    vmmiResort resort;
} Steps;

static const char *const timeout_actions[] = { "abort", "force", NULL };

static const vmmiPolicyOption options[] = {
    { .name = "downtimeMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "500",
      .minimum = 100,
      .maximum = 2000000,
      .unit = "ms",
      .meaning = "the downtime that is tolerated at the last step" },
    { .name = "steps",
      .type = VMMI_OPTION_UINT,
      .default_value = "10",
      .minimum = 3,
      .maximum = 100,
      .meaning = "how often the tolerated downtime is raised after its first value" },
    { .name = "delayMsPerGib",
      .type = VMMI_OPTION_UINT,
      .default_value = "75000",
      .minimum = 100, /* Nova refuses less than 3000; small guests need less */
      .maximum = 86400000,
      .unit = "ms/GiB",
      .meaning = "the time between two steps, for each GiB to be moved" },
    { .name = "completionTimeoutMsPerGib",
      .type = VMMI_OPTION_UINT,
      .default_value = "800000",
      .maximum = 86400000,
      .unit = "ms/GiB",
      .meaning = "the longest time for each GiB to be moved, then timeoutAction; 0: none" },
    { .name = "timeoutAction",
      .type = VMMI_OPTION_STRING,
      .default_value = "\"abort\"",
      .choices = timeout_actions,
      .meaning =
          "at the timeout: give up, or force the end by post-copy if that is permitted, else "
          "by suspending the guest" },
    { .name = "permitPostcopy",
      .type = VMMI_OPTION_BOOL,
      .default_value = "false",
      .meaning = "post-copy may be used to force the end" },
    { .name = "permitAutoconverge",
      .type = VMMI_OPTION_BOOL,
      .default_value = "false",
      .meaning = "the guest may be throttled; without effect where post-copy is permitted" },
    { .name = "roundToMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "1000",
      .minimum = 1,
      .maximum = 60000,
      .unit = "ms",
      .meaning = "delay and timeout are cut to whole multiples of this" },
    { .name = NULL },
};

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Steps *steps = state;
    const char *action = "";

    vmmiPolicyConfigGetUInt(config, "downtimeMs", &steps->downtime_ms);
    vmmiPolicyConfigGetUInt(config, "steps", &steps->steps);
    vmmiPolicyConfigGetUInt(config, "delayMsPerGib", &steps->delay_ms_per_gib);
    vmmiPolicyConfigGetUInt(config, "completionTimeoutMsPerGib", &steps->completion_ms_per_gib);
    vmmiPolicyConfigGetUInt(config, "roundToMs", &steps->round_ms);
    vmmiPolicyConfigGetString(config, "timeoutAction", &action);
    vmmiPolicyConfigGetBool(config, "permitPostcopy", &steps->permit_postcopy);
    vmmiPolicyConfigGetBool(config, "permitAutoconverge", &steps->permit_autoconverge);
    steps->force = strcmp(action, "force") == 0;
    if (steps->force && !steps->completion_ms_per_gib)
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option 'timeoutAction' is 'force', but there is no timeout: option "
                            "'completionTimeoutMsPerGib' is 0");
    return 0;
}

/* Post-copy and auto-converge exclude each other, and post-copy goes first. */
static int
prepare(void *state, vmmiPolicyStart *start, const vmmiError *refusal, vmmiError **err)
{
    Steps *steps = state;

    (void)err;
    if (steps->permit_postcopy)
        steps->permit_postcopy = vmmiStartFlagsWant(start, "postcopy", refusal);
    if (!steps->permit_postcopy && steps->permit_autoconverge)
        vmmiStartFlagsWant(start, "auto_converge", refusal);
    return 0;
}

static uint64_t
per_gib(const Steps *steps, uint64_t ms)
{
    return vmmiTimeRoundDown(steps->mib * ms / MIB_PER_GIB, steps->round_ms);
}

static void
read_size(Steps *steps, const vmmiSample *sample)
{
    vmmiDataSize size;

    if (steps->mib || !vmmiDataSizeRead(&size, sample))
        return;
    steps->mib = vmmiDataSizeMebibytesAtLeast(&size, LEAST_MIB);
    steps->delay_ms = per_gib(steps, steps->delay_ms_per_gib);
    steps->completion_ms = per_gib(steps, steps->completion_ms_per_gib);
}

static uint64_t
step_at_ms(const Steps *steps, uint64_t step)
{
    return steps->delay_ms * step;
}

/* From a share of the limit up to all of it, in equal parts, cut to whole milliseconds. */
static uint64_t
step_value_ms(const Steps *steps, uint64_t step)
{
    uint64_t n = steps->steps;

    return steps->downtime_ms * (n + (n - 1) * step) / (n * n);
}

/* When several are due only the last of them is taken. */
static void
take_step(Steps *steps, vmmiPolicyActions *actions)
{
    uint64_t step;

    if (steps->next > steps->steps || steps->now_ms < step_at_ms(steps, steps->next))
        return;
    while (steps->next <= steps->steps && steps->now_ms >= step_at_ms(steps, steps->next))
        steps->next++;
    step = steps->next - 1;
    vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, step_value_ms(steps, step),
                         "step %" PRIu64 " of %" PRIu64 ", due after %" PRIu64 " ms, with %" PRIu64
                         " MiB to move",
                         step, steps->steps, step_at_ms(steps, step), steps->mib);
}

static bool
is_timed_out(const Steps *steps)
{
    return steps->completion_ms && steps->now_ms > steps->completion_ms;
}

static void
time_out(Steps *steps, vmmiState at, vmmiPolicyActions *actions)
{
    vmmiResort *resort = &steps->resort;
    uint64_t now = steps->now_ms, limit = steps->completion_ms;

    if (!vmmiResortIsFree(resort, now) || resort->suspended)
        return;
    if (steps->force && at != VMMI_STATE_PRECOPY)
        return; /* it ends already */
    if (!steps->force)
        vmmiResortAsk(resort, actions, VMMI_RESORT_ABORT,
                      "not completed after %" PRIu64 " ms, the limit is %" PRIu64
                      " ms for %" PRIu64 " MiB",
                      now, limit, steps->mib);
    else if (steps->permit_postcopy && !resort->postcopy_refused)
        vmmiResortAsk(resort, actions, VMMI_RESORT_POSTCOPY,
                      "not completed after %" PRIu64 " ms, the limit is %" PRIu64
                      " ms; post-copy is permitted",
                      now, limit);
    else
        vmmiResortAsk(resort, actions, VMMI_RESORT_SUSPEND,
                      "not completed after %" PRIu64 " ms, the limit is %" PRIu64
                      " ms; post-copy is %s",
                      now, limit, steps->permit_postcopy ? "refused" : "not permitted");
}

static void
ask_to_be_woken(const Steps *steps, vmmiPolicyActions *actions)
{
    uint64_t wake = UINT64_MAX;

    if (steps->next <= steps->steps)
        wake = step_at_ms(steps, steps->next);
    if (steps->completion_ms && !steps->resort.suspended) {
        uint64_t due = steps->completion_ms + 1;

        if (due <= steps->now_ms)
            due = steps->resort.again_ms;
        if (due > steps->now_ms && due < wake)
            wake = due;
    }
    if (wake != UINT64_MAX)
        vmmiPolicyActionWakeAt(actions, wake);
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    Steps *steps = state;

    (void)err;
    steps->now_ms = event->now_ms;
    vmmiResortNote(&steps->resort, event);
    if (event->state != VMMI_STATE_PRECOPY && event->state != VMMI_STATE_SWITCHOVER)
        return 0;
    read_size(steps, event->sample);
    if (!steps->mib)
        return 0;
    if (is_timed_out(steps))
        time_out(steps, event->state, actions);
    else if (event->state == VMMI_STATE_PRECOPY)
        take_step(steps, actions);
    ask_to_be_woken(steps, actions);
    return 0;
}

static void
say_timeout(const Steps *steps, char *text, size_t size)
{
    if (steps->completion_ms)
        snprintf(text, size, "%s after %" PRIu64 " ms", steps->force ? "forced" : "aborted",
                 steps->completion_ms);
    else
        snprintf(text, size, "no timeout");
}

static void
status(void *state, vmmiPolicyStatus *status)
{
    const Steps *steps = state;
    char timeout[64];

    say_timeout(steps, timeout, sizeof(timeout));
    if (!steps->mib)
        vmmiPolicyStatusSetReason(status, "waiting for the size of the guest");
    else if (steps->resort.suspended)
        vmmiPolicyStatusSetReason(status,
                                  "the guest is suspended, waiting for the rest to be moved");
    else if (steps->resort.postcopy_started)
        vmmiPolicyStatusSetReason(status, "post-copy, waiting for the rest to be moved");
    else if (steps->next > steps->steps)
        vmmiPolicyStatusSetReason(status,
                                  "all %" PRIu64 " steps taken, %" PRIu64 " ms tolerated; %s",
                                  steps->steps, steps->downtime_ms, timeout);
    else
        vmmiPolicyStatusSetReason(status,
                                  "waiting for the guest to converge; step %" PRIu64 " of %" PRIu64
                                  " to %" PRIu64 " ms after %" PRIu64 " ms; %s",
                                  steps->next, steps->steps, step_value_ms(steps, steps->next),
                                  step_at_ms(steps, steps->next), timeout);
}

const vmmiPolicy vmmiPolicySteps = {
    VMMI_POLICY_INIT,
    .name = "steps",
    .version = VMMI_VERSION,
    .summary = "raises the tolerated downtime by the clock, and ends what takes too long for its "
               "size (OpenStack Nova)",
    .options = options,
    .state_size = sizeof(Steps),
    .configure = configure,
    .prepare = prepare,
    .on_event = on_event,
    .status = status,
};
