/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reap.c: runs a daemon, and looks after all that it leaves behind.
 *
 * libvirtd and the QEMUs that it starts are orphans by design, for the machine's first
 * process to reap. Where that is slow (containers, some sandboxes), libvirtd waits for seconds
 * for each QEMU that it ended, since a process that nobody reaped still counts as alive.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int
exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reaps until no child is left; reports the first one's end at once. */
static void
reap_all(pid_t first, int report)
{
    int status;
    pid_t pid;

    while ((pid = wait(&status)) > 0 || errno == EINTR) {
        unsigned char code;

        if (pid != first)
            continue;
        code = (unsigned char)exit_code(status);
        if (write(report, &code, 1) != 1)
            perror("report");
        close(report);
    }
}

static void
become_reaper(char **command, int report)
{
    pid_t first;

    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    first = fork();
    if (first == 0) {
        close(report);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    if (first > 0)
        reap_all(first, report);
    _exit(first > 0 ? 0 : 1);
}

/* Returns the exit code of the command, which may have left a daemon behind. */
int
lab_reap(char **command)
{
    unsigned char code = 125;
    int report[2];
    pid_t reaper;

    if (pipe(report) < 0 || (reaper = fork()) < 0) {
        perror("vmmi-lab-tool");
        return 125;
    }
    if (reaper == 0) {
        close(report[0]);
        become_reaper(command, report[1]);
    }
    close(report[1]);
    if (read(report[0], &code, 1) != 1)
        return 125;
    return code;
}
