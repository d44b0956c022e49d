/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peer.h: checks that every policy of a peer has: options it refuses, flags it starts with.
 */
#ifndef PEER_H
#define PEER_H

#include "policy-fixture.h"

#define GIB (1024 * MIB)

/* Options that are refused with a message; @message NULL: they are not. */
void peerCheckOptions(const vmmiPolicy *policy, const char *options, const char *message);
/* The object `migration` that a policy makes of the user's @migration, ' for "; "!..." when it
 * gives up. @refusal: why the first start was refused; NULL: it was not. */
void peerCheckStart(const vmmiPolicy *policy, const char *options, const char *migration,
                    const char *refusal, const char *result);
/* A job in pre-copy that has just begun, to which samples are added. */
PolicyTrace *peerTraceNew(void);
/* One more sample, of a guest of this size. Borrowed. */
vmmiSample *peerTraceAdd(PolicyTrace *trace, uint64_t at_ms, uint64_t iteration,
                         uint64_t total_bytes, uint64_t remaining_bytes, uint64_t bytes_per_second);
/* What a policy says it waits for at a time. */
void peerCheckReason(const PolicyCase *one, const PolicyTrace *trace, uint64_t at_ms,
                     const char *reason);

#endif
