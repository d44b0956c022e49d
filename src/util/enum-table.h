/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * enum-table.h: an enum and its names, of the same length by construction.
 */
#ifndef VMMI_UTIL_ENUM_TABLE_H
#define VMMI_UTIL_ENUM_TABLE_H

#include <stddef.h>

#include <glib.h>

/* The name of a value, or NULL; the value of a name, or -1. */
const char *vmmiEnumToString(const char *const *names, size_t n_names, int value);
int vmmiEnumFromString(const char *const *names, size_t n_names, const char *name);

/* Defines PREFIXToString and PREFIXFromString over names[] and checks its length against the enum. */
#define VMMI_ENUM_IMPL(prefix, type, last, names) \
    G_STATIC_ASSERT(G_N_ELEMENTS(names) == (last)); \
    const char *prefix##ToString(type value) \
    { \
        return vmmiEnumToString(names, G_N_ELEMENTS(names), (int)value); \
    } \
    int prefix##FromString(const char *name) \
    { \
        return vmmiEnumFromString(names, G_N_ELEMENTS(names), name); \
    } \
    G_STATIC_ASSERT(G_N_ELEMENTS(names) == (last))

#endif
