/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal-reader.c: following a journal that somebody else writes. Nothing in it is believed before
 * it was checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "message/json.h"
#include "plugin/journal.h"
#include "util/cleanup.h"
#include "util/error.h"

#define CHUNK 16384
/* How much one call reads: a plugin that floods its journal does not hold the manager up. */
#define BUDGET (256 * 1024)

struct vmmiJournalReader {
    int dir_fd;
    int fd;               /* -1: not there yet */
    GByteArray *pending;  /* read, not consumed */
    size_t scanned;       /* so much of it has no newline */
    bool skipping;        /* inside a line that is too long */
    bool more;
    uint64_t sequence;    /* of the last entry */
    uint64_t skipped;
};

void
vmmiJournalEntryFree(vmmiJournalEntry *entry)
{
    if (!entry)
        return;
    vmmiSampleFree(entry->sample);
    json_decref(entry->data);
    g_free(entry->reason);
    g_free(entry);
}

vmmiJournalReader *
vmmiJournalReaderNew(int job_dir_fd, vmmiError **err)
{
    int fd = fcntl(job_dir_fd, F_DUPFD_CLOEXEC, 3);
    vmmiJournalReader *reader;

    if (fd < 0) {
        vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot follow a journal");
        return NULL;
    }
    reader = g_new0(vmmiJournalReader, 1);
    reader->dir_fd = fd;
    reader->fd = -1;
    reader->pending = g_byte_array_new();
    return reader;
}

void
vmmiJournalReaderFree(vmmiJournalReader *reader)
{
    if (!reader)
        return;
    vmmiFdCleanup(&reader->fd);
    vmmiFdCleanup(&reader->dir_fd);
    g_byte_array_unref(reader->pending);
    g_free(reader);
}

bool
vmmiJournalReaderHasMore(const vmmiJournalReader *reader)
{
    return reader->more;
}

uint64_t
vmmiJournalReaderGetSkipped(const vmmiJournalReader *reader)
{
    return reader->skipped;
}

/* Returns 1 when the file is open, 0 when it is not there yet, -1 on failure. */
static int
open_file(vmmiJournalReader *reader, vmmiError **err)
{
    vmmi_autofd int fd = -1;
    struct stat st;

    if (reader->fd >= 0)
        return 1;
    fd = openat(reader->dir_fd, VMMI_JOURNAL_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot open the journal");
    if (!S_ISREG(st.st_mode))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "the journal is not a regular file");
    reader->fd = vmmiFdSteal(&fd);
    return 1;
}

/* Appends to .pending. Returns the number of bytes, 0 at the end of the file, -1 on failure. */
static ssize_t
read_chunk(vmmiJournalReader *reader, vmmiError **err)
{
    guint8 chunk[CHUNK];
    ssize_t got;

    do {
        got = read(reader->fd, chunk, sizeof(chunk));
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot read the journal");
    g_byte_array_append(reader->pending, chunk, (guint)got);
    return got;
}

static bool
read_kind(const json_t *object, vmmiJournalEntry *entry)
{
    const char *kind = "", *state = NULL, *reason = NULL;
    json_t *sample = json_object_get(object, "sample");

    if (!vmmiJsonGetString(object, "kind", &kind) || vmmiJournalKindFromString(kind) < 0)
        return false;
    entry->kind = (vmmiJournalKind)vmmiJournalKindFromString(kind);
    if (vmmiJsonGetString(object, "state", &state) && vmmiStateFromString(state) >= 0) {
        entry->has_state = true;
        entry->state = (vmmiState)vmmiStateFromString(state);
    }
    if (entry->kind == VMMI_JOURNAL_STATE && !entry->has_state)
        return false;
    if (entry->kind == VMMI_JOURNAL_SAMPLE) {
        if (!json_is_object(sample))
            return false;
        entry->sample = vmmiSampleFromJson(sample);
        vmmiJsonGetUInt(object, "iteration", &entry->iteration);
        if (vmmiJsonGetString(object, "reason", &reason))
            entry->reason = g_strdup(reason);
    }
    vmmiJsonGetUInt(object, "lost", &entry->lost);
    return true;
}

vmmiJournalEntry *
vmmiJournalEntryParse(const char *line, size_t length)
{
    g_autoptr(json_t) object = vmmiJsonParse(line, length, NULL, NULL);
    g_autoptr(vmmiJournalEntry) entry = g_new0(vmmiJournalEntry, 1);
    json_t *data = json_object_get(object, "data");

    if (!object || !vmmiJsonGetUInt(object, "seq", &entry->sequence) ||
        !vmmiJsonGetUInt(object, "timestampMs", &entry->timestamp_ms) ||
        !vmmiJsonGetUInt(object, "boottimeMs", &entry->boottime_ms) || !read_kind(object, entry))
        return NULL;
    if (json_is_object(data))
        entry->data = json_incref(data);
    return g_steal_pointer(&entry);
}

/* An entry, or NULL when the line is none, or one that was seen. */
static vmmiJournalEntry *
parse_line(vmmiJournalReader *reader, const char *line, size_t length)
{
    g_autoptr(vmmiJournalEntry) entry = vmmiJournalEntryParse(line, length);

    if (!entry || entry->sequence <= reader->sequence)
        return NULL;
    reader->sequence = entry->sequence;
    return g_steal_pointer(&entry);
}

static void
consume(vmmiJournalReader *reader, size_t length)
{
    g_byte_array_remove_range(reader->pending, 0, (guint)length);
    reader->scanned = 0;
}

/* Takes whole lines out of .pending until one is an entry. */
static vmmiJournalEntry *
take_entry(vmmiJournalReader *reader)
{
    while (reader->pending->len > reader->scanned) {
        const char *text = (const char *)reader->pending->data;
        const char *newline =
            memchr(text + reader->scanned, '\n', reader->pending->len - reader->scanned);
        size_t length = newline ? (size_t)(newline - text) : reader->pending->len;
        vmmiJournalEntry *entry = NULL;

        if (!newline && length < VMMI_JOURNAL_MAX_LINE && !reader->skipping) {
            reader->scanned = length;
            return NULL;
        }
        if (newline && !reader->skipping && length > 0) {
            entry = length < VMMI_JOURNAL_MAX_LINE ? parse_line(reader, text, length) : NULL;
            reader->skipped += entry ? 0 : 1;
        } else if (!newline && !reader->skipping) {
            reader->skipped++;
        }
        reader->skipping = !newline;
        consume(reader, newline ? length + 1 : length);
        if (entry)
            return entry;
    }
    return NULL;
}

int
vmmiJournalReaderNext(vmmiJournalReader *reader, vmmiJournalEntry **entry, vmmiError **err)
{
    size_t budget = BUDGET;
    int there = open_file(reader, err);
    ssize_t got;

    *entry = NULL;
    reader->more = false;
    if (there <= 0)
        return there;
    for (;;) {
        *entry = take_entry(reader);
        if (*entry)
            return 1;
        if (budget < CHUNK) {
            reader->more = true;
            return 0;
        }
        got = read_chunk(reader, err);
        if (got <= 0)
            return (int)got;
        budget -= CHUNK;
    }
}
