/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor.h: what the checks of vmmi doctor share. cmd-doctor.c has their table and shows what they
 * find; doctor-*.c are the checks.
 */
#ifndef VMMI_TOOL_DOCTOR_H
#define VMMI_TOOL_DOCTOR_H

#include "cmd.h"

typedef enum {
    FINDING_OK,
    FINDING_NOTE,      /* works, but somebody should know */
    FINDING_PROBLEM
} FindingKind;

typedef struct {
    const Common *common;
    const char *check;     /* the one that runs */
    json_t *findings;
    unsigned int counts[FINDING_PROBLEM + 1];
} Doctor;

/* One finding of the check that runs; @mend is the command that mends it, or NULL. */
void doctor_find(Doctor *doctor, FindingKind kind, const char *mend, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* doctor-files.c */
/*
 * Whether root and this user alone can change a path and everything above it. Returns NULL when so,
 * else the sentence that says what is wrong, and sets @mend; both to be freed.
 */
char *doctor_distrust(const char *path, char **mend);
/* The run directory in use, to be freed. */
char *doctor_run_directory(const Doctor *doctor);
/* The number in a file of /proc/sys, or -1. */
long long doctor_read_number(const char *path);
/* The name of this user, to be freed. */
char *doctor_user(void);
/* @path as one word of a shell, to be freed. */
char *doctor_quote(const char *path);

/* doctor-run.c */
void doctor_check_run_directory(Doctor *doctor);
void doctor_check_space(Doctor *doctor);
void doctor_check_inotify(Doctor *doctor);
/* doctor-plugins.c */
void doctor_check_plugins(Doctor *doctor);
void doctor_check_shim(Doctor *doctor);
/* doctor-host.c */
void doctor_check_service(Doctor *doctor);
void doctor_check_linger(Doctor *doctor);
void doctor_check_host(Doctor *doctor);
void doctor_check_postcopy(Doctor *doctor);
void doctor_check_signals(Doctor *doctor);

#endif
