/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * configuration.h: a plugin's configuration: where it comes from (I2 to I6), and what all plugins
 * read in it (M4).
 */
#ifndef VMMI_KIT_CONFIGURATION_H
#define VMMI_KIT_CONFIGURATION_H

#include <stdbool.h>

#include <glib.h>

#include <libvmmi/vmmi-connect.h>
#include <libvmmi/vmmi-message.h>

/* Strings are borrowed from the message. */
typedef struct {
    vmmiMessage *message;      /* an empty one when none was given */
    const char *connection;    /* M4 */
    const char *username;      /* NULL: none */
    const char *password_file; /* NULL: none */
    const char *log_file;      /* NULL: none */
    bool silent;               /* `verbose` is 0: nothing but the completion */
} vmmiKitConfig;

/*
 * Reads the configuration: @path, "-" for one message from standard input within @timeout_ms, NULL
 * for the default file of
 * @plugin, which need not be there. Blocks. Codes: VMMI_ERR_BAD_PATH,
 * VMMI_ERR_CONFIGURATION_FAILED, VMMI_ERR_MALFORMED_CONFIGURATION, VMMI_ERR_PROTOCOL_VERSION.
 * Returns 0 or -1.
 */
int vmmiKitConfigRead(const char *path, const char *plugin, int timeout_ms, vmmiKitConfig *config,
                      vmmiError **err);
void vmmiKitConfigClear(vmmiKitConfig *config);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiKitConfig, vmmiKitConfigClear)

#endif
