/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * completion.h: the last message of a plugin (C1 to C3, B15).
 */
#ifndef VMMI_KIT_COMPLETION_H
#define VMMI_KIT_COMPLETION_H

#include <jansson.h>

#include <libvmmi/vmmi-message.h>

#include "kit/verdict.h"

/* Borrowed. */
typedef struct {
    const vmmiKitVerdict *verdict;
    const vmmiSample *statistics; /* NULL: unknown */
    json_t *actions;              /* an array; NULL: none */
    bool attached;
    bool shadow;         /* it only watched */
    uint64_t trace_lost; /* lines that the user's trace file did not take */
    const vmmiError *policy_error;  /* NULL: the policy did not break */
    const vmmiError *abort_refused; /* NULL: no abort was refused */
} vmmiCompletionFacts;

/* The message, never NULL. */
vmmiMessage *vmmiCompletionBuild(const vmmiCompletionFacts *facts);

#endif
