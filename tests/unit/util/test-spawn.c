/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-spawn.c: what a child gets, what is kept of it, and that nothing of it is left.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "util/cleanup.h"
#include "util/spawn.h"
#include "../rows.h"

#define SECOND 1000u
/* Far beyond what any row needs: only a failure waits for it. */
#define PATIENCE (60 * SECOND)

static char *directory;

/* --- the environment --- */

static const struct {
    const char *name, *uri, *set, *value,
    *wanted;   /* wanted NULL: the variable does not get through */
} environment_rows[] = {
    { "home", NULL, "HOME", "/home/x", "HOME=/home/x" },
    { "locale", NULL, "LC_MESSAGES", "C", "LC_MESSAGES=C" },
    { "runtime-dir", NULL, "XDG_RUNTIME_DIR", "/run/x", "XDG_RUNTIME_DIR=/run/x" },
    { "path-is-fixed", NULL, "PATH", "/evil", NULL },
    { "preload", NULL, "LD_PRELOAD_OF_TEST", "/evil.so", NULL },
    { "python", NULL, "PYTHONPATH", "/evil", NULL },
    { "tunables", NULL, "GLIBC_TUNABLES_OF_TEST", "x", NULL },
    { "notify-socket", NULL, "NOTIFY_SOCKET", "/run/n", NULL },
    { "vmmi-of-caller", NULL, "VMMI_JOB", "theirs", NULL },
    { "agent-local", "qemu:///system", "SSH_AUTH_SOCK", "/s", NULL },
    { "agent-unix", "qemu+unix:///system?socket=/s", "SSH_AUTH_SOCK", "/s", NULL },
    { "agent-sim", "sim:///source?world=a", "SSH_AUTH_SOCK", "/s", NULL },
    { "agent-ssh", "qemu+ssh://h/system", "SSH_AUTH_SOCK", "/s", "SSH_AUTH_SOCK=/s" },
    { "agent-libssh2", "qemu+libssh2://h/system", "SSH_AUTH_SOCK", "/s", "SSH_AUTH_SOCK=/s" },
    { "kerberos-tls", "qemu://h/system", "KRB5CCNAME", "F:x", "KRB5CCNAME=F:x" },
    { "kerberos-tcp", "qemu+tcp://h/system", "KRB5CCNAME", "F:x", "KRB5CCNAME=F:x" },
    { "config-home-local", "qemu:///system", "XDG_CONFIG_HOME", "/c", NULL },
    { "config-home-ssh", "qemu+ssh://h/system", "XDG_CONFIG_HOME", "/c", "XDG_CONFIG_HOME=/c" },
    { "not-a-uri", "nonsense", "SSH_AUTH_SOCK", "/s", NULL },
};

static void
test_environment(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *old = g_strdup(g_getenv(environment_rows[row].set));
    g_autofree char *entry = g_strdup_printf("%s=%s", environment_rows[row].set,
                                             environment_rows[row].value);
    g_auto(GStrv) environment = NULL;

    g_setenv(environment_rows[row].set, environment_rows[row].value, TRUE);
    environment = vmmiSpawnEnvironment(environment_rows[row].uri, NULL);
    if (old)
        g_setenv(environment_rows[row].set, old, TRUE);
    else
        g_unsetenv(environment_rows[row].set);
    g_assert_cmpint(g_strv_contains((const char *const *)environment, entry), ==,
                    environment_rows[row].wanted != NULL);
}

static void
test_environment_extra(void)
{
    const char *const extra[] = { "VMMI_JOB=a=b", "PATH=/x", "nonsense", "A=1", "A=2", NULL };
    g_auto(GStrv) environment = vmmiSpawnEnvironment(NULL, extra);
    const char *const *list = (const char *const *)environment;

    g_assert_true(g_strv_contains(list, "VMMI_JOB=a=b"));
    g_assert_true(g_strv_contains(list, "PATH=/x"));
    g_assert_true(g_strv_contains(list, "A=2"));
    g_assert_false(g_strv_contains(list, "A=1"));
    for (size_t i = 0; list[i]; i++) {
        g_assert_nonnull(strchr(list[i], '='));
        if (i > 0)
            g_assert_cmpint(strcmp(list[i - 1], list[i]), <, 0);
    }
}

/* --- a run --- */

static int
run_path(const char *path, const char *const *arguments, unsigned int timeout_ms,
         vmmiSpawnResult *result, vmmiError **err)
{
    const char *const environment[] = { "A=b", NULL };
    vmmiSpawnRequest request = {
        .path = path,
        .arguments = arguments,
        .environment = environment,
        .timeout_ms = timeout_ms,
        .max_output = 1000,
    };

    return vmmiSpawnRun(&request, result, err);
}

static int
run_shell(const char *script, unsigned int timeout_ms, vmmiSpawnResult *result, vmmiError **err)
{
    const char *const arguments[] = { "sh", "-c", script, NULL };

    return run_path("/bin/sh", arguments, timeout_ms, result, err);
}

static const struct {
    const char *name, *script, *output, *diagnostics;
    vmmiExitKind kind;
    int value;
} run_rows[] = {
    { "nothing", ":", "", "", VMMI_EXIT_EXITED, 0 },
    { "output", "echo a; echo b >&2; exit 3", "a\n", "b", VMMI_EXIT_EXITED, 3 },
    { "killed", "kill -9 $$", "", "", VMMI_EXIT_KILLED, SIGKILL },
    { "directory", "pwd", "/\n", "", VMMI_EXIT_EXITED, 0 },
    { "environment", "echo $A; /usr/bin/env | grep -c =", "b\n2\n", "", VMMI_EXIT_EXITED, 0 },
    { "stdin", "cat; echo $?", "0\n", "", VMMI_EXIT_EXITED, 0 },
    { "descriptors",
      "for i in /proc/$$/fd/*; do [ -e $i ] && [ ${i##*/} != 10 ] && echo ${i##*/}; done; :",
      "0\n1\n2\n", "", VMMI_EXIT_EXITED, 0 },
    { "session", "set -- $(cat /proc/$$/stat); [ $$ = $5 ] && [ $$ = $6 ] && echo yes", "yes\n", "",
      VMMI_EXIT_EXITED, 0 },
    { "signals", "grep -E '^Sig(Blk|Ign)' /proc/self/status",
      "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", "",
      VMMI_EXIT_EXITED, 0 },
    { "core", "until [ $(ulimit -c) = 0 ]; do sleep 0.01; done; echo none", "none\n", "",
      VMMI_EXIT_EXITED, 0 },
    { "diagnostics-are-printable", "printf 'a\\377\\033[1mb\\n\\n' >&2", "", "a\357\277\275 [1mb",
      VMMI_EXIT_EXITED, 0 },
    { "much-diagnostics", "head -c 900000 /dev/zero | tr '\\0' '\\n' >&2; echo ok", "ok\n", "",
      VMMI_EXIT_EXITED, 0 },
};

static void
test_run(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_auto(vmmiSpawnResult) result = { 0 };
    g_autoptr(vmmiError) error = NULL;
    vmmi_autofd int leak = open("/dev/null",
                                O_RDONLY);   /* not close-on-exec: must not get through */
    sigset_t blocked, old;

    g_assert_cmpint(leak, >=, 0);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &old);
    signal(SIGUSR2, SIG_IGN);
    g_assert_cmpint(run_shell(run_rows[row].script, PATIENCE, &result, &error), ==, 0);
    signal(SIGUSR2, SIG_DFL);
    sigprocmask(SIG_SETMASK, &old, NULL);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_cmpstr(result.output, ==, run_rows[row].output);
    g_assert_cmpstr(result.diagnostics, ==, run_rows[row].diagnostics);
    g_assert_cmpint(result.kind, ==, run_rows[row].kind);
    g_assert_cmpint(result.value, ==, run_rows[row].value);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);   /* nothing is left to reap */
}

static const struct {
    const char *name, *script;
    unsigned int timeout_ms;
    int code;
    const char *needle;
} failure_rows[] = {
    { "hangs", "exec sleep 1000", 100, VMMI_ERR_TIMEOUT, "did not end within 100 ms" },
    { "hangs-silently-after-output", "echo a; exec 1>&- 2>&-; exec sleep 1000", 100,
      VMMI_ERR_TIMEOUT,
      "did not end" },
    { "ignores-signals", "trap '' TERM INT HUP; while :; do sleep 1000; done", 100,
      VMMI_ERR_TIMEOUT,
      "did not end" },
    { "stops-itself", "kill -STOP $$", 100, VMMI_ERR_TIMEOUT, "did not end" },
    { "floods-output", "exec yes", PATIENCE, VMMI_ERR_PLUGIN_PROTOCOL,
      "wrote more than 1000 bytes on standard output" },
    { "floods-error", "exec yes >&2", PATIENCE, VMMI_ERR_PLUGIN_PROTOCOL,
      "wrote more than 1048576 bytes on standard error" },
};

static void
test_failure(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiSpawnResult result = { .output = (char *)"untouched" };
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(run_shell(failure_rows[row].script, failure_rows[row].timeout_ms, &result,
                              &error),
                    ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, failure_rows[row].code);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), failure_rows[row].needle));
    g_assert_cmpstr(result.output, ==, "untouched");
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
}

/* A grandchild that keeps the streams open neither delays the answer nor survives. */
static void
test_grandchild(void)
{
    g_auto(vmmiSpawnResult) result = { 0 };
    g_autoptr(vmmiError) error = NULL;
    gint64 give_up = g_get_monotonic_time() + PATIENCE * G_TIME_SPAN_MILLISECOND;
    pid_t grandchild;

    g_assert_cmpint(run_shell("sleep 1000 & echo $!", PATIENCE, &result, &error), ==, 0);
    grandchild = (pid_t)g_ascii_strtoll(result.output, NULL, 10);
    g_assert_cmpint(grandchild, >, 1);
    while (kill(grandchild, 0) == 0 && g_get_monotonic_time() < give_up) {
        g_autofree char *stat_path = g_strdup_printf("/proc/%d/stat", (int)grandchild);
        g_autofree char *text = NULL;

        /* Whoever inherited it may leave it a zombie. */
        if (!g_file_get_contents(stat_path, &text, NULL, NULL) || strstr(text, ") Z "))
            break;
        g_usleep(1000);
    }
    g_assert_cmpint(g_get_monotonic_time(), <, give_up);
}

/* With SIGCHLD ignored the kernel reaps: the output is there, the exit status is not known. */
static void
test_sigchld_ignored(void)
{
    g_auto(vmmiSpawnResult) result = { 0 };
    g_autoptr(vmmiError) error = NULL;

    signal(SIGCHLD, SIG_IGN);
    g_assert_cmpint(run_shell("echo a; exit 3", PATIENCE, &result, &error), ==, 0);
    signal(SIGCHLD, SIG_DFL);
    g_assert_cmpstr(result.output, ==, "a\n");
    g_assert_cmpint(result.kind, ==, VMMI_EXIT_UNKNOWN);
    g_assert_cmpint(result.value, ==, -1);
}

static const struct {
    const char *name, *content, *needle;
} exec_rows[] = {
    { "missing", NULL, "': No such file or directory" },
    { "interpreter", "#! /no/such/sh -e\n", "its interpreter '/no/such/sh' is missing" },
    { "format", "no program\n", "neither a program for this machine nor a script" },
    { "empty", "", "neither a program for this machine nor a script" },
    { "being-written", "#!/bin/sh\n", "': Text file busy" },
};

static void
test_exec(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path = g_build_filename(directory, "program", NULL);
    const char *const arguments[] = { "program", NULL };
    vmmiSpawnResult result = { 0 };
    g_autoptr(vmmiError) error = NULL;
    vmmi_autofd int writer = -1;

    if (exec_rows[row].content) {
        g_assert_true(g_file_set_contents(path, exec_rows[row].content, -1, NULL));
        g_assert_cmpint(chmod(path, 0755), ==, 0);
    }
    if (g_str_equal(exec_rows[row].name, "being-written"))
        writer = open(path, O_WRONLY | O_CLOEXEC);
    g_assert_cmpint(run_path(path, arguments, PATIENCE, &result, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), exec_rows[row].needle));
    unlink(path);
}

int
main(int argc, char **argv)
{
    int failed;

    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    directory = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    ADD_ROWS("/spawn/environment/", environment_rows, test_environment);
    g_test_add_func("/spawn/environment/extra", test_environment_extra);
    ADD_ROWS("/spawn/run/", run_rows, test_run);
    ADD_ROWS("/spawn/failure/", failure_rows, test_failure);
    ADD_ROWS("/spawn/exec/", exec_rows, test_exec);
    g_test_add_func("/spawn/grandchild", test_grandchild);
    g_test_add_func("/spawn/sigchld-ignored", test_sigchld_ignored);
    failed = g_test_run();
    rmdir(directory);
    g_free(directory);
    return failed;
}
