/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-age.h: how long records are kept.
 */
#ifndef VMMI_PLUGIN_JOB_AGE_H
#define VMMI_PLUGIN_JOB_AGE_H

#include "plugin/job-rundir.h"

/* Acknowledged records are kept so long, and so many. */
#define VMMI_KEEP_MS (UINT64_C(7) * 24 * 60 * 60 * 1000)
#define VMMI_KEEP_RECORDS 1000
/* Records that never started anything are kept so long. */
#define VMMI_KEEP_ABANDONED_MS (UINT64_C(60) * 60 * 1000)

/* A point in time that survives both a clock that is set and a machine that is started anew. */
typedef struct {
    uint64_t wall_ms;
    uint64_t boottime_ms;
    const char *boot_id;   /* NULL: not known */
} vmmiMoment;

/* Returns what .boot_id borrows, to be freed. */
char *vmmiMomentNow(vmmiMoment *moment);
/* Within one boot by the boot time, else by the wall clock; 0 when that went backwards. */
uint64_t vmmiMomentSince(const vmmiMoment *then, const vmmiMoment *now);

/* The content of the file `acknowledged`, to be freed; and its times, once it is there. */
char *vmmiAcknowledgedWrite(void);
void vmmiAcknowledgedStamp(int job_dir_fd);

typedef struct {
    vmmiMoment now;
    uint64_t keep_ms;
    size_t keep;
    uint64_t grace_ms;
} vmmiAging;

/*
 * Takes away what is due, under the exclusive lock of the run directory, which the caller holds. The
 * names that the directories have now are added to @garbage.
 */
void vmmiRunDirAge(vmmiRunDir *run, const vmmiAging *aging, GPtrArray *garbage);
/* vmmiRunDirClean() at a moment and with limits of a test's choice. */
void vmmiRunDirCleanAt(vmmiRunDir *run, const vmmiAging *aging);

#endif
