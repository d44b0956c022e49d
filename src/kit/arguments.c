/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arguments.c: what a plugin is called with: UUID, destination URI, migration URI, configuration
 * (I1).
 *
 * Only shapes are checked: what a URI means is the driver's to know.
 */
#include "kit/arguments.h"

#include <string.h>

#include <glib.h>

#define MAX_URI_BYTES 8192

static const char *const argument_names[] = { "guest UUID", "destination URI", "migration URI" };

static int
check_text(const char *name, const char *text, vmmiError **err)
{
    if (strlen(text) > MAX_URI_BYTES)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS,
                            "the %s has %zu bytes, the limit is %d", name, strlen(text),
                            MAX_URI_BYTES);
    if (!g_utf8_validate(text, -1, NULL))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS, "the %s is not UTF-8", name);
    for (const char *p = text; *p; p++) {
        if (g_ascii_iscntrl(*p))
            return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS,
                                "the %s has a control character at byte %zu", name,
                                (size_t)(p - text) + 1);
    }
    return 0;
}

static int
check_uri(const char *name, const char *text, vmmiError **err)
{
    g_autofree char *scheme = NULL;

    if (check_text(name, text, err) < 0)
        return -1;
    scheme = g_uri_parse_scheme(text);
    if (!scheme)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS,
                            "the %s '%s' is not a URI: it has no scheme", name, text);
    return 0;
}

static bool
is_given(const char *text)
{
    return *text && !g_str_equal(text, "-");
}

static int
parse_positions(char **argv, vmmiArguments *arguments, vmmiError **err)
{
    if (check_text("guest UUID", argv[1], err) < 0)
        return -1;
    if (!g_uuid_string_is_valid(argv[1]))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS, "the guest UUID '%s' is not a UUID",
                            argv[1]);
    for (size_t i = 0; i < VMMI_UUID_STRING_SIZE; i++)
        arguments->uuid[i] = g_ascii_tolower(argv[1][i]);
    if (!*argv[2])
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS, "the destination URI is empty");
    if (is_given(argv[2])) {
        if (check_uri("destination URI", argv[2], err) < 0)
            return -1;
        arguments->destination_uri = argv[2];
    }
    if (is_given(argv[3])) {
        if (check_uri("migration URI", argv[3], err) < 0)
            return -1;
        arguments->migrate_uri = argv[3];
    }
    return 0;
}

int
vmmiArgumentsParse(int argc, char **argv, vmmiArguments *arguments, vmmiError **err)
{
    vmmiArguments parsed = { 0 };

    if (argc == 2 && (parsed.mode = vmmiKitModeFind(argv[1]))) {
        *arguments = parsed;
        return 0;
    }
    if (argc < 4)
        return vmmiErrorSet(err, VMMI_ERR_MISSING_PARAMETERS,
                            "the %s is missing: expected UUID DESTURI MIGRATEURI [CONFIG|-]",
                            argument_names[argc < 1 ? 0 : argc - 1]);
    if (argc > 5)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS,
                            "%d arguments were given, the limit is 4", argc - 1);
    if (parse_positions(argv, &parsed, err) < 0)
        return -1;
    if (argc == 5) {
        if (!*argv[4])
            return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS,
                                "the path of the configuration is empty");
        parsed.configuration = argv[4];
    }
    *arguments = parsed;
    return 0;
}

const char *
vmmiArgumentsPluginName(int argc, char **argv, const char *otherwise)
{
    const char *slash;

    if (argc < 1 || !argv[0])
        return otherwise;
    slash = strrchr(argv[0], '/');
    slash = slash ? slash + 1 : argv[0];
    return *slash ? slash : otherwise;
}
