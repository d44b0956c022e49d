/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-deadline.c: the policy `deadline` against KubeVirt's and virsh's arithmetic.
 */
#include "../rows.h"
#include "policies/policies.h"
#include "peer.h"
#include "util/cleanup.h"

/* How what remains goes. */
typedef enum {
    FALLS, /* a little from second to second */
    SAW,   /* up and down, on the whole the same */
    STUCK, /* not at all after the first look */
    SLOW,  /* falls once in 100 s */
    ALIKE  /* a sample at the beginning of each pass, always the same */
} Course;

static uint64_t
remaining_at(Course course, uint64_t second)
{
    switch (course) {
    case FALLS: return 8 * GIB - second * MIB;
    case SAW: return 100 * MIB + second % 3 * MIB;
    case SLOW: return 8 * GIB - second / 100 * MIB;
    default: return 100 * MIB;
    }
}

static uint64_t
rate_of(Course course)
{
    return course == ALIKE ? 38 * MIB : course == FALLS ? MIB : 0;
}

static const struct {
    const char *name, *options;
    uint64_t memory;
    Course course;
    uint64_t seconds; /* a sample each */
    const char *failing, *seen;
} runs[] = {
    /* 8 GiB are 9 times 10^9 bytes, rounded up: 1350 s; a look each 400 ms, whole seconds. */
    { "default-8-gib", NULL, 8 * GIB, FALLS, 1400, NULL, "1351200 abort" },
    { "default-1-gb", NULL, 1000000000, FALLS, 200, NULL, "151200 abort" },
    { "saw-tooth-is-progress", NULL, 2000000000, SAW, 400, NULL, "301200 abort" },
    { "passes-alike-are-progress", NULL, 8 * GIB, ALIKE, 400, NULL, "" },
    { "no-progress", NULL, 8 * GIB, STUCK, 400, NULL, "151600 abort" },
    { "progress-now-and-then", NULL, 8 * GIB, SLOW, 400, NULL, "" },
    { "progress-timeout-100", "{'progressTimeoutMs': 98000}", 8 * GIB, SLOW, 400, NULL,
      "99600 abort" },
    { "no-progress-timeout", "{'progressTimeoutMs': 0}", 1000000000, STUCK, 400, NULL,
      "151200 abort" },
    { "no-timeout", "{'progressTimeoutMs': 0, 'completionTimeoutMsPerGib': 0}", 1000000000, STUCK,
      2000, NULL, "" },
    { "disruption", "{'allowWorkloadDisruption': true}", 1000000000, SAW, 400, NULL,
      "151200 suspend; 301200 abort" },
    { "postcopy", "{'allowPostcopy': true}", 1000000000, SAW, 400, NULL, "151200 start-postcopy" },
    { "postcopy-fails", "{'allowPostcopy': true}", 1000000000, SAW, 400, "start-postcopy",
      "151200 start-postcopy!; 151600 suspend; 301200 abort" },
    { "suspend-fails", "{'allowWorkloadDisruption': true}", 1000000000, SAW, 160, "suspend",
      "151200 suspend!; 156400 suspend!" },
    { "abort-fails", NULL, 1000000000, SAW, 160, "abort", "151200 abort!; 156400 abort!" },
    { "time-scaled-by-10",
      "{'completionTimeoutMsPerGib': 15000, 'progressTimeoutMs': 15000, 'pollMs': 50, "
      "'roundToMs': 100}",
      1000000000, SAW, 100, NULL, "15100 abort" },
    { "tuning", "{'downtimeTuning': true}", 8 * GIB, FALLS, 120, NULL,
      "0 tune downtimeMs 150; 10000 tune downtimeMs 257; 20000 tune downtimeMs 364; 30000 tune "
      "downtimeMs 471; "
      "40000 tune downtimeMs 578; 50000 tune downtimeMs 685; 60000 tune downtimeMs 792; 70000 tune "
      "downtimeMs 899; "
      "80000 tune downtimeMs 900" },
    { "tuning-to-less-than-its-first-limit", "{'downtimeTuning': true, 'maxDowntimeMs': 100}",
      8 * GIB, FALLS, 120, NULL, "0 tune downtimeMs 100" },
    { "tuning-in-two-steps",
      "{'downtimeTuning': true, 'downtimeSteps': 2, 'downtimeCooldownMs': 4000, "
      "'downtimeAfterIteration': 8, 'downtimeInitialMs': 100, 'maxDowntimeMs': 500}",
      8 * GIB, FALLS, 120, NULL,
      "0 tune downtimeMs 100; 8400 tune downtimeMs 300; 12400 tune downtimeMs 500" },
    { "virsh-suspend", "{'rules': 'virsh', 'timeoutMs': 20000}", 8 * GIB, FALLS, 3000, NULL,
      "20000 suspend" },
    { "virsh-suspend-fails", "{'rules': 'virsh', 'timeoutMs': 20000}", 8 * GIB, FALLS, 3000,
      "suspend", "20000 suspend!" },
    { "virsh-postcopy", "{'rules': 'virsh', 'timeoutMs': 20000, 'timeoutAction': 'postcopy'}",
      8 * GIB, FALLS, 3000, NULL, "20000 start-postcopy" },
    { "virsh-postcopy-after-precopy", "{'rules': 'virsh', 'postcopyAtIteration': 2}", 8 * GIB,
      FALLS, 3000, NULL, "2000 start-postcopy" },
    { "virsh-both", "{'rules': 'virsh', 'postcopyAtIteration': 2, 'timeoutMs': 20000}", 8 * GIB,
      FALLS, 3000, "start-postcopy", "2000 start-postcopy!; 20000 suspend" },
};

/* Passes begin each second up to the tenth. */
static PolicyTrace *
trace_of(Course course, uint64_t memory, uint64_t seconds)
{
    PolicyTrace *trace = peerTraceNew();

    for (uint64_t second = 0; second <= seconds; second++)
        peerTraceAdd(trace, second * 1000, MIN(second, 10), memory, remaining_at(course, second),
                     rate_of(course));
    return trace;
}

static void
test_run(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(PolicyTrace) trace = trace_of(runs[i].course, runs[i].memory, runs[i].seconds);
    const PolicyCase one = { .policy = &vmmiPolicyDeadline,
                             .options = runs[i].options,
                             .fails = runs[i].failing };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, trace, &result);
    g_assert_cmpstr(result.actions, ==, runs[i].seen);
}

static void
test_reasons(void)
{
    g_autoptr(PolicyTrace) trace = trace_of(SAW, 1000000000, 400);
    const PolicyCase one = { .policy = &vmmiPolicyDeadline,
                             .options = "{'allowWorkloadDisruption': true}" };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, trace, &result);
    g_assert_cmpstr(
        policyResultReason(&result, 0), ==,
        "not completed after 151200 ms, 150000 ms are acceptable for 1 GB; the guest may "
        "be disturbed, post-copy is not allowed");
    g_assert_cmpstr(policyResultReason(&result, 1), ==,
                    "not completed after 301200 ms, 300000 ms are acceptable for 1 GB");
    peerCheckReason(
        &one, trace, 151000,
        "waiting for the guest to converge, until 150000 ms, then the guest is suspended; "
        "last progress at 150400 ms");
    peerCheckReason(&one, trace, 152000,
                    "the guest is suspended, waiting for the rest to be moved");
}

/* A guest that is about to arrive when the time is up gets as much again. */
static void
test_switchover(void)
{
    g_autoptr(PolicyTrace) trace = trace_of(SAW, 1000000000, 151);
    PolicyCase one = { .policy = &vmmiPolicyDeadline,
                       .options = "{'allowPostcopy': true, 'progressTimeoutMs': 0}",
                       .stop_ms = 400000 };
    g_auto(PolicyResult) patient = { 0 };
    g_auto(PolicyResult) strict = { 0 };

    policyTraceAddState(trace, 151100, VMMI_STATE_SWITCHOVER);
    policyRun(&one, trace, &patient);
    g_assert_cmpstr(patient.actions, ==, "301200 abort");
    one.options = NULL;
    policyRun(&one, trace, &strict);
    g_assert_cmpstr(strict.actions, ==, "151200 abort");
}

static void
test_stuck(void)
{
    g_autoptr(PolicyTrace) trace = peerTraceNew();
    const PolicyCase one = { .policy = &vmmiPolicyDeadline, .stop_ms = 400000 };
    g_auto(PolicyResult) result = { 0 };

    peerTraceAdd(trace, 100, 1, 8 * GIB, 101 * MIB, 0);
    policyRun(&one, trace, &result);
    g_assert_cmpstr(policyResultReason(&result, 0), ==,
                    "no progress for 151200 ms, the limit is 150000 ms; 101 MiB remain");
}

static const struct {
    const char *name, *options, *message;
} refusals[] = {
    { "none", NULL, NULL },
    { "misspelt", "{'timeoutsMs': 500}",
      "option 'timeoutsMs' is unknown; did you mean 'timeoutMs'?" },
    { "rules", "{'rules': 'nova'}", "option 'rules' must be one of kubevirt, virsh, got 'nova'" },
    { "poll", "{'pollMs': 49}", "option 'pollMs' must be 50..60000 ms, got 49" },
    { "steps", "{'downtimeTuning': true, 'downtimeSteps': 0}",
      "option 'downtimeSteps' must be 1..1000, got 0" },
    { "virsh-without-anything", "{'rules': 'virsh'}",
      "where 'rules' is 'virsh', option 'timeoutMs' or 'postcopyAtIteration' is needed" },
    { "virsh-postcopy-without-timeout",
      "{'rules': 'virsh', 'timeoutAction': 'postcopy', 'postcopyAtIteration': 2}",
      "option 'timeoutAction' is 'postcopy', but 'timeoutMs' is 0" },
    { "virsh-with-kubevirts-number", "{'rules': 'virsh', 'timeoutMs': 1, 'progressTimeoutMs': 5}",
      "option 'progressTimeoutMs' has no effect where 'rules' is 'virsh'" },
    { "virsh-with-kubevirts-permission",
      "{'rules': 'virsh', 'timeoutMs': 1, 'allowPostcopy': true}",
      "option 'allowPostcopy' has no effect where 'rules' is 'virsh'" },
    { "virsh-with-kubevirts-disruption",
      "{'rules': 'virsh', 'timeoutMs': 1, 'allowWorkloadDisruption': false}",
      "option 'allowWorkloadDisruption' has no effect where 'rules' is 'virsh'" },
    { "kubevirt-with-virshs-number", "{'timeoutMs': 5}",
      "option 'timeoutMs' has no effect where 'rules' is 'kubevirt'" },
    { "kubevirt-with-virshs-action", "{'timeoutAction': 'postcopy'}",
      "option 'timeoutAction' has no effect where 'rules' is 'kubevirt'" },
    { "tuning-option-without-tuning", "{'maxDowntimeMs': 500}",
      "option 'maxDowntimeMs' has no effect where 'downtimeTuning' is false" },
    { "postcopy-without-disruption", "{'allowPostcopy': true, 'allowWorkloadDisruption': false}",
      "option 'allowPostcopy' is true, but 'allowWorkloadDisruption' is false: post-copy would "
      "never "
      "start" },
    { "postcopy-without-timeout", "{'allowPostcopy': true, 'completionTimeoutMsPerGib': 0}",
      "option 'allowPostcopy' is true, but 'completionTimeoutMsPerGib' is 0: it would never be "
      "used" },
    { "disruption-without-timeout",
      "{'allowWorkloadDisruption': true, 'completionTimeoutMsPerGib': 0}",
      "option 'allowWorkloadDisruption' is true, but 'completionTimeoutMsPerGib' is 0: it would "
      "never "
      "be used" },
};

static void
test_refusal(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);

    peerCheckOptions(&vmmiPolicyDeadline, refusals[i].options, refusals[i].message);
}

#define VIRSH_POSTCOPY "{'rules': 'virsh', 'postcopyAtIteration': 2}"
#define NO_USERFAULT "Postcopy is not supported: Userfaultfd not available"

static const struct {
    const char *name, *options, *migration, *refusal, *result;
} starts[] = {
    { "default", NULL, "{}", NULL, "{}" },
    { "postcopy", "{'allowPostcopy': true}", "{}", NULL, "{'flags':['postcopy']}" },
    { "forbidden", "{'allowPostcopy': true}", "{'flags': ['no-postcopy']}", NULL,
      "{'flags':['no-postcopy']}" },
    { "refused", "{'allowPostcopy': true}", "{}", NO_USERFAULT, "{'flags':[]}" },
    { "virsh-suspend", "{'rules': 'virsh', 'timeoutMs': 1}", "{}", NULL, "{}" },
    { "virsh-postcopy", VIRSH_POSTCOPY, "{}", NULL, "{'flags':['postcopy']}" },
    { "virsh-cannot-do-without", VIRSH_POSTCOPY, "{}", NO_USERFAULT, "{'flags':['postcopy']}" },
    { "virsh-forbidden", VIRSH_POSTCOPY, "{'flags': ['no-postcopy']}", NULL,
      "!option 'postcopyAtIteration' needs post-copy, but the start flag 'no-postcopy' forbids "
      "it" },
};

static void
test_start(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);

    peerCheckStart(&vmmiPolicyDeadline, starts[i].options, starts[i].migration, starts[i].refusal,
                   starts[i].result);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/policies/deadline/run/", runs, test_run);
    ADD_ROWS("/policies/deadline/option/", refusals, test_refusal);
    ADD_ROWS("/policies/deadline/start/", starts, test_start);
    g_test_add_func("/policies/deadline/reasons", test_reasons);
    g_test_add_func("/policies/deadline/stuck", test_stuck);
    g_test_add_func("/policies/deadline/switchover", test_switchover);
    return g_test_run();
}
