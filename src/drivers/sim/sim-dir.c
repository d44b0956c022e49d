/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-dir.c: the directory in which simulated worlds are kept: a part of the run directory.
 */
#include "drivers/sim/sim-dir.h"

#include <fcntl.h>

#include <glib.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/run-dir.h"

int
vmmiSimDirOpen(char **ret_path, vmmiError **err)
{
    g_autofree char *run = vmmiRunDirResolvePath(NULL, err);
    g_autofree char *path = run ? g_build_filename(run, "sim", NULL) : NULL;
    vmmi_autofd int parent = -1;
    int fd;

    if (!run)
        return -1;
    parent = vmmiRunDirOpenChecked(AT_FDCWD, run, run, false, err);
    fd = parent < 0 ? -1 : vmmiRunDirOpenChecked(parent, "sim", path, false, err);
    if (fd >= 0)
        *ret_path = g_steal_pointer(&path);
    return fd;
}
