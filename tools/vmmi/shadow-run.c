/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shadow-run.c: the process of a policy in shadow.
 *
 * Its standard input and standard error are files without a name, so that nobody has to read or
 * write while it works.
 */
#include "shadow-run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "log-file.h"
#include "signals.h"

#define TURN_MS 200
#define MAX_ERROR_BYTES (4 * 1024 * 1024)

struct ShadowRun {
    char *plugin;
    char *trace;
    GPid pid;
    int error_fd;          /* what it wrote on standard error */
    LogFile *lines;        /* of its trace; NULL: it has not begun */
    bool asked, ended;
    int status;
    vmmiMessage *completion;
};

static int
make_file(const char *name, const char *text)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    size_t length = strlen(text), put = 0;

    while (fd >= 0 && put < length) {
        ssize_t part = write(fd, text + put, length - put);

        if (part < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        put += part > 0 ? (size_t)part : 0;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static int
spawn(ShadowRun *run, const vmmiShadow *shadow, int input, int output, vmmiError **err)
{
    const char *const *arguments = vmmiShadowGetArguments(shadow);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;

    g_ptr_array_add(argv, (gpointer)vmmiShadowGetFile(shadow));
    for (size_t i = 0; arguments[i]; i++)
        g_ptr_array_add(argv, (gpointer)arguments[i]);
    g_ptr_array_add(argv, NULL);
    if (g_spawn_async_with_fds("/", (char **)argv->pdata,
                               (char **)vmmiShadowGetEnvironment(shadow),
                               G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_FILE_AND_ARGV_ZERO, NULL, NULL,
                               &run->pid, input, output, run->error_fd, &error))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH, "cannot start plugin '%s': %s", run->plugin,
                        error->message);
}

ShadowRun *
shadow_run_start(const vmmiShadow *shadow, const char *trace, vmmiError **err)
{
    ShadowRun *run = g_new0(ShadowRun, 1);
    int input = make_file("configuration", vmmiShadowGetConfiguration(shadow));
    int output = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int result = -1;

    run->plugin = g_strdup(vmmiShadowGetArguments(shadow)[0]);
    run->trace = g_strdup(trace);
    run->error_fd = make_file("completion", "");
    if (input < 0 || output < 0 || run->error_fd < 0)
        vmmiErrorSet(err, VMMI_ERR_SYSTEM, "no descriptors for plugin '%s': %s", run->plugin,
                     g_strerror(errno));
    else
        result = spawn(run, shadow, input, output, err);
    if (input >= 0)
        close(input);
    if (output >= 0)
        close(output);
    if (result == 0)
        return run;
    run->ended = true;
    shadow_run_free(run);
    return NULL;
}

void
shadow_run_free(ShadowRun *run)
{
    if (!run)
        return;
    if (run->error_fd >= 0)
        close(run->error_fd);
    if (run->lines)
        log_file_close(run->lines);
    vmmiMessageUnref(run->completion);
    g_free(run->plugin);
    g_free(run->trace);
    g_free(run);
}

/* --- its end ------------------------------------------------------------------------------ */

/* The last line that is a completion. */
static void
read_completion(ShadowRun *run)
{
    g_autofree char *text = g_malloc0(MAX_ERROR_BYTES + 1);
    ssize_t length = pread(run->error_fd, text, MAX_ERROR_BYTES, 0);
    g_auto(GStrv) lines = g_strsplit(length > 0 ? text : "", "\n", -1);

    for (size_t i = 0; lines[i]; i++) {
        vmmiMessage *message = vmmiMessageParse(lines[i], strlen(lines[i]), NULL);

        if (message && vmmiMessageGetKind(message) == VMMI_MESSAGE_COMPLETION) {
            vmmiMessageUnref(run->completion);
            run->completion = message;
        } else {
            vmmiMessageUnref(message);
        }
    }
}

bool
shadow_run_turn(ShadowRun *run)
{
    struct pollfd fd = { .fd = signals_fd(), .events = POLLIN };

    if (run->ended)
        return false;
    poll(&fd, 1, TURN_MS);
    if (waitpid(run->pid, &run->status, WNOHANG) != run->pid)
        return true;
    run->ended = true;
    read_completion(run);
    return false;
}

void
shadow_run_end(ShadowRun *run)
{
    if (!run->ended)
        kill(run->pid, run->asked ? SIGKILL : SIGTERM);
    run->asked = true;
}

bool
shadow_run_was_asked(const ShadowRun *run)
{
    return run->asked;
}

const vmmiMessage *
shadow_run_completion(const ShadowRun *run)
{
    return run->completion;
}

vmmiError *
shadow_run_error(const ShadowRun *run)
{
    vmmiError *error = NULL;

    if (run->completion)
        return vmmiCompletionIsSuccess(run->completion) ? NULL
                                                        : vmmiCompletionGetError(run->completion);
    if (WIFSIGNALED(run->status))
        vmmiErrorSet(&error, VMMI_ERR_PLUGIN_CRASHED,
                     "plugin '%s' was killed by signal %d (%s), without a completion", run->plugin,
                     WTERMSIG(run->status), g_strsignal(WTERMSIG(run->status)));
    else
        vmmiErrorSet(&error, VMMI_ERR_PLUGIN_PROTOCOL,
                     "plugin '%s' ended with exit status %d, without a completion", run->plugin,
                     WEXITSTATUS(run->status));
    return error;
}

/* --- its trace ----------------------------------------------------------------------------- */

/* The file may still hold what was in it before: it is read when its first line is of this
 * process. */
static json_t *
open_trace(ShadowRun *run)
{
    g_autofree char *folder = g_path_get_dirname(run->trace);
    g_autofree char *name = g_path_get_basename(run->trace);
    g_autofree char *line = NULL;
    json_t *entry = NULL;

    run->lines = log_file_open(folder, name);
    line = run->lines ? log_file_line(run->lines, false) : NULL;
    entry = line ? json_loads(line, 0, NULL) : NULL;
    if (json_integer_value(json_object_get(json_object_get(entry, "data"), "pid")) == run->pid)
        return entry;
    json_decref(entry);
    if (run->lines)
        log_file_close(run->lines);
    run->lines = NULL;
    return NULL;
}

json_t *
shadow_run_entry(ShadowRun *run, bool rest)
{
    g_autofree char *line = NULL;
    json_t *entry = NULL;

    if (!run->lines)
        return open_trace(run);
    line = log_file_line(run->lines, rest);
    if (!line)
        return NULL;
    entry = json_loads(line, 0, NULL);
    return entry ? entry : json_object();
}
