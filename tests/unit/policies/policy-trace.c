/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-trace.c: traces of samples: added one by one, read from lines, or generated.
 */
#include "policy-trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SAMPLE_MIN_MS 200
#define SAMPLE_MAX_MS 1000

static void
row_free(PolicyTraceRow *row)
{
    vmmiSampleFree(row->sample);
    g_free(row);
}

PolicyTrace *
policyTraceNew(uint64_t total_mib)
{
    PolicyTrace *trace = g_new0(PolicyTrace, 1);

    trace->total_bytes = total_mib * MIB;
    trace->rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
    return trace;
}

void
policyTraceFree(PolicyTrace *trace)
{
    if (!trace)
        return;
    g_ptr_array_unref(trace->rows);
    g_free(trace);
}

static PolicyTraceRow *
add_row(PolicyTrace *trace, uint64_t at_ms)
{
    PolicyTraceRow *row = g_new0(PolicyTraceRow, 1);

    row->at_ms = at_ms;
    if (trace->rows->len) {
        const PolicyTraceRow *last = g_ptr_array_index(trace->rows, trace->rows->len - 1);

        g_assert_cmpuint(at_ms, >=, last->at_ms);
    }
    g_ptr_array_add(trace->rows, row);
    return row;
}

vmmiSample *
policyTraceAdd(PolicyTrace *trace, uint64_t at_ms, uint64_t iteration, uint64_t remaining_bytes,
               uint64_t bytes_per_second)
{
    PolicyTraceRow *row = add_row(trace, at_ms);
    uint64_t processed = MAX(bytes_per_second * at_ms / 1000, 1);

    row->iteration = iteration;
    row->sample = vmmiSampleNew();
    vmmiSampleSet(row->sample, VMMI_SAMPLE_ELAPSED_MS, at_ms);
    if (iteration)
        vmmiSampleSet(row->sample, VMMI_SAMPLE_ITERATION, iteration);
    vmmiSampleSet(row->sample, VMMI_SAMPLE_DATA_TOTAL_BYTES, trace->total_bytes);
    vmmiSampleSet(row->sample, VMMI_SAMPLE_DATA_PROCESSED_BYTES, processed);
    vmmiSampleSet(row->sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, remaining_bytes);
    vmmiSampleSet(row->sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, trace->total_bytes);
    vmmiSampleSet(row->sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, processed);
    vmmiSampleSet(row->sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, remaining_bytes);
    if (bytes_per_second)
        vmmiSampleSet(row->sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, bytes_per_second);
    vmmiSampleSet(row->sample, VMMI_SAMPLE_PAGE_SIZE_BYTES, 4096);
    return row->sample;
}

void
policyTraceAddState(PolicyTrace *trace, uint64_t at_ms, vmmiState state)
{
    add_row(trace, at_ms)->state = state;
}

static void
add_line(PolicyTrace *trace, const char *line)
{
    uint64_t at_ms, iteration;
    double remaining, speed = 0;
    char state[32];

    if (sscanf(line, "%" SCNu64 " %" SCNu64 " %lf %lf", &at_ms, &iteration, &remaining, &speed) >=
        3) {
        policyTraceAdd(trace, at_ms, iteration, (uint64_t)(remaining * MIB),
                       (uint64_t)(speed * MIB));
    } else if (sscanf(line, "%" SCNu64 " %31s", &at_ms, state) == 2 &&
               vmmiStateFromString(state) >= 0) {
        policyTraceAddState(trace, at_ms, (vmmiState)vmmiStateFromString(state));
    } else {
        g_error("no line of a trace: '%s'", line);
    }
}

void
policyTraceAddText(PolicyTrace *trace, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (size_t i = 0; lines[i]; i++) {
        char *comment = strchr(lines[i], '#');

        if (comment)
            *comment = '\0';
        if (*g_strstrip(lines[i]))
            add_line(trace, lines[i]);
    }
}

/* What remains at a time within a pass that began with @high. */
static uint64_t
falling(uint64_t high, uint64_t low, uint64_t since_ms, uint64_t pass_ms)
{
    return pass_ms ? high - (high - low) * MIN(since_ms, pass_ms) / pass_ms : high;
}

void
policyTraceAddPasses(PolicyTrace *trace, const PolicyPasses *passes)
{
    uint64_t iteration = passes->first_iteration ? passes->first_iteration : 1;
    uint64_t begin_ms = 0, length_ms = passes->bulk_ms, last_ms = 0;
    uint64_t high = trace->total_bytes, low = passes->low_mib * MIB;

    policyTraceAdd(trace, 0, iteration, high, passes->mib_per_second * MIB);
    while (last_ms < passes->until_ms) {
        uint64_t next_pass_ms = begin_ms + length_ms;
        uint64_t at_ms = MIN(last_ms + SAMPLE_MAX_MS, MAX(next_pass_ms, last_ms + SAMPLE_MIN_MS));

        while (at_ms >= begin_ms + length_ms) {
            begin_ms += length_ms;
            iteration++;
            length_ms = passes->pass_ms;
            high = passes->high_mib * MIB;
        }
        policyTraceAdd(trace, at_ms, iteration, falling(high, low, at_ms - begin_ms, length_ms),
                       passes->mib_per_second * MIB);
        last_ms = at_ms;
    }
}
