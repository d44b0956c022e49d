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

/* One of the files that a journal goes to. */
typedef struct {
    int fd;                    /* -1: there is none */
    uint64_t size;
    bool torn;                 /* the last line may have no end */
    uint64_t lost;             /* lines that it did not take, and no later one told */
    uint64_t lost_ever;
} Place;

struct vmmiJournal {
    Place job;                 /* in a job's directory */
    Place file;                /* the user's */
    uint64_t sequence;         /* of the last entry */
    uint64_t last_sample_ms;   /* boot time */
    vmmiState state;           /* the last one; it stands in samples too, for who reads the tail */
    vmmiJournalClock clock;    /* NULL: the real ones */
    void *clock_opaque;
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
    journal = vmmiJournalNew(-1);
    journal->job.fd = vmmiFdSteal(&fd);
    journal->job.size = (uint64_t)st.st_size;
    journal->job.torn = st.st_size > 0;
    journal->sequence = journal->job.torn ? last_sequence(job_dir_fd) : 0;
    return journal;
}

vmmiJournal *
vmmiJournalNew(int fd)
{
    vmmiJournal *journal = g_new0(vmmiJournal, 1);

    journal->job.fd = -1;
    journal->file.fd = fd;
    return journal;
}

void
vmmiJournalAddFile(vmmiJournal *journal, int fd)
{
    struct stat st;

    vmmiFdCleanup(&journal->file.fd);
    journal->file = (Place){ .fd = fd };
    /* What cannot be made empty is written behind what is there. */
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        journal->file.torn = ftruncate(fd, 0) < 0;
}

uint64_t
vmmiJournalGetLost(const vmmiJournal *journal)
{
    return journal ? journal->file.lost_ever : 0;
}

void
vmmiJournalSetClock(vmmiJournal *journal, vmmiJournalClock clock, void *opaque)
{
    journal->clock = clock;
    journal->clock_opaque = opaque;
}

void
vmmiJournalFree(vmmiJournal *journal)
{
    if (!journal)
        return;
    vmmiFdCleanup(&journal->job.fd);
    vmmiFdCleanup(&journal->file.fd);
    g_free(journal);
}

/* One write: readers see a line whole, or know that it is not whole yet. */
static int
write_line(Place *place, const char *line, size_t length, vmmiError **err)
{
    ssize_t put;

    do {
        put = write(place->fd, line, length);
    } while (put < 0 && errno == EINTR);
    if (put > 0)
        place->size += (uint64_t)put;
    if (put == (ssize_t)length) {
        place->torn = false;
        place->lost = 0;
        return 0;
    }
    place->torn = place->torn || put > 0;
    return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, put < 0 ? errno : ENOSPC,
                             "cannot write to the journal");
}

static int
put_entry(Place *place, const char *kind, json_t *entry, vmmiError **err)
{
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;
    int result = -1;

    if (place->lost)
        json_object_set_new(entry, "lost", json_integer((json_int_t)place->lost));
    else
        json_object_del(entry, "lost");
    text = vmmiJsonWrite(entry, false);
    line = g_strconcat(place->torn ? "\n" : "", text, "\n", NULL);
    if (strlen(line) > VMMI_JOURNAL_MAX_LINE)
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                     "a '%s' for the journal has %zu bytes, the limit is %d", kind, strlen(line),
                     VMMI_JOURNAL_MAX_LINE);
    else
        result = write_line(place, line, strlen(line), err);
    if (result < 0) {
        place->lost++;
        place->lost_ever++;
    }
    return result;
}

static uint64_t
boottime_of(const vmmiJournal *journal)
{
    return journal->clock ? journal->clock(journal->clock_opaque) : vmmiClockBoottimeMs();
}

/* Takes @entry over. @thinned: the job's directory does without it. */
static int
append(vmmiJournal *journal, vmmiJournalKind kind, json_t *entry, bool thinned, vmmiError **err)
{
    g_autoptr(json_t) owned G_GNUC_UNUSED = entry;
    const char *name = vmmiJournalKindToString(kind);
    uint64_t boottime = boottime_of(journal);
    uint64_t wall = journal->clock ? boottime : vmmiClockWallMs();
    bool kept = journal->job.fd >= 0 && !thinned;
    int result = 0;

    json_object_set_new(entry, "seq", json_integer((json_int_t)++journal->sequence));
    json_object_set_new(entry, "timestampMs", json_integer((json_int_t)wall));
    json_object_set_new(entry, "boottimeMs", json_integer((json_int_t)boottime));
    json_object_set_new(entry, "kind", json_string(name));
    if (kept)
        result = put_entry(&journal->job, name, entry, err);
    if (journal->file.fd >= 0 &&
        put_entry(&journal->file, name, entry, kept ? NULL : err) < 0 && !kept)
        result = -1;
    return result;
}

static json_t *
with_data(json_t *data)
{
    return data ? json_pack("{s:O}", "data", data) : json_object();
}

int
vmmiJournalAddStart(vmmiJournal *journal, json_t *data, vmmiError **err)
{
    return journal ? append(journal, VMMI_JOURNAL_START, with_data(data), false, err) : 0;
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
    return append(journal, VMMI_JOURNAL_STATE, entry, false, err);
}

static bool
is_thinned(const vmmiJournal *journal, uint64_t now)
{
    uint64_t interval = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(thinning); i++) {
        if (journal->job.size >= thinning[i].size)
            interval = thinning[i].interval_ms;
    }
    return interval && now - journal->last_sample_ms < interval;
}

int
vmmiJournalAddSample(vmmiJournal *journal, const vmmiSample *sample, uint64_t iteration,
                     const char *reason, vmmiError **err)
{
    uint64_t now = journal ? boottime_of(journal) : 0;
    bool thinned = journal && is_thinned(journal, now);
    json_t *entry;

    if (!journal || (thinned && journal->file.fd < 0))
        return 0;
    entry = json_pack("{s:s, s:o}", "state", vmmiStateToString(journal->state), "sample",
                      vmmiSampleToJson(sample));
    if (iteration)
        json_object_set_new(entry, "iteration", json_integer((json_int_t)iteration));
    if (reason)
        json_object_set_new(entry, "reason", json_string(reason));
    if (append(journal, VMMI_JOURNAL_SAMPLE, entry, thinned, err) < 0)
        return -1;
    if (!thinned)
        journal->last_sample_ms = now;
    return 0;
}

int
vmmiJournalAddAction(vmmiJournal *journal, json_t *data, vmmiError **err)
{
    return journal ? append(journal, VMMI_JOURNAL_ACTION, with_data(data), false, err) : 0;
}

int
vmmiJournalAddEnd(vmmiJournal *journal, json_t *data, vmmiError **err)
{
    return journal ? append(journal, VMMI_JOURNAL_END, with_data(data), false, err) : 0;
}
