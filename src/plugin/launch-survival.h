/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-survival.h: whether plugins that this process starts outlive the stop of its service.
 */
#ifndef VMMI_PLUGIN_LAUNCH_SURVIVAL_H
#define VMMI_PLUGIN_LAUNCH_SURVIVAL_H

#include <libvmmi/vmmi-migration.h>

#include "plugin/launch-unit.h"

/*
 * What happens to a plugin that is started now. @last is what the last launch had shown: NULL: it
 * needed no scope, or there was none; "": it got one; else why it got none. @reason, to be freed, is one sentence; where they
 * would be killed it says what mends that. Asks systemd, logind or polkit only where the files do
 * not tell, each for two seconds at most; changes nothing.
 */
vmmiSurvival vmmiSurvivalJudge(const vmmiUnitHost *host, const char *last, char **reason);
/*
 * Whether a scope of the user's own manager is better than none in a session: where logind kills
 * what a session leaves behind, or the manager stays anyway.
 */
bool vmmiSurvivalWantsScope(const vmmiUnitHost *host, const vmmiUnit *unit);

#endif
