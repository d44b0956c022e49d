/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-nearest.c: which misspelt names are recognised, and which are left alone.
 */
#include <glib.h>

#include "util/nearest.h"
#include "../rows.h"

static const char *const names[] = { "downtimeSoftMs", "downtimeHardMs", "verbose", "x", NULL };

static const struct {
    const char *name, *given, *nearest;
} rows[] = {
    { "same", "verbose", "verbose" },
    { "case", "VERBOSE", "verbose" },
    { "missing-letter", "downtimSoftMs", "downtimeSoftMs" },
    { "swapped", "verbsoe", "verbose" },
    { "other-one", "downtimeHrdMs", "downtimeHardMs" },
    { "unlike", "bandwidth", NULL },
    { "short", "y", NULL },
    { "empty", "", NULL },
    { "too-long", "downtimeSoftMsdowntimeSoftMsdowntimeSoftMsdowntimeSoftMsdowntimeSoftMs", NULL },
};

static void
test_nearest(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    g_assert_cmpstr(vmmiNearestName(rows[row].given, names), ==, rows[row].nearest);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/nearest/", rows, test_nearest);
    return g_test_run();
}
