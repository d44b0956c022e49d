/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open.c: the run directory that is meant, and the record that a word on the command line means.
 */
#include "open.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

#define BRIEF_DIGITS 8
#define UUID_LENGTH 36
/* The longest time in which it is found out how a migration ended: a source that does not answer is
 * given up before. */
#define SETTLE_MS 20000
#define SETTLE_STEP_MS 100

static bool
belongs_to_another(const char *path)
{
    struct stat status;

    return path && geteuid() == 0 && stat(path, &status) == 0 && status.st_uid != 0;
}

int
open_manager(Opened *opened, const Common *common, vmmiError **err)
{
    opened->common = common;
    opened->read_only = belongs_to_another(common->run_dir);
    opened->manager =
        vmmiManagerNew(common->run_dir, opened->read_only ? VMMI_MANAGER_READ_ONLY : 0, err);
    return opened->manager ? 0 : -1;
}

char *
open_brief_id(const char *id)
{
    return id && strlen(id) > UUID_LENGTH + 1 && id[UUID_LENGTH] == '.'
               ? g_strdup_printf("%.*s%s", BRIEF_DIGITS, id, id + UUID_LENGTH)
               : NULL;
}

/* --- brief ids ----------------------------------------------------------------------- */

static bool
is_brief(const char *text)
{
    size_t digits = strspn(text, "0123456789abcdefABCDEF");
    size_t number = digits == BRIEF_DIGITS && text[digits] == '.'
                        ? strspn(text + digits + 1, "0123456789")
                        : 0;

    return number > 0 && !text[digits + 1 + number];
}

/* The only id of that brief form; NULL when there is none, or @twice when there are two. */
static char *
find_brief(const vmmiManager *manager, const char *brief, bool *twice)
{
    vmmiRecordList *list = vmmiManagerListRecords(manager, 0, NULL);
    char *found = NULL;

    for (size_t i = 0; list && i < vmmiRecordListGetCount(list); i++) {
        const char *id = vmmiRecordGetId(vmmiRecordListGet(list, i));
        g_autofree char *its = open_brief_id(id);

        if (!its || g_ascii_strcasecmp(its, brief) != 0)
            continue;
        *twice = found != NULL;
        g_free(found);
        found = g_strdup(id);
    }
    vmmiRecordListFree(list);
    return found;
}

static int
look_up_brief(Opened *opened, const char *brief, vmmiError **err)
{
    bool twice = false;
    g_autofree char *id = find_brief(opened->manager, brief, &twice);

    if (!id)
        return -1;
    vmmiErrorClear(err);
    if (twice)
        return vmmiErrorSet(err, VMMI_ERR_MIGRATION_UNKNOWN,
                            "'%s' is short for more than one migration, such as %s", brief, id);
    opened->record = vmmiManagerFindRecord(opened->manager, id, err);
    return opened->record ? 0 : -1;
}

/* --- opening ------------------------------------------------------------------------- */

int
open_record(Opened *opened, const Common *common, const char *selector, vmmiError **err)
{
    vmmiError *error = NULL;

    if (!opened->manager && open_manager(opened, common, err) < 0)
        return -1;
    opened->record = vmmiManagerFindRecord(opened->manager, selector, &error);
    if (opened->record)
        return 0;
    if (vmmiErrorGetCode(error) == VMMI_ERR_MIGRATION_UNKNOWN && is_brief(selector) &&
        look_up_brief(opened, selector, &error) == 0)
        return 0;
    return vmmiErrorPropagate(err, error);
}

int
open_migration(Opened *opened, const Common *common, const char *selector, vmmiError **err)
{
    if (open_record(opened, common, selector, err) < 0)
        return -1;
    opened->migration =
        vmmiMigrationOpen(opened->manager, vmmiRecordGetId(opened->record), NULL, err);
    return opened->migration ? 0 : -1;
}

bool
open_is_unsettled(const vmmiRecord *record)
{
    vmmiPhase phase = vmmiRecordGetPhase(record);

    return !vmmiRecordGetOutcome(record) &&
           (phase == VMMI_PHASE_FINISHED || phase == VMMI_PHASE_GONE ||
            phase == VMMI_PHASE_LOST_AT_BOOT);
}

void
open_settle(vmmiMigration *migration)
{
    for (int waited = 0; waited < SETTLE_MS; waited += SETTLE_STEP_MS) {
        if (vmmiMigrationWait(migration, SETTLE_STEP_MS, NULL) != 0 ||
            vmmiMigrationGetState(migration) == VMMI_STATE_UNATTENDED)
            return;
    }
}

void
open_clear(Opened *opened)
{
    vmmiMigrationUnref(opened->migration);
    vmmiRecordFree(opened->record);
    vmmiManagerFree(opened->manager);
    memset(opened, 0, sizeof(*opened));
}

/* --- objects ------------------------------------------------------------------------- */

json_t *
open_record_object(const vmmiRecord *record)
{
    char *text = vmmiRecordToJson(record, NULL);
    json_t *object = text ? json_loadb(text, strlen(text), 0, NULL) : NULL;

    vmmiFree(text);
    return object ? object : json_pack("{s:s?}", "id", vmmiRecordGetId(record));
}

ExitCode
open_report(const Opened *opened, const vmmiError *error)
{
    json_t *object = opened->record ? open_record_object(opened->record) : report_empty_object();

    return report_error(opened->common, error, object);
}
