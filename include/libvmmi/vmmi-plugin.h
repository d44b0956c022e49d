/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-plugin.h: finding policy executables on this machine and asking them what they are (D1, D2,
 * B17, B18).
 *
 * The search path is VMMI_PLUGIN_PATH (ignored when the process gained privileges), then
 * /usr/libexec/vmmi, then the build's own libexecdir. The first file of a name holds the name, also
 * when it is refused: what somebody put in front is never passed over in silence. Starting a plugin
 * is vmmi-migration.h.
 *
 * A name is 1 to 255 bytes of valid UTF-8 without '/' and control characters, begins with neither
 * '.' nor '-', and is not "migrate". A file is refused unless it is an executable regular file,
 * without set-user-id and set-group-id, and nobody but root and the caller can change it, a
 * directory above it or a link that leads to it. Any thread; one plugin object may be shared.
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

/**
 * The directories that are searched, in order, absolute, each once, ending with NULL; some may not
 * exist. Free each with vmmiFree(), then the array. Since: 0.1
 */
VMMI_PUBLIC char **vmmiPluginGetPath(void);

/**
 * All candidates of the search path, by directory and then by name, also those that are shadowed or
 * refused. A directory that cannot be listed is a refused candidate with its path as name; a
 * missing one is fine. Blocks on the file system.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiPluginList *vmmiPluginSearch(vmmiError **err);
VMMI_PUBLIC size_t vmmiPluginListGetCount(const vmmiPluginList *list);
/** Borrowed from the list. Since: 0.1 */
VMMI_PUBLIC vmmiPlugin *vmmiPluginListGet(const vmmiPluginList *list, size_t index);
VMMI_PUBLIC void vmmiPluginListFree(vmmiPluginList *list);

/**
 * vmmiPluginFind:
 * @name: a plugin's name
 * @err: (out) (optional): VMMI_ERR_PLUGIN_UNKNOWN when there is none, VMMI_ERR_PLUGIN_REFUSED with
 *   the reason
 *
 * Returns: (transfer full): the plugin, or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiPlugin *vmmiPluginFind(const char *name, vmmiError **err);
VMMI_PUBLIC vmmiPlugin *vmmiPluginRef(vmmiPlugin *plugin);
VMMI_PUBLIC void vmmiPluginUnref(vmmiPlugin *plugin);

/** Borrowed. What cannot be shown in the name of a refused file is escaped as in C. Since: 0.1 */
VMMI_PUBLIC const char *vmmiPluginGetName(const vmmiPlugin *plugin);
/** The path as found, absolute, borrowed; escaped likewise. Since: 0.1 */
VMMI_PUBLIC const char *vmmiPluginGetFile(const vmmiPlugin *plugin);
VMMI_PUBLIC vmmiPluginVerdict vmmiPluginGetVerdict(const vmmiPlugin *plugin);
/** Why it is refused, borrowed; NULL when it is not. Since: 0.1 */
VMMI_PUBLIC const vmmiError *vmmiPluginGetRefusal(const vmmiPlugin *plugin);

/**
 * vmmiPluginDescribe:
 * @timeout_ms: how long the plugin may take; 0: 5,000
 * @err: (out) (optional): VMMI_ERR_PLUGIN_REFUSED, _LAUNCH (it cannot be executed), _CRASHED,
 *   _PROTOCOL (its answer is no description, or longer than 64 KiB), VMMI_ERR_PROTOCOL_VERSION,
 *   VMMI_ERR_TIMEOUT
 *
 * Runs `PLUGIN --vmmi-describe` once and keeps the answer (B17). A plugin that does not know the
 * option is no error: it ends with a status other than 0, or prints nothing, and has no
 * description. Only a plugin that is not refused is run, with standard input empty, the environment
 * of a plugin, and a session of its own that is killed at the end. Waits for its own child only.
 *
 * The description is one JSON object. `name`, `version`, `summary` (strings of one line) and
 * `protocolVersions` (an array of strings such as "0.4.1") are mandatory; `needs` and `features` are
 * arrays of strings ("postcopy"; see vmmiPluginHasFeature()). `options` is an array of objects with
 * `name`, `type` ("bool", "uint", "string", "strings", "json") and `meaning`, and if they apply
 * `default` (any value), `minimum` and `maximum` (of "uint"), `choices` (strings, of "string" and
 * the items of "strings"), `topLevel` (true: it may stand beside `policy`, too) and `unit`. Where
 * `options` is given, it is
 * complete: another option in the configuration is refused (B1). Other keys are kept.
 *
 * Returns: 1 with a description, 0 without, -1 on failure; then the next call asks again.
 * Since: 0.1
 */
VMMI_PUBLIC int vmmiPluginDescribe(vmmiPlugin *plugin, unsigned int timeout_ms, vmmiError **err);
/** The description as JSON text, borrowed; NULL without one or before it is asked. Since: 0.1 */
VMMI_PUBLIC const char *vmmiPluginGetDescription(const vmmiPlugin *plugin);
/** Version and one line of text, borrowed; NULL without a description. Since: 0.1 */
VMMI_PUBLIC const char *vmmiPluginGetVersion(const vmmiPlugin *plugin);
VMMI_PUBLIC const char *vmmiPluginGetSummary(const vmmiPlugin *plugin);
/**
 * Whether the description names a feature: something that a plugin can do besides what every
 * plugin does, such as "trace", "shadow", "simulate" or "replay". False without a description.
 * Since: 0.1
 */
VMMI_PUBLIC bool vmmiPluginHasFeature(const vmmiPlugin *plugin, const char *feature);

VMMI_END_DECLS

#endif
