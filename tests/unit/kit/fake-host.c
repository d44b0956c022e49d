/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-host.c: a driver that plays a script: what the host shows, step by step, once a migration
 * was asked for, or from the beginning when somebody else's job runs already. Each script has at
 * most one flaw.
 */
#include "fake-host.h"

#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"

typedef enum {
    END = 0,
    PAUSE,     /* .a: milliseconds */
    JOB,       /* .a: whether it runs */
    PASS,      /* .a: iteration event */
    GUEST,     /* .a: state, .b: reason; with an event */
    QUIET,     /* the same, without an event */
    STATE,     /* .a: state event */
    COMPLETED, /* the job's event */
    ABORTED,   /* waits until an abort was accepted */
    SWITCHED,  /* waits until post-copy was asked for */
    LOST,      /* disconnected; calls fail */
    BACK,      /* connected again */
    RETURN,    /* .a: error code, 0: success */
    HANG,      /* .a: milliseconds for which each sample hangs from now on */
    NOISE,     /* prints on both streams */
    DONE       /* the script may be played once more from the next step on */
} Kind;

typedef struct {
    Kind kind;
    int a, b;
} Step;

typedef struct {
    const char *name;
    bool running;             /* a job runs from the beginning */
    int incoming;             /* it is one that comes in */
    int open_code;            /* opening fails */
    const char *refused_flag; /* starting with this flag fails */
    bool check_refuses;       /* the check does, not the start */
    int abort_early;          /* so many aborts find no job yet */
    bool abort_refused;
    bool no_events;
    bool shut_off; /* the guest does not run */
    Step steps[16];
} Script;

#define SUCCESS_TAIL                                                                               \
    { GUEST, VMMI_GUEST_PAUSED, VMMI_REASON_MIGRATION }, { COMPLETED, 0, 0 },                      \
        { GUEST, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED },                                       \
    {                                                                                              \
        JOB, 0, 0                                                                                  \
    }
#define RUNS                                                                                       \
    { JOB, 1, 0 }, { PASS, 1, 0 },                                                                 \
    {                                                                                              \
        PAUSE, 60, 0                                                                               \
    }

static const Script scripts[] = {
    { .name = "completes", .steps = { RUNS, SUCCESS_TAIL, { RETURN, 0, 0 } } },
    { .name = "noisy", .steps = { RUNS, { NOISE, 0, 0 }, SUCCESS_TAIL, { RETURN, 0, 0 } } },
    { .name = "slow", .steps = { RUNS, { PAUSE, 600, 0 }, SUCCESS_TAIL, { RETURN, 0, 0 } } },
    { .name = "steps",
      .steps = { { STATE, VMMI_STATE_PREPARE, 0 },
                 { JOB, 1, 0 },
                 { PAUSE, 60, 0 },
                 { STATE, VMMI_STATE_PRECOPY, 0 },
                 { PAUSE, 60, 0 },
                 SUCCESS_TAIL,
                 { RETURN, 0, 0 } } },
    { .name = "quiet",
      .no_events = true,
      .steps = { { JOB, 1, 0 },
                 { PAUSE, 80, 0 },
                 { QUIET, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED },
                 { JOB, 0, 0 },
                 { RETURN, 0, 0 } } },
    { .name = "never-returns", .steps = { RUNS, SUCCESS_TAIL } },
    { .name = "no-completed-event",
      .steps = { RUNS,
                 { QUIET, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED },
                 { JOB, 0, 0 },
                 { RETURN, 0, 0 } } },
    { .name = "vanishes-after-success",
      .steps = { RUNS,
                 { COMPLETED, 0, 0 },
                 { GUEST, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED },
                 { QUIET, VMMI_GUEST_ABSENT, VMMI_REASON_OTHER },
                 { JOB, 0, 0 },
                 { RETURN, 0, 0 } } },
    { .name = "contradicts", .steps = { RUNS, { JOB, 0, 0 }, { RETURN, 0, 0 } } },
    { .name = "fails", .steps = { RUNS, { JOB, 0, 0 }, { RETURN, VMMI_ERR_OPERATION_FAILED, 0 } } },
    { .name = "aborted-elsewhere",
      .steps = { RUNS, { JOB, 0, 0 }, { RETURN, VMMI_ERR_MIGRATION_ABORTED, 0 } } },
    { .name = "holds",
      .steps = { RUNS,
                 { ABORTED, 0, 0 },
                 { JOB, 0, 0 },
                 { RETURN, VMMI_ERR_MIGRATION_ABORTED, 0 } } },
    { .name = "begins-late",
      .abort_early = 3,
      .steps = { { PAUSE, 150, 0 },
                 RUNS,
                 { ABORTED, 0, 0 },
                 { JOB, 0, 0 },
                 { RETURN, VMMI_ERR_MIGRATION_ABORTED, 0 } } },
    { .name = "abort-too-late",
      .steps = { RUNS, { ABORTED, 0, 0 }, SUCCESS_TAIL, { RETURN, 0, 0 } } },
    { .name = "postcopy",
      .abort_refused = true,
      .steps = { RUNS,
                 { GUEST, VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY },
                 { PAUSE, 600, 0 },
                 SUCCESS_TAIL,
                 { RETURN, 0, 0 } } },
    { .name = "switches",
      .steps = { RUNS,
                 { SWITCHED, 0, 0 },
                 { GUEST, VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY },
                 { PAUSE, 60, 0 },
                 SUCCESS_TAIL,
                 { RETURN, 0, 0 } } },
    { .name = "postcopy-breaks",
      .steps = { RUNS,
                 { GUEST, VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY },
                 { GUEST, VMMI_GUEST_PAUSED, VMMI_REASON_POSTCOPY_FAILED },
                 { RETURN, VMMI_ERR_OPERATION_FAILED, 0 } } },
    { .name = "dies",
      .steps = { RUNS,
                 { GUEST, VMMI_GUEST_SHUTOFF, VMMI_REASON_DESTROYED },
                 { JOB, 0, 0 },
                 { RETURN, VMMI_ERR_OPERATION_FAILED, 0 } } },
    { .name = "vanishes",
      .steps = { RUNS,
                 { QUIET, VMMI_GUEST_ABSENT, VMMI_REASON_OTHER },
                 { JOB, 0, 0 },
                 { RETURN, VMMI_ERR_OPERATION_FAILED, 0 } } },
    { .name = "lost", .steps = { RUNS, { LOST, 0, 0 }, { RETURN, VMMI_ERR_DISCONNECTED, 0 } } },
    { .name = "lost-silently", .steps = { RUNS, { LOST, 0, 0 } } },
    { .name = "lost-and-cancelled",
      .steps = { RUNS,
                 { LOST, 0, 0 },
                 { RETURN, VMMI_ERR_DISCONNECTED, 0 },
                 { PAUSE, 100, 0 },
                 { JOB, 0, 0 },
                 { BACK, 0, 0 } } },
    { .name = "lost-and-goes-on",
      .steps = { RUNS,
                 { LOST, 0, 0 },
                 { RETURN, VMMI_ERR_DISCONNECTED, 0 },
                 { PAUSE, 100, 0 },
                 { BACK, 0, 0 },
                 { PAUSE, 100, 0 },
                 SUCCESS_TAIL } },
    { .name = "refuses-postcopy",
      .refused_flag = "postcopy",
      .steps = { RUNS, SUCCESS_TAIL, { RETURN, 0, 0 } } },
    { .name = "check-refuses-postcopy",
      .refused_flag = "postcopy",
      .check_refuses = true,
      .steps = { RUNS, SUCCESS_TAIL, { RETURN, 0, 0 } } },
    { .name = "refuses-later",
      .steps = { { PAUSE, 30, 0 }, { DONE, 0, 0 }, { RETURN, VMMI_ERR_NOT_SUPPORTED, 0 } } },
    { .name = "shut-off", .shut_off = true, .steps = { { RETURN, VMMI_ERR_OPERATION_FAILED, 0 } } },
    { .name = "migrates-already",
      .running = true,
      .steps = { RUNS, { PAUSE, 300, 0 }, SUCCESS_TAIL } },
    { .name = "migrates-already-fails",
      .running = true,
      .steps = { RUNS, { PAUSE, 300, 0 }, { JOB, 0, 0 } } },
    { .name = "migrates-already-holds",
      .running = true,
      .steps = { RUNS, { ABORTED, 0, 0 }, { JOB, 0, 0 } } },
    { .name = "comes-in", .incoming = 1, .running = true, .steps = { { JOB, 1, 0 } } },
    { .name = "hangs",
      .steps = { { JOB, 1, 0 },
                 { PAUSE, 100, 0 },
                 { HANG, 3000, 0 },
                 { ABORTED, 0, 0 },
                 { JOB, 0, 0 },
                 { RETURN, VMMI_ERR_MIGRATION_ABORTED, 0 } } },
    { .name = "nobody-answers", .open_code = VMMI_ERR_CONNECT },
    { .name = "no-guest" },
};

typedef struct {
    const Script *script;
    GMutex lock;
    GCond changed;
    bool job, lost, abort_asked, postcopy_asked, playing;
    int aborts, hang_ms;
    uint64_t iteration;
    unsigned int downtime_ms;
    vmmiGuestState guest;
    vmmiGuestReason reason;
    vmmiEventFunc func;
    void *opaque;
    vmmiFreeFunc free_opaque;
    vmmiDoneFunc done;
    void *done_opaque;
    vmmiFreeFunc done_free;
} Host;

static Host host; /* one a process */

/* --- playing ---------------------------------------------------------------------- */

static void
fill_sample(vmmiSample *sample)
{
    vmmiSampleSet(sample, VMMI_SAMPLE_ELAPSED_MS, 1000);
    vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT, 42);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, 1 << 20);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES, 1 << 19);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 1 << 19);
    if (host.iteration)
        vmmiSampleSet(sample, VMMI_SAMPLE_ITERATION, host.iteration);
    if (host.downtime_ms)
        vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_LIMIT_MS, host.downtime_ms);
}

static void
send_event(vmmiEvent event)
{
    event.size = sizeof(event);
    event.boottime_ms = vmmiClockBoottimeMs();
    if (host.func && !host.script->no_events)
        host.func(&event, host.opaque);
}

static void
send_completed(void)
{
    g_autoptr(vmmiSample) sample = vmmiSampleNew();

    fill_sample(sample);
    vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_FINAL_MS, 17);
    send_event((vmmiEvent){ .type = VMMI_EVENT_JOB_COMPLETED, .sample = sample });
}

/* The kit may start again before this returns: what is called has left the host before. */
static void
send_return(int code)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiDoneFunc done;
    vmmiFreeFunc free_opaque;
    void *opaque;

    if (code)
        vmmiErrorSet(&error, code, "the script says %s", vmmiErrorCodeToString(code));
    g_mutex_lock(&host.lock);
    done = host.done;
    opaque = host.done_opaque;
    free_opaque = host.done_free;
    host.done = NULL;
    g_mutex_unlock(&host.lock);
    if (!done)
        return;
    done(error, opaque);
    free_opaque(opaque);
}

static void
wait_for(const bool *flag)
{
    while (!*flag)
        g_cond_wait(&host.changed, &host.lock);
}

/* Under the lock. */
static void
set_guest(const Step *step)
{
    host.guest = (vmmiGuestState)step->a;
    host.reason = (vmmiGuestReason)step->b;
}

static void
change(const Step *step)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host.lock);

    if (step->kind == JOB)
        host.job = step->a;
    else if (step->kind == PASS)
        host.iteration = (uint64_t)step->a;
    else if (step->kind == GUEST || step->kind == QUIET)
        set_guest(step);
    else if (step->kind == ABORTED)
        wait_for(&host.abort_asked);
    else if (step->kind == SWITCHED)
        wait_for(&host.postcopy_asked);
    else if (step->kind == DONE)
        host.playing = false;
    else if (step->kind == HANG)
        host.hang_ms = step->a;
    else if (step->kind == LOST || step->kind == BACK)
        host.lost = step->kind == LOST;
}

static void
tell(const Step *step)
{
    switch (step->kind) {
    case PAUSE:
        g_usleep((gulong)step->a * 1000);
        break;
    case PASS:
        send_event((vmmiEvent){ .type = VMMI_EVENT_ITERATION, .iteration = (uint64_t)step->a });
        break;
    case GUEST:
        send_event((vmmiEvent){ .type = VMMI_EVENT_GUEST,
                                .guest_state = (vmmiGuestState)step->a,
                                .reason = (vmmiGuestReason)step->b });
        break;
    case STATE:
        send_event((vmmiEvent){ .type = VMMI_EVENT_STATE, .state = (vmmiState)step->a });
        break;
    case COMPLETED:
        send_completed();
        break;
    case LOST:
        send_event((vmmiEvent){ .type = VMMI_EVENT_DISCONNECTED });
        break;
    case BACK:
        send_event((vmmiEvent){ .type = VMMI_EVENT_RECONNECTED });
        break;
    case RETURN:
        send_return(step->a);
        break;
    case NOISE:
        printf("noise on standard output\n");
        fflush(stdout);
        fprintf(stderr, "noise on standard error\n");
        g_warning("noise of GLib");
        g_print("more noise\n");
        break;
    default:
        break;
    }
}

static gpointer
play(gpointer data G_GNUC_UNUSED)
{
    for (const Step *step = host.script->steps; step->kind != END; step++) {
        change(step);
        tell(step);
    }
    return NULL;
}

static void
start_playing(void)
{
    g_mutex_lock(&host.lock);
    if (!host.playing) {
        host.playing = true;
        g_thread_unref(g_thread_new("script", play, NULL));
    }
    g_mutex_unlock(&host.lock);
}

/* --- the table -------------------------------------------------------------------- */

static int
check_lost(vmmiError **err)
{
    return host.lost ? vmmiErrorSet(err, VMMI_ERR_DISCONNECTED, "the script says that it is lost")
                     : 0;
}

static int
fake_get_info(void *priv G_GNUC_UNUSED, const char *uuid, vmmiGuestInfo *info, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host.lock);

    if (check_lost(err) < 0)
        return -1;
    memset(info, 0, sizeof(*info));
    g_strlcpy(info->uuid, uuid, sizeof(info->uuid));
    g_strlcpy(info->name, "guest", sizeof(info->name));
    info->state = host.guest;
    info->reason = host.reason;
    if (host.job)
        info->job = host.script->incoming ? VMMI_JOB_MIGRATION_IN : VMMI_JOB_MIGRATION_OUT;
    return 0;
}

static int
fake_lookup(void *priv, const char *selector, vmmiGuestInfo *info, vmmiError **err)
{
    if (g_str_equal(host.script->name, "no-guest") || !g_str_equal(selector, "uuid:" FAKE_UUID))
        return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "there is no guest '%s'", selector);
    return fake_get_info(priv, FAKE_UUID, info, err);
}

static int
fake_monitor(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, vmmiEventFunc func,
             void *opaque, vmmiFreeFunc free_opaque, void **ret_watch, vmmiError **err)
{
    if (host.script->no_events) {
        free_opaque(opaque);
        return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED, "the script has no events");
    }
    host.func = func;
    host.opaque = opaque;
    host.free_opaque = free_opaque;
    *ret_watch = &host;
    if (host.script->running)
        start_playing();
    return 0;
}

static void
fake_unmonitor(void *priv G_GNUC_UNUSED, void *watch)
{
    g_assert_true(watch == &host);
    host.func = NULL;
    host.free_opaque(host.opaque);
}

static int
refuse(const vmmiMigrateRequest *request, vmmiError **err)
{
    const char *flag = host.script->refused_flag;

    for (size_t i = 0; flag && request->flags && request->flags[i]; i++) {
        if (g_str_equal(request->flags[i], flag))
            return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED, "flag '%s' is not supported here",
                                flag);
    }
    return 0;
}

static int
fake_check(void *priv G_GNUC_UNUSED, const vmmiMigrateRequest *request, vmmiError **err)
{
    return host.script->check_refuses ? refuse(request, err) : 0;
}

static int
fake_perform(void *priv G_GNUC_UNUSED, const vmmiMigrateRequest *request, vmmiDoneFunc done,
             void *opaque, vmmiFreeFunc free_opaque, vmmiError **err)
{
    if (refuse(request, err) < 0) {
        free_opaque(opaque);
        return -1;
    }
    g_mutex_lock(&host.lock);
    host.done = done;
    host.done_opaque = opaque;
    host.done_free = free_opaque;
    g_mutex_unlock(&host.lock);
    start_playing();
    return 0;
}

static int
fake_sample(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, vmmiSample *sample,
            vmmiJobKind *job, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host.lock);
    int hang_ms = host.hang_ms;

    if (hang_ms) {
        g_mutex_unlock(&host.lock);
        g_usleep((gulong)hang_ms * 1000);
        g_mutex_lock(&host.lock);
    }
    if (check_lost(err) < 0)
        return -1;
    if (!host.job)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "no job runs");
    fill_sample(sample);
    *job = VMMI_JOB_MIGRATION_OUT;
    return 0;
}

static int
fake_tune(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, vmmiTunable what,
          uint64_t value, vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host.lock);

    if (what != VMMI_TUNE_DOWNTIME_MS)
        return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED, "only the downtime can be tuned");
    host.downtime_ms = (unsigned int)value;
    return 0;
}

static int
fake_abort(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, bool postcopy G_GNUC_UNUSED,
           vmmiError **err)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host.lock);

    if (host.aborts++ < host.script->abort_early || !host.job)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "no job runs");
    if (host.script->abort_refused)
        return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED, "post-copy cannot be aborted");
    host.abort_asked = true;
    g_cond_broadcast(&host.changed);
    return 0;
}

static int
fake_postcopy(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED,
              vmmiError **err G_GNUC_UNUSED)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&host.lock);

    host.postcopy_asked = true;
    g_cond_broadcast(&host.changed);
    return 0;
}

static void
fake_close(void *priv G_GNUC_UNUSED)
{
}

static const vmmiDriverOps ops = {
    .close = fake_close,
    .guest_lookup = fake_lookup,
    .guest_get_info = fake_get_info,
    .guest_monitor = fake_monitor,
    .guest_unmonitor = fake_unmonitor,
    .migration_check = fake_check,
    .migration_perform = fake_perform,
    .migration_sample = fake_sample,
    .migration_tune = fake_tune,
    .migration_abort = fake_abort,
    .migration_start_postcopy = fake_postcopy,
};
static const vmmiDriverLayer layers[] = { { "fake", NULL, &ops, sizeof(ops), NULL } };

static int
fake_probe(const char *uri, vmmiError **err)
{
    return g_str_has_prefix(uri, "fake:///") ? 0 : vmmiErrorSet(err, VMMI_ERR_DECLINED, "not mine");
}

static int
fake_open(const char *uri, const vmmiConnectOptions *options, unsigned int flags G_GNUC_UNUSED,
          vmmiDriverOpened *opened, vmmiError **err)
{
    g_assert_cmpint(options->events, ==, VMMI_EVENTS_OWN);
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
        if (g_str_equal(scripts[i].name, uri + strlen("fake:///")))
            host.script = &scripts[i];
    }
    if (!host.script)
        return vmmiErrorSet(err, VMMI_ERR_URI, "there is no script '%s'", uri);
    if (host.script->open_code)
        return vmmiErrorSet(err, host.script->open_code, "the script says no");
    host.guest = host.script->shut_off ? VMMI_GUEST_SHUTOFF : VMMI_GUEST_RUNNING;
    host.job = host.script->running;
    opened->layers = layers;
    opened->n_layers = G_N_ELEMENTS(layers);
    return 0;
}

const vmmiDriver fakeHostDriver = {
    VMMI_DRIVER_INIT,    .name = "fake",    .summary = "plays a script",
    .probe = fake_probe, .open = fake_open,
};
