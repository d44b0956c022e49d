/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rows.h: a test for each row of a table, named after the row. The test gets the row's index.
 */
#ifndef VMMI_TEST_ROWS_H
#define VMMI_TEST_ROWS_H

#include <glib.h>

/* For each row of @table the path is @prefix and the row's `name`. */
#define ADD_ROWS(prefix, table, function) \
    do { \
        for (size_t add_row = 0; add_row < G_N_ELEMENTS(table); add_row++) { \
            g_autofree char *add_path = g_strconcat(prefix, (table)[add_row].name, NULL); \
\
            g_test_add_data_func(add_path, GSIZE_TO_POINTER(add_row), function); \
        } \
    } while (0)

/* The same with a fixture. */
#define ADD_ROWS_WITH(type, set_up, tear_down, prefix, table, function) \
    do { \
        for (size_t add_row = 0; add_row < G_N_ELEMENTS(table); add_row++) { \
            g_autofree char *add_path = g_strconcat(prefix, (table)[add_row].name, NULL); \
\
            g_test_add(add_path, type, GSIZE_TO_POINTER(add_row), set_up, function, tear_down); \
        } \
    } while (0)

#endif
