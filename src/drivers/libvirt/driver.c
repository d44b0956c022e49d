/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver.c: the libvirt driver's table, and how a connection is opened through it.
 *
 * Two layers: the calls, and what needs libvirt's events.
 */
#include "host.h"

static void
close_host(void *priv)
{
    vmmiVirtHostClose(priv);
}

static const vmmiDriverOps base_ops = {
    .close = close_host,
    .ping = vmmiVirtPing,
    .guest_lookup = vmmiVirtGuestLookup,
    .guest_get_info = vmmiVirtGuestGetInfo,
    .guest_start = vmmiVirtGuestStart,
    .guest_stop = vmmiVirtGuestStop,
    .guest_suspend = vmmiVirtGuestSuspend,
    .guest_resume = vmmiVirtGuestResume,
    .migration_check = vmmiVirtMigrationCheck,
    .migration_perform = vmmiVirtMigrationPerform,
    .migration_sample = vmmiVirtMigrationSample,
    .migration_completed_sample = vmmiVirtMigrationCompletedSample,
    .migration_tune = vmmiVirtMigrationTune,
    .migration_abort = vmmiVirtMigrationAbort,
    .migration_start_postcopy = vmmiVirtMigrationStartPostcopy,
};

static const vmmiDriverOps event_ops = {
    .guest_monitor = vmmiVirtGuestMonitor,
    .guest_unmonitor = vmmiVirtGuestUnmonitor,
};

static bool
has_events(void *priv, vmmiLocality locality G_GNUC_UNUSED)
{
    return vmmiVirtHostHasEvents(priv);
}

static int
probe(const char *uri, vmmiError **err)
{
    vmmiVirtUri parsed;

    return vmmiVirtUriParse(uri, &parsed, err);
}

/*
 * libvirt writes warnings of its own on standard error, and reads once where else to. A program's
 * main may say so by its environment, unless its user did.
 */
static void
initialize_silently(void)
{
    bool told = g_getenv("LIBVIRT_LOG_OUTPUTS") || g_getenv("LIBVIRT_DEBUG");

    if (!told)
        g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", TRUE);
    virInitialize();
    if (!told)
        g_unsetenv("LIBVIRT_LOG_OUTPUTS");
}

/* Before this, libvirt cannot even say that there was no error. */
static int
initialize(vmmiEventsMode events, vmmiError **err)
{
    static gsize once;

    if (events == VMMI_EVENTS_OWN && g_once_init_enter(&once)) {
        initialize_silently();
        g_once_init_leave(&once, 1);
    }
    if (virInitialize() < 0)
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "libvirt cannot be initialized");
    return 0;
}

static int
open_host(const char *uri, const vmmiConnectOptions *options, unsigned int flags,
          vmmiDriverOpened *opened, vmmiError **err)
{
    vmmiVirtUri parsed;
    vmmiVirtHost *host;

    if (flags)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "flags 0x%x are unknown, they must be 0", flags);
    if (vmmiVirtUriParse(uri, &parsed, err) < 0)
        return -1;
    if (initialize(options->events, err) < 0)
        return -1;
    host = vmmiVirtHostOpen(uri, &parsed, options, err);
    if (!host)
        return -1;
    host->layers[0] = (vmmiDriverLayer){ .name = "libvirt", .ops = &base_ops,
                                         .ops_size = sizeof(base_ops), .priv = host };
    host->layers[1] = (vmmiDriverLayer){ .name = "libvirt-events", .applies = has_events,
                                         .ops = &event_ops, .ops_size = sizeof(event_ops),
                                         .priv = host };
    opened->locality = parsed.locality;
    g_strlcpy(opened->world, "libvirt", sizeof(opened->world));
    opened->layers = host->layers;
    opened->n_layers = G_N_ELEMENTS(host->layers);
    return 0;
}

const vmmiDriver vmmiVirtDriver = {
    VMMI_DRIVER_INIT,
    .name = "libvirt",
    .summary = "hosts that libvirt manages, reached by any of its URIs",
    .probe = probe,
    .open = open_host,
};
