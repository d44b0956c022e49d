/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.c: strict JSON: the scanner frames and checks, jansson builds the values and writes them.
 *
 * json_dumps() is never used: it can return a wrong text when memory runs out; json_dumpb() cannot.
 */
#include "message/json.h"

#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "message/scanner.h"
#include "util/cleanup.h"

static int
mistake_at(const char *text, size_t length, size_t offset, const char *path, const char *mistake,
           vmmiError **err)
{
    unsigned int line, column;

    vmmiTextPlace(text, length, offset, &line, &column);
    if (path && *path)
        return vmmiErrorSet(err, VMMI_ERR_MESSAGE, "line %u, column %u: at '%s': %s", line, column,
                            path, mistake);
    return vmmiErrorSet(err, VMMI_ERR_MESSAGE, "line %u, column %u: %s", line, column, mistake);
}

static int
raise_scan(const vmmiScanner *scanner, const char *text, size_t length, vmmiError **err)
{
    g_autofree char *path = NULL;

    /* Names of keys are shown only if they can be: the text was not checked to be UTF-8 yet. */
    path = g_utf8_validate(text, (gssize)scanner->offset, NULL) ? vmmiScannerPath(scanner, text)
                                                                : NULL;
    return mistake_at(text, length, scanner->offset - 1, path, scanner->mistake, err);
}

static int
raise_incomplete(const vmmiScanner *scanner, const char *text, size_t length, vmmiError **err)
{
    if (scanner->depth == 0)
        return vmmiErrorSet(err, VMMI_ERR_MESSAGE,
                            "there is no object, only %zu bytes of white space", length);
    return mistake_at(text, length, length, NULL, "the text ends before the object is whole", err);
}

/* jansson reports the end of the token; the scanner, fed up to there, knows where it began. */
static void
raise_jansson(const json_error_t *reason, const char *text, size_t length, vmmiError **err)
{
    g_autofree char *path = NULL;
    vmmiScanner scanner;
    size_t end = MIN((size_t)MAX(reason->position, 1), length);

    vmmiScannerInit(&scanner);
    for (size_t i = 0; i < end; i++) {
        if (vmmiScannerFeed(&scanner, text[i]) != VMMI_SCAN_MORE)
            break;
    }
    path = vmmiScannerPath(&scanner, text);
    if (json_error_code(reason) == json_error_duplicate_key)
        mistake_at(text, length, scanner.token_start, path, "the key stands here a second time",
                   err);
    else
        mistake_at(text, length, scanner.token_start, path, reason->text, err);
}

static int
check_utf8(const char *text, size_t length, vmmiError **err)
{
    const char *end;

    if (g_utf8_validate_len(text, length, &end))
        return 0;
    return mistake_at(text, length, (size_t)(end - text), NULL, "this is not UTF-8", err);
}

static json_t *
build(const char *text, size_t length, vmmiError **err)
{
    json_error_t reason;
    json_t *value;

    if (check_utf8(text, length, err) < 0)
        return NULL;
    value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &reason);
    if (!value)
        raise_jansson(&reason, text, length, err);
    return value;
}

/* Where another object could begin. */
static size_t
skip_from(const char *text, size_t length, size_t start)
{
    const char *brace = start < length ? memchr(text + start, '{', length - start) : NULL;

    return brace ? (size_t)(brace - text) : length;
}

json_t *
vmmiJsonParseFirst(const char *text, size_t length, size_t *consumed, vmmiError **err)
{
    vmmiScanResult result = VMMI_SCAN_MORE;
    size_t first = 0, ignored;
    vmmiScanner scanner;

    consumed = consumed ? consumed : &ignored;
    vmmiScannerInit(&scanner);
    while (scanner.offset < length && result == VMMI_SCAN_MORE) {
        result = vmmiScannerFeed(&scanner, text[scanner.offset]);
        if (scanner.depth == 0)
            first = scanner.offset;
        vmmiScannerSkip(&scanner, text, length);
    }
    if (result == VMMI_SCAN_MORE) {
        *consumed = 0;
        raise_incomplete(&scanner, text, length, err);
        return NULL;
    }
    if (result == VMMI_SCAN_BAD) {
        *consumed = skip_from(text, length, MIN(first, length - 1) + (scanner.depth ? 1 : 0));
        *consumed = MAX(*consumed, 1);
        raise_scan(&scanner, text, length, err);
        return NULL;
    }
    *consumed = scanner.offset;
    return build(text, scanner.offset, err);
}

static json_t *
parse_whole(const char *text, size_t length, vmmiError **err)
{
    size_t end = 0;
    g_autoptr(json_t) value = vmmiJsonParseFirst(text, length, &end, err);

    if (!value)
        return NULL;
    while (end < length && memchr(" \t\r\n", text[end], 4))
        end++;
    if (end == length)
        return g_steal_pointer(&value);
    mistake_at(text, length, end, NULL, "there is something after the end of the object", err);
    return NULL;
}

json_t *
vmmiJsonParse(const char *text, size_t length, const char *what, vmmiError **err)
{
    json_t *value = parse_whole(text, length, err);

    if (!value && what)
        vmmiErrorPrefix(err, "%s", what);
    return value;
}

/* --- without what nobody asked for ------------------------------------------------- */

typedef struct {
    const char *text;
    GString *kept;
    size_t copied;     /* so much of the text was dealt with */
    size_t start;      /* of the value that is left out; 0: none is */
} Pruner;

static void
leave_out(Pruner *pruner, size_t end)
{
    if (!pruner->start)
        return;
    g_string_append_len(pruner->kept, pruner->text + pruner->copied,
                        (gssize)(pruner->start - pruner->copied));
    g_string_append(pruner->kept, "null");
    pruner->copied = end;
    pruner->start = 0;
}

/* A member of the root begins its value at @offset. */
static void
begin_member(Pruner *pruner, const vmmiScanLevel *root, size_t offset, const char *const *keys)
{
    size_t length = root->key_end - root->key_start, comma = root->key_start - 1;

    while (pruner->start && pruner->text[comma] != ',')
        comma--;
    leave_out(pruner, comma);
    for (; *keys; keys++) {
        if (strlen(*keys) == length && !memcmp(*keys, pruner->text + root->key_start, length))
            pruner->start = offset;
    }
}

json_t *
vmmiJsonParseWithout(const char *text, size_t length, const char *what, const char *const *keys,
                     vmmiError **err)
{
    g_autoptr(GString) kept = g_string_new(NULL);
    Pruner pruner = { .text = text, .kept = kept };
    vmmiScanResult result = VMMI_SCAN_MORE;
    vmmiScanner scanner;

    vmmiScannerInit(&scanner);
    while (scanner.offset < length && result == VMMI_SCAN_MORE) {
        size_t offset = scanner.offset, depth = scanner.depth;

        result = vmmiScannerFeed(&scanner, text[offset]);
        if (depth == 1 && scanner.value_begins && result == VMMI_SCAN_MORE)
            begin_member(&pruner, &scanner.levels[0], offset, keys);
        if (result == VMMI_SCAN_DONE)
            leave_out(&pruner, offset);
        vmmiScannerSkip(&scanner, text, length);
    }
    /* What is wrong is found, and named, by reading all of it. */
    if (result != VMMI_SCAN_DONE || pruner.copied == 0)
        return vmmiJsonParse(text, length, what, err);
    g_string_append_len(kept, text + pruner.copied, (gssize)(length - pruner.copied));
    return vmmiJsonParse(kept->str, kept->len, what, err);
}

json_t *
vmmiJsonParseValue(const char *text, size_t length, const char *what, vmmiError **err)
{
    static const char head[] = "{\"\":";
    g_autofree char *wrapped = NULL;
    g_autoptr(json_t) object = NULL;
    g_autoptr(vmmiError) reason = NULL;

    if (length <= VMMI_MESSAGE_MAX_BYTES - sizeof(head)) {
        wrapped = g_malloc(length + sizeof(head));
        memcpy(wrapped, head, sizeof(head) - 1);
        memcpy(wrapped + sizeof(head) - 1, text, length);
        wrapped[length + sizeof(head) - 1] = '}';
        object = vmmiJsonParse(wrapped, length + sizeof(head), NULL, &reason);
    }
    if (object && json_object_size(object) == 1)
        return json_incref(json_object_get(object, ""));
    vmmiErrorSet(err, VMMI_ERR_MESSAGE, "this is not one JSON value");
    if (reason)
        vmmiErrorSetDetails(err, "%s", vmmiErrorGetMessage(reason));
    if (what)
        vmmiErrorPrefix(err, "%s", what);
    return NULL;
}

/* Most values are shorter: written in one go. */
#define USUAL_BYTES 8192

char *
vmmiJsonWrite(const json_t *value, bool pretty)
{
    size_t flags = JSON_ENCODE_ANY | (pretty ? JSON_INDENT(2) : JSON_COMPACT);
    char *text = g_malloc(USUAL_BYTES);
    size_t length = json_dumpb(value, text, USUAL_BYTES - 1, flags);

    text = g_realloc(text, length + 1);
    /* A value that cannot be written (a string set without a check) has length 0: an empty text,
     * which no reader takes. */
    if (length >= USUAL_BYTES && json_dumpb(value, text, length, flags) != length)
        length = 0;
    text[length] = '\0';
    return text;
}

static size_t
depth_below(const json_t *value, size_t limit)
{
    size_t deepest = 0;
    const json_t *child;

    if (limit == 0 || !(json_is_object(value) || json_is_array(value)))
        return 0;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            deepest = MAX(deepest, depth_below(json_array_get(value, i), limit - 1));
        return deepest + 1;
    }
    for (void *iter = json_object_iter((json_t *)value); iter;
         iter = json_object_iter_next((json_t *)value, iter)) {
        child = json_object_iter_value(iter);
        deepest = MAX(deepest, depth_below(child, limit - 1));
    }
    return deepest + 1;
}

size_t
vmmiJsonDepth(const json_t *value)
{
    return depth_below(value, VMMI_MESSAGE_MAX_DEPTH + 1);
}

const char *
vmmiJsonTypeName(const json_t *value)
{
    if (!value)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_NULL:
        return "null";
    default:
        return "a boolean";
    }
}

bool
vmmiJsonGetString(const json_t *object, const char *key, const char **value)
{
    const json_t *found = json_object_get(object, key);

    if (!json_is_string(found))
        return false;
    *value = json_string_value(found);
    return true;
}

bool
vmmiJsonGetUInt(const json_t *object, const char *key, uint64_t *value)
{
    const json_t *found = json_object_get(object, key);

    if (!json_is_integer(found) || json_integer_value(found) < 0)
        return false;
    *value = (uint64_t)json_integer_value(found);
    return true;
}

bool
vmmiJsonGetBool(const json_t *object, const char *key, bool *value)
{
    const json_t *found = json_object_get(object, key);

    if (!json_is_boolean(found))
        return false;
    *value = json_is_true(found);
    return true;
}

json_t *
vmmiJsonSplitList(const json_t *value)
{
    g_auto(GStrv) parts = NULL;
    json_t *list;

    if (json_is_array(value))
        return json_incref((json_t *)value);
    if (!json_is_string(value))
        return NULL;
    parts = g_strsplit(json_string_value(value), ",", -1);
    list = json_array();
    for (size_t i = 0; parts[i]; i++)
        json_array_append_new(list, json_string(g_strstrip(parts[i])));
    return list;
}
