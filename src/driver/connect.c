/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connect.c: opening a connection: choose the driver, merge its layers, check the table.
 *
 * Calls through the table are calls.c and guest.c. The core knows no backend.
 */
#include "driver/connect.h"

#include <string.h>
#include <unistd.h>

#include "builtin.h"
#include "util/cleanup.h"

#define AT(member) vmmiDriverSlotAt(offsetof(vmmiDriverOps, member))

static const char *
default_uri(void)
{
    const char *const names[] = { "VMMI_DEFAULT_URI", "LIBVIRT_DEFAULT_URI" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = g_getenv(names[i]);

        if (value && *value)
            return value;
    }
    return "qemu:///system";
}

/* Bytes that this library does not know must be zero: an option is never dropped silently. */
static int
read_options(const vmmiConnectOptions *given, vmmiConnectOptions *options, vmmiError **err)
{
    const vmmiConnectOptions defaults = VMMI_CONNECT_OPTIONS_INIT;

    *options = defaults;
    if (given) {
        if (given->size < sizeof(size_t))
            return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                                "options of %zu bytes: was VMMI_CONNECT_OPTIONS_INIT used?", given->size);
        for (size_t i = sizeof(*options); i < given->size; i++) {
            if (((const char *)given)[i])
                return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                                    "a connection option at byte %zu is newer than this library", i);
        }
        memcpy(options, given, MIN(given->size, sizeof(*options)));
        options->size = sizeof(*options);
    }
    if ((unsigned int)options->events > VMMI_EVENTS_OWN)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "events mode %u is not in 0..%d",
                            (unsigned int)options->events, VMMI_EVENTS_OWN);
    if (!options->call_timeout_ms)
        options->call_timeout_ms = 30000;
    if (!options->open_timeout_ms)
        options->open_timeout_ms = 30000;
    if (!options->keepalive_interval_s)
        options->keepalive_interval_s = 5;
    if (!options->keepalive_count)
        options->keepalive_count = 5;
    if (!options->sample_timeout_ms)
        options->sample_timeout_ms = options->call_timeout_ms;
    return 0;
}

/* A later layer overrides an earlier one, slot by slot. A driver older than the library has a shorter table. */
static void
merge_layer(vmmiConnect *connect, const vmmiDriverLayer *layer, void *priv)
{
    vmmiDriverOps ops = { 0 };

    if (layer->applies && !layer->applies(priv, connect->locality))
        return;
    memcpy(&ops, layer->ops, MIN(layer->ops_size, sizeof(ops)));
    for (size_t i = 0; i < vmmiDriverSlotCount; i++) {
        size_t offset = vmmiDriverSlots[i].offset;

        if (!vmmiDriverSlotIsSet(&ops, i))
            continue;
        memcpy((char *)&connect->ops + offset, (char *)&ops + offset, sizeof(void (*)(void)));
        connect->layer_names[i] = layer->name;
        connect->privs[i] = priv;
    }
}

static int
validate(const vmmiConnect *connect, vmmiError **err)
{
    g_autoptr(GString) missing = g_string_new(NULL);

    for (size_t i = 0; i < vmmiDriverSlotCount; i++) {
        if (vmmiDriverSlots[i].mandatory && !connect->layer_names[i])
            g_string_append_printf(missing, "%s.%s", missing->len ? ", " : "",
                                   vmmiDriverSlots[i].name);
    }
    if (missing->len)
        return vmmiErrorSet(err, VMMI_ERR_DRIVER, "driver '%s' lacks %s for '%s'",
                            connect->driver->name, missing->str, connect->uri);
    return 0;
}

static int
fill(vmmiConnect *connect, const vmmiConnectOptions *options, const vmmiDriverLayer *extra,
     size_t n_extra, vmmiError **err)
{
    vmmiDriverOpened opened = { .size = sizeof(opened) };

    if (connect->driver->open(connect->uri, options, 0, &opened, err) < 0)
        return -1;
    opened.world[sizeof(opened.world) - 1] = '\0';
    connect->locality = opened.locality;
    connect->world = g_strdup(*opened.world ? opened.world : connect->driver->name);
    for (size_t i = 0; vmmiBuiltinLayers[i].name; i++)
        merge_layer(connect, &vmmiBuiltinLayers[i], connect);
    for (size_t i = 0; i < opened.n_layers; i++)
        merge_layer(connect, &opened.layers[i], opened.layers[i].priv);
    for (size_t i = 0; i < n_extra; i++)
        merge_layer(connect, &extra[i], extra[i].priv);
    return validate(connect, err);
}

vmmiConnect *
vmmiConnectOpenLayered(const char *uri, const vmmiConnectOptions *given,
                       const vmmiDriverLayer *extra, size_t n_extra, vmmiError **err)
{
    g_autoptr(vmmiConnect) connect = NULL;
    vmmiConnectOptions options;
    const vmmiDriver *driver;

    if (!uri || !*uri)
        uri = default_uri();
    if (read_options(given, &options, err) < 0 || !(driver = vmmiDriverChoose(uri, err)))
        return NULL;
    connect = g_new0(vmmiConnect, 1);
    connect->refs = 1;
    connect->pid = getpid();
    g_mutex_init(&connect->note_lock);
    connect->uri = g_strdup(uri);
    connect->driver = driver;
    connect->options = options;
    connect->options.username = g_strdup(options.username);
    connect->options.password_file = g_strdup(options.password_file);
    if (fill(connect, &options, extra, n_extra, err) < 0)
        return NULL;
    return g_steal_pointer(&connect);
}

vmmiConnect *
vmmiConnectOpen(const char *uri, const vmmiConnectOptions *options, unsigned int flags,
                vmmiError **err)
{
    if (flags) {
        vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "flags 0x%x are unknown, they must be 0", flags);
        return NULL;
    }
    return vmmiConnectOpenLayered(uri, options, NULL, 0, err);
}

vmmiConnect *
vmmiConnectRef(vmmiConnect *connect)
{
    g_atomic_int_inc(&connect->refs);
    return connect;
}

void
vmmiConnectUnref(vmmiConnect *connect)
{
    if (!connect || !g_atomic_int_dec_and_test(&connect->refs))
        return;
    /* After fork the driver's threads do not exist here: leave its state to the parent. */
    if (connect->ops.close && connect->pid == getpid())
        connect->ops.close(connect->privs[AT(close)]);
    g_free((char *)connect->options.username);
    g_free((char *)connect->options.password_file);
    g_free(connect->uri);
    g_free(connect->world);
    g_free(connect->launch_note);
    g_mutex_clear(&connect->note_lock);
    g_free(connect);
}

void
vmmiConnectNoteLaunch(vmmiConnect *connect, char *note)
{
    g_mutex_lock(&connect->note_lock);
    g_free(connect->launch_note);
    connect->launch_note = note;
    g_mutex_unlock(&connect->note_lock);
}

char *
vmmiConnectGetLaunchNote(vmmiConnect *connect)
{
    char *note;

    g_mutex_lock(&connect->note_lock);
    note = g_strdup(connect->launch_note);
    g_mutex_unlock(&connect->note_lock);
    return note;
}

int
vmmiConnectCheck(const vmmiConnect *connect, size_t slot, vmmiError **err)
{
    if (!connect)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "no connection was given");
    if (connect->pid != getpid())
        return vmmiErrorSet(err, VMMI_ERR_FORKED,
                            "the connection to '%s' was opened by process %d and cannot be used after fork",
                            connect->uri, (int)connect->pid);
    if (!connect->layer_names[slot])
        return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED, "driver '%s' has no %s for '%s'",
                            connect->driver->name, vmmiDriverSlots[slot].name, connect->uri);
    return 0;
}

const char *
vmmiConnectGetUri(const vmmiConnect *connect)
{
    return connect->uri;
}

const char *
vmmiConnectGetDriver(const vmmiConnect *connect)
{
    return connect->driver->name;
}

const char *
vmmiConnectGetWorld(const vmmiConnect *connect)
{
    return connect->world;
}

bool
vmmiConnectIsLocal(const vmmiConnect *connect)
{
    return connect->locality == VMMI_LOCALITY_LOCAL;
}

bool
vmmiConnectGetCall(const vmmiConnect *connect, size_t index, const char **name, const char **layer,
                   bool *mandatory)
{
    if (index >= vmmiDriverSlotCount)
        return false;
    if (name)
        *name = vmmiDriverSlots[index].name;
    if (layer)
        *layer = connect->layer_names[index];
    if (mandatory)
        *mandatory = vmmiDriverSlots[index].mandatory;
    return true;
}
