/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-launch.c: what a plugin finds when it starts, why one does not start, how its end is known.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "plugin/job-process.h"
#include "plugin/launch-local.h"
#include "support.h"

#define TEST(name, func) ADD_FIXTURE("/launch/" name, func, NULL)

/* --- what the plugin finds --- */

static const struct {
    const char *name;
    const char *body;      /* a script that prints */
    const char *output;
} rows[] = {
    { "descriptors", "exec ls /proc/self/fd", "0\n1\n2\n3\n4\n" }, /* 4 is the listing itself */
    { "lock", "readlink /proc/$$/fd/3 | sed 's/.*\\///'", "lock\n" },
    { "streams", "for n in 0 1 2; do readlink /proc/$$/fd/$n | sed 's/.*\\///'; done",
      "config.json\nstdout\nstderr\n" },
    { "stdin", "cat", CONFIG },
    { "append", "grep -h flags /proc/$$/fdinfo/1 /proc/$$/fdinfo/2",
      "flags:\t0502001\nflags:\t0502001\n" },
    { "signals-blocked", "exec grep SigBlk /proc/self/status", "SigBlk:\t0000000000000000\n" },
    { "signals-ignored", "exec grep SigIgn /proc/self/status", "SigIgn:\t0000000000000000\n" },
    { "no-new-privileges", "grep NoNewPrivs /proc/$$/status", "NoNewPrivs:\t1\n" },
    { "capabilities-inheritable", "grep CapInh /proc/$$/status", "CapInh:\t0000000000000000\n" },
    { "capabilities-ambient", "grep CapAmb /proc/$$/status", "CapAmb:\t0000000000000000\n" },
    { "working-directory", "pwd", "/\n" },
    { "umask", "umask", "0077\n" },
    { "core", "ulimit -Hc", "0\n" },
    { "files", "ulimit -Sn", "1024\n" },
    { "environment", "exec env -u VMMI_JOB -u PWD", "PATH=/usr/bin:/bin\n" },
    { "arguments", "[ -d \"$1\" ] && [ \"$1\" = \"$VMMI_JOB\" ] && echo $#", "1\n" },
    { "session",
      "set -- $(cut -d' ' -f5,6 </proc/$$/stat); [ $1 != $$ ] && [ $1 = $2 ] && echo own",
      "own\n" },
    { "no-terminal", "cut -d' ' -f7 </proc/$$/stat", "0\n" },
};

static void
test_finds(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = NULL;
    g_autofree char *output = NULL;
    vmmiJobResult result;

    job = start_script(fixture, rows[row].body);
    result = wait_for_end(job);
    output = read_output(job);
    g_assert_cmpstr(output, ==, rows[row].output);
    g_assert_cmpint(result.kind, ==, VMMI_EXIT_EXITED);
    g_assert_cmpint(result.value, ==, 0);
}

/*
 * A manager that blocks and ignores what can be, and leaks descriptors: nothing of it reaches the
 * plugin.
 */
static void
test_dirty_manager(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old[65];
    sigset_t all, mask;
    int leaks[300];
    g_autoptr(vmmiJob) job = NULL;
    g_autofree char *output = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(leaks); i++)
        leaks[i] = open("/dev/null", O_RDONLY);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    for (int number = 1; number <= 64; number++)
        sigaction(number, &ignore, &old[number]);
    job = start_script(
        fixture, "sh -c 'exec grep -e SigBlk -e SigIgn /proc/self/status'; exec ls /proc/self/fd");
    for (int number = 1; number <= 64; number++)
        sigaction(number, &old[number], NULL);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(leaks); i++)
        close(leaks[i]);
    g_assert_cmpint(wait_for_end(job).kind, ==, VMMI_EXIT_EXITED);
    output = read_output(job);
    g_assert_cmpstr(output, ==,
                    "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n1\n2\n3\n4\n");
}

/* A manager started with closed standard streams. */
static void
test_closed_streams(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *script = write_script(fixture, "plugin", "exec ls /proc/self/fd");
    g_autofree char *output = NULL;
    int saved[3], launched;

    for (int fd = 0; fd < 3; fd++) {
        saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
        close(fd);
    }
    launched = launch_script(job, script, NULL);
    for (int fd = 0; fd < 3; fd++) {
        dup2(saved[fd], fd);
        close(saved[fd]);
    }
    g_assert_cmpint(launched, ==, 0);
    vmmiJobCommit(job);
    g_assert_cmpint(wait_for_end(job).kind, ==, VMMI_EXIT_EXITED);
    output = read_output(job);
    g_assert_cmpstr(output, ==, "0\n1\n2\n3\n4\n");
}

/* --- why one does not start --- */

typedef char *(*Breaker)(const Fixture *fixture, vmmiJob *job);

static char *
missing(const Fixture *fixture, vmmiJob *job G_GNUC_UNUSED)
{
    return g_build_filename(fixture->top, "nothing", NULL);
}

static char *
directory(const Fixture *fixture, vmmiJob *job G_GNUC_UNUSED)
{
    return g_strdup(fixture->top);
}

static char *
not_executable(const Fixture *fixture, vmmiJob *job G_GNUC_UNUSED)
{
    char *path = write_script(fixture, "plugin", "exit 0");

    chmod(path, 0600);
    return path;
}

static char *
no_format(const Fixture *fixture, vmmiJob *job G_GNUC_UNUSED)
{
    char *path = write_script(fixture, "plugin", "");

    g_assert_true(g_file_set_contents(path, "just text\n", -1, NULL));
    chmod(path, 0700);
    return path;
}

static char *
no_interpreter(const Fixture *fixture, vmmiJob *job G_GNUC_UNUSED)
{
    char *path = write_script(fixture, "plugin", "");

    g_assert_true(g_file_set_contents(path, "#!/no/such/interpreter -x\n", -1, NULL));
    chmod(path, 0700);
    return path;
}

static char *
being_written(const Fixture *fixture, vmmiJob *job G_GNUC_UNUSED)
{
    char *path = g_build_filename(fixture->top, "plugin", NULL);
    g_autofree char *text = NULL;
    gsize length;

    g_assert_true(g_file_get_contents("/bin/true", &text, &length, NULL));
    g_assert_true(g_file_set_contents(path, text, (gssize)length, NULL));
    chmod(path, 0700);
    g_assert_cmpint(open(path, O_WRONLY | O_CLOEXEC), >=, 0);   /* open until the program ends */
    return path;
}

static char *
no_config(const Fixture *fixture, vmmiJob *job)
{
    unlinkat(vmmiJobGetFd(job), "config.json", 0);
    return write_script(fixture, "plugin", "exit 0");
}

static char *
stdout_is_link(const Fixture *fixture, vmmiJob *job)
{
    unlinkat(vmmiJobGetFd(job), "stdout", 0);
    g_assert_cmpint(symlinkat("/dev/null", vmmiJobGetFd(job), "stdout"), ==, 0);
    return write_script(fixture, "plugin", "exit 0");
}

static char *
stderr_is_fifo(const Fixture *fixture, vmmiJob *job)
{
    unlinkat(vmmiJobGetFd(job), "stderr", 0);
    g_assert_cmpint(mkfifoat(vmmiJobGetFd(job), "stderr", 0600), ==, 0);
    return write_script(fixture, "plugin", "exit 0");
}

static char *
no_lock(const Fixture *fixture, vmmiJob *job)
{
    unlinkat(vmmiJobGetFd(job), "lock", 0);
    return write_script(fixture, "plugin", "exit 0");
}

static char *
relative(const Fixture *fixture G_GNUC_UNUSED, vmmiJob *job G_GNUC_UNUSED)
{
    return g_strdup("plugin");
}

static const struct {
    const char *name;
    Breaker breaker;
    int code;
    const char *message;
    const char *details;
} failures[] = {
    { "missing", missing, VMMI_ERR_PLUGIN_LAUNCH, "No such file", "stage exec, errno 2 (ENOENT)" },
    { "directory", directory, VMMI_ERR_PLUGIN_LAUNCH, "Permission denied",
      "stage exec, errno 13 (EACCES)" },
    { "not-executable", not_executable, VMMI_ERR_PLUGIN_LAUNCH, "Permission denied", "stage exec" },
    { "no-format", no_format, VMMI_ERR_PLUGIN_LAUNCH,
      "neither a program for this machine nor a script", "ENOEXEC" },
    { "no-interpreter", no_interpreter, VMMI_ERR_PLUGIN_LAUNCH,
      "interpreter '/no/such/interpreter' is missing", "stage exec" },
    { "being-written", being_written, VMMI_ERR_PLUGIN_LAUNCH, "Text file busy",
      "stage exec, errno 26 (ETXTBSY)" },
    { "no-config", no_config, VMMI_ERR_PLUGIN_LAUNCH, "at stage 'streams': No such file",
      "stage streams" },
    { "stdout-is-link", stdout_is_link, VMMI_ERR_PLUGIN_LAUNCH,
      "at stage 'streams': Too many levels", "ELOOP" },
    { "stderr-is-fifo", stderr_is_fifo, VMMI_ERR_PLUGIN_LAUNCH, "at stage 'streams'",
      "stage streams" },
    { "no-lock", no_lock, VMMI_ERR_PLUGIN_LAUNCH, "at stage 'lock': No such file", "stage lock" },
    { "relative", relative, VMMI_ERR_INVALID_ARGUMENT, "'plugin' is not an absolute path", "" },
};

static void
test_fails(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *script = failures[row].breaker(fixture, job);
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *guests = g_build_filename(fixture->path, "by-guest", NULL);
    g_autofree char *left = NULL, *claims = NULL;
    g_autoptr(vmmiError) error = NULL;
    vmmiJobLiveness liveness = { 0 };

    g_assert_cmpint(launch_script(job, script, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, failures[row].code);
    if (!strstr(vmmiErrorGetMessage(error), failures[row].message))
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, failures[row].message);
    if (!strstr(vmmiErrorGetDetails(error), failures[row].details))
        g_assert_cmpstr(vmmiErrorGetDetails(error), ==, failures[row].details);
    g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, NULL), ==, 0);
    g_assert_false(liveness.shim_alive);
    g_assert_false(liveness.plugin_alive);
    vmmiJobDiscard(job);
    left = list_names(jobs);
    claims = list_names(guests);
    g_assert_cmpstr(left, ==, "");
    g_assert_cmpstr(claims, ==, "");
}

static gpointer
close_later(gpointer data)
{
    g_usleep(100000);
    close(GPOINTER_TO_INT(data));
    return NULL;
}

/* A plugin that an upgrade is just writing starts when the writer has finished. */
static void
test_written_in_time(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *path = g_build_filename(fixture->top, "plugin", NULL);
    g_autofree char *text = NULL;
    gsize length;
    int fd;
    GThread *thread;

    g_assert_true(g_file_get_contents("/bin/true", &text, &length, NULL));
    g_assert_true(g_file_set_contents(path, text, (gssize)length, NULL));
    chmod(path, 0700);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    thread = g_thread_new("writer", close_later, GINT_TO_POINTER(fd));
    g_assert_cmpint(launch_script(job, path, NULL), ==, 0);
    vmmiJobCommit(job);
    g_thread_join(thread);
    g_assert_cmpint(wait_for_end(job).value, ==, 0);
}

static const struct {
    const char *name;
    mode_t mode;         /* 0: there is no file */
    const char *message;
} shims[] = {
    { "missing", 0, "cannot be used" },
    { "not-executable", 0600, "cannot be used" },
    { "writable-by-group", 0770, "cannot be used" },
    { "broken", 0700, "cannot start the shim" },
};

static void
test_shim(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *saved = g_strdup(g_getenv("VMMI_SHIM_PATH"));
    g_autofree char *path = g_build_filename(fixture->top, "shim", NULL);
    g_autofree char *script = write_script(fixture, "plugin", "exit 0");
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) error = NULL;

    if (shims[row].mode) {
        g_assert_true(g_file_set_contents(path, "no program", -1, NULL));
        chmod(path, shims[row].mode);
    }
    g_setenv("VMMI_SHIM_PATH", path, TRUE);
    g_assert_cmpint(launch_script(job, script, &error), ==, -1);
    g_setenv("VMMI_SHIM_PATH", saved, TRUE);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), shims[row].message));
    g_assert_nonnull(strstr(vmmiErrorGetDetails(error), "stage shim"));
}

/* A shim that ends at once, without a word. */
static void
test_silent_shim(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *saved = g_strdup(g_getenv("VMMI_SHIM_PATH"));
    g_autofree char *script = write_script(fixture, "plugin", "exit 0");
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) error = NULL;

    g_setenv("VMMI_SHIM_PATH", script, TRUE);
    g_assert_cmpint(launch_script(job, script, &error), ==, -1);
    g_setenv("VMMI_SHIM_PATH", saved, TRUE);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "the shim ended before"));
}

/*
 * A shim that is killed behind "go": the plugin may run, and move the guest, before anybody can stop
 * it. So that is no failed start: the record must stay.
 */
static void
test_lost_shim(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *saved = g_strdup(g_getenv("VMMI_SHIM_PATH"));
    g_autofree char *script = write_script(fixture, "plugin", "exit 0");
    g_autofree char *shim = g_build_filename(fixture->top, "lost-shim", NULL);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) error = NULL;

    g_assert_true(g_file_set_contents(
        shim,
        "#!/usr/bin/python3\n"
        "import os, socket, struct\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "launcher = socket.socket(fileno=3)\n"
        "launcher.send(struct.pack('=Iiii', 0, 0, 0, 0))\n"
        "launcher.recv(1)\n",
        -1, NULL));
    g_assert_cmpint(chmod(shim, 0755), ==, 0);
    g_setenv("VMMI_SHIM_PATH", shim, TRUE);
    g_assert_cmpint(launch_script(job, script, &error), ==, 0);
    g_setenv("VMMI_SHIM_PATH", saved, TRUE);
    g_assert_null(error);
}

/* --- how its end is known --- */

static const struct {
    const char *name;
    const char *body;
    vmmiExitKind kind;
    int value;
    int stopped;
} ends[] = {
    { "success", "exit 0", VMMI_EXIT_EXITED, 0, 0 },
    { "failure", "exit 1", VMMI_EXIT_EXITED, 1, 0 },
    { "largest", "exit 255", VMMI_EXIT_EXITED, 255, 0 },
    { "sigkill", "kill -KILL $$", VMMI_EXIT_KILLED, SIGKILL, 0 },
    { "sigsegv", "kill -SEGV $$", VMMI_EXIT_KILLED, SIGSEGV, 0 },
    { "sigusr1", "kill -USR1 $$", VMMI_EXIT_KILLED, SIGUSR1, 0 },
    { "orphans", "(sleep 0.05; exit 7) & (exit 8) & exit 2", VMMI_EXIT_EXITED, 2, 0 },
};

static void
test_ends(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = start_script(fixture, ends[row].body);
    vmmiJobResult result = wait_for_end(job);
    vmmiJobLiveness liveness;

    g_assert_cmpint(result.kind, ==, ends[row].kind);
    g_assert_cmpint(result.value, ==, ends[row].value);
    g_assert_cmpint(result.stopped_signal, ==, ends[row].stopped);
    g_assert_cmpstr(result.stage, ==, "");
    g_assert_cmpint(result.launch_errno, ==, 0);
    g_assert_cmpuint(result.ended_ms, >=, vmmiJobGetRecord(job)->created_ms - 1000);
    g_assert_cmpuint(result.ended_boottime_ms, >=, vmmiJobGetRecord(job)->created_boottime_ms);
    g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, NULL), ==, 0);
    g_assert_cmpint(liveness.phase, ==, VMMI_PHASE_FINISHED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_FIXTURE_ROWS("/launch/finds/", rows, test_finds);
    TEST("finds/dirty-manager", test_dirty_manager);
    TEST("finds/closed-streams", test_closed_streams);
    ADD_FIXTURE_ROWS("/launch/fails/", failures, test_fails);
    TEST("fails/written-in-time", test_written_in_time);
    ADD_FIXTURE_ROWS("/launch/shim/", shims, test_shim);
    TEST("shim/silent", test_silent_shim);
    TEST("shim/lost-behind-go", test_lost_shim);
    ADD_FIXTURE_ROWS("/launch/ends/", ends, test_ends);
    return g_test_run();
}
