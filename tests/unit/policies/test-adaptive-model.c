/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-adaptive-model.c: the formulas of the policy `adaptive` against figures of docs/adaptive.md.
 */
#include <math.h>

#include "../rows.h"
#include "policies/adaptive.h"

#define NEAR(a, b) g_assert_cmpfloat(fabs((a) - (b)), <, 0.005)

/* A writer that writes everywhere alike leaves 1 - (1 - begin + sent) e^(-ratio sent) dirty. */
static const struct {
    const char *name;
    double ratio, begin, sent;
} passes[] = {
    { "calm", 0.3, 1, 1 },         { "whole", 1.25, 1, 1 },     { "second", 1.25, 0.71, 0.71 },
    { "short", 1.25, 0.5, 0.1 },   { "fast", 3, 0.9, 0.3 },     { "slow-and-short", 0.5, 0.3, 0.1 },
};

static void
test_ratio(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    double end = 1 - (1 - passes[row].begin + passes[row].sent) *
                         exp(-passes[row].ratio * passes[row].sent);

    /* Beyond 98 % nothing can be told apart: the whole pass from "all dirty" is off by that. */
    g_assert_cmpfloat(fabs(vmmiAdaptiveModelRatio(passes[row].begin, end, passes[row].sent) -
                           passes[row].ratio),
                      <, 0.03);
}

static const struct {
    const char *name;
    double ratio, dirty, stop, grant;
} grants[] = {
    { "1.25", 1.25, 0.37, 0.24, 0.282 }, { "2", 2, 0.8, 0.525, 0.587 },
    { "5", 5, 0.99, 0.81, 0.844 },
    { "at-rest", 2, 0.5, 0.525, 0.5 },
};

static void
test_grant(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    double best = vmmiAdaptiveModelGrant(grants[row].ratio, grants[row].dirty);

    NEAR(vmmiAdaptiveModelStop(grants[row].ratio), grants[row].stop);
    NEAR(best, grants[row].grant);
}

/* No other fixed limit costs less. */
static void
test_grant_is_best(void)
{
    double best = vmmiAdaptiveModelGrant(2, 0.8);
    double cost = VMMI_ADAPTIVE_WEIGHT_SILENCE * best + vmmiAdaptiveModelTime(2, 0.8, best);

    for (double grant = 0.51; grant < 0.8; grant += 0.01)
        g_assert_cmpfloat(VMMI_ADAPTIVE_WEIGHT_SILENCE * grant +
                              vmmiAdaptiveModelTime(2, 0.8, grant),
                          >=, cost - 0.01);
}

static void
test_time(void)
{
    NEAR(vmmiAdaptiveModelTime(2, 0.8, 0.9), 0);
    NEAR(vmmiAdaptiveModelTime(2, 0.8, 0.6), 1);
    g_assert_true(isinf(vmmiAdaptiveModelTime(2, 0.8, 0.4)));
    g_assert_cmpfloat(vmmiAdaptiveModelStop(0.3), <, 0);
    NEAR(vmmiAdaptiveModelGrant(0, 0.5), 0);
}

static void
test_ladder(void)
{
    NEAR(vmmiAdaptiveModelLadder(0.5), 0.667);
    NEAR(vmmiAdaptiveModelLadder(0.75), 0.8);
}

static void
test_throttle(void)
{
    NEAR(vmmiAdaptiveModelThrottleSilence(0), 0);
    NEAR(vmmiAdaptiveModelThrottleSilence(50), 0.010);
    NEAR(vmmiAdaptiveModelThrottleSilence(90), 0.090);
    NEAR(vmmiAdaptiveModelThrottleSilence(99), 0.990);
    g_assert_true(isinf(vmmiAdaptiveModelThrottleSilence(100)));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/adaptive/ratio/", passes, test_ratio);
    ADD_ROWS("/adaptive/grant/", grants, test_grant);
    g_test_add_func("/adaptive/grant-is-best", test_grant_is_best);
    g_test_add_func("/adaptive/time", test_time);
    g_test_add_func("/adaptive/ladder", test_ladder);
    g_test_add_func("/adaptive/throttle", test_throttle);
    return g_test_run();
}
