/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * data-size.h: how much a migration has to move, and times that are given for each GiB of it.
 */
#ifndef VMMI_POLICIES_DATA_SIZE_H
#define VMMI_POLICIES_DATA_SIZE_H

#include <libvmmi/vmmi-policy.h>

typedef struct {
    uint64_t memory_bytes;
    uint64_t disk_bytes; /* of the disks that are copied; 0: none */
} vmmiDataSize;

/* Reads the totals. Returns: whether they are known; @size is only written then. A job that has
 * just begun says 0: that is not known yet. */
bool vmmiDataSizeRead(vmmiDataSize *size, const vmmiSample *sample);

/* Nova's: memory and disks count for 2 GiB each at least, in whole MiB. */
uint64_t vmmiDataSizeMebibytesAtLeast(const vmmiDataSize *size, uint64_t least_mib);
/* KubeVirt's: all of it in units of 10^9 bytes, rounded up. */
uint64_t vmmiDataSizeGigabytesUp(const vmmiDataSize *size);

/* A time in whole multiples of @step_ms, rounded down; 0: as it is. */
uint64_t vmmiTimeRoundDown(uint64_t ms, uint64_t step_ms);

#endif
