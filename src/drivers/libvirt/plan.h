/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.h: a request for a migration, checked, and in libvirt's own terms.
 */
#ifndef VMMI_DRIVERS_LIBVIRT_PLAN_H
#define VMMI_DRIVERS_LIBVIRT_PLAN_H

#include "host.h"

typedef struct {
    char *uuid;
    char *destination_uri;
    vmmiMode mode;
    vmmiVirtFlagSet flags;
    vmmiVirtParams params;
    bool keep_source;
    vmmiVirtTarget *destination;   /* managed mode: where this process connects itself */
} vmmiVirtPlan;

/* Checks names and values and copies all. Calls nobody. Returns the plan, or NULL. */
vmmiVirtPlan *vmmiVirtPlanNew(const vmmiVirtHost *host, const vmmiMigrateRequest *request,
                              vmmiError **err);
void vmmiVirtPlanFree(vmmiVirtPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiVirtPlan, vmmiVirtPlanFree)
/* On a worker: refuses what the host is known to lose guests with. Returns 0 or -1. */
int vmmiVirtPlanCheckHost(const vmmiVirtPlan *plan, virConnectPtr conn, vmmiError **err);
/* libvirt's flags for a guest: what was named, and the defaults that were not forbidden. */
unsigned int vmmiVirtPlanFlags(const vmmiVirtPlan *plan, bool persistent);

#endif
