/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-replaced.c: which job took over from another. Only the newer one says so, in its job.json;
 * the way back is found by looking.
 */
#include <string.h>

#include "plugin/job-private.h"
#include "util/cleanup.h"

/* One that was abandoned on the way took over from nobody. */
static bool
took_over(vmmiJob *job, bool started)
{
    vmmiJobLiveness liveness;
    vmmiJobResult result;

    if (vmmiJobGetLiveness(job, &liveness, NULL) < 0 ||
        (started && liveness.phase == VMMI_PHASE_PREPARED))
        return false;
    return vmmiJobReadResult(job, &result, NULL) != 1 || result.kind != VMMI_EXIT_NOT_STARTED;
}

char *
vmmiJobFindReplacement(vmmiRunDir *run, const char *id, bool started)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(run, NULL);
    guint count = ids ? g_strv_length(ids) : 0;

    /* Oldest first within a guest: the last one that says so counts. */
    while (count-- > 0) {
        g_autoptr(vmmiJob) job = NULL;

        if (strncmp(ids[count], id, VMMI_UUID_STRING_SIZE) != 0)
            continue;
        if (g_str_equal(ids[count], id))
            break;
        job = vmmiJobOpen(run, ids[count], NULL);
        if (job && g_strcmp0(job->record.replaces, id) == 0 && took_over(job, started))
            return g_strdup(ids[count]);
    }
    return NULL;
}
