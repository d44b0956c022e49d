/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-run.h: a simulated run from the inside: simulate.c begins and lives with it,
 * simulate-actions.c does what the policy asks for, simulate-end.c judges.
 */
#ifndef VMMI_KIT_SIMULATE_RUN_H
#define VMMI_KIT_SIMULATE_RUN_H

#include "kit/simulate.h"
#include "kit/start.h"
#include "kit/trace.h"
#include "kit/tracker.h"
#include "migration/request.h"

typedef struct {
    const vmmiSimulateOrder *order;
    vmmiSimWorld *world;
    size_t guest, source;
    vmmiEngine *engine;
    vmmiTrace trace;
    vmmiTracker tracker;
    vmmiPolicyStart *start;
    json_t *asked;        /* `migration` as the host is asked for it */
    vmmiRequest *request; /* NULL: none was made */
    bool asked_again;
    bool counted;         /* the guest ran before: what happens to it is felt */
    int64_t began;        /* world time */
    uint64_t job;         /* 0: it did not come to that */
    uint64_t log_seen;    /* the last entry of the world's log that was read */
    uint64_t percent;
    int64_t sampled;      /* when the last sample was taken */
    bool sample_asked;
    bool acting;          /* an action is under way */
    vmmiActionKind kind;  /* of it, and the rest */
    vmmiTunable what;
    uint64_t value;
    int64_t act_at;       /* when it is carried out */
    bool abort_done;
    char *abort_reason;
    vmmiError *refusal;   /* why it did not start */
    vmmiSimulateResult *result;
} vmmiSimulated;

uint64_t vmmiSimulatedNowMs(const vmmiSimulated *run);
vmmiSimGuest *vmmiSimulatedGuest(const vmmiSimulated *run);
/* The tracker's state has changed: policy and trace are told. */
void vmmiSimulatedAnnounce(vmmiSimulated *run);

/* Carries out the action that is under way if its time has come, and takes up the next. */
void vmmiSimulatedAct(vmmiSimulated *run);
/* Fills in the result when the migration is over, or @late: the time is. Returns whether it is. */
bool vmmiSimulatedEnd(vmmiSimulated *run, bool late);

#endif
