/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams.h: the files that the plugin writes to, as the shim sees them: a status is read, and
 * neither grows without end.
 */
#ifndef VMMI_SHIM_STREAMS_H
#define VMMI_SHIM_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "json.h"

/* A longer status is noise. */
#define SHIM_STATUS_MAX_BYTES 65536
#define SHIM_NEVER UINT64_MAX

typedef struct {
    int out; /* stdout of the plugin; -1: it could not be opened */
    int err;
    int watch;          /* inotify; -1: looked at by the clock */
    uint64_t looked_ms; /* when they were looked at last */
    uint64_t look_ms;   /* when to look again, SHIM_NEVER */
    off_t offset;       /* of the window in stdout */
    size_t used;        /* bytes in the window */
    size_t taken;       /* of these, read already */
    char window[SHIM_STATUS_MAX_BYTES];
} ShimStreams;

/* Opens both below the job's directory. What fails is left out. */
void shimStreamsOpen(ShimStreams *streams, int job);
/* What is in stdout now is no answer any more. */
void shimStreamsForget(ShimStreams *streams);
/*
 * The next status that is whole, valid until the next call. False: none came, or the rest is looked
 * at later.
 */
bool shimStreamsNextStatus(ShimStreams *streams, ShimJson *status);
/*
 * Gives back room: of a file that has grown too large only the end stays. @awaited: what was not
 * read yet stays, too.
 */
void shimStreamsTrim(ShimStreams *streams, bool awaited);
/* The watch has spoken. @awaited: somebody waits for a status. */
void shimStreamsNotice(ShimStreams *streams, bool awaited);
/* Somebody waits from now on: a look that is due later is due soon. */
void shimStreamsHurry(ShimStreams *streams);
/* Begins a look, and says when the next is due unless the watch speaks. */
void shimStreamsBegin(ShimStreams *streams, bool awaited);

#endif
