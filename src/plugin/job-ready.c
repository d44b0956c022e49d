/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-ready.c: whether a process can be sent a signal without dying of it (B7).
 *
 * Blocked signals are shown per thread, with two traps. While a thread waits in sigwait() and its
 * like, the kernel shows what it waits for as not blocked. And whoever starts another program
 * blocks all signals for that moment, though nothing awaits them: shells do so before their traps
 * are set.
 */
#include "plugin/job-process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "util/cleanup.h"
#include "util/file.h"

#define PROC_MAX_BYTES (64 * 1024)
/* A plugin with more threads than this is not asked about each. */
#define MAX_THREADS 4096
/* What sigfillset() blocks: not SIGKILL, SIGSTOP, nor the two signals of the C library. */
#define ALL_SIGNALS UINT64_C(0xfffffffe7ffbfeff)

static bool
mask_has(uint64_t mask, int signal_number)
{
    return (mask >> (signal_number - 1)) & 1;
}

static char *
read_proc(const char *directory, const char *name)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    char *text = NULL;

    if (vmmiFileReadAt(AT_FDCWD, path, PROC_MAX_BYTES, true, &text, NULL, NULL) < 0)
        return NULL;
    return text;
}

/* Sleeping where a signal would wake it: not in the middle of starting another program. */
static bool
is_at_rest(const char *status)
{
    const char *state = strstr(status, "\nState:\t");

    return state && state[strlen("\nState:\t")] == 'S';
}

/* Whether a thread is in sigwait() or its like, and a signal is among those that it waits for. */
static bool
waits_for(pid_t pid, const char *thread, int signal_number)
{
    g_autofree char *text = read_proc(thread, "syscall");
    uint64_t mask = 0, address = 0;
    struct iovec local = { .iov_base = &mask, .iov_len = sizeof(mask) }, remote;
    long number;

    if (!text || sscanf(text, "%ld 0x%" SCNx64, &number, &address) != 2 ||
        number != SYS_rt_sigtimedwait)
        return false;
    remote = (struct iovec){ .iov_base = (void *)(uintptr_t)address, .iov_len = sizeof(mask) };
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof(mask) &&
           mask_has(mask, signal_number);
}

/*
 * One that blocks every signal is most likely about to fork or to start a thread, and will unblock
 * them in a moment: it counts only while it sleeps.
 */
bool
vmmiProcessBlocksSignal(const char *status, int signal_number)
{
    uint64_t blocked;

    if (!vmmiProcessParseMask(status, "SigBlk", &blocked) || !mask_has(blocked, signal_number))
        return false;
    return (blocked & ALL_SIGNALS) != ALL_SIGNALS || is_at_rest(status);
}

static bool
thread_holds(pid_t pid, const char *thread, int signal_number)
{
    g_autofree char *status = read_proc(thread, "status");

    return status && (vmmiProcessBlocksSignal(status, signal_number) ||
                      (is_at_rest(status) && waits_for(pid, thread, signal_number)));
}

static bool
every_thread_holds(pid_t pid, const char *process, int signal_number)
{
    g_autofree char *path = g_build_filename(process, "task", NULL);
    g_autoptr(DIR) dir = opendir(path);
    unsigned int threads = 0;
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        g_autofree char *thread = g_build_filename(path, entry->d_name, NULL);

        if (entry->d_name[0] == '.')
            continue;
        if (++threads > MAX_THREADS || !thread_holds(pid, thread, signal_number))
            return false;
    }
    return threads > 0;
}

bool
vmmiProcessTakesSignal(pid_t pid, int signal_number)
{
    g_autofree char *process = g_strdup_printf("/proc/%d", (int)pid);
    g_autofree char *status = read_proc(process, "status");
    uint64_t caught;

    if (!status || !vmmiProcessParseMask(status, "SigCgt", &caught))
        return false;
    return mask_has(caught, signal_number) || every_thread_holds(pid, process, signal_number);
}
