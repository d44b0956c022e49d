/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-scenario.h: what a simulated world is made from: a JSON object that a person writes (vmmi-sim(7)).
 */
#ifndef VMMI_SIM_SCENARIO_H
#define VMMI_SIM_SCENARIO_H

#include "drivers/sim/sim-world.h"

/* The default world as a scenario, a new reference. */
json_t *vmmiSimScenarioDefault(void);
/*
 * Makes a world. @scenario is checked strictly; errors name place and limit, VMMI_ERR_CONFIGURATION_FAILED. The world keeps a
 * reference. NULL on failure.
 */
vmmiSimWorld *vmmiSimScenarioBuild(const char *name, json_t *scenario, vmmiError **err);

#endif
