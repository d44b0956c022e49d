/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.c: the one carrier of errors: code, message, details, origin.
 *
 * Raised once, prefixed on the way up. Nothing here prints.
 */
#include "util/error.h"

#include <errno.h>
#include <string.h>

struct vmmiError {
    int code;
    char *message;
    char *details;
    char *origin;
};

typedef struct {
    int code;
    const char *name;
} CodeName;

static const CodeName code_names[] = {
    { VMMI_ERR_OK, "ok" },
    { VMMI_ERR_UNKNOWN, "unknown" },
    { VMMI_ERR_OPERATION_FAILED, "operation-failed" },
    { VMMI_ERR_BAD_PATH, "bad-path" },
    { VMMI_ERR_CONFIGURATION_FAILED, "configuration-failed" },
    { VMMI_ERR_MALFORMED_PARAMETERS, "malformed-parameters" },
    { VMMI_ERR_MALFORMED_CONFIGURATION, "malformed-configuration" },
    { VMMI_ERR_MISSING_PARAMETERS, "missing-parameters" },
    { VMMI_ERR_MIGRATION_FAILED, "migration-failed" },
    { VMMI_ERR_MIGRATION_ABORTED, "migration-aborted" },
    { VMMI_ERR_GUEST_UNKNOWN, "guest-unknown" },
    { VMMI_ERR_GUEST_DISAPPEARED, "guest-disappeared" },
    { VMMI_ERR_DISCONNECTED, "disconnected" },
    { VMMI_ERR_RELEASED, "released" },
    { VMMI_ERR_GUEST_BUSY, "guest-busy" },
    { VMMI_ERR_NOT_SUPPORTED, "not-supported" },
    { VMMI_ERR_DEADLINE, "deadline" },
    { VMMI_ERR_POSTCOPY_BROKEN, "postcopy-broken" },
    { VMMI_ERR_PROTOCOL_VERSION, "protocol-version" },
    { VMMI_ERR_INTERNAL, "internal" },
    { VMMI_ERR_INVALID_ARGUMENT, "invalid-argument" },
    { VMMI_ERR_SYSTEM, "system" },
    { VMMI_ERR_DECLINED, "declined" },
    { VMMI_ERR_DRIVER, "driver" },
    { VMMI_ERR_URI, "uri" },
    { VMMI_ERR_CONNECT, "connect" },
    { VMMI_ERR_AUTH, "auth" },
    { VMMI_ERR_MESSAGE, "message" },
    { VMMI_ERR_PLUGIN_UNKNOWN, "plugin-unknown" },
    { VMMI_ERR_PLUGIN_REFUSED, "plugin-refused" },
    { VMMI_ERR_PLUGIN_LAUNCH, "plugin-launch" },
    { VMMI_ERR_PLUGIN_PROTOCOL, "plugin-protocol" },
    { VMMI_ERR_PLUGIN_CRASHED, "plugin-crashed" },
    { VMMI_ERR_TIMEOUT, "timeout" },
    { VMMI_ERR_MIGRATION_UNKNOWN, "migration-unknown" },
    { VMMI_ERR_RUN_DIR, "run-dir" },
    { VMMI_ERR_STATE, "state" },
    { VMMI_ERR_FORKED, "forked" },
    { VMMI_ERR_OPTION, "option" },
    { VMMI_ERR_NOT_READY, "not-ready" },
    { VMMI_ERR_OUTCOME_UNKNOWN, "outcome-unknown" },
};

static vmmiError *
error_new(int code, char *message)
{
    vmmiError *error = g_new0(vmmiError, 1);

    error->code = code;
    error->message = message;
    error->details = g_strdup("");
    error->origin = g_strdup("vmmi");
    return error;
}

int
vmmiErrorSet(vmmiError **err, int code, const char *format, ...)
{
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    /* A second error would hide the first, which is the cause. */
    if (!*err)
        *err = error_new(code, g_strdup_vprintf(format, args));
    va_end(args);
    return -1;
}

int
vmmiErrorPrefix(vmmiError **err, const char *format, ...)
{
    g_autofree char *prefix = NULL;
    g_autofree char *old = NULL;
    va_list args;

    if (!err || !*err)
        return -1;
    va_start(args, format);
    prefix = g_strdup_vprintf(format, args);
    va_end(args);
    old = g_steal_pointer(&(*err)->message);
    (*err)->message = g_strdup_printf("%s: %s", prefix, old);
    return -1;
}

void
vmmiErrorSetDetails(vmmiError **err, const char *format, ...)
{
    va_list args;

    if (!err || !*err)
        return;
    g_free((*err)->details);
    va_start(args, format);
    (*err)->details = g_strdup_vprintf(format, args);
    va_end(args);
}

void
vmmiErrorSetOrigin(vmmiError **err, const char *origin)
{
    if (!err || !*err)
        return;
    g_free((*err)->origin);
    (*err)->origin = g_strdup(origin);
}

int
vmmiErrorPropagate(vmmiError **dst, vmmiError *src)
{
    if (dst && !*dst)
        *dst = src;
    else
        vmmiErrorFree(src);
    return -1;
}

int
vmmiErrorSetErrno(vmmiError **err, int code, int number, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    if (!err || *err)
        return -1;
    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    vmmiErrorSet(err, code, "%s: %s", what, g_strerror(number));
    vmmiErrorSetDetails(err, "errno %d (%s)", number, strerrorname_np(number));
    return -1;
}

int
vmmiErrorSetGError(vmmiError **err, int code, GError *error)
{
    g_autoptr(GError) owned = error;

    if (!err || *err)
        return -1;
    vmmiErrorSet(err, code, "%s", owned ? owned->message : "unknown failure");
    vmmiErrorSetOrigin(err, "glib");
    if (owned)
        vmmiErrorSetDetails(err, "%s %d", g_quark_to_string(owned->domain), owned->code);
    return -1;
}

vmmiError *
vmmiErrorCopy(const vmmiError *error)
{
    vmmiError *copy;

    if (!error)
        return NULL;
    copy = error_new(error->code, g_strdup(error->message));
    g_free(copy->details);
    copy->details = g_strdup(error->details);
    g_free(copy->origin);
    copy->origin = g_strdup(error->origin);
    return copy;
}

void
vmmiErrorFree(vmmiError *error)
{
    if (!error)
        return;
    g_free(error->message);
    g_free(error->details);
    g_free(error->origin);
    g_free(error);
}

void
vmmiErrorClear(vmmiError **err)
{
    if (!err)
        return;
    vmmiErrorFree(*err);
    *err = NULL;
}

int
vmmiErrorGetCode(const vmmiError *error)
{
    return error ? error->code : VMMI_ERR_OK;
}

const char *
vmmiErrorGetMessage(const vmmiError *error)
{
    return error ? error->message : "";
}

const char *
vmmiErrorGetDetails(const vmmiError *error)
{
    return error ? error->details : "";
}

const char *
vmmiErrorGetOrigin(const vmmiError *error)
{
    return error ? error->origin : "vmmi";
}

const char *
vmmiErrorCodeToString(int code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(code_names); i++) {
        if (code_names[i].code == code)
            return code_names[i].name;
    }
    return code >= 1000 ? "plugin" : "unknown";
}
