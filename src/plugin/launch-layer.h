/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-layer.h: the plugins group of the driver table for a source on this machine.
 */
#ifndef VMMI_PLUGIN_LAUNCH_LAYER_H
#define VMMI_PLUGIN_LAUNCH_LAYER_H

#include <libvmmi/vmmi-driver.h>

/* plugin_list, plugin_launch, plugin_signal; the others are left to the driver. */
extern const vmmiDriverOps vmmiPluginLocalOps;
bool vmmiPluginLocalApplies(void *priv, vmmiLocality locality);

#endif
