/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calls.c: the slots of a driver's table, and the calls that other rooms make through it.
 *
 * The public calls on guests are guest.c. Nothing here knows a backend.
 */
#include "driver/connect.h"

#include <string.h>

#define SLOT(member, needed) { #member, offsetof(vmmiDriverOps, member), needed }
/* The index of a member's slot; all members are function pointers of one size. */
#define AT(member) (offsetof(vmmiDriverOps, member) / sizeof(void (*)(void)))

const vmmiDriverSlot vmmiDriverSlots[] = {
    SLOT(close, true),
    SLOT(ping, false),
    SLOT(plugin_list, false),
    SLOT(plugin_launch, false),
    SLOT(plugin_signal, false),
    SLOT(guest_lookup, true),
    SLOT(guest_get_info, true),
    SLOT(guest_start, false),
    SLOT(guest_stop, false),
    SLOT(guest_suspend, false),
    SLOT(guest_resume, false),
    SLOT(guest_monitor, false),
    SLOT(guest_unmonitor, false),
    SLOT(migration_check, false),
    SLOT(migration_perform, true),
    SLOT(migration_sample, true),
    SLOT(migration_completed_sample, false),
    SLOT(migration_tune, false),
    SLOT(migration_abort, true),
    SLOT(migration_start_postcopy, false),
};
const size_t vmmiDriverSlotCount = G_N_ELEMENTS(vmmiDriverSlots);

/* Every member has a row, and there is room for all. */
G_STATIC_ASSERT(sizeof(vmmiDriverOps) == G_N_ELEMENTS(vmmiDriverSlots) * sizeof(void (*)(void)));
G_STATIC_ASSERT(G_N_ELEMENTS(vmmiDriverSlots) <= VMMI_DRIVER_MAX_SLOTS);

size_t
vmmiDriverSlotAt(size_t offset)
{
    return offset / sizeof(void (*)(void));
}

bool
vmmiDriverSlotIsSet(const vmmiDriverOps *ops, size_t index)
{
    void (*function)(void);

    memcpy(&function, (const char *)ops + vmmiDriverSlots[index].offset, sizeof(function));
    return function != NULL;
}

int
vmmiCallPing(vmmiConnect *connect, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(ping), err) < 0)
        return -1;
    return connect->ops.ping(connect->privs[AT(ping)], err);
}

int
vmmiCallPluginList(vmmiConnect *connect,
                   void (*found)(const char *name, const char *path, bool shadowed,
                                 const vmmiError *refusal, void *opaque),
                   void *opaque, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(plugin_list), err) < 0)
        return -1;
    return connect->ops.plugin_list(connect->privs[AT(plugin_list)], found, opaque, err);
}

int
vmmiCallPluginLaunch(vmmiConnect *connect, const vmmiLaunchRequest *request, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(plugin_launch), err) < 0)
        return -1;
    return connect->ops.plugin_launch(connect->privs[AT(plugin_launch)], request, err);
}

int
vmmiCallPluginSignal(vmmiConnect *connect, const char *job_dir, int signal_number, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(plugin_signal), err) < 0)
        return -1;
    return connect->ops.plugin_signal(connect->privs[AT(plugin_signal)], job_dir, signal_number,
                                      err);
}

int
vmmiCallGuestMonitor(vmmiConnect *connect, const char *uuid, vmmiEventFunc func, void *opaque,
                     vmmiFreeFunc free_opaque, void **ret_watch, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(guest_monitor), err) < 0) {
        if (free_opaque)
            free_opaque(opaque);
        return -1;
    }
    return connect->ops.guest_monitor(connect->privs[AT(guest_monitor)], uuid, func, opaque,
                                      free_opaque, ret_watch, err);
}

void
vmmiCallGuestUnmonitor(vmmiConnect *connect, void *watch)
{
    if (watch && vmmiConnectCheck(connect, AT(guest_unmonitor), NULL) == 0)
        connect->ops.guest_unmonitor(connect->privs[AT(guest_unmonitor)], watch);
}

int
vmmiCallMigrationCheck(vmmiConnect *connect, const vmmiMigrateRequest *request, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(migration_check), err) < 0)
        return -1;
    return connect->ops.migration_check(connect->privs[AT(migration_check)], request, err);
}

int
vmmiCallMigrationPerform(vmmiConnect *connect, const vmmiMigrateRequest *request, vmmiDoneFunc done,
                         void *opaque, vmmiFreeFunc free_opaque, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(migration_perform), err) < 0) {
        if (free_opaque)
            free_opaque(opaque);
        return -1;
    }
    return connect->ops.migration_perform(connect->privs[AT(migration_perform)], request, done,
                                          opaque, free_opaque, err);
}

int
vmmiCallMigrationSample(vmmiConnect *connect, const char *uuid, vmmiSample *sample,
                        vmmiJobKind *job, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(migration_sample), err) < 0)
        return -1;
    return connect->ops.migration_sample(connect->privs[AT(migration_sample)], uuid, sample, job,
                                         err);
}

int
vmmiCallMigrationCompletedSample(vmmiConnect *connect, const char *uuid, vmmiSample *sample,
                                 vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(migration_completed_sample), err) < 0)
        return -1;
    return connect->ops.migration_completed_sample(connect->privs[AT(migration_completed_sample)],
                                                   uuid, sample, err);
}

int
vmmiCallMigrationTune(vmmiConnect *connect, const char *uuid, vmmiTunable what, uint64_t value,
                      vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(migration_tune), err) < 0)
        return -1;
    return connect->ops.migration_tune(connect->privs[AT(migration_tune)], uuid, what, value, err);
}

int
vmmiCallMigrationAbort(vmmiConnect *connect, const char *uuid, bool postcopy, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(migration_abort), err) < 0)
        return -1;
    return connect->ops.migration_abort(connect->privs[AT(migration_abort)], uuid, postcopy, err);
}

int
vmmiCallMigrationStartPostcopy(vmmiConnect *connect, const char *uuid, vmmiError **err)
{
    if (vmmiConnectCheck(connect, AT(migration_start_postcopy), err) < 0)
        return -1;
    return connect->ops.migration_start_postcopy(connect->privs[AT(migration_start_postcopy)], uuid,
                                                 err);
}
