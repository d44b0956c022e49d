/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace.h: what stands in a trace, line by line (docs/trace.md), and the file of the user's.
 *
 * Every writer of traces goes through here: a plugin at work, a shadow, a simulation, a replay.
 * Lines go to a journal (plugin/journal.h), which has the clock: the real one, or a virtual one.
 */
#ifndef VMMI_KIT_TRACE_H
#define VMMI_KIT_TRACE_H

#include <libvmmi/vmmi-policy.h>

#include "kit/engine.h"
#include "kit/options.h"
#include "kit/verdict.h"
#include "plugin/journal.h"

#define VMMI_TRACE_FORMAT "vmmi-trace"
#define VMMI_TRACE_FORMAT_VERSION 1

typedef struct {
    vmmiJournal *journal; /* borrowed; NULL: nothing is written */
    uint64_t began_ms;    /* when the policy's clock was 0, on the journal's clock */
    bool started;         /* the start was written */
    char *reason;         /* that was written last */
} vmmiTrace;

/* What the first entry says. Borrowed; NULL and 0: left out. */
typedef struct {
    const vmmiPolicy *policy;        /* mandatory */
    const char *plugin;              /* name of the executable */
    const vmmiPolicyConfig *options;
    const json_t *migration;         /* the user's object `migration` */
    const char *uuid, *guest;
    int pid;
    bool attached, shadow, simulated;
    const char *replay_of;           /* path of the trace whose samples these are */
} vmmiTraceStart;

/* All of these take a journal that cannot be written: the entry is lost. */
void vmmiTraceAddStart(vmmiTrace *trace, const vmmiTraceStart *start);
void vmmiTraceAddState(vmmiTrace *trace, vmmiState state);
/* VMMI_STATE_BEGIN: @migration is the object as the host is asked for it, with what the policy
 * chose; NULL: not known. @refusal: NULL, or why the host was asked once more. */
void vmmiTraceAddBegin(vmmiTrace *trace, const json_t *migration, const vmmiError *refusal);
/* To be written when the policy has seen it: with what it waits for, if that has changed. */
void vmmiTraceAddSample(vmmiTrace *trace, const vmmiSample *sample, uint64_t iteration,
                        const vmmiEngine *engine);
/* When its result is known. */
void vmmiTraceAddAction(vmmiTrace *trace, const vmmiAction *action);
/* @statistics: NULL: unknown. */
void vmmiTraceAddEnd(vmmiTrace *trace, const vmmiKitVerdict *verdict,
                     const vmmiSample *statistics);
/* Frees what it holds, not the journal. */
void vmmiTraceClear(vmmiTrace *trace);

/*
 * Opens the user's file for a trace: a regular file, made with mode 0600, in nobody else's hands.
 * What is in it stays until vmmiJournalAddFile(). VMMI_ERR_BAD_PATH names the path. Returns the
 * descriptor, or -1.
 */
int vmmiTraceOpenFile(const char *path, vmmiError **err);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiTrace, vmmiTraceClear)

#endif
