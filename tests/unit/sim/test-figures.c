/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-figures.c: the figures of simulated migrations against arithmetic by hand: times, bytes, downtime, throttling, compression,
 * bandwidth that is limited, shared and changed.
 */
#include <math.h>
#include <string.h>

#include "drivers/sim/sim-sample.h"
#include "sim-fixture.h"
#include "../rows.h"

#define EXACT "'jitterPercent': 0, 'linkMibPerSecond': 100, "
#define STEPS \
    "'steps': {'beginMs': 10, 'prepareMs': 90, 'setupMs': 50, 'deviceMs': 40, 'finishMs': 20, " \
    "'confirmMs': 10}, "
#define GUEST(rest) "'guests': [{'name': 'g', " rest "}]"

static vmmiSample *
running(vmmiSimWorld *world)
{
    g_autoptr(vmmiSimWorld) shown = vmmiSimWorldCopy(world);
    vmmiSample *sample = vmmiSampleNew();

    vmmiSimSettle(shown);
    vmmiSimSampleRunning(vmmiSimWorldGuest(shown, 0), sample);
    return sample;
}

static void
check(const vmmiSample *sample, vmmiSampleField field, uint64_t low, uint64_t high)
{
    uint64_t value = 0;
    bool known = vmmiSampleGet(sample, field, &value);

    if (!known || value < low || value > high)
        g_test_message("%s is %s%" G_GUINT64_FORMAT ", not %" G_GUINT64_FORMAT
                       "..%" G_GUINT64_FORMAT,
                       vmmiSampleFieldToString(field), known ? "" : "unknown ", (guint64)value,
                       (guint64)low, (guint64)high);
    g_assert_true(known && value >= low && value <= high);
}

/*
 * Migrations that send everything once: total = steps + bytes / bandwidth. The guest stands still for devices + finish and for what
 * is pending at the switchover, which may take as long as the limit allows, 300 ms.
 */
static const struct {
    const char *name, *members, *flags;
    uint64_t total_ms, least_downtime_ms, most_downtime_ms, sent_mib;
} totals[] = {
    { "idle", GUEST("'memoryMib': 500, 'dirtyRateMibPerSecond': 0"), NULL, 5220, 60, 361, 500 },
    { "no-working-set", GUEST("'memoryMib': 500, 'workingSetMib': 0"), NULL, 5220, 60, 361, 500 },
    { "zeroes", GUEST("'memoryMib': 500, 'workingSetMib': 0, 'zeroPercent': 80"), NULL, 1281, 60,
      361, 100 },
    { "small", GUEST("'memoryMib': 1, 'workingSetMib': 0"), NULL, 230, 60, 71, 1 },
    { "paused", GUEST("'memoryMib': 500, 'dirtyRateMibPerSecond': 900, 'state': 'paused'"), NULL,
      5220, 60, 361, 500 },
    { "not-live", GUEST("'memoryMib': 500, 'dirtyRateMibPerSecond': 900"), "no-live", 5220, 5060,
      5061, 500 },
    { "slower-half-way",
      GUEST("'memoryMib': 500, 'workingSetMib': 0, 'events': [{'afterMs': 2650, "
            "'do': 'link', 'mibPerSecond': 50}]"),
      NULL, 7720, 60, 361, 500 },
    { "cut-for-a-while",
      GUEST("'memoryMib': 500, 'workingSetMib': 0, 'events': [{'afterMs': 1150, "
            "'do': 'link', 'mibPerSecond': 0}, {'afterMs': 6150, 'do': 'link', "
            "'mibPerSecond': 100}]"),
      NULL, 10220, 60, 361, 500 },
};

static void
test_total(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *members = g_strconcat(EXACT STEPS, totals[row].members, NULL);
    g_autoptr(vmmiSimWorld) world = fixture_world(members);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    uint64_t job = fixture_start(world, totals[row].flags, NULL);
    uint64_t sent = totals[row].sent_mib << 20;

    g_assert_nonnull(fixture_finish(world, job, 100 * SECOND));
    vmmiSimSampleCompleted(vmmiSimWorldGuest(world, 0), sample);
    check(sample, VMMI_SAMPLE_ELAPSED_MS, totals[row].total_ms - 6, totals[row].total_ms + 6);
    check(sample, VMMI_SAMPLE_DOWNTIME_FINAL_MS, totals[row].least_downtime_ms,
          totals[row].most_downtime_ms);
    check(sample, VMMI_SAMPLE_DOWNTIME_NET_MS, totals[row].least_downtime_ms - 20,
          totals[row].most_downtime_ms - 20);
    check(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, sent, sent + sent / 100);
    check(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 0, 0);
    check(sample, VMMI_SAMPLE_PERCENT, 100, 100);
    check(sample, VMMI_SAMPLE_SETUP_MS, 50, 50);
}

/* Half of the bulk pass of a calm guest. */
static void
test_running(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(EXACT STEPS GUEST("'memoryMib': 500"));
    g_autoptr(vmmiSample) early = NULL;
    g_autoptr(vmmiSample) half = NULL;

    fixture_start(world, "auto_converge", NULL);
    vmmiSimStep(world, 60000);
    early = running(world);
    check(early, VMMI_SAMPLE_ELAPSED_MS, 60, 60);
    g_assert_false(vmmiSampleGet(early, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, NULL));
    vmmiSimStep(world, 2650000);
    half = running(world);
    check(half, VMMI_SAMPLE_ELAPSED_MS, 2650, 2650);
    check(half, VMMI_SAMPLE_PERCENT, 49, 50);
    check(half, VMMI_SAMPLE_ITERATION, 1, 1);
    check(half, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, 500 << 20, 500 << 20);
    check(half, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 249 << 20, 251 << 20);
    check(half, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, 99 << 20, 101 << 20);
    check(half, VMMI_SAMPLE_DOWNTIME_LIMIT_MS, 300, 300);
    check(half, VMMI_SAMPLE_THROTTLE_PERCENT, 0, 0);
    g_assert_false(vmmiSampleGet(half, VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, NULL));
    g_assert_false(vmmiSampleGet(half, VMMI_SAMPLE_DOWNTIME_FINAL_MS, NULL));
}

/* A wild guest: dirty rate in unique pages per second, expected downtime from what was left at the last look. */
static void
test_dirty(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(
        EXACT STEPS GUEST("'memoryMib': 300, 'workingSetMib': 200, 'dirtyRateMibPerSecond': 200"));
    g_autoptr(vmmiSample) sample = NULL;

    fixture_start(world, NULL, NULL);
    vmmiSimStep(world, 60 * SECOND);
    sample = running(world);
    /* x* = 0.80 of 200 MiB is written anew in each pass of 1.6 s: some 100 MiB/s of pages, though 200 are written. */
    check(sample, VMMI_SAMPLE_DIRTY_BYTES_PER_SECOND, 80 << 20, 110 << 20);
    check(sample, VMMI_SAMPLE_DIRTY_PAGES_PER_SECOND, (80 << 20) / 4096, (110 << 20) / 4096);
    check(sample, VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, 1300, 1800);
    check(sample, VMMI_SAMPLE_ITERATION, 20, 60);
}

/* Auto-converge: the first step after the second bad period, then steps of the increment, up to 99. */
static void
test_throttle(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(
        EXACT STEPS GUEST("'memoryMib': 300, 'workingSetMib': 200, 'dirtyRateMibPerSecond': 1000"));
    const vmmiSimJob *job = &vmmiSimWorldGuest(world, 0)->job;
    g_autoptr(GString) seen = g_string_new(NULL);
    int64_t last = -1;

    fixture_start(world, "auto_converge", NULL);
    while (job->id && vmmiSimNext(world) < 200 * SECOND) {
        vmmiSimStep(world, vmmiSimNext(world));
        if (job->id && job->throttle != last) {
            last = job->throttle;
            g_string_append_printf(seen, "%d ", (int)last);
            g_assert_true(last == 0 || job->syncs >= 3);
        }
    }
    g_assert_true(g_str_has_prefix(seen->str, "0 20 30 40 50 60 70 "));
    g_assert_cmpfloat(vmmiSimWorldGuest(world, 0)->last.slowdown_us, >, 1e6);
    g_assert_cmpuint(job->id, ==, 0);
}

static void
test_throttle_parameters(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(EXACT GUEST(
        "'memoryMib': 300, 'workingSetMib': 200, 'dirtyRateMibPerSecond': 1000, 'unthrottledPercent': 100"));
    const char *const flags[] = { "auto_converge", NULL };
    const vmmiParam params[] = {
        { .name = "auto_converge.initial", .type = VMMI_PARAM_UINT, .uint_value = 50 },
        { .name = "auto_converge.increment", .type = VMMI_PARAM_UINT, .uint_value = 30 },
    };
    vmmiMigrateRequest request = {
        .size = sizeof(request), .flags = flags, .params = params, .n_params = 2
    };
    const vmmiSimJob *job = &vmmiSimWorldGuest(world, 0)->job;
    g_autoptr(GString) seen = g_string_new(NULL);
    uint64_t id;

    g_assert_cmpint(vmmiSimActPerform(world, 0, 0, 1, &request, &id, NULL), ==, 0);
    for (int64_t last = -1; vmmiSimNext(world) < 100 * SECOND; last = job->throttle) {
        vmmiSimStep(world, vmmiSimNext(world));
        if (job->throttle != last)
            g_string_append_printf(seen, "%d ", (int)job->throttle);
    }
    g_assert_cmpstr(seen->str, ==, "0 50 80 99 "); /* and devices write on, as much as before */
    g_assert_cmpuint(job->id, ==, id);
}

/* XBZRLE: once a page has been sent before, only its difference goes over the wire, when the cache holds it. */
static const struct {
    const char *name, *pattern, *flags;
    uint64_t cache_mib;
    bool converges;
} compressions[] = {
    { "without", "uniform", NULL, 512, false },
    { "uniform", "uniform", "compressed", 512, true },
    { "uniform-small-cache", "uniform", "compressed", 16, false },
    { "cyclic", "cyclic", "compressed", 512, true },
    { "cyclic-small-cache", "cyclic", "compressed", 128, false },
};

static void
test_compression(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *members = g_strdup_printf(
        EXACT
        "'guests': [{'name': 'g', 'memoryMib': 300, 'workingSetMib': 200, 'xbzrlePercent': 20, "
        "'dirtyRateMibPerSecond': 150, 'pattern': '%s'}]",
        compressions[row].pattern);
    g_autoptr(vmmiSimWorld) world = fixture_world(members);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    uint64_t job;

    vmmiSimWorldGuest(world, 0)->tuning.xbzrle_cache_bytes = compressions[row].cache_mib << 20;
    job = fixture_start(world, compressions[row].flags, NULL);
    g_assert_cmpint(fixture_finish(world, job, 100 * SECOND) != NULL, ==,
                    compressions[row].converges);
    if (!compressions[row].converges)
        return;
    vmmiSimSampleCompleted(vmmiSimWorldGuest(world, 0), sample);
    check(sample, VMMI_SAMPLE_COMPRESSION_PAGES, 1, G_MAXUINT32);
    check(sample, VMMI_SAMPLE_COMPRESSION_BYTES, 1,
          vmmiSampleGetOr(sample, VMMI_SAMPLE_COMPRESSION_PAGES, 0) * 4096 / 4);
}

/* A limit in flight slows the copying; it does not hold while the guest stands still. */
static void
test_bandwidth(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(EXACT STEPS GUEST("'memoryMib': 500"));
    g_autoptr(vmmiSample) sample = NULL;

    fixture_start(world, NULL, NULL);
    vmmiSimStep(world, 1150000);
    g_assert_cmpint(vmmiSimActTune(world, 0, 0, VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND, 10, NULL), ==,
                    0);
    vmmiSimStep(world, 3150000);
    sample = running(world);
    check(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 379 << 20, 381 << 20);
    check(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, 9 << 20, 11 << 20);
}

/* Two migrations share the link; what a limited one leaves goes to the other. */
static void
test_shared(void)
{
    g_autoptr(vmmiSimWorld) world =
        fixture_world(EXACT STEPS "'guests': [{'name': 'a', 'memoryMib': 500, 'workingSetMib': 0}, "
                                  "{'name': 'b', 'memoryMib': 500, 'workingSetMib': 0}]");
    vmmiMigrateRequest request = { .size = sizeof(request) };
    const vmmiSimGuest *first = vmmiSimWorldGuest(world, 0), *second = vmmiSimWorldGuest(world, 1);
    uint64_t a, b;

    g_assert_cmpint(vmmiSimActPerform(world, 0, 0, 1, &request, &a, NULL), ==, 0);
    g_assert_cmpint(vmmiSimActPerform(world, 1, 0, 1, &request, &b, NULL), ==, 0);
    vmmiSimStep(world, 2150000);
    vmmiSimSettle(world);
    g_assert_cmpfloat(fabs(first->job.sent_bytes / VMMI_SIM_MIB - 100), <, 1);
    g_assert_cmpfloat(fabs(second->job.sent_bytes / VMMI_SIM_MIB - 100), <, 1);
    g_assert_cmpint(vmmiSimActTune(world, 0, 0, VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND, 20, NULL), ==,
                    0);
    vmmiSimStep(world, 3150000);
    vmmiSimSettle(world);
    g_assert_cmpfloat(fabs(first->job.sent_bytes / VMMI_SIM_MIB - 120), <, 1);
    g_assert_cmpfloat(fabs(second->job.sent_bytes / VMMI_SIM_MIB - 180), <, 1);
}

static const struct {
    const char *name;
    vmmiTunable what;
    uint64_t value;
    int code;
} tunings[] = {
    { "downtime", VMMI_TUNE_DOWNTIME_MS, 1, VMMI_ERR_OK },
    { "downtime-longest", VMMI_TUNE_DOWNTIME_MS, 2000000, VMMI_ERR_OK },
    { "downtime-zero", VMMI_TUNE_DOWNTIME_MS, 0, VMMI_ERR_INVALID_ARGUMENT },
    { "downtime-too-long", VMMI_TUNE_DOWNTIME_MS, 2000001, VMMI_ERR_INVALID_ARGUMENT },
    { "cache-too-small", VMMI_TUNE_XBZRLE_CACHE_BYTES, 4095, VMMI_ERR_INVALID_ARGUMENT },
    { "bandwidth-unlimited", VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND, 0, VMMI_ERR_OK },
    { "unknown", (vmmiTunable)VMMI_TUNE_LAST, 1, VMMI_ERR_INVALID_ARGUMENT },
};

static void
test_tuning(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(EXACT GUEST("'memoryMib': 500"));
    g_autoptr(vmmiError) error = NULL;
    int result;

    fixture_start(world, NULL, NULL);
    vmmiSimStep(world, SECOND);
    result = vmmiSimActTune(world, 0, 0, tunings[row].what, tunings[row].value, &error);
    g_assert_cmpint(result, ==, tunings[row].code == VMMI_ERR_OK ? 0 : -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, tunings[row].code);
}

/* A failed migration puts back what was tuned during it, not what was tuned before (policies.md, 4.2). */
static void
test_put_back(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(EXACT GUEST("'memoryMib': 500"));
    const vmmiSimGuest *guest = vmmiSimWorldGuest(world, 0);

    g_assert_cmpint(vmmiSimActTune(world, 0, 0, VMMI_TUNE_DOWNTIME_MS, 450, NULL), ==, 0);
    fixture_start(world, NULL, NULL);
    vmmiSimStep(world, SECOND);
    g_assert_cmpint(vmmiSimActTune(world, 0, 0, VMMI_TUNE_DOWNTIME_MS, 900, NULL), ==, 0);
    g_assert_cmpint(vmmiSimActAbort(world, 0, 0, false, NULL), ==, 0);
    g_assert_cmpuint(guest->tuning.downtime_limit_ms, ==, 450);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/sim/total/", totals, test_total);
    ADD_ROWS("/sim/compression/", compressions, test_compression);
    ADD_ROWS("/sim/tune/", tunings, test_tuning);
    g_test_add_func("/sim/tune/put-back", test_put_back);
    g_test_add_func("/sim/figures/running", test_running);
    g_test_add_func("/sim/figures/dirty", test_dirty);
    g_test_add_func("/sim/auto-converge/steps", test_throttle);
    g_test_add_func("/sim/auto-converge/parameters", test_throttle_parameters);
    g_test_add_func("/sim/bandwidth/limit", test_bandwidth);
    g_test_add_func("/sim/bandwidth/shared", test_shared);
    return g_test_run();
}
