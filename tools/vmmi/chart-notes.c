/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chart-notes.c: the words of a picture that stands alone: its title, and under the chart the table
 * and the actions with their reasons. A page has them as text: chart-html.c.
 */
#include "chart.h"

#include <string.h>

#include "figures.h"
#include "markup.h"

#define ROW 20.0
#define LINE 15.0
#define MARGIN 28.0
/* A picture is no log. */
#define MAX_ACTIONS 60
#define REASON_COLUMNS 122
#define REASON_X 312.0

const char *const chart_headings[] = { "outcome", "total",  "downtime", "data",
                                       "passes",  "actions", NULL };

char **
chart_cells(const Trace *trace)
{
    char **cells = g_new0(char *, 7);
    uint64_t value;

    cells[0] = markup_clean(trace_outcome(trace), 24);
    cells[1] = trace_total_ms(trace, &value) ? figures_duration(value) : g_strdup("-");
    cells[2] = trace_downtime_ms(trace, &value) ? figures_duration(value) : g_strdup("-");
    cells[3] = trace_data_bytes(trace, &value) ? figures_bytes(value) : g_strdup("-");
    cells[4] = trace_iterations(trace, &value) ? g_strdup_printf("%" G_GUINT64_FORMAT, value)
                                               : g_strdup("-");
    cells[5] = g_strdup_printf("%zu", (size_t)trace->actions->len + trace->more_actions);
    return cells;
}

/* --- table ------------------------------------------------------------------------ */

static const double cell_x[] = { 300, 470, 580, 690, 770, 850 };

static void
draw_headings(Chart *chart)
{
    for (size_t i = 0; chart_headings[i]; i++)
        g_string_append_printf(chart->out,
                               "<text class=\"v-soft v-small%s\" x=\"%.1f\" y=\"%.1f\">%s</text>",
                               i ? " v-end" : "", cell_x[i], chart->y, chart_headings[i]);
    g_string_append_c(chart->out, '\n');
    chart->y += 8;
}

static void
draw_row(Chart *chart, guint index)
{
    const Trace *trace = chart_trace(chart, index);
    g_auto(GStrv) cells = chart_cells(trace);

    g_string_append_printf(chart->out, "<path class=\"v-grid\" d=\"M2 %.1fH870\"/>", chart->y);
    chart->y += ROW;
    g_string_append_printf(chart->out,
                           "<rect class=\"v-f%u\" x=\"2\" y=\"%.1f\" width=\"14\" height=\"4\" "
                           "rx=\"2\"/><text class=\"v-text v-bold\" x=\"24\" y=\"%.1f\">",
                           index, chart->y - 9, chart->y - 5);
    markup_add(chart->out, trace->label, 38);
    g_string_append(chart->out, "</text>");
    for (size_t i = 0; cells[i]; i++) {
        g_string_append_printf(chart->out, "<text class=\"v-text%s\" x=\"%.1f\" y=\"%.1f\">",
                               i ? " v-end" : "", cell_x[i], chart->y - 5);
        markup_add(chart->out, cells[i], 40);
        g_string_append(chart->out, "</text>");
    }
    g_string_append_c(chart->out, '\n');
}

/* --- actions ---------------------------------------------------------------------- */

/* Lines of text; returns how many. */
static size_t
draw_text(Chart *chart, const char *text, double x, size_t columns, const char *look)
{
    g_auto(GStrv) lines = markup_wrap(text, columns, 6);
    size_t count = 0;

    for (; lines[count]; count++) {
        g_string_append_printf(chart->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", look, x,
                               chart->y + LINE * (double)count);
        markup_add(chart->out, lines[count], columns + 4);
        g_string_append(chart->out, "</text>");
    }
    return count;
}

/* That nothing of a replay or by a shadow was done is said once, above. */
static char *
reason_text(const Trace *trace, const TraceAction *action)
{
    GString *text = g_string_new(action->reason);

    if (action->result && strcmp(action->result, "done") != 0 && !trace_is_thought(trace))
        g_string_append_printf(text, "%s[%s]", text->len ? " " : "", action->result);
    if (action->error)
        g_string_append_printf(text, " %s", action->error);
    return g_string_free(text, FALSE);
}

static void
draw_action(Chart *chart, const Trace *trace, guint index, guint colour)
{
    const TraceAction *action = g_ptr_array_index(trace->actions, index);
    g_autofree char *at = chart_time(action->ms), *why = reason_text(trace, action);
    size_t lines;

    g_string_append_printf(chart->out,
                           "<rect class=\"v-f%u\" x=\"2\" y=\"%.1f\" width=\"24\" height=\"15\" "
                           "rx=\"7.5\"/><text class=\"v-num v-on\" x=\"14\" y=\"%.1f\">%u</text>"
                           "<text class=\"v-soft v-end\" x=\"92\" y=\"%.1f\">%s</text>",
                           colour, chart->y - 11.5, chart->y - 0.4, index + 1, chart->y, at);
    draw_text(chart, action->text, 108, 30, "v-text v-bold");
    lines = draw_text(chart, why, REASON_X, REASON_COLUMNS, "v-text");
    g_string_append_c(chart->out, '\n');
    chart->y += LINE * (double)MAX(lines, 1) + 5;
}

static void
draw_soft(Chart *chart, const char *text)
{
    chart->y += LINE * (double)draw_text(chart, text, 2, 170, "v-soft") + 4;
    g_string_append_c(chart->out, '\n');
}

static void
draw_actions(Chart *chart, guint index)
{
    const Trace *trace = chart_trace(chart, index);
    guint shown = MIN(trace->actions->len, MAX_ACTIONS);
    g_autofree char *what = trace_describe(trace), *remarks = trace_remarks(trace);

    chart->y += 30;
    g_string_append_printf(chart->out, "<text class=\"v-text v-h2\" x=\"2\" y=\"%.1f\">", chart->y);
    markup_add(chart->out, what, 120);
    g_string_append(chart->out, "</text>\n");
    chart->y += 19;
    if (*remarks)
        draw_soft(chart, remarks);
    if (trace->error)
        draw_soft(chart, trace->error);
    if (trace->course)
        draw_soft(chart, trace->course);
    if (!shown)
        draw_soft(chart, "It did nothing.");
    for (guint i = 0; i < shown; i++)
        draw_action(chart, trace, i, index);
    if (shown < trace->actions->len) {
        g_autofree char *more = g_strdup_printf("and %u more", trace->actions->len - shown);

        draw_soft(chart, more);
    }
}

void
chart_notes(Chart *chart)
{
    chart->y += 26;
    draw_headings(chart);
    for (guint i = 0; i < chart->traces->len; i++)
        draw_row(chart, i);
    for (guint i = 0; i < chart->traces->len; i++)
        draw_actions(chart, i);
}

/* --- the picture ------------------------------------------------------------------ */

static void
draw_title(Chart *chart)
{
    const Trace *first = chart_trace(chart, 0);
    g_autofree char *title = chart_title(chart->traces), *date = chart_date(first);

    g_string_append(chart->out, "<text class=\"v-text v-h1\" x=\"2\" y=\"22\">");
    markup_add(chart->out, title, 90);
    g_string_append(chart->out, "</text>\n");
    if (date && chart->traces->len == 1)
        g_string_append_printf(chart->out,
                               "<text class=\"v-soft v-end\" x=\"%.1f\" y=\"22\">%s</text>\n",
                               CHART_WIDTH - 4, date);
    chart->y = 38;
}

char *
chart_svg(const GPtrArray *traces, double until_ms)
{
    Chart chart = { .traces = traces, .out = g_string_new(NULL), .until_ms = until_ms };
    GString *whole = g_string_new(NULL);
    g_autofree char *title = chart_title(traces);

    draw_title(&chart);
    chart_draw(&chart);
    chart_notes(&chart);
    g_string_append_printf(whole,
                           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
                           "height=\"%.0f\" viewBox=\"-20 -14 %.0f %.0f\" role=\"img\">\n<title>",
                           CHART_WIDTH + 40, chart.y + MARGIN, CHART_WIDTH + 40, chart.y + MARGIN);
    markup_add(whole, title, 200);
    g_string_append_printf(whole,
                           "</title>\n<style>%s</style>\n<rect class=\"v-paper\" x=\"-20\" "
                           "y=\"-14\" width=\"100%%\" height=\"100%%\"/>\n%s</svg>\n",
                           chart_style(), chart.out->str);
    g_string_free(chart.out, TRUE);
    return g_string_free(whole, FALSE);
}
