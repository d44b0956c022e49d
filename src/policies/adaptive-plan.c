/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive-plan.c: which limit lets pre-copy end, when, and what it costs. Pure.
 */
#include <math.h>
#include <string.h>

#include "policies/adaptive-plan.h"

#define MIB (1024.0 * 1024.0)
#define RECENT 3        /* passes that speak for the present */
#define CONVERGES 0.95  /* ratio below which waiting always gains: 1 - time/silence */
#define CALMED 0.8      /* the same, once more has been granted: passes are shorter and tell less */
#define SHRINKS 0.9    /* by so much a whole pass, it is left alone whatever the model says */
#define SURE_SHARE 1.05 /* more than the set can ever be */
#define LAST_RUNG 0.88  /* beyond it, the whole set is granted */
#define STEP 0.03       /* from rung to rung, at least */
#define SEEN_PASSES 10
#define DWELL_UNITS 1.2 /* time on one rung, when some of the set stays clean */
#define STALL_PASSES 6  /* without any gain */
#define GAIN 0.95
#define MARGIN 1.03
#define LULL 0.5          /* of what was dirtied a second before */
#define WATCH_MS 3500     /* behind the first pass: a lull may come */
#define NOISE 0.04        /* what a threshold is off by at least */
#define LEAST_STEP_S 0.25 /* the policy sees no more than five looks a second */

typedef vmmiAdaptivePass Pass;

/* --- what the last passes say
 * ------------------------------------------------------------------- */

static const Pass *
pass_at(const vmmiAdaptiveEstimate *estimate, size_t back)
{
    const Pass *pass = vmmiAdaptiveEstimatePass(estimate, back);

    return pass && pass->throttle == estimate->throttle ? pass : NULL;
}

static double
mean_ratio(const vmmiAdaptiveEstimate *estimate)
{
    double sent = 0, written = 0;

    for (size_t back = 0; back < RECENT; back++) {
        const Pass *pass = pass_at(estimate, back);

        if (!pass)
            break;
        if (!isfinite(pass->ratio))
            continue;
        sent += pass->drained;
        written += pass->ratio * pass->drained;
    }
    return sent > 0 ? written / sent : NAN;
}

/* A guest that wrote much less in one whole pass than in the one before will do so again. What
 * shorter passes find depends on where a writer is that goes round. */
static bool
has_lulls(const vmmiAdaptiveEstimate *estimate)
{
    for (size_t back = 0; back < 10 && pass_at(estimate, back + 1); back++) {
        const Pass *now = pass_at(estimate, back), *before = pass_at(estimate, back + 1);

        if (now->whole && before->whole && now->ratio < LULL * MIN(before->ratio, 4))
            return true;
    }
    return false;
}

/* The least that was left at the ends of the passes from @first to before @last. */
static double
least_left(const vmmiAdaptiveEstimate *estimate, size_t first, size_t last)
{
    double least = INFINITY;

    for (size_t back = first; back < last && pass_at(estimate, back); back++)
        least = MIN(least, pass_at(estimate, back)->end);
    return least;
}

/* The writes per unit sent of a writer that goes round, over the last passes. */
static double
contraction(const vmmiAdaptiveEstimate *estimate)
{
    double sent = 0, written = 0;

    for (size_t back = 0; back < RECENT && pass_at(estimate, back); back++) {
        sent += pass_at(estimate, back)->drained;
        written += pass_at(estimate, back)->round * pass_at(estimate, back)->drained;
    }
    return sent > 0 ? written / sent : NAN;
}

/* No pause beyond the soft limit before the guest was watched for a while whether it has lulls. */
static bool
is_watched(const vmmiAdaptivePlan *plan, const vmmiAdaptiveGoals *goals,
           const vmmiAdaptiveEstimate *estimate, double share)
{
    return share * plan->set > goals->soft_s * plan->wire &&
           vmmiAdaptiveEstimateLast(estimate)->ms < estimate->bulk_ms + WATCH_MS;
}

/* --- a writer that dirties all of its set in every pass
 * ----------------------------------------- */

static void
set_rung(vmmiAdaptiveControl *control, double rung, uint64_t ms)
{
    control->rung = rung > LAST_RUNG ? SURE_SHARE : rung;
    control->rung_ms = ms;
}

/* All of it is dirty again although only a share was sent: the writer is round at least once in
 * that time, and a switch needs 1/(1 + sent). When that does not do, what was seen to be the
 * least does. */
static void
climb(vmmiAdaptiveControl *control, const vmmiAdaptiveEstimate *estimate,
      const vmmiAdaptivePlan *plan, const vmmiAdaptiveGoals *goals)
{
    const Pass *pass = vmmiAdaptiveEstimatePass(estimate, 0);
    double rung;

    if (pass->full && pass->single) {
        rung = 1 / (1 + CLAMP(pass->drained / estimate->set, 0, 1));
        if (control->rung <= 0) /* what the soft limit allows is not worth a pass */
            rung = CLAMP(goals->soft_s * plan->wire / plan->set, rung,
                         vmmiAdaptiveModelLadder(rung));
        if (rung > control->rung + 0.01)
            set_rung(control, rung, pass->ms);
    }
    if (is_watched(plan, goals, estimate, control->rung))
        control->rung_ms = pass->ms; /* it is not tried yet */
    if (control->rung <= 0 ||
        (double)(pass->ms - MIN(pass->ms, control->rung_ms)) / 1000 < DWELL_UNITS * plan->unit)
        return;
    rung = least_left(estimate, 0, SEEN_PASSES) / estimate->set + STEP;
    set_rung(control,
             CLAMP(rung, control->rung + STEP, vmmiAdaptiveModelLadder(MIN(control->rung, 1))),
             pass->ms);
}

/* --- the plan
 * ----------------------------------------------------------------------------------- */

static void
plan_limits(vmmiAdaptivePlan *plan, const vmmiAdaptiveGoals *goals,
            const vmmiAdaptiveEstimate *estimate)
{
    double now = (double)vmmiAdaptiveEstimateLast(estimate)->ms / 1000;

    plan->slack_s = goals->deadline_s > 0 ? goals->deadline_s - now - 1 : INFINITY;
    plan->set = MAX(estimate->set, 1);
    plan->left = vmmiAdaptiveEstimateLast(estimate)->left;
    plan->drain = estimate->drain;
    plan->wire = MAX(estimate->wire, 1);
    plan->unit = plan->set / MAX(plan->drain, 1);
    plan->cap_s = MAX(0.001, goals->hard_s - VMMI_ADAPTIVE_FIXED_S) *
                  CLAMP(plan->drain / plan->wire, 1, 4);
    plan->cap = plan->cap_s * plan->wire / plan->set;
    plan->dirty = MIN(1, estimate->boundary.left / plan->set);
    plan->last_throttle = estimate->throttle >= 0 &&
                          vmmiAdaptiveModelThrottleSilence(MIN(99, estimate->throttle + 20)) >
                              goals->throttle_silence_s;
}

/* What is left behind the next whole pass. */
static void
plan_later(vmmiAdaptivePlan *plan, const vmmiAdaptiveEstimate *estimate)
{
    const Pass *pass = pass_at(estimate, 0);
    double shrinks = pass->end / MAX(1, pass->begin);

    if (estimate->rounds > 0 || pass->full)
        plan->later = MIN(1, shrinks) * plan->left;
    else
        plan->later = plan->set * (1 - exp(-plan->ratio * plan->dirty));
}

static double
cost_of(const vmmiAdaptivePlan *plan, double share, double units)
{
    return VMMI_ADAPTIVE_WEIGHT_SILENCE * (share * plan->unit + VMMI_ADAPTIVE_FIXED_S) +
           VMMI_ADAPTIVE_WEIGHT_TIME * units * plan->unit;
}

static void
want(vmmiAdaptivePlan *plan, double share, double units)
{
    plan->wanted = share;
    plan->needed_s = MIN(1, share) * plan->unit;
    plan->cost = share <= plan->cap && units * plan->unit <= plan->slack_s
                     ? cost_of(plan, MIN(1, share), MIN(20, units))
                     : INFINITY;
}

static void
plan_climb(vmmiAdaptivePlan *plan, const vmmiAdaptiveControl *control)
{
    want(plan, control->rung, 1);
    g_snprintf(plan->words, sizeof(plan->words),
               "the guest writes all of its %.1f MiB again and again, faster than %.1f MiB/s: a "
               "limit for %.0f %% of the set is tried, %.0f ms",
               plan->set / MIB, plan->drain / MIB, 100 * MIN(1, plan->wanted),
               1000 * plan->wanted * plan->set / plan->wire);
}

/* A second whole pass tells a writer that goes round and is slower than the link, which gets
 * there, from a faster one that writes everywhere and does not: the first pass looks the same. */
static void
plan_second(vmmiAdaptivePlan *plan, const Pass *pass)
{
    plan->converges = true;
    want(plan, 0, 1.3 * plan->dirty / MAX(0.02, 1 - pass->end / pass->begin));
    g_snprintf(plan->words, sizeof(plan->words),
               "%.1f MiB were left, now %.1f MiB, at %.1f MiB/s: it shrinks, and another pass will "
               "tell whether it goes on shrinking",
               pass->begin / MIB, pass->end / MIB, plan->drain / MIB);
}

static void
plan_converging(vmmiAdaptivePlan *plan, double ratio)
{
    double units = 1.3 * plan->dirty / (1 - ratio), share = 0;

    plan->converges = true;
    while (plan->unit * units > plan->slack_s && share < MIN(plan->cap, 1)) {
        share += 0.02;
        units = 1.3 * MAX(0, plan->dirty - share) / (1 - ratio);
    }
    want(plan, share, units);
    g_snprintf(plan->words, sizeof(plan->words),
               "converges: %.1f MiB are left of %.1f, the guest writes %.2f of what is sent at "
               "%.1f MiB/s; at most some %.1f s to go",
               plan->left / MIB, plan->set / MIB, ratio, plan->drain / MIB, plan->unit * units);
}

/* Dirty pages are found again as soon as less than the limit is pending, so a limit just below
 * what is dirty lets the hypervisor look often, and what is dirty shrinks faster than in whole
 * passes. The limit follows it down, by no less than the hypervisor's figures are off, to where
 * waiting does not pay any more. */
static double
follow(const vmmiAdaptivePlan *plan, const vmmiAdaptiveEstimate *estimate)
{
    double grant = vmmiAdaptiveModelGrant(plan->ratio, plan->dirty);
    double stop = MAX(0, vmmiAdaptiveModelStop(plan->ratio)) * (1 + NOISE);
    double fresh = plan->ratio * (1 - plan->dirty);
    double step = MAX((NOISE + 2 * estimate->noise) * plan->dirty / MAX(fresh, 0.01),
                      LEAST_STEP_S / plan->unit);

    if (plan->dirty <= stop)
        return stop;
    return MAX(MAX(stop, plan->dirty - step), MIN(grant, plan->dirty - step));
}

static void
plan_resting(vmmiAdaptivePlan *plan, const vmmiAdaptiveEstimate *estimate)
{
    double stop = vmmiAdaptiveModelStop(plan->ratio);
    double share = follow(plan, estimate);

    if (share > plan->cap && stop <= plan->cap)
        share = plan->cap;
    want(plan, MAX(share, stop), vmmiAdaptiveModelTime(plan->ratio, plan->dirty, share));
    plan->needed_s = stop * plan->unit;
    g_snprintf(plan->words, sizeof(plan->words),
               "%.1f of %.1f MiB are dirty, the guest writes %.2f of what is sent at %.1f MiB/s: "
               "it comes to rest at %.0f %%, and %.0f ms let it switch at the least cost",
               plan->left / MIB, plan->set / MIB, plan->ratio, plan->drain / MIB,
               100 * MAX(0, 1 - 1 / plan->ratio), 1000 * share * plan->set / plan->wire);
}

/* A lull costs nothing but the wait for it. */
static void
plan_lulls(vmmiAdaptivePlan *plan)
{
    plan->converges = true;
    want(plan, 0, 2);
    g_snprintf(plan->words, sizeof(plan->words),
               "%.1f of %.1f MiB are left at %.1f MiB/s: the guest has had a lull, and the next is "
               "waited for",
               plan->left / MIB, plan->set / MIB, plan->drain / MIB);
}

static void
keep_watching(vmmiAdaptivePlan *plan, const vmmiAdaptiveGoals *goals,
              const vmmiAdaptiveEstimate *estimate)
{
    double soft = goals->soft_s * plan->wire / plan->set;
    size_t length = strlen(plan->words);

    if (!is_watched(plan, goals, estimate, plan->wanted))
        return;
    plan->wanted = plan->wanted <= plan->cap ? soft : plan->wanted;
    plan->watching = true;
    g_snprintf(plan->words + length, sizeof(plan->words) - length,
               "; not before it has been watched for %.1f s whether it has lulls",
               WATCH_MS / 1000.0);
}

static void
plan_stalled(vmmiAdaptivePlan *plan, const vmmiAdaptiveEstimate *estimate)
{
    double least = least_left(estimate, 0, VMMI_ADAPTIVE_PASSES);

    want(plan, MARGIN * least / plan->set, 1);
    g_snprintf(plan->words, sizeof(plan->words),
               "the last %d passes gained nothing: %.1f MiB were left at best, and %.0f ms are "
               "granted for as much",
               STALL_PASSES, least / MIB, 1000 * plan->wanted * plan->set / plan->wire);
}

static bool
is_stalled(const vmmiAdaptiveEstimate *estimate)
{
    double before = least_left(estimate, STALL_PASSES, VMMI_ADAPTIVE_PASSES);

    return isfinite(before) && least_left(estimate, 0, STALL_PASSES) > GAIN * before;
}

static void
plan_precopy(vmmiAdaptivePlan *plan, const vmmiAdaptiveGoals *goals,
             const vmmiAdaptiveEstimate *estimate, const vmmiAdaptiveControl *control)
{
    const Pass *last = pass_at(estimate, 0);

    if (control->rung > 0 && !plan->lulls)
        plan_climb(plan, control);
    else if (last->whole && (!pass_at(estimate, 1) || last->end < SHRINKS * last->begin))
        plan_second(plan, last);
    else if (is_stalled(estimate))
        plan_stalled(plan, estimate);
    else if (plan->lulls)
        plan_lulls(plan);
    else if (last->whole && estimate->rounds > 0 && contraction(estimate) < CONVERGES)
        plan_converging(plan, contraction(estimate));
    else if (plan->ratio < (last->whole ? CONVERGES : CALMED))
        plan_converging(plan, plan->ratio);
    else
        plan_resting(plan, estimate);
    keep_watching(plan, goals, estimate);
}

void
vmmiAdaptivePlanMake(vmmiAdaptivePlan *plan, const vmmiAdaptiveGoals *goals,
                     const vmmiAdaptiveEstimate *estimate, vmmiAdaptiveControl *control,
                     bool boundary)
{
    plan_limits(plan, goals, estimate);
    plan->ratio = mean_ratio(estimate);
    plan->lulls = has_lulls(estimate);
    plan->cost = INFINITY;
    if (estimate->throttle != control->throttle)
        control->rung = 0;
    control->throttle = estimate->throttle;
    if (boundary && pass_at(estimate, 0))
        climb(control, estimate, plan, goals);
    if (pass_at(estimate, 0) && isfinite(plan->ratio)) {
        plan_later(plan, estimate);
        plan_precopy(plan, goals, estimate, control);
        return;
    }
    plan->later = plan->left;
    want(plan, 0, 2);
    g_snprintf(plan->words, sizeof(plan->words),
               "%.1f MiB are left behind the first pass, %.2f s at %.1f MiB/s; the next pass will "
               "tell how fast the guest writes",
               plan->left / MIB, plan->left / MAX(plan->drain, 1), plan->drain / MIB);
}
