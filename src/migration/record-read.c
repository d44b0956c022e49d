/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record-read.c: one record, out of the files of a migration. No host is asked; whatever the files
 * say is bounded and checked.
 */
#include <string.h>

#include "message/json.h"
#include "migration/kept.h"
#include "migration/outcome.h"
#include "migration/private.h"
#include "migration/record.h"
#include "util/cleanup.h"
#include "util/error.h"

static int
read_outcome(vmmiRecord *record, const vmmiJob *job, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiWhere where;
    vmmiExitKind exit_kind;
    int found = vmmiJobReadOutcome(job, &record->text, &record->length, err);

    if (found <= 0)
        return found;
    record->settled = vmmiOutcomeReadHead(record->text, record->length, &error);
    if (!record->settled ||
        vmmiOutcomeReadKinds(record->settled, &record->kind, &where, &exit_kind, &error) < 0)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "migration %s: %s", record->id,
                            vmmiErrorGetMessage(error));
    return 0;
}

/* How the plugin ended. One that was never started settles the rest: nobody needs to be asked. */
static int
read_end(vmmiRecord *record, vmmiJob *job, vmmiError **err)
{
    vmmiJobResult result = { .kind = VMMI_EXIT_UNKNOWN };

    if (record->phase == VMMI_PHASE_FINISHED && vmmiJobReadResult(job, &result, err) < 0)
        return -1;
    record->ended_ms = result.ended_ms;
    if (!record->settled &&
        (record->phase == VMMI_PHASE_ABANDONED || result.kind == VMMI_EXIT_NOT_STARTED))
        record->kind = VMMI_OUTCOME_FAILED;
    return 0;
}

bool
vmmiRecordWasNeverStarted(const vmmiRecord *record)
{
    return record->kind && !record->settled;
}

vmmiOutcome *
vmmiRecordMakeOutcome(vmmiRecord *record)
{
    vmmiOutcome *outcome;

    if (record->settled)
        return vmmiOutcomeFromText(record->settled, g_steal_pointer(&record->text),
                                   record->length);
    if (!record->kind)
        return NULL;
    outcome = vmmiOutcomeNew();
    outcome->kind = record->kind;
    outcome->where = VMMI_WHERE_SOURCE;
    outcome->exit_kind = VMMI_EXIT_NOT_STARTED;
    g_free(outcome->evidence);
    outcome->evidence = g_strdup("the plugin was never started, nothing was done");
    vmmiErrorSet(&outcome->error, VMMI_ERR_PLUGIN_LAUNCH,
                 "migration %s was never started: its manager ended before", record->id);
    return outcome;
}

/* What the plugin wrote down last. */
static void
read_journal(vmmiRecord *record, const vmmiJob *job)
{
    g_auto(vmmiJournalTail) tail = { 0 };

    vmmiJournalReadTail(vmmiJobGetFd(job), &tail);
    record->has_state = tail.has_state;
    record->state = tail.state;
    /* It has begun to write, and that is all. */
    if (tail.written && !tail.has_state && !tail.sample)
        record->has_state = true;
    record->sample = g_steal_pointer(&tail.sample);
    record->percent = vmmiSampleToPercent(record->sample);
}

static void
set_state(vmmiRecord *record, vmmiState state)
{
    record->has_state = true;
    record->state = state;
}

static void
derive_state(vmmiRecord *record, const vmmiJob *job)
{
    if (record->phase == VMMI_PHASE_PREPARED || record->phase == VMMI_PHASE_STARTING)
        set_state(record, VMMI_STATE_STARTING);
    else if (record->phase != VMMI_PHASE_ABANDONED)
        read_journal(record, job);
    if (record->kind)
        set_state(record, vmmiOutcomeToState(record->kind));
    else if (!vmmiJobPhaseIsLive(record->phase))
        set_state(record, VMMI_STATE_UNATTENDED);
    if (record->kind == VMMI_OUTCOME_COMPLETED)
        record->percent = 100;
}

static vmmiRecord *
read_files(vmmiRunDir *run, const char *id, vmmiError **err)
{
    g_autoptr(vmmiJob) job = vmmiJobOpen(run, id, err);
    g_autoptr(vmmiRecord) record = NULL;
    vmmiJobLiveness liveness;

    if (!job)
        return NULL;
    record = g_new0(vmmiRecord, 1);
    record->run = vmmiRunDirRef(run);
    record->id = g_strdup(id);
    record->directory = g_strdup(vmmiJobGetPath(job));
    record->job = *vmmiJobGetRecord(job);
    record->job.id = record->id;
    record->root = json_incref(vmmiJobGetRoot(job));
    if (vmmiJobGetLiveness(job, &liveness, err) < 0)
        return NULL;
    record->phase = liveness.phase;
    record->acknowledged = vmmiJobIsAcknowledged(job);
    if (read_outcome(record, job, err) < 0 || read_end(record, job, err) < 0)
        return NULL;
    derive_state(record, job);
    return g_steal_pointer(&record);
}

vmmiRecord *
vmmiRecordRead(vmmiRunDir *run, const char *id, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiRecord) record = read_files(run, id, &error);

    /* One that was being removed may have been seen without some of its files. */
    if (vmmiJobExists(run, id)) {
        vmmiErrorPropagate(err, g_steal_pointer(&error));
        return g_steal_pointer(&record);
    }
    vmmiErrorSet(err, VMMI_ERR_MIGRATION_UNKNOWN, "there is no migration '%s' in '%s'", id,
                 vmmiRunDirGetPath(run));
    return NULL;
}

char *
vmmiRecordReadConfiguration(const vmmiRecord *record)
{
    g_autoptr(vmmiJob) job = vmmiJobOpen(record->run, record->id, NULL);

    return job ? vmmiKeptShowConfiguration(job) : NULL;
}
