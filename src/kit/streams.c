/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams.c: a plugin's own two streams, kept apart from everything that libraries print.
 *
 * libvirt, GLib and the C library all write to descriptors 1 and 2 by themselves. They get
 * /dev/null, or the private log; the real streams live on under other numbers, closed on exec, so
 * that no grandchild writes there either.
 */
#include "kit/streams.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/error.h"

/* GLib would also write to the journal of the system, and to standard output. */
static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
          gpointer user G_GNUC_UNUSED)
{
    g_autofree char *line = g_log_writer_format_fields(level, fields, n_fields, FALSE);
    g_autofree char *text = g_strdup_printf("%s\n", line);
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

    (void)ignored;
    return G_LOG_WRITER_HANDLED;
}

static int
fill_missing(vmmiError **err)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR | O_NOCTTY);
        if (fd < 0)
            return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot open '/dev/null'");
    } while (fd <= STDERR_FILENO);
    close(fd);
    return 0;
}

int
vmmiStreamsTake(vmmiStreams *streams, vmmiError **err)
{
    vmmi_autofd int null_fd = -1;
    vmmi_autofd int out_fd = -1;
    vmmi_autofd int err_fd = -1;

    if (fill_missing(err) < 0)
        return -1;
    null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC | O_NOCTTY);
    out_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    err_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (null_fd < 0 || out_fd < 0 || err_fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot keep the standard streams");
    if (dup2(null_fd, STDOUT_FILENO) < 0 || dup2(null_fd, STDERR_FILENO) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno,
                                 "cannot silence the standard streams");
    g_log_set_writer_func(write_log, NULL, NULL);
    streams->status_fd = vmmiFdSteal(&out_fd);
    streams->completion_fd = vmmiFdSteal(&err_fd);
    streams->sequence = 0;
    return 0;
}

int
vmmiStreamsLogTo(const char *path, vmmiError **err)
{
    vmmi_autofd int fd = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    struct stat st;

    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot open the log file '%s'",
                                 path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "the log file '%s' is not a regular file",
                            path);
    if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot use the log file '%s'", path);
    return 0;
}

int
vmmiStreamsWriteStatus(vmmiStreams *streams, vmmiMessage *status, vmmiError **err)
{
    struct pollfd ready = { .fd = streams->status_fd, .events = POLLOUT };

    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "standard output takes no status at present");
    vmmiMessageStamp(status, ++streams->sequence);
    return vmmiMessageWriteFd(status, streams->status_fd, err);
}

int
vmmiStreamsWriteCompletion(vmmiStreams *streams, vmmiMessage *completion, vmmiError **err)
{
    vmmiMessageStamp(completion, ++streams->sequence);
    return vmmiMessageWriteFd(completion, streams->completion_fd, err);
}
