/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parts.c: what policies share: sizes, windows, the lowest figures, means, start flags.
 */
#include "../rows.h"
#include "policies/data-size.h"
#include "policies/ewma.h"
#include "policies/lowest.h"
#include "policies/reading.h"
#include "policies/start-flags.h"
#include "policies/window.h"
#include "util/cleanup.h"

#define MIB ((uint64_t)1 << 20)

static const struct {
    const char *name;
    uint64_t memory, disk;
    bool known;
    uint64_t mib, gigabytes;
} sizes[] = {
    { "not-known-yet", 0, 0, false, 0, 0 },
    { "small", 256 * MIB, 0, true, 2048, 1 },
    { "one-byte-above", 1000000001, 0, true, 2048, 2 },
    { "8-gib", 8192 * MIB, 0, true, 8192, 9 },
    { "with-a-small-disk", 8192 * MIB, 10 * MIB, true, 10240, 9 },
    { "with-a-disk", 4096 * MIB, 10240 * MIB, true, 14336, 16 },
    { "absurd", UINT64_MAX, UINT64_MAX, true, (uint64_t)2 << 32, 9007200 },
};

static void
test_size(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    vmmiDataSize size = { 1, 1 };

    g_assert_false(vmmiDataSizeRead(&size, NULL));
    g_assert_false(vmmiDataSizeRead(&size, sample));
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, sizes[i].memory);
    vmmiSampleSet(sample, VMMI_SAMPLE_DISK_TOTAL_BYTES, sizes[i].disk);
    g_assert_cmpint(vmmiDataSizeRead(&size, sample), ==, sizes[i].known);
    if (!sizes[i].known)
        return;
    g_assert_cmpuint(vmmiDataSizeMebibytesAtLeast(&size, 2048), ==, sizes[i].mib);
    g_assert_cmpuint(vmmiDataSizeGigabytesUp(&size), ==, sizes[i].gigabytes);
}

static void
test_round(void)
{
    g_assert_cmpuint(vmmiTimeRoundDown(187500, 1000), ==, 187000);
    g_assert_cmpuint(vmmiTimeRoundDown(999, 1000), ==, 0);
    g_assert_cmpuint(vmmiTimeRoundDown(999, 1), ==, 999);
    g_assert_cmpuint(vmmiTimeRoundDown(999, 0), ==, 999);
}

static void
test_ewma(void)
{
    vmmiEwma ewma = { .share = 0.4 };

    vmmiEwmaAdd(&ewma, 1000);
    g_assert_cmpfloat_with_epsilon(ewma.value, 1000, 1e-9);
    vmmiEwmaAdd(&ewma, 2000);
    g_assert_cmpfloat_with_epsilon(ewma.value, 1400, 1e-9);
    vmmiEwmaAdd(&ewma, 500);
    g_assert_cmpfloat_with_epsilon(ewma.value, 1040, 1e-9);
}

static void
test_window(void)
{
    vmmiWindow window = { .length_ms = 40 };

    g_assert_cmpuint(vmmiWindowSmallest(&window), ==, 0);
    vmmiWindowAdd(&window, 0, 100);
    vmmiWindowAdd(&window, 10, 120); /* above an earlier one: never of interest */
    vmmiWindowAdd(&window, 20, 80);
    g_assert_false(window.has_older);
    g_assert_cmpuint(window.n_kept, ==, 2);
    vmmiWindowAdd(&window, 39, 90);
    g_assert_false(window.has_older);
    vmmiWindowAdd(&window, 40, 90);
    g_assert_true(window.has_older);
    g_assert_cmpuint(window.older, ==, 100);
    g_assert_cmpuint(vmmiWindowSmallest(&window), ==, 80);
    vmmiWindowAdd(&window, 60, 70);
    g_assert_cmpuint(window.older, ==, 80);
    g_assert_cmpuint(vmmiWindowSmallest(&window), ==, 70);
    vmmiWindowAdd(&window, 1000, 75);
    g_assert_cmpuint(window.older, ==, 70);
    g_assert_cmpuint(window.n_kept, ==, 0); /* above the smallest older one */
    g_assert_cmpuint(vmmiWindowSmallest(&window), ==, 70);
}

static void
test_window_full(void)
{
    vmmiWindow window = { .length_ms = 1000000 };

    for (uint64_t i = 0; i < 2000; i++)
        vmmiWindowAdd(&window, i, 5000 - i);
    g_assert_cmpuint(window.n_kept, ==, VMMI_WINDOW_MAX);
    g_assert_cmpuint(vmmiWindowSmallest(&window), ==, 3001);
    vmmiWindowAdd(&window, 1000000, 6000);
    g_assert_cmpuint(window.older, ==, 5000);
}

static void
test_lowest(void)
{
    static const uint64_t given[] = { 50, 10, 40, 10, 30, 60, 20 };
    static const uint64_t expected[] = { 10, 10, 20, 30, 40, 50, 60 };
    vmmiLowest lowest = { .n_figures = 0 };
    uint64_t figure = 7;

    for (size_t i = 0; i < G_N_ELEMENTS(given); i++)
        vmmiLowestAdd(&lowest, given[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_true(vmmiLowestTake(&lowest, &figure));
        g_assert_cmpuint(figure, ==, expected[i]);
    }
    g_assert_false(vmmiLowestTake(&lowest, &figure));
    g_assert_cmpuint(figure, ==, 60);
}

/* Of too many the highest are forgotten. */
static void
test_lowest_full(void)
{
    vmmiLowest lowest = { .n_figures = 0 };
    uint64_t figure = 0;

    for (uint64_t i = 0; i < 3 * VMMI_LOWEST_MAX; i++)
        vmmiLowestAdd(&lowest, i * 7919 % (3 * VMMI_LOWEST_MAX));
    for (uint64_t i = 0; i < VMMI_LOWEST_MAX; i++) {
        g_assert_true(vmmiLowestTake(&lowest, &figure));
        g_assert_cmpuint(figure, ==, i);
    }
    g_assert_false(vmmiLowestTake(&lowest, &figure));
}

static void
test_reading(void)
{
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    vmmiPolicyEvent event = { .type = VMMI_POLICY_TIMER, .now_ms = 1000, .sample = sample };
    vmmiReading reading = { .known = false };

    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 100 * MIB);
    vmmiSampleSet(sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, 300 * MIB);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, 7 * MIB);
    vmmiReadingTake(&reading, VMMI_READING_MEMORY, &event); /* not a new sample */
    g_assert_false(reading.known);
    event.type = VMMI_POLICY_SAMPLE;
    vmmiReadingTake(&reading, VMMI_READING_DATA, &event);
    g_assert_cmpuint(vmmiReadingRemaining(&reading, 2000), ==, 300 * MIB); /* no rate */
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, 40 * MIB);
    vmmiReadingTake(&reading, VMMI_READING_MEMORY, &event);
    g_assert_cmpuint(vmmiReadingRemaining(&reading, 500), ==, 100 * MIB);
    g_assert_cmpuint(vmmiReadingRemaining(&reading, 1500), ==, 80 * MIB);
    g_assert_cmpuint(vmmiReadingProcessed(&reading, 1500), ==, 27 * MIB);
    g_assert_cmpuint(vmmiReadingRemaining(&reading, 9000), ==, 40 * MIB); /* 1.5 s at most */
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, UINT64_MAX);
    vmmiReadingTake(&reading, VMMI_READING_MEMORY, &event);
    g_assert_cmpuint(vmmiReadingRemaining(&reading, 9000), ==, 4096);
}

static const struct {
    const char *name, *message, *flag;
    bool refused;
} refusals[] = {
    { "as-it-is", "flag 'postcopy' is not supported", "postcopy", true },
    { "hyphen", "post-copy is not supported", "postcopy", true },
    { "capital", "Postcopy is not supported by host", "postcopy", true },
    { "qemu", "Userfaultfd not available: Operation not permitted", "postcopy", true },
    { "another", "auto-converge is not supported", "postcopy", false },
    { "underscore", "auto-converge is not supported", "auto_converge", true },
    { "xbzrle", "XBZRLE is not available", "compressed", true },
    { "compression", "compression method 'mt'", "compressed", true },
    { "nothing", "", "compressed", false },
    { "cut", "post", "postcopy", false },
};

static void
test_refusal(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    g_assert_false(vmmiStartFlagsRefused(NULL, refusals[i].flag));
    vmmiErrorSet(&error, VMMI_ERR_NOT_SUPPORTED, "%s", refusals[i].message);
    g_assert_cmpint(vmmiStartFlagsRefused(error, refusals[i].flag), ==, refusals[i].refused);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/policies/data-size/", sizes, test_size);
    ADD_ROWS("/policies/refusal/", refusals, test_refusal);
    g_test_add_func("/policies/round", test_round);
    g_test_add_func("/policies/ewma", test_ewma);
    g_test_add_func("/policies/reading", test_reading);
    g_test_add_func("/policies/window/falls", test_window);
    g_test_add_func("/policies/window/full", test_window_full);
    g_test_add_func("/policies/lowest/order", test_lowest);
    g_test_add_func("/policies/lowest/full", test_lowest_full);
    return g_test_run();
}
