/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-outcome.c: what a job left: its result, its streams, the outcome that was settled, the
 * acknowledgement.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "message/json.h"
#include "plugin/job-age.h"
#include "plugin/job-private.h"
#include "plugin/job-record.h"
#include "plugin/launch-protocol.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"


int
vmmiJobReadResult(vmmiJob *job, vmmiJobResult *result, vmmiError **err)
{
    vmmiJobLiveness liveness;
    vmmiJobResult found = { .kind = VMMI_EXIT_UNKNOWN, .value = -1 };

    if (vmmiJobGetLiveness(job, &liveness, err) < 0)
        return -1;
    if (vmmiJobPhaseIsLive(liveness.phase))
        return 0;
    if (liveness.phase == VMMI_PHASE_FINISHED && vmmiJobResultRead(job->fd, &found, err) < 0)
        return vmmiErrorPrefix(err, "migration %s", job->id);
    if (liveness.phase == VMMI_PHASE_ABANDONED)
        found.kind = VMMI_EXIT_NOT_STARTED;
    if (liveness.phase == VMMI_PHASE_LOST_AT_BOOT)
        found.kind = VMMI_EXIT_LOST_AT_BOOT;
    *result = found;
    return 1;
}

bool
vmmiJobWasNeverStarted(vmmiJob *job)
{
    vmmiJobResult result = { .kind = VMMI_EXIT_UNKNOWN };

    return vmmiJobReadResult(job, &result, NULL) > 0 && result.kind == VMMI_EXIT_NOT_STARTED;
}

static int
open_regular(const vmmiJob *job, const char *name, uint64_t *size, vmmiError **err)
{
    vmmi_autofd int fd = openat(job->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot open '%s/%s'", job->path,
                                 name);
    if (!S_ISREG(st.st_mode))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s/%s' is not a regular file", job->path,
                            name);
    *size = (uint64_t)st.st_size;
    return vmmiFdSteal(&fd);
}

int
vmmiJobReadStream(const vmmiJob *job, vmmiJobStream stream, int64_t offset, size_t max_bytes,
                  char **text, size_t *length, uint64_t *total, vmmiError **err)
{
    const char *name = stream == VMMI_JOB_STDOUT ? VMMI_FILE_STDOUT : VMMI_FILE_STDERR;
    uint64_t size = 0;
    vmmi_autofd int fd = open_regular(job, name, &size, err);
    g_autofree char *buffer = NULL;
    uint64_t start, used = 0, want;

    if (fd < 0)
        return -1;
    start = offset >= 0 ? MIN((uint64_t)offset, size) : size - MIN(size, max_bytes);
    want = MIN(size - start, max_bytes);
    buffer = g_malloc(want + 1);
    while (used < want) {
        ssize_t got = pread(fd, buffer + used, want - used, (off_t)(start + used));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot read '%s/%s'",
                                     job->path, name);
        if (got == 0)
            break;
        used += (uint64_t)got;
    }
    buffer[used] = '\0';
    *text = g_steal_pointer(&buffer);
    *length = used;
    if (total)
        *total = size;
    return 0;
}

/* Returns 1 when the file was made, 0 when it was there, -1 with errno. */
static int
write_once(int dir_fd, const char *name, const char *text, size_t length)
{
    g_autofree char *temporary = vmmiFileTemporaryName(name);
    vmmi_autofd int fd =
        openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int made = -1, saved;

    if (fd < 0)
        return -1;
    /* A link is made whole or not at all, and never over another. */
    if (vmmiFileWriteFull(fd, text, length) == 0 && fsync(fd) == 0) {
        if (linkat(dir_fd, temporary, dir_fd, name, 0) == 0)
            made = 1;
        else if (errno == EEXIST)
            made = 0;
    }
    saved = errno;
    unlinkat(dir_fd, temporary, 0);
    errno = saved;
    return made;
}

static int
raise_write(const vmmiJob *job, const char *name, vmmiError **err)
{
    return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot write '%s/%s'", job->path, name);
}

int
vmmiJobSettle(vmmiJob *job, const char *json, size_t length, vmmiError **err)
{
    g_autoptr(json_t) object = NULL;
    int made;

    if (length > VMMI_JOB_OUTCOME_MAX_BYTES)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "the outcome of migration %s has %zu bytes, "
                            "the limit is %d",
                            job->id, length, VMMI_JOB_OUTCOME_MAX_BYTES);
    object = vmmiJsonParse(json, length, VMMI_FILE_OUTCOME, err);
    if (!object)
        return -1;
    made = write_once(job->fd, VMMI_FILE_OUTCOME, json, length);
    return made < 0 ? raise_write(job, VMMI_FILE_OUTCOME, err) : made;
}

int
vmmiJobReadOutcome(const vmmiJob *job, char **json, size_t *length, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;

    if (faccessat(job->fd, VMMI_FILE_OUTCOME, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0;
    if (vmmiFileReadAt(job->fd, VMMI_FILE_OUTCOME, VMMI_JOB_OUTCOME_MAX_BYTES, true, json, length,
                       &error) < 0)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "migration %s: %s", job->id,
                            vmmiErrorGetMessage(error));
    return 1;
}

int
vmmiJobAcknowledge(vmmiJob *job, vmmiError **err)
{
    g_autofree char *text = NULL;
    vmmiJobLiveness liveness;
    int made;

    if (vmmiJobGetLiveness(job, &liveness, err) < 0)
        return -1;
    if (vmmiJobPhaseIsLive(liveness.phase))
        return vmmiErrorSet(err, VMMI_ERR_STATE,
                            "migration %s is %s, it cannot be acknowledged yet", job->id,
                            vmmiPhaseToString(liveness.phase));
    if (faccessat(job->fd, VMMI_FILE_OUTCOME, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "nobody has settled how migration %s ended",
                            job->id);
    text = vmmiAcknowledgedWrite();
    made = write_once(job->fd, VMMI_FILE_ACKNOWLEDGED, text, strlen(text));
    /* A mark that says nothing is still a mark, and needs no room. */
    if (made < 0 && (errno == ENOSPC || errno == EDQUOT))
        made = write_once(job->fd, VMMI_FILE_ACKNOWLEDGED, "", 0);
    if (made < 0)
        return raise_write(job, VMMI_FILE_ACKNOWLEDGED, err);
    if (made > 0)
        vmmiAcknowledgedStamp(job->fd);
    return 0;
}

bool
vmmiJobIsAcknowledged(const vmmiJob *job)
{
    return faccessat(job->fd, VMMI_FILE_ACKNOWLEDGED, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
