/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-replace.c: a plugin made with the kit that is asked to replace the one in charge (B13), and
 * what an attached one applies of its configuration (B12).
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "child.h"
#include "fake-host.h"
#include "util/cleanup.h"
#include "../rows.h"

#define MIGRATION(content) ", \"migration\": {" content "}"
#define REPLACE MIGRATION("\"replace\": true")
#define PRECOPY "\"state\":\"precopy\""

/* Two plugins for one guest in one run directory. Both append to the same files. */
typedef struct {
    Child first, second;
} Pair;

static void
pair_clear(Pair *pair)
{
    /* The directory is the first one's. */
    g_clear_pointer(&pair->second.dir, g_free);
    childClear(&pair->second);
    childClear(&pair->first);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

static void
start_first(Pair *pair, const char *script, const char *more)
{
    childMigrate(&pair->first, "plain", script, more);
    childAwait(&pair->first, PRECOPY);
}

static void
start_second(Pair *pair, const char *script, const char *more)
{
    pair->second.dir = g_strdup(pair->first.dir);
    childMigrate(&pair->second, "plain", script, more);
}

static void
expect(const char *text, const char *needle)
{
    if (strstr(text, needle))
        return;
    g_test_message("'%s' is not in %s", needle, text);
    g_test_fail();
}

static char *
read_file(const Child *child, const char *name)
{
    g_autofree char *path = g_build_filename(child->dir, "run/jobs", name, NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text ? text : g_strdup("");
}

static void
test_replaces(void)
{
    g_auto(Pair) pair = { { .stdin_fd = -1 }, { .stdin_fd = -1 } };
    g_autofree char *record = NULL;
    g_autofree char *journal = NULL;

    start_first(&pair, "migrates-already-holds", NULL);
    start_second(&pair, "migrates-already", REPLACE);
    childEnd(&pair.first);
    childEnd(&pair.second);
    g_assert_true(WIFEXITED(pair.first.status) && WEXITSTATUS(pair.first.status) == 1);
    g_assert_cmpint(pair.second.status, ==, 0);
    expect(pair.second.err, "\"code\":13");
    expect(pair.second.err, "\"result\":\"success\"");
    expect(pair.second.err, "\"attached\":true");
    record = read_file(&pair.first, FAKE_UUID ".2/job.json");
    expect(record, "\"" FAKE_UUID ".1\"");
    journal = read_file(&pair.first, FAKE_UUID ".2/journal");
    expect(journal, "\"attached\":true");
}

/* Nobody is there to be replaced. */
static void
test_nobody(void)
{
    g_auto(Child) child = { .stdin_fd = -1 };

    childMigrate(&child, "plain", "completes", REPLACE);
    childEnd(&child);
    g_assert_cmpint(child.status, ==, 0);
}

/* One that cannot be replaced stays in charge, and is none the worse. */
static const struct {
    const char *name, *more;
    bool stopped;
    const char *code, *needle;
} kept[] = {
    { "managed", MIGRATION("\"mode\": \"managed\""), false, "\"code\":15", "is not peer-to-peer" },
    { "stopped", NULL, true, "\"code\":14", "it is still in charge" },
};

static bool
is_stopped(const Child *child)
{
    int status;

    for (int i = 0; i < 10000; i++) {
        if (waitpid(child->pid, &status, WUNTRACED | WNOHANG) == child->pid)
            return WIFSTOPPED(status);
        g_usleep(1000);
    }
    return false;
}

static void
test_kept(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_auto(Pair) pair = { { .stdin_fd = -1 }, { .stdin_fd = -1 } };

    start_first(&pair, "holds", kept[row].more);
    if (kept[row].stopped) {
        childSignal(&pair.first, SIGSTOP);
        g_assert_true(is_stopped(&pair.first));
    }
    start_second(&pair, "migrates-already", REPLACE);
    childEnd(&pair.second);
    g_assert_true(WIFEXITED(pair.second.status) && WEXITSTATUS(pair.second.status) == 1);
    expect(pair.second.err, kept[row].code);
    expect(pair.second.err, kept[row].needle);
    kill(pair.first.pid, SIGCONT);
    childSignal(&pair.first, SIGINT);
    childEnd(&pair.first);
    expect(pair.first.err, "\"code\":9");
}

static void
test_wrong_type(void)
{
    g_auto(Child) child = { .stdin_fd = -1 };

    childMigrate(&child, "plain", "completes", MIGRATION("\"replace\": 1"));
    childEnd(&child);
    expect(child.err, "\"code\":6");
    expect(child.err, "migration.replace");
}

/* B12: of the parameters the speed can be moved; the host of this test refuses, which is told. */
static void
test_speed(void)
{
    g_auto(Child) child = { .stdin_fd = -1 };

    childMigrate(&child, "plain", "migrates-already",
                 MIGRATION("\"params\": {\"bandwidth\": 7, \"parallel.connections\": 2}"));
    childEnd(&child);
    g_assert_cmpint(child.status, ==, 0);
    expect(child.err, "\"id\":0,\"action\":\"tune\",\"what\":\"bandwidthMibPerSecond\",\"value\":7");
    expect(child.err, "the configuration says so");
    expect(child.err, "\"result\":\"failed\"");
}

int
main(int argc, char **argv)
{
    childMain(argc, argv);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/kit/replace/replaces", test_replaces);
    g_test_add_func("/kit/replace/nobody", test_nobody);
    ADD_ROWS("/kit/replace/kept/", kept, test_kept);
    g_test_add_func("/kit/replace/wrong-type", test_wrong_type);
    g_test_add_func("/kit/replace/speed", test_speed);
    return g_test_run();
}
