/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forceful.c: a policy that makes the guest arrive: it raises the tolerated pause with each pass
 * that did not suffice.
 */
#include <libvmmi/libvmmi.h>

typedef struct {
    uint64_t downtime_ms, step_ms;
    int set;
} Forceful;

static const vmmiPolicyOption options[] = {
    { .name = "downtimeMs", .type = VMMI_OPTION_UINT, .default_value = "1300", .minimum = 1,
      .maximum = 60000, .unit = "ms", .meaning = "the pause that is tolerated at first" },
    { .name = "stepMs", .type = VMMI_OPTION_UINT, .default_value = "400", .minimum = 1,
      .maximum = 60000, .unit = "ms", .meaning = "what each further pass adds" },
    { .name = NULL },
};

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Forceful *forceful = state;

    (void)err;
    vmmiPolicyConfigGetUInt(config, "downtimeMs", &forceful->downtime_ms);
    vmmiPolicyConfigGetUInt(config, "stepMs", &forceful->step_ms);
    return 0;
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    Forceful *forceful = state;

    (void)err;
    if (event->state != VMMI_STATE_PRECOPY ||
        (forceful->set && event->type != VMMI_POLICY_ITERATION))
        return 0;
    vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, forceful->downtime_ms, "it shall arrive");
    forceful->downtime_ms += forceful->step_ms;
    forceful->set = 1;
    return 0;
}

static const vmmiPolicy policy = {
    VMMI_POLICY_INIT, .name = "forceful", .version = "1", .summary = "makes the guest arrive",
    .options = options, .state_size = sizeof(Forceful), .configure = configure, .on_event = on_event,
};

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &policy);
}
