/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-main.h: a plugin's main with time limits of one's own, for tests.
 */
#ifndef VMMI_KIT_PLUGIN_MAIN_H
#define VMMI_KIT_PLUGIN_MAIN_H

#include "kit/run.h"

/* vmmiPolicyMain() with @limits. */
int vmmiKitMain(int argc, char **argv, const vmmiPolicy *policy, const vmmiKitLimits *limits);

#endif
