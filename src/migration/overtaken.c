/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overtaken.c: whether a migration was followed by another one of the same guest before anybody
 * settled it. What the hosts show now is then the end of that one.
 */
#include <string.h>

#include "migration/private.h"
#include "util/cleanup.h"

/* Started on the same host, where the guest was seen, and not migrating. */
static bool
overtakes(vmmiRunDir *run, const char *id, const vmmiJobRecord *old)
{
    g_autoptr(vmmiJob) job = vmmiJobOpen(run, id, NULL);
    const vmmiJobRecord *record = job ? vmmiJobGetRecord(job) : NULL;

    return record && g_strcmp0(record->world, old->world) == 0 &&
           g_strcmp0(record->source_uri, old->source_uri) == 0 && vmmiKeptShowsGuest(job);
}

char *
vmmiMigrationFindNext(const vmmiMigration *migration)
{
    vmmiRunDir *run = vmmiJobGetRunDir(migration->job);
    const vmmiJobRecord *record = vmmiJobGetRecord(migration->job);
    g_auto(GStrv) ids = vmmiRunDirListJobs(run, NULL);
    bool later = false;

    /* Oldest first within a guest. */
    for (char **id = ids; id && *id; id++) {
        if (g_str_equal(*id, record->id))
            later = true;
        else if (later && strncmp(*id, record->id, VMMI_UUID_STRING_SIZE) != 0)
            break;
        else if (later && overtakes(run, *id, record))
            return g_strdup(*id);
    }
    return NULL;
}
