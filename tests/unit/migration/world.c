/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * world.c: a driver whose guests do what a test says. "test:///source" and "test:///destination"
 * are its hosts; "lonely:///" is the same without a way of its own to launch plugins.
 */
#include "world.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/launch-layer.h"
#include "util/clock.h"
#include "../tree.h"

#define DEADLINE_MS 20000
/* Longer than any test: what runs has begun before everything else. */
#define HOUR_MS 3600000

World source_world, destination_world;

/* --- the driver ------------------------------------------------------------------- */

static unsigned int
guest_of_uuid(const char *uuid)
{
    return (unsigned int)g_ascii_strtoull(uuid, NULL, 16) % GUESTS;
}

static void
fill_info(const World *world, unsigned int guest, vmmiGuestInfo *info)
{
    memset(info, 0, sizeof(*info));
    g_snprintf(info->uuid, sizeof(info->uuid), "%08x-0000-4000-8000-000000000000", guest);
    g_snprintf(info->name, sizeof(info->name), "g%u", guest);
    info->state = world->guests[guest].state;
    info->reason = world->guests[guest].reason;
    info->job = world->guests[guest].job;
}

/* Comes in locked, and with the host in the mood to answer. */
static int
enter(World *world, vmmiError **err)
{
    g_mutex_lock(&world->lock);
    while (world->stuck)
        g_cond_wait(&world->changed, &world->lock);
    if (!world->lost)
        return 0;
    g_mutex_unlock(&world->lock);
    return vmmiErrorSet(err, VMMI_ERR_DISCONNECTED, "the host is lost");
}

static void
close_world(void *priv G_GNUC_UNUSED)
{
}

static int
lookup(void *priv, const char *selector, vmmiGuestInfo *info, vmmiError **err)
{
    World *world = priv;
    unsigned int guest;

    if (sscanf(selector, "g%u", &guest) != 1 || guest >= GUESTS)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "there is no guest '%s'", selector);
    if (enter(world, err) < 0)
        return -1;
    fill_info(world, guest, info);
    g_mutex_unlock(&world->lock);
    return 0;
}

static int
get_info(void *priv, const char *uuid, vmmiGuestInfo *info, vmmiError **err)
{
    World *world = priv;

    if (enter(world, err) < 0)
        return -1;
    world->asked++;
    fill_info(world, guest_of_uuid(uuid), info);
    g_mutex_unlock(&world->lock);
    return 0;
}

static int
check(void *priv G_GNUC_UNUSED, const vmmiMigrateRequest *request, vmmiError **err)
{
    for (const char *const *flag = request->flags; *flag; flag++) {
        if (g_str_equal(*flag, "bogus"))
            return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "there is no flag 'bogus'");
    }
    return 0;
}

static int
perform(void *priv G_GNUC_UNUSED, const vmmiMigrateRequest *request G_GNUC_UNUSED,
        vmmiDoneFunc done G_GNUC_UNUSED, void *opaque, vmmiFreeFunc free_opaque, vmmiError **err)
{
    if (free_opaque)
        free_opaque(opaque);
    return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED, "guests of this world are moved by the test");
}

static int
sample(void *priv, const char *uuid, vmmiSample *figures, vmmiJobKind *job, vmmiError **err)
{
    World *world = priv;

    if (enter(world, err) < 0)
        return -1;
    *job = world->guests[guest_of_uuid(uuid)].job;
    g_mutex_unlock(&world->lock);
    if (*job != VMMI_JOB_MIGRATION_OUT)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "no job runs");
    if (world->elapsed_ms)
        vmmiSampleSet(figures, VMMI_SAMPLE_ELAPSED_MS, world->elapsed_ms);
    vmmiSampleSet(figures, VMMI_SAMPLE_DATA_TOTAL_BYTES, 1000);
    vmmiSampleSet(figures, VMMI_SAMPLE_DATA_REMAINING_BYTES, 250);
    return 0;
}

static int
completed(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, vmmiSample *figures,
          vmmiError **err G_GNUC_UNUSED)
{
    vmmiSampleSet(figures, VMMI_SAMPLE_DOWNTIME_FINAL_MS, 42);
    return 0;
}

static int
abort_migration(void *priv, const char *uuid, bool postcopy G_GNUC_UNUSED, vmmiError **err)
{
    World *world = priv;

    if (enter(world, err) < 0)
        return -1;
    world->aborted++;
    world->guests[guest_of_uuid(uuid)] =
        (WorldGuest){ VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATION_CANCELED, VMMI_JOB_NONE };
    g_mutex_unlock(&world->lock);
    return 0;
}

static int
monitor(void *priv, const char *uuid G_GNUC_UNUSED, vmmiEventFunc func, void *opaque,
        vmmiFreeFunc free_opaque, void **watch, vmmiError **err G_GNUC_UNUSED)
{
    World *world = priv;

    g_mutex_lock(&world->lock);
    world->monitors++;
    world->func = func;
    world->func_opaque = opaque;
    world->func_free = free_opaque;
    *watch = world;
    g_mutex_unlock(&world->lock);
    return 0;
}

static void
unmonitor(void *priv, void *watch G_GNUC_UNUSED)
{
    World *world = priv;

    g_mutex_lock(&world->lock);
    world->monitors--;
    world->func = NULL;
    if (world->func_free)
        world->func_free(world->func_opaque);
    g_mutex_unlock(&world->lock);
}

static int
launch(void *priv G_GNUC_UNUSED, const vmmiLaunchRequest *request, vmmiError **err)
{
    return vmmiPluginLocalOps.plugin_launch(NULL, request, err);
}

static const vmmiDriverOps ops = {
    .close = close_world,
    .guest_lookup = lookup,
    .guest_get_info = get_info,
    .guest_monitor = monitor,
    .guest_unmonitor = unmonitor,
    .migration_check = check,
    .migration_perform = perform,
    .migration_sample = sample,
    .migration_completed_sample = completed,
    .migration_abort = abort_migration,
};
static const vmmiDriverOps launch_ops = { .plugin_launch = launch };
static const vmmiDriverLayer source_layers[] = {
    { "guests", NULL, &ops, sizeof(ops), &source_world },
    { "launch", NULL, &launch_ops, sizeof(launch_ops), &source_world },
};
static const vmmiDriverLayer destination_layers[] = {
    { "guests", NULL, &ops, sizeof(ops), &destination_world },
};

static int
probe_test(const char *uri, vmmiError **err)
{
    return g_str_has_prefix(uri, "test://") ? 0 : vmmiErrorSet(err, VMMI_ERR_DECLINED, "not mine");
}

static int
probe_lonely(const char *uri, vmmiError **err)
{
    return g_str_has_prefix(uri, "lonely://") ? 0
                                              : vmmiErrorSet(err, VMMI_ERR_DECLINED, "not mine");
}

static int
open_world(const char *uri, const vmmiConnectOptions *options G_GNUC_UNUSED,
           unsigned int flags G_GNUC_UNUSED, vmmiDriverOpened *opened,
           vmmiError **err G_GNUC_UNUSED)
{
    bool destination = strstr(uri, "destination") != NULL;

    opened->locality = VMMI_LOCALITY_LOCAL;
    opened->layers = destination ? destination_layers : source_layers;
    opened->n_layers = destination || g_str_has_prefix(uri, "lonely") ? 1 : 2;
    return 0;
}

static const vmmiDriver test_driver = {
    VMMI_DRIVER_INIT,    .name = "test",     .summary = "guests as a test wants them",
    .probe = probe_test, .open = open_world,
};
static const vmmiDriver lonely_driver = {
    VMMI_DRIVER_INIT,      .name = "lonely",   .summary = "cannot launch",
    .probe = probe_lonely, .open = open_world,
};

void
world_register(void)
{
    g_assert_cmpint(vmmiDriverRegister(&test_driver, NULL), ==, 0);
    g_assert_cmpint(vmmiDriverRegister(&lonely_driver, NULL), ==, 0);
}

/* --- the world -------------------------------------------------------------------- */

static void
reset(World *world, vmmiGuestState state)
{
    world->lost = world->stuck = false;
    world->elapsed_ms = HOUR_MS;
    world->asked = world->aborted = world->monitors = 0;
    for (size_t i = 0; i < GUESTS; i++)
        world->guests[i] = (WorldGuest){ state, VMMI_REASON_OTHER, VMMI_JOB_NONE };
}

void
world_set(World *world, unsigned int guest, vmmiGuestState state, vmmiGuestReason reason,
          vmmiJobKind job)
{
    g_mutex_lock(&world->lock);
    world->guests[guest] = (WorldGuest){ state, reason, job };
    g_mutex_unlock(&world->lock);
}

void
world_set_lost(World *world, bool lost)
{
    g_mutex_lock(&world->lock);
    world->lost = lost;
    g_mutex_unlock(&world->lock);
}

void
world_set_stuck(World *world, bool stuck)
{
    g_mutex_lock(&world->lock);
    world->stuck = stuck;
    g_cond_broadcast(&world->changed);
    g_mutex_unlock(&world->lock);
}

unsigned int
world_count(World *world, const unsigned int *counter)
{
    unsigned int count;

    g_mutex_lock(&world->lock);
    count = *counter;
    g_mutex_unlock(&world->lock);
    return count;
}

void
world_send(World *world, const vmmiEvent *event)
{
    g_mutex_lock(&world->lock);
    if (world->func)
        world->func(event, world->func_opaque);
    g_mutex_unlock(&world->lock);
}

/* --- the fixture ------------------------------------------------------------------ */

void
fixture_set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *run = NULL;

    reset(&source_world, VMMI_GUEST_RUNNING);
    reset(&destination_world, VMMI_GUEST_ABSENT);
    fixture->top = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    fixture->plugins = g_build_filename(fixture->top, "plugins", NULL);
    g_assert_cmpint(mkdir(fixture->plugins, 0700), ==, 0);
    g_setenv("VMMI_PLUGIN_PATH", fixture->plugins, TRUE);
    g_setenv("VMMI_CONF_DIR", fixture->top, TRUE);
    run = g_build_filename(fixture->top, "run", NULL);
    fixture->manager = vmmiManagerNew(run, 0, NULL);
    fixture->connect = vmmiConnectOpen("test:///source", NULL, 0, NULL);
    fixture->destination = vmmiConnectOpen("test:///destination", NULL, 0, NULL);
    fixture->log = g_string_new(NULL);
    g_assert_nonnull(fixture->manager);
    g_assert_nonnull(fixture->connect);
}

/* Plugins that a failed test left behind must not outlive it. */
static void
kill_plugins(const Fixture *fixture)
{
    g_autofree char *run = g_build_filename(fixture->top, "run", NULL);
    g_autoptr(vmmiRunDir) dir = vmmiRunDirOpen(run, NULL);
    g_auto(GStrv) ids = dir ? vmmiRunDirListJobs(dir, NULL) : NULL;

    for (char **id = ids; id && *id; id++) {
        g_autoptr(vmmiJob) job = vmmiJobOpen(dir, *id, NULL);
        uint64_t deadline = vmmiClockBoottimeMs() + DEADLINE_MS;
        vmmiJobResult result;

        if (job)
            vmmiJobSignal(job, SIGKILL, NULL);
        while (job && vmmiJobReadResult(job, &result, NULL) == 0 &&
               vmmiClockBoottimeMs() < deadline)
            g_usleep(1000);
    }
}

void
fixture_tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    world_set_stuck(&source_world, false);
    vmmiMigrationUnref(fixture->migration);
    vmmiManagerFree(fixture->manager);
    vmmiConnectUnref(fixture->connect);
    vmmiConnectUnref(fixture->destination);
    kill_plugins(fixture);
    remove_tree(fixture->top);
    g_string_free(fixture->log, TRUE);
    g_free(fixture->plugins);
    g_free(fixture->top);
}

void
write_plugin(const Fixture *fixture, const char *name, const char *body)
{
    g_autofree char *path = g_build_filename(fixture->plugins, name, NULL);
    g_autofree char *text = g_strdup_printf(
        "#!/bin/sh\n[ \"$1\" = --vmmi-describe ] && exit 1\nTOP='%s'\n%s\n", fixture->top, body);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, 0700), ==, 0);
}

vmmiMigration *
try_start(Fixture *fixture, const vmmiMigrationOptions *options, vmmiError **err)
{
    return vmmiMigrationStart(fixture->manager, fixture->connect, options, err);
}

vmmiMigration *
start(Fixture *fixture, unsigned int guest)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    g_autofree char *name = g_strdup_printf("g%u", guest);
    g_autoptr(vmmiError) error = NULL;
    vmmiMigration *migration;

    options.plugin = "fake";
    options.guest = name;
    options.destination_uri = "test:///destination";
    migration = try_start(fixture, &options, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_nonnull(migration);
    return migration;
}

/* --- the log ---------------------------------------------------------------------- */

static void
log_state(vmmiMigration *migration, vmmiState from, vmmiState to, void *opaque)
{
    Fixture *fixture = opaque;

    g_assert_cmpint(vmmiMigrationGetState(migration), ==, to);
    g_string_append_printf(fixture->log, "%s>%s ", vmmiStateToString(from), vmmiStateToString(to));
}

static void
log_sample(vmmiMigration *migration, const vmmiSample *figures, void *opaque)
{
    Fixture *fixture = opaque;

    g_assert_true(vmmiMigrationGetSample(migration) == figures);
    g_string_append(fixture->log, "sample ");
}

static void
log_status(vmmiMigration *migration G_GNUC_UNUSED, const vmmiMessage *status,
           const vmmiError *error, void *opaque)
{
    Fixture *fixture = opaque;
    const char *state = "none";

    if (status)
        vmmiMessageGetString(status, "state", &state);
    g_string_append_printf(fixture->log, "status:%s ",
                           status ? state : vmmiErrorCodeToString(vmmiErrorGetCode(error)));
}

static void
log_end(vmmiMigration *migration, const vmmiOutcome *outcome, void *opaque)
{
    Fixture *fixture = opaque;

    g_assert_true(vmmiMigrationGetOutcome(migration) == outcome);
    g_string_append_printf(fixture->log, "end:%s ",
                           vmmiOutcomeKindToString(vmmiOutcomeGetKind(outcome)));
}

static void
count_free(void *opaque)
{
    ((Fixture *)opaque)->freed++;
}

vmmiMigrationCallbacks
log_callbacks(Fixture *fixture)
{
    return (vmmiMigrationCallbacks){
        .size = sizeof(vmmiMigrationCallbacks),
        .state = log_state,
        .sample = log_sample,
        .status = log_status,
        .end = log_end,
        .opaque = fixture,
        .free_opaque = count_free,
    };
}

void
start_logged(Fixture *fixture)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);

    fixture->migration = start(fixture, 1);
    if (fixture->migration)
        g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
}

void
make_file(const Fixture *fixture, const char *name)
{
    g_autofree char *path = g_build_filename(fixture->top, name, NULL);

    g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

bool
wait_for_file(const Fixture *fixture, const char *name)
{
    g_autofree char *path = g_build_filename(fixture->top, name, NULL);
    uint64_t deadline = vmmiClockBoottimeMs() + DEADLINE_MS;

    while (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        if (vmmiClockBoottimeMs() > deadline) {
            g_test_fail_printf("'%s' did not appear", name);
            return false;
        }
        g_usleep(1000);
    }
    return true;
}

bool
log_has(const Fixture *fixture, const char *text)
{
    return strstr(fixture->log->str, text) != NULL;
}

bool
has_ended(Fixture *fixture)
{
    return vmmiMigrationGetOutcome(fixture->migration) != NULL;
}

bool
dispatch_until(Fixture *fixture, bool (*condition)(Fixture *fixture))
{
    uint64_t deadline = vmmiClockBoottimeMs() + DEADLINE_MS;

    while (!condition(fixture)) {
        struct pollfd fd = { .fd = vmmiManagerGetFd(fixture->manager), .events = POLLIN };

        if (vmmiClockBoottimeMs() > deadline) {
            g_test_fail_printf("it did not come; the log is '%s'", fixture->log->str);
            return false;
        }
        poll(&fd, 1, 20);
        g_assert_cmpint(vmmiManagerDispatch(fixture->manager, NULL), >=, 0);
    }
    return true;
}
