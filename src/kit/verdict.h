/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * verdict.h: how a migration ended, and where the guest is, from all that is known (B14, B15, B16).
 * Pure.
 *
 * No witness is trusted alone: the return of the call, the job's own event, and the state of the
 * domain on the source are put side by side. What contradicts itself is "unknown", never a guess.
 */
#ifndef VMMI_KIT_VERDICT_H
#define VMMI_KIT_VERDICT_H

#include <glib.h>

#include <libvmmi/vmmi-driver.h>

typedef struct {
    bool attached; /* somebody else started it; there is no call of ours */
    bool returned; /* our call is back */
    const vmmiError *returned_error;
    bool ran;                 /* the guest was active on the source at the start */
    bool offline;             /* the guest does not run and is not meant to */
    bool abort_done;          /* an abort of ours was accepted */
    const char *abort_reason; /* of a policy's abort; NULL: the manager asked */
    bool job_completed;       /* the event came */
    bool switched;            /* post-copy was reached */
    /* The last that events said of the guest on the source. */
    vmmiGuestState heard;
    vmmiGuestReason heard_reason;
    /* A look at the source afterwards. */
    bool looked;
    vmmiGuestState guest;
    vmmiGuestReason reason;
    vmmiJobKind job;
    const vmmiError *look_error; /* why there was no look */
    bool final;                  /* there is no more time: judge by what is there */
} vmmiKitEvidence;

typedef struct {
    bool settled; /* false: look again; the rest is empty then */
    bool goes_on; /* not settled, because the job still runs */
    vmmiOutcomeKind outcome;
    vmmiWhere where;
    char *evidence;
    vmmiError *error; /* NULL exactly when the outcome is "completed" */
} vmmiKitVerdict;

/* Fills @verdict, to be cleared. */
void vmmiKitJudge(const vmmiKitEvidence *evidence, vmmiKitVerdict *verdict);
void vmmiKitVerdictClear(vmmiKitVerdict *verdict);
/* "source domain is shut off: migrated"; to be freed. */
char *vmmiKitDescribeGuest(vmmiGuestState guest, vmmiGuestReason reason);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiKitVerdict, vmmiKitVerdictClear)

#endif
