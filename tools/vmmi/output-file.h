/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * output-file.h: a file that a verb writes for the user.
 */
#ifndef VMMI_TOOL_OUTPUT_FILE_H
#define VMMI_TOOL_OUTPUT_FILE_H

#include "cmd.h"

/* Whether both are one file that exists: what is read must not be written over. */
bool output_file_is(const char *path, const char *other);
/* Writes the whole file. A regular file is replaced in one step: nobody sees half of it, and on
 * failure what was there stays. Returns 0, or -1 with VMMI_ERR_BAD_PATH. */
int output_file_write(const char *path, const char *text, size_t length, vmmiError **err);

#endif
