/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive-model.c: what follows from a writer's ratio; the formulas of docs/adaptive.md, and
 * nothing else.
 *
 * Shares are parts of the working set; a unit of time is what sending the whole set takes. With
 * @ratio r, a dirty share x that is looked at all the time changes by r(1 - x) - 1 a unit: it rests
 * at 1 - 1/r.
 */
#include <math.h>

#include "policies/adaptive.h"

#define PRICE (VMMI_ADAPTIVE_WEIGHT_SILENCE / VMMI_ADAPTIVE_WEIGHT_TIME)
/* Beyond this share nothing can be told from how much is dirty. */
#define ALL_DIRTY 0.98
#define SLOWEST 0.02 /* as contraction a unit: below it counts as never */

double
vmmiAdaptiveModelRatio(double begin, double end, double sent)
{
    double clean = 1 - MIN(begin, ALL_DIRTY) + sent;

    if (sent <= 0)
        return INFINITY;
    return MAX(0, log(clean / (1 - MIN(end, ALL_DIRTY))) / sent);
}

double
vmmiAdaptiveModelStop(double ratio)
{
    if (ratio <= 0)
        return -INFINITY;
    return 1 - 1 / ratio + 1 / (PRICE * ratio);
}

double
vmmiAdaptiveModelGrant(double ratio, double dirty)
{
    double rest;

    if (ratio <= 0)
        return 0;
    rest = 1 - 1 / ratio;
    if (dirty <= rest)
        return dirty;
    return MIN(dirty, rest + sqrt((dirty - rest) / (PRICE * ratio)));
}

double
vmmiAdaptiveModelTime(double ratio, double dirty, double grant)
{
    double shrinks = 1 - ratio * (1 - grant);

    if (dirty <= grant)
        return 0;
    if (shrinks < SLOWEST)
        return INFINITY;
    return (dirty - grant) / shrinks;
}

double
vmmiAdaptiveModelLadder(double granted)
{
    return 1 / (2 - granted);
}

double
vmmiAdaptiveModelThrottleSilence(double percent)
{
    if (percent <= 0)
        return 0;
    return percent >= 100 ? INFINITY : percent / (100 - percent) * 0.010;
}
