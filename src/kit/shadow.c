/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shadow.c: a policy that only watches: waiting for a migration that something else starts, and
 * actions that nobody carries out.
 */
#include "kit/shadow.h"

#include "driver/connect.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* An action takes a moment, as a call to the host would; so a policy that answers each result with
 * another action cannot keep the process busy. */
#define CALL_MS 5

/* --- waiting for it ------------------------------------------------------------------- */

typedef struct {
    vmmiConnect *connect;
    vmmiGuestInfo info;
} Glance;

static void
glance_free(Glance *glance)
{
    vmmiConnectUnref(glance->connect);
    g_free(glance);
}

static int
look(void *data, vmmiError **err)
{
    Glance *glance = data;
    g_autofree char *uuid = g_strdup(glance->info.uuid);

    return vmmiGuestGetInfo(glance->connect, uuid, &glance->info, err);
}

static int
glance_at(vmmiRun *run, vmmiError **err)
{
    Glance *glance = g_new0(Glance, 1);
    g_autoptr(vmmiTask) task = NULL;

    glance->connect = vmmiConnectRef(run->connect);
    glance->info = run->info;
    task = vmmiRunCall(run, look, glance, (GDestroyNotify)glance_free, true, err);
    if (task)
        run->info = glance->info;
    return task ? 0 : -1;
}

int
vmmiShadowAwait(vmmiRun *run, vmmiError **err)
{
    uint64_t now = vmmiClockBoottimeMs();
    uint64_t deadline = now + run->shadow_wait_ms;

    while (run->info.job != VMMI_JOB_MIGRATION_OUT) {
        if (now >= deadline)
            return vmmiErrorSet(err, VMMI_ERR_STATE,
                                "guest '%s' is not being migrated, so there is nothing to watch%s",
                                run->info.name,
                                run->shadow_wait_ms ? "; it was waited for" : "");
        vmmiRunPoll(run, MIN(deadline, now + run->limits->sample_min));
        if (glance_at(run, err) < 0)
            return -1;
        now = vmmiClockBoottimeMs();
    }
    return 0;
}

/* --- what the policy wants -------------------------------------------------------------- */

static void
end_action(vmmiRun *run, uint64_t now_ms)
{
    const vmmiAction *last;

    run->shadow_due_ms = 0;
    vmmiEngineActionDone(run->engine, NULL, now_ms);
    last = vmmiEngineGetLast(run->engine);
    if (!last)
        return;
    vmmiTraceAddAction(&run->trace, last);
    /* Its migration would be over. */
    if (last->kind == VMMI_ACTION_ABORT)
        vmmiEngineStop(run->engine);
}

void
vmmiShadowServe(vmmiRun *run, uint64_t now_ms)
{
    if (run->shadow_due_ms && now_ms >= run->shadow_due_ms)
        end_action(run, now_ms);
    if (run->shadow_due_ms || run->ending_ms)
        return;
    if (vmmiEngineNext(run->engine))
        run->shadow_due_ms = now_ms + CALL_MS;
}

uint64_t
vmmiShadowDeadline(const vmmiRun *run)
{
    return run->shadow_due_ms ? run->shadow_due_ms : UINT64_MAX;
}
