/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-clock.c: a machine that was started anew, that slept, whose clock was set (row R28).
 *
 * This program has its own clock_gettime(), timerfd_settime() and openat() in front of the C
 * library's: clocks are off by what a row says, and the boot id comes from a file of the test. The
 * machine's own are left alone.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <libvmmi/vmmi-record.h>

#include "../unit/migration/world.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define DAY_S (24 * 60 * 60)
#define PATIENCE_MS 20000

/* Read by the threads of workers as well. */
static volatile int64_t wall_offset_s, boottime_offset_s;
static char *volatile boot_id_path;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    int done = (int)syscall(SYS_clock_gettime, clock, now);

    if (done == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += wall_offset_s;
    if (done == 0 && clock == CLOCK_BOOTTIME)
        now->tv_sec += boottime_offset_s;
    return done;
}

/* The kernel has not slept: what was meant in the time of this program comes as much earlier. */
int
timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before)
{
    struct itimerspec moved = *when;

    if (flags & TFD_TIMER_ABSTIME && (when->it_value.tv_sec || when->it_value.tv_nsec))
        moved.it_value.tv_sec = MAX(when->it_value.tv_sec - boottime_offset_s, 0);
    if (moved.it_value.tv_sec == 0 && when->it_value.tv_sec)
        moved.it_value.tv_nsec = 1;
    return (int)syscall(SYS_timerfd_settime, fd, flags, &moved, before);
}

int
openat(int dir_fd, const char *path, int flags, ...)
{
    const char *other = boot_id_path;
    va_list list;
    int mode;

    va_start(list, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0;
    va_end(list);
    return (int)syscall(SYS_openat, dir_fd, other && g_str_equal(path, BOOT_ID) ? other : path,
                        flags, mode);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    wall_offset_s = boottime_offset_s = 0;
    g_clear_pointer((char **)&boot_id_path, g_free);
    fixture_set_up(fixture, data);
}

static void
start_anew(const Fixture *fixture)
{
    char *path = g_build_filename(fixture->top, "boot_id", NULL);

    g_assert_true(g_file_set_contents(path, "11111111-2222-3333-4444-555555555555\n", -1, NULL));
    boot_id_path = path;
}

/* --- while a migration runs ------------------------------------------------------- */

typedef struct {
    Fixture *fixture;
    int64_t wall_s, boottime_s;
    bool go;           /* lets the plugin go on */
} Step;

/* In the middle of a wait, as soon as it moves. */
static void
on_state(vmmiMigration *migration G_GNUC_UNUSED, vmmiState from G_GNUC_UNUSED, vmmiState to,
         void *opaque)
{
    Step *step = opaque;

    if (to != VMMI_STATE_PRECOPY)
        return;
    wall_offset_s += step->wall_s;
    boottime_offset_s += step->boottime_s;
    if (!step->go)
        return;
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    make_file(step->fixture, "go");
}

static void
start_moving(Fixture *fixture, Step *step)
{
    vmmiMigrationCallbacks callbacks = { .size = sizeof(callbacks), .state = on_state };

    step->fixture = fixture;
    callbacks.opaque = step;
    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_SUCCESS);
    fixture->migration = start(fixture, 1);
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    wait_for_file(fixture, "ready");
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
}

static const struct {
    const char *name;
    int64_t wall_s;
} clocks[] = {
    { "a-day-ahead", DAY_S },
    { "a-day-behind", -DAY_S },
    { "a-year-ahead", 365 * DAY_S },
    { "to-the-epoch", -1790000000 },
};

/* Nothing is waited for by the clock on the wall: it ends as if nobody had set it. */
static void
test_wall(Fixture *fixture, gconstpointer data)
{
    Step step = { .wall_s = clocks[GPOINTER_TO_SIZE(data)].wall_s, .go = true };
    const vmmiOutcome *outcome;

    start_moving(fixture, &step);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, PATIENCE_MS, NULL), ==, 1);
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_COMPLETED);
    g_assert_null(vmmiOutcomeGetError(outcome));
    g_assert_cmpint(vmmiOutcomeGetExitValue(outcome), ==, 0);
    g_assert_cmpuint(world_count(&source_world, &source_world.aborted), ==, 0);
}

/* The machine slept for a day: that day counts, and nobody was hurt by it. */
static void
test_sleep(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    Step step = { .boottime_s = DAY_S };
    g_autoptr(vmmiError) error = NULL;

    start_moving(fixture, &step);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, 60 * 60 * 1000, &error), ==, 0);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_cmpint(vmmiMigrationGetState(fixture->migration), ==, VMMI_STATE_PRECOPY);
    g_assert_cmpuint(world_count(&source_world, &source_world.aborted), ==, 0);
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    make_file(fixture, "go");
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, PATIENCE_MS, &error), ==, 1);
    g_assert_cmpint(vmmiOutcomeGetKind(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_OUTCOME_COMPLETED);
    g_assert_null(vmmiOutcomeGetError(vmmiMigrationGetOutcome(fixture->migration)));
}

/* --- what is kept ----------------------------------------------------------------- */

static const struct {
    const char *name;
    int64_t wall_s, boottime_s;
    bool anew;
    bool goes;
} ages[] = {
    { "clock-ahead", 30 * DAY_S, 0, false, false },
    { "clock-behind", -30 * DAY_S, 0, false, false },
    { "week", 0, 8 * DAY_S, false, true },
    { "week-clock-behind", -30 * DAY_S, 8 * DAY_S, false, true },
    { "started-anew", DAY_S, 0, true, false },
    { "started-anew-long-ago", 8 * DAY_S, 0, true, true },
    { "started-anew-clock-behind", -8 * DAY_S, 90 * DAY_S, true, false },
};

static void
test_age(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *run = g_strdup(vmmiManagerGetRunDir(fixture->manager));
    g_autoptr(vmmiError) error = NULL;
    vmmiRecord *record;

    write_plugin(fixture, "fake", SAY_ERROR(8) "exit 1");
    fixture->migration = start(fixture, 1);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, PATIENCE_MS, NULL), ==, 1);
    g_assert_cmpint(vmmiMigrationAcknowledge(fixture->migration, NULL), ==, 0);
    if (ages[row].anew)
        start_anew(fixture);
    wall_offset_s = ages[row].wall_s;
    boottime_offset_s = ages[row].boottime_s;
    /* Its shim may need a moment to end, and keeps it until then. */
    for (int left = PATIENCE_MS; left > 0; left--) {
        vmmiManagerFree(vmmiManagerNew(run, 0, NULL));
        if (!ages[row].goes ||
            !vmmiJobExists(fixture->manager->run,
                           vmmiMigrationGetId(fixture->migration)))
            break;
        g_usleep(1000);
    }
    record = vmmiManagerFindRecord(fixture->manager, vmmiMigrationGetId(fixture->migration),
                                   &error);
    g_assert_true(!record == ages[row].goes);
    g_assert_cmpint(vmmiErrorGetCode(error), ==,
                    ages[row].goes ? VMMI_ERR_MIGRATION_UNKNOWN : VMMI_ERR_OK);
    vmmiRecordFree(record);
}

/* --- started anew ----------------------------------------------------------------- */

/* What a machine leaves that is switched off. */
static void
kill_all(Fixture *fixture)
{
    vmmiJobLiveness liveness;

    g_assert_cmpint(vmmiJobGetLiveness(fixture->migration->job, &liveness, NULL), ==, 0);
    g_assert_cmpint(liveness.shim_pid, >, 1);
    g_assert_cmpint(liveness.plugin_pid, >, 1);
    kill(liveness.shim_pid, SIGKILL);
    kill(liveness.plugin_pid, SIGKILL);
    for (int left = PATIENCE_MS; left > 0 && vmmiJobPhaseIsLive(liveness.phase); left--) {
        g_usleep(1000);
        g_assert_cmpint(vmmiJobGetLiveness(fixture->migration->job, &liveness, NULL), ==, 0);
    }
    g_assert_cmpint(liveness.phase, ==, VMMI_PHASE_GONE);
}

static void
check_record(const Fixture *fixture, vmmiPhase phase, vmmiState state)
{
    vmmiRecord *record = vmmiManagerFindRecord(
        fixture->manager, vmmiMigrationGetId(fixture->migration), NULL);
    vmmiState found = VMMI_STATE_STARTING;

    g_assert_cmpint(vmmiRecordGetPhase(record), ==, phase);
    g_assert_true(vmmiRecordGetState(record, &found));
    g_assert_cmpint(found, ==, state);
    vmmiRecordFree(record);
}

/* A new manager, of the new boot, in the place of the old one. */
static void
open_anew(Fixture *fixture)
{
    g_autofree char *id = g_strdup(vmmiMigrationGetId(fixture->migration));
    g_autofree char *run = g_strdup(vmmiManagerGetRunDir(fixture->manager));

    g_clear_pointer(&fixture->migration, vmmiMigrationUnref);
    g_clear_pointer(&fixture->manager, vmmiManagerFree);
    fixture->manager = vmmiManagerNew(run, 0, NULL);
    fixture->manager->limits.settle = 300;
    fixture->migration = vmmiMigrationOpen(fixture->manager, id, fixture->connect, NULL);
    g_assert_nonnull(fixture->migration);
}

static const struct {
    const char *name;
    bool lost;             /* the source does not answer */
    vmmiOutcomeKind kind;
    vmmiWhere where;
} boots[] = {
    { "source-answers", false, VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE },
    { "source-silent", true, VMMI_OUTCOME_UNKNOWN, VMMI_WHERE_UNKNOWN },
};

static void
test_boot(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const vmmiOutcome *outcome;

    write_plugin(fixture, "fake", READY FOREVER);
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    kill_all(fixture);
    start_anew(fixture);
    check_record(fixture, VMMI_PHASE_LOST_AT_BOOT, VMMI_STATE_UNATTENDED);
    world_set_lost(&source_world, boots[row].lost);
    open_anew(fixture);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, PATIENCE_MS, NULL), ==, 1);
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiOutcomeGetExitKind(outcome), ==, VMMI_EXIT_LOST_AT_BOOT);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, boots[row].kind);
    g_assert_cmpint(vmmiOutcomeGetWhere(outcome), ==, boots[row].where);
    world_set_lost(&source_world, false);
}

/* What ended before is known to have. */
static void
test_boot_finished(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    write_plugin(fixture, "fake", SAY_ERROR(8) "exit 1");
    fixture->migration = start(fixture, 1);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, PATIENCE_MS, NULL), ==, 1);
    start_anew(fixture);
    check_record(fixture, VMMI_PHASE_FINISHED, VMMI_STATE_FAILED);
}

#define TEST(name, func) \
    g_test_add("/clock/" name, Fixture, NULL, set_up, func, fixture_tear_down)
#define ROWS(table, group, func)                                                           \
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {                                     \
        g_autofree char *path = g_strdup_printf("/clock/" group "/%s", table[i].name);     \
                                                                                           \
        g_test_add(path, Fixture, GSIZE_TO_POINTER(i), set_up, func, fixture_tear_down);   \
    }

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ROWS(clocks, "set", test_wall);
    TEST("sleep", test_sleep);
    ROWS(ages, "age", test_age);
    ROWS(boots, "boot", test_boot);
    TEST("boot/finished", test_boot_finished);
    return g_test_run();
}
