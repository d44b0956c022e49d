/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reader.c: exactly one object out of a descriptor that may stay open (I5).
 *
 * From a pipe, a socket or a terminal never more bytes are taken than must still come before the
 * object can be whole; a regular file is read in blocks and its offset put back behind the closing
 * brace.
 */
#include "message/reader.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "message/json.h"
#include "message/scanner.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#define BLOCK_BYTES 4096

struct vmmiMessageReader {
    int fd;
    bool seekable;
    vmmiScanner scanner;
    GString *text;
};

vmmiMessageReader *
vmmiMessageReaderNew(int fd)
{
    vmmiMessageReader *reader = g_new0(vmmiMessageReader, 1);
    struct stat st;

    reader->fd = fd;
    reader->seekable = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && lseek(fd, 0, SEEK_CUR) >= 0;
    reader->text = g_string_new(NULL);
    vmmiScannerInit(&reader->scanner);
    return reader;
}

void
vmmiMessageReaderFree(vmmiMessageReader *reader)
{
    if (!reader)
        return;
    g_string_free(reader->text, TRUE);
    g_free(reader);
}

/* How many bytes can be read without waiting: at least 1 at the end of the stream, or on an error.
 */
static int
count_ready(int fd)
{
    struct pollfd pollfd = { .fd = fd, .events = POLLIN };
    int ready = 0, got;

    do
        got = poll(&pollfd, 1, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return got;
    if (ioctl(fd, FIONREAD, &ready) < 0 || ready < 1)
        return 1;
    return ready;
}

/* The text is whole, or broken: what does the parser say? */
static int
finish(vmmiMessageReader *reader, vmmiMessage **message, vmmiError **err)
{
    size_t taken;
    json_t *root = vmmiJsonParseFirst(reader->text->str, reader->text->len, &taken, err);

    *message = vmmiMessageFromJson(root, reader->text->str, reader->text->len, err);
    return *message ? 1 : -1;
}

static int
take_bytes(vmmiMessageReader *reader, const char *bytes, size_t length, vmmiMessage **message,
           vmmiError **err)
{
    for (size_t i = 0; i < length; i++) {
        vmmiScanResult result = vmmiScannerFeed(&reader->scanner, bytes[i]);

        g_string_append_c(reader->text, bytes[i]);
        if (result == VMMI_SCAN_MORE)
            continue;
        if (reader->seekable && lseek(reader->fd, -(off_t)(length - i - 1), SEEK_CUR) < 0)
            return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot go back in the input");
        return finish(reader, message, err);
    }
    return 0;
}

static int
raise_end(vmmiMessageReader *reader, vmmiMessage **message, vmmiError **err)
{
    if (reader->text->len > 0)
        return finish(reader, message, err);
    return vmmiErrorSet(err, VMMI_ERR_MESSAGE, "the input ended without a message");
}

int
vmmiMessageReaderStep(vmmiMessageReader *reader, vmmiMessage **message, vmmiError **err)
{
    char block[BLOCK_BYTES];
    int ready = 0, done;

    for (;;) {
        size_t wanted = reader->seekable ? BLOCK_BYTES : vmmiScannerNeeds(&reader->scanner);
        ssize_t got;

        if (ready <= 0)
            ready = count_ready(reader->fd);
        if (ready < 0)
            return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot poll the input");
        if (ready == 0)
            return 0;
        got = read(reader->fd, block, MIN(wanted, MIN((size_t)ready, sizeof(block))));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (got < 0)
            return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot read the input");
        if (got == 0)
            return raise_end(reader, message, err);
        ready -= (int)got;
        done = take_bytes(reader, block, (size_t)got, message, err);
        if (done != 0)
            return done;
    }
}

/* Returns: 0 when there may be something to read, -1 with an error. */
static int
wait_for(int fd, uint64_t deadline, size_t taken, vmmiError **err)
{
    for (;;) {
        struct pollfd pollfd = { .fd = fd, .events = POLLIN };
        uint64_t now = vmmiClockBoottimeMs();
        int left = deadline == UINT64_MAX ? -1 : (int)(deadline > now ? deadline - now : 0);
        int got = poll(&pollfd, 1, left);

        if (got > 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot poll the input");
        if (got == 0)
            return vmmiErrorSet(err, VMMI_ERR_TIMEOUT,
                                "no whole message came in time, only %zu bytes", taken);
    }
}

vmmiMessage *
vmmiMessageReadFd(int fd, int timeout_ms, vmmiError **err)
{
    uint64_t deadline = timeout_ms < 0 ? UINT64_MAX : vmmiClockBoottimeMs() + (uint64_t)timeout_ms;
    vmmiMessage *message = NULL;
    vmmiMessageReader *reader;
    int done;

    if (fd < 0) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "%d is not a descriptor", fd);
        return NULL;
    }
    reader = vmmiMessageReaderNew(fd);
    while ((done = vmmiMessageReaderStep(reader, &message, err)) == 0) {
        if (wait_for(fd, deadline, reader->text->len, err) < 0)
            break;
    }
    vmmiMessageReaderFree(reader);
    return done == 1 ? message : NULL;
}
