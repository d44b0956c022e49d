/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file.c: reading files with a limit and replacing them as a whole.
 */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "util/cleanup.h"
#include "util/error.h"

static int
open_regular(int dir_fd, const char *path, bool no_link, size_t max_bytes, size_t *size,
             vmmiError **err)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (no_link ? O_NOFOLLOW : 0);
    vmmi_autofd int fd = openat(dir_fd, path, flags);
    struct stat st;

    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot open '%s'", path);
    if (fstat(fd, &st) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot look at '%s'", path);
    if (!S_ISREG(st.st_mode))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' is %s, not a regular file", path,
                            S_ISDIR(st.st_mode) ? "a directory" : "a special file");
    if ((guint64)st.st_size > max_bytes)
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH,
                            "'%s' has %" G_GINT64_FORMAT " bytes, the limit is %zu", path,
                            (gint64)st.st_size, max_bytes);
    *size = (size_t)st.st_size;
    return vmmiFdSteal(&fd);
}

/* Files of /proc have no size, and others may grow meanwhile. */
#define FIRST_BYTES ((size_t)4096)

int
vmmiFileReadAt(int dir_fd, const char *path, size_t max_bytes, bool no_link, char **text,
               size_t *length, vmmiError **err)
{
    size_t used = 0, room = 0;
    vmmi_autofd int fd = open_regular(dir_fd, path, no_link, max_bytes, &room, err);
    g_autofree char *buffer = NULL;

    if (fd < 0)
        return -1;
    /* One more than allowed shows that it is too long; one for the end of the text. */
    room = MIN(MAX(room, FIRST_BYTES) + 1, max_bytes + 1);
    buffer = g_malloc(room + 1);
    while (used <= max_bytes) {
        ssize_t got;

        if (used == room) {
            room = MIN(room * 2, max_bytes + 1);
            buffer = g_realloc(buffer, room + 1);
        }
        got = read(fd, buffer + used, room - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot read '%s'", path);
        if (got == 0)
            break;
        used += (size_t)got;
    }
    if (used > max_bytes)
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' has more than %zu bytes", path, max_bytes);
    buffer[used] = '\0';
    *text = g_steal_pointer(&buffer);
    if (length)
        *length = used;
    return 0;
}

int
vmmiFileWriteFull(int fd, const void *data, size_t length)
{
    const char *rest = data;

    while (length > 0) {
        ssize_t put = write(fd, rest, length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        rest += put;
        length -= (size_t)put;
    }
    return 0;
}

char *
vmmiFileTemporaryName(const char *name)
{
    guint64 number = 0;

    if (getrandom(&number, sizeof(number), 0) != sizeof(number))
        number = ((guint64)getpid() << 32) ^ (guint64)g_get_monotonic_time();
    return g_strdup_printf(".%s.%016" G_GINT64_MODIFIER "x", name, number);
}

int
vmmiFileReplaceAt(int dir_fd, const char *name, const char *data, size_t length, unsigned int mode,
                  vmmiError **err)
{
    g_autofree char *temporary = vmmiFileTemporaryName(name);
    vmmi_autofd int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                                mode);
    int failure = 0;

    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot create a file for '%s'", name);
    if (fchmod(fd, mode) < 0 || vmmiFileWriteFull(fd, data, length) < 0 || fsync(fd) < 0 ||
        renameat(dir_fd, temporary, dir_fd, name) < 0)
        failure = errno;
    if (failure) {
        unlinkat(dir_fd, temporary, 0);
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, failure, "cannot write '%s'", name);
    }
    return 0;
}
