/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * begin.c: looking at the guest, attaching to a job that runs, or starting one (L7, B11, B12).
 *
 * Until the call that performs, nothing is changed, and a signal ends the run at once. From that
 * call on the truth has to be waited for.
 */
#include "kit/run.h"

#include "driver/connect.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* --- calls made on the worker ----------------------------------------------------- */

typedef struct {
    vmmiConnect *connect;
    vmmiFeed *feed;
    char *uuid;
    vmmiGuestInfo info;
    void *watch;
} Inspection;

static void
inspection_free(Inspection *inspection)
{
    if (inspection->watch)
        vmmiCallGuestUnmonitor(inspection->connect, inspection->watch);
    vmmiConnectUnref(inspection->connect);
    vmmiFeedUnref(inspection->feed);
    g_free(inspection->uuid);
    g_free(inspection);
}

/* Events first: what happens after the look must not be missed. */
static int
inspect(void *data, vmmiError **err)
{
    Inspection *inspection = data;
    g_autofree char *selector = g_strconcat("uuid:", inspection->uuid, NULL);
    g_autoptr(vmmiError) refusal = NULL;

    if (vmmiGuestLookup(inspection->connect, selector, &inspection->info, err) < 0)
        return -1;
    if (vmmiCallGuestMonitor(inspection->connect, inspection->uuid, vmmiFeedTakeEvent,
                             vmmiFeedRef(inspection->feed), (vmmiFreeFunc)vmmiFeedUnref,
                             &inspection->watch, &refusal) < 0 &&
        vmmiErrorGetCode(refusal) != VMMI_ERR_NOT_SUPPORTED)
        return vmmiErrorPropagate(err, g_steal_pointer(&refusal));
    return vmmiGuestGetInfo(inspection->connect, inspection->uuid, &inspection->info, err);
}

typedef struct {
    vmmiConnect *connect;
    const vmmiMigrateRequest *request; /* the run keeps it */
    vmmiFeed *feed;
    unsigned int attempt;
} Starting;

static void
starting_free(Starting *starting)
{
    vmmiConnectUnref(starting->connect);
    vmmiFeedUnref(starting->feed);
    g_free(starting);
}

static int
check(void *data, vmmiError **err)
{
    Starting *starting = data;

    if (vmmiConnectCheck(starting->connect,
                         vmmiDriverSlotAt(offsetof(vmmiDriverOps, migration_check)), NULL) < 0)
        return 0; /* optional */
    return vmmiCallMigrationCheck(starting->connect, starting->request, err);
}

typedef struct {
    vmmiFeed *feed;
    unsigned int attempt;
} Ticket;

static void
ticket_free(void *opaque)
{
    Ticket *ticket = opaque;

    vmmiFeedUnref(ticket->feed);
    g_free(ticket);
}

/* On a thread of the driver. */
static void
returned(const vmmiError *error, void *opaque)
{
    const Ticket *ticket = opaque;
    vmmiItem *item = g_new0(vmmiItem, 1);

    item->kind = VMMI_ITEM_RETURNED;
    item->attempt = ticket->attempt;
    item->error = vmmiErrorCopy(error);
    vmmiFeedPush(ticket->feed, item, true);
}

static int
perform(void *data, vmmiError **err)
{
    Starting *starting = data;
    Ticket *ticket = g_new0(Ticket, 1);

    ticket->feed = vmmiFeedRef(starting->feed);
    ticket->attempt = starting->attempt;
    return vmmiCallMigrationPerform(starting->connect, starting->request, returned, ticket,
                                    ticket_free, err);
}

/* --- the steps -------------------------------------------------------------------- */

int
vmmiRunInspect(vmmiRun *run, vmmiError **err)
{
    Inspection *inspection = g_new0(Inspection, 1);
    g_autoptr(vmmiTask) task = NULL;

    inspection->connect = vmmiConnectRef(run->connect);
    inspection->feed = vmmiFeedRef(run->feed);
    inspection->uuid = g_strdup(run->uuid);
    task = vmmiRunCall(run, inspect, inspection, (GDestroyNotify)inspection_free, true, err);
    if (!task)
        return -1;
    run->watch = g_steal_pointer(&inspection->watch);
    run->info = inspection->info;
    return 0;
}

static Starting *
starting_new(const vmmiRun *run)
{
    Starting *starting = g_new0(Starting, 1);

    starting->connect = vmmiConnectRef(run->connect);
    starting->feed = vmmiFeedRef(run->feed);
    starting->request = vmmiRunGetRequest(run);
    starting->attempt = run->attempt;
    return starting;
}

/* Asks the policy, and makes the request of what it says. */
static int
prepare(vmmiRun *run, const vmmiError *refusal, vmmiError **err)
{
    g_autoptr(json_t) migration = NULL;
    vmmiRequest *request;

    if (vmmiEnginePrepare(run->engine, run->start, refusal, err) < 0)
        return -1;
    migration = vmmiPolicyStartGetMigration(run->start);
    request = vmmiRequestNew(migration, run->uuid, run->destination_uri, run->migrate_uri, err);
    if (!request)
        return -1;
    g_ptr_array_add(run->requests, request);
    json_decref(run->asked);
    run->asked = g_steal_pointer(&migration);
    return 0;
}

static int
call(vmmiRun *run, vmmiTaskFunc func, bool may_stop, vmmiError **err)
{
    g_autoptr(vmmiTask) task =
        vmmiRunCall(run, func, starting_new(run), (GDestroyNotify)starting_free, may_stop, err);

    return task ? 0 : -1;
}

/* @refusal: NULL, or why it had to be begun again. */
static int
start(vmmiRun *run, const vmmiError *refusal, vmmiError **err)
{
    if (call(run, check, true, err) < 0)
        return -1;
    run->attempt++;
    run->performing = true;
    run->returned = false;
    g_clear_pointer(&run->returned_error, vmmiErrorFree);
    if (refusal)
        vmmiTraceAddBegin(&run->trace, run->asked, refusal);
    else
        vmmiRunSetState(run, VMMI_STATE_BEGIN);
    if (call(run, perform, false, err) == 0)
        return 0;
    run->performing = false;
    return -1;
}

int
vmmiRunBeginAgain(vmmiRun *run, const vmmiError *refusal, vmmiError **err)
{
    g_autoptr(json_t) before = vmmiPolicyStartGetMigration(run->start);
    g_autoptr(json_t) after = NULL;

    if (run->asked_again || run->signalled != VMMI_SIGNAL_NONE || !vmmiEnginePrepares(run->engine))
        return vmmiErrorPropagate(err, vmmiErrorCopy(refusal));
    run->asked_again = true;
    if (prepare(run, refusal, err) < 0)
        return -1;
    after = vmmiPolicyStartGetMigration(run->start);
    if (json_equal(before, after))
        return vmmiErrorPropagate(err, vmmiErrorCopy(refusal));
    return start(run, refusal, err);
}

static int
start_new(vmmiRun *run, vmmiError **err)
{
    g_autoptr(vmmiError) refusal = NULL;

    if (prepare(run, NULL, err) < 0)
        return -1;
    if (start(run, NULL, &refusal) == 0)
        return 0;
    return vmmiRunBeginAgain(run, refusal, err);
}

/* A shadow attaches, whatever else was asked for. */
static int
read_shadow(vmmiRun *run, vmmiError **err)
{
    run->shadow = json_is_true(json_object_get(run->migration, "shadow"));
    if (!run->shadow)
        return 0;
    vmmiJsonGetUInt(run->migration, "shadowWaitMs", &run->shadow_wait_ms);
    run->attach = VMMI_ATTACH_ONLY;
    vmmiEngineSetShadow(run->engine);
    if (json_is_true(json_object_get(run->migration, "replace")))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "'migration.replace' does not go with 'migration.shadow': a shadow "
                            "takes nobody's place");
    return 0;
}

int
vmmiRunReadWish(vmmiRun *run, vmmiError **err)
{
    g_autoptr(vmmiRequest) request =
        vmmiRequestNew(run->migration, run->uuid, run->destination_uri, run->migrate_uri, err);

    if (!request)
        return -1;
    run->attach = vmmiRequestGetAttach(request);
    if (read_shadow(run, err) < 0)
        return -1;
    if (!run->destination_uri && run->attach != VMMI_ATTACH_ONLY)
        return vmmiErrorSet(
            err, VMMI_ERR_MALFORMED_PARAMETERS,
            "the destination URI may be '-' only where 'migration.attach' is 'only'");
    return 0;
}

/* Of the parameters only these can be moved while it runs (B12). */
static void
apply_params(vmmiRun *run)
{
    static const struct {
        const char *param;
        vmmiTunable what;
    } movable[] = {
        { "bandwidth", VMMI_TUNE_BANDWIDTH_MIB_PER_SECOND },
        { "bandwidth.postcopy", VMMI_TUNE_POSTCOPY_BANDWIDTH_MIB_PER_SECOND },
    };
    const json_t *params = json_object_get(run->migration, "params");

    for (size_t i = 0; i < G_N_ELEMENTS(movable); i++) {
        const json_t *value = json_object_get(params, movable[i].param);

        if (json_is_integer(value) && json_integer_value(value) >= 0)
            vmmiEngineTune(run->engine, movable[i].what, (uint64_t)json_integer_value(value),
                           "the configuration says so");
    }
}

static void
attach(vmmiRun *run)
{
    run->attached = true;
    run->tracker.job_seen = true;
    apply_params(run);
    vmmiRunSetState(run, run->info.reason == VMMI_REASON_POSTCOPY ? VMMI_STATE_POSTCOPY
                                                                  : VMMI_STATE_PRECOPY);
}

int
vmmiRunBegin(vmmiRun *run, vmmiError **err)
{
    run->start = vmmiPolicyStartNew(run->migration);
    vmmiEngineBegin(run->engine, run->trace.began_ms);
    if (run->info.job == VMMI_JOB_MIGRATION_IN)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "guest '%s' is being migrated to this host",
                            run->info.name);
    if (run->info.job != VMMI_JOB_MIGRATION_OUT) {
        if (run->attach == VMMI_ATTACH_ONLY)
            return vmmiErrorSet(
                err, VMMI_ERR_STATE,
                "guest '%s' is not being migrated, and only attaching was asked for",
                run->info.name);
        return start_new(run, err);
    }
    if (run->attach == VMMI_ATTACH_NEVER)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY,
                            "guest '%s' is being migrated already, and attaching was not asked for",
                            run->info.name);
    attach(run);
    return 0;
}
