/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place.h: where a guest is, by evidence, in the order that docs/outcomes.md gives. Part of
 * judging; pure.
 */
#ifndef VMMI_MIGRATION_PLACE_H
#define VMMI_MIGRATION_PLACE_H

#include "migration/judge.h"

typedef enum {
    VMMI_PLACE_UNKNOWN = 0, /* the source did not answer, and nothing else tells */
    VMMI_PLACE_SOURCE,
    VMMI_PLACE_DESTINATION,
    VMMI_PLACE_NOWHERE,
    VMMI_PLACE_BOTH,
    VMMI_PLACE_MOVING, /* a migration goes on */
    VMMI_PLACE_LEFT    /* not on the source any more, and nothing tells where it went */
} vmmiPlace;

/* Whether the guest hangs between the hosts: the source neither runs it nor moves it any more. */
bool vmmiPlaceIsStalled(const vmmiEvidence *evidence);
/* @text: (out): how it is known, to be freed. */
vmmiPlace vmmiPlaceFind(const vmmiEvidence *evidence, char **text);
/* The place as B15 words it; a guest that is being moved runs where its processors run. */
vmmiWhere vmmiPlaceToWhere(vmmiPlace place, const vmmiLook *source);

#endif
