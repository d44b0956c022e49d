/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * version.c: which library runs, and freeing what it gave away.
 */
#include <glib.h>

#include <libvmmi/vmmi-base.h>

#include "config.h"

const char *
vmmiVersionGet(unsigned int *major, unsigned int *minor, unsigned int *micro)
{
    if (major)
        *major = VMMI_VERSION_MAJOR;
    if (minor)
        *minor = VMMI_VERSION_MINOR;
    if (micro)
        *micro = VMMI_VERSION_MICRO;
    return VMMI_VERSION;
}

void
vmmiFree(void *memory)
{
    g_free(memory);
}
