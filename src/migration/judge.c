/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * judge.c: from evidence to an outcome: what became of the migration, and what was wrong with the
 * plugin.
 *
 * Three facts, never merged (B15): the kind follows from where the guest is and from what was asked
 * for; the plugin's own end never turns a migration that took place into one that did not. What the
 * plugin did wrong is the error (B9): success is reported only by "completed" without an error.
 * Where the guest is: place.c.
 */
#include "migration/judge.h"

#include <string.h>

#include "migration/place.h"
#include "util/cleanup.h"

static int
said_code(const vmmiEvidence *evidence)
{
    return evidence->said == VMMI_SAID_ERROR ? vmmiErrorGetCode(evidence->error) : VMMI_ERR_OK;
}

/* Codes with which a plugin ends before it starts anything: a migration that runs is somebody
 * else's. */
static bool
started_nothing(const vmmiEvidence *evidence)
{
    static const int codes[] = {
        VMMI_ERR_BAD_PATH,
        VMMI_ERR_CONFIGURATION_FAILED,
        VMMI_ERR_MALFORMED_PARAMETERS,
        VMMI_ERR_MALFORMED_CONFIGURATION,
        VMMI_ERR_MISSING_PARAMETERS,
        VMMI_ERR_GUEST_UNKNOWN,
        VMMI_ERR_GUEST_BUSY,
        VMMI_ERR_PROTOCOL_VERSION,
        VMMI_ERR_OPTION,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (said_code(evidence) == codes[i])
            return true;
    }
    return false;
}

/* --- what was wrong with the plugin ----------------------------------------------- */

/* "ended with exit status 3", "was killed by signal 9 (Killed)"; to be freed. */
static char *
describe_exit(const vmmiEvidence *evidence)
{
    switch (evidence->exit_kind) {
    case VMMI_EXIT_EXITED:
        return g_strdup_printf("ended with exit status %d", evidence->exit_value);
    case VMMI_EXIT_KILLED:
        return g_strdup_printf("was killed by signal %d (%s)%s", evidence->exit_value,
                               g_strsignal(evidence->exit_value),
                               evidence->killed_by_manager ? " since it did not end by itself"
                                                           : "");
    case VMMI_EXIT_NOT_STARTED:
        return g_strdup("was not started");
    case VMMI_EXIT_LOST_AT_BOOT:
        return g_strdup("was lost when the machine was started anew");
    default:
        return g_strdup("ended, nobody saw how");
    }
}

/* A plugin that said nothing. */
static vmmiError *
fault_of_silence(const vmmiEvidence *evidence)
{
    g_autofree char *how = describe_exit(evidence);
    vmmiError *error = NULL;
    int code = VMMI_ERR_PLUGIN_PROTOCOL;

    /* One that vanished unseen is not accused of more than that. */
    if (evidence->exit_kind == VMMI_EXIT_KILLED || evidence->exit_kind == VMMI_EXIT_UNKNOWN)
        code = VMMI_ERR_PLUGIN_CRASHED;
    if (evidence->exit_kind == VMMI_EXIT_NOT_STARTED)
        code = VMMI_ERR_PLUGIN_LAUNCH;
    if (evidence->exit_kind == VMMI_EXIT_LOST_AT_BOOT)
        code = VMMI_ERR_OUTCOME_UNKNOWN;
    vmmiErrorSet(&error, code, "plugin '%s' %s, without a completion", evidence->plugin, how);
    return error;
}

/* What contradicts itself between the completion and the end of the process (B9), or NULL. */
static vmmiError *
fault_of_plugin(const vmmiEvidence *evidence)
{
    bool good_end = evidence->exit_kind == VMMI_EXIT_EXITED && evidence->exit_value == 0;
    g_autofree char *how = describe_exit(evidence);
    vmmiError *error = NULL;

    if (evidence->said == VMMI_SAID_NOTHING)
        return fault_of_silence(evidence);
    if (evidence->said == VMMI_SAID_SUCCESS && !good_end &&
        evidence->exit_kind != VMMI_EXIT_UNKNOWN)
        vmmiErrorSet(&error, VMMI_ERR_PLUGIN_PROTOCOL,
                     "plugin '%s' contradicts itself: its completion says success, but it %s",
                     evidence->plugin, how);
    if (evidence->said == VMMI_SAID_ERROR && good_end) {
        vmmiErrorSet(&error, VMMI_ERR_PLUGIN_PROTOCOL,
                     "plugin '%s' contradicts itself: its completion says error %d (%s), but it %s",
                     evidence->plugin, said_code(evidence), vmmiErrorGetMessage(evidence->error),
                     how);
        vmmiErrorSetDetails(&error, "%s", vmmiErrorGetDetails(evidence->error));
    }
    return error;
}

/* The plugin's own word about the failure if it is in order, else what is wrong with it. */
static vmmiError *
fault_or_word(const vmmiEvidence *evidence)
{
    vmmiError *fault = fault_of_plugin(evidence);

    return fault || evidence->said != VMMI_SAID_ERROR ? fault : vmmiErrorCopy(evidence->error);
}

/* --- what became of the migration, by place --------------------------------------- */

static void
settle(vmmiVerdict *verdict, vmmiOutcomeKind kind, vmmiError *error)
{
    verdict->kind = kind;
    verdict->error = error;
}

/* The plugin let go, by its word, or because it was told to and said nothing. */
static bool
was_released(const vmmiEvidence *evidence)
{
    return said_code(evidence) == VMMI_ERR_RELEASED ||
           (evidence->release_asked && evidence->said == VMMI_SAID_NOTHING);
}

/* A plugin that was to be in charge, and is not: the guest must not be left without a word. */
static void
tell_charge(const vmmiEvidence *evidence, vmmiVerdict *verdict)
{
    g_autofree char *before = g_steal_pointer(&verdict->evidence);

    verdict->evidence =
        g_strconcat(before, "; the migration goes on",
                    evidence->alone ? " and nobody is in charge of it" : "", NULL);
}

static void
judge_moving(const vmmiEvidence *evidence, vmmiVerdict *verdict)
{
    if (was_released(evidence))
        settle(verdict, VMMI_OUTCOME_RELEASED, fault_or_word(evidence));
    else if (started_nothing(evidence))
        settle(verdict, VMMI_OUTCOME_FAILED, fault_or_word(evidence));
    else if (evidence->replaced)
        settle(verdict, VMMI_OUTCOME_RELEASED, fault_or_word(evidence));
    else
        verdict->moving = true;
    if (verdict->kind == VMMI_OUTCOME_FAILED)
        tell_charge(evidence, verdict);
}

/* The source was lost, or the migration was faster than the one that was to take it over: no word
 * against the guest's arrival. */
static bool
came_too_late(const vmmiEvidence *evidence)
{
    int code = said_code(evidence);

    return code == VMMI_ERR_DISCONNECTED ||
           (evidence->took_over && (code == VMMI_ERR_STATE || code == VMMI_ERR_GUEST_UNKNOWN));
}

static void
judge_destination(const vmmiEvidence *evidence, vmmiVerdict *verdict)
{
    vmmiError *error = fault_of_plugin(evidence);

    if (!error && evidence->said == VMMI_SAID_ERROR && evidence->told_to_end)
        vmmiErrorSet(&error, VMMI_ERR_PLUGIN_PROTOCOL,
                     "plugin '%s' did not end by itself when the guest had moved",
                     evidence->plugin);
    if (said_code(evidence) == VMMI_ERR_RELEASED && !evidence->told_to_end) {
        settle(verdict, VMMI_OUTCOME_RELEASED, error ? error : vmmiErrorCopy(evidence->error));
        return;
    }
    if (!error && came_too_late(evidence))
        error = vmmiErrorCopy(evidence->error);
    if (!error && evidence->said == VMMI_SAID_ERROR) {
        vmmiErrorSet(&error, VMMI_ERR_PLUGIN_PROTOCOL,
                     "plugin '%s' says error %d (%s), but the guest has moved: %s",
                     evidence->plugin, said_code(evidence), vmmiErrorGetMessage(evidence->error),
                     verdict->evidence);
        vmmiErrorSetDetails(&error, "%s", vmmiErrorGetDetails(evidence->error));
    }
    settle(verdict, VMMI_OUTCOME_COMPLETED, error);
}

/* A plugin that claims what the source refutes. */
static vmmiError *
refuted(const vmmiEvidence *evidence, const vmmiVerdict *verdict, const char *claim)
{
    vmmiError *error = NULL;

    vmmiErrorSet(&error, VMMI_ERR_PLUGIN_PROTOCOL,
                 "plugin '%s' %s, but the guest has not moved: %s", evidence->plugin, claim,
                 verdict->evidence);
    return error;
}

static bool
was_aborted(const vmmiEvidence *evidence)
{
    if (said_code(evidence) == VMMI_ERR_MIGRATION_ABORTED ||
        (evidence->said == VMMI_SAID_ERROR && evidence->said_outcome == VMMI_OUTCOME_ABORTED))
        return true;
    return evidence->abort_asked && (evidence->said == VMMI_SAID_NOTHING ||
                                     said_code(evidence) == VMMI_ERR_MIGRATION_FAILED);
}

/* An abort that was asked for is no fault of the plugin, however it ended; what it did is in the
 * details. */
static vmmiError *
abort_error(const vmmiEvidence *evidence)
{
    g_autoptr(vmmiError) fault = fault_of_plugin(evidence);
    vmmiError *error = NULL;

    if (evidence->said == VMMI_SAID_ERROR)
        return fault ? g_steal_pointer(&fault) : vmmiErrorCopy(evidence->error);
    vmmiErrorSet(&error, VMMI_ERR_MIGRATION_ABORTED,
                 "the migration of guest '%s' was aborted on request", evidence->guest);
    vmmiErrorSetDetails(&error, "%s", vmmiErrorGetMessage(fault));
    return error;
}

static void
judge_at_source(const vmmiEvidence *evidence, vmmiVerdict *verdict)
{
    if (evidence->said == VMMI_SAID_SUCCESS)
        settle(verdict, VMMI_OUTCOME_FAILED, refuted(evidence, verdict, "says success"));
    else if (evidence->next && was_released(evidence))
        settle(verdict, VMMI_OUTCOME_RELEASED, fault_or_word(evidence));
    else if (was_aborted(evidence))
        settle(verdict, VMMI_OUTCOME_ABORTED, abort_error(evidence));
    else if (said_code(evidence) == VMMI_ERR_RELEASED)
        settle(verdict, VMMI_OUTCOME_FAILED,
               refuted(evidence, verdict, "says that the migration goes on"));
    else
        settle(verdict, VMMI_OUTCOME_FAILED, fault_or_word(evidence));
}

static void
judge_nowhere(const vmmiEvidence *evidence, vmmiVerdict *verdict)
{
    vmmiError *error = NULL;

    if (evidence->said == VMMI_SAID_SUCCESS) {
        settle(verdict, VMMI_OUTCOME_FAILED, refuted(evidence, verdict, "says success"));
        return;
    }
    if (evidence->said == VMMI_SAID_ERROR)
        error = fault_or_word(evidence);
    else
        vmmiErrorSet(&error, VMMI_ERR_GUEST_DISAPPEARED, "guest '%s' runs nowhere any more: %s",
                     evidence->guest, verdict->evidence);
    settle(verdict,
           said_code(evidence) == VMMI_ERR_MIGRATION_ABORTED ? VMMI_OUTCOME_ABORTED
                                                             : VMMI_OUTCOME_FAILED,
           error);
}

static void
judge_both(const vmmiEvidence *evidence, vmmiVerdict *verdict)
{
    vmmiError *error = NULL;

    if (evidence->said == VMMI_SAID_ERROR && said_code(evidence) != VMMI_ERR_RELEASED) {
        settle(verdict, VMMI_OUTCOME_FAILED, fault_or_word(evidence));
        return;
    }
    vmmiErrorSet(&error, VMMI_ERR_POSTCOPY_BROKEN,
                 "post-copy of guest '%s' broke; the guest is paused and can be recovered: %s",
                 evidence->guest, verdict->evidence);
    settle(verdict, VMMI_OUTCOME_FAILED, error);
}

static vmmiError *
unknown_error(const vmmiEvidence *evidence, const vmmiVerdict *verdict)
{
    g_autoptr(vmmiError) fault = fault_or_word(evidence);
    vmmiError *error = NULL;

    vmmiErrorSet(&error, VMMI_ERR_OUTCOME_UNKNOWN,
                 "nobody can say how the migration of guest '%s' ended: %s", evidence->guest,
                 verdict->evidence);
    vmmiErrorSetDetails(&error, "%s", vmmiErrorGetMessage(fault));
    return error;
}

/* The source is silent, or the guest left it and nothing tells where it went, or it hangs between
 * the hosts. The plugin's word alone is left. */
static void
judge_open(const vmmiEvidence *evidence, vmmiPlace place, vmmiVerdict *verdict)
{
    int code = said_code(evidence);

    if (evidence->patient)
        return;
    if (code == VMMI_ERR_RELEASED)
        settle(verdict, VMMI_OUTCOME_RELEASED, fault_or_word(evidence));
    else if (code != VMMI_ERR_OK && code != VMMI_ERR_DISCONNECTED && !vmmiPlaceIsStalled(evidence) &&
             evidence->said_outcome != VMMI_OUTCOME_UNKNOWN && place == VMMI_PLACE_UNKNOWN)
        settle(verdict, was_aborted(evidence) ? VMMI_OUTCOME_ABORTED : VMMI_OUTCOME_FAILED,
               fault_or_word(evidence));
    else
        settle(verdict, VMMI_OUTCOME_UNKNOWN, unknown_error(evidence, verdict));
}

/* --- all together ----------------------------------------------------------------- */

/* Whether the source was silent: then what others say counts only when it will not be asked again.
 */
static bool
must_wait(const vmmiEvidence *evidence)
{
    if (!evidence->patient || evidence->next)
        return false;
    return evidence->source.kind != VMMI_LOOK_SEEN || evidence->source.state == VMMI_GUEST_UNKNOWN;
}

/* Nothing was done, so that no host need be asked: what goes on there is not this migration. */
static void
judge_not_started(const vmmiEvidence *evidence, vmmiVerdict *verdict)
{
    verdict->where = VMMI_WHERE_SOURCE;
    verdict->evidence = g_strdup("the plugin was not started: the guest is where it was");
    settle(verdict, VMMI_OUTCOME_FAILED, fault_or_word(evidence));
}

void
vmmiJudge(const vmmiEvidence *evidence, vmmiVerdict *verdict)
{
    vmmiPlace place;

    memset(verdict, 0, sizeof(*verdict));
    if (evidence->exit_kind == VMMI_EXIT_NOT_STARTED) {
        judge_not_started(evidence, verdict);
        return;
    }
    place = vmmiPlaceFind(evidence, &verdict->evidence);
    verdict->where = vmmiPlaceToWhere(place, &evidence->source);
    if (must_wait(evidence))
        return;
    switch (place) {
    case VMMI_PLACE_MOVING:
        judge_moving(evidence, verdict);
        break;
    case VMMI_PLACE_DESTINATION:
        judge_destination(evidence, verdict);
        break;
    case VMMI_PLACE_SOURCE:
        judge_at_source(evidence, verdict);
        break;
    case VMMI_PLACE_NOWHERE:
        judge_nowhere(evidence, verdict);
        break;
    case VMMI_PLACE_BOTH:
        judge_both(evidence, verdict);
        break;
    default:
        judge_open(evidence, place, verdict);
    }
}

void
vmmiVerdictClear(vmmiVerdict *verdict)
{
    g_free(verdict->evidence);
    vmmiErrorFree(verdict->error);
    memset(verdict, 0, sizeof(*verdict));
}
