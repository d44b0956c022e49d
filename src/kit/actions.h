/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * actions.h: what a policy asks for, and what became of it.
 */
#ifndef VMMI_KIT_ACTIONS_H
#define VMMI_KIT_ACTIONS_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-policy.h>

typedef enum {
    VMMI_ACTION_TUNE = 0,
    VMMI_ACTION_START_POSTCOPY,
    VMMI_ACTION_SUSPEND,
    VMMI_ACTION_RESUME,
    VMMI_ACTION_ABORT
} vmmiActionKind;
#define VMMI_ACTION_KIND_LAST (VMMI_ACTION_ABORT + 1)
const char *vmmiActionKindToString(vmmiActionKind kind);
int vmmiActionKindFromString(const char *name);
const char *vmmiTunableToString(vmmiTunable what);
int vmmiTunableFromString(const char *name);

typedef enum {
    VMMI_RESULT_WAITING = 0,
    VMMI_RESULT_RUNNING,
    VMMI_RESULT_DONE,
    VMMI_RESULT_FAILED,
    VMMI_RESULT_DROPPED, /* the migration ended first, or too many were asked for */
    VMMI_RESULT_SHADOW,  /* not carried out: the policy only watches */
    VMMI_RESULT_REPLAYED /* not carried out: the migration is a recorded one */
} vmmiActionResult;
#define VMMI_RESULT_LAST (VMMI_RESULT_REPLAYED + 1)
const char *vmmiActionResultToString(vmmiActionResult result);
int vmmiActionResultFromString(const char *name);

typedef struct {
    unsigned int id;
    vmmiActionKind kind;
    vmmiTunable what; /* of a VMMI_ACTION_TUNE */
    uint64_t value;
    char *reason;
    uint64_t at_ms; /* policy time */
    uint64_t iteration;
    vmmiActionResult result;
    vmmiError *error; /* of a VMMI_RESULT_FAILED */
} vmmiAction;

/* What a callback of a policy gets to fill. */
struct vmmiPolicyActions {
    GPtrArray *list; /* of vmmiAction, owned by the array */
    unsigned int next_id;
    bool wakes;
    uint64_t wake_at_ms;
};

void vmmiActionFree(vmmiAction *action);
/* One object with the keys of docs/protocol.md. A new reference. */
json_t *vmmiActionToJson(const vmmiAction *action);

#endif
