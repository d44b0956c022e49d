/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-local.c: starting a plugin on this machine, through the shim.
 *
 * The shim is spawned without copying this process, forks once more and is nobody's child from then
 * on: only its first process is waited for, and it ends at once. launch-protocol.h says what is
 * spoken. Another program may stand in front of the shim (launch-scope.c). The record of the job is
 * job-*.c.
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
/* What is kept of the words of a program in front of the shim. */
#define SAID_BYTES 512

static const char *const stage_names[] = VMMI_STAGE_NAMES;
G_STATIC_ASSERT(G_N_ELEMENTS(stage_names) == VMMI_STAGE_LAST);

typedef struct {
    const vmmiLaunchRequest *request;
    const vmmiLaunchPrefix *prefix;   /* NULL: the shim is started directly */
    int job_fd;
    int socket;
    int said;           /* standard error of the prefix, -1 without one */
    pid_t pid;          /* the shim's first process, 0 when it was reaped */
    uint64_t deadline;
} Launch;

static void
launch_clear(Launch *launch)
{
    vmmiFdCleanup(&launch->socket);
    vmmiFdCleanup(&launch->job_fd);
    vmmiFdCleanup(&launch->said);
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

/* What the shim finds open; the numbers are out of its way. */
typedef struct {
    int socket, job, said;
} Handed;

/* Returns 0 or an errno. */
static int
set_actions(posix_spawn_file_actions_t *actions, const Handed *fds)
{
    int failure = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

    if (!failure)
        failure = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
    if (!failure)
        failure = posix_spawn_file_actions_adddup2(actions, fds->said < 0 ? 1 : fds->said, 2);
    if (!failure)
        failure = posix_spawn_file_actions_adddup2(actions, fds->socket, VMMI_SHIM_SOCKET_FD);
    if (!failure)
        failure = posix_spawn_file_actions_adddup2(actions, fds->job, VMMI_SHIM_JOB_FD);
    if (!failure)
        failure = posix_spawn_file_actions_addclosefrom_np(actions, VMMI_SHIM_JOB_FD + 1);
    return failure;
}

static GPtrArray *
make_arguments(const Launch *launch, const char *shim)
{
    GPtrArray *arguments = g_ptr_array_new();

    for (size_t i = 0; launch->prefix && launch->prefix->words[i]; i++)
        g_ptr_array_add(arguments, (gpointer)launch->prefix->words[i]);
    g_ptr_array_add(arguments, (gpointer)(launch->prefix ? shim : "vmmi-shim"));
    g_ptr_array_add(arguments, (gpointer)launch->request->plugin_path);
    for (size_t i = 0; launch->request->arguments[i]; i++)
        g_ptr_array_add(arguments, (gpointer)launch->request->arguments[i]);
    g_ptr_array_add(arguments, NULL);
    return arguments;
}

static int
spawn(Launch *launch, const char *shim, const Handed *fds)
{
    g_autoptr(GPtrArray) arguments = make_arguments(launch, shim);
    const char *const *environment =
        launch->prefix ? launch->prefix->environment : launch->request->environment;
    const char *path = launch->prefix ? launch->prefix->words[0] : shim;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    failure = set_actions(&actions, fds);
    if (!failure)
        failure = vmmiSpawnSetAttributes(&attributes);
    if (!failure)
        failure = posix_spawn(&launch->pid, path, &actions, &attributes,
                              (char *const *)arguments->pdata, (char *const *)environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failure)
        launch->pid = 0;
    return failure;
}

/* A memory file: a program that fills it or never reads it cannot be held up by it. */
static int
open_said(Launch *launch)
{
    if (!launch->prefix)
        return 0;
    launch->said = memfd_create("vmmi-launch", MFD_CLOEXEC);
    return launch->said;
}

/* Returns 0, -1 with @err, or 1: the prefix could not be executed. */
static int
spawn_shim(Launch *launch, vmmiError **err)
{
    g_autofree char *shim = vmmiLaunchShimPath(err);
    vmmi_autofd int remote = -1;
    vmmi_autofd int high_socket = -1;
    vmmi_autofd int high_job = -1;
    vmmi_autofd int high_said = -1;
    int pair[2], failure;

    if (!shim)
        return -1;
    if (open_said(launch) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return raise_stage(launch, VMMI_STAGE_SESSION, errno, err);
    launch->socket = pair[0];
    remote = pair[1];
    high_socket = fcntl(remote, F_DUPFD_CLOEXEC, HIGH_FD);
    high_job = fcntl(launch->job_fd, F_DUPFD_CLOEXEC, HIGH_FD);
    if (launch->prefix)
        high_said = fcntl(launch->said, F_DUPFD_CLOEXEC, HIGH_FD);
    if (high_socket < 0 || high_job < 0 || (launch->prefix && high_said < 0))
        return raise_stage(launch, VMMI_STAGE_SESSION, errno, err);
    failure = spawn(launch, shim, &(Handed){ high_socket, high_job, high_said });
    if (!failure || launch->prefix)
        return failure ? 1 : 0;
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
    pidfd = vmmiProcessOpenTarget(pid);
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
 * does not within some time is killed together with its child.
 */
static void
stop_all(Launch *launch)
{
    vmmiFdCleanup(&launch->socket);
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

unsigned int
vmmiLaunchLimit(const vmmiLaunchRequest *request)
{
    return request->timeout_ms ? request->timeout_ms : LAUNCH_MS;
}

static int
raise_silence(Launch *launch, int number, vmmiError **err)
{
    stop_all(launch);
    if (number == ETIMEDOUT)
        vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH,
                     "plugin '%s' was not running after %u ms; it was stopped",
                     launch->request->plugin_path, vmmiLaunchLimit(launch->request));
    else
        vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH, "the shim ended before plugin '%s' was running",
                     launch->request->plugin_path);
    vmmiErrorSetDetails(err, "stage ready, errno %d (%s)", number, strerrorname_np(number));
    return -1;
}

static int
check_report(Launch *launch, const vmmiLaunchReport *report, vmmiLaunchStage wanted,
             vmmiError **err)
{
    /* A stage is also where something failed, the first one not excepted. */
    if (report->stage == wanted && report->error == 0)
        return 0;
    stop_all(launch);
    return raise_stage(launch, report->stage, report->error, err);
}

/*
 * It was told to go. Only its own word means that nothing was started: a shim that falls silent or
 * is killed now may have started the plugin, and what that did by now cannot be taken back. So the
 * record stays, and whoever follows it learns the rest.
 */
static int
hear_running(Launch *launch, vmmiError **err)
{
    vmmiLaunchReport report;

    if (receive(launch, &report) <= 0)
        return 0;
    return check_report(launch, &report, VMMI_STAGE_RUNNING, err);
}

/* --- a program in front of the shim ----------------------------------------------- */

/* The first line that it wrote, as printable text. */
static char *
what_it_said(const Launch *launch)
{
    char text[SAID_BYTES + 1] = "";
    ssize_t got = launch->said < 0 ? 0 : pread(launch->said, text, SAID_BYTES, 0);
    g_autofree char *valid = NULL;

    text[got < 0 ? 0 : got] = '\0';
    valid = g_utf8_make_valid(text, -1);
    g_strstrip(valid);
    valid[strcspn(valid, "\n")] = '\0';
    for (char *c = valid; *c; c++) {
        if ((guchar)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    return g_steal_pointer(&valid);
}

static char *
explain_prefix(const Launch *launch, int number)
{
    g_autofree char *name = g_path_get_basename(launch->prefix->words[0]);
    g_autofree char *said = what_it_said(launch);

    if (number == ETIMEDOUT)
        return g_strdup_printf("%s did not answer within %u ms", name, launch->prefix->timeout_ms);
    return *said ? g_steal_pointer(&said) : g_strdup_printf("%s failed", name);
}

/* Whether the other end of the socket is closed everywhere, in some time: whoever had it is gone. */
static bool
all_are_gone(Launch *launch)
{
    vmmiLaunchReport report;
    int heard;

    launch->deadline = vmmiClockBoottimeMs() + STOP_MS;
    do {
        heard = receive(launch, &report);
    } while (heard > 0);
    return heard == 0 && errno == ECHILD;
}

/*
 * No word came from a shim. Whatever is on its way is told to end, by the end of the conversation;
 * the program in front of it is killed. True when there was no shim and will be none.
 */
static bool
withdraw(Launch *launch)
{
    struct stat st;

    shutdown(launch->socket, SHUT_WR);
    /* It leads a session of its own, so this reaches what it started too. */
    if (launch->pid && waitpid(launch->pid, NULL, WNOHANG) == 0)
        kill(-launch->pid, SIGKILL);
    reap(launch);
    return all_are_gone(launch) && fstatat(launch->job_fd, VMMI_FILE_PROCESS, &st, 0) < 0;
}

static bool
shim_has_begun(const Launch *launch)
{
    vmmiJobLocks locks;

    return vmmiJobLocksLook(launch->job_fd, &locks, NULL) == 0 && locks.shim;
}

/* The prefix has its own time; a shim that has begun by then has what is left of the whole. */
static int
expect_first(Launch *launch, vmmiLaunchReport *report)
{
    uint64_t whole = launch->deadline;
    int heard, number;

    if (!launch->prefix)
        return receive(launch, report);
    launch->deadline = MIN(whole, vmmiClockBoottimeMs() + launch->prefix->timeout_ms);
    heard = receive(launch, report);
    number = errno;
    launch->deadline = whole;
    if (heard == 0 && number == ETIMEDOUT && shim_has_begun(launch))
        return receive(launch, report);
    errno = number;
    return heard;
}

/* The first word of the shim: 0, -1, or 1 when there is none. */
static int
hear_ready(Launch *launch, char **reason, vmmiError **err)
{
    vmmiLaunchReport report;
    int number;

    if (expect_first(launch, &report) > 0)
        return check_report(launch, &report, VMMI_STAGE_READY, err);
    number = errno;
    if (!launch->prefix || !withdraw(launch))
        return raise_silence(launch, number, err);
    *reason = explain_prefix(launch, number);
    return 1;
}

static int
run(Launch *launch, char **reason, vmmiError **err)
{
    int result;

    if (check_request(launch->request, err) < 0)
        return -1;
    launch->job_fd = vmmiRunDirOpenAt(AT_FDCWD, launch->request->job_dir);
    if (launch->job_fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_PLUGIN_LAUNCH, errno, "cannot open '%s'",
                                 launch->request->job_dir);
    result = spawn_shim(launch, err);
    if (result > 0)
        *reason = explain_prefix(launch, 0);
    if (!result)
        result = hear_ready(launch, reason, err);
    if (result)
        return result;
    reap(launch);
    if (send(launch->socket, "", 1, MSG_NOSIGNAL) != 1)
        return raise_silence(launch, errno, err);
    return hear_running(launch, err);
}

int
vmmiLaunchThrough(const vmmiLaunchPrefix *prefix, const vmmiLaunchRequest *request, char **reason,
                  vmmiError **err)
{
    g_auto(Launch) launch = { .request = request, .prefix = prefix, .job_fd = -1, .socket = -1,
                              .said = -1,
                              .deadline = vmmiClockBoottimeMs() + vmmiLaunchLimit(request) };

    return run(&launch, reason, err);
}

int
vmmiLaunchLocal(const vmmiLaunchRequest *request, vmmiError **err)
{
    return vmmiLaunchThrough(NULL, request, NULL, err);
}
