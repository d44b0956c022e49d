/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scanner.c: frames one JSON object, byte by byte, and knows where it is. A push-down automaton
 * without memory of its own beyond one entry for each open bracket.
 */
#include "message/scanner.h"

#include <string.h>

#include <glib.h>
#include <jansson.h>

#include "util/cleanup.h"

enum {
    BEFORE = 0,       /* the opening brace */
    KEY_OR_END,       /* behind "{" */
    KEY,              /* behind "," in an object */
    COLON,
    VALUE,
    VALUE_OR_END,     /* behind "[" */
    COMMA_OR_END,     /* behind a value */
    STRING,
    ESCAPE,           /* behind a backslash */
    HEX,              /* the digits of \uXXXX */
    LITERAL,
    NUMBER_MINUS,
    NUMBER_ZERO,
    NUMBER_INTEGER,
    NUMBER_POINT,
    NUMBER_FRACTION,
    NUMBER_E,
    NUMBER_SIGN,
    NUMBER_EXPONENT,
    DONE
};

void
vmmiScannerInit(vmmiScanner *scanner)
{
    memset(scanner, 0, sizeof(*scanner));
}

static vmmiScanResult
bad(vmmiScanner *scanner, const char *mistake)
{
    scanner->mistake = mistake;
    return VMMI_SCAN_BAD;
}

static vmmiScanResult
next(vmmiScanner *scanner, int state)
{
    scanner->state = state;
    return state == DONE ? VMMI_SCAN_DONE : VMMI_SCAN_MORE;
}

static bool
is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static vmmiScanResult
open_bracket(vmmiScanner *scanner, bool array)
{
    vmmiScanLevel *level;

    scanner->too_deep = scanner->depth == VMMI_MESSAGE_MAX_DEPTH;
    if (scanner->too_deep)
        return bad(scanner, "more than " G_STRINGIFY(VMMI_MESSAGE_MAX_DEPTH) " levels of brackets");
    level = &scanner->levels[scanner->depth++];
    memset(level, 0, sizeof(*level));
    level->array = array;
    return next(scanner, array ? VALUE_OR_END : KEY_OR_END);
}

static vmmiScanResult
close_bracket(vmmiScanner *scanner, bool array)
{
    if (scanner->levels[scanner->depth - 1].array != array)
        return bad(scanner, array ? "']' closes what '{' opened" : "'}' closes what '[' opened");
    scanner->depth--;
    return next(scanner, scanner->depth == 0 ? DONE : COMMA_OR_END);
}

static vmmiScanResult
begin_string(vmmiScanner *scanner, bool key)
{
    scanner->in_key = key;
    if (key)
        scanner->levels[scanner->depth - 1].key_start = scanner->offset;
    return next(scanner, STRING);
}

static vmmiScanResult
end_string(vmmiScanner *scanner)
{
    if (!scanner->in_key)
        return next(scanner, COMMA_OR_END);
    scanner->levels[scanner->depth - 1].key_end = scanner->offset - 1;
    return next(scanner, COLON);
}

static vmmiScanResult
in_string(vmmiScanner *scanner, char byte)
{
    if (scanner->state == ESCAPE) {
        scanner->hex_left = 4;
        if (byte == 'u')
            return next(scanner, HEX);
        return byte && strchr("\"\\/bfnrt", byte) ? next(scanner, STRING)
                                                  : bad(scanner, "unknown escape in a string");
    }
    if (scanner->state == HEX) {
        if (!g_ascii_isxdigit(byte))
            return bad(scanner, "'\\u' needs four hexadecimal digits");
        return next(scanner, --scanner->hex_left ? HEX : STRING);
    }
    if (byte == '"')
        return end_string(scanner);
    if (byte == '\\')
        return next(scanner, ESCAPE);
    if (byte == '\0')
        return bad(scanner, "NUL byte");
    if ((unsigned char)byte < 0x20)
        return bad(scanner, byte == '\n' ? "the line ends inside a string"
                                         : "control character in a string");
    return VMMI_SCAN_MORE;
}

/* The state behind one more byte of a number; -1: a mistake; -2: the number ended before this byte.
 */
static int
number_step(int state, char byte)
{
    bool digit = g_ascii_isdigit(byte);

    switch (state) {
    case NUMBER_MINUS:
        return byte == '0' ? NUMBER_ZERO : digit ? NUMBER_INTEGER : -1;
    case NUMBER_ZERO:
    case NUMBER_INTEGER:
        if (digit)
            return state == NUMBER_INTEGER ? NUMBER_INTEGER : -1;
        return byte == '.' ? NUMBER_POINT : byte == 'e' || byte == 'E' ? NUMBER_E : -2;
    case NUMBER_POINT:
        return digit ? NUMBER_FRACTION : -1;
    case NUMBER_FRACTION:
        return digit ? NUMBER_FRACTION : byte == 'e' || byte == 'E' ? NUMBER_E : -2;
    case NUMBER_E:
        return digit ? NUMBER_EXPONENT : byte == '+' || byte == '-' ? NUMBER_SIGN : -1;
    case NUMBER_SIGN:
        return digit ? NUMBER_EXPONENT : -1;
    default:
        return digit ? NUMBER_EXPONENT : -2;
    }
}

static vmmiScanResult
begin_value(vmmiScanner *scanner, char byte)
{
    scanner->value_begins = true;
    switch (byte) {
    case '{':
    case '[':
        return open_bracket(scanner, byte == '[');
    case '"':
        return begin_string(scanner, false);
    case '-':
        return next(scanner, NUMBER_MINUS);
    case '0':
        return next(scanner, NUMBER_ZERO);
    case 't':
    case 'f':
    case 'n':
        scanner->literal = byte == 't' ? "rue" : byte == 'f' ? "alse" : "ull";
        return next(scanner, LITERAL);
    default:
        if (g_ascii_isdigit(byte))
            return next(scanner, NUMBER_INTEGER);
        scanner->value_begins = false;
        return bad(scanner, byte == ',' || byte == '}' || byte == ']' ? "a value is missing here"
                   : byte == '\'' ? "a string needs double quotes" : "this is not a JSON value");
    }
}

static vmmiScanResult
in_literal(vmmiScanner *scanner, char byte)
{
    if (byte != *scanner->literal)
        return bad(scanner, "this is not a JSON value");
    scanner->literal++;
    return next(scanner, *scanner->literal ? LITERAL : COMMA_OR_END);
}

static vmmiScanResult
after_value(vmmiScanner *scanner, char byte)
{
    vmmiScanLevel *level = &scanner->levels[scanner->depth - 1];

    if (byte == '}' || byte == ']')
        return close_bracket(scanner, byte == ']');
    if (byte != ',')
        return bad(scanner, level->array ? "',' or ']' is missing before this"
                                         : "',' or '}' is missing before this");
    level->index++;
    return next(scanner, level->array ? VALUE : KEY);
}

static vmmiScanResult
begin_key(vmmiScanner *scanner, char byte)
{
    if (byte == '"')
        return begin_string(scanner, true);
    if (byte == '}')
        return scanner->state == KEY_OR_END ? close_bracket(scanner, false)
                                            : bad(scanner, "a comma before '}'");
    return bad(scanner, "a key in double quotes is missing here");
}

static vmmiScanResult
between_tokens(vmmiScanner *scanner, char byte)
{
    if (is_space(byte))
        return VMMI_SCAN_MORE;
    scanner->token_start = scanner->offset - 1;
    if (byte == '\0')
        return bad(scanner, "NUL byte");
    switch (scanner->state) {
    case BEFORE:
        if (byte == '{')
            return open_bracket(scanner, false);
        return bad(scanner, (unsigned char)byte == 0xef
                                ? "a byte order mark; plain UTF-8 is needed"
                                : "an object was expected, it begins with '{'");
    case KEY_OR_END:
    case KEY:
        return begin_key(scanner, byte);
    case COLON:
        return byte == ':' ? next(scanner, VALUE) : bad(scanner, "':' is missing behind a key");
    case VALUE_OR_END:
        return byte == ']' ? close_bracket(scanner, true) : begin_value(scanner, byte);
    case VALUE:
        if (byte == ']' && scanner->levels[scanner->depth - 1].array)
            return bad(scanner, "a comma before ']'");
        return begin_value(scanner, byte);
    default:
        return after_value(scanner, byte);
    }
}

static vmmiScanResult
in_number(vmmiScanner *scanner, char byte)
{
    int state = number_step(scanner->state, byte);

    if (state == -1)
        return bad(scanner, scanner->state == NUMBER_ZERO ? "a number begins with a superfluous 0"
                                                          : "a digit is missing in a number");
    if (state != -2)
        return next(scanner, state);
    scanner->state = COMMA_OR_END;
    return between_tokens(scanner, byte);
}

vmmiScanResult
vmmiScannerFeed(vmmiScanner *scanner, char byte)
{
    scanner->value_begins = false;
    if (scanner->offset == VMMI_MESSAGE_MAX_BYTES)
        return bad(scanner, "more than " G_STRINGIFY(VMMI_MESSAGE_MAX_BYTES) " bytes");
    scanner->offset++;
    if (scanner->state >= NUMBER_MINUS && scanner->state <= NUMBER_EXPONENT)
        return in_number(scanner, byte);
    if (scanner->state == LITERAL)
        return in_literal(scanner, byte);
    if (scanner->state >= STRING && scanner->state <= HEX)
        return in_string(scanner, byte);
    return between_tokens(scanner, byte);
}

void
vmmiScannerSkip(vmmiScanner *scanner, const char *text, size_t length)
{
    size_t offset = scanner->offset, end = MIN(length, VMMI_MESSAGE_MAX_BYTES);

    if (scanner->state != STRING)
        return;
    while (offset < end && (unsigned char)text[offset] >= 0x20 && text[offset] != '"' &&
           text[offset] != '\\')
        offset++;
    scanner->value_begins = scanner->value_begins && offset == scanner->offset;
    scanner->offset = offset;
}

size_t
vmmiScannerNeeds(const vmmiScanner *scanner)
{
    bool string = scanner->state >= STRING && scanner->state <= HEX;

    if (scanner->state == BEFORE)
        return 1;
    return scanner->depth + (string ? 1 : 0);
}

/* Keys are compared and shown as they are meant, not as they are escaped. */
static void
append_key(GString *path, const char *text, const vmmiScanLevel *level)
{
    g_autofree char *quoted = g_strdup_printf(
        "[%.*s]", (int)(level->key_end - level->key_start + 2), text + level->key_start - 1);
    g_autoptr(json_t) array = NULL;

    if (!memchr(quoted, '\\', strlen(quoted))) {
        g_string_append_len(path, text + level->key_start,
                            (gssize)(level->key_end - level->key_start));
        return;
    }
    array = json_loads(quoted, 0, NULL);
    g_string_append(path, array ? json_string_value(json_array_get(array, 0)) : "?");
}

char *
vmmiScannerPath(const vmmiScanner *scanner, const char *text)
{
    GString *path = g_string_new(NULL);
    size_t depth = scanner->depth;

    /* A bracket that has just been opened holds nothing yet: its own path is that of the level
     * above. */
    if (depth > 0 && (scanner->state == KEY_OR_END || scanner->state == VALUE_OR_END))
        depth--;
    for (size_t i = 0; i < depth; i++) {
        const vmmiScanLevel *level = &scanner->levels[i];

        if (level->array) {
            g_string_append_printf(path, "[%zu]", level->index);
        } else if (level->key_end > level->key_start) {
            if (path->len)
                g_string_append_c(path, '.');
            append_key(path, text, level);
        }
    }
    return g_string_free(path, FALSE);
}

void
vmmiTextPlace(const char *text, size_t length, size_t offset, unsigned int *line,
              unsigned int *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset && i < length; i++) {
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

bool
vmmiTextFind(const char *text, size_t length, const char *path, bool of_key, size_t *offset)
{
    vmmiScanner scanner;

    vmmiScannerInit(&scanner);
    for (size_t i = 0; i < length; i++) {
        const vmmiScanLevel *level;
        g_autofree char *here = NULL;

        if (vmmiScannerFeed(&scanner, text[i]) != VMMI_SCAN_MORE)
            return false;
        if (!scanner.value_begins)
            continue;
        here = vmmiScannerPath(&scanner, text);
        if (!g_str_equal(here, path))
            continue;
        level = &scanner.levels[scanner.depth - 1];
        if (scanner.state == KEY_OR_END || scanner.state == VALUE_OR_END)
            level--;
        *offset = of_key && !level->array ? level->key_start - 1 : i;
        return true;
    }
    return false;
}
