/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file.h: reading files with a limit and replacing them as a whole.
 */
#ifndef VMMI_UTIL_FILE_H
#define VMMI_UTIL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <libvmmi/vmmi-error.h>

/*
 * Reads a regular file of at most @max_bytes. @dir_fd may be AT_FDCWD. With @no_link a symbolic link as last part of the
 * path is refused. Anything but a regular file is refused without being opened for long (no hang on a FIFO).
 * @text ends with a NUL that is not counted in @length. Codes: VMMI_ERR_BAD_PATH. Returns 0 or -1.
 */
int vmmiFileReadAt(int dir_fd, const char *path, size_t max_bytes, bool no_link, char **text,
                   size_t *length, vmmiError **err);
/*
 * A name for a temporary file beside @name: ".NAME.<random>". Differs between processes that were
 * forked from one another, which g_random_int() does not. To be freed.
 */
char *vmmiFileTemporaryName(const char *name);
/* Writes a temporary file of mode @mode beside @name, syncs it and renames it over @name. Returns 0 or -1. */
int vmmiFileReplaceAt(int dir_fd, const char *name, const char *data, size_t length,
                      unsigned int mode, vmmiError **err);
/* Writes all of @data, over interruptions and short writes. Returns 0, or -1 with errno. */
int vmmiFileWriteFull(int fd, const void *data, size_t length);

#endif
