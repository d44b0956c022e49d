/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arguments.h: what several verbs take on the command line: seconds, settings, a configuration.
 */
#ifndef VMMI_TOOL_ARGUMENTS_H
#define VMMI_TOOL_ARGUMENTS_H

#include "cmd.h"

/* Seconds, more than 0, a fraction allowed. */
bool arguments_timeout(const char *text, uint64_t *milliseconds);

/* A configuration message, read from a file or standard input (-). In a file its content will do. */
typedef struct {
    vmmiMessage *message;     /* NULL: none was given */
    char *text;               /* its content, to be freed with vmmiFree() */
} ArgumentConfig;

/* @path NULL: none. Returns 0, or -1 with @err set. */
int arguments_config(const char *path, ArgumentConfig *config, vmmiError **err);
void arguments_config_clear(ArgumentConfig *config);

/* KEY="VALUE" for a list of settings: the value is a string whatever it looks like. */
void arguments_add_string(GPtrArray *settings, const char *key, const char *value);
/* Where the trace goes: --trace, made absolute; NULL: nothing is added. */
void arguments_add_trace(GPtrArray *settings, const char *path);

#endif
