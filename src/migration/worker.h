/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.h: a thread that asks one connection, so that dispatch never waits for a host.
 *
 * It starts with the first question, sleeps while there is none, and answers through a mailbox. It
 * is never joined: one that is stuck in a host is let go and ends by itself when the host lets go
 * of it.
 */
#ifndef VMMI_MIGRATION_WORKER_H
#define VMMI_MIGRATION_WORKER_H

#include "migration/kept.h"
#include "migration/mailbox.h"

typedef struct vmmiWorker vmmiWorker;

/*
 * Keeps references. @connect NULL: @source (copied) is opened on the thread when a question comes,
 * and again when that failed or the connection is lost; each failure is an answer.
 */
vmmiWorker *vmmiWorkerNew(vmmiConnect *connect, const vmmiKeptSource *source,
                          vmmiMailbox *mailbox);
/* No more questions; those under way are answered to nobody. */
void vmmiWorkerStop(vmmiWorker *worker);
/*
 * Asks: VMMI_ANSWER_SOURCE (guest, figures), VMMI_ANSWER_DESTINATION (guest) or VMMI_ANSWER_ABORT.
 * Returns 0, or -1 when no thread could be started; then no answer will come.
 */
int vmmiWorkerAsk(vmmiWorker *worker, vmmiAnswerKind kind, const char *uuid, uint64_t token,
                  unsigned int generation, vmmiError **err);
/* Ends a watch of vmmiCallGuestMonitor() on the thread, since that may take a while; also when the
 * worker is stopped next. */
void vmmiWorkerUnmonitor(vmmiWorker *worker, void *watch);
/* For how long the question in hand has been asked, in milliseconds; 0: none. */
uint64_t vmmiWorkerGetBusyMs(vmmiWorker *worker);

/* Copies what a host says of a guest. */
void vmmiLookSet(vmmiLook *look, const vmmiGuestInfo *info);

#endif
