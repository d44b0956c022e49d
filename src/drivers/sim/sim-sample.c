/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-sample.c: the figures of a simulated migration, as libvirt shows those of QEMU.
 */
#include "drivers/sim/sim-sample.h"

static void
set_memory(const vmmiSimGuest *guest, const vmmiSimJob *job, double remaining, vmmiSample *sample)
{
    double total = guest->load.memory;

    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, (uint64_t)total);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, (uint64_t)job->sent_bytes);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, (uint64_t)remaining);
    vmmiSampleSet(sample, VMMI_SAMPLE_DATA_TOTAL_BYTES, (uint64_t)total);
    vmmiSampleSet(sample, VMMI_SAMPLE_DATA_PROCESSED_BYTES, (uint64_t)job->sent_bytes);
    vmmiSampleSet(sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, (uint64_t)remaining);
    vmmiSampleSet(sample, VMMI_SAMPLE_DISK_TOTAL_BYTES, 0);
    vmmiSampleSet(sample, VMMI_SAMPLE_DISK_PROCESSED_BYTES, 0);
    vmmiSampleSet(sample, VMMI_SAMPLE_DISK_REMAINING_BYTES, 0);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_CONSTANT_PAGES, (uint64_t)job->constant_pages);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_NORMAL_PAGES, (uint64_t)job->normal_pages);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_NORMAL_BYTES,
                  (uint64_t)(job->normal_pages * VMMI_SIM_PAGE));
    vmmiSampleSet(sample, VMMI_SAMPLE_PAGE_SIZE_BYTES, (uint64_t)VMMI_SIM_PAGE);
    vmmiSampleSet(sample, VMMI_SAMPLE_DIRTY_PAGES_PER_SECOND,
                  (uint64_t)(job->dirty_bytes_per_second / VMMI_SIM_PAGE));
    vmmiSampleSet(sample, VMMI_SAMPLE_DIRTY_BYTES_PER_SECOND,
                  (uint64_t)job->dirty_bytes_per_second);
    vmmiSampleSet(sample, VMMI_SAMPLE_POSTCOPY_REQUESTS, (uint64_t)job->requests);
    vmmiSampleSet(sample, VMMI_SAMPLE_ITERATION, job->syncs);
    vmmiSampleSet(sample, VMMI_SAMPLE_SETUP_MS, (uint64_t)job->setup_us / 1000);
}

static void
set_compression(const vmmiSimGuest *guest, const vmmiSimJob *job, vmmiSample *sample)
{
    if (!job->compressed)
        return;
    vmmiSampleSet(sample, VMMI_SAMPLE_COMPRESSION_CACHE_BYTES, guest->tuning.xbzrle_cache_bytes);
    vmmiSampleSet(sample, VMMI_SAMPLE_COMPRESSION_BYTES, (uint64_t)job->xbzrle_bytes);
    vmmiSampleSet(sample, VMMI_SAMPLE_COMPRESSION_PAGES, (uint64_t)job->xbzrle_pages);
    vmmiSampleSet(sample, VMMI_SAMPLE_COMPRESSION_CACHE_MISSES, (uint64_t)job->xbzrle_misses);
    vmmiSampleSet(sample, VMMI_SAMPLE_COMPRESSION_OVERFLOW, 0);
}

void
vmmiSimSampleRunning(const vmmiSimGuest *guest, vmmiSample *sample)
{
    const vmmiSimJob *job = &guest->job;
    double remaining = vmmiSimMemoryPending(&job->memory, &guest->load);

    vmmiSampleSet(sample, VMMI_SAMPLE_ELAPSED_MS, (uint64_t)(job->at - job->started) / 1000);
    /* As with libvirt: the job is there before QEMU has begun, and then nothing is known of it. */
    if (job->step < VMMI_SIM_STEP_PRECOPY)
        return;
    set_memory(guest, job, remaining, sample);
    set_compression(guest, job, sample);
    vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT,
                  (uint64_t)MIN(99.0, 100 - 100 * remaining / guest->load.memory));
    if (job->bandwidth > 0)
        vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND,
                      (uint64_t)(job->bandwidth * 1e6));
    vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_LIMIT_MS, guest->tuning.downtime_limit_ms);
    if (job->expected_us >= 0)
        vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_EXPECTED_MS,
                      (uint64_t)(job->expected_us / 1000));
    if (job->auto_converge)
        vmmiSampleSet(sample, VMMI_SAMPLE_THROTTLE_PERCENT, (uint64_t)job->throttle);
}

void
vmmiSimSampleCompleted(const vmmiSimGuest *guest, vmmiSample *sample)
{
    const vmmiSimJob *job = &guest->last;
    int64_t total = job->at - job->started;

    vmmiSampleSet(sample, VMMI_SAMPLE_ELAPSED_MS, (uint64_t)total / 1000);
    vmmiSampleSet(sample, VMMI_SAMPLE_ELAPSED_NET_MS, (uint64_t)total / 1000);
    set_memory(guest, job, 0, sample);
    set_compression(guest, job, sample);
    vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT, 100);
    if (total > 0)
        vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND,
                      (uint64_t)(job->sent_bytes / ((double)total / 1e6)));
    vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_FINAL_MS, (uint64_t)job->downtime_us / 1000);
    vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_NET_MS, (uint64_t)job->downtime_net_us / 1000);
}
