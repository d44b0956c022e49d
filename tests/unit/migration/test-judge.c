/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-judge.c: every situation of docs/outcomes.md and the outcome that it gives.
 */
#include "migration/judge.h"
#include "util/cleanup.h"

#define SEEN(s, r)                                                                                 \
    {                                                                                              \
        VMMI_LOOK_SEEN, VMMI_GUEST_##s, VMMI_REASON_##r, VMMI_JOB_NONE                             \
    }
#define MOVING(s, r)                                                                               \
    {                                                                                              \
        VMMI_LOOK_SEEN, VMMI_GUEST_##s, VMMI_REASON_##r, VMMI_JOB_MIGRATION_OUT                    \
    }
#define LOST                                                                                       \
    {                                                                                              \
        .kind = VMMI_LOOK_FAILED                                                                   \
    }
#define ENDED(n) .exit_kind = VMMI_EXIT_EXITED, .exit_value = (n)
#define KILLED(n) .exit_kind = VMMI_EXIT_KILLED, .exit_value = (n)
#define SUCCESS .said = VMMI_SAID_SUCCESS
#define ERROR .said = VMMI_SAID_ERROR
#define WHERE(w) VMMI_WHERE_##w
#define KIND(k) VMMI_OUTCOME_##k

typedef struct {
    const char *name;
    vmmiEvidence evidence;
    int code; /* of the plugin's error */
    vmmiOutcomeKind kind;
    vmmiWhere where;
    int error;          /* code of the verdict */
    const char *needle; /* in the error, or in the evidence when there is none */
} Row;

static const Row rows[] = {
    /* The guest has moved. */
    { "success", { ENDED(0), SUCCESS, .source = SEEN(SHUTOFF, MIGRATED) }, 0, KIND(COMPLETED),
      WHERE(DESTINATION), 0, "source domain is shut off: migrated" },
    { "success-undefined", { ENDED(0), SUCCESS, .source = SEEN(ABSENT, OTHER) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), 0, "the plugin's completion says: destination" },
    { "success-exit-1", { ENDED(1), SUCCESS, .source = SEEN(SHUTOFF, MIGRATED) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_PROTOCOL,
      "says success, but it ended with exit status 1" },
    { "success-killed", { KILLED(11), SUCCESS, .source = SEEN(SHUTOFF, MIGRATED) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_PROTOCOL,
      "says success, but it was killed by signal 11" },
    { "success-exit-unknown", { SUCCESS, .source = SEEN(SHUTOFF, MIGRATED) }, 0, KIND(COMPLETED),
      WHERE(DESTINATION), 0, "migrated" },
    { "success-exit-unknown-undefined", { SUCCESS, .source = SEEN(ABSENT, OTHER) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), 0, "not known there" },
    { "killed-moved", { KILLED(9), .source = SEEN(SHUTOFF, MIGRATED) }, 0, KIND(COMPLETED),
      WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED,
      "was killed by signal 9 (Killed), without a completion" },
    { "silent-moved", { ENDED(0), .source = SEEN(SHUTOFF, MIGRATED) }, 0, KIND(COMPLETED),
      WHERE(DESTINATION), VMMI_ERR_PLUGIN_PROTOCOL,
      "ended with exit status 0, without a completion" },
    { "vanished-moved", { .source = SEEN(SHUTOFF, MIGRATED) }, 0, KIND(COMPLETED),
      WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED, "nobody saw how" },
    { "overdue-moved",
      { KILLED(9), .killed_by_manager = true, .source = SEEN(SHUTOFF, MIGRATED) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED,
      "since it did not end by itself" },
    { "overdue-released",
      { ENDED(1), ERROR, .told_to_end = true, .source = SEEN(SHUTOFF, MIGRATED) }, 13,
      KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_PROTOCOL,
      "did not end by itself when the guest had moved" },
    { "error-moved", { ENDED(1), ERROR, .source = SEEN(SHUTOFF, MIGRATED) }, 8, KIND(COMPLETED),
      WHERE(DESTINATION), VMMI_ERR_PLUGIN_PROTOCOL,
      "says error 8 (said), but the guest has moved" },
    { "disconnected-moved", { ENDED(1), ERROR, .source = SEEN(SHUTOFF, MIGRATED) }, 12,
      KIND(COMPLETED), WHERE(DESTINATION), 12, "said" },
    { "too-late-moved",
      { ENDED(1), ERROR, .took_over = true, .source = SEEN(SHUTOFF, MIGRATED) }, 117,
      KIND(COMPLETED), WHERE(DESTINATION), 117, "said" },
    { "state-moved", { ENDED(1), ERROR, .source = SEEN(SHUTOFF, MIGRATED) }, 117, KIND(COMPLETED),
      WHERE(DESTINATION), VMMI_ERR_PLUGIN_PROTOCOL, "says error 117" },
    { "released-moved", { ENDED(1), ERROR, .source = SEEN(SHUTOFF, MIGRATED) }, 13,
      KIND(RELEASED), WHERE(DESTINATION), 13, "said" },
    { "abort-too-late",
      { ENDED(0), SUCCESS, .abort_asked = true, .source = SEEN(SHUTOFF, MIGRATED) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), 0, "migrated" },
    { "killed-undefined-event",
      { KILLED(9), .source = SEEN(ABSENT, OTHER), .event = SEEN(SHUTOFF, MIGRATED) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "killed-transient-event",
      { KILLED(9), .source = SEEN(ABSENT, OTHER), .event = SEEN(ABSENT, MIGRATED) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "killed-undefined-journal",
      { KILLED(9), .source = SEEN(ABSENT, OTHER), .journal_ended = true,
        .journal_where = WHERE(DESTINATION) },
      0, KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED, "killed" },
    { "killed-undefined-destination",
      { KILLED(9), .source = SEEN(ABSENT, OTHER), .destination = SEEN(RUNNING, MIGRATED) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED, "killed" },
    { "success-source-lost", { ENDED(0), SUCCESS, .source = LOST }, 0, KIND(COMPLETED),
      WHERE(DESTINATION), 0, "the source did not answer" },
    { "killed-source-lost-destination",
      { KILLED(9), .source = LOST, .destination = SEEN(RUNNING, MIGRATED) }, 0, KIND(COMPLETED),
      WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED, "killed" },
    { "offline", { ENDED(0), SUCCESS, .inactive = true, .source = SEEN(SHUTOFF, SHUTDOWN) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), 0, "its definition moved" },

    /* The guest is where it was. */
    { "error", { ENDED(1), ERROR, .source = SEEN(RUNNING, MIGRATION_CANCELED) }, 8, KIND(FAILED),
      WHERE(SOURCE), 8, "said" },
    { "plugin-code", { ENDED(1), ERROR, .source = SEEN(RUNNING, OTHER) }, 1042, KIND(FAILED),
      WHERE(SOURCE), 1042, "said" },
    { "error-paused", { ENDED(1), ERROR, .source = SEEN(PAUSED, USER) }, 8, KIND(FAILED),
      WHERE(SOURCE), 8, "said" },
    { "error-exit-0", { ENDED(0), ERROR, .source = SEEN(RUNNING, OTHER) }, 8, KIND(FAILED),
      WHERE(SOURCE), VMMI_ERR_PLUGIN_PROTOCOL,
      "says error 8 (said), but it ended with exit status 0" },
    { "false-success", { ENDED(0), SUCCESS, .source = SEEN(RUNNING, OTHER) }, 0, KIND(FAILED),
      WHERE(SOURCE), VMMI_ERR_PLUGIN_PROTOCOL,
      "says success, but the guest has not moved: source domain is running" },
    { "false-success-exit-1", { ENDED(1), SUCCESS, .source = SEEN(RUNNING, OTHER) }, 0,
      KIND(FAILED), WHERE(SOURCE), VMMI_ERR_PLUGIN_PROTOCOL, "has not moved" },
    { "killed", { KILLED(9), .source = SEEN(RUNNING, OTHER) }, 0, KIND(FAILED), WHERE(SOURCE),
      VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "silent", { ENDED(3), .source = SEEN(RUNNING, OTHER) }, 0, KIND(FAILED), WHERE(SOURCE),
      VMMI_ERR_PLUGIN_PROTOCOL, "ended with exit status 3, without a completion" },
    { "vanished", { .source = SEEN(RUNNING, OTHER) }, 0, KIND(FAILED), WHERE(SOURCE),
      VMMI_ERR_PLUGIN_CRASHED, "nobody saw how" },
    { "not-started", { .exit_kind = VMMI_EXIT_NOT_STARTED, .source = SEEN(RUNNING, OTHER) }, 0,
      KIND(FAILED), WHERE(SOURCE), VMMI_ERR_PLUGIN_LAUNCH, "was not started" },
    { "lost-at-boot", { .exit_kind = VMMI_EXIT_LOST_AT_BOOT, .source = SEEN(RUNNING, OTHER) }, 0,
      KIND(FAILED), WHERE(SOURCE), VMMI_ERR_OUTCOME_UNKNOWN, "started anew" },
    { "false-release", { ENDED(1), ERROR, .source = SEEN(RUNNING, OTHER) }, 13, KIND(FAILED),
      WHERE(SOURCE), VMMI_ERR_PLUGIN_PROTOCOL,
      "says that the migration goes on, but the guest has not moved" },
    { "disconnected", { ENDED(1), ERROR, .source = SEEN(RUNNING, MIGRATION_CANCELED) }, 12,
      KIND(FAILED), WHERE(SOURCE), 12, "said" },
    { "deadline",
      { ENDED(1), ERROR, .said_outcome = KIND(ABORTED), .source = SEEN(RUNNING, OTHER) }, 16,
      KIND(ABORTED), WHERE(SOURCE), 16, "said" },
    { "aborted", { ENDED(1), ERROR, .abort_asked = true, .source = SEEN(RUNNING, OTHER) }, 9,
      KIND(ABORTED), WHERE(SOURCE), 9, "said" },
    { "aborted-by-others", { ENDED(1), ERROR, .source = SEEN(RUNNING, OTHER) }, 9, KIND(ABORTED),
      WHERE(SOURCE), 9, "said" },
    { "aborted-exit-0", { ENDED(0), ERROR, .source = SEEN(RUNNING, OTHER) }, 9, KIND(ABORTED),
      WHERE(SOURCE), VMMI_ERR_PLUGIN_PROTOCOL, "contradicts itself" },
    { "aborted-early", { KILLED(2), .abort_asked = true, .source = SEEN(RUNNING, OTHER) }, 0,
      KIND(ABORTED), WHERE(SOURCE), 9, "aborted on request" },
    { "aborted-as-failed",
      { ENDED(1), ERROR, .abort_asked = true, .source = SEEN(RUNNING, OTHER) }, 8, KIND(ABORTED),
      WHERE(SOURCE), 8, "said" },
    { "busy", { ENDED(1), ERROR, .source = MOVING(RUNNING, OTHER) }, 14, KIND(FAILED),
      WHERE(SOURCE), 14, "said" },
    { "bad-config", { ENDED(1), ERROR, .source = SEEN(RUNNING, OTHER) }, 6, KIND(FAILED),
      WHERE(SOURCE), 6, "said" },
    { "error-source-lost", { ENDED(1), ERROR, .said_where = WHERE(SOURCE), .source = LOST }, 8,
      KIND(FAILED), WHERE(SOURCE), 8, "said" },
    { "offline-failed", { ENDED(1), ERROR, .inactive = true, .source = SEEN(SHUTOFF, SHUTDOWN) },
      8, KIND(FAILED), WHERE(NOWHERE), 8, "said" },
    { "offline-elsewhere",
      { ENDED(1), ERROR, .inactive = true, .source = SEEN(SHUTOFF, MIGRATED) }, 8, KIND(FAILED),
      WHERE(UNKNOWN), 8, "said" },

    /* The migration goes on. */
    /* One that was to take over and did not. */
    { "took-not-over",
      { ENDED(1), ERROR, .alone = true, .source = MOVING(RUNNING, OTHER) }, 119, KIND(FAILED),
      WHERE(SOURCE), 119, "said" },
    /* Another took over: whatever it was, it let go. */
    { "replaced-killed", { KILLED(9), .replaced = true, .source = MOVING(RUNNING, OTHER) }, 0,
      KIND(RELEASED), WHERE(SOURCE), VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "replaced-error", { ENDED(1), ERROR, .replaced = true, .source = MOVING(PAUSED, POSTCOPY) },
      12, KIND(RELEASED), WHERE(DESTINATION), 12, "said" },
    { "replaced-moved", { KILLED(9), .replaced = true, .source = SEEN(SHUTOFF, MIGRATED) }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "released", { ENDED(1), ERROR, .release_asked = true, .source = MOVING(RUNNING, OTHER) },
      13, KIND(RELEASED), WHERE(SOURCE), 13, "said" },
    { "released-postcopy", { ENDED(1), ERROR, .source = MOVING(PAUSED, POSTCOPY) }, 13,
      KIND(RELEASED), WHERE(DESTINATION), 13, "said" },
    { "released-early", { KILLED(15), .release_asked = true, .source = MOVING(RUNNING, OTHER) },
      0, KIND(RELEASED), WHERE(SOURCE), VMMI_ERR_PLUGIN_CRASHED, "killed by signal 15" },
    { "released-source-lost", { ENDED(1), ERROR, .source = LOST }, 13, KIND(RELEASED),
      WHERE(UNKNOWN), 13, "said" },
    { "unattended-killed", { KILLED(9), .source = MOVING(RUNNING, OTHER) }, 0, KIND(NONE),
      WHERE(SOURCE), 0, "its migration runs" },
    { "unattended-error", { ENDED(1), ERROR, .source = MOVING(RUNNING, OTHER) }, 8, KIND(NONE),
      WHERE(SOURCE), 0, "runs" },
    { "unattended-success", { ENDED(0), SUCCESS, .source = SEEN(PAUSED, MIGRATION) }, 0,
      KIND(NONE), WHERE(SOURCE), 0, "paused: migration under way" },
    { "unattended-postcopy", { KILLED(9), .source = MOVING(PAUSED, POSTCOPY) }, 0, KIND(NONE),
      WHERE(DESTINATION), 0, "post-copy" },

    /* The guest runs nowhere. */
    { "destroyed", { ENDED(1), ERROR, .source = SEEN(SHUTOFF, DESTROYED) }, 11, KIND(FAILED),
      WHERE(NOWHERE), 11, "said" },
    { "destroyed-killed", { KILLED(9), .source = SEEN(SHUTOFF, DESTROYED) }, 0, KIND(FAILED),
      WHERE(NOWHERE), VMMI_ERR_GUEST_DISAPPEARED, "source domain is shut off: destroyed" },
    { "destroyed-success", { ENDED(0), SUCCESS, .source = SEEN(SHUTOFF, DESTROYED) }, 0,
      KIND(FAILED), WHERE(NOWHERE), VMMI_ERR_PLUGIN_PROTOCOL, "says success" },
    { "shutdown", { ENDED(1), ERROR, .source = SEEN(SHUTOFF, SHUTDOWN) }, 8, KIND(FAILED),
      WHERE(NOWHERE), 8, "said" },
    { "crashed", { KILLED(9), .source = SEEN(CRASHED, CRASHED) }, 0, KIND(FAILED),
      WHERE(NOWHERE), 11, "crashed" },
    { "destroyed-absent",
      { ENDED(1), ERROR, .said_where = WHERE(NOWHERE), .source = SEEN(ABSENT, OTHER) }, 11,
      KIND(FAILED), WHERE(NOWHERE), 11, "said" },
    { "destroyed-absent-event",
      { KILLED(9), .source = SEEN(ABSENT, OTHER), .event = SEEN(SHUTOFF, DESTROYED) }, 0,
      KIND(FAILED), WHERE(NOWHERE), 11, "it had reported: shut off: destroyed" },
    { "destroyed-transient-event",
      { KILLED(9), .source = SEEN(ABSENT, OTHER), .event = SEEN(ABSENT, DESTROYED) }, 0,
      KIND(FAILED), WHERE(NOWHERE), 11, "it had reported: destroyed" },
    { "absent-on-both",
      { KILLED(9), .source = SEEN(ABSENT, OTHER), .destination = SEEN(ABSENT, OTHER) }, 0,
      KIND(FAILED), WHERE(NOWHERE), 11, "on the destination the guest is not known there" },
    { "aborted-and-gone", { ENDED(1), ERROR, .source = SEEN(SHUTOFF, DESTROYED) }, 9,
      KIND(ABORTED), WHERE(NOWHERE), 9, "said" },

    /* The guest is in two parts. */
    { "postcopy-broken", { ENDED(1), ERROR, .source = SEEN(PAUSED, POSTCOPY_FAILED) }, 17,
      KIND(FAILED), WHERE(BOTH), 17, "said" },
    { "postcopy-broken-killed", { KILLED(9), .source = MOVING(PAUSED, POSTCOPY_FAILED) }, 0,
      KIND(FAILED), WHERE(BOTH), 17, "can be recovered" },
    { "postcopy-broken-release", { ENDED(1), ERROR, .source = SEEN(PAUSED, POSTCOPY_FAILED) },
      13, KIND(FAILED), WHERE(BOTH), 17, "broke" },
    { "postcopy-broken-destination",
      { KILLED(9), .source = LOST, .destination = SEEN(RUNNING, POSTCOPY_FAILED) }, 0,
      KIND(FAILED), WHERE(BOTH), 17, "the source did not answer" },

    /* Nobody can say: every way to "unknown". */
    { "unknown-killed-lost", { KILLED(9), .source = LOST }, 0, KIND(UNKNOWN), WHERE(UNKNOWN),
      VMMI_ERR_OUTCOME_UNKNOWN, "the source did not answer" },
    { "unknown-disconnected", { ENDED(1), ERROR, .source = LOST }, 12, KIND(UNKNOWN),
      WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "nobody can say" },
    { "unknown-by-word", { ENDED(1), ERROR, .said_outcome = KIND(UNKNOWN), .source = LOST }, 8,
      KIND(UNKNOWN), WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "nobody can say" },
    { "unknown-killed-absent", { KILLED(9), .source = SEEN(ABSENT, OTHER) }, 0, KIND(UNKNOWN),
      WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "nothing else tells where it is" },
    { "unknown-error-absent", { ENDED(1), ERROR, .source = SEEN(ABSENT, OTHER) }, 8,
      KIND(UNKNOWN), WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "not known there" },
    { "unknown-success-exit-unknown", { SUCCESS, .source = LOST }, 0, KIND(UNKNOWN),
      WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "did not answer" },
    { "unknown-contradiction-absent", { ENDED(1), SUCCESS, .source = SEEN(ABSENT, OTHER) }, 0,
      KIND(UNKNOWN), WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "not known there" },
    { "unknown-stalled", { KILLED(9), .source = SEEN(PAUSED, MIGRATION), .stalled = true }, 0,
      KIND(UNKNOWN), WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "but no migration runs any more" },
    { "unknown-stalled-error",
      { ENDED(1), ERROR, .source = SEEN(PAUSED, MIGRATION), .stalled = true }, 8, KIND(UNKNOWN),
      WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "but no migration runs any more" },
    { "stalled-destination-runs",
      { KILLED(9), .source = SEEN(PAUSED, MIGRATION), .stalled = true,
        .destination = SEEN(RUNNING, MIGRATED) },
      0, KIND(COMPLETED), WHERE(DESTINATION), VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "stalled-for-a-moment", { KILLED(9), .source = SEEN(PAUSED, MIGRATION) }, 0, KIND(NONE),
      WHERE(SOURCE), 0, "source domain is paused: migration under way" },
    { "stalled-no-more", { KILLED(9), .source = MOVING(PAUSED, MIGRATION), .stalled = true }, 0,
      KIND(NONE), WHERE(SOURCE), 0, "its migration runs" },
    { "unknown-boot-lost", { .exit_kind = VMMI_EXIT_LOST_AT_BOOT, .source = LOST }, 0,
      KIND(UNKNOWN), WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "did not answer" },
    { "word-only", { ENDED(1), ERROR, .source = LOST }, 8, KIND(FAILED), WHERE(UNKNOWN), 8,
      "said" },
    { "word-only-aborted", { ENDED(1), ERROR, .source = LOST }, 9, KIND(ABORTED), WHERE(UNKNOWN),
      9, "said" },
    { "success-refuted-by-destination",
      { ENDED(0), SUCCESS, .source = SEEN(ABSENT, OTHER), .destination = SEEN(ABSENT, OTHER) }, 0,
      KIND(FAILED), WHERE(NOWHERE), VMMI_ERR_PLUGIN_PROTOCOL, "says success" },
    { "success-unconfirmed",
      { ENDED(0), SUCCESS, .source = LOST, .destination = SEEN(ABSENT, OTHER) }, 0, KIND(UNKNOWN),
      WHERE(UNKNOWN), VMMI_ERR_OUTCOME_UNKNOWN, "nobody can say" },

    /* Another migration of the guest came after it. */
    { "next-killed", { KILLED(9), .source = SEEN(SHUTOFF, MIGRATED), .next = "n" }, 0,
      KIND(FAILED), WHERE(SOURCE), VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "next-runs", { KILLED(9), .source = MOVING(RUNNING, OTHER), .next = "n" }, 0, KIND(FAILED),
      WHERE(SOURCE), VMMI_ERR_PLUGIN_CRASHED, "killed by signal 9" },
    { "next-aborted", { KILLED(2), .source = LOST, .next = "n", .abort_asked = true }, 0,
      KIND(ABORTED), WHERE(SOURCE), 9, "aborted on request" },
    { "next-released", { ENDED(1), ERROR, .source = SEEN(ABSENT, OTHER), .next = "n" }, 13,
      KIND(RELEASED), WHERE(SOURCE), 13, "said" },
    { "next-came-back", { ENDED(0), SUCCESS, .source = SEEN(RUNNING, OTHER), .next = "n" }, 0,
      KIND(COMPLETED), WHERE(DESTINATION), 0, "the hosts tell of migration n" },
    { "not-started-others-move",
      { .exit_kind = VMMI_EXIT_NOT_STARTED, .source = MOVING(RUNNING, OTHER) }, 0, KIND(FAILED),
      WHERE(SOURCE), VMMI_ERR_PLUGIN_LAUNCH, "was not started" },
    { "not-started-lost", { .exit_kind = VMMI_EXIT_NOT_STARTED, .source = LOST }, 0,
      KIND(FAILED), WHERE(SOURCE), VMMI_ERR_PLUGIN_LAUNCH, "was not started" },

    /* The source will be asked again. */
    { "patient-lost", { ENDED(0), SUCCESS, .source = LOST, .patient = true }, 0, KIND(NONE),
      WHERE(DESTINATION), 0, "did not answer" },
    { "patient-absent", { KILLED(9), .source = SEEN(ABSENT, OTHER), .patient = true }, 0,
      KIND(NONE), WHERE(UNKNOWN), 0, "not known there" },
    { "patient-seen", { ENDED(0), SUCCESS, .source = SEEN(SHUTOFF, MIGRATED), .patient = true },
      0, KIND(COMPLETED), WHERE(DESTINATION), 0, "migrated" },
};

static void
test_row(gconstpointer data)
{
    const Row *row = data;
    vmmiEvidence evidence = row->evidence;
    g_auto(vmmiVerdict) verdict = { 0 };
    g_autoptr(vmmiError) said = NULL;
    const char *text;

    if (evidence.said == VMMI_SAID_ERROR) {
        vmmiErrorSet(&said, row->code, "said");
        vmmiErrorSetOrigin(&said, "plugin");
        evidence.error = said;
    }
    evidence.plugin = "p";
    evidence.guest = "g";
    vmmiJudge(&evidence, &verdict);
    g_assert_cmpstr(vmmiOutcomeKindToString(verdict.kind), ==, vmmiOutcomeKindToString(row->kind));
    g_assert_cmpstr(vmmiWhereToString(verdict.where), ==, vmmiWhereToString(row->where));
    g_assert_cmpint(vmmiErrorGetCode(verdict.error), ==, row->error);
    text = verdict.error ? vmmiErrorGetMessage(verdict.error) : verdict.evidence;
    if (!strstr(text, row->needle))
        g_test_fail_printf("'%s' lacks '%s'", text, row->needle);
    g_assert_nonnull(verdict.evidence);
}

/* "Unknown" only where docs/outcomes.md lists it; without events, journal and destination here. */
static void
check_unknown(const vmmiEvidence *evidence)
{
    bool silent = evidence->source.kind != VMMI_LOOK_SEEN ||
                  evidence->source.state == VMMI_GUEST_UNKNOWN;
    bool stalled = evidence->stalled && vmmiLookIsStalled(&evidence->source);

    g_assert_false(evidence->patient);
    g_assert_true(silent || stalled || vmmiLookHasLeft(&evidence->source));
    if (evidence->said == VMMI_SAID_SUCCESS)
        g_assert_true(evidence->exit_kind != VMMI_EXIT_EXITED || evidence->exit_value != 0);
    if (evidence->said == VMMI_SAID_ERROR && silent)
        g_assert_cmpint(vmmiErrorGetCode(evidence->error), ==, VMMI_ERR_DISCONNECTED);
}

/* The guest is not left without a word: the evidence says who is in charge, or that nobody is. */
static void
test_charge(void)
{
    for (int alone = 0; alone < 2; alone++) {
        g_autoptr(vmmiError) said = NULL;
        g_auto(vmmiVerdict) verdict = { 0 };
        vmmiEvidence evidence = { .plugin = "p",
                                  .guest = "g",
                                  ENDED(1),
                                  ERROR,
                                  .alone = alone,
                                  .source = MOVING(RUNNING, OTHER) };

        vmmiErrorSet(&said, VMMI_ERR_OPTION, "said");
        evidence.error = said;
        vmmiJudge(&evidence, &verdict);
        g_assert_nonnull(strstr(verdict.evidence, "; the migration goes on"));
        g_assert_true(!strstr(verdict.evidence, "nobody is in charge of it") == !alone);
    }
}

/*
 * Whatever the evidence: "completed" only with the guest on the destination, "unknown" never
 * without a reason, never a success without a success completion (B9), and never a place that the
 * source refutes.
 */
static void
check_laws(const vmmiEvidence *evidence)
{
    g_auto(vmmiVerdict) verdict = { 0 };

    vmmiJudge(evidence, &verdict);
    if (verdict.kind == VMMI_OUTCOME_COMPLETED)
        g_assert_cmpint(verdict.where, ==, VMMI_WHERE_DESTINATION);
    if (verdict.kind == VMMI_OUTCOME_COMPLETED && !verdict.error) {
        g_assert_cmpint(evidence->said, ==, VMMI_SAID_SUCCESS);
        if (evidence->exit_kind != VMMI_EXIT_UNKNOWN)
            g_assert_cmpint(evidence->exit_value, ==, 0);
    }
    if (verdict.kind != VMMI_OUTCOME_COMPLETED && verdict.kind != VMMI_OUTCOME_NONE)
        g_assert_nonnull(verdict.error);
    if (evidence->source.kind == VMMI_LOOK_SEEN && evidence->source.state == VMMI_GUEST_RUNNING)
        g_assert_true(verdict.where == VMMI_WHERE_SOURCE || verdict.where == VMMI_WHERE_BOTH ||
                      evidence->source.reason == VMMI_REASON_POSTCOPY);
    if (verdict.kind == VMMI_OUTCOME_UNKNOWN)
        check_unknown(evidence);
    if (!evidence->patient && verdict.kind == VMMI_OUTCOME_NONE)
        g_assert_true(verdict.moving);
}

static void
each_look(vmmiEvidence *evidence)
{
    for (int state = -1; state < VMMI_GUEST_LAST; state++) {
        for (int reason = 0; reason < VMMI_REASON_LAST; reason++) {
            for (int bits = 0; bits < 64; bits++) {
                evidence->source.kind = state < 0 ? VMMI_LOOK_FAILED : VMMI_LOOK_SEEN;
                evidence->source.state = state < 0 ? VMMI_GUEST_UNKNOWN : (vmmiGuestState)state;
                evidence->source.reason = (vmmiGuestReason)reason;
                evidence->source.job = bits & 1 ? VMMI_JOB_MIGRATION_OUT : VMMI_JOB_NONE;
                evidence->abort_asked = bits & 2;
                evidence->release_asked = bits & 4;
                evidence->patient = bits & 8;
                evidence->inactive = bits & 16;
                evidence->stalled = bits & 32;
                check_laws(evidence);
            }
        }
    }
}

static void
test_laws(void)
{
    static const int codes[] = { 1, 6, 8, 9, 11, 12, 13, 14, 16, 17, 1000 };

    for (int exit_kind = 0; exit_kind < VMMI_EXIT_LAST; exit_kind++) {
        for (int value = 0; value < 2; value++) {
            for (size_t code = 0; code < G_N_ELEMENTS(codes) + 2; code++) {
                g_autoptr(vmmiError) said = NULL;
                vmmiEvidence evidence = { .plugin = "p",
                                          .guest = "g",
                                          .exit_kind = (vmmiExitKind)exit_kind,
                                          .exit_value = value };

                if (code < G_N_ELEMENTS(codes)) {
                    vmmiErrorSet(&said, codes[code], "said");
                    evidence.said = VMMI_SAID_ERROR;
                } else {
                    evidence.said =
                        code == G_N_ELEMENTS(codes) ? VMMI_SAID_SUCCESS : VMMI_SAID_NOTHING;
                }
                evidence.error = said;
                each_look(&evidence);
            }
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/migration/judge/%s", rows[i].name);

        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/migration/judge/charge", test_charge);
    g_test_add_func("/migration/judge/laws", test_laws);
    return g_test_run();
}
