/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-plugin.c: every way in which a plugin made with the kit begins and ends, in a process of its
 * own: completion, exit status, and nothing else on either stream (S1, S2, B0, B4 to B9, B12 to
 * B16).
 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "child.h"
#include "fake-host.h"
#include "util/cleanup.h"
#include "../rows.h"

#define UUID FAKE_UUID
#define DEST "fake:///completes"
#define HEAD "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", \"configuration\": "

/* What the completion must say. */
typedef struct {
    int code; /* 0: success */
    vmmiOutcomeKind outcome;
    vmmiWhere where;
    const char *needle; /* NULL, or a part of the whole completion */
} Expected;

static void
check_end(Child *child, const Expected *expected)
{
    g_autoptr(vmmiMessage) completion = NULL;
    g_autoptr(vmmiError) error = NULL;
    vmmiOutcomeKind outcome = VMMI_OUTCOME_NONE;
    vmmiWhere where = VMMI_WHERE_UNKNOWN;

    childEnd(child);
    completion = childCompletion(child);
    if (!completion)
        return;
    error = vmmiCompletionGetError(completion);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, expected->code);
    g_assert_true(vmmiCompletionIsSuccess(completion) == (expected->code == 0));
    g_assert_true(WIFEXITED(child->status));
    g_assert_cmpint(WEXITSTATUS(child->status), ==, expected->code == 0 ? 0 : 1);
    g_assert_true(vmmiCompletionGetOutcome(completion, &outcome, &where));
    g_assert_cmpstr(vmmiOutcomeKindToString(outcome), ==,
                    vmmiOutcomeKindToString(expected->outcome));
    g_assert_cmpstr(vmmiWhereToString(where), ==, vmmiWhereToString(expected->where));
    if (expected->needle && !strstr(child->err, expected->needle)) {
        g_test_message("'%s' is not in %s", expected->needle, child->err);
        g_test_fail();
    }
}

#define REFUSED(code, needle)                                                                      \
    {                                                                                              \
        code, VMMI_OUTCOME_FAILED, VMMI_WHERE_UNKNOWN, needle                                      \
    }

/* --- arguments (I1) --------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *arguments[7];
    Expected expected;
} arguments[] = {
    { "none", { NULL }, REFUSED(7, "guest UUID is missing") },
    { "one", { UUID, NULL }, REFUSED(7, "destination URI is missing") },
    { "two", { UUID, DEST, NULL }, REFUSED(7, "migration URI is missing") },
    { "five", { UUID, DEST, "", "-", "x", NULL }, REFUSED(5, "the limit is 4") },
    { "no-uuid", { "guest", DEST, "", NULL }, REFUSED(5, "'guest' is not a UUID") },
    { "uuid-not-utf8", { "\xff", DEST, "", NULL }, REFUSED(5, "not UTF-8") },
    { "destination-empty", { UUID, "", "", NULL }, REFUSED(5, "destination URI is empty") },
    { "destination-no-uri", { UUID, "somewhere", "", NULL }, REFUSED(5, "has no scheme") },
    { "destination-control", { UUID, "a:\n", "", NULL }, REFUSED(5, "control character") },
    { "migration-no-uri",
      { UUID, DEST, "somewhere", NULL },
      REFUSED(5, "the migration URI 'somewhere'") },
    { "path-empty",
      { UUID, DEST, "", "", NULL },
      REFUSED(5, "path of the configuration is empty") },
    { "describe-and-more", { "--vmmi-describe", "x", NULL }, REFUSED(7, "migration URI") },
    { "no-such-file",
      { UUID, DEST, "-", "/nonexistent/file.json", NULL },
      REFUSED(3, "/nonexistent/file.json") },
    { "a-directory", { UUID, DEST, "-", "/", NULL }, REFUSED(3, "a directory") },
    { "a-device", { UUID, DEST, "-", "/dev/zero", NULL }, REFUSED(3, "a special file") },
};

static void
test_arguments(gconstpointer data)
{
    g_auto(Child) child = { .stdin_fd = -1 };
    size_t row = GPOINTER_TO_SIZE(data);

    childStart(&child, "plain", arguments[row].arguments, NULL);
    check_end(&child, &arguments[row].expected);
    g_assert_cmpstr(child.out, ==, "");
}

/* --- configuration (I2 to I6, B1, B11) -------------------------------------------- */

static const struct {
    const char *name, *policy, *text;
    bool closed; /* nothing follows, and the reader is told so */
    Expected expected;
} configurations[] = {
    { "malformed", "plain", "{\"vmmiVersion\" \"0.4.1\"}", false, REFUSED(6, "line 1, column 16") },
    { "empty", "plain", "", true, REFUSED(6, "ended without a message") },
    { "partial", "plain", HEAD "{\"connection\":", true, REFUSED(6, NULL) },
    { "silent", "plain", "", false, REFUSED(4, "configuration on standard input") },
    { "incomplete", "plain", HEAD "{", false, REFUSED(4, "configuration on standard input") },
    { "other-version", "plain",
      "{\"vmmiVersion\": \"1.0.0\", \"contentType\": \"configuration\", \"configuration\": {}}",
      false, REFUSED(18, "0.4.1") },
    { "other-type", "plain",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"x\", \"timestamp\": 1, \"x\": {}}", false,
      REFUSED(6, "content type 'x'") },
    { "trace-relative", "plain", HEAD "{\"migration\": {\"trace\": \"x\"}}}", false,
      REFUSED(3, "'x' must be an absolute path") },
    { "trace-nowhere", "plain", HEAD "{\"migration\": {\"trace\": \"/nonexistent/x\"}}}", false,
      REFUSED(3, "'/nonexistent/x'") },
    { "trace-device", "plain", HEAD "{\"migration\": {\"trace\": \"/dev/full\"}}}", false,
      REFUSED(3, "'/dev/full' is not a regular file") },
    { "trace-directory", "plain", HEAD "{\"migration\": {\"trace\": \"/\"}}}", false,
      REFUSED(3, "'/'") },
    { "shadow-replaces", "plain", HEAD "{\"migration\": {\"shadow\": true, \"replace\": true}}}",
      false, REFUSED(6, "'migration.replace'") },
    { "wrong-type", "plain", HEAD "{\"connection\": 5}}", false, REFUSED(6, "'connection'") },
    { "verbose-too-large", "plain", HEAD "{\"verbose\": 11}}", false, REFUSED(6, "'verbose'") },
    { "option-misspelt", "chooser", HEAD "{\n \"policy\": {\"downtimMs\": 5}}}", false,
      REFUSED(119,
              "line 2, column 13: option 'downtimMs' is unknown; did you mean 'downtimeMs'?") },
    { "option-of-none", "plain", HEAD "{\"policy\": {\"x\": 5}}}", false,
      REFUSED(119, "has no options") },
    { "option-out-of-range", "chooser", HEAD "{\"policy\": {\"downtimeMs\": 1001}}}", false,
      REFUSED(119, "1..1000 ms, got 1001") },
    { "option-wrong-type", "chooser", HEAD "{\"policy\": {\"hard\": 1}}}", false,
      REFUSED(119, "must be true or false") },
    { "option-no-choice", "chooser", HEAD "{\"policy\": {\"how\": \"slowly\"}}}", false,
      REFUSED(119, "one of gently, roughly") },
    { "options-default", "chooser", HEAD "{}}", false,
      REFUSED(1234, "downtimeMs 300, hard 1, how gently, plan [1]") },
    { "options-given", "chooser",
      HEAD "{\"policy\": {\"downtimeMs\": 7, \"hard\": false, \"how\": \"roughly\", \"plan\": "
           "{\"a\": 1}}}}",
      false, REFUSED(1234, "downtimeMs 7, hard 0, how roughly, plan {\\\"a\\\":1}") },
    { "policy-no-object", "plain", HEAD "{\"policy\": []}}", false, REFUSED(6, "'policy'") },
    { "unknown-key", "chooser", HEAD "{\"something\": 1}}", false, REFUSED(1234, NULL) },
    { "flags-no-array", "plain", HEAD "{\"migration\": {\"flags\": \"live\"}}}", false,
      REFUSED(6, "migration.flags") },
    { "mode-unknown", "plain", HEAD "{\"migration\": {\"mode\": \"fast\"}}}", false,
      REFUSED(6, "mode") },
    { "table-broken", "bad-default", HEAD "{}}", false, REFUSED(100, "option 'x'") },
    { "no-driver", "plain", HEAD "{\"connection\": \"fake2://x\"}}", false, REFUSED(104, NULL) },
    { "nobody-answers", "plain", HEAD "{\"connection\": \"fake:///nobody-answers\"}}", false,
      REFUSED(106, "the script says no") },
    { "no-guest", "plain", HEAD "{\"connection\": \"fake:///no-guest\"}}", false,
      REFUSED(10, UUID) },
    { "log-file-bad", "plain", HEAD "{\"logFilePath\": \"/nonexistent/log\"}}", false,
      REFUSED(3, "/nonexistent/log") },
};

static void
test_configuration(gconstpointer data)
{
    const char *const args[] = { UUID, DEST, "-", "-", NULL };
    g_auto(Child) child = { .stdin_fd = -1 };
    size_t row = GPOINTER_TO_SIZE(data);

    childStart(&child, configurations[row].policy, args, configurations[row].text);
    if (configurations[row].closed)
        vmmiFdCleanup(&child.stdin_fd);
    check_end(&child, &configurations[row].expected);
    g_assert_cmpstr(child.out, ==, "");
}

/* I2: the default file counts when it is there, and its mistakes are mistakes. */
static const struct {
    const char *name, *text;
    Expected expected;
} defaults[] = {
    { "absent", NULL, REFUSED(1234, "downtimeMs 300") },
    { "there", HEAD "{\"policy\": {\"downtimeMs\": 9}}}", REFUSED(1234, "downtimeMs 9") },
    { "malformed", "{", REFUSED(6, "chooser.json") },
};

static void
test_default_file(gconstpointer data)
{
    const char *const args[] = { UUID, DEST, "-", NULL };
    g_auto(Child) child = { .stdin_fd = -1 };
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *conf = NULL;
    g_autofree char *path = NULL;

    child.dir = g_dir_make_tmp("vmmi-kit-XXXXXX", NULL);
    conf = g_build_filename(child.dir, "conf", NULL);
    path = g_build_filename(conf, "chooser.json", NULL);
    g_assert_cmpint(mkdir(conf, 0700), ==, 0);
    if (defaults[row].text)
        g_assert_true(g_file_set_contents(path, defaults[row].text, -1, NULL));
    childStart(&child, "chooser", args, NULL);
    check_end(&child, &defaults[row].expected);
}

/* --- the end of a migration ------------------------------------------------------- */

#define SUCCESS(needle)                                                                            \
    {                                                                                              \
        0, VMMI_OUTCOME_COMPLETED, VMMI_WHERE_DESTINATION, needle                                  \
    }
#define FAILED(code, needle)                                                                       \
    {                                                                                              \
        code, VMMI_OUTCOME_FAILED, VMMI_WHERE_SOURCE, needle                                       \
    }
#define ABORTED(needle)                                                                            \
    {                                                                                              \
        9, VMMI_OUTCOME_ABORTED, VMMI_WHERE_SOURCE, needle                                         \
    }
#define RELEASED(place, needle)                                                                    \
    {                                                                                              \
        13, VMMI_OUTCOME_RELEASED, VMMI_WHERE_##place, needle                                      \
    }
#define UNKNOWN(code, place, needle)                                                               \
    {                                                                                              \
        code, VMMI_OUTCOME_UNKNOWN, VMMI_WHERE_##place, needle                                     \
    }
#define DEAD(needle)                                                                               \
    {                                                                                              \
        11, VMMI_OUTCOME_FAILED, VMMI_WHERE_NOWHERE, needle                                        \
    }
#define MIGRATION(object) ", \"migration\": {" object "}"
#define PRECOPY "\"state\":\"precopy\""
#define POSTCOPY "\"state\":\"postcopy\""

static const struct {
    const char *name, *policy, *script, *more;
    const char *await; /* what the journal must show before the signal */
    int signal;
    Expected expected;
} ends[] = {
    { "completes", "plain", "completes", NULL, NULL, 0, SUCCESS("\"downtimeFinalMs\":17") },
    { "silent", "plain", "noisy", NULL, NULL, 0, SUCCESS(NULL) },
    { "steps", "plain", "steps", NULL, NULL, 0, SUCCESS(NULL) },
    { "no-events", "plain", "quiet", NULL, NULL, 0, SUCCESS("shut off: migrated") },
    { "never-returns", "plain", "never-returns", NULL, NULL, 0, SUCCESS("shut off: migrated") },
    { "no-completed-event", "plain", "no-completed-event", NULL, NULL, 0, SUCCESS(NULL) },
    { "gone-after-success", "plain", "vanishes-after-success", NULL, NULL, 0,
      SUCCESS("its last event: source domain is shut off: migrated") },
    { "contradicts", "plain", "contradicts", NULL, NULL, 0,
      UNKNOWN(121, SOURCE, "source domain is running; the migration's call succeeded") },
    { "fails", "plain", "fails", NULL, NULL, 0, FAILED(8, "the script says operation-failed") },
    { "aborted-elsewhere", "plain", "aborted-elsewhere", NULL, NULL, 0,
      ABORTED("the script says") },
    { "guest-dies", "plain", "dies", NULL, NULL, 0, DEAD("destroyed") },
    { "guest-vanishes", "plain", "vanishes", NULL, NULL, 0, DEAD("not there any more") },
    { "guest-shut-off",
      "plain",
      "shut-off",
      NULL,
      NULL,
      0,
      { 8, VMMI_OUTCOME_FAILED, VMMI_WHERE_NOWHERE, "shut off" } },
    { "postcopy-breaks",
      "plain",
      "postcopy-breaks",
      NULL,
      NULL,
      0,
      { 17, VMMI_OUTCOME_FAILED, VMMI_WHERE_BOTH, "can be recovered" } },
    { "lost", "plain", "lost", NULL, NULL, 0, UNKNOWN(12, UNKNOWN, "libvirt was lost") },
    { "lost-silently", "plain", "lost-silently", NULL, NULL, 0,
      UNKNOWN(12, UNKNOWN, "libvirt was lost") },
    { "lost-and-cancelled", "plain", "lost-and-cancelled", NULL, NULL, 0,
      FAILED(8, "lost for a while, and the migration was cancelled") },
    { "lost-and-goes-on", "plain", "lost-and-goes-on", NULL, NULL, 0, SUCCESS(NULL) },

    { "sigint", "plain", "holds", NULL, PRECOPY, SIGINT, ABORTED("aborted as asked") },
    { "sigquit", "plain", "holds", NULL, PRECOPY, SIGQUIT, ABORTED("aborted as asked") },
    { "sigint-before-job", "plain", "begins-late", NULL, "\"state\":\"begin\"", SIGINT,
      ABORTED("as asked") },
    { "sigint-too-late", "plain", "abort-too-late", NULL, PRECOPY, SIGINT, SUCCESS(NULL) },
    { "sigint-in-postcopy", "plain", "postcopy", NULL, POSTCOPY, SIGINT, SUCCESS("abortRefused") },
    { "sigterm", "plain", "holds", NULL, PRECOPY, SIGTERM, RELEASED(SOURCE, "goes on") },
    { "sigterm-in-postcopy", "plain", "postcopy", NULL, POSTCOPY, SIGTERM,
      RELEASED(DESTINATION, NULL) },
    { "sigterm-managed", "plain", "holds", MIGRATION("\"mode\": \"managed\""), PRECOPY, SIGTERM,
      ABORTED("a managed migration cannot go on without its plugin") },
    { "sighup", "plain", "slow", NULL, PRECOPY, SIGHUP, SUCCESS(NULL) },
    { "sigpipe", "plain", "slow", NULL, PRECOPY, SIGPIPE, SUCCESS(NULL) },
    { "sigint-while-libvirt-hangs", "plain", "hangs", NULL, PRECOPY, SIGINT, ABORTED(NULL) },

    { "attach-auto", "plain", "migrates-already", NULL, NULL, 0, SUCCESS("\"attached\":true") },
    { "attach-only", "plain", "migrates-already", MIGRATION("\"attach\": \"only\""), NULL, 0,
      SUCCESS("\"attached\":true") },
    { "attach-never",
      "plain",
      "migrates-already",
      MIGRATION("\"attach\": \"never\""),
      NULL,
      0,
      { 14, VMMI_OUTCOME_FAILED, VMMI_WHERE_UNKNOWN, "is being migrated already" } },
    { "attach-only-no-job", "plain", "completes", MIGRATION("\"attach\": \"only\""), NULL, 0,
      FAILED(117, "is not being migrated") },
    { "attach-fails", "plain", "migrates-already-fails", NULL, NULL, 0,
      FAILED(8, "without success") },
    { "attach-sigint", "plain", "migrates-already-holds", NULL, PRECOPY, SIGINT,
      ABORTED("as asked") },
    { "attach-sigterm", "plain", "migrates-already-holds", MIGRATION("\"mode\": \"managed\""),
      PRECOPY, SIGTERM, RELEASED(SOURCE, NULL) },
    { "shadow", "plain", "migrates-already", MIGRATION("\"shadow\": true"), NULL, 0,
      SUCCESS("\"actions\":[],\"shadow\":true") },
    { "shadow-wins-over-attach", "plain", "migrates-already",
      MIGRATION("\"shadow\": true, \"attach\": \"never\""), NULL, 0, SUCCESS("\"shadow\":true") },
    { "shadow-aborts-nothing", "aborter", "migrates-already", MIGRATION("\"shadow\": true"), NULL, 0,
      SUCCESS("\"reason\":\"pass 1 is hopeless\",\"result\":\"shadow\"") },
    { "shadow-no-job", "plain", "completes", MIGRATION("\"shadow\": true"), NULL, 0,
      FAILED(117, "nothing to watch") },
    { "shadow-waits-in-vain", "plain", "completes",
      MIGRATION("\"shadow\": true, \"shadowWaitMs\": 20"), NULL, 0, FAILED(117, "it was waited for") },
    { "comes-in",
      "plain",
      "comes-in",
      NULL,
      NULL,
      0,
      { 14, VMMI_OUTCOME_FAILED, VMMI_WHERE_UNKNOWN, "to this host" } },

    { "policy-drops-postcopy", "parachute", "refuses-postcopy", NULL, NULL, 0, SUCCESS(NULL) },
    { "policy-drops-checked", "parachute", "check-refuses-postcopy", NULL, NULL, 0, SUCCESS(NULL) },
    { "policy-is-stubborn", "stubborn", "refuses-postcopy", NULL, NULL, 0,
      FAILED(15, "'postcopy'") },
    { "policy-cannot-drop", "parachute", "refuses-postcopy", MIGRATION("\"flags\": [\"postcopy\"]"),
      NULL, 0, FAILED(15, "'postcopy'") },
    { "user-forbids", "stubborn", "refuses-postcopy", MIGRATION("\"flags\": [\"no-postcopy\"]"),
      NULL, 0, SUCCESS(NULL) },
    { "refused-later", "parachute", "refuses-later", NULL, NULL, 0, FAILED(15, "the script says") },
    { "policy-quits", "quitter", "completes", NULL, NULL, 0, FAILED(1001, "never starts") },
    { "policy-tunes", "tuner", "slow", NULL, NULL, 0,
      SUCCESS("\"reason\":\"from 300 to 500\",\"result\":\"done\"") },
    { "policy-tune-fails", "tuner", "slow", NULL, NULL, 0,
      SUCCESS("\"result\":\"failed\",\"error\":\"only the downtime can be tuned\"") },
    { "policy-aborts", "aborter", "holds", NULL, NULL, 0,
      ABORTED("the policy aborted the migration: pass 1 is hopeless") },
    { "policy-switches", "switcher", "switches", NULL, NULL, 0,
      SUCCESS("\"action\":\"start-postcopy\"") },
    { "policy-timers", "clock", "holds", NULL, NULL, 0, ABORTED("three timers came") },
    { "policy-breaks", "broken", "slow", NULL, NULL, 0, SUCCESS("\"policyError\"") },
};

static void
test_end(gconstpointer data)
{
    g_auto(Child) child = { .stdin_fd = -1 };
    size_t row = GPOINTER_TO_SIZE(data);

    childMigrate(&child, ends[row].policy, ends[row].script, ends[row].more);
    if (ends[row].signal) {
        childAwait(&child, ends[row].await);
        childSignal(&child, ends[row].signal);
    }
    check_end(&child, &ends[row].expected);
    g_assert_cmpstr(child.out, ==, "");
}

/* --- single cases ----------------------------------------------------------------- */

static void
test_describe(void)
{
    const char *const args[] = { "--vmmi-describe", NULL };
    g_auto(Child) child = { .stdin_fd = -1 };
    g_autoptr(json_t) description = NULL;

    childStart(&child, "chooser", args, NULL);
    childEnd(&child);
    g_assert_cmpint(child.status, ==, 0);
    g_assert_cmpstr(child.err, ==, "");
    description = json_loads(child.out, JSON_REJECT_DUPLICATES, NULL);
    g_assert_cmpstr(json_string_value(json_object_get(description, "name")), ==, "chooser");
    g_assert_cmpuint(json_array_size(json_object_get(description, "options")), ==, 4);
}

/* A destination of "-" is fit for attaching only (B12). */
static void
test_no_destination(void)
{
    const char *const args[] = { UUID, "-", "-", "-", NULL };
    g_auto(Child) only = { .stdin_fd = -1 };
    g_auto(Child) any = { .stdin_fd = -1 };

    childStart(
        &only, "plain", args,
        HEAD
        "{\"connection\": \"fake:///migrates-already\", \"migration\": {\"attach\": \"only\"}}}");
    check_end(&only, &(Expected)SUCCESS("\"attached\":true"));
    childStart(&any, "plain", args, HEAD "{\"connection\": \"fake:///completes\"}}");
    check_end(&any, &(Expected)REFUSED(5, NULL));
}

/* B0, I6: a signal before the configuration ends the plugin with a completion; SIGUSR1 brings
 * nothing. */
static void
test_signal_before_configuration(gconstpointer data)
{
    const char *const args[] = { UUID, DEST, "-", "-", NULL };
    g_auto(Child) child = { .stdin_fd = -1 };

    childStart(&child, "plain", args, "{");
    childSignal(&child, SIGUSR1);
    childSignal(&child, GPOINTER_TO_INT(data));
    check_end(&child,
              &(Expected){ 9, VMMI_OUTCOME_ABORTED, VMMI_WHERE_UNKNOWN, "before the migration" });
    g_assert_cmpstr(child.out, ==, "");
}

/* I6: asked before the configuration is complete, answered when it is. */
static void
test_early_status(void)
{
    static const char text[] = HEAD "{\"connection\": \"fake:///holds\"}}";
    g_auto(Child) child = { .stdin_fd = -1 };

    childStart(&child, "plain", (const char *const[]){ UUID, DEST, "-", "-", NULL }, "");
    childSignal(&child, SIGUSR1);
    g_assert_cmpint(write(child.stdin_fd, text, strlen(text)), ==, strlen(text));
    childAwaitLines(&child, 1);
}

/* S2: one status for each SIGUSR1, none unasked; while libvirt hangs as well. */
static void
test_status(gconstpointer script)
{
    g_auto(Child) child = { .stdin_fd = -1 };
    g_auto(GStrv) lines = NULL;

    childMigrate(&child, "sayer", script, NULL);
    childAwait(&child, "\"kind\":\"sample\"");
    for (size_t i = 1; i <= 3; i++) {
        childSignal(&child, SIGUSR1);
        childAwaitLines(&child, i);
    }
    childSignal(&child, SIGINT);
    check_end(&child, &(Expected)ABORTED(NULL));
    lines = g_strsplit(child.out, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 4);
    for (size_t i = 0; i < 3; i++) {
        g_autoptr(vmmiMessage) status = vmmiMessageParse(lines[i], strlen(lines[i]), NULL);
        g_autoptr(vmmiSample) sample = status ? vmmiStatusGetSample(status) : NULL;
        const char *text = "";
        uint64_t sequence = 0;

        g_assert_nonnull(status);
        g_assert_true(vmmiMessageGetSequence(status, &sequence));
        g_assert_cmpuint(sequence, ==, i + 1);
        g_assert_true(vmmiMessageGetString(status, "state", &text));
        g_assert_cmpstr(text, ==, "precopy");
        g_assert_true(vmmiMessageGetString(status, "policy.reason", &text));
        g_assert_cmpstr(text, ==, "waiting for nothing");
        g_assert_cmpuint(vmmiSampleGetOr(sample, VMMI_SAMPLE_PERCENT, 0), ==, 42);
    }
}

/* M4: nothing but the completion. */
static void
test_verbose_zero(void)
{
    g_auto(Child) child = { .stdin_fd = -1 };

    childMigrate(&child, "sayer", "holds", ", \"verbose\": 0");
    childAwait(&child, PRECOPY);
    childSignal(&child, SIGUSR1);
    childSignal(&child, SIGINT);
    check_end(&child, &(Expected)ABORTED(NULL));
    g_assert_cmpstr(child.out, ==, "");
}

/* B13: the second one ends with code 14 and harms nobody; afterwards the guest is free again. */
static void
test_one_policy(void)
{
    g_auto(Child) first = { .stdin_fd = -1 };
    g_auto(Child) second = { .stdin_fd = -1 };
    g_autofree char *dir G_GNUC_UNUSED = NULL;

    childMigrate(&first, "plain", "holds", NULL);
    childAwait(&first, PRECOPY);
    second.dir = g_strdup(first.dir);
    /* Its files are the first one's: both append, and standard error is looked at as a whole. */
    childMigrate(&second, "plain", "holds", NULL);
    childEnd(&second);
    g_assert_nonnull(strstr(second.err, "\"code\":14"));
    g_assert_true(WIFEXITED(second.status) && WEXITSTATUS(second.status) == 1);
    childSignal(&first, SIGINT);
    childEnd(&first);
    g_assert_nonnull(strstr(first.err, "\"code\":9"));
    childMigrate(&first, "plain", "completes", NULL);
    childEnd(&first);
    g_assert_cmpint(first.status, ==, 0);
    g_clear_pointer(&second.dir, g_free);
}

/* A name that was inherited by accident counts for nothing. */
static void
test_foreign_job(gconstpointer job)
{
    g_auto(Child) child = { .stdin_fd = -1, .job = job };

    childMigrate(&child, "plain", "completes", NULL);
    check_end(&child, &(Expected)SUCCESS(NULL));
    childAwait(&child, "\"outcome\":\"completed\"");
}

/* S5: what libraries print goes to the log. */
static void
test_log_file(void)
{
    g_auto(Child) child = { .stdin_fd = -1 };
    g_autofree char *path = NULL;
    g_autofree char *more = NULL;
    g_autofree char *text = NULL;

    child.dir = g_dir_make_tmp("vmmi-kit-XXXXXX", NULL);
    path = g_build_filename(child.dir, "log", NULL);
    more = g_strdup_printf(", \"logFilePath\": \"%s\"", path);
    childMigrate(&child, "plain", "noisy", more);
    check_end(&child, &(Expected)SUCCESS(NULL));
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "noise on standard output"));
    g_assert_nonnull(strstr(text, "noise on standard error"));
    g_assert_nonnull(strstr(text, "noise of GLib"));
}

int
main(int argc, char **argv)
{
    childMain(argc, argv);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/kit/plugin/arguments/", arguments, test_arguments);
    ADD_ROWS("/kit/plugin/configuration/", configurations, test_configuration);
    ADD_ROWS("/kit/plugin/default-file/", defaults, test_default_file);
    ADD_ROWS("/kit/plugin/end/", ends, test_end);
    g_test_add_func("/kit/plugin/describe", test_describe);
    g_test_add_func("/kit/plugin/no-destination", test_no_destination);
    g_test_add_data_func("/kit/plugin/sigterm-before-configuration", GINT_TO_POINTER(SIGTERM),
                         test_signal_before_configuration);
    g_test_add_data_func("/kit/plugin/sigint-before-configuration", GINT_TO_POINTER(SIGINT),
                         test_signal_before_configuration);
    g_test_add_func("/kit/plugin/early-status", test_early_status);
    g_test_add_data_func("/kit/plugin/status", "holds", test_status);
    g_test_add_data_func("/kit/plugin/status-while-libvirt-hangs", "hangs", test_status);
    g_test_add_func("/kit/plugin/verbose-zero", test_verbose_zero);
    g_test_add_func("/kit/plugin/one-policy-per-guest", test_one_policy);
    g_test_add_data_func("/kit/plugin/foreign-job/missing", "/nonexistent/job", test_foreign_job);
    g_test_add_data_func("/kit/plugin/foreign-job/no-job", "/tmp", test_foreign_job);
    g_test_add_data_func("/kit/plugin/foreign-job/relative", "x", test_foreign_job);
    g_test_add_func("/kit/plugin/log-file", test_log_file);
    return g_test_run();
}
