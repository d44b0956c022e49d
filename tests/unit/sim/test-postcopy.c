/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-postcopy.c: post-copy in a simulated world: started, paused, broken, recovered, lost.
 */
#include <string.h>

#include "drivers/sim/sim-sample.h"
#include "sim-fixture.h"
#include "../rows.h"

#define WORLD \
    "'jitterPercent': 0, 'linkMibPerSecond': 100, 'guests': [{'name': 'g', 'memoryMib': 500, " \
    "'workingSetMib': 400, 'dirtyRateMibPerSecond': 2000"
#define PLAIN WORLD "}]"
#define BREAKS WORLD ", 'faults': [{'step': 'postcopy'}]}]"
#define BREAKS_ALWAYS WORLD ", 'faults': [{'step': 'postcopy', 'times': 0}]}]"
#define CUT WORLD ", 'events': [{'afterMs': 9000, 'do': 'link', 'mibPerSecond': 0}]}]"
#define SOURCE_RESTARTS \
    WORLD ", 'events': [{'afterMs': 9000, 'do': 'restart-host', 'host': 'source'}]}]"

static void
expect_places(const vmmiSimWorld *world, const char *source, const char *destination)
{
    g_autofree char *first = fixture_place(world, 0);
    g_autofree char *second = fixture_place(world, 1);

    g_assert_cmpstr(first, ==, source);
    g_assert_cmpstr(second, ==, destination);
}

/* Into post-copy, eight seconds after the start. */
static uint64_t
start(vmmiSimWorld *world)
{
    uint64_t job = fixture_start(world, "postcopy", NULL);

    vmmiSimStep(world, 8 * SECOND);
    g_assert_cmpint(vmmiSimActStartPostcopy(world, 0, 0, NULL), ==, 0);
    vmmiSimStep(world, 8 * SECOND + SECOND / 5);
    g_assert_cmpint((int)vmmiSimWorldGuest(world, 0)->job.step, ==, VMMI_SIM_STEP_POSTCOPY);
    expect_places(world, "paused/postcopy", "running/postcopy");
    return job;
}

static void
test_completes(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(PLAIN);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    uint64_t job = start(world);
    const vmmiSimResult *result = fixture_finish(world, job, 100 * SECOND);

    g_assert_nonnull(result);
    g_assert_cmpint((int)result->code, ==, VMMI_ERR_OK);
    expect_places(world, "absent/other", "running/migrated");
    vmmiSimSampleCompleted(vmmiSimWorldGuest(world, 0), sample);
    g_assert_cmpuint(vmmiSampleGetOr(sample, VMMI_SAMPLE_DOWNTIME_FINAL_MS, 0), <, 60);
    g_assert_cmpuint(vmmiSampleGetOr(sample, VMMI_SAMPLE_POSTCOPY_REQUESTS, 0), >, 0);
    g_assert_cmpint(result->at, >, 11 * SECOND); /* some 390 MiB were left */
    g_assert_cmpint(result->at, <, 13 * SECOND);
}

static void
test_limited(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(PLAIN);
    uint64_t job = start(world);

    g_assert_cmpint(
        vmmiSimActTune(world, 0, 0, VMMI_TUNE_POSTCOPY_BANDWIDTH_MIB_PER_SECOND, 20, NULL), ==, 0);
    g_assert_cmpint(fixture_finish(world, job, 100 * SECOND)->at, >, 24 * SECOND);
}

/* What breaks it, and with what message. */
static const struct {
    const char *name, *members;
    bool abort;
    const char *needle;
} breaks[] = {
    { "fault", BREAKS, false, "as the simulated world was asked" },
    { "link", CUT, false, "nothing was heard" },
    { "pause", PLAIN, true, "paused by a client" },
};

static uint64_t
break_it(vmmiSimWorld *world, size_t row)
{
    uint64_t job = start(world);

    if (breaks[row].abort)
        g_assert_cmpint(vmmiSimActAbort(world, 0, 0, true, NULL), ==, 0);
    g_assert_nonnull(fixture_finish(world, job, 100 * SECOND));
    return job;
}

static void
test_broken(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(breaks[row].members);
    uint64_t job = break_it(world, row);
    const vmmiSimResult *result = vmmiSimWorldFindResult(world, job);
    uint64_t second;

    g_assert_cmpint((int)result->code, ==, VMMI_ERR_POSTCOPY_BROKEN);
    g_assert_nonnull(strstr(result->message, breaks[row].needle));
    expect_places(world, "paused/postcopy-failed", "running/postcopy-failed");
    g_assert_cmpint(vmmiSimActAbort(world, 0, 0, false, NULL), ==, -1);
    vmmiSimStep(world, 200 * SECOND); /* it stays as it is */
    expect_places(world, "paused/postcopy-failed", "running/postcopy-failed");
    world->link = 100 * VMMI_SIM_MIB;
    second = fixture_start(world, "postcopy,postcopy_resume", NULL);
    g_assert_cmpuint(second, ==, job + 1);
    expect_places(world, "paused/postcopy", "running/postcopy");
    g_assert_cmpint((int)fixture_finish(world, second, 300 * SECOND)->code, ==, VMMI_ERR_OK);
    expect_places(world, "absent/other", "running/migrated");
}

static void
test_broken_twice(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(BREAKS_ALWAYS);
    uint64_t job = start(world);

    for (int i = 0; i < 3; i++) {
        g_assert_cmpint((int)fixture_finish(world, job, 100 * SECOND)->code, ==,
                        VMMI_ERR_POSTCOPY_BROKEN);
        job = fixture_start(world, "postcopy,postcopy_resume", NULL);
        g_assert_cmpuint(job, !=, 0);
    }
}

static void
test_recover_without_link(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(CUT);
    g_autoptr(vmmiError) error = NULL;

    break_it(world, 1);
    g_assert_cmpuint(fixture_start(world, "postcopy,postcopy_resume", &error), ==, 0);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_CONNECT);
    expect_places(world, "paused/postcopy-failed", "running/postcopy-failed");
}

/* Nothing is left when the half that runs is destroyed. */
static void
test_destroyed(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(PLAIN);
    uint64_t job = start(world);

    g_assert_cmpint(vmmiSimActStop(world, 0, 1, NULL), ==, 0);
    g_assert_cmpint((int)vmmiSimWorldFindResult(world, job)->code, ==, VMMI_ERR_GUEST_DISAPPEARED);
    expect_places(world, "paused/postcopy", "absent/other");
}

/* libvirt keeps a post-copy migration when the source's daemon is restarted; its caller hears no more of it. */
static void
test_source_restarts(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(SOURCE_RESTARTS);
    uint64_t job = start(world);

    g_assert_cmpint((int)fixture_finish(world, job, 100 * SECOND)->code, ==, VMMI_ERR_DISCONNECTED);
    expect_places(world, "paused/postcopy", "running/postcopy");
    vmmiSimStep(world, 20 * SECOND);
    expect_places(world, "absent/other", "running/migrated");
}

/* Calls that are refused, and why. */
static const struct {
    const char *name, *flags;
    vmmiSimPhase step;
    const char *needle;
} refusals[] = {
    { "without-flag", NULL, VMMI_SIM_STEP_PRECOPY, "without flag 'postcopy'" },
    { "too-early", "postcopy", VMMI_SIM_STEP_PREPARE, "in step 'prepare'" },
    { "twice", "postcopy", VMMI_SIM_STEP_POSTCOPY, "in step 'postcopy'" },
};

static void
test_refused(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(PLAIN);
    g_autoptr(vmmiError) error = NULL;

    if (refusals[row].step == VMMI_SIM_STEP_POSTCOPY)
        start(world);
    else
        fixture_start(world, refusals[row].flags, NULL);
    g_assert_true(fixture_reach(world, refusals[row].step, 100 * SECOND));
    g_assert_cmpint(vmmiSimActStartPostcopy(world, 0, 0, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), refusals[row].needle));
}

/* A plain abort is refused in post-copy, and changes nothing. */
static void
test_abort_refused(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(PLAIN);
    g_autoptr(vmmiError) error = NULL;

    start(world);
    g_assert_cmpint(vmmiSimActAbort(world, 0, 0, false, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    expect_places(world, "paused/postcopy", "running/postcopy");
}

/* As long as the state of the devices is on its way there is nothing to break: the source goes on, or it lands first. */
static void
test_before_landing(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(PLAIN);
    uint64_t job = fixture_start(world, "postcopy", NULL);

    vmmiSimStep(world, 8 * SECOND);
    g_assert_cmpint(vmmiSimActStartPostcopy(world, 0, 0, NULL), ==, 0);
    g_assert_true(fixture_reach(world, VMMI_SIM_STEP_POSTCOPY, 9 * SECOND));
    expect_places(world, "paused/postcopy", "paused/migration");
    g_assert_cmpint(vmmiSimActAbort(world, 0, 0, true, NULL), ==, 0);
    expect_places(world, "paused/postcopy-failed", "running/postcopy-failed");
    job = fixture_start(world, "postcopy,postcopy_resume", NULL);
    g_assert_cmpint((int)fixture_finish(world, job, 100 * SECOND)->code, ==, VMMI_ERR_OK);
    expect_places(world, "absent/other", "running/migrated");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/sim/postcopy/broken/", breaks, test_broken);
    ADD_ROWS("/sim/postcopy/refused/", refusals, test_refused);
    g_test_add_func("/sim/postcopy/completes", test_completes);
    g_test_add_func("/sim/postcopy/limited", test_limited);
    g_test_add_func("/sim/postcopy/broken-twice", test_broken_twice);
    g_test_add_func("/sim/postcopy/recover-without-link", test_recover_without_link);
    g_test_add_func("/sim/postcopy/destroyed", test_destroyed);
    g_test_add_func("/sim/postcopy/source-restarts", test_source_restarts);
    g_test_add_func("/sim/postcopy/abort-refused", test_abort_refused);
    g_test_add_func("/sim/postcopy/before-landing", test_before_landing);
    return g_test_run();
}
