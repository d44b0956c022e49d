/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-record.c: scripted records. VMMI_FAKE_RECORDS names a file: a JSON array of objects with
 * the keys of vmmiRecordToJson(), read anew each time. A key that is not there is unknown. An
 * element that is a string is a record that cannot be read, for that reason.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <jansson.h>

#include "fake.h"

struct vmmiRecord {
    json_t *object;
    char *configuration;
    vmmiOutcome *outcome;
    vmmiSample *sample;
};

struct vmmiRecordList {
    GPtrArray *records;
    size_t broken;
    vmmiError *first;
};

static const char *
text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static uint64_t
number_at(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static vmmiSample *
read_sample(const json_t *figures)
{
    vmmiSample *sample = vmmiSampleNew();

    for (int i = 0; i < VMMI_SAMPLE_LAST; i++) {
        const json_t *value = json_object_get(figures, vmmiSampleFieldToString((vmmiSampleField)i));

        if (value)
            vmmiSampleSet(sample, (vmmiSampleField)i, (uint64_t)json_integer_value(value));
    }
    return sample;
}

static vmmiOutcome *
read_outcome(const json_t *object)
{
    const json_t *error = json_object_get(object, "error"), *end = json_object_get(object, "exit");
    json_t *actions = json_object_get(object, "actions");
    vmmiOutcome *outcome = g_new0(vmmiOutcome, 1);

    outcome->kind = (vmmiOutcomeKind)vmmiOutcomeKindFromString(text_at(object, "outcome"));
    outcome->where = (vmmiWhere)vmmiWhereFromString(text_at(object, "where"));
    if (json_is_object(error)) {
        vmmiErrorSet(&outcome->error, (int)number_at(error, "code"), "%s",
                     text_at(error, "message"));
        vmmiErrorSetDetails(&outcome->error, "%s", text_at(error, "details"));
    }
    outcome->exit_kind = end ? (vmmiExitKind)vmmiExitKindFromString(text_at(end, "kind")) : 0;
    outcome->exit_value = (int)number_at(end, "value");
    outcome->evidence = g_strdup(text_at(object, "evidence"));
    outcome->diagnostics = g_strdup(text_at(object, "diagnostics"));
    outcome->actions = actions ? json_dumps(actions, JSON_COMPACT) : NULL;
    outcome->statistics = read_sample(json_object_get(object, "statistics"));
    return outcome;
}

static vmmiRecord *
new_record(json_t *object)
{
    vmmiRecord *record = g_new0(vmmiRecord, 1);
    json_t *configuration = json_object_get(object, "configured");

    record->object = json_incref(object);
    record->configuration = configuration ? json_dumps(configuration, JSON_COMPACT) : NULL;
    record->outcome = text_at(object, "outcome") ? read_outcome(object) : NULL;
    record->sample = read_sample(json_object_get(object, "sample"));
    return record;
}

static void
free_outcome(vmmiOutcome *outcome)
{
    if (!outcome)
        return;
    vmmiErrorFree(outcome->error);
    vmmiSampleFree(outcome->statistics);
    g_free(outcome->evidence);
    g_free(outcome->diagnostics);
    free(outcome->actions);
    g_free(outcome);
}

void
vmmiRecordFree(vmmiRecord *record)
{
    if (!record)
        return;
    free_outcome(record->outcome);
    vmmiSampleFree(record->sample);
    json_decref(record->object);
    free(record->configuration);
    g_free(record);
}

/* --- the list ------------------------------------------------------------------------ */

static void
free_record(void *record)
{
    vmmiRecordFree(record);
}

vmmiRecordList *
vmmiManagerListRecords(const vmmiManager *manager G_GNUC_UNUSED, unsigned int flags,
                       vmmiError **err G_GNUC_UNUSED)
{
    const char *path = g_getenv("VMMI_FAKE_RECORDS");
    json_t *array = path ? json_load_file(path, 0, NULL) : NULL;
    vmmiRecordList *list = g_new0(vmmiRecordList, 1);

    list->records = g_ptr_array_new_with_free_func(free_record);
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *object = json_array_get(array, i);
        unsigned int is = text_at(object, "outcome") ? VMMI_LIST_ENDED : VMMI_LIST_RUNNING;

        if (json_is_string(object) && list->broken++ == 0)
            vmmiErrorSet(&list->first, VMMI_ERR_RUN_DIR, "%s", json_string_value(object));
        if (json_is_object(object) && (!flags || (flags & is)))
            g_ptr_array_add(list->records, new_record(object));
    }
    json_decref(array);
    return list;
}

size_t
vmmiRecordListGetCount(const vmmiRecordList *list)
{
    return list ? list->records->len : 0;
}

const vmmiRecord *
vmmiRecordListGet(const vmmiRecordList *list, size_t index)
{
    return g_ptr_array_index(list->records, index);
}

size_t
vmmiRecordListGetBroken(const vmmiRecordList *list, const vmmiError **ret_first)
{
    if (ret_first)
        *ret_first = list->first;
    return list->broken;
}

void
vmmiRecordListFree(vmmiRecordList *list)
{
    if (!list)
        return;
    g_ptr_array_unref(list->records);
    vmmiErrorFree(list->first);
    g_free(list);
}

vmmiRecord *
vmmiManagerFindRecord(const vmmiManager *manager, const char *selector, vmmiError **err)
{
    vmmiRecordList *list = vmmiManagerListRecords(manager, 0, NULL);
    vmmiRecord *found = NULL;

    for (size_t i = 0; i < list->records->len; i++) {
        const vmmiRecord *record = g_ptr_array_index(list->records, i);

        if (g_str_equal(selector, text_at(record->object, "id")) ||
            g_strcmp0(selector, text_at(record->object, "guest")) == 0) {
            vmmiRecordFree(found);
            found = new_record(record->object);
        }
    }
    vmmiRecordListFree(list);
    if (!found)
        vmmiErrorSet(err, VMMI_ERR_MIGRATION_UNKNOWN, "there is no migration '%s'", selector);
    return found;
}

/* --- a record ------------------------------------------------------------------------ */

#define TEXT(name, key) \
    const char *vmmiRecordGet##name(const vmmiRecord *record) \
    { \
        return text_at(record->object, key); \
    }
TEXT(Id, "id")
TEXT(GuestName, "guest")
TEXT(GuestUuid, "uuid")
TEXT(Plugin, "plugin")
TEXT(PluginPath, "pluginPath")
TEXT(SourceUri, "source")
TEXT(DestinationUri, "destination")
TEXT(MigrateUri, "migrateUri")
TEXT(Directory, "directory")
TEXT(Replaces, "replaces")
TEXT(ReplacedBy, "replacedBy")

uint64_t
vmmiRecordGetCreatedMs(const vmmiRecord *record)
{
    return number_at(record->object, "createdMs");
}

uint64_t
vmmiRecordGetEndedMs(const vmmiRecord *record)
{
    return number_at(record->object, "endedMs");
}

const char *
vmmiRecordGetConfiguration(const vmmiRecord *record)
{
    return record->configuration;
}

vmmiPhase
vmmiRecordGetPhase(const vmmiRecord *record)
{
    return (vmmiPhase)vmmiPhaseFromString(text_at(record->object, "phase"));
}

bool
vmmiRecordGetState(const vmmiRecord *record, vmmiState *ret_state)
{
    const char *name = text_at(record->object, "state");

    if (name)
        *ret_state = (vmmiState)vmmiStateFromString(name);
    return name != NULL;
}

unsigned int
vmmiRecordGetPercent(const vmmiRecord *record)
{
    return (unsigned int)number_at(record->object, "percent");
}

const vmmiSample *
vmmiRecordGetSample(const vmmiRecord *record)
{
    return record->sample;
}

const vmmiOutcome *
vmmiRecordGetOutcome(const vmmiRecord *record)
{
    return record->outcome;
}

bool
vmmiRecordIsAcknowledged(const vmmiRecord *record)
{
    return json_is_true(json_object_get(record->object, "acknowledged"));
}

char *
vmmiRecordToJson(const vmmiRecord *record, vmmiError **err G_GNUC_UNUSED)
{
    return json_dumps(record->object, JSON_COMPACT);
}

/* --- an outcome ---------------------------------------------------------------------- */

vmmiOutcomeKind
vmmiOutcomeGetKind(const vmmiOutcome *outcome)
{
    return outcome->kind;
}

vmmiWhere
vmmiOutcomeGetWhere(const vmmiOutcome *outcome)
{
    return outcome->where;
}

const vmmiError *
vmmiOutcomeGetError(const vmmiOutcome *outcome)
{
    return outcome->error;
}

const vmmiSample *
vmmiOutcomeGetStatistics(const vmmiOutcome *outcome)
{
    return outcome->statistics;
}

const char *
vmmiOutcomeGetEvidence(const vmmiOutcome *outcome)
{
    return outcome->evidence;
}

vmmiExitKind
vmmiOutcomeGetExitKind(const vmmiOutcome *outcome)
{
    return outcome->exit_kind;
}

int
vmmiOutcomeGetExitValue(const vmmiOutcome *outcome)
{
    return outcome->exit_value;
}

const char *
vmmiOutcomeGetDiagnostics(const vmmiOutcome *outcome)
{
    return outcome->diagnostics ? outcome->diagnostics : "";
}

const char *
vmmiOutcomeGetActions(const vmmiOutcome *outcome)
{
    return outcome->actions ? outcome->actions : "[]";
}
