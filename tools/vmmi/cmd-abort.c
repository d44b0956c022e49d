/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-abort.c: vmmi abort and vmmi release: ask for an end of a migration, or of its policy, and
 * say what came of it.
 */
#include "follow.h"

static gboolean no_wait;

static const GOptionEntry entries[] = {
    { "no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait, "Only ask; 'vmmi wait' tells the end", NULL },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

static ExitCode
run_abort(const Common *common, char **arguments)
{
    return follow_selected(common, arguments[0], FOLLOW_ABORT, 0, no_wait);
}

static ExitCode
run_release(const Common *common, char **arguments)
{
    return follow_selected(common, arguments[0], FOLLOW_RELEASE, 0, no_wait);
}

const Verb verb_abort = {
    .name = "abort",
    .arguments = "ID",
    .summary = "abort a migration, and say where its guest is",
    .details =
        "ID is that of a migration, or the name or UUID of its guest. Its plugin is asked; where "
        "there is none any more, or it\n"
        "does not follow, the source is. Ctrl-C leaves without the answer.\n"
        "\n"
        "Exit status: 0 aborted, 1 it ended otherwise or cannot be aborted, 5 no such migration, 6 "
        "its end is not known.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .acts = true,
    .run = run_abort,
};

const Verb verb_release = {
    .name = "release",
    .arguments = "ID",
    .summary = "end the policy of a migration, which goes on",
    .details =
        "ID is that of a migration, or the name or UUID of its guest. Its plugin ends and leaves "
        "the migration to the hosts.\n"
        "'vmmi attach' puts another one in charge.\n"
        "\n"
        "Exit status: 0 released, 1 it ended otherwise or cannot be released, 5 no such migration, "
        "6 its end is not known.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .acts = true,
    .run = run_release,
};
