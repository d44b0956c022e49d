/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-fixture.c: a policy's table over a trace of samples. The traces are policy-trace.c.
 */
#include "policy-fixture.h"

#include <string.h>

#include "kit/engine.h"
#include "kit/options.h"
#include "kit/start.h"
#include "kit/table.h"
#include "message/json.h"
#include "policy-trace.h"
#include "util/cleanup.h"

typedef struct {
    const PolicyCase *one;
    vmmiPolicy table;
    vmmiPolicyConfig *config;
    vmmiPolicyStart *start;
    vmmiEngine *engine;
    GString *actions;
    uint64_t limit_ms; /* the tolerated pause; 0: not set yet */
    bool aborted;
} Replay;

static void
replay_clear(Replay *replay)
{
    vmmiEngineFree(replay->engine);
    vmmiPolicyConfigFree(replay->config);
    vmmiPolicyStartFree(replay->start);
    if (replay->actions)
        g_string_free(replay->actions, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Replay, replay_clear)

json_t *
policyParse(const char *quoted)
{
    g_autofree char *text = g_strdup(quoted);
    json_t *value;

    g_strdelimit(text, "'", '"');
    value = vmmiJsonParseValue(text, strlen(text), NULL, NULL);
    if (!value)
        g_error("no JSON: %s", quoted);
    return value;
}

void
policyAssertContains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        g_assert_cmpstr(text, ==, part);
}

/* --- before it starts --- */

static int
configure(Replay *replay, vmmiError **err)
{
    g_autoptr(json_t) options = replay->one->options ? policyParse(replay->one->options) : NULL;
    g_autofree char *bad_key = NULL;

    if (vmmiPolicyTableCopy(replay->one->policy, &replay->table, err) < 0)
        return -1;
    replay->config = vmmiPolicyConfigNew(replay->table.options, options, &bad_key, err);
    if (!replay->config)
        return -1;
    replay->engine = vmmiEngineNew(&replay->table);
    return vmmiEngineConfigure(replay->engine, replay->config, err);
}

static int
prepare(Replay *replay, PolicyResult *result, vmmiError **err)
{
    g_autoptr(json_t) user = replay->one->migration ? policyParse(replay->one->migration) : NULL;
    g_autoptr(vmmiError) refusal = NULL;

    if (replay->one->attached)
        return 0;
    replay->start = vmmiPolicyStartNew(user);
    if (vmmiEnginePrepare(replay->engine, replay->start, NULL, err) < 0)
        return -1;
    if (replay->one->refusal) {
        vmmiErrorSet(&refusal, VMMI_ERR_OPERATION_FAILED, "%s", replay->one->refusal);
        if (vmmiEnginePrepare(replay->engine, replay->start, refusal, err) < 0)
            return -1;
    }
    result->migration = vmmiPolicyStartGetMigration(replay->start);
    return 0;
}

/* --- while it runs --- */

static void
write_action(Replay *replay, const vmmiAction *action, bool failed, uint64_t now_ms)
{
    g_string_append_printf(replay->actions, "%s%" G_GUINT64_FORMAT " %s",
                           replay->actions->len ? "; " : "", now_ms,
                           vmmiActionKindToString(action->kind));
    if (action->kind == VMMI_ACTION_TUNE)
        g_string_append_printf(replay->actions, " %s %" G_GUINT64_FORMAT,
                               vmmiTunableToString(action->what), action->value);
    if (failed)
        g_string_append_c(replay->actions, '!');
}

/* What an action changes in what the policy sees. */
static void
take_effect(Replay *replay, const vmmiAction *action, uint64_t now_ms)
{
    if (action->kind == VMMI_ACTION_TUNE && action->what == VMMI_TUNE_DOWNTIME_MS)
        replay->limit_ms = action->value;
    if (action->kind == VMMI_ACTION_START_POSTCOPY)
        vmmiEngineSetState(replay->engine, VMMI_STATE_POSTCOPY, now_ms);
    if (action->kind == VMMI_ACTION_ABORT)
        replay->aborted = true;
}

static void
carry_out(Replay *replay, uint64_t now_ms)
{
    const vmmiAction *action;

    while (!replay->aborted && (action = vmmiEngineNext(replay->engine))) {
        bool fails = g_strcmp0(vmmiActionKindToString(action->kind), replay->one->fails) == 0;
        g_autoptr(vmmiError) error = NULL;

        write_action(replay, action, fails, now_ms);
        if (fails)
            vmmiErrorSet(&error, VMMI_ERR_OPERATION_FAILED, "the host says no");
        vmmiEngineActionDone(replay->engine, error, now_ms);
        if (!fails)
            take_effect(replay, action, now_ms);
    }
}

/* Timers that come due before a time. */
static void
tick_until(Replay *replay, uint64_t until_ms)
{
    for (unsigned int guard = 0; guard < 1000000; guard++) {
        uint64_t due = vmmiEngineGetDeadline(replay->engine);

        if (due > until_ms || replay->aborted)
            return;
        vmmiEngineTick(replay->engine, due);
        carry_out(replay, due);
    }
    g_error("the policy asks for timers without end");
}

static void
feed(Replay *replay, const PolicyTraceRow *row)
{
    g_autoptr(vmmiSample) sample = vmmiSampleCopy(row->sample);

    if (!sample) {
        vmmiEngineSetState(replay->engine, row->state, row->at_ms);
    } else {
        if (replay->limit_ms)
            vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_LIMIT_MS, replay->limit_ms);
        vmmiEngineSample(replay->engine, sample, row->iteration, row->at_ms);
    }
    carry_out(replay, row->at_ms);
}

static void
replay_trace(Replay *replay, const PolicyTrace *trace)
{
    uint64_t stop_ms = replay->one->stop_ms;

    vmmiEngineBegin(replay->engine, 0);
    vmmiEngineSetState(replay->engine,
                       replay->one->attached ? VMMI_STATE_PRECOPY : VMMI_STATE_BEGIN, 0);
    carry_out(replay, 0);
    for (size_t i = 0; i < trace->rows->len && !replay->aborted; i++) {
        const PolicyTraceRow *row = g_ptr_array_index(trace->rows, i);

        if (stop_ms && row->at_ms > stop_ms)
            break;
        tick_until(replay, row->at_ms);
        if (!replay->aborted)
            feed(replay, row);
    }
    if (stop_ms)
        tick_until(replay, stop_ms);
}

static void
take_results(const Replay *replay, PolicyResult *result)
{
    g_autoptr(json_t) status = vmmiEngineGetStatus(replay->engine);

    result->actions = g_strdup(replay->actions->str);
    result->record = vmmiEngineGetRecord(replay->engine);
    result->reason = g_strdup(json_string_value(json_object_get(status, "reason")));
    result->error = vmmiErrorCopy(vmmiEngineGetError(replay->engine));
}

void
policyRun(const PolicyCase *one, const PolicyTrace *trace, PolicyResult *result)
{
    g_auto(Replay) replay = { .one = one, .actions = g_string_new(NULL) };

    memset(result, 0, sizeof(*result));
    if (configure(&replay, &result->error) < 0 || prepare(&replay, result, &result->error) < 0)
        return;
    if (trace)
        replay_trace(&replay, trace);
    take_results(&replay, result);
}

void
policyResultClear(PolicyResult *result)
{
    g_free(result->actions);
    json_decref(result->record);
    g_free(result->reason);
    json_decref(result->migration);
    vmmiErrorFree(result->error);
    memset(result, 0, sizeof(*result));
}

const char *
policyResultReason(const PolicyResult *result, size_t index)
{
    return json_string_value(json_object_get(json_array_get(result->record, index), "reason"));
}
