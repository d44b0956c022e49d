/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.c: a plugin's own place in the run directory.
 *
 * A manager that uses libvmmi has made the record and claimed the guest before it started us, and
 * says so in VMMI_JOB. A plugin that was started bare does the same itself.
 */
#include "kit/record.h"

#include <fcntl.h>
#include <string.h>

#include "util/cleanup.h"

/* NULL: none, or one that is not ours: a name that was inherited by accident counts for nothing. */
static vmmiJob *
find_own(const char *uuid)
{
    const char *path = g_getenv(VMMI_JOB_ENV);
    g_autoptr(vmmiJob) job = NULL;

    if (!path || !*path)
        return NULL;
    job = vmmiJobOpenPath(path, NULL);
    if (!job || !vmmiJobIsOwn(job) ||
        g_ascii_strcasecmp(vmmiJobGetRecord(job)->guest_uuid, uuid) != 0)
        return NULL;
    return g_steal_pointer(&job);
}

static vmmiJob *
make_own(const vmmiKitRecordFacts *facts, vmmiError **err)
{
    g_autoptr(vmmiRunDir) run = vmmiRunDirOpen(NULL, err);
    g_autofree char *text = vmmiMessageToJson(facts->configuration, true, NULL);
    const char *config = text ? text : "{}";
    g_autoptr(vmmiJob) job = NULL;
    vmmiJobRecord record = {
        .plugin = facts->plugin,
        .plugin_path = facts->plugin_path,
        .world = vmmiConnectGetWorld(facts->connect),
        .guest_uuid = facts->guest->uuid,
        .guest_name = facts->guest->name,
        .source_uri = vmmiConnectGetUri(facts->connect),
        .destination_uri = facts->destination_uri,
        .migrate_uri = facts->migrate_uri,
        .bare = true,
    };

    if (!run)
        return NULL;
    if (facts->replace)
        job = vmmiJobTakeOver(run, &record, config, strlen(config), facts->replace_ms, err);
    else
        job = vmmiJobCreate(run, &record, config, strlen(config), err);
    if (!job || vmmiJobHold(job, err) < 0)
        return NULL;
    return g_steal_pointer(&job);
}

int
vmmiKitRecordOpen(const vmmiKitRecordFacts *facts, vmmiKitRecord *record, vmmiError **err)
{
    record->job = find_own(facts->guest->uuid);
    record->bare = record->job == NULL;
    if (record->bare)
        record->job = make_own(facts, err);
    if (!record->job)
        return -1;
    record->journal = vmmiJournalOpen(vmmiJobGetFd(record->job), NULL);
    return 0;
}

void
vmmiKitRecordLeave(vmmiKitRecord *record, const vmmiMessage *completion, int exit_status)
{
    vmmi_autofd int fd = -1;

    if (!record->bare || !record->job)
        return;
    fd = openat(vmmiJobGetFd(record->job), "stderr", O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        vmmiMessageWriteFd(completion, fd, NULL);
    vmmiJobLeave(record->job, exit_status, NULL);
}

void
vmmiKitRecordClear(vmmiKitRecord *record)
{
    vmmiJournalFree(record->journal);
    vmmiJobUnref(record->job);
    memset(record, 0, sizeof(*record));
}
