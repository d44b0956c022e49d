/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chart.h: traces (of trace.h, labelled) as a picture. Pure: traces in, text out; the same traces
 * give the same text. Whatever the traces hold, the result is well-formed and asks no network.
 */
#ifndef VMMI_TOOL_CHART_H
#define VMMI_TOOL_CHART_H

#include "scale.h"
#include "trace.h"

#define CHART_MAX_TRACES 8

/* A picture that stands alone: title, chart, table, list of actions. @until_ms: where the time axis
 * ends, if something goes on beyond it; INFINITY: it shows everything. To be freed. */
char *chart_svg(const GPtrArray *traces, double until_ms);
/* A page with the same, text as text. To be freed. */
char *chart_html(const GPtrArray *traces, double until_ms);

/* --- inside ----------------------------------------------------------------------- */

/* The edges of the panels; left and right of them stand labels. */
#define CHART_WIDTH 1120.0
#define CHART_LEFT 132.0
#define CHART_RIGHT 1012.0

typedef struct {
    const GPtrArray *traces;
    GString *out;
    double until_ms;
    Scale x;
    double y;               /* so far down it is drawn */
    double lanes, panels;   /* where these begin */
} Chart;

/* What could be sent within the downtime limit, in bytes: no figure of its own. */
#define CHART_FITS TRACE_SERIES_LAST
/* The downtime limit that a policy would have set: of its actions. */
#define CHART_WISHED (TRACE_SERIES_LAST + 1)

/* How a line looks. */
typedef struct {
    const char *name;       /* in the legend of a panel */
    int series;             /* a TraceSeries, CHART_FITS or CHART_WISHED */
    const char *style;      /* class: "solid", "dashed", "dotted" */
    int own_colour;         /* with one trace: its colour; several traces have one each */
    bool steps;             /* it holds until the next value */
    bool alone;             /* drawn only where there is one trace */
} ChartLine;

const Trace *chart_trace(const Chart *chart, guint index);
/* Whether the figures of a trace are drawn: those of a replay, or in shadow, are another's. */
bool chart_has_lines(const Chart *chart, const Trace *trace);
/* A figure of TraceSeries; NAN: unknown. */
double chart_value(const TracePoint *point, TraceSeries series);

/* chart-style.c: the style sheet, for a picture or a page. Static. */
const char *chart_style(void);
const char *chart_page_style(void);
/* chart-line.c: one figure of one trace, thinned to what can be seen. @colour: 0 to 7. */
void chart_line(Chart *chart, const Trace *trace, const ChartLine *line, int colour,
                const Scale *y);
/* chart-lanes.c: states as bands, with the actions above them; then the actions' lines through the
 * panels. */
void chart_lanes(Chart *chart);
void chart_action_lines(Chart *chart);
/* chart-panels.c: the figures. */
void chart_panels(Chart *chart);
/* chart.c: legend, lanes and panels; moves .y below them. */
void chart_draw(Chart *chart);
/* chart-notes.c: under the chart of a picture: table and actions. */
void chart_notes(Chart *chart);
/* Cells of the table: outcome, total, downtime, data, passes, actions. To be freed with
 * g_strfreev(). */
char **chart_cells(const Trace *trace);
extern const char *const chart_headings[];
/* What to call the whole. To be freed. */
char *chart_title(const GPtrArray *traces);
/* "2026-11-21 07:00:03 UTC"; NULL: it has no such time. To be freed. */
char *chart_date(const Trace *trace);
/* "3.2 s". To be freed. */
char *chart_time(double ms);

#endif
