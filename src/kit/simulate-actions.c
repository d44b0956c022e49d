/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-actions.c: what a policy asks for, done to a simulated world: one at a time, each a
 * moment after it was taken up.
 */
#include "kit/simulate-run.h"

#include "drivers/sim/sim-action.h"
#include "drivers/sim/sim-step.h"
#include "util/cleanup.h"

static int
carry_out(vmmiSimulated *run, vmmiError **err)
{
    vmmiSimWorld *world = run->world;

    if (!world->hosts[run->source].reachable)
        return vmmiErrorSet(err, VMMI_ERR_DISCONNECTED, "host '%s' cannot be reached",
                            world->hosts[run->source].name);
    switch (run->kind) {
    case VMMI_ACTION_TUNE:
        return vmmiSimActTune(world, run->guest, run->source, run->what, run->value, err);
    case VMMI_ACTION_START_POSTCOPY:
        return vmmiSimActStartPostcopy(world, run->guest, run->source, err);
    case VMMI_ACTION_SUSPEND:
        return vmmiSimActSuspend(world, run->guest, run->source, err);
    case VMMI_ACTION_RESUME:
        return vmmiSimActResume(world, run->guest, run->source, err);
    case VMMI_ACTION_ABORT:
        return vmmiSimActAbort(world, run->guest, run->source, false, err);
    default:
        return vmmiErrorSet(err, VMMI_ERR_INTERNAL, "there is no action %d", (int)run->kind);
    }
}

static void
end_action(vmmiSimulated *run)
{
    g_autoptr(vmmiError) error = NULL;
    const vmmiAction *last;

    run->acting = false;
    if (carry_out(run, &error) == 0)
        vmmiSimStep(run->world, run->world->now);
    run->result->actions++;
    vmmiEngineActionDone(run->engine, error, vmmiSimulatedNowMs(run));
    last = vmmiEngineGetLast(run->engine);
    if (run->kind == VMMI_ACTION_ABORT && !error) {
        run->abort_done = true;
        g_free(run->abort_reason);
        run->abort_reason = g_strdup(last ? last->reason : "");
    }
    if (last)
        vmmiTraceAddAction(&run->trace, last);
}

void
vmmiSimulatedAct(vmmiSimulated *run)
{
    const vmmiAction *action;

    if (run->acting && run->world->now >= run->act_at)
        end_action(run);
    if (run->acting)
        return;
    action = vmmiEngineNext(run->engine);
    if (!action)
        return;
    run->acting = true;
    run->kind = action->kind;
    run->what = action->what;
    run->value = action->value;
    run->act_at = run->world->now + VMMI_SIMULATE_ACTION_US;
}
