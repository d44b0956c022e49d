/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-world.c: making, copying and asking a simulated world. What happens in it by itself is sim-step.c.
 */
#include "drivers/sim/sim-world.h"

#include <string.h>

#include "util/enum-table.h"
#include "util/number.h"

static const char *const step_names[] = {
    "none",       "begin",    "prepare",         "perform", "precopy",
    "switchover", "postcopy", "postcopy-broken", "finish",  "confirm",
};
static const char *const event_names[] = {
    "link",     "unreachable", "reachable",      "destroy",
    "shutdown", "dirty-rate",  "break-postcopy", "restart-host",
};
VMMI_ENUM_IMPL(vmmiSimPhase, vmmiSimPhase, VMMI_SIM_STEP_LAST, step_names);
VMMI_ENUM_IMPL(vmmiSimEventKind, vmmiSimEventKind, VMMI_SIM_EVENT_LAST, event_names);

static void
clear_guest(void *guest)
{
    json_decref(((vmmiSimGuest *)guest)->refuse);
}

vmmiSimWorld *
vmmiSimWorldNew(void)
{
    vmmiSimWorld *world = g_new0(vmmiSimWorld, 1);

    world->guests = g_array_new(false, true, sizeof(vmmiSimGuest));
    g_array_set_clear_func(world->guests, clear_guest);
    world->timeline = g_array_new(false, true, sizeof(vmmiSimEvent));
    world->triggers = g_array_new(false, true, sizeof(vmmiSimEvent));
    world->log = g_array_new(false, true, sizeof(vmmiSimLogEntry));
    world->results = g_array_new(false, true, sizeof(vmmiSimResult));
    world->next_job = 1;
    world->next_sequence = 1;
    world->definition = json_object();
    world->options = json_object();
    return world;
}

vmmiSimWorld *
vmmiSimWorldCopy(const vmmiSimWorld *world)
{
    vmmiSimWorld *copy = g_new(vmmiSimWorld, 1);

    *copy = *world;
    copy->guests = g_array_copy(world->guests);
    g_array_set_clear_func(copy->guests, clear_guest); /* it is not copied */
    for (size_t i = 0; i < copy->guests->len; i++)
        json_incref(vmmiSimWorldGuest(copy, i)->refuse);
    copy->timeline = g_array_copy(world->timeline);
    copy->triggers = g_array_copy(world->triggers);
    copy->log = g_array_copy(world->log);
    copy->results = g_array_copy(world->results);
    json_incref(copy->definition);
    json_incref(copy->options);
    return copy;
}

void
vmmiSimWorldFree(vmmiSimWorld *world)
{
    if (!world)
        return;
    g_array_unref(world->guests);
    g_array_unref(world->timeline);
    g_array_unref(world->triggers);
    g_array_unref(world->log);
    g_array_unref(world->results);
    json_decref(world->definition);
    json_decref(world->options);
    g_free(world);
}

vmmiSimGuest *
vmmiSimWorldGuest(const vmmiSimWorld *world, size_t index)
{
    return &g_array_index(world->guests, vmmiSimGuest, index);
}

int
vmmiSimWorldFindHost(const vmmiSimWorld *world, const char *name)
{
    for (size_t i = 0; i < world->n_hosts; i++) {
        if (g_str_equal(world->hosts[i].name, name))
            return (int)i;
    }
    return -1;
}

int
vmmiSimWorldFindGuest(const vmmiSimWorld *world, const char *uuid)
{
    for (size_t i = 0; i < world->guests->len; i++) {
        if (g_ascii_strcasecmp(vmmiSimWorldGuest(world, i)->uuid, uuid) == 0)
            return (int)i;
    }
    return -1;
}

void
vmmiSimGuestInfo(const vmmiSimGuest *guest, size_t host, vmmiGuestInfo *info)
{
    const vmmiSimPlace *place = &guest->places[host];

    memset(info, 0, sizeof(*info));
    g_strlcpy(info->uuid, guest->uuid, sizeof(info->uuid));
    info->id = -1;
    info->state = (vmmiGuestState)place->state;
    if (place->state == VMMI_GUEST_ABSENT)
        return;
    g_strlcpy(info->name, guest->name, sizeof(info->name));
    info->id = (int)place->id;
    info->reason = (vmmiGuestReason)place->reason;
    info->persistent = place->persistent;
    if (guest->job.id && guest->job.source == (int64_t)host)
        info->job = VMMI_JOB_MIGRATION_OUT;
    else if (guest->job.id && guest->job.destination == (int64_t)host)
        info->job = VMMI_JOB_MIGRATION_IN;
}

static bool
matches(const vmmiSimGuest *guest, size_t host, char kind, const char *value)
{
    const vmmiSimPlace *place = &guest->places[host];
    uint64_t id;

    if (place->state == VMMI_GUEST_ABSENT)
        return false;
    if (kind == 'u')
        return g_ascii_strcasecmp(guest->uuid, value) == 0;
    if (kind == 'n')
        return g_str_equal(guest->name, value);
    return vmmiNumberParse(value, 0, G_MAXINT32, &id) &&
           place->id == (int64_t)id;
}

static int
find_by(const vmmiSimWorld *world, size_t host, char kind, const char *value)
{
    for (size_t i = 0; i < world->guests->len; i++) {
        if (matches(vmmiSimWorldGuest(world, i), host, kind, value))
            return (int)i;
    }
    return -1;
}

int
vmmiSimWorldSelect(const vmmiSimWorld *world, size_t host, const char *selector, vmmiError **err)
{
    static const char *const prefixes[] = { "uuid:", "name:", "id:" };
    int found = -1;

    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        if (g_str_has_prefix(selector, prefixes[i])) {
            found = find_by(world, host, *prefixes[i], selector + strlen(prefixes[i]));
            goto out;
        }
    }
    for (size_t i = 0; found < 0 && i < G_N_ELEMENTS(prefixes); i++)
        found = find_by(world, host, *prefixes[i], selector);
out:
    if (found < 0)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN,
                            "host '%s' of the simulated world '%s' knows no guest '%s'",
                            world->hosts[host].name, world->name, selector);
    return found;
}

void
vmmiSimWorldMakeUuid(const char *world, const char *guest, char uuid[VMMI_UUID_STRING_SIZE])
{
    g_autofree char *text = g_strdup_printf("libvmmi sim %s/%s", world, guest);
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA1, text, -1);

    /* Version 5, the variant of RFC 4122. */
    g_snprintf(uuid, VMMI_UUID_STRING_SIZE, "%.8s-%.4s-5%.3s-a%.3s-%.12s", sum, sum + 8, sum + 13,
               sum + 17, sum + 20);
}

void
vmmiSimWorldLog(vmmiSimWorld *world, vmmiEventType type, int guest, size_t host, int state,
                int reason, uint64_t iteration)
{
    vmmiSimLogEntry entry = { .sequence = world->next_sequence++,
                              .at = world->now,
                              .type = (int64_t)type,
                              .guest = guest,
                              .host = (int64_t)host,
                              .state = state,
                              .reason = reason,
                              .iteration = iteration };

    if (guest >= 0)
        entry.job = vmmiSimWorldGuest(world, (size_t)guest)->job.id;
    if (world->log->len >= VMMI_SIM_LOG_LENGTH)
        g_array_remove_range(world->log, 0, world->log->len - VMMI_SIM_LOG_LENGTH + 1);
    g_array_append_val(world->log, entry);
    world->version++;
}

void
vmmiSimWorldPlace(vmmiSimWorld *world, vmmiSimGuest *guest, size_t host, vmmiGuestState state,
                  vmmiGuestReason reason)
{
    vmmiSimPlace *place = &guest->places[host];
    bool runs = state == VMMI_GUEST_RUNNING || state == VMMI_GUEST_PAUSED;

    if (place->state == (int64_t)state && place->reason == (int64_t)reason)
        return;
    if (runs && place->id < 0)
        place->id = world->hosts[host].next_id++;
    else if (!runs)
        place->id = -1;
    /* A transient guest that does not run is not there. */
    if (!runs && !place->persistent)
        state = VMMI_GUEST_ABSENT;
    place->state = (int64_t)state;
    place->reason = (int64_t)reason;
    vmmiSimWorldLog(world, VMMI_EVENT_GUEST, (int)(guest - vmmiSimWorldGuest(world, 0)), host,
                    (int)state, (int)reason, 0);
}

const vmmiSimResult *
vmmiSimWorldFindResult(const vmmiSimWorld *world, uint64_t job)
{
    for (size_t i = world->results->len; i-- > 0;) {
        const vmmiSimResult *result = &g_array_index(world->results, vmmiSimResult, i);

        if (result->id == job)
            return result;
    }
    return NULL;
}
