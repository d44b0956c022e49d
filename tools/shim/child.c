/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * child.c: from fork to exec: the plugin gets its streams, its lock, limits, signals, and nothing
 * else.
 *
 * Its descriptors are 0, 1, 2 and 3, the lock. The lock is taken here, by the process that will be
 * the plugin, and stays with it across exec; the descriptor is never closed before that.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

/* Where descriptors wait that must survive the closing of 0 to 3. */
#define HIGH_FD 10
#define LOCK_FD 3
#define NOFILE_SOFT 1024
/* A file that is being written cannot be executed yet: try for about a second. */
#define BUSY_TRIES 50
#define BUSY_NAP_NS 20000000L

static void fail(int report, vmmiLaunchStage stage, int error) __attribute__((noreturn));

static void
fail(int report, vmmiLaunchStage stage, int error)
{
    vmmiLaunchReport message = { .stage = (uint32_t)stage, .error = error };

    shimWriteFull(report, &message, sizeof(message));
    _exit(stage == VMMI_STAGE_EXEC && (error == ENOENT || error == ENOTDIR) ? 127 : 126);
}

/* Moves a descriptor out of the way. */
static int
lift(int fd, int report, vmmiLaunchStage stage)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);

    if (high < 0)
        fail(report, stage, errno);
    return high;
}

static void
open_stream(int job, const char *name, int flags, int target, int report)
{
    /* Not blocking, or a FIFO would hold us up. */
    int fd = openat(job, name, flags | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        fail(report, VMMI_STAGE_STREAMS, errno);
    if (!S_ISREG(st.st_mode))
        fail(report, VMMI_STAGE_STREAMS, EINVAL);
    if (fcntl(fd, F_SETFL, flags) < 0)
        fail(report, VMMI_STAGE_STREAMS, errno);
    if (fd != target) {
        if (dup2(fd, target) < 0)
            fail(report, VMMI_STAGE_STREAMS, errno);
        close(fd);
    }
}

static void
take_lock(int job, int report)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = VMMI_LOCK_PLUGIN, .l_len = 1
    };
    int fd = openat(job, VMMI_FILE_LOCK, O_RDWR | O_NOFOLLOW);

    if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0)
        fail(report, VMMI_STAGE_PLUGIN_LOCK, errno);
    if (fd != LOCK_FD)
        fail(report, VMMI_STAGE_PLUGIN_LOCK, EBADF);
}

static void
set_limits(const Shim *shim, int report)
{
    struct rlimit none = { 0, 0 }, files;
    char text[16];
    int fd;

    umask(077);
    /* A core holds passwords. */
    if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
        fail(report, VMMI_STAGE_LIMITS, errno);
    files.rlim_cur = files.rlim_max < NOFILE_SOFT ? files.rlim_max : NOFILE_SOFT;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        fail(report, VMMI_STAGE_LIMITS, errno);
    /* What protects the shim is not the plugin's. Best effort, as it was on the way down. */
    fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t ignored =
            write(fd, text, (size_t)snprintf(text, sizeof(text), "%d", shim->oom_score));

        (void)ignored;
        close(fd);
    }
}

static void
drop_privileges(int report)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capget, &header, data) < 0)
        fail(report, VMMI_STAGE_PRIVILEGES, errno);
    data[0].inheritable = data[1].inheritable = 0;
    if (syscall(SYS_capset, &header, data) < 0)
        fail(report, VMMI_STAGE_PRIVILEGES, errno);
}

static void
reset_signals(void)
{
    struct sigaction defaults = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &defaults, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Without the byte the launcher or the shim is gone, and nothing was started. */
static void
wait_for_go(int go, int report)
{
    char byte;
    ssize_t got;

    do {
        got = read(go, &byte, 1);
    } while (got < 0 && errno == EINTR);
    /* Silence behind "ready" would mean that the plugin was executed. */
    if (got < 0)
        fail(report, VMMI_STAGE_FORK, errno);
    if (got != 1)
        _exit(125);
}

static void execute(const Shim *shim, int report) __attribute__((noreturn));

static void
execute(const Shim *shim, int report)
{
    const struct timespec nap = { 0, BUSY_NAP_NS };

    /* From here on the plugin outlives the shim. */
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    for (int i = 0; i < BUSY_TRIES; i++) {
        execve(shim->plugin, shim->arguments, environ);
        if (errno != ETXTBSY)
            break;
        nanosleep(&nap, NULL);
    }
    fail(report, VMMI_STAGE_EXEC, errno);
}

void
shimChildRun(const Shim *shim, const ShimPipes *pipes)
{
    const vmmiLaunchReport ready = { .stage = VMMI_STAGE_READY };
    int report = fcntl(pipes->report, F_DUPFD_CLOEXEC, HIGH_FD);
    int go, job;

    /*
     * Until it executes the plugin the child does not outlive the shim; one that is gone already
     * closed the pipe below.
     */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (report < 0)
        fail(pipes->report, VMMI_STAGE_STREAMS, errno);
    go = lift(pipes->go, report, VMMI_STAGE_STREAMS);
    job = lift(shim->job, report, VMMI_STAGE_STREAMS);
    /*
     * The shim's lock goes now: closed later, even by execve, it would take ours with it. The shim
     * keeps its own.
     */
    close(shim->lock);
    for (int fd = 0; fd < HIGH_FD; fd++)
        close(fd);
    open_stream(job, VMMI_FILE_CONFIG, O_RDONLY, 0, report);
    open_stream(job, VMMI_FILE_STDOUT, O_WRONLY | O_APPEND, 1, report);
    open_stream(job, VMMI_FILE_STDERR, O_WRONLY | O_APPEND, 2, report);
    take_lock(job, report);
    /*
     * Nothing behind the lock survives execve. An older kernel has no such call: there all was
     * opened with close-on-exec.
     */
    syscall(SYS_close_range, LOCK_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    set_limits(shim, report);
    drop_privileges(report);
    reset_signals();
    /* What the shim hears behind this is the end of the pipe, or why exec failed. */
    if (shimWriteFull(report, &ready, sizeof(ready)) < 0)
        _exit(125);
    wait_for_go(go, report);
    execute(shim, report);
}
