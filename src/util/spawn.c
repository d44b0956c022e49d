/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spawn.c: a bounded run of another program: its output is kept, and nothing of it is left behind.
 *
 * The child leads a session of its own, so one kill reaches its children too. It is killed while it
 * has not been reaped: until then its number cannot belong to somebody else.
 */
#include "util/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

/* Kept of standard error, and the most that is read of it. */
#define DIAGNOSTICS_KEPT 1024
#define DIAGNOSTICS_READ (1024 * 1024)
/* A file that is being written cannot be executed; package managers and compilers finish soon. */
#define BUSY_TRIES 10
#define BUSY_PAUSE_US 20000
/* How often a child is looked at where the kernel has no descriptors for processes. */
#define PROBE_MS 20

typedef struct {
    int fd;             /* our end, -1 at its end */
    GString *text;
    size_t keep;        /* bytes that are kept */
    size_t limit;       /* bytes that may be written */
    size_t seen;
} Stream;

typedef struct {
    const vmmiSpawnRequest *request;
    uint64_t deadline_ms;
    pid_t pid;
    int pidfd;
    Stream output;
    Stream diagnostics;
} Run;

static void
stream_clear(Stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    if (stream->text)
        g_string_free(stream->text, TRUE);
}

static void
run_clear(Run *run)
{
    if (run->pidfd >= 0)
        close(run->pidfd);
    stream_clear(&run->output);
    stream_clear(&run->diagnostics);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

/* A pipe whose ends lie above the standard streams, so that moving them there cannot clash. */
static int
make_pipe(int *read_end, int *write_end, vmmiError **err)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot make a pipe");
    *read_end = fcntl(ends[0], F_DUPFD_CLOEXEC, 3);
    *write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 3);
    close(ends[0]);
    close(ends[1]);
    if (*read_end < 0 || *write_end < 0 || fcntl(*read_end, F_SETFL, O_NONBLOCK) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot make a pipe");
    return 0;
}

int
vmmiSpawnSetAttributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    int failure;

    /* sigfillset() leaves out two signals of the C library, which posix_spawn() would then make
     * ignored. */
    memset(&all, 0xff, sizeof(all));
    sigemptyset(&none);
    failure = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
                                                       POSIX_SPAWN_SETSIGMASK);
    if (!failure)
        failure = posix_spawnattr_setsigdefault(attributes, &all);
    if (!failure)
        failure = posix_spawnattr_setsigmask(attributes, &none);
    return failure;
}

static int
set_actions(posix_spawn_file_actions_t *actions, int output, int diagnostics)
{
    int failure = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (!failure)
        failure = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (!failure)
        failure = posix_spawn_file_actions_adddup2(actions, diagnostics, STDERR_FILENO);
    if (!failure)
        failure = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (!failure)
        failure = posix_spawn_file_actions_addchdir_np(actions, "/");
    return failure;
}

/* Returns 0 or an errno. */
static int
spawn_once(Run *run, int output, int diagnostics)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure = posix_spawn_file_actions_init(&actions);

    if (failure)
        return failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure) {
        posix_spawn_file_actions_destroy(&actions);
        return failure;
    }
    failure = vmmiSpawnSetAttributes(&attributes);
    if (!failure)
        failure = set_actions(&actions, output, diagnostics);
    if (!failure)
        failure = posix_spawn(&run->pid, run->request->path, &actions, &attributes,
                              (char *const *)run->request->arguments,
                              (char *const *)run->request->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static int
start(Run *run, vmmiError **err)
{
    const struct rlimit no_core = { 0, 0 };
    vmmi_autofd int output = -1;
    vmmi_autofd int diagnostics = -1;
    int failure = 0;

    if (make_pipe(&run->output.fd, &output, err) < 0 ||
        make_pipe(&run->diagnostics.fd, &diagnostics, err) < 0)
        return -1;
    for (int i = 0; i < BUSY_TRIES; i++) {
        failure = spawn_once(run, output, diagnostics);
        if (failure != ETXTBSY)
            break;
        g_usleep(BUSY_PAUSE_US);
    }
    if (failure) {
        g_autofree char *why = vmmiSpawnExplainExec(run->request->path, failure);

        vmmiErrorSetErrno(err, VMMI_ERR_PLUGIN_LAUNCH, failure, "%s", why);
        return -1;
    }
    prlimit(run->pid, RLIMIT_CORE, &no_core, NULL);
    run->pidfd = pidfd_open(run->pid, 0);
    return 0;
}

/* Whether the child has ended, without reaping it. */
static bool
has_ended(const Run *run)
{
    siginfo_t info = { 0 };

    if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return errno == ECHILD;   /* somebody else reaped it, or SIGCHLD is ignored */
    return info.si_pid == run->pid;
}

/* Reads what is there. Returns 0, or -1 when there is more than the limit. */
static int
stream_read(Stream *stream)
{
    char buffer[16384];

    while (stream->fd >= 0) {
        ssize_t got = read(stream->fd, buffer, sizeof(buffer));
        size_t room = stream->keep - stream->text->len;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return 0;
        if (got <= 0) {
            close(stream->fd);
            stream->fd = -1;
            return 0;
        }
        stream->seen += (size_t)got;
        g_string_append_len(stream->text, buffer, (gssize)MIN((size_t)got, room));
        if (stream->seen > stream->limit)
            return -1;
    }
    return 0;
}

static int
read_streams(Run *run, vmmiError **err)
{
    Stream *streams[] = { &run->output, &run->diagnostics };
    const char *const names[] = { "output", "error" };

    for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
        if (stream_read(streams[i]) < 0)
            return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL,
                                "'%s' wrote more than %zu bytes on standard %s", run->request->path,
                                streams[i]->limit, names[i]);
    }
    return 0;
}

/* Follows the child to its end: 0, or -1 when it took too long or wrote too much. */
static int
follow(Run *run, vmmiError **err)
{
    for (;;) {
        struct pollfd fds[] = {
            { .fd = run->output.fd, .events = POLLIN },
            { .fd = run->diagnostics.fd, .events = POLLIN },
            { .fd = run->pidfd, .events = POLLIN },
        };
        uint64_t now = vmmiClockBoottimeMs();
        uint64_t left = now < run->deadline_ms ? run->deadline_ms - now : 0;
        bool ended = has_ended(run);

        /* What it wrote before its end is in the pipes by now. */
        if (read_streams(run, err) < 0)
            return -1;
        if (ended)
            return 0;
        if (left == 0)
            return vmmiErrorSet(err, VMMI_ERR_TIMEOUT, "'%s' did not end within %u ms",
                                run->request->path, run->request->timeout_ms);
        if (run->pidfd < 0)
            left = MIN(left, PROBE_MS);
        if (poll(fds, G_N_ELEMENTS(fds), (int)MIN(left, G_MAXINT)) < 0 && errno != EINTR)
            return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot wait for '%s'",
                                     run->request->path);
    }
}

/* Whether nobody reaped the child yet, so that its number is still its own. */
static bool
is_ours(const Run *run)
{
    siginfo_t info;

    return waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Kills the child and its group, and reaps the child. */
static void
finish(Run *run, vmmiExitKind *kind, int *value)
{
    siginfo_t info = { 0 };
    int waited;

    *kind = VMMI_EXIT_UNKNOWN;
    *value = -1;
    if (is_ours(run))
        kill(-run->pid, SIGKILL);
    do {
        waited = waitid(P_PID, (id_t)run->pid, &info, WEXITED);
    } while (waited < 0 && errno == EINTR);
    if (waited < 0)
        return;
    *kind = info.si_code == CLD_EXITED ? VMMI_EXIT_EXITED : VMMI_EXIT_KILLED;
    *value = info.si_status;
}

static char *
printable(const GString *text)
{
    g_autofree char *valid = g_utf8_make_valid(text->str, (gssize)text->len);

    for (char *c = valid; *c; c++) {
        if ((guchar)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    return g_strdup(g_strstrip(valid));
}

int
vmmiSpawnRun(const vmmiSpawnRequest *request, vmmiSpawnResult *result, vmmiError **err)
{
    g_auto(Run) run = {
        .request = request,
        .deadline_ms = vmmiClockBoottimeMs() + request->timeout_ms,
        .pidfd = -1,
        .output = { -1, g_string_new(NULL), request->max_output, request->max_output, 0 },
        .diagnostics = { -1, g_string_new(NULL), DIAGNOSTICS_KEPT, DIAGNOSTICS_READ, 0 },
    };
    vmmiExitKind kind;
    int value, followed;

    if (start(&run, err) < 0)
        return -1;
    followed = follow(&run, err);
    finish(&run, &kind, &value);
    if (followed < 0)
        return -1;
    result->kind = kind;
    result->value = value;
    result->diagnostics = printable(run.diagnostics.text);
    result->output_length = run.output.text->len;
    result->output = g_string_free(g_steal_pointer(&run.output.text), FALSE);
    return 0;
}

void
vmmiSpawnResultClear(vmmiSpawnResult *result)
{
    g_clear_pointer(&result->output, g_free);
    g_clear_pointer(&result->diagnostics, g_free);
}

/* The interpreter that a script names, or NULL. */
static char *
interpreter_of(const char *path)
{
    vmmi_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char line[256] = "";
    ssize_t got = fd < 0 ? -1 : 1;
    size_t used = 0;
    g_autoptr(GString) text = NULL;

    while (fd >= 0 && (got > 0 || (got < 0 && errno == EINTR)) && used < sizeof(line) - 1) {
        got = read(fd, line + used, sizeof(line) - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (used < 3 || line[0] != '#' || line[1] != '!')
        return NULL;
    text = g_string_new_len(line + 2 + strspn(line + 2, " \t"), -1);
    g_string_truncate(text, strcspn(text->str, " \t\r\n"));
    return printable(text);
}

char *
vmmiSpawnExplainExec(const char *path, int number)
{
    g_autofree char *interpreter = number == ENOENT ? interpreter_of(path) : NULL;

    if (interpreter)
        return g_strdup_printf("cannot execute '%s': its interpreter '%s' is missing", path,
                               interpreter);
    if (number == ENOEXEC)
        return g_strdup_printf("cannot execute '%s': neither a program for this machine nor a "
                               "script with '#!'", path);
    return g_strdup_printf("cannot execute '%s'", path);
}
