/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * completion.c: the completion: C1 to C3, and what B15 adds to it.
 */
#include <limits.h>
#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "util/cleanup.h"

/* A completion must always fit: an error that somebody else wrote may be of any length. */
#define TEXT_MAX_BYTES (16 * 1024)

static json_t *
bounded_text(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    json_t *string;

    if (strlen(valid) > TEXT_MAX_BYTES) {
        char *end = g_utf8_find_prev_char(valid, valid + TEXT_MAX_BYTES);

        strcpy(end, "...");
    }
    string = json_string(valid);
    return string;
}

/* The object for B15's additions: success or error. */
static json_t *
verdict_of(const vmmiMessage *completion)
{
    const json_t *content = vmmiMessageContent(completion);
    const json_t *result = json_object_get(content, "result");

    if (vmmiMessageGetKind(completion) != VMMI_MESSAGE_COMPLETION || !json_is_string(result))
        return NULL;
    return json_object_get(content, json_string_value(result));
}

vmmiMessage *
vmmiCompletionNewSuccess(void)
{
    return vmmiMessageNewContent("completion",
                                 json_pack("{s:s, s:{}}", "result", "success", "success"), NULL);
}

vmmiMessage *
vmmiCompletionNewError(const vmmiError *error)
{
    int code = error ? vmmiErrorGetCode(error) : VMMI_ERR_UNKNOWN;
    json_t *content = json_pack("{s:s, s:{s:i, s:o, s:o}}", "result", "error", "error",
                                "code", code, "message", bounded_text(vmmiErrorGetMessage(error)),
                                "details", bounded_text(vmmiErrorGetDetails(error)));

    return vmmiMessageNewContent("completion", content, NULL);
}

bool
vmmiCompletionIsSuccess(const vmmiMessage *completion)
{
    const char *result;

    return vmmiMessageGetKind(completion) == VMMI_MESSAGE_COMPLETION &&
           vmmiMessageGetString(completion, "result", &result) && g_str_equal(result, "success");
}

vmmiError *
vmmiCompletionGetError(const vmmiMessage *completion)
{
    const json_t *verdict = verdict_of(completion);
    const char *message = "", *details = "";
    vmmiError *error = NULL;
    json_int_t code;

    if (!verdict || vmmiCompletionIsSuccess(completion))
        return NULL;
    code = json_integer_value(json_object_get(verdict, "code"));
    vmmiJsonGetString(verdict, "message", &message);
    vmmiJsonGetString(verdict, "details", &details);
    vmmiErrorSet(&error, (int)code, "%s", message);
    vmmiErrorSetDetails(&error, "%s", details);
    vmmiErrorSetOrigin(&error, "plugin");
    return error;
}

static int
set_addition(vmmiMessage *completion, const char *key, json_t *value, vmmiError **err)
{
    json_t *verdict = verdict_of(completion);

    if (!json_is_object(verdict)) {
        json_decref(value);
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "cannot set '%s': this is no completion", key);
    }
    vmmiMessageForgetText(completion);
    if (json_object_set_new(verdict, key, value) < 0)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "cannot set '%s': unknown value", key);
    return 0;
}

int
vmmiCompletionSetOutcome(vmmiMessage *completion, vmmiOutcomeKind outcome, vmmiWhere where,
                         vmmiError **err)
{
    /* json_string(NULL) is NULL, which set_addition() refuses. */
    if (set_addition(completion, "outcome", json_string(vmmiOutcomeKindToString(outcome)), err) < 0)
        return -1;
    return set_addition(completion, "where", json_string(vmmiWhereToString(where)), err);
}

bool
vmmiCompletionGetOutcome(const vmmiMessage *completion, vmmiOutcomeKind *outcome, vmmiWhere *where)
{
    const json_t *verdict = verdict_of(completion);
    const char *name = NULL, *place = NULL;
    int kind, spot;

    vmmiJsonGetString(verdict, "outcome", &name);
    vmmiJsonGetString(verdict, "where", &place);
    kind = vmmiOutcomeKindFromString(name);
    spot = vmmiWhereFromString(place);
    if (kind < 0)
        return false;
    if (outcome)
        *outcome = (vmmiOutcomeKind)kind;
    if (where)
        *where = spot < 0 ? VMMI_WHERE_UNKNOWN : (vmmiWhere)spot;
    return true;
}

int
vmmiCompletionSetStatistics(vmmiMessage *completion, const vmmiSample *statistics, vmmiError **err)
{
    json_t *object = json_object();

    for (int field = 0; field < VMMI_SAMPLE_LAST; field++) {
        uint64_t value;

        if (vmmiSampleGet(statistics, (vmmiSampleField)field, &value))
            json_object_set_new(object, vmmiSampleFieldToString((vmmiSampleField)field),
                                json_integer((json_int_t)MIN(value, (uint64_t)INT64_MAX)));
    }
    return set_addition(completion, "statistics", object, err);
}

vmmiSample *
vmmiCompletionGetStatistics(const vmmiMessage *completion)
{
    const json_t *object = json_object_get(verdict_of(completion), "statistics");
    vmmiSample *sample;

    if (!json_is_object(object))
        return NULL;
    sample = vmmiSampleNew();
    for (int field = 0; field < VMMI_SAMPLE_LAST; field++) {
        uint64_t value;

        if (vmmiJsonGetUInt(object, vmmiSampleFieldToString((vmmiSampleField)field), &value))
            vmmiSampleSet(sample, (vmmiSampleField)field, value);
    }
    return sample;
}
