/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-doubling.c: the policy `doubling` against Proxmox VE's arithmetic.
 */
#include "../rows.h"
#include "policies/policies.h"
#include "peer.h"
#include "util/cleanup.h"

/* How what remains goes, from second to second. */
typedef enum {
    RISES,
    RISES_UNMOVED, /* but nothing is moved */
    SAW,           /* up, up, down */
    FALLS,
    ALIKE, /* a sample at the beginning of each pass of 900 ms, always the same */
    LITTLE /* rises, and is less than what is moved in a second */
} Course;

static void
add_sample(PolicyTrace *trace, Course course, uint64_t second)
{
    uint64_t remaining = (1000 + second) * MIB;
    uint64_t processed = (second + 1) * MIB;
    vmmiSample *sample;

    if (course == RISES_UNMOVED)
        processed = MIB;
    else if (course == SAW)
        remaining = (1000 + second % 3) * MIB;
    else if (course == FALLS)
        remaining = (1000 - second) * MIB;
    else if (course == ALIKE)
        remaining = 64 * MIB, processed = second * 34 * MIB;
    else if (course == LITTLE)
        remaining = (1 + second) * 1000;
    sample = peerTraceAdd(trace, second * (course == ALIKE ? 900 : 1000), 1, 256 * MIB, remaining,
                          course == ALIKE ? 38 * MIB : 0);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, processed);
}

#define BEGIN "0 tune downtimeMs 100; 0 tune xbzrleCacheBytes 33554432"

static const struct {
    const char *name, *options;
    Course course;
    uint64_t seconds; /* a sample each */
    const char *failing, *seen;
} runs[] = {
    /* A look sees the sample of a second ago; the seventh finds the sixth rise. */
    { "rises", NULL, RISES, 20, NULL,
      BEGIN "; 7000 tune downtimeMs 200; 13000 tune downtimeMs 400; "
            "19000 tune downtimeMs 800" },
    { "nothing-moved", NULL, RISES_UNMOVED, 100, NULL, BEGIN },
    { "saw-tooth", NULL, SAW, 20, NULL,
      BEGIN "; 9000 tune downtimeMs 200; 18000 tune downtimeMs 400" },
    { "falls", NULL, FALLS, 900, NULL, BEGIN },
    { "a-limit-that-fails-is-no-matter", NULL, RISES, 14, "tune",
      "0 tune downtimeMs 100!; 0 tune xbzrleCacheBytes 33554432!; 7000 tune downtimeMs 200!; "
      "13000 tune downtimeMs 400!" },
    { "little-remains", NULL, LITTLE, 8, NULL, BEGIN "; 6100 tune downtimeMs 200" },
    { "passes-alike", NULL, ALIKE, 20, NULL, BEGIN "; 14500 tune downtimeMs 200" },
    { "one-hit", "{'hits': 0}", RISES, 4, NULL,
      BEGIN "; 2000 tune downtimeMs 200; 3000 tune downtimeMs 400; 4000 tune downtimeMs 800" },
    { "bounded", "{'hits': 0, 'maxDowntimeMs': 300}", RISES, 10, NULL,
      BEGIN "; 2000 tune downtimeMs 200; 3000 tune downtimeMs 300" },
    { "up-to-2000-s", "{'hits': 0, 'downtimeMs': 600000}", RISES, 10, NULL,
      "0 tune downtimeMs 600000; 0 tune xbzrleCacheBytes 33554432; 2000 tune downtimeMs 1200000; "
      "3000 tune downtimeMs 2000000" },
    { "not-compressed", "{'compress': false}", FALLS, 10, NULL, "0 tune downtimeMs 100" },
    { "larger-cache", "{'cachePercent': 50}", FALLS, 10, NULL,
      "0 tune downtimeMs 100; 0 tune xbzrleCacheBytes 134217728" },
};

static PolicyTrace *
trace_of(Course course, uint64_t seconds)
{
    PolicyTrace *trace = peerTraceNew();

    for (uint64_t second = 0; second <= seconds; second++)
        add_sample(trace, course, second);
    return trace;
}

static void
test_run(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(PolicyTrace) trace = trace_of(runs[i].course, runs[i].seconds);
    const PolicyCase one = { .policy = &vmmiPolicyDoubling,
                             .options = runs[i].options,
                             .fails = runs[i].failing };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, trace, &result);
    g_assert_cmpstr(result.actions, ==, runs[i].seen);
}

static void
test_reasons(void)
{
    g_autoptr(PolicyTrace) trace = trace_of(RISES, 4);
    const PolicyCase one = { .policy = &vmmiPolicyDoubling,
                             .options = "{'compress': false, 'hits': 1}" };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, trace, &result);
    g_assert_cmpstr(policyResultReason(&result, 1), ==,
                    "what remains rose 2 times under a limit of 100 ms, 1002 MiB remain");
    g_assert_cmpstr(
        result.reason, ==,
        "waiting for the guest to converge, 200 ms tolerated; rose 1 of 2 times before it "
        "is doubled, up to 2000000 ms");
}

static const struct {
    const char *name, *options, *message;
} refusals[] = {
    { "none", NULL, NULL },
    { "misspelt", "{'hit': 5}", "option 'hit' is unknown; did you mean 'hits'?" },
    { "downtime-0", "{'downtimeMs': 0}", "option 'downtimeMs' must be 1..2000000 ms, got 0" },
    { "cache-0", "{'cachePercent': 0}", "option 'cachePercent' must be 1..100 %, got 0" },
    { "maximum-below-the-first", "{'downtimeMs': 500, 'maxDowntimeMs': 400}",
      "option 'maxDowntimeMs' is 400 ms, less than 'downtimeMs', 500 ms" },
    { "near-above-far", "{'pollMs': 90}",
      "option 'nearPollMs' is 100 ms, more than 'pollMs', 90 ms" },
};

static void
test_refusal(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);

    peerCheckOptions(&vmmiPolicyDoubling, refusals[i].options, refusals[i].message);
}

static const struct {
    const char *name, *options, *migration, *refusal, *result;
} starts[] = {
    { "default", NULL, "{}", NULL,
      "{'flags':['auto_converge','compressed'],'params':{'bandwidth':16384}}" },
    { "neither", "{'autoConverge': false, 'compress': false, 'bandwidthMibPerSecond': 0}", "{}",
      NULL, "{}" },
    { "forbidden", "{'bandwidthMibPerSecond': 0}", "{'flags': ['no-auto_converge']}", NULL,
      "{'flags':['no-auto_converge','compressed']}" },
    { "the-users-bandwidth", "{'autoConverge': false, 'compress': false}",
      "{'params': {'bandwidth': 100}}", NULL, "{'params':{'bandwidth':100}}" },
    { "refused", "{'bandwidthMibPerSecond': 0}", "{}",
      "compression is not supported with this guest", "{'flags':['auto_converge']}" },
};

static void
test_start(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);

    peerCheckStart(&vmmiPolicyDoubling, starts[i].options, starts[i].migration, starts[i].refusal,
                   starts[i].result);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/policies/doubling/run/", runs, test_run);
    ADD_ROWS("/policies/doubling/option/", refusals, test_refusal);
    ADD_ROWS("/policies/doubling/start/", starts, test_start);
    g_test_add_func("/policies/doubling/reasons", test_reasons);
    return g_test_run();
}
