/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * supervise.c: waits for the plugin and writes down how it ended.
 *
 * One poll over signals, the control socket and its clients. The plugin comes first: however much
 * the others ask, it is reaped and its end recorded before they are answered. SIGTERM is passed on
 * once, then waited for: the shim never ends before the plugin.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "shim.h"

/* When the kernel refuses to wait it is asked again, not in a hurry. */
#define REFUSED_NAP_NS 20000000L

static const int ignored_signals[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGUSR1,
                                       SIGUSR2, SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU };

static void
read_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGTERM);
}

int
shimTakeSignals(Shim *shim)
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
    if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
        return -1;
    shim->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return shim->signals < 0 ? -1 : 0;
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

        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) < 0) {
            if (errno == EINTR)
                continue;
            return ended;
        }
        if (info.si_pid == 0)
            return ended;
        if (info.si_pid != shim->child)
            continue;
        shim->stopped = info.si_code == CLD_STOPPED;
        if (info.si_code == CLD_STOPPED) {
            shim->stopped_signal = info.si_status;
        } else if (info.si_code != CLD_CONTINUED) {
            *end = decode(&info);
            ended = true;
        }
    }
}

static void
pass_on(Shim *shim, bool *passed)
{
    if (!*passed)
        kill(shim->child, SIGTERM); /* not reaped yet, so it is still that process */
    *passed = true;
}

static void
read_signals(Shim *shim, bool *passed)
{
    struct signalfd_siginfo info;

    for (;;) {
        ssize_t got = read(shim->signals, &info, sizeof(info));

        if (got < 0 && errno == EINTR)
            continue;
        if (got != sizeof(info))
            return;
        if (info.ssi_signo == SIGTERM)
            pass_on(shim, passed);
        /* waitid() tells of a stop only as long as it lasts. */
        else if (info.ssi_code == CLD_STOPPED && (pid_t)info.ssi_pid == shim->child)
            shim->stopped_signal = info.ssi_status;
    }
}

/* One turn: waits for something to happen, and does all but reaping. */
static void
turn(Shim *shim, ShimControl *control, bool *passed)
{
    const struct timespec nap = { 0, REFUSED_NAP_NS };
    struct pollfd polled[SHIM_POLL_COUNT];
    int limit = shimControlPoll(control, polled), ready;

    polled[SHIM_POLL_SIGNALS] = (struct pollfd){ .fd = shim->signals, .events = POLLIN };
    ready = poll(polled, SHIM_POLL_COUNT, limit);
    if (ready < 0 && errno != EINTR)
        nanosleep(&nap, NULL);
    if (ready < 0) {
        for (size_t i = 0; i < SHIM_POLL_COUNT; i++)
            polled[i].revents = 0;
    }
    read_signals(shim, passed);
    if (ready >= 0)
        shimControlServe(control, polled);
}

int
shimSupervise(Shim *shim, ShimControl *control)
{
    ShimEnd end = { .kind = "unknown", .value = -1, .stage = VMMI_STAGE_RUNNING };
    bool passed = false, recorded;

    for (;;) {
        bool stopped = shim->stopped;

        if (reap(shim, &end))
            break;
        if (stopped != shim->stopped)
            shimControlTellChange(control);
        turn(shim, control, &passed);
    }
    recorded = shimRecordResult(shim, &end) == 0;
    shimControlFinish(control, recorded);
    return recorded ? 0 : -1;
}
