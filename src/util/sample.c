/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample.c: the figures of a migration, each known or unknown.
 */
#include <libvmmi/vmmi-sample.h>

#include "util/enum-table.h"

G_STATIC_ASSERT(VMMI_SAMPLE_LAST <= 64);

struct vmmiSample {
    uint64_t known;   /* one bit a field */
    uint64_t values[VMMI_SAMPLE_LAST];
};

static const char *const field_names[] = {
    "timestampMs",
    "elapsedMs",
    "elapsedNetMs",
    "setupMs",
    "etaMs",
    "percent",
    "iteration",
    "dataTotalBytes",
    "dataProcessedBytes",
    "dataRemainingBytes",
    "memoryTotalBytes",
    "memoryProcessedBytes",
    "memoryRemainingBytes",
    "memoryBytesPerSecond",
    "memoryConstantPages",
    "memoryNormalPages",
    "memoryNormalBytes",
    "pageSizeBytes",
    "dirtyPagesPerSecond",
    "dirtyBytesPerSecond",
    "postcopyRequests",
    "diskTotalBytes",
    "diskProcessedBytes",
    "diskRemainingBytes",
    "diskBytesPerSecond",
    "downtimeLimitMs",
    "downtimeExpectedMs",
    "downtimeFinalMs",
    "downtimeNetMs",
    "throttlePercent",
    "compressionCacheBytes",
    "compressionBytes",
    "compressionPages",
    "compressionCacheMisses",
    "compressionOverflow",
};

VMMI_ENUM_IMPL(vmmiSampleField, vmmiSampleField, VMMI_SAMPLE_LAST, field_names);

static bool
field_is_valid(vmmiSampleField field)
{
    return (unsigned int)field < VMMI_SAMPLE_LAST;
}

vmmiSample *
vmmiSampleNew(void)
{
    return g_new0(vmmiSample, 1);
}

vmmiSample *
vmmiSampleCopy(const vmmiSample *sample)
{
    vmmiSample *copy;

    if (!sample)
        return NULL;
    copy = g_new(vmmiSample, 1);
    *copy = *sample;
    return copy;
}

void
vmmiSampleFree(vmmiSample *sample)
{
    g_free(sample);
}

void
vmmiSampleSet(vmmiSample *sample, vmmiSampleField field, uint64_t value)
{
    if (!field_is_valid(field))
        return;
    sample->known |= UINT64_C(1) << field;
    sample->values[field] = value;
}

void
vmmiSampleUnset(vmmiSample *sample, vmmiSampleField field)
{
    if (!field_is_valid(field))
        return;
    sample->known &= ~(UINT64_C(1) << field);
    sample->values[field] = 0;
}

bool
vmmiSampleGet(const vmmiSample *sample, vmmiSampleField field, uint64_t *value)
{
    if (!sample || !field_is_valid(field) || !((sample->known >> field) & 1))
        return false;
    if (value)
        *value = sample->values[field];
    return true;
}

uint64_t
vmmiSampleGetOr(const vmmiSample *sample, vmmiSampleField field, uint64_t otherwise)
{
    uint64_t value = otherwise;

    vmmiSampleGet(sample, field, &value);
    return value;
}
