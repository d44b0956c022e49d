/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-local.c: starting a plugin on this machine, through the shim.
 *
 * The shim is spawned without copying this process, forks once more and is nobody's child from then
 * on: only its first process is waited for, and it ends at once. launch-protocol.h says what is
 * spoken. The record of the job is job-*.c.
 */
#include "plugin/launch-local.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "config.h"
#include "plugin/job-lock.h"
#include "plugin/job-process.h"
#include "plugin/job-rundir.h"
#include "plugin/launch-protocol.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/spawn.h"

/* From the call to the answer that the plugin runs, unless the request says otherwise. */
#define LAUNCH_MS 10000
/* How long a shim that was left alone may take to end. */
#define STOP_MS 2000
/* Descriptors that go to the shim wait here, clear of the numbers they will have. */
#define HIGH_FD 16

static const char *const stage_names[] = VMMI_STAGE_NAMES;
G_STATIC_ASSERT(G_N_ELEMENTS(stage_names) == VMMI_STAGE_LAST);

typedef struct {
    const vmmiLaunchRequest *request;
    int job_fd;
    int socket;
    pid_t pid;          /* the shim's first process, 0 when it was reaped */
    uint64_t deadline;
} Launch;

static void
launch_clear(Launch *launch)
{
    vmmiFdCleanup(&launch->socket);
    vmmiFdCleanup(&launch->job_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Launch, launch_clear)

char *
vmmiLaunchShimPath(vmmiError **err)
{
    const char *chosen = vmmiSpawnIsPrivileged() ? NULL : getenv("VMMI_SHIM_PATH");
    const char *path = chosen && *chosen ? chosen : VMMI_SHIM;
    g_autoptr(vmmiError) refusal = NULL;

    if (g_path_is_absolute(path) && vmmiPluginCheckFile(path, &refusal) == 0)
        return g_strdup(path);
    vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH, "the shim %s cannot be used: %s", path,
                 refusal ? vmmiErrorGetMessage(refusal) : "it is not an absolute path");
    vmmiErrorSetDetails(
        err, "stage shim; the shim is installed with libvmmi, VMMI_SHIM_PATH names another one");
    return NULL;
}

/* One sentence: which stage, why; the name of the errno in the details. */
static int
raise_stage(const Launch *launch, uint32_t stage, int number, vmmiError **err)
{
    const char *name = stage < VMMI_STAGE_LAST ? stage_names[stage] : "unknown";
    const char *errno_name = strerrorname_np(number);
    g_autofree char *why = NULL;

    if (stage == VMMI_STAGE_EXEC) {
        why = vmmiSpawnExplainExec(launch->request->plugin_path, number);
        vmmiErrorSetErrno(err, VMMI_ERR_PLUGIN_LAUNCH, number, "%s", why);
    } else {
        vmmiErrorSetErrno(err, VMMI_ERR_PLUGIN_LAUNCH, number,
                          "cannot start plugin '%s' at stage '%s'", launch->request->plugin_path,
                          name);
    }
    vmmiErrorSetDetails(err, "stage %s, errno %d (%s)", name, number,
                        errno_name ? errno_name : "unknown");
    return -1;
}

static int
check_request(const vmmiLaunchRequest *request, vmmiError **err)
{
    if (!request->plugin_path || !g_path_is_absolute(request->plugin_path))
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "'%s' is not an absolute path of a plugin",
                            request->plugin_path ? request->plugin_path : "(null)");
    if (!request->job_dir || !g_path_is_absolute(request->job_dir))
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "'%s' is not an absolute path of a job",
                            request->job_dir ? request->job_dir : "(null)");
    if (!request->arguments || !request->arguments[0] || !request->environment)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "plugin '%s' needs arguments and an environment", request->plugin_path);
    return 0;
}

/* What the shim finds open. Returns 0 or an errno. */
static int
set_actions(posix_spawn_file_actions_t *actions, int socket_fd, int job_fd)
{
    int failure = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

    if (!failure)
        failure = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
    if (!failure)
        failure = posix_spawn_file_actions_adddup2(actions, 1, 2);
    if (!failure)
        failure = posix_spawn_file_actions_adddup2(actions, socket_fd, VMMI_SHIM_SOCKET_FD);
    if (!failure)
        failure = posix_spawn_file_actions_adddup2(actions, job_fd, VMMI_SHIM_JOB_FD);
    if (!failure)
        failure = posix_spawn_file_actions_addclosefrom_np(actions, VMMI_SHIM_JOB_FD + 1);
    return failure;
}

static int
spawn(Launch *launch, const char *shim, int socket_fd, int job_fd)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure;

    g_ptr_array_add(arguments, (gpointer)"vmmi-shim");
    g_ptr_array_add(arguments, (gpointer)launch->request->plugin_path);
    for (size_t i = 0; launch->request->arguments[i]; i++)
        g_ptr_array_add(arguments, (gpointer)launch->request->arguments[i]);
    g_ptr_array_add(arguments, NULL);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    failure = set_actions(&actions, socket_fd, job_fd);
    if (!failure)
        failure = vmmiSpawnSetAttributes(&attributes);
    if (!failure)
        failure =
            posix_spawn(&launch->pid, shim, &actions, &attributes, (char *const *)arguments->pdata,
                        (char *const *)launch->request->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static int
spawn_shim(Launch *launch, vmmiError **err)
{
    g_autofree char *shim = vmmiLaunchShimPath(err);
    vmmi_autofd int remote = -1;
    vmmi_autofd int high_socket = -1;
    vmmi_autofd int high_job = -1;
    int pair[2], failure;

    if (!shim)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return raise_stage(launch, VMMI_STAGE_SESSION, errno, err);
    launch->socket = pair[0];
    remote = pair[1];
    high_socket = fcntl(remote, F_DUPFD_CLOEXEC, HIGH_FD);
    high_job = fcntl(launch->job_fd, F_DUPFD_CLOEXEC, HIGH_FD);
    if (high_socket < 0 || high_job < 0)
        return raise_stage(launch, VMMI_STAGE_SESSION, errno, err);
    failure = spawn(launch, shim, high_socket, high_job);
    if (!failure)
        return 0;
    launch->pid = 0;
    vmmiErrorSetErrno(err, VMMI_ERR_PLUGIN_LAUNCH, failure, "cannot start the shim '%s'", shim);
    vmmiErrorSetDetails(err, "stage shim, errno %d (%s)", failure, strerrorname_np(failure));
    return -1;
}

/*
 * Returns 1 with a report, 0 when the shim is gone or the time is over (errno ETIMEDOUT), -1 with
 * errno.
 */
static int
receive(Launch *launch, vmmiLaunchReport *report)
{
    for (;;) {
        struct pollfd polled = { .fd = launch->socket, .events = POLLIN };
        uint64_t now = vmmiClockBoottimeMs();
        int ready = now < launch->deadline ? poll(&polled, 1, (int)(launch->deadline - now)) : 0;
        ssize_t got;

        errno = ready == 0 ? ETIMEDOUT : errno;
        if (ready == 0)
            return 0;
        got = ready < 0 ? -1 : recv(launch->socket, report, sizeof(*report), MSG_DONTWAIT);
        if (got == sizeof(*report))
            return 1;
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        errno = got < 0 ? errno : ECHILD;
        return got < 0 ? -1 : 0;
    }
}

/*
 * The shim's first process ends as soon as it has forked. Somebody else may have reaped it: its
 * status is not needed.
 */
static void
reap(Launch *launch)
{
    while (launch->pid && waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    launch->pid = 0;
}

/* Ends whatever holds a lock of the job. */
static void
kill_holder(int job_fd, bool (*holder)(const vmmiJobLocks *locks, pid_t *pid))
{
    vmmiJobLocks first, second;
    pid_t pid = 0, again = 0;
    vmmi_autofd int pidfd = -1;

    if (vmmiJobLocksLook(job_fd, &first, NULL) < 0 || !holder(&first, &pid) || !pid)
        return;
    pidfd = vmmiProcessOpenPidfd(pid);
    if (pidfd >= 0 && vmmiJobLocksLook(job_fd, &second, NULL) == 0 && holder(&second, &again) &&
        again == pid)
        vmmiProcessSendSignal(pidfd, SIGKILL);
}

static bool
plugin_holder(const vmmiJobLocks *locks, pid_t *pid)
{
    *pid = locks->plugin_pid;
    return locks->plugin;
}

static bool
shim_holder(const vmmiJobLocks *locks, pid_t *pid)
{
    *pid = locks->shim_pid;
    return locks->shim;
}

static void
wait_until_gone(int job_fd)
{
    uint64_t deadline = vmmiClockBoottimeMs() + STOP_MS;
    vmmiJobLocks locks;

    while (vmmiJobLocksLook(job_fd, &locks, NULL) == 0 && (locks.shim || locks.plugin) &&
           vmmiClockBoottimeMs() < deadline)
        g_usleep(1000);
}

/*
 * Nothing may run after a failure. The shim that hears no answer stops its child and ends; one that
 * does not within some time, or that had been told to go, is killed together with the plugin.
 */
static void
stop_all(Launch *launch, bool went)
{
    vmmiFdCleanup(&launch->socket);
    if (went)
        kill_holder(launch->job_fd, plugin_holder);
    wait_until_gone(launch->job_fd);
    kill_holder(launch->job_fd, plugin_holder);
    kill_holder(launch->job_fd, shim_holder);
    wait_until_gone(launch->job_fd);
    /*
     * A first process that hangs has not forked, and is still ours to end, unless somebody reaped
     * it.
     */
    if (launch->pid && waitpid(launch->pid, NULL, WNOHANG) == 0)
        kill(launch->pid, SIGKILL);
    reap(launch);
}

static unsigned int
launch_limit(const vmmiLaunchRequest *request)
{
    return request->timeout_ms ? request->timeout_ms : LAUNCH_MS;
}

static int
raise_silence(Launch *launch, int number, bool went, vmmiError **err)
{
    stop_all(launch, went);
    if (number == ETIMEDOUT)
        vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH,
                     "plugin '%s' was not running after %u ms; it was stopped",
                     launch->request->plugin_path, launch_limit(launch->request));
    else
        vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH, "the shim ended before plugin '%s' was running",
                     launch->request->plugin_path);
    vmmiErrorSetDetails(err, "stage %s, errno %d (%s)", went ? "running" : "ready", number,
                        strerrorname_np(number));
    return -1;
}

/* One step of the conversation: the stage that is waited for, or what went wrong. */
static int
expect(Launch *launch, vmmiLaunchStage wanted, bool went, vmmiError **err)
{
    vmmiLaunchReport report;

    if (receive(launch, &report) <= 0)
        return raise_silence(launch, errno, went, err);
    if (report.stage == wanted)
        return 0;
    stop_all(launch, went);
    return raise_stage(launch, report.stage, report.error, err);
}

int
vmmiLaunchLocal(const vmmiLaunchRequest *request, vmmiError **err)
{
    g_auto(Launch) launch = { .request = request, .job_fd = -1, .socket = -1,
                              .deadline = vmmiClockBoottimeMs() + launch_limit(request) };

    if (check_request(request, err) < 0)
        return -1;
    launch.job_fd = vmmiRunDirOpenAt(AT_FDCWD, request->job_dir);
    if (launch.job_fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_PLUGIN_LAUNCH, errno, "cannot open '%s'",
                                 request->job_dir);
    if (spawn_shim(&launch, err) < 0 || expect(&launch, VMMI_STAGE_READY, false, err) < 0)
        return -1;
    reap(&launch);
    if (send(launch.socket, "", 1, MSG_NOSIGNAL) != 1)
        return raise_silence(&launch, errno, false, err);
    return expect(&launch, VMMI_STAGE_RUNNING, true, err);
}
