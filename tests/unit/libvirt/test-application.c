/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-application.c: an application that uses libvirt itself: it runs libvirt's event loop and has an
 * error handler of its own, and keeps both.
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "driver/connect.h"
#include "util/cleanup.h"

#define TEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

typedef struct {
    bool paused, freed;
    GThread *thread;   /* where the event came */
} Seen;

static int errors;

static void
on_error(void *opaque G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
    errors++;
}

static void
on_event(const vmmiEvent *event, void *opaque)
{
    Seen *seen = opaque;

    seen->paused = event->type == VMMI_EVENT_GUEST && event->guest_state == VMMI_GUEST_PAUSED;
    seen->thread = g_thread_self();
}

static void
on_free(void *opaque)
{
    ((Seen *)opaque)->freed = true;
}

static void
on_timer(int timer G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED)
{
}

/* Turns the loop, here, until something has happened. */
static void
turn_until(const bool *happened)
{
    gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

    while (!*happened && g_get_monotonic_time() < until)
        virEventRunDefaultImpl();
    g_assert_true(*happened);
}

/* Events come on the application's own thread, and only while it turns its loop. */
static void
test_loop(void)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    Seen seen = { .paused = false };
    vmmiConnect *connect;
    void *watch = NULL;

    options.events = VMMI_EVENTS_APPLICATION;
    connect = vmmiConnectOpen("test:///default", &options, 0, NULL);
    g_assert_nonnull(connect);
    g_assert_cmpint(vmmiCallGuestMonitor(connect, TEST_UUID, on_event, &seen, on_free, &watch, NULL),
                    ==, 0);
    g_assert_cmpint(vmmiGuestSuspend(connect, TEST_UUID, NULL), ==, 0);
    g_assert_false(seen.paused);
    turn_until(&seen.paused);
    g_assert_true(seen.thread == g_thread_self());
    g_assert_cmpint(vmmiGuestResume(connect, TEST_UUID, NULL), ==, 0);
    vmmiCallGuestUnmonitor(connect, watch);
    g_assert_true(seen.freed);
    vmmiConnectUnref(connect);
}

static void
test_error_handler(void)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    vmmiConnect *connect;

    options.events = VMMI_EVENTS_APPLICATION;
    errors = 0;
    g_assert_null(vmmiConnectOpen("qemu+unix:///system?socket=/nonexistent/socket", &options, 0,
                                  NULL));
    g_assert_cmpint(errors, ==, 1);
    /* What happens on a connection of the driver is the driver's to tell. */
    connect = vmmiConnectOpen("test:///default", &options, 0, NULL);
    g_assert_cmpint(vmmiGuestResume(connect, TEST_UUID, NULL), ==, -1);
    g_assert_cmpint(errors, ==, 1);
    vmmiConnectUnref(connect);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    virSetErrorFunc(NULL, on_error);
    g_assert_cmpint(virEventRegisterDefaultImpl(), ==, 0);
    /* So that a turn of the loop ends. */
    g_assert_cmpint(virEventAddTimeout(10, on_timer, NULL, NULL), >=, 0);
    g_test_add_func("/libvirt/application/loop", test_loop);
    g_test_add_func("/libvirt/application/error-handler", test_error_handler);
    return g_test_run();
}
