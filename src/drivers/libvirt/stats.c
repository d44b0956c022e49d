/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stats.c: libvirt's job statistics as a sample. Pure: typed parameters in, figures out.
 */
#include "internal.h"

#include "util/clock.h"

static const struct {
    const char *name;
    vmmiSampleField field;
} figures[] = {
    { VIR_DOMAIN_JOB_TIME_ELAPSED, VMMI_SAMPLE_ELAPSED_MS },
    { VIR_DOMAIN_JOB_TIME_ELAPSED_NET, VMMI_SAMPLE_ELAPSED_NET_MS },
    { VIR_DOMAIN_JOB_SETUP_TIME, VMMI_SAMPLE_SETUP_MS },
    { VIR_DOMAIN_JOB_DOWNTIME_NET, VMMI_SAMPLE_DOWNTIME_NET_MS },
    { VIR_DOMAIN_JOB_DATA_TOTAL, VMMI_SAMPLE_DATA_TOTAL_BYTES },
    { VIR_DOMAIN_JOB_DATA_PROCESSED, VMMI_SAMPLE_DATA_PROCESSED_BYTES },
    { VIR_DOMAIN_JOB_DATA_REMAINING, VMMI_SAMPLE_DATA_REMAINING_BYTES },
    { VIR_DOMAIN_JOB_MEMORY_TOTAL, VMMI_SAMPLE_MEMORY_TOTAL_BYTES },
    { VIR_DOMAIN_JOB_MEMORY_PROCESSED, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES },
    { VIR_DOMAIN_JOB_MEMORY_REMAINING, VMMI_SAMPLE_MEMORY_REMAINING_BYTES },
    { VIR_DOMAIN_JOB_MEMORY_BPS, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND },
    { VIR_DOMAIN_JOB_MEMORY_CONSTANT, VMMI_SAMPLE_MEMORY_CONSTANT_PAGES },
    { VIR_DOMAIN_JOB_MEMORY_NORMAL, VMMI_SAMPLE_MEMORY_NORMAL_PAGES },
    { VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, VMMI_SAMPLE_MEMORY_NORMAL_BYTES },
    { VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, VMMI_SAMPLE_PAGE_SIZE_BYTES },
    { VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, VMMI_SAMPLE_DIRTY_PAGES_PER_SECOND },
    { VIR_DOMAIN_JOB_MEMORY_ITERATION, VMMI_SAMPLE_ITERATION },
    { VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS, VMMI_SAMPLE_POSTCOPY_REQUESTS },
    { VIR_DOMAIN_JOB_DISK_TOTAL, VMMI_SAMPLE_DISK_TOTAL_BYTES },
    { VIR_DOMAIN_JOB_DISK_PROCESSED, VMMI_SAMPLE_DISK_PROCESSED_BYTES },
    { VIR_DOMAIN_JOB_DISK_REMAINING, VMMI_SAMPLE_DISK_REMAINING_BYTES },
    { VIR_DOMAIN_JOB_DISK_BPS, VMMI_SAMPLE_DISK_BYTES_PER_SECOND },
    { VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE, VMMI_SAMPLE_THROTTLE_PERCENT },
    { VIR_DOMAIN_JOB_COMPRESSION_CACHE, VMMI_SAMPLE_COMPRESSION_CACHE_BYTES },
    { VIR_DOMAIN_JOB_COMPRESSION_BYTES, VMMI_SAMPLE_COMPRESSION_BYTES },
    { VIR_DOMAIN_JOB_COMPRESSION_PAGES, VMMI_SAMPLE_COMPRESSION_PAGES },
    { VIR_DOMAIN_JOB_COMPRESSION_CACHE_MISSES, VMMI_SAMPLE_COMPRESSION_CACHE_MISSES },
    { VIR_DOMAIN_JOB_COMPRESSION_OVERFLOW, VMMI_SAMPLE_COMPRESSION_OVERFLOW },
};

/* Returns whether the parameter is there as a number that is not negative. */
static bool
get_number(virTypedParameterPtr params, int n_params, const char *name, uint64_t *value)
{
    virTypedParameterPtr param = virTypedParamsGet(params, n_params, name);
    int64_t number = 0;

    if (!param)
        return false;
    switch (param->type) {
    case VIR_TYPED_PARAM_INT: number = param->value.i; break;
    case VIR_TYPED_PARAM_UINT: number = param->value.ui; break;
    case VIR_TYPED_PARAM_LLONG: number = param->value.l; break;
    case VIR_TYPED_PARAM_ULLONG:
        *value = param->value.ul;
        return true;
    default:
        return false;
    }
    *value = (uint64_t)number;
    return number >= 0;
}

static vmmiJobKind
read_kind(int type, virTypedParameterPtr params, int n_params)
{
    uint64_t operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    if (type == VIR_DOMAIN_JOB_NONE)
        return VMMI_JOB_NONE;
    get_number(params, n_params, VIR_DOMAIN_JOB_OPERATION, &operation);
    if (operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
        return VMMI_JOB_MIGRATION_OUT;
    if (operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN)
        return VMMI_JOB_MIGRATION_IN;
    return VMMI_JOB_OTHER;
}

/* Rate and page size come apart. */
static void
add_dirty_bytes(vmmiSample *sample)
{
    uint64_t pages, size;

    if (vmmiSampleGet(sample, VMMI_SAMPLE_DIRTY_PAGES_PER_SECOND, &pages) &&
        vmmiSampleGet(sample, VMMI_SAMPLE_PAGE_SIZE_BYTES, &size) &&
        (size == 0 || pages <= UINT64_MAX / size))
        vmmiSampleSet(sample, VMMI_SAMPLE_DIRTY_BYTES_PER_SECOND, pages * size);
}

static uint64_t
percent_of(uint64_t part, uint64_t total)
{
    return total > UINT64_MAX / 100 ? part / (total / 100) : part * 100 / total;
}

/* 100 is said at the end only. */
static void
add_percent(vmmiSample *sample, bool success)
{
    uint64_t total = vmmiSampleGetOr(sample, VMMI_SAMPLE_DATA_TOTAL_BYTES, 0);
    uint64_t left;

    if (success)
        vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT, 100);
    else if (total > 0 && vmmiSampleGet(sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, &left))
        vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT,
                      MIN(percent_of(total - MIN(left, total), total), 99));
}

/* What is left, at the rate at which it shrinks; unknown while it does not shrink. */
static void
add_eta(vmmiSample *sample)
{
    uint64_t remaining, rate;
    uint64_t dirty = vmmiSampleGetOr(sample, VMMI_SAMPLE_DIRTY_BYTES_PER_SECOND, 0);
    uint64_t disk = vmmiSampleGetOr(sample, VMMI_SAMPLE_DISK_REMAINING_BYTES, 0);
    uint64_t disk_rate = vmmiSampleGetOr(sample, VMMI_SAMPLE_DISK_BYTES_PER_SECOND, 0);
    double seconds;

    if (!vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, &remaining) ||
        !vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, &rate) || rate <= dirty ||
        (disk > 0 && disk_rate == 0))
        return;
    seconds = (double)remaining / (double)(rate - dirty);
    if (disk > 0)
        seconds = MAX(seconds, (double)disk / (double)disk_rate);
    if (seconds < 1e9)
        vmmiSampleSet(sample, VMMI_SAMPLE_ETA_MS, (uint64_t)(seconds * 1000.0));
}

/* A job that has begun while the hypervisor has not: no figure but the time means anything. */
static bool
is_preparing(virTypedParameterPtr params, int n_params)
{
    uint64_t memory = 0, data = 0;

    get_number(params, n_params, VIR_DOMAIN_JOB_MEMORY_TOTAL, &memory);
    get_number(params, n_params, VIR_DOMAIN_JOB_DATA_TOTAL, &data);
    return memory == 0 && data == 0;
}

/* Disks are copied first: until memory's turn comes, its figures are zeros that mean nothing. */
static void
drop_early_memory(vmmiSample *sample)
{
    static const vmmiSampleField memory[] = {
        VMMI_SAMPLE_ITERATION, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES,
        VMMI_SAMPLE_MEMORY_REMAINING_BYTES, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND,
        VMMI_SAMPLE_DIRTY_PAGES_PER_SECOND, VMMI_SAMPLE_POSTCOPY_REQUESTS,
    };

    if (vmmiSampleGetOr(sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, 0) > 0)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(memory); i++)
        vmmiSampleUnset(sample, memory[i]);
}

vmmiJobKind
vmmiVirtStatsRead(int type, virTypedParameterPtr params, int n_params, bool completed,
                  vmmiSample *sample)
{
    vmmiJobKind kind = read_kind(type, params, n_params);
    bool preparing = !completed && is_preparing(params, n_params);
    uint64_t value;

    if (kind == VMMI_JOB_NONE)
        return kind;
    vmmiSampleSet(sample, VMMI_SAMPLE_TIMESTAMP_MS, vmmiClockWallMs());
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        if (preparing && figures[i].field != VMMI_SAMPLE_ELAPSED_MS)
            continue;
        if (get_number(params, n_params, figures[i].name, &value))
            vmmiSampleSet(sample, figures[i].field, value);
    }
    /* One name for two things: a forecast while the job runs, the truth afterwards. */
    if (!preparing && get_number(params, n_params, VIR_DOMAIN_JOB_DOWNTIME, &value))
        vmmiSampleSet(sample,
                      completed ? VMMI_SAMPLE_DOWNTIME_FINAL_MS : VMMI_SAMPLE_DOWNTIME_EXPECTED_MS,
                      value);
    if (!completed)
        drop_early_memory(sample);
    add_dirty_bytes(sample);
    add_percent(sample, completed && type == VIR_DOMAIN_JOB_COMPLETED);
    if (!completed)
        add_eta(sample);
    return kind;
}
