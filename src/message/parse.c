/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parse.c: messages out of buffers and files. Descriptors that stay open are reader.c.
 */
#include <fcntl.h>
#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "message/reader.h"
#include "util/cleanup.h"
#include "util/file.h"

vmmiMessage *
vmmiMessageFromJson(json_t *root, const char *text, size_t length, vmmiError **err)
{
    g_autoptr(json_t) owned = root;

    if (!owned || vmmiMessageValidate(owned, text, length, err) < 0)
        return NULL;
    return vmmiMessageWrap(g_steal_pointer(&owned), g_strndup(text, length), length);
}

vmmiMessage *
vmmiMessageParse(const char *text, size_t length, vmmiError **err)
{
    if (!text) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "there is no text");
        return NULL;
    }
    return vmmiMessageFromJson(vmmiJsonParse(text, length, NULL, err), text, length, err);
}

vmmiMessage *
vmmiMessageParseFirst(const char *text, size_t length, size_t *consumed, vmmiError **err)
{
    size_t taken = 0;
    json_t *root;

    if (!text) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "there is no text");
        return NULL;
    }
    root = vmmiJsonParseFirst(text, length, &taken, err);
    if (consumed)
        *consumed = taken;
    return vmmiMessageFromJson(root, text, taken, err);
}

vmmiMessage *
vmmiMessageReadFile(const char *path, vmmiError **err)
{
    g_autofree char *text = NULL;
    vmmiMessage *message;
    size_t length;

    if (!path || !*path) {
        vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "a file's name is empty");
        return NULL;
    }
    if (g_str_equal(path, "-")) {
        message = vmmiMessageReadFd(STDIN_FILENO, -1, err);
    } else {
        if (vmmiFileReadAt(AT_FDCWD, path, VMMI_MESSAGE_MAX_BYTES, false, &text, &length, err) < 0)
            return NULL;
        message = vmmiMessageParse(text, length, err);
    }
    if (!message)
        vmmiErrorPrefix(err, "%s", g_str_equal(path, "-") ? "standard input" : path);
    return message;
}
