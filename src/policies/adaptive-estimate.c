/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive-estimate.c: from samples to what is known of a guest and its link.
 *
 * Pages are counted, not bytes per second believed: what was sent between two looks is the
 * difference of the counters of pages, and what the guest wrote is what is left beyond that. So
 * passes may be missed, and looks come late, without harm. Rates are means over a second and more.
 */
#include <math.h>

#include "policies/adaptive.h"

#define RATE_MS 2000     /* window of the present rates */
#define SHORTEST_MS 300  /* a rate over less is noise */
#define HISTORY_MS 30000 /* of the lowest and the highest rate */
#define SLOW_SHARE 0.7   /* of the usual rate: below, the link is slower */
#define DEAD_SHARE 0.05
#define GRACE_MS 10000   /* after which a slower link is the usual one */
#define FULL_SHARE 0.96  /* of the set: the guest has written all of it */
#define LEAST_SENT 0.03  /* share of the set: a shorter pass tells nothing of its writer */
#define VOTE 0.25        /* of one pass, at most */
#define WHOLE_SHARE 0.85 /* of what was left: nearly all was sent */
#define LATE_S 0.3       /* looks come no later than that */

/* --- looks ------------------------------------------------------------------------------------ */

static const vmmiAdaptiveLook *
look_back(const vmmiAdaptiveEstimate *estimate, size_t back)
{
    if (back >= estimate->n_looks || back >= VMMI_ADAPTIVE_LOOKS)
        return NULL;
    return &estimate->looks[(estimate->n_looks - 1 - back) % VMMI_ADAPTIVE_LOOKS];
}

const vmmiAdaptiveLook *
vmmiAdaptiveEstimateLast(const vmmiAdaptiveEstimate *estimate)
{
    return look_back(estimate, 0);
}

const vmmiAdaptivePass *
vmmiAdaptiveEstimatePass(const vmmiAdaptiveEstimate *estimate, size_t back)
{
    if (back >= estimate->n_passes || back >= VMMI_ADAPTIVE_PASSES)
        return NULL;
    return &estimate->passes[(estimate->n_passes - 1 - back) % VMMI_ADAPTIVE_PASSES];
}

/* Memory that was sent, whatever became of it; without counters of pages what went over the
 * wire. */
static double
drained_bytes(const vmmiSample *sample)
{
    uint64_t page = vmmiSampleGetOr(sample, VMMI_SAMPLE_PAGE_SIZE_BYTES, 4096);
    uint64_t normal, constant;

    if (!vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_NORMAL_PAGES, &normal) ||
        !vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_CONSTANT_PAGES, &constant))
        return (double)vmmiSampleGetOr(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, 0);
    return ((double)normal + (double)constant +
            (double)vmmiSampleGetOr(sample, VMMI_SAMPLE_COMPRESSION_PAGES, 0)) *
           (double)(page ? page : 4096);
}

static bool
read_look(const vmmiSample *sample, uint64_t now_ms, vmmiAdaptiveLook *look)
{
    uint64_t left, wire, iteration;

    if (!vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, &left) ||
        !vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, &wire) ||
        vmmiSampleGetOr(sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, 0) == 0)
        return false;
    if (!vmmiSampleGet(sample, VMMI_SAMPLE_ITERATION, &iteration))
        iteration = 1;
    look->ms = vmmiSampleGetOr(sample, VMMI_SAMPLE_ELAPSED_MS, now_ms);
    look->left = (double)left;
    look->wire = (double)wire;
    look->drained = drained_bytes(sample);
    look->iteration = iteration;
    return true;
}

/* --- rates ------------------------------------------------------------------------------------ */

/* The oldest look that is no older than @ms and, if @after is not 0, of no pass before it. */
static const vmmiAdaptiveLook *
find_look(const vmmiAdaptiveEstimate *estimate, uint64_t ms, uint64_t after)
{
    const vmmiAdaptiveLook *last = look_back(estimate, 0), *found = last;

    for (size_t back = 1; look_back(estimate, back); back++) {
        const vmmiAdaptiveLook *look = look_back(estimate, back);

        if (look->iteration < after)
            break;
        found = look;
        if (look->ms + ms <= last->ms)
            break;
    }
    return found;
}

static double
rate_between(const vmmiAdaptiveLook *from, const vmmiAdaptiveLook *to, bool wire)
{
    double seconds = (double)(to->ms - from->ms) / 1000;

    return MAX(0, wire ? to->wire - from->wire : to->drained - from->drained) / seconds;
}

/* Pages of the bulk pass may be zeroes; those of later passes are what the guest writes. */
static void
update_rates(vmmiAdaptiveEstimate *estimate)
{
    const vmmiAdaptiveLook *last = look_back(estimate, 0);
    const vmmiAdaptiveLook *wire = find_look(estimate, RATE_MS, 0);
    const vmmiAdaptiveLook *drain = find_look(estimate, RATE_MS, 2);

    if (last->ms < wire->ms + SHORTEST_MS)
        return;
    estimate->wire = rate_between(wire, last, true);
    estimate->drain = last->ms >= drain->ms + SHORTEST_MS ? rate_between(drain, last, false)
                                                          : estimate->wire;
    if (last->ms >= drain->ms + SHORTEST_MS && last->iteration >= 2)
        estimate->drain = MAX(estimate->drain, 0.5 * estimate->wire);
}

static void
update_extremes(vmmiAdaptiveEstimate *estimate)
{
    const vmmiAdaptiveLook *last = look_back(estimate, 0), *later = last;

    estimate->drain_low = estimate->drain_high = estimate->drain;
    for (size_t back = 1; look_back(estimate, back); back++) {
        const vmmiAdaptiveLook *look = look_back(estimate, back);
        double scale = estimate->wire > 0 ? estimate->drain / estimate->wire : 1;

        if (look->ms + HISTORY_MS < last->ms)
            break;
        if (look->ms + RATE_MS > later->ms)
            continue;
        estimate->drain_low = MIN(estimate->drain_low, rate_between(look, later, true) * scale);
        estimate->drain_high = MAX(estimate->drain_high, rate_between(look, later, true) * scale);
        later = look;
    }
}

/* Whether the link carries what it used to; a slower one becomes the usual one after a while. */
static void
update_health(vmmiAdaptiveEstimate *estimate)
{
    const vmmiAdaptiveLook *last = look_back(estimate, 0);
    const vmmiAdaptiveLook *before = find_look(estimate, 1000, 0);
    double now;

    if (last->ms < before->ms + SHORTEST_MS)
        return;
    now = rate_between(before, last, true);
    estimate->dead = now < DEAD_SHARE * estimate->usual;
    if (estimate->usual <= 0 || now >= SLOW_SHARE * estimate->usual) {
        estimate->slow_ms = 0;
        estimate->usual = estimate->usual <= 0 ? now : 0.8 * estimate->usual + 0.2 * now;
    } else if (!estimate->slow_ms) {
        estimate->slow_ms = last->ms;
    } else if (last->ms >= estimate->slow_ms + GRACE_MS && !estimate->dead) {
        estimate->slow_ms = 0;
        estimate->usual = now;
        estimate->n_passes = 0; /* they were those of another link */
        estimate->rounds = 0;
    }
    estimate->sick = estimate->sick || estimate->dead || estimate->slow_ms;
}

/* The hypervisor's figure of 100 ms against the mean: what its threshold is off by. */
static void
update_noise(vmmiAdaptiveEstimate *estimate, const vmmiSample *sample)
{
    uint64_t figure;
    double off;

    if (!vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, &figure) ||
        estimate->wire <= 0 || estimate->slow_ms || !estimate->bulk_ms)
        return;
    off = MIN(0.3, fabs((double)figure / estimate->wire - 1));
    estimate->noise = MAX(off, 0.8 * estimate->noise + 0.2 * off);
}

/* --- passes ----------------------------------------------------------------------------------- */

/* Which ratio is the same in two passes: that of a writer that goes round, or that of one that
 * writes everywhere alike? Nothing is told by passes that are alike, or that left all of the set
 * dirty. */
static void
vote(vmmiAdaptiveEstimate *estimate, const vmmiAdaptivePass *pass)
{
    const vmmiAdaptivePass *before = vmmiAdaptiveEstimatePass(estimate, 0);
    double most = FULL_SHARE * estimate->set;

    if (!before || !before->whole || !pass->whole || before->throttle != pass->throttle ||
        pass->end >= most || before->end >= most ||
        MIN(pass->ratio, pass->round) <= 0 || MIN(before->ratio, before->round) <= 0 ||
        !isfinite(pass->ratio) || !isfinite(before->ratio))
        return;
    estimate->rounds += CLAMP(fabs(log(pass->ratio / before->ratio)) -
                                  fabs(log(pass->round / before->round)),
                              -VOTE, VOTE);
}

static void
add_pass(vmmiAdaptiveEstimate *estimate, const vmmiAdaptiveLook *from, const vmmiAdaptiveLook *to)
{
    vmmiAdaptivePass pass = { .ms = to->ms,
                              .seconds = (double)(to->ms - from->ms) / 1000,
                              .begin = from->left,
                              .end = to->left,
                              .drained = MAX(0, to->drained - from->drained),
                              .throttle = estimate->throttle };
    double set = estimate->set, sent = pass.drained / set;

    pass.single = to->iteration == from->iteration + 1;
    pass.whole = pass.single && pass.drained >= WHOLE_SHARE * pass.begin;
    pass.full = MIN(pass.begin, pass.end) >= FULL_SHARE * set;
    if (pass.single) {
        pass.ratio = vmmiAdaptiveModelRatio(pass.begin / set, pass.end / set, MIN(sent, 1));
    } else {
        /* Several at once: what was found dirty, over what was there to be dirtied. */
        double fresh = MAX(0, pass.end - pass.begin + pass.drained) / set;
        double clean = 1 - MIN(0.98, (pass.begin + pass.end) / 2 / set);

        pass.ratio = sent > 0 ? fresh / sent / clean : INFINITY;
    }
    pass.round = MAX(0, pass.end - pass.begin + pass.drained) / MAX(1, pass.drained);
    vote(estimate, &pass);
    estimate->passes[estimate->n_passes++ % VMMI_ADAPTIVE_PASSES] = pass;
}

/* A look comes up to 200 ms late: what it was when the pass began, as the pass before it ended
 * with what the limit allows still pending. */
static vmmiAdaptiveLook
put_back(const vmmiAdaptiveEstimate *estimate, const vmmiAdaptiveLook *look, uint64_t limit_ms)
{
    vmmiAdaptiveLook begun = *look;
    double sent = look->drained - estimate->boundary.drained;
    double pending = MIN(estimate->boundary.left, estimate->wire * (double)limit_ms / 1000);
    double late = sent - (estimate->boundary.left - pending);

    if (look->iteration > estimate->boundary.iteration + 1) {
        /* Several passes at once, each of which began with what it sent and what was pending. */
        double each = sent / (double)(look->iteration - estimate->boundary.iteration);

        begun.left = MAX(look->left, each + MIN(pending, each) / 2);
        return begun;
    }
    if (estimate->drain <= 0)
        return begun;
    late = CLAMP(late, 0, LATE_S * estimate->drain);
    begun.left += late;
    begun.drained -= late;
    begun.ms -= MIN((uint64_t)(late / estimate->drain * 1000), look->ms - estimate->boundary.ms);
    return begun;
}

static bool
take_boundary(vmmiAdaptiveEstimate *estimate, const vmmiAdaptiveLook *look, uint64_t limit_ms)
{
    vmmiAdaptiveLook begun = *look;
    bool bulk = estimate->has_boundary && estimate->boundary.iteration < 2;

    if (estimate->has_boundary && look->iteration <= estimate->boundary.iteration)
        return false;
    if (estimate->has_boundary && !bulk)
        begun = put_back(estimate, look, limit_ms);
    if (look->iteration >= 2 && !estimate->bulk_ms)
        estimate->bulk_ms = MAX(look->ms, 1);
    if (estimate->bulk_ms)
        estimate->set = MAX(estimate->set, look->iteration > estimate->boundary.iteration + 1
                                               ? MIN(begun.left, estimate->total)
                                               : look->left);
    if (begun.left > estimate->set)
        begun.left = estimate->set;
    if (estimate->has_boundary && !bulk) {
        if (begun.drained - estimate->boundary.drained < LEAST_SENT * estimate->set)
            return false;
        if (!estimate->sick)
            add_pass(estimate, &estimate->boundary, &begun);
    }
    estimate->sick = estimate->dead || estimate->slow_ms;
    estimate->boundary = begun;
    estimate->has_boundary = true;
    return estimate->bulk_ms != 0;
}

bool
vmmiAdaptiveEstimateTake(vmmiAdaptiveEstimate *estimate, const vmmiSample *sample, uint64_t now_ms,
                         uint64_t limit_ms)
{
    vmmiAdaptiveLook look;
    const vmmiAdaptiveLook *last = look_back(estimate, 0);
    uint64_t throttle;

    if (!read_look(sample, now_ms, &look) || (last && look.ms <= last->ms))
        return false;
    estimate->looks[estimate->n_looks++ % VMMI_ADAPTIVE_LOOKS] = look;
    estimate->total = (double)vmmiSampleGetOr(sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, 0);
    estimate->throttle = vmmiSampleGet(sample, VMMI_SAMPLE_THROTTLE_PERCENT, &throttle)
                             ? (double)throttle
                             : -1;
    update_rates(estimate);
    update_extremes(estimate);
    update_health(estimate);
    update_noise(estimate, sample);
    return take_boundary(estimate, &look, limit_ms);
}
