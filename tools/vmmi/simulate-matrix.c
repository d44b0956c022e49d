/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-matrix.c: from a matrix to its cells: every combination of its axes, and those that are
 * written out. The format is in vmmi-sim(7).
 */
#include <math.h>
#include <string.h>

#include "report.h"
#include "simulate.h"

#define CODE VMMI_ERR_MALFORMED_CONFIGURATION
#define MOST_VALUES 64

typedef struct {
    SimPlan *plan;
    const json_t *matrix;
} Matrix;

static const char *const matrix_keys[] = {
    "vmmiSim",        "comment",        "base",          "guest",        "axes", "memory", "cells",
    "deadline",       "downtimeHardMs", "downtimeSoftMs", "limitSeconds", "runs", "seed",
    "spreadPercent",  NULL
};

/* --- rules ------------------------------------------------------------------------ */

/* A number of an object that may be absent. Returns 0, or -1. */
static int
number_of(const Matrix *m, const json_t *object, const char *place, const char *key, double least,
          double *value, vmmiError **err)
{
    const json_t *member = json_object_get(object, key);

    if (!member)
        return 0;
    if (!json_is_number(member) || json_number_value(member) < least)
        return vmmiErrorSet(err, CODE, "%s: '%s%s%s' must be a number, at least %g",
                            m->plan->source, place, *place ? "." : "", key, least);
    *value = json_number_value(member);
    return 0;
}

/* Seconds for a guest of so much memory over a link: a number, or so many times the first pass,
 * and more. */
static int
deadline_of(const Matrix *m, double bulk_s, double *seconds, vmmiError **err)
{
    static const char *const known[] = { "timesBulk", "plusSeconds", "leastSeconds", NULL };
    const json_t *rule = json_object_get(m->matrix, "deadline");
    double times = 0, plus = 0, least = 0;

    *seconds = 0;
    if (!rule || json_is_number(rule))
        return number_of(m, m->matrix, "", "deadline", 0, seconds, err);
    if (sim_check_keys(rule, m->plan->source, "deadline", known, err) < 0 ||
        number_of(m, rule, "deadline", "timesBulk", 0, &times, err) < 0 ||
        number_of(m, rule, "deadline", "plusSeconds", 0, &plus, err) < 0 ||
        number_of(m, rule, "deadline", "leastSeconds", 0, &least, err) < 0)
        return -1;
    *seconds = ceil(fmax(times * bulk_s + plus, least));
    return 0;
}

static int
memory_of(const Matrix *m, double set_mib, double *memory_mib, vmmiError **err)
{
    static const char *const known[] = { "timesWorkingSet", "leastMib", NULL };
    const json_t *rule = json_object_get(m->matrix, "memory");
    double times = 1, least = 256;

    if (rule && (sim_check_keys(rule, m->plan->source, "memory", known, err) < 0 ||
                 number_of(m, rule, "memory", "timesWorkingSet", 1, &times, err) < 0 ||
                 number_of(m, rule, "memory", "leastMib", 1, &least, err) < 0))
        return -1;
    *memory_mib = fmax(times * set_mib, least);
    return 0;
}

/* What the matrix says for all its cells, where a cell does not say it itself. */
static int
add_common(const Matrix *m, json_t *cell, double bulk_s, vmmiError **err)
{
    static const char *const keys[] = { "downtimeHardMs", "downtimeSoftMs", "limitSeconds",
                                        "spreadPercent", NULL };
    double seconds;

    for (size_t i = 0; keys[i]; i++) {
        json_t *value = json_object_get(m->matrix, keys[i]);

        if (value && !json_object_get(cell, keys[i]))
            json_object_set(cell, keys[i], value);
    }
    if (json_object_get(cell, "deadlineSeconds"))
        return 0;
    if (deadline_of(m, bulk_s, &seconds, err) < 0)
        return -1;
    if (seconds > 0)
        json_object_set_new(cell, "deadlineSeconds", json_real(seconds));
    return 0;
}

/* --- axes ------------------------------------------------------------------------- */

static int
axis_of(const Matrix *m, const char *name, bool text, const json_t **axis, vmmiError **err)
{
    const json_t *item;
    size_t i;

    *axis = json_object_get(json_object_get(m->matrix, "axes"), name);
    if (!json_is_array(*axis) || json_array_size(*axis) < 1 ||
        json_array_size(*axis) > MOST_VALUES)
        return vmmiErrorSet(err, CODE, "%s: 'axes.%s' must be an array of 1 to %d items",
                            m->plan->source, name, MOST_VALUES);
    json_array_foreach (*axis, i, item) {
        if (text ? !json_is_string(item) : !json_is_number(item) || json_number_value(item) <= 0)
            return vmmiErrorSet(err, CODE, "%s: 'axes.%s[%zu]' must be a %s", m->plan->source,
                                name, i, text ? "string" : "number above 0");
    }
    return 0;
}

static json_t *
copy_or_new(const json_t *object)
{
    return json_is_object(object) ? json_deep_copy(object) : json_object();
}

static int
add_cell(const Matrix *m, double set_mib, double ratio, const char *pattern, double link,
         vmmiError **err)
{
    json_t *guest = copy_or_new(json_object_get(m->matrix, "guest"));
    json_t *scenario = copy_or_new(json_object_get(m->matrix, "base"));
    g_autofree char *name = g_strdup_printf("%s-ws%g-r%g-b%g", pattern, set_mib, ratio, link);
    json_t *cell = json_pack("{s:s, s:o}", "name", name, "scenario", scenario);
    const json_t *given = json_object_get(guest, "memoryMib");
    double memory = json_number_value(given);

    json_object_set_new(scenario, "vmmiSim", json_string("scenario"));
    json_object_set_new(scenario, "linkMibPerSecond", json_real(link));
    json_object_set_new(scenario, "guests", json_pack("[o]", guest));
    if (!json_object_get(guest, "name"))
        json_object_set_new(guest, "name", json_string("guest1"));
    json_object_set_new(guest, "workingSetMib", json_real(set_mib));
    json_object_set_new(guest, "dirtyRateMibPerSecond", json_real(ratio * link));
    json_object_set_new(guest, "pattern", json_string(pattern));
    json_array_append_new(m->plan->cells, cell);
    if (!given && memory_of(m, set_mib, &memory, err) < 0)
        return -1;
    json_object_set_new(guest, "memoryMib", json_real(memory));
    return add_common(m, cell, memory / link, err);
}

static int
expand_axes(const Matrix *m, vmmiError **err)
{
    static const char *const known[] = { "workingSetMib", "ratio", "pattern", "linkMibPerSecond",
                                         NULL };
    const json_t *axes = json_object_get(m->matrix, "axes");
    const json_t *sets, *ratios, *patterns, *links, *set, *ratio, *pattern, *link;
    size_t i, j, k, l;

    if (!axes)
        return 0;
    if (sim_check_keys(axes, m->plan->source, "axes", known, err) < 0 ||
        axis_of(m, "workingSetMib", false, &sets, err) < 0 ||
        axis_of(m, "ratio", false, &ratios, err) < 0 ||
        axis_of(m, "pattern", true, &patterns, err) < 0 ||
        axis_of(m, "linkMibPerSecond", false, &links, err) < 0)
        return -1;
    if (json_array_size(sets) * json_array_size(ratios) * json_array_size(patterns) *
            json_array_size(links) > SIMULATE_MOST_CELLS)
        return vmmiErrorSet(err, CODE, "%s: the axes make more than %d cells", m->plan->source,
                            SIMULATE_MOST_CELLS);
    json_array_foreach (patterns, i, pattern)
        json_array_foreach (sets, j, set)
            json_array_foreach (ratios, k, ratio)
                json_array_foreach (links, l, link)
                    if (add_cell(m, json_number_value(set), json_number_value(ratio),
                                 json_string_value(pattern), json_number_value(link), err) < 0)
                        return -1;
    return 0;
}

/* --- cells that are written out --------------------------------------------------- */

static double
bulk_seconds(const json_t *cell)
{
    const json_t *scenario = json_object_get(cell, "scenario");
    const json_t *link = json_object_get(scenario, "linkMibPerSecond");
    const json_t *guest = json_array_get(json_object_get(scenario, "guests"), 0);
    const json_t *memory = json_object_get(guest, "memoryMib");
    double mib = memory ? json_number_value(memory) : 256;

    return mib / (link && json_number_value(link) > 0 ? json_number_value(link) : 64);
}

static int
add_written(const Matrix *m, vmmiError **err)
{
    const json_t *cells = json_object_get(m->matrix, "cells");
    const json_t *item;
    size_t i;

    if (cells && !json_is_array(cells))
        return vmmiErrorSet(err, CODE, "%s: 'cells' must be an array", m->plan->source);
    json_array_foreach (cells, i, item) {
        json_t *cell = json_deep_copy(item);

        json_array_append_new(m->plan->cells, cell);
        if (!json_is_object(cell) || !json_is_string(json_object_get(cell, "name")) ||
            !json_is_object(json_object_get(cell, "scenario")))
            return vmmiErrorSet(err, CODE, "%s: 'cells[%zu]' must be an object with a 'name' and "
                                "a 'scenario'", m->plan->source, i);
        if (add_common(m, cell, bulk_seconds(cell), err) < 0)
            return -1;
    }
    return 0;
}

/* --- the whole -------------------------------------------------------------------- */

static int
check_names(const Matrix *m, vmmiError **err)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < json_array_size(m->plan->cells); i++) {
        if (!g_hash_table_add(seen, (gpointer)sim_cell_name(m->plan, i)))
            return vmmiErrorSet(err, CODE, "%s: cell '%s' is there twice", m->plan->source,
                                sim_cell_name(m->plan, i));
    }
    return 0;
}

static int
take_number(const Matrix *m, const char *key, bool given, uint64_t *value, vmmiError **err)
{
    double number = 0;

    if (given || !json_object_get(m->matrix, key))
        return 0;
    if (number_of(m, m->matrix, "", key, g_str_equal(key, "runs") ? 1 : 0, &number, err) < 0)
        return -1;
    *value = (uint64_t)number;
    return 0;
}

int
sim_expand_matrix(SimPlan *plan, const json_t *matrix, vmmiError **err)
{
    const Matrix m = { plan, matrix };

    if (sim_check_keys(matrix, plan->source, "", matrix_keys, err) < 0 ||
        take_number(&m, "runs", plan->has_runs, &plan->runs, err) < 0 ||
        take_number(&m, "seed", plan->has_seed, &plan->seed, err) < 0 ||
        expand_axes(&m, err) < 0 || add_written(&m, err) < 0 || check_names(&m, err) < 0)
        return -1;
    if (json_array_size(plan->cells) > 0 && json_array_size(plan->cells) <= SIMULATE_MOST_CELLS)
        return 0;
    return vmmiErrorSet(err, CODE, "%s: the matrix has %zu cells, 1 to %d are possible",
                        plan->source, json_array_size(plan->cells), SIMULATE_MOST_CELLS);
}
