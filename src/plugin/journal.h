/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.h: what a kit plugin writes down while it works, and how a manager follows it.
 *
 * One JSON object a line: {"seq", "timestampMs", "boottimeMs", "kind", ...}; docs/run-directory.md
 * lists the keys. One writer, any number of readers, in other processes. The reader trusts nothing:
 * it skips lines that are no entries, and waits for the rest of a line that is not whole yet.
 *
 * The journal of a migration is its trace (docs/trace.md). The same lines can go to a file of the
 * user's as well, or to that alone, also with another clock. What stands in `data` is made by
 * kit/trace.h.
 */
#ifndef VMMI_PLUGIN_JOURNAL_H
#define VMMI_PLUGIN_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-sample.h>
#include <libvmmi/vmmi-state.h>

#define VMMI_JOURNAL_NAME "journal"
/* Longest line with its newline; what is longer is not written, and skipped when read. */
#define VMMI_JOURNAL_MAX_LINE (64 * 1024)

typedef enum {
    VMMI_JOURNAL_START = 0,   /* .data: what the plugin says of itself */
    VMMI_JOURNAL_STATE,       /* .state, .data */
    VMMI_JOURNAL_SAMPLE,      /* .sample */
    VMMI_JOURNAL_ACTION,      /* .data: what the policy did, when, why, and what came of it */
    VMMI_JOURNAL_END          /* .data: outcome, where, evidence, statistics */
} vmmiJournalKind;
#define VMMI_JOURNAL_KIND_LAST (VMMI_JOURNAL_END + 1)
const char *vmmiJournalKindToString(vmmiJournalKind kind);
int vmmiJournalKindFromString(const char *name);

/*
 * --- writing
 * ----------------------------------------------------------------------------------------------
 */

typedef struct vmmiJournal vmmiJournal;

/*
 * Opens the journal of a job directory for appending, makes it if needed. NULL on failure,
 * VMMI_ERR_SYSTEM.
 */
vmmiJournal *vmmiJournalOpen(int job_dir_fd, vmmiError **err);
void vmmiJournalFree(vmmiJournal *journal);

/*
 * A journal without a job's directory. @fd is taken over: a regular file, a pipe, or -1 for none
 * yet (vmmiJournalAddFile()). No entry is thinned out.
 */
vmmiJournal *vmmiJournalNew(int fd);
/*
 * From now on the same lines go to @fd as well, which is taken over: none is thinned out there. A
 * regular file is made empty. A line that it does not take is lost, and harms nothing else.
 */
void vmmiJournalAddFile(vmmiJournal *journal, int fd);
/* How many lines the file lost so far. */
uint64_t vmmiJournalGetLost(const vmmiJournal *journal);
/* Milliseconds; both times of an entry are taken from it. NULL: the real ones. */
typedef uint64_t (*vmmiJournalClock)(void *opaque);
void vmmiJournalSetClock(vmmiJournal *journal, vmmiJournalClock clock, void *opaque);

/*
 * Each call appends one line in one write. On failure (no space: VMMI_ERR_SYSTEM) the entry is lost
 * and the journal can still be used: the next entry starts a new line and says how many were lost;
 * each of them had a number.
 * @data is an object or NULL, borrowed. A journal of NULL takes everything and does nothing.
 * Samples are thinned in a very long journal; the other kinds never. Return 0 or -1: it is in
 * neither place, or not in the job's.
 */
int vmmiJournalAddStart(vmmiJournal *journal, json_t *data, vmmiError **err);
int vmmiJournalAddState(vmmiJournal *journal, vmmiState state, json_t *data, vmmiError **err);
/* @iteration 0: not known. @reason: what the policy waits for, NULL: as before. */
int vmmiJournalAddSample(vmmiJournal *journal, const vmmiSample *sample, uint64_t iteration,
                         const char *reason, vmmiError **err);
int vmmiJournalAddAction(vmmiJournal *journal, json_t *data, vmmiError **err);
int vmmiJournalAddEnd(vmmiJournal *journal, json_t *data, vmmiError **err);

/*
 * A sample as an object with the names of vmmiSampleFieldToString(), and back; what is unknown is
 * left out. New references.
 */
json_t *vmmiSampleToJson(const vmmiSample *sample);
vmmiSample *vmmiSampleFromJson(const json_t *object);

/*
 * --- reading
 * ----------------------------------------------------------------------------------------------
 */

typedef struct {
    vmmiJournalKind kind;
    uint64_t sequence;
    uint64_t timestamp_ms;
    uint64_t boottime_ms;
    bool has_state;       /* always with a VMMI_JOURNAL_STATE, mostly with a VMMI_JOURNAL_SAMPLE */
    vmmiState state;
    vmmiSample *sample;   /* of a VMMI_JOURNAL_SAMPLE, else NULL */
    uint64_t iteration;   /* the same; the pass that has begun, 0: not known */
    char *reason;         /* the same; what the policy waits for, NULL: as before */
    uint64_t lost;        /* so many lines right before this one were lost */
    json_t *data;         /* an object, or NULL */
} vmmiJournalEntry;
void vmmiJournalEntryFree(vmmiJournalEntry *entry);
/* An entry of one line without its newline, or NULL when it is none. Its number is not judged. */
vmmiJournalEntry *vmmiJournalEntryParse(const char *line, size_t length);

typedef struct vmmiJournalReader vmmiJournalReader;

/*
 * Follows the journal of a job directory (the descriptor is duplicated); the file need not be there
 * yet.
 */
vmmiJournalReader *vmmiJournalReaderNew(int job_dir_fd, vmmiError **err);
void vmmiJournalReaderFree(vmmiJournalReader *reader);
/*
 * The next entry. Returns: 1 with @entry (to be freed), 0 when there is no whole one yet, -1 when
 * the file cannot be read at all (VMMI_ERR_BAD_PATH). Reads a bounded amount a call: see
 * vmmiJournalReaderHasMore().
 */
int vmmiJournalReaderNext(vmmiJournalReader *reader, vmmiJournalEntry **entry, vmmiError **err);
/*
 * Whether 0 was returned because there was too much to skip: call again soon, without waiting for
 * inotify.
 */
bool vmmiJournalReaderHasMore(const vmmiJournalReader *reader);
/* How many lines were no entries so far. */
uint64_t vmmiJournalReaderGetSkipped(const vmmiJournalReader *reader);

/* The end of a journal, for a look without following it. */
#define VMMI_JOURNAL_TAIL_BYTES (64 * 1024)
typedef struct {
    bool written;         /* there is a journal, with something in it */
    bool has_state;       /* .state: the last one that is not final */
    vmmiState state;
    vmmiSample *sample;   /* the last one, or NULL */
} vmmiJournalTail;
/*
 * Reads the last VMMI_JOURNAL_TAIL_BYTES at most, in whatever state they are. A journal that is
 * missing or cannot be read has an empty tail.
 */
void vmmiJournalReadTail(int job_dir_fd, vmmiJournalTail *tail);
void vmmiJournalTailClear(vmmiJournalTail *tail);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiJournalTail, vmmiJournalTailClear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiJournal, vmmiJournalFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiJournalReader, vmmiJournalReaderFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiJournalEntry, vmmiJournalEntryFree)

#endif
