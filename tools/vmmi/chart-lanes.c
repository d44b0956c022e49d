/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chart-lanes.c: a lane for each trace: its states as a band, its actions as numbers above it.
 */
#include "chart.h"

#include <math.h>
#include <string.h>

#include "markup.h"

#define BADGES 20.0     /* height of the row of numbers */
#define BAND 17.0
#define GAP 9.0
#define RADIUS 8.5
/* A list of states that nobody could tell apart is not drawn whole. */
#define MAX_BANDS 2000
#define MAX_MARKS 300
#define LABEL_CHARS 19

/* The look of a state. */
static const char *
band_class(vmmiState state)
{
    switch (state) {
    case VMMI_STATE_PRECOPY:
        return "copy";
    case VMMI_STATE_SWITCHOVER:
        return "turn";
    case VMMI_STATE_POSTCOPY:
        return "post";
    case VMMI_STATE_POSTCOPY_BROKEN:
        return "broken";
    case VMMI_STATE_FINISH:
    case VMMI_STATE_CONFIRM:
        return "last";
    case VMMI_STATE_COMPLETED:
        return "good";
    case VMMI_STATE_FAILED:
    case VMMI_STATE_ABORTED:
        return "bad";
    default:
        return "calm";
    }
}

static bool
has_band(const Chart *chart, const char *look)
{
    for (guint i = 0; i < chart->traces->len; i++) {
        const Trace *trace = chart_trace(chart, i);

        for (guint k = 0; k < trace->states->len; k++) {
            if (strcmp(band_class(g_array_index(trace->states, TraceState, k).state), look) == 0)
                return true;
        }
    }
    return false;
}

static double
trace_end(const Trace *trace)
{
    return trace->ended ? trace->end_ms : trace->length_ms;
}

static void
draw_band(Chart *chart, const TraceState *state, double until, double y)
{
    double x = scale_at(&chart->x, state->ms), width = scale_at(&chart->x, until) - x;
    const char *name = vmmiStateToString(state->state);
    g_autofree char *from = chart_time(state->ms), *to = chart_time(until);

    if (width < 0.2 || state->ms > chart->x.high)
        return;
    g_string_append_printf(chart->out,
                           "<g><title>%s, %s to %s</title><rect class=\"v-%s\" x=\"%.1f\" "
                           "y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\"/>",
                           name, from, to, band_class(state->state), x, y, MAX(width - 0.7, 0.6),
                           BAND);
    if (width > 6.6 * (double)strlen(name) + 8)
        g_string_append_printf(chart->out,
                               "<text class=\"v-text v-small\" x=\"%.1f\" y=\"%.1f\">%s</text>",
                               x + 5, y + 12.3, name);
    g_string_append(chart->out, "</g>\n");
}

/* How it ended, behind the band; a trace without an end is cut off. */
static void
draw_end(Chart *chart, const Trace *trace, double y)
{
    double x = scale_at(&chart->x, trace_end(trace));
    bool goes_on = trace_end(trace) > chart->x.high;

    if (!trace->ended && !goes_on)
        g_string_append_printf(chart->out,
                               "<path class=\"v-line v-thin v-c1\" d=\"M%.1f %.1fl3 3l-3 3l3 3l-3 "
                               "3l3 3\"/>",
                               x + 1, y + 1);
    g_string_append_printf(chart->out,
                           "<text class=\"v-text v-small v-bold\" x=\"%.1f\" y=\"%.1f\">", x + 8,
                           y + 12.3);
    g_string_append(chart->out, goes_on ? "\xe2\x80\xa6 " : "");
    markup_add(chart->out, trace->ended ? trace_outcome(trace) : "no end", 16);
    g_string_append(chart->out, "</text>\n");
}

static void
draw_bands(Chart *chart, const Trace *trace, double y)
{
    guint count = MIN(trace->states->len, MAX_BANDS);

    for (guint i = 0; i < count; i++) {
        const TraceState *state = &g_array_index(trace->states, TraceState, i);
        double until = i + 1 < trace->states->len ? state[1].ms : trace_end(trace);

        draw_band(chart, state, until, y);
    }
    draw_end(chart, trace, y);
}

/* --- the numbers ------------------------------------------------------------------ */

/* Actions that are too close to be told apart share one mark. */
typedef struct {
    double x, width;
    guint first, last;      /* indices */
    bool done;              /* something of it was carried out */
} Badge;

static double
badge_width(guint first, guint last)
{
    g_autofree char *text =
        first == last ? g_strdup_printf("%u", first + 1)
                      : g_strdup_printf("%u-%u", first + 1, last + 1);

    return MAX(2 * RADIUS, 6.2 * (double)strlen(text) + 9);
}

static GArray *
make_badges(const Chart *chart, const Trace *trace)
{
    GArray *badges = g_array_new(FALSE, FALSE, sizeof(Badge));

    for (guint i = 0; i < trace->actions->len; i++) {
        const TraceAction *action = g_ptr_array_index(trace->actions, i);
        Badge badge = { scale_at(&chart->x, action->ms), badge_width(i, i), i, i,
                        g_strcmp0(action->result, "done") == 0 };

        if (action->ms > chart->x.high)
            break;
        while (badges->len) {
            const Badge *before = &g_array_index(badges, Badge, badges->len - 1);

            if (before->x + before->width / 2 + 1 <= badge.x - badge.width / 2)
                break;
            badge.first = before->first;
            badge.done = badge.done || before->done;
            badge.x = before->x;
            badge.width = badge_width(badge.first, badge.last);
            g_array_set_size(badges, badges->len - 1);
        }
        g_array_append_val(badges, badge);
    }
    return badges;
}

static void
add_badge_title(Chart *chart, const Trace *trace, const Badge *badge)
{
    g_string_append(chart->out, "<title>");
    for (guint i = badge->first; i <= badge->last && i < badge->first + 8; i++) {
        const TraceAction *action = g_ptr_array_index(trace->actions, i);
        g_autofree char *at = chart_time(action->ms);

        g_string_append_printf(chart->out, "%s%u: %s, ", i > badge->first ? "&#10;" : "", i + 1,
                               at);
        markup_add(chart->out, action->text, 80);
        g_string_append(chart->out, action->reason ? ": " : "");
        markup_add(chart->out, action->reason, 300);
    }
    g_string_append(chart->out, "</title>");
}

static void
draw_badge(Chart *chart, const Trace *trace, const Badge *badge, int colour, double y)
{
    GString *out = chart->out;

    g_string_append(out, "<g>");
    add_badge_title(chart, trace, badge);
    g_string_append_printf(out,
                           "<rect class=\"v-badge v-c%d %s%d\" x=\"%.1f\" y=\"%.1f\" "
                           "width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\"/>",
                           colour, badge->done ? "v-f" : "v-hole v-h", colour,
                           badge->x - badge->width / 2, y - RADIUS, badge->width, 2 * RADIUS,
                           RADIUS);
    g_string_append_printf(out, "<text class=\"v-num %s\" x=\"%.1f\" y=\"%.1f\">%u",
                           badge->done ? "v-on" : "v-text", badge->x, y + 3.6, badge->first + 1);
    if (badge->last > badge->first)
        g_string_append_printf(out, "-%u", badge->last + 1);
    g_string_append(out, "</text></g>\n");
}

static void
draw_badges(Chart *chart, const Trace *trace, int colour, double y)
{
    GArray *badges = make_badges(chart, trace);

    for (guint i = 0; i < badges->len; i++)
        draw_badge(chart, trace, &g_array_index(badges, Badge, i), colour, y);
    g_array_unref(badges);
}

static void
draw_label(Chart *chart, const Trace *trace, int colour, double y)
{
    g_string_append_printf(chart->out,
                           "<rect class=\"v-f%d\" x=\"2\" y=\"%.1f\" width=\"4\" height=\"%.1f\" "
                           "rx=\"2\"/><text class=\"v-text v-bold\" x=\"12\" y=\"%.1f\">",
                           colour, y, BAND, y + 12.6);
    markup_add(chart->out, trace->label, LABEL_CHARS);
    g_string_append(chart->out, "</text>\n");
}

/* Which colours occur, and what they mean. */
static void
draw_key(Chart *chart)
{
    static const struct {
        const char *look, *name;
    } keys[] = {
        { "calm", "before and after" }, { "copy", "pre-copy" },  { "turn", "switchover" },
        { "post", "post-copy" },        { "broken", "broken" }, { "last", "finish" },
    };
    double x = CHART_RIGHT;

    for (size_t i = G_N_ELEMENTS(keys); i-- > 0;) {
        if (!has_band(chart, keys[i].look))
            continue;
        x -= 6.1 * (double)strlen(keys[i].name);
        g_string_append_printf(chart->out,
                               "<rect class=\"v-%s\" x=\"%.1f\" y=\"%.1f\" width=\"12\" "
                               "height=\"10\" rx=\"2\"/><text class=\"v-soft v-small\" "
                               "x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                               keys[i].look, x - 17, chart->y + 3, x, chart->y + 12,
                               keys[i].name);
        x -= 34;
    }
    chart->y += 24;
}

void
chart_lanes(Chart *chart)
{
    draw_key(chart);
    chart->lanes = chart->y;
    for (guint i = 0; i < chart->traces->len; i++) {
        const Trace *trace = chart_trace(chart, i);

        chart->y += trace->actions->len ? BADGES : 2;
        draw_label(chart, trace, (int)i, chart->y);
        draw_bands(chart, trace, chart->y);
        if (trace->actions->len)
            draw_badges(chart, trace, (int)i, chart->y - RADIUS - 2);
        chart->y += BAND + GAP;
    }
}

void
chart_action_lines(Chart *chart)
{
    for (guint i = 0; i < chart->traces->len; i++) {
        const Trace *trace = chart_trace(chart, i);
        double last = -1;
        size_t drawn = 0;

        for (guint k = 0; k < trace->actions->len && drawn < MAX_MARKS; k++) {
            const TraceAction *action = g_ptr_array_index(trace->actions, k);
            double x = scale_at(&chart->x, action->ms);

            if (x - last < 1.5 || action->ms > chart->x.high)
                continue;
            g_string_append_printf(chart->out,
                                   "<path class=\"v-mark v-faint v-c%u\" d=\"M%.1f %.1fV%.1f\"/>\n",
                                   i, x, chart->panels, chart->y);
            last = x;
            drawn++;
        }
    }
}
