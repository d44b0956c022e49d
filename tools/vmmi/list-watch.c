/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * list-watch.c: vmmi list --watch. The list is read when records come and go, and when a state
 * changes; in between the migrations that run are followed and bring their figures themselves.
 * Nothing is done while nothing happens, but for the ages on a terminal.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "list.h"
#include "report.h"
#include "screen.h"
#include "signals.h"
#include "view.h"

/* Not more often than this, however much happens. */
#define CALM_MS 100
/* Where nothing tells that something has changed. */
#define LOOK_AGAIN_MS 2000

typedef struct {
    List *list;
    vmmiRecordList *records;
    GHashTable *followed;     /* id -> vmmiMigration */
    GHashTable *shown;        /* id -> what was shown of it, where there is no screen */
    Screen screen;
    int inotify;
    bool stale, dirty;        /* to be read, to be shown */
    bool blind;               /* something runs that cannot be followed */
    bool leaving;
    uint64_t shown_ms;
    char *broken;             /* the sentence that was said last */
} Watch;

static uint64_t
now_ms(void)
{
    return (uint64_t)g_get_monotonic_time() / 1000;
}

/* --- callbacks ----------------------------------------------------------------------- */

static void
on_state(vmmiMigration *migration G_GNUC_UNUSED, vmmiState from G_GNUC_UNUSED,
         vmmiState to G_GNUC_UNUSED, void *opaque)
{
    ((Watch *)opaque)->stale = true;
}

static void
on_sample(vmmiMigration *migration G_GNUC_UNUSED, const vmmiSample *sample G_GNUC_UNUSED,
          void *opaque)
{
    ((Watch *)opaque)->dirty = true;
}

static void
on_end(vmmiMigration *migration G_GNUC_UNUSED, const vmmiOutcome *outcome G_GNUC_UNUSED,
       void *opaque)
{
    ((Watch *)opaque)->stale = true;
}

/* --- reading ------------------------------------------------------------------------- */

static void
follow_one(Watch *watch, const char *id)
{
    const vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks),
        .state = on_state,
        .sample = on_sample,
        .end = on_end,
        .opaque = watch,
    };
    vmmiMigration *migration = vmmiMigrationOpen(watch->list->opened.manager, id, NULL, NULL);

    if (migration && vmmiMigrationWatch(migration, &callbacks, NULL) == 0) {
        g_hash_table_insert(watch->followed, g_strdup(id), migration);
    } else {
        vmmiMigrationUnref(migration);
        watch->blind = true;
    }
}

/* Those that run are followed, those that have ended no more. */
static void
follow_running(Watch *watch)
{
    watch->blind = false;
    for (size_t i = 0; i < vmmiRecordListGetCount(watch->records); i++) {
        const vmmiRecord *record = vmmiRecordListGet(watch->records, i);
        const char *id = vmmiRecordGetId(record);

        if (vmmiRecordGetOutcome(record))
            g_hash_table_remove(watch->followed, id);
        else if (!g_hash_table_contains(watch->followed, id))
            follow_one(watch, id);
    }
}

static int
read_records(Watch *watch, vmmiError **err)
{
    vmmiRecordList *records =
        vmmiManagerListRecords(watch->list->opened.manager, watch->list->flags, err);
    g_autofree char *broken = records ? list_broken_text(records) : NULL;

    if (!records)
        return -1;
    vmmiRecordListFree(watch->records);
    watch->records = records;
    watch->stale = false;
    watch->dirty = true;
    if (g_strcmp0(broken, watch->broken) != 0) {
        g_free(watch->broken);
        watch->broken = g_steal_pointer(&broken);
        if (watch->broken && !watch->screen.up)
            report_sentence("%s", watch->broken);
    }
    follow_running(watch);
    return 0;
}

static View
view_at(const Watch *watch, size_t index)
{
    const vmmiRecord *record = vmmiRecordListGet(watch->records, index);

    return view_of(record, g_hash_table_lookup(watch->followed, vmmiRecordGetId(record)));
}

/* --- showing ------------------------------------------------------------------------- */

static void
show_screen(Watch *watch)
{
    g_autofree char *empty = list_empty_text(watch->list);
    size_t count = vmmiRecordListGetCount(watch->records);
    View *views = g_new0(View, count + 1);

    for (size_t i = 0; i < count; i++)
        views[i] = view_at(watch, i);
    screen_show(&watch->screen, vmmiManagerGetRunDir(watch->list->opened.manager), views, count,
                empty, watch->broken);
    g_free(views);
}

static void
show_object(const View *view)
{
    json_t *object = open_record_object(view->record);

    json_object_set_new(object, "state",
                        view->state_known ? json_string(vmmiStateToString(view->state))
                                          : json_null());
    json_object_set_new(object, "percent", json_integer(view->percent));
    report_object(object);
}

static void
show_line(const View *view)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
    g_autofree char *guest = view_guest(view), *where = view_where(view);

    printf("%s  %s  %s  %s  %u%%  %s\n", time, vmmiRecordGetId(view->record), guest,
           view_state(view), view->percent, where);
    fflush(stdout);
}

/* What must differ for a migration to be shown again. */
static char *
essence_of(const Watch *watch, const View *view)
{
    const char *by = vmmiRecordGetReplacedBy(view->record);

    return g_strdup_printf("%s %s %d %u", view_state(view), by ? by : "",
                           vmmiRecordIsAcknowledged(view->record),
                           watch->list->opened.common->json ? view->percent : 0);
}

static void
show_removed(const Watch *watch, const char *id)
{
    json_t *object;

    if (!watch->list->opened.common->json) {
        printf("%s  removed\n", id);
        fflush(stdout);
        return;
    }
    object = report_empty_object();
    json_object_set_new(object, "id", json_string(id));
    json_object_set_new(object, "removed", json_true());
    report_object(object);
}

static void
show_changes(Watch *watch)
{
    GHashTable *before = watch->shown;
    GHashTableIter at;
    gpointer id;

    watch->shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (size_t i = 0; i < vmmiRecordListGetCount(watch->records); i++) {
        View view = view_at(watch, i);
        const char *name = vmmiRecordGetId(view.record);
        char *essence = essence_of(watch, &view);

        if (g_strcmp0(g_hash_table_lookup(before, name), essence) != 0)
            watch->list->opened.common->json ? show_object(&view) : show_line(&view);
        g_hash_table_insert(watch->shown, g_strdup(name), essence);
        g_hash_table_remove(before, name);
    }
    g_hash_table_iter_init(&at, before);
    while (g_hash_table_iter_next(&at, &id, NULL))
        show_removed(watch, id);
    g_hash_table_unref(before);
}

static void
show(Watch *watch)
{
    if (watch->screen.up)
        show_screen(watch);
    else
        show_changes(watch);
    watch->dirty = false;
    watch->shown_ms = now_ms();
    /* Nobody reads any more. */
    if (ferror(stdout))
        watch->leaving = true;
}

/* --- the loop ------------------------------------------------------------------------ */

/* The directory of the jobs, or as long as there is none, the one that it will be in. */
static void
watch_folder(Watch *watch)
{
    const char *top = vmmiManagerGetRunDir(watch->list->opened.manager);
    g_autofree char *jobs = g_build_filename(top, "jobs", NULL);
    const uint32_t events = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM;

    watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->inotify >= 0 && inotify_add_watch(watch->inotify, jobs, events) < 0 &&
        inotify_add_watch(watch->inotify, top, events) < 0) {
        close(watch->inotify);
        watch->inotify = -1;
    }
}

/* When an age changes, if one is to be seen. */
static int
next_tick(const Watch *watch)
{
    size_t count = vmmiRecordListGetCount(watch->records);
    uint64_t youngest = G_MAXUINT64;

    for (size_t i = 0; i < count; i++) {
        View view = view_at(watch, i);

        youngest = MIN(youngest, view_age_ms(&view));
    }
    if (!watch->screen.up || count == 0)
        return -1;
    return (int)(youngest < 60000 ? 1000 - youngest % 1000 : 60000 - youngest % 60000);
}

static int
time_left(const Watch *watch)
{
    uint64_t since = now_ms() - watch->shown_ms;
    int tick;

    if (watch->stale || watch->dirty)
        return since < CALM_MS ? (int)(CALM_MS - since) : 0;
    tick = next_tick(watch);
    if (watch->blind || watch->inotify < 0)
        return tick < 0 ? LOOK_AGAIN_MS : MIN(tick, LOOK_AGAIN_MS);
    return tick;
}

static void
read_signals(Watch *watch)
{
    int number;

    while ((number = signals_next()) != 0) {
        if (number == SIGTSTP)
            screen_pause(&watch->screen);
        else if (number != SIGWINCH)
            watch->leaving = true;
        watch->dirty = true;
    }
}

static void
read_inotify(Watch *watch)
{
    char buffer[4096] __attribute__((aligned(8)));

    while (read(watch->inotify, buffer, sizeof(buffer)) > 0)
        watch->stale = true;
}

static int
turn(Watch *watch, vmmiError **err)
{
    struct pollfd fds[3] = {
        { .fd = vmmiManagerGetFd(watch->list->opened.manager), .events = POLLIN },
        { .fd = signals_fd(), .events = POLLIN },
        { .fd = watch->inotify, .events = POLLIN },
    };
    int got = poll(fds, 3, time_left(watch));

    if (got < 0 && errno != EINTR)
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "cannot poll: %s", g_strerror(errno));
    read_signals(watch);
    if (watch->inotify >= 0)
        read_inotify(watch);
    if (got == 0) {
        watch->dirty = true;
        watch->stale = watch->stale || watch->blind || watch->inotify < 0;
    }
    if (vmmiManagerDispatch(watch->list->opened.manager, err) < 0)
        return -1;
    if (now_ms() - watch->shown_ms < CALM_MS)
        return 0;
    if (watch->stale && read_records(watch, err) < 0)
        return -1;
    if (watch->dirty)
        show(watch);
    return 0;
}

static void
unref_migration(void *migration)
{
    vmmiMigrationUnref(migration);
}

static void
watch_clear(Watch *watch)
{
    g_hash_table_unref(watch->followed);
    g_hash_table_unref(watch->shown);
    vmmiRecordListFree(watch->records);
    g_free(watch->broken);
    if (watch->inotify >= 0)
        close(watch->inotify);
}

ExitCode
list_watch(List *list)
{
    Watch watch = { .list = list };
    vmmiError *error = NULL;
    ExitCode code = EXIT_DONE;
    int done;

    watch.followed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_migration);
    watch.shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    signals_catch();
    watch_folder(&watch);
    done = read_records(&watch, &error);
    if (done == 0 && !list->opened.common->json)
        screen_open(&watch.screen);
    if (done == 0)
        show(&watch);
    while (done == 0 && !watch.leaving)
        done = turn(&watch, &error);
    screen_close(&watch.screen);
    if (done < 0)
        code = open_report(&list->opened, error);
    vmmiErrorFree(error);
    watch_clear(&watch);
    return code;
}
