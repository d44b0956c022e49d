/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: the command vmmi: finds the verb, reads the options, runs it. Verbs are cmd-NAME.c.
 */
#include "cmd.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

static const Verb *const verbs[] = {
    &verb_migrate,
    &verb_list,
    &verb_show,
    &verb_wait,
    &verb_status,
    &verb_log,
    &verb_report,
    &verb_replay,
    &verb_abort,
    &verb_release,
    &verb_attach,
    &verb_shadow,
    &verb_acknowledge,
    &verb_plugin,
    &verb_driver,
    &verb_doctor,
    &verb_message,
    &verb_simulate,
    &verb_sim,
    &verb_version,
    NULL
};

static const Verb *
find_verb(const char *name)
{
    for (size_t i = 0; verbs[i]; i++) {
        if (g_strcmp0(verbs[i]->name, name) == 0)
            return verbs[i];
    }
    return NULL;
}

static void
print_help(void)
{
    printf("Usage: vmmi [-c URI] [--json] VERB [ARGUMENT...]\n\n"
           "Moves running virtual machines between hosts, each under a policy of its own "
           "process.\n\nVerbs:\n");
    for (size_t i = 0; verbs[i]; i++)
        printf("  %-11s %s\n", verbs[i]->name, verbs[i]->summary);
    printf("\nOptions of every verb:\n"
           "  -c, --connect=URI   the host to work on; else VMMI_DEFAULT_URI, LIBVIRT_DEFAULT_URI, "
           "qemu:///system\n"
           "  --json              one JSON object, or one a line, and nothing else on standard "
           "output\n"
           "  --run-dir=DIR       where records of migrations are; else VMMI_RUN_DIR, /run/vmmi or "
           "the user's own\n"
           "  -h, --help          this text, or that of a verb\n"
           "\nTry it without a hypervisor: vmmi -c sim:/// migrate guest1 sim:///destination\n"
           "The manual: vmmi(1)\n");
}

/* The index of the verb: the first word that is neither an option nor the value of one. 0: none. */
static int
verb_index(char **argv)
{
    static const char *const with_value[] = { "-c", "--connect", "--run-dir", NULL };

    for (int i = 1; argv[i]; i++) {
        if (g_strv_contains(with_value, argv[i])) {
            if (!argv[++i])
                return 0;
        } else if (argv[i][0] != '-') {
            return i;
        }
    }
    return 0;
}

static bool
wants(char **argv, const char *word)
{
    for (int i = 1; argv[i] && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], word) == 0)
            return true;
    }
    return false;
}

/* Options of the verb and the common ones. Returns the words that are left behind the program's
 * name, or NULL. */
static char **
parse_options(const Verb *verb, Common *common, char ***argv, GError **error)
{
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        { "connect", 'c', 0, G_OPTION_ARG_FILENAME, &common->uri, "The host to work on", "URI" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "One JSON object, or one a line", NULL },
        { "run-dir", 0, 0, G_OPTION_ARG_FILENAME, &common->run_dir,
          "Where records of migrations are", "DIR" },
        { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
    };
    g_autofree char *usage = g_strdup_printf("%s %s", verb->name, verb->arguments);
    g_autofree char *heading = g_strdup_printf("%c%s.", g_ascii_toupper(verb->summary[0]),
                                               verb->summary + 1);
    GOptionContext *context = g_option_context_new(usage);
    gboolean parsed;

    g_option_context_set_summary(context, heading);
    g_option_context_set_description(context, verb->details);
    if (verb->options)
        g_option_context_add_main_entries(context, verb->options, NULL);
    g_option_context_add_main_entries(context, entries, NULL);
    parsed = g_option_context_parse_strv(context, argv, error);
    g_option_context_free(context);
    common->json = json;
    return parsed ? *argv + 1 : NULL;
}

static char **
without_separator(char **words)
{
    return words && words[0] && strcmp(words[0], "--") == 0 ? words + 1 : words;
}

/* What could not be printed is a failure, unless something was done that stays. */
static ExitCode
finish(const Verb *verb, ExitCode code)
{
    return report_flush() || (verb && verb->acts) || code != EXIT_DONE ? code : EXIT_TROUBLE;
}

static ExitCode
run_verb(const Verb *verb, Common *common, char **argv, int at)
{
    g_auto(GStrv) rest = g_strdupv(argv);
    g_autoptr(GError) error = NULL;
    char **words;
    int count;

    g_free(rest[at]);
    memmove(rest + at, rest + at + 1, (g_strv_length(argv) - (guint)at) * sizeof(*rest));
    words = without_separator(parse_options(verb, common, &rest, &error));
    common->json = common->json || (!words && wants(argv, "--json"));
    if (!words)
        return report_usage(common, verb->name, "%s", error->message);
    count = (int)g_strv_length(words);
    if (count < verb->min_arguments)
        return report_usage(common, verb->name, "'%s' needs %s", verb->name, verb->arguments);
    if (count > verb->max_arguments)
        return report_usage(common, verb->name, "'%s' is one argument too many",
                            words[verb->max_arguments]);
    return finish(verb, verb->run(common, words));
}

static ExitCode
run_main(Common *common, char **argv)
{
    int at = verb_index(argv);
    const Verb *verb = find_verb(at ? argv[at] : NULL);

    common->json = wants(argv, "--json");
    if (verb)
        return run_verb(verb, common, argv, at);
    if (at)
        return report_usage(common, NULL, "there is no verb '%s'", argv[at]);
    if (wants(argv, "--version"))
        return finish(&verb_version, verb_version.run(common, argv));
    if (!wants(argv, "--help") && !wants(argv, "-h"))
        return report_usage(common, NULL, "a verb is needed, such as 'migrate'");
    print_help();
    return finish(NULL, EXIT_DONE);
}

int
main(int argc G_GNUC_UNUSED, char **argv)
{
    Common common = { NULL, NULL, false };
    ExitCode code;

    setlocale(LC_CTYPE, "");
    g_set_prgname("vmmi");
    code = run_main(&common, argv);
    g_free(common.uri);
    g_free(common.run_dir);
    return (int)code;
}
