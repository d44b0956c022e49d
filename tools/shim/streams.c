/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams.c: the files that the plugin writes to: a status out of one, and room given back.
 *
 * A plugin may write as much as it likes, and never waits for it (S3). Room is given back by
 * punching a hole: places in the file stay what they are, for whoever reads it meanwhile. The watch
 * wakes the shim when something was written, a few times a second at most.
 */
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim.h"

/* Between two looks, at least: for an answer, and at what nobody waits for. */
#define SOON_MS 5
#define LATER_MS 100
/* The same without a watch. */
#define CLOCK_SOON_MS 20
#define CLOCK_LATER_MS 10000
/* Read at one go, and how much may wait to be read: what lies before that is skipped as noise. */
#define READ_AT_ONCE ((size_t)1024 * 1024)
#define MAX_BEHIND ((off_t)8 * 1024 * 1024)
/* What a file may take of the disk, and what stays of it then. */
#define OUT_LIMIT ((off_t)1024 * 1024)
#define OUT_KEEP ((off_t)SHIM_STATUS_MAX_BYTES)
#define ERR_LIMIT ((off_t)4 * 1024 * 1024)
/* As much as the library reads: from the end, and from the beginning when there is nothing. */
#define ERR_KEEP ((off_t)2 * 1024 * 1024)
#define ERR_FIRST ((off_t)1024 * 1024)

static int
open_regular(int job, const char *name)
{
    int fd = openat(job, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* By the open file, so that it is the one that is read. */
static bool
watch_file(int watch, int fd)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return fd < 0 || inotify_add_watch(watch, path, IN_MODIFY) >= 0;
}

void
shimStreamsOpen(ShimStreams *streams, int job)
{
    streams->out = open_regular(job, VMMI_FILE_STDOUT);
    streams->err = open_regular(job, VMMI_FILE_STDERR);
    streams->look_ms = SHIM_NEVER;
    streams->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (streams->watch >= 0 &&
        (!watch_file(streams->watch, streams->out) || !watch_file(streams->watch, streams->err))) {
        close(streams->watch);
        streams->watch = -1;
    }
    shimStreamsBegin(streams, false);
}

/* 0 when it cannot be told. */
static off_t
size_of(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
}

static void
go_to(ShimStreams *streams, off_t offset)
{
    streams->offset = offset;
    streams->used = streams->taken = 0;
}

void
shimStreamsForget(ShimStreams *streams)
{
    go_to(streams, size_of(streams->out));
}

static bool
is_status(const ShimJson *object)
{
    ShimJson type;

    return shimJsonGet(object, "contentType", &type) && shimJsonIsString(&type, "status");
}

/* Of what is in the window only this and what is behind it counts. */
static void
shift(ShimStreams *streams, size_t start)
{
    streams->used -= start;
    streams->offset += (off_t)start;
    streams->taken = 0;
    memmove(streams->window, streams->window + start, streams->used);
}

/* How a brace begins: with a status, with something that may become one, or with noise. */
static ShimJsonVerdict
judge(const ShimStreams *streams, size_t at, ShimJson *object)
{
    ShimJsonVerdict verdict = shimJsonScan(streams->window + at, streams->used - at, object);

    /* One that does not fit never becomes whole. */
    if (verdict == SHIM_JSON_CUT && at == 0 && streams->used == sizeof(streams->window))
        return SHIM_JSON_BAD;
    return verdict;
}

/*
 * An object is looked for at each opening brace, also behind one that is not whole: that may be
 * noise that looks like the beginning of one.
 */
static bool
find(ShimStreams *streams, ShimJson *status)
{
    size_t at = streams->taken, cut = streams->used;

    while (at < streams->used) {
        const char *brace = memchr(streams->window + at, '{', streams->used - at);
        ShimJsonVerdict verdict;
        ShimJson object;

        if (!brace)
            break;
        at = (size_t)(brace - streams->window);
        verdict = judge(streams, at, &object);
        if (verdict == SHIM_JSON_WHOLE && is_status(&object)) {
            streams->taken = at + object.length;
            *status = object;
            return true;
        }
        if (verdict == SHIM_JSON_CUT && at < cut)
            cut = at;
        at += verdict == SHIM_JSON_WHOLE ? object.length : 1;
    }
    shift(streams, cut);
    return false;
}

/* Reads on. Returns how much; 0 when there is nothing more for now. */
static size_t
fill(ShimStreams *streams)
{
    off_t size = size_of(streams->out), place = streams->offset + (off_t)streams->used;
    ssize_t got;

    if (size < place)
        go_to(streams, 0); /* somebody cut it */
    else if (size - place > MAX_BEHIND)
        go_to(streams, size - MAX_BEHIND);
    do {
        got =
            pread(streams->out, streams->window + streams->used,
                  sizeof(streams->window) - streams->used, streams->offset + (off_t)streams->used);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return 0;
    streams->used += (size_t)got;
    return (size_t)got;
}

bool
shimStreamsNextStatus(ShimStreams *streams, ShimJson *status)
{
    if (streams->out < 0)
        return false;
    for (size_t bytes = 0, more; bytes < READ_AT_ONCE; bytes += more) {
        if (find(streams, status))
            return true;
        more = fill(streams);
        if (more == 0)
            return false;
    }
    streams->look_ms = 0;
    return find(streams, status);
}

/* Throws away what stands from @first to @start. False: this file system cannot. */
static bool
punch(int fd, off_t first, off_t start)
{
    return start <= first || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first,
                                       start - first) == 0;
}

/* Whether a file takes more room than it should. @start (out): of the part that stays. */
static bool
is_large(int fd, off_t limit, off_t keep, off_t *start)
{
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || (off_t)st.st_blocks * 512 <= limit || st.st_size <= keep)
        return false;
    *start = st.st_size - keep;
    return true;
}

void
shimStreamsTrim(ShimStreams *streams, bool awaited)
{
    off_t start;

    if (is_large(streams->out, OUT_LIMIT, OUT_KEEP, &start)) {
        /* An answer may be in what was not read yet. */
        if (awaited && start > streams->offset)
            start = streams->offset;
        /* The plugin appends: it goes on at the beginning of a file that was cut. */
        if (!punch(streams->out, 0, start))
            (void)!ftruncate(streams->out, 0);
    }
    if (is_large(streams->err, ERR_LIMIT, ERR_KEEP, &start))
        punch(streams->err, ERR_FIRST, start);
}

void
shimStreamsNotice(ShimStreams *streams, bool awaited)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

    while (read(streams->watch, events, sizeof(events)) > 0)
        ;
    streams->look_ms = streams->looked_ms + (awaited ? SOON_MS : LATER_MS);
}

void
shimStreamsHurry(ShimStreams *streams)
{
    uint64_t soon =
        shimNowMs(CLOCK_BOOTTIME) + (streams->watch < 0 ? CLOCK_SOON_MS : SOON_MS);

    if (streams->look_ms != SHIM_NEVER && streams->look_ms > soon)
        streams->look_ms = soon;
}

void
shimStreamsBegin(ShimStreams *streams, bool awaited)
{
    streams->looked_ms = shimNowMs(CLOCK_BOOTTIME);
    streams->look_ms = SHIM_NEVER;
    if (streams->watch < 0)
        streams->look_ms = streams->looked_ms + (awaited ? CLOCK_SOON_MS : CLOCK_LATER_MS);
}
