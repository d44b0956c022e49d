/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-start.c: what is refused before anything is started, what is left then (nothing), and what a
 * plugin gets.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "driver/connect.h"
#include "message/json.h"
#include "world.h"

static const struct {
    const char *name;
    vmmiMigrationOptions options;
    int code;
    const char *needle;
} refused[] = {
    { "no-guest",
      { .plugin = "fake", .destination_uri = "d:///" },
      VMMI_ERR_INVALID_ARGUMENT,
      "a guest's UUID" },
    { "no-destination",
      { .plugin = "fake", .guest = "g1" },
      VMMI_ERR_MALFORMED_PARAMETERS,
      "a destination URI" },
    { "dash-destination",
      { .plugin = "fake", .guest = "g1", .destination_uri = "-" },
      VMMI_ERR_MALFORMED_PARAMETERS,
      "a destination URI" },
    { "password",
      { .plugin = "fake", .guest = "g1", .destination_uri = "qemu+tcp://joe:secret@h/system" },
      VMMI_ERR_MALFORMED_PARAMETERS,
      "the destination URI has a password" },
    { "control-character",
      { .plugin = "fake", .guest = "g1", .destination_uri = "d:///\n" },
      VMMI_ERR_MALFORMED_PARAMETERS,
      "control character" },
    { "unknown-guest",
      { .plugin = "fake", .guest = "nobody", .destination_uri = "d:///" },
      VMMI_ERR_GUEST_UNKNOWN,
      "there is no guest 'nobody'" },
    { "busy-guest",
      { .plugin = "fake", .guest = "g2", .destination_uri = "d:///" },
      VMMI_ERR_GUEST_BUSY,
      "guest 'g2' is being migrated already" },
    { "unknown-plugin",
      { .plugin = "nothing", .guest = "g1", .destination_uri = "d:///" },
      VMMI_ERR_PLUGIN_UNKNOWN,
      "nothing" },
    { "open-plugin",
      { .plugin = "open", .guest = "g1", .destination_uri = "d:///" },
      VMMI_ERR_PLUGIN_REFUSED,
      "open" },
    { "no-interpreter",
      { .plugin = "lost", .guest = "g1", .destination_uri = "d:///" },
      VMMI_ERR_PLUGIN_LAUNCH,
      "/nowhere/interpreter" },
    { "bad-config",
      { .plugin = "fake",
        .guest = "g1",
        .destination_uri = "d:///",
        .configuration = "{\"verbose\": \"x\"}" },
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "verbose" },
    { "bad-flag",
      { .plugin = "fake",
        .guest = "g1",
        .destination_uri = "d:///",
        .configuration = "{\"migration\": {\"flags\": [\"bogus\"]}}" },
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "there is no flag 'bogus'" },
    { "bad-mode",
      { .plugin = "fake",
        .guest = "g1",
        .destination_uri = "d:///",
        .configuration = "{\"migration\": {\"mode\": \"sideways\"}}" },
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "sideways" },
};

static void
write_flawed(const Fixture *fixture)
{
    g_autofree char *open = g_build_filename(fixture->plugins, "open", NULL);
    g_autofree char *lost = g_build_filename(fixture->plugins, "lost", NULL);

    write_plugin(fixture, "fake", FOREVER);
    write_plugin(fixture, "open", FOREVER);
    g_assert_cmpint(chmod(open, 0777), ==, 0);
    g_assert_true(g_file_set_contents(lost, "#!/nowhere/interpreter\n", -1, NULL));
    g_assert_cmpint(chmod(lost, 0700), ==, 0);
}

static void
expect_nothing_left(const Fixture *fixture)
{
    g_auto(GStrv) jobs = vmmiRunDirListJobs(fixture->manager->run, NULL);
    g_autofree char *holder = NULL;

    g_assert_cmpuint(g_strv_length(jobs), ==, 0);
    g_assert_cmpint(vmmiClaimFind(fixture->manager->run, "test",
                                  "00000001-0000-4000-8000-000000000000", &holder, NULL),
                    ==, 0);
    g_assert_cmpuint(g_hash_table_size(fixture->manager->migrations), ==, 0);
    g_assert_cmpuint(g_hash_table_size(fixture->manager->watches), ==, 0);
}

static void
test_refused(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiMigrationOptions options = refused[row].options;
    g_autoptr(vmmiError) error = NULL;

    write_flawed(fixture);
    world_set(&source_world, 2, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT);
    options.size = sizeof(options);
    g_assert_null(try_start(fixture, &options, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refused[row].code);
    if (!strstr(vmmiErrorGetMessage(error), refused[row].needle))
        g_test_fail_printf("'%s' lacks '%s'", vmmiErrorGetMessage(error), refused[row].needle);
    expect_nothing_left(fixture);
}

/* A driver that only this program knows: no other process could open it. */
static void
test_lonely(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = vmmiConnectOpen("lonely:///", NULL, 0, NULL);
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    g_autoptr(vmmiError) error = NULL;

    write_plugin(fixture, "fake", FOREVER);
    options.plugin = "fake";
    options.guest = "g1";
    options.destination_uri = "d:///";
    g_assert_null(vmmiMigrationStart(fixture->manager, connect, &options, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "known to this program only"));
    expect_nothing_left(fixture);
}

static void
test_newer_options(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    struct {
        vmmiMigrationOptions known;
        void *future;
    } newer = { .known = VMMI_MIGRATION_OPTIONS_INIT, .future = fixture };
    g_autoptr(vmmiError) error = NULL;

    newer.known.size = sizeof(newer);
    g_assert_null(try_start(fixture, &newer.known, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
}

/* Without a name: adaptive when it is there, else touri. */
static void
test_default_plugin(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    g_autoptr(vmmiMigration) first = NULL;
    g_autoptr(vmmiMigration) second = NULL;

    options.guest = "g1";
    options.destination_uri = "test:///destination";
    write_plugin(fixture, "touri", SAY_ERROR(8) "exit 1");
    first = try_start(fixture, &options, NULL);
    g_assert_cmpstr(vmmiMigrationGetPlugin(first), ==, "touri");
    g_assert_cmpint(vmmiMigrationWait(first, 20000, NULL), ==, 1);
    write_plugin(fixture, "adaptive", SAY_ERROR(8) "exit 1");
    second = try_start(fixture, &options, NULL);
    g_assert_cmpstr(vmmiMigrationGetPlugin(second), ==, "adaptive");
    g_assert_cmpint(vmmiMigrationWait(second, 20000, NULL), ==, 1);
}

static char *
read_output(const vmmiMigration *migration)
{
    char *text = NULL;
    size_t length;

    g_assert_cmpint(
        vmmiJobReadStream(migration->job, VMMI_JOB_STDOUT, 0, 65536, &text, &length, NULL, NULL),
        ==, 0);
    return text;
}

/* Arguments, configuration and environment, as I1, B9a, B10 and the allow-list say. */
static void
test_what_a_plugin_gets(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const settings[] = { "verbose=3", "migration.params.bandwidth=7", NULL };
    vmmiConnectOptions connect_options = VMMI_CONNECT_OPTIONS_INIT;
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    g_autoptr(vmmiConnect) connect = NULL;
    g_autofree char *output = NULL;
    g_autofree char *config = NULL;
    g_autoptr(json_t) shown = NULL;
    g_autoptr(vmmiMessage) message = NULL;
    const char *text = NULL;
    size_t length = 0;

    connect_options.username = "joe";
    connect_options.password_file = "/secret/file";
    connect = vmmiConnectOpen("test:///source", &connect_options, 0, NULL);
    g_setenv("SECRET", "x", TRUE);
    write_plugin(
        fixture, "fake",
        "echo \"$0|$#|$1|$2|$3|$4\"\necho \"${SECRET-unset} $VMMI_JOB\"\n" SAY_ERROR(8) "exit 1");
    options.plugin = "fake";
    options.guest = "g1";
    options.destination_uri = "test:///destination";
    options.migrate_uri = "";
    options.settings = settings;
    fixture->migration = vmmiMigrationStart(fixture->manager, connect, &options, NULL);
    g_assert_nonnull(fixture->migration);
    g_assert_cmpint(vmmiMigrationWait(fixture->migration, 20000, NULL), ==, 1);
    output = read_output(fixture->migration);
    g_assert_nonnull(
        strstr(output, "|4|00000001-0000-4000-8000-000000000000|test:///destination|-|-\n"));
    g_assert_nonnull(strstr(output, "unset /"));
    g_assert_nonnull(strstr(output, vmmiMigrationGetId(fixture->migration)));

    g_assert_cmpint(vmmiJobReadConfig(fixture->migration->job, &config, &length, NULL), ==, 0);
    message = vmmiMessageParse(config, length, NULL);
    g_assert_true(vmmiMessageGetString(message, "migration.attach", &text));
    g_assert_cmpstr(text, ==, "never");
    g_assert_true(vmmiMessageGetString(message, "connection", &text));
    g_assert_cmpstr(text, ==, "test:///source");
    g_assert_true(vmmiMessageGetString(message, "connectionCredentials.username", &text));
    g_assert_cmpstr(text, ==, "joe");
    g_assert_true(vmmiMessageGetString(message, "connectionCredentials.passwordFile", &text));
    g_assert_cmpstr(text, ==, "/secret/file");

    shown = vmmiJsonParse(vmmiMigrationGetConfiguration(fixture->migration),
                          strlen(vmmiMigrationGetConfiguration(fixture->migration)), NULL, NULL);
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(shown, "origins"),
                                                      "migration.params.bandwidth")),
                    ==, "--set");
}

static void
test_information(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const keys[] = { "id",      "guest", "uuid",    "plugin", "state",
                                        "outcome", "where", "percent", "error" };
    g_autoptr(json_t) before = NULL;
    g_autoptr(json_t) after = NULL;
    char *text;

    write_plugin(fixture, "fake", WAIT_FOR("go") SAY_ERROR(8) "exit 1");
    start_logged(fixture);
    text = vmmiMigrationToJson(fixture->migration, NULL);
    before = vmmiJsonParse(text, strlen(text), NULL, NULL);
    vmmiFree(text);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        g_assert_nonnull(json_object_get(before, keys[i]));
    g_assert_true(json_is_null(json_object_get(before, "outcome")));
    g_assert_cmpstr(json_string_value(json_object_get(before, "state")), ==, "starting");
    g_assert_null(vmmiMigrationGetOutcome(fixture->migration));
    g_assert_null(vmmiMigrationGetSample(fixture->migration));
    make_file(fixture, "go");
    dispatch_until(fixture, has_ended);
    text = vmmiMigrationToJson(fixture->migration, NULL);
    after = vmmiJsonParse(text, strlen(text), NULL, NULL);
    vmmiFree(text);
    g_assert_cmpstr(json_string_value(json_object_get(after, "outcome")), ==, "failed");
    g_assert_cmpstr(json_string_value(json_object_get(after, "where")), ==, "source");
    g_assert_cmpint(json_integer_value(json_object_get(json_object_get(after, "error"), "code")),
                    ==, 8);
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(after, "error"), "message")),
                    ==, "said");
    g_assert_true(g_str_has_prefix(vmmiMigrationGetDirectory(fixture->migration),
                                   vmmiManagerGetRunDir(fixture->manager)));
}

/* Two processes at once for one guest: exactly one wins. */
#define RACERS 8

static void
test_race(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    pid_t children[RACERS];
    int won = 0, busy = 0;

    write_plugin(fixture, "fake", WAIT_FOR("go") SAY_ERROR(8) "exit 1");
    for (int i = 0; i < RACERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
            vmmiManager *manager = vmmiManagerNew(vmmiManagerGetRunDir(fixture->manager), 0, NULL);
            vmmiConnect *connect = vmmiConnectOpen("test:///source", NULL, 0, NULL);
            vmmiError *error = NULL;

            options.plugin = "fake";
            options.guest = "g1";
            options.destination_uri = "d:///";
            _exit(vmmiMigrationStart(manager, connect, &options, &error) ? 0
                  : vmmiErrorGetCode(error) == VMMI_ERR_GUEST_BUSY       ? 14
                                                                         : 1);
        }
    }
    for (int i = 0; i < RACERS; i++) {
        int status = -1;

        g_assert_cmpint(waitpid(children[i], &status, 0), ==, children[i]);
        won += WIFEXITED(status) && WEXITSTATUS(status) == 0;
        busy += WIFEXITED(status) && WEXITSTATUS(status) == 14;
    }
    g_assert_cmpint(won, ==, 1);
    g_assert_cmpint(busy, ==, RACERS - 1);
    make_file(fixture, "go");
}

#define ADD(name, function) ADD_FIXTURE("/migration/start/" name, function, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD_FIXTURE_ROWS("/migration/start/refused/", refused, test_refused);
    ADD("lonely-driver", test_lonely);
    ADD("newer-options", test_newer_options);
    ADD("default-plugin", test_default_plugin);
    ADD("what-a-plugin-gets", test_what_a_plugin_gets);
    ADD("information", test_information);
    ADD("race", test_race);
    return g_test_run();
}
