/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-record-list.c: which records are listed and found, and which cannot be read.
 */
#include <string.h>

#include "message/json.h"
#include "records.h"

/* --- finding ---------------------------------------------------------------------- */

static const struct {
    const char *name, *selector, *id;
    int code;
} selectors[] = {
    { "id", UUID ".1", UUID ".1", 0 },
    { "uuid", UUID, UUID ".2", 0 },
    { "uuid-upper-case", "6D1B9C9E-0C3F-4D53-9B35-1F6F1E2B7A10", UUID ".2", 0 },
    { "uuid-forced", "uuid:" UUID, UUID ".2", 0 },
    { "name", "calm", UUID ".2", 0 },
    { "name-forced", "name:calm", UUID ".2", 0 },
    { "lives", "busy", OTHER ".1", 0 },
    { "no-such-id", UUID ".7", NULL, VMMI_ERR_MIGRATION_UNKNOWN },
    { "no-such-name", "cal", NULL, VMMI_ERR_MIGRATION_UNKNOWN },
    { "no-such-uuid", "11111111-0c3f-4d53-9b35-1f6f1e2b7a10", NULL, VMMI_ERR_MIGRATION_UNKNOWN },
    { "no-uuid", "uuid:calm", NULL, VMMI_ERR_MIGRATION_UNKNOWN },
    { "name-that-is-a-uuid", "name:" UUID, NULL, VMMI_ERR_MIGRATION_UNKNOWN },
    { "path", "../jobs/" UUID ".1", NULL, VMMI_ERR_MIGRATION_UNKNOWN },
    { "dots", "..", NULL, VMMI_ERR_MIGRATION_UNKNOWN },
};

static void
test_find(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) first G_GNUC_UNUSED =
        make_settled(fixture, UUID, "calm", OUTCOME("aborted", "source"));
    g_autoptr(vmmiJob) second G_GNUC_UNUSED =
        make_settled(fixture, UUID, "calm", OUTCOME("completed", "destination"));
    g_autoptr(vmmiJob) live G_GNUC_UNUSED = make_job(fixture, OTHER, "busy", NULL);
    g_autoptr(vmmiError) error = NULL;
    vmmiRecord *record =
        vmmiManagerFindRecord(fixture->manager, selectors[row].selector, &error);

    g_assert_cmpstr(vmmiRecordGetId(record), ==, selectors[row].id);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, selectors[row].code);
    vmmiRecordFree(record);
}

/* A guest that was made anew, and two hosts with a guest of one name. */
static void
test_namesakes(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) old G_GNUC_UNUSED =
        make_settled(fixture, OTHER, "guest", OUTCOME("aborted", "source"));
    g_autoptr(vmmiJob) live G_GNUC_UNUSED = make_job(fixture, UUID, "guest", NULL);
    g_autoptr(vmmiJob) other = NULL;
    g_autoptr(vmmiError) error = NULL;
    vmmiRecord *record = find(fixture, "guest");

    g_assert_cmpstr(vmmiRecordGetId(record), ==, UUID ".1");
    vmmiRecordFree(record);
    other = make_job(fixture, OTHER, "guest", NULL);
    g_assert_null(vmmiManagerFindRecord(fixture->manager, "guest", &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), UUID));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), OTHER));
}

static void
test_replaced(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) first G_GNUC_UNUSED = make_ended(fixture, UUID, "guest", NULL);
    g_autoptr(vmmiJob) second G_GNUC_UNUSED = make_ended(fixture, UUID, "guest", UUID ".1");
    g_autoptr(vmmiJob) third G_GNUC_UNUSED = make_ended(fixture, UUID, "guest", UUID ".1");
    g_autoptr(vmmiJob) given_up = make_job(fixture, UUID, "guest", UUID ".1");
    vmmiRecordList *list = NULL;
    vmmiRecord *record = NULL;

    /* Its manager died before it started. */
    vmmiJobCommit(given_up);
    list = vmmiManagerListRecords(fixture->manager, 0, NULL);
    record = find(fixture, UUID ".1");
    g_assert_cmpuint(vmmiRecordListGetCount(list), ==, 4);
    g_assert_cmpstr(vmmiRecordGetReplacedBy(vmmiRecordListGet(list, 0)), ==, UUID ".3");
    g_assert_cmpstr(vmmiRecordGetReplaces(vmmiRecordListGet(list, 1)), ==, UUID ".1");
    g_assert_null(vmmiRecordGetReplacedBy(vmmiRecordListGet(list, 2)));
    g_assert_cmpstr(vmmiRecordGetReplacedBy(record), ==, UUID ".3");
    vmmiRecordFree(record);
    vmmiRecordListFree(list);
}

/* --- listing ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned int flags;
    const char *ids;
} lists[] = {
    { "all", 0, OTHER ".1 " UUID ".1 " UUID ".2 " UUID ".3 " },
    { "both", VMMI_LIST_RUNNING | VMMI_LIST_ENDED, OTHER ".1 " UUID ".1 " UUID ".2 " UUID ".3 " },
    { "running", VMMI_LIST_RUNNING, UUID ".2 " UUID ".3 " },
    { "ended", VMMI_LIST_ENDED, OTHER ".1 " UUID ".1 " },
};

/* In the order of these lines. */
static void
set_created(const vmmiJob *job, int number)
{
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), "job.json", NULL);
    g_autofree char *text = NULL;
    g_autofree char *changed = NULL;
    g_autoptr(json_t) root = NULL;
    size_t length;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    root = vmmiJsonParse(text, length, NULL, NULL);
    json_object_set_new(root, "createdMs", json_integer(number));
    changed = vmmiJsonWrite(root, false);
    g_assert_true(g_file_set_contents(path, changed, -1, NULL));
}

static void
test_list(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) settled = make_settled(fixture, OTHER, "a", OUTCOME("completed", "both"));
    g_autoptr(vmmiJob) abandoned = make_job(fixture, UUID, "b", NULL);
    g_autoptr(vmmiJob) unattended = NULL;
    g_autoptr(vmmiJob) live = NULL;
    g_autoptr(GString) ids = g_string_new(NULL);
    vmmiRecordList *list;

    vmmiJobCommit(abandoned);
    unattended = make_ended(fixture, UUID, "b", NULL);
    live = make_job(fixture, UUID, "b", NULL);
    set_created(settled, 1);
    set_created(abandoned, 2);
    set_created(unattended, 3);
    set_created(live, 4);
    list = vmmiManagerListRecords(fixture->manager, lists[row].flags, NULL);
    for (size_t i = 0; i < vmmiRecordListGetCount(list); i++)
        g_string_append_printf(ids, "%s ", vmmiRecordGetId(vmmiRecordListGet(list, i)));
    g_assert_cmpstr(ids->str, ==, lists[row].ids);
    g_assert_cmpuint(vmmiRecordListGetBroken(list, NULL), ==, 0);
    vmmiRecordListFree(list);
}

static const struct {
    const char *name, *file, *text;
} damages[] = {
    { "no-json", "job.json", "hello" },
    { "empty", "job.json", "" },
    { "newer-job", "job.json", "{\"version\": 2}" },
    { "newer-outcome", "outcome.json", "{\"version\": 2, \"outcome\": \"completed\"}" },
    { "newer-result", "result.json", "{\"version\": 2, \"kind\": \"exited\", \"value\": 0}" },
    { "no-outcome", "outcome.json", "{\"version\": 1}" },
    { "no-result", "result.json", "{}" },
};

static void
test_broken(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) good G_GNUC_UNUSED = make_ended(fixture, OTHER, "good", NULL);
    g_autoptr(vmmiJob) bad = make_ended(fixture, UUID, "bad", NULL);
    g_autoptr(vmmiError) error = NULL;
    const vmmiError *first = NULL;
    vmmiRecordList *list;

    write_text(bad, damages[row].file, damages[row].text);
    list = vmmiManagerListRecords(fixture->manager, 0, NULL);
    g_assert_cmpuint(vmmiRecordListGetCount(list), ==, 1);
    g_assert_cmpuint(vmmiRecordListGetBroken(list, &first), ==, 1);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(first), UUID ".1"));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(first), damages[row].file));
    if (strstr(damages[row].text, ": 2"))
        g_assert_nonnull(strstr(vmmiErrorGetMessage(first), "version 2"));
    vmmiRecordListFree(list);
    g_assert_null(vmmiManagerFindRecord(fixture->manager, UUID, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ROWS(selectors, "find", test_find, name);
    TEST("find/namesakes", test_namesakes);
    TEST("replaced", test_replaced);
    ROWS(lists, "list", test_list, name);
    ROWS(damages, "broken", test_broken, name);
    return g_test_run();
}
