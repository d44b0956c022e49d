/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.h: the object behind vmmiRecord: what the files of one migration said at one moment.
 */
#ifndef VMMI_MIGRATION_RECORD_H
#define VMMI_MIGRATION_RECORD_H

#include <glib.h>

#include <libvmmi/vmmi-record.h>

#include "plugin/job.h"

struct vmmiRecord {
    vmmiRunDir *run;
    vmmiJobRecord job;     /* its strings are owned by .root and .id */
    json_t *root;          /* job.json */
    char *id;
    char *directory;
    char *replaced_by;
    char *configuration;   /* read when it is asked for */
    vmmiPhase phase;
    bool has_state;
    vmmiState state;
    unsigned int percent;
    vmmiSample *sample;
    vmmiOutcomeKind kind;  /* VMMI_OUTCOME_NONE: there is no outcome */
    json_t *settled;       /* the head of outcome.json, checked; NULL: none was needed */
    char *text;            /* all of it, until .outcome is made */
    size_t length;
    vmmiOutcome *outcome;  /* made when it is asked for */
    uint64_t ended_ms;
    bool acknowledged;
};

/* record-read.c: reads one; .replaced_by is left open. NULL with VMMI_ERR_MIGRATION_UNKNOWN or
 * VMMI_ERR_RUN_DIR. */
vmmiRecord *vmmiRecordRead(vmmiRunDir *run, const char *id, vmmiError **err);
/* Whether it ended before its plugin was started. */
bool vmmiRecordWasNeverStarted(const vmmiRecord *record);
/* The outcome as an object, to be freed; NULL when there is none. */
vmmiOutcome *vmmiRecordMakeOutcome(vmmiRecord *record);
/* The text of vmmiRecordGetConfiguration(), to be freed, or NULL. */
char *vmmiRecordReadConfiguration(const vmmiRecord *record);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiRecord, vmmiRecordFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiRecordList, vmmiRecordListFree)

#endif
