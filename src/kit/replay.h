/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * replay.h: a policy over a recorded migration: it gets the recorded states and samples at their
 * times, its timers fire in between, and what it decides is written down. Pure but for the journal
 * that it writes to: no process, no clock.
 *
 * Every action counts as done at once. From the first one on that the original did not take, the
 * samples are no longer what would have happened, and the result says so.
 */
#ifndef VMMI_KIT_REPLAY_H
#define VMMI_KIT_REPLAY_H

#include "kit/engine.h"
#include "kit/mode.h"
#include "kit/options.h"
#include "plugin/journal.h"

/* A policy that asks for more than this over a whole trace is broken. */
#define VMMI_REPLAY_MAX_ACTIONS 10000
#define VMMI_REPLAY_MAX_TIMERS 2000000
/* An action at another time than the original's is another action. */
#define VMMI_REPLAY_SAME_MS 1500

/* All borrowed for the call. */
typedef struct {
    const vmmiPolicy *policy;        /* a checked copy */
    const vmmiPolicyConfig *options; /* made of the policy's table */
    const char *plugin;              /* name of the executable */
    const char *path;                /* of the trace */
    const GPtrArray *entries;        /* of vmmiJournalEntry, in order; at least one */
} vmmiReplayOrder;

typedef struct {
    size_t actions;        /* that it decided on */
    bool changed;          /* the course would have been another */
    uint64_t changed_ms;   /* since when, on the trace's clock */
    char *course;          /* one sentence about that */
} vmmiReplayResult;

/*
 * Writes the trace of a replay (docs/trace.md) to @journal, whose clock becomes the trace's.
 * Returns 0; or -1 when the policy refuses its options or the start, breaks, or never comes to an
 * end.
 */
int vmmiReplayRun(const vmmiReplayOrder *order, vmmiJournal *journal, vmmiReplayResult *result,
                  vmmiError **err);
void vmmiReplayResultClear(vmmiReplayResult *result);

/* --- replay-course.c -------------------------------------------------------------- */

/* Something that a policy asked for, as far as it makes a difference. */
typedef struct {
    uint64_t at_ms; /* on the trace's clock */
    vmmiActionKind kind;
    vmmiTunable what;
    uint64_t value;
} vmmiReplayStep;

/* What the original did: an array of vmmiReplayStep. What it did not carry out (a shadow, a replay)
 * and what was not the policy's is left out. */
GArray *vmmiReplayOriginal(const GPtrArray *entries);
/* What its host was asked for, as the object `migration`. A new reference, perhaps empty. */
json_t *vmmiReplayMigration(const GPtrArray *entries);
/*
 * Compares. @before, @after: the objects `migration` as recorded and with what the policy chose.
 * @first_ms: the time of the first entry. Fills all of @result but .actions.
 */
void vmmiReplayCompare(const GArray *original, const GArray *replayed, const json_t *before,
                       const json_t *after, uint64_t first_ms, vmmiReplayResult *result);

/* --- replay-mode.c ---------------------------------------------------------------- */

/* The entries of a trace in order: an array of vmmiJournalEntry; what is no entry is left out. NULL
 * with VMMI_ERR_MESSAGE when there is none, or the format is a newer one. @path: for messages. */
GPtrArray *vmmiReplayParse(const char *text, size_t length, const char *path, vmmiError **err);
/* The mode: an order from standard input, a trace on standard output. */
int vmmiReplayMode(const vmmiKitModeCall *call, vmmiError **err);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiReplayResult, vmmiReplayResultClear)

#endif
