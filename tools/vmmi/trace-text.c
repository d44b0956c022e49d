/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-text.c: a trace as text for a terminal: figures, charts of one line each, actions.
 */
#include "trace-text.h"

#include <math.h>
#include <string.h>

#include "chart.h"
#include "markup.h"
#include "report.h"
#include "table.h"

#define NAMES 11        /* columns of the names in front of the charts */
#define RANGES 22       /* and of the figures behind them */
#define MIN_CHART 20
#define MAX_CHART 72
#define MAX_ACTIONS 200
#define REASON_AT 14

/* The largest value of each column; NAN: there was none. */
static void
gather(const Trace *trace, TraceSeries series, double *columns, int count)
{
    double longest = MAX(trace->length_ms, 1);

    for (int i = 0; i < count; i++)
        columns[i] = NAN;
    for (guint i = 0; i < trace->points->len; i++) {
        const TracePoint *point = &g_array_index(trace->points, TracePoint, i);
        double value = chart_value(point, series);
        int column = MIN((int)(point->ms / longest * count), count - 1);

        if (!isnan(value) && !(columns[column] >= value))
            columns[column] = value;
    }
    for (int i = 1; i < count; i++)
        columns[i] = isnan(columns[i]) ? columns[i - 1] : columns[i];
}

static void
add_bar(GString *out, double value, double most, bool unicode)
{
    static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    static const char ascii[] = "_.-:=+*#";
    int level = (int)(value / most * 7.999);

    level = CLAMP(level, 0, 7);
    if (isnan(value))
        g_string_append_c(out, ' ');
    else if (unicode)
        g_string_append(out, blocks[level]);
    else
        g_string_append_c(out, ascii[level]);
}

static void
add_chart(GString *out, const Trace *trace, const char *name, TraceSeries series, ScaleUnit unit,
          const TraceTextStyle *style)
{
    int count = CLAMP(style->width - NAMES - RANGES, MIN_CHART, MAX_CHART);
    g_autofree double *columns = g_new(double, count);
    const Scale scale = { .unit = unit, .high = 2000 };
    g_autofree char *label = NULL;
    double most = 0;

    gather(trace, series, columns, count);
    for (int i = 0; i < count; i++)
        most = isnan(columns[i]) ? most : MAX(most, columns[i]);
    if (!(most > 0))
        return;
    g_string_append_printf(out, "%-*s", NAMES, name);
    for (int i = 0; i < count; i++)
        add_bar(out, columns[i], most, style->unicode);
    label = scale_label(&scale, most);
    g_string_append_printf(out, " max %s\n", label);
}

static void
add_charts(GString *out, const Trace *trace, const TraceTextStyle *style)
{
    add_chart(out, trace, "remaining", TRACE_REMAINING, SCALE_BYTES, style);
    add_chart(out, trace, "drained", TRACE_DRAIN, SCALE_RATE, style);
    add_chart(out, trace, "dirtied", TRACE_DIRTY, SCALE_RATE, style);
    add_chart(out, trace, "limit", TRACE_LIMIT, SCALE_MS, style);
    add_chart(out, trace, "expected", TRACE_EXPECTED, SCALE_MS, style);
    add_chart(out, trace, "throttle", TRACE_THROTTLE, SCALE_PERCENT, style);
}

static void
add_states(GString *out, const Trace *trace)
{
    g_string_append_printf(out, "%-*s", NAMES, "states");
    for (guint i = 0; i < MIN(trace->states->len, 40); i++) {
        const TraceState *state = &g_array_index(trace->states, TraceState, i);
        g_autofree char *at = chart_time(state->ms);

        g_string_append_printf(out, "%s%s %s", i ? ", " : "", vmmiStateToString(state->state), at);
    }
    g_string_append(out, trace->states->len > 40 ? ", ...\n" : "\n");
}

static void
add_action(GString *out, const Trace *trace, guint number, const TraceTextStyle *style)
{
    const TraceAction *action = g_ptr_array_index(trace->actions, number - 1);
    bool quiet = trace_is_thought(trace);
    g_autofree char *at = chart_time(action->ms), *text = report_printable(action->text);
    g_autofree char *error = action->error ? report_printable(action->error) : NULL;
    size_t columns = (size_t)MAX(style->width - REASON_AT - 1, 30);
    g_auto(GStrv) lines = markup_wrap(action->reason, columns, 6);

    g_string_append_printf(out, "%4u %8s  %s", number, at, text);
    if (action->result && strcmp(action->result, "done") != 0 && !quiet) {
        g_autofree char *result = report_printable(action->result);

        g_string_append_printf(out, " [%s]", result);
    }
    g_string_append_printf(out, "%s%s\n", error ? ": " : "", error ? error : "");
    for (size_t i = 0; lines[i]; i++)
        g_string_append_printf(out, "%*s%s\n", REASON_AT + 1, "", lines[i]);
}

static void
add_line(GString *out, const char *text)
{
    g_autofree char *printable = report_printable(text);

    if (*printable)
        g_string_append_printf(out, "%s\n", printable);
}

char *
trace_text(const Trace *trace, const TraceTextStyle *style)
{
    GString *out = g_string_new(NULL);
    g_autofree char *guest = report_printable(trace->guest ? trace->guest : "A guest");
    g_autofree char *what = trace_describe(trace), *who = report_printable(what);
    g_autofree char *remarks = trace_remarks(trace), *date = chart_date(trace);
    guint shown = MIN(trace->actions->len, MAX_ACTIONS);

    g_string_append_printf(out, "%s under %s%s%s\n", guest, who, date ? ", " : "",
                           date ? date : "");
    if (trace->states->len)
        add_states(out, trace);
    add_charts(out, trace, style);
    add_line(out, remarks);
    add_line(out, trace->error ? trace->error : "");
    add_line(out, trace->course ? trace->course : "");
    for (guint i = 0; i < shown; i++)
        add_action(out, trace, i + 1, style);
    if (shown < trace->actions->len)
        g_string_append_printf(out, "     and %u more\n", trace->actions->len - shown);
    return g_string_free(out, FALSE);
}

char *
trace_text_table(const GPtrArray *traces, const TraceTextStyle *style)
{
    static const TableColumn columns[] = {
        { "POLICY", false, 8, 0 }, { "OUTCOME", false, 0, 0 }, { "TOTAL", true, 0, 0 },
        { "DOWNTIME", true, 0, 0 }, { "DATA", true, 0, 0 },    { "PASSES", true, 0, 1 },
        { "ACTIONS", true, 0, 2 },
    };
    const TableStyle look = { style->width, false, style->unicode };
    Table *table = table_new(columns, G_N_ELEMENTS(columns));
    char *text;

    for (guint i = 0; i < traces->len; i++) {
        const Trace *trace = g_ptr_array_index(traces, i);
        g_auto(GStrv) cells = chart_cells(trace);

        table_add(table, report_printable(trace->label), NULL, NULL);
        for (size_t k = 0; cells[k]; k++)
            table_add(table, report_printable(cells[k]), NULL, NULL);
    }
    text = table_text(table, 0, &look);
    table_free(table);
    return text;
}
