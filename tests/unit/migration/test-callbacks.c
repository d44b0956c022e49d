/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-callbacks.c: who is told what, in which order; what may be done inside a callback; that
 * free_opaque runs once.
 */
#include <string.h>
#include <sys/wait.h>

#include "world.h"

#define MOVE_AND_FAIL READY WAIT_FOR("go") SAY_ERROR(8) "exit 1"

static bool
has_sample(Fixture *fixture)
{
    return log_has(fixture, "sample");
}

static void
start_one(Fixture *fixture)
{
    write_plugin(fixture, "fake", MOVE_AND_FAIL);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
}

/* States in order, samples between them, the end once and last. */
static void
test_order(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *head = NULL;

    start_one(fixture);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    dispatch_until(fixture, has_sample);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATION_CANCELED, VMMI_JOB_NONE);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_true(g_str_has_prefix(fixture->log->str, "starting>precopy sample "));
    g_assert_true(g_str_has_suffix(fixture->log->str, "precopy>failed end:failed "));
    g_assert_cmpuint(vmmiMigrationGetPercent(fixture->migration), ==, 75);
    for (int i = 0; i < 5; i++)
        g_assert_cmpint(vmmiManagerDispatch(fixture->manager, NULL), ==, 0);
    head = g_strndup(fixture->log->str,
                     (gsize)(strstr(fixture->log->str, "end:") - fixture->log->str));
    g_assert_cmpuint(strlen(head) + strlen("end:failed "), ==, fixture->log->len);
}

static void
test_several_watchers(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);

    start_one(fixture);
    callbacks.state = NULL;
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_cmpstr(fixture->log->str, ==, "starting>failed end:failed end:failed ");
    g_assert_cmpuint(fixture->freed, ==, 2);
}

/* Who comes late gets the end, in the next dispatch. */
static void
test_late_watcher(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);

    start_one(fixture);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_string_truncate(fixture->log, 0);
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    g_assert_cmpstr(fixture->log->str, ==, "");
    g_assert_cmpint(vmmiManagerDispatch(fixture->manager, NULL), ==, 1);
    g_assert_cmpstr(fixture->log->str, ==, "end:failed ");
    g_assert_cmpuint(fixture->freed, ==, 2);
}

/* Nobody is called any more, and the opaque is freed, when the last reference goes; the plugin goes
 * on. */
static void
test_unref_frees(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_one(fixture);
    vmmiMigrationUnref(fixture->migration);
    fixture->migration = NULL;
    g_assert_cmpuint(fixture->freed, ==, 1);
    make_file(fixture, "go");
    g_assert_cmpint(vmmiManagerDispatch(fixture->manager, NULL), ==, 0);
    g_assert_cmpstr(fixture->log->str, ==, "");
}

static void
test_manager_free_frees(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    start_one(fixture);
    vmmiManagerFree(fixture->manager);
    fixture->manager = NULL;
    g_assert_cmpuint(fixture->freed, ==, 1);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, 0, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    g_assert_cmpint(vmmiMigrationAbort(fixture->migration, NULL), ==, -1);
    g_assert_cmpstr(vmmiMigrationGetGuestName(fixture->migration), ==, "g1");
    make_file(fixture, "go");
}

static void
test_failed_watch_frees(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    struct {
        vmmiMigrationCallbacks known;
        void *future;
    } newer;
    g_autoptr(vmmiError) error = NULL;

    start_one(fixture);
    memset(&newer, 0, sizeof(newer));
    newer.known = log_callbacks(fixture);
    newer.known.size = sizeof(newer);
    newer.future = fixture;
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &newer.known, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
    g_assert_cmpuint(fixture->freed, ==, 1);
    g_assert_cmpint(vmmiMigrationWatch(NULL, &newer.known, NULL), ==, -1);
    g_assert_cmpuint(fixture->freed, ==, 2);
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, NULL, NULL), ==, -1);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_cmpuint(fixture->freed, ==, 3);
}

/* --- inside a callback ------------------------------------------------------------ */

typedef struct {
    Fixture *fixture;
    void (*act)(Fixture *fixture, vmmiMigration *migration);
    unsigned int ends, freed, freed_inside;
} Inside;

static void
on_state(vmmiMigration *migration, vmmiState from G_GNUC_UNUSED, vmmiState to G_GNUC_UNUSED,
         void *opaque)
{
    Inside *inside = opaque;

    inside->act(inside->fixture, migration);
    inside->freed_inside = inside->freed;
    /* The migration is still there. */
    g_assert_cmpstr(vmmiMigrationGetGuestName(migration), ==, "g1");
}

static void
on_end(vmmiMigration *migration G_GNUC_UNUSED, const vmmiOutcome *outcome G_GNUC_UNUSED,
       void *opaque)
{
    ((Inside *)opaque)->ends++;
}

static void
on_free(void *opaque)
{
    ((Inside *)opaque)->freed++;
}

static void
run_inside(Fixture *fixture, Inside *inside)
{
    vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks),
        .state = on_state,
        .end = on_end,
        .opaque = inside,
        .free_opaque = on_free,
    };

    write_plugin(fixture, "fake", MOVE_AND_FAIL);
    fixture->migration = start(fixture, 1);
    wait_for_file(fixture, "ready");
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    make_file(fixture, "go");
}

static void
act_unref(Fixture *fixture, vmmiMigration *migration)
{
    fixture->migration = NULL;
    vmmiMigrationUnref(migration);
}

static bool
was_given_up(Fixture *fixture)
{
    return fixture->migration == NULL;
}

static void
test_unref_inside(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    Inside inside = { fixture, act_unref, 0, 0, 0 };

    run_inside(fixture, &inside);
    dispatch_until(fixture, was_given_up);
    g_assert_cmpuint(inside.freed_inside, ==, 0);
    g_assert_cmpuint(inside.freed, ==, 1);
    g_assert_cmpuint(inside.ends, ==, 0);
}

static void
act_free_manager(Fixture *fixture, vmmiMigration *migration G_GNUC_UNUSED)
{
    vmmiManagerFree(fixture->manager);
    g_assert_cmpint(vmmiManagerDispatch(fixture->manager, NULL), ==, -1);
}

static void
test_free_manager_inside(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    Inside inside = { fixture, act_free_manager, 0, 0, 0 };
    g_autoptr(vmmiError) error = NULL;

    run_inside(fixture, &inside);
    /* wait dispatches, and sees that its manager was freed. */
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, 20000, &error), ==, 1);
    fixture->manager = NULL;
    g_assert_cmpuint(inside.freed_inside, ==, 0);
    g_assert_cmpuint(inside.freed, ==, 1);
    g_assert_cmpuint(inside.ends, ==, 0);
}

static void
act_dispatch(Fixture *fixture, vmmiMigration *migration)
{
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiManagerDispatch(fixture->manager, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    g_assert_cmpint(vmmiMigrationWait(migration, 0, NULL), ==, -1);
}

static void
test_dispatch_inside(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    Inside inside = { fixture, act_dispatch, 0, 0, 0 };

    run_inside(fixture, &inside);
    dispatch_until(fixture, has_ended);
    g_assert_cmpuint(inside.ends, ==, 1);
    g_assert_cmpuint(inside.freed, ==, 1);
}

static void
act_watch(Fixture *fixture, vmmiMigration *migration)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);

    g_assert_cmpint(vmmiMigrationWatch(migration, &callbacks, NULL), ==, 0);
}

static bool
logged_end(Fixture *fixture)
{
    return log_has(fixture, "end:");
}

static void
test_watch_inside(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    Inside inside = { fixture, act_watch, 0, 0, 0 };

    run_inside(fixture, &inside);
    dispatch_until(fixture, logged_end);
    g_assert_cmpstr(fixture->log->str, ==, "end:failed ");
    g_assert_cmpuint(inside.ends, ==, 1);
    g_assert_cmpuint(fixture->freed, ==, 1);
}

/* --- after fork, and time --------------------------------------------------------- */

static bool
all_refused(Fixture *fixture)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    vmmiError *errors[6] = { NULL };
    bool right;

    callbacks.free_opaque = NULL;
    right = vmmiManagerDispatch(fixture->manager, &errors[0]) == -1 &&
            vmmiMigrationWait(fixture->migration, 0, &errors[1]) == -1 &&
            vmmiMigrationAbort(fixture->migration, &errors[2]) == -1 &&
            vmmiMigrationRequestStatus(fixture->migration, 0, &errors[3]) == -1 &&
            vmmiMigrationWatch(fixture->migration, &callbacks, &errors[4]) == -1 &&
            !try_start(fixture, &options, &errors[5]);
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        right = right && vmmiErrorGetCode(errors[i]) == VMMI_ERR_FORKED;
        vmmiErrorFree(errors[i]);
    }
    return right;
}

static void
test_fork(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    pid_t child;
    int status = -1;

    start_one(fixture);
    child = fork();
    if (child == 0) {
        bool right = all_refused(fixture);

        vmmiMigrationUnref(fixture->migration);
        vmmiManagerFree(fixture->manager);
        _exit(right && fixture->freed == 0 ? 0 : 1);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    /* The parent's is whole. */
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:failed"));
}

static void
test_wait_deadline(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    start_one(fixture);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, 0, NULL), ==, 0);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, 30, NULL), ==, 0);
    make_file(fixture, "go");
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, -1, NULL), ==, 1);
    g_assert_true(log_has(fixture, "end:failed"));
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, 0, NULL), ==, 1);
}

/* Two managers in one process, of one run directory and of two. */
static void
test_several_managers(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    g_autofree char *other_dir = g_build_filename(fixture->top, "other", NULL);
    g_autoptr(vmmiManager) same = vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), 0, NULL);
    g_autoptr(vmmiManager) other = vmmiManagerNew(other_dir, 0, NULL);
    g_autoptr(vmmiMigration) second = NULL;
    g_autoptr(vmmiError) error = NULL;

    start_one(fixture);
    options.plugin = "fake";
    options.guest = "g1";
    options.destination_uri = "test:///destination";
    g_assert_null(vmmiMigrationStart(same, fixture->connect, &options, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
    second = vmmiMigrationStart(other, fixture->connect, &options, NULL);
    g_assert_nonnull(second);
    make_file(fixture, "go");
    g_assert_cmpint(vmmiMigrationWait(second, 20000, NULL), ==, 1);
    g_assert_null(vmmiMigrationGetOutcome(fixture->migration));
    dispatch_until(fixture, has_ended);
}

/* With nothing to wait for but files, the descriptor stays silent. */
static bool
journal_was_read(Fixture *fixture)
{
    return fixture->migration->journal_seen;
}

static void
test_waiting_sleeps(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJournal) journal = NULL;

    fixture->manager->limits.silence = 3600 * 1000;
    start_one(fixture);
    journal = vmmiJournalOpen(vmmiJobGetFd(fixture->migration->job), NULL);
    vmmiJournalAddState(journal, VMMI_STATE_PRECOPY, NULL, NULL);
    dispatch_until(fixture, journal_was_read);
    while (vmmiManagerDispatch(fixture->manager, NULL) > 0)
        continue;
    for (size_t i = 0; i < VMMI_TIMER_LAST; i++) {
        if (i != VMMI_TIMER_SILENCE)
            g_assert_cmpuint(fixture->migration->timers[i], ==, 0);
    }
    g_assert_cmpuint(fixture->manager->armed_ms, ==,
                     fixture->migration->timers[VMMI_TIMER_SILENCE]);
    g_assert_cmpuint(world_count(&source_world, &source_world.asked), ==, 0);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_cmpuint(fixture->manager->armed_ms, ==, 0);
}

#define ADD(name, function) ADD_FIXTURE("/migration/callbacks/" name, function, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD("order", test_order);
    ADD("several-watchers", test_several_watchers);
    ADD("late-watcher", test_late_watcher);
    ADD("free/unref", test_unref_frees);
    ADD("free/manager", test_manager_free_frees);
    ADD("free/failed-watch", test_failed_watch_frees);
    ADD("inside/unref", test_unref_inside);
    ADD("inside/free-manager", test_free_manager_inside);
    ADD("inside/dispatch", test_dispatch_inside);
    ADD("inside/watch", test_watch_inside);
    ADD("fork", test_fork);
    ADD("wait-deadline", test_wait_deadline);
    ADD("several-managers", test_several_managers);
    ADD("waiting-sleeps", test_waiting_sleeps);
    return g_test_run();
}
