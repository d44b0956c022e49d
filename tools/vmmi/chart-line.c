/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chart-line.c: one figure of one trace as a line. Of the points that fall into one column of the
 * picture only the first, the lowest, the highest and the last are drawn: more cannot be seen.
 */
#include "chart.h"

#include <math.h>

/* With fewer points than this each is marked: what lies between is a guess. */
#define FEW_POINTS 140

typedef struct {
    GString *path;
    bool pen_down, steps;
    double last_y;
    size_t drawn;
    /* The column that is collected. */
    bool any;
    double column;
    struct {
        double x, y;
        size_t order;
    } first, low, high, last;
    size_t order;
} Pen;

static void
put(Pen *pen, double x, double y)
{
    if (!pen->pen_down)
        g_string_append_printf(pen->path, "M%.1f %.1fh0", x, y);
    else if (pen->steps)
        g_string_append_printf(pen->path, "H%.1fV%.1f", x, y);
    else
        g_string_append_printf(pen->path, "L%.1f %.1f", x, y);
    pen->pen_down = true;
    pen->last_y = y;
    pen->drawn++;
}

/* Ends the column: its four points in the order in which they came. */
static void
flush(Pen *pen)
{
    bool low_first = pen->low.order < pen->high.order;

    if (!pen->any)
        return;
    put(pen, pen->first.x, pen->first.y);
    if (pen->order > 1) {
        if (pen->order > 2 && !pen->steps) {
            put(pen, low_first ? pen->low.x : pen->high.x, low_first ? pen->low.y : pen->high.y);
            put(pen, low_first ? pen->high.x : pen->low.x, low_first ? pen->high.y : pen->low.y);
        }
        put(pen, pen->last.x, pen->last.y);
    }
    pen->any = false;
    pen->order = 0;
}

static void
collect(Pen *pen, double x, double y)
{
    if (pen->any && floor(x) > pen->column)
        flush(pen);
    if (!pen->any) {
        pen->column = floor(x);
        pen->first.x = pen->low.x = pen->high.x = x;
        pen->first.y = pen->low.y = pen->high.y = y;
        pen->low.order = pen->high.order = 0;
        pen->any = true;
    }
    if (y < pen->low.y) {
        pen->low.x = x;
        pen->low.y = y;
        pen->low.order = pen->order;
    }
    if (y > pen->high.y) {
        pen->high.x = x;
        pen->high.y = y;
        pen->high.order = pen->order;
    }
    pen->last.x = x;
    pen->last.y = y;
    pen->order++;
}

static void
lift(Pen *pen)
{
    flush(pen);
    pen->pen_down = false;
}

static void
draw_dots(Chart *chart, const Trace *trace, const ChartLine *line, int colour, const Scale *y)
{
    g_string_append_printf(chart->out, "<g class=\"v-f%d\">", colour);
    for (guint i = 0; i < trace->points->len; i++) {
        const TracePoint *point = &g_array_index(trace->points, TracePoint, i);
        double value = chart_value(point, (TraceSeries)line->series);

        if (!isnan(value) && point->ms <= chart->x.high)
            g_string_append_printf(chart->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>",
                                   scale_at(&chart->x, point->ms), scale_at(y, value));
    }
    g_string_append(chart->out, "</g>\n");
}

/* The figure; what two figures make together goes on with the last one of each. */
static double
value_of(const TracePoint *point, int series, double *limit, double *drain)
{
    if (series != CHART_FITS)
        return chart_value(point, (TraceSeries)series);
    *limit = isnan(point->value[TRACE_LIMIT]) ? *limit : point->value[TRACE_LIMIT];
    *drain = isnan(point->value[TRACE_DRAIN]) ? *drain : point->value[TRACE_DRAIN];
    return *limit / 1000 * *drain;
}

void
chart_line(Chart *chart, const Trace *trace, const ChartLine *line, int colour, const Scale *y)
{
    Pen pen = { .path = g_string_new(NULL), .steps = line->steps };
    double limit = NAN, drain = NAN;
    guint unknown = 0;

    for (guint i = 0; i < trace->points->len; i++) {
        const TracePoint *point = &g_array_index(trace->points, TracePoint, i);
        double value = value_of(point, line->series, &limit, &drain);

        if (point->ms > chart->x.high)
            break;
        /* A look that did not tell it is no gap yet. */
        unknown = !isnan(value) ? 0 : point->single ? unknown : unknown + 1;
        if (unknown > 1)
            lift(&pen);
        else if (!isnan(value))
            collect(&pen, scale_at(&chart->x, point->ms), scale_at(y, value));
    }
    flush(&pen);
    /* What holds until the next value holds until the end, too. */
    if (pen.pen_down && line->steps)
        g_string_append_printf(pen.path, "H%.1f",
                               scale_at(&chart->x, trace->ended ? trace->end_ms
                                                                : trace->length_ms));
    if (pen.drawn)
        g_string_append_printf(chart->out, "<path class=\"v-line v-%s v-c%d\" d=\"%s\"/>\n",
                               line->style, colour, pen.path->str);
    g_string_free(pen.path, TRUE);
    if (pen.drawn && !line->steps && trace->points->len < FEW_POINTS &&
        line->series == TRACE_REMAINING)
        draw_dots(chart, trace, line, colour, y);
}
