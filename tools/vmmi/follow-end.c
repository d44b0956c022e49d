/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow-end.c: what is said at the end of following a migration, and the exit code. A record is
 * acknowledged when what it holds has been said, not before.
 */
#include <stdio.h>

#include "follow.h"
#include "report.h"

static void
acknowledge(const Follow *follow)
{
    /* What could not be written was not said. */
    if (!follow->read_only && fflush(stdout) == 0 && !ferror(stdout))
        vmmiMigrationAcknowledge(follow->migration, NULL);
}

/* --- exit codes ---------------------------------------------------------------------- */

static ExitCode
outcome_code(const Follow *follow, const vmmiOutcome *outcome)
{
    int code = vmmiErrorGetCode(vmmiOutcomeGetError(outcome));

    switch (vmmiOutcomeGetKind(outcome)) {
    case VMMI_OUTCOME_COMPLETED:
        /* The guest has moved; a plugin that contradicts that is an error all the same (B9). */
        return code == VMMI_ERR_PLUGIN_PROTOCOL ? EXIT_FAILED : EXIT_DONE;
    case VMMI_OUTCOME_ABORTED:
        return follow->timed_out || code == VMMI_ERR_DEADLINE ? EXIT_DEADLINE : EXIT_ABORTED;
    case VMMI_OUTCOME_RELEASED:
        return EXIT_RELEASED;
    case VMMI_OUTCOME_FAILED:
        return code == VMMI_ERR_GUEST_BUSY ? EXIT_BUSY
               : code == VMMI_ERR_GUEST_UNKNOWN ? EXIT_NO_SUCH
               : code == VMMI_ERR_DEADLINE ? EXIT_DEADLINE : EXIT_FAILED;
    default:
        return EXIT_UNKNOWN;
    }
}

/* What abort and release wanted to see. */
static vmmiOutcomeKind
wanted_kind(const Follow *follow)
{
    return follow->purpose == FOLLOW_ABORT     ? VMMI_OUTCOME_ABORTED
           : follow->purpose == FOLLOW_RELEASE ? VMMI_OUTCOME_RELEASED
                                               : VMMI_OUTCOME_NONE;
}

static ExitCode
end_code(const Follow *follow, const vmmiOutcome *outcome)
{
    vmmiOutcomeKind kind = vmmiOutcomeGetKind(outcome), wanted = wanted_kind(follow);

    if (wanted == VMMI_OUTCOME_NONE)
        return outcome_code(follow, outcome);
    return kind == wanted                 ? EXIT_DONE
           : kind == VMMI_OUTCOME_UNKNOWN ? EXIT_UNKNOWN
                                          : EXIT_FAILED;
}

/* --- the end ------------------------------------------------------------------------- */

/* The deadline is what the user set; what the abort looked like from below goes to the details. */
static void
deadline_error(vmmiError **error, const vmmiError *below)
{
    vmmiErrorSet(error, VMMI_ERR_DEADLINE, "the deadline passed, the migration was aborted");
    vmmiErrorSetDetails(error, "%s", vmmiErrorGetMessage(below));
}

/* "migration X was not aborted: it is completed" */
static void
otherwise_error(vmmiError **error, const Follow *follow, const vmmiOutcome *outcome)
{
    const char *kind = vmmiOutcomeKindToString(vmmiOutcomeGetKind(outcome));
    const vmmiError *below = vmmiOutcomeGetError(outcome);
    const char *message = vmmiErrorGetMessage(below);

    vmmiErrorSet(
        error, below ? vmmiErrorGetCode(below) : VMMI_ERR_STATE,
        "migration %s %s: its outcome is \"%s\"%s%s", vmmiMigrationGetId(follow->migration),
        follow->old ? "had ended before" : "ended otherwise", kind, *message ? ": " : "", message);
    vmmiErrorSetDetails(error, "%s", vmmiErrorGetDetails(below));
}

/* What is to be said instead of the outcome's own error; NULL: that one. */
static vmmiError *
error_instead(const Follow *follow, const vmmiOutcome *outcome, ExitCode code)
{
    vmmiError *error = NULL;

    if (follow->timed_out && code == EXIT_DEADLINE)
        deadline_error(&error, vmmiOutcomeGetError(outcome));
    else if (wanted_kind(follow) != VMMI_OUTCOME_NONE && code != EXIT_DONE)
        otherwise_error(&error, follow, outcome);
    return error;
}

/* What was asked for is no mistake; when a deadline passed that was said already. */
static bool
is_to_be_said(const Follow *follow, ExitCode code)
{
    if (follow->timed_out && code == EXIT_DEADLINE)
        return false;
    return wanted_kind(follow) == VMMI_OUTCOME_NONE || code != EXIT_DONE;
}

ExitCode
follow_report_end(Follow *follow)
{
    const vmmiOutcome *outcome = vmmiMigrationGetOutcome(follow->migration);
    ExitCode code = end_code(follow, outcome);
    vmmiError *instead = error_instead(follow, outcome, code);
    const vmmiError *error = instead ? instead : vmmiOutcomeGetError(outcome);

    display_clear(&follow->display);
    if (error && is_to_be_said(follow, code))
        report_sentence("%s", vmmiErrorGetMessage(error));
    if (follow->common->json) {
        json_t *object = display_object(follow->migration, VMMI_STATE_LAST);

        if (instead)
            json_object_set_new(object, "error", report_error_object(instead));
        report_object(object);
    } else {
        display_end(&follow->display, follow->migration, outcome, follow->source,
                    follow->destination);
    }
    acknowledge(follow);
    vmmiErrorFree(instead);
    return code;
}

void
follow_report_replaced(Follow *follow, vmmiMigration *successor)
{
    display_clear(&follow->display);
    if (follow->common->json && !follow->display.terse) {
        json_t *object = display_object(follow->migration, VMMI_STATE_LAST);

        json_object_set_new(object, "replacedBy", json_string(vmmiMigrationGetId(successor)));
        report_object(object);
    }
    if (follow->display.mode != DISPLAY_JSON)
        display_replaced(&follow->display, follow->migration, successor);
    if (follow->ended)
        acknowledge(follow);
}

/* --- leaving ------------------------------------------------------------------------- */

void
follow_tell_how(Follow *follow, const char *why)
{
    const char *id = vmmiMigrationGetId(follow->migration);
    json_t *object;

    display_clear(&follow->display);
    report_sentence("%s; to follow it: vmmi wait %s", why, id);
    if (!follow->common->json) {
        if (follow->purpose == FOLLOW_OWN)
            printf("%s\n", id);
        return;
    }
    object = display_object(follow->migration, VMMI_STATE_LAST);
    json_object_set_new(object, "detached", json_true());
    report_object(object);
}

/* vmmi wait --timeout: it was waited for long enough. */
static ExitCode
report_too_long(Follow *follow)
{
    g_autofree char *id = g_strdup(vmmiMigrationGetId(follow->migration));
    vmmiError *error = NULL;

    display_clear(&follow->display);
    vmmiErrorSet(&error, VMMI_ERR_TIMEOUT, "migration %s has not ended after %g s; it goes on", id,
                 (double)follow->timeout_ms / 1000);
    report_error(follow->common, error, display_object(follow->migration, VMMI_STATE_LAST));
    vmmiErrorFree(error);
    return EXIT_DEADLINE;
}

/* --no-wait: it was asked for, and that is all. */
static ExitCode
report_asked(Follow *follow)
{
    display_clear(&follow->display);
    if (follow->common->json)
        report_object(display_object(follow->migration, VMMI_STATE_LAST));
    else
        printf("%s was asked for; to learn the end: vmmi wait %s\n",
               follow->purpose == FOLLOW_ABORT ? "The abort" : "The release",
               vmmiMigrationGetId(follow->migration));
    return EXIT_DONE;
}

ExitCode
follow_report_leaving(Follow *follow)
{
    bool aborting = follow->asked && follow->purpose != FOLLOW_RELEASE;

    if (follow->no_wait && follow->asked)
        return report_asked(follow);
    if (follow->timed_out && follow->purpose != FOLLOW_OWN)
        return report_too_long(follow);
    follow_tell_how(follow, aborting ? "left; the abort was asked for, its end is not known yet"
                            : follow->asked ? "left; the release was asked for"
                                            : "detached; the migration goes on");
    return aborting || follow->asked ? EXIT_UNKNOWN : EXIT_RELEASED;
}
