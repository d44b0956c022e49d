/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gentle.c: a policy that sets a limit to the pause once and keeps it, whether the guest ever
 * arrives or not.
 */
#include <libvmmi/libvmmi.h>

typedef struct {
    uint64_t downtime_ms;
    int set;
} Gentle;

static const vmmiPolicyOption options[] = {
    { .name = "downtimeMs", .type = VMMI_OPTION_UINT, .default_value = "900", .minimum = 1,
      .maximum = 60000, .unit = "ms", .meaning = "the longest pause that the guest may suffer" },
    { .name = NULL },
};

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Gentle *gentle = state;

    (void)err;
    vmmiPolicyConfigGetUInt(config, "downtimeMs", &gentle->downtime_ms);
    return 0;
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    Gentle *gentle = state;

    (void)err;
    if (gentle->set || event->state != VMMI_STATE_PRECOPY)
        return 0;
    gentle->set = 1;
    vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, gentle->downtime_ms, "so it stays");
    return 0;
}

static const vmmiPolicy policy = {
    VMMI_POLICY_INIT, .name = "gentle", .version = "1", .summary = "keeps the pause short at any price",
    .options = options, .state_size = sizeof(Gentle), .configure = configure, .on_event = on_event,
};

int
main(int argc, char **argv)
{
    return vmmiPolicyMain(argc, argv, &policy);
}
