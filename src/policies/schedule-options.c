/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schedule-options.c: the options of the policy `schedule`: its actions in either of two forms, or a
 * preset's, and the time between two looks.
 */
#include "policies/schedule-options.h"

#define MS_PER_S 1000

static const char *const engine_lists[] = { "initialItems", "convergenceItems", "lastItems" };

const vmmiPolicyOption vmmiScheduleOptionTable[] = {
    { .name = "schedule",
      .type = VMMI_OPTION_JSON,
      .meaning = "the actions: {\"init\": [ACTION...], \"stalling\": [{\"limit\": PASSES, "
                 "\"action\": ACTION}...]} with ACTION {\"name\": \"setDowntime\", \"params\": "
                 "[\"100\"]}, or an object with the three lists below" },
    { .name = "initialItems",
      .type = VMMI_OPTION_JSON,
      .meaning = "the initial actions in the form of oVirt's engine, instead of a schedule" },
    { .name = "convergenceItems",
      .type = VMMI_OPTION_JSON,
      .meaning = "the same: actions with the number of passes that each waits for" },
    { .name = "lastItems",
      .type = VMMI_OPTION_JSON,
      .meaning = "the same: the last actions, one at each look at which a pass is over" },
    { .name = "preset",
      .type = VMMI_OPTION_STRING,
      .choices = vmmiSchedulePresetNames,
      .meaning = "one of oVirt's policies: its start flags, and its actions unless others are "
                 "given; ovirt-minimal-downtime when neither is" },
    { .name = "monitorInterval",
      .type = VMMI_OPTION_UINT,
      .default_value = "10",
      .minimum = 1,
      .maximum = 3600,
      .unit = "s",
      .meaning = "the time between two looks; at each at most one action is taken" },
    { .name = "monitorIntervalMs",
      .type = VMMI_OPTION_UINT,
      .minimum = 100,
      .maximum = 3600000,
      .unit = "ms",
      .meaning = "the same in milliseconds, in place of monitorInterval" },
    { .name = NULL },
};

const char *const vmmiScheduleTopLevel[] = {
    "schedule", "monitorInterval", "initialItems", "convergenceItems", "lastItems", NULL,
};

/* The three lists as one object's text; NULL: none was given. Each is JSON text already. */
static char *
join_lists(const vmmiPolicyConfig *config)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(engine_lists); i++) {
        const char *list;

        if (vmmiPolicyConfigGetJson(config, engine_lists[i], &list))
            g_string_append_printf(text, "%s\"%s\":%s", text->len ? "," : "{", engine_lists[i],
                                   list);
    }
    if (text->len == 0)
        return NULL;
    g_string_append_c(text, '}');
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static int
read_actions(vmmiScheduleOptions *options, const vmmiPolicyConfig *config, vmmiError **err)
{
    g_autofree char *lists = join_lists(config);
    const char *text;

    options->origin = "schedule";
    if (vmmiPolicyConfigGetJson(config, "schedule", &text)) {
        if (lists)
            return vmmiErrorSet(err, VMMI_ERR_OPTION, "'schedule' cannot be given together with "
                                                      "initialItems, convergenceItems or lastItems");
        return vmmiScheduleRead(&options->schedule, text, "schedule", err);
    }
    if (lists)
        return vmmiScheduleRead(&options->schedule, lists, "", err);
    if (!options->preset)
        options->preset = vmmiSchedulePresetFind(vmmiSchedulePresetNames[0]);
    options->origin = options->preset->name;
    return vmmiScheduleRead(&options->schedule, options->preset->schedule, options->origin, err);
}

int
vmmiScheduleOptionsRead(vmmiScheduleOptions *options, const vmmiPolicyConfig *config,
                        vmmiError **err)
{
    const char *preset;
    uint64_t seconds = 10;

    vmmiScheduleInit(&options->schedule);
    if (vmmiPolicyConfigGetString(config, "preset", &preset))
        options->preset = vmmiSchedulePresetFind(preset);
    if (!vmmiPolicyConfigGetUInt(config, "monitorIntervalMs", &options->interval_ms)) {
        vmmiPolicyConfigGetUInt(config, "monitorInterval", &seconds);
        options->interval_ms = seconds * MS_PER_S;
    }
    return read_actions(options, config, err);
}
