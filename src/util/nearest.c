/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nearest.c: the edit distance between short names.
 */
#include "util/nearest.h"

#include <string.h>

#include <glib.h>

/* Longer names are not compared: the cost grows with the square. */
#define LONGEST 64

static size_t
edit_distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1];
    size_t a_length = strlen(a), b_length = strlen(b);

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t replaced = diagonal + (g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]));

            row[j] = MIN(replaced, MIN(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *
vmmiNearestName(const char *name, const char *const *names)
{
    size_t length = strlen(name);
    size_t best = length / 3 + 1;
    const char *found = NULL;

    if (length > LONGEST)
        return NULL;
    for (; *names; names++) {
        size_t distance = strlen(*names) > LONGEST ? G_MAXSIZE : edit_distance(name, *names);

        /* Everything replaced is no likeness. */
        if (distance < best + (found ? 0 : 1) && distance < MAX(length, strlen(*names))) {
            best = distance;
            found = *names;
        }
    }
    return found;
}
