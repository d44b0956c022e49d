/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-inherited.c: what a plugin inherits from a manager that is in disorder: rows R11
 * (descriptors) and R12 (signals) of docs/reliability.md. PROBE names the plugin.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rounds.h"
#include "support.h"

#define LEAKS 10000
#define THREADS (UNDER_SANITIZERS ? 128 : 1024)
#define FORKERS 4
/* One fork in so many executes a program. */
#define EXEC_EVERY 16
#define CLEAN "0 1 2 3 SigBlk 0000000000000000 SigIgn 0000000000000000 \n"

/* The line of the probe; to be freed. */
static char *
inherited(const Fixture *fixture)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) error = NULL;
    char *output;

    if (launch_script(job, g_getenv("PROBE"), &error) < 0)
        return g_strdup(vmmiErrorGetMessage(error));
    vmmiJobCommit(job);
    g_assert_cmpint(wait_for_end(job).value, ==, 0);
    output = read_output(job);
    vmmiJobDiscard(job);
    return output;
}

/* --- R11 -------------------------------------------------------------------------- */

typedef struct {
    GMutex lock;
    GCond changed;
    bool over;
    atomic_uint forks;
    atomic_uint leaked;       /* programs that found a descriptor of the library's */
} Crowd;

static gpointer
stand_around(gpointer data)
{
    Crowd *crowd = data;

    g_mutex_lock(&crowd->lock);
    while (!crowd->over)
        g_cond_wait(&crowd->changed, &crowd->lock);
    g_mutex_unlock(&crowd->lock);
    return NULL;
}

static bool
is_over(Crowd *crowd)
{
    bool over;

    g_mutex_lock(&crowd->lock);
    over = crowd->over;
    g_mutex_unlock(&crowd->lock);
    return over;
}

/* In a child of a process with threads: system calls and nothing else. */
static void
run_other_program(int out)
{
    char *const arguments[] = { (char *)"probe", (char *)"others", NULL };
    char *const environment[] = { NULL };

    dup2(out, STDOUT_FILENO);
    execve(g_getenv("PROBE"), arguments, environment);
    _exit(1);
}

static void
fork_once(Crowd *crowd, bool execute)
{
    char text[4096] = "";
    int ends[2], status = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    pid = fork();
    if (pid == 0) {
        if (execute)
            run_other_program(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    if (pid > 0 && execute && read(ends[0], text, sizeof(text) - 1) > 1) {
        atomic_fetch_add(&crowd->leaked, 1);
        g_test_message("another program got: %s", text);
    }
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    atomic_fetch_add(&crowd->forks, 1);
}

static gpointer
fork_meanwhile(gpointer data)
{
    Crowd *crowd = data;

    for (unsigned int i = 0; !is_over(crowd); i++) {
        fork_once(crowd, i % EXEC_EVERY == 0);
        g_usleep(5000);
    }
    return NULL;
}

static bool
open_leaks(int *leaks)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_max < LEAKS + 1000)
        return false;
    files.rlim_cur = LEAKS + 1000;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        return false;
    for (size_t i = 0; i < LEAKS; i++) {
        leaks[i] = open("/dev/null", O_RDONLY);
        g_assert_cmpint(leaks[i], >, 2);
    }
    return true;
}

static void
end_crowd(Crowd *crowd, GPtrArray *threads)
{
    g_mutex_lock(&crowd->lock);
    crowd->over = true;
    g_cond_broadcast(&crowd->changed);
    g_mutex_unlock(&crowd->lock);
    for (guint i = 0; i < threads->len; i++)
        g_thread_join(threads->pdata[i]);
}

/* A parent that leaks whatever it opens, with threads that fork, and some that start programs. */
static void
test_descriptors(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree int *leaks = g_new0(int, LEAKS);
    g_autoptr(GPtrArray) threads = g_ptr_array_new();
    unsigned int count = rounds(30, 1000);
    Crowd crowd = { 0 };

    if (!open_leaks(leaks)) {
        g_test_skip("the hard limit of open files is too low");
        return;
    }
    for (int i = 0; i < THREADS; i++) {
        GThread *thread = g_thread_try_new("crowd", i < FORKERS ? fork_meanwhile : stand_around,
                                           &crowd, NULL);

        if (thread)
            g_ptr_array_add(threads, thread);
    }
    for (unsigned int i = 0; i < count; i++) {
        g_autofree char *line = inherited(fixture);

        g_assert_cmpstr(line, ==, CLEAN);
    }
    end_crowd(&crowd, threads);
    for (size_t i = 0; i < LEAKS; i++)
        close(leaks[i]);
    g_assert_cmpuint(crowd.leaked, ==, 0);
    g_assert_cmpuint(crowd.forks, >, 0);
    g_test_message("%u spawns beside %u threads, which forked %u times", count, threads->len,
                   crowd.forks);
}

/* --- R12 -------------------------------------------------------------------------- */

/* As the kernel has it: the C library hides two signals, which a parent may well have ignored. */
typedef struct {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
} KernelAction;

static int
set_disposition(int number, void *handler)
{
    KernelAction action = { .handler = handler };

    return (int)syscall(SYS_rt_sigaction, number, &action, NULL, sizeof(action.mask));
}

static int
set_blocked(int how, int number)
{
    uint64_t mask = UINT64_C(1) << (number - 1);

    return (int)syscall(SYS_rt_sigprocmask, how, &mask, NULL, sizeof(mask));
}

static void
test_blocked(Fixture *fixture, gconstpointer data)
{
    int number = GPOINTER_TO_INT(data);
    g_autofree char *line = NULL;

    g_assert_cmpint(set_blocked(SIG_BLOCK, number), ==, 0);
    line = inherited(fixture);
    g_assert_cmpint(set_blocked(SIG_UNBLOCK, number), ==, 0);
    g_assert_cmpstr(line, ==, CLEAN);
}

static void
test_ignored(Fixture *fixture, gconstpointer data)
{
    int number = GPOINTER_TO_INT(data);
    bool can = number != SIGKILL && number != SIGSTOP;
    g_autofree char *line = NULL;

    g_assert_cmpint(set_disposition(number, (void *)SIG_IGN), ==, can ? 0 : -1);
    line = inherited(fixture);
    if (can)
        g_assert_cmpint(set_disposition(number, (void *)SIG_DFL), ==, 0);
    g_assert_cmpstr(line, ==, CLEAN);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    /* What the harness left open is not the library's doing. */
    syscall(SYS_close_range, 3, ~0U, 0);
    g_test_add("/R11/descriptors", Fixture, NULL, fixture_set_up, test_descriptors,
               fixture_tear_down);
    for (int number = 1; number <= 64; number++) {
        g_autofree char *blocked = g_strdup_printf("/R12/blocked/%d", number);
        g_autofree char *ignored = g_strdup_printf("/R12/ignored/%d", number);

        g_test_add(blocked, Fixture, GINT_TO_POINTER(number), fixture_set_up, test_blocked,
                   fixture_tear_down);
        g_test_add(ignored, Fixture, GINT_TO_POINTER(number), fixture_set_up, test_ignored,
                   fixture_tear_down);
    }
    return g_test_run();
}
