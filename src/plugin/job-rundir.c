/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-rundir.c: the run directory: which layout it has, what is in it, and who may change it now.
 *
 * Below it everything is reached through descriptors of directories, so that no link is followed
 * and a directory that is replaced meanwhile does not lead elsewhere. Where it is and whether it may
 * be used is util/run-dir.c; one job is job.c, claims are job-claim.c.
 */
#include "plugin/job-rundir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "plugin/job-age.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/number.h"

#define HINT "set VMMI_RUN_DIR to a directory of your own"

/* The first to come writes the version; all others read it. */
static int
write_version(int fd, const char *path, vmmiError **err)
{
    g_autofree char *temporary = vmmiFileTemporaryName("version");
    g_autofree char *text = g_strdup_printf("%d\n", VMMI_RUN_DIR_VERSION);
    vmmi_autofd int file = openat(fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int failure = 0;

    if (file < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno, "cannot write to run directory '%s'",
                                 path);
    if (vmmiFileWriteFull(file, text, strlen(text)) < 0 ||
        (linkat(fd, temporary, fd, "version", 0) < 0 && errno != EEXIST))
        failure = errno;
    unlinkat(fd, temporary, 0);
    if (failure)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, failure, "cannot write the version of '%s'",
                                 path);
    return 0;
}

static int
check_version(int fd, const char *path, bool read_only, vmmiError **err)
{
    g_autofree char *text = NULL;
    g_autoptr(vmmiError) error = NULL;
    struct stat st;
    uint64_t version;

    if (fstatat(fd, "version", &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT && read_only)
            return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                                "'%s' is no run directory: it has no version", path);
        if (errno != ENOENT || write_version(fd, path, err) < 0)
            return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno,
                                     "cannot look for the version of '%s'", path);
    }
    if (vmmiFileReadAt(fd, "version", 32, true, &text, NULL, &error) < 0)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "run directory '%s': %s", path,
                            vmmiErrorGetMessage(error));
    g_strchomp(text);
    if (!vmmiNumberParse(text, 1, G_MAXUINT32, &version))
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            "run directory '%s' has the version '%s', a number was expected", path,
                            text);
    if (version > VMMI_RUN_DIR_VERSION)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            "run directory '%s' has layout version %" PRIu64
                            ", this library knows up to %d: use a newer libvmmi, or " HINT,
                            path, version, VMMI_RUN_DIR_VERSION);
    return 0;
}

/* Only the last part of the path is made: what is above belongs to the system. */
static vmmiRunDir *
open_run_dir(const char *path, bool read_only, vmmiError **err)
{
    g_autofree char *jobs = NULL;
    g_autofree char *guests = NULL;
    g_autoptr(vmmiRunDir) run = g_new0(vmmiRunDir, 1);

    run->refs = 1;
    run->fd = run->jobs_fd = run->guests_fd = -1;
    run->read_only = read_only;
    run->path = vmmiRunDirResolvePath(path, err);
    if (!run->path)
        return NULL;
    run->fd = vmmiRunDirOpenChecked(AT_FDCWD, run->path, run->path, read_only, err);
    if (run->fd < 0 || check_version(run->fd, run->path, read_only, err) < 0)
        return NULL;
    jobs = g_build_filename(run->path, "jobs", NULL);
    guests = g_build_filename(run->path, "by-guest", NULL);
    run->jobs_fd = vmmiRunDirOpenChecked(run->fd, "jobs", jobs, read_only, err);
    if (run->jobs_fd < 0)
        return NULL;
    run->guests_fd = vmmiRunDirOpenChecked(run->fd, "by-guest", guests, read_only, err);
    return run->guests_fd < 0 ? NULL : g_steal_pointer(&run);
}

vmmiRunDir *
vmmiRunDirOpen(const char *path, vmmiError **err)
{
    return open_run_dir(path, false, err);
}

vmmiRunDir *
vmmiRunDirOpenReadOnly(const char *path, vmmiError **err)
{
    return open_run_dir(path, true, err);
}

vmmiRunDir *
vmmiRunDirRef(vmmiRunDir *run)
{
    g_atomic_int_inc(&run->refs);
    return run;
}

void
vmmiRunDirUnref(vmmiRunDir *run)
{
    if (!run || !g_atomic_int_dec_and_test(&run->refs))
        return;
    vmmiFdCleanup(&run->fd);
    vmmiFdCleanup(&run->jobs_fd);
    vmmiFdCleanup(&run->guests_fd);
    g_free(run->path);
    g_free(run);
}

const char *
vmmiRunDirGetPath(const vmmiRunDir *run)
{
    return run->path;
}

int
vmmiRunDirGetFd(const vmmiRunDir *run)
{
    return run->fd;
}

int
vmmiRunDirLock(vmmiRunDir *run, bool exclusive, unsigned int wait_ms, vmmiError **err)
{
    vmmi_autofd int fd =
        openat(run->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    struct stat st;
    uint64_t deadline = vmmiClockBoottimeMs() + wait_ms;

    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno, "cannot open the lock of '%s'",
                                 run->path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "the lock of '%s' is not a regular file",
                            run->path);
    /*
     * flock() has no time limit; whoever holds it needs less than a millisecond, unless it was
     * stopped.
     */
    while (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno, "cannot lock '%s'", run->path);
        if (vmmiClockBoottimeMs() >= deadline)
            return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                                "another process has kept '%s' locked for %u ms: is it stopped?",
                                run->path, wait_ms);
        g_usleep(2000);
    }
    return vmmiFdSteal(&fd);
}

static DIR *
open_stream(int dir_fd)
{
    vmmi_autofd int fd = vmmiRunDirOpenAt(dir_fd, ".");
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir)
        vmmiFdSteal(&fd);
    return dir;
}

void
vmmiRunDirRemoveTree(int dir_fd, const char *name)
{
    vmmi_autofd int fd = vmmiRunDirOpenAt(dir_fd, name);
    g_autoptr(DIR) dir = fd < 0 ? NULL : open_stream(fd);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            unlinkat(fd, entry->d_name, 0);
    }
    unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void
vmmiRunDirRemoveJob(vmmiRunDir *run, const char *name)
{
    g_autofree char *garbage = vmmiFileTemporaryName(VMMI_JOB_NEW);

    if (renameat(run->jobs_fd, name, run->jobs_fd, garbage) == 0)
        vmmiRunDirRemoveTree(run->jobs_fd, garbage);
}

static int
compare_ids(gconstpointer left, gconstpointer right)
{
    const char *a = *(const char *const *)left;
    const char *b = *(const char *const *)right;
    int uuid = strncmp(a, b, VMMI_UUID_STRING_SIZE - 1);

    if (uuid)
        return uuid;
    a += VMMI_UUID_STRING_SIZE;
    b += VMMI_UUID_STRING_SIZE;
    if (strlen(a) != strlen(b))
        return strlen(a) < strlen(b) ? -1 : 1;
    return strcmp(a, b);
}

char **
vmmiRunDirListJobs(vmmiRunDir *run, vmmiError **err)
{
    g_autoptr(DIR) dir = open_stream(run->jobs_fd);
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    struct dirent *entry;
    struct stat st;

    if (fstat(run->jobs_fd, &st) == 0 && st.st_nlink == 0) {
        vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "'%s/jobs' was removed", run->path);
        return NULL;
    }
    if (!dir) {
        vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno, "cannot list '%s/jobs'", run->path);
        return NULL;
    }
    while ((entry = readdir(dir))) {
        if (vmmiJobIdIsValid(entry->d_name))
            g_ptr_array_add(ids, g_strdup(entry->d_name));
    }
    g_ptr_array_sort(ids, compare_ids);
    g_ptr_array_add(ids, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&ids), FALSE);
}

static void
clean_directory(int fd)
{
    g_autoptr(DIR) dir = open_stream(fd);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (!g_str_has_prefix(entry->d_name, VMMI_JOB_NEW_PREFIX))
            continue;
        if (unlinkat(fd, entry->d_name, 0) < 0)
            vmmiRunDirRemoveTree(fd, entry->d_name);
    }
}

/* Claims are made and replaced under the shared lock at least: one that leads nowhere is dead. */
static void
clean_claims(vmmiRunDir *run)
{
    g_autoptr(DIR) dir = open_stream(run->guests_fd);
    struct dirent *entry;
    struct stat st;

    while (dir && (entry = readdir(dir))) {
        if (fstatat(run->guests_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(st.st_mode) && faccessat(run->guests_fd, entry->d_name, F_OK, 0) < 0 &&
            errno == ENOENT)
            unlinkat(run->guests_fd, entry->d_name, 0);
    }
}

void
vmmiRunDirCleanAt(vmmiRunDir *run, const vmmiAging *aging)
{
    vmmi_autofd int lock = run->read_only ? -1 : vmmiRunDirLock(run, true, 0, NULL);
    g_autoptr(GPtrArray) garbage = g_ptr_array_new_with_free_func(g_free);

    if (lock < 0)
        return;
    /*
     * All is made under the shared lock: what is half made while we hold it alone has no maker any
     * more.
     */
    clean_directory(run->jobs_fd);
    clean_directory(run->guests_fd);
    vmmiRunDirAge(run, aging, garbage);
    clean_claims(run);
    vmmiFdCleanup(&lock);
    for (guint i = 0; i < garbage->len; i++)
        vmmiRunDirRemoveTree(run->jobs_fd, g_ptr_array_index(garbage, i));
}

void
vmmiRunDirClean(vmmiRunDir *run)
{
    vmmiAging aging = { .keep_ms = VMMI_KEEP_MS,
                        .keep = VMMI_KEEP_RECORDS,
                        .grace_ms = VMMI_KEEP_ABANDONED_MS };
    g_autofree char *boot_id G_GNUC_UNUSED = vmmiMomentNow(&aging.now);

    vmmiRunDirCleanAt(run, &aging);
}
