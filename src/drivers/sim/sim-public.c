/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-public.c: the public calls on simulated worlds: putting one back, looking at one.
 */
#include <libvmmi/vmmi-sim.h>

#include "drivers/sim/sim-describe.h"
#include "drivers/sim/sim-step.h"
#include "drivers/sim/sim-store.h"
#include "message/json.h"
#include "util/cleanup.h"

#define TIMEOUT_MS 30000

static vmmiSimUri *
parse(const char *uri, vmmiError **err)
{
    if (!uri || vmmiSimUriProbe(uri, NULL) < 0) {
        vmmiErrorSet(err, VMMI_ERR_URI,
                     "'%s' is no URI of the simulator: it must look like sim:///?world=NAME",
                     uri ? uri : "(none)");
        return NULL;
    }
    return vmmiSimUriParse(uri, err);
}

int
vmmiSimReset(const char *uri, vmmiError **err)
{
    g_autoptr(vmmiSimUri) parsed = parse(uri, err);
    g_autoptr(vmmiSimStore) store = parsed ? vmmiSimStoreOpen(parsed, TIMEOUT_MS, err) : NULL;

    return store ? vmmiSimStoreReset(store, parsed, err) : -1;
}

char *
vmmiSimDescribe(const char *uri, vmmiError **err)
{
    g_autoptr(vmmiSimUri) parsed = parse(uri, err);
    g_autoptr(vmmiSimStore) store = parsed ? vmmiSimStoreOpen(parsed, TIMEOUT_MS, err) : NULL;
    g_autoptr(vmmiSimWorld) shown = NULL;
    g_autoptr(json_t) description = NULL;
    vmmiSimSession session;

    if (!store || vmmiSimSessionBegin(store, parsed, &session, err) < 0)
        return NULL;
    shown = vmmiSimWorldCopy(session.world);
    if (vmmiSimSessionEnd(&session, session.must_write, err) < 0)
        return NULL;
    vmmiSimSettle(shown);
    description = vmmiSimDescription(shown);
    return vmmiJsonWrite(description, true);
}
