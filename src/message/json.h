/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.h: strict JSON for every file and line of ours, without the envelope of a message (B2): one
 * object, UTF-8, no NUL, no duplicate keys, at most VMMI_MESSAGE_MAX_BYTES and
 * VMMI_MESSAGE_MAX_DEPTH levels. Mistakes are named by line and column.
 */
#ifndef VMMI_MESSAGE_JSON_H
#define VMMI_MESSAGE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <libvmmi/vmmi-error.h>

/*
 * Reads one object that fills the whole text but for white space. @what is put in front of an error
 * ("journal '...'"), NULL: nothing. Codes: VMMI_ERR_MESSAGE. Returns a new reference, or NULL.
 */
json_t *vmmiJsonParse(const char *text, size_t length, const char *what, vmmiError **err);
/*
 * The same, but the values of these keys of the object (a list that ends with NULL) are null, and
 * only their brackets are checked: for large members that are not asked for.
 */
json_t *vmmiJsonParseWithout(const char *text, size_t length, const char *what,
                             const char *const *keys, vmmiError **err);
/* As above, but any JSON value ("5", "[1]", "\"x\""). */
json_t *vmmiJsonParseValue(const char *text, size_t length, const char *what, vmmiError **err);
/*
 * The first object of a text. @consumed: its length with the white space before it; on failure how
 * much may be skipped to look for another, or 0 when the object is not complete.
 */
json_t *vmmiJsonParseFirst(const char *text, size_t length, size_t *consumed, vmmiError **err);
/* The text of any value, without a final newline, never NULL; to be freed with g_free(). */
char *vmmiJsonWrite(const json_t *value, bool pretty);
/* How many levels of brackets a value has; stops counting behind VMMI_MESSAGE_MAX_DEPTH + 1. */
size_t vmmiJsonDepth(const json_t *value);
/* "an object", "a string": for messages. */
const char *vmmiJsonTypeName(const json_t *value);

/* Reads of a key of an object; the string is borrowed. False: absent or of another type, @value is
 * left alone. */
bool vmmiJsonGetString(const json_t *object, const char *key, const char **value);
bool vmmiJsonGetUInt(const json_t *object, const char *key, uint64_t *value);
bool vmmiJsonGetBool(const json_t *object, const char *key, bool *value);

/* A list of words: an array as it is, or a string split at its commas, of "" nothing. A new
 * reference; NULL: @value is neither. Items are not checked. */
json_t *vmmiJsonSplitList(const json_t *value);

#endif
