/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-order.c: libvirt's flags and parameters, as far as the simulator knows what they do.
 */
#include "drivers/sim/sim-order.h"

#include <string.h>

#include <glib.h>

#include "util/nearest.h"

#define NOWHERE ((size_t)-1)
#define CODE VMMI_ERR_MALFORMED_CONFIGURATION

typedef struct {
    const char *name;
    size_t offset;       /* of a bool, NOWHERE: makes no difference here */
    size_t forbidden;    /* of a bool that "no-x" sets, NOWHERE: nothing to remember */
    const char *refusal; /* why it cannot be had, NULL: it can */
} Flag;

#define MODELLED(name) \
    { \
#        name, offsetof(vmmiSimOrder, name), NOWHERE, NULL \
    }
#define DEFAULTED(name) \
    { \
#        name, offsetof(vmmiSimOrder, name), offsetof(vmmiSimOrder, no_##name), NULL \
    }
#define HARMLESS(name) \
    { name, NOWHERE, NOWHERE, NULL }
#define REFUSED(name, why) \
    { name, NOWHERE, NOWHERE, why }
#define BY_MODE "it is said with 'migration.mode'"
#define NO_DISKS "simulated guests have no disks"

static const Flag flags[] = {
    MODELLED(live),
    MODELLED(auto_converge),
    MODELLED(compressed),
    MODELLED(postcopy),
    MODELLED(postcopy_resume),
    MODELLED(paused),
    MODELLED(parallel),
    MODELLED(zerocopy),
    DEFAULTED(persist_dest),
    DEFAULTED(undefine_source),
    HARMLESS("change_protection"),
    HARMLESS("unsafe"),
    HARMLESS("abort_on_error"),
    HARMLESS("tls"),
    REFUSED("peer2peer", BY_MODE),
    REFUSED("tunnelled", "the simulated link has no tunnel"),
    REFUSED("non_shared_disk", NO_DISKS),
    REFUSED("non_shared_inc", NO_DISKS),
    REFUSED("non_shared_synchronous_writes", NO_DISKS),
    REFUSED("offline", "the simulator moves running guests only"),
    REFUSED("rdma_pin_all", "the simulated link is no RDMA"),
};

typedef struct {
    const char *name;
    vmmiParamType type;
    uint64_t minimum, maximum;
    size_t offset; /* of a uint64_t, NOWHERE: makes no difference here */
    size_t given;  /* of a bool that says so, NOWHERE: nobody asks */
    const char *refusal;
} Param;

#define NUMBER(name, low, high, member, given) \
    { name, VMMI_PARAM_UINT, low, high, offsetof(vmmiSimOrder, member), given, NULL }
#define IGNORED(name, type) \
    { name, type, 0, UINT64_MAX, NOWHERE, NOWHERE, NULL }
#define REFUSED_PARAM(name, type, why) \
    { name, type, 0, UINT64_MAX, NOWHERE, NOWHERE, why }
#define LARGEST_MIB (UINT64_C(1) << 43) /* QEMU counts bytes in 63 bits */

static const Param params[] = {
    NUMBER("bandwidth", 0, LARGEST_MIB, bandwidth_mib, offsetof(vmmiSimOrder, has_bandwidth)),
    NUMBER("bandwidth.postcopy", 0, LARGEST_MIB, postcopy_bandwidth_mib,
           offsetof(vmmiSimOrder, has_postcopy_bandwidth)),
    NUMBER("auto_converge.initial", 1, 99, throttle_initial, NOWHERE),
    NUMBER("auto_converge.increment", 1, 99, throttle_increment, NOWHERE),
    NUMBER("compression.xbzrle.cache", 4096, UINT64_C(1) << 40, cache_bytes,
           offsetof(vmmiSimOrder, has_cache)),
    { "compression", VMMI_PARAM_STRINGS, 0, 0, NOWHERE, NOWHERE, NULL },
    { "parallel.connections", VMMI_PARAM_UINT, 1, 255, NOWHERE, NOWHERE, NULL },
    IGNORED("migrate_uri", VMMI_PARAM_STRING),
    IGNORED("graphics_uri", VMMI_PARAM_STRING),
    IGNORED("listen_address", VMMI_PARAM_STRING),
    IGNORED("destination_xml", VMMI_PARAM_STRING),
    IGNORED("persistent_xml", VMMI_PARAM_STRING),
    IGNORED("tls.destination", VMMI_PARAM_STRING),
    REFUSED_PARAM("destination_name", VMMI_PARAM_STRING, "simulated guests keep their names"),
    REFUSED_PARAM("migrate_disks", VMMI_PARAM_STRINGS, NO_DISKS),
    REFUSED_PARAM("disks_port", VMMI_PARAM_UINT, NO_DISKS),
    REFUSED_PARAM("disks_uri", VMMI_PARAM_STRING, NO_DISKS),
    REFUSED_PARAM("compression.mt.level", VMMI_PARAM_UINT, "only xbzrle is simulated"),
    REFUSED_PARAM("compression.mt.threads", VMMI_PARAM_UINT, "only xbzrle is simulated"),
    REFUSED_PARAM("compression.mt.dthreads", VMMI_PARAM_UINT, "only xbzrle is simulated"),
};

/* "flag 'x' is not one of libvirt's migration flags, did you mean 'y'?" */
static int
refuse_unknown(const char *kind, const char *name, const char *const *names, vmmiError **err)
{
    const char *nearest = vmmiNearestName(name, names);

    if (nearest)
        return vmmiErrorSet(err, CODE,
                            "%s '%s' is not one of libvirt's migration %ss, did you mean '%s'?",
                            kind, name, kind, nearest);
    return vmmiErrorSet(err, CODE, "%s '%s' is not one of libvirt's migration %ss", kind, name,
                        kind);
}

static int
refuse_flag(const char *name, vmmiError **err)
{
    const char *names[G_N_ELEMENTS(flags) + 1] = { NULL };

    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        names[i] = flags[i].name;
    return refuse_unknown("flag", name, names, err);
}

static int
refuse_param(const char *name, vmmiError **err)
{
    const char *names[G_N_ELEMENTS(params) + 1] = { NULL };

    for (size_t i = 0; i < G_N_ELEMENTS(params); i++)
        names[i] = params[i].name;
    return refuse_unknown("parameter", name, names, err);
}

static bool *
flag_at(vmmiSimOrder *order, size_t offset)
{
    return (bool *)(void *)((char *)order + offset);
}

static int
read_flag(const char *given, vmmiSimOrder *order, vmmiError **err)
{
    bool on = !g_str_has_prefix(given, "no-");
    const char *name = on ? given : given + 3;

    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (!g_str_equal(flags[i].name, name))
            continue;
        if (flags[i].refusal && on)
            return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED, "flag '%s' is not supported here: %s",
                                name, flags[i].refusal);
        if (flags[i].offset != NOWHERE)
            *flag_at(order, flags[i].offset) = on;
        if (flags[i].forbidden != NOWHERE)
            *flag_at(order, flags[i].forbidden) = !on;
        return 0;
    }
    return refuse_flag(name, err);
}

static const char *
type_name(vmmiParamType type)
{
    switch (type) {
    case VMMI_PARAM_UINT: return "an unsigned integer";
    case VMMI_PARAM_INT: return "a negative integer";
    case VMMI_PARAM_DOUBLE: return "a real number";
    case VMMI_PARAM_BOOL: return "a boolean";
    case VMMI_PARAM_STRING: return "a string";
    case VMMI_PARAM_STRINGS: return "an array of strings";
    }
    return "something unknown";
}

static int
read_compression(const vmmiParam *given, vmmiError **err)
{
    const char *const single[] = { given->string_value, NULL };
    const char *const *methods = given->type == VMMI_PARAM_STRINGS ? given->strings : single;

    for (; methods && *methods; methods++) {
        if (!g_str_equal(*methods, "xbzrle"))
            return vmmiErrorSet(
                err, VMMI_ERR_NOT_SUPPORTED,
                "parameter 'compression': method '%s' is not supported here, only 'xbzrle' is simulated",
                *methods);
    }
    return 0;
}

static int
read_param(const vmmiParam *given, const Param *known, vmmiSimOrder *order, vmmiError **err)
{
    bool list = known->type == VMMI_PARAM_STRINGS && given->type == VMMI_PARAM_STRING;

    if (known->refusal)
        return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED, "parameter '%s' is not supported here: %s",
                            known->name, known->refusal);
    if (given->type != known->type && !list)
        return vmmiErrorSet(err, CODE, "parameter '%s' must be %s, got %s", known->name,
                            type_name(known->type), type_name(given->type));
    if (g_str_equal(known->name, "compression"))
        return read_compression(given, err);
    if (known->type != VMMI_PARAM_UINT)
        return 0;
    if (given->uint_value < known->minimum || given->uint_value > known->maximum)
        return vmmiErrorSet(err, CODE,
                            "parameter '%s' must be %" G_GUINT64_FORMAT "..%" G_GUINT64_FORMAT
                            ", got %" G_GUINT64_FORMAT,
                            known->name, (guint64)known->minimum, (guint64)known->maximum,
                            (guint64)given->uint_value);
    if (known->offset != NOWHERE)
        memcpy((char *)order + known->offset, &given->uint_value, sizeof(given->uint_value));
    if (known->given != NOWHERE)
        *flag_at(order, known->given) = true;
    return 0;
}

static int
read_params(const vmmiMigrateRequest *request, vmmiSimOrder *order, vmmiError **err)
{
    for (size_t i = 0; i < request->n_params; i++) {
        size_t at = 0;

        while (at < G_N_ELEMENTS(params) && !g_str_equal(params[at].name, request->params[i].name))
            at++;
        if (at == G_N_ELEMENTS(params))
            return refuse_param(request->params[i].name, err);
        if (read_param(&request->params[i], &params[at], order, err) < 0)
            return -1;
    }
    return 0;
}

static int
check_pairs(const vmmiSimOrder *order, vmmiError **err)
{
    if (order->postcopy && order->parallel)
        return vmmiErrorSet(
            err, VMMI_ERR_NOT_SUPPORTED,
            "flags 'postcopy' and 'parallel' together lose guests on QEMU before 10.1");
    if (order->zerocopy && !order->parallel)
        return vmmiErrorSet(err, CODE, "flag 'zerocopy' needs flag 'parallel'");
    if (order->postcopy_resume && !order->postcopy)
        return vmmiErrorSet(err, CODE, "flag 'postcopy_resume' needs flag 'postcopy'");
    return 0;
}

int
vmmiSimOrderRead(const vmmiMigrateRequest *request, vmmiSimOrder *order, vmmiError **err)
{
    vmmiSimOrder read = { .live = true,
                          .keep_source = request->keep_source,
                          .throttle_initial = 20,
                          .throttle_increment = 10 };

    if (request->mode != VMMI_MODE_P2P)
        return vmmiErrorSet(
            err, VMMI_ERR_NOT_SUPPORTED,
            "mode '%s' is not supported here: a simulated migration is carried by its world, as a peer-to-peer one by libvirtd",
            vmmiModeToString(request->mode) ? vmmiModeToString(request->mode) : "?");
    for (const char *const *flag = request->flags; flag && *flag; flag++) {
        if (read_flag(*flag, &read, err) < 0)
            return -1;
    }
    if (read_params(request, &read, err) < 0 || check_pairs(&read, err) < 0)
        return -1;
    *order = read;
    return 0;
}

bool
vmmiSimOrderNames(const vmmiMigrateRequest *request, const char *flag)
{
    bool named = false;

    for (const char *const *f = request->flags; f && *f; f++) {
        if (g_str_equal(*f, flag))
            named = true;
        else if (g_str_has_prefix(*f, "no-") && g_str_equal(*f + 3, flag))
            named = false;
    }
    return named;
}
