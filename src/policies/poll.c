/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * poll.c: a regular look at the latest sample, for policies whose origin polls.
 */
#include "policies/poll.h"

bool
vmmiPollIsDue(vmmiPoll *poll, uint64_t now_ms)
{
    if (now_ms < poll->next_ms)
        return false;
    poll->next_ms = now_ms + poll->period_ms;
    return true;
}
