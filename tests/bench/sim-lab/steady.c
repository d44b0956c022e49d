/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * steady.c: a policy without judgement, for comparisons of the simulator with real hosts: one limit
 * for the pause from the first moment on, post-copy or an abort behind a pass that is named.
 */
#include <libvmmi/libvmmi.h>

typedef struct {
    uint64_t downtime_ms, postcopy_after, abort_after;
    int set, ended;
} Steady;

static const vmmiPolicyOption options[] = {
    { .name = "downtimeMs", .type = VMMI_OPTION_UINT, .default_value = "300", .minimum = 1,
      .maximum = 60000, .unit = "ms", .meaning = "the longest pause that is tolerated" },
    { .name = "postcopyAfter", .type = VMMI_OPTION_UINT, .default_value = "0", .maximum = 1000,
      .unit = "passes", .meaning = "starts post-copy then; 0: never" },
    { .name = "abortAfter", .type = VMMI_OPTION_UINT, .default_value = "0", .maximum = 1000,
      .unit = "passes", .meaning = "gives up then; 0: never" },
    { .name = NULL },
};

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Steady *steady = state;

    (void)err;
    vmmiPolicyConfigGetUInt(config, "downtimeMs", &steady->downtime_ms);
    vmmiPolicyConfigGetUInt(config, "postcopyAfter", &steady->postcopy_after);
    vmmiPolicyConfigGetUInt(config, "abortAfter", &steady->abort_after);
    return 0;
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    Steady *steady = state;

    (void)err;
    if (event->state != VMMI_STATE_PRECOPY)
        return 0;
    if (!steady->set)
        vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, steady->downtime_ms, "so it stays");
    steady->set = 1;
    if (steady->ended || event->type != VMMI_POLICY_ITERATION)
        return 0;
    if (steady->postcopy_after > 0 && event->iteration > steady->postcopy_after)
        vmmiPolicyActionStartPostcopy(actions, "it was asked for");
    else if (steady->abort_after > 0 && event->iteration > steady->abort_after)
        vmmiPolicyActionAbort(actions, "it was asked for");
    else
        return 0;
    steady->ended = 1;
    return 0;
}

static const vmmiPolicy policy = {
    VMMI_POLICY_INIT, .name = "steady", .version = "1", .summary = "does the same whatever happens",
    .options = options, .state_size = sizeof(Steady), .configure = configure, .on_event = on_event,
};

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &policy);
}
