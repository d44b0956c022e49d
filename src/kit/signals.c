/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signals.c: the signals of a plugin, read from a descriptor.
 */
#include "kit/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <glib.h>

#include "util/error.h"

static const int caught[] = { SIGUSR1, SIGTERM, SIGINT, SIGQUIT };
static const int ignored[] = { SIGHUP, SIGPIPE };

int
vmmiSignalsOpen(vmmiError **err)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    for (size_t i = 0; i < G_N_ELEMENTS(caught); i++)
        sigaddset(&set, caught[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* A shell starts background jobs with SIGINT ignored; that must not swallow the abort. */
    for (size_t i = 0; i < G_N_ELEMENTS(caught); i++)
        signal(caught[i], SIG_DFL);
    for (size_t i = 0; i < G_N_ELEMENTS(ignored); i++)
        signal(ignored[i], SIG_IGN);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot open a signal descriptor");
    return fd;
}

vmmiSignal
vmmiSignalsRead(int fd)
{
    struct signalfd_siginfo info;
    ssize_t got;

    do {
        got = read(fd, &info, sizeof(info));
    } while (got < 0 && errno == EINTR);
    if (got != sizeof(info))
        return VMMI_SIGNAL_NONE;
    switch (info.ssi_signo) {
    case SIGUSR1:
        return VMMI_SIGNAL_STATUS;
    case SIGTERM:
        return VMMI_SIGNAL_RELEASE;
    default:
        return VMMI_SIGNAL_ABORT;
    }
}
