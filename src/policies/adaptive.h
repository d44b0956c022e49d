/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * adaptive.h: what the parts of the policy `adaptive` share: goals, looks and passes, estimates,
 * and what is decided. All of it is pure; docs/adaptive.md has the formulas and where they come
 * from.
 *
 * Units: bytes, seconds and bytes per second as double; times of events in milliseconds. A `share`
 * is a part of the working set, and `ratio` is what the guest writes while one unit is sent.
 */
#ifndef VMMI_POLICIES_ADAPTIVE_H
#define VMMI_POLICIES_ADAPTIVE_H

#include <glib.h>

#include <libvmmi/vmmi-policy.h>

/* What a second costs: of a silent guest, of waiting, of a guest that runs slower. */
#define VMMI_ADAPTIVE_WEIGHT_SILENCE 20.0
#define VMMI_ADAPTIVE_WEIGHT_TIME 1.0
#define VMMI_ADAPTIVE_WEIGHT_SLOW 5.0
/* How much slower a guest is while it fetches its pages: each is waited for behind what the
 * queues hold. */
#define VMMI_ADAPTIVE_POSTCOPY_SLOW 0.95

#define VMMI_ADAPTIVE_LOOKS 64
#define VMMI_ADAPTIVE_PASSES 16
#define VMMI_ADAPTIVE_TEXT 400

/* --- goals (adaptive-goals.c) ---------------------------------------------------------------- */

typedef enum {
    VMMI_ADAPTIVE_POSTCOPY = 1 << 0,
    VMMI_ADAPTIVE_SUSPEND = 1 << 1,
    VMMI_ADAPTIVE_AUTOCONVERGE = 1 << 2,
    VMMI_ADAPTIVE_COMPRESS = 1 << 3
} vmmiAdaptivePermit;

typedef struct {
    double deadline_s; /* of the whole migration; 0: none */
    double soft_s, hard_s;
    double throttle_silence_s;
    unsigned int permit; /* of vmmiAdaptivePermit */
    bool keep_trying;
} vmmiAdaptiveGoals;

extern const vmmiPolicyOption vmmiAdaptiveOptions[];
int vmmiAdaptiveGoalsRead(vmmiAdaptiveGoals *goals, const vmmiPolicyConfig *config,
                          vmmiError **err);

/* --- what is known (adaptive-estimate.c) ------------------------------------------------------ */

/* A look at the figures. */
typedef struct {
    uint64_t ms;      /* since the job's start */
    double left;      /* memory that is still to be sent */
    double drained;   /* memory that was sent so far, as zeroes or compressed, too */
    double wire;      /* what became of it on the wire */
    uint64_t iteration;
} vmmiAdaptiveLook;

/* What happened between the first looks of two passes. */
typedef struct {
    uint64_t ms;      /* when it ended */
    double seconds;
    double begin, end; /* memory that was left at both */
    double drained;
    double ratio;     /* as of a writer that writes everywhere alike; INFINITY: cannot be told */
    double round;     /* as of one that goes round: what was found dirty, over what was sent */
    double throttle;  /* percent, when it ended */
    bool single;      /* one pass, not several that were not seen apart */
    bool whole;       /* all that was left at its beginning was sent in it */
    bool full;        /* the whole set was dirty at its beginning and at its end */
} vmmiAdaptivePass;

typedef struct {
    vmmiAdaptiveLook looks[VMMI_ADAPTIVE_LOOKS]; /* a ring */
    size_t n_looks;                              /* ever */
    vmmiAdaptivePass passes[VMMI_ADAPTIVE_PASSES];
    size_t n_passes;
    vmmiAdaptiveLook boundary; /* what it was when the pass that runs began */
    bool has_boundary;
    double rounds; /* votes: above 0 the writer goes round, below it writes everywhere alike */
    double total;  /* memory of the guest */
    double set;   /* working set; 0: not known */
    uint64_t bulk_ms; /* when the first full pass had ended; 0: it has not */
    double drain, wire;         /* now: memory and wire bytes per second */
    double drain_low, drain_high; /* over the last 30 s */
    double usual;               /* what the drain rate has been */
    double noise;               /* spread of the hypervisor's own bandwidth figure, as a share */
    double measured_low, measured_high; /* the same figure's extremes */
    uint64_t slow_ms;           /* since when the link carries far less; 0: it does not */
    bool dead;                  /* it carries nothing */
    bool sick;                  /* one of both since the boundary: such a pass tells nothing */
    double throttle;            /* percent; < 0: no auto-converge */
} vmmiAdaptiveEstimate;

/* Takes a sample in; @limit_ms is the downtime limit. Returns whether a pass has ended that
 * tells something. */
bool vmmiAdaptiveEstimateTake(vmmiAdaptiveEstimate *estimate, const vmmiSample *sample,
                              uint64_t now_ms, uint64_t limit_ms);
const vmmiAdaptiveLook *vmmiAdaptiveEstimateLast(const vmmiAdaptiveEstimate *estimate);
/* The pass that ended @back passes ago; NULL when there is none that old. */
const vmmiAdaptivePass *vmmiAdaptiveEstimatePass(const vmmiAdaptiveEstimate *estimate, size_t back);

/* --- what follows from it (adaptive-model.c) -------------------------------------------------- */

/* The writes per unit sent of a writer that writes everywhere alike, from one pass: @begin and
 * @end are the dirty shares found at its two ends, @sent the share that was sent between. */
double vmmiAdaptiveModelRatio(double begin, double end, double sent);
/* The dirty share at which waiting costs as much as it gains; below 0: waiting always gains. */
double vmmiAdaptiveModelStop(double ratio);
/* The share to be granted when @dirty of the set is dirty now. */
double vmmiAdaptiveModelGrant(double ratio, double dirty);
/* How long it takes from @dirty to @grant, in units of the time that the whole set takes;
 * INFINITY: never. */
double vmmiAdaptiveModelTime(double ratio, double dirty, double grant);
/* The next share to try for a writer that dirties all of the set in every pass. */
double vmmiAdaptiveModelLadder(double granted);
/* For how long a guest under auto-converge stands still at a stretch, in seconds. */
double vmmiAdaptiveModelThrottleSilence(double percent);

/* --- what is done (adaptive-decide.c) --------------------------------------------------------- */

typedef enum {
    VMMI_ADAPTIVE_WAIT = 0,
    VMMI_ADAPTIVE_LIMIT,
    VMMI_ADAPTIVE_START_POSTCOPY,
    VMMI_ADAPTIVE_DO_SUSPEND,
    VMMI_ADAPTIVE_ABORT
} vmmiAdaptiveVerb;

typedef struct {
    vmmiAdaptiveVerb verb;
    uint64_t limit_ms;
    char reason[VMMI_ADAPTIVE_TEXT]; /* also of waiting */
} vmmiAdaptiveDecision;

/* What was done so far. */
typedef struct {
    uint64_t limit_ms;     /* 0: not set yet */
    uint64_t limit_at_ms;  /* job time */
    bool postcopy_usable;  /* permitted, and not refused so far */
    bool postcopy_asked, suspended, aborting;
    double rung;           /* share granted to a writer that dirties all; 0: it does not */
    uint64_t rung_ms;      /* job time since which it is */
    unsigned int capped;   /* passes under the hard limit that did not do */
    double capped_best;    /* least memory that was left at their ends */
    uint64_t capped_best_ms;
    double throttle, capped_throttle; /* percent, when the rung and the count began */
} vmmiAdaptiveControl;

/* @boundary: a pass has just ended. */
void vmmiAdaptiveDecide(const vmmiAdaptiveGoals *goals, const vmmiAdaptiveEstimate *estimate,
                        vmmiAdaptiveControl *control, bool boundary,
                        vmmiAdaptiveDecision *decision);

/* --- how it starts (adaptive-start.c) --------------------------------------------------------- */

typedef struct {
    bool prepared;             /* false: attached to a migration that somebody else started */
    bool postcopy, autoconverge, compress; /* flags that it starts with */
    char note[VMMI_ADAPTIVE_TEXT]; /* what was refused; empty: nothing */
} vmmiAdaptiveStart;

int vmmiAdaptivePrepare(vmmiAdaptiveStart *chosen, const vmmiAdaptiveGoals *goals,
                        vmmiPolicyStart *start, const vmmiError *refusal);

#endif
