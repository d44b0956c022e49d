/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log-file.h: a file of a migration's directory that grows, line by line. What it holds was
 * written by a plugin.
 */
#ifndef VMMI_TOOL_LOG_FILE_H
#define VMMI_TOOL_LOG_FILE_H

#include <stdbool.h>

typedef struct LogFile LogFile;

/* NULL when there is no such file, or it is no file. */
LogFile *log_file_open(const char *folder, const char *name);
void log_file_close(LogFile *file);
/*
 * The next whole line without its newline; NULL: there is none yet. With @rest also what stands
 * behind the last newline. A line longer than 1 MiB comes in pieces. To be freed with g_free().
 */
char *log_file_line(LogFile *file, bool rest);

#endif
