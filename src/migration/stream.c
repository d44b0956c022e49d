/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream.c: finding messages in what a plugin wrote, among noise.
 *
 * An object is looked for at each opening brace, in time that grows with the text whatever it is.
 * What is no message is noise; so is every completion but the last.
 */
#include "migration/stream.h"

#include <string.h>

#include <glib.h>

#include "message/scanner.h"
#include "migration/outcome.h"
#include "util/cleanup.h"

/* Brackets inside strings are looked at again, in case it is the quotes that were noise; but not
 * without end. */
#define MAX_PASSES 8
#define MIN_WORK ((size_t)64 * 1024)

typedef struct {
    size_t from, to;
} Span;

/* One pass over an object that may be none, may never end, and may hold whole ones. */
typedef struct {
    vmmiScanner scanner;
    size_t open[VMMI_MESSAGE_MAX_DEPTH]; /* where each open bracket stands */
    GArray *whole; /* Span: objects that are whole and not inside another whole one, in order */
    size_t quoted; /* the first brace inside a string, 0: none */
} Pass;

/* What is too deep for a message is dropped from outside: what it holds may be one. */
static void
drop_outermost(Pass *pass)
{
    pass->scanner.depth--;
    memmove(pass->scanner.levels, pass->scanner.levels + 1,
            pass->scanner.depth * sizeof(*pass->scanner.levels));
    memmove(pass->open, pass->open + 1, pass->scanner.depth * sizeof(*pass->open));
}

static void
add_whole(Pass *pass, size_t from, size_t to)
{
    const Span span = { from, to };

    while (pass->whole->len > 0 &&
           g_array_index(pass->whole, Span, pass->whole->len - 1).from > from)
        g_array_set_size(pass->whole, pass->whole->len - 1);
    g_array_append_val(pass->whole, span);
}

static vmmiScanResult
feed(Pass *pass, const char *text, size_t at)
{
    vmmiScanner *scanner = &pass->scanner;
    size_t depth = scanner->depth;
    vmmiScanResult result;

    /* The size of a message is checked when it is parsed. */
    scanner->offset = 0;
    result = vmmiScannerFeed(scanner, text[at]);
    if (result == VMMI_SCAN_BAD && scanner->too_deep) {
        drop_outermost(pass);
        return feed(pass, text, at);
    }
    if (scanner->depth > depth)
        pass->open[depth] = at;
    else if (scanner->depth < depth && text[at] == '}')
        add_whole(pass, pass->open[scanner->depth], at + 1);
    else if (text[at] == '{' && result == VMMI_SCAN_MORE && pass->quoted == 0)
        pass->quoted = at;
    return result;
}

/* Goes on until the object is whole, or cannot be one any more, or the text ends. Returns where. */
static size_t
scan(Pass *pass, const char *text, size_t length, size_t at, size_t *pending)
{
    vmmiScanResult result = VMMI_SCAN_MORE;

    vmmiScannerInit(&pass->scanner);
    pass->quoted = 0;
    g_array_set_size(pass->whole, 0);
    while (at < length && (result = feed(pass, text, at)) == VMMI_SCAN_MORE)
        at++;
    if (result == VMMI_SCAN_MORE)
        *pending = MIN(*pending, pass->open[0]);
    return result == VMMI_SCAN_DONE ? at + 1 : at;
}

/* Most of what is whole is no message: only one that can be is parsed. */
static vmmiMessage *
parse(const char *text, const Span *span)
{
    const char *object = text + span->from;
    size_t length = span->to - span->from;

    if (length > VMMI_MESSAGE_MAX_BYTES ||
        (!memmem(object, length, "vmmiVersion", strlen("vmmiVersion")) &&
         !memmem(object, length, "\\u", 2)))
        return NULL;
    return vmmiMessageParse(object, length, NULL);
}

static vmmiMessage *
find_in(const Pass *pass, const char *text, size_t *from, size_t *to)
{
    vmmiMessage *message = NULL;

    for (guint i = 0; i < pass->whole->len && !message; i++) {
        const Span *span = &g_array_index(pass->whole, Span, i);

        message = parse(text, span);
        *from = span->from;
        *to = span->to;
    }
    return message;
}

/*
 * The next message from @start on. Returns it with its place, or NULL; @pending (out) then is where
 * an object begins that is not whole, or the length.
 */
static vmmiMessage *
next_message(const char *text, size_t length, size_t start, size_t *from, size_t *to,
             size_t *pending)
{
    g_autoptr(GArray) whole = g_array_new(false, false, sizeof(Span));
    Pass pass = { .whole = whole };
    size_t work = 0, limit = MIN_WORK + MAX_PASSES * length;
    vmmiMessage *message = NULL;

    *pending = length;
    while (start < length && !message) {
        const char *brace = memchr(text + start, '{', length - start);
        size_t begin;

        if (!brace)
            break;
        begin = (size_t)(brace - text);
        start = scan(&pass, text, length, begin, pending);
        work += start - begin;
        message = find_in(&pass, text, from, to);
        if (pass.quoted && work < limit)
            start = pass.quoted;
    }
    return message;
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
