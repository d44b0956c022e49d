/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-simulate.c: a policy over a simulated world in virtual time: what it sees, what its actions
 * do, how a run ends, and that it is always the same.
 */
#include <string.h>

#include "kit/options.h"
#include "kit/simulate-order.h"
#include "kit/simulate.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "../rows.h"

#define SECOND INT64_C(1000000)

/* What the policy does, and what it saw. */
typedef struct {
    const char *flag;    /* set by prepare */
    bool gives_way;      /* takes it back when it is refused */
    unsigned int asked;  /* how often prepare was */
    vmmiActionKind action;
    uint64_t value;      /* of a downtime limit, in ms */
    uint64_t at_ms;      /* by a timer; 0: no action */
    bool breaks;         /* instead of acting */
    GArray *samples;     /* uint64_t: when each came */
    uint64_t passes;
    GString *results;    /* "1@1003 2!@1006": actions */
    GString *states;
} Script;

static Script script;

static int
prepare(void *state G_GNUC_UNUSED, vmmiPolicyStart *start, const vmmiError *refusal,
        vmmiError **err G_GNUC_UNUSED)
{
    script.asked++;
    if (script.flag && (!refusal || !script.gives_way))
        vmmiPolicyStartSetFlag(start, script.flag, true);
    else if (script.flag)
        vmmiPolicyStartSetFlag(start, script.flag, false);
    return 0;
}

static int
act(vmmiPolicyActions *actions, vmmiError **err)
{
    if (script.breaks)
        return vmmiErrorSet(err, 3000, "it breaks");
    switch (script.action) {
    case VMMI_ACTION_TUNE:
        vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, script.value, "tuned");
        break;
    case VMMI_ACTION_START_POSTCOPY:
        vmmiPolicyActionStartPostcopy(actions, "post-copy");
        break;
    case VMMI_ACTION_SUSPEND:
        vmmiPolicyActionSuspend(actions, "suspended");
        break;
    case VMMI_ACTION_ABORT:
        vmmiPolicyActionAbort(actions, "no hope");
        break;
    default:
        break;
    }
    vmmiPolicyActionTune(actions, VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND, 0, "and one more");
    return 0;
}

static int
see(void *state G_GNUC_UNUSED, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
    vmmiError **err)
{
    switch (event->type) {
    case VMMI_POLICY_ITERATION:
        g_assert_cmpuint(event->iteration, >, script.passes);
        script.passes = event->iteration;
        g_array_append_val(script.samples, event->now_ms);
        return 0;
    case VMMI_POLICY_SAMPLE:
        g_array_append_val(script.samples, event->now_ms);
        return 0;
    case VMMI_POLICY_STATE:
        g_string_append_printf(script.states, "%s ", vmmiStateToString(event->state));
        if (event->state == VMMI_STATE_BEGIN && script.at_ms)
            vmmiPolicyActionWakeAt(actions, script.at_ms);
        return 0;
    case VMMI_POLICY_ACTION:
        g_string_append_printf(script.results, "%u%s@%d ", event->action_id,
                               event->error ? "!" : "", (int)event->now_ms);
        return 0;
    case VMMI_POLICY_TIMER:
        return act(actions, err);
    default:
        return 0;
    }
}

static const vmmiPolicyOption options[] = {
    { .name = "seconds", .type = VMMI_OPTION_UINT, .default_value = "7", .meaning = "a figure" },
    { .name = "plan", .type = VMMI_OPTION_JSON, .meaning = "a plan" },
    { .name = NULL },
};

static const vmmiPolicy policy = {
    VMMI_POLICY_INIT,   .name = "scripted", .version = "1",  .summary = "as it is told",
    .options = options, .prepare = prepare, .on_event = see,
};

static void
script_begin(void)
{
    memset(&script, 0, sizeof(script));
    script.samples = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    script.results = g_string_new(NULL);
    script.states = g_string_new(NULL);
}

static void
script_end(void)
{
    g_array_unref(script.samples);
    g_string_free(script.results, TRUE);
    g_string_free(script.states, TRUE);
}

/* --- cells ------------------------------------------------------------------------ */

/* @guest: further members of it; ' stands for ". */
#define CELL(link, set, rate, guest)                                                               \
    "{'name': 'c', 'deadlineSeconds': 30, 'downtimeHardMs': 1000, 'limitSeconds': 60, 'scenario':" \
    " {'vmmiSim': 'scenario', 'linkMibPerSecond': " #link ", 'guests': [{'name': 'g', "             \
    "'memoryMib': 256, 'workingSetMib': " #set ", 'dirtyRateMibPerSecond': " #rate guest "}]}}"
#define CALM CELL(64, 16, 2, "")
#define BUSY CELL(64, 128, 256, "")

static json_t *
json_of(const char *text)
{
    g_autofree char *quoted = g_strdelimit(g_strdup(text), "'", '"');
    json_t *object = vmmiJsonParse(quoted, strlen(quoted), NULL, NULL);

    g_assert_nonnull(object);
    return object;
}

static void
run_seeded(const char *cell_text, const char *migration_text, uint64_t seed,
           vmmiSimulateResult *result, json_t **figures)
{
    g_autoptr(json_t) from = json_of(cell_text);
    g_autoptr(json_t) migration = migration_text ? json_of(migration_text) : NULL;
    g_autofree char *bad_key = NULL;
    g_autoptr(vmmiPolicyConfig) config = vmmiPolicyConfigNew(options, NULL, &bad_key, NULL);
    g_autoptr(vmmiError) error = NULL;
    g_auto(vmmiSimulateCell) cell = { .world = NULL };
    vmmiSimulateOrder order = { .policy = &policy, .options = config, .seed = seed };

    g_assert_cmpint(vmmiSimulateCellRead(from, "cell", &cell, &error), ==, 0);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    order.migration = migration;
    order.world = cell.world;
    order.guest = cell.guest;
    order.destination = cell.destination;
    order.spread = cell.spread;
    order.limit_us = (int64_t)(cell.limit_s * 1e6);
    g_assert_cmpint(vmmiSimulateRun(&order, result, &error), ==, 0);
    if (figures)
        *figures = vmmiSimulateFigures(&cell, result);
}

static void
run(const char *cell, const char *migration, vmmiSimulateResult *result)
{
    run_seeded(cell, migration, 1, result, NULL);
}

/* --- what a policy sees ----------------------------------------------------------- */

static void
test_samples(void)
{
    g_auto(vmmiSimulateResult) result = { .ended = false };

    script_begin();
    run(CELL(64, 64, 32, ""), NULL, &result);
    g_assert_cmpint(result.verdict.outcome, ==, VMMI_OUTCOME_COMPLETED);
    g_assert_cmpuint(script.samples->len, >, 5);
    g_assert_cmpuint(g_array_index(script.samples, uint64_t, 0), ==, 0);
    for (guint i = 1; i < script.samples->len; i++) {
        uint64_t gap = g_array_index(script.samples, uint64_t, i) -
                       g_array_index(script.samples, uint64_t, i - 1);

        g_assert_cmpuint(gap, >=, 200);
        g_assert_cmpuint(gap, <=, 1000);
    }
    g_assert_cmpuint(script.passes, >, 1);
    g_assert_cmpuint(result.iterations, >=, script.passes);
    g_assert_cmpstr(script.states->str, ==,
                    "begin prepare precopy switchover finish confirm completed ");
    g_assert_cmpstr(result.verdict.evidence, ==,
                    "source domain is not there any more: migrated; its last event: source domain is "
                    "not there any more: migrated");
    script_end();
}

/* The same order, the same result; another seed, another one. */
static void
test_same(void)
{
    json_t *figures[3];

    for (int i = 0; i < 3; i++) {
        g_auto(vmmiSimulateResult) result = { .ended = false };

        script_begin();
        run_seeded(CELL(64, 64, 32, ", 'pattern': 'phased'"), NULL, i == 2 ? 8 : 7, &result,
                   &figures[i]);
        script_end();
    }
    g_assert_true(json_equal(figures[0], figures[1]));
    g_assert_false(json_equal(figures[0], figures[2]));
    for (int i = 0; i < 3; i++)
        json_decref(figures[i]);
}

/* --- starting --------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool gives_way;
    const char *migration;
    unsigned int asked;
    int code; /* 0: it goes through */
} start_rows[] = {
    { "gives-way", true, NULL, 2, 0 },
    { "stubborn", false, NULL, 2, VMMI_ERR_NOT_SUPPORTED },
    { "forbidden", false, "{'flags': ['no-postcopy']}", 1, 0 },
    { "users-own", true, "{'flags': ['postcopy']}", 2, VMMI_ERR_NOT_SUPPORTED },
    { "unknown-flag", true, "{'flags': ['postcpy']}", 2, VMMI_ERR_MALFORMED_CONFIGURATION },
};

static void
test_start(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_auto(vmmiSimulateResult) result = { .ended = false };

    script_begin();
    script.flag = "postcopy";
    script.gives_way = start_rows[row].gives_way;
    run(CELL(64, 16, 2, ", 'refuse': ['postcopy']"), start_rows[row].migration, &result);
    g_assert_cmpuint(script.asked, ==, start_rows[row].asked);
    g_assert_cmpint(vmmiErrorGetCode(result.verdict.error), ==, start_rows[row].code);
    g_assert_true(result.ended);
    g_assert_true(result.started == (start_rows[row].code == 0));
    g_assert_cmpint(result.verdict.where, ==,
                    start_rows[row].code ? VMMI_WHERE_SOURCE : VMMI_WHERE_DESTINATION);
    script_end();
}

/* --- actions ---------------------------------------------------------------------- */

static const struct {
    const char *name, *cell, *flag;
    vmmiActionKind action;
    uint64_t value;
    const char *results; /* "1" may be the last thing that is heard */
    int outcome, where;
    const char *needle;  /* of the error, NULL: none */
} action_rows[] = {
    { "none", BUSY, NULL, VMMI_ACTION_RESUME, 0, "1@3003 ", VMMI_OUTCOME_FAILED,
      VMMI_WHERE_SOURCE, "it never ended: 60 s of virtual time were over" },
    { "tune", BUSY, NULL, VMMI_ACTION_TUNE, 3000, "1@3003 2@3006 ", VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, NULL },
    { "tune-wrongly", BUSY, NULL, VMMI_ACTION_TUNE, 0, "1!@3003 2@3006 ", VMMI_OUTCOME_FAILED,
      VMMI_WHERE_SOURCE, "it never ended" },
    { "postcopy", BUSY, "postcopy", VMMI_ACTION_START_POSTCOPY, 0, "1@3003 2@3006 ",
      VMMI_OUTCOME_COMPLETED, VMMI_WHERE_DESTINATION, NULL },
    { "postcopy-without-flag", BUSY, NULL, VMMI_ACTION_START_POSTCOPY, 0, "1!@3003 2@3006 ",
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, "it never ended" },
    { "suspend", BUSY, NULL, VMMI_ACTION_SUSPEND, 0, "1@3003 2@3006 ", VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, NULL },
    { "abort", BUSY, NULL, VMMI_ACTION_ABORT, 0, "1@3003 ", VMMI_OUTCOME_ABORTED,
      VMMI_WHERE_SOURCE, "the policy aborted the migration: no hope" },
};

static void
test_action(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_auto(vmmiSimulateResult) result = { .ended = false };

    script_begin();
    script.flag = action_rows[row].flag;
    script.action = action_rows[row].action;
    script.value = action_rows[row].value;
    script.at_ms = 3000;
    run(action_rows[row].cell, NULL, &result);
    g_assert_cmpstr(script.results->str, ==, action_rows[row].results);
    g_assert_cmpint(result.verdict.outcome, ==, action_rows[row].outcome);
    g_assert_cmpint(result.verdict.where, ==, action_rows[row].where);
    if (action_rows[row].needle)
        g_assert_nonnull(strstr(vmmiErrorGetMessage(result.verdict.error), action_rows[row].needle));
    else
        g_assert_null(result.verdict.error);
    script_end();
}

/* --- ends ------------------------------------------------------------------------- */

static const struct {
    const char *name, *cell;
    int outcome, where, code;
} end_rows[] = {
    { "prepare-fails", CELL(64, 16, 2, ", 'faults': [{'step': 'prepare'}]"), VMMI_OUTCOME_FAILED,
      VMMI_WHERE_SOURCE, VMMI_ERR_MIGRATION_FAILED },
    { "switchover-fails", CELL(64, 16, 2, ", 'faults': [{'step': 'switchover'}]"),
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, VMMI_ERR_MIGRATION_FAILED },
    { "hangs", CELL(64, 16, 2, ", 'faults': [{'step': 'perform', 'kind': 'hang'}]"),
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, VMMI_ERR_DEADLINE },
    { "destroyed", CELL(64, 16, 2, ", 'events': [{'afterMs': 2000, 'do': 'destroy'}]"),
      VMMI_OUTCOME_FAILED, VMMI_WHERE_NOWHERE, VMMI_ERR_GUEST_DISAPPEARED },
    { "link-cut",
      CELL(64, 16, 2, ", 'events': [{'afterMs': 2000, 'do': 'link', 'mibPerSecond': 0}]"),
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, VMMI_ERR_MIGRATION_FAILED },
    { "destination-lost",
      CELL(64, 16, 2, ", 'events': [{'afterMs': 2000, 'do': 'unreachable', 'host': 'destination'}]"),
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, VMMI_ERR_MIGRATION_FAILED },
    { "source-restarted",
      CELL(64, 16, 2, ", 'events': [{'afterMs': 2000, 'do': 'restart-host', 'host': 'source'}]"),
      VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, VMMI_ERR_MIGRATION_FAILED },
};

static void
test_end(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_auto(vmmiSimulateResult) result = { .ended = false };

    script_begin();
    run(end_rows[row].cell, NULL, &result);
    g_assert_cmpint(result.verdict.outcome, ==, end_rows[row].outcome);
    g_assert_cmpint(result.verdict.where, ==, end_rows[row].where);
    g_assert_cmpint(vmmiErrorGetCode(result.verdict.error), ==, end_rows[row].code);
    g_assert_true(result.ended == (end_rows[row].code != VMMI_ERR_DEADLINE));
    g_assert_cmpint(result.total_us, <=, 60 * SECOND);
    script_end();
}

static void
test_postcopy_breaks(void)
{
    g_auto(vmmiSimulateResult) result = { .ended = false };

    script_begin();
    script.flag = "postcopy";
    script.action = VMMI_ACTION_START_POSTCOPY;
    script.at_ms = 3000;
    run(CELL(64, 128, 256, ", 'faults': [{'step': 'postcopy'}]"), NULL, &result);
    g_assert_cmpint(result.verdict.outcome, ==, VMMI_OUTCOME_FAILED);
    g_assert_cmpint(result.verdict.where, ==, VMMI_WHERE_BOTH);
    g_assert_cmpint(vmmiErrorGetCode(result.verdict.error), ==, VMMI_ERR_POSTCOPY_BROKEN);
    script_end();
}

/* A policy that breaks gets no more events; the migration goes on. */
static void
test_broken_policy(void)
{
    g_auto(vmmiSimulateResult) result = { .ended = false };

    script_begin();
    script.breaks = true;
    script.at_ms = 1000;
    run(CALM, NULL, &result);
    g_assert_cmpint(result.verdict.outcome, ==, VMMI_OUTCOME_COMPLETED);
    g_assert_cmpstr(result.policy_error, ==, "it breaks");
    g_assert_cmpuint(result.actions, ==, 0);
    g_assert_cmpuint(g_array_index(script.samples, uint64_t, script.samples->len - 1), <=, 1000);
    script_end();
}

/* --- what is felt ----------------------------------------------------------------- */

static void
test_felt_suspend(void)
{
    g_auto(vmmiSimulateResult) result = { .ended = false };

    script_begin();
    script.action = VMMI_ACTION_SUSPEND;
    script.at_ms = 3000;
    run(BUSY, NULL, &result);
    /* It stands from 3.003 s on until it runs on the destination; then confirm takes 10 ms. */
    g_assert_cmpfloat(result.felt.longest, ==, (double)(result.total_us - 3003000 - 10000));
    g_assert_cmpfloat(result.felt.standing, ==, result.felt.longest);
    g_assert_cmpfloat(result.felt.lost, ==, result.felt.longest);
    g_assert_cmpint(result.downtime_us, ==, (int64_t)result.felt.longest);
    script_end();
}

static void
test_felt_throttle(void)
{
    g_auto(vmmiSimulateResult) result = { .ended = false };

    script_begin();
    run(BUSY, "{'flags': ['auto_converge']}", &result);
    g_assert_cmpint(result.verdict.outcome, ==, VMMI_OUTCOME_COMPLETED);
    /* At 80 % and more a processor sleeps 40 ms and more for each 10 ms. */
    g_assert_cmpfloat(result.felt.throttle_silence, >, 39000);
    g_assert_cmpfloat(result.felt.throttle_silence, <, 1000000);
    g_assert_cmpfloat(result.felt.lost, >, result.felt.standing * 2);
    script_end();
}

/* --- cells ------------------------------------------------------------------------ */

static const struct {
    const char *name, *cell, *needle;
} cell_rows[] = {
    { "no-name", "{'scenario': {}}", "'cell.name' is missing" },
    { "no-scenario", "{'name': 'x'}", "'cell.scenario' is missing" },
    { "unknown", "{'name': 'x', 'scenari': {}}", "'cell.scenari' is not known here" },
    { "scenario-wrong", "{'name': 'x', 'scenario': {'vmmiSim': 'scenario', 'guests': [{}]}}",
      "'cell.scenario' (cell 'x'): 'guests[0].name' is missing" },
    { "no-guests", "{'name': 'x', 'scenario': {'vmmiSim': 'scenario'}}",
      "'cell.scenario' has no guests" },
    { "other-guest",
      "{'name': 'x', 'guest': 'h', 'scenario': {'vmmiSim': 'scenario', 'guests': [{'name': 'g'}]}}",
      "there is no guest 'h'" },
    { "shut-off",
      "{'name': 'x', 'scenario': {'vmmiSim': 'scenario', 'guests': [{'name': 'g', 'state': "
      "'shutoff'}]}}",
      "guest 'g' does not run at the beginning" },
    { "same-host",
      "{'name': 'x', 'destination': 'source', 'scenario': {'vmmiSim': 'scenario', 'guests': "
      "[{'name': 'g'}]}}",
      "guest 'g' is on host 'source' already" },
    { "deadline-range", "{'name': 'x', 'deadlineSeconds': -1, 'scenario': {}}",
      "'cell.deadlineSeconds' must be a number 0..86400, got -1" },
};

static void
test_cell(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(json_t) from = json_of(cell_rows[row].cell);
    g_auto(vmmiSimulateCell) cell = { .world = NULL };
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiSimulateCellRead(from, "cell", &cell, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_CONFIGURATION_FAILED);
    if (!strstr(vmmiErrorGetMessage(error), cell_rows[row].needle))
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, cell_rows[row].needle);
}

/* The cell's figures in the options: numbers at the top, digits in a plan. */
static void
test_figures_in_options(void)
{
    g_autoptr(json_t) given = json_of(
        "{'seconds': '@deadlineSeconds', 'plan': [{'params': ['@downtimeHardMs']}], 'x': '@else'}");
    g_autoptr(json_t) expected =
        json_of("{'seconds': 30, 'plan': [{'params': ['1000']}], 'x': '@else'}");
    g_autoptr(json_t) soft = json_of("{'seconds': '@downtimeSoftMs'}");
    g_autoptr(json_t) from = json_of(CALM);
    g_autoptr(json_t) made = NULL;
    g_auto(vmmiSimulateCell) cell = { .world = NULL };
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiSimulateCellRead(from, "cell", &cell, NULL), ==, 0);
    made = vmmiSimulateCellOptions(&cell, given, NULL);
    g_assert_true(json_equal(made, expected));
    g_assert_null(vmmiSimulateCellOptions(&cell, soft, &error));
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==,
                    "cell 'c' has no 'downtimeSoftMs', which an option asks for");
}

static const struct {
    const char *name;
    int outcome;
    int64_t total_s, silence_ms, lost_ms;
    bool met;
    double score;
} score_rows[] = {
    { "fine", VMMI_OUTCOME_COMPLETED, 10, 500, 500, true, 20 },
    { "work-lost", VMMI_OUTCOME_COMPLETED, 10, 500, 2500, true, 30 },
    { "in-tolerance", VMMI_OUTCOME_COMPLETED, 10, 1200, 1200, true, 34 },
    { "too-silent", VMMI_OUTCOME_COMPLETED, 10, 1201, 1201, false, 634.02 },
    { "too-late", VMMI_OUTCOME_COMPLETED, 31, 0, 0, false, 631 },
    { "failed", VMMI_OUTCOME_ABORTED, 5, 0, 0, false, 605 },
};

static void
test_score(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiSimulateCell cell = { .deadline_s = 30, .hard_ms = 1000 };
    vmmiSimulateResult result = {
        .verdict = { .outcome = (vmmiOutcomeKind)score_rows[row].outcome },
        .total_us = score_rows[row].total_s * SECOND,
        .felt = { .longest = (double)score_rows[row].silence_ms * 1000,
                  .standing = (double)score_rows[row].silence_ms * 1000,
                  .lost = (double)score_rows[row].lost_ms * 1000 },
    };

    g_assert_true(vmmiSimulateIsMet(&cell, &result) == score_rows[row].met);
    g_assert_cmpfloat_with_epsilon(vmmiSimulateScore(&cell, &result), score_rows[row].score, 1e-9);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/simulate/samples", test_samples);
    g_test_add_func("/simulate/same", test_same);
    ADD_ROWS("/simulate/start/", start_rows, test_start);
    ADD_ROWS("/simulate/action/", action_rows, test_action);
    ADD_ROWS("/simulate/end/", end_rows, test_end);
    g_test_add_func("/simulate/postcopy-breaks", test_postcopy_breaks);
    g_test_add_func("/simulate/broken-policy", test_broken_policy);
    g_test_add_func("/simulate/felt/suspend", test_felt_suspend);
    g_test_add_func("/simulate/felt/throttle", test_felt_throttle);
    ADD_ROWS("/simulate/cell/", cell_rows, test_cell);
    g_test_add_func("/simulate/figures-in-options", test_figures_in_options);
    ADD_ROWS("/simulate/score/", score_rows, test_score);
    return g_test_run();
}
