/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * builtin.h: what the library is composed of. The driver room reads these tables; builtin.c, above all rooms, fills
 * them. So no lower room includes an upper one.
 */
#ifndef VMMI_BUILTIN_H
#define VMMI_BUILTIN_H

#include <libvmmi/vmmi-driver.h>

/* Drivers in the order in which they are asked; ends with NULL. */
extern const vmmiDriver *const vmmiBuiltinDrivers[];
/* Layers that the core puts under those of every driver; ends with a layer without a name. Their priv is the connection. */
extern const vmmiDriverLayer vmmiBuiltinLayers[];

#endif
