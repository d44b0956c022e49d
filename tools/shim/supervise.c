/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * supervise.c: waits for the plugin and writes down how it ended.
 *
 * One poll over a signalfd; a control socket joins it when there is one. SIGTERM is passed on once,
 * then waited for: the shim never ends before the plugin.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"

static const int ignored_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2,
                                       SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU };

static void
read_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGTERM);
}

int
shimBlockSignals(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t set;

    for (size_t i = 0; i < sizeof(ignored_signals) / sizeof(ignored_signals[0]); i++)
        sigaction(ignored_signals[i], &ignore, NULL);
    read_set(&set);
    /*
     * SIGUSR1 stays unblocked: a child that has not executed yet must not look like one that takes
     * it (B7).
     */
    return sigprocmask(SIG_SETMASK, &set, NULL);
}

static ShimEnd
decode(const siginfo_t *info)
{
    ShimEnd end = { .kind = info->si_code == CLD_EXITED ? "exited" : "killed",
                    .value = info->si_status,
                    .stage = VMMI_STAGE_RUNNING };

    return end;
}

/* Reaps what there is, also orphans of the plugin. True when the plugin has ended. */
static bool
reap(Shim *shim, ShimEnd *end)
{
    bool ended = false;

    for (;;) {
        siginfo_t info = { 0 };

        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG) < 0 || info.si_pid == 0)
            return ended;
        if (info.si_pid != shim->child)
            continue;
        if (info.si_code == CLD_STOPPED) {
            shim->stopped_signal = info.si_status;
            continue;
        }
        *end = decode(&info);
        ended = true;
    }
}

static void
pass_on(Shim *shim, bool *passed)
{
    if (!*passed)
        kill(shim->child, SIGTERM);   /* not reaped yet, so it is still that process */
    *passed = true;
}

int
shimSupervise(Shim *shim)
{
    struct signalfd_siginfo info;
    struct pollfd polled = { .events = POLLIN };
    ShimEnd end = { .kind = "unknown", .value = -1, .stage = VMMI_STAGE_RUNNING };
    bool passed = false;
    sigset_t set;

    read_set(&set);
    polled.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (polled.fd < 0)
        return -1;
    while (!reap(shim, &end)) {
        if (poll(&polled, 1, -1) < 0 && errno != EINTR)
            return -1;
        while (read(polled.fd, &info, sizeof(info)) == sizeof(info)) {
            if (info.ssi_signo == SIGTERM)
                pass_on(shim, &passed);
            /* waitid() tells of a stop only as long as it lasts. */
            else if (info.ssi_code == CLD_STOPPED && (pid_t)info.ssi_pid == shim->child)
                shim->stopped_signal = info.ssi_status;
        }
    }
    return shimRecordResult(shim, &end);
}
