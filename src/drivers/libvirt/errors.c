/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * errors.c: the bridge from libvirt's errors to ours, the only one.
 *
 * libvirt keeps its last error for each thread: the bridge must be crossed on the thread of the
 * failed call.
 */
#include "internal.h"

static const struct {
    int libvirt_code;
    int code;
} codes[] = {
    { VIR_ERR_NO_DOMAIN, VMMI_ERR_GUEST_UNKNOWN },
    { VIR_ERR_NO_SUPPORT, VMMI_ERR_NOT_SUPPORTED },
    { VIR_ERR_CALL_FAILED, VMMI_ERR_NOT_SUPPORTED },
    { VIR_ERR_OPERATION_UNSUPPORTED, VMMI_ERR_NOT_SUPPORTED },
    { VIR_ERR_CONFIG_UNSUPPORTED, VMMI_ERR_NOT_SUPPORTED },
    { VIR_ERR_ARGUMENT_UNSUPPORTED, VMMI_ERR_NOT_SUPPORTED },
    { VIR_ERR_INVALID_ARG, VMMI_ERR_INVALID_ARGUMENT },
    { VIR_ERR_OPERATION_INVALID, VMMI_ERR_STATE },
    { VIR_ERR_OPERATION_ABORTED, VMMI_ERR_MIGRATION_ABORTED },
    { VIR_ERR_OPERATION_TIMEOUT, VMMI_ERR_TIMEOUT },
    { VIR_ERR_AUTH_FAILED, VMMI_ERR_AUTH },
    { VIR_ERR_AUTH_CANCELLED, VMMI_ERR_AUTH },
    { VIR_ERR_AUTH_UNAVAILABLE, VMMI_ERR_AUTH },
    { VIR_ERR_OPERATION_DENIED, VMMI_ERR_AUTH },
    { VIR_ERR_ACCESS_DENIED, VMMI_ERR_AUTH },
    { VIR_ERR_NO_CONNECT, VMMI_ERR_CONNECT },
    { VIR_ERR_UNKNOWN_HOST, VMMI_ERR_CONNECT },
    { VIR_ERR_SSH, VMMI_ERR_CONNECT },
    { VIR_ERR_LIBSSH, VMMI_ERR_CONNECT },
    { VIR_ERR_NO_MEMORY, VMMI_ERR_SYSTEM },
};

static void
silent(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

void
vmmiVirtErrorSilenceProgram(void)
{
    static gsize once;

    if (!g_once_init_enter(&once))
        return;
    virSetErrorFunc(NULL, silent);
    g_once_init_leave(&once, 1);
}

void
vmmiVirtErrorSilence(virConnectPtr conn)
{
    virConnSetErrorFunc(conn, NULL, silent);
}

static int
translate(int libvirt_code, int fallback)
{
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (codes[i].libvirt_code == libvirt_code)
            return codes[i].code;
    }
    return fallback;
}

int
vmmiVirtErrorTake(vmmiError **err, int fallback)
{
    virErrorPtr error = virGetLastError();

    if (!error || error->code == VIR_ERR_OK) {
        vmmiErrorSet(err, fallback, "libvirt failed without a reason");
    } else {
        vmmiErrorSet(err, translate(error->code, fallback), "%s",
                     error->message ? error->message : "libvirt gave no message");
        vmmiErrorSetDetails(err, "libvirt domain %d, code %d, level %d", error->domain, error->code,
                            (int)error->level);
    }
    vmmiErrorSetOrigin(err, "libvirt");
    virResetLastError();
    return -1;
}
