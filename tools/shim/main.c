/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: vmmi-shim: stands between a manager and one plugin, so that the end of the plugin is
 * known whatever happens to the manager.
 *
 * Started by launch-local.c as `vmmi-shim PLUGIN ARGV0 [ARG...]`; launch-protocol.h says what they
 * tell each other. It is outside of the data path: streams are files. When it is killed, the plugin
 * goes on and only the exit status is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "shim.h"

#define OOM_SCORE_FILE "/proc/self/oom_score_adj"
#define OOM_SCORE_SHIM "-900"

static void give_up(const Shim *shim, vmmiLaunchStage stage, int error) __attribute__((noreturn));

static int
tell(const Shim *shim, vmmiLaunchStage stage, int error)
{
    vmmiLaunchReport report = {
        .stage = (uint32_t)stage, .error = error, .shim_pid = getpid(), .plugin_pid = shim->child
    };

    ssize_t sent;

    do {
        sent = send(shim->socket, &report, sizeof(report), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == sizeof(report) ? 0 : -1;
}

static void
give_up(const Shim *shim, vmmiLaunchStage stage, int error)
{
    tell(shim, stage, error);
    _exit(1);
}

static bool
was_started_right(int argc)
{
    struct stat st;

    return argc >= 3 && fstat(VMMI_SHIM_SOCKET_FD, &st) == 0 && S_ISSOCK(st.st_mode) &&
           fstat(VMMI_SHIM_JOB_FD, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Away from the launcher: another session, no terminal, no directory in use. */
static void
detach(Shim *shim)
{
    pid_t pid;

    syscall(SYS_close_range, VMMI_SHIM_JOB_FD + 1, ~0U, 0);
    fcntl(VMMI_SHIM_SOCKET_FD, F_SETFD, FD_CLOEXEC);
    fcntl(VMMI_SHIM_JOB_FD, F_SETFD, FD_CLOEXEC);
    pid = fork();
    if (pid < 0)
        give_up(shim, VMMI_STAGE_SESSION, errno);
    if (pid > 0)
        _exit(0);
    umask(077);
    if (setsid() < 0 || chdir("/") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
        shimTakeSignals(shim) < 0)
        give_up(shim, VMMI_STAGE_SESSION, errno);
}

/*
 * A description of our own, so that the lock on the directory (against aging by systemd-tmpfiles)
 * ends with us.
 */
static void
open_job(Shim *shim)
{
    shim->job = openat(VMMI_SHIM_JOB_FD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (shim->job < 0)
        give_up(shim, VMMI_STAGE_LOCK, errno);
    flock(shim->job, LOCK_SH | LOCK_NB);
    close(VMMI_SHIM_JOB_FD);
}

/* The directory's name, for those who ask on the control socket. */
static void
learn_id(Shim *shim)
{
    char path[32], target[4096];
    const char *name;
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", shim->job);
    length = readlink(path, target, sizeof(target) - 1);
    target[length < 0 ? 0 : length] = '\0';
    name = strrchr(target, '/');
    if (name && strlen(name + 1) < sizeof(shim->id) &&
        name[1 + strspn(name + 1, "0123456789abcdef-.")] == '\0')
        strcpy(shim->id, name + 1);
}

static void
take_lock(Shim *shim)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = VMMI_LOCK_SHIM, .l_len = 1
    };

    shim->lock = openat(shim->job, VMMI_FILE_LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (shim->lock < 0 || fcntl(shim->lock, F_SETLK, &lock) < 0)
        give_up(shim, VMMI_STAGE_LOCK, errno);
}

/* Best effort: a shim needs next to nothing, and with it goes the knowledge of the end. */
static void
lower_oom_score(Shim *shim)
{
    int fd = open(OOM_SCORE_FILE, O_RDWR | O_CLOEXEC);
    char text[16];

    if (fd >= 0 && shimReadText(fd, text, sizeof(text)) > 0) {
        ssize_t ignored;

        shim->oom_score = (int)strtol(text, NULL, 10);
        ignored = pwrite(fd, OOM_SCORE_SHIM, sizeof(OOM_SCORE_SHIM) - 1, 0);
        (void)ignored;
    }
    if (fd >= 0)
        close(fd);
}

/*
 * The plugin did not start: says so in the record, then to the launcher, who may remove the record
 * at once.
 */
static void fail_child(Shim *shim, vmmiLaunchStage stage, int error) __attribute__((noreturn));

static void
fail_child(Shim *shim, vmmiLaunchStage stage, int error)
{
    ShimEnd end = { .kind = "not-started", .value = -1, .stage = stage, .error = error };

    /* It has failed, or has not executed anything yet, and may be waiting for the word to. */
    close(shim->go);
    kill(shim->child, SIGKILL);
    while (waitpid(shim->child, NULL, 0) < 0 && errno == EINTR)
        ;
    shimRecordResult(shim, &end);
    give_up(shim, stage, error);
}

/* Returns 1 with a report of the child, 0 when it executed its program or is gone. */
static int
hear(int fd, vmmiLaunchReport *report)
{
    size_t used = 0;

    while (used < sizeof(*report)) {
        ssize_t got = read(fd, (char *)report + used, sizeof(*report) - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        used += (size_t)got;
    }
    return 1;
}

static bool
launcher_says_go(const Shim *shim)
{
    char byte;
    ssize_t got;

    do {
        got = recv(shim->socket, &byte, 1, 0);
    } while (got < 0 && errno == EINTR);
    return got == 1;
}

/* Makes the child ready to execute the plugin, asks the launcher, lets it go. */
static void
start_plugin(Shim *shim)
{
    vmmiLaunchReport report = { 0 };
    int go[2], reports[2];

    if (pipe2(go, O_CLOEXEC) < 0 || pipe2(reports, O_CLOEXEC) < 0)
        give_up(shim, VMMI_STAGE_FORK, errno);
    shim->child = fork();
    if (shim->child < 0)
        give_up(shim, VMMI_STAGE_FORK, errno);
    if (shim->child == 0) {
        close(go[1]);
        close(reports[0]);
        shimChildRun(shim, &(ShimPipes){ .go = go[0], .report = reports[1] });
    }
    shim->go = go[1];
    close(go[0]);
    close(reports[1]);
    if (!hear(reports[0], &report))
        fail_child(shim, VMMI_STAGE_FORK, ECHILD);
    if (report.stage != VMMI_STAGE_READY)
        fail_child(shim, (vmmiLaunchStage)report.stage, report.error);
    if (shimRecordProcess(shim) < 0)
        fail_child(shim, VMMI_STAGE_RECORD, errno);
    if (tell(shim, VMMI_STAGE_READY, 0) < 0 || !launcher_says_go(shim))
        fail_child(shim, VMMI_STAGE_READY, EPIPE);
    shim->started_ms = shimNowMs(CLOCK_REALTIME);
    shim->started_boottime_ms = shimNowMs(CLOCK_BOOTTIME);
    if (shimWriteFull(shim->go, "", 1) < 0)
        fail_child(shim, VMMI_STAGE_FORK, errno);
    close(shim->go);
    shim->go = -1;
    if (hear(reports[0], &report))
        fail_child(shim, (vmmiLaunchStage)report.stage, report.error);
    close(reports[0]);
}

int
main(int argc, char **argv)
{
    static Shim shim = {
        .socket = VMMI_SHIM_SOCKET_FD, .job = -1, .lock = -1, .result = -1, .go = -1
    };
    static ShimControl control;

    if (!was_started_right(argc)) {
        fprintf(stderr,
                "vmmi-shim: this program is started by libvmmi, with a socket and a directory\n");
        return 2;
    }
    shim.plugin = argv[1];
    shim.arguments = argv + 2;
    detach(&shim);
    open_job(&shim);
    take_lock(&shim);
    if (shimRecordReserve(&shim) < 0)
        give_up(&shim, VMMI_STAGE_RESERVE, errno);
    lower_oom_score(&shim);
    learn_id(&shim);
    shimControlOpen(&control, &shim);
    start_plugin(&shim);
    tell(&shim, VMMI_STAGE_RUNNING, 0);
    close(shim.socket);
    _exit(shimSupervise(&shim, &control) < 0 ? 1 : 0);
}
