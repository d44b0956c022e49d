/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output-file.c: a file that a verb writes for the user.
 */
#include "output-file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

bool
output_file_is(const char *path, const char *other)
{
    struct stat first, second;

    return stat(path, &first) == 0 && stat(other, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* A device or a pipe: what is written is written. */
static int
write_through(const char *path, const char *text, size_t length)
{
    FILE *file = fopen(path, "we");
    bool failed;

    if (!file)
        return -1;
    failed = fwrite(text, 1, length, file) != length;
    return fclose(file) != 0 || failed ? -1 : 0;
}

int
output_file_write(const char *path, const char *text, size_t length, vmmiError **err)
{
    struct stat status;
    GError *error = NULL;

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        if (write_through(path, text, length) == 0)
            return 0;
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' cannot be written: %s", path,
                            g_strerror(errno));
    }
    if (g_file_set_contents_full(path, text, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, 0666,
                                 &error))
        return 0;
    vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' cannot be written: %s", path, error->message);
    g_error_free(error);
    return -1;
}
