/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-plugin.h: finding policy executables on this machine and asking them what they are (D1, D2, B17, B18).
 *
 * The search path is VMMI_PLUGIN_PATH (ignored when the process gained privileges), then /usr/libexec/vmmi, then the
 * build's own libexecdir. The first match wins. Starting one is vmmi-migration.h.
 */
#ifndef VMMI_PLUGIN_H
#define VMMI_PLUGIN_H

#include <libvmmi/vmmi-error.h>

VMMI_BEGIN_DECLS

typedef struct vmmiPlugin vmmiPlugin;
typedef struct vmmiPluginList vmmiPluginList;

typedef enum {
    VMMI_PLUGIN_USABLE = 0,
    VMMI_PLUGIN_SHADOWED,   /* another of the same name comes first */
    VMMI_PLUGIN_REFUSED     /* see vmmiPluginGetRefusal() */
} vmmiPluginVerdict;

/** The directories that are searched, in order, ending with NULL; free each with vmmiFree(), then the array. Since: 0.1 */
VMMI_PUBLIC char **vmmiPluginGetPath(void);

/** All candidates of the search path, also those that are shadowed or refused. Blocks on the file system. Since: 0.1 */
VMMI_PUBLIC vmmiPluginList *vmmiPluginSearch(vmmiError **err);
VMMI_PUBLIC size_t vmmiPluginListGetCount(const vmmiPluginList *list);
/** Borrowed from the list. Since: 0.1 */
VMMI_PUBLIC vmmiPlugin *vmmiPluginListGet(const vmmiPluginList *list, size_t index);
VMMI_PUBLIC void vmmiPluginListFree(vmmiPluginList *list);

/**
 * vmmiPluginFind:
 * @name: a plugin's name
 * @err: (out) (optional): VMMI_ERR_PLUGIN_UNKNOWN when there is none, VMMI_ERR_PLUGIN_REFUSED with the reason
 *
 * Returns: (transfer full): the plugin, or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiPlugin *vmmiPluginFind(const char *name, vmmiError **err);
VMMI_PUBLIC vmmiPlugin *vmmiPluginRef(vmmiPlugin *plugin);
VMMI_PUBLIC void vmmiPluginUnref(vmmiPlugin *plugin);

VMMI_PUBLIC const char *vmmiPluginGetName(const vmmiPlugin *plugin);
/** The path as found, absolute. Since: 0.1 */
VMMI_PUBLIC const char *vmmiPluginGetFile(const vmmiPlugin *plugin);
VMMI_PUBLIC vmmiPluginVerdict vmmiPluginGetVerdict(const vmmiPlugin *plugin);
/** Why it is refused, borrowed; NULL when it is not. Since: 0.1 */
VMMI_PUBLIC const vmmiError *vmmiPluginGetRefusal(const vmmiPlugin *plugin);

/**
 * vmmiPluginDescribe:
 * @timeout_ms: how long the plugin may take; 0: 5,000
 *
 * Runs `PLUGIN --vmmi-describe` once and keeps the answer (B17). A plugin that does not know the option is no error: it has
 * no description. Only a usable plugin is run.
 *
 * Returns: 1 with a description, 0 without, -1 when the answer is not a description, or the plugin is refused.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiPluginDescribe(vmmiPlugin *plugin, unsigned int timeout_ms, vmmiError **err);
/** The description as JSON text, borrowed; NULL without one. Since: 0.1 */
VMMI_PUBLIC const char *vmmiPluginGetDescription(const vmmiPlugin *plugin);
/** Version and one line of text, borrowed; NULL without a description. Since: 0.1 */
VMMI_PUBLIC const char *vmmiPluginGetVersion(const vmmiPlugin *plugin);
VMMI_PUBLIC const char *vmmiPluginGetSummary(const vmmiPlugin *plugin);

VMMI_END_DECLS

#endif
