/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signals.h: the signals of a plugin (G1 to G3, B6, B7), read from a descriptor and never handled
 * asynchronously.
 */
#ifndef VMMI_KIT_SIGNALS_H
#define VMMI_KIT_SIGNALS_H

#include <libvmmi/vmmi-error.h>

typedef enum {
    VMMI_SIGNAL_NONE = 0,
    VMMI_SIGNAL_STATUS,  /* SIGUSR1 */
    VMMI_SIGNAL_RELEASE, /* SIGTERM */
    VMMI_SIGNAL_ABORT    /* SIGINT, SIGQUIT */
} vmmiSignal;

/*
 * Blocks the signals in this thread, and so in every thread that it starts later, and ignores
 * SIGHUP and SIGPIPE. Called once, before any thread. Returns a descriptor to poll, or -1.
 */
int vmmiSignalsOpen(vmmiError **err);
/* The next signal that is waiting, VMMI_SIGNAL_NONE when there is none. */
vmmiSignal vmmiSignalsRead(int fd);

#endif
