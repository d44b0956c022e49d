/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run-dir.h: where the run directory is, and what it takes to trust a directory in it. What is in it
 * belongs to the rooms above.
 */
#ifndef VMMI_UTIL_RUN_DIR_H
#define VMMI_UTIL_RUN_DIR_H

#include <stdbool.h>

#include <libvmmi/vmmi-error.h>

/* VMMI_RUN_DIR, /run/vmmi for root, $XDG_RUNTIME_DIR/vmmi, /tmp/vmmi-UID. To be freed. */
char *vmmiRunDirDefaultPath(void);
/*
 * The same, or what the caller chose (NULL and "": nothing), without dots and doubled slashes; to
 * be freed. NULL with VMMI_ERR_RUN_DIR when it is not absolute: other processes use it too.
 */
char *vmmiRunDirResolvePath(const char *chosen, vmmiError **err);
/* A directory that is really one: a link in the last part of its name is not followed. Returns it
 * or -1 with errno. */
int vmmiRunDirOpenAt(int dir_fd, const char *name);
/*
 * The same, made when it is missing, and checked: it belongs to the caller, and nobody else can
 * reach into it. @read_only: nothing is made; root may look at anybody's. @path is for messages.
 * Returns a descriptor, or -1 with VMMI_ERR_RUN_DIR, which names VMMI_RUN_DIR.
 */
int vmmiRunDirOpenChecked(int dir_fd, const char *name, const char *path, bool read_only,
                          vmmiError **err);

#endif
