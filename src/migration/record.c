/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.c: a record: its getters and its form as JSON. Reading it from files is record-read.c.
 */
#include "migration/record.h"

#include "message/json.h"
#include "migration/outcome.h"
#include "plugin/journal.h"
#include "util/cleanup.h"
#include "util/error.h"

void
vmmiRecordFree(vmmiRecord *record)
{
    if (!record)
        return;
    vmmiRunDirUnref(record->run);
    json_decref(record->root);
    g_free(record->id);
    g_free(record->directory);
    g_free(record->replaced_by);
    g_free(record->configuration);
    vmmiSampleFree(record->sample);
    vmmiOutcomeFree(record->outcome);
    json_decref(record->settled);
    g_free(record->text);
    g_free(record);
}

const char *
vmmiRecordGetId(const vmmiRecord *record)
{
    return record ? record->id : NULL;
}

const char *
vmmiRecordGetGuestName(const vmmiRecord *record)
{
    return record ? record->job.guest_name : NULL;
}

const char *
vmmiRecordGetGuestUuid(const vmmiRecord *record)
{
    return record ? record->job.guest_uuid : NULL;
}

const char *
vmmiRecordGetPlugin(const vmmiRecord *record)
{
    return record ? record->job.plugin : NULL;
}

const char *
vmmiRecordGetPluginPath(const vmmiRecord *record)
{
    return record ? record->job.plugin_path : NULL;
}

const char *
vmmiRecordGetSourceUri(const vmmiRecord *record)
{
    return record ? record->job.source_uri : NULL;
}

const char *
vmmiRecordGetDestinationUri(const vmmiRecord *record)
{
    return record ? record->job.destination_uri : NULL;
}

const char *
vmmiRecordGetMigrateUri(const vmmiRecord *record)
{
    return record ? record->job.migrate_uri : NULL;
}

const char *
vmmiRecordGetDirectory(const vmmiRecord *record)
{
    return record ? record->directory : NULL;
}

const char *
vmmiRecordGetReplaces(const vmmiRecord *record)
{
    return record ? record->job.replaces : NULL;
}

const char *
vmmiRecordGetReplacedBy(const vmmiRecord *record)
{
    return record ? record->replaced_by : NULL;
}

uint64_t
vmmiRecordGetCreatedMs(const vmmiRecord *record)
{
    return record ? record->job.created_ms : 0;
}

const char *
vmmiRecordGetConfiguration(const vmmiRecord *record)
{
    vmmiRecord *cache = (vmmiRecord *)record;

    if (!record)
        return NULL;
    if (!record->configuration)
        cache->configuration = vmmiRecordReadConfiguration(record);
    return record->configuration;
}

vmmiPhase
vmmiRecordGetPhase(const vmmiRecord *record)
{
    return record ? record->phase : VMMI_PHASE_UNCLEAR;
}

bool
vmmiRecordGetState(const vmmiRecord *record, vmmiState *ret_state)
{
    if (!record || !record->has_state)
        return false;
    if (ret_state)
        *ret_state = record->state;
    return true;
}

unsigned int
vmmiRecordGetPercent(const vmmiRecord *record)
{
    return record ? record->percent : 0;
}

const vmmiSample *
vmmiRecordGetSample(const vmmiRecord *record)
{
    return record ? record->sample : NULL;
}

const vmmiOutcome *
vmmiRecordGetOutcome(const vmmiRecord *record)
{
    vmmiRecord *cache = (vmmiRecord *)record;

    if (!record)
        return NULL;
    if (!record->outcome)
        cache->outcome = vmmiRecordMakeOutcome(cache);
    return record->outcome;
}

uint64_t
vmmiRecordGetEndedMs(const vmmiRecord *record)
{
    return record ? record->ended_ms : 0;
}

bool
vmmiRecordIsAcknowledged(const vmmiRecord *record)
{
    return record && record->acknowledged;
}

/* --- as JSON ---------------------------------------------------------------------- */

static json_t *
text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

char *
vmmiRecordToJson(const vmmiRecord *record, vmmiError **err)
{
    g_autoptr(json_t) object = NULL;

    if (!record) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no record was given");
        return NULL;
    }
    object = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:i, s:s}", "id", record->id, "guest",
        text_or_null(record->job.guest_name), "uuid", text_or_null(record->job.guest_uuid), "plugin",
        text_or_null(record->job.plugin), "state",
        text_or_null(record->has_state ? vmmiStateToString(record->state) : NULL), "percent",
        (int)record->percent, "phase", vmmiPhaseToString(record->phase));
    json_object_set_new(object, "sample",
                        record->sample ? vmmiSampleToJson(record->sample) : json_null());
    vmmiJsonAddOutcome(object, vmmiRecordGetOutcome(record));
    vmmiJsonAddJob(object, &record->job, record->directory, record->replaced_by);
    json_object_set_new(object, "endedMs",
                        record->ended_ms ? json_integer((json_int_t)record->ended_ms)
                                         : json_null());
    json_object_set_new(object, "acknowledged", json_boolean(record->acknowledged));
    return vmmiJsonWrite(object, false);
}
