/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-age.c: which records go, and when.
 *
 * Acknowledged ones go after a while, or when there are too many; those that never started anything
 * go sooner, since nobody was ever told of them. Nothing else does. Within one boot the wall clock
 * is not asked: it may be set. Across boots it is, but a clock that went backwards ages nothing.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "message/json.h"
#include "plugin/job-age.h"
#include "plugin/job-lock.h"
#include "plugin/job-private.h"
#include "plugin/job-process.h"
#include "plugin/job-record.h"
#include "plugin/launch-protocol.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"

#define ACKNOWLEDGED_MAX_BYTES 4096

/* --- when ------------------------------------------------------------------------- */

char *
vmmiMomentNow(vmmiMoment *moment)
{
    char *boot_id = vmmiProcessBootId();

    moment->wall_ms = vmmiClockWallMs();
    moment->boottime_ms = vmmiClockBoottimeMs();
    moment->boot_id = boot_id;
    return boot_id;
}

static bool
is_same_boot(const vmmiMoment *a, const vmmiMoment *b)
{
    return a->boot_id && b->boot_id && *a->boot_id && g_str_equal(a->boot_id, b->boot_id);
}

static uint64_t
since(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}

uint64_t
vmmiMomentSince(const vmmiMoment *then, const vmmiMoment *now)
{
    return is_same_boot(then, now) ? since(then->boottime_ms, now->boottime_ms)
                                   : since(then->wall_ms, now->wall_ms);
}

/* --- the mark --------------------------------------------------------------------- */

char *
vmmiAcknowledgedWrite(void)
{
    vmmiMoment now;
    g_autofree char *boot_id = vmmiMomentNow(&now);
    g_autoptr(json_t) object =
        json_pack("{s:i, s:I, s:I, s:s}", "version", VMMI_RECORD_VERSION, "acknowledgedMs",
                  (json_int_t)now.wall_ms, "acknowledgedBoottimeMs", (json_int_t)now.boottime_ms,
                  "bootId", boot_id);
    g_autofree char *text = vmmiJsonWrite(object, false);

    return g_strconcat(text, "\n", NULL);
}

void
vmmiAcknowledgedStamp(int job_dir_fd)
{
    uint64_t now = vmmiClockBoottimeMs();
    const struct timespec times[] = {
        { .tv_nsec = UTIME_OMIT },
        { .tv_sec = (time_t)(now / 1000), .tv_nsec = (long)(now % 1000) * 1000000 },
    };

    utimensat(job_dir_fd, VMMI_FILE_ACKNOWLEDGED, times, AT_SYMLINK_NOFOLLOW);
}

static uint64_t
to_ms(struct timespec time)
{
    return time.tv_sec < 0 ? 0 : (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* A mark that says nothing was made when its inode was changed last, in an unknown boot. */
static json_t *
read_mark(int job_dir_fd, const struct stat *st, vmmiMoment *when)
{
    g_autofree char *text = NULL;
    json_t *root = NULL;
    size_t length = 0;

    if (vmmiFileReadAt(job_dir_fd, VMMI_FILE_ACKNOWLEDGED, ACKNOWLEDGED_MAX_BYTES, true, &text,
                       &length, NULL) == 0)
        root = vmmiJsonParse(text, length, NULL, NULL);
    *when = (vmmiMoment){ .wall_ms = to_ms(st->st_ctim) };
    if (vmmiJsonGetUInt(root, "acknowledgedMs", &when->wall_ms) &&
        vmmiJsonGetUInt(root, "acknowledgedBoottimeMs", &when->boottime_ms))
        vmmiJsonGetString(root, "bootId", &when->boot_id);
    return root;
}

/* --- which ------------------------------------------------------------------------ */

typedef struct {
    char *id;
    uint64_t age_ms;
    bool read;        /* .age_ms is what the mark says, and not just known to be less */
} Candidate;

typedef struct {
    vmmiRunDir *run;
    const vmmiAging *aging;
    GArray *marked;       /* Candidate */
    GPtrArray *garbage;   /* names */
} Ager;

static void
clear_candidate(gpointer data)
{
    g_free(((Candidate *)data)->id);
}

static bool
stat_file(const Ager *ager, const char *id, const char *name, struct stat *st)
{
    g_autofree char *path = g_strdup_printf("%s/%s", id, name);

    return fstatat(ager->run->jobs_fd, path, st, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Whether nothing lives: no byte of the lock is held, no process is the plugin, and the shim has
 * given the directory up. @dir_fd holds the latter from now on.
 */
static bool
is_dead(int dir_fd)
{
    vmmiJobLocks locks;
    vmmiJobLiveness liveness;

    /* Looking at one's own lock would drop it. */
    if (vmmiJobDirIsOwn(dir_fd))
        return false;
    return flock(dir_fd, LOCK_EX | LOCK_NB) == 0 && vmmiJobLocksLook(dir_fd, &locks, NULL) == 0 &&
           !locks.shim && !locks.plugin && !locks.maker &&
           vmmiJobDirLook(dir_fd, NULL, &liveness, NULL) == 0 &&
           !vmmiJobPhaseIsLive(liveness.phase);
}

/* It vanishes at once; its files go later. */
static void
take_away(Ager *ager, const char *id, int dir_fd)
{
    g_autofree char *name = vmmiFileTemporaryName(VMMI_JOB_NEW);

    if (is_dead(dir_fd) && renameat(ager->run->jobs_fd, id, ager->run->jobs_fd, name) == 0)
        g_ptr_array_add(ager->garbage, g_steal_pointer(&name));
}

static void
read_age(const Ager *ager, Candidate *candidate)
{
    vmmi_autofd int fd = vmmiJobOpenDir(ager->run, candidate->id);
    g_autoptr(json_t) root = NULL;
    vmmiMoment when;
    struct stat st;

    candidate->read = true;
    candidate->age_ms = 0;
    if (fd < 0 || fstatat(fd, VMMI_FILE_ACKNOWLEDGED, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode))
        return;
    root = read_mark(fd, &st, &when);
    candidate->age_ms = vmmiMomentSince(&when, &ager->aging->now);
}

/*
 * The mark's own times tell most of them apart without opening anything: it is stamped with the boot
 * time, and the kernel keeps when that was by the wall clock.
 */
static void
add_marked(Ager *ager, const char *id, const struct stat *st)
{
    const vmmiAging *aging = ager->aging;
    Candidate candidate = { .id = g_strdup(id) };

    if (since(to_ms(st->st_mtim), aging->now.boottime_ms) >= aging->keep_ms ||
        since(to_ms(st->st_ctim), aging->now.wall_ms) >= aging->keep_ms)
        read_age(ager, &candidate);
    g_array_append_val(ager->marked, candidate);
}

static void
look_at_unsettled(Ager *ager, const char *id)
{
    g_autoptr(vmmiJob) job = vmmiJobOpen(ager->run, id, NULL);
    vmmiMoment made;

    /* Nobody was told of it: its manager died before. */
    if (!job || vmmiJobIsOwn(job) || !vmmiJobWasNeverStarted(job))
        return;
    made = (vmmiMoment){ job->record.created_ms, job->record.created_boottime_ms,
                         job->record.boot_id };
    if (vmmiMomentSince(&made, &ager->aging->now) >= ager->aging->grace_ms)
        take_away(ager, id, job->fd);
}

static void
look_at(Ager *ager, const char *id)
{
    struct stat st;

    if (stat_file(ager, id, VMMI_FILE_ACKNOWLEDGED, &st)) {
        if (S_ISREG(st.st_mode))
            add_marked(ager, id, &st);
    } else if (!stat_file(ager, id, VMMI_FILE_OUTCOME, &st) &&
               (stat_file(ager, id, VMMI_FILE_RESULT, &st) ||
                !stat_file(ager, id, VMMI_FILE_PROCESS, &st))) {
        /* With a process and no result it was started, or may yet be. */
        look_at_unsettled(ager, id);
    }
}

static gint
compare_age(gconstpointer left, gconstpointer right)
{
    const Candidate *a = left, *b = right;

    return a->age_ms < b->age_ms ? 1 : a->age_ms > b->age_ms ? -1 : strcmp(a->id, b->id);
}

static void
remove_marked(Ager *ager)
{
    const vmmiAging *aging = ager->aging;
    guint beyond = ager->marked->len > aging->keep ? ager->marked->len - (guint)aging->keep : 0;

    for (guint i = 0; beyond && i < ager->marked->len; i++) {
        Candidate *candidate = &g_array_index(ager->marked, Candidate, i);

        if (!candidate->read)
            read_age(ager, candidate);
    }
    g_array_sort(ager->marked, compare_age);
    for (guint i = 0; i < ager->marked->len; i++) {
        const Candidate *candidate = &g_array_index(ager->marked, Candidate, i);
        bool due = candidate->read && candidate->age_ms >= aging->keep_ms;
        vmmi_autofd int fd =
            due || i < beyond ? vmmiJobOpenDir(ager->run, candidate->id) : -1;

        if (fd >= 0 && faccessat(fd, VMMI_FILE_OUTCOME, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            take_away(ager, candidate->id, fd);
    }
}

void
vmmiRunDirAge(vmmiRunDir *run, const vmmiAging *aging, GPtrArray *garbage)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(run, NULL);
    Ager ager = { .run = run, .aging = aging, .garbage = garbage };

    ager.marked = g_array_new(FALSE, FALSE, sizeof(Candidate));
    g_array_set_clear_func(ager.marked, clear_candidate);
    for (size_t i = 0; ids && ids[i]; i++)
        look_at(&ager, ids[i]);
    remove_marked(&ager);
    g_array_unref(ager.marked);
}
