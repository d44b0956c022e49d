/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-facts.c: what a trace says as a whole.
 */
#include "trace.h"

#include <math.h>
#include <string.h>

#include "report.h"

/* The first of the fields that is known. A replay has no figures of its own. */
static bool
either(const Trace *trace, vmmiSampleField first, vmmiSampleField second, uint64_t *value)
{
    return !trace->replay_of &&
           (vmmiSampleGet(trace->last, first, value) || vmmiSampleGet(trace->last, second, value));
}

bool
trace_total_ms(const Trace *trace, uint64_t *value)
{
    if (either(trace, VMMI_SAMPLE_ELAPSED_MS, VMMI_SAMPLE_ELAPSED_MS, value))
        return true;
    *value = (uint64_t)trace->length_ms;
    return trace->length_ms > 0 && !trace->replay_of;
}

bool
trace_downtime_ms(const Trace *trace, uint64_t *value)
{
    return trace->ended &&
           either(trace, VMMI_SAMPLE_DOWNTIME_FINAL_MS, VMMI_SAMPLE_DOWNTIME_NET_MS, value);
}

bool
trace_data_bytes(const Trace *trace, uint64_t *value)
{
    return either(trace, VMMI_SAMPLE_DATA_PROCESSED_BYTES, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES,
                  value);
}

bool
trace_iterations(const Trace *trace, uint64_t *value)
{
    return either(trace, VMMI_SAMPLE_ITERATION, VMMI_SAMPLE_ITERATION, value);
}

bool
trace_is_thought(const Trace *trace)
{
    return trace->shadow || trace->replay_of;
}

const char *
trace_outcome(const Trace *trace)
{
    if (trace->replay_of)
        return "replayed";
    if (!trace->ended)
        return "incomplete";
    return trace->outcome ? trace->outcome : "unknown";
}

char *
trace_remarks(const Trace *trace)
{
    GString *text = g_string_new(NULL);

    if (!trace->ended)
        g_string_append(text, "The trace has no end: its writer was killed, or still runs. ");
    if (trace->skipped)
        g_string_append_printf(text, "%zu line%s skipped, the first is line %zu: %s. ",
                               trace->skipped, trace->skipped == 1 ? " was" : "s were",
                               trace->first_skipped, trace->skipped_why);
    if (trace->lost)
        g_string_append_printf(text, "%zu entries were lost when they were written. ", trace->lost);
    if (!trace->samples)
        g_string_append(text, "It has no samples. ");
    if (trace->more_actions)
        g_string_append_printf(text, "%zu more actions are not shown. ", trace->more_actions);
    return g_strchomp(g_string_free(text, FALSE));
}

char *
trace_describe(const Trace *trace)
{
    GString *text = g_string_new(trace->policy ? trace->policy : "unknown policy");

    if (trace->version)
        g_string_append_printf(text, " %s", trace->version);
    if (trace->attached)
        g_string_append(text, ", attached");
    if (trace->shadow)
        g_string_append(text, ", shadow: its actions were not carried out");
    if (trace->simulated)
        g_string_append(text, ", simulated");
    if (trace->replay_of)
        g_string_append(text, ", replayed: only decisions, nothing was carried out");
    return g_string_free(text, FALSE);
}

char *
trace_flags(const Trace *trace)
{
    const json_t *flags = json_object_get(trace->begin ? trace->begin : trace->start, "flags");
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < json_array_size(flags); i++) {
        const char *flag = json_string_value(json_array_get(flags, i));

        if (flag)
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", flag);
    }
    return g_string_free(text, text->len == 0);
}

char *
trace_options(const Trace *trace)
{
    const json_t *options = json_object_get(trace->start, "options");

    return json_object_size(options) > 0 ? report_json_text(options) : NULL;
}

const char *
trace_reason_at(const Trace *trace, double ms)
{
    const char *text = NULL;

    for (guint i = 0; i < trace->reasons->len; i++) {
        const TraceReason *reason = &g_array_index(trace->reasons, TraceReason, i);

        if (reason->ms > ms)
            break;
        text = reason->text;
    }
    return text;
}

/* --- as an object ----------------------------------------------------------------- */

static void
set_text(json_t *object, const char *key, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    json_object_set_new(object, key, valid ? json_string(valid) : json_null());
}

static void
set_count(json_t *object, const char *key, bool known, uint64_t value)
{
    json_object_set_new(object, key,
                        known ? json_integer((json_int_t)MIN(value, INT64_MAX)) : json_null());
}

static json_t *
action_object(const TraceAction *action, size_t number)
{
    json_t *object = json_object();

    set_count(object, "number", true, number);
    set_count(object, "atMs", true, (uint64_t)action->ms);
    set_text(object, "action", action->kind);
    set_text(object, "what", action->what);
    set_count(object, "value", !isnan(action->value), (uint64_t)action->value);
    set_text(object, "reason", action->reason);
    set_text(object, "result", action->result);
    set_text(object, "error", action->error);
    return object;
}

static json_t *
action_array(const Trace *trace)
{
    json_t *array = json_array();

    for (guint i = 0; i < trace->actions->len; i++)
        json_array_append_new(array,
                              action_object(g_ptr_array_index(trace->actions, i), i + 1));
    return array;
}

static void
set_figures(json_t *object, const Trace *trace)
{
    uint64_t value = 0;
    bool known;

    known = trace_total_ms(trace, &value);
    set_count(object, "totalMs", known, value);
    known = trace_downtime_ms(trace, &value);
    set_count(object, "downtimeMs", known, value);
    known = trace_data_bytes(trace, &value);
    set_count(object, "dataBytes", known, value);
    known = trace_iterations(trace, &value);
    set_count(object, "iterations", known, value);
    known = vmmiSampleGet(trace->last, VMMI_SAMPLE_PERCENT, &value);
    set_count(object, "percent", known, value);
    set_count(object, "samples", true, trace->samples);
    set_count(object, "skippedLines", true, trace->skipped);
    set_count(object, "firstSkippedLine", trace->skipped > 0, trace->first_skipped);
}

json_t *
trace_object(const Trace *trace)
{
    json_t *object = report_empty_object();
    const TraceState *last =
        trace->states->len
            ? &g_array_index(trace->states, TraceState, trace->states->len - 1)
            : NULL;

    set_text(object, "trace", trace->path);
    set_text(object, "guest", trace->guest);
    set_text(object, "uuid", trace->uuid);
    set_text(object, "plugin", trace->policy);
    set_text(object, "version", trace->version);
    set_text(object, "state", last ? vmmiStateToString(last->state) : NULL);
    set_text(object, "outcome", trace->outcome);
    set_text(object, "where", trace->where);
    json_object_set_new(object, "complete", json_boolean(trace->ended));
    json_object_set_new(object, "shadow", json_boolean(trace->shadow));
    json_object_set_new(object, "simulated", json_boolean(trace->simulated));
    set_text(object, "replayOf", trace->replay_of);
    set_text(object, "course", trace->course);
    set_figures(object, trace);
    json_object_set_new(object, "actions", action_array(trace));
    if (trace->error)
        json_object_set_new(object, "error",
                            json_pack("{s:i, s:s, s:s}", "code", trace->error_code, "message",
                                      trace->error, "details", ""));
    return object;
}
