/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * supervise.c: what it costs one manager to follow many migrations at once.
 *
 * Usage: supervise [MIGRATIONS [SECONDS]]
 *
 * Starts that many migrations that never converge, each in a simulated world of its own, and lets
 * go of them. Then a new manager opens them all, as after a restart, and is measured: the time to
 * open, memory, descriptors, threads; and for SECONDS each, CPU time and wake-ups (voluntary
 * context switches of all its threads): while the migrations run, and once they have ended, when
 * nothing happens any more. Needs VMMI_SHIM_PATH and VMMI_PLUGIN_PATH.
 */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "migration/private.h"
#include "util/cleanup.h"

#define MIGRATIONS 100
#define SECONDS 10

typedef struct {
    unsigned int states, samples, ends;
} Counts;

static double
now_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
fail(const char *what, const vmmiError *error)
{
    fprintf(stderr, "supervise: %s: %s\n", what, vmmiErrorGetMessage(error));
    exit(1);
}

static void
count_state(vmmiMigration *migration G_GNUC_UNUSED, vmmiState from G_GNUC_UNUSED,
            vmmiState to G_GNUC_UNUSED, void *opaque)
{
    ((Counts *)opaque)->states++;
}

static void
count_sample(vmmiMigration *migration G_GNUC_UNUSED, const vmmiSample *sample G_GNUC_UNUSED,
             void *opaque)
{
    ((Counts *)opaque)->samples++;
}

static void
count_end(vmmiMigration *migration G_GNUC_UNUSED, const vmmiOutcome *outcome G_GNUC_UNUSED,
          void *opaque)
{
    ((Counts *)opaque)->ends++;
}

/* --- figures of this process -------------------------------------------------------- */

static unsigned long
status_value(const char *path, const char *key)
{
    g_autofree char *text = NULL;
    const char *found;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !(found = strstr(text, key)))
        return 0;
    return strtoul(found + strlen(key), NULL, 10);
}

/* Of all threads, those that ended included. */
static long
wake_ups(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

static unsigned int
descriptors(void)
{
    g_autoptr(DIR) dir = opendir("/proc/self/fd");
    unsigned int count = 0;

    while (dir && readdir(dir))
        count++;
    return count - 3;
}

static void
print_size(const char *when)
{
    printf("%-28s %7lu KiB resident, %4u descriptors, %lu threads\n", when,
           status_value("/proc/self/status", "VmRSS:"), descriptors(),
           status_value("/proc/self/status", "Threads:"));
}

/* Waits and dispatches, as an application would. */
static void
measure(vmmiManager *manager, const char *when, unsigned int seconds, const Counts *counts)
{
    double end = now_ms(CLOCK_MONOTONIC) + seconds * 1e3, cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID);
    long woken = wake_ups();
    Counts before = *counts;

    for (double left; (left = end - now_ms(CLOCK_MONOTONIC)) > 0;) {
        struct pollfd fd = { .fd = vmmiManagerGetFd(manager), .events = POLLIN };

        if (poll(&fd, 1, (int)left + 1) > 0)
            vmmiManagerDispatch(manager, NULL);
    }
    printf("%-28s %.2f %% of a CPU, %.1f wake-ups/s, %.1f samples/s, %u changes of state\n", when,
           (now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (seconds * 10.0),
           (double)(wake_ups() - woken) / seconds,
           (double)(counts->samples - before.samples) / seconds, counts->states - before.states);
}

/* --- migrations --------------------------------------------------------------------- */

static char *
start_one(vmmiManager *manager, unsigned int number)
{
    g_autofree char *uri = g_strdup_printf("sim:///?world=bench-%u", number);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiConnect) connect = vmmiConnectOpen(uri, NULL, 0, &error);
    vmmiMigrationOptions options = VMMI_MIGRATION_OPTIONS_INIT;
    g_autoptr(vmmiMigration) migration = NULL;
    g_autofree char *destination = g_strdup_printf("sim:///destination?world=bench-%u", number);

    options.plugin = "touri";
    options.guest = "guest3";
    options.destination_uri = destination;
    if (connect)
        migration = vmmiMigrationStart(manager, connect, &options, &error);
    if (!migration)
        fail(uri, error);
    return g_strdup(vmmiMigrationGetId(migration));
}

static GPtrArray *
start_all(const char *run, unsigned int count)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiManager) manager = vmmiManagerNew(run, 0, &error);

    if (!manager)
        fail(run, error);
    for (unsigned int i = 0; i < count; i++)
        g_ptr_array_add(ids, start_one(manager, i));
    return ids;
}

static GPtrArray *
open_all(vmmiManager *manager, const GPtrArray *ids, Counts *counts)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)vmmiMigrationUnref);
    const vmmiMigrationCallbacks callbacks = { .size = sizeof(callbacks),
                                               .state = count_state,
                                               .sample = count_sample,
                                               .end = count_end,
                                               .opaque = counts };
    double begin = now_ms(CLOCK_MONOTONIC);
    g_autoptr(vmmiError) error = NULL;

    for (guint i = 0; i < ids->len; i++) {
        vmmiMigration *migration =
            vmmiMigrationOpen(manager, g_ptr_array_index(ids, i), NULL, &error);

        if (!migration || vmmiMigrationWatch(migration, &callbacks, &error) < 0)
            fail("open", error);
        g_ptr_array_add(all, migration);
    }
    vmmiManagerDispatch(manager, NULL);
    printf("%-28s %.1f ms for %u\n", "open, and first dispatch", now_ms(CLOCK_MONOTONIC) - begin,
           ids->len);
    return all;
}

static void
abort_all(const GPtrArray *all)
{
    for (guint i = 0; i < all->len; i++)
        vmmiMigrationAbort(g_ptr_array_index(all, i), NULL);
    for (guint i = 0; i < all->len; i++)
        vmmiMigrationWait(g_ptr_array_index(all, i), 60000, NULL);
}

static void
follow_again(const char *run, const GPtrArray *ids, unsigned int seconds, const char *when,
             bool abort)
{
    g_autoptr(vmmiManager) manager = vmmiManagerNew(run, 0, NULL);
    g_autoptr(GPtrArray) all = NULL;
    Counts counts = { 0 };

    all = open_all(manager, ids, &counts);
    print_size(when);
    measure(manager, when, seconds, &counts);
    if (!abort)
        return;
    abort_all(all);
    printf("%-28s %u of %u\n", "ends told", counts.ends, ids->len);
    measure(manager, "all ended, nothing happens", seconds, &counts);
}

int
main(int argc, char **argv)
{
    unsigned int count = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : MIGRATIONS;
    unsigned int seconds = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : SECONDS;
    g_autofree char *top = g_dir_make_tmp("vmmi-bench-XXXXXX", NULL);
    g_autofree char *run = g_build_filename(top, "run", NULL);
    g_autoptr(GPtrArray) ids = NULL;
    g_autofree char *remove = g_strdup_printf("rm -rf '%s'", top);

    g_setenv("VMMI_RUN_DIR", run, TRUE);
    print_size("nothing followed");
    ids = start_all(run, count);
    follow_again(run, ids, seconds, "running, after a restart", true);
    follow_again(run, ids, seconds, "ended, opened again", false);
    return system(remove) == 0 ? 0 : 1;
}
