/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view.h: what is known of a migration, in words: out of its record, and of what is heard of it
 * while it is followed.
 */
#ifndef VMMI_TOOL_VIEW_H
#define VMMI_TOOL_VIEW_H

#include "cmd.h"

/* Everything is borrowed from the record and the migration. */
typedef struct {
    const vmmiRecord *record;
    bool state_known;
    vmmiState state;
    unsigned int percent;
    const vmmiSample *sample;       /* NULL: none */
    const vmmiOutcome *outcome;     /* NULL: none yet */
} View;

/* @live may be NULL; what it knows is newer. */
View view_of(const vmmiRecord *record, vmmiMigration *live);
/* "precopy", "completed", "unattended"; of a plugin that keeps no journal whether it runs. */
const char *view_state(const View *view);
/* An escape sequence for that word, or NULL. */
const char *view_colour(const View *view);
/* Whether its plugin has ended and nobody knows yet how the migration did. */
bool view_is_unsettled(const View *view);
/* Where the guest is or goes to, and what there is to say about it, on one line. To be freed with
 * g_free(), as all texts of this file. */
char *view_where(const View *view);
/* The name of the guest, else its UUID. */
char *view_guest(const View *view);
/* Since it was made, by the wall clock; never below 0. */
uint64_t view_age_ms(const View *view);
/* A host as it may be shown; one that virsh was told is not known. */
char *view_host(const char *uri);
/* "is on the destination, sim:///destination" */
char *view_place(vmmiWhere where, const char *source, const char *destination);

/* The table of some views, for a terminal or a file. */
typedef struct Table ViewTable;
ViewTable *view_table_new(void);
void view_table_add(ViewTable *table, const View *view);

#endif
