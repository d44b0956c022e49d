/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan.c: from a request to libvirt's flags and typed parameters, with every check that needs no
 * guest (B11).
 *
 * Only what is known to lose guests is refused here; other impossible pairs are libvirt's to
 * refuse.
 */
#include "plan.h"

#include <string.h>

/* QEMU 10.1 is the first where post-copy and parallel streams go together. */
#define QEMU_POSTCOPY_PARALLEL (10 * 1000000 + 1 * 1000)

void
vmmiVirtPlanFree(vmmiVirtPlan *plan)
{
    if (!plan)
        return;
    vmmiVirtParamsClear(&plan->params);
    vmmiVirtTargetFree(plan->destination);
    g_free(plan->destination_uri);
    g_free(plan->uuid);
    g_free(plan);
}

static int
check_pairs(const vmmiVirtPlan *plan, vmmiError **err)
{
    unsigned int named = plan->flags.named;

    if ((named & VIR_MIGRATE_TUNNELLED) && plan->mode != VMMI_MODE_P2P)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration flag 'tunnelled' needs mode \"p2p\", not \"%s\"",
                            vmmiModeToString(plan->mode));
    if ((named & VIR_MIGRATE_OFFLINE) && (named & VIR_MIGRATE_LIVE))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration flags 'offline' and 'live' exclude each other");
    return 0;
}

/* "" and "-" let libvirt choose (B10). */
static bool
is_given(const char *uri)
{
    return uri && *uri && !g_str_equal(uri, "-");
}

static int
add_migrate_uri(vmmiVirtPlan *plan, const char *uri, vmmiError **err)
{
    vmmiParam param = { .name = VIR_MIGRATE_PARAM_URI, .type = VMMI_PARAM_STRING,
                        .string_value = uri };

    if (vmmiVirtUriCheck("the migration URI", uri, err) < 0)
        return -1;
    return vmmiVirtParamsAdd(&plan->params, &param, err);
}

/* A direct migration knows one URI only, the hypervisor's. */
static int
read_uris(vmmiVirtPlan *plan, const vmmiMigrateRequest *request, vmmiError **err)
{
    bool direct = request->mode == VMMI_MODE_DIRECT;
    vmmiVirtUri parsed;

    if (is_given(request->migrate_uri) && add_migrate_uri(plan, request->migrate_uri, err) < 0)
        return -1;
    if (!is_given(request->destination_uri))
        return 0;
    if (vmmiVirtUriCheck("the destination's URI", request->destination_uri, err) < 0)
        return -1;
    plan->destination_uri = g_strdup(request->destination_uri);
    if (direct && !is_given(request->migrate_uri))
        return add_migrate_uri(plan, request->destination_uri, err);
    if (!direct && vmmiVirtUriParse(request->destination_uri, &parsed, NULL) < 0)
        return vmmiErrorSet(err, VMMI_ERR_URI, "the destination's URI '%s' is not a libvirt URI",
                            request->destination_uri);
    return 0;
}

/*
 * Where this process connects to the destination itself, with the destination's credentials and
 * the source's limits.
 */
static void
read_destination(vmmiVirtPlan *plan, const vmmiVirtHost *host, const vmmiMigrateRequest *request)
{
    const vmmiConnectOptions *source = &host->target->options;
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;

    if (request->mode != VMMI_MODE_MANAGED || !plan->destination_uri)
        return;
    if (request->destination_options)
        memcpy(&options, request->destination_options,
               MIN(request->destination_options->size, sizeof(options)));
    options.events = source->events;
    options.open_timeout_ms =
        options.open_timeout_ms ? options.open_timeout_ms : source->open_timeout_ms;
    options.keepalive_interval_s = source->keepalive_interval_s;
    options.keepalive_count = source->keepalive_count;
    plan->destination = vmmiVirtTargetNew(plan->destination_uri, &options);
}

vmmiVirtPlan *
vmmiVirtPlanNew(const vmmiVirtHost *host, const vmmiMigrateRequest *request, vmmiError **err)
{
    g_autoptr(vmmiVirtPlan) plan = g_new0(vmmiVirtPlan, 1);

    if ((unsigned int)request->mode >= VMMI_MODE_LAST) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "migration mode %u is not in 0..%d",
                     (unsigned int)request->mode, VMMI_MODE_LAST - 1);
        return NULL;
    }
    plan->uuid = g_strdup(request->uuid);
    plan->mode = request->mode;
    plan->keep_source = request->keep_source;
    if (vmmiVirtFlagsRead(request->flags, &plan->flags, err) < 0 || check_pairs(plan, err) < 0)
        return NULL;
    for (size_t i = 0; i < request->n_params; i++) {
        if (vmmiVirtParamsAdd(&plan->params, &request->params[i], err) < 0)
            return NULL;
    }
    if (read_uris(plan, request, err) < 0)
        return NULL;
    read_destination(plan, host, request);
    return g_steal_pointer(&plan);
}

int
vmmiVirtPlanCheckHost(const vmmiVirtPlan *plan, virConnectPtr conn, vmmiError **err)
{
    const unsigned int both = VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_PARALLEL;
    unsigned long version = 0;
    const char *type;

    if ((plan->flags.named & both) != both)
        return 0;
    type = virConnectGetType(conn);
    if (!type || !g_str_equal(type, "QEMU") || virConnectGetVersion(conn, &version) < 0) {
        virResetLastError();
        return 0;
    }
    if (version < QEMU_POSTCOPY_PARALLEL)
        return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                            "migration flags 'postcopy' and 'parallel' together lose the guest "
                            "before QEMU 10.1, and the source has QEMU %lu.%lu", version / 1000000,
                            version / 1000 % 1000);
    return 0;
}

unsigned int
vmmiVirtPlanFlags(const vmmiVirtPlan *plan, bool persistent)
{
    unsigned int flags = plan->flags.named;
    unsigned int defaults = 0;

    if (!(flags & VIR_MIGRATE_OFFLINE))
        defaults |= VIR_MIGRATE_LIVE;
    if (persistent && !plan->keep_source)
        defaults |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
    /* A definition that is only copied must be kept there. */
    if (flags & VIR_MIGRATE_OFFLINE)
        defaults |= VIR_MIGRATE_PERSIST_DEST;
    /* Where it would not be kept on the destination it is not given up on the source. */
    if (plan->flags.forbidden & VIR_MIGRATE_PERSIST_DEST)
        defaults &= ~(unsigned int)VIR_MIGRATE_UNDEFINE_SOURCE;
    flags |= defaults & ~plan->flags.forbidden;
    if (plan->mode == VMMI_MODE_P2P)
        flags |= VIR_MIGRATE_PEER2PEER;
    return flags;
}
