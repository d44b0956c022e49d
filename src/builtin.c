/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * builtin.c: what the library is composed of: its drivers, and the core's own layers.
 */
#include "builtin.h"

const vmmiDriver *const vmmiBuiltinDrivers[] = {
    NULL,
};

const vmmiDriverLayer vmmiBuiltinLayers[] = {
    { .name = NULL },
};
