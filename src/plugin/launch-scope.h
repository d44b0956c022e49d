/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-scope.h: starting plugins in systemd scopes of their own, so that stopping the manager's
 * service leaves them alone.
 */
#ifndef VMMI_PLUGIN_LAUNCH_SCOPE_H
#define VMMI_PLUGIN_LAUNCH_SCOPE_H

#include <libvmmi/vmmi-driver.h>

#include "plugin/launch-unit.h"

/* A scope is named after the migration: vmmi-ID.scope. */
#define VMMI_SCOPE_PREFIX "vmmi-"

/* The layer above "local": plugin_launch alone. */
extern const vmmiDriverOps vmmiPluginScopeOps;
/* Whether this process could be killed together with its children, and somebody makes scopes. */
bool vmmiPluginScopeApplies(void *priv, vmmiLocality locality);

/*
 * Like vmmiLaunchLocal(), in a scope where that is wanted and possible. Where none can be had after
 * all the plugin is started without. @shown, to be freed, is set to NULL when no scope was wanted,
 * to "" when there is one, else to why there is none. With request->must_survive it is not started where that would let it be killed.
 */
int vmmiLaunchScope(const vmmiUnitHost *host, const vmmiLaunchRequest *request, char **shown,
                    vmmiError **err);

#endif
