/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status.c: the status (B4) and the sample that it is made from. One table serves both ways.
 */
#include "message/message.h"
#include "util/cleanup.h"

static const struct {
    vmmiSampleField field;
    const char *path;
} figures[] = {
    { VMMI_SAMPLE_ELAPSED_MS, "elapsedMs" },
    { VMMI_SAMPLE_PERCENT, "percent" },
    { VMMI_SAMPLE_ETA_MS, "etaMs" },
    { VMMI_SAMPLE_ITERATION, "iteration" },
    { VMMI_SAMPLE_MEMORY_TOTAL_BYTES, "memory.total" },
    { VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, "memory.processed" },
    { VMMI_SAMPLE_MEMORY_REMAINING_BYTES, "memory.remaining" },
    { VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, "memory.bytesPerSecond" },
    { VMMI_SAMPLE_DISK_TOTAL_BYTES, "disk.total" },
    { VMMI_SAMPLE_DISK_PROCESSED_BYTES, "disk.processed" },
    { VMMI_SAMPLE_DISK_REMAINING_BYTES, "disk.remaining" },
    { VMMI_SAMPLE_DISK_BYTES_PER_SECOND, "disk.bytesPerSecond" },
    { VMMI_SAMPLE_DIRTY_BYTES_PER_SECOND, "dirtyBytesPerSecond" },
    { VMMI_SAMPLE_DOWNTIME_LIMIT_MS, "downtimeMs.limit" },
    { VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, "downtimeMs.expected" },
    { VMMI_SAMPLE_DOWNTIME_FINAL_MS, "downtimeMs.final" },
    { VMMI_SAMPLE_THROTTLE_PERCENT, "throttlePercent" },
};

/* Never decreasing, 100 only at the end. */
static bool
next_percent(const vmmiMessage *status, vmmiState state, const vmmiSample *sample,
             uint64_t *percent)
{
    uint64_t held = 0;
    bool known = vmmiMessageGetUInt(status, "percent", &held);

    *percent = 0;
    known = vmmiSampleGet(sample, VMMI_SAMPLE_PERCENT, percent) || known;
    *percent = MAX(*percent, held);
    *percent = MIN(*percent, 99);
    if (state == VMMI_STATE_COMPLETED)
        *percent = 100;
    return known || state == VMMI_STATE_COMPLETED;
}

static int
set_figure(vmmiMessage *status, size_t row, vmmiState state, const vmmiSample *sample,
           vmmiError **err)
{
    const char *path = figures[row].path;
    uint64_t value = 0;
    bool known = figures[row].field == VMMI_SAMPLE_PERCENT
        ? next_percent(status, state, sample, &value)
        : vmmiSampleGet(sample, figures[row].field, &value);

    if (figures[row].field == VMMI_SAMPLE_THROTTLE_PERCENT)
        value = MIN(value, 100);
    if (known)
        return vmmiMessageSetUInt(status, path, MIN(value, (uint64_t)INT64_MAX), err);
    vmmiPathRemove(vmmiMessageContent(status), path);
    return 0;
}

int
vmmiStatusSetSample(vmmiMessage *status, vmmiState state, const vmmiSample *sample, vmmiError **err)
{
    const char *name = vmmiStateToString(state);

    if (vmmiMessageGetKind(status) != VMMI_MESSAGE_STATUS)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "this message is no status");
    if (!name)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "there is no state %d", (int)state);
    if (vmmiMessageSetString(status, "state", name, err) < 0)
        return -1;
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        if (set_figure(status, i, state, sample, err) < 0)
            return -1;
    }
    return 0;
}

vmmiSample *
vmmiStatusGetSample(const vmmiMessage *status)
{
    vmmiSample *sample = vmmiSampleNew();
    uint64_t value;

    if (vmmiMessageGetKind(status) != VMMI_MESSAGE_STATUS)
        return sample;
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        if (vmmiMessageGetUInt(status, figures[i].path, &value))
            vmmiSampleSet(sample, figures[i].field, value);
    }
    return sample;
}
