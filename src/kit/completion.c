/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * completion.c: the last message of a plugin.
 *
 * Success exactly when the outcome is "completed" (C1, B9). What is added stands in `success` or
 * `error` (B15).
 */
#include "kit/completion.h"

#include "message/json.h"
#include "util/cleanup.h"

static void
set(vmmiMessage *message, const char *key, json_t *value)
{
    g_autoptr(json_t) owned = value;
    g_autofree char *path =
        g_strdup_printf("%s.%s", vmmiCompletionIsSuccess(message) ? "success" : "error", key);
    g_autofree char *text = vmmiJsonWrite(owned, false);

    vmmiMessageSetJson(message, path, text, NULL);
}

static void
set_text(vmmiMessage *message, const char *key, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (valid)
        set(message, key, json_string(valid));
}

static json_t *
error_object(const vmmiError *error)
{
    return json_pack("{s:i, s:s}", "code", vmmiErrorGetCode(error), "message",
                     vmmiErrorGetMessage(error));
}

vmmiMessage *
vmmiCompletionBuild(const vmmiCompletionFacts *facts)
{
    const vmmiKitVerdict *verdict = facts->verdict;
    vmmiMessage *message = verdict->outcome == VMMI_OUTCOME_COMPLETED
                               ? vmmiCompletionNewSuccess()
                               : vmmiCompletionNewError(verdict->error);

    vmmiCompletionSetOutcome(message, verdict->outcome, verdict->where, NULL);
    set_text(message, "evidence", verdict->evidence);
    if (facts->attached)
        set(message, "attached", json_true());
    if (facts->statistics)
        vmmiCompletionSetStatistics(message, facts->statistics, NULL);
    set(message, "actions", facts->actions ? json_incref(facts->actions) : json_array());
    if (facts->shadow)
        set(message, "shadow", json_true());
    if (facts->trace_lost)
        set(message, "traceLost", json_integer((json_int_t)facts->trace_lost));
    if (facts->policy_error)
        set(message, "policyError", error_object(facts->policy_error));
    if (facts->abort_refused)
        set(message, "abortRefused", error_object(facts->abort_refused));
    return message;
}
