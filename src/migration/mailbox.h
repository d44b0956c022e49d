/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mailbox.h: how answers of other threads reach the thread that dispatches: a queue and a
 * descriptor that polls readable.
 *
 * It outlives its manager while a thread still holds it: what comes later is dropped. Every call
 * from any thread.
 */
#ifndef VMMI_MIGRATION_MAILBOX_H
#define VMMI_MIGRATION_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include <libvmmi/vmmi-driver.h>

#include "migration/judge.h"

typedef enum {
    VMMI_ANSWER_SOURCE = 0,  /* .look, .sample, .completed, .error */
    VMMI_ANSWER_DESTINATION, /* .look, .error */
    VMMI_ANSWER_ABORT,       /* .error */
    VMMI_ANSWER_EVENT        /* .event, .state, .look, .sample */
} vmmiAnswerKind;

typedef struct {
    vmmiAnswerKind kind;
    uint64_t token;          /* names the migration */
    unsigned int generation; /* names the question: late answers are dropped */
    vmmiLook look;
    vmmiEventType event;
    vmmiState state;
    uint64_t iteration;
    vmmiSample *sample;
    vmmiSample *completed;
    vmmiError *error;
} vmmiAnswer;

void vmmiAnswerFree(vmmiAnswer *answer);

typedef struct vmmiMailbox vmmiMailbox;

vmmiMailbox *vmmiMailboxNew(vmmiError **err);
vmmiMailbox *vmmiMailboxRef(vmmiMailbox *mailbox);
void vmmiMailboxUnref(vmmiMailbox *mailbox);
int vmmiMailboxGetFd(const vmmiMailbox *mailbox);
/* Takes @answer. */
void vmmiMailboxPut(vmmiMailbox *mailbox, vmmiAnswer *answer);
/* Makes the descriptor readable, with nothing in it. */
void vmmiMailboxKick(vmmiMailbox *mailbox);
/* Empties it: a list of vmmiAnswer, to be freed, or NULL. */
GList *vmmiMailboxTake(vmmiMailbox *mailbox);
/* Whatever comes from now on is dropped. */
void vmmiMailboxClose(vmmiMailbox *mailbox);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiAnswer, vmmiAnswerFree)

#endif
