/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job.c: the object of a job: opening, what it is, what it left. Making one is job-create.c, who
 * lives is job-liveness.c.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/job-lock.h"
#include "plugin/job-private.h"
#include "plugin/job-record.h"
#include "plugin/launch-protocol.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#define UUID_LENGTH (VMMI_UUID_STRING_SIZE - 1)
#define MAX_NUMBER_DIGITS 9

bool
vmmiJobIdIsValid(const char *id)
{
    size_t length = strlen(id);
    g_autofree char *uuid = g_strndup(id, UUID_LENGTH);
    g_autofree char *lower = g_ascii_strdown(uuid, -1);
    const char *number = id + UUID_LENGTH + 1;

    if (length < UUID_LENGTH + 2 || length > UUID_LENGTH + 1 + MAX_NUMBER_DIGITS ||
        id[UUID_LENGTH] != '.')
        return false;
    return g_uuid_string_is_valid(uuid) && g_str_equal(uuid, lower) && *number != '0' &&
           number[strspn(number, "0123456789")] == '\0';
}

int
vmmiJobOpenDir(vmmiRunDir *run, const char *id)
{
    return vmmiRunDirOpenAt(run->jobs_fd, id);
}

vmmiJob *
vmmiJobNew(vmmiRunDir *run, const char *id, int fd, vmmiError **err)
{
    g_autoptr(vmmiJob) job = g_new0(vmmiJob, 1);

    job->refs = 1;
    job->run = vmmiRunDirRef(run);
    job->id = g_strdup(id);
    job->path = g_build_filename(run->path, "jobs", id, NULL);
    job->fd = fd;
    job->lock_fd = -1;
    if (vmmiJobRecordRead(fd, &job->record, &job->root, err) < 0) {
        vmmiErrorPrefix(err, "migration %s in '%s'", id, run->path);
        return NULL;
    }
    job->record.id = job->id;
    return g_steal_pointer(&job);
}

vmmiJob *
vmmiJobOpen(vmmiRunDir *run, const char *id, vmmiError **err)
{
    int fd = vmmiJobIdIsValid(id) ? vmmiJobOpenDir(run, id) : -1;

    if (fd >= 0)
        return vmmiJobNew(run, id, fd, err);
    if (vmmiJobExists(run, id))
        vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "migration %s in '%s' is no directory of ours", id,
                     run->path);
    else
        vmmiErrorSet(err, VMMI_ERR_MIGRATION_UNKNOWN, "there is no migration '%s' in '%s'", id,
                     run->path);
    return NULL;
}

bool
vmmiJobExists(vmmiRunDir *run, const char *id)
{
    return vmmiJobIdIsValid(id) &&
           faccessat(run->jobs_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

vmmiJob *
vmmiJobOpenPath(const char *job_dir, vmmiError **err)
{
    g_autofree char *path =
        g_path_is_absolute(job_dir) ? g_canonicalize_filename(job_dir, "/") : NULL;
    g_autofree char *id = path ? g_path_get_basename(path) : NULL;
    g_autofree char *jobs = path ? g_path_get_dirname(path) : NULL;
    g_autofree char *top = path ? g_path_get_dirname(jobs) : NULL;
    g_autoptr(vmmiRunDir) run = NULL;

    if (!path || !g_str_has_suffix(jobs, "/jobs")) {
        vmmiErrorSet(err, VMMI_ERR_MIGRATION_UNKNOWN, "'%s' is no directory of a migration",
                     job_dir);
        return NULL;
    }
    run = vmmiRunDirOpen(top, err);
    return run ? vmmiJobOpen(run, id, err) : NULL;
}

vmmiJob *
vmmiJobRef(vmmiJob *job)
{
    g_atomic_int_inc(&job->refs);
    return job;
}

void
vmmiJobUnref(vmmiJob *job)
{
    if (!job || !g_atomic_int_dec_and_test(&job->refs))
        return;
    if (job->lock_fd >= 0 && !job->held)
        vmmiJobLockDrop(job->lock_fd);
    vmmiFdCleanup(&job->lock_fd);
    vmmiFdCleanup(&job->fd);
    vmmiRunDirUnref(job->run);
    json_decref(job->root);
    g_free(job->id);
    g_free(job->path);
    g_free(job);
}

const char *
vmmiJobGetId(const vmmiJob *job)
{
    return job->id;
}

const char *
vmmiJobGetPath(const vmmiJob *job)
{
    return job->path;
}

int
vmmiJobGetFd(const vmmiJob *job)
{
    return job->fd;
}

vmmiRunDir *
vmmiJobGetRunDir(const vmmiJob *job)
{
    return job->run;
}

const vmmiJobRecord *
vmmiJobGetRecord(const vmmiJob *job)
{
    return &job->record;
}

json_t *
vmmiJobGetRoot(const vmmiJob *job)
{
    return job->root;
}

json_t *
vmmiJobGetOptions(const vmmiJob *job)
{
    json_t *options = json_object_get(job->root, "options");

    return json_is_object(options) ? options : NULL;
}

int
vmmiJobReadConfig(const vmmiJob *job, char **text, size_t *length, vmmiError **err)
{
    if (vmmiFileReadAt(job->fd, VMMI_FILE_CONFIG, VMMI_MESSAGE_MAX_BYTES, true, text, length, err) <
        0)
        return vmmiErrorPrefix(err, "migration %s", job->id);
    return 0;
}

void
vmmiJobCommit(vmmiJob *job)
{
    if (job->lock_fd < 0 || job->held)
        return;
    vmmiJobLockDrop(job->lock_fd);
    vmmiFdCleanup(&job->lock_fd);
}

void
vmmiJobDiscard(vmmiJob *job)
{
    g_autofree char *key = NULL;

    if (job->record.world && job->record.guest_uuid) {
        key = vmmiClaimKey(job->record.world, job->record.guest_uuid);
        vmmiClaimDrop(job->run, key, job->id);
    }
    /*
     * The claim goes first: one that names nothing is dead, a job without one would be a policy
     * without a guest.
     */
    vmmiRunDirRemoveJob(job->run, job->id);
    vmmiJobCommit(job);
}

int
vmmiJobHold(vmmiJob *job, vmmiError **err)
{
    if (job->lock_fd < 0 || job->held)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "migration %s was not made by this process",
                            job->id);
    if (vmmiJobProcessWriteOwn(job->fd, err) < 0)
        return -1;
    if (vmmiJobLockTakePlugin(job->lock_fd) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno,
                                 "cannot take the lock of migration %s", job->id);
    job->held = true;
    vmmiJobLockDrop(job->lock_fd);
    return 0;
}

int
vmmiJobLeave(vmmiJob *job, int exit_status, vmmiError **err)
{
    if (!job->held)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "migration %s is not held by this process",
                            job->id);
    if (vmmiJobResultWriteOwn(job->fd, exit_status, err) < 0)
        return vmmiErrorPrefix(err, "migration %s", job->id);
    vmmiJobReleaseClaim(job);
    job->held = false;
    vmmiFdCleanup(&job->lock_fd);
    return 0;
}

bool
vmmiJobIsOwn(const vmmiJob *job)
{
    return job->held || vmmiJobDirIsOwn(job->fd);
}
