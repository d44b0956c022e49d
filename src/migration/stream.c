/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream.c: finding messages in what a plugin wrote, among noise.
 *
 * An object is looked for at each opening brace. What is no message is noise; so is every
 * completion but the last.
 */
#include "migration/stream.h"

#include <string.h>

#include <glib.h>

#include "migration/outcome.h"
#include "util/cleanup.h"

/*
 * The next message from @start on. Returns it with its place, or NULL; @pending (out) then is where
 * an object begins that is not whole, or the length.
 */
static vmmiMessage *
next_message(const char *text, size_t length, size_t start, size_t *from, size_t *to,
             size_t *pending)
{
    *pending = length;
    while (start < length) {
        const char *brace = memchr(text + start, '{', length - start);
        vmmiMessage *message;
        size_t taken = 0;

        if (!brace)
            break;
        *from = (size_t)(brace - text);
        message = vmmiMessageParseFirst(brace, length - *from, &taken, NULL);
        if (message) {
            *to = *from + taken;
            return message;
        }
        if (taken == 0 && *pending == length)
            *pending = *from;
        start = *from + MAX(taken, 1);
    }
    return NULL;
}

/* At most the last @max_bytes, cut between characters. */
static char *
keep_tail(char *text, size_t max_bytes)
{
    size_t length = strlen(text);
    const char *tail = text;
    char *shorter;

    if (length <= max_bytes)
        return text;
    tail += length - max_bytes;
    while ((*tail & 0xc0) == 0x80)
        tail++;
    shorter = g_strdup(tail);
    g_free(text);
    return shorter;
}

/* White space around noise says nothing; control characters could fool a terminal. */
static char *
make_printable(const char *text, size_t length)
{
    size_t skip = length > VMMI_DIAGNOSTICS_MAX_BYTES ? length - VMMI_DIAGNOSTICS_MAX_BYTES : 0;
    g_autofree char *copy = g_malloc(length - skip + 1);

    /* No noise at all has no address either. */
    if (length > 0)
        memcpy(copy, text + skip, length - skip);
    copy[length - skip] = '\0';
    for (size_t i = 0; i < length - skip; i++) {
        if (g_ascii_iscntrl(copy[i]) && copy[i] != '\n' && copy[i] != '\t')
            copy[i] = ' ';
    }
    /* Replacing broken bytes can make it longer. */
    return g_strstrip(
        keep_tail(g_utf8_make_valid(copy, (gssize)(length - skip)), VMMI_DIAGNOSTICS_MAX_BYTES));
}

vmmiMessage *
vmmiStreamFindCompletion(const char *text, size_t length, char **noise)
{
    g_autoptr(vmmiMessage) last = NULL;
    g_autoptr(GByteArray) rest = g_byte_array_new();
    size_t from = 0, to = 0, pending, last_from = 0, last_to = 0, start = 0;
    vmmiMessage *message;

    while ((message = next_message(text, length, start, &from, &to, &pending))) {
        start = to;
        if (vmmiMessageGetKind(message) != VMMI_MESSAGE_COMPLETION) {
            vmmiMessageUnref(message);
            continue;
        }
        vmmiMessageUnref(last);
        last = message;
        last_from = from;
        last_to = to;
    }
    /* The newline behind the completion is the completion's. */
    if (last_to > 0 && last_to < length && text[last_to] == '\n')
        last_to++;
    g_byte_array_append(rest, (const guint8 *)text, (guint)last_from);
    g_byte_array_append(rest, (const guint8 *)text + last_to, (guint)(length - last_to));
    *noise = make_printable((const char *)rest->data, rest->len);
    return g_steal_pointer(&last);
}

vmmiMessage *
vmmiStreamFindStatus(const char *text, size_t length, size_t *consumed)
{
    size_t from = 0, to = 0, pending = length, start = 0;
    vmmiMessage *message;

    while ((message = next_message(text, length, start, &from, &to, &pending))) {
        if (vmmiMessageGetKind(message) == VMMI_MESSAGE_STATUS) {
            *consumed = to;
            return message;
        }
        vmmiMessageUnref(message);
        start = to;
    }
    *consumed = pending;
    return NULL;
}
