/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-fixture.h: a policy's table over a trace of samples: what it asked for, when and why.
 *
 * A trace is written down, recorded or generated; the policy runs in the engine that the kit uses,
 * with the clock of the trace. Its actions are carried out at once, as far as a trace can tell:
 * the samples that follow are what they are.
 */
#ifndef POLICY_FIXTURE_H
#define POLICY_FIXTURE_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-policy.h>

#define MIB UINT64_C(1048576)

/* --- traces --- */

typedef struct PolicyTrace PolicyTrace;

PolicyTrace *policyTraceNew(uint64_t total_mib);
void policyTraceFree(PolicyTrace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyTrace, policyTraceFree)

/* A sample at a time, not before the one added last. Times are milliseconds since the policy took
 * charge; elapsedMs is the same. @iteration 0: not known. Returns the sample, borrowed: further
 * figures may be set, until the next one is added. */
vmmiSample *policyTraceAdd(PolicyTrace *trace, uint64_t at_ms, uint64_t iteration,
                           uint64_t remaining_bytes, uint64_t bytes_per_second);
/* The migration's state changes. */
void policyTraceAddState(PolicyTrace *trace, uint64_t at_ms, vmmiState state);
/* Lines of "AT_MS ITERATION REMAINING_MIB [MIB_PER_SECOND]", or "AT_MS STATE"; '#' begins a comment. */
void policyTraceAddText(PolicyTrace *trace, const char *text);

/* A guest that does not converge: a bulk pass, then passes of one length, in each of which what
 * remains falls from @high_mib to @low_mib. Sampled as the kit does: once a second, and at each pass
 * when the last sample is at least 200 ms old. */
typedef struct {
    uint64_t first_iteration; /* of the bulk pass; 0: 1 */
    uint64_t bulk_ms, pass_ms, until_ms;
    uint64_t high_mib, low_mib;
    uint64_t mib_per_second;
} PolicyPasses;
void policyTraceAddPasses(PolicyTrace *trace, const PolicyPasses *passes);

/* --- running --- */

typedef struct {
    const vmmiPolicy *policy;
    const char *options;   /* `policy` of a configuration, ' for "; NULL: none */
    const char *migration; /* the user's `migration`, the same */
    bool attached;         /* prepare is not asked */
    const char *refusal;   /* why the start is refused the first time; NULL: it is not */
    const char *fails;     /* the kind of action that always fails: "start-postcopy"; NULL: none */
    uint64_t stop_ms;      /* look at the policy at this time; 0: at the end of the trace */
} PolicyCase;

typedef struct {
    char *actions;     /* "1000 tune downtimeMs 100; 70000 abort", a '!' behind what failed */
    json_t *record;    /* the same with reasons, as in a completion */
    char *reason;      /* what it says that it waits for, NULL: nothing */
    json_t *migration; /* flags and parameters as it wants them; NULL when attached */
    vmmiError *error;  /* it refused its options or the start, or broke */
} PolicyResult;

void policyRun(const PolicyCase *one, const PolicyTrace *trace, PolicyResult *result);
void policyResultClear(PolicyResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PolicyResult, policyResultClear)

/* The reason of the action @index, borrowed; NULL when there is none. */
const char *policyResultReason(const PolicyResult *result, size_t index);
/* JSON out of a text with ' for ". Fails the test when it is none. */
json_t *policyParse(const char *quoted);
/* Fails the test, showing both, unless @text contains @part. */
void policyAssertContains(const char *text, const char *part);

#endif
