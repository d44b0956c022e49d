/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status.c: the answer to SIGUSR1 (S2, S4, B4). Best effort: what cannot be written is dropped. A
 * request that comes before the configuration is answered when it is complete (I6).
 */
#include "kit/run.h"

#include "message/json.h"
#include "util/cleanup.h"

void
vmmiRunSendStatus(vmmiRun *run)
{
    g_autoptr(json_t) policy = NULL;
    g_autofree char *text = NULL;

    run->status_due = !run->ready;
    if (!run->streams || run->silent || !run->ready)
        return;
    if (!run->status)
        run->status = vmmiMessageNew("status", NULL);
    if (vmmiStatusSetSample(run->status, run->tracker.state, run->sample, NULL) < 0)
        return;
    policy = vmmiEngineGetStatus(run->engine);
    text = vmmiJsonWrite(policy, false);
    vmmiMessageSetJson(run->status, "policy", text, NULL);
    vmmiStreamsWriteStatus(run->streams, run->status, NULL);
}
