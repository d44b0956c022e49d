/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-verdict.c: what is put side by side, and what follows from it (B14 to B16). One row a
 * situation.
 */
#include "kit/verdict.h"
#include "util/cleanup.h"
#include "../rows.h"

#define CALLED .returned = true, .ran = true
#define LOOK(state, why) .looked = true, .guest = VMMI_GUEST_##state, .reason = VMMI_REASON_##why
#define HEARD(state, why) .heard = VMMI_GUEST_##state, .heard_reason = VMMI_REASON_##why
#define NO_LOOK .looked = false
#define ENDS(kind, place, number) true, VMMI_OUTCOME_##kind, VMMI_WHERE_##place, number
#define OPEN false, VMMI_OUTCOME_NONE, VMMI_WHERE_UNKNOWN, 0

static const struct {
    const char *name;
    vmmiKitEvidence facts;
    int call_code; /* of the call's error, 0: it succeeded */
    bool settled;
    vmmiOutcomeKind outcome;
    vmmiWhere where;
    int code;
} rows[] = {
    { "success-migrated", { CALLED, LOOK(SHUTOFF, MIGRATED) }, 0, ENDS(COMPLETED, DESTINATION, 0) },
    { "success-absent", { CALLED, LOOK(ABSENT, OTHER) }, 0, ENDS(COMPLETED, DESTINATION, 0) },
    { "success-no-look", { CALLED, NO_LOOK }, 0, ENDS(COMPLETED, DESTINATION, 0) },
    { "success-still-running", { CALLED, LOOK(RUNNING, OTHER) }, 0, OPEN },
    { "success-still-running-final",
      { CALLED, LOOK(RUNNING, OTHER), .final = true },
      0,
      ENDS(UNKNOWN, SOURCE, VMMI_ERR_OUTCOME_UNKNOWN) },
    { "success-offline",
      { .returned = true, .offline = true, LOOK(SHUTOFF, OTHER) },
      0,
      ENDS(COMPLETED, DESTINATION, 0) },
    { "error-but-migrated",
      { CALLED, LOOK(SHUTOFF, MIGRATED) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(COMPLETED, DESTINATION, 0) },
    { "error-but-heard-migrated",
      { CALLED, LOOK(ABSENT, OTHER), HEARD(SHUTOFF, MIGRATED) },
      VMMI_ERR_DISCONNECTED,
      ENDS(COMPLETED, DESTINATION, 0) },
    { "error-lost-heard-migrated",
      { CALLED, NO_LOOK, HEARD(SHUTOFF, MIGRATED) },
      VMMI_ERR_DISCONNECTED,
      ENDS(COMPLETED, DESTINATION, 0) },
    { "job-completed-no-return",
      { .ran = true, .job_completed = true, LOOK(SHUTOFF, OTHER) },
      0,
      ENDS(COMPLETED, DESTINATION, 0) },
    { "job-completed-runs-here",
      { .ran = true, .job_completed = true, LOOK(RUNNING, OTHER) },
      0,
      OPEN },

    { "failed",
      { CALLED, LOOK(RUNNING, MIGRATION_CANCELED) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(FAILED, SOURCE, VMMI_ERR_MIGRATION_FAILED) },
    { "failed-keeps-code",
      { CALLED, LOOK(RUNNING, OTHER) },
      VMMI_ERR_NOT_SUPPORTED,
      ENDS(FAILED, SOURCE, VMMI_ERR_NOT_SUPPORTED) },
    { "failed-plugin-code", { CALLED, LOOK(RUNNING, OTHER) }, 1500, ENDS(FAILED, SOURCE, 1500) },
    { "failed-paused",
      { CALLED, LOOK(PAUSED, USER) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(FAILED, SOURCE, VMMI_ERR_MIGRATION_FAILED) },
    { "failed-not-resumed-yet",
      { CALLED, LOOK(PAUSED, MIGRATION) },
      VMMI_ERR_OPERATION_FAILED,
      OPEN },
    { "failed-never-resumed",
      { CALLED, LOOK(PAUSED, MIGRATION), .final = true },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(UNKNOWN, UNKNOWN, VMMI_ERR_OUTCOME_UNKNOWN) },
    { "failed-shut-off-before",
      { .returned = true, LOOK(SHUTOFF, OTHER) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(FAILED, NOWHERE, VMMI_ERR_MIGRATION_FAILED) },
    { "cancelled-by-restart",
      { CALLED, LOOK(RUNNING, MIGRATION_CANCELED) },
      VMMI_ERR_DISCONNECTED,
      ENDS(FAILED, SOURCE, VMMI_ERR_MIGRATION_FAILED) },
    { "attached-failed",
      { .attached = true, .ran = true, LOOK(RUNNING, OTHER) },
      0,
      ENDS(FAILED, SOURCE, VMMI_ERR_MIGRATION_FAILED) },

    { "aborted-by-us",
      { CALLED, .abort_done = true, LOOK(RUNNING, OTHER) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(ABORTED, SOURCE, VMMI_ERR_MIGRATION_ABORTED) },
    { "aborted-elsewhere",
      { CALLED, LOOK(RUNNING, OTHER) },
      VMMI_ERR_MIGRATION_ABORTED,
      ENDS(ABORTED, SOURCE, VMMI_ERR_MIGRATION_ABORTED) },
    { "aborted-attached",
      { .attached = true, .ran = true, .abort_done = true, LOOK(RUNNING, OTHER) },
      0,
      ENDS(ABORTED, SOURCE, VMMI_ERR_MIGRATION_ABORTED) },
    { "aborted-too-late",
      { CALLED, .abort_done = true, LOOK(SHUTOFF, MIGRATED) },
      0,
      ENDS(COMPLETED, DESTINATION, 0) },
    { "aborted-job-still-there",
      { CALLED, .abort_done = true, LOOK(RUNNING, OTHER), .job = VMMI_JOB_MIGRATION_OUT },
      VMMI_ERR_OPERATION_FAILED,
      OPEN },

    { "dead-destroyed",
      { CALLED, LOOK(SHUTOFF, DESTROYED) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(FAILED, NOWHERE, VMMI_ERR_GUEST_DISAPPEARED) },
    { "dead-shut-down",
      { CALLED, LOOK(SHUTOFF, SHUTDOWN) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(FAILED, NOWHERE, VMMI_ERR_GUEST_DISAPPEARED) },
    { "dead-crashed",
      { CALLED, LOOK(CRASHED, CRASHED) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(FAILED, NOWHERE, VMMI_ERR_GUEST_DISAPPEARED) },
    { "dead-heard",
      { CALLED, LOOK(ABSENT, OTHER), HEARD(SHUTOFF, DESTROYED) },
      VMMI_ERR_DISCONNECTED,
      ENDS(FAILED, NOWHERE, VMMI_ERR_GUEST_DISAPPEARED) },
    { "dead-heard-no-look",
      { .attached = true, .ran = true, NO_LOOK, HEARD(SHUTOFF, DESTROYED) },
      0,
      ENDS(FAILED, NOWHERE, VMMI_ERR_GUEST_DISAPPEARED) },
    { "absent-sure",
      { CALLED, LOOK(ABSENT, OTHER) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(FAILED, NOWHERE, VMMI_ERR_GUEST_DISAPPEARED) },
    { "absent-after-postcopy",
      { CALLED, .switched = true, LOOK(ABSENT, OTHER), .final = true },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(UNKNOWN, UNKNOWN, VMMI_ERR_OUTCOME_UNKNOWN) },
    { "absent-after-loss", { CALLED, LOOK(ABSENT, OTHER) }, VMMI_ERR_DISCONNECTED, OPEN },
    { "absent-after-loss-final",
      { CALLED, LOOK(ABSENT, OTHER), .final = true },
      VMMI_ERR_DISCONNECTED,
      ENDS(UNKNOWN, UNKNOWN, VMMI_ERR_OUTCOME_UNKNOWN) },
    { "shut-off-after-loss-final",
      { CALLED, LOOK(SHUTOFF, OTHER), .final = true },
      VMMI_ERR_DISCONNECTED,
      ENDS(UNKNOWN, UNKNOWN, VMMI_ERR_OUTCOME_UNKNOWN) },

    { "broken",
      { CALLED, .switched = true, LOOK(PAUSED, POSTCOPY_FAILED) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(FAILED, BOTH, VMMI_ERR_POSTCOPY_BROKEN) },
    { "broken-heard",
      { CALLED, .switched = true, NO_LOOK, HEARD(PAUSED, POSTCOPY_FAILED) },
      VMMI_ERR_DISCONNECTED,
      ENDS(FAILED, BOTH, VMMI_ERR_POSTCOPY_BROKEN) },
    { "broken-and-mended",
      { CALLED, .switched = true, LOOK(SHUTOFF, MIGRATED), HEARD(PAUSED, POSTCOPY_FAILED) },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(COMPLETED, DESTINATION, 0) },
    { "postcopy-final",
      { CALLED, .switched = true, LOOK(PAUSED, POSTCOPY), .final = true },
      VMMI_ERR_OPERATION_FAILED,
      ENDS(UNKNOWN, UNKNOWN, VMMI_ERR_OUTCOME_UNKNOWN) },

    { "goes-on",
      { CALLED, LOOK(RUNNING, OTHER), .job = VMMI_JOB_MIGRATION_OUT },
      VMMI_ERR_DISCONNECTED,
      OPEN },
    { "goes-on-final",
      { CALLED, LOOK(RUNNING, OTHER), .job = VMMI_JOB_MIGRATION_OUT, .final = true },
      VMMI_ERR_DISCONNECTED,
      ENDS(UNKNOWN, SOURCE, VMMI_ERR_OUTCOME_UNKNOWN) },
    { "refused-while-another-runs",
      { CALLED, LOOK(RUNNING, OTHER), .job = VMMI_JOB_MIGRATION_OUT, .final = true },
      VMMI_ERR_GUEST_BUSY,
      ENDS(FAILED, SOURCE, VMMI_ERR_GUEST_BUSY) },
    { "lost", { CALLED, NO_LOOK }, VMMI_ERR_DISCONNECTED, OPEN },
    { "lost-final",
      { CALLED, NO_LOOK, .final = true },
      VMMI_ERR_DISCONNECTED,
      ENDS(UNKNOWN, UNKNOWN, VMMI_ERR_DISCONNECTED) },
};

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiKitEvidence facts = rows[row].facts;
    g_autoptr(vmmiError) call_error = NULL;
    g_autoptr(vmmiError) look_error = NULL;
    g_auto(vmmiKitVerdict) verdict = { 0 };

    if (rows[row].call_code)
        vmmiErrorSet(&call_error, rows[row].call_code, "the call's reason");
    if (!facts.looked)
        vmmiErrorSet(&look_error, VMMI_ERR_DISCONNECTED, "nobody there");
    facts.returned_error = call_error;
    facts.look_error = look_error;
    vmmiKitJudge(&facts, &verdict);
    g_assert_cmpint(verdict.settled, ==, rows[row].settled);
    g_assert_cmpint(verdict.outcome, ==, rows[row].outcome);
    g_assert_cmpint(verdict.where, ==, rows[row].where);
    g_assert_cmpint(vmmiErrorGetCode(verdict.error), ==, rows[row].code);
    g_assert_true((verdict.evidence != NULL) == rows[row].settled);
    if (rows[row].settled)
        g_assert_true((verdict.error == NULL) == (verdict.outcome == VMMI_OUTCOME_COMPLETED));
}

/* No combination of facts leaves a final judgement open, or calls a success what has an error. */
static void
test_all(void)
{
    g_autoptr(vmmiError) error = NULL;

    vmmiErrorSet(&error, VMMI_ERR_OPERATION_FAILED, "x");
    for (unsigned int bits = 0; bits < 1u << 7; bits++) {
        for (int at = 0; at < VMMI_GUEST_LAST * VMMI_REASON_LAST * VMMI_JOB_LAST; at++) {
            vmmiKitEvidence facts = {
                .returned = bits & 1,
                .returned_error = bits & 2 ? error : NULL,
                .abort_done = bits & 4,
                .job_completed = bits & 8,
                .switched = bits & 16,
                .ran = bits & 32,
                .looked = bits & 64,
                .look_error = error,
                .final = true,
                .guest = (vmmiGuestState)(at % VMMI_GUEST_LAST),
                .reason = (vmmiGuestReason)(at / VMMI_GUEST_LAST % VMMI_REASON_LAST),
                .job = (vmmiJobKind)(at / VMMI_GUEST_LAST / VMMI_REASON_LAST),
            };
            g_auto(vmmiKitVerdict) verdict = { 0 };

            vmmiKitJudge(&facts, &verdict);
            if (!verdict.settled || !verdict.evidence ||
                (verdict.error == NULL) != (verdict.outcome == VMMI_OUTCOME_COMPLETED)) {
                g_test_message("bits %u, look %d", bits, at);
                g_test_fail();
            }
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/kit/verdict/", rows, test_row);
    g_test_add_func("/kit/verdict/nothing-stays-open", test_all);
    return g_test_run();
}
