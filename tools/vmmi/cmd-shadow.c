/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-shadow.c: vmmi shadow: has a policy watch a migration that something else runs, and says what
 * it would have done. The process of the policy is shadow-run.c's.
 */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "report.h"
#include "shadow-run.h"
#include "show.h"
#include "signals.h"

static struct {
    char *plugin, *config, *trace, *wait;
    char **settings;
} wanted;

static const GOptionEntry entries[] = {
    { "plugin", 'p', 0, G_OPTION_ARG_FILENAME, &wanted.plugin,
      "The policy; else 'adaptive' when it is there, else 'touri'", "NAME" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &wanted.config,
      "A configuration message; - takes it from standard input", "FILE" },
    { "set", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &wanted.settings,
      "One setting; a key without a dot is an option of the policy", "KEY=VALUE" },
    { "trace", 0, 0, G_OPTION_ARG_FILENAME, &wanted.trace,
      "Write all that it sees and decides to a file", "FILE" },
    { "wait", 'w', 0, G_OPTION_ARG_FILENAME, &wanted.wait,
      "Wait so long for a migration to begin", "SECONDS" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

typedef struct {
    const Common *common;
    const char *guest;
    uint64_t wait_ms;
    ArgumentConfig config;
    char *trace;              /* absolute; of the user's, or a temporary file */
    vmmiShadow *shadow;
    ShadowRun *run;
} Watch;

/* --- making it ------------------------------------------------------------------------- */

static vmmiConnect *
open_source(const Watch *watch, vmmiError **err)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    const vmmiMessage *config = watch->config.message;
    const char *uri = watch->common->uri, *text;

    if (!uri && config && vmmiMessageGetString(config, "connection", &text))
        uri = text;
    if (config && vmmiMessageGetString(config, "connectionCredentials.username", &text))
        options.username = text;
    if (config && vmmiMessageGetString(config, "connectionCredentials.passwordFile", &text))
        options.password_file = text;
    return vmmiConnectOpen(uri, &options, 0, err);
}

/* Without a file of the user's there is one of ours, to show what happens. */
static int
find_trace(Watch *watch, vmmiError **err)
{
    int fd;

    if (wanted.trace) {
        watch->trace = g_canonicalize_filename(wanted.trace, NULL);
        return 0;
    }
    fd = g_file_open_tmp("vmmi-shadow-XXXXXX", &watch->trace, NULL);
    if (fd < 0)
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "cannot make a temporary file in '%s'",
                            g_get_tmp_dir());
    close(fd);
    return 0;
}

static int
make_shadow(Watch *watch, vmmiError **err)
{
    vmmiShadowOptions options = VMMI_SHADOW_OPTIONS_INIT;
    vmmiConnect *connect;

    if (arguments_config(wanted.config, &watch->config, err) < 0 || find_trace(watch, err) < 0)
        return -1;
    connect = open_source(watch, err);
    if (!connect)
        return -1;
    options.plugin = wanted.plugin;
    options.guest = watch->guest;
    options.configuration = watch->config.text;
    options.settings = (const char *const *)wanted.settings;
    options.trace = watch->trace;
    options.wait_ms = watch->wait_ms;
    watch->shadow = vmmiShadowNew(connect, &options, err);
    vmmiConnectUnref(connect);
    if (!watch->shadow)
        return -1;
    signals_catch();
    watch->run = shadow_run_start(watch->shadow, watch->trace, err);
    return watch->run ? 0 : -1;
}

/* --- saying what happens ----------------------------------------------------------------- */

static void
print_begin(const Watch *watch)
{
    g_autofree char *guest = report_printable(vmmiShadowGetGuestName(watch->shadow));
    g_autofree char *plugin = report_printable(vmmiShadowGetArguments(watch->shadow)[0]);

    printf("%s watches %s in shadow: nothing that it decides is done\n", plugin, guest);
    fflush(stdout);
}

static void
take_entry(const Watch *watch, const json_t *entry)
{
    const json_t *data = json_object_get(entry, "data");
    double at = json_number_value(json_object_get(data, "atMs"));
    g_autofree char *text = NULL;
    const char *kind = json_string_value(json_object_get(entry, "kind"));

    if (watch->common->json || g_strcmp0(kind, "action") != 0)
        return;
    text = show_action_text(data);
    printf("%9.1f s  %s\n", at / 1000, text);
    fflush(stdout);
}

static json_t *
said(const vmmiMessage *completion, const char *key)
{
    g_autofree char *path = g_strdup_printf(
        "%s.%s", vmmiCompletionIsSuccess(completion) ? "success" : "error", key);
    char *text = vmmiMessageGetJson(completion, path);
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

    vmmiFree(text);
    return value;
}

static void
set_said(json_t *object, const vmmiMessage *completion, const char *key)
{
    json_t *value = completion ? said(completion, key) : NULL;

    json_object_set_new(object, key, value ? value : json_null());
}

static void
report_json(const Watch *watch, const vmmiMessage *completion, vmmiOutcomeKind kind,
            vmmiWhere where, const vmmiError *error)
{
    static const char *const keys[] = { "evidence", "statistics", "actions", "policyError",
                                        "traceLost" };
    const char *outcome = vmmiOutcomeKindToString(kind);
    json_t *object = report_empty_object();
    const json_t *percent;

    json_object_set_new(object, "guest", json_string(vmmiShadowGetGuestName(watch->shadow)));
    json_object_set_new(object, "uuid", json_string(vmmiShadowGetGuestUuid(watch->shadow)));
    json_object_set_new(object, "plugin", json_string(vmmiShadowGetArguments(watch->shadow)[0]));
    json_object_set_new(object, "state", json_string(outcome));
    json_object_set_new(object, "outcome", json_string(outcome));
    json_object_set_new(object, "where", json_string(vmmiWhereToString(where)));
    json_object_set_new(object, "error", report_error_object(error));
    json_object_set_new(object, "shadow", json_true());
    if (wanted.trace)
        json_object_set_new(object, "trace", json_string(watch->trace));
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        set_said(object, completion, keys[i]);
    percent = json_object_get(json_object_get(object, "statistics"), "percent");
    json_object_set_new(object, "percent",
                        kind == VMMI_OUTCOME_COMPLETED
                            ? json_integer(100)
                            : json_integer(json_integer_value(percent)));
    report_object(object);
}

static void
print_end(const Watch *watch, const vmmiMessage *completion, vmmiOutcomeKind kind)
{
    json_t *evidence = completion ? said(completion, "evidence") : NULL;
    g_autofree char *guest = report_printable(vmmiShadowGetGuestName(watch->shadow));
    g_autofree char *text = report_printable(json_string_value(evidence));

    printf("%s: the migration of %s, as far as it was watched%s%s\n",
           kind == VMMI_OUTCOME_RELEASED ? "goes on" : vmmiOutcomeKindToString(kind), guest,
           *text ? ": " : "", text);
    json_decref(evidence);
}

static ExitCode
code_of(vmmiOutcomeKind kind, const vmmiError *error)
{
    switch (kind) {
    case VMMI_OUTCOME_COMPLETED:
        return EXIT_DONE;
    case VMMI_OUTCOME_ABORTED:
        return EXIT_ABORTED;
    case VMMI_OUTCOME_RELEASED:
        return EXIT_RELEASED;
    case VMMI_OUTCOME_FAILED:
        /* What ended before there was anything to watch. */
        return vmmiErrorGetCode(error) == VMMI_ERR_STATE ? EXIT_NO_SUCH
               : report_exit_code(error) != EXIT_TROUBLE ? report_exit_code(error)
                                                         : EXIT_FAILED;
    default:
        return EXIT_UNKNOWN;
    }
}

static ExitCode
report_end(const Watch *watch)
{
    const vmmiMessage *completion = shadow_run_completion(watch->run);
    vmmiOutcomeKind kind = VMMI_OUTCOME_UNKNOWN;
    vmmiWhere where = VMMI_WHERE_UNKNOWN;
    vmmiError *error = shadow_run_error(watch->run);
    ExitCode code;

    if (completion)
        vmmiCompletionGetOutcome(completion, &kind, &where);
    else if (shadow_run_was_asked(watch->run))
        kind = VMMI_OUTCOME_RELEASED;
    code = code_of(kind, error);
    if (error && kind != VMMI_OUTCOME_RELEASED)
        report_sentence("%s", vmmiErrorGetMessage(error));
    if (watch->common->json)
        report_json(watch, completion, kind, where, error);
    else if (code != EXIT_NO_SUCH && code != EXIT_USAGE)
        print_end(watch, completion, kind);
    vmmiErrorFree(error);
    return code;
}

/* --- the verb ---------------------------------------------------------------------------- */

static ExitCode
report_not_started(const Watch *watch, const vmmiError *error)
{
    g_autofree char *guest = g_utf8_make_valid(watch->guest, -1);
    json_t *object = report_empty_object();
    ExitCode code;

    json_object_set_new(object, "guest", json_string(guest));
    json_object_set_new(object, "shadow", json_true());
    code = report_error(watch->common, error, object);
    return vmmiErrorGetCode(error) == VMMI_ERR_STATE ? EXIT_NO_SUCH : code;
}

static void
on_signal(Watch *watch)
{
    int number = signals_next();

    /* Whichever it is: the migration is not ours. A second one does not wait. */
    if (number == SIGINT || number == SIGTERM || number == SIGHUP)
        shadow_run_end(watch->run);
}

static void
follow(Watch *watch)
{
    json_t *entry;
    bool lives;

    if (!watch->common->json)
        print_begin(watch);
    do {
        lives = shadow_run_turn(watch->run);
        while ((entry = shadow_run_entry(watch->run, !lives)) != NULL) {
            take_entry(watch, entry);
            json_decref(entry);
        }
        on_signal(watch);
    } while (lives);
}

static ExitCode
run_shadow(const Common *common, char **arguments)
{
    Watch watch = { .common = common, .guest = arguments[0] };
    vmmiError *error = NULL;
    ExitCode code;

    if (wanted.wait && !arguments_timeout(wanted.wait, &watch.wait_ms))
        return report_usage(common, "shadow", "--wait must be seconds, more than 0, not '%s'",
                            wanted.wait);
    if (make_shadow(&watch, &error) == 0) {
        follow(&watch);
        code = report_end(&watch);
    } else {
        code = report_not_started(&watch, error);
    }
    if (watch.trace && !wanted.trace)
        unlink(watch.trace);
    shadow_run_free(watch.run);
    vmmiShadowFree(watch.shadow);
    arguments_config_clear(&watch.config);
    g_free(watch.trace);
    vmmiErrorFree(error);
    return code;
}

const Verb verb_shadow = {
    .name = "shadow",
    .arguments = "GUEST",
    .summary = "let a policy watch a migration that something else runs",
    .details =
        "GUEST is a UUID or a name. The policy sees what one in charge would see, and what it "
        "decides is said and never done:\n"
        "the migration that virsh, another policy or another manager runs goes its way. Any "
        "number may watch, and none is\n"
        "recorded: 'vmmi list' does not know them. --trace keeps what was seen and decided, for "
        "vmmi report and vmmi replay.\n"
        "\n"
        "Ctrl-C, SIGTERM and SIGHUP end the shadow; the migration goes on.\n"
        "\n"
        "Exit status: what became of the migration: 0 completed, 1 failed, 3 aborted, 4 it goes "
        "on, 6 nobody knows; 5 no such\n"
        "guest, plugin, or migration to watch, 2 wrong usage, 125 nothing was started.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .acts = false,
    .run = run_shadow,
};
