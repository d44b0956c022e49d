/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-supervision.c: managers, shims and plugins that are killed; signals that reach the plugin
 * and nobody else.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "plugin/job-process.h"
#include "plugin/launch-protocol.h"
#include "support.h"

#define TEST(name, func) ADD_FIXTURE("/supervision/" name, func, NULL)
#define KILL_ROUNDS 60

static vmmiJobLiveness
look(vmmiJob *job)
{
    vmmiJobLiveness liveness = { 0 };
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, &error), ==, 0);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    return liveness;
}

/* Runs a manager in a process of its own, which kills itself when @func returns. */
static pid_t
run_manager(void (*func)(const Fixture *fixture, const char *script), const Fixture *fixture,
            const char *script)
{
    pid_t pid = fork();

    if (pid == 0) {
        func(fixture, script);
        kill(getpid(), SIGKILL);
    }
    return pid;
}

static void
launch_only(const Fixture *fixture, const char *script)
{
    vmmiJob *job = make_job(fixture, UUID);

    if (launch_script(job, script, NULL) < 0)
        _exit(1);
    vmmiJobCommit(job);
}

static vmmiJob *
open_only_job(const Fixture *fixture)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(fixture->run, NULL);
    vmmiJob *job = NULL;

    g_assert_cmpuint(g_strv_length(ids), ==, 1);
    if (ids[0])
        job = vmmiJobOpen(fixture->run, ids[0], NULL);
    g_assert_nonnull(job);
    return job;
}

/* The plugin goes on without its manager, and its end is known to the next one. */
static void
test_manager_killed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *script = write_script(fixture, "plugin", "sleep 0.1; echo done >&2; exit 3");
    pid_t manager = run_manager(launch_only, fixture, script);
    g_autoptr(vmmiJob) job = NULL;
    g_autofree char *text = NULL;
    vmmiJobResult result;
    size_t length = 0;
    int status;

    g_assert_cmpint(waitpid(manager, &status, 0), ==, manager);
    g_assert_true(WIFSIGNALED(status));
    job = open_only_job(fixture);
    g_assert_cmpint(look(job).phase, ==, VMMI_PHASE_RUNNING);
    result = wait_for_end(job);
    g_assert_cmpint(result.kind, ==, VMMI_EXIT_EXITED);
    g_assert_cmpint(result.value, ==, 3);
    g_assert_cmpint(vmmiJobReadStream(job, VMMI_JOB_STDERR, 0, 100, &text, &length, NULL, NULL), ==,
                    0);
    g_assert_cmpstr(text, ==, "done\n");
}

/* A shim that was told nothing may have a last word to write. */
static bool
is_clean(void *opaque)
{
    const Fixture *fixture = opaque;
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *left = NULL;

    vmmiRunDirClean(fixture->run);
    left = list_names(jobs);
    return *left == '\0';
}

/* Whenever the manager is killed, each job is one that never started, or one with a known end. */
static void
test_manager_killed_any_time(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *script = write_script(fixture, "plugin", "exit 5");
    unsigned int started = 0;

    for (int round = 0; round < KILL_ROUNDS; round++) {
        pid_t manager = run_manager(launch_only, fixture, script);
        g_auto(GStrv) ids = NULL;

        g_usleep((gulong)g_test_rand_int_range(0, 6000));
        kill(manager, SIGKILL);
        waitpid(manager, NULL, 0);
        ids = vmmiRunDirListJobs(fixture->run, NULL);
        for (size_t i = 0; ids[i]; i++) {
            g_autoptr(vmmiJob) job = vmmiJobOpen(fixture->run, ids[i], NULL);
            vmmiJobResult result;

            g_assert_nonnull(job);
            if (!job)
                continue;
            result = wait_for_end(job);
            if (result.kind == VMMI_EXIT_EXITED)
                g_assert_cmpint(result.value, ==, 5);
            else
                g_assert_cmpint(result.kind, ==, VMMI_EXIT_NOT_STARTED);
            started += result.kind == VMMI_EXIT_EXITED;
            vmmiJobDiscard(job);
        }
    }
    g_assert_true(wait_until(is_clean, fixture));
    g_test_message("%u of %d rounds started their plugin", started, KILL_ROUNDS);
}

static void
kill_shim(vmmiJob *job)
{
    vmmiJobLiveness liveness = look(job);

    g_assert_true(liveness.shim_alive);
    g_assert_cmpint(liveness.shim_pid, >, 1);
    if (liveness.shim_pid > 1)
        kill(liveness.shim_pid, SIGKILL);
}

static bool
shim_is_gone(void *opaque)
{
    return !look(opaque).shim_alive;
}

/* Without its shim the plugin goes on; only its exit status is lost, and no code is invented. */
static void
test_shim_killed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = start_script(
        fixture, "trap 'echo bye >&2; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    g_autofree char *text = NULL;
    vmmiJobLiveness liveness;
    vmmiJobResult result;
    size_t length = 0;

    g_assert_true(wait_for_output(job, "ready"));
    kill_shim(job);
    g_assert_true(wait_until(shim_is_gone, job));
    liveness = look(job);
    g_assert_cmpint(liveness.phase, ==, VMMI_PHASE_RUNNING);
    g_assert_true(liveness.plugin_alive);
    g_assert_false(liveness.lock_lost);
    g_assert_cmpint(vmmiJobReadResult(job, &result, NULL), ==, 0);
    g_assert_cmpint(vmmiJobSignal(job, SIGTERM, NULL), ==, 0);
    result = wait_for_end(job);
    g_assert_cmpint(look(job).phase, ==, VMMI_PHASE_GONE);
    g_assert_cmpint(result.kind, ==, VMMI_EXIT_UNKNOWN);
    g_assert_cmpint(result.value, ==, -1);
    g_assert_cmpint(vmmiJobReadStream(job, VMMI_JOB_STDERR, 0, 100, &text, &length, NULL, NULL), ==,
                    0);
    g_assert_cmpstr(text, ==, "bye\n");
}

/*
 * A service manager that stops everything sends SIGTERM to the shim as well: it passes it on and
 * waits.
 */
static void
test_shim_terminated(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job =
        start_script(fixture, "trap 'exit 13' TERM; echo ready; while :; do sleep 0.01; done");
    vmmiJobResult result;

    g_assert_true(wait_for_output(job, "ready"));
    kill(look(job).shim_pid, SIGTERM);
    result = wait_for_end(job);
    g_assert_cmpint(result.kind, ==, VMMI_EXIT_EXITED);
    g_assert_cmpint(result.value, ==, 13);
}

static const int harmless[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM };

static void
test_shim_is_deaf(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job =
        start_script(fixture, "while [ ! -e \"$1/go\" ]; do sleep 0.01; done; exit 6");
    vmmiJobResult result;

    for (size_t i = 0; i < G_N_ELEMENTS(harmless); i++)
        kill(look(job).shim_pid, harmless[i]);
    close(openat(vmmiJobGetFd(job), "go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    result = wait_for_end(job);
    g_assert_cmpint(result.kind, ==, VMMI_EXIT_EXITED);
    g_assert_cmpint(result.value, ==, 6);
}

/* A manager that ignores SIGCHLD, or reaps everything, sees the same. */
static void
test_no_children(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
    g_autoptr(vmmiJob) job = NULL;

    sigaction(SIGCHLD, &ignore, &old);
    job = start_script(fixture, "exit 9");
    g_assert_cmpint(wait_for_end(job).value, ==, 9);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_assert_cmpint(errno, ==, ECHILD);
    sigaction(SIGCHLD, &old, NULL);
}

static void
test_stopped(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = start_script(fixture, "kill -STOP $$; exit 2");
    vmmiJobLiveness liveness = { 0 };

    for (int i = 0; i < 5000 && !liveness.plugin_stopped; i++) {
        liveness = look(job);
        g_usleep(1000);
    }
    g_assert_true(liveness.plugin_stopped);
    g_assert_cmpint(liveness.phase, ==, VMMI_PHASE_RUNNING);
    g_assert_cmpint(vmmiJobSignal(job, SIGCONT, NULL), ==, 0);
    g_assert_cmpint(wait_for_end(job).stopped_signal, ==, SIGSTOP);
}

/* A plugin that closes every descriptor loses its lock; it is known by pid and start time. */
static void
test_lock_lost(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = start_script(
        fixture, "trap 'exit 4' TERM; exec 3<&-; echo ready; while :; do sleep 0.01; done");
    vmmiJobLiveness liveness;

    g_assert_true(wait_for_output(job, "ready"));
    liveness = look(job);
    g_assert_cmpint(liveness.phase, ==, VMMI_PHASE_RUNNING);
    g_assert_true(liveness.lock_lost);
    g_assert_cmpint(liveness.plugin_pid, >, 1);
    g_assert_cmpint(vmmiJobSignal(job, SIGTERM, NULL), ==, 0);
    g_assert_cmpint(wait_for_end(job).value, ==, 4);
}

/* A child of the plugin that inherits the lock's descriptor does not keep the lock. */
static void
test_lock_not_inherited(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = start_script(fixture, "sleep 20 & echo $!; exit 0");
    g_autofree char *orphan = NULL;

    g_assert_cmpint(wait_for_end(job).value, ==, 0);
    g_assert_cmpint(look(job).phase, ==, VMMI_PHASE_FINISHED);
    orphan = read_output(job);
    if (atoi(orphan) > 1)
        kill(atoi(orphan), SIGKILL);
}

/* --- signals --- */

static const struct {
    const char *name;
    const char *body;      /* says "ready" when it is */
    int signal_number;
    int code;              /* 0: it is sent */
    const char *answer;    /* what it then prints, or NULL */
} rows[] = {
    { "status/no-handler", "echo ready; exec sleep 20", SIGUSR1, VMMI_ERR_NOT_READY, NULL },
    { "status/ignored", "trap '' USR1; echo ready; exec sleep 20", SIGUSR1, VMMI_ERR_NOT_READY,
      NULL },
    { "status/caught", "trap 'echo status' USR1; echo ready; while :; do sleep 0.01; done", SIGUSR1,
      0, "status" },
    { "status/blocked", "echo ready; exec env --block-signal=USR1 sleep 20", SIGUSR1, 0, NULL },
    { "term/no-handler", "echo ready; exec sleep 20", SIGTERM, 0, NULL },
    { "int/caught", "trap 'echo abort; exit 1' INT; echo ready; while :; do sleep 0.01; done",
      SIGINT, 0, "abort" },
    { "stop", "echo ready; exec sleep 20", SIGSTOP, VMMI_ERR_INVALID_ARGUMENT, NULL },
    { "nonsense", "echo ready; exec sleep 20", 65, VMMI_ERR_INVALID_ARGUMENT, NULL },
};

static bool
has_executed(void *opaque)
{
    vmmiJob *job = opaque;
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)look(job).plugin_pid);
    g_autofree char *name = NULL;

    return g_file_get_contents(path, &name, NULL, NULL) && g_str_has_prefix(name, "sleep");
}

static void
test_signal(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = start_script(fixture, rows[row].body);
    g_autoptr(vmmiError) error = NULL;

    g_assert_true(wait_for_output(job, "ready"));
    if (strstr(rows[row].body, "exec"))
        g_assert_true(wait_until(has_executed, job));
    g_assert_cmpint(vmmiJobSignal(job, rows[row].signal_number, &error), ==,
                    rows[row].code ? -1 : 0);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, rows[row].code);
    if (rows[row].answer)
        g_assert_true(wait_for_output(job, rows[row].answer));
    if (rows[row].signal_number == SIGUSR1 || rows[row].code)
        g_assert_cmpint(look(job).phase, ==, VMMI_PHASE_RUNNING);
    vmmiJobSignal(job, SIGKILL, NULL);
    g_assert_cmpint(wait_for_end(job).kind, !=, VMMI_EXIT_UNKNOWN);
}

static void
test_signal_after_end(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = start_script(fixture, "exit 0");
    g_autoptr(vmmiError) error = NULL;

    wait_for_end(job);
    g_assert_cmpint(vmmiJobSignal(job, SIGTERM, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "it is finished"));
    g_assert_cmpint(vmmiJobOpenPidfd(job, NULL), ==, -1);
}

static void
write_process(vmmiJob *job, pid_t pid, uint64_t start_time)
{
    g_autofree char *boot_id = vmmiProcessBootId();
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), "helper.json", NULL);
    g_autofree char *text = g_strdup_printf(
        "{\"version\": 1, \"pid\": %d, \"startTime\": %" G_GUINT64_FORMAT ", \"bootId\": \"%s\"}",
        (int)pid, start_time, boot_id);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* The pid in the record belongs to somebody else by now. */
static void
test_reused_pid(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) error = NULL;
    pid_t stranger = fork();
    vmmiProcess process = { 0 };

    if (stranger == 0) {
        pause();
        _exit(0);
    }
    g_assert_true(vmmiProcessLook(stranger, &process));
    write_process(job, stranger, process.start_time - 1);
    vmmiJobCommit(job);
    g_assert_cmpint(look(job).phase, ==, VMMI_PHASE_GONE);
    g_assert_cmpint(vmmiJobSignal(job, SIGKILL, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    g_assert_cmpint(waitpid(stranger, NULL, WNOHANG), ==, 0);
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
}

static pid_t
fork_lock_holder(vmmiJob *job)
{
    int ready[2];
    char byte;
    pid_t pid;

    g_assert_cmpint(pipe(ready), ==, 0);
    pid = fork();
    if (pid == 0) {
        struct flock lock = { .l_type = F_WRLCK, .l_start = VMMI_LOCK_PLUGIN, .l_len = 1 };
        int fd = openat(vmmiJobGetFd(job), "lock", O_RDWR);

        if (fcntl(fd, F_SETLK, &lock) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

/* Lock and record name different processes: it is not certain who is meant, so nobody is. */
static void
test_contradiction(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) error = NULL;
    vmmiProcess process = { 0 };
    pid_t stranger;

    vmmiJobCommit(job);
    stranger = fork_lock_holder(job);
    g_assert_true(vmmiProcessLook(getppid(), &process));
    write_process(job, getppid(), process.start_time);
    g_assert_cmpint(look(job).phase, ==, VMMI_PHASE_UNCLEAR);
    g_assert_cmpint(vmmiJobSignal(job, SIGKILL, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "contradict"));
    g_assert_cmpint(waitpid(stranger, NULL, WNOHANG), ==, 0);
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
}

/* --- a full file system --- */

static void
fill(const char *directory)
{
    g_autofree char *path = g_build_filename(directory, "filler", NULL);
    vmmi_autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char block[512] = "";

    while (write(fd, block, sizeof(block)) > 0)
        ;
}

/* A small file system in a world of our own. */
static bool
mount_small(Fixture *fixture, const char *top)
{
    fixture->top = g_strdup(top);
    fixture->path = g_build_filename(top, "full", NULL);
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mkdir(fixture->path, 0700) < 0 ||
        mount("tmpfs", fixture->path, "tmpfs", 0, "size=512k,mode=0700") < 0)
        return false;
    fixture->run = vmmiRunDirOpen(fixture->path, NULL);
    return fixture->run != NULL;
}

/* Each: 0: as it should be; else the number of the check that failed. */
static int
full_while_running(Fixture *fixture)
{
    g_autoptr(vmmiJob) job = start_script(
        fixture, "echo ready; while [ ! -e \"$1/../../full\" ]; do sleep 0.01; done; "
                 "head -c 30000 /dev/zero | tr '\\0' x >&2; exit 3");
    g_autofree char *text = NULL;
    vmmiJobResult result;
    size_t length = 0;

    if (!wait_for_output(job, "ready"))
        return 1;
    fill(fixture->path);
    if (renameat(vmmiRunDirGetFd(fixture->run), "filler", vmmiRunDirGetFd(fixture->run), "full") <
        0)
        return 2;
    result = wait_for_end(job);
    if (result.kind != VMMI_EXIT_EXITED || result.value != 3)
        return 3;
    if (vmmiJobReadStream(job, VMMI_JOB_STDERR, 0, 65536, &text, &length, NULL, NULL) < 0 ||
        length != 30000)
        return 4;
    return 0;
}

static int
full_before(Fixture *fixture)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *left = NULL;
    g_autoptr(vmmiError) error = NULL;

    fill(fixture->path);
    if (vmmiJobCreate(fixture->run, &record, CONFIG, strlen(CONFIG), &error))
        return 1;
    left = list_names(jobs);
    return vmmiErrorGetCode(error) == VMMI_ERR_SYSTEM && *left == '\0' ? 0 : 2;
}

static int
full_at_launch(Fixture *fixture)
{
    g_autofree char *script = write_script(fixture, "plugin", "exit 0");
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *left = NULL;
    g_autoptr(vmmiError) error = NULL;

    fill(fixture->path);
    if (launch_script(job, script, &error) == 0)
        return 1;
    if (vmmiErrorGetCode(error) != VMMI_ERR_PLUGIN_LAUNCH ||
        !strstr(vmmiErrorGetDetails(error), "stage reserve, errno 28 (ENOSPC)"))
        return 2;
    vmmiJobDiscard(job);
    left = list_names(jobs);
    return *left == '\0' ? 0 : 3;
}

static const struct {
    const char *name;
    int (*run)(Fixture *fixture);
} full[] = {
    { "while-running", full_while_running },
    { "before", full_before },
    { "at-launch", full_at_launch },
};

static void
test_full_disk(Fixture *fixture, gconstpointer data)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        Fixture small = { 0 };

        _exit(mount_small(&small, fixture->top) ? full[GPOINTER_TO_SIZE(data)].run(&small) : 77);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_test_skip("a file system of its own needs root");
    else
        g_assert_cmpint(status, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    TEST("manager-killed", test_manager_killed);
    TEST("manager-killed-any-time", test_manager_killed_any_time);
    TEST("shim-killed", test_shim_killed);
    TEST("shim-terminated", test_shim_terminated);
    TEST("shim-is-deaf", test_shim_is_deaf);
    TEST("no-children", test_no_children);
    TEST("stopped", test_stopped);
    TEST("lock-lost", test_lock_lost);
    TEST("lock-not-inherited", test_lock_not_inherited);
    ADD_FIXTURE_ROWS("/supervision/signal/", rows, test_signal);
    TEST("signal/after-end", test_signal_after_end);
    TEST("signal/reused-pid", test_reused_pid);
    TEST("signal/contradiction", test_contradiction);
    ADD_FIXTURE_ROWS("/supervision/full-disk/", full, test_full_disk);
    return g_test_run();
}
