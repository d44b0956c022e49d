/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-early-status.c: row R13 of docs/reliability.md: a status is asked for at a random moment of
 * a plugin's first 50 ms, when it may not have its handler yet. Nobody is killed by the question;
 * whoever was asked answers.
 *
 * PROBE names a plugin in C, KIT a folder with one made with the kit. Guests are those of world.h,
 * and simulated ones for the kit.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rounds.h"
#include "util/clock.h"
#include "world.h"

#define EARLY_US 50000
#define PATIENCE_MS 20000
#define MESSAGE(type, content)                                                                     \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"" type "\", \"timestamp\": 1, \"" type         \
    "\": " content "}"
#define STATUS MESSAGE("status", "{\"state\": \"precopy\"}")

#define SH                                                                                         \
    "#!/bin/sh\n[ \"$1\" = --vmmi-describe ] && exit 1\nsay() { echo '" STATUS "'; }\n"
#define SH_END                                                                                     \
    "sleep 60 &\ntrap 'kill $!; exit 1' TERM INT\n"                                                 \
    "while kill -0 $! 2>/dev/null; do wait $!; done\n"
#define PERL "#!/usr/bin/perl\nexit 1 if $ARGV[0] eq '--vmmi-describe';\n$| = 1;\n"
#define PERL_END "$SIG{TERM} = $SIG{INT} = sub { exit 1 };\nsleep 1 while 1;\n"
#define PYTHON                                                                                     \
    "#!/usr/bin/python3 -IS\nimport signal, sys\n"                                                  \
    "if sys.argv[1] == '--vmmi-describe':\n    sys.exit(1)\n"                                       \
    "def say(*_):\n    sys.stdout.write('" STATUS "\\n')\n    sys.stdout.flush()\n"
/* Not pause(): Python takes a signal between two steps, and one that comes right before would wait. */
#define PYTHON_END "import time\nwhile True:\n    time.sleep(0.05)\n"

typedef struct {
    const char *name;
    const char *text;         /* of a script; NULL: the probe */
    const char *interpreter;  /* without it the row is skipped */
    bool answers;             /* sooner or later it takes requests */
} Row;

static const Row rows[] = {
    { "catches", NULL, NULL, true },
    { "catches-late", NULL, NULL, true },
    { "signalfd", NULL, NULL, true },
    { "sigwait", NULL, NULL, true },
    { "ignores", NULL, NULL, false },
    { "default", NULL, NULL, false },
    { "sh-catches", SH "trap say USR1\n" SH_END, "/bin/sh", true },
    { "sh-catches-late", SH "sleep 0.01\ntrap say USR1\n" SH_END, "/bin/sh", true },
    { "sh-ignores", SH "trap '' USR1\n" SH_END, "/bin/sh", false },
    { "perl-catches", PERL "$SIG{USR1} = sub { print '" STATUS "', \"\\n\" };\n" PERL_END,
      "/usr/bin/perl", true },
    { "perl-ignores", PERL "$SIG{USR1} = 'IGNORE';\n" PERL_END, "/usr/bin/perl", false },
    { "python-catches", PYTHON "signal.signal(signal.SIGUSR1, say)\n" PYTHON_END,
      "/usr/bin/python3", true },
    { "python-blocks",
      PYTHON "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
             "while True:\n    signal.sigwait([signal.SIGUSR1])\n    say()\n",
      "/usr/bin/python3", true },
    { "python-ignores", PYTHON "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n" PYTHON_END,
      "/usr/bin/python3", false },
};

/* One migration of a row. */
typedef struct {
    vmmiMigration *migration;
    unsigned int statuses, silences;
    bool ended;
    vmmiExitKind kind;
    int value;
} Round;

typedef struct {
    unsigned int asked, early, statuses;
} Tally;

static void
on_status(vmmiMigration *migration G_GNUC_UNUSED, const vmmiMessage *status,
          const vmmiError *error, void *opaque)
{
    Round *round = opaque;

    round->statuses += status != NULL;
    round->silences += status == NULL;
    if (error)
        g_test_message("%s", vmmiErrorGetMessage(error));
}

static void
on_end(vmmiMigration *migration G_GNUC_UNUSED, const vmmiOutcome *outcome, void *opaque)
{
    Round *round = opaque;

    round->ended = true;
    round->kind = vmmiOutcomeGetExitKind(outcome);
    round->value = vmmiOutcomeGetExitValue(outcome);
}

/* Dispatches until a moment, or until a condition holds. True when it does. */
static bool
dispatch(vmmiManager *manager, uint64_t until_us, bool (*condition)(const Round *round),
         const Round *round)
{
    while (!condition || !condition(round)) {
        struct pollfd fd = { .fd = vmmiManagerGetFd(manager), .events = POLLIN };
        int64_t left = (int64_t)until_us - g_get_monotonic_time();
        struct timespec wait = { left / G_USEC_PER_SEC, left % G_USEC_PER_SEC * 1000 };

        if (left <= 0)
            return false;
        if (ppoll(&fd, 1, &wait, NULL) > 0)
            g_assert_cmpint(vmmiManagerDispatch(manager, NULL), >=, 0);
    }
    return true;
}

static bool
is_answered(const Round *round)
{
    return round->statuses + round->silences > 0;
}

static bool
is_ended(const Round *round)
{
    return round->ended;
}

static uint64_t
after_us(uint64_t us)
{
    return (uint64_t)g_get_monotonic_time() + us;
}

/* Asks once; when it was asked, it answers. */
static void
ask(vmmiManager *manager, Round *round, Tally *tally)
{
    g_autoptr(vmmiError) error = NULL;

    if (vmmiMigrationRequestStatus(round->migration, PATIENCE_MS, &error) < 0) {
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_READY);
        tally->early++;
        return;
    }
    tally->asked++;
    g_assert_true(
        dispatch(manager, after_us(2 * PATIENCE_MS * UINT64_C(1000)), is_answered, round));
    g_assert_cmpuint(round->statuses, ==, 1);
    tally->statuses += round->statuses;
}

static bool
begin(vmmiManager *manager, vmmiConnect *connect, const vmmiMigrationOptions *options,
      Round *round)
{
    const vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks), .status = on_status, .end = on_end, .opaque = round
    };
    g_autoptr(vmmiError) error = NULL;

    round->migration = vmmiMigrationStart(manager, connect, options, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    return round->migration && vmmiMigrationWatch(round->migration, &callbacks, NULL) == 0;
}

/* Whoever ends by the signal that asks for a status was killed by the question. */
static void
finish(vmmiManager *manager, Round *round)
{
    g_assert_true(
        dispatch(manager, after_us(2 * PATIENCE_MS * UINT64_C(1000)), is_ended, round));
    g_assert_cmpint(round->kind, !=, VMMI_EXIT_UNKNOWN);
    g_assert_false(round->kind == VMMI_EXIT_KILLED && round->value == SIGUSR1);
    vmmiMigrationUnref(round->migration);
}

static void
report(const Tally *tally, unsigned int count)
{
    g_test_message("%u plugins: %u were asked and answered, %u were not ready", count,
                   tally->statuses, tally->early);
    g_assert_cmpuint(tally->asked, ==, tally->statuses);
}

/* --- without the kit -------------------------------------------------------------- */

static void
install(const Fixture *fixture, const Row *row)
{
    g_autofree char *path = g_build_filename(fixture->plugins, row->name, NULL);

    if (!row->text) {
        g_assert_cmpint(symlink(g_getenv("PROBE"), path), ==, 0);
        return;
    }
    g_assert_true(g_file_set_contents(path, row->text, -1, NULL));
    g_assert_cmpint(chmod(path, 0700), ==, 0);
}

static void
run_round(Fixture *fixture, const Row *row, unsigned int guest, Round *round, Tally *tally)
{
    g_autofree char *name = g_strdup_printf("g%u", guest);
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    options.plugin = row->name;
    options.guest = name;
    options.destination_uri = "test:///destination";
    if (!begin(fixture->manager, fixture->connect, &options, round))
        return;
    dispatch(fixture->manager, after_us(early_us(EARLY_US)), NULL, NULL);
    ask(fixture->manager, round, tally);
    g_assert_cmpint(vmmiMigrationRelease(round->migration, NULL), ==, 0);
}

static void
test_row(Fixture *fixture, gconstpointer data)
{
    const Row *row = data;
    unsigned int count = rounds(40, 1000);
    g_autofree Round *all = g_new0(Round, GUESTS);
    Tally tally = { 0 };

    if (row->interpreter && access(row->interpreter, X_OK) < 0) {
        g_test_skip(row->interpreter);
        return;
    }
    install(fixture, row);
    /* Nobody here has begun anything that would have to be waited for. */
    fixture->manager->limits.quiet = 10;
    /* Each guest has one migration at a time; they end while others begin. */
    for (unsigned int i = 0; i < count && !g_test_failed(); i++) {
        Round *round = &all[i % GUESTS];

        if (round->migration)
            finish(fixture->manager, round);
        memset(round, 0, sizeof(*round));
        run_round(fixture, row, i % GUESTS, round, &tally);
    }
    for (unsigned int i = 0; i < GUESTS; i++) {
        if (all[i].migration)
            finish(fixture->manager, &all[i]);
    }
    report(&tally, count);
    if (!row->answers)
        g_assert_cmpuint(tally.statuses, ==, 0);
}

/* --- with the kit -------------------------------------------------------------- */

#define WORLDS 32

/* Each has a world of its own, so that one ends while others begin. */
static void
run_kit_round(Fixture *fixture, unsigned int world, Round *round, Tally *tally)
{
    g_autofree char *source = g_strdup_printf("sim:///?file=%s/world-%u", fixture->top, world);
    g_autofree char *destination =
        g_strdup_printf("sim:///destination?file=%s/world-%u", fixture->top, world);
    g_autoptr(vmmiConnect) connect = vmmiConnectOpen(source, NULL, 0, NULL);
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    options.plugin = "touri";
    options.guest = "guest3";
    options.destination_uri = destination;
    if (!begin(fixture->manager, connect, &options, round))
        return;
    dispatch(fixture->manager, after_us(early_us(EARLY_US)), NULL, NULL);
    ask(fixture->manager, round, tally);
    g_assert_cmpint(vmmiMigrationAbort(round->migration, NULL), ==, 0);
}

static void
test_kit(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    unsigned int count = rounds(40, 1000);
    Round all[WORLDS] = { 0 };
    Tally tally = { 0 };

    g_setenv("VMMI_PLUGIN_PATH", g_getenv("KIT"), TRUE);
    for (unsigned int i = 0; i < count && !g_test_failed(); i++) {
        Round *round = &all[i % WORLDS];

        if (round->migration)
            finish(fixture->manager, round);
        memset(round, 0, sizeof(*round));
        run_kit_round(fixture, i % WORLDS, round, &tally);
    }
    for (unsigned int i = 0; i < WORLDS; i++) {
        if (all[i].migration)
            finish(fixture->manager, &all[i]);
    }
    report(&tally, count);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/R13/%s", rows[i].name);

        g_test_add(path, Fixture, &rows[i], fixture_set_up, test_row, fixture_tear_down);
    }
    g_test_add("/R13/kit", Fixture, NULL, fixture_set_up, test_kit, fixture_tear_down);
    return g_test_run();
}
