/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-trace.h: the trace of a simulated run (docs/trace.md), in virtual time from 0.
 */
#ifndef VMMI_KIT_SIMULATE_TRACE_H
#define VMMI_KIT_SIMULATE_TRACE_H

#include "kit/simulate.h"

typedef struct vmmiSimulateTrace vmmiSimulateTrace;

/*
 * Begins a trace in DIRECTORY/NAME.jsonl; what a file's name cannot hold becomes '_'. A file that
 * is there is replaced. Returns NULL with VMMI_ERR_BAD_PATH.
 */
vmmiSimulateTrace *vmmiSimulateTraceOpen(const char *directory, const char *name,
                                         const vmmiSimulateOrder *order, vmmiError **err);
/* Borrowed; writes what it hears of. */
const vmmiSimulateWatch *vmmiSimulateTraceWatch(const vmmiSimulateTrace *trace);
/* Writes the end. Returns 0, or -1 when any entry could not be written. */
int vmmiSimulateTraceEnd(vmmiSimulateTrace *trace, const vmmiSimulateResult *result,
                         vmmiError **err);
void vmmiSimulateTraceFree(vmmiSimulateTrace *trace);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiSimulateTrace, vmmiSimulateTraceFree)

#endif
