/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h: what leaves the command: one sentence on standard error, one object a line on standard
 * output, one exit code.
 */
#ifndef VMMI_TOOL_REPORT_H
#define VMMI_TOOL_REPORT_H

#include "cmd.h"

/* "vmmi: SENTENCE" on standard error, on one line whatever it holds. */
void report_sentence(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* The sentence; with --json also {"error": {...}} laid over @object (taken; NULL: empty). Returns
 * the error's exit code. */
ExitCode report_error(const Common *common, const vmmiError *error, json_t *object);
/* Wrong usage: the sentence ends with a hint to --help of @verb (NULL: of the command). Returns
 * EXIT_USAGE. */
ExitCode report_usage(const Common *common, const char *verb, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* All the keys that scripts may rely on in an object about a migration, each null. */
json_t *report_empty_object(void);
/* Prints an object (taken) on a line of its own, at once. */
void report_object(json_t *object);
/* The value on one line. To be freed with g_free(). */
char *report_json_text(const json_t *value);
/* {"code": ..., "message": ..., "details": ...}; null for NULL. */
json_t *report_error_object(const vmmiError *error);
/* The exit code of an error that came before anything was started. */
ExitCode report_exit_code(const vmmiError *error);
/* The text as it may be shown on a terminal: without control characters. To be freed with g_free().
 */
char *report_printable(const char *text);
/* At the end: whether all output could be written. */
bool report_flush(void);

#endif
