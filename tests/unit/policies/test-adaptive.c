/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-adaptive.c: the policy `adaptive` over simulated guests: what it reaches, what it refuses to
 * do, what it says.
 *
 * The simulated world gives the same result each time, so the bounds are those of the policy, not
 * of a machine.
 */
#include <string.h>

#include "../rows.h"
#include "drivers/sim/sim-scenario.h"
#include "kit/options.h"
#include "kit/simulate.h"
#include "policies/policies.h"
#include "policy-fixture.h"
#include "util/cleanup.h"

#define LINK_MIB 38

/* Reasons of all actions, as the policy gives them. */
static GString *reasons;

static int
listen(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    guint before = actions->list->len;
    int status = vmmiPolicyAdaptive.on_event(state, event, actions, err);

    for (guint i = before; i < actions->list->len; i++) {
        const vmmiAction *action = g_ptr_array_index(actions->list, i);

        g_string_append_printf(reasons, "%s: %s\n", vmmiActionKindToString(action->kind),
                               action->reason);
    }
    return status;
}

static void
run(const char *guest, const char *options, vmmiSimulateResult *result)
{
    g_autofree char *text = g_strdup_printf("{'vmmiSim': 'scenario', 'linkMibPerSecond': %d, "
                                            "'guests': [{'name': 'g', 'memoryMib': 256, %s}]}",
                                            LINK_MIB, guest);
    g_autoptr(json_t) scenario = policyParse(text);
    g_autoptr(json_t) given = policyParse(options);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiSimWorld) world = vmmiSimScenarioBuild("test", scenario, &error);
    g_autofree char *bad = NULL;
    g_autoptr(vmmiPolicyConfig) config =
        vmmiPolicyConfigNew(vmmiPolicyAdaptive.options, given, &bad, &error);
    vmmiPolicy policy = vmmiPolicyAdaptive;
    vmmiSimulateOrder order = { .policy = &policy,
                                .options = config,
                                .world = world,
                                .destination = 1,
                                .seed = 1,
                                .limit_us = 600 * G_USEC_PER_SEC };

    if (!world || !config)
        g_error("%s", vmmiErrorGetMessage(error));
    policy.on_event = listen;
    g_assert_cmpint(vmmiSimulateRun(&order, result, &error), ==, 0);
}

/* --- what it reaches ------------------------------------------------------------------------- */

#define SET(mib, rate, pattern) \
    "'workingSetMib': " mib ", 'dirtyRateMibPerSecond': " rate ", 'pattern': '" pattern "'"

static const struct {
    const char *name, *guest, *options;
    vmmiOutcomeKind outcome;
    unsigned int total_ms, silence_ms; /* at most */
    const char *said;                  /* in a reason of an action; NULL: anything */
} rows[] = {
    /* 256 MiB at 38 MiB/s take 6.74 s, and 0.2 s are steps around it. */
    { "idle", SET("16", "0", "uniform"), "{}", VMMI_OUTCOME_COMPLETED, 7100, 60, NULL },
    { "calm", SET("64", "11", "uniform"), "{}", VMMI_OUTCOME_COMPLETED, 9000, 80, NULL },
    { "nearly", SET("64", "34", "uniform"), "{}", VMMI_OUTCOME_COMPLETED, 16000, 150, NULL },
    { "round-and-slower", SET("64", "34", "cyclic"), "{}", VMMI_OUTCOME_COMPLETED, 30000, 300,
      NULL },
    { "rests", SET("64", "48", "uniform"), "{}", VMMI_OUTCOME_COMPLETED, 18000, 800,
      "comes to rest at" },
    { "twice", SET("64", "76", "uniform"), "{}", VMMI_OUTCOME_COMPLETED, 25000, 1200,
      "comes to rest at" },
    { "round", SET("64", "80", "cyclic"), "{}", VMMI_OUTCOME_COMPLETED, 25000, 1500,
      "again and again" },
    { "lulls", SET("64", "76", "phased") ", 'phaseOnMs': 3000, 'phaseOffMs': 3000", "{}",
      VMMI_OUTCOME_COMPLETED, 14000, 100, NULL },
    { "hopeless", SET("256", "190", "uniform"), "{}", VMMI_OUTCOME_ABORTED, 21000, 0,
      "it would take downtimeHardMs" },
    { "hopeless-says-postcopy", SET("256", "190", "cyclic"), "{}", VMMI_OUTCOME_ABORTED, 21000, 0,
      "or the permission \"postcopy\"" },
    { "hard-limit", SET("64", "190", "cyclic"), "{'downtimeHardMs': 500}", VMMI_OUTCOME_ABORTED,
      16000, 0, "the hard limit of 500 ms" },
    { "hopeless-postcopy", SET("256", "190", "uniform"), "{'permit': ['postcopy']}",
      VMMI_OUTCOME_COMPLETED, 21500, 1000, "switches to post-copy" },
    { "calm-postcopy", SET("64", "11", "uniform"), "{'permit': ['postcopy']}",
      VMMI_OUTCOME_COMPLETED, 9000, 80, "begins with a limit" },
    { "throttle", SET("128", "80", "uniform"), "{'permit': ['autoconverge']}",
      VMMI_OUTCOME_COMPLETED, 60000, 2100, NULL },
    { "throttle-silence", SET("256", "400", "uniform") ", 'unthrottledPercent': 60",
      "{'permit': ['autoconverge'], 'throttleSilenceMs': 20}", VMMI_OUTCOME_ABORTED, 90000, 0,
      NULL },
    { "deadline", SET("128", "34", "cyclic"), "{'deadlineSeconds': 20}", VMMI_OUTCOME_COMPLETED,
      20500, 2100, NULL },
    { "deadline-aborts", SET("256", "36", "cyclic"), "{'deadlineSeconds': 20}",
      VMMI_OUTCOME_ABORTED, 21500, 0, NULL },
    { "slower-link", SET("64", "11", "uniform") ", 'events': [{'afterMs': 7500, 'do': 'link', "
      "'mibPerSecond': 8}, {'afterMs': 17500, 'do': 'link', 'mibPerSecond': 38}]",
      "{}", VMMI_OUTCOME_COMPLETED, 20000, 150, NULL },
    /* Several passes between two looks: what each began with is more than is seen. */
    { "fast-link", SET("64", "5500", "cyclic") ", 'events': [{'afterMs': 0, 'do': 'link', "
      "'mibPerSecond': 1100}]",
      "{}", VMMI_OUTCOME_COMPLETED, 2000, 150, NULL },
    { "cut-link", SET("64", "76", "uniform") ", 'events': [{'afterMs': 7500, 'do': 'link', "
      "'mibPerSecond': 0}, {'afterMs': 15500, 'do': 'link', 'mibPerSecond': 38}]",
      "{}", VMMI_OUTCOME_COMPLETED, 40000, 1500, NULL },
};

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_auto(vmmiSimulateResult) result = { .ended = false };

    reasons = g_string_new(NULL);
    run(rows[row].guest, rows[row].options, &result);
    g_test_message("%s after %.1f s, silent %.0f ms: %s",
                   vmmiOutcomeKindToString(result.verdict.outcome), (double)result.total_us / 1e6,
                   result.felt.longest / 1000, reasons->str);
    g_assert_cmpint(result.verdict.outcome, ==, rows[row].outcome);
    g_assert_cmpint(result.total_us / 1000, <=, rows[row].total_ms);
    g_assert_cmpfloat(result.felt.longest / 1000, <=, rows[row].silence_ms);
    g_assert_cmpfloat(result.felt.throttle_silence / 1000, <=, 100);
    g_assert_null(result.policy_error);
    if (rows[row].said)
        policyAssertContains(reasons->str, rows[row].said);
    g_string_free(reasons, TRUE);
}

/* --- how it starts --------------------------------------------------------------------------- */

static const struct {
    const char *name, *options, *migration, *refusal;
    const char *has, *lacks; /* in the object `migration` */
} starts[] = {
    { "nothing", "{}", NULL, NULL, "{", "flags" },
    { "postcopy", "{'permit': ['postcopy']}", NULL, NULL, "\"postcopy\"", "auto_converge" },
    { "postcopy-first", "{'permit': ['autoconverge', 'postcopy']}", NULL, NULL, "\"postcopy\"",
      "auto_converge" },
    { "throttle", "{'permit': 'autoconverge,suspend'}", NULL, NULL, "\"auto_converge.initial\"",
      "postcopy" },
    { "compress", "{'permit': ['compress']}", NULL, NULL, "\"compressed\"", "postcopy" },
    { "parallel", "{'permit': ['postcopy']}", "{'flags': ['parallel']}", NULL, "\"parallel\"",
      "\"postcopy\"" },
    { "forbidden", "{'permit': ['postcopy', 'autoconverge']}", "{'flags': ['no-postcopy']}", NULL,
      "\"auto_converge\"", "\"postcopy\"" },
    { "refused", "{'permit': ['postcopy', 'autoconverge']}", NULL,
      "Post-copy migration is not supported", "\"auto_converge\"", "\"postcopy\"" },
    { "refused-for-another-reason", "{'permit': ['compress']}", NULL, "no such thing", "{",
      "compressed" },
};

static void
test_start(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(PolicyTrace) trace = policyTraceNew(256);
    PolicyCase one = { .policy = &vmmiPolicyAdaptive,
                       .options = starts[row].options,
                       .migration = starts[row].migration,
                       .refusal = starts[row].refusal };
    g_auto(PolicyResult) result = { NULL };
    g_autofree char *text = NULL;

    policyTraceAdd(trace, 1000, 1, 200 * MIB, 38 * MIB);
    policyRun(&one, trace, &result);
    g_assert_null(result.error);
    text = json_dumps(result.migration, JSON_SORT_KEYS);
    policyAssertContains(text, starts[row].has);
    g_assert_null(strstr(text, starts[row].lacks));
    if (starts[row].refusal)
        policyAssertContains(result.reason, starts[row].refusal);
}

/* --- attached, and what is refused on the way ------------------------------------------------- */

static void
test_attached(void)
{
    g_autoptr(PolicyTrace) trace = policyTraceNew(256);
    PolicyPasses passes = { .first_iteration = 7, .bulk_ms = 3000, .pass_ms = 1700,
                            .until_ms = 20000, .high_mib = 64, .low_mib = 1, .mib_per_second = 38 };
    PolicyCase one = { .policy = &vmmiPolicyAdaptive,
                       .options = "{'permit': ['postcopy'], 'onFail': 'keep-trying'}",
                       .attached = true,
                       .fails = "start-postcopy" };
    g_auto(PolicyResult) result = { NULL };

    policyTraceAddPasses(trace, &passes);
    policyRun(&one, trace, &result);
    g_assert_null(result.error);
    g_test_message("%s: %s", result.actions, result.reason);
    policyAssertContains(result.actions, "tune downtimeMs 30");
    g_assert_null(strstr(result.actions, "abort"));
}

static void
test_broken(void)
{
    g_autoptr(PolicyTrace) trace = policyTraceNew(256);
    PolicyCase one = { .policy = &vmmiPolicyAdaptive, .options = "{'permit': ['postcopy']}" };
    g_auto(PolicyResult) result = { NULL };

    policyTraceAdd(trace, 1000, 1, 200 * MIB, 38 * MIB);
    policyTraceAddState(trace, 2000, VMMI_STATE_POSTCOPY);
    policyTraceAddState(trace, 3000, VMMI_STATE_POSTCOPY_BROKEN);
    policyRun(&one, trace, &result);
    policyAssertContains(result.reason, "neither may be destroyed");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/adaptive/reaches/", rows, test_row);
    ADD_ROWS("/adaptive/starts/", starts, test_start);
    g_test_add_func("/adaptive/attached", test_attached);
    g_test_add_func("/adaptive/broken", test_broken);
    return g_test_run();
}
