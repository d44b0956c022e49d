/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settle.c: from the plugin's end to the outcome, which is written once (architecture.md, section
 * 9, "Two ends").
 *
 * The hosts are asked, judge.c judges. A migration that goes on without its plugin is "unattended"
 * until it ends. Hosts that do not answer are asked again for a bounded time.
 */
#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "migration/private.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* How often the source is asked again while its last event is waited for. */
#define EVENT_WAITS 5

/* --- evidence --------------------------------------------------------------------- */

static void
add_completion(const vmmiMigration *migration, vmmiEvidence *evidence, vmmiError **said)
{
    if (!migration->completion)
        return;
    vmmiCompletionGetOutcome(migration->completion, &evidence->said_outcome, &evidence->said_where);
    if (vmmiCompletionIsSuccess(migration->completion)) {
        evidence->said = VMMI_SAID_SUCCESS;
        return;
    }
    *said = vmmiCompletionGetError(migration->completion);
    evidence->said = VMMI_SAID_ERROR;
    evidence->error = *said;
}

static void
add_journal(const vmmiMigration *migration, vmmiEvidence *evidence)
{
    const char *outcome = NULL, *where = NULL;

    if (!migration->journal_end)
        return;
    vmmiJsonGetString(migration->journal_end, "outcome", &outcome);
    vmmiJsonGetString(migration->journal_end, "where", &where);
    evidence->journal_ended = true;
    evidence->journal_outcome = (vmmiOutcomeKind)MAX(vmmiOutcomeKindFromString(outcome), 0);
    evidence->journal_where = (vmmiWhere)MAX(vmmiWhereFromString(where), 0);
}

/* Of the guest's policies that run, none is another one. */
static bool
is_alone(const vmmiMigration *migration)
{
    const vmmiJobRecord *record = vmmiJobGetRecord(migration->job);
    g_autofree char *holder = NULL;

    return !record->world ||
           vmmiClaimFind(migration->manager->run, record->world, record->guest_uuid, &holder,
                         NULL) <= 0 ||
           g_str_equal(holder, vmmiMigrationGetId(migration));
}

/* @said: (out): keeps what the evidence borrows. */
static void
gather(const vmmiMigration *migration, bool patient, vmmiEvidence *evidence, vmmiError **said)
{
    g_autofree char *successor =
        vmmiJobFindReplacement(migration->manager->run, vmmiMigrationGetId(migration), true);

    memset(evidence, 0, sizeof(*evidence));
    evidence->next = migration->next;
    evidence->plugin = vmmiMigrationGetPlugin(migration);
    evidence->guest = vmmiMigrationGetGuestName(migration);
    evidence->exit_kind = migration->result.kind;
    evidence->exit_value = migration->result.value;
    evidence->abort_asked = vmmiControlWasAsked(migration, VMMI_JOB_ASKED_ABORT);
    evidence->release_asked = vmmiControlWasAsked(migration, VMMI_JOB_ASKED_RELEASE);
    evidence->told_to_end =
        vmmiControlWasAsked(migration, VMMI_JOB_ASKED_END) && !evidence->release_asked;
    evidence->killed_by_manager = vmmiControlWasAsked(migration, VMMI_JOB_ASKED_KILL);
    evidence->source = migration->source;
    evidence->event = migration->event;
    evidence->destination = migration->at_destination;
    evidence->source_failure = migration->source_failure;
    evidence->stalled = migration->stalled;
    evidence->inactive = migration->inactive;
    evidence->replaced = successor != NULL;
    evidence->alone = is_alone(migration);
    evidence->took_over = vmmiKeptAttaches(migration->job);
    evidence->patient = patient;
    add_completion(migration, evidence, said);
    add_journal(migration, evidence);
}

/* --- the outcome ------------------------------------------------------------------ */

/* Figures of the last job on the host are of this migration only if it was seen to run, or has
 * moved the guest. */
static vmmiSample *
find_statistics(const vmmiMigration *migration, vmmiOutcomeKind kind)
{
    vmmiSample *statistics =
        migration->completion ? vmmiCompletionGetStatistics(migration->completion) : NULL;
    const json_t *journal = json_object_get(migration->journal_end, "statistics");

    if (!statistics && json_is_object(journal))
        statistics = vmmiSampleFromJson(journal);
    if (!statistics && (kind == VMMI_OUTCOME_COMPLETED || migration->seen_moving))
        statistics = vmmiSampleCopy(migration->completed);
    return statistics;
}

/* New reference. */
static json_t *
find_actions(const vmmiMigration *migration)
{
    const char *const paths[] = { "success.actions", "error.actions" };

    for (size_t i = 0; migration->completion && i < G_N_ELEMENTS(paths); i++) {
        json_t *told = vmmiPathGet(vmmiMessageContent(migration->completion), paths[i]);

        if (json_is_array(told))
            return json_incref(told);
    }
    return json_copy(migration->actions);
}

static vmmiOutcome *
make_outcome(const vmmiMigration *migration, vmmiVerdict *verdict)
{
    vmmiOutcome *outcome = vmmiOutcomeNew();

    g_free(outcome->evidence);
    json_decref(outcome->actions);
    outcome->kind = verdict->kind;
    outcome->where = verdict->where;
    outcome->evidence = g_steal_pointer(&verdict->evidence);
    outcome->error = g_steal_pointer(&verdict->error);
    outcome->exit_kind = migration->result.kind;
    outcome->exit_value = migration->result.value;
    outcome->completion = migration->completion ? vmmiMessageRef(migration->completion) : NULL;
    outcome->statistics = find_statistics(migration, verdict->kind);
    outcome->actions = find_actions(migration);
    if (migration->diagnostics) {
        g_free(outcome->diagnostics);
        outcome->diagnostics = g_strdup(migration->diagnostics);
    }
    /* Whoever reads an error should not have to look for what the plugin printed. */
    if (outcome->error && !*vmmiErrorGetDetails(outcome->error) && *outcome->diagnostics)
        vmmiErrorSetDetails(&outcome->error, "%s", outcome->diagnostics);
    return outcome;
}

int
vmmiSettleRead(const vmmiJob *job, vmmiOutcome **outcome, vmmiError **err)
{
    g_autofree char *text = NULL;
    g_autoptr(json_t) object = NULL;
    g_autoptr(vmmiError) error = NULL;
    size_t length = 0;
    int there = vmmiJobReadOutcome(job, &text, &length, &error);

    *outcome = NULL;
    if (there == 0)
        return 0;
    object = there > 0 ? vmmiJsonParse(text, length, "outcome.json", &error) : NULL;
    *outcome = object ? vmmiOutcomeFromJson(object, &error) : NULL;
    if (*outcome)
        return 1;
    return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "migration %s: %s", vmmiJobGetId(job),
                        vmmiErrorGetMessage(error));
}

vmmiState
vmmiOutcomeToState(vmmiOutcomeKind kind)
{
    switch (kind) {
    case VMMI_OUTCOME_COMPLETED:
        return VMMI_STATE_COMPLETED;
    case VMMI_OUTCOME_FAILED:
        return VMMI_STATE_FAILED;
    case VMMI_OUTCOME_ABORTED:
        return VMMI_STATE_ABORTED;
    case VMMI_OUTCOME_RELEASED:
        return VMMI_STATE_RELEASED;
    default:
        return VMMI_STATE_UNKNOWN;
    }
}

/* Returns: 1 when it was written, 0 when one was there, -1 on failure. */
static int
write_outcome(vmmiMigration *migration, const vmmiOutcome *outcome, vmmiError **err)
{
    g_autoptr(json_t) object = vmmiOutcomeToJson(outcome);
    g_autofree char *text = vmmiJsonWrite(object, false);

    return vmmiJobSettle(migration->job, text, strlen(text), err);
}

/* Takes @outcome: it is the one that counts. */
static void
finish(vmmiMigration *migration, vmmiOutcome *outcome)
{
    vmmiState final = vmmiOutcomeToState(outcome->kind);

    migration->outcome = outcome;
    vmmiFollowStop(migration);
    vmmiAskStop(migration);
    /* Many that have ended may be kept for long. */
    g_clear_pointer(&migration->journal, vmmiJournalReaderFree);
    vmmiJobReleaseClaim(migration->job);
    /* From a broken post-copy the way to most ends leads through one that was mended. */
    if (!vmmiStateMayFollow(migration->state, final))
        vmmiNoticeState(migration, VMMI_STATE_POSTCOPY);
    vmmiNoticeState(migration, final);
    vmmiNoticeEnd(migration);
}

static void
settle(vmmiMigration *migration, vmmiVerdict *verdict)
{
    g_autoptr(vmmiOutcome) outcome = make_outcome(migration, verdict);
    vmmiOutcome *settled = NULL;

    /* Somebody may have been faster: one outcome, for everybody. A full disk does not keep it from
     * the application. */
    if (migration->manager->read_only || write_outcome(migration, outcome, NULL) == 0)
        vmmiSettleRead(migration->job, &settled, NULL);
    finish(migration, settled ? settled : g_steal_pointer(&outcome));
}

int
vmmiSettleKeep(vmmiMigration *migration, vmmiError **err)
{
    return write_outcome(migration, migration->outcome, err) < 0 ? -1 : 0;
}

bool
vmmiSettleAdopt(vmmiMigration *migration)
{
    vmmiOutcome *settled = NULL;

    if (vmmiSettleRead(migration->job, &settled, NULL) <= 0)
        return false;
    vmmiFollowRest(migration);
    vmmiStatusGiveUp(migration, VMMI_ERR_STATE, "it ended before it answered");
    finish(migration, settled);
    return true;
}

/* --- on the way there ------------------------------------------------------------- */

/* It goes on without its plugin. */
static void
go_on(vmmiMigration *migration)
{
    vmmiTimerStop(migration, VMMI_TIMER_SETTLE);
    if (!vmmiTimerIsSet(migration, VMMI_TIMER_ATTEND))
        vmmiNoticeState(migration, VMMI_STATE_UNATTENDED);
    if (vmmiControlWasAsked(migration, VMMI_JOB_ASKED_ABORT))
        vmmiControlAbort(migration);
    vmmiAskAgain(migration);
}

/* The source has let the guest go, and the event that tells why may still be on its way. */
static bool
event_may_come(vmmiMigration *migration, const vmmiVerdict *verdict)
{
    return verdict->kind == VMMI_OUTCOME_UNKNOWN && migration->monitor &&
           vmmiLookHasLeft(&migration->source) && migration->event_waits++ < EVENT_WAITS;
}

/*
 * The guest seems untouched, but the plugin ended without a word: its last request to the source may
 * be under way, or a child of it, such as virsh, about to make one.
 */
static bool
start_may_come(const vmmiMigration *migration, const vmmiEvidence *evidence,
               const vmmiVerdict *verdict)
{
    return evidence->patient && verdict->kind != VMMI_OUTCOME_NONE &&
           verdict->where == VMMI_WHERE_SOURCE && evidence->said == VMMI_SAID_NOTHING &&
           !evidence->journal_ended && !migration->seen_moving &&
           vmmiClockBoottimeMs() < migration->quiet_until;
}

static void
judge(vmmiMigration *migration, bool patient)
{
    g_auto(vmmiVerdict) verdict = { 0 };
    g_autoptr(vmmiError) said = NULL;
    vmmiEvidence evidence;

    if (!migration->next)
        migration->next = vmmiMigrationFindNext(migration);
    gather(migration, patient, &evidence, &said);
    vmmiJudge(&evidence, &verdict);
    if (event_may_come(migration, &verdict) || start_may_come(migration, &evidence, &verdict)) {
        vmmiAskAgain(migration);
    } else if (verdict.kind != VMMI_OUTCOME_NONE) {
        settle(migration, &verdict);
    } else if (verdict.moving) {
        go_on(migration);
    } else {
        migration->asked_destination = false;
        vmmiAskAgain(migration);
    }
}

/* A guest that is paused for a migration which runs no more: a bounded time, then it is judged by
 * what others say. */
static void
watch_stall(vmmiMigration *migration)
{
    if (!vmmiLookIsStalled(&migration->source)) {
        vmmiTimerStop(migration, VMMI_TIMER_STALLED);
        migration->stalled = false;
    } else if (!migration->stalled && !vmmiTimerIsSet(migration, VMMI_TIMER_STALLED)) {
        vmmiTimerSet(migration, VMMI_TIMER_STALLED, migration->manager->limits.stalled);
    }
}

/* The last look, and the destination's word once more. */
static void
end_stall(vmmiMigration *migration)
{
    migration->stalled = true;
    vmmiTimerSet(migration, VMMI_TIMER_SETTLE, migration->manager->limits.settle);
    vmmiAskForget(migration);
    vmmiAskSource(migration);
}

void
vmmiSettleAnswered(vmmiMigration *migration)
{
    bool patient = vmmiTimerIsSet(migration, VMMI_TIMER_SETTLE);
    bool undecided;

    if (migration->source.kind == VMMI_LOOK_NEVER)
        return;
    watch_stall(migration);
    /* Lost, or gone, while it was unattended: a bounded time from now on. */
    undecided = migration->destination_asker &&
                (migration->stalled || !vmmiLookDecides(&migration->source));
    if ((migration->source.kind == VMMI_LOOK_FAILED || undecided) && !patient) {
        vmmiTimerSet(migration, VMMI_TIMER_SETTLE, migration->manager->limits.settle);
        patient = true;
    }
    /* Where the source does not decide, the destination is heard as well. */
    if (undecided && vmmiAskDestination(migration) &&
        migration->at_destination.kind == VMMI_LOOK_NEVER && patient)
        return;
    judge(migration, patient);
}

/* Only somebody who can ask a host may settle what is not his own. */
static bool
only_looks(const vmmiMigration *migration)
{
    return migration->manager->read_only && !migration->connect;
}

/* From when on what the source says is not overtaken by what the plugin had begun. */
static uint64_t
find_quiet(const vmmiMigration *migration)
{
    uint64_t now = vmmiClockBoottimeMs();
    uint64_t ended = migration->result.ended_boottime_ms;

    if (migration->result.kind == VMMI_EXIT_LOST_AT_BOOT)
        return 0;
    return (ended && ended < now ? ended : now) + migration->manager->limits.quiet;
}

void
vmmiSettleStart(vmmiMigration *migration)
{
    migration->next = vmmiMigrationFindNext(migration);
    /* Some ends are known without any host. */
    if (migration->result.kind == VMMI_EXIT_NOT_STARTED || migration->next) {
        judge(migration, false);
        return;
    }
    /* A plugin that announced the end may be a little ahead of the source's own books. */
    if (migration->completion)
        vmmiTimerSet(migration, VMMI_TIMER_ATTEND, migration->manager->limits.attend);
    if (only_looks(migration)) {
        if (!migration->completion)
            vmmiNoticeState(migration, VMMI_STATE_UNATTENDED);
        return;
    }
    vmmiTimerStop(migration, VMMI_TIMER_SILENCE);
    vmmiTimerSet(migration, VMMI_TIMER_SETTLE, migration->manager->limits.settle);
    migration->quiet_until = find_quiet(migration);
    vmmiAskForget(migration);
    vmmiAskSource(migration);
}

void
vmmiSettleTimer(vmmiMigration *migration, vmmiTimer timer)
{
    if (migration->outcome)
        return;
    if (timer == VMMI_TIMER_ATTEND) {
        if (only_looks(migration))
            vmmiNoticeState(migration, VMMI_STATE_UNATTENDED);
        return;
    }
    if (timer == VMMI_TIMER_STALLED) {
        end_stall(migration);
        return;
    }
    if (migration->source.kind == VMMI_LOOK_NEVER)
        migration->source.kind = VMMI_LOOK_FAILED;
    judge(migration, false);
}
