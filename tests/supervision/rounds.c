/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rounds.c: counts and chance: see rounds.h.
 */
#include "rounds.h"

#include <glib.h>

bool
is_soak(void)
{
    const char *text = g_getenv("VMMI_SOAK");

    return text && *text && !g_str_equal(text, "0");
}

unsigned int
rounds(unsigned int usual, unsigned int soak)
{
    if (is_soak())
        return soak;
    return UNDER_SANITIZERS ? MAX(usual / 4, 1) : usual;
}

unsigned int
early_us(unsigned int max_us)
{
    double part = g_test_rand_double_range(0, 1);

    return (unsigned int)(part * part * max_us);
}
