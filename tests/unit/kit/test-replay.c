/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-replay.c: a policy over a recorded migration: what it is told and when, what is written, and
 * whether the course would have been another.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "kit/replay.h"
#include "kit/start.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "../rows.h"

/* --- a policy that writes down what it is told ---------------------------------------- */

typedef struct {
    const char *flag;        /* that it wants at the start */
    uint64_t at_ms;          /* when it acts, by a timer; 0: never */
    uint64_t value;
    bool abort;
    bool every_time;         /* another action for each that is done */
    bool wakes_at_once;
    bool refuses, breaks;
} Script;

static Script script;        /* of the row that runs */
static GString *seen;
static bool had_postcopy;

static int
prepare(void *state G_GNUC_UNUSED, vmmiPolicyStart *start, const vmmiError *refusal,
        vmmiError **err)
{
    g_assert_null(refusal);
    had_postcopy = vmmiPolicyStartHasFlag(start, "postcopy");
    if (script.flag)
        vmmiPolicyStartSetFlag(start, script.flag, true);
    g_string_append(seen, "prepare ");
    return script.refuses ? vmmiErrorSet(err, 3000, "not this one") : 0;
}

static void
act(vmmiPolicyActions *actions)
{
    if (script.abort)
        vmmiPolicyActionAbort(actions, "enough");
    else
        vmmiPolicyActionTune(actions, VMMI_TUNE_DOWNTIME_MS, script.value, "because");
}

static int
see(void *state G_GNUC_UNUSED, const vmmiPolicyEvent *event, vmmiPolicyActions *actions,
    vmmiError **err)
{
    static const char *const words[] = { "sample", "pass", "state", "result", "timer" };

    g_string_append_printf(seen, "%s@%d ", words[event->type], (int)event->now_ms);
    if (event->type == VMMI_POLICY_STATE)
        g_string_append_printf(seen, "%s ", vmmiStateToString(event->state));
    if (event->type == VMMI_POLICY_ACTION)
        g_assert_null(event->error);
    if (script.breaks && event->type == VMMI_POLICY_SAMPLE)
        return vmmiErrorSet(err, 3000, "it breaks");
    if (event->type == VMMI_POLICY_STATE && event->state == VMMI_STATE_PRECOPY && script.at_ms)
        vmmiPolicyActionWakeAt(actions, script.at_ms);
    if (script.wakes_at_once)
        vmmiPolicyActionWakeAt(actions, event->now_ms);
    if ((event->type == VMMI_POLICY_TIMER && script.at_ms) ||
        (event->type == VMMI_POLICY_ACTION && script.every_time))
        act(actions);
    return 0;
}

static void
say(void *state G_GNUC_UNUSED, vmmiPolicyStatus *status)
{
    vmmiPolicyStatusSetReason(status, "waits");
}

static const vmmiPolicy policy = {
    VMMI_POLICY_INIT, .name = "seer", .version = "1", .summary = "sees", .prepare = prepare,
    .on_event = see,  .status = say,
};

/* --- a recorded migration --------------------------------------------------------------- */

#define AT(seq, ms, rest) "{'seq':" #seq ",'timestampMs':9,'boottimeMs':" #ms "," rest "}\n"
#define START                                                                                    \
    AT(1, 1000, "'kind':'start','data':{'policy':'old','policyBoottimeMs':990,'attached':false,"  \
                "'guest':{'name':'web1'}}")
#define BEGIN                                                                                    \
    AT(2, 1000, "'kind':'state','state':'starting'")                                             \
    AT(3, 1010, "'kind':'state','state':'begin','data':{'flags':['live','auto_converge']}")      \
    AT(4, 1100, "'kind':'state','state':'precopy'")
#define SAMPLES                                                                                  \
    AT(5, 2000, "'kind':'sample','iteration':1,'sample':{'memoryRemainingBytes':5}")             \
    AT(6, 3000, "'kind':'sample','iteration':1,'sample':{'memoryRemainingBytes':4}")
#define ACTION(ms, value)                                                                        \
    AT(7, 3500, "'kind':'action','data':{'id':1,'action':'tune','what':'downtimeMs','value':"     \
                #value ",'decidedBoottimeMs':" #ms ",'result':'done'}")
#define END AT(9, 5000, "'kind':'end','data':{'outcome':'completed'}")

static char *
double_quotes(const char *text)
{
    return g_strdelimit(g_strdup(text), "'", '"');
}

/* --- rows ------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *trace;
    Script script;
    const char *seen;        /* NULL: not looked at */
    const char *course;      /* a part of it */
    bool changed;
    uint64_t changed_ms;
    const char *error;       /* a part of it; NULL: it succeeds */
} Row;

#define CALM "prepare state@20 begin state@110 precopy pass@1010 sample@2010 "
#define SAME "It decides as the original did"
#define OTHER "where its decisions part"

static const Row rows[] = {
    { "watches", START BEGIN SAMPLES END, { .flag = NULL }, CALM, SAME, false, 0, NULL },
    { "no-end", START BEGIN SAMPLES, { .flag = NULL }, CALM, SAME, false, 0, NULL },
    { "timer", START BEGIN SAMPLES END, { .at_ms = 1500, .value = 7 },
      "prepare state@20 begin state@110 precopy pass@1010 timer@1500 result@1500 sample@2010 ",
      "From 1.5 s on, " OTHER, true, 2490, NULL },
    { "timer-behind-the-end", START BEGIN SAMPLES END, { .at_ms = 90000, .value = 7 }, CALM, SAME,
      false, 0, NULL },
    { "same-action", START BEGIN SAMPLES ACTION(2400, 7) END, { .at_ms = 1500, .value = 7 }, NULL,
      SAME, false, 0, NULL },
    { "other-value", START BEGIN SAMPLES ACTION(2400, 8) END, { .at_ms = 1500, .value = 7 }, NULL,
      "From 1.4 s on, " OTHER, true, 2400, NULL },
    { "too-late", START BEGIN SAMPLES ACTION(2400, 7) END, { .at_ms = 3500, .value = 7 }, NULL,
      "From 1.4 s on, " OTHER, true, 2400, NULL },
    { "does-nothing-more", START BEGIN SAMPLES ACTION(2400, 7) END, { .flag = NULL }, CALM,
      "From 1.4 s on, " OTHER, true, 2400, NULL },
    { "abort-ends-it", START BEGIN SAMPLES END, { .at_ms = 1500, .abort = true },
      "prepare state@20 begin state@110 precopy pass@1010 timer@1500 result@1500 ", OTHER, true,
      2490, NULL },
    { "harmless-flag", START BEGIN SAMPLES END, { .flag = "postcopy" }, CALM,
      "also have asked for the flag postcopy", false, 0, NULL },
    { "recorded-flag", START BEGIN SAMPLES END, { .flag = "auto_converge" }, CALM, SAME, false, 0,
      NULL },
    { "other-flag", START BEGIN SAMPLES END, { .flag = "compressed" }, CALM,
      "other flags (compressed): from the beginning", true, 1000, NULL },
    { "attached",
      AT(1, 1000, "'kind':'start','data':{'attached':true}")
          AT(2, 1000, "'kind':'state','state':'starting'")
              AT(4, 1100, "'kind':'state','state':'precopy'") SAMPLES,
      { .flag = "compressed" }, "state@100 precopy pass@1000 sample@2000 ", SAME, false, 0, NULL },
    { "shadow-did-nothing",
      START BEGIN SAMPLES
          AT(7, 3500, "'kind':'action','data':{'id':1,'action':'abort','result':'shadow'}") END,
      { .flag = NULL }, NULL, SAME, false, 0, NULL },
    { "the-manager's-action",
      START BEGIN SAMPLES AT(7, 3500, "'kind':'action','data':{'action':'abort'}") END,
      { .flag = NULL }, NULL, SAME, false, 0, NULL },
    { "samples-alone", SAMPLES, { .flag = NULL }, "prepare pass@0 sample@1000 ", SAME, false, 0,
      NULL },
    { "damaged-lines", "xx\n" START "{}\n" BEGIN "\n[1]\n" START SAMPLES "{'seq':99", { NULL },
      CALM, SAME, false, 0, NULL },
    { "clock-goes-back",
      START BEGIN SAMPLES AT(7, 10, "'kind':'sample','sample':{'memoryRemainingBytes':3}") END,
      { .flag = NULL }, CALM "sample@2010 ", SAME, false, 0, NULL },
    { "refuses", START BEGIN SAMPLES END, { .refuses = true }, NULL, NULL, false, 0,
      "gives up before the start: not this one" },
    { "breaks", START BEGIN SAMPLES END, { .breaks = true }, NULL, SAME, false, 0, NULL },
    { "acts-for-ever", START BEGIN SAMPLES END, { .at_ms = 1500, .every_time = true }, NULL, NULL,
      false, 0, "asks for more than 10000 actions" },
    { "wakes-for-ever", START BEGIN SAMPLES AT(8, 9000000000, "'kind':'state','state':'precopy'"),
      { .wakes_at_once = true }, NULL, NULL, false, 0, "asks to be woken more than" },
    { "empty", "", { .flag = NULL }, NULL, NULL, false, 0, "no line is an entry" },
    { "newer-format", AT(1, 5, "'kind':'start','data':{'formatVersion':2}"), { .flag = NULL }, NULL,
      NULL, false, 0, "format 2, and format 1 is known here" },
};

static int
replay(const Row *row, int fd, vmmiReplayResult *result, vmmiError **err)
{
    g_autofree char *text = double_quotes(row->trace);
    g_autoptr(GPtrArray) entries = vmmiReplayParse(text, strlen(text), "a.trace", err);
    g_autofree char *bad_key = NULL;
    g_autoptr(vmmiPolicyConfig) options = vmmiPolicyConfigNew(NULL, NULL, &bad_key, NULL);
    g_autoptr(vmmiJournal) journal = vmmiJournalNew(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    const vmmiReplayOrder order = {
        .policy = &policy, .options = options, .plugin = "seer", .path = "/a.trace",
        .entries = entries,
    };

    script = row->script;
    return entries ? vmmiReplayRun(&order, journal, result, err) : -1;
}

/* Each line is an entry; the start says where it is from, actions say that nothing was done. */
static void
check_trace(int fd, const Row *row, const vmmiReplayResult *result)
{
    char text[65536] = "";
    g_autoptr(GPtrArray) entries = NULL;
    const vmmiJournalEntry *first, *last;
    const char *word = NULL;
    guint actions = 0;

    g_assert_cmpint(pread(fd, text, sizeof(text) - 1, 0), >, 0);
    entries = vmmiReplayParse(text, strlen(text), "the replay", NULL);
    g_assert_nonnull(entries);
    first = g_ptr_array_index(entries, 0);
    last = g_ptr_array_index(entries, entries->len - 1);
    g_assert_cmpint(first->kind, ==, VMMI_JOURNAL_START);
    g_assert_true(vmmiJsonGetString(first->data, "replayOf", &word));
    g_assert_cmpstr(word, ==, "/a.trace");
    g_assert_cmpint(last->kind, ==, VMMI_JOURNAL_END);
    g_assert_true(vmmiJsonGetString(last->data, "course", &word));
    g_assert_cmpstr(word, ==, result->course);
    for (guint i = 0; i < entries->len; i++) {
        const vmmiJournalEntry *entry = g_ptr_array_index(entries, i);

        if (entry->kind != VMMI_JOURNAL_ACTION)
            continue;
        g_assert_true(vmmiJsonGetString(entry->data, "result", &word));
        g_assert_cmpstr(word, ==, "replayed");
        actions++;
    }
    g_assert_cmpuint(actions, ==, result->actions);
    g_assert_cmpuint(actions, ==, row->script.at_ms && row->script.at_ms < 5000 ? 1 : 0);
}

static void
test_row(const void *data)
{
    const Row *row = &rows[GPOINTER_TO_SIZE(data)];
    vmmi_autofd int fd = memfd_create("replay", MFD_CLOEXEC);
    g_auto(vmmiReplayResult) result = { 0 };
    g_autoptr(vmmiError) error = NULL;
    int done;

    seen = g_string_new(NULL);
    done = replay(row, fd, &result, &error);
    if (row->error || row->script.breaks) {
        g_assert_cmpint(done, ==, -1);
        g_assert_nonnull(error);
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), row->error ? row->error : "it breaks"));
    } else {
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, vmmiErrorGetMessage(NULL));
        g_assert_cmpint(done, ==, 0);
        g_assert_nonnull(strstr(result.course, row->course));
        g_assert_cmpint(result.changed, ==, row->changed);
        g_assert_cmpuint(result.changed_ms, ==, row->changed_ms);
        g_assert_false(had_postcopy);
        check_trace(fd, row, &result);
    }
    if (row->seen)
        g_assert_cmpstr(seen->str, ==, row->seen);
    g_string_free(seen, TRUE);
}

/* The same trace gives the same replay, to the last byte. */
static void
test_twice(void)
{
    vmmi_autofd int first = memfd_create("first", MFD_CLOEXEC);
    vmmi_autofd int second = memfd_create("second", MFD_CLOEXEC);
    g_auto(vmmiReplayResult) a = { 0 };
    g_auto(vmmiReplayResult) b = { 0 };
    char one[65536] = "", two[65536] = "";

    seen = g_string_new(NULL);
    g_assert_cmpint(replay(&rows[2], first, &a, NULL), ==, 0);
    g_assert_cmpint(replay(&rows[2], second, &b, NULL), ==, 0);
    g_assert_cmpint(pread(first, one, sizeof(one) - 1, 0), >, 0);
    g_assert_cmpint(pread(second, two, sizeof(two) - 1, 0), >, 0);
    g_assert_cmpstr(one, ==, two);
    g_string_free(seen, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/kit/replay/", rows, test_row);
    g_test_add_func("/kit/replay/twice", test_twice);
    return g_test_run();
}
