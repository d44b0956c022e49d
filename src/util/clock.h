/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clock.h: the two clocks: boot time for every deadline, the wall clock for what people and other machines read.
 */
#ifndef VMMI_UTIL_CLOCK_H
#define VMMI_UTIL_CLOCK_H

#include <stdint.h>

/* CLOCK_BOOTTIME in milliseconds: never stepped, counts while suspended. */
uint64_t vmmiClockBoottimeMs(void);
/* The wall clock in milliseconds since the epoch. */
uint64_t vmmiClockWallMs(void);

#endif
