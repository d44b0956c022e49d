/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json.c: a migration as one JSON object, for programs (architecture.md, section 7).
 *
 * What is not known yet is null: `outcome`, `where` and `error` until it has ended.
 */
#include "message/json.h"
#include "migration/private.h"
#include "util/cleanup.h"

static json_t *
text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

void
vmmiJsonAddJob(json_t *object, const vmmiJobRecord *record, const char *directory,
               const char *replaced_by)
{
    json_object_set_new(object, "source", text_or_null(record->source_uri));
    json_object_set_new(object, "destination", text_or_null(record->destination_uri));
    json_object_set_new(object, "migrateUri", text_or_null(record->migrate_uri));
    json_object_set_new(object, "pluginPath", text_or_null(record->plugin_path));
    json_object_set_new(object, "directory", text_or_null(directory));
    json_object_set_new(object, "createdMs", json_integer((json_int_t)record->created_ms));
    json_object_set_new(object, "replaces", text_or_null(record->replaces));
    json_object_set_new(object, "replacedBy", text_or_null(replaced_by));
}

/* The keys of outcome.json, and null for each before the end. */
void
vmmiJsonAddOutcome(json_t *object, const vmmiOutcome *outcome)
{
    static const char *const keys[] = {
        "outcome",    "where",   "error",       "evidence",   "exit",
        "statistics", "actions", "diagnostics", "completion",
    };
    g_autoptr(json_t) known = outcome ? vmmiOutcomeToJson(outcome) : NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        json_t *value = json_object_get(known, keys[i]);

        json_object_set_new(object, keys[i], value ? json_incref(value) : json_null());
    }
}

char *
vmmiMigrationToJson(const vmmiMigration *migration, vmmiError **err)
{
    const vmmiSample *sample = migration ? vmmiMigrationGetSample(migration) : NULL;
    g_autoptr(json_t) object = NULL;

    if (!migration) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no migration was given");
        return NULL;
    }
    object = json_pack("{s:s, s:o, s:s, s:o, s:s, s:i}", "id", vmmiMigrationGetId(migration),
                       "guest", text_or_null(vmmiMigrationGetGuestName(migration)), "uuid",
                       vmmiMigrationGetGuestUuid(migration), "plugin",
                       text_or_null(vmmiMigrationGetPlugin(migration)), "state",
                       vmmiStateToString(vmmiMigrationGetState(migration)), "percent",
                       (int)vmmiMigrationGetPercent(migration));
    json_object_set_new(object, "sample", sample ? vmmiSampleToJson(sample) : json_null());
    vmmiJsonAddOutcome(object, vmmiMigrationGetOutcome(migration));
    vmmiJsonAddJob(object, vmmiJobGetRecord(migration->job), vmmiJobGetPath(migration->job),
                   vmmiMigrationGetReplacedBy(migration));
    return vmmiJsonWrite(object, false);
}
