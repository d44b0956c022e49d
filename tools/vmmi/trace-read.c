/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-read.c: finding a trace, and reading it line by line. What a line says is trace-entry.c.
 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "open.h"

#define LONGEST_LABEL 24

static void
reason_clear(void *reason)
{
    g_free(((TraceReason *)reason)->text);
}

static void
action_free(void *data)
{
    TraceAction *action = data;

    g_free(action->kind);
    g_free(action->what);
    g_free(action->text);
    g_free(action->reason);
    g_free(action->result);
    g_free(action->error);
    g_free(action);
}

static Trace *
trace_new(const char *path)
{
    Trace *trace = g_new0(Trace, 1);

    trace->path = g_strdup(path);
    trace->changed_ms = INFINITY;
    trace->points = g_array_new(FALSE, FALSE, sizeof(TracePoint));
    trace->states = g_array_new(FALSE, FALSE, sizeof(TraceState));
    trace->reasons = g_array_new(FALSE, FALSE, sizeof(TraceReason));
    g_array_set_clear_func(trace->reasons, reason_clear);
    trace->actions = g_ptr_array_new_with_free_func(action_free);
    trace->stride = 1;
    return trace;
}

void
trace_free(Trace *trace)
{
    char **texts[] = { &trace->path,    &trace->word,    &trace->label,     &trace->guest,
                       &trace->uuid,    &trace->policy,  &trace->version,   &trace->replay_of,
                       &trace->outcome, &trace->where,   &trace->evidence,  &trace->error,
                       &trace->course };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(*texts[i]);
    json_decref(trace->start);
    json_decref(trace->begin);
    g_array_unref(trace->points);
    g_array_unref(trace->states);
    g_array_unref(trace->reasons);
    g_ptr_array_unref(trace->actions);
    vmmiSampleFree(trace->last);
    g_free(trace);
}

/* --- reading ---------------------------------------------------------------------- */

/* Returns: the descriptor, or -1. */
static int
open_file(const char *path, vmmiError **err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    struct stat status;

    if (fd < 0)
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' cannot be opened: %s", path,
                            g_strerror(errno));
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= TRACE_MAX_BYTES)
        return fd;
    if (S_ISREG(status.st_mode))
        vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' has %" PRIu64 " MiB, the limit is %d", path,
                     (uint64_t)status.st_size >> 20, TRACE_MAX_BYTES >> 20);
    else
        vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' is not a regular file", path);
    close(fd);
    return -1;
}

static void
take_line(Trace *trace, const char *line, size_t length, size_t number)
{
    const char *why = length ? trace_take_line(trace, line, length) : NULL;

    if (!why)
        return;
    if (trace->skipped++ == 0) {
        trace->first_skipped = number;
        trace->skipped_why = why;
    }
}

/* All whole lines, and what stands behind the last newline: a killed writer leaves that. */
static void
take_lines(Trace *trace, const char *text, size_t length)
{
    size_t number = 0;

    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline ? (size_t)(newline - text) : length;

        take_line(trace, text, line, ++number);
        text += newline ? line + 1 : line;
        length -= newline ? line + 1 : line;
    }
}

/* Returns: the whole file, to be freed, or NULL. A file that grows meanwhile is cut. */
static char *
read_file(int fd, const char *path, size_t *length, vmmiError **err)
{
    GString *text = g_string_new(NULL);
    char chunk[65536];
    ssize_t got = 1;

    while (got > 0 && text->len < TRACE_MAX_BYTES) {
        got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            g_string_append_len(text, chunk, got);
    }
    if (got < 0) {
        vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' cannot be read: %s", path, g_strerror(errno));
        g_string_free(text, TRUE);
        return NULL;
    }
    *length = text->len;
    return g_string_free(text, FALSE);
}

/* A file without a single entry is no trace. */
static int
check(const Trace *trace, vmmiError **err)
{
    if (trace->newer_format)
        return vmmiErrorSet(err, VMMI_ERR_MESSAGE,
                            "'%s' is a trace of format %" PRIu64 ", and format %d is known here",
                            trace->path, trace->newer_format, TRACE_FORMAT);
    if (trace->entries)
        return 0;
    if (trace->skipped)
        return vmmiErrorSet(err, VMMI_ERR_MESSAGE, "'%s' is not a trace: line %zu: %s",
                            trace->path, trace->first_skipped, trace->skipped_why);
    return vmmiErrorSet(err, VMMI_ERR_MESSAGE, "'%s' is empty, and no trace", trace->path);
}

Trace *
trace_read_text(const char *text, size_t length, const char *path, vmmiError **err)
{
    Trace *trace = trace_new(path);

    take_lines(trace, text, length);
    if (check(trace, err) == 0)
        return trace;
    trace_free(trace);
    return NULL;
}

Trace *
trace_read(const char *path, const char *guest, vmmiError **err)
{
    int fd = open_file(path, err);
    g_autofree char *text = NULL;
    size_t length = 0;
    Trace *trace;

    if (fd < 0)
        return NULL;
    text = read_file(fd, path, &length, err);
    close(fd);
    if (!text)
        return NULL;
    trace = trace_read_text(text, length, path, err);
    if (trace && !trace->guest)
        trace->guest = g_strdup(guest);
    return trace;
}

/* --- finding ---------------------------------------------------------------------- */

/* The journal of a record. */
static char *
locate_record(const Common *common, const char *word, char **guest, vmmiError **err)
{
    Opened opened = { .common = common };
    char *path = NULL;

    if (open_record(&opened, common, word, err) == 0) {
        path = g_build_filename(vmmiRecordGetDirectory(opened.record), "journal", NULL);
        if (access(path, F_OK) < 0) {
            vmmiErrorSet(err, VMMI_ERR_STATE, "migration '%s' has no journal: %s",
                         vmmiRecordGetId(opened.record),
                         errno == ENOENT ? "its plugin keeps none" : g_strerror(errno));
            g_clear_pointer(&path, g_free);
        } else if (guest) {
            *guest = g_strdup(vmmiRecordGetGuestName(opened.record));
        }
    }
    open_clear(&opened);
    return path;
}

char *
trace_locate(const Common *common, const char *word, char **guest, vmmiError **err)
{
    if (access(word, F_OK) == 0)
        return g_canonicalize_filename(word, NULL);
    if (strchr(word, '/') || errno != ENOENT) {
        vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' cannot be opened: %s", word, g_strerror(errno));
        return NULL;
    }
    return locate_record(common, word, guest, err);
}

Trace *
trace_open(const Common *common, const char *word, vmmiError **err)
{
    g_autofree char *guest = NULL, *path = trace_locate(common, word, &guest, err);
    Trace *trace = path ? trace_read(path, guest, err) : NULL;

    if (trace)
        trace->word = g_strdup(word);
    return trace;
}

/* --- labels ----------------------------------------------------------------------- */

static bool
is_taken(const GPtrArray *traces, guint count, const char *label)
{
    for (guint i = 0; i < count; i++) {
        if (g_strcmp0(((const Trace *)g_ptr_array_index(traces, i))->label, label) == 0)
            return true;
    }
    return false;
}

/* The policy, or the file: long names are cut. */
static char *
first_choice(const Trace *trace)
{
    g_autofree char *base = g_path_get_basename(trace->word ? trace->word : trace->path);
    g_autofree char *name = g_utf8_make_valid(trace->policy && *trace->policy ? trace->policy
                                                                               : base, -1);

    if (g_utf8_strlen(name, -1) > LONGEST_LABEL)
        *g_utf8_offset_to_pointer(name, LONGEST_LABEL) = '\0';
    if (trace_is_thought(trace))
        return g_strdup_printf("%s (%s)", name, trace->replay_of ? "replay" : "shadow");
    return g_steal_pointer(&name);
}

void
trace_label_all(GPtrArray *traces)
{
    for (guint i = 0; i < traces->len; i++) {
        Trace *trace = g_ptr_array_index(traces, i);
        g_autofree char *name = first_choice(trace);

        g_free(trace->label);
        trace->label = g_strdup(name);
        for (unsigned int n = 2; is_taken(traces, i, trace->label); n++) {
            g_free(trace->label);
            trace->label = g_strdup_printf("%s #%u", name, n);
        }
    }
}
