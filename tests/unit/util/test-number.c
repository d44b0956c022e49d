/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-number.c: which texts are whole numbers.
 */
#include <glib.h>

#include "util/number.h"
#include "../rows.h"

#define NONE UINT64_C(77)

static const struct {
    const char *name, *text;
    uint64_t minimum, maximum, value; /* NONE: refused */
} rows[] = {
    { "digit", "1", 1, 10, 1 },
    { "zeros", "007", 0, 10, 7 },
    { "largest", "4294967295", 1, G_MAXUINT32, G_MAXUINT32 },
    { "too-large", "4294967296", 1, G_MAXUINT32, NONE },
    { "too-small", "0", 1, 10, NONE },
    { "beyond-64-bits", "99999999999999999999999", 0, G_MAXUINT32, NONE },
    { "empty", "", 0, 10, NONE },
    { "sign", "+1", 0, 10, NONE },
    { "negative", "-1", 0, 10, NONE },
    { "space-before", " 1", 0, 10, NONE },
    { "space-behind", "1 ", 0, 10, NONE },
    { "hexadecimal", "0x1", 0, 10, NONE },
    { "fraction", "1.0", 0, 10, NONE },
    { "null", NULL, 0, 10, NONE },
};

static void
test_parse(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    uint64_t value = NONE;
    bool parsed = vmmiNumberParse(rows[row].text, rows[row].minimum, rows[row].maximum, &value);

    g_assert_cmpint(parsed, ==, rows[row].value != NONE);
    g_assert_cmpuint(value, ==, rows[row].value);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/util/number/", rows, test_parse);
    return g_test_run();
}
