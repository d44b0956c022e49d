/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * window.c: the smallest figure that is older than a window, and the smaller ones within it.
 *
 * Only a figure below all earlier ones can ever become the smallest older one, so nothing else is
 * kept, and what is kept falls from entry to entry.
 */
#include "policies/window.h"

#include <string.h>

static void
age(vmmiWindow *window, uint64_t now_ms)
{
    size_t n_old = 0;

    while (n_old < window->n_kept && now_ms - window->kept[n_old].at_ms >= window->length_ms) {
        uint64_t figure = window->kept[n_old++].figure;

        if (!window->has_older || figure < window->older)
            window->older = figure;
        window->has_older = true;
    }
    window->n_kept -= n_old;
    memmove(window->kept, window->kept + n_old, window->n_kept * sizeof(window->kept[0]));
}

void
vmmiWindowAdd(vmmiWindow *window, uint64_t at_ms, uint64_t figure)
{
    age(window, at_ms);
    if (window->has_older && figure > window->older)
        return;
    if (window->n_kept && figure >= window->kept[window->n_kept - 1].figure)
        return;
    if (window->n_kept == VMMI_WINDOW_MAX)
        window->n_kept--; /* the latest makes way: it would leave the window a little later */
    window->kept[window->n_kept++] = (vmmiWindowEntry){ at_ms, figure };
}

uint64_t
vmmiWindowSmallest(const vmmiWindow *window)
{
    uint64_t smallest = window->has_older ? window->older : UINT64_MAX;

    if (window->n_kept && window->kept[window->n_kept - 1].figure < smallest)
        smallest = window->kept[window->n_kept - 1].figure;
    return smallest == UINT64_MAX ? 0 : smallest;
}
