/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-sim.c: vmmi sim: putting a simulated world back to its beginning, and looking at it.
 */
#include <stdio.h>
#include <string.h>

#include "report.h"

static const char *
uri_of(const Common *common)
{
    const char *given = g_getenv("VMMI_DEFAULT_URI");

    if (common->uri)
        return common->uri;
    return given && g_str_has_prefix(given, "sim:") ? given : "sim:///";
}

static ExitCode
reset_world(const Common *common)
{
    vmmiError *error = NULL;
    ExitCode code = EXIT_DONE;

    if (vmmiSimReset(uri_of(common), &error) < 0)
        code = report_error(common, error, NULL);
    else if (common->json)
        report_object(json_pack("{s:s, s:b}", "uri", uri_of(common), "reset", true));
    vmmiErrorFree(error);
    return code;
}

static ExitCode
show_world(const Common *common)
{
    vmmiError *error = NULL;
    char *text = vmmiSimDescribe(uri_of(common), &error);
    ExitCode code = EXIT_DONE;

    if (!text)
        code = report_error(common, error, NULL);
    else if (common->json)
        report_object(json_loads(text, 0, NULL));
    else
        printf("%s\n", text);
    vmmiFree(text);
    vmmiErrorFree(error);
    return code;
}

static ExitCode
run_sim(const Common *common, char **arguments)
{
    if (strcmp(arguments[0], "reset") == 0)
        return reset_world(common);
    if (strcmp(arguments[0], "show") == 0)
        return show_world(common);
    return report_usage(common, "sim", "'sim' knows 'reset' and 'show', not '%s'", arguments[0]);
}

const Verb verb_sim = {
    .name = "sim",
    .arguments = "reset|show",
    .summary = "puts a simulated world back to its beginning, or shows it",
    .details =
        "The world is that of -c (else sim:///). What the URI says of the world holds from a "
        "reset on.",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_sim,
};
