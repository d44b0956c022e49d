/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state.c: the words for states, outcomes and places, and which state may follow which.
 */
#include <libvmmi/vmmi-state.h>

#include "util/enum-table.h"

static const char *const state_names[] = {
    "starting", "begin",  "prepare",    "precopy",   "switchover", "postcopy", "postcopy-broken", "finish",
    "confirm",  "unattended", "completed", "failed", "aborted",  "released", "unknown",
};
static const char *const outcome_names[] = {
    "none", "completed", "failed", "aborted", "released", "unknown",
};
static const char *const where_names[] = { "unknown", "source", "destination", "nowhere", "both" };
static const char *const exit_names[] = {
    "unknown", "exited", "killed", "not-started", "lost-at-boot",
};
static const char *const phase_names[] = {
    "prepared", "abandoned", "starting",     "running", "ending",
    "finished", "gone",      "lost-at-boot", "unclear",
};
static const char *const mode_names[] = { "p2p", "managed", "direct" };
static const char *const guest_names[] = {
    "unknown", "running", "paused", "shutoff", "crashed", "absent",
};
static const char *const reason_names[] = {
    "other", "migration", "migrated", "migration-canceled", "postcopy",
    "postcopy-failed", "user", "shutdown", "destroyed", "crashed",
};
static const char *const job_names[] = { "none", "migration-out", "migration-in", "other" };

VMMI_ENUM_IMPL(vmmiState, vmmiState, VMMI_STATE_LAST, state_names);
VMMI_ENUM_IMPL(vmmiOutcomeKind, vmmiOutcomeKind, VMMI_OUTCOME_LAST, outcome_names);
VMMI_ENUM_IMPL(vmmiWhere, vmmiWhere, VMMI_WHERE_LAST, where_names);
VMMI_ENUM_IMPL(vmmiExitKind, vmmiExitKind, VMMI_EXIT_LAST, exit_names);
VMMI_ENUM_IMPL(vmmiPhase, vmmiPhase, VMMI_PHASE_LAST, phase_names);
VMMI_ENUM_IMPL(vmmiMode, vmmiMode, VMMI_MODE_LAST, mode_names);
VMMI_ENUM_IMPL(vmmiGuestState, vmmiGuestState, VMMI_GUEST_LAST, guest_names);
VMMI_ENUM_IMPL(vmmiGuestReason, vmmiGuestReason, VMMI_REASON_LAST, reason_names);
VMMI_ENUM_IMPL(vmmiJobKind, vmmiJobKind, VMMI_JOB_LAST, job_names);

#define BIT(state) (1u << VMMI_STATE_##state)
#define ENDS (BIT(COMPLETED) | BIT(FAILED) | BIT(ABORTED) | BIT(RELEASED) | BIT(UNKNOWN))
/* The plugin may vanish anywhere, and the end may be learned anywhere. */
#define ANY (BIT(UNATTENDED) | ENDS)

/* Row: from. Bits: where to. Steps may be skipped, since libvirt hides some of them. */
static const unsigned int successors[VMMI_STATE_LAST] = {
    [VMMI_STATE_STARTING] = BIT(BEGIN) | BIT(PREPARE) | BIT(PRECOPY) | BIT(SWITCHOVER) |
                            BIT(POSTCOPY) | BIT(POSTCOPY_BROKEN) | BIT(FINISH) | BIT(CONFIRM) | ANY,
    [VMMI_STATE_BEGIN] = BIT(PREPARE) | BIT(PRECOPY) | BIT(SWITCHOVER) | BIT(FINISH) |
                         BIT(CONFIRM) | ANY,
    [VMMI_STATE_PREPARE] = BIT(PRECOPY) | BIT(SWITCHOVER) | BIT(POSTCOPY) | BIT(FINISH) |
                           BIT(CONFIRM) | ANY,
    [VMMI_STATE_PRECOPY] = BIT(SWITCHOVER) | BIT(POSTCOPY) | BIT(POSTCOPY_BROKEN) | BIT(FINISH) |
                           BIT(CONFIRM) | ANY,
    [VMMI_STATE_SWITCHOVER] = BIT(PRECOPY) | BIT(POSTCOPY) | BIT(POSTCOPY_BROKEN) | BIT(FINISH) |
                              BIT(CONFIRM) | ANY,
    [VMMI_STATE_POSTCOPY] = BIT(POSTCOPY_BROKEN) | BIT(FINISH) | BIT(CONFIRM) | ANY,
    [VMMI_STATE_POSTCOPY_BROKEN] = BIT(POSTCOPY) | BIT(UNATTENDED) | BIT(FAILED) | BIT(UNKNOWN),
    [VMMI_STATE_FINISH] = BIT(CONFIRM) | ANY,
    [VMMI_STATE_CONFIRM] = ANY,
    [VMMI_STATE_UNATTENDED] = ENDS,
};

bool
vmmiStateIsFinal(vmmiState state)
{
    return state >= VMMI_STATE_COMPLETED && state < VMMI_STATE_LAST;
}

bool
vmmiStateMayFollow(vmmiState from, vmmiState to)
{
    if ((unsigned int)from >= VMMI_STATE_LAST || (unsigned int)to >= VMMI_STATE_LAST)
        return false;
    return (successors[from] >> to) & 1;
}
