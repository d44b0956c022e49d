/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * request.h: from the `migration` object of a configuration to what a driver is asked for (B10,
 * B11).
 *
 * Used by the manager, which checks before it starts anything, and by the kit, which starts. Which
 * flags and parameters there are is the driver's to know: here only shapes are checked.
 */
#ifndef VMMI_MIGRATION_REQUEST_H
#define VMMI_MIGRATION_REQUEST_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-driver.h>

/* What `migration.attach` says of a migration that runs already (B12). */
typedef enum {
    VMMI_ATTACH_AUTO = 0, /* take it over, or start one */
    VMMI_ATTACH_NEVER,    /* a running one is an error */
    VMMI_ATTACH_ONLY      /* none running is an error */
} vmmiAttach;
#define VMMI_ATTACH_LAST (VMMI_ATTACH_ONLY + 1)
const char *vmmiAttachToString(vmmiAttach attach);
int vmmiAttachFromString(const char *name);

/* A request with everything that it points to. */
typedef struct vmmiRequest vmmiRequest;

/*
 * Builds a request. @migration: the object of the configuration, borrowed for the call, NULL: all
 * defaults. Its keys: `mode`, `flags`, `params`, `attach`, `keepSource`; others are ignored (B1).
 * @destination_uri: NULL, "" and "-" only when attaching is wanted; @migrate_uri: NULL, "" and "-"
 * let the hypervisor choose (B10). Returns: (transfer full): the request, or NULL with
 * VMMI_ERR_MALFORMED_CONFIGURATION or VMMI_ERR_MALFORMED_PARAMETERS.
 */
vmmiRequest *vmmiRequestNew(const json_t *migration, const char *uuid, const char *destination_uri,
                            const char *migrate_uri, vmmiError **err);
void vmmiRequestFree(vmmiRequest *request);
/* What a driver gets, borrowed. */
const vmmiMigrateRequest *vmmiRequestGet(const vmmiRequest *request);
vmmiAttach vmmiRequestGetAttach(const vmmiRequest *request);
/* Whether a flag is asked for; "no-x" takes it back. */
bool vmmiRequestHasFlag(const vmmiRequest *request, const char *flag);
/* "" and "-" mean NULL (B10). */
const char *vmmiRequestUri(const char *uri);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiRequest, vmmiRequestFree)

#endif
