/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ewma.h: a mean that forgets: each new figure counts for a fixed share.
 */
#ifndef VMMI_POLICIES_EWMA_H
#define VMMI_POLICIES_EWMA_H

typedef struct {
    double share; /* of a new figure, above 0 up to 1; set by the policy */
    double value; /* 0: no figure yet */
} vmmiEwma;

/* The first figure is taken whole. */
void vmmiEwmaAdd(vmmiEwma *ewma, double figure);

#endif
