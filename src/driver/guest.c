/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.c: the public calls on guests: check the handle, check arguments, ask the table.
 */
#include "driver/connect.h"

#define AT(member) vmmiDriverSlotAt(offsetof(vmmiDriverOps, member))

static int
check_uuid(const vmmiConnect *connect, size_t slot, const char *uuid, vmmiError **err)
{
    if (!uuid || !g_uuid_string_is_valid(uuid))
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "'%s' is not a UUID", uuid ? uuid : "(null)");
    return vmmiConnectCheck(connect, slot, err);
}

int
vmmiGuestLookup(vmmiConnect *connect, const char *selector, vmmiGuestInfo *info, vmmiError **err)
{
    if (!selector || !*selector || !info)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "a guest's UUID, name or id is needed");
    if (vmmiConnectCheck(connect, AT(guest_lookup), err) < 0)
        return -1;
    return connect->ops.guest_lookup(connect->privs[AT(guest_lookup)], selector, info, err);
}

int
vmmiGuestGetInfo(vmmiConnect *connect, const char *uuid, vmmiGuestInfo *info, vmmiError **err)
{
    if (check_uuid(connect, AT(guest_get_info), uuid, err) < 0)
        return -1;
    return connect->ops.guest_get_info(connect->privs[AT(guest_get_info)], uuid, info, err);
}

int
vmmiGuestStart(vmmiConnect *connect, const char *uuid, vmmiError **err)
{
    if (check_uuid(connect, AT(guest_start), uuid, err) < 0)
        return -1;
    return connect->ops.guest_start(connect->privs[AT(guest_start)], uuid, err);
}

int
vmmiGuestStop(vmmiConnect *connect, const char *uuid, vmmiError **err)
{
    if (check_uuid(connect, AT(guest_stop), uuid, err) < 0)
        return -1;
    return connect->ops.guest_stop(connect->privs[AT(guest_stop)], uuid, err);
}

int
vmmiGuestSuspend(vmmiConnect *connect, const char *uuid, vmmiError **err)
{
    if (check_uuid(connect, AT(guest_suspend), uuid, err) < 0)
        return -1;
    return connect->ops.guest_suspend(connect->privs[AT(guest_suspend)], uuid, err);
}

int
vmmiGuestResume(vmmiConnect *connect, const char *uuid, vmmiError **err)
{
    if (check_uuid(connect, AT(guest_resume), uuid, err) < 0)
        return -1;
    return connect->ops.guest_resume(connect->privs[AT(guest_resume)], uuid, err);
}

vmmiSample *
vmmiGuestGetSample(vmmiConnect *connect, const char *uuid, vmmiError **err)
{
    vmmiSample *sample;
    vmmiJobKind job = VMMI_JOB_NONE;

    if (check_uuid(connect, AT(migration_sample), uuid, err) < 0)
        return NULL;
    sample = vmmiSampleNew();
    if (vmmiCallMigrationSample(connect, uuid, sample, &job, err) < 0) {
        vmmiSampleFree(sample);
        return NULL;
    }
    return sample;
}

int
vmmiGuestAbortMigration(vmmiConnect *connect, const char *uuid, vmmiError **err)
{
    if (check_uuid(connect, AT(migration_abort), uuid, err) < 0)
        return -1;
    return vmmiCallMigrationAbort(connect, uuid, false, err);
}
