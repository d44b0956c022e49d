/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-stall.c: the policy `stall` against KubeVirt's arithmetic (VEP 248).
 */
#include "../rows.h"
#include "policies/policies.h"
#include "peer.h"
#include "util/cleanup.h"

/* A guest of 10^9 bytes: 150 s are acceptable. Passes begin each 5 s from 10 s on. */
#define FIRST_PASS_MS 10000
#define PASS_MS 5000

/* MiB at the beginning of each pass; ends with 0. */
#define FALLING 100, 90, 80, 82, 78, 81, 80, 79, 80, 84
static const uint64_t at_minimum[] = { FALLING, 79, 0 };
static const uint64_t above_minimum[] = { FALLING, 90, 85, 80, 0 };
static const uint64_t at_the_margin[] = { FALLING, 76, 77, 0 };
static const uint64_t relaxed[] = { FALLING, 90, 88, 87, 89, 90, 86, 88, 91, 89, 0 };
static const uint64_t relaxed_often[] = { FALLING, 90, 88, 87, 89, 90, 86, 88, 91, 92,
                                          93,      94, 95, 91, 96, 92, 97, 91, 0 };
static const uint64_t converging[] = { 900, 850, 800, 750, 700, 650, 600, 560, 520, 480,
                                       440, 400, 370, 340, 310, 280, 260, 240, 220, 200,
                                       185, 170, 155, 140, 130, 120, 110, 100, 92,  0 };

static const struct {
    const char *name, *options;
    const uint64_t *passes;
    uint64_t bytes_per_second;
    uint64_t to_ms;
    const char *failing, *seen;
} runs[] = {
    /* At 60 s the 80 MiB of 20 s leave the window; 79 is no fall by 4 %, and within 4 % of 78. */
    { "grants-the-limit", NULL, at_minimum, 100 * MIB, 60000, NULL,
      "0 tune downtimeMs 300; 60000 tune downtimeMs 900" },
    { "waits-for-a-minimum", NULL, above_minimum, 100 * MIB, 70000, NULL,
      "0 tune downtimeMs 300; 70000 tune downtimeMs 900" },
    { "no-search", "{'searchLocalMinimum': false}", above_minimum, 100 * MIB, 70000, NULL,
      "0 tune downtimeMs 300; 60000 tune downtimeMs 900" },
    { "a-fall-by-the-margin-is-none", NULL, at_the_margin, 100 * MIB, 65000, NULL,
      "0 tune downtimeMs 300; 65000 tune downtimeMs 900" },
    { "within-the-factor", "{'maxDowntimeMs': 530}", at_minimum, 100 * MIB, 60000, NULL,
      "0 tune downtimeMs 300; 60000 tune downtimeMs 530" },
    { "beyond-the-factor", "{'maxDowntimeMs': 520}", at_minimum, 100 * MIB, 60000, NULL,
      "0 tune downtimeMs 300; 60000 abort" },
    { "small-limit-at-first", "{'maxDowntimeMs': 200}", at_minimum, 100 * MIB, 60000, NULL,
      "0 tune downtimeMs 200; 60000 abort" },
    { "disruption", "{'allowWorkloadDisruption': true}", at_minimum, 100 * MIB, 60000, NULL,
      "0 tune downtimeMs 300; 60000 tune downtimeMs 2000000" },
    { "postcopy", "{'allowPostcopy': true}", at_minimum, 100 * MIB, 60000, NULL,
      "0 tune downtimeMs 300; 60000 start-postcopy" },
    { "postcopy-without-disruption", "{'allowPostcopy': true, 'allowWorkloadDisruption': false}",
      at_minimum, 100 * MIB, 60000, NULL, "0 tune downtimeMs 300; 60000 tune downtimeMs 900" },
    { "postcopy-fails", "{'allowPostcopy': true}", above_minimum, 100 * MIB, 75000,
      "start-postcopy", "0 tune downtimeMs 300; 70000 start-postcopy!" },
    { "limit-fails", NULL, relaxed, 100 * MIB, 110000, "tune",
      "0 tune downtimeMs 300!; 100000 tune downtimeMs 900!" },
    { "relaxes-after-40-s", NULL, relaxed, 100 * MIB, 100000, NULL,
      "0 tune downtimeMs 300; 100000 tune downtimeMs 900" },
    { "patience-halves", NULL, relaxed_often, 100 * MIB, 140000, NULL,
      "0 tune downtimeMs 300; 140000 tune downtimeMs 900" },
    { "does-not-switch-over", NULL, at_minimum, 100 * MIB, 140000, NULL,
      "0 tune downtimeMs 300; 60000 tune downtimeMs 900; 121200 abort" },
    { "sick-network", "{'allowPostcopy': true}", at_minimum, MIB / 5, 400000, NULL,
      "0 tune downtimeMs 300; 151200 abort" },
    { "no-bandwidth", "{'allowPostcopy': true}", at_minimum, 0, 400000, NULL,
      "0 tune downtimeMs 300; 151200 abort" },
    { "too-slow", NULL, converging, 100 * MIB, 400000, NULL,
      "0 tune downtimeMs 300; 151200 abort" },
    { "too-slow-forced", "{'allowWorkloadDisruption': true}", converging, 100 * MIB, 400000, NULL,
      "0 tune downtimeMs 300; 151200 tune downtimeMs 2000000; 212000 abort" },
    { "too-slow-postcopy", "{'allowPostcopy': true}", converging, 100 * MIB, 400000, NULL,
      "0 tune downtimeMs 300; 151200 start-postcopy" },
    { "too-slow-postcopy-without-disruption",
      "{'allowPostcopy': true, 'allowWorkloadDisruption': false}", converging, 100 * MIB, 400000,
      NULL, "0 tune downtimeMs 300; 151200 start-postcopy" },
    { "shorter-window", "{'stallTimeoutMs': 10000}", above_minimum, 100 * MIB, 40000, NULL,
      "0 tune downtimeMs 300; 30000 tune downtimeMs 900" },
};

static PolicyTrace *
trace_of(const uint64_t *passes, uint64_t bytes_per_second)
{
    PolicyTrace *trace = peerTraceNew();

    peerTraceAdd(trace, 0, 1, 1000000000, 1000000000, bytes_per_second);
    for (uint64_t pass = 0; passes[pass]; pass++)
        peerTraceAdd(trace, FIRST_PASS_MS + pass * PASS_MS, pass + 2, 1000000000,
                     passes[pass] * MIB, bytes_per_second);
    return trace;
}

static void
test_run(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(PolicyTrace) trace = trace_of(runs[i].passes, runs[i].bytes_per_second);
    const PolicyCase one = { .policy = &vmmiPolicyStall,
                             .options = runs[i].options,
                             .fails = runs[i].failing,
                             .stop_ms = runs[i].to_ms };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, trace, &result);
    g_assert_cmpstr(result.actions, ==, runs[i].seen);
}

/* A guest that stands still already has the whole acceptable time. */
static void
test_switchover(void)
{
    g_autoptr(PolicyTrace) trace = trace_of(at_minimum, 100 * MIB);
    const PolicyCase one = { .policy = &vmmiPolicyStall, .stop_ms = 400000 };
    g_auto(PolicyResult) result = { 0 };

    policyTraceAddState(trace, 60100, VMMI_STATE_SWITCHOVER);
    policyRun(&one, trace, &result);
    g_assert_cmpstr(result.actions, ==,
                    "0 tune downtimeMs 300; 60000 tune downtimeMs 900; 151200 abort");
}

static void
test_reasons(void)
{
    g_autoptr(PolicyTrace) trace = trace_of(at_minimum, 100 * MIB);
    const PolicyCase one = { .policy = &vmmiPolicyStall };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, trace, &result);
    g_assert_cmpstr(
        policyResultReason(&result, 1), ==,
        "stalled, at a local minimum: 79 MiB remain, 790 ms expected, best 78 MiB, pass 12");
    peerCheckReason(&one, trace, 10000,
                    "waiting for passes to compare, 40000 ms apart; acceptable are 150000 ms");
    peerCheckReason(&one, trace, 55000,
                    "converging: 84 MiB remain, 90 MiB were seen 40000 ms ago or earlier");
    peerCheckReason(&one, trace, 60000, "waiting for the guest to switch over, until 120000 ms");
}

static void
test_stalled(void)
{
    g_autoptr(PolicyTrace) trace = trace_of(above_minimum, 100 * MIB);
    const PolicyCase one = { .policy = &vmmiPolicyStall };

    peerCheckReason(&one, trace, 60000,
                    "stalled, waiting for less than 81 MiB; best 78 MiB, relaxed at 100000 ms");
}

static const struct {
    const char *name, *options, *message;
} refusals[] = {
    { "none", NULL, NULL },
    { "misspelt", "{'stallTimeout': 5}",
      "option 'stallTimeout' is unknown; did you mean 'stallTimeoutMs'?" },
    { "completion-0", "{'completionTimeoutMsPerGib': 0}",
      "option 'completionTimeoutMsPerGib' must be 1..86400000 ms/GB, got 0" },
    { "margin-0", "{'stallMarginPercent': 0}",
      "option 'stallMarginPercent' must be 1..99 %, got 0" },
    { "share-above", "{'bandwidthSharePercent': 101}",
      "option 'bandwidthSharePercent' must be 1..100 %, got 101" },
    { "factor-below", "{'precopyPossibleFactorPercent': 99}",
      "option 'precopyPossibleFactorPercent' must be 100..10000 %, got 99" },
    { "forced-below-maximum", "{'forcedDowntimeMs': 800}",
      "option 'forcedDowntimeMs' is 800 ms, less than 'maxDowntimeMs', 900 ms" },
};

static void
test_refusal(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);

    peerCheckOptions(&vmmiPolicyStall, refusals[i].options, refusals[i].message);
}

static const struct {
    const char *name, *options, *migration, *refusal, *result;
} starts[] = {
    { "default", NULL, "{}", NULL, "{}" },
    { "postcopy", "{'allowPostcopy': true}", "{}", NULL, "{'flags':['postcopy']}" },
    { "refused", "{'allowPostcopy': true}", "{}", "post-copy is not supported", "{'flags':[]}" },
    { "forbidden", "{'allowPostcopy': true}", "{'flags': ['no-postcopy']}", NULL,
      "{'flags':['no-postcopy']}" },
};

static void
test_start(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);

    peerCheckStart(&vmmiPolicyStall, starts[i].options, starts[i].migration, starts[i].refusal,
                   starts[i].result);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/policies/stall/run/", runs, test_run);
    ADD_ROWS("/policies/stall/option/", refusals, test_refusal);
    ADD_ROWS("/policies/stall/start/", starts, test_start);
    g_test_add_func("/policies/stall/switchover", test_switchover);
    g_test_add_func("/policies/stall/reasons", test_reasons);
    g_test_add_func("/policies/stall/stalled", test_stalled);
    return g_test_run();
}
