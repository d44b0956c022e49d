/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-age.c: which records go, and which never do. The moment is chosen by the rows; the marks are
 * made by the real clock.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "plugin/job-age.h"
#include "plugin/job-private.h"
#include "plugin/job-process.h"
#include "support.h"
#include "util/file.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define OTHER_BOOT "11111111-2222-3333-4444-555555555555"
#define OUTCOME "{\"version\": 1, \"outcome\": \"completed\"}"
#define RESULT(kind) "{\"version\": 1, \"kind\": \"" kind "\", \"value\": 0}"

/* Cleans up so much later, by each clock; in another boot when @other_boot is set. */
static void
clean_later(const Fixture *fixture, int64_t wall, int64_t boottime, bool other_boot, size_t keep)
{
    vmmiAging aging = { .keep_ms = VMMI_KEEP_MS,
                        .keep = keep,
                        .grace_ms = VMMI_KEEP_ABANDONED_MS };
    g_autofree char *boot_id G_GNUC_UNUSED = vmmiMomentNow(&aging.now);

    aging.now.wall_ms = (uint64_t)((int64_t)aging.now.wall_ms + wall);
    aging.now.boottime_ms = (uint64_t)((int64_t)aging.now.boottime_ms + boottime);
    if (other_boot)
        aging.now.boot_id = OTHER_BOOT;
    vmmiRunDirCleanAt(fixture->run, &aging);
}

static void
write_file(const vmmiJob *job, const char *name, const char *text)
{
    g_assert_cmpint(vmmiFileReplaceAt(vmmiJobGetFd(job), name, text, strlen(text), 0600, NULL), ==,
                    0);
}

/* One that ended, was settled and acknowledged. */
static vmmiJob *
make_acknowledged(const Fixture *fixture, const char *uuid)
{
    vmmiJob *job = make_job(fixture, uuid);

    vmmiJobCommit(job);
    write_file(job, "result.json", RESULT("exited"));
    g_assert_cmpint(vmmiJobSettle(job, OUTCOME, strlen(OUTCOME), NULL), ==, 1);
    g_assert_cmpint(vmmiJobAcknowledge(job, NULL), ==, 0);
    return job;
}

/* --- by its age ------------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t wall, boottime;
    bool other_boot;
    bool goes;
} moments[] = {
    { "at-once", 0, 0, false, false },
    { "young", 7 * DAY - HOUR, 7 * DAY - HOUR, false, false },
    { "old", 7 * DAY + HOUR, 7 * DAY + HOUR, false, true },
    { "clock-ahead", 30 * DAY, 6 * DAY, false, false },
    { "clock-a-day-ahead", 7 * DAY + HOUR, 6 * DAY + HOUR, false, false },
    { "clock-behind", -30 * DAY, 8 * DAY, false, true },
    { "clock-a-day-behind", 6 * DAY + HOUR, 7 * DAY + HOUR, false, true },
    { "other-boot-young", 6 * DAY, 0, true, false },
    { "other-boot-old", 8 * DAY, 0, true, true },
    { "other-boot-long-up", 6 * DAY, 90 * DAY, true, false },
    { "other-boot-clock-back", -1 * DAY, 90 * DAY, true, false },
};

static void
test_moment(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job G_GNUC_UNUSED = make_acknowledged(fixture, UUID);

    clean_later(fixture, moments[row].wall, moments[row].boottime, moments[row].other_boot, 1000);
    g_assert_true(vmmiJobExists(fixture->run, UUID ".1") == !moments[row].goes);
}

/* A mark that does not say when: its inode tells, by the wall clock. */
static const struct {
    const char *name, *text;
    int64_t wall;
    bool goes;
} marks[] = {
    { "empty-young", "", 6 * DAY, false },
    { "empty-old", "", 8 * DAY, true },
    { "garbage-young", "hello", 6 * DAY, false },
    { "garbage-old", "{{", 8 * DAY, true },
    { "no-times", "{\"version\": 1}", 6 * DAY, false },
    { "newer", "{\"version\": 9, \"seenBy\": \"somebody\"}", 6 * DAY, false },
};

static void
test_mark(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_acknowledged(fixture, UUID);

    write_file(job, "acknowledged", marks[row].text);
    clean_later(fixture, marks[row].wall, 0, false, 1000);
    g_assert_true(vmmiJobExists(fixture->run, UUID ".1") == !marks[row].goes);
}

/* --- what never goes -------------------------------------------------------------- */

static void
keep_settled(vmmiJob *job)
{
    vmmiJobCommit(job);
    write_file(job, "result.json", RESULT("exited"));
    vmmiJobSettle(job, OUTCOME, strlen(OUTCOME), NULL);
}

static void
keep_unsettled(vmmiJob *job)
{
    vmmiJobCommit(job);
    write_file(job, "result.json", RESULT("exited"));
}

static void
keep_gone(vmmiJob *job)
{
    g_autofree char *boot_id = vmmiProcessBootId();
    g_autofree char *text = g_strdup_printf(
        "{\"version\": 1, \"pid\": 1, \"startTime\": 99999999999, \"bootId\": \"%s\"}", boot_id);

    vmmiJobCommit(job);
    write_file(job, "helper.json", text);
}

static void
keep_lost_at_boot(vmmiJob *job)
{
    vmmiJobCommit(job);
    write_file(job, "job.json",
               "{\"version\": 1, \"createdMs\": 1, \"bootId\": \"" OTHER_BOOT "\"}");
}

static void
keep_prepared(vmmiJob *job)
{
    g_assert_nonnull(job);
}

static void
keep_damaged(vmmiJob *job)
{
    vmmiJobCommit(job);
    write_file(job, "job.json", "{");
}

static void
keep_newer(vmmiJob *job)
{
    vmmiJobCommit(job);
    write_file(job, "job.json", "{\"version\": 2}");
}

static void
keep_marked_unsettled(vmmiJob *job)
{
    vmmiJobCommit(job);
    write_file(job, "result.json", RESULT("exited"));
    write_file(job, "acknowledged", "");
}

static void
keep_marked_by_link(vmmiJob *job)
{
    keep_settled(job);
    g_assert_cmpint(symlinkat("outcome.json", vmmiJobGetFd(job), "acknowledged"), ==, 0);
}

static void
keep_marked_by_directory(vmmiJob *job)
{
    keep_settled(job);
    g_assert_cmpint(mkdirat(vmmiJobGetFd(job), "acknowledged", 0700), ==, 0);
}

static void
keep_marked_but_held(vmmiJob *job)
{
    /* The maker's lock is still held. */
    write_file(job, "result.json", RESULT("exited"));
    write_file(job, "outcome.json", OUTCOME);
    write_file(job, "acknowledged", "");
}

static const struct {
    const char *name;
    void (*make)(vmmiJob *job);
} keepers[] = {
    { "settled", keep_settled },
    { "unsettled", keep_unsettled },
    { "gone", keep_gone },
    { "lost-at-boot", keep_lost_at_boot },
    { "prepared", keep_prepared },
    { "damaged", keep_damaged },
    { "newer", keep_newer },
    { "marked-unsettled", keep_marked_unsettled },
    { "marked-by-link", keep_marked_by_link },
    { "marked-by-directory", keep_marked_by_directory },
    { "marked-but-held", keep_marked_but_held },
};

static void
test_keeper(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);

    keepers[row].make(job);
    clean_later(fixture, 99 * DAY, 99 * DAY, false, 0);
    clean_later(fixture, 99 * DAY, 99 * DAY, true, 0);
    g_assert_true(vmmiJobExists(fixture->run, UUID ".1"));
}

/* While a shim lives it keeps the directory, whatever the files say. */
static void
test_shim(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_acknowledged(fixture, UUID);
    vmmi_autofd int fd = open(vmmiJobGetPath(job), O_RDONLY | O_DIRECTORY);

    g_assert_cmpint(flock(fd, LOCK_SH), ==, 0);
    clean_later(fixture, 99 * DAY, 99 * DAY, false, 0);
    g_assert_true(vmmiJobExists(fixture->run, UUID ".1"));
    vmmiFdCleanup(&fd);
    clean_later(fixture, 99 * DAY, 99 * DAY, false, 0);
    g_assert_false(vmmiJobExists(fixture->run, UUID ".1"));
}

static void
test_while_another_works(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job G_GNUC_UNUSED = make_acknowledged(fixture, UUID);
    vmmi_autofd int lock G_GNUC_UNUSED = vmmiRunDirLock(fixture->run, false, 0, NULL);

    clean_later(fixture, 99 * DAY, 99 * DAY, false, 0);
    g_assert_true(vmmiJobExists(fixture->run, UUID ".1"));
}

static void
test_read_only(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job G_GNUC_UNUSED = make_acknowledged(fixture, UUID);

    vmmiRunDirUnref(fixture->run);
    fixture->run = vmmiRunDirOpenReadOnly(fixture->path, NULL);
    clean_later(fixture, 99 * DAY, 99 * DAY, false, 0);
    g_assert_true(vmmiJobExists(fixture->run, UUID ".1"));
}

/* --- what never started ----------------------------------------------------------- */

static const struct {
    const char *name;
    const char *result;     /* NULL: abandoned */
    int64_t wall, boottime;
    bool goes;
} starters[] = {
    { "abandoned-young", NULL, HOUR / 2, HOUR / 2, false },
    { "abandoned-old", NULL, 2 * HOUR, 2 * HOUR, true },
    { "abandoned-clock-ahead", NULL, 30 * DAY, HOUR / 2, false },
    { "abandoned-clock-behind", NULL, -30 * DAY, 2 * HOUR, true },
    { "not-started-young", RESULT("not-started"), HOUR / 2, HOUR / 2, false },
    { "not-started-old", RESULT("not-started"), 2 * HOUR, 2 * HOUR, true },
    { "exited", RESULT("exited"), 99 * DAY, 99 * DAY, false },
    { "killed", RESULT("killed"), 99 * DAY, 99 * DAY, false },
};

static void
test_starter(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);

    vmmiJobCommit(job);
    if (starters[row].result)
        write_file(job, "result.json", starters[row].result);
    clean_later(fixture, starters[row].wall, starters[row].boottime, false, 1000);
    g_assert_true(vmmiJobExists(fixture->run, UUID ".1") == !starters[row].goes);
}

/* --- too many --------------------------------------------------------------------- */

/* The oldest go first: those of other boots before those of this one, whatever the clock was. */
static void
test_too_many(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const struct {
        uint64_t wall, boottime;
        bool other_boot;
    } when[] = {
        { 90, 20, false }, { 10, 90, true }, { 50, 60, false }, { 80, 40, false },
    };
    g_autofree char *boot_id = vmmiProcessBootId();
    vmmiAging aging = { .now = { 100, 100, boot_id }, .keep_ms = 1000, .keep = 2 };
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *left = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(when); i++) {
        g_autoptr(vmmiJob) job = make_acknowledged(fixture, UUID);
        g_autofree char *text = g_strdup_printf(
            "{\"version\": 1, \"acknowledgedMs\": %d, \"acknowledgedBoottimeMs\": %d, "
            "\"bootId\": \"%s\"}",
            (int)when[i].wall, (int)when[i].boottime,
            when[i].other_boot ? OTHER_BOOT : boot_id);

        write_file(job, "acknowledged", text);
    }
    vmmiRunDirCleanAt(fixture->run, &aging);
    left = list_names(jobs);
    g_assert_cmpstr(left, ==, UUID ".3 " UUID ".4");
}

/* Others are not counted. */
static void
test_not_too_many(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) seen G_GNUC_UNUSED = make_acknowledged(fixture, UUID);
    g_autoptr(vmmiJob) other = make_job(fixture, OTHER_UUID);

    keep_settled(other);
    clean_later(fixture, 0, 0, false, 1);
    g_assert_true(vmmiJobExists(fixture->run, UUID ".1"));
    g_assert_true(vmmiJobExists(fixture->run, OTHER_UUID ".1"));
}

/* --- what is left ----------------------------------------------------------------- */

static void
test_traces(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *guests = g_build_filename(fixture->path, "by-guest", NULL);
    g_autofree char *names = NULL;
    g_autofree char *claims = NULL;
    g_autoptr(vmmiJob) again = NULL;

    vmmiJobUnref(make_acknowledged(fixture, UUID));
    clean_later(fixture, 8 * DAY, 8 * DAY, false, 1000);
    names = list_names(jobs);
    claims = list_names(guests);
    g_assert_cmpstr(names, ==, "");
    g_assert_cmpstr(claims, ==, "");
    /* A claim that led to the old one would be taken for the new one's. */
    again = make_job(fixture, UUID);
    g_assert_cmpstr(vmmiJobGetId(again), ==, UUID ".1");
}

static void
test_mark_says_when(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_acknowledged(fixture, UUID);
    g_autofree char *boot_id = vmmiProcessBootId();
    g_autofree char *text = NULL;
    struct stat first, second;

    g_assert_cmpint(vmmiFileReadAt(vmmiJobGetFd(job), "acknowledged", 4096, true, &text, NULL,
                                   NULL),
                    ==, 0);
    g_assert_nonnull(strstr(text, boot_id));
    g_assert_nonnull(strstr(text, "\"acknowledgedMs\":"));
    g_assert_nonnull(strstr(text, "\"acknowledgedBoottimeMs\":"));
    /* Once more changes nothing. */
    g_assert_cmpint(fstatat(vmmiJobGetFd(job), "acknowledged", &first, 0), ==, 0);
    g_assert_cmpint(vmmiJobAcknowledge(job, NULL), ==, 0);
    g_assert_cmpint(fstatat(vmmiJobGetFd(job), "acknowledged", &second, 0), ==, 0);
    g_assert_true(first.st_ino == second.st_ino && first.st_mtime == second.st_mtime);
}

#define TEST(name, func) ADD_FIXTURE("/age/" name, func, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_FIXTURE_ROWS("/age/moment/", moments, test_moment);
    ADD_FIXTURE_ROWS("/age/mark/", marks, test_mark);
    TEST("mark/says-when", test_mark_says_when);
    ADD_FIXTURE_ROWS("/age/never/", keepers, test_keeper);
    TEST("never/shim-lives", test_shim);
    TEST("never/while-another-works", test_while_another_works);
    TEST("never/read-only", test_read_only);
    ADD_FIXTURE_ROWS("/age/never-started/", starters, test_starter);
    TEST("too-many", test_too_many);
    TEST("not-too-many", test_not_too_many);
    TEST("traces", test_traces);
    return g_test_run();
}
