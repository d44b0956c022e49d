/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * number.c: reading a whole number.
 *
 * Not by g_ascii_string_to_unsigned(): it takes any errno for a mistake in the text, and its first
 * use in a process may leave one behind, when two threads meet there.
 */
#include "util/number.h"

#include <glib.h>

bool
vmmiNumberParse(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *value)
{
    gchar *end = NULL;
    uint64_t number;

    if (!text || !g_ascii_isdigit(*text))
        return false;
    /* What is too large comes back as UINT64_MAX. */
    number = g_ascii_strtoull(text, &end, 10);
    if (*end || number < minimum || number > maximum)
        return false;
    *value = number;
    return true;
}
