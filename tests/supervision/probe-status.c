/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe-status.c: a plugin in C without the library, which migrates nothing and answers requests
 * for a status in the way that its name says, or its first argument. SIGTERM and SIGINT end it, with
 * a completion.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* Nobody waits longer for a plugin that a failed test left behind. */
#define LIFE_S 600
#define NAP_MS 20
#define STATUS                                                                                     \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": %ld, "               \
    "\"status\": {\"state\": \"precopy\"}}\n"
#define END                                                                                        \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": %ld, "           \
    "\"completion\": {\"result\": \"error\", \"error\": {\"code\": %d, \"message\": \"asked\", "   \
    "\"details\": \"\"}}}\n"

static volatile sig_atomic_t asked, ended;

static void
on_signal(int number)
{
    if (number == SIGUSR1)
        asked = 1;
    else
        ended = number;
}

static void
nap(long ms)
{
    const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

static void
put(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(3);
}

static void
say_status(void)
{
    char text[256];

    snprintf(text, sizeof(text), STATUS, (long)time(NULL));
    put(text);
}

static void
say_never(void)
{
}

static void
say_late(void)
{
    nap(NAP_MS);
    say_status();
}

static void
say_twice(void)
{
    say_status();
    say_status();
}

static void
say_garbage(void)
{
    put("{ \"state\": [ {{ \" \n");
    say_status();
    put("\xff\xfe}}] nonsense {\"contentType\": \"status\"}\n");
}

/* With a line of garbage that is never ended, before each answer. */
static void
say_open(void)
{
    put("{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", ");
    say_status();
}

static void
set_handler(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler };

    sigaction(number, &action, NULL);
}

static sigset_t
all_three(int how)
{
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(how, &set, &old);
    return how == SIG_BLOCK ? old : set;
}

/* Asked, or to end. */
static void
wait_for_handler(void)
{
    sigset_t open = all_three(SIG_BLOCK);

    sigdelset(&open, SIGUSR1);
    sigdelset(&open, SIGTERM);
    sigdelset(&open, SIGINT);
    while (!asked && !ended)
        sigsuspend(&open);
    all_three(SIG_UNBLOCK);
}

static void
set_handlers(void)
{
    set_handler(SIGTERM, on_signal);
    set_handler(SIGINT, on_signal);
    set_handler(SIGUSR1, on_signal);
}

static void
set_handlers_late(void)
{
    nap(NAP_MS);
    set_handlers();
}

static void
ignore_requests(void)
{
    set_handlers();
    set_handler(SIGUSR1, SIG_IGN);
}

static void
leave_default(void)
{
    set_handler(SIGTERM, on_signal);
    set_handler(SIGINT, on_signal);
}

static void
block(void)
{
    all_three(SIG_BLOCK);
}

static void
wait_for_descriptor(void)
{
    static int fd = -1;
    struct signalfd_siginfo info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (fd < 0)
        fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (read(fd, &info, sizeof(info)) == sizeof(info))
        on_signal((int)info.ssi_signo);
}

static void
wait_for_set(void)
{
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigwait(&set, &number) == 0)
        on_signal(number);
}

static const struct {
    const char *name;
    void (*prepare)(void);
    void (*wait)(void);
    void (*answer)(void);
} modes[] = {
    { "catches", set_handlers, wait_for_handler, say_status },
    { "catches-late", set_handlers_late, wait_for_handler, say_status },
    { "signalfd", block, wait_for_descriptor, say_status },
    { "sigwait", block, wait_for_set, say_status },
    { "ignores", ignore_requests, wait_for_handler, say_status },
    { "default", leave_default, wait_for_handler, say_status },
    { "never", set_handlers, wait_for_handler, say_never },
    { "late", set_handlers, wait_for_handler, say_late },
    { "twice", set_handlers, wait_for_handler, say_twice },
    { "garbage", set_handlers, wait_for_handler, say_garbage },
    { "open", set_handlers, wait_for_handler, say_open },
};

static int
run(size_t mode)
{
    char text[512];

    modes[mode].prepare();
    if (getenv("VMMI_PROBE_READY"))
        put("ready\n");
    while (!ended) {
        modes[mode].wait();
        if (asked && !ended) {
            asked = 0;
            modes[mode].answer();
        }
    }
    snprintf(text, sizeof(text), END, (long)time(NULL), ended == SIGTERM ? 13 : 9);
    return write(STDERR_FILENO, text, strlen(text)) < 0 ? 3 : 1;
}

int
main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];

    if (argc > 1 && strcmp(argv[1], "--vmmi-describe") == 0)
        return 1;
    alarm(LIFE_S);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, name) == 0 || (argc > 1 && strcmp(modes[i].name, argv[1]) == 0))
            return run(i);
    }
    return 2;
}
