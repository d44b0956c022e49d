/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.c: a strict reader of JSON: it says whether a text is one, and where its members stand.
 *
 * What comes through the control socket and what a plugin writes is hostile until it has passed
 * here. The library reads with its own scanner and jansson; the shim has the C library alone.
 */
#include "json.h"

#include <string.h>

typedef struct {
    const unsigned char *at;
    const unsigned char *end;
    bool cut; /* the text ended before the value did */
} Reader;

/* What comes next, or -1 at the end of the text. */
static int
peek(Reader *reader)
{
    if (reader->at < reader->end)
        return *reader->at;
    reader->cut = true;
    return -1;
}

static void
skip_space(Reader *reader)
{
    while (reader->at < reader->end && memchr(" \t\r\n", *reader->at, 4))
        reader->at++;
}

static bool
take(Reader *reader, char wanted)
{
    if (peek(reader) != (unsigned char)wanted)
        return false;
    reader->at++;
    return true;
}

static bool
take_word(Reader *reader, const char *word)
{
    while (*word) {
        if (!take(reader, *word++))
            return false;
    }
    return true;
}

/* A code point of UTF-8 in its shortest form, no surrogate. */
static bool
take_character(Reader *reader)
{
    static const struct {
        unsigned char first, last, low, high; /* first byte; second byte */
        unsigned int more;
    } forms[] = {
        { 0x20, 0x7f, 0, 0, 0 },       { 0xc2, 0xdf, 0x80, 0xbf, 1 }, { 0xe0, 0xe0, 0xa0, 0xbf, 2 },
        { 0xe1, 0xec, 0x80, 0xbf, 2 }, { 0xed, 0xed, 0x80, 0x9f, 2 }, { 0xee, 0xef, 0x80, 0xbf, 2 },
        { 0xf0, 0xf0, 0x90, 0xbf, 3 }, { 0xf1, 0xf3, 0x80, 0xbf, 3 }, { 0xf4, 0xf4, 0x80, 0x8f, 3 },
    };
    int byte = peek(reader);

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (byte < forms[i].first || byte > forms[i].last)
            continue;
        reader->at++;
        for (unsigned int more = 0; more < forms[i].more; more++) {
            byte = peek(reader);
            if (byte < (more ? 0x80 : forms[i].low) || byte > (more ? 0xbf : forms[i].high))
                return false;
            reader->at++;
        }
        return true;
    }
    return false;
}

static int
hex_value(int byte)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *found = byte > 0 ? strchr(digits, byte) : NULL;

    return found ? (int)((found - digits) % 16) : -1;
}

/* Four digits of a \u escape; -1. */
static long
take_hex(Reader *reader)
{
    long code = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex_value(peek(reader));

        if (digit < 0)
            return -1;
        reader->at++;
        code = code * 16 + digit;
    }
    return code;
}

/* Behind the backslash. The code point, or -1. */
static long
take_escape(Reader *reader)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    int byte = peek(reader);
    const char *found = byte > 0 ? strchr(names, byte) : NULL;
    long code, low;

    if (found) {
        reader->at++;
        return values[found - names];
    }
    if (!take(reader, 'u') || (code = take_hex(reader)) < 1 || (code >= 0xdc00 && code <= 0xdfff))
        return -1;
    if (code < 0xd800 || code > 0xdbff)
        return code;
    if (!take_word(reader, "\\u") || (low = take_hex(reader)) < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static bool
take_string(Reader *reader)
{
    if (!take(reader, '"'))
        return false;
    for (;;) {
        if (take(reader, '"'))
            return true;
        if (take(reader, '\\') ? take_escape(reader) < 0 : !take_character(reader))
            return false;
    }
}

static bool
take_digits(Reader *reader)
{
    const unsigned char *start = reader->at;

    while (peek(reader) >= '0' && peek(reader) <= '9')
        reader->at++;
    return reader->at > start;
}

static bool
take_number(Reader *reader)
{
    take(reader, '-');
    if (!take(reader, '0') && !take_digits(reader))
        return false;
    if (take(reader, '.') && !take_digits(reader))
        return false;
    if (take(reader, 'e') || take(reader, 'E')) {
        if (!take(reader, '+'))
            take(reader, '-');
        return take_digits(reader);
    }
    return true;
}

static bool take_value(Reader *reader, unsigned int depth);

/* The rest of an object or an array, whose bracket was taken. */
static bool
take_elements(Reader *reader, bool named, unsigned int depth)
{
    const char closing = named ? '}' : ']';

    if (depth >= SHIM_JSON_MAX_DEPTH)
        return false;
    skip_space(reader);
    if (take(reader, closing))
        return true;
    for (;;) {
        skip_space(reader);
        if (named) {
            if (!take_string(reader))
                return false;
            skip_space(reader);
            if (!take(reader, ':'))
                return false;
        }
        if (!take_value(reader, depth + 1))
            return false;
        skip_space(reader);
        if (take(reader, closing))
            return true;
        if (!take(reader, ','))
            return false;
    }
}

/* Deep recursion is refused by take_elements(). */
static bool
take_value(Reader *reader, unsigned int depth)
{
    skip_space(reader);
    switch (peek(reader)) {
    case '{':
    case '[': {
        bool named = *reader->at++ == '{';

        return take_elements(reader, named, depth);
    }
    case '"':
        return take_string(reader);
    case 't':
        return take_word(reader, "true");
    case 'f':
        return take_word(reader, "false");
    case 'n':
        return take_word(reader, "null");
    default:
        return take_number(reader);
    }
}

static Reader
reader_of(const char *text, size_t length)
{
    Reader reader = { .at = (const unsigned char *)text };

    reader.end = reader.at + length;
    return reader;
}

ShimJsonVerdict
shimJsonScan(const char *text, size_t length, ShimJson *object)
{
    Reader reader = reader_of(text, length);

    if (peek(&reader) == '{' && take_value(&reader, 0)) {
        *object = (ShimJson){ .text = text, .length = (size_t)((const char *)reader.at - text) };
        return SHIM_JSON_WHOLE;
    }
    /* A mistake shows at a byte; at the end of the text there is none yet. */
    return reader.cut && reader.at == reader.end ? SHIM_JSON_CUT : SHIM_JSON_BAD;
}

bool
shimJsonIsObject(const char *text, size_t length, ShimJson *object)
{
    Reader before = reader_of(text, length), behind;
    ShimJson found;

    skip_space(&before);
    if (shimJsonScan((const char *)before.at, (size_t)(before.end - before.at), &found) !=
        SHIM_JSON_WHOLE)
        return false;
    behind =
        reader_of(found.text + found.length, (size_t)(text + length - found.text) - found.length);
    skip_space(&behind);
    if (behind.at < behind.end)
        return false;
    *object = found;
    return true;
}

/* --- what has been scanned --- */

bool
shimJsonNext(const ShimJson *object, size_t *place, ShimJson *key, ShimJson *value)
{
    Reader reader = reader_of(object->text, object->length);

    reader.at += *place ? *place : 1;
    skip_space(&reader);
    take(&reader, ',');
    skip_space(&reader);
    if (peek(&reader) != '"')
        return false;
    key->text = (const char *)reader.at;
    take_string(&reader);
    key->length = (size_t)((const char *)reader.at - key->text);
    skip_space(&reader);
    take(&reader, ':');
    skip_space(&reader);
    value->text = (const char *)reader.at;
    take_value(&reader, 0);
    value->length = (size_t)((const char *)reader.at - value->text);
    *place = (size_t)((const char *)reader.at - object->text);
    return true;
}

/* The next code point of a string, -1 at its closing quote. */
static long
next_code(Reader *reader)
{
    static const unsigned char first_bits[] = { 0x7f, 0x1f, 0x0f, 0x07 };
    const unsigned char *start = reader->at;
    long code;

    if (take(reader, '"'))
        return -1;
    if (take(reader, '\\'))
        return take_escape(reader);
    take_character(reader);
    code = *start & first_bits[reader->at - start - 1];
    while (++start < reader->at)
        code = code << 6 | (*start & 0x3f);
    return code;
}

static bool
same_string(const ShimJson *left, const ShimJson *right)
{
    Reader a = reader_of(left->text + 1, left->length - 1);
    Reader b = reader_of(right->text + 1, right->length - 1);
    long code;

    do {
        code = next_code(&a);
        if (code != next_code(&b))
            return false;
    } while (code >= 0);
    return true;
}

bool
shimJsonHasTwins(const ShimJson *object)
{
    ShimJson key, other, value;
    size_t place = 0;

    while (shimJsonNext(object, &place, &key, &value)) {
        size_t behind = place;

        while (shimJsonNext(object, &behind, &other, &value)) {
            if (same_string(&key, &other))
                return true;
        }
    }
    return false;
}

bool
shimJsonIsText(const ShimJson *value)
{
    return value->length >= 2 && *value->text == '"';
}

bool
shimJsonIsString(const ShimJson *value, const char *content)
{
    Reader reader = reader_of(value->text + 1, value->length - 1);
    long code;

    if (!shimJsonIsText(value))
        return false;
    while ((code = next_code(&reader)) >= 0) {
        if (code != (unsigned char)*content++)
            return false;
    }
    return *content == '\0';
}

bool
shimJsonBegins(const ShimJson *value, const char *content)
{
    size_t length = strlen(content);

    return shimJsonIsText(value) && value->length >= length + 2 &&
           memcmp(value->text + 1, content, length) == 0;
}

bool
shimJsonGet(const ShimJson *object, const char *name, ShimJson *value)
{
    ShimJson key;
    size_t place = 0;

    while (shimJsonNext(object, &place, &key, value)) {
        if (shimJsonIsString(&key, name))
            return true;
    }
    return false;
}

static bool
is_word(const ShimJson *value, const char *word)
{
    return value->length == strlen(word) && memcmp(value->text, word, value->length) == 0;
}

bool
shimJsonIsNull(const ShimJson *value)
{
    return is_word(value, "null");
}

bool
shimJsonIsTrue(const ShimJson *value)
{
    return is_word(value, "true");
}

bool
shimJsonIsBool(const ShimJson *value)
{
    return is_word(value, "true") || is_word(value, "false");
}

bool
shimJsonIsNumber(const ShimJson *value, uint64_t largest, uint64_t *number)
{
    uint64_t result = 0;

    for (size_t i = 0; i < value->length; i++) {
        unsigned int digit = (unsigned int)value->text[i] - '0';

        if (digit > 9 || digit > largest || result > (largest - digit) / 10)
            return false;
        result = result * 10 + digit;
    }
    *number = result;
    return value->length > 0;
}
