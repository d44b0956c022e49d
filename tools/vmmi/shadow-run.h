/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shadow-run.h: the process of a policy in shadow, a child of ours: its trace while it lives, its
 * completion when it has ended.
 */
#ifndef VMMI_TOOL_SHADOW_RUN_H
#define VMMI_TOOL_SHADOW_RUN_H

#include <signal.h>
#include <unistd.h>

#include "cmd.h"

typedef struct ShadowRun ShadowRun;

/* Starts it. @trace: the file that it writes its trace to. NULL on failure. */
ShadowRun *shadow_run_start(const vmmiShadow *shadow, const char *trace, vmmiError **err);
void shadow_run_free(ShadowRun *run);
/* Waits a moment, for a signal or for news. Returns: whether it lives. */
bool shadow_run_turn(ShadowRun *run);
/* The next line of its trace, a new reference; NULL: there is none yet. @rest: it writes no
 * more. */
json_t *shadow_run_entry(ShadowRun *run, bool rest);
/* Has it end: SIGTERM; when it was asked before, SIGKILL. */
void shadow_run_end(ShadowRun *run);
bool shadow_run_was_asked(const ShadowRun *run);
/* Borrowed; NULL: it lives, or ended without one. */
const vmmiMessage *shadow_run_completion(const ShadowRun *run);
/* What it says went wrong, or how it ended without a word; to be freed. NULL: nothing did. */
vmmiError *shadow_run_error(const ShadowRun *run);

#endif
