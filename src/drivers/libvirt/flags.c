/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flags.c: the flags of libvirt's migration by name (B11). One table.
 *
 * peer2peer stands in the table so that it is complete, and is refused as a name: `mode` says it.
 */
#include "internal.h"

#include "util/nearest.h"

#define FLAG(name, bit) { name, VIR_MIGRATE_##bit }

const vmmiVirtFlag vmmiVirtFlags[] = {
    FLAG("live", LIVE),
    FLAG("peer2peer", PEER2PEER),
    FLAG("tunnelled", TUNNELLED),
    FLAG("persist_dest", PERSIST_DEST),
    FLAG("undefine_source", UNDEFINE_SOURCE),
    FLAG("paused", PAUSED),
    FLAG("non_shared_disk", NON_SHARED_DISK),
    FLAG("non_shared_inc", NON_SHARED_INC),
    FLAG("change_protection", CHANGE_PROTECTION),
    FLAG("unsafe", UNSAFE),
    FLAG("offline", OFFLINE),
    FLAG("compressed", COMPRESSED),
    FLAG("abort_on_error", ABORT_ON_ERROR),
    FLAG("auto_converge", AUTO_CONVERGE),
    FLAG("rdma_pin_all", RDMA_PIN_ALL),
    FLAG("postcopy", POSTCOPY),
    FLAG("tls", TLS),
    FLAG("parallel", PARALLEL),
    FLAG("non_shared_synchronous_writes", NON_SHARED_SYNCHRONOUS_WRITES),
    FLAG("postcopy_resume", POSTCOPY_RESUME),
    FLAG("zerocopy", ZEROCOPY),
};
const size_t vmmiVirtFlagCount = G_N_ELEMENTS(vmmiVirtFlags);

/* Names that people try, and that `mode` says. */
static const char *const modes[] = { "peer2peer", "p2p", "managed", "direct" };

static const vmmiVirtFlag *
find(const char *name)
{
    for (size_t i = 0; i < vmmiVirtFlagCount; i++) {
        if (g_str_equal(vmmiVirtFlags[i].name, name))
            return &vmmiVirtFlags[i];
    }
    return NULL;
}

static int
refuse_mode(const char *name, vmmiError **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (g_str_equal(modes[i], name))
            return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                                "migration flag '%s': say it with mode \"p2p\", \"managed\" or "
                                "\"direct\"", name);
    }
    return 0;
}

static int
refuse_unknown(const char *name, vmmiError **err)
{
    const char *names[G_N_ELEMENTS(vmmiVirtFlags) + 1] = { NULL };
    const char *nearest;

    for (size_t i = 0; i < vmmiVirtFlagCount; i++)
        names[i] = vmmiVirtFlags[i].name;
    nearest = vmmiNearestName(name, names);
    if (nearest)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration flag '%s' is unknown, did you mean '%s'?", name, nearest);
    return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION, "migration flag '%s' is unknown",
                        name);
}

static int
read_one(const char *given, vmmiVirtFlagSet *set, vmmiError **err)
{
    bool forbid = g_str_has_prefix(given, "no-");
    const char *name = forbid ? given + 3 : given;
    const vmmiVirtFlag *flag;

    if (refuse_mode(name, err) < 0)
        return -1;
    if (!(flag = find(name)))
        return refuse_unknown(name, err);
    if ((forbid ? set->named : set->forbidden) & flag->bit)
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_CONFIGURATION,
                            "migration flag '%s' is both named and forbidden", name);
    if (forbid)
        set->forbidden |= flag->bit;
    else
        set->named |= flag->bit;
    return 0;
}

int
vmmiVirtFlagsRead(const char *const *names, vmmiVirtFlagSet *set, vmmiError **err)
{
    set->named = set->forbidden = 0;
    for (size_t i = 0; names && names[i]; i++) {
        if (read_one(names[i], set, err) < 0)
            return -1;
    }
    return 0;
}

const char *
vmmiVirtFlagName(unsigned int bit)
{
    for (size_t i = 0; i < vmmiVirtFlagCount; i++) {
        if (vmmiVirtFlags[i].bit == bit)
            return vmmiVirtFlags[i].name;
    }
    return NULL;
}
