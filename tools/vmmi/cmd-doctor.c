/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-doctor.c: vmmi doctor: whether migrations can be started here, and what becomes of them; each
 * finding with the command that mends it. Nothing is changed.
 */
#include "doctor.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report.h"

#define MIN_COLUMNS 60
#define MAX_COLUMNS 110
#define PLAIN_COLUMNS 100
#define INDENT 24

static const struct {
    const char *name;   /* in JSON, and for people */
    void (*run)(Doctor *doctor);
} checks[] = {
    { "run-directory", doctor_check_run_directory },
    { "space", doctor_check_space },
    { "inotify", doctor_check_inotify },
    { "plugins", doctor_check_plugins },
    { "shim", doctor_check_shim },
    { "service", doctor_check_service },
    { "linger", doctor_check_linger },
    { "host", doctor_check_host },
    { "post-copy", doctor_check_postcopy },
    { "signals", doctor_check_signals },
};

static const char *const kinds[] = { "ok", "note", "problem" };

/* --- for people ------------------------------------------------------------------- */

static size_t
columns(void)
{
    struct winsize size = { 0 };

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
        return PLAIN_COLUMNS;
    return CLAMP(size.ws_col, MIN_COLUMNS, MAX_COLUMNS);
}

static const char *
colour_of(FindingKind kind)
{
    static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };
    const char *terminal = g_getenv("TERM");

    if (!isatty(STDOUT_FILENO) || g_getenv("NO_COLOR") || g_strcmp0(terminal, "dumb") == 0)
        return NULL;
    return colours[kind];
}

/* The words of a text in lines of some width; all but the first are indented. */
static void
print_wrapped(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    size_t room = columns() - INDENT, used = 0;

    for (size_t i = 0; words[i]; i++) {
        size_t width = (size_t)g_utf8_strlen(words[i], -1);

        if (used && used + 1 + width > room) {
            printf("\n%*s", INDENT, "");
            used = 0;
        }
        printf("%s%s", used ? " " : "", words[i]);
        used += (used ? 1 : 0) + width;
    }
    printf("\n");
}

static void
print_finding(const Doctor *doctor, FindingKind kind, const char *text, const char *mend)
{
    g_autofree char *shown = report_printable(text);
    g_autofree char *command = report_printable(mend ? mend : "");
    const char *colour = colour_of(kind);

    printf("%s%-8s%s %-14s ", colour ? colour : "", kinds[kind], colour ? "\033[0m" : "",
           doctor->check);
    print_wrapped(shown);
    if (mend)
        printf("%*s-> %s\n", INDENT, "", command);
    fflush(stdout);
}

static void
print_summary(const Doctor *doctor)
{
    unsigned int problems = doctor->counts[FINDING_PROBLEM];
    unsigned int notes = doctor->counts[FINDING_NOTE];

    printf("\n%u problem%s, %u note%s\n", problems, problems == 1 ? "" : "s", notes,
           notes == 1 ? "" : "s");
}

/* --- all -------------------------------------------------------------------------- */

void
doctor_find(Doctor *doctor, FindingKind kind, const char *mend, const char *format, ...)
{
    g_autofree char *text = NULL;
    g_autofree char *valid = NULL;
    g_autofree char *command = mend ? g_utf8_make_valid(mend, -1) : NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    valid = g_utf8_make_valid(text, -1);
    doctor->counts[kind]++;
    json_array_append_new(doctor->findings,
                          json_pack("{s:s, s:s, s:s, s:s?}", "check", doctor->check, "status",
                                    kinds[kind], "text", valid, "mend", command));
    if (!doctor->common->json)
        print_finding(doctor, kind, valid, command);
}

static ExitCode
run_doctor(const Common *common, char **arguments G_GNUC_UNUSED)
{
    Doctor doctor = { .common = common, .findings = json_array() };

    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        doctor.check = checks[i].name;
        checks[i].run(&doctor);
    }
    if (common->json)
        report_object(json_pack("{s:O, s:i, s:i}", "findings", doctor.findings, "problems",
                                (int)doctor.counts[FINDING_PROBLEM], "notes",
                                (int)doctor.counts[FINDING_NOTE]));
    else
        print_summary(&doctor);
    json_decref(doctor.findings);
    return doctor.counts[FINDING_PROBLEM] ? EXIT_FAILED : EXIT_DONE;
}

const Verb verb_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "whether migrations can be started here, and what becomes of them",
    .details = "Checks the run directory, the plugins, the shim, what the service manager does to "
               "running plugins, the\n"
               "host (-c), and post-copy; behind '->' stands the command that mends a finding. "
               "Changes nothing. Ends\n"
               "with 1 when there is a problem.",
    .run = run_doctor,
};
