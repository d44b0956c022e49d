/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interpose.c: stands between a program and the C library (LD_PRELOAD), and lets one call go wrong.
 *
 * VMMI_FAIL=WHO:FUNCTION:NTH:WHAT in the environment:
 *   WHO        manager (any program but the shim), starter (the shim's first process), shim, child
 * (before it executes the plugin), any FUNCTION   its name, or any NTH        which of its calls in
 * that process, from 1; 0: every one WHAT       a number: the call fails with this errno; kill,
 * stop, exit: what happens to the process before the call; fill: VMMI_FAIL_FILE grows until its
 * file system is full; short: one byte at a time; storm: a signal every millisecond, from the first
 * call on VMMI_FAIL_LOG=FILE gets a line "WHO FUNCTION" for each call. None of these, nor
 * LD_PRELOAD, is left for other programs.
 */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interpose.h"

static const char *const names[] = { "manager", "starter", "shim", "child" };
typedef enum { WHO_MANAGER, WHO_STARTER, WHO_SHIM, WHO_CHILD, WHO_NOBODY } Who;

static struct {
    Who who;
    char wanted_who[16], function[32], what[16];
    long nth, seen;
    char file[256], log[256];
    bool on, storming;
} state = { .who = WHO_NOBODY };

static long
raw(long number, long a, long b, long c)
{
    register long result __asm__("rax") = number;

    __asm__ volatile("syscall" : "+r"(result) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void
raw_write(const char *path, const char *text, size_t length, bool until_full)
{
    long fd = raw(SYS_open, (long)path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    while (raw(SYS_write, fd, (long)text, (long)length) > 0 && until_full)
        ;
    raw(SYS_close, fd, 0, 0);
}

static void
on_alarm(int number)
{
    (void)number;
}

static void
storm(bool on)
{
    struct itimerval timer = { { 0, on ? 1000 : 0 }, { 0, on ? 1000 : 0 } };

    setitimer(ITIMER_REAL, &timer, NULL);
    state.storming = on;
}

static void
begin_storm(void)
{
    static int (*real)(int, const struct sigaction *, struct sigaction *);
    struct sigaction action = { .sa_handler = on_alarm };

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "sigaction");
    real(SIGALRM, &action, NULL);
    storm(true);
}

static void
copy(char *target, size_t size, const char *text)
{
    snprintf(target, size, "%s", text ? text : "");
}

__attribute__((constructor)) static void
set_up(void)
{
    const char *fail = getenv("VMMI_FAIL");
    char all[128], *part, *rest = all;

    copy(state.log, sizeof(state.log), getenv("VMMI_FAIL_LOG"));
    copy(state.file, sizeof(state.file), getenv("VMMI_FAIL_FILE"));
    copy(all, sizeof(all), fail);
    if (fail) {
        copy(state.wanted_who, sizeof(state.wanted_who), strsep(&rest, ":"));
        copy(state.function, sizeof(state.function), strsep(&rest, ":"));
        part = strsep(&rest, ":");
        state.nth = part ? strtol(part, NULL, 10) : 0;
        copy(state.what, sizeof(state.what), rest);
    }
    state.on = fail != NULL || *state.log;
    unsetenv("LD_PRELOAD");
    unsetenv("VMMI_FAIL");
    unsetenv("VMMI_FAIL_LOG");
    unsetenv("VMMI_FAIL_FILE");
    state.who = strcmp(program_invocation_short_name, "vmmi-shim") == 0 ? WHO_STARTER : WHO_MANAGER;
}

/* The storm, and the counts, of a process that was forked. */
static void
be_child(void)
{
    state.seen = 0;
    state.storming = false;
    state.who = state.who == WHO_STARTER ? WHO_SHIM
                : state.who == WHO_SHIM  ? WHO_CHILD
                                         : WHO_NOBODY;
}

static bool
is_chosen(const char *function)
{
    if (!state.on || state.who == WHO_NOBODY)
        return false;
    if (*state.log) {
        char line[64];
        int length = snprintf(line, sizeof(line), "%s %s\n", names[state.who], function);

        raw_write(state.log, line, (size_t)length, false);
    }
    return (strcmp(state.wanted_who, "any") == 0 ||
            strcmp(state.wanted_who, names[state.who]) == 0) &&
           (strcmp(state.function, "any") == 0 || strcmp(state.function, function) == 0);
}

int
interpose(const char *function, bool *short_one)
{
    static char block[4096];
    int saved = errno, failure = 0;

    if (!is_chosen(function))
        return 0;
    state.seen++;
    if (state.nth != 0 && state.seen != state.nth)
        return 0;
    if (strcmp(state.what, "short") == 0)
        *short_one = true;
    else if (strcmp(state.what, "storm") == 0 && !state.storming)
        begin_storm();
    else if (strcmp(state.what, "kill") == 0)
        raw(SYS_kill, getpid(), SIGKILL, 0);
    else if (strcmp(state.what, "stop") == 0)
        raw(SYS_kill, getpid(), SIGSTOP, 0);
    else if (strcmp(state.what, "exit") == 0)
        raw(SYS_exit_group, 3, 0, 0);
    else if (strcmp(state.what, "fill") == 0)
        for (size_t size = sizeof(block); size > 0; size /= 16)
            raw_write(state.file, block, size, true);
    else
        failure = (int)strtol(state.what, NULL, 10);
    errno = saved;
    return failure;
}

/* Whether a descriptor may be read and written in pieces: no packets, no structures. */
bool
interpose_is_stream(int fd)
{
    struct stat st;
    int type = 0, saved = errno;
    socklen_t size = sizeof(type);
    bool stream;

    if (raw(SYS_fstat, fd, (long)&st, 0) < 0)
        return false;
    stream = S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode);
    if (S_ISSOCK(st.st_mode))
        stream = syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
                 type == SOCK_STREAM;
    errno = saved;
    return stream;
}

pid_t
fork(void)
{
    static pid_t (*real)(void);
    bool ignored = false;
    int failure = interpose("fork", &ignored);
    bool storming = state.storming;
    pid_t pid;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fork");
    if (failure) {
        errno = failure;
        return -1;
    }
    pid = real();
    if (pid == 0) {
        be_child();
        if (storming)
            storm(true);
    }
    return pid;
}

int
execve(const char *path, char *const argv[], char *const envp[])
{
    static int (*real)(const char *, char *const[], char *const[]);
    bool ignored = false;
    int failure = interpose("execve", &ignored);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "execve");
    if (failure) {
        errno = failure;
        return -1;
    }
    /* A timer survives execve. */
    if (state.storming)
        storm(false);
    return real(path, argv, envp);
}

/* The storm is not to be calmed. */
int
sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    static int (*real)(int, const struct sigaction *, struct sigaction *);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "sigaction");
    if (state.storming && number == SIGALRM)
        return 0;
    return real(number, action, old);
}
