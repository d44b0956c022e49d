/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * verdict.c: how a migration ended, and where the guest is, from all that is known.
 *
 * One function per situation; vmmiKitJudge() names them in order.
 */
#include "kit/verdict.h"

#include <string.h>

#include "util/cleanup.h"

static const char *const guest_words[] = {
    "in an unknown state", "running", "paused", "shut off", "crashed", "not there any more",
};
static const char *const reason_words[] = {
    NULL,        "migrating",        "migrated",  "migration cancelled",
    "post-copy", "post-copy failed", "by a user", "shut down",
    "destroyed", "crashed",
};
G_STATIC_ASSERT(G_N_ELEMENTS(guest_words) == VMMI_GUEST_LAST);
G_STATIC_ASSERT(G_N_ELEMENTS(reason_words) == VMMI_REASON_LAST);

char *
vmmiKitDescribeGuest(vmmiGuestState guest, vmmiGuestReason reason)
{
    const char *why = (unsigned int)reason < VMMI_REASON_LAST ? reason_words[reason] : NULL;
    const char *how = (unsigned int)guest < VMMI_GUEST_LAST ? guest_words[guest] : guest_words[0];

    return g_strdup_printf("source domain is %s%s%s", how, why ? ": " : "", why ? why : "");
}

void
vmmiKitVerdictClear(vmmiKitVerdict *verdict)
{
    g_free(verdict->evidence);
    vmmiErrorFree(verdict->error);
    memset(verdict, 0, sizeof(*verdict));
}

static void
settle(vmmiKitVerdict *verdict, vmmiOutcomeKind outcome, vmmiWhere where, char *evidence)
{
    verdict->settled = true;
    verdict->outcome = outcome;
    verdict->where = where;
    verdict->evidence = evidence;
}

/* What stands in the evidence: the look, and what is worth adding to it. */
static char *
describe(const vmmiKitEvidence *e)
{
    g_autofree char *look = e->looked ? vmmiKitDescribeGuest(e->guest, e->reason) : NULL;
    g_autofree char *heard = NULL;

    if (e->heard != VMMI_GUEST_UNKNOWN && (!e->looked || e->guest == VMMI_GUEST_ABSENT))
        heard = vmmiKitDescribeGuest(e->heard, e->heard_reason);
    if (!look)
        look =
            g_strdup_printf("the source cannot be asked (%s)", vmmiErrorGetMessage(e->look_error));
    if (heard)
        return g_strdup_printf("%s; its last event: %s", look, heard);
    if (e->returned && !e->returned_error)
        return g_strdup_printf("%s; the migration's call succeeded", look);
    if (e->job_completed)
        return g_strdup_printf("%s; the job completed", look);
    return g_steal_pointer(&look);
}

static bool
is_death(vmmiGuestReason reason)
{
    return reason == VMMI_REASON_SHUTDOWN || reason == VMMI_REASON_DESTROYED ||
           reason == VMMI_REASON_CRASHED;
}

static bool
has_migrated(vmmiGuestState guest, vmmiGuestReason reason)
{
    return (guest == VMMI_GUEST_SHUTOFF || guest == VMMI_GUEST_ABSENT) &&
           reason == VMMI_REASON_MIGRATED;
}

/* Codes that say more than "failed" are kept; others are named in the details. */
static int
code_for(int code)
{
    static const int kept[] = {
        VMMI_ERR_MIGRATION_ABORTED,
        VMMI_ERR_GUEST_UNKNOWN,
        VMMI_ERR_GUEST_BUSY,
        VMMI_ERR_NOT_SUPPORTED,
        VMMI_ERR_DEADLINE,
        VMMI_ERR_MALFORMED_CONFIGURATION,
        VMMI_ERR_URI,
        VMMI_ERR_CONNECT,
        VMMI_ERR_AUTH,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        if (kept[i] == code)
            return code;
    }
    return code >= 1000 ? code : VMMI_ERR_MIGRATION_FAILED;
}

/* Puts what the call said into the details of the verdict's error. */
static void
add_details(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    const char *details = vmmiErrorGetDetails(e->returned_error);

    if (e->returned_error)
        vmmiErrorSetDetails(&verdict->error, "%s: %s%s%s",
                            vmmiErrorCodeToString(vmmiErrorGetCode(e->returned_error)),
                            vmmiErrorGetMessage(e->returned_error), *details ? "\n" : "", details);
}

static void
judge_broken(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    settle(verdict, VMMI_OUTCOME_FAILED, VMMI_WHERE_BOTH, describe(e));
    vmmiErrorSet(&verdict->error, VMMI_ERR_POSTCOPY_BROKEN,
                 "post-copy broke: the guest is paused, each host holds a part of it, and it can "
                 "be recovered");
    add_details(e, verdict);
}

static void
judge_dead(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    settle(verdict, VMMI_OUTCOME_FAILED, VMMI_WHERE_NOWHERE, describe(e));
    vmmiErrorSet(&verdict->error, VMMI_ERR_GUEST_DISAPPEARED,
                 "the guest disappeared during the migration: %s", verdict->evidence);
    add_details(e, verdict);
}

static void
judge_unknown(const vmmiKitEvidence *e, vmmiWhere where, vmmiKitVerdict *verdict)
{
    bool lost = !e->looked;

    settle(verdict, VMMI_OUTCOME_UNKNOWN, where, describe(e));
    vmmiErrorSet(&verdict->error, lost ? VMMI_ERR_DISCONNECTED : VMMI_ERR_OUTCOME_UNKNOWN, "%s: %s",
                 lost ? "libvirt was lost, and how the migration ended is not known"
                      : "how the migration ended is not known",
                 verdict->evidence);
    add_details(e, verdict);
}

static void
judge_aborted(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    settle(verdict, VMMI_OUTCOME_ABORTED, VMMI_WHERE_SOURCE, describe(e));
    if (e->abort_done && e->abort_reason)
        vmmiErrorSet(&verdict->error, VMMI_ERR_MIGRATION_ABORTED,
                     "the policy aborted the migration: %s", e->abort_reason);
    else if (e->abort_done)
        vmmiErrorSet(&verdict->error, VMMI_ERR_MIGRATION_ABORTED,
                     "the migration was aborted as asked");
    else
        vmmiErrorSet(&verdict->error, VMMI_ERR_MIGRATION_ABORTED, "the migration was aborted: %s",
                     vmmiErrorGetMessage(e->returned_error));
    add_details(e, verdict);
}

static void
judge_failed(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    int code = vmmiErrorGetCode(e->returned_error);

    settle(verdict, VMMI_OUTCOME_FAILED,
           e->guest == VMMI_GUEST_RUNNING || e->guest == VMMI_GUEST_PAUSED ? VMMI_WHERE_SOURCE
                                                                           : VMMI_WHERE_NOWHERE,
           describe(e));
    if (!e->returned_error)
        vmmiErrorSet(&verdict->error, VMMI_ERR_MIGRATION_FAILED,
                     "the migration ended without success: %s", verdict->evidence);
    else if (code == VMMI_ERR_DISCONNECTED)
        vmmiErrorSet(&verdict->error, VMMI_ERR_MIGRATION_FAILED,
                     "libvirt on the source was lost for a while, and the migration was cancelled");
    else
        vmmiErrorSet(&verdict->error, code_for(code), "%s", vmmiErrorGetMessage(e->returned_error));
    add_details(e, verdict);
}

/* The call says success, or the job, or the domain's own state. */
static void
judge_success(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    bool gone = e->guest == VMMI_GUEST_SHUTOFF || e->guest == VMMI_GUEST_ABSENT;

    if (e->looked && !gone && !e->offline) {
        if (!e->final)
            return; /* the source may not have settled yet */
        judge_unknown(e, VMMI_WHERE_SOURCE, verdict);
        return;
    }
    settle(verdict, VMMI_OUTCOME_COMPLETED, VMMI_WHERE_DESTINATION, describe(e));
}

/* Paused by the migration: the source is about to resume it, or to let it go. */
static bool
is_between(const vmmiKitEvidence *e)
{
    return e->guest == VMMI_GUEST_PAUSED &&
           (e->reason == VMMI_REASON_MIGRATION || e->reason == VMMI_REASON_MIGRATED ||
            e->reason == VMMI_REASON_POSTCOPY);
}

/* The guest is still on the source, and no success was seen. */
static void
judge_on_source(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    bool aborted =
        e->abort_done || vmmiErrorGetCode(e->returned_error) == VMMI_ERR_MIGRATION_ABORTED;

    if (!e->final && (e->job == VMMI_JOB_MIGRATION_OUT || is_between(e))) {
        verdict->goes_on = e->job == VMMI_JOB_MIGRATION_OUT;
    } else if (is_between(e) && e->job != VMMI_JOB_MIGRATION_OUT) {
        /* Handed over, or not: only the destination could tell. */
        judge_unknown(e, VMMI_WHERE_UNKNOWN, verdict);
    } else if (e->reason == VMMI_REASON_POSTCOPY) {
        judge_unknown(e, VMMI_WHERE_UNKNOWN, verdict);
    } else if (e->job == VMMI_JOB_MIGRATION_OUT &&
               (!e->returned_error ||
                vmmiErrorGetCode(e->returned_error) == VMMI_ERR_DISCONNECTED)) {
        judge_unknown(e, VMMI_WHERE_SOURCE, verdict);
    } else if (aborted && e->job != VMMI_JOB_MIGRATION_OUT && e->guest != VMMI_GUEST_SHUTOFF) {
        judge_aborted(e, verdict);
    } else {
        judge_failed(e, verdict);
    }
}

/* The source does not know the guest any more, or it does not run there, and nobody said why. */
static void
judge_absent(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    bool sure = e->returned && e->returned_error && !e->switched &&
                vmmiErrorGetCode(e->returned_error) != VMMI_ERR_DISCONNECTED;

    if (!e->final && !sure)
        return;
    if (sure)
        judge_dead(e, verdict);
    else
        judge_unknown(e, VMMI_WHERE_UNKNOWN, verdict);
}

/* A guest that did not run before is no dead one. */
static bool
never_ran(const vmmiKitEvidence *e)
{
    return !e->ran && e->guest == VMMI_GUEST_SHUTOFF && e->returned_error;
}

void
vmmiKitJudge(const vmmiKitEvidence *e, vmmiKitVerdict *verdict)
{
    bool broken = e->looked ? e->reason == VMMI_REASON_POSTCOPY_FAILED
                            : e->heard_reason == VMMI_REASON_POSTCOPY_FAILED;
    bool migrated = e->looked && has_migrated(e->guest, e->reason);
    bool absent = !e->looked || e->guest == VMMI_GUEST_ABSENT || e->guest == VMMI_GUEST_SHUTOFF;

    memset(verdict, 0, sizeof(*verdict));
    if (absent && has_migrated(e->heard, e->heard_reason))
        migrated = true;
    if (broken)
        judge_broken(e, verdict);
    else if (migrated || (e->returned && !e->returned_error) || e->job_completed)
        judge_success(e, verdict);
    else if (!e->looked && is_death(e->heard_reason))
        judge_dead(e, verdict);
    else if (!e->looked && e->final)
        judge_unknown(e, VMMI_WHERE_UNKNOWN, verdict);
    else if (!e->looked)
        return;
    else if (e->guest == VMMI_GUEST_CRASHED || is_death(e->reason) ||
             (absent && is_death(e->heard_reason)))
        judge_dead(e, verdict);
    else if (e->guest == VMMI_GUEST_RUNNING || e->guest == VMMI_GUEST_PAUSED || never_ran(e))
        judge_on_source(e, verdict);
    else
        judge_absent(e, verdict);
}
