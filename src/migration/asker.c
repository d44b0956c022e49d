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
#define CALL_MS 30000
#define STUCK_MARGIN_MS 5000

static vmmiAsker *
make(vmmiManager *manager, vmmiConnect *connect, const vmmiKeptSource *source)
{
    vmmiAsker *asker = g_new0(vmmiAsker, 1);

    if (connect) {
        asker->connect = vmmiConnectRef(connect);
    } else {
        asker->source.uri = g_strdup(source->uri);
        asker->source.username = g_strdup(source->username);
        asker->source.password_file = g_strdup(source->password_file);
    }
    asker->worker = vmmiWorkerNew(connect, source, manager->mailbox);
    g_ptr_array_add(manager->askers, asker);
    return asker;
}

static bool
reaches(const vmmiAsker *asker, const vmmiConnect *connect, const vmmiKeptSource *source)
{
    if (connect || asker->connect)
        return asker->connect == connect;
    return g_str_equal(asker->source.uri, source->uri) &&
           g_strcmp0(asker->source.username, source->username) == 0 &&
           g_strcmp0(asker->source.password_file, source->password_file) == 0;
}

static vmmiAsker *
get(vmmiManager *manager, vmmiConnect *connect, const vmmiKeptSource *source)
{
    vmmiAsker *asker = NULL;

    for (guint i = 0; i < manager->askers->len; i++) {
        asker = g_ptr_array_index(manager->askers, i);
        if (reaches(asker, connect, source))
            break;
        asker = NULL;
    }
    if (!asker)
        asker = make(manager, connect, source);
    asker->users++;
    return asker;
}

vmmiAsker *
vmmiAskerGet(vmmiManager *manager, vmmiConnect *connect)
{
    return get(manager, connect, NULL);
}

vmmiAsker *
vmmiAskerGetSource(vmmiManager *manager, const vmmiKeptSource *source)
{
    return get(manager, NULL, source);
}

void
vmmiAskerDrop(vmmiManager *manager, vmmiAsker *asker)
{
    if (!asker || --asker->users)
        return;
    vmmiWorkerStop(asker->worker);
    vmmiConnectUnref(asker->connect);
    vmmiKeptSourceClear(&asker->source);
    g_ptr_array_remove_fast(manager->askers, asker);
    g_free(asker);
}

vmmiWorker *
vmmiAskerGetWorker(vmmiManager *manager, vmmiAsker *asker)
{
    /* One that is opened here has the limits of vmmiConnectOpen(), opening included. */
    uint64_t calls = asker->connect ? CALLS_OF_A_LOOK : CALLS_OF_A_LOOK + 1;
    uint64_t call_ms = asker->connect ? asker->connect->options.call_timeout_ms : CALL_MS;
    uint64_t limit = call_ms * calls + STUCK_MARGIN_MS;

    if (vmmiWorkerGetBusyMs(asker->worker) <= limit)
        return asker->worker;
    if (asker->orphans >= VMMI_MAX_ORPHANS)
        return NULL;
    asker->orphans++;
    vmmiWorkerStop(asker->worker);
    asker->worker = vmmiWorkerNew(asker->connect, &asker->source, manager->mailbox);
    return asker->worker;
}
