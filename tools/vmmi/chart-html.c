/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chart-html.c: a page of traces: the chart as a picture in it, the rest as text that can be read
 * aloud, searched and copied. One file, no scripts, nothing from elsewhere.
 */
#include "chart.h"

#include "markup.h"

#define MAX_ACTIONS 1000

static void
add_element(GString *out, const char *name, const char *attributes, const char *text, size_t limit)
{
    g_string_append_printf(out, "<%s%s>", name, attributes);
    markup_add(out, text, limit);
    g_string_append_printf(out, "</%s>", name);
}

static void
add_paragraph(GString *out, const char *attributes, const char *label, const char *text)
{
    if (!text || !*text)
        return;
    g_string_append_printf(out, "<p%s>%s", attributes, label);
    markup_add(out, text, 4000);
    g_string_append(out, "</p>\n");
}

/* --- table ------------------------------------------------------------------------ */

static void
add_row(GString *out, const Trace *trace, guint index)
{
    g_auto(GStrv) cells = chart_cells(trace);

    g_string_append_printf(out, "<tr><td class=\"k\"><span class=\"sw v-b%u\"></span>", index);
    markup_add(out, trace->label, 60);
    g_string_append(out, "</td>");
    for (size_t i = 0; cells[i]; i++)
        add_element(out, "td", i ? " class=\"n\"" : " class=\"k\"", cells[i], 60);
    add_element(out, "td", " class=\"k\"", trace->where, 40);
    g_string_append(out, "</tr>\n");
}

static void
add_table(GString *out, const GPtrArray *traces)
{
    g_string_append(out, "<div class=\"wide\"><table>\n<tr><th>policy</th>");
    for (size_t i = 0; chart_headings[i]; i++)
        add_element(out, "th", i ? " class=\"n\"" : "", chart_headings[i], 40);
    g_string_append(out, "<th>guest is on</th></tr>\n");
    for (guint i = 0; i < traces->len; i++)
        add_row(out, g_ptr_array_index(traces, i), i);
    g_string_append(out, "</table></div>\n");
}

/* --- one trace -------------------------------------------------------------------- */

static void
add_action(GString *out, const TraceAction *action, guint index, guint colour)
{
    g_autofree char *at = chart_time(action->ms);

    g_string_append_printf(out,
                           "<tr><td class=\"k\"><span class=\"no v-b%u\">%u</span></td>"
                           "<td class=\"n\">%s</td>",
                           colour, index + 1, at);
    add_element(out, "td", " class=\"k\"", action->text, 80);
    g_string_append(out, "<td class=\"r\">");
    markup_add(out, action->reason, 1000);
    if (action->error)
        add_paragraph(out, " class=\"soft\"", "", action->error);
    g_string_append(out, "</td>");
    add_element(out, "td", " class=\"k\"", action->result, 40);
    g_string_append(out, "</tr>\n");
}

static void
add_actions(GString *out, const Trace *trace, guint colour)
{
    guint shown = MIN(trace->actions->len, MAX_ACTIONS);

    if (!shown) {
        g_string_append(out, "<p>It did nothing.</p>\n");
        return;
    }
    g_string_append(out, "<div class=\"wide\"><table>\n<tr><th class=\"w1\"></th>"
                         "<th class=\"n w1\">at</th>"
                         "<th class=\"w2\">action</th><th>reason</th><th class=\"w1\">result</th>"
                         "</tr>\n");
    for (guint i = 0; i < shown; i++)
        add_action(out, g_ptr_array_index(trace->actions, i), i, colour);
    g_string_append(out, "</table></div>\n");
    if (shown < trace->actions->len)
        g_string_append_printf(out, "<p>and %u more</p>\n", trace->actions->len - shown);
}

static void
add_settings(GString *out, const Trace *trace)
{
    g_autofree char *flags = trace_flags(trace), *options = trace_options(trace);

    add_paragraph(out, " class=\"soft\"", "Flags: ", flags);
    if (!options)
        return;
    g_string_append(out, "<p class=\"soft\">Options: ");
    add_element(out, "code", "", options, 8000);
    g_string_append(out, "</p>\n");
}

static void
add_trace(GString *out, const Trace *trace, guint index)
{
    g_autofree char *what = trace_describe(trace), *remarks = trace_remarks(trace);
    g_autofree char *base = g_path_get_basename(trace->word ? trace->word : trace->path);
    g_autofree char *date = chart_date(trace);

    g_string_append_printf(out, "<h2><span class=\"sw v-b%u\"></span>", index);
    markup_add(out, what, 200);
    g_string_append(out, "</h2>\n");
    add_paragraph(out, " class=\"warn\"", "", remarks);
    add_paragraph(out, " class=\"warn\"", "", trace->error);
    add_paragraph(out, " class=\"warn\"", "", trace->course);
    add_actions(out, trace, index);
    add_settings(out, trace);
    add_paragraph(out, " class=\"soft\"", "How the end was found out: ", trace->evidence);
    add_paragraph(out, " class=\"soft\"", "Begun: ", date);
    add_paragraph(out, " class=\"soft\"", "Trace: ", base);
}

/* --- the page --------------------------------------------------------------------- */

static void
add_chart(GString *out, const GPtrArray *traces, double until_ms)
{
    Chart chart = {
        .traces = traces, .out = g_string_new(NULL), .until_ms = until_ms, .y = 4
    };

    chart_draw(&chart);
    g_string_append_printf(out, "<div class=\"wide\"><svg viewBox=\"-4 0 %.0f %.0f\" role=\"img\" "
                                "aria-label=\"The migration over time\">\n%s</svg></div>\n",
                           CHART_WIDTH + 8, chart.y, chart.out->str);
    g_string_free(chart.out, TRUE);
}

static void
add_lead(GString *out, const GPtrArray *traces)
{
    const Trace *first = g_ptr_array_index(traces, 0);
    g_autofree char *what = trace_describe(first), *date = chart_date(first);

    if (traces->len > 1)
        return;
    g_string_append(out, "<p class=\"soft\">under ");
    markup_add(out, what, 200);
    g_string_append_printf(out, "%s%s</p>\n", date ? ", " : "", date ? date : "");
}

char *
chart_html(const GPtrArray *traces, double until_ms)
{
    GString *out = g_string_new("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                                "<meta charset=\"utf-8\"/>\n"
                                "<meta name=\"viewport\" content=\"width=device-width, "
                                "initial-scale=1\"/>\n<meta http-equiv=\"Content-Security-Policy\" "
                                "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n");
    g_autofree char *title = chart_title(traces);

    add_element(out, "title", "", title, 200);
    g_string_append_printf(out, "\n<style>%s%s</style>\n</head>\n<body>\n", chart_page_style(),
                           chart_style());
    add_element(out, "h1", "", title, 200);
    g_string_append_c(out, '\n');
    add_lead(out, traces);
    add_chart(out, traces, until_ms);
    add_table(out, traces);
    for (guint i = 0; i < traces->len; i++)
        add_trace(out, g_ptr_array_index(traces, i), i);
    g_string_append(out, "</body>\n</html>\n");
    return g_string_free(out, FALSE);
}
