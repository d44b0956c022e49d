/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate.h: one policy over a simulated world in virtual time: no process, no file, no thread, no
 * clock. The same order gives the same result, to the last digit.
 *
 * The policy sees what it would see in a plugin: prepare is asked again when the start is refused,
 * samples come at each pass but not more often than five times a second and at least once a second,
 * its actions are carried out one at a time and take a moment.
 */
#ifndef VMMI_KIT_SIMULATE_H
#define VMMI_KIT_SIMULATE_H

#include <jansson.h>

#include <libvmmi/vmmi-policy.h>

#include "drivers/sim/sim-felt.h"
#include "kit/engine.h"
#include "kit/verdict.h"
#include "plugin/journal.h"

/* How long the kit's calls take in virtual time. */
#define VMMI_SIMULATE_ACTION_US 3000

/* All borrowed for the call. */
typedef struct {
    const vmmiPolicy *policy;         /* a checked copy */
    const vmmiPolicyConfig *options;  /* made of the policy's table */
    const json_t *migration;          /* the user's, NULL: all defaults */
    const vmmiSimWorld *world;        /* as it is before; a copy is used */
    size_t guest;                     /* of the world */
    size_t destination;               /* a host of the world */
    uint64_t seed;                    /* of what is random, instead of the world's */
    double spread;                    /* how far the guest's dirty rate is off, as a share: 0.03 */
    int64_t limit_us;                 /* of virtual time from the start; then it "never ended" */
    const char *plugin;               /* name of the executable, for the trace; NULL: not known */
    vmmiJournal *trace;               /* gets the trace, in virtual time from 0; NULL: none */
} vmmiSimulateOrder;

typedef struct {
    vmmiKitVerdict verdict;     /* how it ended, as in a plugin */
    bool ended;                 /* false: the limit of time came first */
    bool started;               /* a migration came about */
    int64_t total_us;           /* from the start to the end of the job */
    int64_t downtime_us;        /* as the hypervisor tells it; -1: it does not */
    vmmiSimFelt felt;
    uint64_t bytes_sent;
    uint64_t iterations;
    unsigned int actions;       /* that were carried out, or failed */
    vmmiSample *statistics;     /* the final figures of a success, or NULL */
    char *policy_error;         /* why the policy broke; NULL: it did not */
} vmmiSimulateResult;

/*
 * Runs it to its end. Returns 0 with @result, also when the migration failed; -1 when the policy
 * refuses its options, or the order makes no sense.
 */
int vmmiSimulateRun(const vmmiSimulateOrder *order, vmmiSimulateResult *result, vmmiError **err);
void vmmiSimulateResultClear(vmmiSimulateResult *result);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiSimulateResult, vmmiSimulateResultClear)

#endif
