/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * judge.h: from evidence to an outcome (B5, B9, B15). Pure: no file, no clock, no host.
 *
 * The situations and their outcomes are listed in docs/outcomes.md;
 * tests/unit/migration/test-judge.c has a row for each.
 */
#ifndef VMMI_MIGRATION_JUDGE_H
#define VMMI_MIGRATION_JUDGE_H

#include <stdbool.h>

#include <glib.h>

#include <libvmmi/vmmi-connect.h>

/* What a host answered when it was asked for the guest. */
typedef enum {
    VMMI_LOOK_NEVER = 0, /* nobody was asked */
    VMMI_LOOK_FAILED,    /* the host did not answer */
    VMMI_LOOK_SEEN
} vmmiLookKind;

typedef struct {
    vmmiLookKind kind;
    vmmiGuestState state;
    vmmiGuestReason reason;
    vmmiJobKind job;
} vmmiLook;

/* What the plugin said last, in its completion. */
typedef enum { VMMI_SAID_NOTHING = 0, VMMI_SAID_SUCCESS, VMMI_SAID_ERROR } vmmiSaid;

typedef struct {
    const char *plugin; /* name, for messages */
    const char *guest;  /* the same */

    vmmiExitKind exit_kind;
    int exit_value;
    bool told_to_end;       /* it outlived the migration, and was told to end */
    bool killed_by_manager; /* it outlived the migration, or an abort, and was killed for that */
    vmmiSaid said;
    const vmmiError *error; /* of VMMI_SAID_ERROR */
    vmmiOutcomeKind said_outcome;
    vmmiWhere said_where;

    bool journal_ended; /* the kit wrote down how it ended */
    vmmiOutcomeKind journal_outcome;
    vmmiWhere journal_where;

    vmmiLook source;
    vmmiLook event; /* the last thing that the source reported by itself */
    vmmiLook destination;
    const char *source_failure; /* why the source did not answer */
    const char *next; /* a migration that was started from the source afterwards, NULL: none */
    bool stalled; /* it has kept the guest paused for a migration that runs no more, for too long */
    bool inactive; /* the guest was shut off before it began: an offline migration, if any */

    bool abort_asked; /* by whichever manager */
    bool release_asked;
    bool replaced; /* another policy took the migration over */
    bool alone;    /* no other policy is in charge of the guest */
    bool took_over; /* it was to take over a migration that ran already */
    bool patient; /* hosts that did not answer will be asked again */
} vmmiEvidence;

typedef struct {
    vmmiOutcomeKind kind; /* VMMI_OUTCOME_NONE: not settled, ask again later */
    bool moving;          /* of VMMI_OUTCOME_NONE: the migration is known to go on */
    vmmiWhere where;
    char *evidence;   /* owned */
    vmmiError *error; /* owned; NULL: nothing went wrong */
} vmmiVerdict;

void vmmiJudge(const vmmiEvidence *evidence, vmmiVerdict *verdict);
void vmmiVerdictClear(vmmiVerdict *verdict);

/* Where the source alone puts the guest: whether a migration goes on there; whether the guest has
 * left it for good. */
bool vmmiLookIsMoving(const vmmiLook *look);
bool vmmiLookHasLeft(const vmmiLook *look);
/* Whether the guest is paused for a migration that does not run (any more, or for a moment). */
bool vmmiLookIsStalled(const vmmiLook *look);
/* Whether the source's word settles where the guest is. */
bool vmmiLookDecides(const vmmiLook *look);
/* "shut off: migrated"; to be freed. */
char *vmmiLookToText(const vmmiLook *look);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiVerdict, vmmiVerdictClear)

#endif
