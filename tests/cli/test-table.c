/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-table.c: how rows of cells fit a width.
 */
#include <string.h>

#include <glib.h>

#include "table.h"

static const TableColumn columns[] = {
    { "ID", false, 0, 0 },
    { "NAME", false, 4, 0 },
    { "N", true, 0, 1 },
    { "TEXT", false, 5, 2 },
};

static char *
table_at(int width, bool unicode)
{
    TableStyle style = { width, false, unicode };
    Table *table = table_new(columns, G_N_ELEMENTS(columns));
    char *text;

    table_add(table, g_strdup("0123456789"), g_strdup("0..9"), "\033[1m");
    table_add(table, g_strdup("alpha"), NULL, NULL);
    table_add(table, g_strdup("7"), NULL, NULL);
    table_add(table, g_strdup("a longer text"), NULL, NULL);
    table_add(table, g_strdup("x"), NULL, NULL);
    table_add(table, g_strdup(""), NULL, NULL);
    table_add(table, g_strdup("100"), NULL, NULL);
    table_add(table, g_strdup("short"), NULL, NULL);
    text = table_text(table, 0, &style);
    table_free(table);
    return text;
}

static const struct {
    const char *name;
    int width;
    bool unicode;
    const char *expected;
} rows[] = {
    { "no-limit", 0, true,
      "ID          NAME     N  TEXT\n0123456789  alpha    7  a longer text\n"
      "x                  100  short\n" },
    { "just-fits", 38, true,
      "ID          NAME     N  TEXT\n0123456789  alpha    7  a longer text\n"
      "x                  100  short\n" },
    { "brief", 37, true,
      "ID    NAME     N  TEXT\n0..9  alpha    7  a longer text\nx            100  short\n" },
    { "cut", 28, true,
      "ID    NAME     N  TEXT\n0..9  alpha    7  a longer…\nx            100  short\n" },
    { "cut-ascii", 28, false,
      "ID    NAME     N  TEXT\n0..9  alpha    7  a longer~\nx            100  short\n" },
    { "left-out", 20, true, "ID    NAME   TEXT\n0..9  alpha  a lon…\nx            short\n" },
    { "narrow", 9, true, "ID    N…\n0..9  a…\nx\n" },
    { "hardly", 3, true, "ID\n0…\nx\n" },
    { "nothing", 1, true, "\n\n\n" },
};

static void
test_fit(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *text = table_at(rows[row].width, rows[row].unicode);

    g_assert_cmpstr(text, ==, rows[row].expected);
}

static void
test_cut(void)
{
    static const struct {
        const char *text;
        int width;
        const char *expected;
    } cuts[] = {
        { "", 3, "" },     { "abc", 3, "abc" },   { "abcd", 3, "ab…" },     { "abcd", 1, "…" },
        { "abcd", 0, "" }, { "機械機", 6, "機械機" }, { "機械機", 5, "機械…" }, { "機械機", 4, "機…" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        g_autofree char *cut = table_cut(cuts[i].text, cuts[i].width, true);

        g_assert_cmpstr(cut, ==, cuts[i].expected);
    }
    g_assert_cmpint(table_width_of("機械 a"), ==, 6);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/cli/table/fit/%s", rows[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_fit);
    }
    g_test_add_func("/cli/table/cut", test_cut);
    return g_test_run();
}
