/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-ready.c: which processes can be asked for a status without being killed by the question
 * (B7).
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "plugin/job-process.h"
#include "util/cleanup.h"
#include "../rows.h"

#define PATIENCE_US (60 * G_USEC_PER_SEC)

static sigset_t
set_of(int signal_number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal_number);
    return set;
}

static void
on_signal(int number)
{
    (void)number;
}

static void
rest(void)
{
    for (;;)
        pause();
}

static void
be_default(void)
{
    rest();
}

static void
be_ignoring(void)
{
    signal(SIGUSR1, SIG_IGN);
    rest();
}

static void
be_catching(void)
{
    signal(SIGUSR1, on_signal);
    rest();
}

static void
be_blocking(void)
{
    sigset_t set = set_of(SIGUSR1);

    sigprocmask(SIG_BLOCK, &set, NULL);
    rest();
}

static void
be_blocking_all(void)
{
    sigset_t set;

    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    rest();
}

static void
be_waiting(void)
{
    sigset_t set = set_of(SIGUSR1);
    int number;

    sigprocmask(SIG_BLOCK, &set, NULL);
    for (;;)
        sigwait(&set, &number);
}

static void
be_waiting_for_another(void)
{
    sigset_t set = set_of(SIGUSR2);
    int number;

    sigprocmask(SIG_BLOCK, &set, NULL);
    for (;;)
        sigwait(&set, &number);
}

static void *
other_thread(void *opaque)
{
    sigset_t set = set_of(SIGUSR1);

    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    rest();
    return opaque;
}

static void
be_blocking_in_one_thread(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, other_thread, NULL);
    be_blocking();
}

/* What shells and posix_spawn() do while they start another program. */
static void
be_starting_another(void)
{
    sigset_t set;

    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (vfork() == 0) {
        pause();
        _exit(0);
    }
    _exit(0);
}

static const struct {
    const char *name;
    void (*be)(void);
    char state;     /* in which it is looked at */
    bool takes;
} rows[] = {
    { "default", be_default, 'S', false },
    { "ignored", be_ignoring, 'S', false },
    { "caught", be_catching, 'S', true },
    { "blocked", be_blocking, 'S', true },
    { "all-blocked", be_blocking_all, 'S', true },
    { "awaited", be_waiting, 'S', true },
    { "another-awaited", be_waiting_for_another, 'S', false },
    { "blocked-in-one-thread", be_blocking_in_one_thread, 'S', false },
    { "starting-another-program", be_starting_another, 'D', false },
};

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    gint64 give_up = g_get_monotonic_time() + PATIENCE_US;
    vmmiProcess process = { 0 };
    bool takes = false;
    pid_t pid = fork();

    if (pid == 0) {
        setsid();
        rows[row].be();
    }
    /* Until it has come to rest; then the answer stays. */
    do {
        g_usleep(2000);
        g_assert_true(vmmiProcessLook(pid, &process));
        takes = vmmiProcessTakesSignal(pid, SIGUSR1);
    } while ((process.state != rows[row].state || takes != rows[row].takes) &&
             g_get_monotonic_time() < give_up);
    g_assert_cmpint(process.state, ==, rows[row].state);
    g_assert_cmpint(takes, ==, rows[row].takes);
    kill(-pid, SIGKILL);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static void
test_nobody(void)
{
    g_assert_false(vmmiProcessTakesSignal(0, SIGUSR1));
    g_assert_false(vmmiProcessTakesSignal(-1, SIGUSR1));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/job/ready/", rows, test_row);
    g_test_add_func("/job/ready/nobody", test_nobody);
    return g_test_run();
}
