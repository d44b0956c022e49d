/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-entry.c: one line of a trace (docs/trace.md): checked, and taken in.
 */
#include "trace.h"

#include <math.h>
#include <string.h>

#include "figures.h"

/* A number that can be drawn; NAN: there is none. */
static double
number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double number = json_is_number(value) ? json_number_value(value) : NAN;

    return number >= 0 && number <= 1e18 ? number : NAN;
}

static bool
count_at(const json_t *object, const char *key, uint64_t *count)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *count = (uint64_t)json_integer_value(value);
    return true;
}

static char *
text_at(const json_t *object, const char *key)
{
    return g_strdup(json_string_value(json_object_get(object, key)));
}

static void
keep_text(char **text, const json_t *object, const char *key)
{
    if (!*text)
        *text = text_at(object, key);
}

/* --- start and end ---------------------------------------------------------------- */

static void
take_start(Trace *trace, json_t *data)
{
    const json_t *guest = json_object_get(data, "guest");
    uint64_t version;

    if (count_at(data, "formatVersion", &version) && version > TRACE_FORMAT)
        trace->newer_format = version;
    if (!trace->start)
        trace->start = json_incref(data);
    keep_text(&trace->guest, guest, "name");
    keep_text(&trace->uuid, guest, "uuid");
    keep_text(&trace->policy, data, "policy");
    keep_text(&trace->version, data, "version");
    keep_text(&trace->replay_of, data, "replayOf");
    trace->attached = trace->attached || json_is_true(json_object_get(data, "attached"));
    trace->shadow = trace->shadow || json_is_true(json_object_get(data, "shadow"));
    trace->simulated = trace->simulated || json_is_true(json_object_get(data, "simulated"));
}

static vmmiSample *
read_sample(const json_t *object)
{
    vmmiSample *sample = vmmiSampleNew();

    for (int field = 0; field < VMMI_SAMPLE_LAST; field++) {
        uint64_t value;

        if (count_at(object, vmmiSampleFieldToString((vmmiSampleField)field), &value))
            vmmiSampleSet(sample, (vmmiSampleField)field, value);
    }
    return sample;
}

static void
set_last(Trace *trace, const json_t *figures)
{
    vmmiSampleFree(trace->last);
    trace->last = read_sample(figures);
}

/* What is known but by a sample: what the statistics say is left, the limit that was just set. */
static void
add_single(Trace *trace, TraceSeries series, double value, double ms)
{
    TracePoint point = { .ms = ms, .single = true };

    for (size_t i = 0; i < TRACE_SERIES_LAST; i++)
        point.value[i] = NAN;
    point.value[series] = value;
    if (!isnan(value) && trace->points->len && trace->points->len < TRACE_MAX_POINTS)
        g_array_append_val(trace->points, point);
}

static void
take_end(Trace *trace, const json_t *data, double ms)
{
    const json_t *statistics = json_object_get(data, "statistics");
    const json_t *error = json_object_get(data, "error");
    uint64_t changed;

    trace->ended = true;
    trace->end_ms = ms;
    keep_text(&trace->outcome, data, "outcome");
    keep_text(&trace->where, data, "where");
    keep_text(&trace->evidence, data, "evidence");
    keep_text(&trace->error, error, "message");
    trace->error_code = (int)json_integer_value(json_object_get(error, "code"));
    keep_text(&trace->course, data, "course");
    if (count_at(data, "changedBoottimeMs", &changed))
        trace->changed_ms =
            changed > trace->first_boottime_ms ? (double)(changed - trace->first_boottime_ms) : 0;
    if (json_object_size(statistics) == 0)
        return;
    set_last(trace, statistics);
    add_single(trace, TRACE_REMAINING, number_at(statistics, "memoryRemainingBytes"), ms);
}

/* --- samples ---------------------------------------------------------------------- */

/* Keeps every second point, and of what comes. */
static void
thin(Trace *trace)
{
    for (guint i = 0; i < trace->points->len / 2; i++)
        g_array_index(trace->points, TracePoint, i) =
            g_array_index(trace->points, TracePoint, 2 * i);
    g_array_set_size(trace->points, trace->points->len / 2);
    trace->stride *= 2;
}

static double
dirty_rate(const json_t *sample)
{
    double bytes = number_at(sample, "dirtyBytesPerSecond");

    if (!isnan(bytes))
        return bytes;
    return number_at(sample, "dirtyPagesPerSecond") * number_at(sample, "pageSizeBytes");
}

static void
add_point(Trace *trace, const json_t *sample, double ms)
{
    TracePoint point = { .ms = ms };

    point.value[TRACE_REMAINING] = number_at(sample, "memoryRemainingBytes");
    if (isnan(point.value[TRACE_REMAINING]))
        point.value[TRACE_REMAINING] = number_at(sample, "dataRemainingBytes");
    point.value[TRACE_DIRTY] = dirty_rate(sample);
    point.value[TRACE_DRAIN] = number_at(sample, "memoryBytesPerSecond");
    point.value[TRACE_LIMIT] = number_at(sample, "downtimeLimitMs");
    point.value[TRACE_EXPECTED] = number_at(sample, "downtimeExpectedMs");
    point.value[TRACE_THROTTLE] = number_at(sample, "throttlePercent");
    if (trace->passed++ % trace->stride)
        return;
    if (trace->points->len >= TRACE_MAX_POINTS)
        thin(trace);
    g_array_append_val(trace->points, point);
}

static void
take_reason(Trace *trace, const json_t *entry, double ms)
{
    const char *text = json_string_value(json_object_get(entry, "reason"));
    TraceReason reason = { .ms = ms };

    if (!text || trace->reasons->len >= TRACE_MAX_REASONS)
        return;
    reason.text = g_strdup(text);
    g_array_append_val(trace->reasons, reason);
}

/* --- actions ---------------------------------------------------------------------- */

static char *
tune_text(const char *what, double value)
{
    g_autofree char *bytes = NULL;

    if (isnan(value))
        return g_strdup(what ? what : "tune");
    if (g_strcmp0(what, "downtimeMs") == 0)
        return g_strdup_printf("downtime limit %.0f ms", value);
    if (g_strcmp0(what, "bandwidthMibPerSecond") == 0)
        return g_strdup_printf("bandwidth %.0f MiB/s", value);
    if (g_strcmp0(what, "postcopyBandwidthMibPerSecond") == 0)
        return g_strdup_printf("post-copy bandwidth %.0f MiB/s", value);
    if (g_strcmp0(what, "xbzrleCacheBytes") != 0)
        return g_strdup_printf("%s %.0f", what ? what : "tune", value);
    bytes = figures_bytes((uint64_t)value);
    return g_strdup_printf("XBZRLE cache %s", bytes);
}

static char *
action_text(const char *kind, const char *what, double value)
{
    static const char *const names[][2] = {
        { "start-postcopy", "start post-copy" },
        { "suspend", "suspend the guest" },
        { "resume", "resume the guest" },
        { "abort", "abort" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_strcmp0(kind, names[i][0]) == 0)
            return g_strdup(names[i][1]);
    }
    return !kind || strcmp(kind, "tune") == 0 ? tune_text(what, value) : g_strdup(kind);
}

static void
take_action(Trace *trace, const json_t *data, double done_ms)
{
    TraceAction *action;
    uint64_t id = 0, decided = 0;

    if (trace->actions->len >= TRACE_MAX_ACTIONS) {
        trace->more_actions++;
        return;
    }
    action = g_new0(TraceAction, 1);
    action->ms = action->done_ms = done_ms;
    if (count_at(data, "decidedBoottimeMs", &decided) && decided >= trace->first_boottime_ms)
        action->ms = MIN((double)(decided - trace->first_boottime_ms), done_ms);
    action->kind = text_at(data, "action");
    action->what = text_at(data, "what");
    action->value = number_at(data, "value");
    action->text = action_text(action->kind, action->what, action->value);
    action->reason = text_at(data, "reason");
    action->result = text_at(data, "result");
    action->error = text_at(data, "error");
    action->foreign = !count_at(data, "id", &id) || id == 0;
    g_ptr_array_add(trace->actions, action);
    if (g_strcmp0(action->what, "downtimeMs") == 0 && g_strcmp0(action->result, "done") == 0)
        add_single(trace, TRACE_LIMIT, action->value, done_ms);
}

/* --- lines ------------------------------------------------------------------------ */

/* Entries are in order; a clock that goes back stands still. */
static double
time_of(Trace *trace, uint64_t boottime_ms)
{
    if (trace->entries == 0)
        trace->first_boottime_ms = boottime_ms;
    if (boottime_ms > trace->first_boottime_ms)
        trace->length_ms = MAX(trace->length_ms, (double)(boottime_ms - trace->first_boottime_ms));
    return trace->length_ms;
}

static void
take_sample(Trace *trace, const json_t *entry, double ms)
{
    const json_t *sample = json_object_get(entry, "sample");

    trace->samples++;
    add_point(trace, sample, ms);
    take_reason(trace, entry, ms);
    if (!trace->ended)
        set_last(trace, sample);
}

static void
take_state(Trace *trace, const json_t *entry, json_t *data, double ms)
{
    const char *name = json_string_value(json_object_get(entry, "state"));
    TraceState state = { ms, (vmmiState)vmmiStateFromString(name) };

    if (state.state == VMMI_STATE_BEGIN && json_is_object(data)) {
        json_decref(trace->begin);
        trace->begin = json_incref(data);
    }
    if (trace->states->len < TRACE_MAX_STATES)
        g_array_append_val(trace->states, state);
}

static void
take_kind(Trace *trace, const json_t *entry, const char *kind, double ms)
{
    json_t *data = json_object_get(entry, "data");

    if (strcmp(kind, "start") == 0)
        take_start(trace, data);
    else if (strcmp(kind, "action") == 0)
        take_action(trace, data, ms);
    else if (strcmp(kind, "end") == 0)
        take_end(trace, data, ms);
    else if (strcmp(kind, "sample") == 0)
        take_sample(trace, entry, ms);
    else if (strcmp(kind, "state") == 0)
        take_state(trace, entry, data, ms);
}

/* NULL: the kind has what it needs. */
static const char *
check_kind(const json_t *entry, const char *kind)
{
    const char *state = json_string_value(json_object_get(entry, "state"));

    if (!kind)
        return "it has no 'kind'";
    if (strcmp(kind, "sample") == 0 && !json_is_object(json_object_get(entry, "sample")))
        return "a sample without 'sample', an object";
    if (strcmp(kind, "state") == 0 && (!state || vmmiStateFromString(state) < 0))
        return "its 'state' is none that is known";
    return NULL;
}

static const char *
take_object(Trace *trace, const json_t *entry)
{
    const char *kind = json_string_value(json_object_get(entry, "kind")), *why;
    uint64_t sequence, wall_ms, boottime_ms, lost;

    if (!json_is_object(entry))
        return "it is not an object";
    if (!count_at(entry, "seq", &sequence) || !count_at(entry, "timestampMs", &wall_ms) ||
        !count_at(entry, "boottimeMs", &boottime_ms))
        return "it has no 'seq', 'timestampMs' and 'boottimeMs' that are numbers";
    why = check_kind(entry, kind);
    if (why)
        return why;
    if (sequence <= trace->sequence)
        return "its 'seq' is not larger than the one before";
    trace->sequence = sequence;
    if (trace->entries == 0)
        trace->started_wall_ms = wall_ms;
    if (count_at(entry, "lost", &lost) && lost < UINT32_MAX)
        trace->lost += lost;
    take_kind(trace, entry, kind, time_of(trace, boottime_ms));
    trace->entries++;
    return NULL;
}

const char *
trace_take_line(Trace *trace, const char *line, size_t length)
{
    json_t *entry;
    const char *why;

    if (length >= TRACE_MAX_LINE)
        return "it is longer than 64 KiB";
    entry = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    why = entry ? take_object(trace, entry) : "it is not JSON";
    json_decref(entry);
    return why;
}
