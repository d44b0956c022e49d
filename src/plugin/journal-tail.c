/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal-tail.c: what a journal says last, for a look at many records. Following one is
 * journal-reader.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/journal.h"
#include "util/cleanup.h"

/* Mostly enough; when it is not, all that may be read is. */
#define FIRST_BYTES (8 * 1024)

void
vmmiJournalTailClear(vmmiJournalTail *tail)
{
    vmmiSampleFree(tail->sample);
    memset(tail, 0, sizeof(*tail));
}

static int
open_journal(int job_dir_fd, uint64_t *size)
{
    vmmi_autofd int fd =
        openat(job_dir_fd, VMMI_JOURNAL_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return -1;
    *size = (uint64_t)st.st_size;
    return vmmiFdSteal(&fd);
}

static size_t
read_at(int fd, char *buffer, size_t length, uint64_t offset)
{
    size_t used = 0;

    while (used < length) {
        ssize_t got = pread(fd, buffer + used, length - used, (off_t)(offset + used));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    return used;
}

/* Returns: whether nothing more is looked for. */
static bool
take_line(vmmiJournalTail *tail, const char *line, size_t length)
{
    g_autoptr(vmmiJournalEntry) entry = length ? vmmiJournalEntryParse(line, length) : NULL;

    if (!entry)
        return false;
    tail->written = true;
    if (!tail->has_state && entry->has_state && !vmmiStateIsFinal(entry->state)) {
        tail->has_state = true;
        tail->state = entry->state;
    }
    if (!tail->sample)
        tail->sample = g_steal_pointer(&entry->sample);
    return tail->has_state && tail->sample;
}

/* Takes whole lines, the last one first. @whole: the text begins with the beginning of a line. */
static bool
take_lines(vmmiJournalTail *tail, const char *text, size_t length, bool whole)
{
    const char *end = memrchr(text, '\n', length);

    while (end) {
        const char *before = memrchr(text, '\n', (size_t)(end - text));
        const char *line = before ? before + 1 : text;

        if ((before || whole) && take_line(tail, line, (size_t)(end - line)))
            return true;
        end = before;
    }
    return false;
}

void
vmmiJournalReadTail(int job_dir_fd, vmmiJournalTail *tail)
{
    static const size_t lengths[] = { FIRST_BYTES, VMMI_JOURNAL_TAIL_BYTES };
    uint64_t size = 0;
    vmmi_autofd int fd = open_journal(job_dir_fd, &size);
    g_autofree char *buffer = NULL;

    memset(tail, 0, sizeof(*tail));
    if (fd < 0 || size == 0)
        return;
    buffer = g_malloc(VMMI_JOURNAL_TAIL_BYTES);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        size_t length = (size_t)MIN(size, lengths[i]);

        vmmiJournalTailClear(tail);
        length = read_at(fd, buffer, length, size - length);
        if (take_lines(tail, buffer, length, size <= lengths[i]) || size <= lengths[i])
            return;
    }
}
