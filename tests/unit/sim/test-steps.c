/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-steps.c: what the two hosts are after each possible end of a simulated migration, step by step.
 */
#include <string.h>

#include "drivers/sim/sim-job.h"
#include "sim-fixture.h"
#include "../rows.h"

#define GUEST "'name': 'g', 'memoryMib': 128, 'workingSetMib': 16, 'dirtyRateMibPerSecond': 1"
/* As above, but it never converges by itself. */
#define WILD "'name': 'g', 'memoryMib': 128, 'workingSetMib': 128, 'dirtyRateMibPerSecond': 640"
#define ONE(guest) "'guests': [{" guest "}]"
#define FAULT(step) "'guests': [{" GUEST ", 'faults': [{'step': '" step "'}]}]"
#define HANG(step) "'guests': [{" GUEST ", 'faults': [{'step': '" step "', 'kind': 'hang'}]}]"
#define EVENT(event) "'guests': [{" GUEST ", 'events': [{" event "}]}]"
#define TRANSIENT "'guests': [{" GUEST ", 'persistent': false}]"
#define PAUSED "'guests': [{" GUEST ", 'state': 'paused'}]"

/* One migration from its start to its end, without anybody's help. */
static const struct {
    const char *name, *members, *flags;
    int code;           /* -1: it never ends */
    const char *needle; /* in the message */
    const char *source, *destination;
} ends[] = {
    { "success", ONE(GUEST), NULL, VMMI_ERR_OK, "", "absent/other", "running/migrated" },
    { "keep-source", ONE(GUEST), "no-undefine_source", VMMI_ERR_OK, "", "shutoff/migrated",
      "running/migrated" },
    { "not-kept", ONE(GUEST), "no-persist_dest", VMMI_ERR_OK, "", "shutoff/migrated",
      "running/migrated" },
    { "transient", TRANSIENT, NULL, VMMI_ERR_OK, "", "absent/other", "running/migrated" },
    { "paused-before", PAUSED, NULL, VMMI_ERR_OK, "", "absent/other", "paused/migrated" },
    { "paused-flag", ONE(GUEST), "paused", VMMI_ERR_OK, "", "absent/other", "paused/migrated" },
    { "not-live", ONE(WILD), "no-live", VMMI_ERR_OK, "", "absent/other", "running/migrated" },
    { "begin", FAULT("begin"), NULL, VMMI_ERR_MIGRATION_FAILED, "begin failed", "running/other",
      "absent/other" },
    { "prepare", FAULT("prepare"), NULL, VMMI_ERR_MIGRATION_FAILED, "prepare failed",
      "running/other", "absent/other" },
    { "perform", FAULT("perform"), NULL, VMMI_ERR_MIGRATION_FAILED, "perform failed",
      "running/migration-canceled", "absent/other" },
    { "switchover", FAULT("switchover"), NULL, VMMI_ERR_MIGRATION_FAILED, "state of the devices",
      "running/migration-canceled", "absent/other" },
    { "finish", FAULT("finish"), NULL, VMMI_ERR_MIGRATION_FAILED, "finish failed",
      "running/migration-canceled", "absent/other" },
    { "confirm", FAULT("confirm"), NULL, VMMI_ERR_MIGRATION_FAILED, "left paused on the source",
      "paused/migration", "running/migrated" },
    { "hang-begin", HANG("begin"), NULL, -1, NULL, "running/other", "absent/other" },
    { "hang-prepare", HANG("prepare"), NULL, -1, NULL, "running/other", "absent/other" },
    { "hang-perform", HANG("perform"), NULL, -1, NULL, "running/other", "paused/migration" },
    { "hang-switchover", HANG("switchover"), NULL, -1, NULL, "paused/migration",
      "paused/migration" },
    { "hang-finish", HANG("finish"), NULL, -1, NULL, "paused/migration", "paused/migration" },
    { "hang-confirm", HANG("confirm"), NULL, -1, NULL, "paused/migration", "running/migrated" },
    { "destroyed", EVENT("'afterMs': 500, 'do': 'destroy'"), NULL, VMMI_ERR_GUEST_DISAPPEARED,
      "destroyed during", "shutoff/destroyed", "absent/other" },
    { "shut-down", EVENT("'afterMs': 500, 'do': 'shutdown'"), NULL, VMMI_ERR_GUEST_DISAPPEARED,
      "shut down during", "shutoff/shutdown", "absent/other" },
    { "unreachable-before",
      "'events': [{'atMs': 0, 'do': 'unreachable', 'host': 'destination'}], " ONE(GUEST), NULL,
      VMMI_ERR_CONNECT, "host 'destination' cannot be reached", "running/other", "absent/other" },
    { "unreachable-during", EVENT("'afterMs': 500, 'do': 'unreachable', 'host': 'destination'"),
      NULL, VMMI_ERR_MIGRATION_FAILED, "for 30000 ms", "running/migration-canceled",
      "absent/other" },
    { "link-cut", EVENT("'afterMs': 500, 'do': 'link', 'mibPerSecond': 0"), NULL,
      VMMI_ERR_MIGRATION_FAILED, "nothing was heard", "running/migration-canceled",
      "absent/other" },
    { "source-restarted", EVENT("'afterMs': 500, 'do': 'restart-host', 'host': 'source'"), NULL,
      VMMI_ERR_DISCONNECTED, "restarted", "running/migration-canceled", "absent/other" },
    { "destination-restarted", EVENT("'afterMs': 500, 'do': 'restart-host', 'host': 'destination'"),
      NULL, VMMI_ERR_MIGRATION_FAILED, "restarted", "running/migration-canceled", "absent/other" },
    { "never-converges", ONE(WILD), NULL, -1, NULL, "running/other", "paused/migration" },
};

static void
test_end(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(ends[row].members);
    uint64_t job = fixture_start(world, ends[row].flags, NULL);
    const vmmiSimResult *result = fixture_finish(world, job, 200 * SECOND);
    g_autofree char *source = fixture_place(world, 0);
    g_autofree char *destination = fixture_place(world, 1);

    g_assert_cmpuint(job, ==, 1);
    g_assert_cmpstr(source, ==, ends[row].source);
    g_assert_cmpstr(destination, ==, ends[row].destination);
    if (ends[row].code < 0) {
        g_assert_null(result);
        g_assert_cmpuint(vmmiSimWorldGuest(world, 0)->job.id, ==, job);
        return;
    }
    g_assert_nonnull(result);
    g_assert_cmpint((int)result->code, ==, ends[row].code);
    g_assert_nonnull(strstr(result->message, ends[row].needle));
    g_assert_cmpuint(vmmiSimWorldGuest(world, 0)->job.id, ==, 0);
    if (ends[row].code != VMMI_ERR_OK)
        g_assert_cmpuint(vmmiSimWorldGuest(world, 0)->tuning.downtime_limit_ms, ==, 300);
}

/* An abort in each step: whether it is taken, and what is left. */
static const struct {
    const char *name, *members;
    vmmiSimPhase step;
    bool postcopy; /* the kind of abort */
    int code;      /* of the call */
    const char *source, *destination;
} aborts[] = {
    { "begin", ONE(GUEST), VMMI_SIM_STEP_BEGIN, false, VMMI_ERR_OK, "running/other",
      "absent/other" },
    { "prepare", ONE(GUEST), VMMI_SIM_STEP_PREPARE, false, VMMI_ERR_OK, "running/other",
      "absent/other" },
    { "setup", ONE(GUEST), VMMI_SIM_STEP_SETUP, false, VMMI_ERR_OK, "running/migration-canceled",
      "absent/other" },
    { "precopy", ONE(GUEST), VMMI_SIM_STEP_PRECOPY, false, VMMI_ERR_OK,
      "running/migration-canceled", "absent/other" },
    { "precopy-of-a-paused-guest", PAUSED, VMMI_SIM_STEP_PRECOPY, false, VMMI_ERR_OK, "paused/user",
      "absent/other" },
    { "hanging-prepare", HANG("prepare"), VMMI_SIM_STEP_PREPARE, false, VMMI_ERR_OK,
      "running/other", "absent/other" },
    { "switchover", ONE(GUEST), VMMI_SIM_STEP_SWITCHOVER, false, VMMI_ERR_OK,
      "running/migration-canceled", "absent/other" },
    { "finish", ONE(GUEST), VMMI_SIM_STEP_FINISH, false, VMMI_ERR_STATE, "paused/migration",
      "paused/migration" },
    { "confirm", ONE(GUEST), VMMI_SIM_STEP_CONFIRM, false, VMMI_ERR_STATE, "paused/migration",
      "running/migrated" },
    { "precopy-as-if-post-copy", ONE(GUEST), VMMI_SIM_STEP_PRECOPY, true, VMMI_ERR_STATE,
      "running/other", "paused/migration" },
};

static void
test_abort(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(aborts[row].members);
    uint64_t job = fixture_start(world, NULL, NULL);
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *source = NULL;
    g_autofree char *destination = NULL;
    int result;

    g_assert_true(fixture_reach(world, aborts[row].step, 100 * SECOND));
    result = vmmiSimActAbort(world, 0, 0, aborts[row].postcopy, &error);
    g_assert_cmpint(result, ==, aborts[row].code == VMMI_ERR_OK ? 0 : -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, aborts[row].code);
    source = fixture_place(world, 0);
    destination = fixture_place(world, 1);
    g_assert_cmpstr(source, ==, aborts[row].source);
    g_assert_cmpstr(destination, ==, aborts[row].destination);
    if (result == 0) {
        g_assert_nonnull(vmmiSimWorldFindResult(world, job));
        g_assert_cmpint((int)vmmiSimWorldFindResult(world, job)->code, ==,
                        VMMI_ERR_MIGRATION_ABORTED);
    }
}

/* The steps that are seen, in order. */
static void
test_visible(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(ONE(GUEST));
    uint64_t job = fixture_start(world, NULL, NULL);
    g_autoptr(GString) seen = g_string_new(NULL);
    vmmiState last = VMMI_STATE_STARTING;

    g_assert_nonnull(fixture_finish(world, job, 100 * SECOND));
    for (size_t i = 0; i < world->log->len; i++) {
        const vmmiSimLogEntry *entry = &g_array_index(world->log, vmmiSimLogEntry, i);

        g_assert_cmpuint(entry->sequence, ==, i + 1);
        if (entry->type != VMMI_EVENT_STATE)
            continue;
        g_string_append_printf(seen, "%s ", vmmiStateToString((vmmiState)entry->state));
        g_assert_true(vmmiStateMayFollow(last, (vmmiState)entry->state));
        last = (vmmiState)entry->state;
    }
    g_assert_cmpstr(seen->str, ==, "begin prepare precopy switchover finish confirm ");
}

/* Who is persistent where, by what the request says. */
static const struct {
    const char *name, *flags;
    bool keep_source;
    const char *source;
    bool on_destination;
} definitions[] = {
    { "wholly", NULL, false, "absent/other", true },
    { "keep", NULL, true, "shutoff/migrated", false },
    { "keep-and-persist", "persist_dest", true, "shutoff/migrated", true },
    { "undefine", "undefine_source", true, "absent/other", false },
    { "not-undefine", "no-undefine_source", false, "shutoff/migrated", true },
};

static void
test_definition(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(ONE(GUEST));
    const char *const flags[] = { definitions[row].flags, NULL };
    vmmiMigrateRequest request = { .size = sizeof(request),
                                   .flags = flags,
                                   .keep_source = definitions[row].keep_source };
    g_autofree char *source = NULL;
    vmmiGuestInfo info;
    uint64_t job;

    g_assert_cmpint(vmmiSimActPerform(world, 0, 0, 1, &request, &job, NULL), ==, 0);
    g_assert_cmpint((int)fixture_finish(world, job, 100 * SECOND)->code, ==, VMMI_ERR_OK);
    source = fixture_place(world, 0);
    g_assert_cmpstr(source, ==, definitions[row].source);
    vmmiSimGuestInfo(vmmiSimWorldGuest(world, 0), 1, &info);
    g_assert_cmpint(info.persistent, ==, definitions[row].on_destination);
}

/* A guest that came back can go again, and a fault that was spent does not strike again. */
static void
test_again(void)
{
    g_autoptr(vmmiSimWorld) world =
        fixture_world("'guests': [{" GUEST ", 'faults': [{'step': 'prepare', 'times': 1}]}]");
    vmmiMigrateRequest request = { .size = sizeof(request), .destination_uri = "sim:///" };
    uint64_t job = fixture_start(world, NULL, NULL);
    g_autofree char *source = NULL;

    g_assert_cmpint((int)fixture_finish(world, job, 100 * SECOND)->code, ==,
                    VMMI_ERR_MIGRATION_FAILED);
    job = fixture_start(world, NULL, NULL);
    g_assert_cmpint((int)fixture_finish(world, job, 100 * SECOND)->code, ==, VMMI_ERR_OK);
    g_assert_cmpint(vmmiSimActPerform(world, 0, 1, 0, &request, &job, NULL), ==, 0);
    g_assert_cmpint((int)fixture_finish(world, job, 200 * SECOND)->code, ==, VMMI_ERR_OK);
    source = fixture_place(world, 0);
    g_assert_cmpstr(source, ==, "running/migrated");
}

static const struct {
    const char *name, *flags;
    size_t source, destination;
    int code;
    const char *needle;
} refusals[] = {
    { "same-host", NULL, 0, 0, VMMI_ERR_OPERATION_FAILED, "on host 'source' already" },
    { "not-there", NULL, 1, 0, VMMI_ERR_GUEST_UNKNOWN, "host 'destination' knows no guest" },
    { "refused-flag", "postcopy", 0, 1, VMMI_ERR_NOT_SUPPORTED, "refuses flag 'postcopy'" },
    { "resume-what", "postcopy,postcopy_resume", 0, 1, VMMI_ERR_STATE, "no migration of guest" },
};

static void
test_refusal(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world =
        fixture_world("'guests': [{" GUEST ", 'refuse': ['postcopy']}]");
    g_auto(GStrv) flags = g_strsplit(refusals[row].flags ? refusals[row].flags : "", ",", -1);
    vmmiMigrateRequest request = { .size = sizeof(request), .flags = (const char *const *)flags };
    g_autoptr(vmmiError) error = NULL;
    uint64_t job = 99;

    g_assert_cmpint(vmmiSimActPerform(world, 0, refusals[row].source, refusals[row].destination,
                                      &request, &job, &error),
                    ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refusals[row].code);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), refusals[row].needle));
    g_assert_cmpuint(job, ==, 99);
    g_assert_cmpuint(vmmiSimWorldGuest(world, 0)->job.id, ==, 0);
}

static void
test_busy(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(ONE(GUEST));
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpuint(fixture_start(world, NULL, NULL), ==, 1);
    g_assert_cmpuint(fixture_start(world, NULL, &error), ==, 0);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
}

/* What a person does to a guest while it moves: suspended, it converges; stopped, it is gone; resumed, it goes on. */
static void
test_suspend(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(ONE(WILD));
    uint64_t job = fixture_start(world, NULL, NULL);
    g_autofree char *during = NULL;
    g_autofree char *after = NULL;

    vmmiSimStep(world, 20 * SECOND);
    g_assert_cmpint(vmmiSimActSuspend(world, 0, 0, NULL), ==, 0);
    during = fixture_place(world, 0);
    g_assert_cmpstr(during, ==, "paused/migration");
    g_assert_cmpint((int)fixture_finish(world, job, 40 * SECOND)->code, ==, VMMI_ERR_OK);
    after = fixture_place(world, 1);
    g_assert_cmpstr(after, ==, "running/migrated");
    g_assert_cmpint(vmmiSimWorldGuest(world, 0)->last.downtime_us, >, SECOND / 2);
}

/* Stopped on either host, in any step: what is left, and what the call hears. */
static const struct {
    const char *name;
    vmmiSimPhase step;
    size_t host;
    int code;
    const char *source, *destination;
} stops[] = {
    { "source-begin", VMMI_SIM_STEP_BEGIN, 0, VMMI_ERR_GUEST_DISAPPEARED, "shutoff/destroyed",
      "absent/other" },
    { "source-precopy", VMMI_SIM_STEP_PRECOPY, 0, VMMI_ERR_GUEST_DISAPPEARED, "shutoff/destroyed",
      "absent/other" },
    { "source-finish", VMMI_SIM_STEP_FINISH, 0, VMMI_ERR_GUEST_DISAPPEARED, "shutoff/destroyed",
      "absent/other" },
    { "source-confirm", VMMI_SIM_STEP_CONFIRM, 0, VMMI_ERR_GUEST_DISAPPEARED, "shutoff/destroyed",
      "running/migrated" },
    { "destination-precopy", VMMI_SIM_STEP_PRECOPY, 1, VMMI_ERR_MIGRATION_FAILED,
      "running/migration-canceled", "absent/other" },
    { "destination-finish", VMMI_SIM_STEP_FINISH, 1, VMMI_ERR_MIGRATION_FAILED,
      "running/migration-canceled", "absent/other" },
};

static void
test_stop(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(ONE(GUEST));
    uint64_t job = fixture_start(world, NULL, NULL);
    g_autofree char *source = NULL;
    g_autofree char *destination = NULL;

    g_assert_true(fixture_reach(world, stops[row].step, 100 * SECOND));
    g_assert_cmpint(vmmiSimActStop(world, 0, stops[row].host, NULL), ==, 0);
    g_assert_nonnull(vmmiSimWorldFindResult(world, job));
    g_assert_cmpint((int)vmmiSimWorldFindResult(world, job)->code, ==, stops[row].code);
    source = fixture_place(world, 0);
    destination = fixture_place(world, 1);
    g_assert_cmpstr(source, ==, stops[row].source);
    g_assert_cmpstr(destination, ==, stops[row].destination);
    if (stops[row].host == 0) {
        g_assert_cmpint(vmmiSimActStart(world, 0, 0, NULL), ==, 0);
        g_assert_cmpint(vmmiSimActStart(world, 0, 0, NULL), ==, -1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/sim/end/", ends, test_end);
    ADD_ROWS("/sim/abort/", aborts, test_abort);
    ADD_ROWS("/sim/definition/", definitions, test_definition);
    ADD_ROWS("/sim/stop/", stops, test_stop);
    ADD_ROWS("/sim/refusal/", refusals, test_refusal);
    g_test_add_func("/sim/refusal/busy", test_busy);
    g_test_add_func("/sim/steps/visible", test_visible);
    g_test_add_func("/sim/steps/again", test_again);
    g_test_add_func("/sim/guest/suspend", test_suspend);
    return g_test_run();
}
