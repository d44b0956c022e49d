/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-engine.c: one policy at work, without a clock, a host or a process: events in, actions out;
 * and what it is started with.
 */
#include <string.h>

#include "kit/engine.h"
#include "kit/start.h"
#include "kit/table.h"
#include "kit/tracker.h"
#include "util/cleanup.h"
#include "../rows.h"

/* What the policy saw, one word an event. */
typedef struct {
    GString *seen;
    unsigned int ask; /* how many actions it asks for at the next sample */
    uint64_t wake_at_ms;
    bool fail;
} Script;

static Script *script; /* of the test that runs */
static int cleared;

static int
see(void *state G_GNUC_UNUSED, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
    vmmiError **err)
{
    static const char *const words[] = { "sample", "pass", "state", "result", "timer" };

    g_string_append_printf(script->seen, "%s%s@%d", script->seen->len ? " " : "",
                           words[event->type], (int)event->now_ms);
    if (event->type == VMMI_POLICY_ACTION)
        g_string_append_printf(script->seen, "#%u%s", event->action_id, event->error ? "!" : "");
    if (event->type == VMMI_POLICY_STATE)
        g_string_append_printf(script->seen, ":%s", vmmiStateToString(event->state));
    if (script->fail)
        return vmmiErrorSet(err, 3000, "it fails");
    for (; event->type == VMMI_POLICY_SAMPLE && script->ask; script->ask--)
        vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, script->ask, "%u left", script->ask);
    if (script->wake_at_ms)
        vmmiPolicyActionWakeAt(actions, script->wake_at_ms);
    script->wake_at_ms = 0;
    return 0;
}

static void
clear(void *state)
{
    g_assert_nonnull(state);
    cleared++;
}

static const vmmiPolicy policy = {
    VMMI_POLICY_INIT, .name = "seer",  .version = "1", .summary = "sees",
    .state_size = 8,  .on_event = see, .clear = clear,
};

static vmmiEngine *
begin(Script *own)
{
    vmmiEngine *engine = vmmiEngineNew(&policy);

    script = own;
    own->seen = g_string_new(NULL);
    return engine;
}

static void
finish(Script *own, const char *expected)
{
    g_assert_cmpstr(own->seen->str, ==, expected);
    g_string_free(own->seen, TRUE);
}

static void
test_events(void)
{
    Script own = { 0 };
    g_autoptr(vmmiEngine) engine = begin(&own);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();

    vmmiEngineSample(engine, sample, 0, 900); /* before it took charge: nothing */
    vmmiEngineSetState(engine, VMMI_STATE_BEGIN, 950);
    vmmiEngineBegin(engine, 1000);
    vmmiEngineSetState(engine, VMMI_STATE_PRECOPY, 1005);
    vmmiEngineSample(engine, sample, 0, 1010);
    vmmiEngineSample(engine, sample, 1, 1020);
    vmmiEngineSample(engine, sample, 1, 1030);
    vmmiEngineSample(engine, sample, 4, 1015); /* time never goes back */
    vmmiEngineActionDone(engine, NULL, 1040);  /* there was none */
    vmmiEngineStop(engine);
    vmmiEngineSample(engine, sample, 9, 1050);
    vmmiEngineSetState(engine, VMMI_STATE_COMPLETED, 1060);
    finish(&own, "state@5:precopy sample@10 pass@20 sample@30 pass@30");
}

static void
test_actions(void)
{
    Script own = { .ask = 3 };
    g_autoptr(vmmiEngine) engine = begin(&own);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) record = NULL;
    const vmmiAction *action;

    vmmiErrorSet(&error, VMMI_ERR_TIMEOUT, "slow");
    vmmiEngineBegin(engine, 0);
    vmmiEngineSample(engine, sample, 0, 1);
    action = vmmiEngineNext(engine);
    g_assert_cmpuint(action->id, ==, 1);
    g_assert_cmpuint(action->value, ==, 3);
    g_assert_cmpstr(action->reason, ==, "3 left");
    g_assert_null(vmmiEngineNext(engine)); /* one at a time */
    vmmiEngineActionDone(engine, NULL, 2);
    g_assert_cmpuint(vmmiEngineNext(engine)->id, ==, 2);
    vmmiEngineActionDone(engine, error, 3);
    g_assert_cmpuint(vmmiEngineNext(engine)->id, ==, 3);
    vmmiEngineStop(engine);
    record = vmmiEngineGetRecord(engine);
    g_assert_cmpuint(json_array_size(record), ==, 3);
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(record, 0), "result")), ==,
                    "done");
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(record, 1), "error")), ==,
                    "slow");
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(record, 2), "result")), ==,
                    "running");
    finish(&own, "sample@1 result@2#1 result@3#2!");
}

/* In shadow: the same events in the same order, and a record that tells. */
static void
test_shadow(void)
{
    Script own = { .ask = 1, .wake_at_ms = 300 };
    g_autoptr(vmmiEngine) engine = begin(&own);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(json_t) record = NULL;

    vmmiEngineSetShadow(engine);
    vmmiEngineBegin(engine, 0);
    vmmiEngineSample(engine, sample, 0, 100);
    g_assert_nonnull(vmmiEngineNext(engine));
    vmmiEngineActionDone(engine, NULL, 200);
    vmmiEngineTick(engine, 300);
    vmmiEngineSample(engine, sample, 1, 400);
    record = vmmiEngineGetRecord(engine);
    g_assert_cmpuint(json_array_size(record), ==, 1);
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(record, 0), "result")), ==,
                    "shadow");
    finish(&own, "sample@100 result@200#1 timer@300 pass@400");
}

static void
test_dropped(void)
{
    Script own = { .ask = 2 };
    g_autoptr(vmmiEngine) engine = begin(&own);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(json_t) record = NULL;

    vmmiEngineBegin(engine, 0);
    vmmiEngineSample(engine, sample, 0, 1);
    vmmiEngineStop(engine);
    g_assert_null(vmmiEngineNext(engine));
    record = vmmiEngineGetRecord(engine);
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(record, 1), "result")), ==,
                    "dropped");
    finish(&own, "sample@1");
}

static void
test_timer(void)
{
    Script own = { .wake_at_ms = 50 };
    g_autoptr(vmmiEngine) engine = begin(&own);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();

    g_assert_cmpuint(vmmiEngineGetDeadline(engine), ==, UINT64_MAX);
    vmmiEngineBegin(engine, 1000);
    vmmiEngineSample(engine, sample, 0, 1000);
    g_assert_cmpuint(vmmiEngineGetDeadline(engine), ==, 1050);
    own.wake_at_ms = 30; /* a later call replaces an earlier one */
    vmmiEngineSample(engine, sample, 0, 1010);
    vmmiEngineTick(engine, 1029);
    vmmiEngineTick(engine, 1031);
    vmmiEngineTick(engine, 1100); /* once */
    g_assert_cmpuint(vmmiEngineGetDeadline(engine), ==, UINT64_MAX);
    finish(&own, "sample@0 sample@10 timer@31");
}

static void
test_broken(void)
{
    Script own = { .ask = 1, .fail = true };
    g_autoptr(vmmiEngine) engine = begin(&own);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(json_t) status = NULL;

    vmmiEngineBegin(engine, 0);
    vmmiEngineSample(engine, sample, 0, 1);
    vmmiEngineSample(engine, sample, 0, 2);
    vmmiEngineTick(engine, 3);
    g_assert_null(vmmiEngineNext(engine));
    g_assert_cmpint(vmmiErrorGetCode(vmmiEngineGetError(engine)), ==, 3000);
    status = vmmiEngineGetStatus(engine);
    g_assert_cmpstr(json_string_value(json_object_get(status, "reason")), ==,
                    "the policy is broken: it fails");
    finish(&own, "sample@1");
}

/* A policy that talks too much harms nobody but itself. */
static void
test_flood(void)
{
    Script own = { 0 };
    g_autoptr(vmmiEngine) engine = begin(&own);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(json_t) record = NULL;
    size_t done = 0;

    vmmiEngineBegin(engine, 0);
    for (unsigned int round = 0; round < 20; round++) {
        own.ask = 500;
        vmmiEngineSample(engine, sample, 0, round);
        while (vmmiEngineNext(engine)) {
            vmmiEngineActionDone(engine, NULL, round);
            done++;
        }
    }
    g_assert_cmpuint(done, ==, 20 * VMMI_ENGINE_MAX_WAITING);
    record = vmmiEngineGetRecord(engine);
    g_assert_cmpuint(json_array_size(record), ==, VMMI_ENGINE_MAX_RECORD);
    g_assert_cmpint(json_integer_value(json_object_get(json_array_get(record, 0), "id")), ==, 1);
    g_string_free(own.seen, TRUE);
}

static void
test_clear(void)
{
    cleared = 0;
    vmmiEngineFree(vmmiEngineNew(&policy));
    g_assert_cmpint(cleared, ==, 1);
}

/* --- what it is started with ------------------------------------------------------ */

static void
test_start(void)
{
    g_autoptr(json_t) user = json_loads("{\"flags\": [\"live\", \"no-auto_converge\"],"
                                        " \"params\": {\"bandwidth\": 5}}",
                                        0, NULL);
    g_autoptr(vmmiPolicyStart) start = vmmiPolicyStartNew(user);
    g_autoptr(json_t) result = NULL;
    g_autofree char *text = NULL;

    g_assert_true(vmmiPolicyStartHasFlag(start, "live"));
    g_assert_false(vmmiPolicyStartSetFlag(start, "live", false));
    g_assert_false(vmmiPolicyStartSetFlag(start, "auto_converge", true));
    g_assert_true(vmmiPolicyStartSetFlag(start, "postcopy", true));
    g_assert_true(vmmiPolicyStartSetFlag(start, "compressed", true));
    g_assert_true(vmmiPolicyStartSetFlag(start, "compressed", false));
    g_assert_false(vmmiPolicyStartHasFlag(start, "compressed"));
    g_assert_false(vmmiPolicyStartSetUInt(start, "bandwidth", 9));
    g_assert_true(vmmiPolicyStartSetUInt(start, "bandwidth.postcopy", 9));
    g_assert_false(vmmiPolicyStartSetString(start, "bandwidth", "much"));
    g_assert_true(vmmiPolicyStartSetString(start, "compression", "xbzrle"));
    result = vmmiPolicyStartGetMigration(start);
    text = json_dumps(result, JSON_SORT_KEYS | JSON_COMPACT);
    g_assert_cmpstr(text, ==,
                    "{\"flags\":[\"live\",\"no-auto_converge\",\"postcopy\"],"
                    "\"params\":{\"bandwidth\":5,\"bandwidth.postcopy\":9,\"compression\":\"xbzrle\"}}");
}

static void
test_start_empty(void)
{
    g_autoptr(vmmiPolicyStart) start = vmmiPolicyStartNew(NULL);
    g_autoptr(json_t) before = vmmiPolicyStartGetMigration(start);
    g_autoptr(json_t) after = NULL;

    g_assert_cmpuint(json_object_size(before), ==, 0);
    vmmiPolicyStartSetFlag(start, "postcopy", true);
    after = vmmiPolicyStartGetMigration(start);
    g_assert_cmpuint(json_array_size(json_object_get(after, "flags")), ==, 1);
}

/* --- its table -------------------------------------------------------------------- */

static const vmmiPolicyOption twice[] = {
    { .name = "x", .meaning = "one" },
    { .name = "x", .meaning = "two" },
    { .name = NULL },
};
static const vmmiPolicyOption no_meaning[] = { { .name = "x" }, { .name = NULL } };
static const vmmiPolicyOption out_of_range[] = {
    { .name = "x", .type = VMMI_OPTION_UINT, .default_value = "5", .maximum = 4, .meaning = "one" },
    { .name = NULL },
};
static const vmmiPolicyOption verbose[] = {
    { .name = "verbose", .meaning = "taken" },
    { .name = NULL },
};
static const char *const stranger[] = { "stranger", NULL };
static const char *const taken[] = { "verbose", NULL };
#define NAMED .name = "n", .version = "1", .summary = "s"
static const struct {
    const char *name;
    vmmiPolicy policy;
    const char *needle;
} flawed[] = {
    { "future",
      { .struct_size = sizeof(vmmiPolicy), .api_version = 99, NAMED },
      "99 is not in 1..1" },
    { "short", { .struct_size = 16, .api_version = 1, NAMED }, "too short: 16 bytes" },
    { "no-name", { VMMI_POLICY_INIT, .version = "1", .summary = "s" }, "lacks .name" },
    { "no-version", { VMMI_POLICY_INIT, .name = "n", .summary = "s" }, "lacks .version" },
    { "no-summary", { VMMI_POLICY_INIT, .name = "n", .version = "1" }, "lacks .summary" },
    { "huge-state", { VMMI_POLICY_INIT, NAMED, .state_size = (size_t)1 << 40 }, "bytes of state" },
    { "option-twice", { VMMI_POLICY_INIT, NAMED, .options = twice }, "'x' is there twice" },
    { "top-level-no-option",
      { VMMI_POLICY_INIT, NAMED, .top_level = stranger },
      "'stranger' is no option" },
    { "top-level-taken",
      { VMMI_POLICY_INIT, NAMED, .options = verbose, .top_level = taken },
      "'verbose' has the name of another key" },
    { "option-no-meaning",
      { VMMI_POLICY_INIT, NAMED, .options = no_meaning },
      "lacks its meaning" },
    { "option-bad-default", { VMMI_POLICY_INIT, NAMED, .options = out_of_range }, "0..4" },
};

static void
test_flawed(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiPolicy copy = { .name = "untouched" };
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiPolicyTableCopy(&flawed[row].policy, &copy, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INTERNAL);
    if (!strstr(vmmiErrorGetMessage(error), flawed[row].needle))
        g_test_message("%s", vmmiErrorGetMessage(error));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), flawed[row].needle));
    g_assert_cmpstr(copy.name, ==, "untouched");
}

/* A policy that was compiled against a newer header has members that this library does not know. */
static void
test_newer_table(void)
{
    struct {
        vmmiPolicy known;
        void *more[4];
    } newer = { .known = { VMMI_POLICY_INIT, NAMED }, .more = { &newer } };
    vmmiPolicy copy;

    newer.known.struct_size = sizeof(newer);
    g_assert_cmpint(vmmiPolicyTableCopy(&newer.known, &copy, NULL), ==, 0);
    g_assert_cmpstr(copy.name, ==, "n");
}

/* One that was compiled against an older header lacks the last members: what stands behind it is not
 * read. */
static void
test_older_table(void)
{
    vmmiPolicy older = { VMMI_POLICY_INIT, NAMED, .top_level = stranger };
    vmmiPolicy copy;

    older.struct_size = offsetof(vmmiPolicy, top_level);
    g_assert_cmpint(vmmiPolicyTableCopy(&older, &copy, NULL), ==, 0);
    g_assert_null(copy.top_level);
}

/* --- states from what is shown ---------------------------------------------------- */

#define GUEST(state, why)                                                                          \
    {                                                                                              \
        .size = sizeof(vmmiEvent), .type = VMMI_EVENT_GUEST, .guest_state = VMMI_GUEST_##state,    \
        .reason = VMMI_REASON_##why                                                                \
    }
#define SHOWN(what)                                                                                \
    {                                                                                              \
        .size = sizeof(vmmiEvent), .type = VMMI_EVENT_STATE, .state = VMMI_STATE_##what            \
    }
#define PASS(n)                                                                                    \
    {                                                                                              \
        .size = sizeof(vmmiEvent), .type = VMMI_EVENT_ITERATION, .iteration = n                    \
    }
#define DONE                                                                                       \
    {                                                                                              \
        .size = sizeof(vmmiEvent), .type = VMMI_EVENT_JOB_COMPLETED                                \
    }
static const struct {
    const char *name;
    vmmiState from;
    vmmiEvent event;
    vmmiState to;
} steps[] = {
    { "pass-begins-precopy", VMMI_STATE_BEGIN, PASS(1), VMMI_STATE_PRECOPY },
    { "pass-in-precopy", VMMI_STATE_PRECOPY, PASS(2), VMMI_STATE_PRECOPY },
    { "pass-in-postcopy", VMMI_STATE_POSTCOPY, PASS(2), VMMI_STATE_POSTCOPY },
    { "paused-switches", VMMI_STATE_PRECOPY, GUEST(PAUSED, MIGRATION), VMMI_STATE_SWITCHOVER },
    { "paused-by-user", VMMI_STATE_PRECOPY, GUEST(PAUSED, USER), VMMI_STATE_PRECOPY },
    { "paused-before", VMMI_STATE_BEGIN, GUEST(PAUSED, MIGRATION), VMMI_STATE_BEGIN },
    { "postcopy", VMMI_STATE_PRECOPY, GUEST(PAUSED, POSTCOPY), VMMI_STATE_POSTCOPY },
    { "postcopy-breaks", VMMI_STATE_POSTCOPY, GUEST(PAUSED, POSTCOPY_FAILED),
      VMMI_STATE_POSTCOPY_BROKEN },
    { "postcopy-mended", VMMI_STATE_POSTCOPY_BROKEN, GUEST(PAUSED, POSTCOPY), VMMI_STATE_POSTCOPY },
    { "completed", VMMI_STATE_SWITCHOVER, DONE, VMMI_STATE_FINISH },
    { "gone", VMMI_STATE_FINISH, GUEST(SHUTOFF, MIGRATED), VMMI_STATE_CONFIRM },
    { "destroyed", VMMI_STATE_PRECOPY, GUEST(SHUTOFF, DESTROYED), VMMI_STATE_PRECOPY },
    { "shown", VMMI_STATE_BEGIN, SHOWN(PREPARE), VMMI_STATE_PREPARE },
    { "shown-back", VMMI_STATE_PRECOPY, SHOWN(BEGIN), VMMI_STATE_PRECOPY },
    { "shown-end-is-not-believed", VMMI_STATE_PRECOPY, SHOWN(COMPLETED), VMMI_STATE_PRECOPY },
};

static void
test_step(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiTracker tracker = { .state = steps[row].from };
    bool changed = vmmiTrackerEvent(&tracker, &steps[row].event);

    g_assert_cmpstr(vmmiStateToString(tracker.state), ==, vmmiStateToString(steps[row].to));
    g_assert_true(changed == (steps[row].from != steps[row].to));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/kit/engine/events", test_events);
    g_test_add_func("/kit/engine/actions", test_actions);
    g_test_add_func("/kit/engine/shadow", test_shadow);
    g_test_add_func("/kit/engine/dropped", test_dropped);
    g_test_add_func("/kit/engine/timer", test_timer);
    g_test_add_func("/kit/engine/broken", test_broken);
    g_test_add_func("/kit/engine/flood", test_flood);
    g_test_add_func("/kit/engine/clear", test_clear);
    g_test_add_func("/kit/start/fixed-and-free", test_start);
    g_test_add_func("/kit/start/empty", test_start_empty);
    ADD_ROWS("/kit/table/", flawed, test_flawed);
    g_test_add_func("/kit/table/newer", test_newer_table);
    g_test_add_func("/kit/table/older", test_older_table);
    ADD_ROWS("/kit/tracker/", steps, test_step);
    return g_test_run();
}
