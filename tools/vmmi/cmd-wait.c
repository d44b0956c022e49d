/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-wait.c: vmmi wait: follows a migration that somebody else started, or that has ended.
 */
#include "arguments.h"
#include "follow.h"
#include "report.h"

static char *timeout;

static const GOptionEntry entries[] = {
    { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &timeout,
      "Stop waiting after so many seconds; the migration goes on", "SECONDS" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

static ExitCode
run_wait(const Common *common, char **arguments)
{
    uint64_t timeout_ms = 0;

    if (timeout && !arguments_timeout(timeout, &timeout_ms))
        return report_usage(common, "wait", "--timeout must be seconds, more than 0, not '%s'",
                            timeout);
    return follow_selected(common, arguments[0], FOLLOW_LOOK, timeout_ms, false);
}

const Verb verb_wait = {
    .name = "wait",
    .arguments = "ID",
    .summary = "follow a migration to its end",
    .details =
        "ID is that of a migration, or the name or UUID of its guest. Whoever started it, it is "
        "shown as 'vmmi migrate' shows\n"
        "it, with the same exit status. When another plugin takes over, its migration is followed. "
        "The record of a migration\n"
        "whose end was told is acknowledged.\n"
        "\n"
        "Ctrl-C leaves; the migration goes on.\n"
        "\n"
        "Exit status: as 'vmmi migrate'; 5 no such migration, 7 it has not ended in time.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .acts = true,
    .run = run_wait,
};
