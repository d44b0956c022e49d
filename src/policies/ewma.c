/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ewma.c: a mean that forgets: each new figure counts for a fixed share.
 */
#include "policies/ewma.h"

void
vmmiEwmaAdd(vmmiEwma *ewma, double figure)
{
    if (ewma->value > 0)
        ewma->value = ewma->share * figure + (1 - ewma->share) * ewma->value;
    else
        ewma->value = figure;
}
