/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * charge.h: who is in charge of a guest's migration, or was.
 */
#ifndef VMMI_MIGRATION_CHARGE_H
#define VMMI_MIGRATION_CHARGE_H

#include <libvmmi/vmmi-connect.h>

#include "plugin/job.h"

typedef struct {
    /* Whose migration it is: the plugin in charge, or one that died or let go; NULL: nobody here
     * ever was in charge of it. */
    vmmiJob *old;
    bool live;     /* .old is in charge now */
    char *claimed; /* the id that the guest's claim names, live or dead; NULL: there is none */
} vmmiCharge;

/*
 * Looks for who is in charge of the migration of @guest in a run directory. Asks @connect since
 * when the migration runs: a record that ended before is of another one. Returns 0 or -1.
 */
int vmmiChargeFind(vmmiRunDir *run, vmmiConnect *connect, const vmmiGuestInfo *guest,
                   vmmiCharge *charge, vmmiError **err);
void vmmiChargeClear(vmmiCharge *charge);

/*
 * How the newest migration of a guest ended, as part of a sentence: "migration ID ended: completed".
 * @guest: UUID or name, as given by a user. To be freed; NULL when no record tells.
 */
char *vmmiChargeExplainEnd(vmmiRunDir *run, const char *world, const char *guest);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiCharge, vmmiChargeClear)

#endif
