/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-child.c: a plugin run for something else than a migration.
 */
#include "plugin-child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

#define MOST_WORDS 4096

vmmiPlugin *
plugin_child_find(const char *name, const char *feature, vmmiError **err)
{
    vmmiPlugin *plugin = vmmiPluginFind(name, err);

    if (!plugin)
        return NULL;
    if (vmmiPluginDescribe(plugin, 0, err) >= 0) {
        if (vmmiPluginHasFeature(plugin, feature))
            return plugin;
        vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                     "plugin '%s' cannot do that: its description does not name the feature '%s'",
                     name, feature);
    }
    vmmiPluginUnref(plugin);
    return NULL;
}

char **
plugin_child_environment(void)
{
    static const char *const taken[] = { "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", NULL };
    GPtrArray *list = g_ptr_array_new();

    g_ptr_array_add(
        list, g_strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    for (size_t i = 0; taken[i]; i++) {
        if (g_getenv(taken[i]))
            g_ptr_array_add(list, g_strdup_printf("%s=%s", taken[i], g_getenv(taken[i])));
    }
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

int
plugin_child_order(const json_t *order, vmmiError **err)
{
    g_autofree char *text = report_json_text(order);
    size_t length = strlen(text), done = 0;
    int fd = memfd_create("order", MFD_CLOEXEC);

    while (fd >= 0 && done < length) {
        ssize_t put = write(fd, text + done, length - done);

        if (put < 0 && errno != EINTR)
            break;
        done += put > 0 ? (size_t)put : 0;
    }
    if (fd >= 0 && done == length && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    vmmiErrorSet(err, VMMI_ERR_SYSTEM, "an order cannot be written: %s", g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* --- one run ---------------------------------------------------------------------- */

typedef struct {
    int fd;             /* -1: it has ended */
    GString *text;
    size_t limit;       /* what is longer is not kept */
    bool too_long;
} Stream;

typedef struct {
    GPid pid;
    Stream out, words;
} Child;

static int
start(const vmmiPlugin *plugin, const char *option, int order_fd, Child *child, vmmiError **err)
{
    char *argv[] = { (char *)vmmiPluginGetFile(plugin), (char *)option, NULL };
    g_auto(GStrv) envp = plugin_child_environment();
    int out[2] = { -1, -1 }, words[2] = { -1, -1 };
    g_autoptr(GError) trouble = NULL;
    bool started = false;

    if (pipe2(out, O_CLOEXEC) == 0 && pipe2(words, O_CLOEXEC) == 0)
        started = g_spawn_async_with_fds("/", argv, envp, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                         &child->pid, order_fd, out[1], words[1], &trouble);
    child->out.fd = out[0];
    child->words.fd = words[0];
    if (out[1] >= 0)
        close(out[1]);
    if (words[1] >= 0)
        close(words[1]);
    if (started)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH, "plugin '%s' cannot be started: %s",
                        vmmiPluginGetName(plugin), trouble ? trouble->message : "no pipe");
}

static void
read_some(Stream *stream)
{
    char buffer[65536];
    ssize_t got = read(stream->fd, buffer, sizeof(buffer));

    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        close(stream->fd);
        stream->fd = -1;
    } else if (stream->text->len + (size_t)got <= stream->limit) {
        g_string_append_len(stream->text, buffer, got);
    } else {
        stream->too_long = true;
    }
}

/* Reads both to their ends, and waits for the child. Returns its wait status. */
static int
follow(Child *child)
{
    int status = 0;

    while ((child->out.fd >= 0 || child->words.fd >= 0) && !child->out.too_long) {
        struct pollfd fds[2] = { { child->out.fd, POLLIN, 0 }, { child->words.fd, POLLIN, 0 } };

        poll(fds, 2, -1);
        if (fds[0].revents)
            read_some(&child->out);
        if (fds[1].revents)
            read_some(&child->words);
    }
    if (child->out.too_long)
        kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static int
judge(const vmmiPlugin *plugin, const Child *child, int status, vmmiError **err)
{
    g_autofree char *words = report_printable(child->words.text->str);

    if (child->out.too_long)
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_PROTOCOL,
                            "plugin '%s' answers with more than %zu MiB",
                            vmmiPluginGetName(plugin), child->out.limit >> 20);
    if (WIFSIGNALED(status))
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_CRASHED, "plugin '%s' was killed by signal %d",
                            vmmiPluginGetName(plugin), WTERMSIG(status));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "%s",
                        *words ? words : "the plugin failed and gave no reason");
}

static void
stream_close(Stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
}

char *
plugin_child_run(const vmmiPlugin *plugin, const char *option, const json_t *order, size_t limit,
                 size_t *length, vmmiError **err)
{
    Child child = {
        .out = { .fd = -1, .text = g_string_new(NULL), .limit = limit },
        .words = { .fd = -1, .text = g_string_new(NULL), .limit = MOST_WORDS },
    };
    int order_fd = plugin_child_order(order, err), failed = -1;

    if (order_fd >= 0) {
        failed = start(plugin, option, order_fd, &child, err);
        close(order_fd);
    }
    if (failed == 0)
        failed = judge(plugin, &child, follow(&child), err);
    stream_close(&child.out);
    stream_close(&child.words);
    *length = child.out.text->len;
    g_string_free(child.words.text, TRUE);
    return g_string_free(child.out.text, failed < 0);
}
