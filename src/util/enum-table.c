/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * enum-table.c: looking up enum values and names.
 */
#include "util/enum-table.h"

const char *
vmmiEnumToString(const char *const *names, size_t n_names, int value)
{
    return value >= 0 && (size_t)value < n_names ? names[value] : NULL;
}

int
vmmiEnumFromString(const char *const *names, size_t n_names, const char *name)
{
    for (size_t i = 0; name && i < n_names; i++) {
        if (g_str_equal(names[i], name))
            return (int)i;
    }
    return -1;
}
