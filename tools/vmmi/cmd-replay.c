/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-replay.c: vmmi replay: what another policy would have decided in a recorded migration. The
 * plugin replays; here it is told what, and its decisions are shown beside those of the original.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "chart.h"
#include "markup.h"
#include "output-file.h"
#include "plugin-child.h"
#include "report.h"
#include "terminal.h"

#define OPTION "--vmmi-replay"
#define FEATURE "replay"
/* Two actions are the same decision, if they are no further apart than this. */
#define SAME_MS 1500
#define WIDTH_ELSEWHERE 100
#define COLUMN 34

static struct {
    char *plugin, *config, *output;
    char **settings;
} wanted;

static const GOptionEntry entries[] = {
    { "plugin", 'p', 0, G_OPTION_ARG_FILENAME, &wanted.plugin, "The policy that decides anew",
      "NAME" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &wanted.config,
      "A configuration message with its options; - takes it from standard input", "FILE" },
    { "set", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &wanted.settings,
      "One option of the policy", "KEY=VALUE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &wanted.output,
      "Write the trace of the replay, for 'vmmi report'", "FILE" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

typedef struct {
    const Common *common;
    Trace *original, *replayed;
    vmmiPlugin *plugin;
    ArgumentConfig config;
    char *text;             /* the trace of the replay */
    size_t length;
} Job;

/* --- the order -------------------------------------------------------------------- */

/* The same policy goes on with the options that it had. */
static json_t *
recorded_options(const Job *job)
{
    const json_t *start = job->original->start;
    const char *plugin = json_string_value(json_object_get(start, "plugin"));
    const char *name = plugin ? plugin : job->original->policy;
    json_t *options = json_object_get(start, "options");

    if (g_strcmp0(name, vmmiPluginGetName(job->plugin)) != 0 || !json_is_object(options))
        return json_object();
    return json_deep_copy(options);
}

/* The content of --config, without what the recording decides. */
static json_t *
given_content(const Job *job)
{
    json_t *whole = job->config.text
                        ? json_loads(job->config.text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    json_t *inner = json_object_get(whole, "configuration");
    json_t *content = json_is_object(inner) ? json_incref(inner) : json_incref(whole);

    json_decref(whole);
    if (!json_is_object(content)) {
        json_decref(content);
        return json_object();
    }
    return content;
}

static int
apply_setting(json_t *content, json_t *policy, const char *setting, vmmiError **err)
{
    const char *equals = strchr(setting, '=');
    g_autofree char *key = equals ? g_strndup(setting, (gsize)(equals - setting)) : NULL;
    const char *name = key && g_str_has_prefix(key, "policy.") ? key + strlen("policy.") : key;
    json_t *value;

    if (!equals || !*name || !g_utf8_validate(setting, -1, NULL))
        return vmmiErrorSet(err, VMMI_ERR_OPTION, "--set needs KEY=VALUE, not '%s'", setting);
    if (strchr(name, '.'))
        return vmmiErrorSet(err, VMMI_ERR_OPTION,
                            "'%s' is no option of a policy; flags and parameters are the recorded "
                            "ones", key);
    value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_object_set_new(policy, name, value ? value : json_string(equals + 1));
    json_object_del(content, name); /* it may stand beside `policy` */
    return 0;
}

/* NULL with an error. */
static json_t *
make_order(const Job *job, vmmiError **err)
{
    json_t *content = given_content(job), *policy = recorded_options(job);
    json_t *given = json_object_get(content, "policy");
    const char *key;
    json_t *value;
    int failed = 0;

    /* An option that stands beside `policy` is not to be found in it as well. */
    json_object_foreach (content, key, value)
        json_object_del(policy, key);
    if (json_is_object(given))
        json_object_update(policy, given);
    for (size_t i = 0; failed == 0 && wanted.settings && wanted.settings[i]; i++)
        failed = apply_setting(content, policy, wanted.settings[i], err);
    json_object_set(content, "policy", policy);
    json_decref(policy);
    if (failed < 0) {
        json_decref(content);
        return NULL;
    }
    return json_pack("{s:s, s:o}", "trace", job->original->path, "configuration", content);
}

/* --- doing it --------------------------------------------------------------------- */

static int
check_output(const Job *job, vmmiError **err)
{
    if (!wanted.output || !output_file_is(wanted.output, job->original->path))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                        "'%s' is the trace itself, and not written over", wanted.output);
}

static int
replay(Job *job, const char *word, vmmiError **err)
{
    json_t *order;

    job->plugin = plugin_child_find(wanted.plugin, FEATURE, err);
    if (!job->plugin || arguments_config(wanted.config, &job->config, err) < 0)
        return -1;
    job->original = trace_open(job->common, word, err);
    if (!job->original || check_output(job, err) < 0)
        return -1;
    order = make_order(job, err);
    if (!order)
        return -1;
    job->text = plugin_child_run(job->plugin, OPTION, order, TRACE_MAX_BYTES, &job->length, err);
    json_decref(order);
    if (!job->text)
        return -1;
    job->replayed = trace_read_text(job->text, job->length, "the replay", err);
    if (!job->replayed)
        return vmmiErrorPrefix(err, "plugin '%s'", wanted.plugin);
    return wanted.output ? output_file_write(wanted.output, job->text, job->length, err) : 0;
}

static void
job_clear(Job *job)
{
    if (job->original)
        trace_free(job->original);
    if (job->replayed)
        trace_free(job->replayed);
    vmmiPluginUnref(job->plugin);
    arguments_config_clear(&job->config);
    g_free(job->text);
}

/* --- showing it ------------------------------------------------------------------- */

static const TraceAction *
action_at(const Trace *trace, guint index)
{
    return index < trace->actions->len ? g_ptr_array_index(trace->actions, index) : NULL;
}

static bool
is_same(const TraceAction *a, const TraceAction *b)
{
    return a && b && !a->foreign && !b->foreign && g_strcmp0(a->kind, b->kind) == 0 &&
           g_strcmp0(a->what, b->what) == 0 &&
           (isnan(a->value) ? isnan(b->value) : a->value == b->value) &&
           fabs(a->ms - b->ms) <= SAME_MS;
}

static void
print_reason(const char *reason, size_t indent, int width)
{
    g_auto(GStrv) lines = markup_wrap(reason, (size_t)MAX(width - (int)indent - 1, 30), 6);

    for (size_t i = 0; lines[i]; i++)
        printf("%*s%s\n", (int)indent, "", lines[i]);
}

static void
print_row(const TraceAction *mine, const TraceAction *theirs, int width)
{
    g_autofree char *at = chart_time(mine ? mine->ms : theirs->ms);
    g_autofree char *left = mine ? report_printable(mine->text) : g_strdup("");
    g_autofree char *right = theirs ? report_printable(theirs->text) : g_strdup("");

    printf("%8s  %-*s  %s\n", at, COLUMN, left, theirs && theirs->foreign ? "" : right);
    print_reason(mine ? mine->reason : NULL, 12, width);
    if (theirs && !mine)
        print_reason(theirs->reason, COLUMN + 14, width);
}

/* Both lists in the order of time; the same decisions of both in one row. */
static void
print_rows(const Job *job, int width)
{
    const Trace *replayed = job->replayed, *original = job->original;
    guint i = 0, k = 0;
    bool parted = false;

    while (i < replayed->actions->len || k < original->actions->len) {
        const TraceAction *mine = action_at(replayed, i), *theirs = action_at(original, k);
        double at = MIN(mine ? mine->ms : INFINITY, theirs ? theirs->ms : INFINITY);

        if (!parted && at > replayed->changed_ms) {
            printf("%8s  --- from here on, the figures are no longer what would have happened\n",
                   "");
            parted = true;
        }
        if (!is_same(mine, theirs)) {
            if (mine && (!theirs || mine->ms <= theirs->ms))
                theirs = NULL;
            else
                mine = NULL;
        }
        print_row(mine, theirs, width);
        i += mine != NULL;
        k += theirs != NULL;
    }
}

static void
print_replay(const Job *job)
{
    Terminal terminal = terminal_look();
    int width = terminal.moves ? terminal_width() : WIDTH_ELSEWHERE;
    g_autofree char *original = trace_describe(job->original), *was = report_printable(original);
    g_autofree char *guest = report_printable(job->original->guest ? job->original->guest
                                                                   : "A guest");
    g_autofree char *policy = report_printable(job->replayed->policy);
    g_autofree char *course = report_printable(job->replayed->course);

    printf("%s, recorded under %s, replayed under %s %s\n\n", guest, was, policy,
           vmmiPluginGetVersion(job->plugin));
    if (job->replayed->actions->len || job->original->actions->len)
        printf("%8s  %-*s  %s\n", "AT", COLUMN, "IT WOULD HAVE DONE", "THE ORIGINAL DID");
    print_rows(job, width);
    if (!job->replayed->actions->len)
        printf("It would have done nothing.\n");
    printf("\n%s\n", course);
}

static void
report_replay(const Job *job)
{
    json_t *object = trace_object(job->replayed), *original = trace_object(job->original);

    json_object_set(object, "original", original);
    json_object_set_new(object, "changedAtMs",
                        isinf(job->replayed->changed_ms)
                            ? json_null() : json_integer((json_int_t)job->replayed->changed_ms));
    json_object_set_new(object, "trace", wanted.output ? json_string(wanted.output) : json_null());
    json_decref(original);
    report_object(object);
}

static ExitCode
run_replay(const Common *common, char **arguments)
{
    Job job = { .common = common };
    vmmiError *error = NULL;
    ExitCode code = EXIT_DONE;

    if (!wanted.plugin)
        return report_usage(common, "replay", "--plugin is needed: the policy that decides anew");
    if (replay(&job, arguments[0], &error) < 0)
        code = report_error(common, error, report_empty_object());
    else if (common->json)
        report_replay(&job);
    else
        print_replay(&job);
    vmmiErrorFree(error);
    job_clear(&job);
    return code;
}

const Verb verb_replay = {
    .name = "replay",
    .arguments = "TRACE",
    .summary = "what another policy would have decided",
    .details =
        "TRACE is a file that --trace wrote, or a migration whose journal is meant. The policy "
        "gets what was recorded, at the\n"
        "recorded times, and its decisions are shown beside those of the original. From the first "
        "one that would have changed\n"
        "the course on, the recorded figures are no longer what would have happened; that is said.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_replay,
};
