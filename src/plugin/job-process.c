/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-process.c: what /proc says about a process.
 *
 * A pid alone names nobody for long: callers pin the process with a pidfd, a lock, or its start
 * time.
 */
#include "plugin/job-process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "util/cleanup.h"
#include "util/file.h"

#define PROC_MAX_BYTES (64 * 1024)
/* A plugin with more threads than this is not asked about each. */
#define MAX_THREADS 4096
/* What sigfillset() blocks: not SIGKILL, SIGSTOP, nor the two signals of the C library. */
#define ALL_SIGNALS UINT64_C(0xfffffffe7ffbfeff)

bool
vmmiProcessParseStat(const char *text, vmmiProcess *process)
{
    const char *close = strrchr(text, ')');
    char state;
    unsigned long long start;

    /* "PID (NAME) STATE ..."; the start time is the 19th number behind the state. */
    if (!close ||
        sscanf(close + 1,
               " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &start) != 2)
        return false;
    process->state = state;
    process->start_time = start;
    return true;
}

bool
vmmiProcessLook(pid_t pid, vmmiProcess *process)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;

    if (pid <= 0 || vmmiFileReadAt(AT_FDCWD, path, PROC_MAX_BYTES, true, &text, NULL, NULL) < 0)
        return false;
    return vmmiProcessParseStat(text, process);
}

bool
vmmiProcessIsAlive(const vmmiProcess *process)
{
    return !strchr("ZXx", process->state);
}

bool
vmmiProcessParseMask(const char *text, const char *name, uint64_t *mask)
{
    size_t length = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        char *end = NULL;

        line += *line == '\n';
        if (strncmp(line, name, length) || line[length] != ':')
            continue;
        *mask = strtoull(line + length + 1, &end, 16);
        return end && *end == '\n';
    }
    return false;
}

static char *
read_status(const char *path)
{
    char *text = NULL;

    return vmmiFileReadAt(AT_FDCWD, path, PROC_MAX_BYTES, true, &text, NULL, NULL) < 0 ? NULL
                                                                                       : text;
}

static bool
mask_has(const char *text, const char *name, int signal_number)
{
    uint64_t mask = 0;

    return vmmiProcessParseMask(text, name, &mask) && ((mask >> (signal_number - 1)) & 1);
}

/*
 * Whether a thread waits for a signal that it blocks. One that blocks every signal is most likely
 * about to fork or to start a thread, and will unblock them in a moment: it counts only while it
 * sleeps, as in sigwait().
 */
bool
vmmiProcessBlocksSignal(const char *status, int signal_number)
{
    const char *state = strstr(status, "\nState:\t");
    uint64_t mask = 0;

    if (!mask_has(status, "SigBlk", signal_number))
        return false;
    vmmiProcessParseMask(status, "SigBlk", &mask);
    return (mask & ALL_SIGNALS) != ALL_SIGNALS || (state && state[strlen("\nState:\t")] == 'S');
}

static bool
blocked_in_every_thread(pid_t pid, int signal_number)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task", (int)pid);
    g_autoptr(DIR) dir = opendir(path);
    unsigned int threads = 0;
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        g_autofree char *file = g_strdup_printf("%s/%s/status", path, entry->d_name);
        g_autofree char *status = entry->d_name[0] == '.' ? NULL : read_status(file);

        if (entry->d_name[0] == '.')
            continue;
        if (++threads > MAX_THREADS || !status || !vmmiProcessBlocksSignal(status, signal_number))
            return false;
    }
    return threads > 0;
}

bool
vmmiProcessTakesSignal(pid_t pid, int signal_number)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *status = read_status(path);

    return status && (mask_has(status, "SigCgt", signal_number) ||
                      blocked_in_every_thread(pid, signal_number));
}

int
vmmiProcessOpenPidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int
vmmiProcessSendSignal(int pidfd, int signal_number)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0);
}

char *
vmmiProcessBootId(void)
{
    g_autofree char *text = NULL;

    if (vmmiFileReadAt(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, true, &text, NULL, NULL) <
        0)
        return g_strdup("");
    return g_strdup(g_strstrip(text));
}
