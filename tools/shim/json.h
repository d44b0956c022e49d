/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.h: reading JSON where it lies. Nothing is copied, nothing is allocated; the depth is
 * bounded.
 */
#ifndef VMMI_SHIM_JSON_H
#define VMMI_SHIM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHIM_JSON_MAX_DEPTH 32

/* A value as it stands in the text, its quotes or brackets included. */
typedef struct {
    const char *text;
    size_t length;
} ShimJson;

typedef enum {
    SHIM_JSON_CUT = 0, /* no mistake so far, the object goes on behind the text */
    SHIM_JSON_WHOLE,
    SHIM_JSON_BAD
} ShimJsonVerdict;

/*
 * Looks at the object at the beginning of a text: grammar of RFC 8259, UTF-8, no escaped NUL, no
 * half of a pair. @object (out): the object when it is whole; what follows it is not looked at.
 */
ShimJsonVerdict shimJsonScan(const char *text, size_t length, ShimJson *object);
/* The same for a text that is one object and white space around it. */
bool shimJsonIsObject(const char *text, size_t length, ShimJson *object);

/* The following take what has been scanned. */

/*
 * Walks over the members of an object; @place begins as 0. False behind the last one. The key has
 * its quotes.
 */
bool shimJsonNext(const ShimJson *object, size_t *place, ShimJson *key, ShimJson *value);
/* A member by its name, which is plain ASCII. False: it has none. */
bool shimJsonGet(const ShimJson *object, const char *name, ShimJson *value);
/* Whether any name stands twice in it. For small objects: it compares each with each. */
bool shimJsonHasTwins(const ShimJson *object);
/* Whether a value is a string of this content, escapes resolved. */
bool shimJsonIsString(const ShimJson *value, const char *content);
/* Whether a value is a string that begins like this, without looking into escapes. */
bool shimJsonBegins(const ShimJson *value, const char *content);
bool shimJsonIsText(const ShimJson *value);
bool shimJsonIsNull(const ShimJson *value);
bool shimJsonIsTrue(const ShimJson *value);
bool shimJsonIsBool(const ShimJson *value);
/* Whether a value is an integer from 0 to @largest. */
bool shimJsonIsNumber(const ShimJson *value, uint64_t largest, uint64_t *number);

#endif
