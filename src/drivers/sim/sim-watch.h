/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-watch.h: telling callers what happens in a simulated world: one thread a connection, with all signals blocked.
 */
#ifndef VMMI_SIM_WATCH_H
#define VMMI_SIM_WATCH_H

#include "drivers/sim/sim-store.h"

typedef struct vmmiSimWatcher vmmiSimWatcher;

/* The thread starts with the first thing to watch. Any thread may call. */
vmmiSimWatcher *vmmiSimWatcherNew(vmmiSimStore *store, size_t host);
/* Ends it, and waits for nobody; what is still watched is freed by the thread, without further calls. */
void vmmiSimWatcherClose(vmmiSimWatcher *watcher);

/* Starts the thread, so that adding a job cannot fail. Returns 0 or -1. */
int vmmiSimWatcherPrepare(vmmiSimWatcher *watcher, vmmiError **err);
/* @sequence: what has been seen already. @free_opaque runs once, also on failure. Returns the watch, or NULL. */
void *vmmiSimWatcherAddGuest(vmmiSimWatcher *watcher, const char *uuid, uint64_t sequence,
                             vmmiEventFunc func, void *opaque, vmmiFreeFunc free_opaque, vmmiError **err);
void vmmiSimWatcherRemove(vmmiSimWatcher *watcher, void *watch);
/* Calls @done when the migration @job ends. As above. Returns 0 or -1. */
int vmmiSimWatcherAddJob(vmmiSimWatcher *watcher, uint64_t job, vmmiDoneFunc done, void *opaque,
                         vmmiFreeFunc free_opaque, vmmiError **err);

#endif
