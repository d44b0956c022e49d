/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chart.c: a picture of traces: legend, lanes, panels, and what a pointer shows.
 */
#include "chart.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "figures.h"
#include "markup.h"

#define COLUMNS 110
#define KEY_AT 600.0

const Trace *
chart_trace(const Chart *chart, guint index)
{
    return g_ptr_array_index(chart->traces, index);
}

char *
chart_time(double ms)
{
    if (ms < 99950)
        return g_strdup_printf("%.1f s", ms / 1000);
    return figures_duration((uint64_t)ms);
}

char *
chart_date(const Trace *trace)
{
    time_t seconds = (time_t)(trace->started_wall_ms / 1000);
    struct tm when;
    char text[64];

    /* Simulated time begins at 0. */
    if (trace->simulated || trace->started_wall_ms < 1000000000000 ||
        trace->started_wall_ms > 99999999999999 || !gmtime_r(&seconds, &when))
        return NULL;
    return strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &when) ? g_strdup(text) : NULL;
}

/* The guest, where it is one. */
char *
chart_title(const GPtrArray *traces)
{
    const Trace *first = g_ptr_array_index(traces, 0);
    bool one = first->guest != NULL;
    guint count = 0; /* what was only thought is none */

    for (guint i = 0; i < traces->len; i++) {
        const Trace *trace = g_ptr_array_index(traces, i);

        one = one && g_strcmp0(trace->guest, first->guest) == 0;
        count += !trace_is_thought(trace);
    }
    if (count < 2)
        return one ? g_strdup_printf("Migration of %s", first->guest) : g_strdup("A migration");
    return one ? g_strdup_printf("%u migrations of %s", count, first->guest)
               : g_strdup_printf("%u migrations", count);
}

/* --- legend ----------------------------------------------------------------------- */

/* The key of the states stands beside it where there is room. */
static void
draw_legend(Chart *chart)
{
    double x = 2, top = chart->y;

    if (chart->traces->len < 2)
        return;
    for (guint i = 0; i < chart->traces->len; i++) {
        const char *label = chart_trace(chart, i)->label;
        double width = 44 + 7.0 * (double)g_utf8_strlen(label, -1);

        if (x + width > CHART_WIDTH && x > 2) {
            x = 2;
            chart->y += 19;
        }
        g_string_append_printf(chart->out,
                               "<rect class=\"v-f%u\" x=\"%.1f\" y=\"%.1f\" width=\"22\" "
                               "height=\"4\" rx=\"2\"/><text class=\"v-text\" x=\"%.1f\" "
                               "y=\"%.1f\">",
                               i, x, chart->y + 6, x + 28, chart->y + 12);
        markup_add(chart->out, label, 40);
        g_string_append(chart->out, "</text>\n");
        x += width;
    }
    chart->y = chart->y == top && x < KEY_AT ? top : chart->y + 22;
}

/* --- what a pointer shows --------------------------------------------------------- */

static const TracePoint *
point_before(const Trace *trace, double ms)
{
    guint low = 0, high = trace->points->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (g_array_index(trace->points, TracePoint, middle).ms <= ms)
            low = middle + 1;
        else
            high = middle;
    }
    while (low && g_array_index(trace->points, TracePoint, low - 1).single)
        low--;
    return low ? &g_array_index(trace->points, TracePoint, low - 1) : NULL;
}

static void
add_figures(GString *out, const TracePoint *point)
{
    static const struct {
        const char *name;
        ScaleUnit unit;
    } series[] = {
        { "remaining", SCALE_BYTES }, { "dirtied", SCALE_RATE }, { "drained", SCALE_RATE },
        { "limit", SCALE_MS },        { "expected", SCALE_MS },  { "throttle", SCALE_PERCENT },
    };
    const char *comma = "";

    for (size_t i = 0; i < TRACE_SERIES_LAST; i++) {
        const Scale scale = { .unit = series[i].unit, .high = 1000 };
        g_autofree char *label = NULL;

        if (isnan(point->value[i]) || (i == TRACE_THROTTLE && point->value[i] <= 0))
            continue;
        label = scale_label(&scale, point->value[i]);
        g_string_append_printf(out, "%s%s %s", comma, series[i].name, label);
        comma = ", ";
    }
}

static void
draw_column(Chart *chart, double x, double width, double ms)
{
    GString *out = chart->out;
    g_autofree char *at = chart_time(ms);

    g_string_append_printf(out,
                           "<rect class=\"v-hover\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                           "height=\"%.1f\"><title>%s",
                           x, chart->panels, width, chart->y - 24 - chart->panels, at);
    for (guint i = 0; i < chart->traces->len; i++) {
        const Trace *trace = chart_trace(chart, i);
        const TracePoint *point = ms <= trace->length_ms ? point_before(trace, ms) : NULL;
        const char *reason = chart->traces->len == 1 ? trace_reason_at(trace, ms) : NULL;

        if (!point)
            continue;
        g_string_append(out, "&#10;");
        if (chart->traces->len > 1) {
            markup_add(out, trace->label, 40);
            g_string_append(out, ": ");
        }
        add_figures(out, point);
        if (reason) {
            g_string_append(out, "&#10;");
            markup_add(out, reason, 240);
        }
    }
    g_string_append(out, "</title></rect>\n");
}

static void
draw_columns(Chart *chart)
{
    int count = chart->traces->len > 2 ? COLUMNS / 2 : COLUMNS;
    double width = (CHART_RIGHT - CHART_LEFT) / count;

    for (int i = 0; i < count; i++)
        draw_column(chart, CHART_LEFT + i * width, width,
                    (i + 0.5) / count * chart->x.high);
}

/* --- the whole -------------------------------------------------------------------- */

void
chart_draw(Chart *chart)
{
    double longest = 0;

    for (guint i = 0; i < chart->traces->len; i++)
        longest = MAX(longest, chart_trace(chart, i)->length_ms);
    chart->x = scale_fit(SCALE_TIME, 0, MIN(longest, chart->until_ms), CHART_LEFT, CHART_RIGHT);
    draw_legend(chart);
    chart_lanes(chart);
    chart->y -= 4;
    chart_panels(chart);
    draw_columns(chart);
}
