/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-fixtures.c: what earlier releases left is listed and settled, what a later one left is refused
 * by its version, and what this one writes is what the fixtures hold (row R25).
 */
#include <string.h>

#include "message/json.h"
#include "migration/outcome.h"
#include "plugin/job-age.h"
#include "plugin/job.h"
#include "records.h"
#include "util/file.h"

#define GUEST1 "7844e427-a44f-597c-ad3c-3f5fa2298fa1"
#define GUEST2 "5b784a5f-de80-58b1-a9b3-d9bdde9ccf14"
#define GUEST3 "5b8bc865-71e5-5d77-a35c-43ccdd3ffaf6"
#define PATIENCE_MS 20000

static char *
fixture_path(const char *name)
{
    return g_build_filename(g_getenv("FIXTURES"), name, NULL);
}

/* A run directory of the first release in place of the fresh one. */
static void
lay_out(Fixture *fixture)
{
    g_autofree char *program = fixture_path("lay-out");
    g_autofree char *source = fixture_path("run-dir-1");
    const char *const argv[] = { program, source, fixture->path, NULL };
    int status = -1;

    vmmiManagerFree(fixture->manager);
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, &status,
                               NULL));
    g_assert_cmpint(status, ==, 0);
    /* Its worlds are there as well. */
    g_setenv("VMMI_RUN_DIR", fixture->path, TRUE);
    fixture->manager = vmmiManagerNew(fixture->path, 0, NULL);
    g_assert_nonnull(fixture->manager);
}

static const struct {
    const char *name, *id, *phase, *state;
    const char *outcome;     /* once it is settled */
    const char *exit;
    bool acknowledged;
} adopted[] = {
    { "acknowledged", GUEST1 ".1", "finished", "completed", "completed", "exited", true },
    { "settled", GUEST1 ".2", "finished", "completed", "completed", "exited", false },
    { "gone", GUEST2 ".1", "gone", "unattended", "failed", "unknown", false },
    { "lost-at-boot", GUEST2 ".2", "lost-at-boot", "unattended", "failed", "lost-at-boot", false },
    { "unsettled", GUEST3 ".1", "finished", "unattended", "failed", "killed", false },
    { "abandoned", GUEST3 ".2", "abandoned", "failed", "failed", "not-started", false },
};

static void
test_listed(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const vmmiError *first = NULL;
    vmmiRecordList *list;
    vmmiRecord *record;

    lay_out(fixture);
    list = vmmiManagerListRecords(fixture->manager, 0, NULL);
    g_assert_cmpuint(vmmiRecordListGetBroken(list, &first), ==, 0);
    g_assert_cmpstr(vmmiErrorGetMessage(first), ==, "");
    g_assert_cmpuint(vmmiRecordListGetCount(list), ==, G_N_ELEMENTS(adopted));
    vmmiRecordListFree(list);
    record = find(fixture, adopted[row].id);
    g_assert_cmpstr(vmmiPhaseToString(vmmiRecordGetPhase(record)), ==, adopted[row].phase);
    g_assert_cmpstr(state_of(record), ==, adopted[row].state);
    g_assert_true(vmmiRecordIsAcknowledged(record) == adopted[row].acknowledged);
    g_assert_cmpstr(vmmiRecordGetPlugin(record), ==, "touri");
    g_assert_cmpstr(vmmiRecordGetSourceUri(record), ==, "sim:///");
    g_assert_nonnull(vmmiRecordGetConfiguration(record));
    g_assert_cmpstr(vmmiRecordGetReplacedBy(record), ==, row == 0 ? GUEST1 ".2" : NULL);
    vmmiRecordFree(record);
}

static void
test_settled(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiMigration) migration = NULL;
    g_autoptr(vmmiError) error = NULL;
    const vmmiOutcome *outcome;
    vmmiRecord *record;

    lay_out(fixture);
    migration = vmmiMigrationOpen(fixture->manager, adopted[row].id, NULL, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_cmpint(vmmiMigrationWait(migration, PATIENCE_MS, &error), ==, 1);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    outcome = vmmiMigrationGetOutcome(migration);
    g_assert_cmpstr(vmmiOutcomeKindToString(vmmiOutcomeGetKind(outcome)), ==,
                    adopted[row].outcome);
    g_assert_cmpstr(vmmiExitKindToString(vmmiOutcomeGetExitKind(outcome)), ==, adopted[row].exit);
    /* The guests of this world have not moved. */
    if (row > 1)
        g_assert_cmpint(vmmiOutcomeGetWhere(outcome), ==, VMMI_WHERE_SOURCE);
    record = find(fixture, adopted[row].id);
    g_assert_cmpstr(state_of(record), ==, adopted[row].outcome);
    vmmiRecordFree(record);
    g_assert_cmpint(vmmiMigrationAcknowledge(migration, &error), ==, 0);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
}

/* --- a later release -------------------------------------------------------------- */

static const struct {
    const char *file, *id;
} later[] = {
    { "job.json", GUEST1 ".2" },
    { "result.json", GUEST3 ".1" },
    { "outcome.json", GUEST1 ".2" },
    { "helper.json", GUEST2 ".1" },
};

static void
copy_later(const char *name, const char *directory)
{
    g_autofree char *from = g_build_filename(g_getenv("FIXTURES"), "run-dir-2", name, NULL);
    g_autofree char *to = g_build_filename(directory, name, NULL);
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(from, &text, NULL, NULL));
    g_assert_true(g_file_set_contents(to, text, -1, NULL));
}

static void
check_refused(const vmmiError *error, const char *name)
{
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "version 2"));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), name));
}

static void
test_later(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *directory =
        g_build_filename(fixture->path, "jobs", later[row].id, NULL);
    g_autoptr(vmmiError) error = NULL;
    const vmmiError *first = NULL;
    vmmiRecordList *list;

    lay_out(fixture);
    copy_later(later[row].file, directory);
    g_assert_null(vmmiManagerFindRecord(fixture->manager, later[row].id, &error));
    check_refused(error, later[row].file);
    list = vmmiManagerListRecords(fixture->manager, 0, NULL);
    g_assert_cmpuint(vmmiRecordListGetBroken(list, &first), ==, 1);
    check_refused(first, later[row].file);
    /* The others are what they were. */
    g_assert_cmpuint(vmmiRecordListGetCount(list), ==, G_N_ELEMENTS(adopted) - 1);
    vmmiRecordListFree(list);
}

static void
test_later_layout(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    lay_out(fixture);
    vmmiManagerFree(fixture->manager);
    copy_later("version", fixture->path);
    fixture->manager = vmmiManagerNew(fixture->path, 0, &error);
    g_assert_null(fixture->manager);
    check_refused(error, fixture->path);
    g_clear_pointer(&error, vmmiErrorFree);
    fixture->manager = vmmiManagerNew(fixture->path, VMMI_MANAGER_READ_ONLY, &error);
    g_assert_null(fixture->manager);
    check_refused(error, fixture->path);
}

/* --- this release ----------------------------------------------------------------- */

static void
add_keys(GPtrArray *keys, const char *prefix, const json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)object, key, value) {
        char *path = g_strdup_printf("%s%s", prefix, key);

        g_ptr_array_add(keys, path);
        /* What is in these is not the record's own. */
        if (json_is_object(value) && !g_str_equal(path, "options") &&
            !g_str_equal(path, "statistics") && !g_str_equal(path, "completion")) {
            g_autofree char *below = g_strdup_printf("%s.", path);

            add_keys(keys, below, value);
        }
    }
}

static gint
compare_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All keys of a file, sorted, joined by spaces. */
static char *
keys_of(const char *directory, const char *name)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autofree char *text = NULL;
    g_autoptr(json_t) object = NULL;
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    size_t length = 0;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    object = vmmiJsonParse(text, length, name, NULL);
    g_assert_nonnull(object);
    add_keys(keys, "", object);
    g_ptr_array_sort(keys, compare_text);
    g_ptr_array_add(keys, NULL);
    return g_strjoinv(" ", (char **)keys->pdata);
}

/* Keys that are not in every record: a change of these needs no new fixture. */
static char *
without_optional(const char *keys)
{
    g_auto(GStrv) all = g_strsplit(keys, " ", -1);
    g_autoptr(GString) left = g_string_new(NULL);

    for (char **key = all; *key; key++) {
        if (!g_str_equal(*key, "replaces") && !g_str_equal(*key, "shimPid") &&
            !g_str_has_prefix(*key, "error."))
            g_string_append_printf(left, "%s ", *key);
    }
    return g_string_free(g_steal_pointer(&left), FALSE);
}

/* A record of this release, as far as a process without a shim writes one. */
static vmmiJob *
make_own(const Fixture *fixture)
{
    vmmiJob *job = make_ended(fixture, UUID, "guest", NULL);
    vmmiOutcome *outcome = vmmiOutcomeNew();
    g_autoptr(json_t) object = vmmiOutcomeToJson(outcome);
    g_autofree char *text = vmmiJsonWrite(object, false);

    g_assert_cmpint(vmmiJobSettle(job, text, strlen(text), NULL), ==, 1);
    g_assert_cmpint(vmmiJobAcknowledge(job, NULL), ==, 0);
    vmmiOutcomeFree(outcome);
    return job;
}

static const char *const own_files[] = { "job.json", "helper.json", "outcome.json",
                                         "acknowledged" };

static void
test_own(Fixture *fixture, gconstpointer data)
{
    const char *name = data;
    g_autoptr(vmmiJob) job = make_own(fixture);
    g_autofree char *path G_GNUC_UNUSED = fixture_path("run-dir-1");
    g_autofree char *laid_out = g_build_filename(fixture->path, "jobs", GUEST1 ".1", NULL);
    g_autofree char *own = keys_of(vmmiJobGetPath(job), name);
    g_autofree char *kept = NULL;
    g_autofree char *own_left = without_optional(own);
    g_autofree char *kept_left = NULL;

    lay_out(fixture);
    kept = keys_of(laid_out, name);
    kept_left = without_optional(kept);
    g_assert_cmpstr(own_left, ==, kept_left);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ROWS(adopted, "fixture/listed", test_listed, name);
    ROWS(adopted, "fixture/settled", test_settled, name);
    ROWS(later, "fixture/later", test_later, file);
    TEST("fixture/later/layout", test_later_layout);
    for (size_t i = 0; i < G_N_ELEMENTS(own_files); i++) {
        g_autofree char *path = g_strdup_printf("/record/fixture/own/%s", own_files[i]);

        g_test_add(path, Fixture, own_files[i], set_up, test_own, tear_down);
    }
    return g_test_run();
}
