/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-managers.c: several managers of one migration: side by side, one after the other, killed,
 * and only looking. Whatever one knew that matters, the others find in the record.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "driver/connect.h"
#include "util/clock.h"
#include "world.h"

#define FIRST_ID "00000001-0000-4000-8000-000000000000.1"
#define DEADLINE_MS 20000

/* --- a manager that is killed ------------------------------------------------------ */

/* A process that starts the migration, does what the test says, and is killed. */
static void
start_and_be_killed(Fixture *fixture, void (*ask)(Fixture *fixture))
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        alarm(DEADLINE_MS / 1000);
        fixture->manager = vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), 0, NULL);
        fixture->connect = vmmiConnectOpen("test:///source", NULL, 0, NULL);
        fixture->migration = start(fixture, 1);
        if (wait_for_file(fixture, "ready") && ask)
            ask(fixture);
        kill(getpid(), SIGKILL);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFSIGNALED(status));
}

static void
ask_abort(Fixture *fixture)
{
    vmmiMigrationAbort(fixture->migration, NULL);
}

static void
ask_release(Fixture *fixture)
{
    vmmiMigrationRelease(fixture->migration, NULL);
}

/* What end_overdue() does, once the guest is gone. */
static void
ask_end(Fixture *fixture)
{
    vmmiJobMarkAsked(fixture->migration->job, VMMI_JOB_ASKED_END);
    vmmiJobSignal(fixture->migration->job, SIGTERM, NULL);
}

static void
kill_only(Fixture *fixture)
{
    vmmiJobSignal(fixture->migration->job, SIGKILL, NULL);
}

static const struct {
    const char *name, *body;
    void (*ask)(Fixture *fixture);
    WorldGuest guest;
    vmmiOutcomeKind kind;
    vmmiWhere where;
    int error;
    const char *needle; /* in the error's message */
} rows[] = {
    { "abort", READY FOREVER, ask_abort,
      { VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATION_CANCELED, VMMI_JOB_NONE }, VMMI_OUTCOME_ABORTED,
      VMMI_WHERE_SOURCE, 9, "aborted on request" },
    { "abort-but-moved", READY FOREVER, ask_abort,
      { VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE }, VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, VMMI_ERR_PLUGIN_CRASHED, "killed by signal 2" },
    { "release", READY FOREVER, ask_release,
      { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT }, VMMI_OUTCOME_RELEASED,
      VMMI_WHERE_SOURCE, VMMI_ERR_PLUGIN_CRASHED, "killed by signal 15" },
    { "told-to-end", "say() {\n" SAY_ERROR(13) "exit 1\n}\ntrap say TERM\n" READY FOREVER, ask_end,
      { VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE }, VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, VMMI_ERR_PLUGIN_PROTOCOL, "did not end by itself" },
    { "killed-unasked", READY FOREVER, kill_only,
      { VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE }, VMMI_OUTCOME_FAILED,
      VMMI_WHERE_SOURCE, VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "nothing-asked", READY WAIT_FOR("go") SAY_SUCCESS, NULL,
      { VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE }, VMMI_OUTCOME_COMPLETED,
      VMMI_WHERE_DESTINATION, 0, "" },
};

/* The next manager. */
static void
open_first(Fixture *fixture, vmmiConnect *connect)
{
    vmmiMigrationCallbacks callbacks = log_callbacks(fixture);
    g_autoptr(vmmiError) error = NULL;

    fixture->migration = vmmiMigrationOpen(fixture->manager, FIRST_ID, connect, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
}

static void
test_killed(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const vmmiOutcome *outcome;

    write_plugin(fixture, "fake", rows[row].body);
    start_and_be_killed(fixture, rows[row].ask);
    world_set(&source_world, 1, rows[row].guest.state, rows[row].guest.reason, rows[row].guest.job);
    make_file(fixture, "go");
    open_first(fixture, NULL);
    if (!dispatch_until(fixture, has_ended))
        return;
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpstr(vmmiOutcomeKindToString(vmmiOutcomeGetKind(outcome)), ==,
                    vmmiOutcomeKindToString(rows[row].kind));
    g_assert_cmpint(vmmiOutcomeGetWhere(outcome), ==, rows[row].where);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, rows[row].error);
    g_assert_nonnull(
        strstr(vmmiErrorGetMessage(vmmiOutcomeGetError(outcome)), rows[row].needle));
}

/* An abort that the plugin does not follow is seen through by the next manager. */
static void
test_killed_escalate(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    write_plugin(fixture, "fake", "trap '' INT\n" READY FOREVER);
    start_and_be_killed(fixture, ask_abort);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    fixture->manager->limits.escalate = 100;
    fixture->manager->limits.escalate_kill = 100;
    open_first(fixture, NULL);
    dispatch_until(fixture, has_ended);
    g_assert_cmpuint(world_count(&source_world, &source_world.aborted), ==, 1);
    g_assert_true(log_has(fixture, "end:aborted "));
    g_assert_true(vmmiJobWasAsked(fixture->migration->job, VMMI_JOB_ASKED_KILL));
}

/* --- settled late ------------------------------------------------------------------- */

static void
wait_for_claim(Fixture *fixture)
{
    g_autoptr(vmmiRunDir) run = vmmiRunDirOpen(vmmiManagerGetRunDir(fixture->manager), NULL);
    const char *world = vmmiConnectGetWorld(fixture->connect);
    uint64_t deadline = vmmiClockBoottimeMs() + DEADLINE_MS;
    g_autofree char *holder = NULL;

    while (vmmiClaimFind(run, world, "00000001-0000-4000-8000-000000000000", &holder, NULL) > 0 &&
           vmmiClockBoottimeMs() < deadline) {
        g_clear_pointer(&holder, g_free);
        g_usleep(1000);
    }
}

/* Nobody settled the first; the second moves the guest. That is not the first one's doing. */
static void
test_overtaken(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiOutcome *outcome;

    write_plugin(fixture, "fake", READY FOREVER);
    start_and_be_killed(fixture, kill_only);
    wait_for_claim(fixture);
    write_plugin(fixture, "fake", WAIT_FOR("go") SAY_SUCCESS);
    fixture->migration = start(fixture, 1);
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    make_file(fixture, "go");
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, DEADLINE_MS, NULL), ==, 1);
    g_assert_cmpint(vmmiOutcomeGetKind(vmmiMigrationGetOutcome(fixture->migration)), ==,
                    VMMI_OUTCOME_COMPLETED);
    vmmiMigrationUnref(fixture->migration);
    open_first(fixture, NULL);
    dispatch_until(fixture, has_ended);
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_FAILED);
    g_assert_cmpint(vmmiOutcomeGetWhere(outcome), ==, VMMI_WHERE_SOURCE);
    g_assert_nonnull(strstr(vmmiOutcomeGetEvidence(outcome), "was started from the source after"));
}

/* --- side by side ------------------------------------------------------------------- */

#define MANAGERS 5

typedef struct {
    vmmiManager *manager;
    vmmiMigration *migration;
    unsigned int ends, states;
} Other;

static void
count_state(vmmiMigration *migration G_GNUC_UNUSED, vmmiState from G_GNUC_UNUSED,
            vmmiState to G_GNUC_UNUSED, void *opaque)
{
    ((Other *)opaque)->states++;
}

static void
count_end(vmmiMigration *migration G_GNUC_UNUSED, const vmmiOutcome *outcome G_GNUC_UNUSED,
          void *opaque)
{
    ((Other *)opaque)->ends++;
}

static void
join(Fixture *fixture, Other *other)
{
    const vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks), .state = count_state, .end = count_end, .opaque = other
    };

    other->manager = vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), 0, NULL);
    other->migration = vmmiMigrationOpen(other->manager, FIRST_ID, NULL, NULL);
    g_assert_cmpint(vmmiMigrationWatch(other->migration, &callbacks, NULL), ==, 0);
}

/* Each gets one end, and it is the same; one of them asks, all know. */
static void
test_side_by_side(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    Other others[MANAGERS] = { { 0 } };
    const char *evidence;

    write_plugin(fixture, "fake", READY FOREVER);
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    for (size_t i = 0; i < MANAGERS; i++)
        join(fixture, &others[i]);
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_MIGRATION_CANCELED, VMMI_JOB_NONE);
    g_assert_cmpint(vmmiMigrationAbort(others[2].migration, NULL), ==, 0);
    for (size_t i = 0; i < MANAGERS; i++)
        g_assert_cmpint(vmmiMigrationWait(others[i].migration, DEADLINE_MS, NULL), ==, 1);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:aborted "));
    evidence = vmmiOutcomeGetEvidence(vmmiMigrationGetOutcome(fixture->migration));
    for (size_t i = 0; i < MANAGERS; i++) {
        const vmmiOutcome *outcome = vmmiMigrationGetOutcome(others[i].migration);

        g_assert_cmpuint(others[i].ends, ==, 1);
        g_assert_cmpuint(others[i].states, ==, 1);
        g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_ABORTED);
        g_assert_cmpstr(vmmiOutcomeGetEvidence(outcome), ==, evidence);
        vmmiMigrationUnref(others[i].migration);
        vmmiManagerFree(others[i].manager);
    }
}

/* One goes away: the others and the migration do not care. */
static void
test_detach(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    Other other = { 0 };

    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_ERROR(8) "exit 1");
    start_logged(fixture);
    wait_for_file(fixture, "ready");
    join(fixture, &other);
    vmmiManagerFree(other.manager);
    g_assert_cmpint(vmmiMigrationAbort(other.migration, NULL), <, 0);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:failed "));
    g_assert_cmpuint(other.ends, ==, 0);
    vmmiMigrationUnref(other.migration);
}

/* --- only looking ------------------------------------------------------------------- */

static void
look_only(Fixture *fixture, vmmiConnect *connect)
{
    g_autofree char *run = g_strdup(vmmiManagerGetRunDir(fixture->manager));

    vmmiManagerFree(fixture->manager);
    fixture->manager = vmmiManagerNew(run, VMMI_MANAGER_READ_ONLY, NULL);
    g_assert_nonnull(fixture->manager);
    open_first(fixture, connect);
}

static int
call_abort(Fixture *fixture, vmmiError **err)
{
    return vmmiMigrationAbort(fixture->migration, err);
}

static int
call_release(Fixture *fixture, vmmiError **err)
{
    return vmmiMigrationRelease(fixture->migration, err);
}

static int
call_status(Fixture *fixture, vmmiError **err)
{
    return vmmiMigrationRequestStatus(fixture->migration, 0, err);
}

static int
call_acknowledge(Fixture *fixture, vmmiError **err)
{
    return vmmiMigrationAcknowledge(fixture->migration, err);
}

static int
call_start(Fixture *fixture, vmmiError **err)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    options.plugin = "fake";
    options.guest = "g2";
    options.destination_uri = "test:///destination";
    return try_start(fixture, &options, err) ? 0 : -1;
}

static const struct {
    const char *name;
    int (*call)(Fixture *fixture, vmmiError **err);
} refused[] = {
    { "abort", call_abort },             { "release", call_release }, { "status", call_status },
    { "acknowledge", call_acknowledge }, { "start", call_start },
};

static void
test_look_refused(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    write_plugin(fixture, "fake", READY FOREVER);
    start_and_be_killed(fixture, NULL);
    look_only(fixture, fixture->connect);
    g_assert_cmpint(refused[row].call(fixture, &error), <, 0);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "to look only"));
}

/* And nothing wakes it but the record. */
static bool
is_waiting(Fixture *fixture)
{
    return vmmiMigrationGetState(fixture->migration) == VMMI_STATE_UNATTENDED &&
           fixture->manager->armed_ms == 0;
}

/* Without a connection the end is somebody else's to settle. */
static void
test_look_waits(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiManager) owner = NULL;
    g_autoptr(vmmiMigration) owned = NULL;
    g_autofree char *run = g_strdup(vmmiManagerGetRunDir(fixture->manager));

    write_plugin(fixture, "fake", READY FOREVER);
    start_and_be_killed(fixture, kill_only);
    look_only(fixture, NULL);
    dispatch_until(fixture, is_waiting);
    owner = vmmiManagerNew(run, 0, NULL);
    owned = vmmiMigrationOpen(owner, FIRST_ID, NULL, NULL);
    g_assert_cmpint(vmmiMigrationWait(owned, DEADLINE_MS, NULL), ==, 1);
    dispatch_until(fixture, has_ended);
    g_assert_true(g_str_has_suffix(fixture->log->str, "unattended>failed end:failed "));
}

/* With a connection it is judged, and not written. */
static void
test_look_judges(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *text = NULL;
    size_t length = 0;

    write_plugin(fixture, "fake", READY FOREVER);
    start_and_be_killed(fixture, kill_only);
    look_only(fixture, fixture->connect);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:failed "));
    g_assert_cmpint(vmmiJobReadOutcome(fixture->migration->job, &text, &length, NULL), ==, 0);
}

static void
test_look_missing(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *missing = g_build_filename(fixture->top, "none", NULL);
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(vmmiManagerNew(missing, VMMI_MANAGER_READ_ONLY, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    g_assert_false(g_file_test(missing, G_FILE_TEST_EXISTS));
}

/* Root looks at what belongs to somebody else, and leaves it as it is. */
static void
test_look_other_user(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *command = g_strdup_printf("chown -R 65534 '%s'",
                                               vmmiManagerGetRunDir(fixture->manager));
    g_autofree char *run = g_strdup(vmmiManagerGetRunDir(fixture->manager));
    g_autoptr(vmmiError) error = NULL;

    if (geteuid() != 0) {
        g_test_skip("only root can");
        return;
    }
    write_plugin(fixture, "fake", SAY_ERROR(8) "exit 1");
    fixture->migration = start(fixture, 1);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, DEADLINE_MS, NULL), ==, 1);
    g_clear_pointer(&fixture->migration, vmmiMigrationUnref);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_assert_null(vmmiManagerNew(run, 0, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    look_only(fixture, NULL);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:failed "));
    g_free(command);
    command = g_strdup_printf("chown -R 0 '%s'", run);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

/* --- managers that do not reap ------------------------------------------------------- */

static gint stop_reaping;

/* What some programs do: they take the ends of children that are not theirs. */
static void *
reap_everything(void *opaque G_GNUC_UNUSED)
{
    while (!g_atomic_int_get(&stop_reaping)) {
        if (waitpid(-1, NULL, WNOHANG) <= 0)
            g_usleep(500);
    }
    return NULL;
}

#define ROUNDS 20

static void
run_rounds(Fixture *fixture)
{
    write_plugin(fixture, "fake", SAY_ERROR(8) "exit 3");
    for (unsigned int round = 0; round < ROUNDS && !g_test_failed(); round++) {
        g_autoptr(vmmiMigration) migration = start(fixture, round % 7);
        const vmmiOutcome *outcome;

        if (!migration)
            return;
        g_assert_cmpint(vmmiMigrationWait(migration, DEADLINE_MS, NULL), ==, 1);
        outcome = vmmiMigrationGetOutcome(migration);
        g_assert_cmpint(vmmiOutcomeGetExitKind(outcome), ==, VMMI_EXIT_EXITED);
        g_assert_cmpint(vmmiOutcomeGetExitValue(outcome), ==, 3);
        g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_FAILED);
    }
}

static void
test_sigchld_ignored(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    void (*before)(int) = signal(SIGCHLD, SIG_IGN);

    run_rounds(fixture);
    signal(SIGCHLD, before);
}

static void
test_reaped_elsewhere(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    GThread *thread = NULL;

    g_atomic_int_set(&stop_reaping, 0);
    thread = g_thread_new("reaper", reap_everything, NULL);
    run_rounds(fixture);
    g_atomic_int_set(&stop_reaping, 1);
    g_thread_join(thread);
}

/* --- a control socket that nobody answers --------------------------------------------- */

static int
listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    unlink(path);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(fd, 0), ==, 0);
    return fd;
}

/* Following needs no socket: what is stuck there costs nothing. */
static void
test_stuck_socket(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *path =
        g_build_filename(vmmiManagerGetRunDir(fixture->manager), "jobs", FIRST_ID, "control", NULL);
    struct pollfd fd = { .events = POLLIN };

    write_plugin(fixture, "fake", READY WAIT_FOR("go") SAY_ERROR(8) "exit 1");
    start_and_be_killed(fixture, NULL);
    fd.fd = listen_at(path);
    open_first(fixture, NULL);
    vmmiManagerDispatch(fixture->manager, NULL);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:failed "));
    g_assert_cmpint(poll(&fd, 1, 0), ==, 0);
    close(fd.fd);
}

/* ---------------------------------------------------------------------------------- */

#define ADD(name, func) ADD_FIXTURE("/migration/managers/" name, func, NULL)

static void
add_rows(void)
{
    ADD_FIXTURE_ROWS("/migration/managers/killed/", rows, test_killed);
    ADD_FIXTURE_ROWS("/migration/managers/look-only/refuses/", refused, test_look_refused);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    add_rows();
    ADD("killed/abort-not-followed", test_killed_escalate);
    ADD("overtaken", test_overtaken);
    ADD("side-by-side", test_side_by_side);
    ADD("detach", test_detach);
    ADD("look-only/waits", test_look_waits);
    ADD("look-only/judges", test_look_judges);
    ADD("look-only/other-user", test_look_other_user);
    ADD("look-only/missing", test_look_missing);
    ADD("sigchld-ignored", test_sigchld_ignored);
    ADD("reaped-elsewhere", test_reaped_elsewhere);
    ADD("stuck-socket", test_stuck_socket);
    return g_test_run();
}
