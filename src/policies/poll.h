/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * poll.h: a regular look at the latest sample, for policies whose origin polls.
 */
#ifndef VMMI_POLICIES_POLL_H
#define VMMI_POLICIES_POLL_H

#include <libvmmi/vmmi-policy.h>

typedef struct {
    uint64_t period_ms; /* set by the policy */
    uint64_t next_ms;
} vmmiPoll;

/* Whether it is time for a look; if so the next one is a period later. The first is due at once. */
bool vmmiPollIsDue(vmmiPoll *poll, uint64_t now_ms);

#endif
