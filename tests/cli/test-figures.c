/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-figures.c: bytes, durations and the moving line at every width.
 */
#include <string.h>

#include "figures.h"

static const struct { uint64_t value; const char *text;
} bytes[] = {
    { 0, "0 B" },
    { 1023, "1023 B" },
    { 1024, "1.0 KiB" },
    { 1024 * 1024 - 1, "1.0 MiB" },
    { UINT64_C(432013312), "412 MiB" },
    { UINT64_C(1288490189), "1.2 GiB" },
    { UINT64_MAX, "16.0 EiB" },
};

static const struct { uint64_t value; const char *text;
} durations[] = {
    { 0, "0 ms" },
    { 999, "999 ms" },
    { 1000, "1.0 s" },
    { 99949, "99.9 s" },
    { 99950, "1 min 40 s" },
    { 125000, "2 min 5 s" },
    { 3599499, "59 min 59 s" },
    { 3599500, "1 h 0 min" },
    { 10980000, "3 h 3 min" },
};

static void
test_units(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bytes); i++) {
        g_autofree char *text = figures_bytes(bytes[i].value);

        g_assert_cmpstr(text, ==, bytes[i].text);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(durations); i++) {
        g_autofree char *text = figures_duration(durations[i].value);

        g_assert_cmpstr(text, ==, durations[i].text);
    }
}

/* It fits, and it only loses parts as the window gets smaller. */
static void
test_widths(void)
{
    vmmiSample *sample = vmmiSampleNew();

    for (int field = 0; field < VMMI_SAMPLE_LAST; field++)
        vmmiSampleSet(sample, (vmmiSampleField)field, 123456789);
    for (int width = 1; width < 200; width++) {
        FiguresStyle style = { width, false, false };

        for (int state = 0; state < VMMI_STATE_LAST; state++) {
            g_autofree char *line = figures_line((vmmiState)state, 50, sample, &style);

            g_assert_cmpuint(strlen(line), <, (size_t)width);
        }
    }
    vmmiSampleFree(sample);
}

static void
test_nothing_known(void)
{
    FiguresStyle style = { 40, false, false };
    g_autofree char *line = figures_line(VMMI_STATE_STARTING, 0, NULL, &style);
    g_autofree char *summary = figures_summary(NULL);

    g_assert_true(g_str_has_prefix(line, "starting    0%  ...."));
    g_assert_cmpstr(summary, ==, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/cli/figures/units", test_units);
    g_test_add_func("/cli/figures/widths", test_widths);
    g_test_add_func("/cli/figures/nothing-known", test_nothing_known);
    return g_test_run();
}
