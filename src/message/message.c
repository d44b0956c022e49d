/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * message.c: the message as an object: envelope, kind, positions, values of the content by path.
 *
 * Reading is parse.c and reader.c, checking validate.c, writing write.c; what a kind means is
 * configuration.c, status.c and completion.c.
 */
#include "message/message.h"

#include <inttypes.h>
#include <string.h>

#include "message/json.h"
#include "message/scanner.h"
#include "util/cleanup.h"
#include "util/clock.h"

static const char *const kind_names[] = { NULL, "configuration", "status", "completion" };

vmmiMessageKind
vmmiMessageKindOf(const char *content_type)
{
    for (size_t i = 1; i < G_N_ELEMENTS(kind_names); i++) {
        if (g_strcmp0(kind_names[i], content_type) == 0)
            return (vmmiMessageKind)i;
    }
    return VMMI_MESSAGE_OTHER;
}

vmmiMessage *
vmmiMessageWrap(json_t *root, char *text, size_t length)
{
    vmmiMessage *message = g_new0(vmmiMessage, 1);

    message->refs = 1;
    message->root = root;
    message->text = text;
    message->length = length;
    return message;
}

vmmiMessage *
vmmiMessageNewContent(const char *content_type, json_t *content, vmmiError **err)
{
    g_autoptr(json_t) owned = content;
    g_autoptr(json_t) root = NULL;

    if (!content_type || !*content_type || !g_utf8_validate(content_type, -1, NULL)) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "a message needs a content type in UTF-8");
        return NULL;
    }
    root =
        json_pack("{s:s, s:s}", "vmmiVersion", VMMI_PROTOCOL_VERSION, "contentType", content_type);
    if (json_object_get(root, content_type)) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "'%s' cannot be a content type", content_type);
        return NULL;
    }
    if (!root || json_object_set(root, content_type, owned) < 0) {
        vmmiErrorSet(err, VMMI_ERR_SYSTEM, "cannot make a message: out of memory");
        return NULL;
    }
    return vmmiMessageWrap(g_steal_pointer(&root), NULL, 0);
}

vmmiMessage *
vmmiMessageNew(const char *content_type, vmmiError **err)
{
    return vmmiMessageNewContent(content_type, json_object(), err);
}

vmmiMessage *
vmmiMessageRef(vmmiMessage *message)
{
    if (message)
        g_atomic_int_inc(&message->refs);
    return message;
}

void
vmmiMessageUnref(vmmiMessage *message)
{
    if (!message || !g_atomic_int_dec_and_test(&message->refs))
        return;
    json_decref(message->root);
    g_free(message->text);
    g_free(message);
}

void
vmmiMessageForgetText(vmmiMessage *message)
{
    g_clear_pointer(&message->text, g_free);
    message->length = 0;
}

const char *
vmmiMessageGetContentType(const vmmiMessage *message)
{
    return message ? json_string_value(json_object_get(message->root, "contentType")) : NULL;
}

const char *
vmmiMessageGetVersion(const vmmiMessage *message)
{
    return message ? json_string_value(json_object_get(message->root, "vmmiVersion")) : NULL;
}

vmmiMessageKind
vmmiMessageGetKind(const vmmiMessage *message)
{
    return vmmiMessageKindOf(vmmiMessageGetContentType(message));
}

bool
vmmiMessageGetTimestamp(const vmmiMessage *message, uint64_t *seconds)
{
    uint64_t ignored;

    return message && vmmiJsonGetUInt(message->root, "timestamp", seconds ? seconds : &ignored);
}

bool
vmmiMessageGetTimestampMs(const vmmiMessage *message, uint64_t *milliseconds)
{
    uint64_t ignored;

    return message &&
           vmmiJsonGetUInt(message->root, "timestampMs", milliseconds ? milliseconds : &ignored);
}

bool
vmmiMessageGetSequence(const vmmiMessage *message, uint64_t *sequence)
{
    uint64_t ignored;

    return message && vmmiJsonGetUInt(message->root, "sequence", sequence ? sequence : &ignored);
}

void
vmmiMessageStamp(vmmiMessage *message, uint64_t sequence)
{
    uint64_t now = vmmiClockWallMs();

    json_object_set_new(message->root, "timestamp", json_integer((json_int_t)(now / 1000)));
    json_object_set_new(message->root, "timestampMs", json_integer((json_int_t)now));
    json_object_set_new(message->root, "sequence",
                        json_integer((json_int_t)MIN(sequence, (uint64_t)INT64_MAX)));
    vmmiMessageForgetText(message);
}

json_t *
vmmiMessageContent(const vmmiMessage *message)
{
    const char *type = vmmiMessageGetContentType(message);

    return type ? json_object_get(message->root, type) : NULL;
}

/* --- positions
 * -------------------------------------------------------------------------------------------- */

bool
vmmiMessageFind(const vmmiMessage *message, const char *path, bool of_key, unsigned int *line,
                unsigned int *column)
{
    g_autofree char *full = NULL;
    size_t offset;

    if (!message || !message->text)
        return false;
    full = g_strjoin(path && *path ? "." : "", vmmiMessageGetContentType(message), path, NULL);
    if (!vmmiTextFind(message->text, message->length, full, of_key, &offset))
        return false;
    vmmiTextPlace(message->text, message->length, offset, line, column);
    return true;
}

int
vmmiMessageRaiseAt(const vmmiMessage *message, const char *path, bool of_key, vmmiError **err,
                   int code, const char *format, ...)
{
    g_autofree char *what = NULL;
    unsigned int line, column;
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    if (vmmiMessageFind(message, path, of_key, &line, &column))
        return vmmiErrorSet(err, code, "line %u, column %u: %s", line, column, what);
    return vmmiErrorSet(err, code, "%s", what);
}

/* --- values by path
 * --------------------------------------------------------------------------------------- */

bool
vmmiMessageHas(const vmmiMessage *message, const char *path)
{
    return message && vmmiPathGet(vmmiMessageContent(message), path);
}

bool
vmmiMessageGetString(const vmmiMessage *message, const char *path, const char **value)
{
    const json_t *found = message ? vmmiPathGet(vmmiMessageContent(message), path) : NULL;

    if (!json_is_string(found))
        return false;
    if (value)
        *value = json_string_value(found);
    return true;
}

bool
vmmiMessageGetUInt(const vmmiMessage *message, const char *path, uint64_t *value)
{
    const json_t *found = message ? vmmiPathGet(vmmiMessageContent(message), path) : NULL;

    if (!json_is_integer(found) || json_integer_value(found) < 0)
        return false;
    if (value)
        *value = (uint64_t)json_integer_value(found);
    return true;
}

bool
vmmiMessageGetBool(const vmmiMessage *message, const char *path, bool *value)
{
    const json_t *found = message ? vmmiPathGet(vmmiMessageContent(message), path) : NULL;

    if (!json_is_boolean(found))
        return false;
    if (value)
        *value = json_is_true(found);
    return true;
}

char *
vmmiMessageGetJson(const vmmiMessage *message, const char *path)
{
    const json_t *found = message ? vmmiMessageContent(message) : NULL;

    if (found && path && *path)
        found = vmmiPathGet(found, path);
    return found ? vmmiJsonWrite(found, false) : NULL;
}

static int
set_value(vmmiMessage *message, const char *path, json_t *value, vmmiError **err)
{
    json_t *content = vmmiMessageContent(message);

    if (!json_is_object(content)) {
        json_decref(value);
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "cannot set '%s': the content of the message is %s, not an object",
                            path ? path : "", vmmiJsonTypeName(content));
    }
    vmmiMessageForgetText(message);
    return vmmiPathSet(content, path, value, err);
}

int
vmmiMessageSetString(vmmiMessage *message, const char *path, const char *value, vmmiError **err)
{
    return set_value(message, path, json_string(value), err);
}

int
vmmiMessageSetUInt(vmmiMessage *message, const char *path, uint64_t value, vmmiError **err)
{
    if (value > INT64_MAX)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "cannot set '%s' to %" PRIu64 ": the limit is %" PRId64, path, value,
                            INT64_MAX);
    return set_value(message, path, json_integer((json_int_t)value), err);
}

int
vmmiMessageSetBool(vmmiMessage *message, const char *path, bool value, vmmiError **err)
{
    return set_value(message, path, json_boolean(value), err);
}

int
vmmiMessageSetJson(vmmiMessage *message, const char *path, const char *json, vmmiError **err)
{
    json_t *value = vmmiJsonParseValue(json ? json : "", json ? strlen(json) : 0, path, err);

    return value ? set_value(message, path, value, err) : -1;
}
