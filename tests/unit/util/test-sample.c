/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-sample.c: figures are known or unknown, and 0 is known.
 */
#include "util/cleanup.h"

static void
test_known(void)
{
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(vmmiSample) copy = NULL;
    uint64_t value = 7;

    g_assert_false(vmmiSampleGet(sample, VMMI_SAMPLE_ETA_MS, &value));
    g_assert_cmpuint(value, ==, 7);
    vmmiSampleSet(sample, VMMI_SAMPLE_ETA_MS, 0);
    g_assert_true(vmmiSampleGet(sample, VMMI_SAMPLE_ETA_MS, &value));
    g_assert_cmpuint(value, ==, 0);
    vmmiSampleSet(sample, VMMI_SAMPLE_ITERATION, UINT64_MAX);
    copy = vmmiSampleCopy(sample);
    vmmiSampleUnset(sample, VMMI_SAMPLE_ITERATION);
    g_assert_cmpuint(vmmiSampleGetOr(sample, VMMI_SAMPLE_ITERATION, 3), ==, 3);
    g_assert_cmpuint(vmmiSampleGetOr(copy, VMMI_SAMPLE_ITERATION, 3), ==, UINT64_MAX);
}

static void
test_edges(void)
{
    g_autoptr(vmmiSample) sample = vmmiSampleNew();

    vmmiSampleSet(sample, (vmmiSampleField)VMMI_SAMPLE_LAST, 1);
    g_assert_false(vmmiSampleGet(sample, (vmmiSampleField)VMMI_SAMPLE_LAST, NULL));
    g_assert_false(vmmiSampleGet(sample, (vmmiSampleField)-1, NULL));
    g_assert_false(vmmiSampleGet(NULL, VMMI_SAMPLE_ETA_MS, NULL));
    g_assert_null(vmmiSampleCopy(NULL));
    vmmiSampleFree(NULL);
}

static void
test_names(void)
{
    for (int i = 0; i < VMMI_SAMPLE_LAST; i++)
        g_assert_cmpint(vmmiSampleFieldFromString(vmmiSampleFieldToString((vmmiSampleField)i)), ==, i);
    g_assert_cmpstr(vmmiSampleFieldToString(VMMI_SAMPLE_MEMORY_REMAINING_BYTES), ==,
                    "memoryRemainingBytes");
    g_assert_cmpstr(vmmiSampleFieldToString(VMMI_SAMPLE_COMPRESSION_OVERFLOW), ==,
                    "compressionOverflow");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/sample/known", test_known);
    g_test_add_func("/sample/edges", test_edges);
    g_test_add_func("/sample/names", test_names);
    return g_test_run();
}
