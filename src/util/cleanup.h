/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cleanup.h: g_autoptr for public types, and closing of descriptors. For every room.
 */
#ifndef VMMI_UTIL_CLEANUP_H
#define VMMI_UTIL_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include <glib.h>
#include <jansson.h>

#include <libvmmi/libvmmi.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiConnect, vmmiConnectUnref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiError, vmmiErrorFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiManager, vmmiManagerFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiMessage, vmmiMessageUnref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiMigration, vmmiMigrationUnref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiPlugin, vmmiPluginUnref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiPluginList, vmmiPluginListFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiSample, vmmiSampleFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DIR, closedir)

/* vmmi_autofd int fd = -1; closes at the end of the scope and keeps errno. */
static inline void
vmmiFdCleanup(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}
#define vmmi_autofd __attribute__((cleanup(vmmiFdCleanup)))

static inline int
vmmiFdSteal(int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

#endif
