/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stage.c: a policy on a stage: samples by hand, timers by the clock of the test, and all that it
 * does in one line of text.
 */
#include "stage.h"

#include <string.h>

#include "kit/start.h"
#include "message/json.h"
#include "util/cleanup.h"

static vmmiPolicyConfig *
read_options(const vmmiPolicy *policy, const char *options, vmmiError **err)
{
    g_autoptr(json_t) given =
        options ? vmmiJsonParseValue(options, strlen(options), "options", NULL) : NULL;
    g_autofree char *bad_key = NULL;

    g_assert_true(!options || given);
    return vmmiPolicyConfigNew(policy->options, given, &bad_key, err);
}

void
stageOpen(Stage *stage, const vmmiPolicy *policy, const char *options)
{
    g_autoptr(vmmiError) error = NULL;

    memset(stage, 0, sizeof(*stage));
    stage->seen = g_string_new(NULL);
    stage->sample = vmmiSampleNew();
    stage->engine = vmmiEngineNew(policy);
    stage->config = read_options(policy, options, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_cmpint(vmmiEngineConfigure(stage->engine, stage->config, &error), ==, 0);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    vmmiEngineBegin(stage->engine, 0);
    vmmiEngineSetState(stage->engine, VMMI_STATE_PRECOPY, 0);
}

void
stageClear(Stage *stage)
{
    vmmiEngineFree(stage->engine);
    vmmiPolicyConfigFree(stage->config);
    vmmiSampleFree(stage->sample);
    g_string_free(stage->seen, TRUE);
    g_free(stage->reason);
}

static void
see(Stage *stage, const vmmiAction *action)
{
    g_string_append_printf(stage->seen, "%s%" G_GUINT64_FORMAT " ", stage->seen->len ? ", " : "",
                           stage->now_ms);
    if (action->kind == VMMI_ACTION_TUNE)
        g_string_append_printf(stage->seen, "%s=%" G_GUINT64_FORMAT,
                               vmmiTunableToString(action->what), action->value);
    else
        g_string_append(stage->seen, vmmiActionKindToString(action->kind));
    g_free(stage->reason);
    stage->reason = g_strdup(action->reason);
}

static void
follow(Stage *stage, vmmiActionKind kind)
{
    if (kind == VMMI_ACTION_START_POSTCOPY)
        vmmiEngineSetState(stage->engine, VMMI_STATE_POSTCOPY, stage->now_ms);
    if (kind == VMMI_ACTION_ABORT) {
        vmmiEngineSetState(stage->engine, VMMI_STATE_ABORTED, stage->now_ms);
        vmmiEngineStop(stage->engine);
        stage->over = true;
    }
}

static void
carry_out(Stage *stage)
{
    const vmmiAction *action;

    while (!stage->over && (action = vmmiEngineNext(stage->engine))) {
        g_autoptr(vmmiError) error = NULL;
        vmmiActionKind kind = action->kind;

        see(stage, action);
        if (g_strcmp0(stage->failing, vmmiActionKindToString(kind)) == 0)
            vmmiErrorSet(&error, VMMI_ERR_OPERATION_FAILED, "it fails");
        vmmiEngineActionDone(stage->engine, error, stage->now_ms);
        if (!error)
            follow(stage, kind);
    }
    g_assert_null(vmmiEngineGetError(stage->engine));
}

void
stageRun(Stage *stage, uint64_t at_ms)
{
    carry_out(stage);
    while (!stage->over && vmmiEngineGetDeadline(stage->engine) <= at_ms) {
        stage->now_ms = MAX(stage->now_ms, vmmiEngineGetDeadline(stage->engine));
        vmmiEngineTick(stage->engine, stage->now_ms);
        carry_out(stage);
    }
    stage->now_ms = at_ms;
}

void
stageSample(Stage *stage, uint64_t at_ms, uint64_t iteration)
{
    stageRun(stage, at_ms);
    vmmiSampleSet(stage->sample, VMMI_SAMPLE_ELAPSED_MS, at_ms);
    vmmiEngineSample(stage->engine, stage->sample, iteration, at_ms);
    carry_out(stage);
}

void
stageFigures(Stage *stage, uint64_t at_ms, uint64_t iteration, uint64_t remaining_bytes,
             uint64_t bytes_per_second)
{
    stageRun(stage, at_ms); /* the figures before count until then */
    vmmiSampleSet(stage->sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, remaining_bytes);
    vmmiSampleSet(stage->sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, remaining_bytes);
    vmmiSampleSet(stage->sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, bytes_per_second);
    stageSample(stage, at_ms, iteration);
}

char *
stageStatus(Stage *stage)
{
    g_autoptr(json_t) status = vmmiEngineGetStatus(stage->engine);

    return g_strdup(json_string_value(json_object_get(status, "reason")));
}

char *
stageRefusal(const vmmiPolicy *policy, const char *options)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiEngine) engine = vmmiEngineNew(policy);
    g_autoptr(vmmiPolicyConfig) config = read_options(policy, options, &error);

    if (config && vmmiEngineConfigure(engine, config, &error) == 0)
        return NULL;
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_OPTION);
    return g_strdup(vmmiErrorGetMessage(error));
}

char *
stageStart(const vmmiPolicy *policy, const char *options, const char *migration,
           const char *refusal)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiError) cause = NULL;
    g_autoptr(vmmiEngine) engine = vmmiEngineNew(policy);
    g_autoptr(vmmiPolicyConfig) config = read_options(policy, options, &error);
    g_autoptr(json_t) given = vmmiJsonParse(migration, strlen(migration), NULL, NULL);
    g_autoptr(vmmiPolicyStart) start = vmmiPolicyStartNew(given);
    g_autoptr(json_t) result = NULL;

    g_assert_nonnull(config);
    g_assert_cmpint(vmmiEngineConfigure(engine, config, &error), ==, 0);
    if (refusal)
        vmmiErrorSet(&cause, VMMI_ERR_NOT_SUPPORTED, "%s", refusal);
    if (vmmiEnginePrepare(engine, start, NULL, &error) < 0 ||
        (cause && vmmiEnginePrepare(engine, start, cause, &error) < 0))
        return g_strdup_printf("!%s", vmmiErrorGetMessage(error));
    result = vmmiPolicyStartGetMigration(start);
    return vmmiJsonWrite(result, false);
}
