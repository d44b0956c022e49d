/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-fixture.c: the frame that replays traces: that it shows what a policy does.
 */
#include "policies/policies.h"
#include "policy-fixture.h"
#include "policy-trace.h"

#include "../rows.h"

/* Sets the pause at the first sample, then switches at the second pass, and aborts at a timer. */
static int
talk(void *opaque, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
     vmmiError **err G_GNUC_UNUSED)
{
    unsigned int *step = opaque;

    if (event->type == VMMI_POLICY_SAMPLE && *step == 0) {
        vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, 500, "step %u", ++*step);
        vmmiPolicyActionWakeAt(actions, 4500);
    }
    if (event->type == VMMI_POLICY_ITERATION && event->iteration == 3)
        vmmiPolicyActionStartPostcopy(actions, "pass %d", (int)event->iteration);
    if (event->type == VMMI_POLICY_TIMER)
        vmmiPolicyActionAbort(actions, "at %d", (int)event->now_ms);
    return 0;
}

static void
wait_reason(void *opaque, vmmiPolicyStatus *status)
{
    vmmiPolicyStatusSetReason(status, "after step %u", *(unsigned int *)opaque);
}

static const vmmiPolicy talker = {
    VMMI_POLICY_INIT,
    .name = "talker",
    .version = "1",
    .summary = "for the test of the frame",
    .state_size = sizeof(unsigned int),
    .on_event = talk,
    .status = wait_reason,
};

static const char recorded[] = "# ms pass MiB MiB/s\n"
                               "0 0 256 38\n"
                               "1000 1 218 38\n"
                               "2000 2 64\n"
                               "2500 3 64 38  # the third\n"
                               "6000 switchover\n";

static const struct {
    const char *name;
    PolicyCase one;
    const char *actions, *reason;
} rows[] = {
    { "all", { .policy = &talker },
      "0 tune downtimeMs 500; 2500 start-postcopy; 4500 abort", "after step 1" },
    { "fails", { .policy = &talker, .fails = "start-postcopy" },
      "0 tune downtimeMs 500; 2500 start-postcopy!; 4500 abort", "after step 1" },
    { "stops", { .policy = &talker, .stop_ms = 2400 }, "0 tune downtimeMs 500", "after step 1" },
    { "silent", { .policy = &vmmiPolicyTouri }, "", NULL },
};

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(PolicyTrace) trace = policyTraceNew(256);
    g_auto(PolicyResult) result = { 0 };

    policyTraceAddText(trace, recorded);
    policyRun(&rows[row].one, trace, &result);
    g_assert_cmpstr(result.actions, ==, rows[row].actions);
    g_assert_cmpstr(result.reason, ==, rows[row].reason);
    g_assert_null(result.error);
}

/* A bulk pass of 2.5 s, then passes of 100 ms: samples at most five times a second, at least once. */
static void
test_passes(void)
{
    g_autoptr(PolicyTrace) trace = policyTraceNew(100);
    const PolicyPasses passes = {
        .bulk_ms = 2500, .pass_ms = 100, .until_ms = 3200, .high_mib = 10, .low_mib = 2
    };
    g_autoptr(GString) seen = g_string_new(NULL);

    policyTraceAddPasses(trace, &passes);
    for (guint i = 0; i < trace->rows->len; i++) {
        const PolicyTraceRow *row = g_ptr_array_index(trace->rows, i);
        uint64_t left = vmmiSampleGetOr(row->sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 0) / MIB;

        g_string_append_printf(seen, "%d:%d/%d ", (int)row->at_ms, (int)row->iteration, (int)left);
    }
    g_assert_cmpstr(seen->str, ==, "0:1/100 1000:1/60 2000:1/21 2500:2/10 2700:4/10 2900:6/10 "
                                   "3100:8/10 3300:10/10 ");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/policies/fixture/", rows, test_row);
    g_test_add_func("/policies/fixture/passes", test_passes);
    return g_test_run();
}
