/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin.h: the inside of a plugin object, and the checks that a file passes before it is one.
 *
 * Finding is plugin-search.c, asking what it is plugin-describe.c, starting it job-*.c and
 * launch-*.c.
 */
#ifndef VMMI_PLUGIN_PLUGIN_H
#define VMMI_PLUGIN_PLUGIN_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-plugin.h>

#define VMMI_PLUGIN_NAME_MAX 255

struct vmmiPlugin {
    int refs;                /* atomic */
    char *name;              /* escaped as in C when it is no valid name */
    char *file;              /* escaped likewise */
    vmmiPluginVerdict verdict;
    vmmiError *refusal;
    GMutex lock;             /* of what follows, until it is described */
    bool described;          /* the plugin was asked and has answered, perhaps with nothing */
    json_t *description;     /* NULL: it has none */
    char *description_text;
};

/* @refusal (owned) makes it a refused one. */
vmmiPlugin *vmmiPluginNew(const char *name, const char *file, vmmiError *refusal);
/* The description as an object, borrowed; NULL without one. */
json_t *vmmiPluginGetDescriptionObject(const vmmiPlugin *plugin);

/* Whether a name may be a plugin's (D2, B18): bytes, perhaps not UTF-8. Returns 0, or -1 with
 * VMMI_ERR_PLUGIN_REFUSED. */
int vmmiPluginCheckName(const char *name, vmmiError **err);
/* Whether bytes can be shown: valid UTF-8 without control characters. */
bool vmmiPluginIsPrintable(const char *text);
/* The bytes themselves when they can be shown, else escaped as in C. Free with g_free(). */
char *vmmiPluginEscape(const char *text);

/*
 * Whether a file may be run (B18): it and everything above it, every link on the way included, can
 * be changed by nobody but root and the caller, and it is an executable regular file. Follows links
 * by itself, directory by directory.
 * Returns 0, or -1 with VMMI_ERR_PLUGIN_REFUSED naming the part of the path that is at fault.
 */
int vmmiPluginCheckFile(const char *path, vmmiError **err);

/* Checks that a text is a description (B17). Returns: the object, or NULL with
 * VMMI_ERR_PLUGIN_PROTOCOL or VMMI_ERR_PROTOCOL_VERSION. */
json_t *vmmiPluginParseDescription(const char *text, size_t length, vmmiError **err);

#endif
