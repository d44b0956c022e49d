/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-strangers.c: row R10 of docs/reliability.md: pids of plugin and shim that belong to
 * strangers by now. A stranger catches every signal and tells.
 *
 * The whole program runs as the first process of a pid namespace of its own, where it chooses the
 * next pid by ns_last_pid. PROBE names the plugin.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugin/job-process.h"
#include "rounds.h"
#include "support.h"

#define LAST_PID "/proc/sys/kernel/ns_last_pid"

/* What strangers and signallers tell; shared with them. */
typedef struct {
    atomic_bool ready;      /* a stranger catches everything */
    atomic_uint hits;       /* signals that strangers got */
    atomic_int hit;         /* one of them */
    atomic_bool over;       /* the signaller is to end */
    atomic_uint sent;       /* what it sent, to the plugin */
    atomic_uint tried;
} Board;

static Board *board;
static bool chooses_pids;

/* --- strangers -------------------------------------------------------------------- */

static void
tell(int number)
{
    atomic_store(&board->hit, number);
    atomic_fetch_add(&board->hits, 1);
}

static void be_stranger(void) __attribute__((noreturn));

static void
be_stranger(void)
{
    const struct sigaction action = { .sa_handler = tell };

    for (int number = 1; number <= 64; number++)
        sigaction(number, &action, NULL);
    atomic_store(&board->ready, true);
    for (;;)
        pause();
}

static bool
choose_pid(pid_t pid)
{
    vmmi_autofd int fd = open(LAST_PID, O_WRONLY | O_CLOEXEC);
    g_autofree char *text = g_strdup_printf("%d", (int)pid - 1);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool
is_ready(void *opaque G_GNUC_UNUSED)
{
    return atomic_load(&board->ready);
}

/* A stranger with this pid. False, and a failed test, when it got another. */
static bool
make_stranger(pid_t wanted)
{
    pid_t pid;

    atomic_store(&board->ready, false);
    atomic_store(&board->hits, 0);
    atomic_store(&board->hit, 0);
    g_assert_true(choose_pid(wanted));
    pid = fork();
    if (pid == 0)
        be_stranger();
    g_assert_cmpint(pid, ==, wanted);
    if (pid == wanted && wait_until(is_ready, NULL))
        return true;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return false;
}

/* The stranger got nothing, not even what cannot be caught; it is ended. */
static void
end_stranger(pid_t pid)
{
    int status = 0;

    g_assert_cmpint(waitpid(pid, &status, WNOHANG | WUNTRACED), ==, 0);
    g_assert_cmpint(atomic_load(&board->hit), ==, 0);
    g_assert_cmpuint(atomic_load(&board->hits), ==, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* --- plugins and shims ------------------------------------------------------------ */

typedef struct {
    vmmiJob *job;
    pid_t shim, plugin;
    uint64_t started;       /* ticks */
} Pair;

static bool
is_running(void *opaque)
{
    vmmiJobLiveness liveness;

    return vmmiJobGetLiveness(opaque, &liveness, NULL) == 0 && liveness.phase == VMMI_PHASE_RUNNING &&
           liveness.shim_alive;
}

static bool
start_pair(const Fixture *fixture, bool lock_lost, bool own_session, Pair *pair)
{
    g_autofree char *body = g_strdup_printf(
        "%sexport VMMI_PROBE_READY=1; exec %s '%s' catches", lock_lost ? "exec 3<&-\n" : "",
        own_session ? "setsid" : "", g_getenv("PROBE"));
    vmmiJobLiveness liveness = { 0 };
    vmmiProcess process = { 0 };

    pair->job = start_script(fixture, body);
    if (!wait_for_output(pair->job, "ready") || !wait_until(is_running, pair->job)) {
        g_test_fail_printf("the plugin did not start");
        return false;
    }
    vmmiJobGetLiveness(pair->job, &liveness, NULL);
    g_assert_cmpint(liveness.lock_lost, ==, lock_lost);
    pair->shim = liveness.shim_pid;
    pair->plugin = liveness.plugin_pid;
    g_assert_true(vmmiProcessLook(pair->plugin, &process));
    pair->started = process.start_time;
    return pair->shim > 1 && pair->plugin > 1;
}

/* Ends a process that the dead shim, or nobody, has left to us, the first process. */
static void
end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/*
 * Start times have the grain of a clock tick, a hundredth of a second. The kernel hands pids out in
 * turn, so that one cannot come back within a tick; here, where we choose them, it could.
 */
static bool
tick_is_over(void *opaque)
{
    const Pair *pair = opaque;

    struct timespec now;
    uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * per_second +
               (uint64_t)now.tv_nsec / (1000000000 / per_second) > pair->started;
}

static void
reap_all(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void
end_pair(Pair *pair)
{
    vmmiJobSignal(pair->job, SIGKILL, NULL);
    wait_for_end(pair->job);
    vmmiJobDiscard(pair->job);
    vmmiJobUnref(pair->job);
    reap_all();
}

/* Everything that looks for the plugin of a job, to do something to it. */
static void
try_everything(vmmiJob *job, bool lives)
{
    static const int numbers[] = { SIGUSR1, SIGTERM, SIGINT, SIGCONT, SIGHUP, 40, SIGKILL };
    vmmiJobLiveness liveness;
    vmmiJobResult result;
    vmmi_autofd int pidfd = -1;

    /* A plugin that lives on takes the first two and goes on. */
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (lives && i > 0)
            break;
        g_assert_cmpint(vmmiJobSignal(job, numbers[i], NULL), ==, lives ? 0 : -1);
    }
    pidfd = vmmiJobOpenPidfd(job, NULL);
    g_assert_cmpint(pidfd >= 0, ==, lives);
    g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, NULL), ==, 0);
    g_assert_cmpint(liveness.plugin_alive, ==, lives);
    g_assert_cmpint(vmmiJobReadResult(job, &result, NULL), ==, lives ? 0 : 1);
}

/* --- rows ------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    bool lock_lost;         /* the plugin closed its descriptors */
    bool kills_shim, kills_plugin;
    bool takes_shim;        /* the stranger takes the shim's pid, else the plugin's */
} Row;

static const Row rows[] = {
    { "plugin", false, true, true, false },
    { "plugin-lock-lost", true, true, true, false },
    { "plugin-end-known", false, false, true, false },
    { "plugin-end-known-lock-lost", true, false, true, false },
    { "shim", false, true, true, true },
    { "shim-plugin-alive", false, true, false, true },
    { "shim-plugin-alive-lock-lost", true, true, false, true },
};

static void
run_row(const Fixture *fixture, const Row *row)
{
    Pair pair = { 0 };
    pid_t taken;

    /* As long as somebody is in the shim's session the kernel keeps its number. */
    if (!start_pair(fixture, row->lock_lost, row->takes_shim && !row->kills_plugin, &pair))
        return;
    taken = row->takes_shim ? pair.shim : pair.plugin;
    if (row->kills_shim)
        end_process(pair.shim);
    if (row->kills_plugin && row->kills_shim)
        end_process(pair.plugin);
    else if (row->kills_plugin)
        vmmiJobSignal(pair.job, SIGKILL, NULL);
    if (row->kills_plugin)
        wait_for_end(pair.job);
    g_assert_true(wait_until(tick_is_over, &pair));
    if (make_stranger(taken)) {
        try_everything(pair.job, !row->kills_plugin);
        end_stranger(taken);
    }
    end_pair(&pair);
}

static bool
is_possible(void)
{
    if (!chooses_pids)
        g_test_skip("choosing pids needs root, and a pid namespace");
    return chooses_pids;
}

static void
test_row(Fixture *fixture, gconstpointer data)
{
    unsigned int count = rounds(6, 120);

    for (unsigned int i = 0; i < count && is_possible() && !g_test_failed(); i++)
        run_row(fixture, data);
}

/* --- a stranger that comes between two looks -------------------------------------- */

static void be_signaller(const Fixture *fixture, const char *id) __attribute__((noreturn));

static void
be_signaller(const Fixture *fixture, const char *id)
{
    vmmiJob *job = vmmiJobOpen(fixture->run, id, NULL);

    /* Not one of the strangers' signals: whoever is killed by this is no plugin of ours. */
    while (job && !atomic_load(&board->over)) {
        atomic_fetch_add(&board->tried, 1);
        if (vmmiJobSignal(job, SIGUSR1, NULL) == 0)
            atomic_fetch_add(&board->sent, 1);
    }
    _exit(0);
}

static bool
has_sent(void *opaque G_GNUC_UNUSED)
{
    return atomic_load(&board->sent) > 3;
}

static bool
has_tried(void *opaque)
{
    return atomic_load(&board->tried) > *(const unsigned int *)opaque;
}

static void
run_race(const Fixture *fixture, bool lock_lost)
{
    Pair pair = { 0 };
    pid_t signaller;
    unsigned int tried;

    if (!start_pair(fixture, lock_lost, false, &pair))
        return;
    atomic_store(&board->over, false);
    atomic_store(&board->sent, 0);
    signaller = fork();
    if (signaller == 0)
        be_signaller(fixture, vmmiJobGetId(pair.job));
    g_assert_true(wait_until(has_sent, NULL));
    g_assert_true(wait_until(tick_is_over, &pair));
    g_usleep(early_us(2000));
    end_process(pair.shim);
    end_process(pair.plugin);
    if (make_stranger(pair.plugin)) {
        tried = atomic_load(&board->tried) + 3;
        g_assert_true(wait_until(has_tried, &tried));
        end_stranger(pair.plugin);
    }
    atomic_store(&board->over, true);
    waitpid(signaller, NULL, 0);
    end_pair(&pair);
}

static void
test_race(Fixture *fixture, gconstpointer data)
{
    unsigned int count = rounds(10, 120);

    for (unsigned int i = 0; i < count && is_possible() && !g_test_failed(); i++)
        run_race(fixture, GPOINTER_TO_INT(data));
}

/* --- the namespace ---------------------------------------------------------------- */

/*
 * Returns in the first process of a new pid namespace, or here, when there can be none. The
 * process outside ends with that one's status.
 */
static void
enter_namespace(void)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    if (geteuid() != 0 || unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return;
    pid = fork();
    if (pid > 0) {
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    chooses_pids = pid == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount("proc", "/proc", "proc", 0, NULL) == 0 && choose_pid(1000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    enter_namespace();
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/R10/%s", rows[i].name);

        g_test_add(path, Fixture, &rows[i], fixture_set_up, test_row, fixture_tear_down);
    }
    g_test_add("/R10/race", Fixture, GINT_TO_POINTER(false), fixture_set_up, test_race,
               fixture_tear_down);
    g_test_add("/R10/race-lock-lost", Fixture, GINT_TO_POINTER(true), fixture_set_up, test_race,
               fixture_tear_down);
    return g_test_run();
}
