/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-name.c: which file names may be a plugin's (D2).
 *
 * Names go to terminals, logs, configuration paths and JSON, so what cannot be shown there is
 * refused.
 */
#include <string.h>

#include "plugin/plugin.h"

#define RESERVED "migrate"

bool
vmmiPluginIsPrintable(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return false;
    for (; *text; text = g_utf8_next_char(text)) {
        if (g_unichar_iscntrl(g_utf8_get_char(text)))
            return false;
    }
    return true;
}

char *
vmmiPluginEscape(const char *text)
{
    return vmmiPluginIsPrintable(text) ? g_strdup(text) : g_strescape(text, NULL);
}

static int
refuse(vmmiError **err, const char *name, const char *why)
{
    g_autofree char *shown = vmmiPluginEscape(name);

    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_REFUSED, "plugin name '%s' %s", shown, why);
}

int
vmmiPluginCheckName(const char *name, vmmiError **err)
{
    if (!*name)
        return refuse(err, name, "is empty");
    if (!g_utf8_validate(name, -1, NULL))
        return refuse(err, name, "is not valid UTF-8");
    if (!vmmiPluginIsPrintable(name))
        return refuse(err, name, "contains a control character");
    if (strchr(name, '/'))
        return refuse(err, name, "contains '/': a plugin is chosen by name, and its directory goes "
                                 "into VMMI_PLUGIN_PATH");
    if (strlen(name) > VMMI_PLUGIN_NAME_MAX)
        return refuse(err, name, "is longer than 255 bytes");
    if (*name == '.')
        return refuse(err, name, "begins with '.'");
    if (*name == '-')
        return refuse(err, name, "begins with '-'");
    if (g_str_equal(name, RESERVED))
        return refuse(err, name, "is reserved by the protocol (D2)");
    return 0;
}
