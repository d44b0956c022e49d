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

/* The content of a configuration without the message around it, as it is written by hand; NULL:
 * the file holds something else. */
static json_t *
read_bare(const char *path)
{
    g_autofree char *text = NULL;
    gsize length;
    json_t *object;

    if (g_str_equal(path, "-") || !g_file_get_contents(path, &text, &length, NULL) ||
        length > VMMI_MESSAGE_MAX_BYTES)
        return NULL;
    object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    if (json_object_size(object) > 0 && !json_object_get(object, "vmmiVersion") &&
        !json_object_get(object, "contentType"))
        return object;
    json_decref(object);
    return NULL;
}

static vmmiMessage *
wrap(json_t *content, const char *path, vmmiError **err)
{
    vmmiMessage *message = vmmiMessageNew("configuration", err);
    const char *key;
    json_t *value;

    json_object_foreach (content, key, value) {
        g_autofree char *text = json_dumps(value, JSON_ENCODE_ANY);

        if (message && (!text || vmmiMessageSetJson(message, key, text, err) < 0)) {
            vmmiErrorPrefix(err, "%s", path);
            vmmiMessageUnref(message);
            message = NULL;
        }
    }
    json_decref(content);
    return message;
}

static vmmiMessage *
read_message(const char *path, vmmiError **err)
{
    vmmiError *mistake = NULL;
    vmmiMessage *message = vmmiMessageReadFile(path, &mistake);
    json_t *content = vmmiErrorGetCode(mistake) == VMMI_ERR_MESSAGE ? read_bare(path) : NULL;

    if (!content) {
        if (mistake)
            vmmiErrorPropagate(err, mistake);
        return message;
    }
    vmmiErrorFree(mistake);
    return wrap(content, path, err);
}

int
arguments_config(const char *path, ArgumentConfig *config, vmmiError **err)
{
    if (!path)
        return 0;
    config->message = read_message(path, err);
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

void
arguments_add_trace(GPtrArray *settings, const char *path)
{
    g_autofree char *absolute = path ? g_canonicalize_filename(path, NULL) : NULL;

    if (absolute)
        arguments_add_string(settings, "migration.trace", absolute);
}
