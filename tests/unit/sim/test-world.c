/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-world.c: the model as a value: looking changes nothing, saving and loading change nothing, the same calls at the same times
 * give the same world; a file that somebody spoiled is refused, with the place.
 */
#include <string.h>

#include "drivers/sim/sim-state.h"
#include "message/json.h"
#include "sim-fixture.h"
#include "../rows.h"

#define BUSY(pattern) \
    "'seed': 7, 'linkMibPerSecond': 40, 'guests': [" \
    "{'name': 'a', 'memoryMib': 200, 'workingSetMib': 100, 'dirtyRateMibPerSecond': 60, 'pattern': '" pattern \
    "', " \
    "'events': [{'afterMs': 3000, 'do': 'link', 'mibPerSecond': 20}]}, " \
    "{'name': 'b', 'memoryMib': 100, 'workingSetMib': 0}], " \
    "'events': [{'atMs': 9000, 'do': 'dirty-rate', 'guest': 'a', 'mibPerSecond': 30}]"

static const struct {
    const char *name, *members;
} worlds[] = {
    { "uniform", BUSY("uniform") },
    { "cyclic", BUSY("cyclic") },
    { "zipf", BUSY("zipf") },
    { "phased", BUSY("phased") },
};

/* Compares all that can be seen; the numbers of a world's file. */
static char *
picture(const vmmiSimWorld *world)
{
    g_autoptr(json_t) state = vmmiSimStateSave(world);

    return vmmiJsonWrite(state, true);
}

/* The same story told to two worlds: one is stepped only when something is done, the other all the time in odd steps. */
static void
tell(vmmiSimWorld *world, int64_t step, bool reload)
{
    static const char *const flags[] = { "auto_converge", "postcopy", NULL };
    vmmiMigrateRequest request = { .size = sizeof(request), .flags = flags };
    uint64_t job;

    for (int64_t now = 0; now <= 40 * SECOND; now += SECOND) {
        for (int64_t at = world->now + step; step && at < now; at += step)
            vmmiSimStep(world, at);
        vmmiSimStep(world, now);
        if (now == SECOND)
            g_assert_cmpint(vmmiSimActPerform(world, 0, 0, 1, &request, &job, NULL), ==, 0);
        if (now == 2 * SECOND)
            g_assert_cmpint(vmmiSimActPerform(world, 1, 0, 1, &request, &job, NULL), ==, 0);
        if (now == 12 * SECOND)
            g_assert_cmpint(vmmiSimActTune(world, 0, 0, VMMI_TUNE_DOWNTIME_MS, 350, NULL), ==, 0);
        if (now == 30 * SECOND && vmmiSimWorldGuest(world, 0)->job.id)
            g_assert_cmpint(vmmiSimActStartPostcopy(world, 0, 0, NULL), ==, 0);
        if (reload) {
            g_autoptr(json_t) state = vmmiSimStateSave(world);
            g_autofree char *text = vmmiJsonWrite(state, false);
            g_autoptr(json_t) again = vmmiJsonParse(text, strlen(text), NULL, NULL);
            g_autoptr(vmmiError) error = NULL;
            vmmiSimWorld *loaded = vmmiSimStateLoad(again, &error);

            g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
            if (!loaded)
                return;
            /* The caller's world becomes the loaded one. */
            g_autofree vmmiSimWorld *shell = g_memdup2(world, sizeof(*world));

            *world = *loaded;
            *loaded = *shell;
            vmmiSimWorldFree(loaded);
        }
    }
}

static void
test_same(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) once = fixture_world(worlds[row].members);
    g_autoptr(vmmiSimWorld) often = fixture_world(worlds[row].members);
    g_autoptr(vmmiSimWorld) reloaded = fixture_world(worlds[row].members);
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autofree char *third = NULL;

    tell(once, 0, false);
    tell(often, 13337, false);
    tell(reloaded, 77777, true);
    first = picture(once);
    second = picture(often);
    third = picture(reloaded);
    g_assert_cmpstr(first, ==, second);
    g_assert_cmpstr(first, ==, third);
    g_assert_cmpuint(once->log->len, >, 10);
}

/* Another seed is another run, by a little. */
static void
test_seed(void)
{
    g_autoptr(vmmiSimWorld) one = fixture_world(BUSY("uniform"));
    g_autoptr(vmmiSimWorld) other = fixture_world(BUSY("uniform"));
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    other->seed++;
    tell(one, 0, false);
    tell(other, 0, false);
    other->seed--;
    first = picture(one);
    second = picture(other);
    g_assert_cmpstr(first, !=, second);
}

/* A copy that is shown does not change what is to come. */
static void
test_looking(void)
{
    g_autoptr(vmmiSimWorld) world = fixture_world(BUSY("cyclic"));
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;

    fixture_start(world, NULL, NULL);
    vmmiSimStep(world, 5 * SECOND + 12345);
    before = picture(world);
    for (int i = 0; i < 10; i++) {
        g_autoptr(vmmiSimWorld) shown = vmmiSimWorldCopy(world);

        vmmiSimSettle(shown);
        vmmiSimStep(shown, world->now + i * SECOND);
    }
    after = picture(world);
    g_assert_cmpstr(before, ==, after);
    vmmiSimStep(world, 0); /* time does not run backwards */
    g_assert_cmpint(world->now, ==, 5 * SECOND + 12345);
}

/* A world's file, spoiled in one place each. %s is what stands there instead. */
static const struct {
    const char *name;
    const char *path;  /* keys and indices with dots */
    const char *value; /* JSON, NULL: the key is taken out */
    const char *needle;
} spoiled[] = {
    { "kind", "vmmiSim", "'planet'", "not the file of a simulated world" },
    { "scenario", "vmmiSim", "'scenario'", "name it with 'scenario='" },
    { "format", "format", "2", "format 2 of a simulated world" },
    { "missing", "speed", NULL, "'speed' is missing" },
    { "unknown", "extra", "1", "'extra' is not known here" },
    { "type", "now", "'late'", "'now' must be an integer" },
    { "negative", "now", "-1", "'now' must be an integer" },
    { "no-guests", "guests", "{}", "'guests' must be an array" },
    { "host-type", "hosts.1", "5", "'hosts[1]' must be an object" },
    { "place", "guests.0.places.0.state", "77",
      "'places[0].state' must be an integer 0..5, got 77" },
    { "places", "guests.0.places", "[]", "'places' has 0 items, the world has 2 hosts" },
    { "step", "guests.0.job.step", "0", "'job.step' must be an integer 1..9" },
    { "job-host", "guests.0.job.destination", "7", "names a host that is not in the world" },
    { "job-future", "guests.0.job.at", "9000000000", "lies in the future" },
    { "job-figures", "guests.0.job.windowSent", "1e18", "contradict each other" },
    { "arcs-odd", "guests.0.job.memory.arcs", "[1.0]", "must come in pairs" },
    { "arcs-order", "guests.0.job.memory.arcs", "[5.0, 4.0]", "is less than the number before it" },
    { "arcs-beyond", "guests.0.job.memory.arcs", "[5.0, 1e18]", "must be a number 0.." },
    { "arcs-missing", "guests.0.job.memory.arcs", NULL, "'memory.arcs' is missing" },
    { "arcs-type", "guests.0.job.memory.arcs", "{}", "'memory.arcs' must be an array" },
    { "working-set", "guests.0.load.workingSet", "1e15", "larger than the memory" },
    { "guest-of-event", "timeline.0.guest", "9", "names a guest or host that is not in the world" },
    { "number-of-event", "timeline.0.value", "-1", "lacks a number" },
    { "no-guest-of-event", "timeline.0.guest", "-1",
      "names a guest or host that is not in the world" },
    { "host-of-log", "log.0.host", "6", "'log[0]' names a guest or host" },
    { "log", "log", "3", "'log' must be an array" },
};

static void
spoil(json_t *state, const char *path, const char *value)
{
    g_auto(GStrv) keys = g_strsplit(path, ".", -1);
    json_t *new_value = NULL;
    size_t last = g_strv_length(keys) - 1;

    if (value) {
        g_autofree char *text = g_strdelimit(g_strdup(value), "'", '"');

        new_value = json_loads(text, JSON_DECODE_ANY, NULL);
    }
    for (size_t i = 0; i < last; i++)
        state = json_is_array(state) ? json_array_get(state, strtoul(keys[i], NULL, 10))
                                     : json_object_get(state, keys[i]);
    if (!value)
        json_object_del(state, keys[last]);
    else if (json_is_array(state))
        json_array_set_new(state, strtoul(keys[last], NULL, 10), new_value);
    else
        json_object_set_new(state, keys[last], new_value);
}

static void
test_spoiled(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiSimWorld) world = fixture_world(BUSY("cyclic"));
    g_autoptr(json_t) state = NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiSimWorld) loaded = NULL;

    fixture_start(world, NULL, NULL);
    vmmiSimStep(world, 5 * SECOND);
    state = vmmiSimStateSave(world);
    spoil(state, spoiled[row].path, spoiled[row].value);
    loaded = vmmiSimStateLoad(state, &error);
    g_assert_null(loaded);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_BAD_PATH);
    if (!strstr(vmmiErrorGetMessage(error), spoiled[row].needle))
        g_test_message("%s", vmmiErrorGetMessage(error));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), spoiled[row].needle));
}

/* The log and the results are bounded, and the oldest go first. */
static void
test_bounded(void)
{
    g_autoptr(vmmiSimWorld) world =
        fixture_world("'guests': [{'name': 'g', 'memoryMib': 1, 'faults': [{'step': 'begin'}]}]");
    uint64_t job = 0;

    for (int i = 0; i < 500; i++) {
        job = fixture_start(world, NULL, NULL);
        g_assert_nonnull(fixture_finish(world, job, VMMI_SIM_NEVER - 1));
    }
    g_assert_cmpuint(job, ==, 500);
    g_assert_cmpuint(world->log->len, ==, VMMI_SIM_LOG_LENGTH);
    g_assert_cmpuint(world->results->len, ==, VMMI_SIM_MAX_RESULTS);
    g_assert_null(vmmiSimWorldFindResult(world, 1));
    g_assert_nonnull(vmmiSimWorldFindResult(world, 500));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/sim/deterministic/", worlds, test_same);
    ADD_ROWS("/sim/spoiled/", spoiled, test_spoiled);
    g_test_add_func("/sim/deterministic/seed", test_seed);
    g_test_add_func("/sim/deterministic/looking", test_looking);
    g_test_add_func("/sim/bounded", test_bounded);
    return g_test_run();
}
