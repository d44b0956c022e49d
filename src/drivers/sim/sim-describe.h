/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-describe.h: a simulated world as a person wants to see it. Pure.
 */
#ifndef VMMI_SIM_DESCRIBE_H
#define VMMI_SIM_DESCRIBE_H

#include "drivers/sim/sim-world.h"

/* One object; the world must be settled. A new reference. */
json_t *vmmiSimDescription(const vmmiSimWorld *world);

#endif
