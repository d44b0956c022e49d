/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * engine.c: one policy at work: events in, actions out.
 *
 * Actions are carried out one at a time, in order; each result goes back to the policy under its
 * id. A policy that fails is broken: it gets no more events, and the migration goes on without it.
 */
#include "kit/engine.h"

#include "util/cleanup.h"

struct vmmiEngine {
    const vmmiPolicy *policy;
    void *state; /* NULL when the policy has none */
    bool shadow; /* nothing is carried out */
    bool begun, stopped;
    uint64_t began_ms;
    uint64_t now_ms;     /* policy time, never goes back */
    vmmiState migration; /* its state */
    vmmiSample *sample;
    uint64_t iteration;
    GPtrArray *record;   /* of vmmiAction, all, but for what was left out */
    GQueue waiting;      /* borrowed from the record */
    vmmiAction *running; /* the same */
    vmmiAction *last;    /* the same */
    unsigned int next_id;
    uint64_t deadline_ms; /* policy time, UINT64_MAX: none */
    vmmiError *error;
};

struct vmmiPolicyStatus {
    char *reason;
};

vmmiEngine *
vmmiEngineNew(const vmmiPolicy *policy)
{
    vmmiEngine *engine = g_new0(vmmiEngine, 1);

    engine->policy = policy;
    engine->state = policy->state_size ? g_malloc0(policy->state_size) : NULL;
    engine->record = g_ptr_array_new_with_free_func((GDestroyNotify)vmmiActionFree);
    g_queue_init(&engine->waiting);
    engine->next_id = 1;
    engine->deadline_ms = UINT64_MAX;
    return engine;
}

void
vmmiEngineFree(vmmiEngine *engine)
{
    if (!engine)
        return;
    if (engine->policy->clear)
        engine->policy->clear(engine->state);
    g_queue_clear(&engine->waiting);
    g_ptr_array_unref(engine->record);
    vmmiSampleFree(engine->sample);
    vmmiErrorFree(engine->error);
    g_free(engine->state);
    g_free(engine);
}

/* A callback that failed has to say why; one that succeeded has nothing to say. */
static int
conclude(const vmmiEngine *engine, const char *callback, int result, vmmiError *cause,
         vmmiError **err)
{
    if (result == 0) {
        vmmiErrorFree(cause);
        return 0;
    }
    if (!cause)
        vmmiErrorSet(&cause, VMMI_ERR_INTERNAL, "policy '%s' failed in .%s and gave no reason",
                     engine->policy->name, callback);
    return vmmiErrorPropagate(err, cause);
}

int
vmmiEngineConfigure(vmmiEngine *engine, const vmmiPolicyConfig *config, vmmiError **err)
{
    vmmiError *cause = NULL;
    int result;

    if (!engine->policy->configure)
        return 0;
    result = engine->policy->configure(engine->state, config, &cause);
    return conclude(engine, "configure", result, cause, err);
}

bool
vmmiEnginePrepares(const vmmiEngine *engine)
{
    return engine->policy->prepare != NULL;
}

int
vmmiEnginePrepare(vmmiEngine *engine, vmmiPolicyStart *start, const vmmiError *refusal,
                  vmmiError **err)
{
    vmmiError *cause = NULL;
    int result;

    if (!engine->policy->prepare)
        return 0;
    result = engine->policy->prepare(engine->state, start, refusal, &cause);
    return conclude(engine, "prepare", result, cause, err);
}

void
vmmiEngineSetShadow(vmmiEngine *engine)
{
    engine->shadow = true;
}

void
vmmiEngineBegin(vmmiEngine *engine, uint64_t now_ms)
{
    engine->begun = true;
    engine->began_ms = now_ms;
}

static void
drop_waiting(vmmiEngine *engine)
{
    vmmiAction *action;

    while ((action = g_queue_pop_head(&engine->waiting)))
        action->result = VMMI_RESULT_DROPPED;
}

void
vmmiEngineStop(vmmiEngine *engine)
{
    engine->stopped = true;
    engine->deadline_ms = UINT64_MAX;
    drop_waiting(engine);
}

static bool
is_live(const vmmiEngine *engine)
{
    return engine->begun && !engine->stopped && !engine->error;
}

/* Keeps the first and the latest. What is under way is among the latest. */
static void
remember(vmmiEngine *engine, vmmiAction *action)
{
    if (engine->record->len >= VMMI_ENGINE_MAX_RECORD) {
        const vmmiAction *middle = g_ptr_array_index(engine->record, VMMI_ENGINE_MAX_RECORD / 4);

        if (middle == engine->last)
            engine->last = NULL;
        g_ptr_array_remove_index(engine->record, VMMI_ENGINE_MAX_RECORD / 4);
    }
    g_ptr_array_add(engine->record, action);
}

static void
take_actions(vmmiEngine *engine, vmmiPolicyActions *actions)
{
    for (guint i = 0; i < actions->list->len; i++) {
        vmmiAction *action = g_ptr_array_index(actions->list, i);

        action->at_ms = engine->now_ms;
        action->iteration = engine->iteration;
        if (engine->waiting.length >= VMMI_ENGINE_MAX_WAITING) {
            vmmiActionFree(action);
            continue;
        }
        remember(engine, action);
        g_queue_push_tail(&engine->waiting, action);
    }
    engine->next_id = actions->next_id;
    if (actions->wakes)
        engine->deadline_ms = actions->wake_at_ms;
}

static void
deliver(vmmiEngine *engine, vmmiPolicyEvent *event, uint64_t now_ms)
{
    vmmiPolicyActions actions = { .next_id = engine->next_id };
    uint64_t now = now_ms > engine->began_ms ? now_ms - engine->began_ms : 0;
    vmmiError *cause = NULL;
    int result;

    engine->now_ms = MAX(engine->now_ms, now);
    if (!engine->policy->on_event)
        return;
    actions.list = g_ptr_array_new();
    event->size = sizeof(*event);
    event->now_ms = engine->now_ms;
    event->state = engine->migration;
    event->sample = engine->sample;
    event->iteration = engine->iteration;
    result = engine->policy->on_event(engine->state, event, &actions, &cause);
    if (conclude(engine, "on_event", result, cause, &engine->error) < 0) {
        g_ptr_array_set_free_func(actions.list, (GDestroyNotify)vmmiActionFree);
        engine->deadline_ms = UINT64_MAX;
        drop_waiting(engine);
    } else {
        take_actions(engine, &actions);
    }
    g_ptr_array_unref(actions.list);
}

void
vmmiEngineSetState(vmmiEngine *engine, vmmiState state, uint64_t now_ms)
{
    vmmiPolicyEvent event = { .type = VMMI_POLICY_STATE };

    engine->migration = state;
    if (is_live(engine))
        deliver(engine, &event, now_ms);
}

void
vmmiEngineSample(vmmiEngine *engine, const vmmiSample *sample, uint64_t iteration, uint64_t now_ms)
{
    vmmiPolicyEvent event = { .type = VMMI_POLICY_SAMPLE };

    if (!is_live(engine))
        return;
    vmmiSampleFree(engine->sample);
    engine->sample = vmmiSampleCopy(sample);
    if (iteration > engine->iteration) {
        event.type = VMMI_POLICY_ITERATION;
        engine->iteration = iteration;
    }
    deliver(engine, &event, now_ms);
}

void
vmmiEngineActionDone(vmmiEngine *engine, const vmmiError *error, uint64_t now_ms)
{
    vmmiPolicyEvent event = { .type = VMMI_POLICY_ACTION };
    vmmiAction *action = g_steal_pointer(&engine->running);

    if (!action)
        return;
    if (error)
        action->result = VMMI_RESULT_FAILED;
    else
        action->result = engine->shadow ? VMMI_RESULT_SHADOW : VMMI_RESULT_DONE;
    action->error = vmmiErrorCopy(error);
    engine->last = action;
    event.action_id = action->id;
    event.error = action->error;
    if (is_live(engine) && action->id)
        deliver(engine, &event, now_ms);
}

void
vmmiEngineTune(vmmiEngine *engine, vmmiTunable what, uint64_t value, const char *reason)
{
    vmmiAction *action = g_new0(vmmiAction, 1);

    action->kind = VMMI_ACTION_TUNE;
    action->what = what;
    action->value = value;
    action->reason = g_strdup(reason);
    action->at_ms = engine->now_ms;
    remember(engine, action);
    g_queue_push_tail(&engine->waiting, action);
}

void
vmmiEngineTick(vmmiEngine *engine, uint64_t now_ms)
{
    vmmiPolicyEvent event = { .type = VMMI_POLICY_TIMER };

    if (!is_live(engine) || now_ms < vmmiEngineGetDeadline(engine))
        return;
    engine->deadline_ms = UINT64_MAX;
    deliver(engine, &event, now_ms);
}

uint64_t
vmmiEngineGetDeadline(const vmmiEngine *engine)
{
    if (engine->deadline_ms > UINT64_MAX - engine->began_ms)
        return UINT64_MAX;
    return engine->began_ms + engine->deadline_ms;
}

const vmmiAction *
vmmiEngineNext(vmmiEngine *engine)
{
    if (engine->running || engine->stopped)
        return NULL;
    engine->running = g_queue_pop_head(&engine->waiting);
    if (engine->running)
        engine->running->result = VMMI_RESULT_RUNNING;
    return engine->running;
}

const vmmiAction *
vmmiEngineGetLast(const vmmiEngine *engine)
{
    return engine->last;
}

const GPtrArray *
vmmiEngineGetActions(const vmmiEngine *engine)
{
    return engine->record;
}

json_t *
vmmiEngineGetRecord(const vmmiEngine *engine)
{
    json_t *array = json_array();

    for (guint i = 0; i < engine->record->len; i++)
        json_array_append_new(array, vmmiActionToJson(g_ptr_array_index(engine->record, i)));
    return array;
}

const vmmiError *
vmmiEngineGetError(const vmmiEngine *engine)
{
    return engine->error;
}

void
vmmiPolicyStatusSetReason(vmmiPolicyStatus *status, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_free(status->reason);
    status->reason = g_utf8_make_valid(text, -1);
}

char *
vmmiEngineGetReason(const vmmiEngine *engine)
{
    vmmiPolicyStatus status = { 0 };

    if (engine->error)
        return g_strdup_printf("the policy is broken: %s", vmmiErrorGetMessage(engine->error));
    if (engine->policy->status)
        engine->policy->status(engine->state, &status);
    return status.reason;
}

json_t *
vmmiEngineGetStatus(const vmmiEngine *engine)
{
    g_autofree char *reason = vmmiEngineGetReason(engine);
    json_t *object = json_object();

    json_object_set_new(object, "name", json_string(engine->policy->name));
    if (reason)
        json_object_set_new(object, "reason", json_string(reason));
    if (engine->last)
        json_object_set_new(object, "lastAction", vmmiActionToJson(engine->last));
    return object;
}
