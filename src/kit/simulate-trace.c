/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-trace.c: the trace of a simulated run (docs/trace.md): the lines of a journal, with
 * virtual time.
 */
#include "kit/simulate-trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "message/json.h"
#include "plugin/journal.h"
#include "util/cleanup.h"
#include "util/error.h"

struct vmmiSimulateTrace {
    char *path;
    FILE *file;
    uint64_t sequence;
    int failed; /* errno of the first entry that was lost; 0: none */
    int64_t last_us;
    char *reason; /* that was told last */
    vmmiSimulateWatch watch;
};

/* Takes @entry over. */
static void
add(vmmiSimulateTrace *trace, vmmiJournalKind kind, int64_t at_us, json_t *entry)
{
    g_autoptr(json_t) line = json_object();
    g_autofree char *text = NULL;

    trace->last_us = at_us;
    json_object_set_new(line, "seq", json_integer((json_int_t)++trace->sequence));
    json_object_set_new(line, "timestampMs", json_integer(at_us / 1000));
    json_object_set_new(line, "boottimeMs", json_integer(at_us / 1000));
    json_object_set_new(line, "kind", json_string(vmmiJournalKindToString(kind)));
    json_object_update(line, entry);
    json_decref(entry);
    text = vmmiJsonWrite(line, false);
    if (fprintf(trace->file, "%s\n", text) < 0 && !trace->failed)
        trace->failed = errno ? errno : EIO;
}

static void
see_state(void *opaque, int64_t at_us, vmmiState state)
{
    add(opaque, VMMI_JOURNAL_STATE, at_us, json_pack("{s:s}", "state", vmmiStateToString(state)));
}

static void
see_sample(void *opaque, int64_t at_us, vmmiState state, const vmmiSample *sample,
           const vmmiEngine *engine)
{
    vmmiSimulateTrace *trace = opaque;
    g_autoptr(json_t) status = vmmiEngineGetStatus(engine);
    const char *reason = json_string_value(json_object_get(status, "reason"));
    json_t *entry = json_pack("{s:s, s:o}", "state", vmmiStateToString(state), "sample",
                              vmmiSampleToJson(sample));

    if (reason && g_strcmp0(reason, trace->reason) != 0) {
        json_object_set_new(entry, "reason", json_string(reason));
        g_free(trace->reason);
        trace->reason = g_strdup(reason);
    }
    add(trace, VMMI_JOURNAL_SAMPLE, at_us, entry);
}

static void
see_action(void *opaque, int64_t at_us, const vmmiAction *action)
{
    json_t *data = vmmiActionToJson(action);

    json_object_set_new(data, "decidedBoottimeMs", json_integer((json_int_t)action->at_ms));
    add(opaque, VMMI_JOURNAL_ACTION, at_us, json_pack("{s:o}", "data", data));
}

static json_t *
start_data(const vmmiSimulateOrder *order)
{
    const vmmiSimGuest *guest = vmmiSimWorldGuest(order->world, order->guest);
    json_t *data = json_object();

    json_object_set_new(data, "format", json_string("vmmi-trace"));
    json_object_set_new(data, "formatVersion", json_integer(1));
    json_object_set_new(data, "policy", json_string(order->policy->name));
    json_object_set_new(data, "version", json_string(order->policy->version));
    json_object_set_new(data, "attached", json_false());
    json_object_set_new(data, "simulated", json_true());
    json_object_set_new(data, "seed", json_integer((json_int_t)order->seed));
    json_object_set_new(data, "guest",
                        json_pack("{s:s, s:s}", "uuid", guest->uuid, "name", guest->name));
    return data;
}

vmmiSimulateTrace *
vmmiSimulateTraceOpen(const char *directory, const char *name, const vmmiSimulateOrder *order,
                      vmmiError **err)
{
    g_autofree char *file = g_strdup_printf("%s.jsonl", name);
    vmmiSimulateTrace *trace;
    int fd;

    g_strcanon(file, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.", '_');
    trace = g_new0(vmmiSimulateTrace, 1);
    trace->path = g_build_filename(directory, file, NULL);
    fd = open(trace->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    trace->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!trace->file) {
        vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot write the trace '%s'",
                          trace->path);
        vmmiSimulateTraceFree(trace);
        return NULL;
    }
    trace->watch = (vmmiSimulateWatch){
        .state = see_state, .sample = see_sample, .action = see_action, .opaque = trace
    };
    add(trace, VMMI_JOURNAL_START, 0, json_pack("{s:o}", "data", start_data(order)));
    return trace;
}

const vmmiSimulateWatch *
vmmiSimulateTraceWatch(const vmmiSimulateTrace *trace)
{
    return &trace->watch;
}

int
vmmiSimulateTraceEnd(vmmiSimulateTrace *trace, const vmmiSimulateResult *result, vmmiError **err)
{
    json_t *data = json_object();

    json_object_set_new(data, "outcome", json_string(vmmiOutcomeKindToString(result->outcome)));
    json_object_set_new(data, "where", json_string(vmmiWhereToString(result->where)));
    if (result->evidence)
        json_object_set_new(data, "evidence", json_string(result->evidence));
    if (result->statistics)
        json_object_set_new(data, "statistics", vmmiSampleToJson(result->statistics));
    if (result->error)
        json_object_set_new(data, "error",
                            json_pack("{s:i, s:s}", "code", vmmiErrorGetCode(result->error),
                                      "message", vmmiErrorGetMessage(result->error)));
    add(trace, VMMI_JOURNAL_END, result->total_us, json_pack("{s:o}", "data", data));
    if (fflush(trace->file) != 0 && !trace->failed)
        trace->failed = errno;
    if (!trace->failed)
        return 0;
    return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, trace->failed, "cannot write the trace '%s'",
                             trace->path);
}

void
vmmiSimulateTraceFree(vmmiSimulateTrace *trace)
{
    if (!trace)
        return;
    if (trace->file)
        fclose(trace->file);
    g_free(trace->path);
    g_free(trace->reason);
    g_free(trace);
}
