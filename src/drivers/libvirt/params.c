/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * params.c: the typed parameters of libvirt's migration by name (B11). One table.
 */
#include "internal.h"

#include <limits.h>

#include "util/nearest.h"

#define STRING(name) { name, VIR_TYPED_PARAM_STRING, false, 0, 0 }
#define STRINGS(name) { name, VIR_TYPED_PARAM_STRING, true, 0, 0 }
#define INT(name, minimum, maximum) { name, VIR_TYPED_PARAM_INT, false, minimum, maximum }
#define ULLONG(name, maximum) { name, VIR_TYPED_PARAM_ULLONG, false, 0, maximum }
/* libvirt turns MiB/s into bytes in a signed 64-bit number. */
#define MAX_MIB (INT64_MAX / (1024 * 1024))

const vmmiVirtParam vmmiVirtParamTable[] = {
    STRING(VIR_MIGRATE_PARAM_URI),
    STRING(VIR_MIGRATE_PARAM_DEST_NAME),
    STRING(VIR_MIGRATE_PARAM_DEST_XML),
    STRING(VIR_MIGRATE_PARAM_PERSIST_XML),
    ULLONG(VIR_MIGRATE_PARAM_BANDWIDTH, MAX_MIB),
    ULLONG(VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, MAX_MIB),
    STRING(VIR_MIGRATE_PARAM_GRAPHICS_URI),
    STRING(VIR_MIGRATE_PARAM_LISTEN_ADDRESS),
    STRINGS(VIR_MIGRATE_PARAM_MIGRATE_DISKS),
    INT(VIR_MIGRATE_PARAM_DISKS_PORT, 0, 65535),
    STRING(VIR_MIGRATE_PARAM_DISKS_URI),
    STRINGS(VIR_MIGRATE_PARAM_COMPRESSION),
    INT(VIR_MIGRATE_PARAM_COMPRESSION_MT_LEVEL, 0, 9),
    INT(VIR_MIGRATE_PARAM_COMPRESSION_MT_THREADS, 1, 255),
    INT(VIR_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS, 1, 255),
    ULLONG(VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, UINT64_MAX),
    INT(VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, 1, 99),
    INT(VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, 1, 99),
    INT(VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, 1, 255),
    STRING(VIR_MIGRATE_PARAM_TLS_DESTINATION),
};
const size_t vmmiVirtParamCount = G_N_ELEMENTS(vmmiVirtParamTable);

static const char *const type_names[] = {
    [VMMI_PARAM_UINT] = "an unsigned integer",
    [VMMI_PARAM_INT] = "an integer",
    [VMMI_PARAM_DOUBLE] = "a number with a fraction",
    [VMMI_PARAM_BOOL] = "a boolean",
    [VMMI_PARAM_STRING] = "a string",
    [VMMI_PARAM_STRINGS] = "a list of strings",
};

static int
refuse_unknown(const char *name, vmmiError **err)
{
    const char *names[G_N_ELEMENTS(vmmiVirtParamTable) + 1] = { NULL };
    const char *nearest;

    for (size_t i = 0; i < vmmiVirtParamCount; i++)
        names[i] = vmmiVirtParamTable[i].name;
    nearest = vmmiNearestName(name, names);
    if (nearest)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration parameter '%s' is unknown, did you mean '%s'?", name,
                            nearest);
    return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                        "migration parameter '%s' is unknown", name);
}

static int
refuse_type(const char *name, const char *wanted, vmmiParamType got, vmmiError **err)
{
    const char *got_name =
        (size_t)got < G_N_ELEMENTS(type_names) ? type_names[got] : "something else";

    return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                        "migration parameter '%s' must be %s, got %s", name, wanted, got_name);
}

static int
add_string(vmmiVirtParams *params, const char *name, const char *value, vmmiError **err)
{
    if (!value || !*value)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration parameter '%s' is empty", name);
    if (g_str_has_suffix(name, "_uri") && vmmiVirtUriCheck(name, value, err) < 0)
        return -1;
    if (virTypedParamsAddString(&params->items, &params->n_items, &params->n_room, name, value) < 0)
        return vmmiVirtErrorTake(err, VMMI_ERR_INTERNAL);
    return 0;
}

static int
add_strings(vmmiVirtParams *params, const vmmiParam *param, vmmiError **err)
{
    if (param->type == VMMI_PARAM_STRING)
        return add_string(params, param->name, param->string_value, err);
    if (param->type != VMMI_PARAM_STRINGS)
        return refuse_type(param->name, type_names[VMMI_PARAM_STRINGS], param->type, err);
    if (!param->strings || !param->strings[0])
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration parameter '%s' is empty", param->name);
    for (size_t i = 0; param->strings[i]; i++) {
        if (add_string(params, param->name, param->strings[i], err) < 0)
            return -1;
    }
    return 0;
}

static int
add_number(vmmiVirtParams *params, const vmmiVirtParam *row, const vmmiParam *param,
           vmmiError **err)
{
    uint64_t value = param->type == VMMI_PARAM_INT ? (uint64_t)param->int_value : param->uint_value;
    bool negative = param->type == VMMI_PARAM_INT && param->int_value < 0;
    int result;

    if (param->type != VMMI_PARAM_UINT && param->type != VMMI_PARAM_INT)
        return refuse_type(param->name, "an integer", param->type, err);
    if (negative || value < row->minimum || value > row->maximum)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration parameter '%s' must be %" G_GUINT64_FORMAT "..%"
                            G_GUINT64_FORMAT ", got %s%" G_GUINT64_FORMAT, row->name, row->minimum,
                            row->maximum, negative ? "-" : "", negative ? 0 - value : value);
    if (row->type == VIR_TYPED_PARAM_INT)
        result = virTypedParamsAddInt(&params->items, &params->n_items, &params->n_room, row->name,
                                      (int)value);
    else
        result = virTypedParamsAddULLong(&params->items, &params->n_items, &params->n_room,
                                         row->name, value);
    return result < 0 ? vmmiVirtErrorTake(err, VMMI_ERR_INTERNAL) : 0;
}

bool
vmmiVirtParamsHave(const vmmiVirtParams *params, const char *name)
{
    for (int i = 0; i < params->n_items; i++) {
        if (g_str_equal(params->items[i].field, name))
            return true;
    }
    return false;
}

int
vmmiVirtParamsAdd(vmmiVirtParams *params, const vmmiParam *param, vmmiError **err)
{
    const vmmiVirtParam *row = NULL;

    for (size_t i = 0; i < vmmiVirtParamCount && !row; i++) {
        if (g_str_equal(vmmiVirtParamTable[i].name, param->name))
            row = &vmmiVirtParamTable[i];
    }
    if (!row)
        return refuse_unknown(param->name, err);
    if (vmmiVirtParamsHave(params, row->name))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration parameter '%s' is given twice", row->name);
    if (row->multiple)
        return add_strings(params, param, err);
    if (row->type != VIR_TYPED_PARAM_STRING)
        return add_number(params, row, param, err);
    if (param->type != VMMI_PARAM_STRING)
        return refuse_type(row->name, type_names[VMMI_PARAM_STRING], param->type, err);
    return add_string(params, row->name, param->string_value, err);
}
