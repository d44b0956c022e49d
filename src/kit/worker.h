/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.h: the thread on which the loop has its calls made, so that a slow host never holds up
 * signals and status.
 */
#ifndef VMMI_KIT_WORKER_H
#define VMMI_KIT_WORKER_H

#include "kit/feed.h"

typedef struct vmmiKitWorker vmmiKitWorker;
typedef struct vmmiTask vmmiTask;

/* Runs on the worker. Returns 0, or -1 with @err. */
typedef int (*vmmiTaskFunc)(void *data, vmmiError **err);

/* Each call that ends wakes the feed. */
vmmiKitWorker *vmmiKitWorkerNew(vmmiFeed *feed);
/* Never waits: a call that hangs goes on, and nobody looks at its answer. */
void vmmiKitWorkerFree(vmmiKitWorker *worker);
/* Whether no call is under way or waits. */
bool vmmiKitWorkerIsIdle(vmmiKitWorker *worker);

/* Hands a call over. @data is given to @free_data when both sides are done with it. Returns a
 * reference. */
vmmiTask *vmmiKitWorkerSubmit(vmmiKitWorker *worker, vmmiTaskFunc func, void *data,
                              GDestroyNotify free_data);
void vmmiTaskUnref(vmmiTask *call);
/* Whether the call has ended; from then on result, error and data may be looked at. */
bool vmmiTaskIsDone(vmmiTask *call);
int vmmiTaskGetResult(const vmmiTask *call);
/* Borrowed; NULL when it went well. */
const vmmiError *vmmiTaskGetError(const vmmiTask *call);
void *vmmiTaskGetData(const vmmiTask *call);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiTask, vmmiTaskUnref)

#endif
