/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-blind.c: watching a simulated world when the user has no inotify instance left. A program of its own: it enters a user
 * namespace in which there is none.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/inotify.h>

#include <glib/gstdio.h>

#include "driver/connect.h"
#include "util/cleanup.h"
#include "util/file.h"

#define DEADLINE_MS 20000

static gint told, ended, code; /* atomic */

static void
on_event(const vmmiEvent *event, void *opaque G_GNUC_UNUSED)
{
    if (event->type == VMMI_EVENT_GUEST)
        g_atomic_int_inc(&told);
}

static void
on_done(const vmmiError *error, void *opaque G_GNUC_UNUSED)
{
    g_atomic_int_set(&code, vmmiErrorGetCode(error));
    g_atomic_int_inc(&ended);
}

static bool
wait_for(gint *counter)
{
    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;

    while (!g_atomic_int_get(counter) && g_get_monotonic_time() < deadline)
        g_usleep(2000);
    return g_atomic_int_get(counter) > 0;
}

/* Whether this process can no longer have an inotify instance. */
static bool
go_blind(void)
{
    vmmi_autofd int limit = -1;
    vmmi_autofd int probe = -1;

    if (unshare(CLONE_NEWUSER) < 0)
        return false;
    limit = open("/proc/sys/user/max_inotify_instances", O_WRONLY | O_CLOEXEC);
    if (limit < 0 || vmmiFileWriteFull(limit, "0", 1) < 0)
        return false;
    probe = inotify_init1(IN_CLOEXEC);
    return probe < 0;
}

/* What others do is seen all the same: here through a second connection. */
static void
test_blind(void)
{
    g_autofree char *run = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *file = g_strdup_printf("%s/world.json", run);
    g_autofree char *lock = g_strdup_printf("%s.lock", file);
    g_autofree char *uri = g_strdup_printf("sim:///?file=%s", file);
    g_autofree char *destination = g_strdup_printf("sim:///destination?file=%s", file);
    vmmiMigrateRequest request = { .size = sizeof(request), .destination_uri = destination };
    vmmiConnect *watcher, *actor;
    vmmiGuestInfo info;
    void *watch = NULL;

    if (!go_blind()) {
        g_test_skip("needs a user namespace without inotify");
        g_rmdir(run);
        return;
    }
    watcher = vmmiConnectOpen(uri, NULL, 0, NULL);
    actor = vmmiConnectOpen(uri, NULL, 0, NULL);
    g_assert_cmpint(vmmiGuestLookup(watcher, "guest3", &info, NULL), ==, 0);
    request.uuid = info.uuid;
    g_assert_cmpint(vmmiCallGuestMonitor(watcher, info.uuid, on_event, NULL, NULL, &watch, NULL),
                    ==, 0);
    g_assert_cmpint(vmmiCallMigrationPerform(watcher, &request, on_done, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(vmmiGuestStop(actor, info.uuid, NULL), ==, 0);
    g_assert_true(wait_for(&ended));
    g_assert_cmpint(g_atomic_int_get(&code), ==, VMMI_ERR_GUEST_DISAPPEARED);
    g_assert_true(wait_for(&told));
    vmmiConnectUnref(watcher);
    vmmiConnectUnref(actor);
    g_remove(file);
    g_remove(lock);
    g_rmdir(run);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/sim/watch/without-inotify", test_blind);
    return g_test_run();
}
