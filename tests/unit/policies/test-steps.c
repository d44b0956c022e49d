/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-steps.c: the policy `steps` against Nova's arithmetic.
 */
#include "../rows.h"
#include "policies/policies.h"
#include "peer.h"
#include "util/cleanup.h"

static const struct {
    const char *name, *options;
    uint64_t memory, disk; /* bytes */
    uint64_t from_ms, to_ms;
    const char *failing, *seen;
} runs[] = {
    { "default-8-gib", NULL, 8 * GIB, 0, 0, 7000000, NULL,
      "0 tune downtimeMs 50; 600000 tune downtimeMs 95; 1200000 tune downtimeMs 140; 1800000 tune "
      "downtimeMs 185; "
      "2400000 tune downtimeMs 230; 3000000 tune downtimeMs 275; 3600000 tune downtimeMs 320; "
      "4200000 tune downtimeMs 365; 4800000 tune downtimeMs 410; 5400000 tune downtimeMs 455; "
      "6000000 tune downtimeMs 500; 6400001 abort" },
    { "small-counts-as-2-gib", NULL, 256 * MIB, 0, 0, 2000000, NULL,
      "0 tune downtimeMs 50; 150000 tune downtimeMs 95; 300000 tune downtimeMs 140; 450000 tune "
      "downtimeMs 185; "
      "600000 tune downtimeMs 230; 750000 tune downtimeMs 275; 900000 tune downtimeMs 320; "
      "1050000 tune downtimeMs 365; "
      "1200000 tune downtimeMs 410; 1350000 tune downtimeMs 455; 1500000 tune downtimeMs 500; "
      "1600001 abort" },
    { "whole-seconds", NULL, 2560 * MIB, 0, 0, 400000, NULL,
      "0 tune downtimeMs 50; 187000 tune downtimeMs 95; 374000 tune downtimeMs 140" },
    { "disks-count", NULL, 1 * GIB, 1 * GIB, 0, 700000, NULL,
      "0 tune downtimeMs 50; 300000 tune downtimeMs 95; 600000 tune downtimeMs 140" },
    { "400-ms-in-10-steps-of-30-s-for-3-gib",
      "{'downtimeMs': 400, 'delayMsPerGib': 30000, 'completionTimeoutMsPerGib': 0}", 3 * GIB, 0, 0,
      100000000, NULL,
      "0 tune downtimeMs 40; 90000 tune downtimeMs 76; 180000 tune downtimeMs 112; 270000 tune "
      "downtimeMs 148; "
      "360000 tune downtimeMs 184; 450000 tune downtimeMs 220; 540000 tune downtimeMs 256; 630000 "
      "tune downtimeMs 292; "
      "720000 tune downtimeMs 328; 810000 tune downtimeMs 364; 900000 tune downtimeMs 400" },
    { "three-steps", "{'steps': 3, 'downtimeMs': 100}", 2 * GIB, 0, 0, 500000, NULL,
      "0 tune downtimeMs 33; 150000 tune downtimeMs 55; 300000 tune downtimeMs 77; 450000 tune "
      "downtimeMs 100" },
    { "time-scaled-by-10",
      "{'delayMsPerGib': 7500, 'completionTimeoutMsPerGib': 80000, 'roundToMs': 100}", 2560 * MIB,
      0, 0, 40000, NULL,
      "0 tune downtimeMs 50; 18700 tune downtimeMs 95; 37400 tune downtimeMs 140" },
    { "late-takes-the-last-due", NULL, 2 * GIB, 0, 320000, 460000, NULL,
      "320000 tune downtimeMs 140; 450000 tune downtimeMs 185" },
    { "force-suspends", "{'timeoutAction': 'force'}", 2 * GIB, 0, 1590000, 9000000, NULL,
      "1590000 tune downtimeMs 500; 1600001 suspend" },
    { "force-by-postcopy", "{'timeoutAction': 'force', 'permitPostcopy': true}", 2 * GIB, 0,
      1590000, 9000000, NULL, "1590000 tune downtimeMs 500; 1600001 start-postcopy" },
    { "postcopy-fails", "{'timeoutAction': 'force', 'permitPostcopy': true}", 2 * GIB, 0, 1590000,
      9000000, "start-postcopy",
      "1590000 tune downtimeMs 500; 1600001 start-postcopy!; 1600001 suspend" },
    { "abort-fails", NULL, 2 * GIB, 0, 1590000, 1607000, "abort",
      "1590000 tune downtimeMs 500; 1600001 abort!; 1605001 abort!" },
    { "a-step-that-fails-is-no-matter", NULL, 2 * GIB, 0, 0, 160000, "tune",
      "0 tune downtimeMs 50!; 150000 tune downtimeMs 95!" },
};

static PolicyTrace *
trace_of(uint64_t from_ms, uint64_t memory, uint64_t disk)
{
    PolicyTrace *trace = peerTraceNew();

    peerTraceAdd(trace, 0, 0, 0, 0, 0); /* the size is not known yet */
    vmmiSampleSet(peerTraceAdd(trace, from_ms, 1, memory, memory, MIB),
                  VMMI_SAMPLE_DISK_TOTAL_BYTES, disk);
    return trace;
}

static void
test_run(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(PolicyTrace) trace = trace_of(runs[i].from_ms, runs[i].memory, runs[i].disk);
    const PolicyCase one = { .policy = &vmmiPolicySteps,
                             .options = runs[i].options,
                             .fails = runs[i].failing,
                             .stop_ms = runs[i].to_ms };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, trace, &result);
    g_assert_cmpstr(result.actions, ==, runs[i].seen);
}

static void
test_reasons(void)
{
    g_autoptr(PolicyTrace) trace = trace_of(151000, 2 * GIB, 0);
    const PolicyCase one = { .policy = &vmmiPolicySteps,
                             .options = "{'timeoutAction': 'force'}",
                             .stop_ms = 1700000 };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, trace, &result);
    g_assert_cmpstr(policyResultReason(&result, 0), ==,
                    "step 1 of 10, due after 150000 ms, with 2048 MiB to move");
    g_assert_cmpstr(policyResultReason(&result, 10), ==,
                    "not completed after 1600001 ms, the limit is 1600000 ms; post-copy is not "
                    "permitted");
    peerCheckReason(&one, trace, 100, "waiting for the size of the guest");
    peerCheckReason(&one, trace, 151000,
                    "waiting for the guest to converge; step 2 of 10 to 140 ms after 300000 ms; "
                    "forced after 1600000 ms");
    peerCheckReason(&one, trace, 1700000,
                    "the guest is suspended, waiting for the rest to be moved");
}

static const struct {
    const char *name, *options, *message;
} refusals[] = {
    { "none", NULL, NULL },
    { "misspelt", "{'downtimeM': 500}",
      "option 'downtimeM' is unknown; did you mean 'downtimeMs'?" },
    { "downtime-99", "{'downtimeMs': 99}", "option 'downtimeMs' must be 100..2000000 ms, got 99" },
    { "downtime-100", "{'downtimeMs': 100}", NULL },
    { "downtime-above", "{'downtimeMs': 2000001}",
      "option 'downtimeMs' must be 100..2000000 ms, got 2000001" },
    { "steps-2", "{'steps': 2}", "option 'steps' must be 3..100, got 2" },
    { "steps-101", "{'steps': 101}", "option 'steps' must be 3..100, got 101" },
    { "delay-below", "{'delayMsPerGib': 99}",
      "option 'delayMsPerGib' must be 100..86400000 ms/GiB, got 99" },
    { "action", "{'timeoutAction': 'pause'}",
      "option 'timeoutAction' must be one of abort, force, got 'pause'" },
    { "force-without-timeout", "{'timeoutAction': 'force', 'completionTimeoutMsPerGib': 0}",
      "option 'timeoutAction' is 'force', but there is no timeout: option "
      "'completionTimeoutMsPerGib' "
      "is 0" },
};

static void
test_refusal(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);

    peerCheckOptions(&vmmiPolicySteps, refusals[i].options, refusals[i].message);
}

static const struct {
    const char *name, *options, *migration, *refusal, *result;
} starts[] = {
    { "default", NULL, "{}", NULL, "{}" },
    { "postcopy", "{'permitPostcopy': true}", "{}", NULL, "{'flags':['postcopy']}" },
    { "autoconverge", "{'permitAutoconverge': true}", "{}", NULL, "{'flags':['auto_converge']}" },
    { "postcopy-goes-first", "{'permitPostcopy': true, 'permitAutoconverge': true}", "{}", NULL,
      "{'flags':['postcopy']}" },
    { "forbidden", "{'permitPostcopy': true, 'permitAutoconverge': true}",
      "{'flags': ['no-postcopy']}", NULL, "{'flags':['no-postcopy','auto_converge']}" },
    { "refused", "{'permitPostcopy': true, 'permitAutoconverge': true}", "{}",
      "Postcopy is not supported: Userfaultfd not available", "{'flags':['auto_converge']}" },
    { "refused-for-another-reason", "{'permitPostcopy': true}", "{}", "no route to host",
      "{'flags':['postcopy']}" },
    { "refused-but-named", "{'permitPostcopy': true}", "{'flags': ['postcopy']}",
      "post-copy migration is not supported", "{'flags':['postcopy']}" },
};

static void
test_start(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);

    peerCheckStart(&vmmiPolicySteps, starts[i].options, starts[i].migration, starts[i].refusal,
                   starts[i].result);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/policies/steps/run/", runs, test_run);
    ADD_ROWS("/policies/steps/option/", refusals, test_refusal);
    ADD_ROWS("/policies/steps/start/", starts, test_start);
    g_test_add_func("/policies/steps/reasons", test_reasons);
    return g_test_run();
}
