/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * worker.h: calls that may hang, on threads of their own, with a deadline.
 *
 * A caller waits for its own deadline only. When it has passed, the request belongs to the worker
 * alone: the late answer is freed unread, the worker is counted as stuck, and the next call gets
 * another one. Closing joins nobody.
 */
#ifndef VMMI_UTIL_WORKER_H
#define VMMI_UTIL_WORKER_H

#include <glib.h>

#include <libvmmi/vmmi-error.h>

typedef struct vmmiWorkers vmmiWorkers;

/* Runs on a worker and may touch what @data holds only. Returns 0, or -1 with @err. */
typedef int (*vmmiWorkFunc)(void *data, vmmiError **err);

/* A group of workers. @name is static. With @max_stuck workers stuck, calls fail at once. */
vmmiWorkers *vmmiWorkersNew(const char *name, unsigned int max_stuck);
/* Gives the group up. What was started is still done; nobody is waited for. NULL is fine. */
void vmmiWorkersClose(vmmiWorkers *workers);

/*
 * Runs @run on a worker, for at most @timeout_ms. Calls never queue behind each other. @what
 * names the call in messages. *@data stays the caller's, who reads the answer there, unless the
 * time is over: then it is set to NULL, and @free_data gets the object later, on the worker.
 * Returns what @run returned, or -1 with VMMI_ERR_TIMEOUT or VMMI_ERR_SYSTEM.
 */
int vmmiWorkersCall(vmmiWorkers *workers, const char *what, unsigned int timeout_ms,
                    vmmiWorkFunc run, void **data, GDestroyNotify free_data, vmmiError **err);
/*
 * Runs @run on a worker and does not wait; what it returns is lost. @free_data gets @data
 * afterwards, on the worker, or here when this call fails. Returns 0 or -1.
 */
int vmmiWorkersStart(vmmiWorkers *workers, vmmiWorkFunc run, void *data, GDestroyNotify free_data,
                     vmmiError **err);
/* How many workers are busy with calls that nobody waits for any more. */
unsigned int vmmiWorkersCountStuck(vmmiWorkers *workers);

/* Starts a thread that is never joined and has all signals blocked. Returns 0 or -1. */
int vmmiThreadStart(const char *name, GThreadFunc func, void *data, vmmiError **err);

#endif
