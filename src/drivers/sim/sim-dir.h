/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-dir.h: the directory in which simulated worlds are kept.
 */
#ifndef VMMI_SIM_DIR_H
#define VMMI_SIM_DIR_H

#include <libvmmi/vmmi-error.h>

/*
 * Opens "sim" in the run directory (VMMI_RUN_DIR, /run/vmmi for root, $XDG_RUNTIME_DIR/vmmi, /tmp/vmmi-UID), makes what is missing and checks
 * that it belongs to the caller alone. @ret_path is set, to be freed. Returns a descriptor, or -1 with VMMI_ERR_RUN_DIR.
 */
int vmmiSimDirOpen(char **ret_path, vmmiError **err);

#endif
