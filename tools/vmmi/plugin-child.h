/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-child.h: a plugin run for something else than a migration: an order on its standard input,
 * an answer on its standard output.
 */
#ifndef VMMI_TOOL_PLUGIN_CHILD_H
#define VMMI_TOOL_PLUGIN_CHILD_H

#include "cmd.h"

/*
 * Finds a plugin that has a feature; its file is checked as for a launch, and it is asked what it
 * is. NULL: VMMI_ERR_PLUGIN_UNKNOWN, _REFUSED, or VMMI_ERR_NOT_SUPPORTED: it lacks the feature.
 */
vmmiPlugin *plugin_child_find(const char *name, const char *feature, vmmiError **err);
/* What a plugin gets: nothing of the caller's own. To be freed with g_strfreev(). */
char **plugin_child_environment(void);
/* The order as a file that has no name, to be read from its beginning; -1 with VMMI_ERR_SYSTEM. */
int plugin_child_order(const json_t *order, vmmiError **err);
/*
 * Runs it to its end: @option is its only argument. Returns: the answer, to be freed, or NULL:
 * VMMI_ERR_PLUGIN_LAUNCH, _CRASHED, _PROTOCOL (longer than @limit), or with the plugin's own words.
 */
char *plugin_child_run(const vmmiPlugin *plugin, const char *option, const json_t *order,
                       size_t limit, size_t *length, vmmiError **err);

#endif
