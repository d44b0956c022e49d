/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outcome.h: how a migration ended (B15): the object behind vmmiOutcome, and its form on disk.
 *
 * How an outcome is found is judge.h. An outcome does not change once it is made.
 */
#ifndef VMMI_MIGRATION_OUTCOME_H
#define VMMI_MIGRATION_OUTCOME_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-migration.h>

#include "plugin/job.h"

/* Longest text kept of what a plugin wrote beside its completion. */
#define VMMI_DIAGNOSTICS_MAX_BYTES (64 * 1024)

struct vmmiOutcome {
    vmmiOutcomeKind kind;
    vmmiWhere where;
    char *evidence;
    vmmiExitKind exit_kind;
    int exit_value;
    vmmiError *error;
    vmmiSample *statistics;
    vmmiMessage *completion;
    char *diagnostics;
    json_t *actions; /* an array */
    char *actions_text;  /* once somebody asked for it */
    char *rest;      /* of one that was read: outcome.json, until statistics, completion,
                      * diagnostics and actions are asked for */
    size_t rest_length;
};

/* Unknown in every respect, exit value -1, empty texts. */
vmmiOutcome *vmmiOutcomeNew(void);
void vmmiOutcomeFree(vmmiOutcome *outcome);
/* The object of outcome.json: new reference. */
json_t *vmmiOutcomeToJson(const vmmiOutcome *outcome);
/* Reads it back; NULL with VMMI_ERR_MESSAGE when it is not an outcome, VMMI_ERR_RUN_DIR when it is
 * of a newer library. */
vmmiOutcome *vmmiOutcomeFromJson(const json_t *object, vmmiError **err);
/*
 * The same of the text of outcome.json, which is taken over; what is large in it is read when it is
 * asked for. @head: the text without that, by vmmiOutcomeReadHead().
 */
vmmiOutcome *vmmiOutcomeFromText(const json_t *head, char *text, size_t length);
json_t *vmmiOutcomeReadHead(const char *text, size_t length, vmmiError **err);
/* The first step of that: what is needed of an outcome in any case. Returns 0 or -1. */
int vmmiOutcomeReadKinds(const json_t *object, vmmiOutcomeKind *kind, vmmiWhere *where,
                         vmmiExitKind *exit_kind, vmmiError **err);

/* settle.c: the final state that goes with an outcome. */
vmmiState vmmiOutcomeToState(vmmiOutcomeKind kind);

/* {"code", "message", "details", "origin"}, or null: new reference. */
json_t *vmmiErrorToJson(const vmmiError *error);

/* json.c: the keys of an outcome, null for each when there is none; those of job.json. */
void vmmiJsonAddOutcome(json_t *object, const vmmiOutcome *outcome);
void vmmiJsonAddJob(json_t *object, const vmmiJobRecord *record, const char *directory,
                    const char *replaced_by);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiOutcome, vmmiOutcomeFree)

#endif
