/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * child.c: a plugin made with the kit as a child process of a test.
 */
#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fake-host.h"
#include "fake-policies.h"
#include "kit/plugin-main.h"
#include "util/cleanup.h"
#include "../tree.h"

#define MARK "VMMI_TEST_KIT_POLICY"
#define DEADLINE_US (30 * G_USEC_PER_SEC)

/* Short, so that giving up can be tested; long against what a busy machine does. */
static const vmmiKitLimits limits = {
    .input = 1000,
    .lost = 1500,
    .settle = 1000,
    .returning = 600,
    .statistics = 200,
    .release = 5000,
    .replace = 5000,
    .sample_min = 10,
    .sample_max = 40,
    .retry = 10,
};

void
childMain(int argc, char **argv)
{
    const char *name = g_getenv(MARK);

    if (!name)
        return;
    vmmiDriverRegister(&fakeHostDriver, NULL);
    exit(vmmiKitMain(argc, argv, fakePolicyFind(name), &limits));
}

static char *
path_of(const Child *child, const char *name)
{
    return g_build_filename(child->dir, name, NULL);
}

static int
open_in(const Child *child, const char *name)
{
    g_autofree char *path = path_of(child, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static char **
environment(const Child *child, const char *policy)
{
    char **env = g_get_environ();
    g_autofree char *run = path_of(child, "run");
    g_autofree char *conf = path_of(child, "conf");

    env = g_environ_setenv(env, MARK, policy, TRUE);
    env = g_environ_setenv(env, "VMMI_RUN_DIR", run, TRUE);
    env = g_environ_setenv(env, "VMMI_CONF_DIR", conf, TRUE);
    env = g_environ_unsetenv(env, "G_DEBUG");
    if (child->job)
        return g_environ_setenv(env, "VMMI_JOB", child->job, TRUE);
    return g_environ_unsetenv(env, "VMMI_JOB");
}

static void
exec_child(const Child *child, char **argv, char **env, int in, int out, int err)
{
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(126);
    if (child->stdin_fd >= 0)
        close(child->stdin_fd);
    execve("/proc/self/exe", argv, env);
    _exit(127);
}

static void
make_dirs(Child *child)
{
    g_autofree char *conf = NULL;

    if (child->dir)
        return;
    child->dir = g_dir_make_tmp("vmmi-kit-XXXXXX", NULL);
    g_assert_nonnull(child->dir);
    conf = path_of(child, "conf");
    g_assert_cmpint(mkdir(conf, 0700), ==, 0);
}

void
childStart(Child *child, const char *policy, const char *const *arguments, const char *input)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_auto(GStrv) env = NULL;
    vmmi_autofd int in = -1, out = -1, err = -1;
    int ends[2];

    make_dirs(child);
    g_ptr_array_add(argv, (gpointer)policy);
    for (size_t i = 0; arguments && arguments[i]; i++)
        g_ptr_array_add(argv, (gpointer)arguments[i]);
    g_ptr_array_add(argv, NULL);
    env = environment(child, policy);
    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    in = ends[0];
    child->stdin_fd = ends[1];
    out = open_in(child, "out");
    err = open_in(child, "err");
    child->pid = fork();
    g_assert_cmpint(child->pid, >=, 0);
    if (child->pid == 0)
        exec_child(child, (char **)argv->pdata, env, in, out, err);
    if (input)
        g_assert_cmpint(write(child->stdin_fd, input, strlen(input)), ==, (ssize_t)strlen(input));
    else
        vmmiFdCleanup(&child->stdin_fd);
}

void
childMigrate(Child *child, const char *policy, const char *script, const char *more)
{
    const char *const arguments[] = { FAKE_UUID, "fake:///completes", "", "-", NULL };
    g_autofree char *input = g_strdup_printf(
        "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\",\n"
        " \"configuration\": {\"connection\": \"fake:///%s\"%s}} and more that is ignored",
        script, more ? more : "");

    childStart(child, policy, arguments, input);
}

/* --- waiting ---------------------------------------------------------------------- */

typedef gboolean (*Condition)(Child *child, gconstpointer data);

static gboolean
await(Child *child, Condition condition, gconstpointer data)
{
    gint64 until = g_get_monotonic_time() + DEADLINE_US;

    while (!condition(child, data)) {
        if (g_get_monotonic_time() > until)
            return FALSE;
        g_usleep(2000);
    }
    return TRUE;
}

static gboolean
serves_signals(Child *child, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)child->pid);
    g_autofree char *text = NULL;
    const char *mask;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !(mask = strstr(text, "\nSigBlk:")))
        return FALSE;
    return (g_ascii_strtoull(mask + strlen("\nSigBlk:"), NULL, 16) >> (SIGUSR1 - 1)) & 1;
}

void
childSignal(Child *child, int signal_number)
{
    g_assert_true(await(child, serves_signals, NULL));
    g_assert_cmpint(kill(child->pid, signal_number), ==, 0);
}

static gboolean
journal_shows(Child *child, gconstpointer text)
{
    g_autofree char *jobs = path_of(child, "run/jobs");
    g_autoptr(GDir) dir = g_dir_open(jobs, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(jobs, name, "journal", NULL);
        g_autofree char *journal = NULL;

        if (g_file_get_contents(path, &journal, NULL, NULL) && strstr(journal, text))
            return TRUE;
    }
    return FALSE;
}

void
childAwait(Child *child, const char *text)
{
    if (!await(child, journal_shows, text))
        g_test_message("the journal never showed %s", text);
    g_assert_true(journal_shows(child, text));
}

static gboolean
has_lines(Child *child, gconstpointer wanted)
{
    g_autofree char *path = path_of(child, "out");
    g_autofree char *text = NULL;
    size_t lines = 0;

    g_file_get_contents(path, &text, NULL, NULL);
    for (const char *at = text; at && (at = strchr(at, '\n')); at++)
        lines++;
    return lines >= GPOINTER_TO_SIZE(wanted);
}

void
childAwaitLines(Child *child, size_t lines)
{
    g_assert_true(await(child, has_lines, GSIZE_TO_POINTER(lines)));
}

static gboolean
has_ended(Child *child, gconstpointer data G_GNUC_UNUSED)
{
    return waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

void
childEnd(Child *child)
{
    g_autofree char *out = path_of(child, "out");
    g_autofree char *err = path_of(child, "err");

    if (!await(child, has_ended, NULL)) {
        g_test_message("the plugin never ended");
        g_test_fail();
        kill(child->pid, SIGKILL);
        waitpid(child->pid, &child->status, 0);
    }
    child->pid = 0;
    g_clear_pointer(&child->out, g_free);
    g_clear_pointer(&child->err, g_free);
    g_file_get_contents(out, &child->out, NULL, NULL);
    g_file_get_contents(err, &child->err, NULL, NULL);
}

void
childClear(Child *child)
{
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    vmmiFdCleanup(&child->stdin_fd);
    if (child->dir)
        remove_tree(child->dir);
    g_free(child->dir);
    g_free(child->out);
    g_free(child->err);
    memset(child, 0, sizeof(*child));
}

vmmiMessage *
childCompletion(const Child *child)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiMessage *message = vmmiMessageParse(child->err, strlen(child->err), &error);

    if (!message || vmmiMessageGetKind(message) != VMMI_MESSAGE_COMPLETION) {
        g_test_message("standard error is no completion: %s\n%s", vmmiErrorGetMessage(error),
                       child->err);
        g_test_fail();
    }
    return message;
}
