/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-converge.c: which downtime limit lets which guest converge, beside the formulas and against a page-level simulation.
 *
 * W is the working set, B the bandwidth, ratio what is written while one unit is sent. QEMU 7.2 reads the dirty log again as soon as
 * less than B times the limit is pending: a uniform writer converges above (W/B)(1 - 1/ratio), a cyclic one needs up to W/B.
 */
#include <math.h>
#include <stdlib.h>

#include "sim-fixture.h"
#include "../rows.h"

#define SET_MIB 512
#define LINK_MIB 64
#define SET_SECONDS ((double)SET_MIB / LINK_MIB)
#define LIMIT_STEP 0.05

static vmmiSimWorld *
make_world(const char *pattern, double ratio, double limit)
{
    g_autofree char *members = g_strdup_printf(
        "'linkMibPerSecond': %d, 'jitterPercent': 0, 'guests': [{'name': 'g', 'memoryMib': %d, "
        "'workingSetMib': %d, 'pattern': '%s', 'dirtyRateMibPerSecond': %.1f}]",
        LINK_MIB, SET_MIB + 64, SET_MIB, pattern, ratio * LINK_MIB);
    vmmiSimWorld *world = fixture_world(members);

    vmmiSimWorldGuest(world, 0)->tuning.downtime_limit_ms =
        (uint64_t)(limit * SET_SECONDS * 1000 + 0.5);
    return world;
}

/* @limit: as a share of W/B. */
static bool
converges(const char *pattern, double ratio, double limit)
{
    g_autoptr(vmmiSimWorld) world = make_world(pattern, ratio, limit);
    uint64_t job = fixture_start(world, NULL, NULL);

    return fixture_finish(world, job, 600 * SECOND) != NULL;
}

static double
smallest_limit(const char *pattern, double ratio)
{
    double limit = LIMIT_STEP;

    while (limit < 1 && !converges(pattern, ratio, limit))
        limit += LIMIT_STEP;
    return limit;
}

/* Between the formula and what a simulation of 2,000 single pages gave on a grid of 0.1 (both less a step). */
static const struct {
    const char *name, *pattern;
    double ratio, low, high;
} thresholds[] = {
    { "uniform-0.5", "uniform", 0.5, 0, 0.05 },    { "uniform-1.25", "uniform", 1.25, 0.15, 0.3 },
    { "uniform-1.5", "uniform", 1.5, 0.28, 0.4 },  { "uniform-2", "uniform", 2, 0.45, 0.55 },
    { "uniform-3", "uniform", 3, 0.6, 0.7 },       { "cyclic-0.9", "cyclic", 0.9, 0, 0.2 },
    { "cyclic-1.25", "cyclic", 1.25, 0.35, 0.55 }, { "cyclic-2", "cyclic", 2, 0.6, 0.75 },
    { "cyclic-3", "cyclic", 3, 0.7, 0.85 },
};

static void
test_threshold(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    double limit = smallest_limit(thresholds[row].pattern, thresholds[row].ratio);

    g_test_message("%s: %.2f of W/B", thresholds[row].name, limit);
    g_assert_cmpfloat(limit, >=, thresholds[row].low - 1e-9);
    g_assert_cmpfloat(limit, <=, thresholds[row].high + 1e-9);
}

/* The plateau that is seen at the beginnings of passes: x* = 1 - e^(-ratio x*), of W. */
static const struct {
    const char *name;
    double ratio, plateau;
} plateaus[] = {
    { "1.25", 1.25, 0.37 }, { "1.5", 1.5, 0.58 }, { "2", 2, 0.80 },
    { "3", 3, 0.94 },       { "5", 5, 0.99 },
};

static void
test_plateau(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = make_world("uniform", plateaus[row].ratio, 0.0001);
    const vmmiSimJob *job = &vmmiSimWorldGuest(world, 0)->job;
    double share;

    fixture_start(world, NULL, NULL);
    vmmiSimStep(world, 300 * SECOND);
    g_assert_cmpint((int)job->step, ==, VMMI_SIM_STEP_PRECOPY);
    share = job->remaining_at_sync / (SET_MIB * VMMI_SIM_MIB);
    g_assert_cmpfloat(fabs(share - plateaus[row].plateau), <, 0.02);
}

/* Seen with real hypervisors: 38 MiB/s, a cyclic writer of 80 MiB/s over 64 MiB; 900 ms never, 1300 ms in some 6.6 s. */
static void
test_measured(void)
{
    static const char members[] =
        "'linkMibPerSecond': 38, 'guests': [{'name': 'g', 'memoryMib': 256, 'workingSetMib': 64, "
        "'zeroPercent': 98, 'pattern': 'cyclic', 'dirtyRateMibPerSecond': 80}]";
    static const struct {
        uint64_t limit_ms;
        bool converges;
    } rows[] = { { 900, false }, { 1300, true } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(vmmiSimWorld) world = fixture_world(members);
        uint64_t job;
        const vmmiSimResult *result;

        vmmiSimWorldGuest(world, 0)->tuning.downtime_limit_ms = rows[i].limit_ms;
        job = fixture_start(world, NULL, NULL);
        result = fixture_finish(world, job, 300 * SECOND);
        g_assert_cmpint(result != NULL, ==, rows[i].converges);
        if (!result)
            continue;
        g_test_message("%.2f s, downtime %.0f ms", (double)result->at / 1e6,
                       (double)vmmiSimWorldGuest(world, 0)->last.downtime_us / 1000);
        g_assert_cmpint(result->at, >, 2 * SECOND);
        g_assert_cmpint(result->at, <, 20 * SECOND);
    }
}

/* The three guests of the default world are what they are said to be. */
static const struct {
    const char *name, *flags;
    size_t guest;
    uint64_t limit_ms;
    bool converges;
} defaults[] = {
    { "guest1", NULL, 0, 300, true },
    { "guest2", NULL, 1, 300, false },
    { "guest2-limit", NULL, 1, 600, true },
    { "guest2-auto-converge", "auto_converge", 1, 300, true },
    { "guest3", NULL, 2, 300, false },
    { "guest3-limit", NULL, 2, 2000, false },
    { "guest3-auto-converge", "auto_converge", 2, 1000, false },
    { "guest3-long-pause", NULL, 2, 8000, true },
};

static void
test_default(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(json_t) scenario = vmmiSimScenarioDefault();
    g_autoptr(vmmiSimWorld) world = vmmiSimScenarioBuild("default", scenario, NULL);
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, defaults[row].guest);
    const char *const flags[] = { defaults[row].flags, NULL };
    vmmiMigrateRequest request = { .size = sizeof(request), .flags = flags };
    uint64_t job = 0;

    guest->tuning.downtime_limit_ms = defaults[row].limit_ms;
    g_assert_cmpint(vmmiSimActPerform(world, defaults[row].guest, 0, 1, &request, &job, NULL), ==,
                    0);
    g_assert_cmpint(fixture_finish(world, job, 600 * SECOND) != NULL, ==, defaults[row].converges);
}

/* A limit of more than the working set takes: what lies at the end is sent once, what lies before it is written again by then. */
static const struct {
    const char *name, *at;
    uint64_t syncs;
    int64_t shortest;
} orders[] = {
    { "end", "end", 2, 3 * SECOND },
    { "beginning", "beginning", 3, 4 * SECOND },
};

static void
test_order(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *members = g_strdup_printf(
        "'linkMibPerSecond': 64, 'jitterPercent': 0, 'guests': [{'name': 'g', 'memoryMib': 192, 'workingSetMib': 64, "
        "'dirtyRateMibPerSecond': 128, 'pattern': 'cyclic', 'workingSetAt': '%s'}]",
        orders[row].at);
    g_autoptr(vmmiSimWorld) world = fixture_world(members);
    const vmmiSimResult *result;
    uint64_t job;

    vmmiSimWorldGuest(world, 0)->tuning.downtime_limit_ms = 1100;
    job = fixture_start(world, NULL, NULL);
    result = fixture_finish(world, job, 60 * SECOND);
    g_assert_nonnull(result);
    g_assert_cmpint(result->at, >=, orders[row].shortest);
    g_assert_cmpint(result->at, <, orders[row].shortest + SECOND);
    g_assert_cmpuint(vmmiSimWorldGuest(world, 0)->last.syncs, ==, orders[row].syncs);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/sim/threshold/", thresholds, test_threshold);
    ADD_ROWS("/sim/plateau/", plateaus, test_plateau);
    ADD_ROWS("/sim/default-world/", defaults, test_default);
    ADD_ROWS("/sim/working-set-at/", orders, test_order);
    g_test_add_func("/sim/measured", test_measured);
    return g_test_run();
}
