/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-private.h: the inside of a job, for the job-*.c files and their tests.
 */
#ifndef VMMI_PLUGIN_JOB_PRIVATE_H
#define VMMI_PLUGIN_JOB_PRIVATE_H

#include <jansson.h>

#include "plugin/job-rundir.h"
#include "plugin/job.h"

struct vmmiJob {
    int refs;          /* atomic */
    vmmiRunDir *run;
    char *id;
    char *path;
    int fd;            /* the directory */
    int lock_fd;       /* maker's or bare plugin's, else -1 */
    bool held;         /* this process is the bare plugin */
    vmmiJobRecord record;
    json_t *root;      /* owns the record's strings */
};

/* The object of a job whose directory is open; takes @fd over, also on failure. */
vmmiJob *vmmiJobNew(vmmiRunDir *run, const char *id, int fd, vmmiError **err);
/* Opens the directory of a job. -1 with errno. */
int vmmiJobOpenDir(vmmiRunDir *run, const char *id);

/* Called before each step of making a job and after the last: where a test stops a manager. */
typedef void (*vmmiJobStepFunc)(const char *step, void *opaque);
vmmiJob *vmmiJobCreateStepwise(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
                               size_t config_length, vmmiJobStepFunc before, void *opaque,
                               vmmiError **err);

/* The name of a claim: made of the world and the guest's UUID. To be freed. */
char *vmmiClaimKey(const char *world, const char *uuid);
/*
 * Claims the guest for a job under the shared lock @lock_fd, which is given up when a dead job's
 * claim has to be replaced. VMMI_ERR_GUEST_BUSY when a live job holds it. Returns 0 or -1.
 */
int vmmiClaimTake(vmmiRunDir *run, const char *key, const char *id, int *lock_fd, vmmiError **err);
/* The same for a job that follows the one that the claim named: see vmmiJobClaim(). */
int vmmiClaimSucceed(vmmiRunDir *run, const char *key, const vmmiJob *job, const char *expected,
                     vmmiError **err);
/*
 * Removes the claim if it names this job. Waits for the exclusive lock a short time, else leaves
 * it.
 */
void vmmiClaimDrop(vmmiRunDir *run, const char *key, const char *id);
/*
 * Whether something of a job runs, from its directory alone: a damaged record is no reason to run
 * two policies.
 */
bool vmmiJobDirIsLive(int job_dir_fd);
/* The derivation of a phase; @boot_id NULL: taken as this one. */
int vmmiJobDirLook(int job_dir_fd, const char *boot_id, vmmiJobLiveness *liveness, vmmiError **err);
/* Whether this process is the plugin of a job directory. */
bool vmmiJobDirIsOwn(int job_dir_fd);

#endif
