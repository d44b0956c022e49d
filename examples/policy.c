/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy.c: a policy that tolerates a longer pause each time a pass gained nothing, up to a limit.
 *
 * cc policy.c $(pkg-config --cflags --libs libvmmi) -o patient
 */
#include <libvmmi/libvmmi.h>

typedef struct {
    uint64_t pause_ms, longest_ms;
    uint64_t least_bytes; /* that a pass left so far; 0: no pass yet */
} Patient;

static const vmmiPolicyOption options[] = {
    { .name = "maxDowntimeMs", .type = VMMI_OPTION_UINT, .default_value = "2000",
      .minimum = 1, .maximum = 60000, .unit = "ms",
      .meaning = "the longest pause that the guest may suffer" },
    { .name = NULL },
};

static int
configure(void *state, const vmmiPolicyConfig *config, vmmiError **err)
{
    Patient *patient = state;

    (void)err;
    patient->pause_ms = 300;
    vmmiPolicyConfigGetUInt(config, "maxDowntimeMs", &patient->longest_ms);
    return 0;
}

static int
on_event(void *state, const vmmiPolicyEvent *event, vmmiPolicyActions *actions, vmmiError **err)
{
    Patient *patient = state;
    uint64_t left;

    (void)err;
    if (event->type != VMMI_POLICY_ITERATION ||
        !vmmiSampleGet(event->sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, &left))
        return 0;
    if (patient->least_bytes == 0 || left < patient->least_bytes) {
        patient->least_bytes = left;
    } else if (patient->pause_ms < patient->longest_ms) {
        patient->pause_ms *= 2;
        if (patient->pause_ms > patient->longest_ms)
            patient->pause_ms = patient->longest_ms;
        vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, patient->pause_ms,
                             "pass %u left %u MiB, the best one %u MiB", (unsigned)event->iteration,
                             (unsigned)(left >> 20), (unsigned)(patient->least_bytes >> 20));
    }
    return 0;
}

static const vmmiPolicy policy = {
    VMMI_POLICY_INIT, .name = "patient", .version = "1", .summary = "waits, and asks for more time",
    .options = options, .state_size = sizeof(Patient), .configure = configure, .on_event = on_event,
};

int main(int argc, char **argv) { return vmmiPolicyMain(argc, argv, &policy); }
