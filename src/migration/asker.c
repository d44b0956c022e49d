/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * asker.c: one worker for each connection, shared by the migrations of a manager; what is done when
 * one is stuck.
 */
#include "driver/connect.h"
#include "migration/private.h"

/* A look is at most three calls, each bounded by the connection's own limit: what takes longer is
 * stuck in a driver. */
#define CALLS_OF_A_LOOK 3
#define STUCK_MARGIN_MS 5000

vmmiAsker *
vmmiAskerGet(vmmiManager *manager, vmmiConnect *connect)
{
    vmmiAsker *asker;

    for (guint i = 0; i < manager->askers->len; i++) {
        asker = g_ptr_array_index(manager->askers, i);
        if (asker->connect == connect) {
            asker->users++;
            return asker;
        }
    }
    asker = g_new0(vmmiAsker, 1);
    asker->connect = vmmiConnectRef(connect);
    asker->worker = vmmiWorkerNew(connect, manager->mailbox);
    asker->users = 1;
    g_ptr_array_add(manager->askers, asker);
    return asker;
}

void
vmmiAskerDrop(vmmiManager *manager, vmmiAsker *asker)
{
    if (!asker || --asker->users)
        return;
    vmmiWorkerStop(asker->worker);
    vmmiConnectUnref(asker->connect);
    g_ptr_array_remove_fast(manager->askers, asker);
    g_free(asker);
}

vmmiWorker *
vmmiAskerGetWorker(vmmiManager *manager, vmmiAsker *asker)
{
    uint64_t limit =
        (uint64_t)asker->connect->options.call_timeout_ms * CALLS_OF_A_LOOK + STUCK_MARGIN_MS;

    if (vmmiWorkerGetBusyMs(asker->worker) <= limit)
        return asker->worker;
    if (asker->orphans >= VMMI_MAX_ORPHANS)
        return NULL;
    asker->orphans++;
    vmmiWorkerStop(asker->worker);
    asker->worker = vmmiWorkerNew(asker->connect, manager->mailbox);
    return asker->worker;
}
