/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-cell.c: one situation in which policies are tried: a scenario, one of its guests, and
 * what is wanted of its migration; and how well a run did in it.
 */
#include "kit/simulate-order.h"

#include <string.h>

#include "drivers/sim/sim-field.h"
#include "drivers/sim/sim-scenario.h"
#include "message/json.h"
#include "util/cleanup.h"

#define CODE VMMI_ERR_CONFIGURATION_FAILED
#define LONGEST_S 86400.0
/* Without a limit of its own a cell gives this much, or so many times its deadline. */
#define DEFAULT_LIMIT_S 3600.0
#define LIMIT_DEADLINES 5.0
#define LIMIT_LEAST_S 120.0

typedef struct {
    char name[VMMI_SIMULATE_NAME_SIZE];
    char guest[VMMI_SIM_NAME_SIZE], destination[VMMI_SIM_NAME_SIZE];
    double deadline_s, limit_s, spread_percent;
    uint64_t hard_ms, soft_ms;
} Cell;

#define MEMBER(key, kind, member, low, high, optional)                                             \
    {                                                                                              \
        key, VMMI_SIM_FIELD_##kind, offsetof(Cell, member), low, high, optional                    \
    }
static const vmmiSimField fields[] = {
    MEMBER("name", TEXT, name, 1, VMMI_SIMULATE_NAME_SIZE, false),
    MEMBER("guest", TEXT, guest, 1, VMMI_SIM_NAME_SIZE, true),
    MEMBER("destination", TEXT, destination, 1, VMMI_SIM_NAME_SIZE, true),
    MEMBER("deadlineSeconds", REAL, deadline_s, 0, LONGEST_S, true),
    MEMBER("limitSeconds", REAL, limit_s, 1, LONGEST_S, true),
    MEMBER("spreadPercent", REAL, spread_percent, 0, 50, true),
    MEMBER("downtimeHardMs", UINT, hard_ms, 0, 2000000, true),
    MEMBER("downtimeSoftMs", UINT, soft_ms, 0, 2000000, true),
    { "scenario", VMMI_SIM_FIELD_OTHER, 0, 0, 0, false },
};

static int
find_guest(vmmiSimulateCell *cell, const char *name, const char *place, vmmiError **err)
{
    for (size_t i = 0; i < cell->world->guests->len; i++) {
        if (!*name || g_str_equal(vmmiSimWorldGuest(cell->world, i)->name, name)) {
            cell->guest = i;
            return 0;
        }
    }
    if (!*name)
        return vmmiErrorSet(err, CODE, "'%s.scenario' has no guests", place);
    return vmmiErrorSet(err, CODE, "'%s.guest': there is no guest '%s' in the scenario", place,
                        name);
}

/* The guest must run somewhere, and move to somewhere else. */
static int
find_destination(vmmiSimulateCell *cell, const char *name, const char *place, vmmiError **err)
{
    const vmmiSimGuest *guest = vmmiSimWorldGuest(cell->world, cell->guest);
    int source = -1, host;

    for (size_t i = 0; i < cell->world->n_hosts; i++) {
        if (guest->places[i].state == VMMI_GUEST_RUNNING ||
            guest->places[i].state == VMMI_GUEST_PAUSED)
            source = (int)i;
    }
    if (source < 0)
        return vmmiErrorSet(err, CODE, "'%s': guest '%s' does not run at the beginning", place,
                            guest->name);
    host = *name ? vmmiSimWorldFindHost(cell->world, name) : source == 0 ? 1 : 0;
    if (host < 0)
        return vmmiErrorSet(err, CODE, "'%s.destination': there is no host '%s' in the scenario",
                            place, name);
    if (host == source)
        return vmmiErrorSet(err, CODE, "'%s.destination': guest '%s' is on host '%s' already",
                            place, guest->name, cell->world->hosts[host].name);
    cell->destination = (size_t)host;
    return 0;
}

static double
limit_by_rule(double deadline_s)
{
    return deadline_s > 0 ? MAX(LIMIT_DEADLINES * deadline_s, LIMIT_LEAST_S) : DEFAULT_LIMIT_S;
}

int
vmmiSimulateCellRead(const json_t *from, const char *place, vmmiSimulateCell *cell, vmmiError **err)
{
    g_auto(vmmiSimulateCell) read = { .world = NULL };
    g_autoptr(vmmiError) mistake = NULL;
    Cell members = { .spread_percent = 0 };

    if (vmmiSimFieldsLoad(fields, G_N_ELEMENTS(fields), from, place, &members, CODE, err) < 0)
        return -1;
    read.world = vmmiSimScenarioBuild("simulate", json_object_get(from, "scenario"), &mistake);
    if (!read.world)
        return vmmiErrorSet(err, CODE, "'%s.scenario' (cell '%s'): %s", place, members.name,
                            vmmiErrorGetMessage(mistake));
    if (find_guest(&read, members.guest, place, err) < 0 ||
        find_destination(&read, members.destination, place, err) < 0)
        return -1;
    g_strlcpy(read.name, members.name, sizeof(read.name));
    read.deadline_s = members.deadline_s;
    read.hard_ms = members.hard_ms;
    read.soft_ms = members.soft_ms;
    read.limit_s = members.limit_s > 0 ? members.limit_s : limit_by_rule(members.deadline_s);
    read.spread = members.spread_percent / 100;
    *cell = read;
    memset(&read, 0, sizeof(read));
    return 0;
}

void
vmmiSimulateCellClear(vmmiSimulateCell *cell)
{
    vmmiSimWorldFree(cell->world);
    memset(cell, 0, sizeof(*cell));
}

/* --- what it is ------------------------------------------------------------------- */

/* Three digits are enough to tell cells apart. */
static json_t *
rounded(double value)
{
    return json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

json_t *
vmmiSimulateCellFacts(const vmmiSimulateCell *cell)
{
    const vmmiSimLoad *load = &vmmiSimWorldGuest(cell->world, cell->guest)->load;
    double link = cell->world->link;
    json_t *object = json_object();

    json_object_set_new(object, "memoryMib", rounded(load->memory / VMMI_SIM_MIB));
    json_object_set_new(object, "workingSetMib", rounded(load->working_set / VMMI_SIM_MIB));
    json_object_set_new(object, "pattern",
                        json_string(vmmiSimPatternToString((vmmiSimPattern)load->pattern)));
    json_object_set_new(object, "bandwidthMibPerSecond", rounded(link / VMMI_SIM_MIB));
    if (link > 0)
        json_object_set_new(object, "ratio", rounded(load->dirty_rate / link));
    if (load->pattern == VMMI_SIM_PATTERN_PHASED)
        json_object_set_new(object, "phaseMs", json_integer(load->off_us / 1000));
    if (cell->deadline_s > 0)
        json_object_set_new(object, "deadlineSeconds", rounded(cell->deadline_s));
    if (cell->hard_ms)
        json_object_set_new(object, "downtimeHardMs", json_integer((json_int_t)cell->hard_ms));
    return object;
}

/* --- the cell's figures in a policy's options ------------------------------------- */

/* Whether the cell has the figure; 0 in @figure: it is no name of one. */
static int
figure_of(const vmmiSimulateCell *cell, const char *name, uint64_t *figure, vmmiError **err)
{
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        { "@deadlineSeconds", (uint64_t)(cell->deadline_s + 0.999) },
        { "@downtimeHardMs", cell->hard_ms },
        { "@downtimeSoftMs", cell->soft_ms },
    };

    *figure = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        if (!g_str_equal(figures[i].name, name))
            continue;
        *figure = figures[i].value;
        if (!*figure)
            return vmmiErrorSet(err, CODE, "cell '%s' has no '%s', which an option asks for",
                                cell->name, name + 1);
    }
    return 0;
}

/* A new reference: the value with the cell's figures in it; NULL on failure. */
static json_t *
resolve(const vmmiSimulateCell *cell, const json_t *value, int depth, vmmiError **err)
{
    g_autoptr(json_t) copy = NULL;
    uint64_t figure = 0;
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_string(value)) {
        if (figure_of(cell, json_string_value(value), &figure, err) < 0)
            return NULL;
        if (figure && depth > 1)
            return json_sprintf("%" G_GUINT64_FORMAT, (guint64)figure);
        return figure ? json_integer((json_int_t)figure) : json_deep_copy(value);
    }
    if (!json_is_object(value) && !json_is_array(value))
        return json_deep_copy(value);
    copy = json_is_object(value) ? json_object() : json_array();
    json_object_foreach ((json_t *)value, key, item) {
        json_t *made = resolve(cell, item, depth + 1, err);

        if (!made)
            return NULL;
        json_object_set_new(copy, key, made);
    }
    json_array_foreach (value, i, item) {
        json_t *made = resolve(cell, item, depth + 1, err);

        if (!made)
            return NULL;
        json_array_append_new(copy, made);
    }
    return g_steal_pointer(&copy);
}

json_t *
vmmiSimulateCellOptions(const vmmiSimulateCell *cell, const json_t *policy, vmmiError **err)
{
    return policy ? resolve(cell, policy, 0, err) : json_object();
}

/* --- how well it did -------------------------------------------------------------- */

bool
vmmiSimulateIsMet(const vmmiSimulateCell *cell, const vmmiSimulateResult *result)
{
    double hard_us = (double)cell->hard_ms * 1000;

    if (result->verdict.outcome != VMMI_OUTCOME_COMPLETED)
        return false;
    if (cell->deadline_s > 0 && (double)result->total_us > cell->deadline_s * 1e6)
        return false;
    return !cell->hard_ms || result->felt.longest <= hard_us + MAX(hard_us / 5, 50000);
}

double
vmmiSimulateScore(const vmmiSimulateCell *cell, const vmmiSimulateResult *result)
{
    double slowed = result->felt.lost - result->felt.standing;

    return 20 * result->felt.longest / 1e6 + (double)result->total_us / 1e6 +
           5 * MAX(slowed, 0) / 1e6 + (vmmiSimulateIsMet(cell, result) ? 0 : 600);
}

static json_t *
ms(double us)
{
    return json_integer((json_int_t)(us / 1000 + 0.5));
}

json_t *
vmmiSimulateFigures(const vmmiSimulateCell *cell, const vmmiSimulateResult *result)
{
    const vmmiKitVerdict *verdict = &result->verdict;
    json_t *object = json_object();

    json_object_set_new(object, "outcome", json_string(vmmiOutcomeKindToString(verdict->outcome)));
    json_object_set_new(object, "where", json_string(vmmiWhereToString(verdict->where)));
    json_object_set_new(object, "met", json_boolean(vmmiSimulateIsMet(cell, result)));
    json_object_set_new(object, "totalMs", ms((double)result->total_us));
    json_object_set_new(object, "downtimeMs", result->downtime_us < 0
                                                  ? json_null()
                                                  : ms((double)result->downtime_us));
    json_object_set_new(object, "silenceMs", ms(result->felt.longest));
    json_object_set_new(object, "standstillMs", ms(result->felt.standing));
    json_object_set_new(object, "throttleSilenceMs", ms(result->felt.throttle_silence));
    json_object_set_new(object, "workLostMs", ms(result->felt.lost));
    json_object_set_new(object, "bytesSent", json_integer((json_int_t)result->bytes_sent));
    json_object_set_new(object, "iterations", json_integer((json_int_t)result->iterations));
    json_object_set_new(object, "postcopyMs", ms(result->felt.postcopy));
    json_object_set_new(object, "actions", json_integer(result->actions));
    json_object_set_new(object, "score", rounded(vmmiSimulateScore(cell, result)));
    if (result->verdict.error)
        json_object_set_new(object, "error",
                            json_pack("{s:i, s:s}", "code", vmmiErrorGetCode(result->verdict.error),
                                      "message", vmmiErrorGetMessage(result->verdict.error)));
    if (result->policy_error)
        json_object_set_new(object, "policyError", json_string(result->policy_error));
    return object;
}
