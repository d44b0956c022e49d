/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * markup.c: text of others inside XML and HTML. XML knows characters that it forbids even as
 * references, so they go first.
 */
#include "markup.h"

#include <stdbool.h>
#include <string.h>

#define MORE "\xe2\x80\xa6"

static bool
is_forbidden(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    return type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT || type == G_UNICODE_SURROGATE ||
           type == G_UNICODE_PRIVATE_USE || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

char *
markup_clean(const char *text, size_t limit)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
    GString *out = g_string_new(NULL);
    size_t count = 0;

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (count + 1 >= limit && *g_utf8_next_char(at)) {
            g_string_append(out, MORE);
            break;
        }
        if (g_unichar_isspace(c))
            g_string_append_c(out, ' ');
        else if (is_forbidden(c))
            g_string_append_c(out, '?');
        else
            g_string_append_unichar(out, c);
        count++;
    }
    return g_strstrip(g_string_free(out, FALSE));
}

void
markup_add(GString *out, const char *text, size_t limit)
{
    g_autofree char *clean = markup_clean(text, limit);
    g_autofree char *escaped = g_markup_escape_text(clean, -1);

    g_string_append(out, escaped);
}

/* Where a line of at most @columns characters ends. */
static const char *
line_end(const char *text, size_t columns)
{
    const char *blank = NULL, *at = text;

    for (size_t count = 0; *at && count < columns; count++) {
        if (*at == ' ')
            blank = at;
        at = g_utf8_next_char(at);
    }
    if (!*at || *at == ' ')
        return at;
    return blank && blank > text ? blank : at;
}

char **
markup_wrap(const char *text, size_t columns, size_t rows)
{
    g_autofree char *clean = markup_clean(text, columns * rows);
    GPtrArray *lines = g_ptr_array_new();
    const char *at = clean;

    while (*at && lines->len < rows) {
        const char *end = line_end(at, columns);

        g_ptr_array_add(lines, g_strndup(at, (gsize)(end - at)));
        at = end;
        while (*at == ' ')
            at++;
    }
    if (*at) {
        char **last = (char **)&g_ptr_array_index(lines, lines->len - 1);
        char *whole = g_strconcat(*last, " " MORE, NULL);

        g_free(*last);
        *last = whole;
    }
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}
