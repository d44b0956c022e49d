/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * write.c: messages into text and descriptors. A message is checked as a reader would before it is
 * written.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "util/cleanup.h"
#include "util/error.h"

/* How long one write waits for a reader of a full pipe. */
#define WRITE_WAIT_MS 10000

char *
vmmiMessageToJson(const vmmiMessage *message, bool pretty, vmmiError **err)
{
    int code = vmmiMessageGetKind(message) == VMMI_MESSAGE_CONFIGURATION
                   ? VMMI_ERR_MALFORMED_CONFIGURATION
                   : VMMI_ERR_MESSAGE;
    g_autofree char *text = NULL;

    if (!message) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "there is no message");
        return NULL;
    }
    if (vmmiMessageValidate(message->root, NULL, 0, err) < 0)
        return NULL;
    if (vmmiJsonDepth(message->root) > VMMI_MESSAGE_MAX_DEPTH) {
        vmmiErrorSet(err, code, "the message has more than %d levels of brackets",
                     VMMI_MESSAGE_MAX_DEPTH);
        return NULL;
    }
    text = vmmiJsonWrite(message->root, pretty);
    if (strlen(text) > VMMI_MESSAGE_MAX_BYTES) {
        vmmiErrorSet(err, code, "the message would have %zu bytes, the limit is %d",
                     strlen(text), VMMI_MESSAGE_MAX_BYTES);
        return NULL;
    }
    return g_steal_pointer(&text);
}

static int
write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t put = write(fd, text, length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

            if (poll(&pollfd, 1, WRITE_WAIT_MS) > 0)
                continue;
            errno = EAGAIN;
        }
        if (put < 0)
            return -1;
        text += put;
        length -= (size_t)put;
    }
    return 0;
}

int
vmmiMessageWriteFd(const vmmiMessage *message, int fd, vmmiError **err)
{
    g_autofree char *text = vmmiMessageToJson(message, false, err);
    g_autofree char *line = NULL;

    if (!text)
        return -1;
    line = g_strconcat(text, "\n", NULL);
    if (write_all(fd, line, strlen(line)) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot write a message");
    return 0;
}
