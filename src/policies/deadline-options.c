/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadline-options.c: the options of the policy `deadline`: two sets of rules that do not mix.
 */
#include "policies/deadline.h"

#include <stdlib.h>
#include <string.h>

static const char *const rules[] = { "kubevirt", "virsh", NULL };
static const char *const timeout_actions[] = { "suspend", "postcopy", NULL };

const vmmiPolicyOption vmmiDeadlineOptionTable[] = {
    { .name = "rules",
      .type = VMMI_OPTION_STRING,
      .default_value = "\"kubevirt\"",
      .choices = rules,
      .meaning =
          "whose rules: KubeVirt's timeouts, or virsh's --timeout and --postcopy-after-precopy" },
    { .name = "completionTimeoutMsPerGib",
      .type = VMMI_OPTION_UINT,
      .default_value = "150000",
      .maximum = 86400000,
      .unit = "ms/GB",
      .meaning = "kubevirt: the acceptable time for each 10^9 bytes to be moved; 0: no limit" },
    { .name = "progressTimeoutMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "150000",
      .maximum = 86400000,
      .unit = "ms",
      .meaning =
          "kubevirt: the longest time in which nothing becomes less, then it is aborted; 0: none" },
    { .name = "allowPostcopy",
      .type = VMMI_OPTION_BOOL,
      .default_value = "false",
      .meaning = "kubevirt: post-copy may be used when the acceptable time is over" },
    { .name = "allowWorkloadDisruption",
      .type = VMMI_OPTION_BOOL,
      .meaning =
          "kubevirt: at the end of the acceptable time the guest may be suspended, or moved by "
          "post-copy, rather than the migration aborted; when not given it is as allowPostcopy" },
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
      .meaning = "kubevirt: times are compared in whole multiples of this" },
    { .name = "downtimeTuning",
      .type = VMMI_OPTION_BOOL,
      .default_value = "false",
      .meaning = "kubevirt: raise the tolerated downtime in steps (VEP 291)" },
    { .name = "downtimeInitialMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "150",
      .minimum = 1,
      .maximum = 2000000,
      .unit = "ms",
      .meaning = "downtimeTuning: the first limit" },
    { .name = "maxDowntimeMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "900",
      .minimum = 1,
      .maximum = 2000000,
      .unit = "ms",
      .meaning = "downtimeTuning: the last limit" },
    { .name = "downtimeSteps",
      .type = VMMI_OPTION_UINT,
      .default_value = "7",
      .minimum = 1,
      .maximum = 1000,
      .meaning = "downtimeTuning: how many steps lead from the first limit to the last" },
    { .name = "downtimeAfterIteration",
      .type = VMMI_OPTION_UINT,
      .default_value = "3",
      .maximum = 1000000,
      .meaning = "downtimeTuning: no step before this pass" },
    { .name = "downtimeCooldownMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "10000",
      .minimum = 1,
      .maximum = 86400000,
      .unit = "ms",
      .meaning = "downtimeTuning: the time between two steps" },
    { .name = "timeoutMs",
      .type = VMMI_OPTION_UINT,
      .default_value = "0",
      .maximum = 604800000,
      .unit = "ms",
      .meaning = "virsh: the time after which timeoutAction is taken, once; 0: none" },
    { .name = "timeoutAction",
      .type = VMMI_OPTION_STRING,
      .default_value = "\"suspend\"",
      .choices = timeout_actions,
      .meaning = "virsh: what to do after timeoutMs" },
    { .name = "postcopyAtIteration",
      .type = VMMI_OPTION_UINT,
      .default_value = "0",
      .maximum = 1000000,
      .meaning = "virsh: post-copy starts when this pass begins, 2 is the one after the bulk pass; "
                 "0: never" },
    { .name = NULL },
};

static bool
is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

static bool
is_default(const vmmiPolicyConfig *config, const vmmiPolicyOption *option)
{
    const char *text;
    uint64_t number;
    bool flag;

    if (!option->default_value) /* given or not */
        return !vmmiPolicyConfigGetBool(config, option->name, &flag);
    if (vmmiPolicyConfigGetUInt(config, option->name, &number))
        return number == strtoull(option->default_value, NULL, 10);
    if (vmmiPolicyConfigGetBool(config, option->name, &flag))
        return flag == (strcmp(option->default_value, "true") == 0);
    return !vmmiPolicyConfigGetString(config, option->name, &text) ||
           (strncmp(option->default_value + 1, text, strlen(text)) == 0 &&
            strlen(option->default_value) == strlen(text) + 2);
}

/* An option of the other rules would be without effect. */
static int
refuse_mixture(bool virsh, const vmmiPolicyConfig *config, vmmiError **err)
{
    static const char *const both[] = { "rules", "pollMs", NULL };
    static const char *const virsh_only[] = { "timeoutMs", "timeoutAction", "postcopyAtIteration",
                                              NULL };

    for (const vmmiPolicyOption *option = vmmiDeadlineOptionTable; option->name; option++) {
        if (is_one_of(option->name, both) || is_one_of(option->name, virsh_only) == virsh)
            continue;
        if (!is_default(config, option))
            return vmmiErrorSet(err, VMMI_ERR_OPTION,
                                "option '%s' has no effect where 'rules' is '%s'", option->name,
                                virsh ? "virsh" : "kubevirt");
    }
    return 0;
}

static int
refuse_unused_tuning(const vmmiDeadlineOptions *options, const vmmiPolicyConfig *config,
                     vmmiError **err)
{
    static const char *const names[] = { "downtimeInitialMs",  "maxDowntimeMs",
                                         "downtimeSteps",      "downtimeAfterIteration",
                                         "downtimeCooldownMs", NULL };

    for (const vmmiPolicyOption *option = vmmiDeadlineOptionTable; option->name; option++) {
        if (options->tuning || !is_one_of(option->name, names) || is_default(config, option))
            continue;
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option '%s' has no effect where 'downtimeTuning' is false",
                            option->name);
    }
    return 0;
}

static int
check_virsh(const vmmiDeadlineOptions *options, vmmiError **err)
{
    if (!options->timeout_ms && options->timeout_postcopy)
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "option 'timeoutAction' is 'postcopy', but 'timeoutMs' is 0");
    if (!options->timeout_ms && !options->pass)
        return vmmiErrorSet(
            err, VMMI_ERR_OPTION,
            "where 'rules' is 'virsh', option 'timeoutMs' or 'postcopyAtIteration' is "
            "needed");
    return 0;
}

static int
check_kubevirt(const vmmiDeadlineOptions *options, vmmiError **err)
{
    if (options->allow_postcopy && !options->allow_disruption)
        return vmmiErrorSet(
            err, VMMI_ERR_OPTION,
            "option 'allowPostcopy' is true, but 'allowWorkloadDisruption' is false: "
            "post-copy would never start");
    if (options->allow_disruption && !options->completion_ms_per_gib)
        return vmmiErrorSet(
            err, VMMI_ERR_OPTION,
            "option '%s' is true, but 'completionTimeoutMsPerGib' is 0: it would never "
            "be used",
            options->allow_postcopy ? "allowPostcopy" : "allowWorkloadDisruption");
    return 0;
}

int
vmmiDeadlineOptionsRead(vmmiDeadlineOptions *options, const vmmiPolicyConfig *config,
                        vmmiError **err)
{
    const char *text = "";

    vmmiPolicyConfigGetString(config, "rules", &text);
    options->virsh = strcmp(text, "virsh") == 0;
    vmmiPolicyConfigGetUInt(config, "completionTimeoutMsPerGib", &options->completion_ms_per_gib);
    vmmiPolicyConfigGetUInt(config, "progressTimeoutMs", &options->progress_ms);
    vmmiPolicyConfigGetUInt(config, "pollMs", &options->poll_ms);
    vmmiPolicyConfigGetUInt(config, "roundToMs", &options->round_ms);
    vmmiPolicyConfigGetBool(config, "allowPostcopy", &options->allow_postcopy);
    options->allow_disruption = options->allow_postcopy;
    vmmiPolicyConfigGetBool(config, "allowWorkloadDisruption", &options->allow_disruption);
    vmmiPolicyConfigGetBool(config, "downtimeTuning", &options->tuning);
    vmmiPolicyConfigGetUInt(config, "downtimeInitialMs", &options->tuning_initial_ms);
    vmmiPolicyConfigGetUInt(config, "maxDowntimeMs", &options->max_downtime_ms);
    vmmiPolicyConfigGetUInt(config, "downtimeSteps", &options->tuning_steps);
    vmmiPolicyConfigGetUInt(config, "downtimeAfterIteration", &options->tuning_after);
    vmmiPolicyConfigGetUInt(config, "downtimeCooldownMs", &options->tuning_cooldown_ms);
    vmmiPolicyConfigGetUInt(config, "timeoutMs", &options->timeout_ms);
    vmmiPolicyConfigGetString(config, "timeoutAction", &text);
    options->timeout_postcopy = strcmp(text, "postcopy") == 0;
    vmmiPolicyConfigGetUInt(config, "postcopyAtIteration", &options->pass);
    options->wants_postcopy =
        options->virsh ? options->timeout_postcopy || options->pass : options->allow_postcopy;
    if (options->tuning_initial_ms > options->max_downtime_ms)
        options->tuning_initial_ms = options->max_downtime_ms;
    if (refuse_mixture(options->virsh, config, err) < 0 ||
        refuse_unused_tuning(options, config, err) < 0)
        return -1;
    return options->virsh ? check_virsh(options, err) : check_kubevirt(options, err);
}
