/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.c: a manager that writes down what it is told: one JSON object a line for each callback.
 *
 * Usage: follow start SOURCE-URI GUEST DESTINATION-URI MIGRATION-URI PLUGIN
 *        follow open ID [SOURCE-URI]
 *        follow look ID
 *        follow abort ID      opens it, and aborts once nobody attends to it
 */
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

#include <libvmmi/libvmmi.h>

/* A program of its own: the driver may run libvirt's loop, so that events are seen. */
static vmmiConnect *
reach(const char *uri, vmmiError **err)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;

    options.events = VMMI_EVENTS_OWN;
    return vmmiConnectOpen(uri, &options, 0, err);
}

static void
show(vmmiMigration *migration, const char *callback)
{
    char *text = vmmiMigrationToJson(migration, NULL);

    printf("{\"callback\": \"%s\", \"migration\": %s}\n", callback, text);
    fflush(stdout);
    vmmiFree(text);
}

static void
on_state(vmmiMigration *migration, vmmiState from G_GNUC_UNUSED, vmmiState to, void *opaque)
{
    const bool *abort = opaque;

    show(migration, "state");
    if (*abort && to == VMMI_STATE_UNATTENDED && vmmiMigrationAbort(migration, NULL) < 0)
        fprintf(stderr, "it cannot be aborted\n");
}

static void
on_sample(vmmiMigration *migration, const vmmiSample *sample G_GNUC_UNUSED,
          void *opaque G_GNUC_UNUSED)
{
    show(migration, "sample");
}

static void
on_end(vmmiMigration *migration, const vmmiOutcome *outcome G_GNUC_UNUSED,
       void *opaque G_GNUC_UNUSED)
{
    show(migration, "end");
}

static vmmiMigration *
start(vmmiManager *manager, vmmiConnect *connect, char **argv, vmmiError **err)
{
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;

    options.guest = argv[3];
    options.destination_uri = argv[4];
    options.migrate_uri = argv[5];
    options.plugin = argv[6];
    return vmmiMigrationStart(manager, connect, &options, err);
}

static int
follow(vmmiMigration *migration, bool abort, vmmiError **err)
{
    const vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks),
        .state = on_state,
        .sample = on_sample,
        .end = on_end,
        .opaque = &abort,
    };

    if (vmmiMigrationWatch(migration, &callbacks, err) < 0 ||
        vmmiMigrationWait(migration, -1, err) < 0)
        return 1;
    return 0;
}

int
main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";
    bool starts = g_str_equal(verb, "start") && argc == 7, opens = g_str_equal(verb, "open");
    const char *uri = starts ? argv[2] : opens && argc > 3 ? argv[3] : NULL;
    unsigned int flags = g_str_equal(verb, "look") ? VMMI_MANAGER_READ_ONLY : 0;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiConnect) connect = uri ? reach(uri, &error) : NULL;
    g_autoptr(vmmiManager) manager = error ? NULL : vmmiManagerNew(NULL, flags, &error);
    g_autoptr(vmmiMigration) migration = NULL;

    if (manager)
        migration = starts ? start(manager, connect, argv, &error)
                           : vmmiMigrationOpen(manager, argc > 2 ? argv[2] : NULL, connect, &error);
    if (migration && follow(migration, g_str_equal(verb, "abort"), &error) == 0)
        return 0;
    fprintf(stderr, "follow: %s\n", vmmiErrorGetMessage(error));
    return 1;
}
