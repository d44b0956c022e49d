/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * engine.h: one policy at work: events in, actions out. Pure: it does no I/O and reads no clock, so
 * that it runs the same in a plugin, in a simulation and over a recorded trace. All times are given
 * by the caller, in milliseconds of one clock.
 */
#ifndef VMMI_KIT_ENGINE_H
#define VMMI_KIT_ENGINE_H

#include "kit/actions.h"

/* A policy that asks for more at once is not served beyond this. */
#define VMMI_ENGINE_MAX_WAITING 100
/* How many actions the record keeps; of more, the middle is left out. */
#define VMMI_ENGINE_MAX_RECORD 400

typedef struct vmmiEngine vmmiEngine;

/* @policy: a checked copy, must live as long as the engine. */
vmmiEngine *vmmiEngineNew(const vmmiPolicy *policy);
void vmmiEngineFree(vmmiEngine *engine);

/* The policy's own callbacks, with its errors made safe: a failure without an error gets one.
 * Return 0 or -1. */
int vmmiEngineConfigure(vmmiEngine *engine, const vmmiPolicyConfig *config, vmmiError **err);
int vmmiEnginePrepare(vmmiEngine *engine, vmmiPolicyStart *start, const vmmiError *refusal,
                      vmmiError **err);
bool vmmiEnginePrepares(const vmmiEngine *engine);

/* The policy only watches: what is done for it is told to it as done, and recorded as "shadow". */
void vmmiEngineSetShadow(vmmiEngine *engine);

/* The policy takes charge: its clock starts. */
void vmmiEngineBegin(vmmiEngine *engine, uint64_t now_ms);
/* No event comes after this; what waits is dropped. */
void vmmiEngineStop(vmmiEngine *engine);

/* Events. Before vmmiEngineBegin(), after vmmiEngineStop(), and once the policy is broken, they do
 * nothing. */
void vmmiEngineSetState(vmmiEngine *engine, vmmiState state, uint64_t now_ms);
/* A look at the figures; it is an iteration event when @iteration is larger than any before.
 * @iteration 0: not known. */
void vmmiEngineSample(vmmiEngine *engine, const vmmiSample *sample, uint64_t iteration,
                      uint64_t now_ms);
/* The action that vmmiEngineNext() gave has been carried out, or has failed. */
void vmmiEngineActionDone(vmmiEngine *engine, const vmmiError *error, uint64_t now_ms);
/* Fires the timer if its time has come. */
void vmmiEngineTick(vmmiEngine *engine, uint64_t now_ms);
/* When vmmiEngineTick() is due; UINT64_MAX: never. */
uint64_t vmmiEngineGetDeadline(const vmmiEngine *engine);

/* An action that is not the policy's: what the configuration wants of a migration that runs already.
 * It has the id 0, and the policy does not hear of its end. */
void vmmiEngineTune(vmmiEngine *engine, vmmiTunable what, uint64_t value, const char *reason);

/* The next action to carry out, in order, one at a time; NULL when there is none or one is under
 * way. Borrowed. */
const vmmiAction *vmmiEngineNext(vmmiEngine *engine);
/* The action that ended last, borrowed; NULL: none. */
const vmmiAction *vmmiEngineGetLast(const vmmiEngine *engine);

/* The same record as it is kept, borrowed: of vmmiAction. */
const GPtrArray *vmmiEngineGetActions(const vmmiEngine *engine);
/* What the policy did, as an array; a new reference. */
json_t *vmmiEngineGetRecord(const vmmiEngine *engine);
/* Why the policy broke, borrowed; NULL: it did not. */
const vmmiError *vmmiEngineGetError(const vmmiEngine *engine);
/* What the policy waits for, in its own words; to be freed. NULL: it does not say. */
char *vmmiEngineGetReason(const vmmiEngine *engine);
/* `policy` of a status (B4): name, reason, lastAction. A new reference. */
json_t *vmmiEngineGetStatus(const vmmiEngine *engine);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiEngine, vmmiEngineFree)

#endif
