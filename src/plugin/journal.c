/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.c: writing the journal, and its vocabulary. Reading is journal-reader.c.
 */
#include "plugin/journal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "message/json.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/enum-table.h"
#include "util/error.h"

/*
 * Beyond the first size samples are kept this far apart, beyond the last none is kept: memory may
 * be what holds the file.
 */
static const struct {
    uint64_t size;
    uint64_t interval_ms;
} thinning[] = {
    { UINT64_C(8) << 20, 5000 },
    { UINT64_C(32) << 20, 60000 },
    { UINT64_C(64) << 20, UINT64_MAX },
};

static const char *const kind_names[] = { "start", "state", "sample", "action", "end" };
VMMI_ENUM_IMPL(vmmiJournalKind, vmmiJournalKind, VMMI_JOURNAL_KIND_LAST, kind_names);

struct vmmiJournal {
    int fd;
    uint64_t sequence;         /* of the last entry */
    uint64_t size;
    uint64_t last_sample_ms;   /* boot time */
    bool torn;                 /* the last line may have no end */
    vmmiState state;           /* the last one; it stands in samples too, for who reads the tail */
};

json_t *
vmmiSampleToJson(const vmmiSample *sample)
{
    json_t *object = json_object();

    for (int field = 0; field < VMMI_SAMPLE_LAST; field++) {
        uint64_t value;

        if (vmmiSampleGet(sample, (vmmiSampleField)field, &value) && value <= INT64_MAX)
            json_object_set_new(object, vmmiSampleFieldToString((vmmiSampleField)field),
                                json_integer((json_int_t)value));
    }
    return object;
}

vmmiSample *
vmmiSampleFromJson(const json_t *object)
{
    vmmiSample *sample = vmmiSampleNew();

    for (int field = 0; field < VMMI_SAMPLE_LAST; field++) {
        uint64_t value;

        if (vmmiJsonGetUInt(object, vmmiSampleFieldToString((vmmiSampleField)field), &value))
            vmmiSampleSet(sample, (vmmiSampleField)field, value);
    }
    return sample;
}

/* Numbers go on behind what is there: readers take none twice. */
static uint64_t
last_sequence(int job_dir_fd)
{
    g_autoptr(vmmiJournalReader) reader = vmmiJournalReaderNew(job_dir_fd, NULL);
    vmmiJournalEntry *entry = NULL;
    uint64_t last = 0;

    while (reader &&
           (vmmiJournalReaderNext(reader, &entry, NULL) > 0 || vmmiJournalReaderHasMore(reader))) {
        last = entry ? entry->sequence : last;
        g_clear_pointer(&entry, vmmiJournalEntryFree);
    }
    return last;
}

vmmiJournal *
vmmiJournalOpen(int job_dir_fd, vmmiError **err)
{
    vmmi_autofd int fd =
        openat(job_dir_fd, VMMI_JOURNAL_NAME,
               O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    vmmiJournal *journal;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, fd < 0 ? errno : EINVAL, "cannot open the journal");
        return NULL;
    }
    journal = g_new0(vmmiJournal, 1);
    journal->fd = vmmiFdSteal(&fd);
    journal->size = (uint64_t)st.st_size;
    journal->torn = st.st_size > 0;
    journal->sequence = journal->torn ? last_sequence(job_dir_fd) : 0;
    return journal;
}

void
vmmiJournalFree(vmmiJournal *journal)
{
    if (!journal)
        return;
    vmmiFdCleanup(&journal->fd);
    g_free(journal);
}

/* One write: readers see a line whole, or know that it is not whole yet. */
static int
write_line(vmmiJournal *journal, const char *line, size_t length, vmmiError **err)
{
    ssize_t put;

    do {
        put = write(journal->fd, line, length);
    } while (put < 0 && errno == EINTR);
    if (put > 0)
        journal->size += (uint64_t)put;
    if (put == (ssize_t)length) {
        journal->torn = false;
        return 0;
    }
    journal->torn = journal->torn || put > 0;
    return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, put < 0 ? errno : ENOSPC,
                             "cannot write to the journal");
}

/* Takes @entry over. */
static int
append(vmmiJournal *journal, vmmiJournalKind kind, json_t *entry, vmmiError **err)
{
    g_autoptr(json_t) owned G_GNUC_UNUSED = entry;
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;

    json_object_set_new(entry, "seq", json_integer((json_int_t)(journal->sequence + 1)));
    json_object_set_new(entry, "timestampMs", json_integer((json_int_t)vmmiClockWallMs()));
    json_object_set_new(entry, "boottimeMs", json_integer((json_int_t)vmmiClockBoottimeMs()));
    json_object_set_new(entry, "kind", json_string(vmmiJournalKindToString(kind)));
    text = vmmiJsonWrite(entry, false);
    line = g_strconcat(journal->torn ? "\n" : "", text, "\n", NULL);
    if (strlen(line) > VMMI_JOURNAL_MAX_LINE)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "a '%s' for the journal has %zu bytes, the limit is %d",
                            vmmiJournalKindToString(kind), strlen(line), VMMI_JOURNAL_MAX_LINE);
    if (write_line(journal, line, strlen(line), err) < 0)
        return -1;
    journal->sequence++;
    return 0;
}

static json_t *
with_data(json_t *data)
{
    return data ? json_pack("{s:O}", "data", data) : json_object();
}

int
vmmiJournalAddStart(vmmiJournal *journal, json_t *data, vmmiError **err)
{
    return journal ? append(journal, VMMI_JOURNAL_START, with_data(data), err) : 0;
}

int
vmmiJournalAddState(vmmiJournal *journal, vmmiState state, json_t *data, vmmiError **err)
{
    json_t *entry;

    if (!journal)
        return 0;
    journal->state = state;
    entry = with_data(data);
    json_object_set_new(entry, "state", json_string(vmmiStateToString(state)));
    return append(journal, VMMI_JOURNAL_STATE, entry, err);
}

static bool
is_thinned(const vmmiJournal *journal, uint64_t now)
{
    uint64_t interval = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(thinning); i++) {
        if (journal->size >= thinning[i].size)
            interval = thinning[i].interval_ms;
    }
    return interval && now - journal->last_sample_ms < interval;
}

int
vmmiJournalAddSample(vmmiJournal *journal, const vmmiSample *sample, vmmiError **err)
{
    uint64_t now = vmmiClockBoottimeMs();
    json_t *entry;

    if (!journal || is_thinned(journal, now))
        return 0;
    entry = json_pack("{s:s, s:o}", "state", vmmiStateToString(journal->state), "sample",
                      vmmiSampleToJson(sample));
    if (append(journal, VMMI_JOURNAL_SAMPLE, entry, err) < 0)
        return -1;
    journal->last_sample_ms = now;
    return 0;
}

int
vmmiJournalAddAction(vmmiJournal *journal, json_t *data, vmmiError **err)
{
    return journal ? append(journal, VMMI_JOURNAL_ACTION, with_data(data), err) : 0;
}

int
vmmiJournalAddEnd(vmmiJournal *journal, json_t *data, vmmiError **err)
{
    return journal ? append(journal, VMMI_JOURNAL_END, with_data(data), err) : 0;
}
