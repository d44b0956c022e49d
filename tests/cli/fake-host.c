/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-host.c: the URI "fake:" is a host that answers nothing.
 */
#include <glib.h>

#include <libvmmi/libvmmi.h>

static void
host_close(void *priv G_GNUC_UNUSED)
{
}

static int
host_lookup(void *priv G_GNUC_UNUSED, const char *selector G_GNUC_UNUSED,
            vmmiGuestInfo *info G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "nobody");
}

static int
host_info(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED,
          vmmiGuestInfo *info G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "nobody");
}

static int
host_perform(void *priv G_GNUC_UNUSED, const vmmiMigrateRequest *request G_GNUC_UNUSED,
             vmmiDoneFunc done G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED,
             vmmiFreeFunc free_opaque G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_STATE, "no");
}

static int
host_sample(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED,
            vmmiSample *sample G_GNUC_UNUSED, vmmiJobKind *job G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_STATE, "no");
}

static int
host_abort(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, bool postcopy G_GNUC_UNUSED,
           vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_STATE, "the host refuses as well");
}

static int
host_probe(const char *uri, vmmiError **err)
{
    return g_str_has_prefix(uri, "fake:") ? 0 : vmmiErrorSet(err, VMMI_ERR_DECLINED, "not mine");
}

static int
host_open(const char *uri G_GNUC_UNUSED, const vmmiConnectOptions *options G_GNUC_UNUSED,
          unsigned int flags G_GNUC_UNUSED, vmmiDriverOpened *opened, vmmiError **err G_GNUC_UNUSED)
{
    static const vmmiDriverOps ops = {
        .close = host_close,
        .guest_lookup = host_lookup,
        .guest_get_info = host_info,
        .migration_perform = host_perform,
        .migration_sample = host_sample,
        .migration_abort = host_abort,
    };
    static const vmmiDriverLayer layer = { "fake", NULL, &ops, sizeof(ops), NULL };

    opened->layers = &layer;
    opened->n_layers = 1;
    return 0;
}

static void __attribute__((constructor))
register_host(void)
{
    static const vmmiDriver driver = {
        VMMI_DRIVER_INIT,    .name = "fake",    .summary = "a host for tests",
        .probe = host_probe, .open = host_open,
    };

    vmmiDriverRegister(&driver, NULL);
}
