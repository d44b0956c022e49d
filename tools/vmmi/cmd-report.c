/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-report.c: vmmi report: recorded migrations as a picture, a page, or text.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "chart.h"
#include "output-file.h"
#include "report.h"
#include "terminal.h"
#include "trace-text.h"

#define WIDTH_ELSEWHERE 100

static char *output, *until;

static const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
      "Write a picture (.svg) or a page (.html) instead", "FILE" },
    { "until", 'u', 0, G_OPTION_ARG_FILENAME, &until,
      "End the time axis there, whatever goes on beyond", "SECONDS" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

typedef char *(*Draw)(const GPtrArray *traces, double until_ms);

/* NULL: the name says nothing that is known. */
static Draw
draw_for(const char *path)
{
    static const struct {
        const char *suffix;
        Draw draw;
    } kinds[] = { { ".svg", chart_svg }, { ".html", chart_html }, { ".htm", chart_html } };
    g_autofree char *lower = g_ascii_strdown(path, -1);

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_suffix(lower, kinds[i].suffix))
            return kinds[i].draw;
    }
    return NULL;
}

static void
free_trace(void *trace)
{
    trace_free(trace);
}

/* All of them, or NULL. */
static GPtrArray *
read_traces(const Common *common, char **words, vmmiError **err)
{
    GPtrArray *traces = g_ptr_array_new_with_free_func(free_trace);

    for (size_t i = 0; words[i]; i++) {
        Trace *trace = trace_open(common, words[i], err);

        if (!trace) {
            g_ptr_array_unref(traces);
            return NULL;
        }
        g_ptr_array_add(traces, trace);
    }
    trace_label_all(traces);
    return traces;
}

static int
write_picture(GPtrArray *traces, double until_ms, vmmiError **err)
{
    g_autofree char *text = NULL;

    for (guint i = 0; i < traces->len; i++) {
        const Trace *trace = g_ptr_array_index(traces, i);

        if (output_file_is(output, trace->path))
            return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                                "'%s' is one of the traces, and not written over", output);
    }
    trace_align_all(traces);
    text = draw_for(output)(traces, until_ms);
    return output_file_write(output, text, strlen(text), err);
}

static void
print_objects(const GPtrArray *traces)
{
    for (guint i = 0; i < traces->len; i++)
        report_object(trace_object(g_ptr_array_index(traces, i)));
}

static void
print_text(const GPtrArray *traces)
{
    Terminal terminal = terminal_look();
    const TraceTextStyle style = { terminal.moves ? terminal_width() : WIDTH_ELSEWHERE,
                                   terminal.unicode };
    g_autofree char *table = trace_text_table(traces, &style);

    for (guint i = 0; i < traces->len; i++) {
        g_autofree char *text = trace_text(g_ptr_array_index(traces, i), &style);

        printf("%s\n", text);
    }
    fputs(table, stdout);
}

static ExitCode
run_report(const Common *common, char **arguments)
{
    vmmiError *error = NULL;
    GPtrArray *traces;
    ExitCode code = EXIT_DONE;
    uint64_t until_ms = 0;
    double axis_ms;

    if (until && !output)
        return report_usage(common, "report", "--until needs -o: it is for what is drawn");
    if (until && !arguments_timeout(until, &until_ms))
        return report_usage(common, "report", "--until must be seconds, more than 0, not '%s'",
                            until);
    if (output && !draw_for(output))
        return report_usage(common, "report",
                            "-o needs a name that ends with .svg or .html, not '%s'", output);
    axis_ms = until ? (double)until_ms : INFINITY;
    traces = read_traces(common, arguments, &error);
    if (!traces || (output && write_picture(traces, axis_ms, &error) < 0))
        code = report_error(common, error, report_empty_object());
    else if (common->json)
        print_objects(traces);
    else if (!output)
        print_text(traces);
    if (traces)
        g_ptr_array_unref(traces);
    vmmiErrorFree(error);
    return code;
}

const Verb verb_report = {
    .name = "report",
    .arguments = "TRACE...",
    .summary = "recorded migrations as text, picture or page",
    .details =
        "TRACE is a file that --trace wrote, or a migration whose journal is meant. Shows the "
        "states, what remained, the rates,\n"
        "the downtime, and each action of the policy with its reason. Several traces (8 at most) "
        "are drawn over each other.\n"
        "The picture and the page are one file each, and need neither scripts nor the network.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = CHART_MAX_TRACES,
    .run = run_report,
};
