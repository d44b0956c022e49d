/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-find.c: the one record that a person means.
 */
#include <string.h>

#include "migration/private.h"
#include "migration/record.h"
#include "util/cleanup.h"
#include "util/error.h"

static vmmiRecord *
read_linked(vmmiRunDir *run, const char *id, vmmiError **err)
{
    vmmiRecord *record = vmmiRecordRead(run, id, err);

    if (record)
        record->replaced_by = vmmiJobFindReplacement(run, id, false);
    return record;
}

typedef struct {
    const char *uuid;      /* in lower case; NULL: any */
    const char *name;      /* NULL: any */
} Wanted;

static bool
matches(const Wanted *wanted, const char *id, const vmmiRecord *record)
{
    if (wanted->uuid)
        return strncmp(id, wanted->uuid, VMMI_UUID_STRING_SIZE - 1) == 0;
    return record && g_strcmp0(record->job.guest_name, wanted->name) == 0;
}

/* One that lives is meant rather than one that does not, and then the newer one. */
static bool
is_better(const vmmiRecord *record, const vmmiRecord *than)
{
    bool lives = vmmiJobPhaseIsLive(record->phase);

    if (!than || lives != vmmiJobPhaseIsLive(than->phase))
        return !than || lives;
    /* Ids come in the order of their numbers. */
    if (strncmp(record->id, than->id, VMMI_UUID_STRING_SIZE - 1) == 0)
        return true;
    return record->job.created_ms >= than->job.created_ms;
}

static bool
is_ambiguous(const vmmiRecord *record, const vmmiRecord *other)
{
    return other && vmmiJobPhaseIsLive(record->phase) && vmmiJobPhaseIsLive(other->phase) &&
           g_strcmp0(record->job.guest_uuid, other->job.guest_uuid) != 0;
}

static void
keep_first(vmmiError **kept, vmmiError *error)
{
    if (*kept || vmmiErrorGetCode(error) == VMMI_ERR_MIGRATION_UNKNOWN)
        vmmiErrorFree(error);
    else
        *kept = error;
}

/* @damage: (out): why the first that could have been meant could not be read. */
static vmmiRecord *
find_best(vmmiRunDir *run, char **ids, const Wanted *wanted, vmmiError **damage, vmmiError **err)
{
    g_autoptr(vmmiRecord) best = NULL;

    for (size_t i = 0; ids[i]; i++) {
        vmmiError *error = NULL;
        g_autoptr(vmmiRecord) record = NULL;

        if (wanted->uuid && !matches(wanted, ids[i], NULL))
            continue;
        record = vmmiRecordRead(run, ids[i], &error);
        if (!record) {
            keep_first(damage, error);
            continue;
        }
        if (!matches(wanted, ids[i], record))
            continue;
        if (is_ambiguous(record, best)) {
            vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                         "two guests named '%s' are being migrated, %s and %s: say which by UUID",
                         wanted->name, best->job.guest_uuid, record->job.guest_uuid);
            return NULL;
        }
        if (is_better(record, best)) {
            vmmiRecordFree(best);
            best = g_steal_pointer(&record);
        }
    }
    return g_steal_pointer(&best);
}

static vmmiRecord *
find_of_guest(vmmiRunDir *run, const Wanted *wanted, const char *selector, vmmiError **err)
{
    g_auto(GStrv) ids = vmmiRunDirListJobs(run, err);
    g_autoptr(vmmiError) damage = NULL;
    g_autoptr(vmmiError) error = NULL;
    vmmiRecord *record;

    if (!ids)
        return NULL;
    record = find_best(run, ids, wanted, &damage, &error);
    if (record) {
        record->replaced_by = vmmiJobFindReplacement(run, record->id, false);
        return record;
    }
    if (error)
        vmmiErrorPropagate(err, g_steal_pointer(&error));
    else if (damage && wanted->uuid)
        vmmiErrorPropagate(err, g_steal_pointer(&damage));
    else
        vmmiErrorSet(err, VMMI_ERR_MIGRATION_UNKNOWN, "no migration of guest '%s' is known in '%s'",
                     selector, vmmiRunDirGetPath(run));
    return NULL;
}

vmmiRecord *
vmmiManagerFindRecord(const vmmiManager *manager, const char *selector, vmmiError **err)
{
    g_autofree char *lower = NULL;
    const char *guest = selector;
    bool named = false, numbered = false;
    Wanted wanted = { 0 };

    if (vmmiManagerCheck(manager, err) < 0)
        return NULL;
    if (!selector || !*selector) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "a migration's id or a guest is needed");
        return NULL;
    }
    if (vmmiJobIdIsValid(selector))
        return read_linked(manager->run, selector, err);
    named = g_str_has_prefix(selector, "name:");
    numbered = g_str_has_prefix(selector, "uuid:");
    if (named || numbered)
        guest = selector + strlen("name:");
    lower = g_ascii_strdown(guest, -1);
    if (!named && g_uuid_string_is_valid(lower))
        wanted.uuid = lower;
    else if (!numbered)
        wanted.name = guest;
    if (!wanted.uuid && !wanted.name) {
        vmmiErrorSet(err, VMMI_ERR_MIGRATION_UNKNOWN, "'%s' is not a UUID", guest);
        return NULL;
    }
    return find_of_guest(manager->run, &wanted, selector, err);
}
