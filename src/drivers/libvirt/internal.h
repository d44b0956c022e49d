/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * internal.h: what the files of the libvirt driver share. The only room that includes libvirt's
 * headers.
 *
 * Every call to libvirt runs on a worker (util/worker.h), for libvirt has no time-outs of its
 * own.
 */
#ifndef VMMI_DRIVERS_LIBVIRT_INTERNAL_H
#define VMMI_DRIVERS_LIBVIRT_INTERNAL_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <libvmmi/vmmi-driver.h>

#include "util/cleanup.h"
#include "util/worker.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)

/* A list of libvirt's typed parameters. */
typedef struct {
    virTypedParameterPtr items;
    int n_items;
    int n_room;
} vmmiVirtParams;

static inline void
vmmiVirtParamsClear(vmmiVirtParams *params)
{
    virTypedParamsFree(params->items, params->n_items);
    params->items = NULL;
    params->n_items = params->n_room = 0;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiVirtParams, vmmiVirtParamsClear)

/* --- errors.c --- */

/*
 * libvirt's last error on this thread, as ours; @fallback is the code of those that say little.
 * Returns -1.
 */
int vmmiVirtErrorTake(vmmiError **err, int fallback);
/* Keeps libvirt from printing: for a whole program, or for one connection. */
void vmmiVirtErrorSilenceProgram(void);
void vmmiVirtErrorSilence(virConnectPtr conn);

/* --- uri.c --- */

/* What a URI says about its host. */
typedef struct {
    vmmiLocality locality;
    bool qemu;
    bool in_process;   /* its state lives in the connection's process: one connection serves all */
} vmmiVirtUri;

/*
 * Returns 0, or -1: VMMI_ERR_DECLINED for what is not libvirt's, VMMI_ERR_URI for what is broken.
 */
int vmmiVirtUriParse(const char *uri, vmmiVirtUri *parsed, vmmiError **err);
/* Refuses control characters and passwords; @what names the URI in messages. Returns 0 or -1. */
int vmmiVirtUriCheck(const char *what, const char *uri, vmmiError **err);

/* --- auth.c --- */

/* Where and as whom to open a connection; copies, so that a late open can outlive its caller. */
typedef struct {
    char *uri;
    char *username;
    char *password_file;
    vmmiConnectOptions options;
} vmmiVirtTarget;

vmmiVirtTarget *vmmiVirtTargetNew(const char *uri, const vmmiConnectOptions *options);
void vmmiVirtTargetFree(vmmiVirtTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiVirtTarget, vmmiVirtTargetFree)
/* Opens a connection; on a worker only. Returns it, or NULL. */
virConnectPtr vmmiVirtTargetOpen(const vmmiVirtTarget *target, vmmiError **err);
/*
 * Reads a password with its checks; to be given to vmmiVirtPasswordFree(). Returns 0 or -1 with
 * VMMI_ERR_AUTH.
 */
int vmmiVirtPasswordRead(const char *path, char **password, vmmiError **err);
void vmmiVirtPasswordFree(char *password);

/* --- flags.c, params.c --- */

typedef struct {
    const char *name;   /* libvirt's, in lower case, without the prefix */
    unsigned int bit;
} vmmiVirtFlag;
extern const vmmiVirtFlag vmmiVirtFlags[];
extern const size_t vmmiVirtFlagCount;

/* What was named and what was forbidden. */
typedef struct {
    unsigned int named;
    unsigned int forbidden;
} vmmiVirtFlagSet;

/* Reads names; "no-x" forbids x. Returns 0, or -1 naming the flag and the nearest known one. */
int vmmiVirtFlagsRead(const char *const *names, vmmiVirtFlagSet *set, vmmiError **err);
/* The name of a single bit; NULL if unknown. */
const char *vmmiVirtFlagName(unsigned int bit);

typedef struct {
    const char *name;       /* libvirt's */
    int type;               /* virTypedParameterType */
    bool multiple;          /* a list of strings */
    uint64_t minimum, maximum;   /* of numbers */
} vmmiVirtParam;
extern const vmmiVirtParam vmmiVirtParamTable[];
extern const size_t vmmiVirtParamCount;

/* Adds a parameter with its checks. Returns 0, or -1 naming it and what is wrong. */
int vmmiVirtParamsAdd(vmmiVirtParams *params, const vmmiParam *param, vmmiError **err);
bool vmmiVirtParamsHave(const vmmiVirtParams *params, const char *name);

/* --- stats.c, state.c --- */

/*
 * Fills a sample from libvirt's job statistics. @completed: they are of a job that ended. Returns
 * the job's kind.
 */
vmmiJobKind vmmiVirtStatsRead(int type, virTypedParameterPtr params, int n_params, bool completed,
                              vmmiSample *sample);
/* What libvirt's state and reason mean. */
void vmmiVirtStateRead(int state, int reason, vmmiGuestState *guest_state,
                       vmmiGuestReason *guest_reason);
/*
 * What a lifecycle event means. @incoming: the guest comes to this host. Returns false when
 * nothing.
 */
bool vmmiVirtLifecycleRead(int event, int detail, bool incoming, vmmiGuestState *guest_state,
                           vmmiGuestReason *guest_reason);

/* --- loop.c --- */

/* Registers libvirt's own event loop and runs it, once a process. Returns 0 or -1. */
int vmmiVirtLoopStart(vmmiError **err);
bool vmmiVirtLoopIsRunning(void);

extern const vmmiDriver vmmiVirtDriver;

#endif
