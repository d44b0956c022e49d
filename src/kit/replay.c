/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.c: a policy over a recorded migration. What its decisions would have meant is
 * replay-course.c.
 */
#include "kit/replay.h"

#include <inttypes.h>
#include <string.h>

#include "kit/start.h"
#include "kit/trace.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "util/error.h"

typedef struct {
    const vmmiReplayOrder *order;
    vmmiEngine *engine;
    vmmiTrace trace;
    json_t *before, *after; /* `migration`: as recorded, and with what the policy chose */
    GArray *steps;          /* of vmmiReplayStep */
    uint64_t now_ms;        /* on the trace's clock */
    uint64_t timer_ms;      /* when the last timer fired */
    size_t timers;
    bool begun, over;
} Replay;

static uint64_t
clock_of(void *opaque)
{
    return ((const Replay *)opaque)->now_ms;
}

void
vmmiReplayResultClear(vmmiReplayResult *result)
{
    g_free(result->course);
    memset(result, 0, sizeof(*result));
}

/* --- decisions -------------------------------------------------------------------- */

static void
note(Replay *replay, const vmmiAction *action)
{
    vmmiAction told = *action;
    vmmiReplayStep step = { replay->now_ms, action->kind, action->what, action->value };

    told.result = VMMI_RESULT_REPLAYED;
    vmmiTraceAddAction(&replay->trace, &told);
    g_array_append_val(replay->steps, step);
}

/* Behind an abort there is nothing to decide. */
static int
serve(Replay *replay, vmmiError **err)
{
    const vmmiAction *action;

    while (!replay->over && (action = vmmiEngineNext(replay->engine))) {
        bool aborts = action->kind == VMMI_ACTION_ABORT;

        if (replay->steps->len >= VMMI_REPLAY_MAX_ACTIONS)
            return vmmiErrorSet(err, VMMI_ERR_INTERNAL,
                                "policy '%s' asks for more than %d actions",
                                replay->order->policy->name, VMMI_REPLAY_MAX_ACTIONS);
        note(replay, action);
        vmmiEngineActionDone(replay->engine, NULL, replay->now_ms);
        replay->over = replay->over || aborts;
    }
    if (vmmiEngineGetError(replay->engine))
        return vmmiErrorPropagate(err, vmmiErrorCopy(vmmiEngineGetError(replay->engine)));
    return 0;
}

/* Time goes on: timers fire. One that is due at once again fires a millisecond later. */
static int
advance(Replay *replay, uint64_t until_ms, vmmiError **err)
{
    for (;;) {
        uint64_t due = vmmiEngineGetDeadline(replay->engine);

        due = replay->timers ? MAX(due, replay->timer_ms + 1) : due;
        if (replay->over || due > until_ms)
            break;
        if (++replay->timers > VMMI_REPLAY_MAX_TIMERS)
            return vmmiErrorSet(err, VMMI_ERR_INTERNAL,
                                "policy '%s' asks to be woken more than %d times",
                                replay->order->policy->name, VMMI_REPLAY_MAX_TIMERS);
        replay->now_ms = MAX(replay->now_ms, due);
        replay->timer_ms = replay->now_ms;
        vmmiEngineTick(replay->engine, replay->now_ms);
        if (serve(replay, err) < 0)
            return -1;
    }
    if (!replay->over)
        replay->now_ms = MAX(replay->now_ms, until_ms);
    return 0;
}

/* --- the start -------------------------------------------------------------------- */

static const vmmiJournalEntry *
entry_at(const Replay *replay, guint index)
{
    return g_ptr_array_index(replay->order->entries, index);
}

/* The recorded start; NULL: an old journal, or a damaged one. */
static const json_t *
start_data(const Replay *replay)
{
    for (guint i = 0; i < replay->order->entries->len; i++) {
        if (entry_at(replay, i)->kind == VMMI_JOURNAL_START)
            return entry_at(replay, i)->data;
    }
    return NULL;
}

/* The policy chooses over what is recorded, unless it would have met a migration under way. */
static int
prepare(Replay *replay, bool attached, vmmiError **err)
{
    g_autoptr(vmmiPolicyStart) start = vmmiPolicyStartNew(replay->before);

    if (!attached && vmmiEnginePrepare(replay->engine, start, NULL, err) < 0)
        return vmmiErrorPrefix(err, "the policy gives up before the start");
    replay->after = vmmiPolicyStartGetMigration(start);
    return 0;
}

static int
begin(Replay *replay, vmmiError **err)
{
    if (replay->begun)
        return 0;
    replay->begun = true;
    vmmiEngineBegin(replay->engine, replay->trace.began_ms);
    return prepare(replay, json_is_true(json_object_get(start_data(replay), "attached")), err);
}

static void
write_start(Replay *replay)
{
    const json_t *data = start_data(replay), *guest = json_object_get(data, "guest");
    const char *uuid = NULL, *name = NULL;

    vmmiJsonGetString(guest, "uuid", &uuid);
    vmmiJsonGetString(guest, "name", &name);
    vmmiTraceAddStart(&replay->trace,
                      &(vmmiTraceStart){
                          .policy = replay->order->policy,
                          .plugin = replay->order->plugin,
                          .options = replay->order->options,
                          .migration = replay->before,
                          .uuid = uuid,
                          .guest = name,
                          .attached = json_is_true(json_object_get(data, "attached")),
                          .simulated = json_is_true(json_object_get(data, "simulated")),
                          .replay_of = replay->order->path,
                      });
}

/* --- what was recorded ------------------------------------------------------------ */

/* The policy takes charge behind the first state. */
static int
see_state(Replay *replay, vmmiState state, vmmiError **err)
{
    if (state != VMMI_STATE_STARTING && begin(replay, err) < 0)
        return -1;
    if (state == VMMI_STATE_BEGIN)
        vmmiTraceAddBegin(&replay->trace, replay->after, NULL);
    else
        vmmiTraceAddState(&replay->trace, state);
    vmmiEngineSetState(replay->engine, state, replay->now_ms);
    return serve(replay, err);
}

static int
see_sample(Replay *replay, const vmmiJournalEntry *entry, vmmiError **err)
{
    uint64_t iteration = entry->iteration;

    if (begin(replay, err) < 0)
        return -1;
    if (!iteration)
        iteration = vmmiSampleGetOr(entry->sample, VMMI_SAMPLE_ITERATION, 0);
    vmmiEngineSample(replay->engine, entry->sample, iteration, replay->now_ms);
    vmmiTraceAddSample(&replay->trace, entry->sample, iteration, replay->engine);
    return serve(replay, err);
}

static int
feed(Replay *replay, const vmmiJournalEntry *entry, vmmiError **err)
{
    if (advance(replay, entry->boottime_ms, err) < 0)
        return -1;
    if (replay->over)
        return 0;
    switch (entry->kind) {
    case VMMI_JOURNAL_STATE:
        return see_state(replay, entry->state, err);
    case VMMI_JOURNAL_SAMPLE:
        return see_sample(replay, entry, err);
    case VMMI_JOURNAL_END:
        replay->over = true;
        return 0;
    default:
        return 0;
    }
}

/* --- the whole -------------------------------------------------------------------- */

static void
write_end(Replay *replay, const vmmiReplayResult *result)
{
    g_autoptr(json_t) data =
        json_pack("{s:s, s:s, s:s, s:s}", "outcome", "unknown", "where", "unknown", "evidence",
                  "a replay: nothing was carried out", "course", result->course);

    if (result->changed)
        json_object_set_new(data, "changedBoottimeMs",
                            json_integer((json_int_t)result->changed_ms));
    vmmiJournalAddEnd(replay->trace.journal, data, NULL);
}

static int
run(Replay *replay, vmmiReplayResult *result, vmmiError **err)
{
    g_autoptr(GArray) original = vmmiReplayOriginal(replay->order->entries);
    int failed = vmmiEngineConfigure(replay->engine, replay->order->options, err);

    write_start(replay);
    for (guint i = 0; failed == 0 && !replay->over && i < replay->order->entries->len; i++)
        failed = feed(replay, entry_at(replay, i), err);
    if (failed < 0)
        return -1;
    vmmiEngineStop(replay->engine);
    result->actions = replay->steps->len;
    vmmiReplayCompare(original, replay->steps, replay->before, replay->after,
                      entry_at(replay, 0)->boottime_ms, result);
    write_end(replay, result);
    return 0;
}

int
vmmiReplayRun(const vmmiReplayOrder *order, vmmiJournal *journal, vmmiReplayResult *result,
              vmmiError **err)
{
    Replay replay = { .order = order };
    uint64_t began_ms;
    int failed;

    replay.engine = vmmiEngineNew(order->policy);
    replay.steps = g_array_new(FALSE, FALSE, sizeof(vmmiReplayStep));
    replay.before = vmmiReplayMigration(order->entries);
    replay.now_ms = entry_at(&replay, 0)->boottime_ms;
    replay.trace.journal = journal;
    replay.trace.began_ms = replay.now_ms;
    if (vmmiJsonGetUInt(start_data(&replay), "policyBoottimeMs", &began_ms) &&
        began_ms <= replay.now_ms)
        replay.trace.began_ms = began_ms;
    vmmiJournalSetClock(journal, clock_of, &replay);
    failed = run(&replay, result, err);
    vmmiJournalSetClock(journal, NULL, NULL);
    vmmiTraceClear(&replay.trace);
    vmmiEngineFree(replay.engine);
    g_array_unref(replay.steps);
    json_decref(replay.before);
    json_decref(replay.after);
    return failed;
}
