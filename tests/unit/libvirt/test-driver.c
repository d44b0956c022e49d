/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-driver.c: the whole driver on libvirt's own test driver, and on a host that never answers.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include "driver/connect.h"
#include "util/cleanup.h"
#include "../rows.h"

#define TEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

static vmmiConnect *
open_test(vmmiEventsMode events)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    g_autoptr(vmmiError) error = NULL;
    vmmiConnect *connect;

    options.events = events;
    connect = vmmiConnectOpen("test:///default", &options, 0, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    return connect;
}

static const struct {
    const char *name, *selector;
    int code;
} selectors[] = {
    { "uuid", TEST_UUID, VMMI_ERR_OK },
    { "name", "test", VMMI_ERR_OK },
    { "id", "1", VMMI_ERR_OK },
    { "forced-uuid", "uuid:" TEST_UUID, VMMI_ERR_OK },
    { "forced-name", "name:test", VMMI_ERR_OK },
    { "forced-id", "id:1", VMMI_ERR_OK },
    { "no-name", "nobody", VMMI_ERR_GUEST_UNKNOWN },
    { "no-id", "99", VMMI_ERR_GUEST_UNKNOWN },
    { "no-uuid", "01234567-89ab-cdef-0123-456789abcdef", VMMI_ERR_GUEST_UNKNOWN },
    { "id-is-no-name", "name:1", VMMI_ERR_GUEST_UNKNOWN },
    { "name-is-no-id", "id:test", VMMI_ERR_GUEST_UNKNOWN },
    { "bad-uuid", "uuid:test", VMMI_ERR_GUEST_UNKNOWN },
    { "negative-id", "id:-1", VMMI_ERR_GUEST_UNKNOWN },
    { "huge-id", "id:99999999999999999999", VMMI_ERR_GUEST_UNKNOWN },
};

static void
test_lookup(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiConnect) connect = open_test(VMMI_EVENTS_NONE);
    g_autoptr(vmmiError) error = NULL;
    vmmiGuestInfo info = { .id = 77 };

    g_assert_cmpint(vmmiGuestLookup(connect, selectors[row].selector, &info, &error), ==,
                    selectors[row].code ? -1 : 0);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, selectors[row].code);
    if (selectors[row].code) {
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), selectors[row].selector));
        g_assert_cmpint(info.id, ==, 77);
        return;
    }
    g_assert_cmpstr(info.uuid, ==, TEST_UUID);
    g_assert_cmpstr(info.name, ==, "test");
    g_assert_cmpint(info.id, ==, 1);
    g_assert_cmpint(info.state, ==, VMMI_GUEST_RUNNING);
    g_assert_cmpint(info.job, ==, VMMI_JOB_NONE);
    g_assert_true(info.persistent);
}

static void
assert_state(vmmiConnect *connect, vmmiGuestState state, vmmiGuestReason reason)
{
    vmmiGuestInfo info;

    g_assert_cmpint(vmmiGuestGetInfo(connect, TEST_UUID, &info, NULL), ==, 0);
    g_assert_cmpint(info.state, ==, state);
    g_assert_cmpint(info.reason, ==, reason);
}

static void
test_states(void)
{
    g_autoptr(vmmiConnect) connect = open_test(VMMI_EVENTS_NONE);
    g_autoptr(vmmiError) error = NULL;
    vmmiGuestInfo info;

    g_assert_cmpint(vmmiGuestSuspend(connect, TEST_UUID, NULL), ==, 0);
    assert_state(connect, VMMI_GUEST_PAUSED, VMMI_REASON_USER);
    g_assert_cmpint(vmmiGuestResume(connect, TEST_UUID, NULL), ==, 0);
    assert_state(connect, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER);
    g_assert_cmpint(vmmiGuestStop(connect, TEST_UUID, NULL), ==, 0);
    assert_state(connect, VMMI_GUEST_SHUTOFF, VMMI_REASON_DESTROYED);
    g_assert_cmpint(vmmiGuestStop(connect, TEST_UUID, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_STATE);
    g_assert_cmpstr(vmmiErrorGetOrigin(error), ==, "libvirt");
    g_assert_nonnull(strstr(vmmiErrorGetDetails(error), "code 55"));
    g_assert_cmpint(vmmiGuestStart(connect, TEST_UUID, NULL), ==, 0);
    assert_state(connect, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER);
    g_assert_cmpint(vmmiGuestGetInfo(connect, "01234567-89ab-cdef-0123-456789abcdef", &info, NULL),
                    ==, 0);
    g_assert_cmpint(info.state, ==, VMMI_GUEST_ABSENT);
    g_assert_cmpint(vmmiCallPing(connect, NULL), ==, 0);
}

/* Which layer serves which call, with events and without. */
static const char *
layer_of(const vmmiConnect *connect, const char *call)
{
    const char *name, *layer;

    for (size_t i = 0; vmmiConnectGetCall(connect, i, &name, &layer, NULL); i++) {
        if (g_str_equal(name, call))
            return layer;
    }
    return "no such call";
}

static void
test_layers(void)
{
    g_autoptr(vmmiConnect) without = open_test(VMMI_EVENTS_NONE);
    g_autoptr(vmmiConnect) with = open_test(VMMI_EVENTS_OWN);

    g_assert_cmpstr(vmmiConnectGetDriver(with), ==, "libvirt");
    g_assert_cmpstr(vmmiConnectGetWorld(with), ==, "libvirt");
    g_assert_true(vmmiConnectIsLocal(with));
    g_assert_cmpstr(layer_of(with, "guest_lookup"), ==, "libvirt");
    g_assert_cmpstr(layer_of(with, "guest_monitor"), ==, "libvirt-events");
    g_assert_null(layer_of(without, "guest_monitor"));
}

/* --- watching --- */

typedef struct {
    GMutex lock;
    GCond changed;
    int paused, running, freed;
} Seen;

static void
on_event(const vmmiEvent *event, void *opaque)
{
    Seen *seen = opaque;

    g_mutex_lock(&seen->lock);
    g_assert_cmpuint(event->size, ==, sizeof(*event));
    g_assert_cmpint(event->type, ==, VMMI_EVENT_GUEST);
    g_assert_cmpuint(event->boottime_ms, >, 0);
    if (event->guest_state == VMMI_GUEST_PAUSED)
        seen->paused++;
    else if (event->guest_state == VMMI_GUEST_RUNNING)
        seen->running++;
    g_cond_broadcast(&seen->changed);
    g_mutex_unlock(&seen->lock);
}

static void
on_free(void *opaque)
{
    Seen *seen = opaque;

    g_mutex_lock(&seen->lock);
    seen->freed++;
    g_cond_broadcast(&seen->changed);
    g_mutex_unlock(&seen->lock);
}

static void
seen_wait(Seen *seen, const int *figure, int wanted)
{
    gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

    g_mutex_lock(&seen->lock);
    while (*figure < wanted && g_cond_wait_until(&seen->changed, &seen->lock, until))
        ;
    g_assert_cmpint(*figure, ==, wanted);
    g_mutex_unlock(&seen->lock);
}

/* Two who watch one guest both hear; one who has ended hears nothing; each is freed once. */
static void
test_monitor(void)
{
    vmmiConnect *connect = open_test(VMMI_EVENTS_OWN);
    Seen first = { .paused = 0 }, second = { .paused = 0 };
    void *one = NULL, *two = NULL;

    g_assert_cmpint(vmmiCallGuestMonitor(connect, TEST_UUID, on_event, &first, on_free, &one, NULL),
                    ==, 0);
    g_assert_cmpint(vmmiCallGuestMonitor(connect, TEST_UUID, on_event, &second, on_free, &two,
                                         NULL), ==, 0);
    g_assert_cmpint(vmmiGuestSuspend(connect, TEST_UUID, NULL), ==, 0);
    seen_wait(&first, &first.paused, 1);
    seen_wait(&second, &second.paused, 1);
    vmmiCallGuestUnmonitor(connect, one);
    seen_wait(&first, &first.freed, 1);
    g_assert_cmpint(vmmiGuestResume(connect, TEST_UUID, NULL), ==, 0);
    seen_wait(&second, &second.running, 1);
    g_assert_cmpint(first.running, ==, 0);
    /* Closing ends what still watches. */
    g_assert_cmpint(second.freed, ==, 0);
    vmmiConnectUnref(connect);
    seen_wait(&second, &second.freed, 1);
    g_assert_cmpint(first.freed, ==, 1);
}

static void
test_monitor_refused(void)
{
    g_autoptr(vmmiConnect) with = open_test(VMMI_EVENTS_OWN);
    g_autoptr(vmmiConnect) without = open_test(VMMI_EVENTS_NONE);
    g_autoptr(vmmiError) error = NULL;
    Seen seen = { .paused = 0 };
    void *watch = NULL;

    g_assert_cmpint(vmmiCallGuestMonitor(with, "01234567-89ab-cdef-0123-456789abcdef", on_event,
                                         &seen, on_free, &watch, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_UNKNOWN);
    g_assert_cmpint(seen.freed, ==, 1);
    vmmiErrorClear(&error);
    g_assert_cmpint(vmmiCallGuestMonitor(without, TEST_UUID, on_event, &seen, on_free, &watch,
                                         &error), ==,
                    -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
    g_assert_cmpint(seen.freed, ==, 2);
    g_assert_null(watch);
}

/* --- migrating: libvirt's test driver refuses each mode --- */

typedef struct {
    Seen seen;
    int code;
    int done;
} Done;

static void
on_done(const vmmiError *error, void *opaque)
{
    Done *done = opaque;

    g_mutex_lock(&done->seen.lock);
    done->code = vmmiErrorGetCode(error);
    g_assert_cmpstr(vmmiErrorGetOrigin(error), ==, "libvirt");
    done->done++;
    g_mutex_unlock(&done->seen.lock);
}

static void
test_perform(gconstpointer data)
{
    vmmiMode mode = (vmmiMode)GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiConnect) connect = open_test(VMMI_EVENTS_NONE);
    vmmiMigrateRequest request = { .size = sizeof(request), .mode = mode, .uuid = TEST_UUID };
    Done done = { .code = 0 };

    request.destination_uri = "test:///default";
    g_assert_cmpint(vmmiCallMigrationPerform(connect, &request, on_done, &done, on_free, NULL), ==,
                    0);
    seen_wait(&done.seen, &done.seen.freed, 1);
    g_assert_cmpint(done.done, ==, 1);
    g_assert_cmpint(done.code, ==, VMMI_ERR_NOT_SUPPORTED);
}

static void
test_perform_refused(void)
{
    g_autoptr(vmmiConnect) connect = open_test(VMMI_EVENTS_NONE);
    vmmiMigrateRequest request = { .size = sizeof(request), .uuid = TEST_UUID };
    g_autoptr(vmmiError) error = NULL;
    Done done = { .code = 0 };

    g_assert_cmpint(vmmiCallMigrationPerform(connect, &request, on_done, &done, on_free, &error),
                    ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    g_assert_cmpint(done.done, ==, 0);
    g_assert_cmpint(done.seen.freed, ==, 1);
}

static void
test_no_job(void)
{
    g_autoptr(vmmiConnect) connect = open_test(VMMI_EVENTS_NONE);
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiCallMigrationTune(connect, TEST_UUID, VMMI_TUNE_DOWNTIME_MS, 0, &error), ==,
                    -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error),
                            "the downtime limit (ms) must be 1..2000000, got 0"));
    vmmiErrorClear(&error);
    g_assert_cmpint(vmmiCallMigrationTune(connect, TEST_UUID, (vmmiTunable)9, 1, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    vmmiErrorClear(&error);
    g_assert_cmpint(vmmiCallMigrationTune(connect, TEST_UUID, VMMI_TUNE_DOWNTIME_MS, 9, &error), ==,
                    -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
    vmmiErrorClear(&error);
    g_assert_cmpint(vmmiCallMigrationAbort(connect, TEST_UUID, false, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
}

/* --- hosts that do not answer --- */

static const struct {
    const char *name, *uri;
    int code;
} unreachable[] = {
    { "no-socket", "qemu+unix:///system?socket=/nonexistent/socket", VMMI_ERR_CONNECT },
    { "no-listener", "qemu+tcp://127.0.0.1:1/system", VMMI_ERR_CONNECT },
};

/* libvirt prints its errors on standard error unless it is told not to. */
static void
test_unreachable(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("");
        return;
    }
    g_assert_null(vmmiConnectOpen(unreachable[row].uri, NULL, 0, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, unreachable[row].code);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), unreachable[row].uri));
}

/* Takes connections and never says a word. */
static void
test_hung(void)
{
    g_autofree char *dir = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "socket", NULL);
    g_autofree char *uri = g_strdup_printf("qemu+unix:///system?socket=%s", path);
    vmmi_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;

    options.open_timeout_ms = 50;
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(fd, 10), ==, 0);
    for (int i = 0; i < 3; i++) {
        g_autoptr(vmmiError) error = NULL;

        options.events = i == 0 ? VMMI_EVENTS_OWN : VMMI_EVENTS_NONE;
        g_assert_null(vmmiConnectOpen(uri, &options, 0, &error));
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_TIMEOUT);
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "no answer within 50 ms"));
    }
    unlink(path);
    rmdir(dir);
}

/* --- many at a time --- */

static gpointer
ask_often(gpointer data)
{
    vmmiConnect *connect = data;
    int failures = 0;

    for (int i = 0; i < 50; i++) {
        vmmiGuestInfo info;

        failures += vmmiGuestLookup(connect, i % 2 ? "test" : TEST_UUID, &info, NULL) < 0;
        failures += vmmiGuestGetInfo(connect, TEST_UUID, &info, NULL) < 0;
        failures += vmmiGuestLookup(connect, "nobody", &info, NULL) == 0;
    }
    return GINT_TO_POINTER(failures);
}

static void
test_threads(void)
{
    g_autoptr(vmmiConnect) connect = open_test(VMMI_EVENTS_OWN);
    GThread *threads[8];

    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("asker", ask_often, connect);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, 0);
}

static void
test_open_and_close(void)
{
    for (int i = 0; i < 50; i++) {
        vmmiConnect *connect = open_test(i % 2 ? VMMI_EVENTS_OWN : VMMI_EVENTS_NONE);

        if (i % 3 == 0)
            ask_often(connect);
        vmmiConnectUnref(connect);
    }
}

static void
add_rows(void)
{
    ADD_ROWS("/libvirt/lookup/", selectors, test_lookup);
    ADD_ROWS("/libvirt/unreachable/", unreachable, test_unreachable);
    for (int i = 0; i < VMMI_MODE_LAST; i++) {
        g_autofree char *path = g_strdup_printf("/libvirt/perform/%s",
                                                vmmiModeToString((vmmiMode)i));

        g_test_add_data_func(path, GSIZE_TO_POINTER((size_t)i), test_perform);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    add_rows();
    g_test_add_func("/libvirt/states", test_states);
    g_test_add_func("/libvirt/layers", test_layers);
    g_test_add_func("/libvirt/monitor/two", test_monitor);
    g_test_add_func("/libvirt/monitor/refused", test_monitor_refused);
    g_test_add_func("/libvirt/perform/refused", test_perform_refused);
    g_test_add_func("/libvirt/no-job", test_no_job);
    g_test_add_func("/libvirt/threads", test_threads);
    g_test_add_func("/libvirt/open-and-close", test_open_and_close);
    g_test_add_func("/libvirt/hung", test_hung);
    return g_test_run();
}
