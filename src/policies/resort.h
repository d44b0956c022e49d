/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resort.h: the strong means of a policy, one at a time: post-copy, suspending the guest, giving
 * up.
 */
#ifndef VMMI_POLICIES_RESORT_H
#define VMMI_POLICIES_RESORT_H

#include <libvmmi/vmmi-policy.h>

/* After giving up was asked for, it is not asked for again before this. */
#define VMMI_RESORT_AGAIN_MS 5000

typedef enum {
    VMMI_RESORT_NONE = 0,
    VMMI_RESORT_POSTCOPY,
    VMMI_RESORT_SUSPEND,
    VMMI_RESORT_ABORT
} vmmiResortKind;

typedef struct {
    unsigned int action_id; /* under way; 0: none */
    vmmiResortKind kind;    /* the last that was asked for */
    bool postcopy_refused;
    bool postcopy_started; /* nothing else is asked for any more */
    bool suspended;        /* the guest, by this policy */
    uint64_t again_ms;     /* nothing before this */
} vmmiResort;

/* To be told of every event. Returns: whether it was the result of one of these means. A failed
 * post-copy is remembered as refused. */
bool vmmiResortNote(vmmiResort *resort, const vmmiPolicyEvent *event);
/* Whether something can be asked for now. */
bool vmmiResortIsFree(const vmmiResort *resort, uint64_t now_ms);

/* Asks for one. A guest that was suspended need not be resumed before giving up: libvirt does that
 * when the migration has ended here, and makes whoever asks for it before wait until then. */
void vmmiResortAsk(vmmiResort *resort, vmmiPolicyActions *actions, vmmiResortKind kind,
                   const char *reason, ...) VMMI_PRINTF(4, 5);

#endif
