/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-message.c: vmmi message check: what a message is, or what is wrong with it.
 */
#include <stdio.h>
#include <string.h>

#include "report.h"

static const char *const kinds[] = { "a message", "a configuration", "a status", "a completion" };

static json_t *
unknown_keys(const vmmiMessage *message)
{
    char **keys = vmmiMessageGetUnknownKeys(message);
    json_t *array = json_array();

    for (size_t i = 0; keys[i]; i++) {
        json_array_append_new(array, json_string(keys[i]));
        vmmiFree(keys[i]);
    }
    vmmiFree(keys);
    return array;
}

static json_t *
describe(const char *file, const vmmiMessage *message)
{
    json_t *object = json_pack("{s:s, s:b, s:s, s:s}", "file", file, "valid", 1,
                               "contentType", vmmiMessageGetContentType(message),
                               "vmmiVersion", vmmiMessageGetVersion(message));
    uint64_t number;

    if (vmmiMessageGetTimestamp(message, &number))
        json_object_set_new(object, "timestamp", json_integer((json_int_t)number));
    if (vmmiMessageGetSequence(message, &number))
        json_object_set_new(object, "sequence", json_integer((json_int_t)number));
    if (vmmiMessageGetKind(message) == VMMI_MESSAGE_COMPLETION)
        json_object_set_new(object, "success", json_boolean(vmmiCompletionIsSuccess(message)));
    if (vmmiMessageGetKind(message) == VMMI_MESSAGE_CONFIGURATION ||
        vmmiMessageGetKind(message) == VMMI_MESSAGE_STATUS)
        json_object_set_new(object, "unknownKeys", unknown_keys(message));
    return object;
}

static void
print_description(const char *file, const vmmiMessage *message)
{
    g_autofree char *type = report_printable(vmmiMessageGetContentType(message));
    g_autofree char *name = report_printable(file);
    vmmiMessageKind kind = vmmiMessageGetKind(message);
    json_t *unknown = unknown_keys(message);

    printf("%s: %s", name, kinds[kind]);
    if (kind == VMMI_MESSAGE_OTHER)
        printf(" of type '%s'", type);
    if (kind == VMMI_MESSAGE_COMPLETION)
        printf(" that says %s", vmmiCompletionIsSuccess(message) ? "success" : "error");
    printf(", protocol %s\n", vmmiMessageGetVersion(message));
    for (size_t i = 0; i < json_array_size(unknown); i++) {
        g_autofree char *key = report_printable(json_string_value(json_array_get(unknown, i)));

        printf("%s: the key '%s' is not known, and kept\n", name, key);
    }
    json_decref(unknown);
}

static ExitCode
run_message(const Common *common, char **arguments)
{
    vmmiError *error = NULL;
    vmmiMessage *message;
    g_autofree char *file = NULL;
    ExitCode code = EXIT_DONE;

    if (strcmp(arguments[0], "check") != 0)
        return report_usage(common, "message", "'message' knows only 'check', not '%s'",
                            arguments[0]);
    file = g_utf8_make_valid(arguments[1], -1);
    message = vmmiMessageReadFile(arguments[1], &error);
    if (!message) {
        code = report_error(common, error, json_pack("{s:s, s:b}", "file", file, "valid", 0));
        /* A file that cannot be read was not checked. */
        if (vmmiErrorGetCode(error) != VMMI_ERR_BAD_PATH && code != EXIT_TROUBLE)
            code = EXIT_FAILED;
    } else if (common->json) {
        report_object(describe(file, message));
    } else {
        print_description(file, message);
    }
    vmmiMessageUnref(message);
    vmmiErrorFree(error);
    return code;
}

const Verb verb_message = {
    .name = "message",
    .arguments = "check FILE|-",
    .summary = "what a message of the protocol is, or what is wrong with it",
    .details = "From standard input (-) one message is taken. Exit status 1 means that it is "
               "wrong; line and column are named.",
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_message,
};
