/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd.h: the verbs of the command, and what each of them gets. A verb is one file, cmd-NAME.c, and
 * one row in main.c.
 */
#ifndef VMMI_TOOL_CMD_H
#define VMMI_TOOL_CMD_H

#include <stdbool.h>

#include <glib.h>
#include <jansson.h>

#include <libvmmi/libvmmi.h>

/* The exit codes; the manual page lists them. */
typedef enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,      /* the migration failed, or a check found something */
    EXIT_USAGE = 2,
    EXIT_ABORTED = 3,
    EXIT_RELEASED = 4,    /* the migration goes on */
    EXIT_NO_SUCH = 5,     /* guest, plugin or migration */
    EXIT_UNKNOWN = 6,     /* nobody knows how it ended */
    EXIT_DEADLINE = 7,
    EXIT_BUSY = 8,        /* the guest has a policy or a migration already */
    EXIT_TROUBLE = 125    /* vmmi itself failed, nothing was started */
} ExitCode;

/* What stands before or behind the verb and is the same for all. */
typedef struct {
    char *uri;       /* -c; NULL: the library's default */
    char *run_dir;   /* --run-dir; NULL: the library's default */
    bool json;
} Common;

typedef struct {
    const char *name;
    const char *arguments;          /* "GUEST DESTURI [MIGRATEURI]" */
    const char *summary;            /* one line, lower case, without a full stop */
    const char *details;            /* for --help of the verb; ends without a newline */
    const GOptionEntry *options;    /* NULL: only the common ones */
    int min_arguments, max_arguments;
    bool acts;                      /* what it did is done, whether it could be printed or not */
    ExitCode (*run)(const Common *common, char **arguments);
} Verb;

extern const Verb verb_abort, verb_acknowledge, verb_attach, verb_doctor, verb_driver, verb_list,
    verb_log, verb_message, verb_migrate, verb_plugin, verb_release, verb_replay, verb_report,
    verb_shadow, verb_show, verb_sim, verb_simulate, verb_status, verb_version, verb_wait;

#endif
