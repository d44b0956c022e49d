/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-sample.h: one look at the figures of a running or finished migration.
 *
 * A sample holds unsigned numbers, each known or unknown; 0 is a number and not "unknown". Units are part of
 * every name. The same type carries libvirt's final job statistics in an outcome.
 */
#ifndef VMMI_SAMPLE_H
#define VMMI_SAMPLE_H

#include <libvmmi/vmmi-error.h>
#include <libvmmi/vmmi-state.h>

VMMI_BEGIN_DECLS

typedef struct vmmiSample vmmiSample;

typedef enum {
    VMMI_SAMPLE_TIMESTAMP_MS = 0,          /* wall clock, since the epoch */
    VMMI_SAMPLE_ELAPSED_MS,                /* since the start of libvirt's job */
    VMMI_SAMPLE_ELAPSED_NET_MS,
    VMMI_SAMPLE_SETUP_MS,
    VMMI_SAMPLE_ETA_MS,                    /* estimated time left */
    VMMI_SAMPLE_PERCENT,                   /* 0 to 100, of all data */
    VMMI_SAMPLE_ITERATION,                 /* pre-copy passes begun since this migration's start, 1 is the bulk pass */
    VMMI_SAMPLE_DATA_TOTAL_BYTES,
    VMMI_SAMPLE_DATA_PROCESSED_BYTES,
    VMMI_SAMPLE_DATA_REMAINING_BYTES,
    VMMI_SAMPLE_MEMORY_TOTAL_BYTES,
    VMMI_SAMPLE_MEMORY_PROCESSED_BYTES,
    VMMI_SAMPLE_MEMORY_REMAINING_BYTES,
    VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND,   /* libvirt's, over a short window */
    VMMI_SAMPLE_MEMORY_CONSTANT_PAGES,
    VMMI_SAMPLE_MEMORY_NORMAL_PAGES,
    VMMI_SAMPLE_MEMORY_NORMAL_BYTES,
    VMMI_SAMPLE_PAGE_SIZE_BYTES,
    VMMI_SAMPLE_DIRTY_PAGES_PER_SECOND,
    VMMI_SAMPLE_DIRTY_BYTES_PER_SECOND,
    VMMI_SAMPLE_POSTCOPY_REQUESTS,
    VMMI_SAMPLE_DISK_TOTAL_BYTES,
    VMMI_SAMPLE_DISK_PROCESSED_BYTES,
    VMMI_SAMPLE_DISK_REMAINING_BYTES,
    VMMI_SAMPLE_DISK_BYTES_PER_SECOND,
    VMMI_SAMPLE_DOWNTIME_LIMIT_MS,
    VMMI_SAMPLE_DOWNTIME_EXPECTED_MS,      /* while it runs */
    VMMI_SAMPLE_DOWNTIME_FINAL_MS,         /* after the end */
    VMMI_SAMPLE_DOWNTIME_NET_MS,
    VMMI_SAMPLE_THROTTLE_PERCENT,          /* auto-converge */
    VMMI_SAMPLE_COMPRESSION_CACHE_BYTES,
    VMMI_SAMPLE_COMPRESSION_BYTES,
    VMMI_SAMPLE_COMPRESSION_PAGES,
    VMMI_SAMPLE_COMPRESSION_CACHE_MISSES,
    VMMI_SAMPLE_COMPRESSION_OVERFLOW
} vmmiSampleField;
#define VMMI_SAMPLE_LAST (VMMI_SAMPLE_COMPRESSION_OVERFLOW + 1)

/** An empty sample, to be freed. Since: 0.1 */
VMMI_PUBLIC vmmiSample *vmmiSampleNew(void);
/** A deep copy; NULL gives NULL. Since: 0.1 */
VMMI_PUBLIC vmmiSample *vmmiSampleCopy(const vmmiSample *sample);
/** Frees; NULL is fine. Since: 0.1 */
VMMI_PUBLIC void vmmiSampleFree(vmmiSample *sample);

/** Sets a figure; an unknown field is ignored. For drivers. Since: 0.1 */
VMMI_PUBLIC void vmmiSampleSet(vmmiSample *sample, vmmiSampleField field, uint64_t value);
/** Makes a figure unknown again. Since: 0.1 */
VMMI_PUBLIC void vmmiSampleUnset(vmmiSample *sample, vmmiSampleField field);
/**
 * vmmiSampleGet:
 * @sample: (nullable): the sample
 * @field: which figure
 * @value: (out) (optional): the figure, only written when it is known
 *
 * Returns: whether the figure is known.
 * Since: 0.1
 */
VMMI_PUBLIC bool vmmiSampleGet(const vmmiSample *sample, vmmiSampleField field, uint64_t *value);
/** The figure, or @otherwise when it is unknown. Since: 0.1 */
VMMI_PUBLIC uint64_t vmmiSampleGetOr(const vmmiSample *sample, vmmiSampleField field,
                                     uint64_t otherwise);
/** The name of a field in camelCase ("memoryRemainingBytes"), static; NULL if unknown. Since: 0.1 */
VMMI_PUBLIC const char *vmmiSampleFieldToString(vmmiSampleField field);
/** The field of a name, or -1. Since: 0.1 */
VMMI_PUBLIC int vmmiSampleFieldFromString(const char *name);

VMMI_END_DECLS

#endif
