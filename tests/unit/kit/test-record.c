/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-record.c: what a plugin made with the kit leaves in the run directory when nobody but itself
 * could write it.
 */
#include <string.h>
#include <sys/wait.h>

#include "child.h"
#include "fake-host.h"
#include "util/cleanup.h"

/* One migration, all steps of it, to its end. */
static void
migrate(Child *child)
{
    g_autoptr(vmmiMessage) completion = NULL;

    childMigrate(child, "plain", "steps", NULL);
    childEnd(child);
    completion = childCompletion(child);
    g_assert_true(WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0);
    g_assert_true(vmmiCompletionIsSuccess(completion));
}

/* A file of the migration. */
static char *
read_file(const Child *child, const char *name)
{
    g_autofree char *path = g_build_filename(child->dir, "run/jobs/" FAKE_UUID ".1", name, NULL);
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text ? text : g_strdup("");
}

/* The journal holds the whole way, in order. */
static void
test_journal(void)
{
    static const char *const marks[] = {
        "\"kind\":\"start\"",        "\"state\":\"starting\"", "\"state\":\"begin\"",
        "\"state\":\"prepare\"",     "\"state\":\"precopy\"",  "\"state\":\"switchover\"",
        "\"state\":\"finish\"",      "\"state\":\"confirm\"",  "\"state\":\"completed\"",
        "\"outcome\":\"completed\"",
    };
    g_auto(Child) child = { .stdin_fd = -1 };
    g_autofree char *text = NULL;
    const char *at;

    migrate(&child);
    text = read_file(&child, "journal");
    at = text;
    for (size_t i = 0; i < G_N_ELEMENTS(marks); i++) {
        at = strstr(at, marks[i]);
        if (!at) {
            g_test_message("%s is not there, or too early, in\n%s", marks[i], text);
            g_test_fail();
            return;
        }
    }
}

/* A plugin that was started bare leaves what a shim would have: its completion, and how it ended.
 */
static void
test_bare_record(void)
{
    g_auto(Child) child = { .stdin_fd = -1 };
    g_autofree char *completion = NULL;
    g_autofree char *result = NULL;

    migrate(&child);
    completion = read_file(&child, "stderr");
    g_assert_nonnull(strstr(completion, "completion"));
    result = read_file(&child, "result.json");
    g_assert_nonnull(strstr(result, "\"kind\":\"exited\",\"value\":0"));
}

int
main(int argc, char **argv)
{
    childMain(argc, argv);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/kit/record/journal", test_journal);
    g_test_add_func("/kit/record/bare", test_bare_record);
    return g_test_run();
}
