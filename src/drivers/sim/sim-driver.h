/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-driver.h: the simulator as a driver.
 */
#ifndef VMMI_SIM_DRIVER_H
#define VMMI_SIM_DRIVER_H

#include <libvmmi/vmmi-driver.h>

extern const vmmiDriver vmmiSimDriver;

#endif
