/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control.c: the control socket: who is connected, what they have sent, what they wait for.
 *
 * Nothing here blocks and nothing is allocated. A client makes one call at a time; who has asked
 * for nothing makes place for others when all places are taken. The calls are calls.c.
 */
#include "control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128
/* A client that has made no call for so long may be sent away for another. */
#define IDLE_MS 1000
/* When no connection can be accepted, for lack of descriptors or memory. */
#define ACCEPT_AGAIN_MS 1000
/* At the end each client is answered so many calls that it had sent already. */
#define LAST_CALLS 64

/* --- the socket --- */

/* The path of an address has 108 bytes, whatever the length of the directory's. */
static bool
bind_in(int fd, int job)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    mode_t mask;
    int bound;

    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" VMMI_FILE_CONTROL,
             job);
    mask = umask(0177);
    bound = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    umask(mask);
    return bound == 0 && listen(fd, BACKLOG) == 0;
}

void
shimControlOpen(ShimControl *control, Shim *shim)
{
    control->shim = shim;
    for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++)
        control->clients[i].fd = -1;
    shimStreamsOpen(&control->streams, shim->job);
    control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (control->listener >= 0 && !bind_in(control->listener, shim->job)) {
        close(control->listener);
        control->listener = -1;
    }
}

/* --- a client --- */

void
shimClientDrop(ShimClient *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->asks = SHIM_ASKS_NOTHING;
    client->at_end = client->more = false;
    client->used = 0;
}

void
shimClientPut(ShimClient *client, const char *text, size_t length)
{
    while (client->fd >= 0 && length > 0) {
        ssize_t put = send(client->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            shimClientDrop(client);
            return;
        }
        text += put;
        length -= (size_t)put;
    }
}

void
shimClientReply(ShimClient *client, const char *format, ...)
{
    char text[SHIM_REQUEST_MAX_BYTES + 256];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(text))
        shimClientDrop(client);
    else
        shimClientPut(client, text, (size_t)length + 1);
}

static bool
has_call(const ShimClient *client)
{
    return client->fd >= 0 && client->asks == SHIM_ASKS_NOTHING &&
           memchr(client->input, '\0', client->used);
}

static void
serve_call(ShimControl *control, ShimClient *client)
{
    size_t length = strnlen(client->input, client->used);
    size_t rest = client->used - length - 1;

    client->heard_ms = shimNowMs(CLOCK_BOOTTIME);
    shimCall(control, client, client->input, length);
    if (client->fd < 0)
        return;
    memmove(client->input, client->input + length + 1, rest);
    client->used = rest;
}

static void
receive(ShimClient *client)
{
    ssize_t got = recv(client->fd, client->input + client->used,
                       sizeof(client->input) - client->used, MSG_DONTWAIT);

    if (got > 0)
        client->used += (size_t)got;
    else if (got == 0)
        client->at_end = true;
    else if (errno != EINTR && errno != EAGAIN)
        shimClientDrop(client);
}

static void
serve_client(ShimControl *control, ShimClient *client, short events)
{
    /* While it waits for a reply nothing is read; it may only go away. */
    if (client->asks != SHIM_ASKS_NOTHING) {
        if (events & (POLLHUP | POLLERR))
            shimClientDrop(client);
        return;
    }
    if (events && !client->at_end && !has_call(client))
        receive(client);
    if (has_call(client)) {
        serve_call(control, client);
    } else if (client->fd >= 0 && client->used == sizeof(client->input)) {
        shimClientReply(client,
                        "{\"error\":\"io.vmmi.Job.RequestTooLong\",\"parameters\":{\"limit\":%d}}",
                        SHIM_REQUEST_MAX_BYTES);
        shimClientDrop(client);
    }
    if (client->fd >= 0 && client->at_end && client->asks == SHIM_ASKS_NOTHING && !has_call(client))
        shimClientDrop(client);
}

/* --- who may come --- */

static bool
is_welcome(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

/*
 * A free place, or that of the client that has asked for nothing the longest; NULL when all are
 * busy. @when (out): when one that is idle may go, SHIM_NEVER if there is none.
 */
static ShimClient *
find_place(ShimControl *control, uint64_t *when)
{
    ShimClient *oldest = NULL;

    for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++) {
        ShimClient *client = &control->clients[i];

        *when = 0;
        if (client->fd < 0)
            return client;
        if (client->asks == SHIM_ASKS_NOTHING && (!oldest || client->heard_ms < oldest->heard_ms))
            oldest = client;
    }
    *when = oldest ? oldest->heard_ms + IDLE_MS : SHIM_NEVER;
    return oldest;
}

static void
accept_client(ShimControl *control)
{
    uint64_t when, now = shimNowMs(CLOCK_BOOTTIME);
    ShimClient *place = find_place(control, &when);
    int fd;

    if (!place || when > now)
        return;
    fd = accept4(control->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            control->accept_ms = now + ACCEPT_AGAIN_MS;
        return;
    }
    if (!is_welcome(fd)) {
        close(fd);
        return;
    }
    shimClientDrop(place);
    place->fd = fd;
    place->heard_ms = now;
}

/* --- the loop --- */

bool
shimControlAwaitsStatus(const ShimControl *control)
{
    for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++) {
        if (control->clients[i].asks == SHIM_ASKS_STATUS)
            return true;
    }
    return false;
}

/* A time that is to come joins the next wake-up; one that is over is now. */
static void
sooner(uint64_t *next, uint64_t when)
{
    if (when < *next)
        *next = when;
}

static void
poll_clients(ShimControl *control, struct pollfd *polled, uint64_t *next)
{
    for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++) {
        const ShimClient *client = &control->clients[i];
        bool reads = client->asks == SHIM_ASKS_NOTHING && !client->at_end;

        polled[i] = (struct pollfd){ .fd = client->fd, .events = reads ? POLLIN : 0 };
        if (client->asks == SHIM_ASKS_STATUS)
            sooner(next, client->deadline_ms);
        else if (has_call(client))
            sooner(next, 0);
    }
}

int
shimControlPoll(ShimControl *control, struct pollfd *polled)
{
    uint64_t now = shimNowMs(CLOCK_BOOTTIME), next = control->streams.look_ms, when;

    find_place(control, &when);
    if (when < control->accept_ms)
        when = control->accept_ms;
    polled[SHIM_POLL_LISTENER] = (struct pollfd){ .fd = -1, .events = POLLIN };
    if (when <= now)
        polled[SHIM_POLL_LISTENER].fd = control->listener;
    else if (control->listener >= 0)
        sooner(&next, when);
    /* What the watch has said already is enough until it was looked at. */
    polled[SHIM_POLL_WATCH] =
        (struct pollfd){ .fd = control->streams.look_ms == SHIM_NEVER ? control->streams.watch : -1,
                         .events = POLLIN };
    poll_clients(control, polled + SHIM_POLL_CLIENTS, &next);
    if (next == SHIM_NEVER)
        return -1;
    /* One more, so that a part of a millisecond is over, too. */
    return next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now) + 1;
}

static void
give_up_waiting(ShimControl *control)
{
    uint64_t now = shimNowMs(CLOCK_BOOTTIME);

    for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++) {
        ShimClient *client = &control->clients[i];

        if (client->asks == SHIM_ASKS_STATUS && client->deadline_ms <= now)
            shimCallTellNothing(control, client);
    }
}

void
shimControlLook(ShimControl *control)
{
    ShimJson status;

    shimStreamsBegin(&control->streams, shimControlAwaitsStatus(control));
    if (shimControlAwaitsStatus(control) && shimStreamsNextStatus(&control->streams, &status)) {
        for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++) {
            if (control->clients[i].asks == SHIM_ASKS_STATUS)
                shimCallTellStatus(&control->clients[i], &status);
        }
    }
    shimStreamsTrim(&control->streams, shimControlAwaitsStatus(control));
}

void
shimControlServe(ShimControl *control, const struct pollfd *polled)
{
    if (polled[SHIM_POLL_WATCH].revents)
        shimStreamsNotice(&control->streams, shimControlAwaitsStatus(control));
    if (control->streams.look_ms <= shimNowMs(CLOCK_BOOTTIME))
        shimControlLook(control);
    for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++) {
        if (control->clients[i].fd >= 0)
            serve_client(control, &control->clients[i], polled[SHIM_POLL_CLIENTS + i].revents);
    }
    give_up_waiting(control);
    /* Last, so that what was polled for a place is not taken for its next client's. */
    if (polled[SHIM_POLL_LISTENER].revents)
        accept_client(control);
}

void
shimControlTellChange(ShimControl *control)
{
    for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++) {
        if (control->clients[i].asks == SHIM_ASKS_END && control->clients[i].more)
            shimCallTellPhase(control, &control->clients[i]);
    }
}

/* --- the end --- */

static void
finish_client(ShimControl *control, ShimClient *client)
{
    if (client->asks == SHIM_ASKS_STATUS)
        shimCallTellNothing(control, client);
    if (client->asks == SHIM_ASKS_END)
        shimCallTellEnd(control, client);
    for (int calls = 0; client->fd >= 0 && calls < LAST_CALLS; calls++) {
        if (!has_call(client) && !client->at_end && client->used < sizeof(client->input))
            receive(client);
        if (!has_call(client))
            break;
        serve_call(control, client);
    }
    shimClientDrop(client);
}

void
shimControlFinish(ShimControl *control, bool recorded)
{
    shimControlLook(control);
    control->ended = true;
    control->recorded = recorded;
    for (size_t i = 0; i < SHIM_MAX_CLIENTS; i++) {
        if (control->clients[i].fd >= 0)
            finish_client(control, &control->clients[i]);
    }
    /* Those who have just come. */
    for (size_t i = 0; control->listener >= 0 && i < SHIM_MAX_CLIENTS; i++) {
        accept_client(control);
        if (control->clients[0].fd < 0)
            break;
        finish_client(control, &control->clients[0]);
    }
    if (control->listener >= 0)
        close(control->listener);
    control->listener = -1;
}
