/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * data-size.c: how much a migration has to move, and times that are given for each GiB of it.
 */
#include "policies/data-size.h"

#define MIB ((uint64_t)1 << 20)
/* More than any host has; keeps products within 64 bits whatever a driver says. */
#define MOST_BYTES ((uint64_t)1 << 52)

static uint64_t
bounded(uint64_t bytes)
{
    return bytes < MOST_BYTES ? bytes : MOST_BYTES;
}

bool
vmmiDataSizeRead(vmmiDataSize *size, const vmmiSample *sample)
{
    uint64_t memory;

    if (!vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, &memory) || memory == 0)
        return false;
    size->memory_bytes = bounded(memory);
    size->disk_bytes = bounded(vmmiSampleGetOr(sample, VMMI_SAMPLE_DISK_TOTAL_BYTES, 0));
    return true;
}

static uint64_t
at_least(uint64_t mib, uint64_t least)
{
    return mib > least ? mib : least;
}

uint64_t
vmmiDataSizeMebibytesAtLeast(const vmmiDataSize *size, uint64_t least_mib)
{
    uint64_t mib = at_least(size->memory_bytes / MIB, least_mib);

    if (size->disk_bytes)
        mib += at_least(size->disk_bytes / MIB, least_mib);
    return mib;
}

uint64_t
vmmiDataSizeGigabytesUp(const vmmiDataSize *size)
{
    return (size->memory_bytes + size->disk_bytes + 999999999) / 1000000000;
}

uint64_t
vmmiTimeRoundDown(uint64_t ms, uint64_t step_ms)
{
    return step_ms ? ms - ms % step_ms : ms;
}
