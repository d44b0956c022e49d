/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chart-panels.c: the figures of a migration, one panel for what has one unit, on one time axis.
 */
#include "chart.h"

#include <math.h>
#include <string.h>

#include "markup.h"

#define TITLE 26.0
#define GAP 12.0

typedef struct {
    const char *title;
    ScaleUnit unit;
    double height;
    size_t ticks;
    bool if_any;            /* left out when nothing of it is above 0 */
    ChartLine lines[4];
} Panel;

static const Panel panels[] = {
    { "Remaining memory", SCALE_BYTES, 188, 8, false,
      { { "remaining", TRACE_REMAINING, "solid", 0, false, false },
        { "what the downtime limit lets through", CHART_FITS, "dotted", 4, true, true } } },
    { "Rates", SCALE_RATE, 128, 6, false,
      { { "drained", TRACE_DRAIN, "solid", 2, false, false },
        { "dirtied", TRACE_DIRTY, "dashed", 1, false, false } } },
    { "Downtime", SCALE_MS, 138, 6, false,
      { { "limit", TRACE_LIMIT, "solid", 4, true, false },
        { "expected", TRACE_EXPECTED, "dotted", 3, false, false },
        { "limit that would have been set", CHART_WISHED, "dashed", 0, true, false } } },
    { "Throttle of the guest", SCALE_PERCENT, 66, 5, true,
      { { NULL, TRACE_THROTTLE, "solid", 1, true, false } } },
};

double
chart_value(const TracePoint *point, TraceSeries series)
{
    return point->value[series];
}

static bool
is_drawn(const Chart *chart, const ChartLine *line)
{
    bool any = line->series != CHART_WISHED;

    for (guint i = 0; i < chart->traces->len && !any; i++)
        any = trace_is_thought(chart_trace(chart, i));
    return any && (!line->alone || chart->traces->len == 1);
}

bool
chart_has_lines(const Chart *chart, const Trace *trace)
{
    if (!trace->replay_of && !(trace->shadow && trace->aligned))
        return true;
    for (guint i = 0; i < chart->traces->len; i++) {
        if (!trace_is_thought(chart_trace(chart, i)))
            return false;
    }
    return true;
}

/* --- ranges ----------------------------------------------------------------------- */

typedef struct {
    double least, most;     /* above 0; most 0: there is nothing */
    bool any;
} Range;

static void
widen(Range *range, double value)
{
    if (isnan(value))
        return;
    range->any = true;
    range->most = MAX(range->most, value);
    if (value > 0 && (range->least <= 0 || value < range->least))
        range->least = value;
}

/* A limit that would have been set. */
static double
wished_limit(const TraceAction *action)
{
    return g_strcmp0(action->what, "downtimeMs") == 0 ? action->value : NAN;
}

static void
widen_lines(Range *range, const Chart *chart, const Panel *panel, const Trace *trace)
{
    for (guint i = 0; i < trace->points->len; i++) {
        const TracePoint *point = &g_array_index(trace->points, TracePoint, i);

        if (point->ms > chart->x.high)
            break;
        for (const ChartLine *line = panel->lines; line->style; line++) {
            if (line->series < TRACE_SERIES_LAST)
                widen(range, chart_value(point, (TraceSeries)line->series));
        }
    }
}

static void
widen_downtimes(Range *range, const Trace *trace)
{
    uint64_t downtime;

    if (trace_downtime_ms(trace, &downtime))
        widen(range, (double)downtime);
    for (guint i = 0; trace_is_thought(trace) && i < trace->actions->len; i++)
        widen(range, wished_limit(g_ptr_array_index(trace->actions, i)));
}

static Range
panel_range(const Chart *chart, const Panel *panel)
{
    Range range = { 0 };

    for (guint i = 0; i < chart->traces->len; i++) {
        const Trace *trace = chart_trace(chart, i);

        if (chart_has_lines(chart, trace))
            widen_lines(&range, chart, panel, trace);
        if (panel->unit == SCALE_MS)
            widen_downtimes(&range, trace);
    }
    return range;
}

/* --- axes ------------------------------------------------------------------------- */

static void
draw_values(Chart *chart, const Scale *y, size_t most)
{
    double ticks[SCALE_MAX_TICKS];
    size_t count = scale_ticks(y, ticks, most);

    for (size_t i = 0; i < count; i++) {
        g_autofree char *label = scale_label(y, ticks[i]);
        double at = scale_at(y, ticks[i]);

        g_string_append_printf(chart->out,
                               "<path class=\"v-grid\" d=\"M%.1f %.1fH%.1f\"/>"
                               "<text class=\"v-soft v-end v-small\" x=\"%.1f\" y=\"%.1f\">%s"
                               "</text>\n",
                               CHART_LEFT, at, CHART_RIGHT, CHART_LEFT - 8, at + 3.6, label);
    }
}

static void
draw_times(Chart *chart, double top, double bottom, bool labels)
{
    double ticks[SCALE_MAX_TICKS];
    size_t count = scale_ticks(&chart->x, ticks, 13);

    for (size_t i = 0; i < count; i++) {
        g_autofree char *label = scale_label(&chart->x, ticks[i]);
        double at = scale_at(&chart->x, ticks[i]);

        g_string_append_printf(chart->out, "<path class=\"v-grid\" d=\"M%.1f %.1fV%.1f\"/>", at,
                               top, bottom);
        if (labels)
            g_string_append_printf(chart->out,
                                   "<text class=\"v-soft v-mid v-small\" x=\"%.1f\" y=\"%.1f\">%s"
                                   "</text>\n",
                                   at, bottom + 15, label);
    }
}

static void
draw_frame(Chart *chart, double top, double bottom)
{
    g_string_append_printf(chart->out,
                           "<rect class=\"v-edge\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                           "height=\"%.1f\"/>\n",
                           CHART_LEFT, top, CHART_RIGHT - CHART_LEFT, bottom - top);
}

static void
draw_key_line(Chart *chart, const ChartLine *line, double x, double y)
{
    if (chart->traces->len > 1)
        g_string_append_printf(chart->out,
                               "<path class=\"v-line v-key v-%s\" d=\"M%.1f %.1fh22\"/>",
                               line->style, x, y - 4);
    else
        g_string_append_printf(chart->out,
                               "<path class=\"v-line v-%s v-c%d\" d=\"M%.1f %.1fh22\"/>",
                               line->style, line->own_colour, x, y - 4);
    g_string_append_printf(chart->out,
                           "<text class=\"v-soft v-small\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                           x + 27, y, line->name);
}

/* Right above a panel: what its lines mean. One line alone needs no words. */
static void
draw_key(Chart *chart, const Panel *panel, double y)
{
    size_t count = 0;
    double x = CHART_RIGHT;

    while (panel->lines[count].style && is_drawn(chart, &panel->lines[count]))
        count++;
    for (size_t i = count; count > 1 && i-- > 0;) {
        x -= 5.9 * (double)strlen(panel->lines[i].name) + 27;
        draw_key_line(chart, &panel->lines[i], x, y);
        x -= 18;
    }
}

/* --- what is drawn in them -------------------------------------------------------- */

static void
draw_wishes(Chart *chart, const Trace *trace, int colour, const Scale *y)
{
    GString *path = g_string_new(NULL);

    for (guint i = 0; i < trace->actions->len; i++) {
        const TraceAction *action = g_ptr_array_index(trace->actions, i);
        double value = wished_limit(action), x = scale_at(&chart->x, action->ms);

        if (isnan(value) || action->ms > chart->x.high)
            continue;
        g_string_append_printf(path, path->len ? "H%.1fV%.1f" : "M%.1f %.1f", x,
                               scale_at(y, value));
    }
    if (path->len)
        g_string_append_printf(chart->out,
                               "<path class=\"v-line v-dashed v-c%d\" d=\"%sH%.1f\"/>\n", colour,
                               path->str, scale_at(&chart->x, trace->length_ms));
    g_string_free(path, TRUE);
}

/* The real downtime of each trace: a diamond at its end, with the figure beside it. */
static void
draw_downtimes(Chart *chart, const Scale *y)
{
    double used_x = -INFINITY, used_y = INFINITY;

    for (guint i = 0; i < chart->traces->len; i++) {
        const Trace *trace = chart_trace(chart, i);
        uint64_t downtime;
        double at, x;

        if (!chart_has_lines(chart, trace) || !trace_downtime_ms(trace, &downtime) ||
            trace->end_ms > chart->x.high)
            continue;
        x = scale_at(&chart->x, trace->end_ms);
        at = scale_at(y, (double)downtime);
        g_string_append_printf(chart->out,
                               "<path class=\"v-f%u\" d=\"M%.1f %.1fl5.5 5.5l-5.5 5.5l-5.5-5.5z\">"
                               "<title>downtime %.0f ms</title></path>",
                               i, x, at - 5.5, (double)downtime);
        if (fabs(at - used_y) > 12 || fabs(x - used_x) > 50)
            g_string_append_printf(chart->out,
                                   "<text class=\"v-text v-small v-bold\" x=\"%.1f\" y=\"%.1f\">"
                                   "%.0f ms</text>",
                                   x + 9, at + 3.8, (double)downtime);
        g_string_append_c(chart->out, '\n');
        used_x = x;
        used_y = at;
    }
}

static void
draw_lines(Chart *chart, const Panel *panel, const Scale *y)
{
    bool alone = chart->traces->len == 1;

    for (guint i = 0; i < chart->traces->len; i++) {
        const Trace *trace = chart_trace(chart, i);

        for (const ChartLine *line = panel->lines; chart_has_lines(chart, trace) && line->style;
             line++) {
            if (is_drawn(chart, line) && line->series != CHART_WISHED)
                chart_line(chart, trace, line, alone ? line->own_colour : (int)i, y);
        }
        if (panel->unit == SCALE_MS && trace_is_thought(trace))
            draw_wishes(chart, trace, (int)i, y);
    }
    if (panel->unit == SCALE_MS)
        draw_downtimes(chart, y);
}

static void
draw_nothing(Chart *chart, double middle)
{
    g_string_append_printf(chart->out,
                           "<text class=\"v-soft v-mid\" x=\"%.1f\" y=\"%.1f\">not recorded"
                           "</text>\n",
                           (CHART_LEFT + CHART_RIGHT) / 2, middle);
}

static void
draw_panel(Chart *chart, const Panel *panel)
{
    Range range = panel_range(chart, panel);
    double top = chart->y + TITLE, bottom = top + (range.any ? panel->height : 40);
    Scale y = scale_fit(panel->unit, range.least, range.most, bottom, top);

    if (panel->if_any && !(range.most > 0))
        return;
    g_string_append_printf(chart->out,
                           "<text class=\"v-text v-h2\" x=\"%.1f\" y=\"%.1f\">%s"
                           "<tspan class=\"v-soft v-small\" dx=\"8\" font-weight=\"400\">%s</tspan>"
                           "</text>\n",
                           CHART_LEFT, top - 8, panel->title,
                           range.any && y.logarithmic ? "logarithmic" : "");
    draw_key(chart, panel, top - 8);
    draw_times(chart, top, bottom, false);
    if (range.any)
        draw_values(chart, &y, panel->ticks);
    draw_frame(chart, top, bottom);
    if (range.any)
        draw_lines(chart, panel, &y);
    else
        draw_nothing(chart, bottom - 16);
    chart->y = bottom + GAP;
}

void
chart_panels(Chart *chart)
{
    chart->panels = chart->y + TITLE;
    for (size_t i = 0; i < G_N_ELEMENTS(panels); i++)
        draw_panel(chart, &panels[i]);
    chart->y -= GAP;
    draw_times(chart, chart->y, chart->y + 4, true);
    chart_action_lines(chart);
    chart->y += 24;
}
