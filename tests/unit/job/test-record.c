/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-record.c: what the files of a job say, and what is made of damaged ones.
 */
#include <signal.h>
#include <string.h>

#include "message/json.h"
#include "plugin/job-private.h"
#include "plugin/job-process.h"
#include "plugin/job-record.h"
#include "support.h"

#define TEST(name, func) ADD_FIXTURE("/record/" name, func, NULL)

/* --- the record --- */

static void
test_record(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiJobRecord record = {
        .plugin = "touri",
        .plugin_path = "/usr/libexec/vmmi/touri",
        .world = "libvirt",
        .guest_uuid = "6D1B9C9E-0C3F-4D53-9B35-1F6F1E2B7A10",
        .guest_name = "g\xff" "est \"1\"",
        .source_uri = "qemu+ssh://user:secret@host/system?keyfile=/x",
        .destination_uri = "qemu://dst/system",
        .replaces = OTHER_UUID ".3",
        .options = "{\"origin\": {\"a.b\": \"caller\"}}",
    };
    g_autoptr(vmmiJob) made = vmmiJobCreate(fixture->run, &record, CONFIG, strlen(CONFIG), NULL);
    g_autofree char *boot_id = vmmiProcessBootId();
    g_autofree char *config = NULL;
    g_autofree char *options = NULL;
    g_autoptr(vmmiJob) job = NULL;
    const vmmiJobRecord *found;
    size_t length = 0;

    g_assert_cmpstr(vmmiJobGetId(made), ==, UUID ".1");
    job = vmmiJobOpenPath(vmmiJobGetPath(made), NULL);
    found = vmmiJobGetRecord(job);
    g_assert_cmpstr(found->id, ==, UUID ".1");
    g_assert_cmpstr(found->plugin, ==, "touri");
    g_assert_cmpstr(found->plugin_path, ==, "/usr/libexec/vmmi/touri");
    g_assert_cmpstr(found->world, ==, "libvirt");
    g_assert_cmpstr(found->guest_uuid, ==, UUID);
    g_assert_cmpstr(found->guest_name, ==, "g\xef\xbf\xbd" "est \"1\"");
    g_assert_cmpstr(found->source_uri, ==, "qemu+ssh://user@host/system?keyfile=/x");
    g_assert_cmpstr(found->destination_uri, ==, "qemu://dst/system");
    g_assert_null(found->migrate_uri);
    g_assert_cmpstr(found->replaces, ==, OTHER_UUID ".3");
    options = vmmiJsonWrite(vmmiJobGetOptions(job), false);
    g_assert_cmpstr(options, ==, "{\"origin\":{\"a.b\":\"caller\"}}");
    g_assert_false(found->bare);
    g_assert_cmpstr(found->vmmi_version, ==, "0.1.0");
    g_assert_cmpstr(found->boot_id, ==, boot_id);
    g_assert_cmpuint(found->created_ms, >, 0);
    g_assert_cmpuint(found->created_boottime_ms, >, 0);
    g_assert_cmpint(vmmiJobReadConfig(job, &config, &length, NULL), ==, 0);
    g_assert_cmpstr(config, ==, CONFIG);
}

static const struct {
    const char *name;
    const char *uri;
    const char *wanted;
} uris[] = {
    { "plain", "qemu:///system", "qemu:///system" },
    { "host", "qemu+ssh://host/system", "qemu+ssh://host/system" },
    { "user", "qemu+ssh://user@host/system", "qemu+ssh://user@host/system" },
    { "password", "qemu+ssh://user:pass@host/system", "qemu+ssh://user@host/system" },
    { "at-in-password", "tcp://u:p@ss@host:49152", "tcp://u@host:49152" },
    { "port", "tcp://host:49152", "tcp://host:49152" },
    { "at-behind-path", "sim:///x?a:b@c", "sim:///x?a:b@c" },
    { "empty-password", "qemu://user:@host/", "qemu://user@host/" },
    { "no-uri", "host:49152", "host:49152" },
};

static void
test_uri(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *stripped = vmmiUriStripPassword(uris[row].uri);

    g_assert_cmpstr(stripped, ==, uris[row].wanted);
}

static const struct {
    const char *name;
    const char *id;
    bool valid;
} ids[] = {
    { "first", UUID ".1", true },
    { "large", UUID ".999999999", true },
    { "too-large", UUID ".1000000000", false },
    { "zero", UUID ".0", false },
    { "leading-zero", UUID ".01", false },
    { "no-number", UUID ".", false },
    { "no-dot", UUID, false },
    { "upper-case", "6D1B9C9E-0C3F-4D53-9B35-1F6F1E2B7A10.1", false },
    { "letters", UUID ".1a", false },
    { "sign", UUID ".+1", false },
    { "no-uuid", "6d1b9c9e-0c3f-4d53-9b35-1f6f1e2b7a1x.1", false },
    { "parent", "..", false },
    { "empty", "", false },
    { "slash", UUID ".1/", false },
};

static void
test_id(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    g_assert_true(vmmiJobIdIsValid(ids[row].id) == ids[row].valid);
    g_assert_null(vmmiJobOpen(fixture->run, ids[row].id, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_MIGRATION_UNKNOWN);
}

static const struct {
    const char *name;
    const char *text;      /* NULL: no file */
    const char *message;
} records[] = {
    { "missing", NULL, "has no job.json" },
    { "empty", "", "job.json" },
    { "array", "[]", "job.json" },
    { "torn", "{\"version\": 1, ", "job.json" },
    { "no-version", "{}", "'version' must be a number" },
    { "newer", "{\"version\": 2}", "has version 2, this library knows up to 1" },
};

static void
test_damaged(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), "job.json", NULL);
    g_autoptr(vmmiError) error = NULL;

    unlink(path);
    if (records[row].text)
        g_assert_true(g_file_set_contents(path, records[row].text, -1, NULL));
    g_assert_null(vmmiJobOpen(fixture->run, UUID ".1", &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), records[row].message));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), UUID ".1"));
}

static const struct {
    const char *name;
    const char *text;
    int got;
    vmmiExitKind kind;
    int value;
} results[] = {
    { "exited", "{\"version\": 1, \"kind\": \"exited\", \"value\": 3}", 1, VMMI_EXIT_EXITED, 3 },
    { "killed", "{\"version\": 1, \"kind\": \"killed\", \"value\": 9}", 1, VMMI_EXIT_KILLED, 9 },
    { "not-started",
      "{\"version\": 1, \"kind\": \"not-started\", \"value\": -1, \"stage\": \"exec\"}", 1,
      VMMI_EXIT_NOT_STARTED, -1 },
    { "no-kind", "{\"version\": 1, \"value\": 3}", -1, 0, 0 },
    { "odd-kind", "{\"version\": 1, \"kind\": \"flown\", \"value\": 3}", -1, 0, 0 },
    { "no-value", "{\"version\": 1, \"kind\": \"exited\"}", -1, 0, 0 },
    { "large-value", "{\"version\": 1, \"kind\": \"exited\", \"value\": 256}", -1, 0, 0 },
    { "negative-value", "{\"version\": 1, \"kind\": \"exited\", \"value\": -1}", -1, 0, 0 },
    { "newer", "{\"version\": 2, \"kind\": \"exited\", \"value\": 3}", -1, 0, 0 },
    { "garbage", "garbage", -1, 0, 0 },
};

static void
test_result(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), "result.json", NULL);
    g_autoptr(vmmiError) error = NULL;
    vmmiJobResult result = { .value = 99 };

    vmmiJobCommit(job);
    g_assert_true(g_file_set_contents(path, results[row].text, -1, NULL));
    g_assert_cmpint(vmmiJobReadResult(job, &result, &error), ==, results[row].got);
    if (results[row].got == 1) {
        g_assert_cmpint(result.kind, ==, results[row].kind);
        g_assert_cmpint(result.value, ==, results[row].value);
    } else {
        g_assert_cmpint(result.value, ==, 99);
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_RUN_DIR);
    }
}

/* --- the outcome --- */

static void
test_settle(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) early = NULL, unsettled = NULL, nonsense = NULL;
    g_autofree char *text = NULL;
    size_t length = 0;

    g_assert_cmpint(vmmiJobReadOutcome(job, &text, &length, NULL), ==, 0);
    g_assert_cmpint(vmmiJobAcknowledge(job, &early), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(early), ==, VMMI_ERR_STATE);
    vmmiJobCommit(job);
    g_assert_cmpint(vmmiJobAcknowledge(job, &unsettled), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(unsettled), ==, VMMI_ERR_STATE);
    g_assert_cmpint(vmmiJobSettle(job, "nonsense", 8, &nonsense), ==, -1);
    g_assert_cmpint(vmmiJobSettle(job, "{\"a\": 1}", 8, NULL), ==, 1);
    g_assert_cmpint(vmmiJobSettle(job, "{\"a\": 2}", 8, NULL), ==, 0);
    g_assert_cmpint(vmmiJobReadOutcome(job, &text, &length, NULL), ==, 1);
    g_assert_cmpstr(text, ==, "{\"a\": 1}");
    g_assert_false(vmmiJobIsAcknowledged(job));
    g_assert_cmpint(vmmiJobAcknowledge(job, NULL), ==, 0);
    g_assert_cmpint(vmmiJobAcknowledge(job, NULL), ==, 0);
    g_assert_true(vmmiJobIsAcknowledged(job));
}

static gpointer
settle(gpointer data)
{
    g_autoptr(vmmiJob) job = vmmiJobOpenPath(data, NULL);

    return GINT_TO_POINTER(vmmiJobSettle(job, "{}", 2, NULL));
}

static void
test_settle_race(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    for (int round = 0; round < 20; round++) {
        g_autoptr(vmmiJob) job = make_job(fixture, UUID);
        GThread *threads[4];
        int wins = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
            threads[i] = g_thread_new("settle", settle, (gpointer)vmmiJobGetPath(job));
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
            int won = GPOINTER_TO_INT(g_thread_join(threads[i]));

            g_assert_cmpint(won, >=, 0);
            wins += won;
        }
        g_assert_cmpint(wins, ==, 1);
    }
}

static const struct {
    const char *name;
    int64_t offset;
    size_t max;
    const char *wanted;
} reads[] = {
    { "all", 0, 100, "0123456789" },
    { "first", 0, 3, "012" },
    { "middle", 4, 3, "456" },
    { "last", -1, 4, "6789" },
    { "last-all", -1, 100, "0123456789" },
    { "behind", 11, 4, "" },
    { "nothing", 0, 0, "" },
};

static void
test_read(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *path = g_build_filename(vmmiJobGetPath(job), "stderr", NULL);
    g_autofree char *text = NULL;
    uint64_t total = 0;
    size_t length = 99;

    g_assert_true(g_file_set_contents(path, "0123456789", -1, NULL));
    g_assert_cmpint(vmmiJobReadStream(job, VMMI_JOB_STDERR, reads[row].offset, reads[row].max,
                                      &text, &length, &total, NULL),
                    ==, 0);
    g_assert_cmpstr(text, ==, reads[row].wanted);
    g_assert_cmpuint(length, ==, strlen(reads[row].wanted));
    g_assert_cmpuint(total, ==, 10);
}

static const struct {
    const char *name;
    const char *text;
    bool read;
    char state;
    uint64_t start;
} stats[] = {
    { "plain", "7 (sh) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0", true, 'S', 4711 },
    { "brackets", "7 (a) Z 9 (b) R 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 12 0 0", true, 'R', 12 },
    { "zombie", "7 (sh) Z 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0", true, 'Z', 4711 },
    { "short", "7 (sh) S 1 7 7", false, 0, 0 },
    { "no-name", "7 sh S 1", false, 0, 0 },
    { "empty", "", false, 0, 0 },
};

static void
test_stat(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiProcess process = { 0 };

    g_assert_true(vmmiProcessParseStat(stats[row].text, &process) == stats[row].read);
    if (stats[row].read) {
        g_assert_cmpint(process.state, ==, stats[row].state);
        g_assert_cmpuint(process.start_time, ==, stats[row].start);
        g_assert_true(vmmiProcessIsAlive(&process) == (stats[row].state != 'Z'));
    }
}

static const struct {
    const char *name;
    const char *status;
    bool blocks;
} blocks[] = {
    { "nothing", "Name:\tx\nState:\tS (sleeping)\nSigBlk:\t0000000000000000\n", false },
    { "this-one", "Name:\tx\nState:\tR (running)\nSigBlk:\t0000000000000200\n", true },
    { "another", "Name:\tx\nState:\tS (sleeping)\nSigBlk:\t0000000000000400\n", false },
    { "all-waiting", "Name:\tx\nState:\tS (sleeping)\nSigBlk:\tfffffffe7ffbfeff\n", true },
    { "all-running", "Name:\tx\nState:\tR (running)\nSigBlk:\tfffffffe7ffbfeff\n", false },
    { "all-in-fork", "Name:\tx\nState:\tD (disk sleep)\nSigBlk:\tfffffffe7ffbfeff\n", false },
    { "name-lies", "Name:\tSigBlk:\nState:\tS (sleeping)\nSigBlk:\t0000000000000000\n", false },
    { "torn", "Name:\tx\nState:\tS (sleeping)\nSigBlk:\t00000000000002", false },
    { "missing", "Name:\tx\n", false },
};

static void
test_blocks(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    g_assert_true(vmmiProcessBlocksSignal(blocks[row].status, SIGUSR1) == blocks[row].blocks);
}


/* --- what the shim writes --- */

static char *
keys_of(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(json_t) object = NULL;
    g_autoptr(GString) keys = g_string_new(NULL);
    const char *key;
    json_t *value;
    size_t length = 0;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    object = vmmiJsonParse(text, length, path, NULL);
    json_object_foreach (object, key, value)
        g_string_append_printf(keys, "%s:%d ", key, (int)json_typeof(value));
    return g_string_free(g_steal_pointer(&keys), FALSE);
}

/* The keys of the first release, in its order, with the types of their values. */
static void
test_shim_keys(Fixture *fixture, gconstpointer data)
{
    const char *name = data;
    g_autofree char *kept = g_build_filename(g_getenv("FIXTURES"), "run-dir-1", "jobs",
                                             "7844e427-a44f-597c-ad3c-3f5fa2298fa1.1", name, NULL);
    g_autoptr(vmmiJob) job = start_script(fixture, "exit 0");
    g_autofree char *own = g_build_filename(vmmiJobGetPath(job), name, NULL);
    g_autofree char *kept_keys = keys_of(kept);
    g_autofree char *own_keys = NULL;

    wait_for_end(job);
    own_keys = keys_of(own);
    g_assert_cmpstr(own_keys, ==, kept_keys);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    TEST("written", test_record);
    ADD_ROWS("/record/uri/", uris, test_uri);
    ADD_FIXTURE_ROWS("/record/id/", ids, test_id);
    ADD_FIXTURE_ROWS("/record/damaged/", records, test_damaged);
    ADD_FIXTURE_ROWS("/record/result/", results, test_result);
    TEST("settle", test_settle);
    TEST("settle-race", test_settle_race);
    ADD_FIXTURE_ROWS("/record/read/", reads, test_read);
    ADD_ROWS("/record/stat/", stats, test_stat);
    ADD_ROWS("/record/blocks/", blocks, test_blocks);
    g_test_add("/record/shim-keys/helper.json", Fixture, "helper.json", fixture_set_up,
               test_shim_keys, fixture_tear_down);
    g_test_add("/record/shim-keys/result.json", Fixture, "result.json", fixture_set_up,
               test_shim_keys, fixture_tear_down);
    return g_test_run();
}
