/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open.h: the run directory that is meant, and the record that a word on the command line means.
 */
#ifndef VMMI_TOOL_OPEN_H
#define VMMI_TOOL_OPEN_H

#include "cmd.h"

/* A run directory, a record in it, and, once it is wanted, the migration. */
typedef struct {
    const Common *common;
    vmmiManager *manager;
    vmmiRecord *record;
    vmmiMigration *migration;
    bool read_only;           /* the directory of another user */
} Opened;

/* The manager of --run-dir. Root looks at another user's directory without touching it. */
int open_manager(Opened *opened, const Common *common, vmmiError **err);
/*
 * The record of an id, of a guest's name or UUID, or of an id as the table shows it when there is
 * little room ("01234567.1"). Opens the manager if that was not done.
 */
int open_record(Opened *opened, const Common *common, const char *selector, vmmiError **err);
/* open_record(), and its migration, followed. */
int open_migration(Opened *opened, const Common *common, const char *selector, vmmiError **err);
/* Whether the plugin of a record has ended and it is to be found out how its migration did. */
bool open_is_unsettled(const vmmiRecord *record);
/* Waits until it is known how a migration whose plugin has ended did; no longer when it goes on. */
void open_settle(vmmiMigration *migration);
void open_clear(Opened *opened);

/* "01234567.1", or NULL when the id has another form. To be freed with g_free(). */
char *open_brief_id(const char *id);
/* An error of a verb that was told ID: with --json all the keys that scripts may rely on. @opened
 * may hold a record or not. */
ExitCode open_report(const Opened *opened, const vmmiError *error);
/* The record as an object. */
json_t *open_record_object(const vmmiRecord *record);

#endif
