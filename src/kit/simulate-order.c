/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-order.c: `PLUGIN --vmmi-simulate`: an order from standard input, a line a run on
 * standard output. Everything is checked before the first run.
 */
#include "kit/simulate-order.h"

#include <errno.h>
#include <string.h>

#include "drivers/sim/sim-field.h"
#include "kit/options.h"
#include "kit/trace.h"
#include "message/json.h"
#include "util/cleanup.h"
#include "util/error.h"
#include "util/file.h"

#define CODE VMMI_ERR_CONFIGURATION_FAILED

typedef struct {
    char kind[16];
    char label[VMMI_SIMULATE_NAME_SIZE], group[VMMI_SIMULATE_NAME_SIZE];
    char trace[4096];
    uint64_t runs, seed;
    double time_scale; /* 0: not said */
    const json_t *policy, *migration; /* NULL or objects */
    const json_t *cells;
} Order;

#define MEMBER(key, kind, member, low, high, optional)                                             \
    {                                                                                              \
        key, VMMI_SIM_FIELD_##kind, offsetof(Order, member), low, high, optional                   \
    }
#define OTHER(key, optional)                                                                       \
    {                                                                                              \
        key, VMMI_SIM_FIELD_OTHER, 0, 0, 0, optional                                               \
    }
static const vmmiSimField fields[] = {
    MEMBER("vmmiSim", TEXT, kind, 1, 16, false),
    MEMBER("label", TEXT, label, 1, VMMI_SIMULATE_NAME_SIZE, true),
    MEMBER("group", TEXT, group, 1, VMMI_SIMULATE_NAME_SIZE, true),
    MEMBER("traceDirectory", TEXT, trace, 1, 4096, true),
    MEMBER("runs", UINT, runs, 1, VMMI_SIMULATE_MAX_RUNS, true),
    MEMBER("seed", UINT, seed, 0, 9007199254740992.0, true),
    MEMBER("timeScale", REAL, time_scale, 0.001, 1000000, true),
    OTHER("policy", true),
    OTHER("migration", true),
    OTHER("cells", false),
};

/* --- reading ---------------------------------------------------------------------- */

static int
read_object(const json_t *from, const char *key, const json_t **object, vmmiError **err)
{
    *object = json_object_get(from, key);
    if (!*object || json_is_object(*object))
        return 0;
    return vmmiErrorSet(err, CODE, "'%s' must be an object, got %s", key,
                        vmmiJsonTypeName(*object));
}

static int
read_order(const json_t *from, const char *plugin, Order *order, vmmiError **err)
{
    order->runs = 1;
    order->seed = 1;
    g_strlcpy(order->label, plugin, sizeof(order->label));
    if (vmmiSimFieldsLoad(fields, G_N_ELEMENTS(fields), from, "", order, CODE, err) < 0)
        return -1;
    if (!g_str_equal(order->kind, "order"))
        return vmmiErrorSet(err, CODE, "'vmmiSim' must be 'order', got '%s'", order->kind);
    if (*order->trace && !g_path_is_absolute(order->trace))
        return vmmiErrorSet(err, CODE, "'traceDirectory' must be an absolute path, got '%s'",
                            order->trace);
    if (read_object(from, "policy", &order->policy, err) < 0 ||
        read_object(from, "migration", &order->migration, err) < 0)
        return -1;
    order->cells = json_object_get(from, "cells");
    if (!json_is_array(order->cells) || json_array_size(order->cells) < 1 ||
        json_array_size(order->cells) > VMMI_SIMULATE_MAX_CELLS)
        return vmmiErrorSet(err, CODE, "'cells' must be an array of 1 to %d items",
                            VMMI_SIMULATE_MAX_CELLS);
    return 0;
}

/* --- cells, ready to run ---------------------------------------------------------- */

typedef struct {
    vmmiSimulateCell cell;
    vmmiPolicyConfig *options;
} Ready;

static void
ready_clear(gpointer data)
{
    Ready *ready = data;

    vmmiSimulateCellClear(&ready->cell);
    vmmiPolicyConfigFree(ready->options);
}

static int
make_ready(const vmmiPolicy *policy, const Order *order, const json_t *from, const char *place,
           Ready *ready, vmmiError **err)
{
    g_autoptr(json_t) options = NULL;
    g_autoptr(vmmiError) mistake = NULL;
    g_autofree char *bad_key = NULL;

    if (vmmiSimulateCellRead(from, place, &ready->cell, err) < 0)
        return -1;
    options = vmmiSimulateCellOptions(&ready->cell, order->policy, err);
    if (!options)
        return -1;
    ready->options = vmmiPolicyConfigNew(policy->options, options, &bad_key, &mistake);
    if (ready->options)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_OPTION, "'policy%s%s': %s", bad_key ? "." : "",
                        bad_key ? bad_key : "", vmmiErrorGetMessage(mistake));
}

static GArray *
make_all_ready(const vmmiPolicy *policy, const Order *order, vmmiError **err)
{
    g_autoptr(GArray) all = g_array_new(FALSE, TRUE, sizeof(Ready));
    const json_t *from;
    size_t i;

    g_array_set_clear_func(all, ready_clear);
    json_array_foreach (order->cells, i, from) {
        g_autofree char *place = g_strdup_printf("cells[%zu]", i);
        Ready ready = { .options = NULL };

        if (make_ready(policy, order, from, place, &ready, err) < 0) {
            ready_clear(&ready);
            return NULL;
        }
        g_array_append_val(all, ready);
    }
    return g_steal_pointer(&all);
}

/* --- running ---------------------------------------------------------------------- */

static int
write_line(const vmmiKitModeCall *call, const Order *order, const Ready *ready, uint64_t seed,
           const vmmiSimulateResult *result, vmmiError **err)
{
    g_autoptr(json_t) object = json_object();
    g_autoptr(json_t) figures = vmmiSimulateFigures(&ready->cell, result);
    g_autoptr(json_t) facts = vmmiSimulateCellFacts(&ready->cell);
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;

    json_object_set_new(object, "cell", json_string(ready->cell.name));
    json_object_set_new(object, "label", json_string(order->label));
    json_object_set_new(object, "plugin", json_string(call->name));
    json_object_set_new(object, "group", json_string(order->group));
    json_object_set_new(object, "seed", json_integer((json_int_t)seed));
    if (order->time_scale > 0)
        json_object_set_new(object, "timeScale", json_real(order->time_scale));
    json_object_update(object, figures);
    json_object_update(object, facts);
    text = vmmiJsonWrite(object, false);
    line = g_strconcat(text, "\n", NULL);
    if (vmmiFileWriteFull(call->streams->status_fd, line, strlen(line)) == 0)
        return 0;
    return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot write the result");
}

/* DIRECTORY/CELL-LABEL-SEED.jsonl; what the name of a file cannot hold becomes '_'. */
static vmmiJournal *
open_trace(const Order *order, const char *cell, uint64_t seed, vmmiError **err)
{
    g_autofree char *name =
        g_strdup_printf("%s-%s-%" G_GUINT64_FORMAT ".jsonl", cell, order->label, (guint64)seed);
    g_autofree char *path = NULL;
    vmmiJournal *journal;
    int fd;

    g_strcanon(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.", '_');
    path = g_build_filename(order->trace, name, NULL);
    fd = vmmiTraceOpenFile(path, err);
    if (fd < 0)
        return NULL;
    journal = vmmiJournalNew(-1);
    vmmiJournalAddFile(journal, fd);
    return journal;
}

static int
run_one(const vmmiKitModeCall *call, const Order *order, const Ready *ready, uint64_t seed,
        vmmiError **err)
{
    g_auto(vmmiSimulateResult) result = { .ended = false };
    g_autoptr(vmmiJournal) trace = NULL;
    vmmiSimulateOrder what = {
        .policy = call->policy,
        .options = ready->options,
        .migration = order->migration,
        .world = ready->cell.world,
        .guest = ready->cell.guest,
        .destination = ready->cell.destination,
        .seed = seed,
        .spread = ready->cell.spread,
        .limit_us = (int64_t)(ready->cell.limit_s * 1e6),
        .plugin = call->name,
    };

    if (*order->trace)
        what.trace = trace = open_trace(order, ready->cell.name, seed, err);
    if (*order->trace && !trace)
        return -1;
    if (vmmiSimulateRun(&what, &result, err) < 0)
        return vmmiErrorPrefix(err, "cell '%s'", ready->cell.name);
    if (trace && vmmiJournalGetLost(trace))
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM,
                            "cell '%s': the trace could not be written in '%s'", ready->cell.name,
                            order->trace);
    return write_line(call, order, ready, seed, &result, err);
}

int
vmmiSimulateMode(const vmmiKitModeCall *call, vmmiError **err)
{
    g_autoptr(json_t) from = vmmiKitModeReadOrder(err);
    g_autofree Order *order = g_new0(Order, 1);
    g_autoptr(GArray) cells = NULL;

    if (!from || read_order(from, call->name, order, err) < 0)
        return -1;
    cells = make_all_ready(call->policy, order, err);
    if (!cells)
        return -1;
    for (guint i = 0; i < cells->len; i++) {
        for (uint64_t run = 0; run < order->runs; run++) {
            if (run_one(call, order, &g_array_index(cells, Ready, i), order->seed + run, err) < 0)
                return -1;
        }
    }
    return 0;
}
