/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-scenario.c: from a scenario to a world. The format is in docs/man/vmmi-sim.7.rst.
 */
#include "drivers/sim/sim-scenario.h"

#include <string.h>

#include "drivers/sim/sim-field.h"
#include "message/json.h"
#include "util/cleanup.h"

#define CODE VMMI_ERR_CONFIGURATION_FAILED
#define LONGEST_MS 86400000.0 /* a day */
#define DEFAULT_SET_MIB 16.0

/* Members as they stand in a scenario. */
typedef struct {
    char kind[16];
    double speed, link_mib, jitter_percent;
    uint64_t seed, keepalive_ms;
} Scenario;

typedef struct {
    double begin, prepare, setup, device, finish, confirm;
} Steps;

typedef struct {
    char name[VMMI_SIM_NAME_SIZE], uuid[VMMI_UUID_STRING_SIZE], host[VMMI_SIM_NAME_SIZE];
    char pattern[16], state[16], set_at[16];
    double memory_mib, set_mib, rate_mib, zipf, zero, unthrottled, xbzrle, busy;
    double on_ms, off_ms;
    bool persistent;
} Guest;

typedef struct {
    char step[24], kind[16];
    uint64_t times;
} Fault;

typedef struct {
    double ms, mib;
    char what[24], host[VMMI_SIM_NAME_SIZE], guest[VMMI_SIM_NAME_SIZE];
} Event;

#define REAL(key, type, member, low, high) \
    { key, VMMI_SIM_FIELD_REAL, offsetof(type, member), low, high, true }
#define UINT(key, type, member, low, high) \
    { key, VMMI_SIM_FIELD_UINT, offsetof(type, member), low, high, true }
#define TEXT(key, type, member, optional) \
    { key, VMMI_SIM_FIELD_TEXT, offsetof(type, member), 1, sizeof(((type *)0)->member), optional }
#define OTHER(key) \
    { key, VMMI_SIM_FIELD_OTHER, 0, 0, 0, true }

static const vmmiSimField scenario_fields[] = {
    TEXT("vmmiSim", Scenario, kind, false),
    REAL("speed", Scenario, speed, 0.001, 10000),
    REAL("linkMibPerSecond", Scenario, link_mib, 0, 1048576),
    REAL("jitterPercent", Scenario, jitter_percent, 0, 50),
    UINT("seed", Scenario, seed, 0, 9007199254740992.0),
    UINT("keepaliveMs", Scenario, keepalive_ms, 1, LONGEST_MS),
    OTHER("steps"),
    OTHER("hosts"),
    OTHER("guests"),
    OTHER("events"),
};
static const vmmiSimField step_fields[] = {
    REAL("beginMs", Steps, begin, 0, LONGEST_MS),
    REAL("prepareMs", Steps, prepare, 0, LONGEST_MS),
    REAL("setupMs", Steps, setup, 0, LONGEST_MS),
    REAL("deviceMs", Steps, device, 0, LONGEST_MS),
    REAL("finishMs", Steps, finish, 0, LONGEST_MS),
    REAL("confirmMs", Steps, confirm, 0, LONGEST_MS),
};
static const vmmiSimField guest_fields[] = {
    TEXT("name", Guest, name, false),
    TEXT("uuid", Guest, uuid, true),
    TEXT("host", Guest, host, true),
    TEXT("pattern", Guest, pattern, true),
    TEXT("state", Guest, state, true),
    TEXT("workingSetAt", Guest, set_at, true),
    REAL("memoryMib", Guest, memory_mib, 1, 16777216),
    REAL("workingSetMib", Guest, set_mib, 0, 16777216),
    REAL("dirtyRateMibPerSecond", Guest, rate_mib, 0, 1048576),
    REAL("zipfExponent", Guest, zipf, 0.1, 3),
    REAL("phaseOnMs", Guest, on_ms, 1, LONGEST_MS),
    REAL("phaseOffMs", Guest, off_ms, 0, LONGEST_MS),
    REAL("zeroPercent", Guest, zero, 0, 100),
    REAL("unthrottledPercent", Guest, unthrottled, 0, 100),
    REAL("xbzrlePercent", Guest, xbzrle, 1, 100),
    REAL("busyPercent", Guest, busy, 1, 100),
    { "persistent", VMMI_SIM_FIELD_BOOL, offsetof(Guest, persistent), 0, 0, true },
    OTHER("faults"),
    OTHER("refuse"),
    OTHER("events"),
};
static const vmmiSimField fault_fields[] = {
    TEXT("step", Fault, step, false),
    TEXT("kind", Fault, kind, true),
    UINT("times", Fault, times, 0, 1000000),
};
static const vmmiSimField world_event_fields[] = {
    { "atMs", VMMI_SIM_FIELD_REAL, offsetof(Event, ms), 0, LONGEST_MS, false },
    TEXT("do", Event, what, false),
    TEXT("host", Event, host, true),
    TEXT("guest", Event, guest, true),
    REAL("mibPerSecond", Event, mib, 0, 1048576),
};
static const vmmiSimField guest_event_fields[] = {
    { "afterMs", VMMI_SIM_FIELD_REAL, offsetof(Event, ms), 0, LONGEST_MS, false },
    TEXT("do", Event, what, false),
    TEXT("host", Event, host, true),
    REAL("mibPerSecond", Event, mib, 0, 1048576),
};

#define LOAD(fields, from, place, object, err) \
    vmmiSimFieldsLoad(fields, G_N_ELEMENTS(fields), from, place, object, CODE, err)

static int64_t
to_us(double ms)
{
    return (int64_t)(ms * 1000 + 0.5);
}

/* An array, or nothing; its length is bounded. */
static int
check_array(const json_t *array, const char *place, size_t limit, vmmiError **err)
{
    if (array && !json_is_array(array))
        return vmmiErrorSet(err, CODE, "'%s' must be an array, got %s", place,
                            vmmiJsonTypeName(array));
    if (json_array_size(array) > limit)
        return vmmiErrorSet(err, CODE, "'%s' has %zu items, the limit is %zu", place,
                            json_array_size(array), limit);
    return 0;
}

static bool
name_is_fine(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
            return false;
    }
    return *name && strchr("-_.", *name) == NULL;
}

/* --- hosts ------------------------------------------------------------------------------------ */

static int
add_host(vmmiSimWorld *world, const char *name, const char *place, vmmiError **err)
{
    vmmiSimHost *host = &world->hosts[world->n_hosts];

    if (!name_is_fine(name) || strlen(name) >= sizeof(host->name))
        return vmmiErrorSet(
            err, CODE,
            "'%s' must be a name of letters, digits and '-_.', at most %zu bytes, got '%.80s'",
            place, sizeof(host->name) - 1, name);
    if (vmmiSimWorldFindHost(world, name) >= 0)
        return vmmiErrorSet(err, CODE, "'%s': there is a host '%s' already", place, name);
    g_strlcpy(host->name, name, sizeof(host->name));
    host->reachable = true;
    host->next_id = 1;
    world->n_hosts++;
    return 0;
}

static int
read_hosts(vmmiSimWorld *world, const json_t *hosts, vmmiError **err)
{
    size_t index;
    json_t *host;

    if (!hosts)
        return add_host(world, "source", "hosts", err) < 0 ||
                       add_host(world, "destination", "hosts", err) < 0
                   ? -1
                   : 0;
    if (check_array(hosts, "hosts", VMMI_SIM_MAX_HOSTS, err) < 0)
        return -1;
    if (json_array_size(hosts) < 2)
        return vmmiErrorSet(err, CODE, "'hosts' has %zu items, at least 2 are needed",
                            json_array_size(hosts));
    json_array_foreach(hosts, index, host)
    {
        g_autofree char *place = g_strdup_printf("hosts[%zu]", index);

        if (!json_is_string(host))
            return vmmiErrorSet(err, CODE, "'%s' must be a string, got %s", place,
                                vmmiJsonTypeName(host));
        if (add_host(world, json_string_value(host), place, err) < 0)
            return -1;
    }
    return 0;
}

static int
find_host(const vmmiSimWorld *world, const char *name, const char *place, vmmiError **err)
{
    int host = vmmiSimWorldFindHost(world, name);

    if (host < 0)
        return vmmiErrorSet(err, CODE, "'%s.host': there is no host '%s'", place, name);
    return host;
}

/* --- events and faults ------------------------------------------------------------------------ */

static bool
needs(vmmiSimEventKind kind, char what)
{
    static const char *const needed[VMMI_SIM_EVENT_LAST] = {
        "m", "h", "h", "g", "g", "gm", "g", "h"
    };

    return strchr(needed[kind], what) != NULL;
}

static int
check_member(const char *place, const char *key, const char *what, bool given, bool wanted,
             vmmiError **err)
{
    if (given != wanted)
        return vmmiErrorSet(err, CODE,
                            wanted ? "'%s.%s' is missing: '%s' needs it"
                                   : "'%s.%s' has no meaning with '%s'",
                            place, key, what);
    return 0;
}

/* @owner: the guest whose migrations start the clock, -1: the world's own. */
static int
read_event(vmmiSimWorld *world, const json_t *from, const char *place, int owner, vmmiError **err)
{
    Event read = { .mib = -1 };
    vmmiSimEvent event = { .guest = owner };
    int kind;

    if ((owner < 0 ? LOAD(world_event_fields, from, place, &read, err)
                   : LOAD(guest_event_fields, from, place, &read, err)) < 0)
        return -1;
    kind = vmmiSimEventKindFromString(read.what);
    if (kind < 0)
        return vmmiErrorSet(err, CODE, "'%s.do' is not known: '%s'", place, read.what);
    if (check_member(place, "host", read.what, *read.host, needs((vmmiSimEventKind)kind, 'h'),
                     err) < 0 ||
        check_member(place, "mibPerSecond", read.what, read.mib >= 0,
                     needs((vmmiSimEventKind)kind, 'm'), err) < 0 ||
        (owner < 0 && check_member(place, "guest", read.what, *read.guest,
                                   needs((vmmiSimEventKind)kind, 'g'), err) < 0))
        return -1;
    if (*read.host && (event.host = find_host(world, read.host, place, err)) < 0)
        return -1;
    for (size_t i = 0; owner < 0 && *read.guest && i < world->guests->len; i++) {
        if (g_str_equal(vmmiSimWorldGuest(world, i)->name, read.guest))
            event.guest = (int64_t)i;
    }
    if (*read.guest && event.guest < 0)
        return vmmiErrorSet(err, CODE, "'%s.guest': there is no guest '%s'", place, read.guest);
    event.at = to_us(read.ms);
    event.kind = kind;
    event.value = read.mib;
    g_array_append_val(*(owner < 0 ? &world->timeline : &world->triggers), event);
    return 0;
}

static gint
compare_events(gconstpointer a, gconstpointer b)
{
    int64_t first = ((const vmmiSimEvent *)a)->at, second = ((const vmmiSimEvent *)b)->at;

    return first < second ? -1 : first > second;
}

static int
read_events(vmmiSimWorld *world, const json_t *events, const char *prefix, int owner,
            vmmiError **err)
{
    g_autofree char *all = g_strdup_printf("%sevents", prefix);
    GArray *into = owner < 0 ? world->timeline : world->triggers;
    size_t index;
    json_t *event;

    if (check_array(events, all, VMMI_SIM_MAX_EVENTS, err) < 0)
        return -1;
    json_array_foreach(events, index, event)
    {
        g_autofree char *place = g_strdup_printf("%s[%zu]", all, index);

        if (read_event(world, event, place, owner, err) < 0)
            return -1;
    }
    if (into->len > VMMI_SIM_MAX_EVENTS)
        return vmmiErrorSet(err, CODE, "'%s': the guests have %u events, the limit is %d", all,
                            into->len, VMMI_SIM_MAX_EVENTS);
    g_array_sort(into, compare_events); /* stable for equal times: GLib's sort is a merge sort */
    return 0;
}

static int
read_fault(vmmiSimGuest *guest, const json_t *from, const char *place, vmmiError **err)
{
    static const vmmiSimPhase steps[] = { VMMI_SIM_STEP_BEGIN,    VMMI_SIM_STEP_PREPARE,
                                          VMMI_SIM_STEP_SETUP,    VMMI_SIM_STEP_SWITCHOVER,
                                          VMMI_SIM_STEP_POSTCOPY, VMMI_SIM_STEP_FINISH,
                                          VMMI_SIM_STEP_CONFIRM };
    Fault read = { .kind = "fail" };
    vmmiSimFault fault = { .kind = VMMI_SIM_FAULT_FAIL };
    int step;

    if (LOAD(fault_fields, from, place, &read, err) < 0)
        return -1;
    step = vmmiSimPhaseFromString(read.step);
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        if ((int)steps[i] == step)
            fault.step = step;
    }
    if (!fault.step)
        return vmmiErrorSet(
            err, CODE,
            "'%s.step' must be one of 'begin', 'prepare', 'perform', 'switchover', 'postcopy', 'finish', 'confirm', got '%s'",
            place, read.step);
    if (g_str_equal(read.kind, "hang"))
        fault.kind = VMMI_SIM_FAULT_HANG;
    else if (!g_str_equal(read.kind, "fail"))
        return vmmiErrorSet(err, CODE, "'%s.kind' must be 'fail' or 'hang', got '%s'", place,
                            read.kind);
    /* A post-copy that always breaks could never be recovered: once, unless said otherwise. */
    fault.times = json_object_get(from, "times") || step != VMMI_SIM_STEP_POSTCOPY ? read.times : 1;
    guest->faults[guest->n_faults++] = fault;
    return 0;
}

static int
read_faults(vmmiSimGuest *guest, const json_t *from, const char *place, vmmiError **err)
{
    const json_t *faults = json_object_get(from, "faults");
    const json_t *refuse = json_object_get(from, "refuse");
    g_autofree char *all = g_strdup_printf("%s.faults", place);
    g_autofree char *flags = g_strdup_printf("%s.refuse", place);
    size_t index;
    json_t *item;

    if (check_array(faults, all, VMMI_SIM_MAX_FAULTS, err) < 0 ||
        check_array(refuse, flags, 32, err) < 0)
        return -1;
    json_array_foreach(faults, index, item)
    {
        g_autofree char *where = g_strdup_printf("%s[%zu]", all, index);

        if (read_fault(guest, item, where, err) < 0)
            return -1;
    }
    json_array_foreach(refuse, index, item)
    {
        if (!json_is_string(item))
            return vmmiErrorSet(err, CODE, "'%s[%zu]' must be a string, got %s", flags, index,
                                vmmiJsonTypeName(item));
    }
    guest->refuse = refuse ? json_incref((json_t *)refuse) : NULL;
    return 0;
}

/* --- guests ----------------------------------------------------------------------------------- */

static int
read_load(vmmiSimGuest *guest, const Guest *read, const char *place, vmmiError **err)
{
    int pattern = vmmiSimPatternFromString(read->pattern);

    if (pattern < 0)
        return vmmiErrorSet(
            err, CODE,
            "'%s.pattern' must be one of 'uniform', 'cyclic', 'zipf', 'phased', got '%s'", place,
            read->pattern);
    if (read->set_mib > read->memory_mib)
        return vmmiErrorSet(err, CODE, "'%s.workingSetMib' is %g, the guest's memory is %g", place,
                            read->set_mib, read->memory_mib);
    if (!g_str_equal(read->set_at, "end") && !g_str_equal(read->set_at, "beginning"))
        return vmmiErrorSet(err, CODE, "'%s.workingSetAt' must be 'beginning' or 'end', got '%s'",
                            place, read->set_at);
    guest->load.memory = read->memory_mib * VMMI_SIM_MIB;
    guest->load.working_set = read->set_mib * VMMI_SIM_MIB;
    guest->load.dirty_rate = read->set_mib > 0 ? read->rate_mib * VMMI_SIM_MIB : 0;
    guest->load.pattern = pattern;
    guest->load.zipf_exponent = read->zipf;
    guest->load.on_us = to_us(read->on_ms);
    guest->load.off_us = to_us(read->off_ms);
    guest->load.zero_share = read->zero / 100;
    guest->load.unthrottled_share = read->unthrottled / 100;
    guest->load.xbzrle_share = read->xbzrle / 100;
    guest->load.busy_share = read->busy / 100;
    guest->load.set_first = g_str_equal(read->set_at, "beginning");
    return 0;
}

static int
read_place(vmmiSimWorld *world, vmmiSimGuest *guest, const Guest *read, const char *place,
           vmmiError **err)
{
    int host = *read->host ? find_host(world, read->host, place, err) : 0;
    int state = vmmiGuestStateFromString(read->state);

    if (host < 0)
        return -1;
    if (state != VMMI_GUEST_RUNNING && state != VMMI_GUEST_PAUSED && state != VMMI_GUEST_SHUTOFF)
        return vmmiErrorSet(err, CODE,
                            "'%s.state' must be one of 'running', 'paused', 'shutoff', got '%s'",
                            place, read->state);
    if (state == VMMI_GUEST_SHUTOFF && !read->persistent)
        return vmmiErrorSet(err, CODE, "'%s': a guest that is not persistent cannot be shut off",
                            place);
    for (size_t i = 0; i < VMMI_SIM_MAX_HOSTS; i++) {
        guest->places[i].state = VMMI_GUEST_ABSENT;
        guest->places[i].id = -1;
    }
    guest->places[host].state = state;
    guest->places[host].reason = state == VMMI_GUEST_PAUSED ? VMMI_REASON_USER : VMMI_REASON_OTHER;
    guest->places[host].persistent = read->persistent;
    if (state != VMMI_GUEST_SHUTOFF)
        guest->places[host].id = world->hosts[host].next_id++;
    return 0;
}

static int
check_identity(const vmmiSimWorld *world, const vmmiSimGuest *guest, const char *place,
               vmmiError **err)
{
    if (!name_is_fine(guest->name))
        return vmmiErrorSet(err, CODE, "'%s.name' must be of letters, digits and '-_.', got '%s'",
                            place, guest->name);
    if (!g_uuid_string_is_valid(guest->uuid))
        return vmmiErrorSet(err, CODE, "'%s.uuid' is not a UUID: '%s'", place, guest->uuid);
    for (size_t i = 0; i < world->guests->len; i++) {
        const vmmiSimGuest *other = vmmiSimWorldGuest(world, i);

        if (g_str_equal(other->name, guest->name) ||
            g_ascii_strcasecmp(other->uuid, guest->uuid) == 0)
            return vmmiErrorSet(err, CODE, "'%s': there is a guest '%s' with UUID %s already",
                                place, other->name, other->uuid);
    }
    return 0;
}

static int
read_guest(vmmiSimWorld *world, const json_t *from, const char *place, vmmiError **err)
{
    Guest read = { .pattern = "uniform",
                   .state = "running",
                   .set_at = "end",
                   .memory_mib = 256,
                   .set_mib = -1,
                   .rate_mib = 1,
                   .zipf = 1,
                   .on_ms = 1000,
                   .off_ms = 1000,
                   .xbzrle = 40,
                   .busy = 100,
                   .persistent = true };
    vmmiSimGuest guest = { .tuning = { .downtime_limit_ms = 300, .xbzrle_cache_bytes = 64 << 20 } };
    g_autofree char *prefix = g_strdup_printf("%s.", place);

    if (LOAD(guest_fields, from, place, &read, err) < 0)
        return -1;
    g_strlcpy(guest.name, read.name, sizeof(guest.name));
    g_strlcpy(guest.uuid, read.uuid, sizeof(guest.uuid));
    if (!*guest.uuid)
        vmmiSimWorldMakeUuid(world->name, guest.name, guest.uuid);
    if (read.set_mib < 0)
        read.set_mib = MIN(DEFAULT_SET_MIB, read.memory_mib);
    if (check_identity(world, &guest, place, err) < 0 || read_load(&guest, &read, place, err) < 0 ||
        read_place(world, &guest, &read, place, err) < 0 ||
        read_faults(&guest, from, place, err) < 0)
        return -1;
    g_array_append_val(world->guests, guest);
    return read_events(world, json_object_get(from, "events"), prefix, (int)world->guests->len - 1,
                       err);
}

static int
read_guests(vmmiSimWorld *world, const json_t *guests, vmmiError **err)
{
    size_t index;
    json_t *guest;

    if (check_array(guests, "guests", VMMI_SIM_MAX_GUESTS, err) < 0)
        return -1;
    json_array_foreach(guests, index, guest)
    {
        g_autofree char *place = g_strdup_printf("guests[%zu]", index);

        if (read_guest(world, guest, place, err) < 0)
            return -1;
    }
    return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int
read_scenario(vmmiSimWorld *world, const json_t *from, vmmiError **err)
{
    Scenario read = {
        .speed = 1, .link_mib = 64, .jitter_percent = 2, .seed = 1, .keepalive_ms = 30000
    };
    Steps steps = {
        .begin = 10, .prepare = 80, .setup = 20, .device = 25, .finish = 20, .confirm = 10
    };
    const json_t *step_object = json_object_get(from, "steps");

    if (LOAD(scenario_fields, from, "", &read, err) < 0 ||
        (step_object && LOAD(step_fields, step_object, "steps", &steps, err) < 0))
        return -1;
    if (!g_str_equal(read.kind, "scenario"))
        return vmmiErrorSet(err, CODE, "'vmmiSim' must be 'scenario', got '%s'", read.kind);
    world->speed = read.speed;
    world->link = read.link_mib * VMMI_SIM_MIB;
    world->jitter = read.jitter_percent / 100;
    world->seed = read.seed;
    world->keepalive_us = (int64_t)read.keepalive_ms * 1000;
    world->begin_us = to_us(steps.begin);
    world->prepare_us = to_us(steps.prepare);
    world->setup_us = to_us(steps.setup);
    world->device_us = to_us(steps.device);
    world->finish_us = to_us(steps.finish);
    world->confirm_us = to_us(steps.confirm);
    return read_hosts(world, json_object_get(from, "hosts"), err) < 0 ||
                   read_guests(world, json_object_get(from, "guests"), err) < 0 ||
                   read_events(world, json_object_get(from, "events"), "", -1, err) < 0
               ? -1
               : 0;
}

vmmiSimWorld *
vmmiSimScenarioBuild(const char *name, json_t *scenario, vmmiError **err)
{
    g_autoptr(vmmiSimWorld) world = vmmiSimWorldNew();

    g_strlcpy(world->name, name, sizeof(world->name));
    if (read_scenario(world, scenario, err) < 0)
        return NULL;
    json_decref(world->definition);
    world->definition = json_incref(scenario);
    return g_steal_pointer(&world);
}

json_t *
vmmiSimScenarioDefault(void)
{
    /* guest1 is calm; guest2 needs a limit of 500 ms, or auto-converge; guest3 writes through devices, four times faster
     * than the link, all over its memory. */
    return json_pack(
        "{s:s, s:[{s:s, s:i, s:i, s:i, s:i}, {s:s, s:i, s:i, s:i, s:i}, {s:s, s:i, s:i, s:i, s:i}]}",
        "vmmiSim", "scenario", "guests", "name", "guest1", "memoryMib", 256, "workingSetMib", 16,
        "dirtyRateMibPerSecond", 2, "zeroPercent", 40, "name", "guest2", "memoryMib", 256,
        "workingSetMib", 64, "dirtyRateMibPerSecond", 128, "zeroPercent", 40, "name", "guest3",
        "memoryMib", 512, "workingSetMib", 384, "dirtyRateMibPerSecond", 512, "unthrottledPercent",
        50);
}
