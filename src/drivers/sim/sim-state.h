/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-state.h: a simulated world as JSON, in full, and back: what a world's file holds.
 */
#ifndef VMMI_SIM_STATE_H
#define VMMI_SIM_STATE_H

#include "drivers/sim/sim-world.h"

/* The format of the file; another one is refused by name. */
#define VMMI_SIM_STATE_VERSION 1
/* A world's file is never larger. */
#define VMMI_SIM_STATE_MAX_BYTES (1024 * 1024)

/* A new reference. */
json_t *vmmiSimStateSave(const vmmiSimWorld *world);
/* Checks everything that the model relies on. NULL with VMMI_ERR_BAD_PATH; the message names the place. */
vmmiSimWorld *vmmiSimStateLoad(const json_t *state, vmmiError **err);

#endif
