/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-ready.c: whether a process can be sent a signal without dying of it (B7).
 *
 * Blocked signals are shown per thread, with two traps. While a thread waits in sigwait() and its
 * like, the kernel shows what it waits for as not blocked. And whoever starts another program
 * blocks all signals for that moment, though nothing awaits them: shells do so before their traps
 * are set.
 *
 * The C library alone, and nothing is allocated: the shim is compiled with this file, too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "plugin/job-process.h"

/* Lines of a status file that are longer say nothing that counts here. */
#define LINE_MAX_BYTES 64
/* A plugin with more threads than this is not asked about each. */
#define MAX_THREADS 4096
/* What sigfillset() blocks: not SIGKILL, SIGSTOP, nor the two signals of the C library. */
#define ALL_SIGNALS UINT64_C(0xfffffffe7ffbfeff)

/* What a status file says, read line by line. */
typedef struct {
    char state; /* 0: not seen */
    bool has_caught;
    bool has_blocked;
    uint64_t caught;
    uint64_t blocked;
    char line[LINE_MAX_BYTES];
    size_t length; /* of the line so far, which may be longer than what is kept */
} Status;

static bool
mask_has(uint64_t mask, int signal_number)
{
    return (mask >> (signal_number - 1)) & 1;
}

static bool
take_mask(const char *line, const char *name, uint64_t *mask)
{
    size_t length = strlen(name);
    char *end = NULL;

    if (strncmp(line, name, length) != 0 || line[length] != ':')
        return false;
    *mask = strtoull(line + length + 1, &end, 16);
    return end && *end == '\0';
}

static void
take_line(Status *status)
{
    static const char state[] = "State:\t";

    if (status->length < sizeof(status->line)) {
        status->line[status->length] = '\0';
        if (strncmp(status->line, state, strlen(state)) == 0)
            status->state = status->line[strlen(state)];
        else if (take_mask(status->line, "SigCgt", &status->caught))
            status->has_caught = true;
        else if (take_mask(status->line, "SigBlk", &status->blocked))
            status->has_blocked = true;
    }
    status->length = 0;
}

static void
feed(Status *status, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            take_line(status);
            continue;
        }
        if (status->length < sizeof(status->line))
            status->line[status->length] = text[i];
        status->length++;
    }
}

/* Below the directory @proc of a process or a thread. Returns a descriptor or -1. */
static int
open_below(int proc, const char *name)
{
    int fd;

    do {
        fd = openat(proc, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static ssize_t
read_some(int fd, char *buffer, size_t size)
{
    ssize_t got;

    do {
        got = read(fd, buffer, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

static bool
read_status(int proc, Status *status)
{
    int fd = open_below(proc, "status");
    char buffer[1024];
    ssize_t got = -1;

    memset(status, 0, sizeof(*status));
    if (fd < 0)
        return false;
    while ((got = read_some(fd, buffer, sizeof(buffer))) > 0)
        feed(status, buffer, (size_t)got);
    close(fd);
    return got == 0;
}

/* Sleeping where a signal would wake it: not in the middle of starting another program. */
static bool
is_at_rest(const Status *status)
{
    return status->state == 'S';
}

/* Whether a thread is in sigwait() or its like, and a signal is among those that it waits for. */
static bool
waits_for(pid_t pid, int thread, int signal_number)
{
    int fd = open_below(thread, "syscall");
    char text[256];
    size_t used = 0;
    ssize_t got = fd < 0 ? -1 : 1;
    uint64_t mask = 0, address = 0;
    struct iovec local = { .iov_base = &mask, .iov_len = sizeof(mask) }, remote;
    char *end = NULL;

    while (got > 0 && used < sizeof(text) - 1) {
        got = read_some(fd, text + used, sizeof(text) - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return false;
    text[used] = '\0';
    /* "NUMBER 0xFIRST-ARGUMENT ..." */
    if (strtol(text, &end, 10) != SYS_rt_sigtimedwait || strncmp(end, " 0x", 3) != 0)
        return false;
    address = strtoull(end + 1, NULL, 16);
    remote = (struct iovec){ .iov_base = (void *)(uintptr_t)address, .iov_len = sizeof(mask) };
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof(mask) &&
           mask_has(mask, signal_number);
}

/*
 * One that blocks every signal is most likely about to fork or to start a thread, and will unblock
 * them in a moment: it counts only while it sleeps.
 */
static bool
blocks(const Status *status, int signal_number)
{
    if (!status->has_blocked || !mask_has(status->blocked, signal_number))
        return false;
    return (status->blocked & ALL_SIGNALS) != ALL_SIGNALS || is_at_rest(status);
}

bool
vmmiProcessBlocksSignal(const char *text, int signal_number)
{
    Status status = { 0 };

    feed(&status, text, strlen(text));
    return blocks(&status, signal_number);
}

static bool
thread_holds(pid_t pid, int tasks, const char *name, int signal_number)
{
    int thread = open_below(tasks, name);
    Status status;
    bool holds = thread >= 0 && read_status(thread, &status) &&
                 (blocks(&status, signal_number) ||
                  (is_at_rest(&status) && waits_for(pid, thread, signal_number)));

    if (thread >= 0)
        close(thread);
    return holds;
}

static bool
every_thread_holds(pid_t pid, int tasks, int signal_number)
{
    char buffer[2048] __attribute__((aligned(__alignof__(struct dirent64))));
    unsigned int threads = 0;
    ssize_t got;

    while ((got = getdents64(tasks, buffer, sizeof(buffer))) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);

            at += entry->d_reclen;
            if (entry->d_name[0] == '.')
                continue;
            if (++threads > MAX_THREADS || !thread_holds(pid, tasks, entry->d_name, signal_number))
                return false;
        }
    }
    return got == 0 && threads > 0;
}

bool
vmmiProcessTakesSignal(pid_t pid, int signal_number)
{
    char path[32];
    int proc, tasks;
    Status status;
    bool takes = false;

    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    proc = pid > 0 ? open_below(AT_FDCWD, path) : -1;
    if (proc < 0)
        return false;
    tasks = open_below(proc, "task");
    if (read_status(proc, &status) && status.has_caught)
        takes = mask_has(status.caught, signal_number) ||
                (tasks >= 0 && every_thread_holds(pid, tasks, signal_number));
    if (tasks >= 0)
        close(tasks);
    close(proc);
    return takes;
}
