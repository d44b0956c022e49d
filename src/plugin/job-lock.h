/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-lock.h: the bytes of the file `lock` of a job, and who holds them.
 *
 * Shim and plugin hold POSIX record locks: the kernel tells the holder's pid, gives them up when
 * the process ends, keeps them across exec, and hands them to no child. The maker holds an
 * open-file-description lock, which belongs to the object and not to the process, so that other
 * threads of an application may look at the file. Closing any descriptor of the file drops the
 * POSIX locks of the process that closes: the plugin itself must not look.
 */
#ifndef VMMI_PLUGIN_JOB_LOCK_H
#define VMMI_PLUGIN_JOB_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include <libvmmi/vmmi-error.h>

typedef struct {
    bool shim;
    bool plugin;
    bool maker;
    pid_t shim_pid;     /* 0: not held, or the holder is not visible from here */
    pid_t plugin_pid;
} vmmiJobLocks;

/*
 * Looks at the locks of a job directory. A missing file means that nothing is held. Returns 0 or
 * -1.
 */
int vmmiJobLocksLook(int job_dir_fd, vmmiJobLocks *locks, vmmiError **err);
/*
 * Makes the file and takes the maker's byte. Returns a descriptor that holds it until it is closed,
 * or -1 with errno.
 */
int vmmiJobLockMake(int job_dir_fd);
/*
 * Gives up the maker's byte, also for children that were forked meanwhile; the descriptor stays
 * open.
 */
void vmmiJobLockDrop(int lock_fd);
/*
 * Takes the plugin's byte for this process, through the maker's descriptor: no other descriptor of
 * the file may be closed from now on. Returns 0, or -1 with errno.
 */
int vmmiJobLockTakePlugin(int lock_fd);

#endif
