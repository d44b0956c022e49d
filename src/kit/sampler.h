/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sampler.h: the thread that looks at the figures: at each new pass and at least once a second, at
 * most five times a second.
 */
#ifndef VMMI_KIT_SAMPLER_H
#define VMMI_KIT_SAMPLER_H

#include "kit/feed.h"

/* Starts it. It holds references to both and ends by itself after vmmiFeedStopSamples(); nobody
 * joins it. */
void vmmiSamplerStart(vmmiFeed *feed, vmmiConnect *connect, const char *uuid,
                      unsigned int min_gap_ms, unsigned int max_gap_ms);

#endif
