/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * listen.c: receives the serial line of one guest, from whichever QEMU runs it.
 *
 * The QEMU of the source and that of the destination both connect to DIRECTORY/serial.sock;
 * the time of each arrival is taken at once. DIRECTORY/control.sock takes one command
 * at a time for the guest, and gives back the next line that is no beat.
 */
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_LINES 6 /* two QEMUs, and those that are just going away */

typedef struct lab_connection lab_connection;
struct lab_connection {
    int fd; /* -1: free */
    lab_side side;
    uint64_t heard_us;
};

typedef struct lab_listener lab_listener;
struct lab_listener {
    lab_log log;
    int serial, control, asker;
    lab_connection lines[MAX_LINES];
};

static volatile sig_atomic_t stopped;

static void
on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

static int
fill_address(struct sockaddr_un *address, const char *directory, const char *name)
{
    int n = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", directory, name);

    address->sun_family = AF_UNIX;
    if (n < 0 || (size_t)n >= sizeof(address->sun_path)) {
        fprintf(stderr, "the path '%s/%s' is too long for a socket\n", directory, name);
        return -1;
    }
    return 0;
}

static int
open_socket(const char *directory, const char *name)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || fill_address(&address, directory, name) < 0)
        return -1;
    unlink(address.sun_path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0) {
        perror(address.sun_path);
        return -1;
    }
    return fd;
}

/* Each host of the lab marks its mount namespace; see lib/inside.sh. */
static lab_side
peer_side(int fd)
{
    struct ucred peer = { 0 };
    socklen_t size = sizeof(peer);
    char path[64], line[4096];
    lab_side side = SIDE_UNKNOWN;
    FILE *file;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return side;
    snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)peer.pid);
    file = fopen(path, "re");
    while (file && side == SIDE_UNKNOWN && fgets(line, sizeof(line), file)) {
        if (!strstr(line, " vmmi-lab:"))
            continue;
        side = strstr(line, ":source ") ? SIDE_SOURCE : SIDE_DESTINATION;
    }
    if (file)
        fclose(file);
    return side;
}

static void
accept_line(lab_listener *l)
{
    int fd = accept4(l->serial, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    for (size_t i = 0; i < MAX_LINES; i++) {
        if (l->lines[i].fd >= 0)
            continue;
        l->lines[i] = (lab_connection){ .fd = fd, .side = peer_side(fd) };
        lab_log_event(&l->log, 'o', lab_now_us(), lab_side_name(l->lines[i].side));
        return;
    }
    close(fd);
}

static void
read_line(lab_listener *l, lab_connection *line)
{
    char bytes[4096];
    ssize_t n;

    while ((n = read(line->fd, bytes, sizeof(bytes))) > 0) {
        line->heard_us = lab_now_us();
        lab_log_bytes(&l->log, line->side, line->heard_us, bytes, (size_t)n);
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        lab_log_event(&l->log, 'c', lab_now_us(), lab_side_name(line->side));
        close(line->fd);
        line->fd = -1;
    }
}

/* The one that spoke last. */
static lab_connection *
active_line(lab_listener *l)
{
    lab_connection *best = NULL;

    for (size_t i = 0; i < MAX_LINES; i++) {
        if (l->lines[i].fd >= 0 && (!best || l->lines[i].heard_us > best->heard_us))
            best = &l->lines[i];
    }
    return best;
}

static void
take_command(lab_listener *l)
{
    lab_connection *line = active_line(l);
    char command[64];
    ssize_t n;

    if (l->asker >= 0)
        close(l->asker);
    l->asker = accept4(l->control, NULL, NULL, SOCK_CLOEXEC);
    if (l->asker < 0)
        return;
    n = recv(l->asker, command, sizeof(command), 0);
    l->log.answered = false;
    if (n > 0 && line && send(line->fd, command, (size_t)n, MSG_NOSIGNAL) == n)
        return;
    close(l->asker);
    l->asker = -1;
}

static void
give_answer(lab_listener *l)
{
    if (l->asker < 0 || !l->log.answered)
        return;
    send(l->asker, l->log.answer, strlen(l->log.answer), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(l->asker);
    l->asker = -1;
}

static void
run_once(lab_listener *l)
{
    struct pollfd fds[MAX_LINES + 2] = { { .fd = l->serial, .events = POLLIN },
                                         { .fd = l->control, .events = POLLIN } };
    lab_connection *active = active_line(l);

    for (size_t i = 0; i < MAX_LINES; i++)
        fds[i + 2] = (struct pollfd){ .fd = l->lines[i].fd, .events = POLLIN };
    if (poll(fds, MAX_LINES + 2, -1) < 0)
        return;
    if (active) /* first: what the old host said comes before what the new one says */
        read_line(l, active);
    for (size_t i = 0; i < MAX_LINES; i++) {
        if (fds[i + 2].revents && &l->lines[i] != active)
            read_line(l, &l->lines[i]);
    }
    give_answer(l);
    if (fds[0].revents)
        accept_line(l);
    if (fds[1].revents)
        take_command(l);
}

static int
change_to(const char *directory)
{
    if (chdir(directory) == 0)
        return 0;
    perror(directory);
    return -1;
}

int
lab_listen(const char *directory)
{
    static lab_listener l;
    struct sigaction action = { .sa_handler = on_signal };

    for (size_t i = 0; i < MAX_LINES; i++)
        l.lines[i].fd = -1;
    l.asker = -1;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    setpriority(PRIO_PROCESS, 0, -10);
    if (change_to(directory) < 0 || lab_log_open(&l.log, "serial.log") < 0 ||
        (l.control = open_socket(".", "control.sock")) < 0 ||
        (l.serial = open_socket(".", "serial.sock")) < 0)
        return 1;

    lab_log_event(&l.log, 's', lab_now_us(), "");
    while (!stopped)
        run_once(&l);
    lab_log_event(&l.log, 'e', lab_now_us(), "");
    unlink("serial.sock");
    unlink("control.sock");
    return 0;
}

int
lab_ask(const char *directory, const char *command, int timeout_ms)
{
    struct sockaddr_un address;
    struct pollfd answer = { .events = POLLIN };
    char text[512];
    int n;

    answer.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (answer.fd < 0 || fill_address(&address, directory, "control.sock") < 0)
        return 1;
    n = snprintf(text, sizeof(text), "%s\n", command);
    if (connect(answer.fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        send(answer.fd, text, (size_t)n, MSG_NOSIGNAL) != n) {
        perror(address.sun_path);
        return 1;
    }
    if (poll(&answer, 1, timeout_ms) <= 0) {
        fprintf(stderr, "no answer from the guest within %d ms\n", timeout_ms);
        return 1;
    }
    n = (int)recv(answer.fd, text, sizeof(text) - 1, 0);
    if (n <= 0) {
        fprintf(stderr, "no QEMU is connected to '%s/serial.sock'\n", directory);
        return 1;
    }
    text[n] = '\0';
    printf("%s\n", text);
    return 0;
}
