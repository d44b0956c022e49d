/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peer.c: checks that every policy of a peer has: options it refuses, flags it starts with.
 */
#include "peer.h"

#include "message/json.h"
#include "util/cleanup.h"

void
peerCheckOptions(const vmmiPolicy *policy, const char *options, const char *message)
{
    const PolicyCase one = { .policy = policy, .options = options };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, NULL, &result);
    g_assert_cmpstr(vmmiErrorGetMessage(result.error), ==, message ? message : "");
    g_assert_cmpint(vmmiErrorGetCode(result.error), ==, message ? VMMI_ERR_OPTION : VMMI_ERR_OK);
}

void
peerCheckStart(const vmmiPolicy *policy, const char *options, const char *migration,
               const char *refusal, const char *result)
{
    const PolicyCase one = {
        .policy = policy, .options = options, .migration = migration, .refusal = refusal
    };
    g_auto(PolicyResult) got = { 0 };
    g_autofree char *text = NULL;

    policyRun(&one, NULL, &got);
    text = got.error ? g_strdup_printf("!%s", vmmiErrorGetMessage(got.error))
                     : g_strdelimit(vmmiJsonWrite(got.migration, false), "\"", '\'');
    g_assert_cmpstr(text, ==, result);
}

PolicyTrace *
peerTraceNew(void)
{
    PolicyTrace *trace = policyTraceNew(0);

    policyTraceAddState(trace, 0, VMMI_STATE_PRECOPY);
    return trace;
}

vmmiSample *
peerTraceAdd(PolicyTrace *trace, uint64_t at_ms, uint64_t iteration, uint64_t total_bytes,
             uint64_t remaining_bytes, uint64_t bytes_per_second)
{
    vmmiSample *sample = policyTraceAdd(trace, at_ms, iteration, remaining_bytes, bytes_per_second);

    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, total_bytes);
    vmmiSampleSet(sample, VMMI_SAMPLE_DATA_TOTAL_BYTES, total_bytes);
    return sample;
}

void
peerCheckReason(const PolicyCase *one, const PolicyTrace *trace, uint64_t at_ms, const char *reason)
{
    g_auto(PolicyResult) result = { 0 };
    PolicyCase then = *one;

    then.stop_ms = at_ms;
    policyRun(&then, trace, &result);
    g_assert_cmpstr(result.reason, ==, reason);
}
