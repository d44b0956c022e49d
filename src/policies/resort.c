/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resort.c: the strong means of a policy, one at a time: post-copy, suspending the guest, giving
 * up.
 */
#include "policies/resort.h"

#include <stdarg.h>
#include <stdio.h>

#define REASON_BYTES 400

bool
vmmiResortNote(vmmiResort *resort, const vmmiPolicyEvent *event)
{
    if (event->type != VMMI_POLICY_ACTION || !resort->action_id ||
        event->action_id != resort->action_id)
        return false;
    resort->action_id = 0;
    if (resort->kind == VMMI_RESORT_ABORT || event->error)
        resort->again_ms = event->now_ms + VMMI_RESORT_AGAIN_MS;
    if (resort->kind == VMMI_RESORT_POSTCOPY && event->error) {
        resort->postcopy_refused = true;
        resort->again_ms = 0; /* whatever comes instead is not delayed */
    }
    if (resort->kind == VMMI_RESORT_POSTCOPY && !event->error)
        resort->postcopy_started = true;
    if (resort->kind == VMMI_RESORT_SUSPEND && !event->error)
        resort->suspended = true;
    return true;
}

bool
vmmiResortIsFree(const vmmiResort *resort, uint64_t now_ms)
{
    return !resort->action_id && !resort->postcopy_started && now_ms >= resort->again_ms;
}

void
vmmiResortAsk(vmmiResort *resort, vmmiPolicyActions *actions, vmmiResortKind kind,
              const char *reason, ...)
{
    char text[REASON_BYTES];
    va_list args;

    va_start(args, reason);
    vsnprintf(text, sizeof(text), reason, args);
    va_end(args);
    resort->kind = kind;
    if (kind == VMMI_RESORT_POSTCOPY)
        resort->action_id = vmmiPolicyActionStartPostcopy(actions, "%s", text);
    else if (kind == VMMI_RESORT_SUSPEND)
        resort->action_id = vmmiPolicyActionSuspend(actions, "%s", text);
    else if (kind == VMMI_RESORT_ABORT)
        resort->action_id = vmmiPolicyActionAbort(actions, "%s", text);
}
