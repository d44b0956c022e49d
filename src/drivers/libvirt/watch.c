/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.c: those who watch a guest, and how an event is delivered to them.
 *
 * For one watch events are delivered one at a time. Where they come from is monitor.c.
 */
#include "watch.h"

#include "util/clock.h"

struct vmmiVirtWatch {
    int refs;                        /* atomic */
    vmmiVirtHost *host;
    char uuid[VMMI_UUID_STRING_SIZE];
    vmmiEventFunc func;
    void *opaque;
    vmmiFreeFunc free_opaque;

    GRecMutex delivery;              /* held while func runs */
    bool incoming;                   /* the guest comes to this host; under delivery */
    vmmiState seen;                  /* the last step told; under delivery */

    GMutex lock;                     /* for what follows */
    bool dead;
    unsigned int delivering;
};

void
vmmiVirtWatchUnref(vmmiVirtWatch *watch)
{
    if (!g_atomic_int_dec_and_test(&watch->refs))
        return;
    g_rec_mutex_clear(&watch->delivery);
    g_mutex_clear(&watch->lock);
    vmmiVirtHostUnref(watch->host);
    g_free(watch);
}

vmmiVirtWatch *
vmmiVirtWatchRef(vmmiVirtWatch *watch)
{
    g_atomic_int_inc(&watch->refs);
    return watch;
}

vmmiVirtWatch *
vmmiVirtWatchNew(vmmiVirtHost *host, const char *uuid, vmmiEventFunc func, void *opaque,
                 vmmiFreeFunc free_opaque)
{
    vmmiVirtWatch *watch = g_new0(vmmiVirtWatch, 1);

    watch->refs = 1;
    watch->host = vmmiVirtHostRef(host);
    g_strlcpy(watch->uuid, uuid, sizeof(watch->uuid));
    watch->func = func;
    watch->opaque = opaque;
    watch->free_opaque = free_opaque;
    g_rec_mutex_init(&watch->delivery);
    g_mutex_init(&watch->lock);
    return watch;
}

/* --- delivery --- */

static void
release_opaque(vmmiVirtWatch *watch)
{
    if (watch->free_opaque)
        watch->free_opaque(watch->opaque);
}

void
vmmiVirtWatchKill(vmmiVirtWatch *watch)
{
    bool release;

    g_mutex_lock(&watch->lock);
    release = !watch->dead && watch->delivering == 0;
    watch->dead = true;
    g_mutex_unlock(&watch->lock);
    if (release)
        release_opaque(watch);
}

static bool
delivery_begin(vmmiVirtWatch *watch)
{
    bool alive;

    g_mutex_lock(&watch->lock);
    alive = !watch->dead;
    if (alive)
        watch->delivering++;
    g_mutex_unlock(&watch->lock);
    if (alive)
        g_rec_mutex_lock(&watch->delivery);
    return alive;
}

static void
delivery_end(vmmiVirtWatch *watch)
{
    bool release;

    g_rec_mutex_unlock(&watch->delivery);
    g_mutex_lock(&watch->lock);
    release = --watch->delivering == 0 && watch->dead;
    g_mutex_unlock(&watch->lock);
    if (release)
        release_opaque(watch);
}

/* Between delivery_begin() and delivery_end(). */
static void
tell(vmmiVirtWatch *watch, vmmiEvent event)
{
    bool alive;

    g_mutex_lock(&watch->lock);
    alive = !watch->dead;
    g_mutex_unlock(&watch->lock);
    if (!alive)
        return;
    event.size = sizeof(event);
    event.boottime_ms = vmmiClockBoottimeMs();
    watch->func(&event, watch->opaque);
}

static void
tell_state(vmmiVirtWatch *watch, vmmiState state)
{
    if (watch->seen == state)
        return;
    watch->seen = state;
    tell(watch, (vmmiEvent){ .type = VMMI_EVENT_STATE, .state = state });
}

/* --- what is told --- */

/* The steps of the migration that a change of the guest gives away. Only the source shows them. */
static void
tell_step(vmmiVirtWatch *watch, vmmiGuestState state, vmmiGuestReason reason)
{
    if (watch->incoming)
        return;
    if (reason == VMMI_REASON_POSTCOPY_FAILED)
        tell_state(watch, VMMI_STATE_POSTCOPY_BROKEN);
    else if (reason == VMMI_REASON_POSTCOPY)
        tell_state(watch, VMMI_STATE_POSTCOPY);
    else if (reason == VMMI_REASON_MIGRATION && state == VMMI_GUEST_PAUSED)
        tell_state(watch, VMMI_STATE_SWITCHOVER);
    else if (reason == VMMI_REASON_MIGRATED && state == VMMI_GUEST_SHUTOFF)
        tell_state(watch, VMMI_STATE_CONFIRM);
    else if (reason == VMMI_REASON_MIGRATION_CANCELED)
        watch->seen = VMMI_STATE_STARTING;   /* another migration may follow */
}

void
vmmiVirtWatchTellLifecycle(vmmiVirtWatch *watch, int event, int detail)
{
    vmmiGuestState state;
    vmmiGuestReason reason;
    bool suspended;

    if (!delivery_begin(watch))
        return;
    if (event == VIR_DOMAIN_EVENT_STARTED)
        watch->incoming = detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED;
    if (vmmiVirtLifecycleRead(event, detail, watch->incoming, &state, &reason)) {
        g_mutex_lock(&watch->host->lock);
        suspended = vmmiVirtHostGuest(watch->host, watch->uuid)->suspended;
        g_mutex_unlock(&watch->host->lock);
        /* While a migration runs, libvirt calls a guest paused for it whoever paused it. */
        if (suspended && state == VMMI_GUEST_PAUSED && reason == VMMI_REASON_MIGRATION)
            reason = VMMI_REASON_USER;
        tell_step(watch, state, reason);
        tell(watch, (vmmiEvent){ .type = VMMI_EVENT_GUEST, .guest_state = state,
                                 .reason = reason });
    }
    delivery_end(watch);
}

void
vmmiVirtWatchTellIteration(vmmiVirtWatch *watch, uint64_t iteration)
{
    if (!delivery_begin(watch))
        return;
    /* The last pass begins when the guest is paused already. */
    if (watch->seen < VMMI_STATE_PRECOPY)
        tell_state(watch, VMMI_STATE_PRECOPY);
    tell(watch, (vmmiEvent){ .type = VMMI_EVENT_ITERATION, .iteration = iteration });
    delivery_end(watch);
}

void
vmmiVirtWatchTellCompleted(vmmiVirtWatch *watch, const vmmiSample *sample)
{
    if (!delivery_begin(watch))
        return;
    tell_state(watch, VMMI_STATE_CONFIRM);
    tell(watch, (vmmiEvent){ .type = VMMI_EVENT_JOB_COMPLETED, .sample = sample });
    delivery_end(watch);
}

void
vmmiVirtWatchTell(vmmiVirtWatch *watch, vmmiEventType type, const vmmiError *error)
{
    if (!delivery_begin(watch))
        return;
    tell(watch, (vmmiEvent){ .type = type, .error = error });
    delivery_end(watch);
}

void
vmmiVirtWatchReset(vmmiVirtWatch *watch, bool incoming)
{
    if (!delivery_begin(watch))
        return;
    watch->seen = VMMI_STATE_STARTING;
    watch->incoming = incoming;
    delivery_end(watch);
}

bool
vmmiVirtWatchIsOf(const vmmiVirtWatch *watch, const char *uuid)
{
    return g_ascii_strcasecmp(watch->uuid, uuid) == 0;
}

const char *
vmmiVirtWatchGetUuid(const vmmiVirtWatch *watch)
{
    return watch->uuid;
}
