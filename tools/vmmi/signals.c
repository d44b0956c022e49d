/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signals.c: signals as bytes of a pipe.
 */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

static int signal_pipe[2] = { -1, -1 };

static void
on_signal(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;

    /* A full pipe holds more signals than anybody has to be told. */
    if (write(signal_pipe[1], &byte, 1) < 0)
        errno = saved;
    errno = saved;
}

static void
catch_one(int number)
{
    struct sigaction action, old;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    /* What the caller ignores (nohup) stays ignored. */
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

void
signals_catch(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };

    if (signal_pipe[0] >= 0 || pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        catch_one(numbers[i]);
}

void
signals_catch_stop(void)
{
    if (signal_pipe[0] >= 0)
        catch_one(SIGTSTP);
}

int
signals_fd(void)
{
    return signal_pipe[0];
}

int
signals_next(void)
{
    unsigned char byte;

    return signal_pipe[0] >= 0 && read(signal_pipe[0], &byte, 1) == 1 ? byte : 0;
}
