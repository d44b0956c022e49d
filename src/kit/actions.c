/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * actions.c: what a policy asks for, and what became of it.
 */
#include "kit/actions.h"

#include "util/cleanup.h"
#include "util/enum-table.h"

#define MAX_REASON_BYTES 500

static const char *const kind_names[] = { "tune", "start-postcopy", "suspend", "resume", "abort" };
static const char *const tunable_names[] = {
    "downtimeMs",
    "bandwidthMibPerSecond",
    "postcopyBandwidthMibPerSecond",
    "xbzrleCacheBytes",
};
static const char *const result_names[] = {
    "waiting", "running", "done", "failed", "dropped", "shadow", "replayed",
};
VMMI_ENUM_IMPL(vmmiActionKind, vmmiActionKind, VMMI_ACTION_KIND_LAST, kind_names);
VMMI_ENUM_IMPL(vmmiTunable, vmmiTunable, VMMI_TUNE_LAST, tunable_names);
VMMI_ENUM_IMPL(vmmiActionResult, vmmiActionResult, VMMI_RESULT_LAST, result_names);

void
vmmiActionFree(vmmiAction *action)
{
    if (!action)
        return;
    g_free(action->reason);
    vmmiErrorFree(action->error);
    g_free(action);
}

static char *G_GNUC_PRINTF(1, 0) format_reason(const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    if (strlen(valid) > MAX_REASON_BYTES)
        *g_utf8_find_prev_char(valid, valid + MAX_REASON_BYTES) = '\0';
    return g_steal_pointer(&valid);
}

static unsigned int G_GNUC_PRINTF(5, 0)
    add(vmmiPolicyActions *actions, vmmiActionKind kind, vmmiTunable what, uint64_t value,
        const char *format, va_list args)
{
    vmmiAction *action = g_new0(vmmiAction, 1);

    action->id = actions->next_id++;
    action->kind = kind;
    action->what = what;
    action->value = value;
    action->reason = format_reason(format, args);
    g_ptr_array_add(actions->list, action);
    return action->id;
}

unsigned int
vmmiPolicyActionTune(vmmiPolicyActions *actions, vmmiTunable what, uint64_t value,
                     const char *reason, ...)
{
    unsigned int id;
    va_list args;

    va_start(args, reason);
    id = add(actions, VMMI_ACTION_TUNE, what, value, reason, args);
    va_end(args);
    return id;
}

unsigned int
vmmiPolicyActionStartPostcopy(vmmiPolicyActions *actions, const char *reason, ...)
{
    unsigned int id;
    va_list args;

    va_start(args, reason);
    id = add(actions, VMMI_ACTION_START_POSTCOPY, 0, 0, reason, args);
    va_end(args);
    return id;
}

unsigned int
vmmiPolicyActionSuspend(vmmiPolicyActions *actions, const char *reason, ...)
{
    unsigned int id;
    va_list args;

    va_start(args, reason);
    id = add(actions, VMMI_ACTION_SUSPEND, 0, 0, reason, args);
    va_end(args);
    return id;
}

unsigned int
vmmiPolicyActionResume(vmmiPolicyActions *actions, const char *reason, ...)
{
    unsigned int id;
    va_list args;

    va_start(args, reason);
    id = add(actions, VMMI_ACTION_RESUME, 0, 0, reason, args);
    va_end(args);
    return id;
}

unsigned int
vmmiPolicyActionAbort(vmmiPolicyActions *actions, const char *reason, ...)
{
    unsigned int id;
    va_list args;

    va_start(args, reason);
    id = add(actions, VMMI_ACTION_ABORT, 0, 0, reason, args);
    va_end(args);
    return id;
}

void
vmmiPolicyActionWakeAt(vmmiPolicyActions *actions, uint64_t now_ms)
{
    actions->wakes = true;
    actions->wake_at_ms = now_ms;
}

json_t *
vmmiActionToJson(const vmmiAction *action)
{
    json_t *object = json_object();
    const char *what = vmmiTunableToString(action->what);

    json_object_set_new(object, "id", json_integer(action->id));
    json_object_set_new(object, "action", json_string(vmmiActionKindToString(action->kind)));
    if (action->kind == VMMI_ACTION_TUNE) {
        json_object_set_new(object, "what", json_string(what ? what : "unknown"));
        json_object_set_new(object, "value",
                            json_integer((json_int_t)MIN(action->value, (uint64_t)INT64_MAX)));
    }
    json_object_set_new(object, "atMs", json_integer((json_int_t)action->at_ms));
    if (action->iteration)
        json_object_set_new(object, "iteration", json_integer((json_int_t)action->iteration));
    json_object_set_new(object, "reason", json_string(action->reason));
    json_object_set_new(object, "result", json_string(vmmiActionResultToString(action->result)));
    if (action->error)
        json_object_set_new(object, "error", json_string(vmmiErrorGetMessage(action->error)));
    return object;
}
