/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-rundir.c: which directory is used, which are refused, in which order a job is made, who gets
 * a guest.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "plugin/job-private.h"
#include "plugin/job-process.h"
#include "plugin/job-record.h"
#include "support.h"

#define TEST(name, func) \
    g_test_add("/rundir/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)
#define RACE_ROUNDS 300

/* --- which directory --- */

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

/* --- the record --- */

static void
test_record(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiJobRecord record = {
        .plugin = "touri",
        .plugin_path = "/usr/libexec/vmmi/touri",
        .world = "libvirt",
        .guest_uuid = "6D1B9C9E-0C3F-4D53-9B35-1F6F1E2B7A10",
        .guest_name = "g\xff" "est \"1\"",
        .source_uri = "qemu+ssh://user:secret@host/system?keyfile=/x",
        .destination_uri = "qemu://dst/system",
        .replaces = OTHER_UUID ".3",
        .options = "{\"origin\": {\"a.b\": \"caller\"}}",
    };
    g_autoptr(vmmiJob) made = vmmiJobCreate(fixture->run, &record, CONFIG, strlen(CONFIG), NULL);
    g_autofree char *boot_id = vmmiProcessBootId();
    g_autofree char *config = NULL;
    g_autoptr(vmmiJob) job = NULL;
    const vmmiJobRecord *found;
    size_t length = 0;

    g_assert_cmpstr(vmmiJobGetId(made), ==, UUID ".1");
    job = vmmiJobOpenPath(vmmiJobGetPath(made), NULL);
    found = vmmiJobGetRecord(job);
    g_assert_cmpstr(found->id, ==, UUID ".1");
    g_assert_cmpstr(found->plugin, ==, "touri");
    g_assert_cmpstr(found->plugin_path, ==, "/usr/libexec/vmmi/touri");
    g_assert_cmpstr(found->world, ==, "libvirt");
    g_assert_cmpstr(found->guest_uuid, ==, UUID);
    g_assert_cmpstr(found->guest_name, ==, "g\xef\xbf\xbd" "est \"1\"");
    g_assert_cmpstr(found->source_uri, ==, "qemu+ssh://user@host/system?keyfile=/x");
    g_assert_cmpstr(found->destination_uri, ==, "qemu://dst/system");
    g_assert_null(found->migrate_uri);
    g_assert_cmpstr(found->replaces, ==, OTHER_UUID ".3");
    g_assert_cmpstr(found->options, ==, "{\"origin\":{\"a.b\":\"caller\"}}");
    g_assert_false(found->bare);
    g_assert_cmpstr(found->library_version, ==, "0.1.0");
    g_assert_cmpstr(found->boot_id, ==, boot_id);
    g_assert_cmpuint(found->created_ms, >, 0);
    g_assert_cmpuint(found->created_boottime_ms, >, 0);
    g_assert_cmpint(vmmiJobReadConfig(job, &config, &length, NULL), ==, 0);
    g_assert_cmpstr(config, ==, CONFIG);
}

static const struct {
    const char *name;
    const char *uri;
    const char *wanted;
} uris[] = {
    { "plain", "qemu:///system", "qemu:///system" },
    { "host", "qemu+ssh://host/system", "qemu+ssh://host/system" },
    { "user", "qemu+ssh://user@host/system", "qemu+ssh://user@host/system" },
    { "password", "qemu+ssh://user:pass@host/system", "qemu+ssh://user@host/system" },
    { "at-in-password", "tcp://u:p@ss@host:49152", "tcp://u@host:49152" },
    { "port", "tcp://host:49152", "tcp://host:49152" },
    { "at-behind-path", "sim:///x?a:b@c", "sim:///x?a:b@c" },
    { "empty-password", "qemu://user:@host/", "qemu://user@host/" },
    { "no-uri", "host:49152", "host:49152" },
};

static void
test_uri(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *stripped = vmmiUriStripPassword(uris[row].uri);

    g_assert_cmpstr(stripped, ==, uris[row].wanted);
}

static const struct {
    const char *name;
    const char *id;
    bool valid;
} ids[] = {
    { "first", UUID ".1", true },
    { "large", UUID ".999999999", true },
    { "too-large", UUID ".1000000000", false },
    { "zero", UUID ".0", false },
    { "leading-zero", UUID ".01", false },
    { "no-number", UUID ".", false },
    { "no-dot", UUID, false },
    { "upper-case", "6D1B9C9E-0C3F-4D53-9B35-1F6F1E2B7A10.1", false },
    { "letters", UUID ".1a", false },
    { "sign", UUID ".+1", false },
    { "no-uuid", "6d1b9c9e-0c3f-4d53-9b35-1f6f1e2b7a1x.1", false },
    { "parent", "..", false },
    { "empty", "", false },
    { "slash", UUID ".1/", false },
};

static void
test_id(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    g_assert_true(vmmiJobIdIsValid(ids[row].id) == ids[row].valid);
    g_assert_null(vmmiJobOpen(fixture->run, ids[row].id, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_MIGRATION_UNKNOWN);
}

static const struct {
    const char *name;
    const char *text;      /* NULL: no file */
    const char *message;
} records[] = {
    { "missing", NULL, "has no job.json" },
    { "empty", "", "job.json" },
    { "array", "[]", "job.json" },
    { "torn", "{\"version\": 1, ", "job.json" },
    { "no-version", "{}", "'version' must be a number" },
    { "newer", "{\"version\": 2}", "has version 2, this library knows up to 1" },
};

static void
test_damaged(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), "job.json", NULL);
    g_autoptr(vmmiError) error = NULL;

    unlink(path);
    if (records[row].text)
        g_assert_true(g_file_set_contents(path, records[row].text, -1, NULL));
    g_assert_null(vmmiJobOpen(fixture->run, UUID ".1", &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), records[row].message));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), UUID ".1"));
}

static const struct {
    const char *name;
    const char *text;
    int got;
    vmmiExitKind kind;
    int value;
} results[] = {
    { "exited", "{\"version\": 1, \"kind\": \"exited\", \"value\": 3}", 1, VMMI_EXIT_EXITED, 3 },
    { "killed", "{\"version\": 1, \"kind\": \"killed\", \"value\": 9}", 1, VMMI_EXIT_KILLED, 9 },
    { "not-started",
      "{\"version\": 1, \"kind\": \"not-started\", \"value\": -1, \"stage\": \"exec\"}", 1,
      VMMI_EXIT_NOT_STARTED, -1 },
    { "no-kind", "{\"version\": 1, \"value\": 3}", -1, 0, 0 },
    { "odd-kind", "{\"version\": 1, \"kind\": \"flown\", \"value\": 3}", -1, 0, 0 },
    { "no-value", "{\"version\": 1, \"kind\": \"exited\"}", -1, 0, 0 },
    { "large-value", "{\"version\": 1, \"kind\": \"exited\", \"value\": 256}", -1, 0, 0 },
    { "negative-value", "{\"version\": 1, \"kind\": \"exited\", \"value\": -1}", -1, 0, 0 },
    { "newer", "{\"version\": 2, \"kind\": \"exited\", \"value\": 3}", -1, 0, 0 },
    { "garbage", "garbage", -1, 0, 0 },
};

static void
test_result(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), "result.json", NULL);
    g_autoptr(vmmiError) error = NULL;
    vmmiJobResult result = { .value = 99 };

    vmmiJobCommit(job);
    g_assert_true(g_file_set_contents(path, results[row].text, -1, NULL));
    g_assert_cmpint(vmmiJobReadResult(job, &result, &error), ==, results[row].got);
    if (results[row].got == 1) {
        g_assert_cmpint(result.kind, ==, results[row].kind);
        g_assert_cmpint(result.value, ==, results[row].value);
    } else {
        g_assert_cmpint(result.value, ==, 99);
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    }
}

/* --- the commit order --- */

/* What a manager leaves that is killed before a step. */
static const struct {
    const char *name;
    bool job;        /* visible */
    bool claim;
} steps[] = {
    { "directory", false, false },
    { "lock", false, false },
    { "record", false, false },
    { "config", false, false },
    { "streams", false, false },
    { "publish", false, false },
    { "claim", true, false },
    { "done", true, true },
};

static void
die_before(const char *step, void *opaque)
{
    if (g_str_equal(step, opaque))
        kill(getpid(), SIGKILL);
}

static void
kill_manager_before(const Fixture *fixture, const char *step)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        vmmiJobCreateStepwise(fixture->run, &record, CONFIG, strlen(CONFIG), die_before,
                              (void *)step, NULL);
        _exit(1);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status));
}

static void
test_killed_before(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *guests = g_build_filename(fixture->path, "by-guest", NULL);
    g_autofree char *claims = NULL, *left = NULL;
    g_auto(GStrv) found = NULL;
    g_autoptr(vmmiJob) next = NULL;

    kill_manager_before(fixture, steps[row].name);
    found = vmmiRunDirListJobs(fixture->run, NULL);
    claims = list_names(guests);
    g_assert_cmpuint(g_strv_length(found), ==, steps[row].job ? 1 : 0);
    g_assert_cmpstr(claims, ==, steps[row].claim ? UUID "@test" : "");
    if (steps[row].job) {
        g_autoptr(vmmiJob) job = vmmiJobOpen(fixture->run, found[0], NULL);
        vmmiJobResult result = { 0 };

        g_assert_cmpint(vmmiJobReadResult(job, &result, NULL), ==, 1);
        g_assert_cmpint(result.kind, ==, VMMI_EXIT_NOT_STARTED);
    }
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, NULL, NULL), ==, 0);
    /* The guest is free, and garbage goes. */
    next = make_job(fixture, UUID);
    vmmiRunDirClean(fixture->run);
    left = list_names(jobs);
    g_assert_cmpstr(left, ==, steps[row].job ? UUID ".1 " UUID ".2" : UUID ".1");
}

/* What another process makes right now is no garbage. */
static void
clean_meanwhile(const char *step G_GNUC_UNUSED, void *opaque)
{
    vmmiRunDirClean(opaque);
}

static void
test_clean_meanwhile(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    g_autoptr(vmmiJob) job = vmmiJobCreateStepwise(fixture->run, &record, CONFIG, strlen(CONFIG),
                                                   clean_meanwhile, fixture->run, NULL);

    g_assert_nonnull(job);
}

static void
test_discard(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *guests = g_build_filename(fixture->path, "by-guest", NULL);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *left = NULL, *claims = NULL;

    vmmiJobDiscard(job);
    left = list_names(jobs);
    claims = list_names(guests);
    g_assert_cmpstr(left, ==, "");
    g_assert_cmpstr(claims, ==, "");
}

/* --- claims --- */

static void
test_busy(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    g_autoptr(vmmiJob) job G_GNUC_UNUSED = make_job(fixture, UUID);
    g_autoptr(vmmiJob) other G_GNUC_UNUSED = make_job(fixture, OTHER_UUID);
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *holder = NULL, *left = NULL;
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(vmmiJobCreate(fixture->run, &record, "{}", 2, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), UUID ".1"));
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, &holder, NULL), ==, 1);
    g_assert_cmpstr(holder, ==, UUID ".1");
    g_assert_cmpint(vmmiClaimFind(fixture->run, "elsewhere", UUID, &holder, NULL), ==, 0);
    left = list_names(jobs);
    g_assert_cmpstr(left, ==, UUID ".1 " OTHER_UUID ".1");
}

/* A claim that stayed behind is taken over; the guest's next number is used. */
static void
test_stale(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiJob) next = NULL;
    g_autofree char *holder = NULL;

    vmmiJobCommit(job);   /* nothing was launched: it is dead */
    next = make_job(fixture, UUID);
    g_assert_cmpstr(vmmiJobGetId(next), ==, UUID ".2");
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, &holder, NULL), ==, 1);
    g_assert_cmpstr(holder, ==, UUID ".2");
    vmmiJobReleaseClaim(job);   /* it does not hold it any more */
    g_clear_pointer(&holder, g_free);
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, &holder, NULL), ==, 1);
    vmmiJobReleaseClaim(next);   /* alive: it keeps it */
    g_clear_pointer(&holder, g_free);
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, &holder, NULL), ==, 1);
    vmmiJobCommit(next);
    vmmiJobReleaseClaim(next);
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, NULL, NULL), ==, 0);
}

static const struct {
    const char *name;
    const char *target;     /* NULL: a file */
} odd_claims[] = {
    { "dangling", "../jobs/" UUID ".77" },
    { "elsewhere", "/etc/passwd" },
    { "upwards", "../jobs/../../x" },
    { "file", NULL },
};

static void
test_odd_claim(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path = g_build_filename(fixture->path, "by-guest", UUID "@test", NULL);
    g_autofree char *target = NULL;
    g_autoptr(vmmiJob) job = NULL;

    if (odd_claims[row].target)
        g_assert_cmpint(symlink(odd_claims[row].target, path), ==, 0);
    else
        g_assert_true(g_file_set_contents(path, "", -1, NULL));
    job = make_job(fixture, UUID);
    target = g_file_read_link(path, NULL);
    g_assert_cmpstr(target, ==, "../jobs/" UUID ".1");
}

static const struct {
    const char *name;
    const char *world;
    const char *key;       /* NULL: hashed */
} keys[] = {
    { "libvirt", "libvirt", UUID "@libvirt" },
    { "path", "file:/var/tmp/world", NULL },
    { "parent", "../../x", NULL },
};

static void
test_key(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *key = vmmiClaimKey(keys[row].world, UUID);

    g_assert_null(strchr(key, '/'));
    g_assert_cmpuint(strlen(key), <, 200);
    if (keys[row].key)
        g_assert_cmpstr(key, ==, keys[row].key);
    else
        g_assert_true(g_str_has_prefix(key, UUID "@="));
}

typedef struct {
    int start[2];
    int report[2];
} Race;

/* Starts when the parent closes its end, says what it got, holds the guest until it is killed. */
static pid_t
race_one(const Fixture *fixture, const Race *race)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    pid_t pid = fork();
    char byte;

    if (pid)
        return pid;
    close(race->start[1]);
    if (read(race->start[0], &byte, 1) == 0) {
        g_autoptr(vmmiError) error = NULL;
        vmmiJob *job = vmmiJobCreate(fixture->run, &record, "{}", 2, &error);

        byte = job ? 'w' : vmmiErrorGetCode(error) == VMMI_ERR_GUEST_BUSY ? 'b' : '?';
        if (write(race->report[1], &byte, 1) == 1)
            pause();
    }
    _exit(1);
}

/* Two managers at once: exactly one gets the guest, whether it was free or a dead job's. */
static void
test_race(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    for (int round = 0; round < RACE_ROUNDS; round++) {
        char got[2] = "";
        pid_t pids[2];
        Race race;

        g_assert_cmpint(pipe2(race.start, O_CLOEXEC), ==, 0);
        g_assert_cmpint(pipe2(race.report, O_CLOEXEC), ==, 0);
        for (size_t i = 0; i < 2; i++)
            pids[i] = race_one(fixture, &race);
        close(race.start[0]);
        close(race.start[1]);
        for (size_t i = 0; i < 2; i++)
            g_assert_cmpint(read(race.report[0], &got[i], 1), ==, 1);
        close(race.report[0]);
        close(race.report[1]);
        for (size_t i = 0; i < 2; i++) {
            kill(pids[i], SIGKILL);
            waitpid(pids[i], NULL, 0);
        }
        g_assert_cmpint(got[0] + got[1], ==, 'w' + 'b');
        if (round % 2) {
            g_auto(GStrv) jobs = vmmiRunDirListJobs(fixture->run, NULL);

            for (size_t i = 0; jobs[i]; i++) {
                g_autoptr(vmmiJob) job = vmmiJobOpen(fixture->run, jobs[i], NULL);

                vmmiJobDiscard(job);
            }
        }
    }
}

/* --- bare plugins --- */

static int
run_bare(const Fixture *fixture, int ready, int go)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID, .bare = true };
    g_autoptr(vmmiJob) job = vmmiJobCreate(fixture->run, &record, "{}", 2, NULL);
    vmmiJobLiveness liveness;
    char byte;

    if (!job || vmmiJobHold(job, NULL) < 0 || !vmmiJobIsOwn(job))
        return 1;
    /* The plugin looks at itself, and keeps its lock. */
    if (vmmiJobGetLiveness(job, &liveness, NULL) < 0 || liveness.phase != VMMI_JOB_RUNNING)
        return 2;
    {
        g_autoptr(vmmiJob) again = vmmiJobOpen(fixture->run, vmmiJobGetId(job), NULL);

        if (vmmiJobGetLiveness(again, &liveness, NULL) < 0 || liveness.plugin_pid != getpid() ||
            !vmmiJobIsOwn(again))
            return 3;
    }
    if (write(ready, "", 1) != 1 || read(go, &byte, 1) != 1)
        return 4;
    return vmmiJobLeave(job, 6, NULL) < 0 ? 5 : 6;
}

static void
test_bare(Fixture *fixture, gconstpointer data)
{
    bool killed = data != NULL;
    int ready[2], go[2], status;
    g_autoptr(vmmiJob) job = NULL;
    vmmiJobLiveness liveness;
    vmmiJobResult result;
    char byte;
    pid_t pid;

    g_assert_cmpint(pipe(ready), ==, 0);
    g_assert_cmpint(pipe(go), ==, 0);
    pid = fork();
    if (pid == 0)
        _exit(run_bare(fixture, ready[1], go[0]));
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    job = vmmiJobOpen(fixture->run, UUID ".1", NULL);
    g_assert_nonnull(job);
    g_assert_true(vmmiJobGetRecord(job)->bare);
    g_assert_false(vmmiJobIsOwn(job));
    g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, NULL), ==, 0);
    g_assert_cmpint(liveness.phase, ==, VMMI_JOB_RUNNING);
    g_assert_cmpint(liveness.plugin_pid, ==, pid);
    g_assert_false(liveness.lock_lost);
    g_assert_false(liveness.shim_alive);
    if (killed)
        kill(pid, SIGKILL);
    else
        g_assert_cmpint(write(go[1], "", 1), ==, 1);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (!killed)
        g_assert_cmpint(WEXITSTATUS(status), ==, 6);
    g_assert_cmpint(vmmiJobReadResult(job, &result, NULL), ==, 1);
    g_assert_cmpint(result.kind, ==, killed ? VMMI_EXIT_UNKNOWN : VMMI_EXIT_EXITED);
    g_assert_cmpint(result.value, ==, killed ? -1 : 6);
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, NULL, NULL), ==, 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

/* --- the outcome --- */

static void
test_settle(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) early = NULL, unsettled = NULL, nonsense = NULL;
    g_autofree char *text = NULL;
    size_t length = 0;

    g_assert_cmpint(vmmiJobReadOutcome(job, &text, &length, NULL), ==, 0);
    g_assert_cmpint(vmmiJobAcknowledge(job, &early), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(early), ==, VMMI_ERR_STATE);
    vmmiJobCommit(job);
    g_assert_cmpint(vmmiJobAcknowledge(job, &unsettled), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(unsettled), ==, VMMI_ERR_STATE);
    g_assert_cmpint(vmmiJobSettle(job, "nonsense", 8, &nonsense), ==, -1);
    g_assert_cmpint(vmmiJobSettle(job, "{\"a\": 1}", 8, NULL), ==, 1);
    g_assert_cmpint(vmmiJobSettle(job, "{\"a\": 2}", 8, NULL), ==, 0);
    g_assert_cmpint(vmmiJobReadOutcome(job, &text, &length, NULL), ==, 1);
    g_assert_cmpstr(text, ==, "{\"a\": 1}");
    g_assert_false(vmmiJobIsAcknowledged(job));
    g_assert_cmpint(vmmiJobAcknowledge(job, NULL), ==, 0);
    g_assert_cmpint(vmmiJobAcknowledge(job, NULL), ==, 0);
    g_assert_true(vmmiJobIsAcknowledged(job));
}

static gpointer
settle(gpointer data)
{
    g_autoptr(vmmiJob) job = vmmiJobOpenPath(data, NULL);

    return GINT_TO_POINTER(vmmiJobSettle(job, "{}", 2, NULL));
}

static void
test_settle_race(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    for (int round = 0; round < 20; round++) {
        g_autoptr(vmmiJob) job = make_job(fixture, UUID);
        GThread *threads[4];
        int wins = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
            threads[i] = g_thread_new("settle", settle, (gpointer)vmmiJobGetPath(job));
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
            int won = GPOINTER_TO_INT(g_thread_join(threads[i]));

            g_assert_cmpint(won, >=, 0);
            wins += won;
        }
        g_assert_cmpint(wins, ==, 1);
    }
}

static const struct {
    const char *name;
    int64_t offset;
    size_t max;
    const char *wanted;
} reads[] = {
    { "all", 0, 100, "0123456789" },
    { "first", 0, 3, "012" },
    { "middle", 4, 3, "456" },
    { "last", -1, 4, "6789" },
    { "last-all", -1, 100, "0123456789" },
    { "behind", 11, 4, "" },
    { "nothing", 0, 0, "" },
};

static void
test_read(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), "stderr", NULL);
    g_autofree char *text = NULL;
    uint64_t total = 0;
    size_t length = 99;

    g_assert_true(g_file_set_contents(path, "0123456789", -1, NULL));
    g_assert_cmpint(vmmiJobReadStream(job, VMMI_JOB_STDERR, reads[row].offset, reads[row].max,
                                      &text, &length, &total, NULL),
                    ==, 0);
    g_assert_cmpstr(text, ==, reads[row].wanted);
    g_assert_cmpuint(length, ==, strlen(reads[row].wanted));
    g_assert_cmpuint(total, ==, 10);
}

static const struct {
    const char *name;
    const char *text;
    bool read;
    char state;
    uint64_t start;
} stats[] = {
    { "plain", "7 (sh) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0", true, 'S', 4711 },
    { "brackets", "7 (a) Z 9 (b) R 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12 0 0", true, 'R', 12 },
    { "zombie", "7 (sh) Z 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0", true, 'Z', 4711 },
    { "short", "7 (sh) S 1 7 7", false, 0, 0 },
    { "no-name", "7 sh S 1", false, 0, 0 },
    { "empty", "", false, 0, 0 },
};

static void
test_stat(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiProcess process = { 0 };

    g_assert_true(vmmiProcessParseStat(stats[row].text, &process) == stats[row].read);
    if (stats[row].read) {
        g_assert_cmpint(process.state, ==, stats[row].state);
        g_assert_cmpuint(process.start_time, ==, stats[row].start);
        g_assert_true(vmmiProcessIsAlive(&process) == (stats[row].state != 'Z'));
    }
}

static const struct {
    const char *name;
    const char *status;
    bool blocks;
} blocks[] = {
    { "nothing", "Name:\tx\nState:\tS (sleeping)\nSigBlk:\t0000000000000000\n", false },
    { "this-one", "Name:\tx\nState:\tR (running)\nSigBlk:\t0000000000000200\n", true },
    { "another", "Name:\tx\nState:\tS (sleeping)\nSigBlk:\t0000000000000400\n", false },
    { "all-waiting", "Name:\tx\nState:\tS (sleeping)\nSigBlk:\tfffffffe7ffbfeff\n", true },
    { "all-running", "Name:\tx\nState:\tR (running)\nSigBlk:\tfffffffe7ffbfeff\n", false },
    { "all-in-fork", "Name:\tx\nState:\tD (disk sleep)\nSigBlk:\tfffffffe7ffbfeff\n", false },
    { "name-lies", "Name:\tSigBlk:\nState:\tS (sleeping)\nSigBlk:\t0000000000000000\n", false },
    { "torn", "Name:\tx\nState:\tS (sleeping)\nSigBlk:\t00000000000002", false },
    { "missing", "Name:\tx\n", false },
};

static void
test_blocks(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    g_assert_true(vmmiProcessBlocksSignal(blocks[row].status, SIGUSR1) == blocks[row].blocks);
}

#define ADD_ROWS(table, prefix, func) \
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) { \
        g_autofree char *path = g_strdup_printf("/rundir/" prefix "/%s", table[i].name); \
\
        g_test_add(path, Fixture, GSIZE_TO_POINTER(i), fixture_set_up, func, fixture_tear_down); \
    }
#define ADD_PLAIN_ROWS(table, prefix, func) \
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) { \
        g_autofree char *path = g_strdup_printf("/rundir/" prefix "/%s", table[i].name); \
\
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), func); \
    }

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS(rows, "open", test_open);
    ADD_PLAIN_ROWS(defaults, "default", test_default);
    TEST("open/removed-meanwhile", test_removed_meanwhile);
    TEST("open/replaced-meanwhile", test_replaced_meanwhile);
    TEST("modes", test_modes);
    TEST("record", test_record);
    ADD_PLAIN_ROWS(uris, "uri", test_uri);
    ADD_ROWS(ids, "id", test_id);
    ADD_ROWS(records, "damaged", test_damaged);
    ADD_ROWS(results, "result", test_result);
    ADD_ROWS(steps, "killed-before", test_killed_before);
    TEST("clean-meanwhile", test_clean_meanwhile);
    TEST("discard", test_discard);
    TEST("claim/busy", test_busy);
    TEST("claim/stale", test_stale);
    ADD_ROWS(odd_claims, "claim/odd", test_odd_claim);
    ADD_PLAIN_ROWS(keys, "claim/key", test_key);
    TEST("claim/race", test_race);
    g_test_add("/rundir/bare/ends", Fixture, NULL, fixture_set_up, test_bare, fixture_tear_down);
    g_test_add("/rundir/bare/killed", Fixture, "", fixture_set_up, test_bare, fixture_tear_down);
    TEST("settle", test_settle);
    TEST("settle-race", test_settle_race);
    ADD_ROWS(reads, "read", test_read);
    ADD_PLAIN_ROWS(stats, "stat", test_stat);
    ADD_PLAIN_ROWS(blocks, "blocks", test_blocks);
    return g_test_run();
}
