/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-rundir.c: run directories in disorder (row R9): refused or reported, nothing is followed and
 * nobody hangs. As the user of the tests, and as one without privileges.
 *
 * Each row spoils one thing beside a record that is in order. What a link would lead to is a
 * valid record, so that a link that is followed shows.
 */
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "../unit/migration/records.h"

#define NOBODY 65534
#define PATIENCE_S 30
#define SETTLED OUTCOME("completed", "destination")

typedef enum { LINK, DANGLING, FIFO, DEVICE, DIRECTORY, HUGE_FILE, EMPTY } Kind;

/* Puts something else in the place of a file below the run directory. */
static void
spoil(const char *path, const char *truth, Kind kind)
{
    vmmi_autofd int fd = -1;

    switch (kind) {
    case LINK:
        g_assert_cmpint(symlink(truth, path), ==, 0);
        break;
    case DANGLING:
        g_assert_cmpint(symlink("/no/such/file", path), ==, 0);
        break;
    case FIFO:
        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        break;
    case DEVICE:
        if (mknod(path, S_IFCHR | 0600, makedev(1, 5)) < 0)
            g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        break;
    case DIRECTORY:
        g_assert_cmpint(mkdir(path, 0700), ==, 0);
        break;
    default:
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        g_assert_cmpint(fd, >=, 0);
        if (kind == HUGE_FILE)
            g_assert_cmpint(ftruncate(fd, INT64_C(1) << 33), ==, 0);
    }
}

static const struct {
    const char *name;
    const char *file;      /* in the job's directory; NULL: the directory itself */
    Kind kind;
    const char *message;   /* of a record that cannot be read; NULL: it is read without that file */
} rows[] = {
    { "job-is-link", NULL, LINK, UUID ".1" },
    { "job-is-dangling", NULL, DANGLING, UUID ".1" },
    { "job-is-fifo", NULL, FIFO, UUID ".1" },
    { "job-is-device", NULL, DEVICE, UUID ".1" },
    { "job-is-file", NULL, EMPTY, UUID ".1" },
    { "record-is-link", "job.json", LINK, "job.json" },
    { "record-is-dangling", "job.json", DANGLING, "job.json" },
    { "record-is-fifo", "job.json", FIFO, "job.json" },
    { "record-is-device", "job.json", DEVICE, "job.json" },
    { "record-is-directory", "job.json", DIRECTORY, "job.json" },
    { "record-is-huge", "job.json", HUGE_FILE, "job.json" },
    { "record-is-empty", "job.json", EMPTY, "job.json" },
    { "lock-is-link", "lock", LINK, "lock" },
    { "lock-is-fifo", "lock", FIFO, "lock" },
    { "lock-is-device", "lock", DEVICE, "lock" },
    { "lock-is-directory", "lock", DIRECTORY, "lock" },
    { "result-is-link", "result.json", LINK, "result.json" },
    { "result-is-fifo", "result.json", FIFO, "result.json" },
    { "result-is-huge", "result.json", HUGE_FILE, "result.json" },
    { "outcome-is-link", "outcome.json", LINK, "outcome.json" },
    { "outcome-is-fifo", "outcome.json", FIFO, "outcome.json" },
    { "outcome-is-device", "outcome.json", DEVICE, "outcome.json" },
    { "outcome-is-huge", "outcome.json", HUGE_FILE, "outcome.json" },
    { "journal-is-link", "journal", LINK, NULL },
    { "journal-is-fifo", "journal", FIFO, NULL },
    { "journal-is-device", "journal", DEVICE, NULL },
    { "journal-is-huge", "journal", HUGE_FILE, NULL },
    { "helper-is-fifo", "helper.json", FIFO, NULL },
    { "configuration-is-fifo", "config.json", FIFO, NULL },
    { "errors-is-fifo", "stderr", FIFO, NULL },
};

/* A settled record, and beside it one in order; the first one's files are moved to @truth. */
static void
make_records(const Fixture *fixture)
{
    g_autoptr(vmmiJob) job = make_settled(fixture, UUID, "spoiled", SETTLED);
    g_autoptr(vmmiJob) good G_GNUC_UNUSED = make_settled(fixture, OTHER, "good", SETTLED);

    write_text(job, "journal", SAMPLE(1, 40));
}

static void
spoil_record(const Fixture *fixture, size_t row)
{
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *job = g_build_filename(jobs, UUID ".1", NULL);
    g_autofree char *place = g_build_filename(job, rows[row].file, NULL);
    g_autofree char *truth = g_build_filename(fixture->top, "truth", NULL);

    g_assert_cmpint(rename(place, truth), ==, 0);
    spoil(place, truth, rows[row].kind);
}

static void
check_list(const Fixture *fixture, const char *message)
{
    vmmiRecordList *list = vmmiManagerListRecords(fixture->manager, 0, NULL);
    const vmmiError *first = NULL;

    g_assert_cmpuint(vmmiRecordListGetBroken(list, &first), ==, message ? 1 : 0);
    g_assert_cmpuint(vmmiRecordListGetCount(list), ==, message ? 1 : 2);
    if (message && !strstr(vmmiErrorGetMessage(first), message))
        g_assert_cmpstr(vmmiErrorGetMessage(first), ==, message);
    vmmiRecordListFree(list);
}

static void
check_open(const Fixture *fixture, const char *message)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMigration) migration =
        vmmiMigrationOpen(fixture->manager, UUID ".1", NULL, &error);

    /* The object may be made as long as the record can be read. */
    if (message && !migration)
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    if (!message)
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
}

static void
look(const Fixture *fixture, size_t row)
{
    const char *message = rows[row].message;
    g_autoptr(vmmiError) error = NULL;
    vmmiRecord *record = vmmiManagerFindRecord(fixture->manager, UUID ".1", &error);

    g_assert_true(!record == !!message);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, message ? VMMI_ERR_RUN_DIR : 0);
    /* The journal that a link leads to is not read. */
    g_assert_cmpuint(vmmiRecordGetPercent(record), ==, message ? 0 : 100);
    if (rows[row].file && g_str_equal(rows[row].file, "journal"))
        g_assert_null(vmmiRecordGetSample(record));
    if (rows[row].file && g_str_equal(rows[row].file, "config.json"))
        g_assert_null(vmmiRecordGetConfiguration(record));
    vmmiRecordFree(record);
    check_list(fixture, message);
    check_open(fixture, message);
}

/* What a link leads to is what it was, whatever was done. */
static void
check_truth(const Fixture *fixture, size_t row)
{
    g_autofree char *truth = g_build_filename(fixture->top, "truth", NULL);

    g_assert_true(g_file_test(truth, rows[row].file ? G_FILE_TEST_IS_REGULAR
                                                    : G_FILE_TEST_IS_DIR));
}

static void
test_record(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    make_records(fixture);
    spoil_record(fixture, row);
    alarm(PATIENCE_S);
    look(fixture, row);
    alarm(0);
    check_truth(fixture, row);
}

/* --- the directory itself --------------------------------------------------------- */

static vmmiJob *
try_job(const Fixture *fixture, vmmiError **err)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID, .guest_name = "guest" };

    return vmmiJobCreate(fixture->run, &record, "{}", 2, err);
}

static void
check_refused(const Fixture *fixture, const char *message)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiManager *manager = vmmiManagerNew(fixture->path, 0, &error);

    g_assert_null(manager);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    if (!strstr(vmmiErrorGetMessage(error), message))
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, message);
}

static void
remove_all(const char *path)
{
    const char *const argv[] = { "rm", "-rf", path, NULL };

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
}

static void
removed_while_open(const Fixture *fixture)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiRecordList *list;

    remove_all(fixture->path);
    list = vmmiManagerListRecords(fixture->manager, 0, &error);
    g_assert_null(list);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    g_clear_pointer(&error, vmmiErrorFree);
    g_assert_null(try_job(fixture, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
}

/* Whoever has it open stays where it is; nobody follows the link. */
static void
replaced_by_link(const Fixture *fixture)
{
    g_autofree char *moved = g_build_filename(fixture->top, "moved", NULL);
    g_autofree char *trap = g_build_filename(fixture->top, "trap", NULL);
    g_autofree char *jobs = g_build_filename(trap, "jobs", NULL);
    vmmiRecordList *list;

    vmmiManagerFree(vmmiManagerNew(trap, 0, NULL));
    g_assert_cmpint(rename(fixture->path, moved), ==, 0);
    g_assert_cmpint(symlink(trap, fixture->path), ==, 0);
    list = vmmiManagerListRecords(fixture->manager, 0, NULL);
    g_assert_cmpuint(vmmiRecordListGetCount(list), ==, 2);
    vmmiRecordListFree(list);
    vmmiJobUnref(try_job(fixture, NULL));
    g_assert_cmpint(rmdir(jobs), ==, 0);
    check_refused(fixture, "is a link or no directory");
}

static void
jobs_replaced_by_link(const Fixture *fixture)
{
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *moved = g_build_filename(fixture->top, "moved", NULL);

    g_assert_cmpint(rename(jobs, moved), ==, 0);
    g_assert_cmpint(symlink(moved, jobs), ==, 0);
    check_refused(fixture, "is a link or no directory");
}

static void
mode_for_all(const Fixture *fixture)
{
    chmod(fixture->path, 0777);
    check_refused(fixture, "mode 0777");
}

static void
mode_of_group(const Fixture *fixture)
{
    chmod(fixture->path, 0770);
    check_refused(fixture, "mode 0770");
}

static void
lock_is(const Fixture *fixture, Kind kind)
{
    g_autofree char *lock = g_build_filename(fixture->path, "lock", NULL);
    g_autofree char *truth = g_build_filename(fixture->top, "truth", NULL);
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(rename(lock, truth), ==, 0);
    spoil(lock, truth, kind);
    g_assert_null(try_job(fixture, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    check_list(fixture, NULL);
}

static void
lock_is_link(const Fixture *fixture)
{
    lock_is(fixture, LINK);
}

static void
lock_is_fifo(const Fixture *fixture)
{
    lock_is(fixture, FIFO);
}

static void
lock_is_directory(const Fixture *fixture)
{
    lock_is(fixture, DIRECTORY);
}

/* Root writes where it likes. */
static void
not_writable(const Fixture *fixture)
{
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autoptr(vmmiError) error = NULL;
    vmmiJob *job;

    chmod(jobs, 0500);
    chmod(fixture->path, 0500);
    job = try_job(fixture, &error);
    g_assert_true(job || vmmiErrorGetCode(error) == VMMI_ERR_SYSTEM ||
                  vmmiErrorGetCode(error) == VMMI_ERR_RUN_DIR);
    g_assert_true(!job || geteuid() == 0);
    if (!job)
        check_list(fixture, NULL);
    vmmiJobUnref(job);
    chmod(fixture->path, 0700);
    chmod(jobs, 0700);
}

static const struct {
    const char *name;
    void (*run)(const Fixture *fixture);
} places[] = {
    { "removed-while-open", removed_while_open },
    { "replaced-by-link", replaced_by_link },
    { "jobs-replaced-by-link", jobs_replaced_by_link },
    { "mode-0777", mode_for_all },
    { "mode-0770", mode_of_group },
    { "top-lock-is-link", lock_is_link },
    { "top-lock-is-fifo", lock_is_fifo },
    { "top-lock-is-directory", lock_is_directory },
    { "not-writable", not_writable },
};

static void
test_place(Fixture *fixture, gconstpointer data)
{
    make_records(fixture);
    alarm(PATIENCE_S);
    places[GPOINTER_TO_SIZE(data)].run(fixture);
    alarm(0);
}

/* --- without privileges ----------------------------------------------------------- */

/* Another user's directory is refused, and so is one that is given to us with everything in it. */
static void
test_owner(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    if (geteuid() != 0) {
        g_test_skip("this needs root");
        return;
    }
    g_assert_cmpint(chown(fixture->path, NOBODY, NOBODY), ==, 0);
    check_refused(fixture, "belongs to user 65534, not to 0");
}

/* All rows again, as the user nobody. */
static void
become_nobody(void)
{
    if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0) {
        g_printerr("test-rundir: cannot give privileges up\n");
        _exit(1);
    }
}

int
main(int argc, char **argv)
{
    bool nobody = argc > 1 && g_str_equal(argv[1], "--as-nobody");

    if (nobody && geteuid() == 0)
        become_nobody();
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ROWS(rows, "rundir", test_record, name);
    ROWS(places, "rundir", test_place, name);
    if (!nobody)
        TEST("rundir/owner", test_owner);
    return g_test_run();
}
