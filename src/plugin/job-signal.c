/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-signal.c: signals to the plugin of a job, and to nobody else.
 *
 * The lock says who the plugin is; a pidfd pins that process; the lock, asked again, says that it
 * was still the plugin when it was pinned. A plugin that lost its lock is known by pid and start
 * time instead.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "plugin/job-private.h"
#include "plugin/job-process.h"
#include "util/cleanup.h"
#include "util/error.h"

static int
raise_not_alive(const vmmiJob *job, const vmmiJobLiveness *liveness, vmmiError **err)
{
    if (liveness->phase == VMMI_PHASE_UNCLEAR)
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "the records of migration %s contradict each other: it is not "
                            "certain which process is its plugin",
                            job->id);
    if (liveness->plugin_alive)
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "the plugin of migration %s cannot be seen from here "
                            "(another pid namespace?)",
                            job->id);
    return vmmiErrorSet(err, VMMI_ERR_STATE, "the plugin of migration %s does not run: it is %s",
                        job->id, vmmiPhaseToString(liveness->phase));
}

static bool
is_target(const vmmiJobLiveness *liveness)
{
    return liveness->phase != VMMI_PHASE_UNCLEAR && liveness->plugin_alive &&
           liveness->plugin_pid > 0;
}

/* Pins the plugin. Returns what @open_process gives, or -1. */
static int
pin(vmmiJob *job, int (*open_process)(pid_t pid), pid_t *pid, vmmiError **err)
{
    vmmiJobLiveness first, second;
    vmmi_autofd int pidfd = -1;

    if (vmmiJobGetLiveness(job, &first, err) < 0)
        return -1;
    if (!is_target(&first))
        return raise_not_alive(job, &first, err);
    pidfd = open_process(first.plugin_pid);
    if (pidfd < 0 && errno == ENOSYS)
        return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                            "this kernel has no pidfd_open: the end of a plugin cannot be polled");
    if (pidfd < 0 && errno != ESRCH)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno,
                                 "cannot reach the plugin of migration %s", job->id);
    if (vmmiJobGetLiveness(job, &second, err) < 0)
        return -1;
    if (pidfd < 0 || !is_target(&second) || second.plugin_pid != first.plugin_pid)
        return raise_not_alive(job, &second, err);
    *pid = first.plugin_pid;
    return vmmiFdSteal(&pidfd);
}

int
vmmiJobOpenPidfd(vmmiJob *job, vmmiError **err)
{
    pid_t pid;

    return pin(job, vmmiProcessOpenPidfd, &pid, err);
}

int
vmmiJobSignal(vmmiJob *job, int signal_number, vmmiError **err)
{
    vmmi_autofd int pidfd = -1;
    pid_t pid = 0;

    if (signal_number < 1 || signal_number > SIGRTMAX)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "%d is no signal", signal_number);
    if (signal_number == SIGSTOP)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "SIGSTOP is never sent to a plugin: no process can catch it (B6)");
    pidfd = pin(job, vmmiProcessOpenTarget, &pid, err);
    if (pidfd < 0)
        return -1;
    if (signal_number == SIGUSR1 && !vmmiProcessTakesSignal(pid, signal_number))
        return vmmiErrorSet(err, VMMI_ERR_NOT_READY,
                            "the plugin of migration %s cannot be asked for a status yet", job->id);
    if (vmmiProcessSendSignal(pidfd, signal_number) == 0)
        return 0;
    if (errno == ESRCH)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "the plugin of migration %s has just ended",
                            job->id);
    if (errno == ENOSYS)
        return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                            "this kernel has no pidfd_send_signal: plugins cannot be signalled "
                            "safely");
    return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno,
                             "cannot send %s to the plugin of migration %s",
                             strsignal(signal_number), job->id);
}
