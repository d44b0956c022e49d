/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-local.h: starting plugins on this machine, through the shim.
 */
#ifndef VMMI_PLUGIN_LAUNCH_LOCAL_H
#define VMMI_PLUGIN_LAUNCH_LOCAL_H

#include <libvmmi/vmmi-driver.h>

/*
 * Starts request->plugin_path for the job in request->job_dir (prepared by vmmiJobCreate()).
 * Returns 0 when the plugin runs. Else -1 with VMMI_ERR_PLUGIN_LAUNCH, stage and reason in the
 * message, and nothing runs; the caller discards the job.
 */
int vmmiLaunchLocal(const vmmiLaunchRequest *request, vmmiError **err);
/* The shim's path after its checks, to be freed; NULL when it is missing or unsafe. */
char *vmmiLaunchShimPath(vmmiError **err);

#endif
