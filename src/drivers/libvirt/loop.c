/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop.c: libvirt's own event loop, run in a thread: for programs that have no other use for it
 * (VMMI_EVENTS_OWN).
 *
 * The one exception to "the library never registers an event implementation": the application
 * asked for it.
 */
#include "internal.h"

static gpointer
run(gpointer data G_GNUC_UNUSED)
{
    for (;;) {
        /* A failing turn must not spin. */
        if (virEventRunDefaultImpl() < 0)
            g_usleep(G_USEC_PER_SEC / 10);
    }
    return NULL;
}

/* Keeps the loop from sleeping for ever before the first connection is there. */
static void
tick(int timer G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
}

static int
start(vmmiError **err)
{
    if (virEventRegisterDefaultImpl() < 0)
        return vmmiVirtErrorTake(err, VMMI_ERR_INTERNAL);
    virEventAddTimeout(-1, tick, NULL, NULL);
    return vmmiThreadStart("vmmi-events", run, NULL, err);
}

static GMutex lock;
static bool running;   /* under lock */

bool
vmmiVirtLoopIsRunning(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    return running;
}

int
vmmiVirtLoopStart(vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&lock);

    if (running)
        return 0;
    if (start(err) < 0)
        return vmmiErrorPrefix(err, "cannot run libvirt's event loop");
    running = true;
    return 0;
}
