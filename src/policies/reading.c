/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reading.c: what a look at the job would find now, reckoned from the latest sample.
 */
#include "policies/reading.h"

/* A sample that is older says nothing about now. */
#define LONGEST_MS 1500
#define PAGE_BYTES 4096
/* Far beyond any link; keeps products within 64 bits. */
#define MOST_BYTES_PER_SECOND ((uint64_t)1 << 44)

void
vmmiReadingTake(vmmiReading *reading, vmmiReadingOf of, const vmmiPolicyEvent *event)
{
    const vmmiSample *sample = event->sample;
    uint64_t remaining, processed, rate;

    if (event->type != VMMI_POLICY_SAMPLE && event->type != VMMI_POLICY_ITERATION)
        return;
    if (!vmmiSampleGet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, &remaining))
        return;
    processed = vmmiSampleGetOr(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, 0);
    if (of == VMMI_READING_DATA) {
        remaining = vmmiSampleGetOr(sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, remaining);
        processed = vmmiSampleGetOr(sample, VMMI_SAMPLE_DATA_PROCESSED_BYTES, processed);
    }
    rate = vmmiSampleGetOr(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, 0);
    *reading = (vmmiReading){
        .known = true,
        .at_ms = event->now_ms,
        .remaining = remaining,
        .processed = processed,
        .bytes_per_second = rate < MOST_BYTES_PER_SECOND ? rate : MOST_BYTES_PER_SECOND,
    };
}

static uint64_t
moved(const vmmiReading *reading, uint64_t now_ms)
{
    uint64_t since_ms = now_ms > reading->at_ms ? now_ms - reading->at_ms : 0;
    uint64_t most = reading->remaining > PAGE_BYTES ? reading->remaining - PAGE_BYTES : 0;
    uint64_t bytes =
        reading->bytes_per_second * (since_ms < LONGEST_MS ? since_ms : LONGEST_MS) / 1000;

    return bytes < most ? bytes : most;
}

uint64_t
vmmiReadingRemaining(const vmmiReading *reading, uint64_t now_ms)
{
    return reading->remaining - moved(reading, now_ms);
}

uint64_t
vmmiReadingProcessed(const vmmiReading *reading, uint64_t now_ms)
{
    return reading->processed + moved(reading, now_ms);
}
