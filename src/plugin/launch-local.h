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
/*
 * A program that starts the shim: its arguments are followed by those of the shim, and it executes
 * them sooner or later. It keeps the descriptors that it finds.
 */
typedef struct {
    const char *const *words;         /* the program's absolute path and its arguments, ends with NULL */
    const char *const *environment;   /* all that it gets; the plugin's has to come out of it */
    unsigned int timeout_ms;          /* until the shim speaks */
} vmmiLaunchPrefix;
/*
 * Like vmmiLaunchLocal(), through another program. Returns 1 when that program ended or hung before
 * there was a shim: nothing runs, the job is as it was, and @reason, to be freed, says why in a few
 * words. Else 0 or -1 with @reason untouched.
 */
int vmmiLaunchThrough(const vmmiLaunchPrefix *prefix, const vmmiLaunchRequest *request,
                      char **reason, vmmiError **err);
/* The longest time until the plugin runs, in milliseconds. */
unsigned int vmmiLaunchLimit(const vmmiLaunchRequest *request);
/* The shim's path after its checks, to be freed; NULL when it is missing or unsafe. */
char *vmmiLaunchShimPath(vmmiError **err);

#endif
