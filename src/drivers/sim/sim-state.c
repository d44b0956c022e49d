/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-state.c: a simulated world as JSON, in full, and back.
 *
 * One table a struct. Reading distrusts the file: every index and size that the model relies on is
 * checked.
 */
#include "drivers/sim/sim-state.h"

#include "drivers/sim/sim-field.h"
#include "message/json.h"
#include "util/cleanup.h"

#define CODE VMMI_ERR_BAD_PATH
#define BIG 9.0e15
#define ALL 9.3e18
#define HUGE_REAL 1e30

#define BOOL(key, type, member) \
    { key, VMMI_SIM_FIELD_BOOL, offsetof(type, member), 0, 0, false }
#define UINT(key, type, member, high) \
    { key, VMMI_SIM_FIELD_UINT, offsetof(type, member), 0, high, false }
#define INT(key, type, member, low, high) \
    { key, VMMI_SIM_FIELD_INT, offsetof(type, member), low, high, false }
#define REAL(key, type, member, low) \
    { key, VMMI_SIM_FIELD_REAL, offsetof(type, member), low, HUGE_REAL, false }
#define TEXT(key, type, member) \
    { key, VMMI_SIM_FIELD_TEXT, offsetof(type, member), 1, sizeof(((type *)0)->member), false }
#define OTHER(key, optional) \
    { key, VMMI_SIM_FIELD_OTHER, 0, 0, 0, optional }

static const vmmiSimField world_fields[] = {
    OTHER("vmmiSim", false),
    OTHER("format", false),
    OTHER("clock", true),
    TEXT("name", vmmiSimWorld, name),
    UINT("version", vmmiSimWorld, version, BIG),
    INT("now", vmmiSimWorld, now, 0, BIG),
    { "speed", VMMI_SIM_FIELD_REAL, offsetof(vmmiSimWorld, speed), 0.001, 10000, false },
    UINT("seed", vmmiSimWorld, seed, BIG),
    REAL("jitter", vmmiSimWorld, jitter, 0),
    REAL("link", vmmiSimWorld, link, 0),
    INT("beginUs", vmmiSimWorld, begin_us, 0, BIG),
    INT("prepareUs", vmmiSimWorld, prepare_us, 0, BIG),
    INT("setupUs", vmmiSimWorld, setup_us, 0, BIG),
    INT("deviceUs", vmmiSimWorld, device_us, 0, BIG),
    INT("finishUs", vmmiSimWorld, finish_us, 0, BIG),
    INT("confirmUs", vmmiSimWorld, confirm_us, 0, BIG),
    INT("keepaliveUs", vmmiSimWorld, keepalive_us, 1, BIG),
    UINT("nextJob", vmmiSimWorld, next_job, BIG),
    UINT("nextSequence", vmmiSimWorld, next_sequence, BIG),
    OTHER("hosts", false),
    OTHER("guests", false),
    OTHER("timeline", false),
    OTHER("triggers", false),
    OTHER("log", false),
    OTHER("results", false),
    OTHER("definition", false),
    OTHER("options", false),
};
static const vmmiSimField host_fields[] = {
    TEXT("name", vmmiSimHost, name),
    BOOL("reachable", vmmiSimHost, reachable),
    INT("nextId", vmmiSimHost, next_id, 0, 2147483647),
};
static const vmmiSimField place_fields[] = {
    INT("state", vmmiSimPlace, state, 0, VMMI_GUEST_LAST - 1),
    INT("reason", vmmiSimPlace, reason, 0, VMMI_REASON_LAST - 1),
    INT("id", vmmiSimPlace, id, -1, 2147483647),
    BOOL("persistent", vmmiSimPlace, persistent),
};
static const vmmiSimField tuning_fields[] = {
    UINT("downtimeLimitMs", vmmiSimTuning, downtime_limit_ms, BIG),
    UINT("bandwidthMib", vmmiSimTuning, bandwidth_mib, BIG),
    UINT("postcopyBandwidthMib", vmmiSimTuning, postcopy_bandwidth_mib, BIG),
    UINT("xbzrleCacheBytes", vmmiSimTuning, xbzrle_cache_bytes, BIG),
};
static const vmmiSimField load_fields[] = {
    REAL("memory", vmmiSimLoad, memory, 0),
    REAL("workingSet", vmmiSimLoad, working_set, 0),
    REAL("dirtyRate", vmmiSimLoad, dirty_rate, 0),
    INT("pattern", vmmiSimLoad, pattern, 0, VMMI_SIM_PATTERN_LAST - 1),
    REAL("zipfExponent", vmmiSimLoad, zipf_exponent, 0),
    INT("onUs", vmmiSimLoad, on_us, 0, BIG),
    INT("offUs", vmmiSimLoad, off_us, 0, BIG),
    REAL("zeroShare", vmmiSimLoad, zero_share, 0),
    REAL("unthrottledShare", vmmiSimLoad, unthrottled_share, 0),
    REAL("xbzrleShare", vmmiSimLoad, xbzrle_share, 0),
    { "setFirst", VMMI_SIM_FIELD_BOOL, offsetof(vmmiSimLoad, set_first), 0, 0, true },
    { "busyShare", VMMI_SIM_FIELD_REAL, offsetof(vmmiSimLoad, busy_share), 0, 1, true },
};
static const vmmiSimField guest_fields[] = {
    TEXT("name", vmmiSimGuest, name),
    TEXT("uuid", vmmiSimGuest, uuid),
    OTHER("load", false),
    OTHER("tuning", false),
    OTHER("places", false),
    OTHER("faults", false),
    OTHER("refuse", true),
    OTHER("job", true),
    OTHER("last", true),
};
static const vmmiSimField fault_fields[] = {
    INT("step", vmmiSimFault, step, 0, VMMI_SIM_STEP_LAST - 1),
    INT("kind", vmmiSimFault, kind, 0, VMMI_SIM_FAULT_LAST - 1),
    UINT("times", vmmiSimFault, times, BIG),
    BOOL("spent", vmmiSimFault, spent),
};
static const vmmiSimField job_fields[] = {
    UINT("id", vmmiSimJob, id, BIG),
    INT("step", vmmiSimJob, step, 1, VMMI_SIM_STEP_LAST - 1),
    INT("source", vmmiSimJob, source, 0, VMMI_SIM_MAX_HOSTS - 1),
    INT("destination", vmmiSimJob, destination, 0, VMMI_SIM_MAX_HOSTS - 1),
    INT("started", vmmiSimJob, started, 0, BIG),
    INT("at", vmmiSimJob, at, 0, BIG),
    INT("stepEnd", vmmiSimJob, step_end, 0, ALL),
    BOOL("hanging", vmmiSimJob, hanging),
    INT("silentSince", vmmiSimJob, silent_since, -1, BIG),
    BOOL("autoConverge", vmmiSimJob, auto_converge),
    BOOL("compressed", vmmiSimJob, compressed),
    BOOL("postcopy", vmmiSimJob, postcopy),
    BOOL("destPaused", vmmiSimJob, dest_paused),
    BOOL("persistDest", vmmiSimJob, persist_dest),
    BOOL("undefineSource", vmmiSimJob, undefine_source),
    BOOL("live", vmmiSimJob, live),
    UINT("throttleInitial", vmmiSimJob, throttle_initial, 99),
    UINT("throttleIncrement", vmmiSimJob, throttle_increment, 99),
    BOOL("postcopyAsked", vmmiSimJob, postcopy_asked),
    BOOL("wasPaused", vmmiSimJob, was_paused),
    INT("reasonBefore", vmmiSimJob, reason_before, 0, VMMI_REASON_LAST - 1),
    REAL("sentBytes", vmmiSimJob, sent_bytes, 0),
    REAL("normalPages", vmmiSimJob, normal_pages, 0),
    REAL("constantPages", vmmiSimJob, constant_pages, 0),
    REAL("xbzrlePages", vmmiSimJob, xbzrle_pages, 0),
    REAL("xbzrleBytes", vmmiSimJob, xbzrle_bytes, 0),
    REAL("xbzrleMisses", vmmiSimJob, xbzrle_misses, 0),
    REAL("requests", vmmiSimJob, requests, 0),
    UINT("syncs", vmmiSimJob, syncs, BIG),
    INT("setupUs", vmmiSimJob, setup_us, 0, BIG),
    INT("throttle", vmmiSimJob, throttle, 0, 99),
    INT("highCount", vmmiSimJob, high_count, 0, 2),
    INT("windowStart", vmmiSimJob, window_start, 0, BIG),
    REAL("windowSent", vmmiSimJob, window_sent, 0),
    REAL("bandwidth", vmmiSimJob, bandwidth, 0),
    REAL("threshold", vmmiSimJob, threshold, 0),
    REAL("expectedUs", vmmiSimJob, expected_us, -1),
    REAL("remainingAtSync", vmmiSimJob, remaining_at_sync, 0),
    INT("periodStart", vmmiSimJob, period_start, 0, BIG),
    REAL("periodDirty", vmmiSimJob, period_dirty, 0),
    REAL("periodSent", vmmiSimJob, period_sent, 0),
    REAL("dirtyBytesPerSecond", vmmiSimJob, dirty_bytes_per_second, 0),
    INT("stoppedAt", vmmiSimJob, stopped_at, -1, BIG),
    INT("stopAfter", vmmiSimJob, stop_after, -1, BIG),
    INT("downtimeNetUs", vmmiSimJob, downtime_net_us, 0, BIG),
    INT("downtimeUs", vmmiSimJob, downtime_us, 0, BIG),
    REAL("slowdownUs", vmmiSimJob, slowdown_us, 0),
    INT("random", vmmiSimJob, random, -ALL, ALL),
    OTHER("saved", false),
    OTHER("memory", false),
};
static const vmmiSimField memory_fields[] = {
    REAL("rest", vmmiSimMemory, rest, 0),
    { "ahead", VMMI_SIM_FIELD_REAL, offsetof(vmmiSimMemory, ahead), 0, HUGE_REAL, true },
    REAL("written", vmmiSimMemory, written, 0),
    REAL("position", vmmiSimMemory, position, 0),
    REAL("writer", vmmiSimMemory, writer, 0),
    OTHER("pending", false),
    OTHER("arcs", false),
};
static const vmmiSimField event_fields[] = {
    INT("at", vmmiSimEvent, at, 0, BIG),
    INT("kind", vmmiSimEvent, kind, 0, VMMI_SIM_EVENT_LAST - 1),
    INT("guest", vmmiSimEvent, guest, -1, VMMI_SIM_MAX_GUESTS - 1),
    INT("host", vmmiSimEvent, host, 0, VMMI_SIM_MAX_HOSTS - 1),
    REAL("value", vmmiSimEvent, value, -1),
};
static const vmmiSimField log_fields[] = {
    UINT("n", vmmiSimLogEntry, sequence, BIG),
    INT("at", vmmiSimLogEntry, at, 0, BIG),
    INT("type", vmmiSimLogEntry, type, 0, VMMI_EVENT_RECONNECTED),
    INT("guest", vmmiSimLogEntry, guest, -1, VMMI_SIM_MAX_GUESTS - 1),
    INT("host", vmmiSimLogEntry, host, 0, VMMI_SIM_MAX_HOSTS - 1),
    UINT("job", vmmiSimLogEntry, job, BIG),
    INT("state", vmmiSimLogEntry, state, 0, VMMI_STATE_LAST - 1),
    INT("reason", vmmiSimLogEntry, reason, 0, VMMI_REASON_LAST - 1),
    UINT("iteration", vmmiSimLogEntry, iteration, BIG),
};
static const vmmiSimField result_fields[] = {
    UINT("id", vmmiSimResult, id, BIG),
    INT("at", vmmiSimResult, at, 0, BIG),
    INT("code", vmmiSimResult, code, 0, 999),
    { "message", VMMI_SIM_FIELD_TEXT, offsetof(vmmiSimResult, message), 0, VMMI_SIM_TEXT_SIZE,
      false },
};

#define SAVE(fields, object) save(fields, G_N_ELEMENTS(fields), object)
#define LOAD(fields, from, place, object, err) \
    vmmiSimFieldsLoad(fields, G_N_ELEMENTS(fields), from, place, object, CODE, err)

/* --- saving ----------------------------------------------------------------------------------- */

static json_t *
save(const vmmiSimField *fields, size_t n_fields, const void *object)
{
    json_t *into = json_object();

    vmmiSimFieldsSave(fields, n_fields, object, into);
    return into;
}

static json_t *
save_array(const vmmiSimField *fields, size_t n_fields, const void *items, size_t n_items,
           size_t size)
{
    json_t *array = json_array();

    for (size_t i = 0; i < n_items; i++)
        json_array_append_new(array, save(fields, n_fields, (const char *)items + i * size));
    return array;
}

#define SAVE_ARRAY(fields, items, n_items) \
    save_array(fields, G_N_ELEMENTS(fields), items, n_items, sizeof((items)[0]))
#define SAVE_GARRAY(fields, array, type) \
    SAVE_ARRAY(fields, (type *)(void *)(array)->data, (array)->len)

static json_t *
save_memory(const vmmiSimMemory *memory)
{
    json_t *object = SAVE(memory_fields, memory);
    json_t *pending = json_array();
    json_t *arcs = json_array();

    for (size_t i = 0; i < VMMI_SIM_MAX_CLASSES; i++)
        json_array_append_new(pending, json_real(memory->pending[i]));
    for (size_t i = 0; i < memory->n_arcs; i++) {
        json_array_append_new(arcs, json_real(memory->arcs[i].start));
        json_array_append_new(arcs, json_real(memory->arcs[i].end));
    }
    json_object_set_new(object, "pending", pending);
    json_object_set_new(object, "arcs", arcs);
    return object;
}

static json_t *
save_job(const vmmiSimJob *job)
{
    json_t *object = SAVE(job_fields, job);

    json_object_set_new(object, "saved", SAVE(tuning_fields, &job->saved));
    json_object_set_new(object, "memory", save_memory(&job->memory));
    return object;
}

static json_t *
save_guest(const vmmiSimWorld *world, const vmmiSimGuest *guest)
{
    json_t *object = SAVE(guest_fields, guest);

    json_object_set_new(object, "load", SAVE(load_fields, &guest->load));
    json_object_set_new(object, "tuning", SAVE(tuning_fields, &guest->tuning));
    json_object_set_new(object, "places", SAVE_ARRAY(place_fields, guest->places, world->n_hosts));
    json_object_set_new(object, "faults", SAVE_ARRAY(fault_fields, guest->faults, guest->n_faults));
    if (guest->refuse)
        json_object_set(object, "refuse", guest->refuse);
    if (guest->job.id)
        json_object_set_new(object, "job", save_job(&guest->job));
    if (guest->has_last)
        json_object_set_new(object, "last", save_job(&guest->last));
    return object;
}

json_t *
vmmiSimStateSave(const vmmiSimWorld *world)
{
    json_t *object = SAVE(world_fields, world);
    json_t *guests = json_array();

    for (size_t i = 0; i < world->guests->len; i++)
        json_array_append_new(guests, save_guest(world, vmmiSimWorldGuest(world, i)));
    json_object_set_new(object, "vmmiSim", json_string("world"));
    json_object_set_new(object, "format", json_integer(VMMI_SIM_STATE_VERSION));
    json_object_set_new(object, "hosts", SAVE_ARRAY(host_fields, world->hosts, world->n_hosts));
    json_object_set_new(object, "guests", guests);
    json_object_set_new(object, "timeline",
                        SAVE_GARRAY(event_fields, world->timeline, vmmiSimEvent));
    json_object_set_new(object, "triggers",
                        SAVE_GARRAY(event_fields, world->triggers, vmmiSimEvent));
    json_object_set_new(object, "log", SAVE_GARRAY(log_fields, world->log, vmmiSimLogEntry));
    json_object_set_new(object, "results",
                        SAVE_GARRAY(result_fields, world->results, vmmiSimResult));
    json_object_set(object, "definition", world->definition);
    json_object_set(object, "options", world->options);
    return object;
}

/* --- loading ---------------------------------------------------------------------------------- */

/* The items of an array, one object each; @ret_count of at most @limit. */
static int
load_array(const vmmiSimField *fields, size_t n_fields, const json_t *from, const char *key,
           void *items, size_t limit, size_t size, size_t *ret_count, vmmiError **err)
{
    size_t index;
    json_t *item;

    if (!json_is_array(from) || json_array_size(from) > limit)
        return vmmiErrorSet(err, CODE, "'%s' must be an array of at most %zu items", key, limit);
    json_array_foreach(from, index, item)
    {
        g_autofree char *place = g_strdup_printf("%s[%zu]", key, index);

        if (vmmiSimFieldsLoad(fields, n_fields, item, place, (char *)items + index * size, CODE,
                              err) < 0)
            return -1;
    }
    *ret_count = json_array_size(from);
    return 0;
}

#define LOAD_ARRAY(fields, from, key, items, count, err) \
    load_array(fields, G_N_ELEMENTS(fields), json_object_get(from, key), key, items, \
               G_N_ELEMENTS(items), sizeof((items)[0]), count, err)

static int
load_garray(const vmmiSimField *fields, size_t n_fields, const json_t *from, const char *key,
            GArray *into, size_t limit, vmmiError **err)
{
    const json_t *array = json_object_get(from, key);
    size_t count = 0;

    g_array_set_size(into, (guint)MIN(json_array_size(array), limit));
    return load_array(fields, n_fields, array, key, into->data, limit,
                      g_array_get_element_size(into), &count, err);
}

#define LOAD_GARRAY(fields, from, key, into, limit, err) \
    load_garray(fields, G_N_ELEMENTS(fields), from, key, into, limit, err)

static int
load_numbers(const json_t *array, const char *key, double *numbers, size_t limit, size_t *ret_count,
             double maximum, vmmiError **err)
{
    size_t index;
    json_t *item;

    if (!json_is_array(array) || json_array_size(array) > limit)
        return vmmiErrorSet(err, CODE, "'%s' must be an array of at most %zu numbers", key, limit);
    json_array_foreach(array, index, item)
    {
        double value = json_number_value(item);

        if (!json_is_number(item) || value < 0 || value > maximum)
            return vmmiErrorSet(err, CODE, "'%s[%zu]' must be a number 0..%g", key, index, maximum);
        numbers[index] = value;
    }
    *ret_count = json_array_size(array);
    return 0;
}

static int
load_memory(vmmiSimMemory *memory, const vmmiSimLoad *load, const json_t *from, vmmiError **err)
{
    double edges[VMMI_SIM_MAX_ARCS * 2];
    size_t count = 0;

    if (LOAD(memory_fields, from, "memory", memory, err) < 0 ||
        load_numbers(json_object_get(from, "pending"), "memory.pending", memory->pending,
                     VMMI_SIM_MAX_CLASSES, &count, load->memory, err) < 0 ||
        load_numbers(json_object_get(from, "arcs"), "memory.arcs", edges, G_N_ELEMENTS(edges),
                     &count, load->working_set, err) < 0)
        return -1;
    if (count % 2)
        return vmmiErrorSet(err, CODE, "'memory.arcs' has %zu numbers, they must come in pairs",
                            count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && edges[i] < edges[i - 1])
            return vmmiErrorSet(err, CODE, "'memory.arcs[%zu]' is less than the number before it",
                                i);
    }
    memory->n_arcs = count / 2;
    for (size_t i = 0; i < memory->n_arcs; i++) {
        memory->arcs[i].start = edges[2 * i];
        memory->arcs[i].end = edges[2 * i + 1];
    }
    return 0;
}

static int
load_job(const vmmiSimWorld *world, const vmmiSimGuest *guest, vmmiSimJob *job, const json_t *from,
         vmmiError **err)
{
    if (LOAD(job_fields, from, "job", job, err) < 0 ||
        LOAD(tuning_fields, json_object_get(from, "saved"), "job.saved", &job->saved, err) < 0)
        return -1;
    if ((size_t)job->source >= world->n_hosts || (size_t)job->destination >= world->n_hosts)
        return vmmiErrorSet(err, CODE, "'job' names a host that is not in the world");
    if (!job->id || job->at > world->now)
        return vmmiErrorSet(err, CODE, "'job' has no id, or lies in the future");
    if (job->started > job->at || job->window_start > job->at || job->period_start > job->at ||
        job->window_sent > job->sent_bytes || job->period_sent > job->sent_bytes)
        return vmmiErrorSet(err, CODE, "figures of 'job' contradict each other");
    return load_memory(&job->memory, &guest->load, json_object_get(from, "memory"), err);
}

static int
load_guest(const vmmiSimWorld *world, vmmiSimGuest *guest, const json_t *from, vmmiError **err)
{
    const json_t *job = json_object_get(from, "job");
    const json_t *last = json_object_get(from, "last");
    size_t count = 0;

    if (LOAD(guest_fields, from, "guest", guest, err) < 0 ||
        LOAD(load_fields, json_object_get(from, "load"), "load", &guest->load, err) < 0 ||
        LOAD(tuning_fields, json_object_get(from, "tuning"), "tuning", &guest->tuning, err) < 0 ||
        LOAD_ARRAY(place_fields, from, "places", guest->places, &count, err) < 0 ||
        LOAD_ARRAY(fault_fields, from, "faults", guest->faults, &guest->n_faults, err) < 0)
        return -1;
    if (count != world->n_hosts)
        return vmmiErrorSet(err, CODE, "'places' has %zu items, the world has %zu hosts", count,
                            world->n_hosts);
    if (guest->load.working_set > guest->load.memory)
        return vmmiErrorSet(err, CODE, "'load.workingSet' is larger than the memory");
    if ((job && load_job(world, guest, &guest->job, job, err) < 0) ||
        (last && load_job(world, guest, &guest->last, last, err) < 0))
        return -1;
    guest->has_last = last != NULL;
    guest->refuse = json_incref(json_object_get(from, "refuse"));
    return 0;
}

static int
load_guests(vmmiSimWorld *world, const json_t *guests, vmmiError **err)
{
    size_t index;
    json_t *from;

    if (!json_is_array(guests) || json_array_size(guests) > VMMI_SIM_MAX_GUESTS)
        return vmmiErrorSet(err, CODE, "'guests' must be an array of at most %d items",
                            VMMI_SIM_MAX_GUESTS);
    g_array_set_size(world->guests, (guint)json_array_size(guests));
    json_array_foreach(guests, index, from)
    {
        if (load_guest(world, vmmiSimWorldGuest(world, index), from, err) < 0)
            return vmmiErrorPrefix(err, "guests[%zu]", index);
    }
    return 0;
}

/* What an event needs to happen: a guest, a number. */
static bool
event_is_whole(const vmmiSimWorld *world, const vmmiSimEvent *event)
{
    bool of_guest =
        event->kind == VMMI_SIM_EVENT_DESTROY || event->kind == VMMI_SIM_EVENT_SHUTDOWN ||
        event->kind == VMMI_SIM_EVENT_DIRTY_RATE || event->kind == VMMI_SIM_EVENT_BREAK_POSTCOPY;
    bool of_number = event->kind == VMMI_SIM_EVENT_LINK || event->kind == VMMI_SIM_EVENT_DIRTY_RATE;

    return event->guest < (int64_t)world->guests->len && event->host < (int64_t)world->n_hosts &&
           (!of_guest || event->guest >= 0) && (!of_number || event->value >= 0);
}

static int
check_events(const vmmiSimWorld *world, GArray *events, const char *key, vmmiError **err)
{
    for (size_t i = 0; i < events->len; i++) {
        if (!event_is_whole(world, &g_array_index(events, vmmiSimEvent, i)))
            return vmmiErrorSet(
                err, CODE,
                "'%s[%zu]' names a guest or host that is not in the world, or lacks a "
                "number",
                key, i);
    }
    return 0;
}

static int
check_indices(const vmmiSimWorld *world, vmmiError **err)
{
    if (check_events(world, world->timeline, "timeline", err) < 0 ||
        check_events(world, world->triggers, "triggers", err) < 0)
        return -1;
    for (size_t i = 0; i < world->log->len; i++) {
        const vmmiSimLogEntry *entry = &g_array_index(world->log, vmmiSimLogEntry, i);

        if (entry->guest >= (int64_t)world->guests->len || entry->host >= (int64_t)world->n_hosts)
            return vmmiErrorSet(err, CODE,
                                "'log[%zu]' names a guest or host that is not in the world", i);
    }
    return 0;
}

static int
check_header(const json_t *state, vmmiError **err)
{
    const char *kind = NULL;
    uint64_t format = 0;

    if (!vmmiJsonGetString(state, "vmmiSim", &kind) || !g_str_equal(kind, "world"))
        return vmmiErrorSet(err, CODE,
                            kind && g_str_equal(kind, "scenario")
                                ? "this is a scenario and not a world: name it with 'scenario='"
                                : "this is not the file of a simulated world");
    if (!vmmiJsonGetUInt(state, "format", &format) || format != VMMI_SIM_STATE_VERSION)
        return vmmiErrorSet(err, CODE,
                            "format %" G_GUINT64_FORMAT
                            " of a simulated world is not the one of this library, %d",
                            (guint64)format, VMMI_SIM_STATE_VERSION);
    return 0;
}

vmmiSimWorld *
vmmiSimStateLoad(const json_t *state, vmmiError **err)
{
    g_autoptr(vmmiSimWorld) world = vmmiSimWorldNew();

    if (check_header(state, err) < 0 || LOAD(world_fields, state, "", world, err) < 0 ||
        LOAD_ARRAY(host_fields, state, "hosts", world->hosts, &world->n_hosts, err) < 0 ||
        load_guests(world, json_object_get(state, "guests"), err) < 0 ||
        LOAD_GARRAY(event_fields, state, "timeline", world->timeline, VMMI_SIM_MAX_EVENTS, err) <
            0 ||
        LOAD_GARRAY(event_fields, state, "triggers", world->triggers, VMMI_SIM_MAX_EVENTS, err) <
            0 ||
        LOAD_GARRAY(log_fields, state, "log", world->log, VMMI_SIM_LOG_LENGTH, err) < 0 ||
        LOAD_GARRAY(result_fields, state, "results", world->results, VMMI_SIM_MAX_RESULTS, err) <
            0 ||
        check_indices(world, err) < 0)
        return NULL;
    json_decref(world->definition);
    json_decref(world->options);
    world->definition = json_incref(json_object_get(state, "definition"));
    world->options = json_incref(json_object_get(state, "options"));
    return g_steal_pointer(&world);
}
