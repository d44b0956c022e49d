/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-claim.c: one live policy per guest, decided by the file system (B13).
 *
 * A claim is a symbolic link by-guest/<key> -> ../jobs/<id>; making it fails when it exists. It
 * counts as long as its job is alive. Only under the exclusive lock of the run directory is a dead
 * job's claim replaced or removed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "plugin/job-private.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#define TARGET_PREFIX "../jobs/"
#define KEY_MAX_WORLD 128

/*
 * "<uuid>@<world>"; a world that is long or holds other characters than a file name should is
 * hashed.
 */
char *
vmmiClaimKey(const char *world, const char *uuid)
{
    g_autofree char *lower = g_ascii_strdown(uuid, -1);
    g_autofree char *hash = NULL;
    const char *valid = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (strlen(world) <= KEY_MAX_WORLD && world[strspn(world, valid)] == '\0')
        return g_strdup_printf("%s@%s", lower, world);
    hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, world, -1);
    return g_strdup_printf("%s@=%s", lower, hash);
}

/*
 * The id that a claim names: 1 with it, 0 when there is no claim, -1 when it is something else than
 * a claim.
 */
static int
read_claim(vmmiRunDir *run, const char *key, char **ret_id)
{
    char target[128];
    ssize_t length = readlinkat(run->guests_fd, key, target, sizeof(target) - 1);

    if (length < 0)
        return errno == ENOENT ? 0 : -1;
    target[length] = '\0';
    if (!g_str_has_prefix(target, TARGET_PREFIX) ||
        !vmmiJobIdIsValid(target + strlen(TARGET_PREFIX)))
        return -1;
    *ret_id = g_strdup(target + strlen(TARGET_PREFIX));
    return 1;
}

static bool
holder_is_live(vmmiRunDir *run, const char *id)
{
    vmmi_autofd int fd = vmmiJobOpenDir(run, id);

    return fd >= 0 && vmmiJobDirIsLive(fd);
}

static int
raise_busy(const char *id, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "guest %.*s has a policy already: migration %s",
                        VMMI_UUID_STRING_SIZE - 1, id, id);
}

/* Under the exclusive lock: nobody else makes, replaces or removes a claim. */
static int
replace_claim(vmmiRunDir *run, const char *key, const char *target, vmmiError **err)
{
    g_autofree char *temporary = vmmiFileTemporaryName(VMMI_JOB_NEW);
    int failure;

    if (symlinkat(target, run->guests_fd, temporary) == 0 &&
        renameat(run->guests_fd, temporary, run->guests_fd, key) == 0)
        return 0;
    failure = errno;
    unlinkat(run->guests_fd, temporary, 0);
    return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, failure,
                             "cannot replace the claim '%s/by-guest/%s'", run->path, key);
}

int
vmmiClaimTake(vmmiRunDir *run, const char *key, const char *id, int *lock_fd, vmmiError **err)
{
    g_autofree char *target = g_strconcat(TARGET_PREFIX, id, NULL);
    g_autofree char *holder = NULL;

    if (symlinkat(target, run->guests_fd, key) == 0)
        return 0;
    if (errno != EEXIST)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno,
                                 "cannot make the claim '%s/by-guest/%s'", run->path, key);
    if (read_claim(run, key, &holder) > 0 && holder_is_live(run, holder))
        return raise_busy(holder, err);
    /* Dead, as it seems: look again where nobody else can change it. */
    vmmiFdCleanup(lock_fd);
    *lock_fd = vmmiRunDirLock(run, true, VMMI_RUN_DIR_LOCK_MS, err);
    if (*lock_fd < 0)
        return -1;
    g_clear_pointer(&holder, g_free);
    if (read_claim(run, key, &holder) > 0 && holder_is_live(run, holder))
        return raise_busy(holder, err);
    return replace_claim(run, key, target, err);
}

/* The claim is gone: the old job's manager has tidied up, or somebody else was faster. */
static int
check_successor(vmmiRunDir *run, const vmmiJob *job, vmmiError **err)
{
    g_autofree char *other =
        job->record.replaces ? vmmiJobFindReplacement(run, job->record.replaces, true) : NULL;

    return other ? raise_busy(other, err) : 0;
}

int
vmmiClaimSucceed(vmmiRunDir *run, const char *key, const vmmiJob *job, const char *expected,
                 vmmiError **err)
{
    g_autofree char *target = g_strconcat(TARGET_PREFIX, job->id, NULL);
    g_autofree char *holder = NULL;
    vmmi_autofd int lock = vmmiRunDirLock(run, true, VMMI_RUN_DIR_LOCK_MS, err);
    int found;

    if (lock < 0)
        return -1;
    found = read_claim(run, key, &holder);
    if (found < 0)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "'%s/by-guest/%s' is no claim", run->path, key);
    if (found == 0 && check_successor(run, job, err) < 0)
        return -1;
    if (found > 0 && (g_strcmp0(holder, expected) != 0 || holder_is_live(run, holder)))
        return raise_busy(holder, err);
    return replace_claim(run, key, target, err);
}

void
vmmiClaimDrop(vmmiRunDir *run, const char *key, const char *id)
{
    vmmi_autofd int lock = run->read_only ? -1 : vmmiRunDirLock(run, true, 1000, NULL);
    g_autofree char *holder = NULL;

    if (lock >= 0 && read_claim(run, key, &holder) > 0 && g_str_equal(holder, id))
        unlinkat(run->guests_fd, key, 0);
}

int
vmmiClaimRead(vmmiRunDir *run, const char *world, const char *uuid, char **ret_id, vmmiError **err)
{
    g_autofree char *key = vmmiClaimKey(world, uuid);
    int found = read_claim(run, key, ret_id);

    if (found < 0)
        vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "'%s/by-guest/%s' is no claim", run->path, key);
    return found;
}

int
vmmiClaimFind(vmmiRunDir *run, const char *world, const char *uuid, char **ret_id, vmmiError **err)
{
    g_autofree char *key = vmmiClaimKey(world, uuid);
    g_autofree char *id = NULL;

    switch (read_claim(run, key, &id)) {
    case 0:
        return 0;
    case 1:
        if (!holder_is_live(run, id))
            return 0;
        *ret_id = g_steal_pointer(&id);
        return 1;
    default:
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "'%s/by-guest/%s' is no claim", run->path, key);
    }
}

void
vmmiJobReleaseClaim(vmmiJob *job)
{
    g_autofree char *key = NULL;

    if (!job->record.world || !job->record.guest_uuid ||
        (!job->held && vmmiJobDirIsLive(job->fd)))
        return;
    key = vmmiClaimKey(job->record.world, job->record.guest_uuid);
    vmmiClaimDrop(job->run, key, job->id);
}
