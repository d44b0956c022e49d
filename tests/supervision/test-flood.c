/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-flood.c: row R14 of docs/reliability.md: thousands of requests for a status to plugins that
 * never answer, late, twice, or with garbage between. Memory and disk stay bounded, and no request
 * is answered twice.
 *
 * PROBE names the plugin. The same through a control socket is the shim's part.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rounds.h"
#include "world.h"

/* What standard output may hold: the limit, and what comes before the manager looks. */
#define STDOUT_MAX_BYTES (VMMI_STDOUT_MAX_BYTES + 64 * 1024)
/* A manager keeps nothing of a status; this is for the allocator. */
#define GROWTH_MAX_KIB (UNDER_SANITIZERS ? 65536 : 2048)
/* Shorter than a late answer takes. */
#define TIMEOUT_MS 5

typedef struct {
    const char *name;
    bool answers;        /* each request has an answer in time */
} Row;

static const Row rows[] = {
    { "never", false },
    { "late", false },
    { "twice", true },
    { "garbage", true },
    { "open", true },
};

typedef struct {
    unsigned int open;   /* requests without their callback */
    unsigned int asked, statuses, silences;
    uint64_t largest;    /* size of standard output */
} Tally;

static void
on_status(vmmiMigration *migration G_GNUC_UNUSED, const vmmiMessage *status,
          const vmmiError *error, void *opaque)
{
    Tally *tally = opaque;
    const char *state = "";

    g_assert_cmpuint(tally->open, ==, 1);
    tally->open--;
    g_assert_true(!status != !error);
    if (!status) {
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_TIMEOUT);
        tally->silences++;
        return;
    }
    vmmiMessageGetString(status, "state", &state);
    g_assert_cmpstr(state, ==, "precopy");
    tally->statuses++;
}

static unsigned int
resident_kib(void)
{
    g_autofree char *text = NULL;
    const char *line = NULL;

    if (g_file_get_contents("/proc/self/status", &text, NULL, NULL))
        line = strstr(text, "VmRSS:");
    return line ? (unsigned int)g_ascii_strtoull(line + strlen("VmRSS:"), NULL, 10) : 0;
}

static void
look_at_output(const Fixture *fixture, Tally *tally)
{
    g_autofree char *path =
        g_build_filename(vmmiMigrationGetDirectory(fixture->migration), "stdout", NULL);
    struct stat st = { 0 };

    g_assert_cmpint(stat(path, &st), ==, 0);
    tally->largest = MAX(tally->largest, (uint64_t)st.st_size);
}

static Tally tally;

static bool
is_answered(Fixture *fixture G_GNUC_UNUSED)
{
    return tally.open == 0;
}

/* The plugin is ready, and has answered if it does. */
static bool
is_ready(Fixture *fixture)
{
    if (vmmiMigrationRequestStatus(fixture->migration, 1, NULL) < 0)
        return false;
    tally.open++;
    return true;
}

static void
ask_often(Fixture *fixture, const Row *row, unsigned int count)
{
    for (unsigned int i = 0; i < count && !g_test_failed(); i++) {
        tally.open++;
        tally.asked++;
        g_assert_cmpint(
            vmmiMigrationRequestStatus(fixture->migration, row->answers ? 0 : TIMEOUT_MS, NULL), ==,
            0);
        /* One at a time. */
        g_assert_cmpint(vmmiMigrationRequestStatus(fixture->migration, 0, NULL), ==, -1);
        dispatch_until(fixture, is_answered);
        if (i % 16 == 0)
            look_at_output(fixture, &tally);
    }
}

static void
test_row(Fixture *fixture, gconstpointer data)
{
    const Row *row = data;
    unsigned int count = rounds(300, 10000), before, after;
    vmmiMigrationCallbacks callbacks = { .size = sizeof(callbacks), .status = on_status,
                                         .opaque = &tally };
    g_autofree char *body = g_strdup_printf("exec '%s' %s", g_getenv("PROBE"), row->name);

    memset(&tally, 0, sizeof(tally));
    write_plugin(fixture, "fake", body);
    fixture->migration = start(fixture, 1);
    g_assert_cmpint(vmmiMigrationWatch(fixture->migration, &callbacks, NULL), ==, 0);
    dispatch_until(fixture, is_ready);
    dispatch_until(fixture, is_answered);
    tally.statuses = tally.silences = 0;
    before = resident_kib();
    ask_often(fixture, row, count);
    after = resident_kib();
    look_at_output(fixture, &tally);
    g_test_message("%u requests: %u statuses, %u silences; %u KiB resident, then %u; at most %u "
                   "bytes of output",
                   tally.asked, tally.statuses, tally.silences, before, after,
                   (unsigned int)tally.largest);
    g_assert_cmpuint(tally.statuses + tally.silences, ==, tally.asked);
    g_assert_cmpuint(after, <=, before + GROWTH_MAX_KIB);
    g_assert_cmpuint(tally.largest, <=, STDOUT_MAX_BYTES);
    if (row->answers)
        g_assert_cmpuint(tally.silences, ==, 0);
    vmmiMigrationAbort(fixture->migration, NULL);
    dispatch_until(fixture, has_ended);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/R14/%s", rows[i].name);

        g_test_add(path, Fixture, &rows[i], fixture_set_up, test_row, fixture_tear_down);
    }
    return g_test_run();
}
