/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * builtin.c: what the library is composed of: its drivers, and the core's own layers.
 */
#include "builtin.h"

#include "drivers/sim/sim-driver.h"
#include "plugin/launch-layer.h"
#include "plugin/launch-scope.h"

/* Each is defined in its own room. */
extern const vmmiDriver vmmiVirtDriver;

const vmmiDriver *const vmmiBuiltinDrivers[] = {
    &vmmiVirtDriver,
    &vmmiSimDriver,
    NULL,
};

const vmmiDriverLayer vmmiBuiltinLayers[] = {
    { .name = "local", .applies = vmmiPluginLocalApplies, .ops = &vmmiPluginLocalOps,
      .ops_size = sizeof(vmmiPluginLocalOps) },
    { .name = "systemd scope", .applies = vmmiPluginScopeApplies, .ops = &vmmiPluginScopeOps,
      .ops_size = sizeof(vmmiPluginScopeOps) },
    { .name = NULL },
};
