/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.h: one who watches a guest.
 */
#ifndef VMMI_DRIVERS_LIBVIRT_WATCH_H
#define VMMI_DRIVERS_LIBVIRT_WATCH_H

#include "host.h"

vmmiVirtWatch *vmmiVirtWatchNew(vmmiVirtHost *host, const char *uuid, vmmiEventFunc func,
                                void *opaque, vmmiFreeFunc free_opaque);
vmmiVirtWatch *vmmiVirtWatchRef(vmmiVirtWatch *watch);
void vmmiVirtWatchUnref(vmmiVirtWatch *watch);
const char *vmmiVirtWatchGetUuid(const vmmiVirtWatch *watch);
bool vmmiVirtWatchIsOf(const vmmiVirtWatch *watch, const char *uuid);
/*
 * No further event is begun; one that is being delivered may finish, then what the watcher gave
 * is freed.
 */
void vmmiVirtWatchKill(vmmiVirtWatch *watch);
/* Forgets what was seen of an earlier migration. @incoming: the guest comes to this host. */
void vmmiVirtWatchReset(vmmiVirtWatch *watch, bool incoming);

/* On any thread; each waits until an event that is being delivered to this watch is done. */
void vmmiVirtWatchTellLifecycle(vmmiVirtWatch *watch, int event, int detail);
void vmmiVirtWatchTellIteration(vmmiVirtWatch *watch, uint64_t iteration);
void vmmiVirtWatchTellCompleted(vmmiVirtWatch *watch, const vmmiSample *sample);
void vmmiVirtWatchTell(vmmiVirtWatch *watch, vmmiEventType type, const vmmiError *error);

#endif
