/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-journal.c: what is written can be read; what a stranger writes harms nobody.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "plugin/journal.h"
#include "support.h"

typedef struct {
    char *path;
    int fd;
    vmmiJournalReader *reader;
} Place;

static void
set_up(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    place->path = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    place->reader = vmmiJournalReaderNew(place->fd, NULL);
}

static void
tear_down(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    vmmiJournalReaderFree(place->reader);
    close(place->fd);
    remove_tree(place->path);
    g_free(place->path);
}

static void
add_text(const Place *place, const char *text, size_t length)
{
    vmmi_autofd int fd =
        openat(place->fd, "journal", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    g_assert_cmpint(write(fd, text, length), ==, (ssize_t)length);
}

static vmmiJournalEntry *
next(const Place *place)
{
    vmmiJournalEntry *entry = NULL;
    g_autoptr(vmmiError) error = NULL;
    int got;

    do {
        got = vmmiJournalReaderNext(place->reader, &entry, &error);
    } while (got == 0 && vmmiJournalReaderHasMore(place->reader));
    g_assert_cmpint(got, >=, 0);
    return entry;
}

static void
test_round_trip(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJournal) journal = NULL;
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(json_t) object = json_pack("{s:s, s:i}", "action", "set-downtime", "value", 300);
    uint64_t value = 0;

    g_assert_null(next(place));   /* not there yet */
    journal = vmmiJournalOpen(place->fd, NULL);
    vmmiSampleSet(sample, VMMI_SAMPLE_ITERATION, 0);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, UINT64_C(1) << 40);
    g_assert_cmpint(vmmiJournalAddStart(journal, NULL, NULL), ==, 0);
    g_assert_cmpint(vmmiJournalAddState(journal, VMMI_STATE_POSTCOPY_BROKEN, object, NULL), ==, 0);
    g_assert_cmpint(vmmiJournalAddSample(journal, sample, 0, NULL, NULL), ==, 0);
    g_assert_cmpint(vmmiJournalAddAction(journal, object, NULL), ==, 0);
    g_assert_cmpint(vmmiJournalAddEnd(journal, object, NULL), ==, 0);
    for (int kind = VMMI_JOURNAL_START; kind <= VMMI_JOURNAL_END; kind++) {
        g_autoptr(vmmiJournalEntry) entry = next(place);

        g_assert_nonnull(entry);
        g_assert_cmpint(entry->kind, ==, kind);
        g_assert_cmpuint(entry->sequence, ==, (uint64_t)kind + 1);
        g_assert_cmpuint(entry->timestamp_ms, >, 0);
        g_assert_cmpuint(entry->boottime_ms, >, 0);
        g_assert_true((entry->sample != NULL) == (kind == VMMI_JOURNAL_SAMPLE));
        if (kind == VMMI_JOURNAL_STATE)
            g_assert_cmpint(entry->state, ==, VMMI_STATE_POSTCOPY_BROKEN);
        if (kind >= VMMI_JOURNAL_ACTION)
            g_assert_true(json_equal(entry->data, object));
        if (entry->sample) {
            g_assert_true(vmmiSampleGet(entry->sample, VMMI_SAMPLE_ITERATION, &value));
            g_assert_cmpuint(value, ==, 0);
            g_assert_true(vmmiSampleGet(entry->sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, &value));
            g_assert_cmpuint(value, ==, UINT64_C(1) << 40);
            g_assert_false(vmmiSampleGet(entry->sample, VMMI_SAMPLE_PERCENT, NULL));
        }
    }
    g_assert_null(next(place));
    g_assert_cmpuint(vmmiJournalReaderGetSkipped(place->reader), ==, 0);
}

static void
test_nobody(Place *place G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(vmmiJournalAddStart(NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(vmmiJournalAddState(NULL, VMMI_STATE_PRECOPY, NULL, NULL), ==, 0);
    g_assert_cmpint(vmmiJournalAddSample(NULL, NULL, 0, NULL, NULL), ==, 0);
    g_assert_cmpint(vmmiJournalAddEnd(NULL, NULL, NULL), ==, 0);
}

/* Numbers go on when the journal is opened again, and a torn line does not swallow the next one. */
static void
test_reopen(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    for (uint64_t i = 1; i <= 3; i++) {
        g_autoptr(vmmiJournal) journal = vmmiJournalOpen(place->fd, NULL);
        g_autoptr(vmmiJournalEntry) entry = NULL;

        g_assert_cmpint(vmmiJournalAddStart(journal, NULL, NULL), ==, 0);
        add_text(place, "{\"torn", 6);
        entry = next(place);
        g_assert_nonnull(entry);
        if (entry)
            g_assert_cmpuint(entry->sequence, ==, i);
    }
    g_assert_cmpuint(vmmiJournalReaderGetSkipped(place->reader), ==, 2);
}

static void
test_too_long(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJournal) journal = vmmiJournalOpen(place->fd, NULL);
    g_autofree char *text = g_strnfill(VMMI_JOURNAL_MAX_LINE, 'x');
    g_autoptr(json_t) object = json_pack("{s:s}", "text", text);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiJournalEntry) entry = NULL;

    g_assert_cmpint(vmmiJournalAddAction(journal, object, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    g_assert_cmpint(vmmiJournalAddEnd(journal, NULL, NULL), ==, 0);
    entry = next(place);
    g_assert_nonnull(entry);
    g_assert_cmpint(entry->kind, ==, VMMI_JOURNAL_END);
}

#define GOOD(n) "{\"seq\": " #n ", \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"start\"}\n"

static const struct {
    const char *name;
    const char *text;
    unsigned int entries;
    unsigned int skipped;
} rows[] = {
    { "good", GOOD(1) GOOD(2), 2, 0 },
    { "empty-lines", "\n\n" GOOD(1) "\n", 1, 0 },
    { "partial", GOOD(1) "{\"seq\": 2, \"timesta", 1, 0 },
    { "garbage", "garbage\n" GOOD(1) "\x01\x02\xff\n" GOOD(2), 2, 2 },
    { "array", "[]\n" GOOD(1), 1, 1 },
    { "two-objects", "{} {}\n" GOOD(1), 1, 1 },
    { "no-kind", "{\"seq\": 1, \"timestampMs\": 1, \"boottimeMs\": 2}\n" GOOD(1), 1, 1 },
    { "unknown-kind",
      "{\"seq\": 1, \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"x\"}\n" GOOD(2), 1, 1 },
    { "no-sequence", "{\"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"start\"}\n" GOOD(1), 1,
      1 },
    { "negative",
      "{\"seq\": -1, \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"start\"}\n" GOOD(1), 1, 1 },
    { "repeated", GOOD(1) GOOD(1) GOOD(2), 2, 1 },
    { "backwards", GOOD(7) GOOD(3) GOOD(8), 2, 1 },
    { "unknown-state",
      "{\"seq\": 1, \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"state\", \"state\": "
      "\"x\"}\n" GOOD(2),
      1, 1 },
    { "sample-is-text",
      "{\"seq\": 1, \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"sample\", \"sample\": "
      "\"x\"}\n" GOOD(2),
      1, 1 },
    { "unknown-figure",
      "{\"seq\": 1, \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"sample\", \"sample\": "
      "{\"x\": 1, \"percent\": \"2\", \"iteration\": -3}}\n",
      1, 0 },
    { "data-is-text",
      "{\"seq\": 1, \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"end\", \"data\": 5}\n", 1,
      0 },
    { "more-keys",
      "{\"seq\": 1, \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"end\", \"new\": {}}\n", 1,
      0 },
    { "windows", "{\"seq\": 1, \"timestampMs\": 1, \"boottimeMs\": 2, \"kind\": \"end\"}\r\n", 1,
      0 },
};

static void
test_hostile(Place *place, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiJournalEntry *entry;
    unsigned int entries = 0;

    add_text(place, rows[row].text, strlen(rows[row].text));
    for (; (entry = next(place)); entries++)
        vmmiJournalEntryFree(entry);
    g_assert_cmpuint(entries, ==, rows[row].entries);
    g_assert_cmpuint(vmmiJournalReaderGetSkipped(place->reader), ==, rows[row].skipped);
}

/* The same text a byte at a time gives the same entries. */
static void
test_bytes(Place *place, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    unsigned int entries = 0;

    for (const char *byte = rows[row].text; *byte; byte++) {
        vmmiJournalEntry *entry;

        add_text(place, byte, 1);
        for (; (entry = next(place)); entries++)
            vmmiJournalEntryFree(entry);
    }
    g_assert_cmpuint(entries, ==, rows[row].entries);
    g_assert_cmpuint(vmmiJournalReaderGetSkipped(place->reader), ==, rows[row].skipped);
}

/* A line of megabytes is skipped in bounded steps and without being kept. */
static void
test_endless_line(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *block = g_strnfill(1 << 20, 'x');
    g_autoptr(vmmiJournalEntry) entry = NULL;
    unsigned int calls = 0;
    int got;

    for (int i = 0; i < 4; i++)
        add_text(place, block, 1 << 20);
    add_text(place, "\n" GOOD(1), strlen("\n" GOOD(1)));
    do {
        got = vmmiJournalReaderNext(place->reader, &entry, NULL);
        calls++;
    } while (got == 0 && vmmiJournalReaderHasMore(place->reader));
    g_assert_cmpint(got, ==, 1);
    g_assert_cmpuint(calls, >, 4);
    g_assert_cmpuint(vmmiJournalReaderGetSkipped(place->reader), ==, 1);
}

static void
test_truncated(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *path = g_build_filename(place->path, "journal", NULL);
    g_autoptr(vmmiJournalEntry) entry = NULL;

    add_text(place, GOOD(1), strlen(GOOD(1)));
    entry = next(place);
    g_assert_nonnull(entry);
    g_assert_cmpint(truncate(path, 0), ==, 0);
    g_assert_null(next(place));
}

static void
make_link(const Place *place)
{
    g_assert_cmpint(symlinkat("/etc/passwd", place->fd, "journal"), ==, 0);
}

static void
make_fifo(const Place *place)
{
    g_assert_cmpint(mkfifoat(place->fd, "journal", 0600), ==, 0);
}

static void
make_directory(const Place *place)
{
    g_assert_cmpint(mkdirat(place->fd, "journal", 0700), ==, 0);
}

static const struct {
    const char *name;
    void (*make)(const Place *place);
} files[] = {
    { "link", make_link },
    { "fifo", make_fifo },
    { "directory", make_directory },
};

static void
test_file(Place *place, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiJournalEntry *entry = NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiError) write_error = NULL;

    files[row].make(place);
    g_assert_cmpint(vmmiJournalReaderNext(place->reader, &entry, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_BAD_PATH);
    g_assert_null(vmmiJournalOpen(place->fd, &write_error));
    g_assert_cmpint(vmmiErrorGetCode(write_error), ==, VMMI_ERR_SYSTEM);
}

/* No space: entries are lost, one by one; when there is room again the next one is whole. */
static int
run_on_full_disk(const Place *place)
{
    g_autoptr(vmmiJournal) journal = NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiJournalEntry) entry = NULL;
    g_autofree char *text = g_strnfill(600, 'x');
    g_autoptr(json_t) object = json_pack("{s:s}", "text", text);
    uint64_t last = 0;
    int fd, filler;

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", place->path, "tmpfs", 0, "size=64k,mode=0700") < 0)
        return 77;
    fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    filler = openat(fd, "filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    journal = vmmiJournalOpen(fd, NULL);
    if (fallocate(filler, 0, 0, 32768) < 0)
        return 2;
    while (vmmiJournalAddAction(journal, object, &error) == 0)
        last++;
    if (vmmiErrorGetCode(error) != VMMI_ERR_SYSTEM || ftruncate(filler, 0) < 0 ||
        vmmiJournalAddEnd(journal, NULL, NULL) < 0)
        return 3;
    {
        g_autoptr(vmmiJournalReader) reader = vmmiJournalReaderNew(fd, NULL);

        for (uint64_t i = 0; i <= last; i++) {
            g_clear_pointer(&entry, vmmiJournalEntryFree);
            if (vmmiJournalReaderNext(reader, &entry, NULL) != 1)
                return 4;
        }
    }
    /* The lost one had a number, too. */
    if (entry->kind != VMMI_JOURNAL_END || entry->sequence != last + 2)
        return 5;
    return entry->lost == 1 ? 0 : 6;
}

static void
test_full_disk(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0)
        _exit(run_on_full_disk(place));
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_test_skip("a file system of its own needs root");
    else
        g_assert_cmpint(status, ==, 0);
}

/* A journal of many megabytes takes no more samples, but everything else. */
static void
test_thinned(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJournal) journal = NULL;
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    struct stat before, after;

    add_text(place, GOOD(1), strlen(GOOD(1)));
    {
        g_autofree char *path = g_build_filename(place->path, "journal", NULL);

        g_assert_cmpint(truncate(path, 65 << 20), ==, 0);
    }
    journal = vmmiJournalOpen(place->fd, NULL);
    g_assert_cmpint(fstatat(place->fd, "journal", &before, 0), ==, 0);
    g_assert_cmpint(vmmiJournalAddSample(journal, sample, 0, NULL, NULL), ==, 0);
    g_assert_cmpint(fstatat(place->fd, "journal", &after, 0), ==, 0);
    g_assert_cmpint(after.st_size, ==, before.st_size);
    g_assert_cmpint(vmmiJournalAddState(journal, VMMI_STATE_COMPLETED, NULL, NULL), ==, 0);
    g_assert_cmpint(fstatat(place->fd, "journal", &after, 0), ==, 0);
    g_assert_cmpint(after.st_size, >, before.st_size);
}

#define TEST(name, func) g_test_add("/journal/" name, Place, NULL, set_up, func, tear_down)
#define ADD_PLACE_ROWS(prefix, table, func) \
    ADD_ROWS_WITH(Place, set_up, tear_down, "/journal/" prefix "/", table, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    TEST("round-trip", test_round_trip);
    TEST("nobody", test_nobody);
    TEST("reopen", test_reopen);
    TEST("too-long", test_too_long);
    ADD_PLACE_ROWS("hostile", rows, test_hostile);
    ADD_PLACE_ROWS("bytes", rows, test_bytes);
    TEST("endless-line", test_endless_line);
    TEST("truncated", test_truncated);
    ADD_PLACE_ROWS("file", files, test_file);
    TEST("full-disk", test_full_disk);
    TEST("thinned", test_thinned);
    return g_test_run();
}
