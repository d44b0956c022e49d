/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmmi-shadow.h: a policy in shadow: it watches a migration that something else runs (another
 * plugin, virsh, a manager), decides, and nothing of it is done. What it decided, and why, is in
 * its trace and in its completion (docs/trace.md).
 *
 * A shadow is a process without a record: it holds no guest, no manager follows or judges it, any
 * number may watch one migration, and whatever becomes of it the migration goes on. So it is the
 * application's own child: this header says how to start it. It ends with the migration; SIGTERM
 * and SIGINT end it earlier, SIGUSR1 asks for a status.
 */
#ifndef VMMI_SHADOW_H
#define VMMI_SHADOW_H

#include <libvmmi/vmmi-connect.h>

VMMI_BEGIN_DECLS

typedef struct vmmiShadow vmmiShadow;

/* What is to watch what. Strings are borrowed for the call. Bytes that this library does not know
 * must be zero. */
typedef struct {
    size_t size;                  /* set by VMMI_SHADOW_OPTIONS_INIT */
    const char *plugin;           /* NULL: "adaptive" when it is there, else "touri" */
    const char *guest;            /* selector, see vmmiGuestLookup(); mandatory */
    const char *configuration;    /* as for vmmiMigrationStart() */
    const char *const *settings;  /* the same */
    const char *trace;            /* NULL, or the absolute path of a file for the trace */
    uint64_t wait_ms;             /* how long a migration may take to begin; 0: it runs already */
    unsigned int describe_timeout_ms; /* 0: 5,000 */
} vmmiShadowOptions;
#define VMMI_SHADOW_OPTIONS_INIT \
    { sizeof(vmmiShadowOptions), NULL, NULL, NULL, NULL, NULL, 0, 0 }

/**
 * vmmiShadowNew:
 * @connect: the source host
 * @options: what is to watch what
 * @err: (out) (optional): VMMI_ERR_GUEST_UNKNOWN; VMMI_ERR_STATE when no migration of the guest
 *   runs and none is waited for; VMMI_ERR_NOT_SUPPORTED when the plugin cannot be a shadow or write
 *   a trace; VMMI_ERR_PLUGIN_*, configuration errors
 *
 * Looks the guest up, finds and checks the plugin, merges and checks the configuration. Starts
 * nothing.
 *
 * Returns: (transfer full): how to start it, or NULL.
 * Since: 0.1
 */
VMMI_PUBLIC vmmiShadow *vmmiShadowNew(vmmiConnect *connect, const vmmiShadowOptions *options,
                                      vmmiError **err);
/** NULL is fine. Since: 0.1 */
VMMI_PUBLIC void vmmiShadowFree(vmmiShadow *shadow);
/** The executable, absolute, borrowed. Since: 0.1 */
VMMI_PUBLIC const char *vmmiShadowGetFile(const vmmiShadow *shadow);
/** Its arguments, the first is the plugin's name; ends with NULL; borrowed. Since: 0.1 */
VMMI_PUBLIC const char *const *vmmiShadowGetArguments(const vmmiShadow *shadow);
/** All of its environment, "NAME=VALUE", ends with NULL, borrowed. Since: 0.1 */
VMMI_PUBLIC const char *const *vmmiShadowGetEnvironment(const vmmiShadow *shadow);
/** What it is to find on its standard input, borrowed. The completion comes on its standard error.
 * Since: 0.1 */
VMMI_PUBLIC const char *vmmiShadowGetConfiguration(const vmmiShadow *shadow);
/** Name and UUID of the guest, borrowed. Since: 0.1 */
VMMI_PUBLIC const char *vmmiShadowGetGuestName(const vmmiShadow *shadow);
VMMI_PUBLIC const char *vmmiShadowGetGuestUuid(const vmmiShadow *shadow);

VMMI_END_DECLS

#endif
