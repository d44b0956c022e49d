/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace.h: a recorded migration, as read for drawing and for replaying. A trace is a file of JSON
 * lines, or the journal of a record. Nothing in it is believed: all is bounded, and what is no
 * entry is skipped and counted.
 */
#ifndef VMMI_TOOL_TRACE_H
#define VMMI_TOOL_TRACE_H

#include "cmd.h"

/* docs/trace.md */
#define TRACE_FORMAT 1

#define TRACE_MAX_BYTES (256 << 20)
/* With its newline, as the journal has it. */
#define TRACE_MAX_LINE (64 * 1024)
#define TRACE_MAX_POINTS 200000
#define TRACE_MAX_STATES 10000
#define TRACE_MAX_ACTIONS 10000
#define TRACE_MAX_REASONS 10000

/* The figures that are drawn. */
typedef enum {
    TRACE_REMAINING = 0,    /* bytes */
    TRACE_DIRTY,            /* bytes a second */
    TRACE_DRAIN,            /* bytes a second */
    TRACE_LIMIT,            /* ms */
    TRACE_EXPECTED,         /* ms */
    TRACE_THROTTLE,         /* percent */
    TRACE_SERIES_LAST
} TraceSeries;

/* Times are ms since the first entry. */
typedef struct {
    double ms;
    double value[TRACE_SERIES_LAST];    /* NAN: unknown */
    bool single;                        /* no sample: one figure that is known from elsewhere */
} TracePoint;

typedef struct {
    double ms;
    vmmiState state;
} TraceState;

typedef struct {
    double ms;
    char *text;
} TraceReason;

typedef struct {
    double ms;              /* when it was decided */
    double done_ms;         /* when the result was known */
    char *kind;             /* "tune", "abort"... */
    char *what;             /* of a "tune"; NULL */
    double value;           /* NAN: none */
    char *text;             /* "downtime limit 150 ms" */
    char *reason, *result, *error;    /* NULL: none */
    bool foreign;           /* not the policy's own: the manager's, or the configuration's */
} TraceAction;

typedef struct {
    char *path;             /* the file that was read */
    char *word;             /* as the command line calls it */
    char *label;            /* what the picture calls it, unique: by trace_label_all() */
    char *guest, *uuid, *policy, *version, *replay_of;    /* NULL: unknown */
    json_t *start;          /* `data` of the first start; NULL: none */
    json_t *begin;          /* of the last `begin`: what the host was asked for; NULL: none */
    bool attached, shadow, simulated;
    uint64_t started_wall_ms;
    double length_ms;       /* to the last entry */
    bool aligned;           /* its times count from another trace's first entry */

    GArray *points;         /* of TracePoint */
    GArray *states;         /* of TraceState */
    GArray *reasons;        /* of TraceReason: what the policy said that it waits for */
    GPtrArray *actions;     /* of TraceAction */
    size_t more_actions;    /* that were not kept */
    size_t samples;         /* how many there were */
    vmmiSample *last;       /* the last figures; those of the end, if it has them. NULL: none */

    bool ended;
    double end_ms;
    char *outcome, *where, *evidence, *error, *course;    /* NULL: unknown */
    int error_code;
    double changed_ms;      /* of a replay: its figures mean nothing from then on; or INFINITY */

    size_t entries, skipped, first_skipped, lost;    /* lines; first_skipped counts from 1 */
    const char *skipped_why;
    uint64_t newer_format;  /* a version that is not known here; 0: none */

    /* While it is read. */
    uint64_t sequence, first_boottime_ms;
    size_t stride, passed;
} Trace;

/*
 * Reads a trace: @word is a file, else what open_record() takes. Returns: the trace, or NULL with
 * the file and the line that is at fault.
 */
Trace *trace_open(const Common *common, const char *word, vmmiError **err);
/* The same of a file. @guest: its name, if it is known from elsewhere; NULL. */
Trace *trace_read(const char *path, const char *guest, vmmiError **err);
/* The same of a text; @path: what to call it. */
Trace *trace_read_text(const char *text, size_t length, const char *path, vmmiError **err);
void trace_free(Trace *trace);
/* The path of @word's trace, absolute: a file, or a record's journal. @guest (out, optional). To
 * be freed; NULL with @err. */
char *trace_locate(const Common *common, const char *word, char **guest, vmmiError **err);
/* Gives each trace (of Trace) a short label that no other has. */
void trace_label_all(GPtrArray *traces);

/* Whether its decisions were not carried out: a replay, or a policy in shadow. */
bool trace_is_thought(const Trace *trace);

/* --- trace-align.c ---------------------------------------------------------------- */

/*
 * Of one migration under several policies, one in shadow or one that took over, the later ones get
 * their place behind the beginning of the first: all their times move.
 */
void trace_align_all(GPtrArray *traces);

/* --- trace-entry.c ---------------------------------------------------------------- */

/* Takes a line in. NULL: it is an entry; else why it is none, static. */
const char *trace_take_line(Trace *trace, const char *line, size_t length);

/* --- trace-facts.c ---------------------------------------------------------------- */

/* Figures of the whole; false: unknown. */
bool trace_total_ms(const Trace *trace, uint64_t *value);
bool trace_downtime_ms(const Trace *trace, uint64_t *value);
bool trace_data_bytes(const Trace *trace, uint64_t *value);
bool trace_iterations(const Trace *trace, uint64_t *value);
/* "completed", or that it has no end; static or the trace's. */
const char *trace_outcome(const Trace *trace);
/* One sentence for people on what is odd about it: no end, skipped lines; "" for nothing. To be
 * freed. */
char *trace_remarks(const Trace *trace);
/* "adaptive 0.1, simulated, shadow": who decided, and how. To be freed. */
char *trace_describe(const Trace *trace);
/* The start flags, with commas, and all the options, as JSON; NULL: unknown. To be freed. */
char *trace_flags(const Trace *trace);
char *trace_options(const Trace *trace);
/* What the policy said that it waited for at a time, the trace's; NULL: nothing. */
const char *trace_reason_at(const Trace *trace, double ms);
/* The whole as an object: all keys of an object about a migration, and the actions. */
json_t *trace_object(const Trace *trace);

#endif
