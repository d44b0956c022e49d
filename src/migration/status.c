/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status.c: a status on request (G1, S2 to S4, B7), and keeping the file of standard output small
 * (S3).
 *
 * The answer is the first whole status that the plugin writes after it was asked; one request is
 * open at a time.
 */
#include <fcntl.h>
#include <signal.h>

#include "driver/connect.h"
#include "migration/private.h"
#include "migration/stream.h"
#include "util/cleanup.h"

#define DEFAULT_TIMEOUT_MS 5000

static uint64_t
stdout_size(const vmmiMigration *migration)
{
    g_autofree char *text = NULL;
    uint64_t total = 0;
    size_t length;

    if (vmmiJobReadStream(migration->job, VMMI_JOB_STDOUT, 0, 0, &text, &length, &total, NULL) < 0)
        return 0;
    return total;
}

/* The plugin appends, so that a file that was cut goes on from its beginning. */
static void
throw_away(vmmiMigration *migration)
{
    vmmi_autofd int fd = openat(vmmiJobGetFd(migration->job), "stdout",
                                O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0 && ftruncate(fd, 0) == 0)
        migration->status_offset = 0;
}

void
vmmiStatusLook(vmmiMigration *migration)
{
    g_autofree char *text = NULL;
    vmmiMessage *status = NULL;
    uint64_t total = 0;
    size_t length = 0, consumed = 0;

    if (migration->status_pending &&
        vmmiJobReadStream(migration->job, VMMI_JOB_STDOUT, (int64_t)migration->status_offset,
                          VMMI_STDOUT_MAX_BYTES, &text, &length, &total, NULL) == 0) {
        status = vmmiStreamFindStatus(text, length, &consumed);
        /* A message that does not fit is noise. */
        migration->status_offset += consumed || length < VMMI_STDOUT_MAX_BYTES ? consumed : length;
        /* Somebody else cut the file. */
        if (total < migration->status_offset)
            migration->status_offset = 0;
    }
    if (status) {
        migration->status_pending = false;
        vmmiTimerStop(migration, VMMI_TIMER_STATUS);
        vmmiNoticeStatus(migration, status, NULL);
    }
    if (!migration->manager->read_only && !migration->status_pending &&
        stdout_size(migration) > VMMI_STDOUT_MAX_BYTES)
        throw_away(migration);
}

void
vmmiStatusGiveUp(vmmiMigration *migration, int code, const char *why)
{
    vmmiError *error = NULL;

    if (!migration->status_pending)
        return;
    migration->status_pending = false;
    vmmiTimerStop(migration, VMMI_TIMER_STATUS);
    vmmiErrorSet(&error, code, "plugin '%s' of guest '%s' sent no status: %s",
                 vmmiMigrationGetPlugin(migration), vmmiMigrationGetGuestName(migration), why);
    vmmiNoticeStatus(migration, NULL, error);
}

int
vmmiMigrationRequestStatus(vmmiMigration *migration, unsigned int timeout_ms, vmmiError **err)
{
    if (vmmiMigrationCheck(migration, err) < 0 ||
        vmmiManagerCheckWritable(migration->manager, err) < 0)
        return -1;
    if (migration->plugin_ended || migration->outcome)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "migration %s has no plugin any more",
                            vmmiMigrationGetId(migration));
    if (migration->status_pending)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "a status of migration %s was asked for already",
                            vmmiMigrationGetId(migration));
    migration->status_offset = stdout_size(migration);
    if (vmmiControlSignal(migration, SIGUSR1, err) < 0)
        return -1;
    migration->status_pending = true;
    vmmiTimerSet(migration, VMMI_TIMER_STATUS, timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS);
    return 0;
}
