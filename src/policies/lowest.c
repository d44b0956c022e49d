/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lowest.c: the lowest figures seen, to be taken one after the other.
 */
#include "policies/lowest.h"

#include <string.h>

/* How many figures are above this one. */
static size_t
place_of(const vmmiLowest *lowest, uint64_t figure)
{
    size_t low = 0, high = lowest->n_figures;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (lowest->figures[middle] > figure)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void
vmmiLowestAdd(vmmiLowest *lowest, uint64_t figure)
{
    size_t place = place_of(lowest, figure);

    if (lowest->n_figures == VMMI_LOWEST_MAX) {
        if (place == 0)
            return;
        place--;
        memmove(lowest->figures, lowest->figures + 1, place * sizeof(figure));
    } else {
        memmove(lowest->figures + place + 1, lowest->figures + place,
                (lowest->n_figures - place) * sizeof(figure));
        lowest->n_figures++;
    }
    lowest->figures[place] = figure;
}

bool
vmmiLowestTake(vmmiLowest *lowest, uint64_t *figure)
{
    if (!lowest->n_figures)
        return false;
    *figure = lowest->figures[--lowest->n_figures];
    return true;
}
