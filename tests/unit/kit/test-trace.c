/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-trace.c: what stands in a trace (docs/trace.md): lines in virtual time, what is left out of
 * them, and files that do not take them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/trace.h"
#include "util/cleanup.h"

#include <glib/gstdio.h>

static const vmmiPolicyOption options[] = {
    { .name = "limitMs", .type = VMMI_OPTION_UINT, .default_value = "5", .meaning = "a limit" },
    { .name = "apiToken", .type = VMMI_OPTION_STRING, .meaning = "a secret" },
    { .name = "large", .type = VMMI_OPTION_JSON, .meaning = "anything" },
    { .name = NULL },
};

static const char *reason; /* what the policy waits for */

static void
say(void *state G_GNUC_UNUSED, vmmiPolicyStatus *status)
{
    if (reason)
        vmmiPolicyStatusSetReason(status, "%s", reason);
}

static const vmmiPolicy policy = {
    VMMI_POLICY_INIT,   .name = "p",     .version = "2", .summary = "s",
    .options = options, .status = say,
};

static uint64_t now_ms; /* virtual */

static uint64_t
tell_time(void *opaque)
{
    return *(uint64_t *)opaque;
}

/* A trace to a file of its own. */
typedef struct {
    char *dir, *path;
    vmmiTrace trace;
} Place;

static void
set_up(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    place->dir = g_dir_make_tmp("vmmi-trace-XXXXXX", NULL);
    place->path = g_build_filename(place->dir, "trace", NULL);
    place->trace.journal = vmmiJournalNew(-1);
    now_ms = 0;
    reason = NULL;
    vmmiJournalSetClock(place->trace.journal, tell_time, &now_ms);
    vmmiJournalAddFile(place->trace.journal, vmmiTraceOpenFile(place->path, NULL));
}

static void
tear_down(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    vmmiJournalFree(place->trace.journal);
    vmmiTraceClear(&place->trace);
    g_unlink(place->path);
    g_rmdir(place->dir);
    g_free(place->path);
    g_free(place->dir);
}

/* All lines that are entries. */
static GPtrArray *
read_entries(const Place *place)
{
    GPtrArray *entries = g_ptr_array_new_with_free_func((GDestroyNotify)vmmiJournalEntryFree);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_file_get_contents(place->path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        vmmiJournalEntry *entry = vmmiJournalEntryParse(lines[i], strlen(lines[i]));

        if (entry)
            g_ptr_array_add(entries, entry);
    }
    return entries;
}

static const char *
string_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* --- entries -------------------------------------------------------------------------- */

static void
add_start(Place *place, const char *given, const char *migration)
{
    g_autoptr(json_t) values = json_loads(given, 0, NULL);
    g_autoptr(json_t) wish = json_loads(migration, 0, NULL);
    g_autofree char *bad_key = NULL;
    g_autoptr(vmmiPolicyConfig) config = vmmiPolicyConfigNew(options, values, &bad_key, NULL);
    const vmmiTraceStart start = {
        .policy = &policy,
        .options = config,
        .migration = wish,
        .guest = "web\xff",
        .simulated = true,
    };

    vmmiTraceAddStart(&place->trace, &start);
}

static void
test_start(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) entries = NULL;
    const vmmiJournalEntry *entry;

    now_ms = 7;
    place->trace.began_ms = 3;
    add_start(place, "{}", "{\"flags\": [\"no-postcopy\"], \"params\": {\"bandwidth\": 5}}");
    entries = read_entries(place);
    g_assert_cmpuint(entries->len, ==, 1);
    entry = g_ptr_array_index(entries, 0);
    g_assert_cmpint(entry->kind, ==, VMMI_JOURNAL_START);
    g_assert_cmpuint(entry->sequence, ==, 1);
    g_assert_cmpuint(entry->boottime_ms, ==, 7);
    g_assert_cmpuint(entry->timestamp_ms, ==, 7);
    g_assert_cmpstr(string_at(entry->data, "format"), ==, "vmmi-trace");
    g_assert_cmpint(json_integer_value(json_object_get(entry->data, "formatVersion")), ==, 1);
    g_assert_cmpint(json_integer_value(json_object_get(entry->data, "policyBoottimeMs")), ==, 3);
    g_assert_cmpstr(string_at(entry->data, "policy"), ==, "p");
    g_assert_cmpstr(string_at(entry->data, "mode"), ==, "p2p");
    g_assert_true(json_is_true(json_object_get(entry->data, "simulated")));
    g_assert_null(json_object_get(entry->data, "shadow"));
    g_assert_null(json_object_get(entry->data, "pid"));
    g_assert_cmpint(json_integer_value(json_object_get(json_object_get(entry->data, "options"),
                                                       "limitMs")), ==, 5);
    g_assert_cmpstr(string_at(json_object_get(entry->data, "guest"), "name"), ==,
                    "web\xef\xbf\xbd");
}

/* What must not be in it is nowhere in the file. */
static void
test_secrets(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *text = NULL;

    add_start(place, "{\"apiToken\": \"hush1\", \"large\": {\"passwords\": [\"hush2\"], \"x\": 1}}",
              "{\"params\": {\"graphics_uri\": \"spice://me:hush3@host\", \"destination_xml\": "
              "\"<domain>hush4</domain>\", \"list\": [\"nbd://me:hush5@host\"]}}");
    g_assert_true(g_file_get_contents(place->path, &text, NULL, NULL));
    g_assert_null(strstr(text, "hush"));
    g_assert_nonnull(strstr(text, "spice://me@host"));
    g_assert_nonnull(strstr(text, "nbd://me@host"));
    g_assert_nonnull(strstr(text, "\"large\":{\"x\":1}"));
}

/* A start must fit on a line, whatever the options are. */
static void
test_large(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *filler = g_strnfill(70000, 'x');
    g_autofree char *given = g_strdup_printf("{\"large\": \"%s\"}", filler);
    g_autoptr(GPtrArray) entries = NULL;
    const vmmiJournalEntry *entry;
    const json_t *omitted;

    add_start(place, given, "{}");
    entries = read_entries(place);
    g_assert_cmpuint(entries->len, ==, 1);
    entry = g_ptr_array_index(entries, 0);
    omitted = json_object_get(entry->data, "omitted");
    g_assert_cmpstr(json_string_value(json_array_get(omitted, 0)), ==, "options");
    g_assert_null(json_object_get(entry->data, "options"));
}

static void
test_reasons(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const said[] = { NULL, "a", "a", "b", NULL, NULL, "b" };
    static const char *const written[] = { NULL, "a", NULL, "b", "", NULL, "b" };
    g_autoptr(vmmiEngine) engine = vmmiEngineNew(&policy);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    g_autoptr(GPtrArray) entries = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(said); i++) {
        reason = said[i];
        vmmiTraceAddSample(&place->trace, sample, i, engine);
    }
    entries = read_entries(place);
    g_assert_cmpuint(entries->len, ==, G_N_ELEMENTS(said));
    for (size_t i = 0; i < entries->len; i++) {
        const vmmiJournalEntry *entry = g_ptr_array_index(entries, i);

        g_assert_cmpstr(entry->reason, ==, written[i]);
        g_assert_cmpuint(entry->iteration, ==, i);
    }
}

static void
test_begin_again(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) refusal = NULL;
    g_autoptr(json_t) migration = json_pack("{s:[s]}", "flags", "postcopy");
    g_autoptr(GPtrArray) entries = NULL;
    const vmmiJournalEntry *first, *second;

    vmmiErrorSet(&refusal, VMMI_ERR_NOT_SUPPORTED, "not here");
    vmmiTraceAddBegin(&place->trace, migration, NULL);
    vmmiTraceAddBegin(&place->trace, NULL, refusal);
    entries = read_entries(place);
    g_assert_cmpuint(entries->len, ==, 2);
    first = g_ptr_array_index(entries, 0);
    second = g_ptr_array_index(entries, 1);
    g_assert_true(first->state == VMMI_STATE_BEGIN && second->state == VMMI_STATE_BEGIN);
    g_assert_cmpuint(json_array_size(json_object_get(first->data, "flags")), ==, 1);
    g_assert_null(json_object_get(first->data, "refusal"));
    g_assert_cmpstr(string_at(second->data, "refusal"), ==, "not here");
}

static void
test_actions(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *why = g_strdup("because");
    const vmmiAction action = { .id = 4, .kind = VMMI_ACTION_ABORT, .reason = why, .at_ms = 20,
                                .result = VMMI_RESULT_SHADOW };
    const vmmiKitVerdict verdict = { .outcome = VMMI_OUTCOME_UNKNOWN };
    g_autoptr(GPtrArray) entries = NULL;
    const vmmiJournalEntry *entry;

    place->trace.began_ms = 1000;
    vmmiTraceAddAction(&place->trace, &action);
    vmmiTraceAddEnd(&place->trace, &verdict, NULL);
    entries = read_entries(place);
    g_assert_cmpuint(entries->len, ==, 2);
    entry = g_ptr_array_index(entries, 0);
    g_assert_cmpstr(string_at(entry->data, "result"), ==, "shadow");
    g_assert_cmpint(json_integer_value(json_object_get(entry->data, "decidedBoottimeMs")), ==,
                    1020);
    entry = g_ptr_array_index(entries, 1);
    g_assert_cmpint(entry->kind, ==, VMMI_JOURNAL_END);
    g_assert_cmpstr(string_at(entry->data, "outcome"), ==, "unknown");
    g_assert_null(json_object_get(entry->data, "statistics"));
}

/* Nobody writes it: that harms nothing. */
static void
test_nobody(void)
{
    g_auto(vmmiTrace) trace = { 0 };
    g_autoptr(vmmiEngine) engine = vmmiEngineNew(&policy);
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    const vmmiTraceStart start = { .policy = &policy };

    reason = "a";
    vmmiTraceAddStart(&trace, &start);
    vmmiTraceAddSample(&trace, sample, 0, engine);
    vmmiTraceAddState(&trace, VMMI_STATE_PRECOPY);
    g_assert_true(trace.started);
    g_assert_cmpuint(vmmiJournalGetLost(NULL), ==, 0);
}

/* --- files ------------------------------------------------------------------------------ */

/* No room: lines are lost, the next one that fits is whole and says how many. */
static void
test_no_room(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    struct rlimit before, tight;
    g_autoptr(GPtrArray) entries = NULL;
    const vmmiJournalEntry *last;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    vmmiTraceAddState(&place->trace, VMMI_STATE_STARTING);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    tight = before;
    tight.rlim_cur = 130; /* the second line is cut */
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &tight), ==, 0);
    for (int i = 0; i < 5; i++)
        vmmiTraceAddState(&place->trace, VMMI_STATE_PRECOPY);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    signal(SIGXFSZ, handler);
    vmmiTraceAddState(&place->trace, VMMI_STATE_FINISH);
    vmmiTraceAddState(&place->trace, VMMI_STATE_COMPLETED);
    g_assert_cmpuint(vmmiJournalGetLost(place->trace.journal), ==, 5);
    entries = read_entries(place);
    g_assert_cmpuint(entries->len, ==, 3);
    last = g_ptr_array_index(entries, 1);
    g_assert_true(last->state == VMMI_STATE_FINISH);
    g_assert_cmpuint(last->lost, ==, 5);
    g_assert_cmpuint(last->sequence, ==, 7);
    g_assert_cmpuint(((const vmmiJournalEntry *)g_ptr_array_index(entries, 2))->lost, ==, 0);
}

/* What is in a file stays until there is something to write; and it has one writer. */
static void
test_taken(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *other = g_build_filename(place->dir, "other", NULL);
    g_autofree char *text = NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiJournal) journal = vmmiJournalNew(-1);
    struct stat st;
    int fd;

    g_assert_cmpint(vmmiTraceOpenFile(place->path, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_BAD_PATH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "by another process"));
    g_assert_true(g_file_set_contents(other, "precious\n", -1, NULL));
    fd = vmmiTraceOpenFile(other, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_assert_true(g_file_get_contents(other, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "precious\n");
    vmmiJournalAddFile(journal, fd);
    g_assert_cmpint(vmmiJournalAddStart(journal, NULL, NULL), ==, 0);
    g_clear_pointer(&text, g_free);
    g_assert_true(g_file_get_contents(other, &text, NULL, NULL));
    g_assert_true(g_str_has_prefix(text, "{"));
    g_unlink(other);
    g_assert_cmpint(stat(place->path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0600);
}

/* A job's directory and a file get the same lines. */
static void
test_both(Place *place, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *own = g_build_filename(place->dir, "journal", NULL);
    g_autofree char *other = g_build_filename(place->dir, "other", NULL);
    g_autofree char *one = NULL, *two = NULL;
    vmmi_autofd int dir_fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(vmmiJournal) journal = vmmiJournalOpen(dir_fd, NULL);
    vmmiTrace trace = { .journal = journal };

    vmmiJournalAddFile(journal, vmmiTraceOpenFile(other, NULL));
    vmmiTraceAddState(&trace, VMMI_STATE_STARTING);
    vmmiTraceAddState(&trace, VMMI_STATE_PRECOPY);
    g_assert_true(g_file_get_contents(own, &one, NULL, NULL));
    g_assert_true(g_file_get_contents(other, &two, NULL, NULL));
    g_assert_cmpstr(one, ==, two);
    g_unlink(own);
    g_unlink(other);
}

#define TEST(name, func) g_test_add("/kit/trace/" name, Place, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    TEST("start", test_start);
    TEST("secrets", test_secrets);
    TEST("large", test_large);
    TEST("reasons", test_reasons);
    TEST("begin-again", test_begin_again);
    TEST("actions", test_actions);
    g_test_add_func("/kit/trace/nobody", test_nobody);
    TEST("no-room", test_no_room);
    TEST("taken", test_taken);
    TEST("both", test_both);
    return g_test_run();
}
