/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-create.c: making the record of a migration, in the commit order of docs/run-directory.md.
 *
 * Whenever the maker is killed, what it leaves is a legal state: nothing that counts, garbage under
 * a name of its own, or a job that was prepared and abandoned. All is done under the shared lock of
 * the run directory, so that whoever holds it alone knows garbage from work.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/job-lock.h"
#include "plugin/job-private.h"
#include "plugin/job-process.h"
#include "plugin/job-record.h"
#include "plugin/launch-protocol.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"

#define MAX_NUMBER 999999999

typedef struct {
    vmmiRunDir *run;
    const vmmiJobRecord *given;
    const char *config;
    size_t config_length;
    bool unclaimed;       /* another holds the guest, and is to be followed */
    char *uuid;           /* in lower case */
    char *temporary;      /* name while it is made */
    char *id;             /* name afterwards */
    char *key;
    int run_lock;
    int dir_fd;
    int lock_fd;
} Maker;

static void
maker_clear(Maker *maker)
{
    vmmiFdCleanup(&maker->lock_fd);
    vmmiFdCleanup(&maker->dir_fd);
    vmmiFdCleanup(&maker->run_lock);
    g_free(maker->uuid);
    g_free(maker->temporary);
    g_free(maker->id);
    g_free(maker->key);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Maker, maker_clear)

static int
raise_file(const Maker *maker, const char *name, vmmiError **err)
{
    return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno,
                             "cannot write '%s' of a migration in '%s'", name, maker->run->path);
}

/* A new file of a job. Not synced: a machine that was started anew has lost the job anyway. */
static int
write_file(const Maker *maker, const char *name, const char *text, size_t length, vmmiError **err)
{
    vmmi_autofd int fd =
        openat(maker->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 || vmmiFileWriteFull(fd, text, length) < 0)
        return raise_file(maker, name, err);
    return 0;
}

static int
make_directory(Maker *maker, vmmiError **err)
{
    if (mkdirat(maker->run->jobs_fd, maker->temporary, 0700) < 0)
        return raise_file(maker, "directory", err);
    maker->dir_fd = vmmiRunDirOpenAt(maker->run->jobs_fd, maker->temporary);
    return maker->dir_fd < 0 ? raise_file(maker, "directory", err) : 0;
}

static int
make_lock(Maker *maker, vmmiError **err)
{
    maker->lock_fd = vmmiJobLockMake(maker->dir_fd);
    return maker->lock_fd < 0 ? raise_file(maker, VMMI_FILE_LOCK, err) : 0;
}

static int
write_record(Maker *maker, vmmiError **err)
{
    g_autofree char *boot_id = vmmiProcessBootId();
    g_autofree char *text = NULL;
    vmmiJobRecord record = *maker->given;

    record.guest_uuid = maker->uuid;
    record.vmmi_version = vmmiVersionGet(NULL, NULL, NULL);
    record.boot_id = boot_id;
    record.created_ms = vmmiClockWallMs();
    record.created_boottime_ms = vmmiClockBoottimeMs();
    text = vmmiJobRecordWrite(&record, err);
    return text ? write_file(maker, VMMI_FILE_JOB, text, strlen(text), err) : -1;
}

static int
write_config(Maker *maker, vmmiError **err)
{
    return write_file(maker, VMMI_FILE_CONFIG, maker->config, maker->config_length, err);
}

/* A completion must find room when the file system is full by then. */
static int
make_streams(Maker *maker, vmmiError **err)
{
    vmmi_autofd int fd = -1;

    if (write_file(maker, VMMI_FILE_STDOUT, "", 0, err) < 0)
        return -1;
    fd = openat(maker->dir_fd, VMMI_FILE_STDERR,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return raise_file(maker, VMMI_FILE_STDERR, err);
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, VMMI_JOB_RESERVED_BYTES) < 0 && errno != EOPNOTSUPP)
        return raise_file(maker, VMMI_FILE_STDERR, err);
    return 0;
}

/* The number behind the last one of this guest; 0 when they are used up. */
static unsigned long
next_number(const Maker *maker, vmmiError **err)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(maker->run, err);
    unsigned long last = 0;

    for (size_t i = 0; ids && ids[i]; i++) {
        if (g_str_has_prefix(ids[i], maker->uuid))
            last = MAX(last, strtoul(ids[i] + VMMI_UUID_STRING_SIZE, NULL, 10));
    }
    return ids && last < MAX_NUMBER ? last + 1 : 0;
}

static int
publish(Maker *maker, vmmiError **err)
{
    unsigned long number = next_number(maker, err);

    for (; number >= 1 && number <= MAX_NUMBER; number++) {
        g_free(maker->id);
        maker->id = g_strdup_printf("%s.%lu", maker->uuid, number);
        if (renameat2(maker->run->jobs_fd, maker->temporary, maker->run->jobs_fd, maker->id,
                      RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EEXIST && errno != ENOTEMPTY) {
            g_clear_pointer(&maker->id, g_free);
            return raise_file(maker, "directory", err);
        }
    }
    g_clear_pointer(&maker->id, g_free);
    return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "no number is left for guest %s in '%s'",
                        maker->uuid, maker->run->path);
}

static int
claim(Maker *maker, vmmiError **err)
{
    if (maker->unclaimed)
        return 0;
    return vmmiClaimTake(maker->run, maker->key, maker->id, &maker->run_lock, err);
}

/* The commit order. */
static const struct {
    const char *name;
    int (*run)(Maker *maker, vmmiError **err);
} steps[] = {
    { "directory", make_directory },
    { "lock", make_lock },
    { "record", write_record },
    { "config", write_config },
    { "streams", make_streams },
    { "publish", publish },
    { "claim", claim },
};

static int
check_given(const vmmiRunDir *run, const vmmiJobRecord *record, size_t config_length,
            vmmiError **err)
{
    if (run->read_only)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "run directory '%s' was opened to look only",
                            run->path);
    if (!record->guest_uuid || !g_uuid_string_is_valid(record->guest_uuid))
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "'%s' is not a guest's UUID",
                            record->guest_uuid ? record->guest_uuid : "(null)");
    if (!record->world || !*record->world)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "a migration needs the world of its guest");
    if (config_length > VMMI_MESSAGE_MAX_BYTES)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "the configuration has %zu bytes, the limit is %d", config_length,
                            VMMI_MESSAGE_MAX_BYTES);
    return 0;
}

/* Most of the time a busy guest is seen before anything is written. */
static int
check_claim(Maker *maker, vmmiError **err)
{
    g_autofree char *holder = NULL;

    if (!maker->unclaimed &&
        vmmiClaimFind(maker->run, maker->given->world, maker->uuid, &holder, NULL) > 0)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "guest %s has a policy already: migration %s",
                            maker->uuid, holder);
    return 0;
}

static vmmiJob *
finish(Maker *maker, vmmiError **err)
{
    vmmiJob *job = vmmiJobNew(maker->run, maker->id, vmmiFdSteal(&maker->dir_fd), err);

    if (job) {
        job->lock_fd = vmmiFdSteal(&maker->lock_fd);
        return job;
    }
    vmmiFdCleanup(&maker->run_lock);
    vmmiClaimDrop(maker->run, maker->key, maker->id);
    vmmiRunDirRemoveJob(maker->run, maker->id);
    return NULL;
}

/* Takes what @maker holds in any case. */
static vmmiJob *
make(Maker *maker, vmmiJobStepFunc before, void *opaque, vmmiError **err)
{
    vmmiRunDir *run = maker->run;

    if (check_given(run, maker->given, maker->config_length, err) < 0)
        return NULL;
    maker->uuid = g_ascii_strdown(maker->given->guest_uuid, -1);
    maker->key = vmmiClaimKey(maker->given->world, maker->uuid);
    maker->temporary = vmmiFileTemporaryName(VMMI_JOB_NEW);
    if (check_claim(maker, err) < 0 ||
        (maker->run_lock = vmmiRunDirLock(run, false, VMMI_RUN_DIR_LOCK_MS, err)) < 0)
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        if (before)
            before(steps[i].name, opaque);
        if (steps[i].run(maker, err) < 0) {
            vmmiRunDirRemoveJob(run, maker->id ? maker->id : maker->temporary);
            return NULL;
        }
    }
    if (before)
        before("done", opaque);
    return finish(maker, err);
}

vmmiJob *
vmmiJobCreateStepwise(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
                      size_t config_length, vmmiJobStepFunc before, void *opaque, vmmiError **err)
{
    g_auto(Maker) maker = { .run = run,
                            .given = record,
                            .config = config,
                            .config_length = config_length,
                            .run_lock = -1,
                            .dir_fd = -1,
                            .lock_fd = -1 };

    return make(&maker, before, opaque, err);
}

vmmiJob *
vmmiJobCreate(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
              size_t config_length, vmmiError **err)
{
    return vmmiJobCreateStepwise(run, record, config, config_length, NULL, NULL, err);
}

vmmiJob *
vmmiJobCreateUnclaimed(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
                       size_t config_length, vmmiError **err)
{
    g_auto(Maker) maker = { .run = run,
                            .given = record,
                            .config = config,
                            .config_length = config_length,
                            .unclaimed = true,
                            .run_lock = -1,
                            .dir_fd = -1,
                            .lock_fd = -1 };

    return make(&maker, NULL, NULL, err);
}
