/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-watch.c: telling callers what happens in a simulated world.
 *
 * The thread sleeps until the world's file is replaced (inotify), until the next event that it foresees (a timer), or until
 * it is told of something new to watch. Callbacks run on it, without any lock held.
 */
#include "drivers/sim/sim-watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#include "drivers/sim/sim-sample.h"
#include "drivers/sim/sim-step.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#define SHORTEST_SLEEP_US 4000   /* however fast the world is */
#define LONGEST_SLEEP_US 2000000 /* how far ahead is looked, while something goes on */
#define RETRY_US 250000          /* after the world could not be read */
#define BLIND_SLEEP_US 100000    /* without inotify: changes by others are looked for */

typedef struct {
    int refs;    /* atomic: the list, and a round that is under way */
    int removed; /* atomic */
    char uuid[VMMI_UUID_STRING_SIZE];
    uint64_t sequence;  /* seen so far; the thread's */
    vmmiEventFunc func; /* NULL: waits for a job */
    vmmiDoneFunc done;
    uint64_t job;
    bool lost; /* told that the world cannot be read; the thread's */
    void *opaque;
    vmmiFreeFunc free_opaque;
} Watch;

struct vmmiSimWatcher {
    int refs; /* atomic: the connection, the thread */
    vmmiSimStore *store;
    size_t host;
    GMutex lock;
    GPtrArray *watches; /* of Watch *, under the lock */
    bool closed;        /* under the lock */
    bool running;       /* under the lock */
    int wake_fd, timer_fd, notify_fd;
};

/* Something to be told, taken out of the world. */
typedef struct {
    Watch *watch; /* a reference */
    vmmiEvent event;
    vmmiSample *sample;
    vmmiError *error;
    bool is_done;
} Message;

static void
watch_unref(Watch *watch)
{
    if (!g_atomic_int_dec_and_test(&watch->refs))
        return;
    if (watch->free_opaque)
        watch->free_opaque(watch->opaque);
    g_free(watch);
}

static void
message_free(void *data)
{
    Message *message = data;

    watch_unref(message->watch);
    vmmiSampleFree(message->sample);
    vmmiErrorFree(message->error);
    g_free(message);
}

static void
watcher_unref(vmmiSimWatcher *watcher)
{
    if (!g_atomic_int_dec_and_test(&watcher->refs))
        return;
    for (size_t i = 0; i < watcher->watches->len; i++)
        watch_unref(g_ptr_array_index(watcher->watches, i));
    g_ptr_array_unref(watcher->watches);
    vmmiSimStoreUnref(watcher->store);
    g_mutex_clear(&watcher->lock);
    for (size_t i = 0; i < 3; i++) {
        int fd = i == 0 ? watcher->wake_fd : i == 1 ? watcher->timer_fd : watcher->notify_fd;

        if (fd >= 0)
            close(fd);
    }
    g_free(watcher);
}

/* --- what there is to tell -------------------------------------------------------------------------------- */

static Message *
add_message(GPtrArray *messages, Watch *watch)
{
    Message *message = g_new0(Message, 1);

    g_atomic_int_inc(&watch->refs);
    message->watch = watch;
    message->event.size = sizeof(message->event);
    message->event.boottime_ms = (uint64_t)vmmiSimBootNow() / 1000;
    g_ptr_array_add(messages, message);
    return message;
}

static void
fill_event(const vmmiSimSession *session, const vmmiSimLogEntry *entry, Message *message)
{
    vmmiEvent *event = &message->event;
    const vmmiSimGuest *guest =
        entry->guest >= 0 ? vmmiSimWorldGuest(session->world, (size_t)entry->guest) : NULL;

    event->type = (vmmiEventType)entry->type;
    event->boottime_ms = (uint64_t)MAX(vmmiSimSessionBootTime(session, entry->at), 0) / 1000;
    event->iteration = entry->iteration;
    event->reason = (vmmiGuestReason)entry->reason;
    if (event->type == VMMI_EVENT_STATE)
        event->state = (vmmiState)entry->state;
    else if (event->type == VMMI_EVENT_GUEST)
        event->guest_state = (vmmiGuestState)entry->state;
    if (event->type == VMMI_EVENT_JOB_COMPLETED && guest && guest->has_last) {
        message->sample = vmmiSampleNew();
        vmmiSimSampleCompleted(guest, message->sample);
        vmmiSampleSet(message->sample, VMMI_SAMPLE_TIMESTAMP_MS, vmmiClockWallMs());
        event->sample = message->sample;
    }
    if (event->type == VMMI_EVENT_DISCONNECTED) {
        vmmiErrorSet(&message->error, VMMI_ERR_DISCONNECTED, "host '%s' cannot be reached",
                     session->world->hosts[entry->host].name);
        event->error = message->error;
    }
}

/* Events were missed: the world was made anew, or more happened than is remembered. */
static bool
is_behind(const vmmiSimWorld *world, const Watch *watch)
{
    if (watch->sequence >= world->next_sequence)
        return true;
    return world->log->len > 0 &&
           g_array_index(world->log, vmmiSimLogEntry, 0).sequence > watch->sequence + 1;
}

static void
collect_guest(const vmmiSimWatcher *watcher, const vmmiSimSession *session, Watch *watch,
              GPtrArray *messages)
{
    const vmmiSimWorld *world = session->world;
    int guest = vmmiSimWorldFindGuest(world, watch->uuid);

    if (is_behind(world, watch) || watch->lost)
        add_message(messages, watch)->event.type = VMMI_EVENT_RECONNECTED;
    if (watch->sequence >= world->next_sequence)
        watch->sequence = 0;
    watch->lost = false;
    for (size_t i = 0; i < world->log->len; i++) {
        const vmmiSimLogEntry *entry = &g_array_index(world->log, vmmiSimLogEntry, i);

        if (entry->sequence > watch->sequence && entry->host == (int64_t)watcher->host &&
            (entry->guest < 0 || entry->guest == guest))
            fill_event(session, entry, add_message(messages, watch));
    }
    watch->sequence = world->next_sequence - 1;
}

static bool
job_runs(const vmmiSimWorld *world, uint64_t job)
{
    for (size_t i = 0; i < world->guests->len; i++) {
        if (vmmiSimWorldGuest(world, i)->job.id == job)
            return true;
    }
    return false;
}

static void
collect_job(const vmmiSimWorld *world, Watch *watch, GPtrArray *messages)
{
    const vmmiSimResult *result = vmmiSimWorldFindResult(world, watch->job);
    Message *message;

    if (!result && job_runs(world, watch->job))
        return;
    message = add_message(messages, watch);
    message->is_done = true;
    if (!result)
        vmmiErrorSet(&message->error, VMMI_ERR_OUTCOME_UNKNOWN,
                     "the simulated world '%s' knows nothing of the migration any more",
                     world->name);
    else if (result->code != VMMI_ERR_OK)
        vmmiErrorSet(&message->error, (int)result->code, "%s", result->message);
    vmmiErrorSetOrigin(&message->error, "sim");
}

static void
collect_loss(Watch *watch, const vmmiError *error, GPtrArray *messages)
{
    Message *message;

    if (watch->lost || !watch->func)
        return;
    watch->lost = true;
    message = add_message(messages, watch);
    message->error = vmmiErrorCopy(error);
    message->event.type = VMMI_EVENT_DISCONNECTED;
    message->event.error = message->error;
}

/* --- the thread ------------------------------------------------------------------------------------------- */

/* References to what is watched now; NULL: it is time to end. */
static GPtrArray *
take_watches(vmmiSimWatcher *watcher)
{
    GPtrArray *watches = NULL;

    g_mutex_lock(&watcher->lock);
    if (!watcher->closed) {
        watches = g_ptr_array_new_with_free_func((GDestroyNotify)watch_unref);
        for (size_t i = 0; i < watcher->watches->len; i++) {
            Watch *watch = g_ptr_array_index(watcher->watches, i);

            g_atomic_int_inc(&watch->refs);
            g_ptr_array_add(watches, watch);
        }
    }
    g_mutex_unlock(&watcher->lock);
    return watches;
}

/* When the next event that others can see comes, in boot time: a copy of the world is let go ahead. */
static int64_t
foresee(const vmmiSimSession *session)
{
    g_autoptr(vmmiSimWorld) ahead = NULL;
    int64_t horizon = session->world->now + (int64_t)(LONGEST_SLEEP_US * session->world->speed);
    int64_t next = vmmiSimNext(session->world);

    if (next == VMMI_SIM_NEVER)
        return VMMI_SIM_NEVER;
    ahead = vmmiSimWorldCopy(session->world);
    while (next <= horizon && ahead->version == session->world->version) {
        vmmiSimStep(ahead, next);
        next = vmmiSimNext(ahead);
    }
    if (ahead->version != session->world->version)
        return vmmiSimSessionBootTime(session, ahead->now);
    return vmmiSimSessionBootTime(session, horizon);
}

/* Looks at the world; what is to be told goes to @messages. Returns when to look again, in boot time. */
static int64_t
look(vmmiSimWatcher *watcher, GPtrArray *watches, GPtrArray *messages)
{
    vmmiSimSession session;
    g_autoptr(vmmiError) error = NULL;
    int64_t next;

    if (watches->len == 0)
        return VMMI_SIM_NEVER;
    if (vmmiSimSessionBegin(watcher->store, NULL, &session, &error) < 0) {
        for (size_t i = 0; i < watches->len; i++)
            collect_loss(g_ptr_array_index(watches, i), error, messages);
        return vmmiSimBootNow() + RETRY_US;
    }
    for (size_t i = 0; i < watches->len; i++) {
        Watch *watch = g_ptr_array_index(watches, i);

        if (watch->func)
            collect_guest(watcher, &session, watch, messages);
    }
    for (size_t i = 0; i < watches->len; i++) {
        Watch *watch = g_ptr_array_index(watches, i);

        if (!watch->func)
            collect_job(session.world, watch, messages);
    }
    next = foresee(&session);
    vmmiSimSessionEnd(&session, false, NULL);
    return watcher->notify_fd < 0 ? MIN(next, vmmiSimBootNow() + BLIND_SLEEP_US) : next;
}

static bool
is_closed(vmmiSimWatcher *watcher)
{
    bool closed;

    g_mutex_lock(&watcher->lock);
    closed = watcher->closed;
    g_mutex_unlock(&watcher->lock);
    return closed;
}

static void
deliver(vmmiSimWatcher *watcher, GPtrArray *messages)
{
    for (size_t i = 0; i < messages->len && !is_closed(watcher); i++) {
        Message *message = g_ptr_array_index(messages, i);
        Watch *watch = message->watch;

        if (g_atomic_int_get(&watch->removed))
            continue;
        if (!message->is_done) {
            watch->func(&message->event, watch->opaque);
            continue;
        }
        vmmiSimWatcherRemove(watcher, watch);
        watch->done(message->error, watch->opaque);
    }
}

static void
set_timer(vmmiSimWatcher *watcher, int64_t boot_us)
{
    struct itimerspec when = { 0 };

    if (boot_us != VMMI_SIM_NEVER) {
        boot_us = MAX(boot_us, vmmiSimBootNow() + SHORTEST_SLEEP_US);
        when.it_value.tv_sec = boot_us / 1000000;
        when.it_value.tv_nsec = boot_us % 1000000 * 1000;
    }
    timerfd_settime(watcher->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Waits for the timer, for news, or for a replaced file of this world; others in its directory do not count. */
static void
sleep_until_needed(const vmmiSimWatcher *watcher)
{
    struct pollfd fds[] = { { watcher->wake_fd, POLLIN, 0 },
                            { watcher->timer_fd, POLLIN, 0 },
                            { watcher->notify_fd, POLLIN, 0 } };
    const char *name = vmmiSimStoreName(watcher->store);
    bool needed = false;

    while (!needed) {
        char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        uint64_t count;
        ssize_t got;

        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0)
            continue;
        if (read(watcher->wake_fd, &count, sizeof(count)) > 0 ||
            read(watcher->timer_fd, &count, sizeof(count)) > 0)
            needed = true;
        got = watcher->notify_fd < 0 ? 0 : read(watcher->notify_fd, buffer, sizeof(buffer));
        for (ssize_t at = 0; got > 0 && at < got;) {
            struct inotify_event event;

            memcpy(&event, buffer + at, sizeof(event));
            if ((event.mask & IN_Q_OVERFLOW) ||
                (event.len > 0 && g_str_equal(buffer + at + sizeof(event), name)))
                needed = true;
            at += (ssize_t)(sizeof(event) + event.len);
        }
    }
}

static gpointer
run(gpointer data)
{
    vmmiSimWatcher *watcher = data;
    GPtrArray *watches;

    while ((watches = take_watches(watcher))) {
        GPtrArray *messages = g_ptr_array_new_with_free_func(message_free);

        set_timer(watcher, look(watcher, watches, messages));
        deliver(watcher, messages);
        g_ptr_array_unref(messages);
        g_ptr_array_unref(watches);
        if (!is_closed(watcher))
            sleep_until_needed(watcher);
    }
    watcher_unref(watcher);
    return NULL;
}

/* --- what others call ------------------------------------------------------------------------------------- */

vmmiSimWatcher *
vmmiSimWatcherNew(vmmiSimStore *store, size_t host)
{
    vmmiSimWatcher *watcher = g_new0(vmmiSimWatcher, 1);

    watcher->refs = 1;
    watcher->store = vmmiSimStoreRef(store);
    watcher->host = host;
    g_mutex_init(&watcher->lock);
    watcher->watches = g_ptr_array_new();
    watcher->wake_fd = watcher->timer_fd = watcher->notify_fd = -1;
    return watcher;
}

/* There are few inotify instances a user: without one the thread looks now and then. */
static void
open_notify(vmmiSimWatcher *watcher)
{
    watcher->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watcher->notify_fd < 0 ||
        inotify_add_watch(watcher->notify_fd, vmmiSimStoreDirectory(watcher->store),
                          IN_MOVED_TO | IN_DELETE) >= 0)
        return;
    close(watcher->notify_fd);
    watcher->notify_fd = -1;
}

static int
open_fds(vmmiSimWatcher *watcher, vmmiError **err)
{
    if (watcher->wake_fd < 0)
        watcher->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watcher->timer_fd < 0)
        watcher->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (watcher->wake_fd < 0 || watcher->timer_fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_SYSTEM, errno, "cannot watch a simulated world");
    if (watcher->notify_fd < 0)
        open_notify(watcher);
    return 0;
}

/* Under the lock. */
static int
start_thread(vmmiSimWatcher *watcher, vmmiError **err)
{
    sigset_t all, before;
    GThread *thread;

    if (watcher->running)
        return 0;
    if (open_fds(watcher, err) < 0)
        return -1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    g_atomic_int_inc(&watcher->refs);
    thread = g_thread_try_new("vmmi-sim", run, watcher, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!thread) {
        g_atomic_int_add(&watcher->refs, -1);
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "cannot start a thread for the simulated world");
    }
    g_thread_unref(thread);
    watcher->running = true;
    return 0;
}

static void
wake(const vmmiSimWatcher *watcher)
{
    uint64_t one = 1;

    if (watcher->wake_fd >= 0 && write(watcher->wake_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is awake */
}

int
vmmiSimWatcherPrepare(vmmiSimWatcher *watcher, vmmiError **err)
{
    int result;

    g_mutex_lock(&watcher->lock);
    result = start_thread(watcher, err);
    g_mutex_unlock(&watcher->lock);
    return result;
}

static int
add(vmmiSimWatcher *watcher, Watch *watch, vmmiError **err)
{
    int result;

    g_mutex_lock(&watcher->lock);
    result = start_thread(watcher, err);
    if (result == 0) {
        g_ptr_array_add(watcher->watches, watch);
        wake(watcher);
    }
    g_mutex_unlock(&watcher->lock);
    if (result < 0)
        watch_unref(watch);
    return result;
}

void *
vmmiSimWatcherAddGuest(vmmiSimWatcher *watcher, const char *uuid, uint64_t sequence,
                       vmmiEventFunc func, void *opaque, vmmiFreeFunc free_opaque, vmmiError **err)
{
    Watch *watch = g_new0(Watch, 1);

    watch->refs = 1;
    g_strlcpy(watch->uuid, uuid, sizeof(watch->uuid));
    watch->sequence = sequence;
    watch->func = func;
    watch->opaque = opaque;
    watch->free_opaque = free_opaque;
    return add(watcher, watch, err) == 0 ? watch : NULL;
}

int
vmmiSimWatcherAddJob(vmmiSimWatcher *watcher, uint64_t job, vmmiDoneFunc done, void *opaque,
                     vmmiFreeFunc free_opaque, vmmiError **err)
{
    Watch *watch = g_new0(Watch, 1);

    watch->refs = 1;
    watch->job = job;
    watch->done = done;
    watch->opaque = opaque;
    watch->free_opaque = free_opaque;
    return add(watcher, watch, err);
}

void
vmmiSimWatcherRemove(vmmiSimWatcher *watcher, void *which)
{
    Watch *watch = which;
    bool found;

    g_mutex_lock(&watcher->lock);
    found = g_ptr_array_remove(watcher->watches, watch);
    if (found)
        g_atomic_int_set(&watch->removed, 1);
    g_mutex_unlock(&watcher->lock);
    if (found)
        watch_unref(watch);
}

void
vmmiSimWatcherClose(vmmiSimWatcher *watcher)
{
    g_mutex_lock(&watcher->lock);
    watcher->closed = true;
    wake(watcher);
    g_mutex_unlock(&watcher->lock);
    watcher_unref(watcher);
}
