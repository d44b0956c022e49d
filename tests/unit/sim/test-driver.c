/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-driver.c: the simulator as an application and a plugin use it: through connections, in several processes.
 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <glib/gstdio.h>

#include "driver/connect.h"
#include "drivers/sim/sim-driver.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "../rows.h"
#include "../tree.h"

#define DEADLINE_MS 20000
/* Two seconds of the world are 40 ms. */
#define FAST "speed=50"
/* First argument of this program when it is started by itself. */
#define CLIENT "--client"

/* What a watcher was told; written by the driver's thread. */
typedef struct {
    GMutex lock;
    GCond cond;
    GString *told; /* "begin prepare ... done(0) " */
    int code;      /* of done; -1: not called */
    int done, freed, samples, disconnected, reconnected;
    uint64_t iteration;
    vmmiConnect *unwatch; /* unmonitors inside of the callback */
    void *watch;
} Record;

static void
record_init(Record *record)
{
    memset(record, 0, sizeof(*record));
    record->told = g_string_new(NULL);
    record->code = -1;
}

static void
record_clear(Record *record)
{
    g_string_free(record->told, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Record, record_clear)

static void
on_event(const vmmiEvent *event, void *opaque)
{
    Record *record = opaque;
    vmmiConnect *unwatch;

    g_mutex_lock(&record->lock);
    switch (event->type) {
    case VMMI_EVENT_STATE:
        g_string_append_printf(record->told, "%s ", vmmiStateToString(event->state));
        break;
    case VMMI_EVENT_GUEST:
        g_string_append_printf(record->told, "%s/%s ", vmmiGuestStateToString(event->guest_state),
                               vmmiGuestReasonToString(event->reason));
        break;
    case VMMI_EVENT_JOB_COMPLETED:
        g_string_append(record->told, "completed ");
        record->samples += vmmiSampleGet(event->sample, VMMI_SAMPLE_DOWNTIME_FINAL_MS, NULL);
        break;
    case VMMI_EVENT_ITERATION: record->iteration = event->iteration; break;
    case VMMI_EVENT_DISCONNECTED: record->disconnected++; break;
    case VMMI_EVENT_RECONNECTED: record->reconnected++; break;
    }
    unwatch = record->unwatch;
    g_cond_broadcast(&record->cond);
    g_mutex_unlock(&record->lock);
    if (unwatch)
        vmmiCallGuestUnmonitor(unwatch, record->watch);
}

static void
on_done(const vmmiError *error, void *opaque)
{
    Record *record = opaque;

    g_mutex_lock(&record->lock);
    record->done++;
    record->code = vmmiErrorGetCode(error);
    g_string_append_printf(record->told, "done(%d) ", record->code);
    g_cond_broadcast(&record->cond);
    g_mutex_unlock(&record->lock);
}

static void
on_free(void *opaque)
{
    Record *record = opaque;

    g_mutex_lock(&record->lock);
    record->freed++;
    g_cond_broadcast(&record->cond);
    g_mutex_unlock(&record->lock);
}

/* Waits until a counter of the record has a value. */
static bool
wait_for(Record *record, const int *counter, int value)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    bool reached = true;

    g_mutex_lock(&record->lock);
    while (reached && *counter < value)
        reached = g_cond_wait_until(&record->cond, &record->lock, deadline);
    g_mutex_unlock(&record->lock);
    return reached;
}

/* --- fixture ---------------------------------------------------------------------------------------------- */

typedef struct {
    char *run;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    /* One for all: the environment is not changed any more once there are threads. */
    fixture->run = g_strdup(g_getenv("VMMI_RUN_DIR"));
    g_mkdir(fixture->run, 0700);
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    remove_tree(fixture->run);
    g_free(fixture->run);
}

static vmmiConnect *
open_uri(const char *uri)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiConnect *connect = vmmiConnectOpen(uri, NULL, 0, &error);

    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    return connect;
}

static int
perform(vmmiConnect *connect, const char *guest, const char *destination, const char *flag,
        Record *record, vmmiError **err)
{
    const char *const flags[] = { flag, NULL };
    vmmiMigrateRequest request = { .size = sizeof(request),
                                   .destination_uri = destination,
                                   .flags = flags };
    vmmiGuestInfo info;

    if (vmmiGuestLookup(connect, guest, &info, err) < 0)
        return -1;
    request.uuid = info.uuid;
    return vmmiCallMigrationPerform(connect, &request, on_done, record, on_free, err);
}

/* Looks for the guest, and is told what happens to it. */
static void *
watch_guest(vmmiConnect *connect, const char *name, vmmiGuestInfo *info, Record *record,
            vmmiFreeFunc free_opaque)
{
    void *watch = NULL;

    g_assert_cmpint(vmmiGuestLookup(connect, name, info, NULL), ==, 0);
    g_assert_cmpint(
        vmmiCallGuestMonitor(connect, info->uuid, on_event, record, free_opaque, &watch, NULL), ==, 0);
    return watch;
}

static char *
place(vmmiConnect *connect, const char *uuid)
{
    vmmiGuestInfo info;

    if (vmmiGuestGetInfo(connect, uuid, &info, NULL) < 0)
        return g_strdup("unreachable");
    return g_strdup_printf("%s/%s", vmmiGuestStateToString(info.state),
                           vmmiGuestReasonToString(info.reason));
}

/* --- connections ------------------------------------------------------------------------------------------ */

static void
test_open(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_uri("sim:///?world=mine");
    const char *layer, *name;

    g_assert_cmpstr(vmmiConnectGetDriver(connect), ==, "sim");
    g_assert_cmpstr(vmmiConnectGetWorld(connect), ==, "sim:mine");
    g_assert_true(vmmiConnectIsLocal(connect));
    g_assert_cmpint(vmmiCallPing(connect, NULL), ==, 0);
    /* All but the plugins' calls are the simulator's own. */
    for (size_t i = 0; vmmiConnectGetCall(connect, i, &name, &layer, NULL); i++) {
        if (!g_str_has_prefix(name, "plugin_"))
            g_assert_cmpstr(layer, ==, "sim");
    }
}

static const struct {
    const char *name, *uri;
    int code;
    const char *needle;
} opens[] = {
    { "no-host", "sim:///nowhere", VMMI_ERR_CONNECT, "has no host 'nowhere'" },
    { "unreachable", "sim:///destination?unreachable=destination", VMMI_ERR_CONNECT,
      "cannot be reached" },
    { "parameter", "sim:///?colour=red", VMMI_ERR_URI, "parameter 'colour'" },
    { "value", "sim:///?guest=g&memory=0", VMMI_ERR_CONFIGURATION_FAILED, "'guests[0].memoryMib'" },
};

static void
test_open_fails(Fixture *fixture G_GNUC_UNUSED, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(vmmiConnectOpen(opens[row].uri, NULL, 0, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, opens[row].code);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), opens[row].needle));
}

static const struct {
    const char *selector;
    bool found;
} selectors[] = {
    { "guest2", true },  { "name:guest2", true }, { "2", true },       { "id:2", true },
    { "uuid:%s", true }, { "%s", true },          { "name:2", false }, { "id:guest2", false },
    { "guest", false },  { "GUEST2", false },     { "-1", false },
};

static void
test_lookup(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_uri("sim:///");
    vmmiGuestInfo guest2;

    g_assert_cmpint(vmmiGuestLookup(connect, "guest2", &guest2, NULL), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(selectors); i++) {
        g_autofree char *selector = g_strdup(selectors[i].selector);
        g_autoptr(vmmiError) error = NULL;
        vmmiGuestInfo info = { .id = 99 };
        int result;

        if (strstr(selector, "%s")) {
            g_free(selector);
            selector = g_strconcat(*selectors[i].selector == '%' ? "" : "uuid:", guest2.uuid, NULL);
        }
        result = vmmiGuestLookup(connect, selector, &info, &error);
        g_assert_cmpint(result, ==, selectors[i].found ? 0 : -1);
        g_assert_cmpint(vmmiErrorGetCode(error), ==,
                        selectors[i].found ? VMMI_ERR_OK : VMMI_ERR_GUEST_UNKNOWN);
        g_assert_cmpint(info.id, ==, selectors[i].found ? 2 : 99);
    }
}

/* --- migrations ------------------------------------------------------------------------------------------- */

/* Everything is told once, in order, on both hosts. */
static void
test_told(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_auto(Record) at_source, at_destination, call;
    vmmiConnect *source = open_uri("sim:///?" FAST);
    vmmiConnect *destination = open_uri("sim:///destination");
    vmmiGuestInfo info;
    void *first = NULL, *second = NULL;

    record_init(&at_source);
    record_init(&at_destination);
    record_init(&call);
    g_assert_cmpint(vmmiGuestLookup(source, "guest1", &info, NULL), ==, 0);
    g_assert_cmpint(
        vmmiCallGuestMonitor(source, info.uuid, on_event, &at_source, on_free, &first, NULL), ==,
        0);
    g_assert_cmpint(vmmiCallGuestMonitor(destination, info.uuid, on_event, &at_destination, on_free,
                                         &second, NULL),
                    ==, 0);
    g_assert_cmpint(perform(source, "guest1", "sim:///destination", "live", &call, NULL), ==, 0);
    g_assert_true(wait_for(&call, &call.freed, 1));
    g_assert_true(wait_for(&at_destination, &at_destination.samples, 1));
    g_assert_cmpint(call.done, ==, 1);
    g_assert_cmpint(call.code, ==, VMMI_ERR_OK);
    /* The call's end comes after all that led to it. */
    g_assert_cmpstr(
        at_source.told->str, ==,
        "begin prepare precopy paused/migration switchover finish confirm completed absent/migrated ");
    g_assert_cmpstr(at_destination.told->str, ==, "paused/migration running/migrated completed ");
    g_assert_cmpuint(at_source.iteration, ==, 2);
    vmmiConnectUnref(source);
    vmmiCallGuestUnmonitor(destination, second);
    vmmiConnectUnref(destination);
    g_assert_true(wait_for(&at_source, &at_source.freed, 1));
    g_assert_true(wait_for(&at_destination, &at_destination.freed, 1));
}

static const struct {
    const char *name, *guest, *destination, *flag;
    int code;
} refused[] = {
    { "guest", "guest9", "sim:///destination", NULL, VMMI_ERR_GUEST_UNKNOWN },
    { "world", "guest1", "sim:///destination?world=other", NULL, VMMI_ERR_URI },
    { "driver", "guest1", "qemu:///system", NULL, VMMI_ERR_URI },
    { "host", "guest1", "sim:///nowhere", NULL, VMMI_ERR_CONNECT },
    { "same", "guest1", "sim:///", NULL, VMMI_ERR_OPERATION_FAILED },
    { "flag", "guest1", "sim:///destination", "warp", VMMI_ERR_MALFORMED_CONFIGURATION },
};

static void
test_refused(Fixture *fixture G_GNUC_UNUSED, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiConnect) connect = open_uri("sim:///");
    g_autoptr(vmmiError) error = NULL;
    g_auto(Record) record;

    record_init(&record);
    g_assert_cmpint(perform(connect, refused[row].guest, refused[row].destination,
                            refused[row].flag, &record, &error),
                    ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refused[row].code);
    g_assert_cmpint(record.done, ==, 0);
    /* A guest that was not found never came as far as the call. */
    g_assert_cmpint(record.freed, ==, g_str_equal(refused[row].name, "guest") ? 0 : 1);
}

/* Whoever is connected may abort; the call hears of it. */
static void
test_abort(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) one = open_uri("sim:///");
    g_autoptr(vmmiConnect) other = open_uri("sim:///");
    g_autoptr(vmmiSample) sample = NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *state = NULL;
    g_auto(Record) record;
    vmmiGuestInfo info;

    record_init(&record);
    g_assert_cmpint(perform(one, "guest3", "sim:///destination", NULL, &record, NULL), ==, 0);
    g_assert_cmpint(vmmiGuestLookup(other, "guest3", &info, NULL), ==, 0);
    g_assert_cmpint(info.job, ==, VMMI_JOB_MIGRATION_OUT);
    sample = vmmiGuestGetSample(other, info.uuid, NULL);
    g_assert_nonnull(sample);
    g_assert_cmpint(vmmiGuestAbortMigration(other, info.uuid, NULL), ==, 0);
    g_assert_true(wait_for(&record, &record.freed, 1));
    g_assert_cmpint(record.code, ==, VMMI_ERR_MIGRATION_ABORTED);
    g_assert_null(vmmiGuestGetSample(other, info.uuid, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    state = place(one, info.uuid);
    g_assert_cmpstr(state, ==, "running/other");
}

/* A connection that is closed calls nobody back, and frees what it was given; the migration goes on. */
static void
test_closed(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_auto(Record) record;
    vmmiConnect *connect = open_uri("sim:///?speed=2");
    g_autoptr(vmmiConnect) other = open_uri("sim:///");
    vmmiGuestInfo info;

    record_init(&record);
    g_assert_cmpint(perform(connect, "guest3", "sim:///destination", NULL, &record, NULL), ==, 0);
    watch_guest(connect, "guest3", &info, &record, on_free);
    vmmiConnectUnref(connect);
    g_assert_true(wait_for(&record, &record.freed, 2));
    g_assert_cmpint(record.done, ==, 0);
    g_assert_cmpint(vmmiGuestGetInfo(other, info.uuid, &info, NULL), ==, 0);
    g_assert_cmpint(info.job, ==, VMMI_JOB_MIGRATION_OUT);
}

static void
test_unmonitor_inside(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_uri("sim:///?" FAST);
    g_auto(Record) record, call;
    vmmiGuestInfo info;

    record_init(&record);
    record_init(&call);
    record.unwatch = connect;
    g_assert_cmpint(vmmiGuestLookup(connect, "guest1", &info, NULL), ==, 0);
    g_assert_cmpint(
        vmmiCallGuestMonitor(connect, info.uuid, on_event, &record, on_free, &record.watch, NULL),
        ==, 0);
    g_assert_cmpint(perform(connect, "guest1", "sim:///destination", NULL, &call, NULL), ==, 0);
    g_assert_true(wait_for(&call, &call.freed, 1));
    g_assert_cmpint(record.freed, ==, 1);
    g_assert_cmpstr(record.told->str, ==, "begin ");
}

/* --- the world and other processes ------------------------------------------------------------------------ */

/* What this program does in another process. A fork alone would not do: the driver's threads may hold locks. */
static int
client_main(const char *task, const char *guest)
{
    bool stop = g_str_equal(task, "stop");   /* in a world that is there, with figures of its own */
    g_autoptr(vmmiConnect) connect =
        vmmiConnectOpen(stop ? "sim:///" : "sim:///?" FAST, NULL, 0, NULL);
    g_auto(Record) record;

    record_init(&record);
    if (!connect)
        return 1;
    if (stop)
        return vmmiGuestStop(connect, guest, NULL) == 0 ? 0 : 1;
    if (perform(connect, guest, "sim:///destination", NULL, &record, NULL) < 0)
        return 1;
    return kill(getpid(), SIGKILL);
}

/* The same program as another process; returns its wait status. */
static int
client(const char *task, const char *guest)
{
    const char *argv[] = { "/proc/self/exe", CLIENT, task, guest, NULL };
    g_autoptr(GError) error = NULL;
    int status = -1;

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
                 &status, &error);
    g_assert_no_error(error);
    return status;
}

/* A process starts a migration and is killed: the world carries it to its end. */
static void
test_killed_client(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) source = NULL;
    g_autoptr(vmmiConnect) destination = NULL;
    g_autofree char *there = NULL;
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    vmmiGuestInfo info = { .job = VMMI_JOB_MIGRATION_OUT };

    g_assert_true(WIFSIGNALED(client("migrate-and-die", "guest1")));
    source = open_uri("sim:///");
    destination = open_uri("sim:///destination");
    while (info.job != VMMI_JOB_NONE && g_get_monotonic_time() < deadline) {
        g_usleep(2000);
        if (vmmiGuestLookup(destination, "guest1", &info, NULL) < 0)
            info.job = VMMI_JOB_MIGRATION_OUT;
    }
    there = place(destination, info.uuid);
    g_assert_cmpstr(there, ==, "running/migrated");
}

/* Two processes follow the same migration; a third one ends it. */
static void
test_two_processes(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_uri("sim:///");
    g_auto(Record) record;
    vmmiGuestInfo info;
    void *watch;

    record_init(&record);
    g_assert_cmpint(perform(connect, "guest3", "sim:///destination", NULL, &record, NULL), ==, 0);
    watch = watch_guest(connect, "guest3", &info, &record, NULL);
    g_assert_cmpint(client("stop", info.uuid), ==, 0);
    g_assert_true(wait_for(&record, &record.freed, 1));
    g_assert_cmpint(record.code, ==, VMMI_ERR_GUEST_DISAPPEARED);
    vmmiCallGuestUnmonitor(connect, watch);
}

/* The world is taken away and made anew: watchers are told to look again, calls in flight end. */
static void
test_reset(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_uri("sim:///");
    g_autofree char *file = g_build_filename(fixture->run, "sim", "default.json", NULL);
    g_autoptr(vmmiError) error = NULL;
    g_auto(Record) record, call;
    vmmiGuestInfo info;
    void *watch;

    record_init(&record);
    record_init(&call);
    watch = watch_guest(connect, "guest3", &info, &record, NULL);
    g_assert_cmpint(perform(connect, "guest3", "sim:///destination", NULL, &call, NULL), ==, 0);
    g_assert_cmpint(vmmiSimReset("sim:///", NULL), ==, 0);
    g_assert_true(wait_for(&call, &call.freed, 1));
    g_assert_cmpint(call.code, ==, VMMI_ERR_OPERATION_FAILED);
    g_assert_true(wait_for(&record, &record.reconnected, 1));
    g_assert_cmpint(g_remove(file), ==, 0);
    g_assert_true(wait_for(&record, &record.disconnected, 1));
    g_assert_cmpint(vmmiGuestLookup(connect, "guest3", &info, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_CONNECT);
    g_assert_cmpint(vmmiSimReset("sim:///", NULL), ==, 0);
    g_assert_true(wait_for(&record, &record.reconnected, 2));
    g_assert_cmpint(vmmiGuestLookup(connect, "guest3", &info, NULL), ==, 0);
    vmmiCallGuestUnmonitor(connect, watch);
}

/* A host that goes away and comes back. */
static void
test_unreachable(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const char scenario[] =
        "{\"vmmiSim\": \"scenario\", \"speed\": 10, \"guests\": [{\"name\": \"g\", \"events\": ["
        "{\"afterMs\": 100, \"do\": \"unreachable\", \"host\": \"source\"},"
        "{\"afterMs\": 1100, \"do\": \"reachable\", \"host\": \"source\"}]}]}";
    g_autofree char *path = g_build_filename(fixture->run, "scenario.json", NULL);
    g_autofree char *uri = g_strdup_printf("sim:///?scenario=%s", path);
    g_autoptr(vmmiConnect) connect = NULL;
    g_auto(Record) record, call;
    vmmiGuestInfo info;
    void *watch;

    record_init(&record);
    record_init(&call);
    g_assert_true(g_file_set_contents(path, scenario, -1, NULL));
    connect = open_uri(uri);
    watch = watch_guest(connect, "g", &info, &record, NULL);
    g_assert_cmpint(perform(connect, "g", "sim:///destination", NULL, &call, NULL), ==, 0);
    g_assert_true(wait_for(&record, &record.disconnected, 1));
    g_assert_true(wait_for(&record, &record.reconnected, 1));
    g_assert_true(wait_for(&call, &call.freed, 1));
    g_assert_cmpint(call.code, ==, VMMI_ERR_OK); /* a second of silence is borne */
    vmmiCallGuestUnmonitor(connect, watch);
}

/* Whether a thread of the driver blocks these signals, as the kernel writes them. One that ends blocks all. */
static bool
a_thread_blocks(const char *signals)
{
    g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
    const char *task;

    while ((task = g_dir_read_name(tasks))) {
        g_autofree char *path = g_build_filename("/proc/self/task", task, "status", NULL);
        g_autofree char *text = NULL;
        const char *line;

        if (g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "Name:\tvmmi-sim\n") &&
            (line = strstr(text, "SigBlk:\t")) &&
            g_str_has_prefix(line + strlen("SigBlk:\t"), signals))
            return true;
    }
    return false;
}

/* The driver's thread takes no signal of the application (but those that nobody can block, and the C library's own). */
static void
test_signals(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_uri("sim:///");
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    bool blocked = false;
    g_auto(Record) record;
    vmmiGuestInfo info;
    void *watch;

    record_init(&record);
    watch = watch_guest(connect, "guest1", &info, &record, NULL);
    while (!(blocked = a_thread_blocks("fffffffe7ffbfeff")) && g_get_monotonic_time() < deadline)
        g_usleep(1000);
    g_assert_true(blocked);
    vmmiCallGuestUnmonitor(connect, watch);
}

int
main(int argc, char **argv)
{
    g_autofree char *run = NULL;

    if (argc == 4 && g_str_equal(argv[1], CLIENT))
        return client_main(argv[2], argv[3]);
    run = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_setenv("VMMI_RUN_DIR", run, TRUE);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/sim/open/plain", test_open);
    ADD_ROWS_WITH(Fixture, set_up, tear_down, "/sim/open/", opens, test_open_fails);
    ADD("/sim/lookup", test_lookup);
    ADD("/sim/migrate/told", test_told);
    ADD_ROWS_WITH(Fixture, set_up, tear_down, "/sim/migrate/refused/", refused, test_refused);
    ADD("/sim/migrate/abort", test_abort);
    ADD("/sim/migrate/closed", test_closed);
    ADD("/sim/migrate/unmonitor-inside", test_unmonitor_inside);
    ADD("/sim/processes/killed-client", test_killed_client);
    ADD("/sim/processes/two", test_two_processes);
    ADD("/sim/processes/reset", test_reset);
    ADD("/sim/processes/unreachable", test_unreachable);
    ADD("/sim/processes/signals", test_signals);
    return g_test_run();
}
