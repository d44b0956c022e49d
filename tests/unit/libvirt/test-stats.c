/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-stats.c: what libvirt's figures, states and lifecycle events become.
 */
#include "drivers/libvirt/internal.h"
#include "../rows.h"

#define MAX_FIGURES 12

typedef struct {
    const char *name;
    uint64_t value;
} Given;

typedef struct {
    vmmiSampleField field;
    uint64_t value;        /* UNKNOWN: not known */
} Wanted;
#define UNKNOWN UINT64_MAX
#define OUT { "operation", VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT }

static const struct {
    const char *name;
    int type;
    bool completed;
    Given given[MAX_FIGURES];
    vmmiJobKind kind;
    Wanted wanted[MAX_FIGURES];
} rows[] = {
    { "none", VIR_DOMAIN_JOB_NONE, false, { OUT }, VMMI_JOB_NONE,
      { { VMMI_SAMPLE_TIMESTAMP_MS, UNKNOWN } } },
    { "other", VIR_DOMAIN_JOB_UNBOUNDED, false, { { "operation", VIR_DOMAIN_JOB_OPERATION_SAVE } },
      VMMI_JOB_OTHER, { { VMMI_SAMPLE_PERCENT, UNKNOWN } } },
    { "in", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { { "operation", VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN } },
      VMMI_JOB_MIGRATION_IN, { { VMMI_SAMPLE_PERCENT, UNKNOWN } } },
    { "preparing", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { OUT, { "time_elapsed", 5 }, { "memory_total", 0 }, { "data_total", 0 },
        { "memory_remaining", 0 } },
      VMMI_JOB_MIGRATION_OUT,
      { { VMMI_SAMPLE_ELAPSED_MS, 5 }, { VMMI_SAMPLE_MEMORY_REMAINING_BYTES, UNKNOWN },
        { VMMI_SAMPLE_PERCENT, UNKNOWN } } },
    { "disk-first", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { OUT, { "memory_total", 0 }, { "memory_remaining", 0 }, { "memory_iteration", 0 },
        { "data_total", 1000 }, { "data_remaining", 900 }, { "disk_total", 1000 },
        { "disk_remaining", 900 },
        { "disk_bps", 50 } },
      VMMI_JOB_MIGRATION_OUT,
      { { VMMI_SAMPLE_ITERATION, UNKNOWN }, { VMMI_SAMPLE_MEMORY_REMAINING_BYTES, UNKNOWN },
        { VMMI_SAMPLE_DISK_REMAINING_BYTES, 900 }, { VMMI_SAMPLE_PERCENT, 10 } } },
    { "dirty-rate-is-pages", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { OUT, { "memory_total", 9 }, { "memory_dirty_rate", 1000 }, { "memory_page_size", 4096 } },
      VMMI_JOB_MIGRATION_OUT,
      { { VMMI_SAMPLE_DIRTY_PAGES_PER_SECOND, 1000 },
        { VMMI_SAMPLE_DIRTY_BYTES_PER_SECOND, 4096000 } } },
    { "downtime-expected", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { OUT, { "memory_total", 9 }, { "downtime", 77 } },
      VMMI_JOB_MIGRATION_OUT,
      { { VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, 77 }, { VMMI_SAMPLE_DOWNTIME_FINAL_MS, UNKNOWN } } },
    { "downtime-final", VIR_DOMAIN_JOB_COMPLETED, true,
      { OUT, { "memory_total", 9 }, { "downtime", 77 }, { "downtime_net", 70 } },
      VMMI_JOB_MIGRATION_OUT,
      { { VMMI_SAMPLE_DOWNTIME_FINAL_MS, 77 }, { VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, UNKNOWN },
        { VMMI_SAMPLE_DOWNTIME_NET_MS, 70 }, { VMMI_SAMPLE_PERCENT, 100 } } },
    { "never-100-while-running", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { OUT, { "memory_total", 9 }, { "data_total", 1000 }, { "data_remaining", 0 } },
      VMMI_JOB_MIGRATION_OUT, { { VMMI_SAMPLE_PERCENT, 99 } } },
    { "remaining-above-total", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { OUT, { "memory_total", 9 }, { "data_total", 1000 }, { "data_remaining", 2000 } },
      VMMI_JOB_MIGRATION_OUT, { { VMMI_SAMPLE_PERCENT, 0 } } },
    { "eta", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { OUT, { "memory_total", 9000 }, { "memory_remaining", 3000 }, { "memory_bps", 1500 },
        { "memory_dirty_rate", 1 }, { "memory_page_size", 500 } },
      VMMI_JOB_MIGRATION_OUT, { { VMMI_SAMPLE_ETA_MS, 3000 } } },
    { "eta-never", VIR_DOMAIN_JOB_UNBOUNDED, false,
      { OUT, { "memory_total", 9000 }, { "memory_remaining", 3000 }, { "memory_bps", 1500 },
        { "memory_dirty_rate", 3 }, { "memory_page_size", 500 } },
      VMMI_JOB_MIGRATION_OUT, { { VMMI_SAMPLE_ETA_MS, UNKNOWN } } },
};

static void
test_read(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_auto(vmmiVirtParams) params = { 0 };
    g_autoptr(vmmiSample) sample = vmmiSampleNew();

    for (const Given *given = rows[row].given; given->name; given++) {
        if (g_str_equal(given->name, "operation"))
            virTypedParamsAddInt(&params.items, &params.n_items, &params.n_room, given->name,
                                 (int)given->value);
        else
            virTypedParamsAddULLong(&params.items, &params.n_items, &params.n_room, given->name,
                                    given->value);
    }
    g_assert_cmpint(vmmiVirtStatsRead(rows[row].type, params.items, params.n_items,
                                      rows[row].completed, sample),
                    ==, rows[row].kind);
    for (size_t i = 0; i < MAX_FIGURES; i++) {
        const Wanted *wanted = &rows[row].wanted[i];

        if (wanted->field == 0 && wanted->value == 0)
            break;
        g_assert_cmpuint(vmmiSampleGetOr(sample, wanted->field, UNKNOWN), ==, wanted->value);
    }
}

static const struct {
    const char *name;
    int state, reason;
    vmmiGuestState guest_state;
    vmmiGuestReason guest_reason;
} states[] = {
    { "running", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, VMMI_GUEST_RUNNING,
      VMMI_REASON_OTHER },
    { "migrated", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED, VMMI_GUEST_RUNNING,
      VMMI_REASON_MIGRATED },
    { "cancelled", VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATION_CANCELED, VMMI_GUEST_RUNNING,
      VMMI_REASON_MIGRATION_CANCELED },
    { "user", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, VMMI_GUEST_PAUSED, VMMI_REASON_USER },
    { "ioerror", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, VMMI_GUEST_PAUSED,
      VMMI_REASON_OTHER },
    { "broken", VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, VMMI_GUEST_PAUSED,
      VMMI_REASON_POSTCOPY_FAILED },
    { "gone", VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED, VMMI_GUEST_SHUTOFF,
      VMMI_REASON_MIGRATED },
    { "destroyed", VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED, VMMI_GUEST_SHUTOFF,
      VMMI_REASON_DESTROYED },
    { "crashed", VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED, VMMI_GUEST_CRASHED,
      VMMI_REASON_CRASHED },
    { "future", 99, 0, VMMI_GUEST_UNKNOWN, VMMI_REASON_OTHER },
};

static void
test_state(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiGuestState state;
    vmmiGuestReason reason;

    vmmiVirtStateRead(states[row].state, states[row].reason, &state, &reason);
    g_assert_cmpint(state, ==, states[row].guest_state);
    g_assert_cmpint(reason, ==, states[row].guest_reason);
}

/* libvirt has one detail for "stayed here after all" and "came here". */
static void
test_lifecycle(void)
{
    vmmiGuestState state;
    vmmiGuestReason reason;

    g_assert_true(vmmiVirtLifecycleRead(VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_MIGRATED,
                                        false, &state, &reason));
    g_assert_cmpint(reason, ==, VMMI_REASON_MIGRATION_CANCELED);
    g_assert_true(vmmiVirtLifecycleRead(VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_MIGRATED,
                                        true, &state, &reason));
    g_assert_cmpint(reason, ==, VMMI_REASON_MIGRATED);
    g_assert_false(vmmiVirtLifecycleRead(VIR_DOMAIN_EVENT_DEFINED, 0, false, &state, &reason));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_assert_cmpint(virInitialize(), ==, 0);
    ADD_ROWS("/libvirt/stats/", rows, test_read);
    ADD_ROWS("/libvirt/state/", states, test_state);
    g_test_add_func("/libvirt/lifecycle", test_lifecycle);
    return g_test_run();
}
