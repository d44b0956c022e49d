/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * outcome.c: the outcome of a migration: its getters, and its form on disk.
 */
#include "migration/outcome.h"

#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "plugin/job-record.h"
#include "plugin/journal.h"
#include "util/cleanup.h"

vmmiOutcome *
vmmiOutcomeNew(void)
{
    vmmiOutcome *outcome = g_new0(vmmiOutcome, 1);

    outcome->kind = VMMI_OUTCOME_UNKNOWN;
    outcome->exit_value = -1;
    outcome->evidence = g_strdup("");
    outcome->diagnostics = g_strdup("");
    outcome->actions = json_array();
    return outcome;
}

void
vmmiOutcomeFree(vmmiOutcome *outcome)
{
    if (!outcome)
        return;
    vmmiErrorFree(outcome->error);
    vmmiSampleFree(outcome->statistics);
    vmmiMessageUnref(outcome->completion);
    g_free(outcome->evidence);
    g_free(outcome->diagnostics);
    json_decref(outcome->actions);
    g_free(outcome->actions_text);
    g_free(outcome->rest);
    g_free(outcome);
}

/* --- on disk ---------------------------------------------------------------------- */

json_t *
vmmiErrorToJson(const vmmiError *error)
{
    if (!error)
        return json_null();
    return json_pack("{s:i, s:s, s:s, s:s}", "code", vmmiErrorGetCode(error), "message",
                     vmmiErrorGetMessage(error), "details", vmmiErrorGetDetails(error), "origin",
                     vmmiErrorGetOrigin(error));
}

static vmmiError *
error_from_json(const json_t *object)
{
    const char *message = "", *details = "", *origin = "vmmi";
    const json_t *code = json_object_get(object, "code");
    vmmiError *error = NULL;

    if (!json_is_integer(code))
        return NULL;
    vmmiJsonGetString(object, "message", &message);
    vmmiJsonGetString(object, "details", &details);
    vmmiJsonGetString(object, "origin", &origin);
    vmmiErrorSet(&error, (int)CLAMP(json_integer_value(code), 0, G_MAXINT), "%s", message);
    vmmiErrorSetDetails(&error, "%s", details);
    vmmiErrorSetOrigin(&error, origin);
    return error;
}

static const vmmiOutcome *load(const vmmiOutcome *outcome);

json_t *
vmmiOutcomeToJson(const vmmiOutcome *outcome)
{
    json_t *object;

    load(outcome);
    object =
        json_pack("{s:i, s:s, s:s, s:s, s:{s:s, s:i}, s:o, s:s}", "version", VMMI_RECORD_VERSION,
                  "outcome", vmmiOutcomeKindToString(outcome->kind), "where",
                  vmmiWhereToString(outcome->where), "evidence", outcome->evidence, "exit", "kind",
                  vmmiExitKindToString(outcome->exit_kind), "value", outcome->exit_value, "error",
                  vmmiErrorToJson(outcome->error), "diagnostics", outcome->diagnostics);

    json_object_set_new(object, "statistics",
                        outcome->statistics ? vmmiSampleToJson(outcome->statistics) : json_null());
    json_object_set_new(object, "completion",
                        outcome->completion ? json_incref(outcome->completion->root)
                                            : json_null());
    json_object_set(object, "actions", outcome->actions);
    return object;
}

static vmmiMessage *
completion_from_json(json_t *object)
{
    if (!json_is_object(object) || vmmiMessageValidate(object, NULL, 0, NULL) < 0)
        return NULL;
    return vmmiMessageWrap(json_incref(object), NULL, 0);
}

static void
replace_text(char **text, const json_t *object, const char *key)
{
    const char *found;

    if (!vmmiJsonGetString(object, key, &found))
        return;
    g_free(*text);
    *text = g_strdup(found);
}

int
vmmiOutcomeReadKinds(const json_t *object, vmmiOutcomeKind *kind, vmmiWhere *where,
                     vmmiExitKind *exit_kind, vmmiError **err)
{
    const char *names[] = { NULL, NULL, NULL };

    if (vmmiJobCheckVersion(object, "outcome.json", err) < 0)
        return -1;
    vmmiJsonGetString(object, "outcome", &names[0]);
    vmmiJsonGetString(object, "where", &names[1]);
    vmmiJsonGetString(json_object_get(object, "exit"), "kind", &names[2]);
    if (vmmiOutcomeKindFromString(names[0]) <= VMMI_OUTCOME_NONE ||
        vmmiWhereFromString(names[1]) < 0 || vmmiExitKindFromString(names[2]) < 0)
        return vmmiErrorSet(err, VMMI_ERR_MESSAGE, "outcome.json holds no outcome");
    *kind = (vmmiOutcomeKind)vmmiOutcomeKindFromString(names[0]);
    *where = (vmmiWhere)vmmiWhereFromString(names[1]);
    *exit_kind = (vmmiExitKind)vmmiExitKindFromString(names[2]);
    return 0;
}

static void
take_rest(vmmiOutcome *outcome, const json_t *object)
{
    json_t *actions = json_object_get(object, "actions");

    if (json_is_object(json_object_get(object, "statistics")))
        outcome->statistics = vmmiSampleFromJson(json_object_get(object, "statistics"));
    outcome->completion = completion_from_json(json_object_get(object, "completion"));
    replace_text(&outcome->diagnostics, object, "diagnostics");
    if (json_is_array(actions)) {
        json_decref(outcome->actions);
        outcome->actions = json_incref(actions);
    }
}

/* What was not asked for so far. */
static const vmmiOutcome *
load(const vmmiOutcome *outcome)
{
    vmmiOutcome *cache = (vmmiOutcome *)outcome;
    g_autofree char *rest = outcome ? g_steal_pointer(&cache->rest) : NULL;
    g_autoptr(json_t) object = NULL;

    if (rest) {
        object = vmmiJsonParse(rest, outcome->rest_length, NULL, NULL);
        take_rest(cache, object);
    }
    return outcome;
}

static vmmiOutcome *
from_head(const json_t *object, vmmiError **err)
{
    const json_t *exit = json_object_get(object, "exit");
    g_autoptr(vmmiOutcome) outcome = vmmiOutcomeNew();

    if (vmmiOutcomeReadKinds(object, &outcome->kind, &outcome->where, &outcome->exit_kind, err) <
        0)
        return NULL;
    outcome->exit_value = (int)json_integer_value(json_object_get(exit, "value"));
    outcome->error = error_from_json(json_object_get(object, "error"));
    replace_text(&outcome->evidence, object, "evidence");
    return g_steal_pointer(&outcome);
}

vmmiOutcome *
vmmiOutcomeFromJson(const json_t *object, vmmiError **err)
{
    vmmiOutcome *outcome = from_head(object, err);

    if (outcome)
        take_rest(outcome, object);
    return outcome;
}

json_t *
vmmiOutcomeReadHead(const char *text, size_t length, vmmiError **err)
{
    static const char *const large[] = { "statistics", "completion", "diagnostics", "actions",
                                         NULL };

    return vmmiJsonParseWithout(text, length, "outcome.json", large, err);
}

vmmiOutcome *
vmmiOutcomeFromText(const json_t *head, char *text, size_t length)
{
    vmmiOutcome *outcome = from_head(head, NULL);

    if (!outcome) {
        g_free(text);
        return NULL;
    }
    outcome->rest = text;
    outcome->rest_length = length;
    return outcome;
}

/* --- getters ---------------------------------------------------------------------- */

vmmiOutcomeKind
vmmiOutcomeGetKind(const vmmiOutcome *outcome)
{
    return outcome ? outcome->kind : VMMI_OUTCOME_NONE;
}

vmmiWhere
vmmiOutcomeGetWhere(const vmmiOutcome *outcome)
{
    return outcome ? outcome->where : VMMI_WHERE_UNKNOWN;
}

const char *
vmmiOutcomeGetEvidence(const vmmiOutcome *outcome)
{
    return outcome ? outcome->evidence : "";
}

vmmiExitKind
vmmiOutcomeGetExitKind(const vmmiOutcome *outcome)
{
    return outcome ? outcome->exit_kind : VMMI_EXIT_UNKNOWN;
}

int
vmmiOutcomeGetExitValue(const vmmiOutcome *outcome)
{
    return outcome ? outcome->exit_value : -1;
}

const vmmiError *
vmmiOutcomeGetError(const vmmiOutcome *outcome)
{
    return outcome ? outcome->error : NULL;
}

const vmmiSample *
vmmiOutcomeGetStatistics(const vmmiOutcome *outcome)
{
    return load(outcome) ? outcome->statistics : NULL;
}

const vmmiMessage *
vmmiOutcomeGetCompletion(const vmmiOutcome *outcome)
{
    return load(outcome) ? outcome->completion : NULL;
}

const char *
vmmiOutcomeGetDiagnostics(const vmmiOutcome *outcome)
{
    return load(outcome) ? outcome->diagnostics : "";
}

const char *
vmmiOutcomeGetActions(const vmmiOutcome *outcome)
{
    vmmiOutcome *cache = (vmmiOutcome *)load(outcome);

    if (!cache)
        return "[]";
    if (!cache->actions_text)
        cache->actions_text = vmmiJsonWrite(cache->actions, false);
    return cache->actions_text;
}
