/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive-goals.c: the options of the policy `adaptive`: what is wanted, not how.
 */
#include "policies/adaptive.h"

static const char *const permits[] = { "postcopy", "suspend", "autoconverge", "compress", NULL };
static const char *const ends[] = { "abort", "keep-trying", NULL };

const vmmiPolicyOption vmmiAdaptiveOptions[] = {
    { "deadlineSeconds", VMMI_OPTION_UINT, "0", 0, 604800, NULL, "s",
      "how long the whole migration may take; 0: as long as there is hope" },
    { "downtimeSoftMs", VMMI_OPTION_UINT, "300", 1, 2000000, NULL, "ms",
      "a pause that is of no consequence" },
    { "downtimeHardMs", VMMI_OPTION_UINT, "2000", 1, 2000000, NULL, "ms",
      "the longest pause that is ever taken" },
    { "throttleSilenceMs", VMMI_OPTION_UINT, "100", 0, 2000, NULL, "ms",
      "for how long auto-converge may let the guest stand still at a stretch" },
    { "permit", VMMI_OPTION_STRINGS, "[]", 0, 0, permits, NULL,
      "what may be done to the guest beyond a pause" },
    { "onFail", VMMI_OPTION_STRING, "\"abort\"", 0, 0, ends, NULL,
      "what happens when nothing that is permitted can work, or the deadline has come" },
    { NULL, VMMI_OPTION_BOOL, NULL, 0, 0, NULL, NULL, NULL },
};

static double
seconds_of(const vmmiPolicyConfig *config, const char *name, double scale)
{
    uint64_t value = 0;

    vmmiPolicyConfigGetUInt(config, name, &value);
    return (double)value / scale;
}

int
vmmiAdaptiveGoalsRead(vmmiAdaptiveGoals *goals, const vmmiPolicyConfig *config,
                      vmmiError **err G_GNUC_UNUSED)
{
    const char *const *values = NULL;
    const char *end = NULL;

    goals->deadline_s = seconds_of(config, "deadlineSeconds", 1);
    goals->soft_s = seconds_of(config, "downtimeSoftMs", 1000);
    goals->hard_s = seconds_of(config, "downtimeHardMs", 1000);
    goals->throttle_silence_s = seconds_of(config, "throttleSilenceMs", 1000);
    goals->soft_s = MIN(goals->soft_s, goals->hard_s);
    vmmiPolicyConfigGetStrings(config, "permit", &values);
    for (size_t i = 0; values && values[i]; i++) {
        for (unsigned int bit = 0; permits[bit]; bit++) {
            if (g_str_equal(values[i], permits[bit]))
                goals->permit |= 1u << bit;
        }
    }
    goals->keep_trying = vmmiPolicyConfigGetString(config, "onFail", &end) &&
                         g_str_equal(end, "keep-trying");
    return 0;
}
