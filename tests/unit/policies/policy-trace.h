/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy-trace.h: the inside of a trace, for the fixture that plays it.
 */
#ifndef POLICY_TRACE_H
#define POLICY_TRACE_H

#include "policy-fixture.h"

typedef struct {
    uint64_t at_ms;
    vmmiSample *sample; /* NULL: the state changes */
    uint64_t iteration;
    vmmiState state;
} PolicyTraceRow;

struct PolicyTrace {
    uint64_t total_bytes;
    GPtrArray *rows; /* of PolicyTraceRow */
};

#endif
