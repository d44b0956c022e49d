/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clock.c: the two clocks.
 */
#include "util/clock.h"

#include <time.h>

static uint64_t
read_ms(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t
vmmiClockBoottimeMs(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

uint64_t
vmmiClockWallMs(void)
{
    return read_ms(CLOCK_REALTIME);
}
