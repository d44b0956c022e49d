/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-record.c: records of a run directory, looked at without any host.
 *
 * "Running" is this process itself, which holds its job as a bare plugin does.
 */
#include <string.h>

#include "message/json.h"
#include "plugin/journal.h"
#include "records.h"

/* --- what it says ----------------------------------------------------------------- */

static void
test_empty(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiRecordList *list = vmmiManagerListRecords(fixture->manager, 0, NULL);
    const vmmiError *first = NULL;

    g_assert_nonnull(list);
    g_assert_cmpuint(vmmiRecordListGetCount(list), ==, 0);
    g_assert_null(vmmiRecordListGet(list, 0));
    g_assert_cmpuint(vmmiRecordListGetBroken(list, &first), ==, 0);
    g_assert_null(first);
    vmmiRecordListFree(list);
}

static void
test_nothing(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    vmmiRecordListFree(NULL);
    vmmiRecordFree(NULL);
    g_assert_cmpuint(vmmiRecordListGetCount(NULL), ==, 0);
    g_assert_cmpuint(vmmiRecordListGetBroken(NULL, NULL), ==, 0);
    g_assert_null(vmmiRecordGetId(NULL));
    g_assert_null(vmmiRecordToJson(NULL, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    g_clear_pointer(&error, vmmiErrorFree);
    g_assert_null(vmmiManagerListRecords(NULL, 0, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    g_clear_pointer(&error, vmmiErrorFree);
    g_assert_null(vmmiManagerListRecords(fixture->manager, 4, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    g_clear_pointer(&error, vmmiErrorFree);
    g_assert_null(vmmiManagerFindRecord(fixture->manager, "", &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
}

static void
test_prepared(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job G_GNUC_UNUSED = make_job(fixture, UUID, "guest", NULL);
    vmmiRecord *record = find(fixture, UUID ".1");
    g_autofree char *directory = g_build_filename(fixture->path, "jobs", UUID ".1", NULL);

    CHECK(record, "prepared", "starting", 0);
    g_assert_cmpstr(vmmiRecordGetId(record), ==, UUID ".1");
    g_assert_cmpstr(vmmiRecordGetGuestUuid(record), ==, UUID);
    g_assert_cmpstr(vmmiRecordGetGuestName(record), ==, "guest");
    g_assert_cmpstr(vmmiRecordGetPlugin(record), ==, "fake");
    g_assert_cmpstr(vmmiRecordGetPluginPath(record), ==, "/usr/libexec/vmmi/fake");
    g_assert_cmpstr(vmmiRecordGetSourceUri(record), ==, "qemu:///system");
    g_assert_cmpstr(vmmiRecordGetDestinationUri(record), ==, "qemu://user@dst/system");
    g_assert_null(vmmiRecordGetMigrateUri(record));
    g_assert_cmpstr(vmmiRecordGetDirectory(record), ==, directory);
    g_assert_null(vmmiRecordGetReplaces(record));
    g_assert_null(vmmiRecordGetReplacedBy(record));
    g_assert_null(vmmiRecordGetOutcome(record));
    g_assert_null(vmmiRecordGetSample(record));
    g_assert_cmpuint(vmmiRecordGetCreatedMs(record), >, 0);
    g_assert_cmpuint(vmmiRecordGetEndedMs(record), ==, 0);
    g_assert_false(vmmiRecordIsAcknowledged(record));
    vmmiRecordFree(record);
}

static void
test_abandoned(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiRecord *record;
    const vmmiOutcome *outcome;

    vmmiJobUnref(make_job(fixture, UUID, "guest", NULL));
    record = find(fixture, UUID ".1");
    outcome = vmmiRecordGetOutcome(record);
    CHECK(record, "abandoned", "failed", 0);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_FAILED);
    g_assert_cmpint(vmmiOutcomeGetWhere(outcome), ==, VMMI_WHERE_SOURCE);
    g_assert_cmpint(vmmiOutcomeGetExitKind(outcome), ==, VMMI_EXIT_NOT_STARTED);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, VMMI_ERR_PLUGIN_LAUNCH);
    vmmiRecordFree(record);
}

static void
test_not_started(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID, "guest", NULL);
    vmmiRecord *record;

    vmmiJobCommit(job);
    write_text(job, "result.json",
               "{\"version\": 1, \"kind\": \"not-started\", \"value\": -1, \"endedMs\": 5, "
               "\"stage\": \"ready\", \"errno\": 0}");
    record = find(fixture, UUID ".1");
    CHECK(record, "finished", "failed", 0);
    g_assert_cmpint(vmmiOutcomeGetExitKind(vmmiRecordGetOutcome(record)), ==,
                    VMMI_EXIT_NOT_STARTED);
    g_assert_cmpuint(vmmiRecordGetEndedMs(record), ==, 5);
    vmmiRecordFree(record);
}

static void
test_unattended(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_ended(fixture, UUID, "guest", NULL);
    vmmiRecord *record;

    write_text(job, "journal", STATE(1, "precopy") SAMPLE(2, 40));
    record = find(fixture, UUID ".1");
    CHECK(record, "finished", "unattended", 40);
    g_assert_null(vmmiRecordGetOutcome(record));
    g_assert_cmpuint(vmmiRecordGetEndedMs(record), >, 0);
    vmmiRecordFree(record);
}

static const struct {
    const char *outcome, *state;
    unsigned int percent;
    const char *text;
} outcomes[] = {
    { "completed", "completed", 100, OUTCOME("completed", "destination") },
    { "failed", "failed", 40, OUTCOME("failed", "source") },
    { "aborted", "aborted", 40, OUTCOME("aborted", "source") },
    { "released", "released", 40, OUTCOME("released", "unknown") },
    { "unknown", "unknown", 40, OUTCOME("unknown", "unknown") },
};

static void
test_outcome(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_settled(fixture, UUID, "guest", outcomes[row].text);
    vmmiRecord *record;

    write_text(job, "journal", SAMPLE(2, 40));
    record = find(fixture, UUID ".1");
    CHECK(record, "finished", outcomes[row].state, outcomes[row].percent);
    g_assert_cmpstr(vmmiOutcomeKindToString(vmmiOutcomeGetKind(vmmiRecordGetOutcome(record))), ==,
                    outcomes[row].outcome);
    g_assert_cmpstr(vmmiOutcomeGetEvidence(vmmiRecordGetOutcome(record)), ==, "seen");
    g_assert_false(vmmiRecordIsAcknowledged(record));
    vmmiRecordFree(record);
    g_assert_cmpint(vmmiJobAcknowledge(job, NULL), ==, 0);
    record = find(fixture, UUID ".1");
    g_assert_true(vmmiRecordIsAcknowledged(record));
    vmmiRecordFree(record);
}

/* --- the tail of a journal -------------------------------------------------------- */

#define LONG_LINE 70000

static const struct {
    const char *name;
    const char *journal;   /* NULL: none */
    const char *state;
    unsigned int percent;
    size_t repeat;         /* of the text before @last */
    const char *last;
} journals[] = {
    { "none", NULL, "(unknown)", 0, 1, "" },
    { "empty", "", "(unknown)", 0, 1, "" },
    { "begun", ENTRY(1, "\"kind\": \"start\""), "starting", 0, 1, "" },
    { "state", STATE(1, "precopy"), "precopy", 0, 1, "" },
    { "last-state", STATE(1, "precopy") STATE(2, "switchover"), "switchover", 0, 1, "" },
    { "sample", STATE(1, "precopy") SAMPLE(2, 40), "precopy", 40, 1, "" },
    { "last-sample", STATE(1, "precopy") SAMPLE(2, 40) SAMPLE(3, 70), "precopy", 70, 1, "" },
    { "no-hundred", SAMPLE(1, 100), "(unknown)", 99, 1, "" },
    { "not-whole", STATE(1, "precopy") "{\"seq\": 2, \"kind\": \"sta", "precopy", 0, 1, "" },
    { "final-is-judged", STATE(1, "precopy") STATE(2, "completed"), "precopy", 0, 1, "" },
    { "garbage", "\xff\xfe\n{{{{\n[]\n\n\n" STATE(1, "postcopy") "}\n\"\n", "postcopy", 0, 1, "" },
    { "no-such-state", STATE(1, "precopy") STATE(2, "flying"), "precopy", 0, 1, "" },
    { "only-garbage", "garbage\n", "(unknown)", 0, 1, "" },
    { "many", SAMPLE(1, 1), "precopy", 5, 3000,
      ENTRY(9, "\"kind\": \"sample\", \"state\": \"precopy\", \"sample\": {\"percent\": 5}") },
    { "in-second-read", SAMPLE(1, 7), "precopy", 7, 200, "" },
    { "too-far-back", SAMPLE(1, 7), "(unknown)", 7, 3000, "" },
};

static void
test_journal(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID, "guest", NULL);
    g_autoptr(GString) text = g_string_new(journals[row].repeat > 1 ? STATE(1, "precopy") : "");
    vmmiRecord *record;

    for (size_t i = 0; journals[row].journal && i < journals[row].repeat; i++)
        g_string_append(text, journals[row].journal);
    g_string_append(text, journals[row].last);
    if (journals[row].journal)
        write_text(job, "journal", text->str);
    g_assert_cmpint(vmmiJobHold(job, NULL), ==, 0);
    record = find(fixture, UUID ".1");
    CHECK(record, "running", journals[row].state, journals[row].percent);
    vmmiRecordFree(record);
    g_assert_cmpint(vmmiJobLeave(job, 0, NULL), ==, 0);
}

static void
test_long_line(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID, "guest", NULL);
    g_autofree char *line = g_strnfill(LONG_LINE, 'x');
    g_autofree char *text = g_strconcat(STATE(1, "precopy"), line, NULL);
    vmmiRecord *record;

    write_text(job, "journal", text);
    g_assert_cmpint(vmmiJobHold(job, NULL), ==, 0);
    record = find(fixture, UUID ".1");
    CHECK(record, "running", "(unknown)", 0);
    vmmiRecordFree(record);
    g_assert_cmpint(vmmiJobLeave(job, 0, NULL), ==, 0);
}

/* What the journal's own writer leaves is found however many samples follow a state. */
static void
test_own_journal(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID, "guest", NULL);
    g_autoptr(vmmiJournal) journal = vmmiJournalOpen(vmmiJobGetFd(job), NULL);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    vmmiRecord *record;

    g_assert_cmpint(vmmiJournalAddState(journal, VMMI_STATE_POSTCOPY, NULL, NULL), ==, 0);
    for (uint64_t i = 0; i < 1000; i++) {
        vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT, i / 20);
        g_assert_cmpint(vmmiJournalAddSample(journal, sample, 0, NULL, NULL), ==, 0);
    }
    g_assert_cmpint(vmmiJobHold(job, NULL), ==, 0);
    record = find(fixture, UUID ".1");
    CHECK(record, "running", "postcopy", 49);
    g_assert_cmpuint(vmmiSampleGetOr(vmmiRecordGetSample(record), VMMI_SAMPLE_PERCENT, 0), ==, 49);
    vmmiRecordFree(record);
    g_assert_cmpint(vmmiJobLeave(job, 0, NULL), ==, 0);
}

/* --- as text ---------------------------------------------------------------------- */

static void
test_json(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const keys[] = {
        "id",        "guest",    "uuid",       "plugin",      "state",       "percent",
        "sample",    "outcome",  "where",      "error",       "evidence",    "exit",
        "actions",   "source",   "statistics", "destination", "diagnostics", "completion",
        "migrateUri", "pluginPath", "directory", "createdMs", "phase", "replaces", "replacedBy",
        "endedMs",   "acknowledged",
    };
    g_autoptr(vmmiJob) job G_GNUC_UNUSED =
        make_settled(fixture, UUID, "guest", OUTCOME("aborted", "source"));
    vmmiRecord *record = find(fixture, UUID);
    char *text = vmmiRecordToJson(record, NULL);
    g_autoptr(json_t) object = vmmiJsonParse(text, strlen(text), NULL, NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_test_message("%s", keys[i]);
        g_assert_nonnull(json_object_get(object, keys[i]));
    }
    g_assert_cmpstr(json_string_value(json_object_get(object, "state")), ==, "aborted");
    g_assert_cmpstr(json_string_value(json_object_get(object, "phase")), ==, "finished");
    g_assert_true(json_is_false(json_object_get(object, "acknowledged")));
    g_assert_true(json_is_integer(json_object_get(object, "endedMs")));
    vmmiFree(text);
    vmmiRecordFree(record);
}

static void
test_json_live(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID, NULL, NULL);
    g_autoptr(json_t) object = NULL;
    vmmiRecord *record;
    char *text;

    g_assert_cmpint(vmmiJobHold(job, NULL), ==, 0);
    record = find(fixture, UUID);
    text = vmmiRecordToJson(record, NULL);
    object = vmmiJsonParse(text, strlen(text), NULL, NULL);
    g_assert_true(json_is_null(json_object_get(object, "state")));
    g_assert_true(json_is_null(json_object_get(object, "guest")));
    g_assert_true(json_is_null(json_object_get(object, "outcome")));
    g_assert_true(json_is_null(json_object_get(object, "endedMs")));
    vmmiFree(text);
    vmmiRecordFree(record);
    g_assert_cmpint(vmmiJobLeave(job, 0, NULL), ==, 0);
}

static void
test_configuration(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID, "guest", NULL);
    vmmiRecord *record = find(fixture, UUID);
    vmmiRecord *late = find(fixture, UUID);

    g_assert_cmpstr(vmmiRecordGetConfiguration(record), ==,
                    "{\"configuration\":{\"a\":{\"b\":1}},\"origins\":{\"a.b\":\"caller\"}}");
    /* What was removed since cannot be read any more; the record is as it was. */
    vmmiJobDiscard(job);
    g_assert_nonnull(vmmiRecordGetConfiguration(record));
    g_assert_null(vmmiRecordGetConfiguration(late));
    g_assert_cmpstr(vmmiRecordGetGuestName(late), ==, "guest");
    vmmiRecordFree(record);
    vmmiRecordFree(late);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    TEST("empty", test_empty);
    TEST("nothing", test_nothing);
    TEST("prepared", test_prepared);
    TEST("abandoned", test_abandoned);
    TEST("not-started", test_not_started);
    TEST("unattended", test_unattended);
    ROWS(outcomes, "outcome", test_outcome, outcome);
    ROWS(journals, "journal", test_journal, name);
    TEST("journal/long-line", test_long_line);
    TEST("journal/own", test_own_journal);
    TEST("json/ended", test_json);
    TEST("json/live", test_json_live);
    TEST("configuration", test_configuration);
    return g_test_run();
}
