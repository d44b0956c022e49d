/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arguments.c: what several verbs take on the command line.
 */
#include "arguments.h"

#include "report.h"

bool
arguments_timeout(const char *text, uint64_t *milliseconds)
{
    char *end;
    double seconds = g_ascii_strtod(text, &end);

    /* Written so that what is not a number fails. */
    if (end == text || *end || !(seconds > 0 && seconds <= 1e9))
        return false;
    *milliseconds = (uint64_t)(seconds * 1000 + 0.5);
    return true;
}

int
arguments_config(const char *path, ArgumentConfig *config, vmmiError **err)
{
    if (!path)
        return 0;
    config->message = vmmiMessageReadFile(path, err);
    if (!config->message)
        return -1;
    if (vmmiMessageGetKind(config->message) != VMMI_MESSAGE_CONFIGURATION)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "%s: this is a message of type '%s', not a configuration", path,
                            vmmiMessageGetContentType(config->message));
    config->text = vmmiMessageGetJson(config->message, NULL);
    return 0;
}

void
arguments_config_clear(ArgumentConfig *config)
{
    vmmiMessageUnref(config->message);
    vmmiFree(config->text);
    config->message = NULL;
    config->text = NULL;
}

void
arguments_add_string(GPtrArray *settings, const char *key, const char *value)
{
    json_t *string = json_string(value);
    g_autofree char *text = string ? report_json_text(string) : g_strdup(value);

    g_ptr_array_add(settings, g_strconcat(key, "=", text, NULL));
    json_decref(string);
}
