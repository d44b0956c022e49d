/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-felt.c: what a guest feels of its simulated migration: standstill, throttling, missing pages.
 */
#include "drivers/sim/sim-felt.h"
#include "sim-fixture.h"
#include "../rows.h"

#define WORLD "'jitterPercent': 0, 'linkMibPerSecond': 100, 'guests': [{'name': 'g', 'memoryMib': 500, "
#define CALM WORLD "'workingSetMib': 16, 'dirtyRateMibPerSecond': 2}]"
#define BUSY WORLD "'workingSetMib': 400, 'dirtyRateMibPerSecond': 2000}]"
#define ZIPF WORLD "'workingSetMib': 400, 'dirtyRateMibPerSecond': 2000, 'pattern': 'zipf'}]"
#define CYCLIC WORLD "'workingSetMib': 400, 'dirtyRateMibPerSecond': 2000, 'pattern': 'cyclic'}]"
#define IDLE WORLD "'workingSetMib': 400, 'dirtyRateMibPerSecond': 0}]"

/* From one event of the world to the next, until @until. */
static void
feel(vmmiSimWorld *world, vmmiSimFelt *felt, int64_t until)
{
    while (world->now < until) {
        int64_t next = MIN(vmmiSimNext(world), until);

        vmmiSimFeltAdd(felt, world, vmmiSimWorldGuest(world, 0), next);
        vmmiSimStep(world, MAX(next, world->now + 1));
    }
}

static void
test_calm(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(CALM);
    vmmiSimFelt felt = { 0 };

    g_assert_cmpuint(fixture_start(world, "", NULL), >, 0);
    feel(world, &felt, 10 * SECOND);
    g_assert_true(vmmiSimWorldGuest(world, 0)->has_last);
    g_assert_cmpfloat(felt.longest, ==, (double)vmmiSimWorldGuest(world, 0)->last.downtime_us);
    g_assert_cmpfloat(felt.standing, ==, felt.longest);
    g_assert_cmpfloat(felt.lost, ==, felt.longest);
    g_assert_cmpfloat(felt.throttle_silence, ==, 0);
    g_assert_cmpfloat(felt.postcopy, ==, 0);
}

/* Two pauses: the longest counts, not their sum. */
static void
test_pauses(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(BUSY);
    vmmiSimFelt felt = { 0 };

    g_assert_cmpuint(fixture_start(world, "", NULL), >, 0);
    for (int i = 1; i <= 2; i++) {
        feel(world, &felt, 2 * i * SECOND);
        g_assert_cmpint(vmmiSimActSuspend(world, 0, 0, NULL), ==, 0);
        feel(world, &felt, 2 * i * SECOND + i * SECOND / 10);
        g_assert_cmpint(vmmiSimActResume(world, 0, 0, NULL), ==, 0);
    }
    feel(world, &felt, 5 * SECOND);
    g_assert_cmpfloat(felt.longest, ==, 200000);
    g_assert_cmpfloat(felt.standing, ==, 300000);
    g_assert_cmpfloat(felt.lost, ==, 300000);
}

/* At 99 % of throttling a guest sleeps for 990 ms at a time, and gets a hundredth of its work done. */
static void
test_throttled(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(BUSY);
    vmmiSimFelt felt = { 0 };

    g_assert_cmpuint(fixture_start(world, "", NULL), >, 0);
    g_assert_true(fixture_reach(world, VMMI_SIM_STEP_PRECOPY, SECOND));
    vmmiSimWorldGuest(world, 0)->job.throttle = 99;
    g_assert_cmpfloat_with_epsilon(
        vmmiSimGuestSpeed(world, vmmiSimWorldGuest(world, 0), SECOND, 2 * SECOND), 0.01, 1e-9);
    vmmiSimFeltAdd(&felt, world, vmmiSimWorldGuest(world, 0), world->now + SECOND);
    g_assert_cmpfloat_with_epsilon(felt.throttle_silence, 990000, 1);
    g_assert_cmpfloat_with_epsilon(felt.lost, 990000, 1);
    g_assert_cmpfloat(felt.longest, ==, 0);
    /* Stopped at the end of a sleep. */
    vmmiSimWorldPlace(world, vmmiSimWorldGuest(world, 0), 0, VMMI_GUEST_PAUSED, VMMI_REASON_USER);
    vmmiSimFeltAdd(&felt, world, vmmiSimWorldGuest(world, 0), world->now + 1000);
    g_assert_cmpfloat_with_epsilon(felt.longest, 991000, 1);
}

/* Auto-converge takes a processor's idle time first. */
static const struct {
    const char *name;
    int busy, throttle;
    double speed;
} busy_rows[] = {
    { "always", 100, 20, 0.8 },  { "half-idle", 50, 20, 1 },    { "half-just", 50, 50, 1 },
    { "half-more", 50, 75, 0.5 }, { "mostly-idle", 10, 80, 1 }, { "mostly-late", 10, 95, 0.5 },
};

static void
test_busy(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *members = g_strdup_printf(
        WORLD "'dirtyRateMibPerSecond': 9, 'busyPercent': %d}]", busy_rows[row].busy);
    g_autoptr(vmmiSimWorld) world = fixture_world(members);
    vmmiSimGuest *guest = vmmiSimWorldGuest(world, 0);

    g_assert_cmpuint(fixture_start(world, "", NULL), >, 0);
    g_assert_true(fixture_reach(world, VMMI_SIM_STEP_PRECOPY, SECOND));
    guest->job.throttle = busy_rows[row].throttle;
    g_assert_cmpfloat_with_epsilon(vmmiSimGuestSpeed(world, guest, SECOND, 2 * SECOND),
                                   busy_rows[row].speed, 1e-9);
    g_assert_cmpfloat_with_epsilon(vmmiSimLoadThrottled(&guest->load, busy_rows[row].throttle),
                                   busy_rows[row].speed, 1e-9);
}

/* Behind the switch to post-copy, with some 300 MiB missing. */
static const struct {
    const char *name, *world;
    double least, most;       /* of the speed */
    double shortest, longest; /* milliseconds of silence: the state of the devices, and up to 64 pages one by one */
} postcopy_rows[] = {
    { "idle", IDLE, 1, 1, 10, 80 },
    { "busy", BUSY, 0, 0.01, 200, 700 },
    { "zipf", ZIPF, 0, 0.05, 200, 700 },
    { "cyclic", CYCLIC, 0.03, 0.3, 20, 80 },
    { "link-cut", BUSY, 0, 0, 200, 700 },
};

static void
test_postcopy(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(postcopy_rows[row].world);
    const vmmiSimGuest *guest = vmmiSimWorldGuest(world, 0);
    vmmiSimFelt felt = { 0 };
    double speed;

    g_assert_cmpuint(fixture_start(world, "postcopy", NULL), >, 0);
    feel(world, &felt, 2 * SECOND);
    g_assert_cmpint(vmmiSimActStartPostcopy(world, 0, 0, NULL), ==, 0);
    feel(world, &felt, 9 * SECOND / 2);
    g_assert_cmpfloat(felt.longest / 1000, >, postcopy_rows[row].shortest);
    g_assert_cmpfloat(felt.longest / 1000, <, postcopy_rows[row].longest);
    g_assert_cmpfloat(felt.postcopy, >, 1000000);
    if (g_str_equal(postcopy_rows[row].name, "link-cut"))
        world->link = 0;
    speed = vmmiSimGuestSpeed(world, guest, world->now, world->now + 50000);
    g_assert_cmpfloat(speed, >=, postcopy_rows[row].least);
    g_assert_cmpfloat(speed, <=, postcopy_rows[row].most);
}

/* It stands still until somebody recovers it. */
static void
test_broken(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(
        WORLD "'workingSetMib': 400, 'dirtyRateMibPerSecond': 2000, 'faults': [{'step': 'postcopy'}]}]");
    vmmiSimFelt felt = { 0 };

    g_assert_cmpuint(fixture_start(world, "postcopy", NULL), >, 0);
    feel(world, &felt, 2 * SECOND);
    g_assert_cmpint(vmmiSimActStartPostcopy(world, 0, 0, NULL), ==, 0);
    feel(world, &felt, 20 * SECOND);
    g_assert_cmpint((int)vmmiSimWorldGuest(world, 0)->job.step, ==,
                    VMMI_SIM_STEP_POSTCOPY_BROKEN);
    g_assert_cmpfloat(felt.longest, >, 10e6);
}

/* Looking at a guest leaves the world as it is. */
static void
test_peek(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(BUSY);
    vmmiSimGuest shown;
    vmmiSimJob before;

    g_assert_cmpuint(fixture_start(world, "", NULL), >, 0);
    vmmiSimStep(world, 2 * SECOND + 12345);
    before = vmmiSimWorldGuest(world, 0)->job;
    vmmiSimPeek(world, 0, &shown);
    g_assert_cmpint(shown.job.at, ==, world->now);
    g_assert_cmpfloat(shown.job.sent_bytes, >, before.sent_bytes);
    g_assert_cmpint(vmmiSimWorldGuest(world, 0)->job.at, ==, before.at);
    g_assert_cmpfloat(vmmiSimWorldGuest(world, 0)->job.sent_bytes, ==, before.sent_bytes);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/felt/calm", test_calm);
    g_test_add_func("/felt/pauses", test_pauses);
    g_test_add_func("/felt/throttled", test_throttled);
    ADD_ROWS("/felt/busy/", busy_rows, test_busy);
    ADD_ROWS("/felt/postcopy/", postcopy_rows, test_postcopy);
    g_test_add_func("/felt/broken", test_broken);
    g_test_add_func("/felt/peek", test_peek);
    return g_test_run();
}
