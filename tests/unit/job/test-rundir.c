/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-rundir.c: which directory is used, which are refused, how things in it are kept.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/job.h"
#include "support.h"
#include "util/run-dir.h"

#define TEST(name, func) ADD_FIXTURE("/rundir/" name, func, NULL)

typedef const char *(*Spoiler)(const Fixture *fixture);

static void
set_text(const Fixture *fixture, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(fixture->path, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static const char *
usable(const Fixture *fixture)
{
    return fixture->path;
}

static const char *
for_all(const Fixture *fixture)
{
    chmod(fixture->path, 0777);
    return fixture->path;
}

static const char *
readable_by_others(const Fixture *fixture)
{
    chmod(fixture->path, 0755);
    return fixture->path;
}

static const char *
for_a_group_to_read(const Fixture *fixture)
{
    chmod(fixture->path, 0750);
    return fixture->path;
}

static const char *
jobs_for_all(const Fixture *fixture)
{
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);

    chmod(jobs, 0777);
    return fixture->path;
}

static const char *
is_link(const Fixture *fixture)
{
    static char path[4096];

    g_snprintf(path, sizeof(path), "%s/link", fixture->top);
    g_assert_cmpint(symlink(fixture->path, path), ==, 0);
    return path;
}

static const char *
jobs_is_link(const Fixture *fixture)
{
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);

    rmdir(jobs);
    g_assert_cmpint(symlink("/tmp", jobs), ==, 0);
    return fixture->path;
}

static const char *
is_file(const Fixture *fixture)
{
    static char path[4096];

    g_snprintf(path, sizeof(path), "%s/file", fixture->top);
    g_assert_true(g_file_set_contents(path, "", -1, NULL));
    return path;
}

static const char *
without_parent(const Fixture *fixture)
{
    static char path[4096];

    g_snprintf(path, sizeof(path), "%s/no/such", fixture->top);
    return path;
}

static const char *
relative(const Fixture *fixture G_GNUC_UNUSED)
{
    return "run";
}

static const char *
of_another_user(const Fixture *fixture)
{
    if (geteuid() != 0 || chown(fixture->path, 12345, 12345) < 0)
        return NULL;
    return fixture->path;
}

static const char *
newer(const Fixture *fixture)
{
    set_text(fixture, "version", "7\n");
    return fixture->path;
}

static const char *
odd_version(const Fixture *fixture)
{
    set_text(fixture, "version", "new\n");
    return fixture->path;
}

static const char *
long_version(const Fixture *fixture)
{
    set_text(fixture, "version", "1                                          \n");
    return fixture->path;
}

static const char *
version_is_link(const Fixture *fixture)
{
    g_autofree char *path = g_build_filename(fixture->path, "version", NULL);

    unlink(path);
    g_assert_cmpint(symlink("/etc/hostname", path), ==, 0);
    return fixture->path;
}

static const char *
without_version(const Fixture *fixture)
{
    g_autofree char *path = g_build_filename(fixture->path, "version", NULL);

    unlink(path);
    return fixture->path;
}

static const struct {
    const char *name;
    Spoiler spoiler;
    const char *message;       /* NULL: it can be used */
    const char *read_only;     /* the same, opened to look only; as root */
} rows[] = {
    { "usable", usable, NULL, NULL },
    { "for-a-group-to-read", for_a_group_to_read, NULL, NULL },
    { "for-all", for_all, "has mode 0777", NULL },
    { "readable-by-others", readable_by_others, "has mode 0755", NULL },
    { "jobs-for-all", jobs_for_all, "has mode 0777", NULL },
    { "link", is_link, "is a link or no directory", "is a link or no directory" },
    { "jobs-is-link", jobs_is_link, "is a link or no directory", "is a link or no directory" },
    { "file", is_file, "is a link or no directory", "is a link or no directory" },
    { "without-parent", without_parent, "No such file", "No such file" },
    { "relative", relative, "not an absolute path", "not an absolute path" },
    { "of-another-user", of_another_user, "belongs to user 12345, not to 0", NULL },
    { "newer", newer, "layout version 7, this library knows up to 1", "layout version 7" },
    { "odd-version", odd_version, "has the version 'new'", "has the version 'new'" },
    { "long-version", long_version, "the limit is 32", "the limit is 32" },
    { "version-is-link", version_is_link, "Too many levels", "Too many levels" },
    { "without-version", without_version, NULL, "is no run directory" },
};

static void
check_open(vmmiRunDir *run, vmmiError *error, const char *message)
{
    if (!message) {
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
        g_assert_nonnull(run);
        return;
    }
    g_assert_null(run);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    if (!strstr(vmmiErrorGetMessage(error), message))
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, message);
}

static void
test_open(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const char *path = rows[row].spoiler(fixture);
    g_autoptr(vmmiRunDir) read_only = NULL, run = NULL;
    g_autoptr(vmmiError) read_error = NULL, error = NULL;

    if (!path) {
        g_test_skip("this needs root");
        return;
    }
    if (geteuid() == 0) {
        read_only = vmmiRunDirOpenReadOnly(path, &read_error);
        check_open(read_only, read_error, rows[row].read_only);
    }
    run = vmmiRunDirOpen(path, &error);
    check_open(run, error, rows[row].message);
}

static const struct {
    const char *name;
    const char *chosen, *runtime;
    const char *wanted;        /* %u is the user */
    bool root_too;             /* else what root gets is /run/vmmi */
} defaults[] = {
    { "chosen", "/some/where", "/run/user/1", "/some/where", true },
    { "runtime", NULL, "/run/user/1", "/run/user/1/vmmi", false },
    { "empty", "", "/run/user/1", "/run/user/1/vmmi", false },
    { "neither", NULL, NULL, "/tmp/vmmi-%u", false },
    { "runtime-relative", NULL, "run", "/tmp/vmmi-%u", false },
};

static void
set_or_unset(const char *name, const char *value)
{
    if (value)
        g_setenv(name, value, TRUE);
    else
        g_unsetenv(name);
}

static void
test_default(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *user = g_strdup_printf("/tmp/vmmi-%u", (unsigned int)geteuid());
    const char *wanted = strchr(defaults[row].wanted, '%') ? user : defaults[row].wanted;
    g_autofree char *path = NULL;

    set_or_unset("VMMI_RUN_DIR", defaults[row].chosen);
    set_or_unset("XDG_RUNTIME_DIR", defaults[row].runtime);
    path = vmmiRunDirDefaultPath();
    set_or_unset("VMMI_RUN_DIR", NULL);
    set_or_unset("XDG_RUNTIME_DIR", NULL);
    g_assert_cmpstr(path, ==, geteuid() == 0 && !defaults[row].root_too ? "/run/vmmi" : wanted);
}

static void
test_removed_meanwhile(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    g_autoptr(vmmiError) error = NULL;

    remove_tree(fixture->path);
    g_assert_null(vmmiJobCreate(fixture->run, &record, "{}", 2, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
}

/* What stands in the place of the directory afterwards is not touched. */
static void
test_replaced_meanwhile(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *moved = g_build_filename(fixture->top, "moved", NULL);
    g_autofree char *trap = g_build_filename(fixture->top, "trap", NULL);
    g_autofree char *names = NULL;
    g_autoptr(vmmiJob) job = NULL;

    g_assert_cmpint(mkdir(trap, 0700), ==, 0);
    g_assert_cmpint(rename(fixture->path, moved), ==, 0);
    g_assert_cmpint(symlink(trap, fixture->path), ==, 0);
    job = make_job(fixture, UUID);
    names = list_names(trap);
    g_assert_cmpstr(names, ==, "");
}

static void
test_modes(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    mode_t mask = umask(0);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(GDir) dir = NULL;
    const char *name;
    struct stat st;

    umask(mask);
    g_assert_cmpint(fstat(vmmiJobGetFd(job), &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0700);
    dir = g_dir_open(vmmiJobGetPath(job), 0, NULL);
    while ((name = g_dir_read_name(dir))) {
        g_assert_cmpint(fstatat(vmmiJobGetFd(job), name, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
        g_assert_true(S_ISREG(st.st_mode));
        g_assert_cmpint(st.st_mode & 07777, ==, 0600);
    }
    g_assert_cmpint(fstatat(vmmiJobGetFd(job), "stderr", &st, 0), ==, 0);
    g_assert_cmpint(st.st_size, ==, 0);
    g_assert_cmpint(st.st_blocks * 512, >=, VMMI_JOB_RESERVED_BYTES);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_FIXTURE_ROWS("/rundir/open/", rows, test_open);
    ADD_ROWS("/rundir/default/", defaults, test_default);
    TEST("open/removed-meanwhile", test_removed_meanwhile);
    TEST("open/replaced-meanwhile", test_replaced_meanwhile);
    TEST("modes", test_modes);
    return g_test_run();
}
