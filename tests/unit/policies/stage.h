/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stage.h: a policy on a stage: samples by hand, timers by the clock of the test, and all that it
 * does in one line of text.
 */
#ifndef STAGE_H
#define STAGE_H

#include <glib.h>

#include "kit/engine.h"
#include "kit/options.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

typedef struct {
    vmmiEngine *engine;
    vmmiPolicyConfig *config;
    vmmiSample *sample; /* given at the next stageSample() */
    uint64_t now_ms;
    const char *failing; /* a kind of action that fails ("start-postcopy"); NULL: none */
    GString *seen;       /* "0 downtimeMs=50, 150000 abort" */
    char *reason;        /* of the last action */
    bool over;
} Stage;

/* A job in pre-copy that has just begun. @options: JSON, NULL: none given. */
void stageOpen(Stage *stage, const vmmiPolicy *policy, const char *options);
void stageClear(Stage *stage);
/* Runs the policy's timers up to a time, and lets it have the sample then. */
void stageSample(Stage *stage, uint64_t at_ms, uint64_t iteration);
/* A sample of these figures; the size stays as it was set. */
void stageFigures(Stage *stage, uint64_t at_ms, uint64_t iteration, uint64_t remaining_bytes,
                  uint64_t bytes_per_second);
/* Runs the policy's timers up to a time. */
void stageRun(Stage *stage, uint64_t at_ms);
/* The policy's reason for waiting, to be freed. */
char *stageStatus(Stage *stage);

/* Why options are refused, to be freed; NULL: they are not. */
char *stageRefusal(const vmmiPolicy *policy, const char *options);
/*
 * What a policy makes of a start, as JSON to be freed: the object `migration`. @migration: the
 * user's. @refusal: NULL, or why the first start was refused. "!..." when the policy gives up.
 */
char *stageStart(const vmmiPolicy *policy, const char *options, const char *migration,
                 const char *refusal);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stage, stageClear)

#endif
