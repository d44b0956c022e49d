/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.c: what the files of a migration tell: its journal, its streams, and how its plugin ended.
 *
 * inotify wakes for the files, pidfds for the processes: when a shim is killed nobody writes
 * result.json any more.
 */
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "migration/private.h"
#include "migration/stream.h"
#include "util/cleanup.h"
#include "util/error.h"

/* A journal may be long when a manager comes late; a policy that does more than this is not shown
 * in full. */
#define MAX_ACTIONS 10000
/* At one look, since somebody may write faster than we read; the rest comes with the next, except
 * when there is none. */
#define MAX_ENTRIES 1000
#define MAX_LAST_ENTRIES 100000
/* Two completions of the largest size from the end; when there is none, one from the beginning.
 * Noise between is of no use. */
#define STDERR_MAX_BYTES ((size_t)2 * VMMI_MESSAGE_MAX_BYTES)
#define STDERR_FIRST_BYTES ((size_t)VMMI_MESSAGE_MAX_BYTES)
/* Looked at again, ever less often, when the locks cannot be read, the shim is writing, or the
 * records contradict each other. */
#define AGAIN_FIRST_MS 50
#define AGAIN_LAST_MS 2000

/* --- the journal ------------------------------------------------------------------ */

/* Whoever comes late is told the latest figures before each change of state, and the last. */
static void
show_late_sample(vmmiMigration *migration)
{
    if (migration->late_sample)
        vmmiNoticeSample(migration, g_steal_pointer(&migration->late_sample));
}

static void
take_sample(vmmiMigration *migration, vmmiSample *sample)
{
    if (!migration->late) {
        vmmiNoticeSample(migration, sample);
        return;
    }
    vmmiNoticePassed(migration, sample);
    vmmiSampleFree(migration->late_sample);
    migration->late_sample = sample;
}

static void
take_entry(vmmiMigration *migration, vmmiJournalEntry *entry)
{
    switch (entry->kind) {
    case VMMI_JOURNAL_STATE:
        show_late_sample(migration);
        /* The end is judged, not read. */
        if (!vmmiStateIsFinal(entry->state))
            vmmiNoticeState(migration, entry->state);
        if (entry->state > VMMI_STATE_PREPARE && entry->state < VMMI_STATE_UNATTENDED)
            migration->seen_moving = true;
        break;
    case VMMI_JOURNAL_SAMPLE:
        if (entry->sample)
            take_sample(migration, g_steal_pointer(&entry->sample));
        break;
    case VMMI_JOURNAL_ACTION:
        if (entry->data && json_array_size(migration->actions) < MAX_ACTIONS)
            json_array_append(migration->actions, entry->data);
        break;
    case VMMI_JOURNAL_END:
        json_decref(migration->journal_end);
        migration->journal_end = entry->data ? json_incref(entry->data) : NULL;
        break;
    default:
        break;
    }
}

/* The journal speaks: hosts need not be asked. */
static void
journal_spoke(vmmiMigration *migration)
{
    migration->journal_seen = true;
    migration->journal_silent = false;
    if (migration->plugin_ended)
        return;
    vmmiTimerStop(migration, VMMI_TIMER_POLL);
    vmmiTimerSet(migration, VMMI_TIMER_SILENCE, migration->manager->limits.silence);
}

static void
read_journal(vmmiMigration *migration, unsigned int limit)
{
    vmmiJournalEntry *entry = NULL;
    unsigned int taken = 0;

    while (taken < limit && migration->journal &&
           vmmiJournalReaderNext(migration->journal, &entry, NULL) == 1) {
        take_entry(migration, entry);
        vmmiJournalEntryFree(entry);
        taken++;
    }
    if (taken > 0)
        journal_spoke(migration);
    if (taken == limit ||
        (migration->journal && vmmiJournalReaderHasMore(migration->journal))) {
        vmmiTimerSet(migration, VMMI_TIMER_LOOK, 0);
        return;
    }
    show_late_sample(migration);
    migration->late = false;
}

void
vmmiFollowRest(vmmiMigration *migration)
{
    read_journal(migration, MAX_LAST_ENTRIES);
}

/* --- the plugin's end ------------------------------------------------------------- */

/* @offset: -1: from the end. Returns: how much there is in all. */
static uint64_t
find_completion(vmmiMigration *migration, int64_t offset, size_t max_bytes, char **noise)
{
    g_autofree char *text = NULL;
    uint64_t total = 0;
    size_t length = 0;

    if (vmmiJobReadStream(migration->job, VMMI_JOB_STDERR, offset, max_bytes, &text, &length,
                          &total, NULL) == 0)
        migration->completion = vmmiStreamFindCompletion(text, length, noise);
    return total;
}

/* Somebody may be noisy after the completion; what is shown is the end of it. */
static void
read_stderr(vmmiMigration *migration)
{
    uint64_t total = find_completion(migration, -1, STDERR_MAX_BYTES, &migration->diagnostics);
    g_autofree char *noise = NULL;

    if (!migration->completion && total > STDERR_MAX_BYTES)
        find_completion(migration, 0, STDERR_FIRST_BYTES, &noise);
}

static void
drop_pidfds(vmmiMigration *migration)
{
    vmmiManagerDropPidfd(migration->manager, &migration->plugin_pidfd);
    vmmiManagerDropPidfd(migration->manager, &migration->shim_pidfd);
}

static void
add_pidfd(vmmiMigration *migration, int pidfd, int *place)
{
    if (pidfd >= 0 && vmmiManagerAddPidfd(migration->manager, pidfd, migration, NULL) < 0)
        close(pidfd);
    else
        *place = pidfd;
}

/* One that was still starting when it was opened. Returns: whether its end will wake us. */
static bool
find_plugin(vmmiMigration *migration)
{
    add_pidfd(migration, vmmiJobOpenPidfd(migration->job, NULL), &migration->plugin_pidfd);
    return migration->plugin_pidfd >= 0;
}

static void
look_again(vmmiMigration *migration)
{
    if (vmmiTimerIsSet(migration, VMMI_TIMER_LOOK))
        return;
    migration->again_ms = CLAMP(migration->again_ms * 2, AGAIN_FIRST_MS, AGAIN_LAST_MS);
    vmmiTimerSet(migration, VMMI_TIMER_LOOK, migration->again_ms);
}

static void
check_end(vmmiMigration *migration)
{
    int ended = vmmiJobReadResult(migration->job, &migration->result, NULL);

    if (ended == 0 && migration->plugin_pidfd < 0 && !find_plugin(migration))
        look_again(migration);
    if (ended < 0 && (migration->plugin_pidfd >= 0 || migration->shim_pidfd >= 0)) {
        look_again(migration);
        return;
    }
    if (ended == 0)
        return;
    if (ended < 0) {
        /* Both processes are gone, and so are the records. */
        migration->result.kind = VMMI_EXIT_UNKNOWN;
        migration->result.value = -1;
    }
    migration->plugin_ended = true;
    drop_pidfds(migration);
    vmmiTimerStop(migration, VMMI_TIMER_LOOK);
    vmmiFollowRest(migration);
    vmmiStatusLook(migration);
    vmmiStatusGiveUp(migration, VMMI_ERR_STATE, "it ended before it answered");
    read_stderr(migration);
    vmmiControlEnded(migration);
    vmmiSettleStart(migration);
}

/* --- together --------------------------------------------------------------------- */

static bool
concerns(const char *name, const char *file)
{
    return !name || g_str_equal(name, file);
}

void
vmmiFollowLook(vmmiMigration *migration, const char *name)
{
    if (migration->outcome)
        return;
    if (concerns(name, VMMI_JOURNAL_NAME))
        read_journal(migration, MAX_ENTRIES);
    /* First what happened before; a full look follows. */
    if (migration->late)
        return;
    if (concerns(name, "stdout"))
        vmmiStatusLook(migration);
    if (concerns(name, vmmiJobAskedToFile(VMMI_JOB_ASKED_ABORT)))
        vmmiControlLook(migration);
    if (concerns(name, "outcome.json") && vmmiSettleAdopt(migration))
        return;
    if (!migration->plugin_ended && concerns(name, "result.json"))
        check_end(migration);
}

static int
follow_shim(vmmiMigration *migration)
{
    vmmiJobLiveness first, second;
    vmmi_autofd int pidfd = -1;

    if (vmmiJobGetLiveness(migration->job, &first, NULL) < 0 || first.shim_pid <= 0)
        return -1;
    pidfd = (int)syscall(SYS_pidfd_open, first.shim_pid, 0);
    if (pidfd < 0 || vmmiJobGetLiveness(migration->job, &second, NULL) < 0 ||
        second.shim_pid != first.shim_pid)
        return -1;
    return vmmiFdSteal(&pidfd);
}

int
vmmiFollowStart(vmmiMigration *migration, vmmiError **err)
{
    migration->watch =
        inotify_add_watch(migration->manager->inotify_fd, vmmiJobGetPath(migration->job),
                          IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_ONLYDIR);
    if (migration->watch < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno,
                                 "cannot watch '%s' (see fs.inotify.max_user_watches)",
                                 vmmiJobGetPath(migration->job));
    g_hash_table_insert(migration->manager->watches, GINT_TO_POINTER(migration->watch), migration);
    migration->journal = vmmiJournalReaderNew(vmmiJobGetFd(migration->job), err);
    return migration->journal ? 0 : -1;
}

void
vmmiFollowProcesses(vmmiMigration *migration)
{
    find_plugin(migration);
    add_pidfd(migration, follow_shim(migration), &migration->shim_pidfd);
    vmmiFollowLook(migration, NULL);
}

void
vmmiFollowStop(vmmiMigration *migration)
{
    drop_pidfds(migration);
    if (migration->watch >= 0) {
        g_hash_table_remove(migration->manager->watches, GINT_TO_POINTER(migration->watch));
        inotify_rm_watch(migration->manager->inotify_fd, migration->watch);
        migration->watch = -1;
    }
    for (size_t i = 0; i < VMMI_TIMER_LAST; i++)
        migration->timers[i] = 0;
}
