/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * registry.c: the drivers: those of the library and those that applications register; the choice by URI.
 *
 * The registry is the only global mutable state of the library.
 */
#include <string.h>

#include "builtin.h"
#include "driver/connect.h"
#include "util/cleanup.h"

static GMutex registry_lock;
static GPtrArray *registered;   /* of const vmmiDriver *, in the order of registration; under registry_lock */

#define NEED(member) { #member, offsetof(vmmiDriver, member) }
static const struct {
    const char *name;
    size_t offset;
} needed[] = { NEED(name), NEED(summary), NEED(probe), NEED(open) };

static bool
name_is_valid(const char *name)
{
    if (!g_ascii_islower(*name) && !g_ascii_isdigit(*name))
        return false;
    for (; *name; name++) {
        if (!g_ascii_islower(*name) && !g_ascii_isdigit(*name) && *name != '-')
            return false;
    }
    return true;
}

int
vmmiDriverValidate(const vmmiDriver *driver, vmmiError **err)
{
    if (driver->api_version < 1 || driver->api_version > VMMI_DRIVER_API_VERSION)
        return vmmiErrorSet(err, VMMI_ERR_DRIVER, "driver API version %u is not in 1..%d",
                            driver->api_version, VMMI_DRIVER_API_VERSION);
    if (driver->struct_size < offsetof(vmmiDriver, open) + sizeof(driver->open))
        return vmmiErrorSet(err, VMMI_ERR_DRIVER, "driver struct is too short: %zu bytes",
                            driver->struct_size);
    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
        void *member;

        memcpy(&member, (const char *)driver + needed[i].offset, sizeof(member));
        if (!member)
            return vmmiErrorSet(err, VMMI_ERR_DRIVER, "driver '%s' lacks .%s",
                                driver->name ? driver->name : "(no name)", needed[i].name);
    }
    if (!name_is_valid(driver->name))
        return vmmiErrorSet(err, VMMI_ERR_DRIVER,
                            "driver name '%s' must match [a-z0-9][a-z0-9-]*", driver->name);
    return 0;
}

static const vmmiDriver *
driver_at(size_t index)
{
    size_t own = registered ? registered->len : 0;

    if (index < own)
        return g_ptr_array_index(registered, index);
    for (size_t i = 0; vmmiBuiltinDrivers[i]; i++) {
        if (i == index - own)
            return vmmiBuiltinDrivers[i];
    }
    return NULL;
}

const vmmiDriver *
vmmiDriverGet(size_t index)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&registry_lock);

    return driver_at(index);
}

bool
vmmiDriverIsBuiltin(const vmmiDriver *driver)
{
    for (size_t i = 0; vmmiBuiltinDrivers[i]; i++) {
        if (vmmiBuiltinDrivers[i] == driver)
            return true;
    }
    return false;
}

int
vmmiDriverRegister(const vmmiDriver *driver, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = NULL;
    const vmmiDriver *other;

    if (!driver)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no driver was given");
    if (vmmiDriverValidate(driver, err) < 0)
        return -1;
    locker = g_mutex_locker_new(&registry_lock);
    for (size_t i = 0; (other = driver_at(i)); i++) {
        if (g_str_equal(other->name, driver->name))
            return vmmiErrorSet(err, VMMI_ERR_DRIVER, "a driver named '%s' is registered already",
                                driver->name);
    }
    if (!registered)
        registered = g_ptr_array_new();
    g_ptr_array_add(registered, (gpointer)driver);
    return 0;
}

const vmmiDriver *
vmmiDriverChoose(const char *uri, vmmiError **err)
{
    const vmmiDriver *driver;

    for (size_t i = 0; (driver = vmmiDriverGet(i)); i++) {
        g_autoptr(vmmiError) refusal = NULL;

        if (driver->probe(uri, &refusal) == 0)
            return driver;
        if (vmmiErrorGetCode(refusal) == VMMI_ERR_DECLINED)
            continue;
        if (!refusal)
            vmmiErrorSet(&refusal, VMMI_ERR_INTERNAL, "driver '%s' refused without a reason", driver->name);
        vmmiErrorPropagate(err, g_steal_pointer(&refusal));
        return NULL;
    }
    vmmiErrorSet(err, VMMI_ERR_DRIVER, "no driver takes the URI '%s'", uri);
    return NULL;
}
