/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-align.c: traces of one and the same migration on one time axis.
 */
#include "trace.h"

#include <math.h>

/* A policy that takes over begins at most so long after the other has ended. */
#define GAP_MS 60000.0
/* Two clocks that differ by more than this are not of one boot. */
#define DRIFT_MS 5000.0

static double
apart(uint64_t later, uint64_t earlier)
{
    return later > earlier ? (double)(later - earlier) : -(double)(earlier - later);
}

/* How much later than @first @other begins; NAN: they are not of one migration. */
static double
offset_of(const Trace *other, const Trace *first)
{
    double offset = apart(other->first_boottime_ms, first->first_boottime_ms);
    double wall = apart(other->started_wall_ms, first->started_wall_ms);

    if (other == first || first->aligned || !other->attached || other->replay_of ||
        first->replay_of || other->simulated || first->simulated || !other->uuid ||
        g_strcmp0(other->uuid, first->uuid) != 0 || offset < 0 ||
        offset > first->length_ms + GAP_MS || fabs(wall - offset) > DRIFT_MS)
        return NAN;
    return offset;
}

static void
move(Trace *trace, double offset)
{
    for (guint i = 0; i < trace->points->len; i++)
        g_array_index(trace->points, TracePoint, i).ms += offset;
    for (guint i = 0; i < trace->states->len; i++)
        g_array_index(trace->states, TraceState, i).ms += offset;
    for (guint i = 0; i < trace->reasons->len; i++)
        g_array_index(trace->reasons, TraceReason, i).ms += offset;
    for (guint i = 0; i < trace->actions->len; i++) {
        TraceAction *action = g_ptr_array_index(trace->actions, i);

        action->ms += offset;
        action->done_ms += offset;
    }
    trace->end_ms += offset;
    trace->length_ms += offset;
    trace->aligned = true;
}

void
trace_align_all(GPtrArray *traces)
{
    for (guint i = 0; i < traces->len; i++) {
        Trace *trace = g_ptr_array_index(traces, i);
        double best = NAN;

        for (guint k = 0; k < traces->len; k++) {
            double offset = offset_of(trace, g_ptr_array_index(traces, k));

            if (!isnan(offset) && !(best > offset))
                best = offset;
        }
        if (!isnan(best))
            move(trace, best);
    }
}
