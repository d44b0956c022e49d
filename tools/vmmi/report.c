/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.c: what leaves the command. Everything that others wrote (names, messages of plugins) is
 * made harmless for a terminal here.
 */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

char *
report_printable(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
    GString *out = g_string_new(NULL);

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (c == '\n' || c == '\t')
            g_string_append_c(out, ' ');
        else if (g_unichar_iscntrl(c) || g_unichar_type(c) == G_UNICODE_FORMAT)
            g_string_append_c(out, '?');
        else
            g_string_append_unichar(out, c);
    }
    g_strchomp(out->str);
    return g_string_free(out, FALSE);
}

void
report_sentence(const char *format, ...)
{
    g_autofree char *text = NULL, *printable = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    printable = report_printable(text);
    fflush(stdout);
    fprintf(stderr, "vmmi: %s\n", printable);
}

char *
report_json_text(const json_t *value)
{
    size_t length = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = g_malloc(length + 1);

    json_dumpb(value, text, length, JSON_COMPACT | JSON_ENCODE_ANY);
    text[length] = '\0';
    return text;
}

json_t *
report_empty_object(void)
{
    return json_pack("{s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n, s:n}", "id", "guest", "uuid",
                     "plugin", "state", "outcome", "where", "percent", "error");
}

void
report_object(json_t *object)
{
    g_autofree char *text = report_json_text(object);

    puts(text);
    fflush(stdout);
    json_decref(object);
}

json_t *
report_error_object(const vmmiError *error)
{
    g_autofree char *message = NULL, *details = NULL;

    if (!error)
        return json_null();
    message = g_utf8_make_valid(vmmiErrorGetMessage(error), -1);
    details = g_utf8_make_valid(vmmiErrorGetDetails(error), -1);
    return json_pack("{s:i, s:s, s:s}", "code", vmmiErrorGetCode(error), "message", message,
                     "details", details);
}

ExitCode
report_exit_code(const vmmiError *error)
{
    switch (vmmiErrorGetCode(error)) {
    case VMMI_ERR_OK:
        return EXIT_DONE;
    case VMMI_ERR_GUEST_UNKNOWN:
    case VMMI_ERR_PLUGIN_UNKNOWN:
    case VMMI_ERR_MIGRATION_UNKNOWN:
        return EXIT_NO_SUCH;
    case VMMI_ERR_GUEST_BUSY:
        return EXIT_BUSY;
    case VMMI_ERR_BAD_PATH:
    case VMMI_ERR_MALFORMED_PARAMETERS:
    case VMMI_ERR_MALFORMED_CONFIGURATION:
    case VMMI_ERR_MISSING_PARAMETERS:
    case VMMI_ERR_PROTOCOL_VERSION:
    case VMMI_ERR_MESSAGE:
    case VMMI_ERR_OPTION:
    case VMMI_ERR_URI:
        return EXIT_USAGE;
    default:
        return EXIT_TROUBLE;
    }
}

ExitCode
report_error(const Common *common, const vmmiError *error, json_t *object)
{
    report_sentence("%s", vmmiErrorGetMessage(error));
    if (common->json) {
        object = object ? object : json_object();
        json_object_set_new(object, "error", report_error_object(error));
        report_object(object);
    } else {
        json_decref(object);
    }
    return report_exit_code(error);
}

ExitCode
report_usage(const Common *common, const char *verb, const char *format, ...)
{
    g_autofree char *text = NULL, *sentence = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    sentence =
        g_strdup_printf("%s; see 'vmmi %s%s--help'", text, verb ? verb : "", verb ? " " : "");
    report_sentence("%s", sentence);
    if (common->json) {
        g_autofree char *valid = g_utf8_make_valid(text, -1);

        report_object(json_pack("{s:{s:i, s:s, s:s}}", "error", "code", VMMI_ERR_INVALID_ARGUMENT,
                                "message", valid, "details", ""));
    }
    return EXIT_USAGE;
}

bool
report_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    fprintf(stderr, "vmmi: cannot write to standard output: %s\n", g_strerror(errno));
    return false;
}
