/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lowest.h: the lowest figures seen, to be taken one after the other.
 */
#ifndef VMMI_POLICIES_LOWEST_H
#define VMMI_POLICIES_LOWEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of more, the highest are forgotten: they would be the last to be taken. */
#define VMMI_LOWEST_MAX 1024

typedef struct {
    uint64_t figures[VMMI_LOWEST_MAX]; /* falling: the lowest is the last */
    size_t n_figures;
} vmmiLowest;

void vmmiLowestAdd(vmmiLowest *lowest, uint64_t figure);
/* Takes the lowest away. Returns: whether there was one. */
bool vmmiLowestTake(vmmiLowest *lowest, uint64_t *figure);

#endif
