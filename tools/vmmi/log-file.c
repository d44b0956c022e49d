/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log-file.c: a file that grows, line by line.
 */
#include "log-file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#define LONGEST (1 << 20)

struct LogFile {
    int fd;
    GString *text;      /* read, not given out yet */
};

LogFile *
log_file_open(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    LogFile *file;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return NULL;
    }
    file = g_new0(LogFile, 1);
    file->fd = fd;
    file->text = g_string_new(NULL);
    return file;
}

void
log_file_close(LogFile *file)
{
    if (!file)
        return;
    close(file->fd);
    g_string_free(file->text, TRUE);
    g_free(file);
}

static char *
take(LogFile *file, size_t length, size_t skip)
{
    char *line = g_strndup(file->text->str, length);

    g_string_erase(file->text, 0, (gssize)(length + skip));
    return line;
}

char *
log_file_line(LogFile *file, bool rest)
{
    char buffer[16384];
    ssize_t got = 1;

    while (got > 0) {
        const char *newline = memchr(file->text->str, '\n', file->text->len);

        if (newline)
            return take(file, (size_t)(newline - file->text->str), 1);
        if (file->text->len >= LONGEST)
            return take(file, LONGEST, 0);
        got = read(file->fd, buffer, sizeof(buffer));
        if (got > 0)
            g_string_append_len(file->text, buffer, got);
    }
    return rest && file->text->len ? take(file, file->text->len, 0) : NULL;
}
