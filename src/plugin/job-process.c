/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-process.c: what /proc says about a process.
 *
 * A pid alone names nobody for long: callers pin the process with a pidfd, a lock, or its start
 * time.
 */
#include "plugin/job-process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "util/cleanup.h"
#include "util/file.h"

#define PROC_MAX_BYTES (64 * 1024)

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

int
vmmiProcessOpenPidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int
vmmiProcessOpenTarget(pid_t pid)
{
    int fd = vmmiProcessOpenPidfd(pid);
    char path[32];

    /* A filter of system calls that does not know it may refuse it like this, too. */
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return fd;
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        errno = ESRCH;
    return fd;
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
