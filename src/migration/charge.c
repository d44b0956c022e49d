/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * charge.c: who is in charge of a guest's migration, or was. Reads records; changes nothing.
 */
#include "migration/charge.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "driver/connect.h"
#include "message/json.h"
#include "migration/stream.h"
#include "plugin/journal.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* Clocks of a host and of its books are read one after the other. */
#define TOLERANCE_MS 1000

static vmmiOutcomeKind
read_outcome(const vmmiJob *job)
{
    g_autofree char *text = NULL;
    g_autoptr(json_t) object = NULL;
    const char *kind = NULL;
    size_t length = 0;

    if (vmmiJobReadOutcome(job, &text, &length, NULL) == 1 &&
        (object = vmmiJsonParse(text, length, NULL, NULL)))
        vmmiJsonGetString(object, "outcome", &kind);
    return (vmmiOutcomeKind)MAX(vmmiOutcomeKindFromString(kind), VMMI_OUTCOME_NONE);
}

/* When the plugin of a dead job was last known to work, by the clock of records; 0: never. Where its
 * shim was killed as well, the journal is all that tells. */
static uint64_t
last_seen(const vmmiJob *job, const vmmiJobResult *result)
{
    uint64_t wall = vmmiClockWallMs(), now = vmmiClockBoottimeMs(), age, written;
    struct stat st;

    if (result->ended_boottime_ms)
        return result->ended_boottime_ms;
    if (fstatat(vmmiJobGetFd(job), VMMI_JOURNAL_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    written = (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
    age = wall > written ? wall - written : 0;
    return now > age ? now - age : 0;
}

/* Whether the plugin of a dead job left the migration that runs since @since_ms (0: unknown), which
 * may be another one. Where nothing tells, it did not: its own end is still to be found out. */
static bool
has_left_it(vmmiJob *job, uint64_t since_ms)
{
    vmmiJobResult result;

    if (!since_ms || vmmiJobReadResult(job, &result, NULL) != 1 ||
        result.kind == VMMI_EXIT_NOT_STARTED || result.kind == VMMI_EXIT_LOST_AT_BOOT ||
        last_seen(job, &result) + TOLERANCE_MS < since_ms)
        return false;
    switch (read_outcome(job)) {
    case VMMI_OUTCOME_COMPLETED:
    case VMMI_OUTCOME_ABORTED:
        return false;
    default:
        return true; /* one that failed let go with an error, and the migration went on */
    }
}

static bool
is_of(const vmmiJob *job, const char *world, const char *guest)
{
    const vmmiJobRecord *record = vmmiJobGetRecord(job);

    return g_strcmp0(record->world, world) == 0 &&
           ((record->guest_uuid && g_ascii_strcasecmp(record->guest_uuid, guest) == 0) ||
            g_strcmp0(record->guest_name, guest) == 0);
}

/* When the job on the host began, by the clock of records; 0: unknown. */
static uint64_t
find_begin(vmmiConnect *connect, const char *uuid)
{
    g_autoptr(vmmiSample) sample = vmmiSampleNew();
    vmmiJobKind job = VMMI_JOB_NONE;
    uint64_t elapsed, now = vmmiClockBoottimeMs();

    if (vmmiCallMigrationSample(connect, uuid, sample, &job, NULL) < 0 ||
        !vmmiSampleGet(sample, VMMI_SAMPLE_ELAPSED_MS, &elapsed) || elapsed >= now)
        return 0;
    return now - elapsed;
}

/* The newest record of the guest whose plugin was really started, if it left this migration. */
static vmmiJob *
find_left(vmmiRunDir *run, vmmiConnect *connect, const char *uuid)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(run, NULL);
    uint64_t since_ms = ids && *ids ? find_begin(connect, uuid) : 0;

    for (size_t i = ids ? g_strv_length(ids) : 0; i > 0; i--) {
        g_autoptr(vmmiJob) job = NULL;
        vmmiJobResult result;

        if (g_ascii_strncasecmp(ids[i - 1], uuid, VMMI_UUID_STRING_SIZE - 1) != 0)
            continue;
        job = vmmiJobOpen(run, ids[i - 1], NULL);
        if (!job || !is_of(job, vmmiConnectGetWorld(connect), uuid))
            continue;
        /* Prepared, or never started: it was not in charge. */
        if (vmmiJobReadResult(job, &result, NULL) != 1 || result.kind == VMMI_EXIT_NOT_STARTED)
            continue;
        return has_left_it(job, since_ms) ? g_steal_pointer(&job) : NULL;
    }
    return NULL;
}

int
vmmiChargeFind(vmmiRunDir *run, vmmiConnect *connect, const vmmiGuestInfo *guest,
               vmmiCharge *charge, vmmiError **err)
{
    const char *world = vmmiConnectGetWorld(connect);
    g_autofree char *live = NULL;
    int found;

    memset(charge, 0, sizeof(*charge));
    if (vmmiClaimRead(run, world, guest->uuid, &charge->claimed, err) < 0)
        return -1;
    found = vmmiClaimFind(run, world, guest->uuid, &live, err);
    if (found < 0)
        return -1;
    if (found == 0) {
        charge->old = find_left(run, connect, guest->uuid);
        return 0;
    }
    charge->old = vmmiJobOpen(run, live, err);
    charge->live = true;
    return charge->old ? 0 : -1;
}

void
vmmiChargeClear(vmmiCharge *charge)
{
    vmmiJobUnref(charge->old);
    g_free(charge->claimed);
    memset(charge, 0, sizeof(*charge));
}

/* --- how it ended ----------------------------------------------------------------- */

static char *
explain(vmmiJob *job)
{
    vmmiOutcomeKind kind = read_outcome(job);
    g_autofree char *text = NULL;
    g_autofree char *noise = NULL;
    g_autoptr(vmmiMessage) completion = NULL;
    g_autoptr(vmmiError) error = NULL;
    size_t length = 0;

    if (kind != VMMI_OUTCOME_NONE)
        return g_strdup_printf("migration %s ended: %s", vmmiJobGetId(job),
                               vmmiOutcomeKindToString(kind));
    if (vmmiJobReadStream(job, VMMI_JOB_STDERR, -1, VMMI_MESSAGE_MAX_BYTES, &text, &length, NULL,
                          NULL) == 0)
        completion = vmmiStreamFindCompletion(text, length, &noise);
    if (!completion)
        return g_strdup_printf("the plugin of migration %s ended without a word",
                               vmmiJobGetId(job));
    if (vmmiCompletionIsSuccess(completion))
        return g_strdup_printf("migration %s ended: its plugin says success", vmmiJobGetId(job));
    error = vmmiCompletionGetError(completion);
    return g_strdup_printf("migration %s ended: %s", vmmiJobGetId(job), vmmiErrorGetMessage(error));
}

char *
vmmiChargeExplainEnd(vmmiRunDir *run, const char *world, const char *guest)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(run, NULL);
    g_autoptr(vmmiJob) newest = NULL;

    for (size_t i = 0; ids && ids[i]; i++) {
        g_autoptr(vmmiJob) job = vmmiJobOpen(run, ids[i], NULL);
        vmmiJobResult result;

        if (!job || !is_of(job, world, guest) || vmmiJobReadResult(job, &result, NULL) != 1 ||
            result.kind == VMMI_EXIT_NOT_STARTED ||
            (newest &&
             vmmiJobGetRecord(newest)->created_ms > vmmiJobGetRecord(job)->created_ms))
            continue;
        vmmiJobUnref(newest);
        newest = g_steal_pointer(&job);
    }
    return newest ? explain(newest) : NULL;
}
