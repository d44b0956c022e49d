/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * configuration.c: a plugin's configuration: where it comes from, and what all plugins read in it.
 *
 * The options of the policy are options.c; the object `migration` is read by the migration room.
 */
#include "kit/configuration.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/config-merge.h"
#include "util/cleanup.h"

#define DEFAULT_CONNECTION "qemu:///system"

/* NULL: there is no such file, which is no error (I2). */
static char *
default_path(const char *plugin)
{
    g_autofree char *path = vmmiConfigDefaultPath(plugin);
    struct stat st;

    /* A name of full length leaves no room for ".json": there can be no such file. */
    if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG))
        return NULL;
    return g_steal_pointer(&path);
}

/* What the codec says becomes what the protocol says of configurations. */
static int
code_for(int code)
{
    switch (code) {
    case VMMI_ERR_MESSAGE:
    case VMMI_ERR_MALFORMED_CONFIGURATION:
        return VMMI_ERR_MALFORMED_CONFIGURATION;
    case VMMI_ERR_BAD_PATH:
    case VMMI_ERR_PROTOCOL_VERSION:
        return code;
    default:
        return VMMI_ERR_CONFIGURATION_FAILED;
    }
}

static int
fail(const vmmiError *cause, const char *where, vmmiError **err)
{
    vmmiErrorSet(err, code_for(vmmiErrorGetCode(cause)), "configuration %s: %s", where,
                 vmmiErrorGetMessage(cause));
    vmmiErrorSetDetails(err, "%s", vmmiErrorGetDetails(cause));
    return -1;
}

static vmmiMessage *
read_message(const char *path, const char *plugin, int timeout_ms, vmmiError **err)
{
    g_autofree char *found = path ? g_strdup(path) : default_path(plugin);
    g_autofree char *where = NULL;
    g_autoptr(vmmiMessage) message = NULL;
    g_autoptr(vmmiError) cause = NULL;

    if (!found)
        return vmmiMessageNew("configuration", err);
    if (g_str_equal(found, "-")) {
        where = g_strdup("on standard input");
        message = vmmiMessageReadFd(STDIN_FILENO, timeout_ms, &cause);
    } else {
        where = g_strdup_printf("'%s'", found);
        message = vmmiMessageReadFile(found, &cause);
    }
    if (message && vmmiMessageGetKind(message) != VMMI_MESSAGE_CONFIGURATION)
        vmmiErrorSet(&cause, VMMI_ERR_MALFORMED_CONFIGURATION,
                     "the message is of content type '%s'", vmmiMessageGetContentType(message));
    if (cause) {
        fail(cause, where, err);
        return NULL;
    }
    return g_steal_pointer(&message);
}

int
vmmiKitConfigRead(const char *path, const char *plugin, int timeout_ms, vmmiKitConfig *config,
                  vmmiError **err)
{
    vmmiMessage *message = read_message(path, plugin, timeout_ms, err);
    uint64_t verbose = 1;

    if (!message)
        return -1;
    memset(config, 0, sizeof(*config));
    config->message = message;
    config->connection = DEFAULT_CONNECTION;
    vmmiMessageGetString(message, "connection", &config->connection);
    vmmiMessageGetString(message, "connectionCredentials.username", &config->username);
    vmmiMessageGetString(message, "connectionCredentials.passwordFile", &config->password_file);
    vmmiMessageGetString(message, "logFilePath", &config->log_file);
    vmmiMessageGetUInt(message, "verbose", &verbose);
    config->silent = verbose == 0;
    return 0;
}

void
vmmiKitConfigClear(vmmiKitConfig *config)
{
    vmmiMessageUnref(config->message);
    memset(config, 0, sizeof(*config));
}
