/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-asked.c: what managers asked of a plugin, for the managers to come.
 *
 * An abort that was asked for is no failure, whoever asks, and whoever judges. Each request is an
 * empty file that the first to ask makes, before the signal is sent; nobody writes to it.
 */
#include <fcntl.h>

#include "plugin/job-private.h"
#include "util/cleanup.h"
#include "util/enum-table.h"

static const char *const file_names[] = { "asked-abort", "asked-release", "asked-end",
                                          "asked-kill" };
G_STATIC_ASSERT(G_N_ELEMENTS(file_names) == VMMI_JOB_ASKED_LAST);

const char *
vmmiJobAskedToFile(vmmiJobAsked what)
{
    return vmmiEnumToString(file_names, G_N_ELEMENTS(file_names), (int)what);
}

bool
vmmiJobMarkAsked(vmmiJob *job, vmmiJobAsked what)
{
    vmmi_autofd int fd = -1;

    if (job->run->read_only)
        return false;
    fd = openat(job->fd, file_names[what], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                0600);
    return fd >= 0;
}

void
vmmiJobUnmarkAsked(vmmiJob *job, vmmiJobAsked what)
{
    unlinkat(job->fd, file_names[what], 0);
}

bool
vmmiJobWasAsked(const vmmiJob *job, vmmiJobAsked what)
{
    return faccessat(job->fd, file_names[what], F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
