/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-lock.c: the bytes of the file `lock` of a job, and who holds them.
 */
#include "plugin/job-lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "plugin/launch-protocol.h"
#include "util/cleanup.h"
#include "util/error.h"

static struct flock
byte_lock(off_t byte)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

    return lock;
}

static int
look(int fd, off_t byte, bool *held, pid_t *pid)
{
    struct flock lock = byte_lock(byte);

    if (fcntl(fd, F_GETLK, &lock) < 0)
        return -1;
    *held = lock.l_type != F_UNLCK;
    *pid = *held && lock.l_pid > 0 ? lock.l_pid : 0;
    return 0;
}

int
vmmiJobLocksLook(int job_dir_fd, vmmiJobLocks *locks, vmmiError **err)
{
    vmmi_autofd int fd =
        openat(job_dir_fd, VMMI_FILE_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    vmmiJobLocks found = { 0 };
    pid_t maker_pid;
    struct stat st;

    if (fd < 0 && errno != ENOENT)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno, "cannot open '" VMMI_FILE_LOCK "'");
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "'" VMMI_FILE_LOCK "' is not a regular file");
    if (fd >= 0 && (look(fd, VMMI_LOCK_SHIM, &found.shim, &found.shim_pid) < 0 ||
                    look(fd, VMMI_LOCK_PLUGIN, &found.plugin, &found.plugin_pid) < 0 ||
                    look(fd, VMMI_LOCK_MAKER, &found.maker, &maker_pid) < 0))
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno,
                                 "cannot look at '" VMMI_FILE_LOCK "'");
    *locks = found;
    return 0;
}

int
vmmiJobLockMake(int job_dir_fd)
{
    vmmi_autofd int fd = openat(job_dir_fd, VMMI_FILE_LOCK,
                                O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct flock lock = byte_lock(VMMI_LOCK_MAKER);

    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0)
        return -1;
    return vmmiFdSteal(&fd);
}

void
vmmiJobLockDrop(int lock_fd)
{
    struct flock lock = byte_lock(VMMI_LOCK_MAKER);

    lock.l_type = F_UNLCK;
    fcntl(lock_fd, F_OFD_SETLK, &lock);
}

int
vmmiJobLockTakePlugin(int lock_fd)
{
    struct flock lock = byte_lock(VMMI_LOCK_PLUGIN);

    return fcntl(lock_fd, F_SETLK, &lock);
}
