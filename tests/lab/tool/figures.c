/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures.c: what a guest's user felt of a migration: silences, and work that did not get done.
 *
 * A silence is the time between two beats on the receiver's clock, which runs through. The
 * guest's own clock stands still while the guest is stopped and runs on while it is only slowed
 * down: where the two differ, the guest was stopped. So each silence has a cause: the switchover
 * (it lies around the change of hosts), another stop (a suspend, an attempt that was taken back),
 * which counts with the switchover, or else slowness: throttling, starvation.
 *
 * Work lost is what the rate before would have got done in the same time, less what was done.
 */
#include "figures.h"

#include <string.h>

#define SLICES 3              /* so many in a row must agree before a rate counts as steady */
#define SLICE_US 1000000u
#define STEADY 0.05
#define AFTER_US 1000000u     /* silences that begin so soon after the turn belong to it */
#define STOP_US 20000u        /* a stop that is shorter is noise */
#define NEAR_BEATS 20u        /* so many on either side tell how far the clocks are apart */

static uint64_t
later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The first beat at or after @at; log->n if there is none. */
static size_t
beat_from(const figures_log *log, uint64_t at)
{
    size_t low = 0, high = log->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (log->beats[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Pages a second between the beats in [from, to]; below 0 when they cover less than half of it. */
static double
slice_rate(const figures_log *log, uint64_t from, uint64_t to)
{
    size_t first = beat_from(log, from), end = beat_from(log, to + 1);
    uint64_t span;

    if (end < first + 2)
        return -1;
    span = log->beats[end - 1].at - log->beats[first].at;
    if (2 * span < to - from)
        return -1;
    return 1e6 * (double)(log->beats[end - 1].work - log->beats[first].work) / (double)span;
}

/* The rate in the last slices before @until. Phased writers are looked at over whole periods. */
static figures_rate
rate_before(const figures_log *log, uint64_t until, uint64_t phase)
{
    uint64_t slice = phase ? 2 * phase : SLICE_US;
    figures_rate rate = { .pages = -1, .steady = true };
    double low = 0, high = 0, sum = 0;
    int n;

    for (n = 0; n < SLICES; n++) {
        uint64_t back = (uint64_t)(n + 1) * slice;
        double pages = back <= until ? slice_rate(log, until - back, until - back + slice) : -1;

        if (pages < 0)
            break;
        low = n == 0 || pages < low ? pages : low;
        high = n == 0 || pages > high ? pages : high;
        sum += pages;
    }
    if (n > 0)
        rate.pages = sum / n;
    rate.steady = n == SLICES && high - rate.pages <= STEADY * rate.pages &&
                  rate.pages - low <= STEADY * rate.pages;
    return rate;
}

/* How much of the guest's time from @clock on, @span long, lies in busy phases. */
static uint64_t
busy_time(uint64_t clock, uint64_t span, uint64_t phase)
{
    uint64_t into = clock % (2 * phase), whole = (into + span) / (2 * phase);
    uint64_t rest = (into + span) % (2 * phase);

    return whole * phase + earlier(rest, phase) - earlier(into, phase);
}

/*
 * The turn is the last change of hosts: between which two beats. What the caller said of the
 * switchover is widened by it.
 */
static void
find_turn(const figures_log *log, figures *f)
{
    size_t end = beat_from(log, f->until + 1);
    uint64_t from = 0, to = 0;

    for (size_t i = later(beat_from(log, f->since), 1); i < end; i++) {
        const figures_beat *beat = &log->beats[i];

        if (beat->side == SIDE_UNKNOWN || beat[-1].side == SIDE_UNKNOWN ||
            beat->side == beat[-1].side)
            continue;
        from = beat[-1].at;
        to = beat->at;
    }
    if (to == 0)
        return;
    f->moved = to;
    f->turn_from = f->turn_to ? earlier(f->turn_from, from) : from;
    f->turn_to = later(f->turn_to, to);
}

static void
keep_longest(figures_gap *longest, const figures_gap *gap)
{
    if (gap->length > longest->length)
        *longest = *gap;
}

static bool
belongs_to_turn(const figures *f, const figures_gap *gap, bool given)
{
    uint64_t after = given ? 0 : AFTER_US;

    if (gap->standstill >= STOP_US && 2 * gap->standstill >= gap->length)
        return true;
    return f->turn_to > 0 && gap->from < f->turn_to + after &&
           gap->from + gap->length > f->turn_from;
}

static void
take_gap(figures *f, const figures_gap *gap, bool given)
{
    keep_longest(&f->longest, gap);
    if (gap->standstill >= STOP_US)
        f->standstill += gap->standstill;
    if (belongs_to_turn(f, gap, given)) {
        keep_longest(&f->turn, gap);
        return;
    }
    keep_longest(&f->other, gap);
    if (gap->length > 100000)
        f->other_over_100++;
}

static int64_t
offset_of(const figures_beat *beat)
{
    return (int64_t)beat->at - beat->clock;
}

/*
 * How long the guest's clock stood still between beats @i - 1 and @i. A beat that is delivered
 * late moves the clocks apart for itself only, a stop for good: of several beats on either side
 * the least distance counts.
 */
static uint64_t
standstill_before(const figures_log *log, size_t i)
{
    int64_t before = offset_of(&log->beats[i - 1]), after = offset_of(&log->beats[i]);

    for (size_t k = i - 1; k > 0 && i - k < NEAR_BEATS; k--) {
        if (log->beats[k].at - log->beats[k - 1].at > STOP_US)
            break;
        if (offset_of(&log->beats[k - 1]) < before)
            before = offset_of(&log->beats[k - 1]);
    }
    for (size_t k = i + 1; k < log->n && k < i + NEAR_BEATS; k++) {
        if (offset_of(&log->beats[k]) < after)
            after = offset_of(&log->beats[k]);
    }
    return after > before ? (uint64_t)(after - before) : 0;
}

/* The silence that ends with beat @i, or with the log; cut to the stretch. */
static void
measure_gap(const figures_log *log, size_t i, figures *f, bool given)
{
    uint64_t begin = i > 0 ? log->beats[i - 1].at : f->since;
    uint64_t end = i < log->n ? log->beats[i].at : f->until;
    figures_gap gap = { .from = later(begin, f->since) };

    end = earlier(end, f->until);
    if (end <= gap.from)
        return;
    gap.length = end - gap.from;
    if (i > 0 && i < log->n) {
        int64_t lived = log->beats[i].clock - log->beats[i - 1].clock;

        gap.standstill = earlier(standstill_before(log, i), gap.length);
        f->guest_longest = later(f->guest_longest, lived > 0 ? (uint64_t)lived : 0);
    }
    take_gap(f, &gap, given);
}

static void
count_beats(const figures_log *log, figures *f)
{
    size_t first = beat_from(log, f->since), end = beat_from(log, f->until + 1);

    for (size_t i = first; i < end; i++) {
        const figures_beat *beat = &log->beats[i];

        f->beats++;
        f->per_side[beat->side]++;
        f->side = beat->side;
        if (i == 0)
            continue;
        f->moves += beat->side != beat[-1].side;
        if (beat->seq <= beat[-1].seq)
            f->repeated++;
        else
            f->lost += beat->seq - beat[-1].seq - 1;
    }
    for (size_t i = 0; i < log->n_damaged; i++)
        f->damaged += log->damaged[i] >= f->since && log->damaged[i] <= f->until;
}

/* From the last beat before the stretch to the last one in it. */
static void
count_work(const figures_log *log, uint64_t phase, figures *f)
{
    size_t first = beat_from(log, f->since), end = beat_from(log, f->until + 1);
    double span, expected;
    const figures_beat *from, *to;

    first = first > 0 ? first - 1 : 0;
    if (end <= first + 1)
        return;
    from = &log->beats[first];
    to = &log->beats[end - 1];
    f->work = to->work - from->work;
    f->guest_span = to->clock > from->clock ? (uint64_t)(to->clock - from->clock) : 0;
    span = (double)(earlier(f->until, log->end) - from->at);
    f->pages_during = 1e6 * (double)f->work / span;
    if (f->before.pages <= 0)
        return;
    expected = f->before.pages * span / 1e6;
    if (phase)
        expected = 2e-6 * f->before.pages *
                   (double)busy_time((uint32_t)from->clock, (uint64_t)span, phase);
    f->lost_ms = 1e3 * (expected - (double)f->work) / f->before.pages;
    f->lost_known = true;
}

void
figures_compute(const figures_order *order, const figures_log *log, figures *f)
{
    bool given = order->turn_to > 0;
    size_t end;

    memset(f, 0, sizeof(*f));
    f->since = order->since ? order->since : log->beats[0].at;
    f->until = order->until ? order->until : later(log->end, f->since);
    f->turn_from = order->turn_from;
    f->turn_to = order->turn_to;
    f->pages_during = -1;
    f->before = rate_before(log, f->since, order->phase);
    find_turn(log, f);
    end = beat_from(log, f->until);
    for (size_t i = beat_from(log, f->since); i <= end; i++)
        measure_gap(log, i, f, given);
    count_beats(log, f);
    count_work(log, order->phase, f);
}
