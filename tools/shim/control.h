/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.h: the control socket: its clients, and the calls that they make
 * (docs/control-socket.md).
 *
 * All of it has a fixed size. Whoever does not read its replies at once is cut off: a client never
 * holds the shim up.
 */
#ifndef VMMI_SHIM_CONTROL_H
#define VMMI_SHIM_CONTROL_H

#include <poll.h>

#include "json.h"
#include "shim.h"
#include "streams.h"

#define SHIM_MAX_CLIENTS 16
#define SHIM_REQUEST_MAX_BYTES 4096

/* What a client waits for. It makes no other call meanwhile. */
typedef enum { SHIM_ASKS_NOTHING = 0, SHIM_ASKS_STATUS, SHIM_ASKS_END } ShimAsks;

typedef struct {
    int fd;      /* -1: the place is free */
    bool at_end; /* it sends no more */
    ShimAsks asks;
    bool more;               /* of SHIM_ASKS_END: it hears of changes as well */
    unsigned int timeout_ms; /* of SHIM_ASKS_STATUS */
    uint64_t deadline_ms;
    uint64_t heard_ms; /* its last call */
    size_t used;
    char input[SHIM_REQUEST_MAX_BYTES];
} ShimClient;

/* Places in what is polled; the clients follow. */
#define SHIM_POLL_SIGNALS 0
#define SHIM_POLL_LISTENER 1
#define SHIM_POLL_WATCH 2
#define SHIM_POLL_CLIENTS 3
#define SHIM_POLL_COUNT (SHIM_POLL_CLIENTS + SHIM_MAX_CLIENTS)

typedef struct ShimControl {
    Shim *shim;
    int listener;       /* -1: there is no socket */
    uint64_t accept_ms; /* not before this */
    uint64_t asked_ms;  /* when SIGUSR1 was sent last */
    bool ended;         /* the plugin has ended, and that was written down or cannot be */
    bool recorded;
    ShimStreams streams;
    ShimClient clients[SHIM_MAX_CLIENTS];
} ShimControl;

/* control.c */

/* Makes the socket, opens the streams. What fails is left out: the plugin is started all the same.
 */
void shimControlOpen(ShimControl *control, Shim *shim);
/* Fills in all but SHIM_POLL_SIGNALS. Returns how long to wait, in ms, or -1. */
int shimControlPoll(ShimControl *control, struct pollfd *polled);
/* Takes and answers what is there, a call a client. */
void shimControlServe(ShimControl *control, const struct pollfd *polled);
/* The plugin was stopped or goes on. */
void shimControlTellChange(ShimControl *control);
/* The plugin has ended: the last replies. */
void shimControlFinish(ShimControl *control, bool recorded);
/* Sends bytes; a client that does not take them is dropped. */
void shimClientPut(ShimClient *client, const char *text, size_t length);
/* A whole reply, and the NUL behind it. */
void shimClientReply(ShimClient *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void shimClientDrop(ShimClient *client);
bool shimControlAwaitsStatus(const ShimControl *control);
/* Looks for a status, and gives it to all who wait for one. */
void shimControlLook(ShimControl *control);

/* calls.c: one call. */
void shimCall(ShimControl *control, ShimClient *client, const char *text, size_t length);
void shimCallTellPhase(const ShimControl *control, ShimClient *client);
void shimCallTellEnd(const ShimControl *control, ShimClient *client);
void shimCallTellStatus(ShimClient *client, const ShimJson *status);
void shimCallTellNothing(const ShimControl *control, ShimClient *client);

/* interface.c: the descriptions, as they stand in a JSON string. */
extern const char shimInterfaceJob[];
extern const char shimInterfaceService[];

#endif
