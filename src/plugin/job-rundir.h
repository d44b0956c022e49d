/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-rundir.h: the inside of a run directory, for the other job-*.c files.
 */
#ifndef VMMI_PLUGIN_JOB_RUNDIR_H
#define VMMI_PLUGIN_JOB_RUNDIR_H

#include "plugin/job.h"
#include "util/run-dir.h"

/* How long a call waits for another process that changes claims. */
#define VMMI_RUN_DIR_LOCK_MS 10000
/* What is being made; behind it something random. */
#define VMMI_JOB_NEW "new"
#define VMMI_JOB_NEW_PREFIX "." VMMI_JOB_NEW "."
/* Files of a job that the shim does not know; those that it does are in launch-protocol.h. */
#define VMMI_FILE_OUTCOME "outcome.json"
#define VMMI_FILE_ACKNOWLEDGED "acknowledged"

struct vmmiRunDir {
    int refs;        /* atomic */
    char *path;
    int fd;
    int jobs_fd;     /* jobs/ */
    int guests_fd;   /* by-guest/ */
    bool read_only;
};

/*
 * Takes the lock of the run directory: shared to make a job, exclusive to replace or remove claims
 * and garbage. Waits at most @wait_ms. Returns a descriptor to close, or -1 (VMMI_ERR_RUN_DIR).
 */
int vmmiRunDirLock(vmmiRunDir *run, bool exclusive, unsigned int wait_ms, vmmiError **err);
/*
 * Removes the files of a directory below @dir_fd, and the directory. Goes one level deep, follows
 * nothing.
 */
void vmmiRunDirRemoveTree(int dir_fd, const char *name);
/*
 * Removes a job, made or half made. It vanishes at once: what is left when this is interrupted, or
 * when a shim still writes, is garbage for vmmiRunDirClean().
 */
void vmmiRunDirRemoveJob(vmmiRunDir *run, const char *name);

#endif
