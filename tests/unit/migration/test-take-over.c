/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-take-over.c: one policy after the other on a migration that runs: who is in charge
 * afterwards, what it is told, and what is refused before anything has happened.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message/json.h"
#include "message/message.h"
#include "taking.h"

/* --- one after the other ---------------------------------------------------------- */

static void
test_swap(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMigration) next = NULL;
    const vmmiOutcome *outcome;

    start_old(fixture, LETS_GO);
    write_plugin(fixture, "new", LETS_GO);
    next = take_over(fixture, "new", &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    if (!next)
        return;
    g_assert_cmpint(vmmiMigrationGetState(next), ==, VMMI_STATE_STARTING);
    expect_in_charge(fixture, vmmiMigrationGetId(next));
    g_assert_cmpstr(vmmiMigrationGetReplaces(next), ==, vmmiMigrationGetId(fixture->migration));
    g_assert_cmpstr(vmmiMigrationGetReplacedBy(fixture->migration), ==, vmmiMigrationGetId(next));
    g_assert_null(vmmiMigrationGetReplacedBy(next));
    dispatch_until(fixture, has_ended);
    g_assert_true(g_str_has_suffix(fixture->log->str, "end:released "));
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, VMMI_ERR_RELEASED);
    /* The claim is not lost when the old one is settled. */
    expect_in_charge(fixture, vmmiMigrationGetId(next));
}

/* What the new one is told: as it was started, but only to attach. */
static void
test_what_it_gets(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiMigration) next = NULL;
    g_autofree char *text = NULL;
    size_t length = 0;

    start_old(fixture, LETS_GO);
    write_plugin(fixture, "new", "echo \"$1|$2|$3|$4\"\n" LETS_GO);
    next = take_over(fixture, "new", NULL);
    g_assert_nonnull(next);
    wait_for_file(fixture, "new.ready");
    vmmiJobReadStream(next->job, VMMI_JOB_STDOUT, 0, 65536, &text, &length, NULL, NULL);
    g_assert_cmpstr(text, ==, UUID1 "|test:///destination|tcp://there|-\n");
}

/* virsh started it: nobody's record is replaced, and the destination is not known. */
static void
test_virsh(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiMigration) next = NULL;
    g_autofree char *text = NULL;
    size_t length = 0;

    MOVE(fixture);
    write_plugin(fixture, "touri", "echo \"$2|$3\"\n" LETS_GO);
    next = take_over(fixture, NULL, NULL);
    g_assert_nonnull(next);
    wait_for_file(fixture, "touri.ready");
    g_assert_null(vmmiMigrationGetReplaces(next));
    vmmiJobReadStream(next->job, VMMI_JOB_STDOUT, 0, 65536, &text, &length, NULL, NULL);
    g_assert_cmpstr(text, ==, "-|-\n");
}

/* --- what a dead plugin left ------------------------------------------------------ */

/* How long the migration runs by now, and what is known of the plugin's end. */
static const struct {
    const char *name;
    uint64_t elapsed_ms;
    bool long_ago; /* by its record */
    bool unseen;   /* its shim was killed as well */
    bool journal;  /* it wrote one */
    bool left;     /* so it is the same migration */
} dead[] = {
    { "left", 3600000, false, false, false, true },
    { "another", 1, true, false, false, false },
    { "no-figures", 0, false, false, false, false },
    { "unseen", 3600000, false, true, false, false },
    { "unseen-journal", 3600000, false, true, true, true },
};

static char *
path_in(const vmmiMigration *migration, const char *name)
{
    return g_build_filename(vmmiMigrationGetDirectory(migration), name, NULL);
}

static void
change_record(const vmmiMigration *migration, size_t row)
{
    g_autofree char *result = path_in(migration, "result.json");
    g_autofree char *journal = path_in(migration, VMMI_JOURNAL_NAME);

    if (dead[row].long_ago)
        g_assert_true(g_file_set_contents(
            result,
            "{\"version\": 1, \"kind\": \"killed\", \"value\": 9, \"endedBoottimeMs\": 1}", -1,
            NULL));
    if (dead[row].unseen)
        g_assert_cmpint(unlink(result), ==, 0);
    if (dead[row].journal)
        g_assert_true(g_file_set_contents(journal, "", 0, NULL));
}

/* A plugin that died without a word: the same one is started again, and the dead one's record is
 * closed at last. One that was another migration's is left alone: its end is to be found out. */
static void
test_dead(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiMigration) next = NULL;
    const vmmiOutcome *outcome;
    vmmiJobResult result;

    start_old(fixture, LETS_GO);
    write_plugin(fixture, "touri", LETS_GO);
    g_assert_cmpint(vmmiJobSignal(fixture->migration->job, SIGKILL, NULL), ==, 0);
    while (vmmiJobReadResult(fixture->migration->job, &result, NULL) == 0)
        g_usleep(1000);
    change_record(fixture->migration, row);
    source_world.elapsed_ms = dead[row].elapsed_ms;
    next = take_over(fixture, NULL, NULL);
    g_assert_nonnull(next);
    g_assert_cmpstr(vmmiMigrationGetPlugin(next), ==, dead[row].left ? "old" : "touri");
    g_assert_cmpstr(vmmiMigrationGetReplaces(next), ==,
                    dead[row].left ? vmmiMigrationGetId(fixture->migration) : NULL);
    if (!dead[row].left)
        return;
    dispatch_until(fixture, has_ended);
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_RELEASED);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, VMMI_ERR_PLUGIN_CRASHED);
}

/* A migration that has ended is none that was left: the one that runs is another's. */
static void
test_earlier(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiMigration) next = NULL;

    start_old(fixture, ": > \"$TOP/old.ready\"\n" WAIT_FOR("go") SAY_ERROR(9) "exit 1");
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_NONE);
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    MOVE(fixture);
    write_plugin(fixture, "new", LETS_GO);
    next = take_over(fixture, "new", NULL);
    g_assert_nonnull(next);
    g_assert_null(vmmiMigrationGetReplaces(next));
}

/* --- configuration ---------------------------------------------------------------- */

static void
expect_value(const vmmiMigration *migration, const char *path, const char *value,
             const char *origin)
{
    const char *text = vmmiMigrationGetConfiguration(migration);
    g_autoptr(json_t) shown = vmmiJsonParse(text, strlen(text), NULL, NULL);
    const json_t *found = vmmiPathGet(json_object_get(shown, "configuration"), path);
    char *written = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    g_assert_cmpstr(written, ==, value);
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(shown, "origins"), path)),
                    ==, origin);
    free(written);
}

static const char *const old_settings[] = { "downtime=5", "pace=7", "migration.flags=[\"postcopy\"]",
                                            "migration.params.bandwidth=3", NULL };

/* The same plugin with other settings. */
static void
test_set(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const char *const settings[] = { "pace=9", "migration.params.bandwidth=30", NULL };
    const vmmiTakeOverOptions options = { .guest = "g1", .settings = settings };
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMigration) next = NULL;

    start_old_with(fixture, LETS_GO, old_settings);
    next = take_over_with(fixture, &options, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    if (!next)
        return;
    g_assert_cmpstr(vmmiMigrationGetPlugin(next), ==, "old");
    expect_value(next, "policy.downtime", "5", "record");
    expect_value(next, "policy.pace", "9", "--set");
    expect_value(next, "migration.flags", "[\"postcopy\"]", "record");
    expect_value(next, "migration.params.bandwidth", "30", "--set");
    expect_value(next, "migration.attach", "\"only\"", "vmmi");
    expect_value(next, "connection", "\"test:///source\"", "record");
}

/* Another plugin: what belongs to the migration stays, what belongs to the policy does not. */
static void
test_other(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *file = g_build_filename(fixture->top, "new.json", NULL);
    g_autoptr(vmmiMigration) next = NULL;

    g_assert_true(g_file_set_contents(
        file,
        "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", \"configuration\": "
        "{\"migration\": {\"flags\": [\"auto_converge\"]}, \"policy\": {\"own\": 1}}}",
        -1, NULL));
    start_old_with(fixture, LETS_GO, old_settings);
    write_plugin(fixture, "new", LETS_GO);
    next = take_over(fixture, "new", NULL);
    g_assert_nonnull(next);
    expect_value(next, "policy.downtime", NULL, NULL);
    expect_value(next, "policy.own", "1", file);
    expect_value(next, "migration.flags", "[\"postcopy\"]", "record");
    expect_value(next, "migration.params.bandwidth", "3", "record");
}

/* --- refused before anything ------------------------------------------------------ */

static const char *const set_flags[] = { "migration.flags=[\"live\"]", NULL };
static const char *const set_param[] = { "migration.params.auto_converge.initial=3", NULL };
static const char *const set_nonsense[] = { "connectionCredentials.username=5", NULL };

static const struct {
    const char *name;
    vmmiTakeOverOptions options;
    int code;
    const char *needle;
} refused[] = {
    { "no-guest", { .plugin = "new" }, VMMI_ERR_INVALID_ARGUMENT, "a guest's UUID" },
    { "flags", { .guest = "g1", .flags = 6 }, VMMI_ERR_INVALID_ARGUMENT, "flags 0x6" },
    { "unknown-guest", { .guest = "nobody" }, VMMI_ERR_GUEST_UNKNOWN, "nobody" },
    { "not-migrating", { .guest = "g2" }, VMMI_ERR_STATE, "is not being migrated" },
    { "comes-in", { .guest = "g3" }, VMMI_ERR_GUEST_BUSY, "to this host" },
    { "unknown-plugin", { .guest = "g1", .plugin = "none" }, VMMI_ERR_PLUGIN_UNKNOWN, "none" },
    { "other-version", { .guest = "g1", .plugin = "later" }, VMMI_ERR_PROTOCOL_VERSION, "9.9.9" },
    { "bad-config",
      { .guest = "g1", .plugin = "new", .configuration = "{\"verbose\": []}" },
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "verbose" },
    { "bad-setting",
      { .guest = "g1", .settings = set_nonsense },
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "username" },
    { "set-flags", { .guest = "g1", .settings = set_flags }, VMMI_ERR_NOT_SUPPORTED,
      "'migration.flags' cannot be changed while the migration runs" },
    { "set-param", { .guest = "g1", .settings = set_param }, VMMI_ERR_NOT_SUPPORTED,
      "auto_converge.initial" },
    { "other-connection",
      { .guest = "g1", .configuration = "{\"connection\": \"test:///elsewhere\"}" },
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "elsewhere" },
};

static void
test_refused(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *later = g_build_filename(fixture->plugins, "later", NULL);
    g_autoptr(vmmiError) error = NULL;

    start_old(fixture, LETS_GO);
    write_plugin(fixture, "new", LETS_GO);
    g_assert_true(g_file_set_contents(
        later,
        "#!/bin/sh\necho '{\"name\": \"later\", \"version\": \"1\", \"protocolVersions\": "
        "[\"9.9.9\"], \"summary\": \"x\"}'\n",
        -1, NULL));
    g_assert_cmpint(chmod(later, 0700), ==, 0);
    world_set(&source_world, 3, VMMI_GUEST_PAUSED, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_IN);
    g_assert_null(take_over_with(fixture, &refused[row].options, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refused[row].code);
    expect_text(vmmiErrorGetMessage(error), refused[row].needle);
    expect_untouched(fixture);
}

static void
test_managed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const char *const settings[] = { "migration.mode=managed", NULL };
    g_autoptr(vmmiError) error = NULL;

    start_old_with(fixture, LETS_GO, settings);
    g_assert_null(take_over(fixture, NULL, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
    expect_text(vmmiErrorGetMessage(error), "is not peer-to-peer");
    expect_untouched(fixture);
}

static void
test_read_only(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiTakeOverOptions options = VMMI_TAKE_OVER_OPTIONS_INIT;
    vmmiManager *looker =
        vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), VMMI_MANAGER_READ_ONLY, NULL);
    g_autoptr(vmmiError) error = NULL;

    start_old(fixture, LETS_GO);
    options.guest = "g1";
    g_assert_null(vmmiMigrationTakeOver(looker, fixture->connect, &options, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    expect_untouched(fixture);
    vmmiManagerFree(looker);
}

/* --- plugins that do not go ------------------------------------------------------- */

#define DEAF "trap '' TERM\n: > \"$TOP/old.ready\"\n" FOREVER

static const struct {
    const char *name, *body;
    unsigned int flags;
    bool stop;
    const char *needle; /* NULL: it is replaced */
} stubborn[] = {
    { "deaf", DEAF, 0, false, "was told to end and has not within 300 ms: it is still in charge" },
    { "deaf-killed", DEAF, VMMI_TAKE_OVER_KILL, false, NULL },
    { "stopped", LETS_GO, 0, true, "is stopped" },
    { "stopped-killed", LETS_GO, VMMI_TAKE_OVER_KILL, true, NULL },
};

static bool
is_stopped(Fixture *fixture)
{
    vmmiJobLiveness liveness = { 0 };

    vmmiJobGetLiveness(fixture->migration->job, &liveness, NULL);
    if (!liveness.plugin_stopped)
        kill(liveness.plugin_pid, SIGSTOP);
    return liveness.plugin_stopped;
}

static void
test_stubborn(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const vmmiTakeOverOptions options = { .guest = "g1",
                                          .plugin = "new",
                                          .flags = stubborn[row].flags,
                                          .release_timeout_ms = 300 };
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMigration) next = NULL;

    start_old(fixture, stubborn[row].body);
    write_plugin(fixture, "new", LETS_GO);
    if (stubborn[row].stop)
        dispatch_until(fixture, is_stopped);
    next = take_over_with(fixture, &options, &error);
    if (stubborn[row].needle) {
        g_assert_null(next);
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
        expect_text(vmmiErrorGetMessage(error), stubborn[row].needle);
        expect_untouched(fixture);
        return;
    }
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_nonnull(next);
    dispatch_until(fixture, has_ended);
    g_assert_true(log_has(fixture, "end:released "));
    g_assert_cmpint(
        vmmiErrorGetCode(vmmiOutcomeGetError(vmmiMigrationGetOutcome(fixture->migration))), ==,
        VMMI_ERR_PLUGIN_CRASHED);
}

#define ADD(name, function) ADD_FIXTURE("/migration/take-over/" name, function, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD("swap", test_swap);
    ADD("what-it-gets", test_what_it_gets);
    ADD("virsh", test_virsh);
    ADD_FIXTURE_ROWS("/migration/take-over/dead/", dead, test_dead);
    ADD("earlier", test_earlier);
    ADD("set", test_set);
    ADD("other", test_other);
    ADD_FIXTURE_ROWS("/migration/take-over/refused/", refused, test_refused);
    ADD("refused/managed", test_managed);
    ADD("refused/read-only", test_read_only);
    ADD_FIXTURE_ROWS("/migration/take-over/stubborn/", stubborn, test_stubborn);
    return g_test_run();
}
