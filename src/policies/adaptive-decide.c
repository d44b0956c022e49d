/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive-decide.c: the ladder of rules: from what is known to what is done, with the reason.
 * Pure.
 *
 * Order: a link that is sick is waited for; a way out before the deadline; post-copy where it costs
 * least; the limit that lets the guest converge; giving up when the hard limit itself was tried and
 * nothing else is permitted.
 */
#include <math.h>
#include <stdio.h>

#include "policies/adaptive-plan.h"

#define MIB (1024.0 * 1024.0)
#define FIRST_LIMIT_S 0.030  /* a guest that converges needs no more */
#define LEAST_CHANGE 0.04    /* of a limit: less is not worth a call */
#define POSTCOPY_LONGEST_S 30
#define CLEAR_EXCESS 2.0     /* of what can be sent within the hard limit */
#define CLEAR_PASSES 2
#define PLAIN_EXCESS 3.0
#define PLAIN_S 5.0 /* and that was no short burst */
#define TRIGGER 0.5          /* auto-converge takes its steps above this ratio */
#define WORTH 0.97           /* of the best: less is a gain */
#define LAST_RESORT_S 1.0    /* before the deadline, above what the way out takes */

static void
say(vmmiAdaptiveDecision *decision, vmmiAdaptiveVerb verb, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static void
say(vmmiAdaptiveDecision *decision, vmmiAdaptiveVerb verb, const char *format, ...)
{
    va_list args;

    decision->verb = verb;
    va_start(args, format);
    g_vsnprintf(decision->reason, sizeof(decision->reason), format, args);
    va_end(args);
}

static unsigned int
to_ms(double seconds)
{
    return (unsigned int)(CLAMP(seconds, 0, 1e6) * 1000 + 0.5);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void
grant(vmmiAdaptiveControl *control, const vmmiAdaptiveEstimate *estimate, double seconds,
      vmmiAdaptiveDecision *decision)
{
    uint64_t ms = MAX(1, to_ms(seconds));
    double change = fabs((double)ms - (double)control->limit_ms);

    if (change <= MAX(3, LEAST_CHANGE * (double)control->limit_ms)) {
        decision->verb = VMMI_ADAPTIVE_WAIT;
        return;
    }
    decision->verb = VMMI_ADAPTIVE_LIMIT;
    decision->limit_ms = ms;
    control->limit_ms = ms;
    control->limit_at_ms = vmmiAdaptiveEstimateLast(estimate)->ms;
}

static bool
decide_first(const vmmiAdaptiveGoals *goals, const vmmiAdaptiveEstimate *estimate,
             vmmiAdaptiveControl *control, vmmiAdaptiveDecision *decision)
{
    if (control->limit_ms)
        return false;
    say(decision, VMMI_ADAPTIVE_LIMIT,
        "begins with a limit of %u ms: a guest that converges gets there by itself, and a longer "
        "pause is granted when it is known to help (at most %u ms)",
        to_ms(MIN(FIRST_LIMIT_S, goals->soft_s)), to_ms(goals->hard_s));
    grant(control, estimate, MIN(FIRST_LIMIT_S, goals->soft_s), decision);
    return true;
}

/* --- post-copy -------------------------------------------------------------------------------- */

/* What post-copy costs with so much left: the switch, and the time in which pages are fetched. */
static double
postcopy_cost(const vmmiAdaptivePlan *plan, double left)
{
    return VMMI_ADAPTIVE_WEIGHT_SILENCE * VMMI_ADAPTIVE_FIXED_S +
           left / plan->drain *
               (VMMI_ADAPTIVE_WEIGHT_TIME +
                VMMI_ADAPTIVE_WEIGHT_SLOW * VMMI_ADAPTIVE_POSTCOPY_SLOW);
}

/* Now, when that costs less than behind the next pass, and less than pre-copy to its end. */
static bool
decide_postcopy(const vmmiAdaptiveEstimate *estimate, vmmiAdaptiveControl *control,
                const vmmiAdaptivePlan *plan, vmmiAdaptiveDecision *decision)
{
    double length = plan->left / plan->drain, now = postcopy_cost(plan, plan->left);
    double later = VMMI_ADAPTIVE_WEIGHT_TIME * length + postcopy_cost(plan, plan->later);

    if (!control->postcopy_usable || control->postcopy_asked || estimate->n_passes == 0)
        return false;
    if (now >= plan->cost || now >= later || (length > POSTCOPY_LONGEST_S && plan->converges))
        return false;
    control->postcopy_asked = true;
    say(decision, VMMI_ADAPTIVE_START_POSTCOPY,
        "switches to post-copy: %.1f MiB are left, %.1f s at %.1f MiB/s, at a cost of %.1f; behind "
        "another pass it would be %.1f, in pre-copy %.1f: %.120s",
        plan->left / MIB, length, plan->drain / MIB, now, later, plan->cost, plan->words);
    return true;
}

/* --- giving up -------------------------------------------------------------------------------- */

static void
advise(const vmmiAdaptiveGoals *goals, const vmmiAdaptiveControl *control,
       const vmmiAdaptivePlan *plan, char *text, size_t size)
{
    double length = plan->left / plan->drain;
    double pause = control->capped ? control->capped_best / plan->drain : plan->needed_s;
    bool postcopy = goals->permit & VMMI_ADAPTIVE_POSTCOPY;
    int used = 0;

    used = snprintf(text, size, "it would take downtimeHardMs %u",
                    to_ms(pause * 1.1 + VMMI_ADAPTIVE_FIXED_S));
    if (!postcopy && used > 0 && (size_t)used < size)
        used += snprintf(text + used, size - (size_t)used,
                         ", or the permission \"postcopy\" (a pause of some %u ms, then %.1f s of "
                         "slower running)",
                         to_ms(VMMI_ADAPTIVE_FIXED_S), length);
    if (!postcopy && !(goals->permit & VMMI_ADAPTIVE_AUTOCONVERGE) && used > 0 &&
        (size_t)used < size)
        snprintf(text + used, size - (size_t)used, ", or \"autoconverge\" (slows the guest)");
}

static void
give_up(const vmmiAdaptiveGoals *goals, vmmiAdaptiveControl *control, const vmmiAdaptivePlan *plan,
        const char *why, vmmiAdaptiveDecision *decision)
{
    char advice[200];

    advise(goals, control, plan, advice, sizeof(advice));
    if (goals->keep_trying) {
        say(decision, VMMI_ADAPTIVE_WAIT, "goes on as onFail is \"keep-trying\": %s; %s", why,
            advice);
        return;
    }
    control->aborting = true;
    say(decision, VMMI_ADAPTIVE_ABORT, "gives up: %s; %s", why, advice);
}

/* Counts the passes that ended above what the hard limit allows, although no more can be
 * granted. */
static void
count_capped(vmmiAdaptiveControl *control, const vmmiAdaptiveEstimate *estimate,
             const vmmiAdaptivePlan *plan)
{
    const vmmiAdaptivePass *pass = vmmiAdaptiveEstimatePass(estimate, 0);

    if (!pass || plan->wanted < plan->cap) {
        control->capped = 0;
        return;
    }
    if (control->capped == 0 || estimate->throttle != control->capped_throttle) {
        control->capped = 0;
        control->capped_best = INFINITY;
    }
    control->capped_throttle = estimate->throttle;
    control->capped++;
    if (pass->end < WORTH * control->capped_best) {
        control->capped_best = pass->end;
        control->capped_best_ms = pass->ms;
    }
}

/* Whether enough has been seen. Three times as much as can be sent in time, all of it written
 * again in one long pass: there is no hope. Twice as much as can be sent in time, behind two
 * passes: there is no hope. Less than that: it has to have been watched long enough for a lull,
 * and without any gain for a while. */
static bool
is_hopeless(const vmmiAdaptiveControl *control, const vmmiAdaptiveEstimate *estimate,
            const vmmiAdaptivePlan *plan)
{
    const vmmiAdaptivePass *pass = vmmiAdaptiveEstimatePass(estimate, 0);
    double excess = control->capped_best / (plan->cap * plan->set);
    double watched = (double)(pass->ms - MIN(pass->ms, estimate->bulk_ms)) / 1000;
    double gained = (double)(pass->ms - MIN(pass->ms, control->capped_best_ms)) / 1000;

    if (excess >= PLAIN_EXCESS && pass->full && pass->seconds >= PLAIN_S &&
        estimate->throttle <= 0)
        return true; /* whatever goes round needs half of its set at least */
    if (excess >= CLEAR_EXCESS && !plan->lulls && plan->needed_s > plan->cap * plan->unit)
        return control->capped >= CLEAR_PASSES && pass->end > 0.93 * pass->begin;
    return control->capped >= CLEAR_PASSES + 1 && watched >= MAX(2.5 * plan->unit, 8) &&
           gained >= MAX(1.5 * plan->unit, plan->lulls ? 12 : 3);
}

static bool
decide_hopeless(const vmmiAdaptiveGoals *goals, const vmmiAdaptiveEstimate *estimate,
                vmmiAdaptiveControl *control, const vmmiAdaptivePlan *plan,
                vmmiAdaptiveDecision *decision)
{
    bool rising = estimate->throttle >= 0 && !plan->last_throttle;
    char why[200];

    if (control->capped == 0 || plan->watching || (rising && control->capped < 12) ||
        !is_hopeless(control, estimate, plan))
        return false;
    snprintf(why, sizeof(why),
             "%.0f MiB or more are left behind each of %u passes, %.1f s at %.1f MiB/s; the hard "
             "limit of %u ms allows %.0f MiB%s",
             control->capped_best / MIB, control->capped, control->capped_best / plan->drain,
             plan->drain / MIB, to_ms(goals->hard_s), plan->cap * plan->set / MIB,
             plan->last_throttle ? ", and a stronger throttle is not permitted" : "");
    give_up(goals, control, plan, why, decision);
    return true;
}

/* --- the deadline ----------------------------------------------------------------------------- */

static bool
decide_deadline(const vmmiAdaptiveGoals *goals, const vmmiAdaptiveEstimate *estimate,
                vmmiAdaptiveControl *control, const vmmiAdaptivePlan *plan,
                vmmiAdaptiveDecision *decision)
{
    double now = (double)vmmiAdaptiveEstimateLast(estimate)->ms / 1000;
    double left = goals->deadline_s - now;
    double dirty = MAX(plan->left, plan->dirty * plan->set);
    double length = plan->drain > 0 ? dirty / plan->drain : INFINITY;
    bool sick = estimate->dead || !estimate->bulk_ms;
    char why[160];

    if (goals->deadline_s <= 0)
        return false;
    if (left > MIN(length, 10) * 1.25 + LAST_RESORT_S && left > 0)
        return false;
    if (!sick && control->postcopy_usable && !control->postcopy_asked && left > length) {
        control->postcopy_asked = true;
        say(decision, VMMI_ADAPTIVE_START_POSTCOPY,
            "switches to post-copy, as the deadline comes in %.1f s: %.1f MiB are left", left,
            dirty / MIB);
        return true;
    }
    if (!sick && left > 0 && control->limit_ms < to_ms(plan->cap_s) && !control->suspended) {
        say(decision, VMMI_ADAPTIVE_LIMIT,
            "grants all of the hard limit, %u ms, as the deadline comes in %.1f s: %.1f "
            "MiB are left",
            to_ms(plan->cap_s), left, dirty / MIB);
        grant(control, estimate, plan->cap_s, decision);
        if (decision->verb == VMMI_ADAPTIVE_LIMIT)
            return true;
    }
    if (!sick && (goals->permit & VMMI_ADAPTIVE_SUSPEND) && !control->suspended &&
        dirty / MAX(1, estimate->drain_low) + VMMI_ADAPTIVE_FIXED_S <= goals->hard_s) {
        control->suspended = true;
        say(decision, VMMI_ADAPTIVE_DO_SUSPEND,
            "pauses the guest, as the deadline comes in %.1f s: %.1f MiB are left, %u ms", left,
            dirty / MIB, to_ms(dirty / estimate->drain_low));
        return true;
    }
    if (left > 0)
        return false;
    snprintf(why, sizeof(why), "the deadline of %.0f s has come with %.1f MiB left at %.1f MiB/s",
             goals->deadline_s, dirty / MIB, plan->drain / MIB);
    give_up(goals, control, plan, why, decision);
    return true;
}

/* --- throttling ------------------------------------------------------------------------------- */

/* The next step of the throttle would let the guest stand still for too long, and it comes by itself
 * while the guest dirties more than half of what is sent: now is the time to switch, or to end. */
static bool
decide_throttle(const vmmiAdaptiveGoals *goals, const vmmiAdaptiveEstimate *estimate,
                vmmiAdaptiveControl *control, const vmmiAdaptivePlan *plan,
                vmmiAdaptiveDecision *decision)
{
    const vmmiAdaptivePass *pass = vmmiAdaptiveEstimatePass(estimate, 0);
    double silence = vmmiAdaptiveModelThrottleSilence(estimate->throttle);
    char why[200];

    if (estimate->throttle <= 0 || !plan->last_throttle)
        return false;
    if (control->limit_ms < to_ms(plan->cap_s) - 1) {
        say(decision, VMMI_ADAPTIVE_LIMIT,
            "grants all of the hard limit, %u ms: at %.0f %% auto-converge lets the guest stand "
            "still for %u ms at a stretch, and its next step would be more than %u ms",
            to_ms(plan->cap_s), estimate->throttle, to_ms(silence),
            to_ms(goals->throttle_silence_s));
        control->limit_ms = 0;
        grant(control, estimate, plan->cap_s, decision);
        return true;
    }
    if (silence <= goals->throttle_silence_s &&
        (!pass || pass->throttle != estimate->throttle || pass->ratio < TRIGGER))
        return false;
    snprintf(why, sizeof(why),
             "auto-converge has come to %.0f %%, which lets the guest stand still for %u ms at a "
             "stretch, and %.0f MiB are left; more than %u ms are not permitted",
             estimate->throttle, to_ms(silence), plan->left / MIB,
             to_ms(goals->throttle_silence_s));
    give_up(goals, control, plan, why, decision);
    return true;
}

/* --- all -------------------------------------------------------------------------------------- */

static bool
decide_sick(const vmmiAdaptiveEstimate *estimate, vmmiAdaptiveDecision *decision)
{
    const vmmiAdaptiveLook *last = vmmiAdaptiveEstimateLast(estimate);

    if (estimate->dead) {
        say(decision, VMMI_ADAPTIVE_WAIT,
            "waits: the link carries nothing; it carried %.1f MiB/s, %.1f MiB are left",
            estimate->usual / MIB, last->left / MIB);
        return true;
    }
    if (estimate->slow_ms) {
        say(decision, VMMI_ADAPTIVE_WAIT,
            "waits and decides nothing for up to 10 s: the link carries %.1f MiB/s, it carried "
            "%.1f MiB/s until %.1f s ago",
            estimate->wire / MIB, estimate->usual / MIB,
            (double)(last->ms - estimate->slow_ms) / 1000);
        return true;
    }
    return false;
}

static bool
decide_bulk(const vmmiAdaptiveEstimate *estimate, vmmiAdaptiveDecision *decision)
{
    const vmmiAdaptiveLook *last = vmmiAdaptiveEstimateLast(estimate);

    if (estimate->bulk_ms && estimate->drain > 0)
        return false;
    say(decision, VMMI_ADAPTIVE_WAIT,
        "the first pass: %.0f of %.0f MiB are left at %.1f MiB/s; nothing is known of the guest "
        "before it has ended",
        last->left / MIB, estimate->total / MIB, estimate->wire / MIB);
    return true;
}

static void
decide_limit(vmmiAdaptiveControl *control, const vmmiAdaptiveEstimate *estimate,
             const vmmiAdaptiveGoals *goals, const vmmiAdaptivePlan *plan,
             vmmiAdaptiveDecision *decision)
{
    double seconds = MIN(plan->wanted, plan->cap) * plan->set / plan->wire;

    seconds = CLAMP(seconds, MIN(FIRST_LIMIT_S, goals->soft_s), plan->cap_s);
    if (control->postcopy_usable &&
        VMMI_ADAPTIVE_WEIGHT_SILENCE * (seconds + VMMI_ADAPTIVE_FIXED_S) >
            postcopy_cost(plan, MIN(1, plan->wanted) * plan->set))
        seconds = MIN(FIRST_LIMIT_S, goals->soft_s); /* a pause is not the least harm here */
    g_strlcpy(decision->reason, plan->words, sizeof(decision->reason));
    grant(control, estimate, seconds, decision);
}

void
vmmiAdaptiveDecide(const vmmiAdaptiveGoals *goals, const vmmiAdaptiveEstimate *estimate,
                   vmmiAdaptiveControl *control, bool boundary, vmmiAdaptiveDecision *decision)
{
    vmmiAdaptivePlan plan = { 0 };

    decision->verb = VMMI_ADAPTIVE_WAIT;
    if (!vmmiAdaptiveEstimateLast(estimate) || control->aborting || control->postcopy_asked)
        return;
    if (decide_first(goals, estimate, control, decision))
        return;
    vmmiAdaptivePlanMake(&plan, goals, estimate, control, boundary);
    if (decide_deadline(goals, estimate, control, &plan, decision) ||
        decide_sick(estimate, decision) || decide_bulk(estimate, decision) || !boundary)
        return;
    if (decide_postcopy(estimate, control, &plan, decision))
        return;
    count_capped(control, estimate, &plan);
    if (decide_throttle(goals, estimate, control, &plan, decision) ||
        decide_hopeless(goals, estimate, control, &plan, decision))
        return;
    decide_limit(control, estimate, goals, &plan, decision);
}
