/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams.h: a plugin's own two streams, kept apart from everything that libraries print (B5, S5).
 */
#ifndef VMMI_KIT_STREAMS_H
#define VMMI_KIT_STREAMS_H

#include <libvmmi/vmmi-message.h>

typedef struct {
    int status_fd;     /* what was standard output (S2) */
    int completion_fd; /* what was standard error (S1) */
    uint64_t sequence; /* of the last message, over both streams (B3) */
} vmmiStreams;

/*
 * Takes descriptors 1 and 2 away, so that nothing but our messages can get there: whatever
 * libraries print goes to /dev/null. Missing ones of 0 to 2 are filled first. Called once, before
 * any thread. Returns 0 or -1.
 */
int vmmiStreamsTake(vmmiStreams *streams, vmmiError **err);
/* Sends what libraries print to a private file instead (`logFilePath`, S5). Returns 0, or -1 with
 * VMMI_ERR_BAD_PATH. */
int vmmiStreamsLogTo(const char *path, vmmiError **err);
/* Stamps and writes a message. A status that would block is dropped (S4). Returns 0 or -1. */
int vmmiStreamsWriteStatus(vmmiStreams *streams, vmmiMessage *status, vmmiError **err);
int vmmiStreamsWriteCompletion(vmmiStreams *streams, vmmiMessage *completion, vmmiError **err);

#endif
