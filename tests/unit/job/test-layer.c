/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-layer.c: a local source's plugins are reached through the core's own layer.
 */
#include <signal.h>
#include <sys/stat.h>

#include "driver/connect.h"
#include "plugin/launch-scope.h"
#include "support.h"

typedef struct {
    unsigned int found, shadowed, refused;
} Counts;

static void
count(const char *name, const char *path, bool shadowed, const vmmiError *refusal, void *opaque)
{
    Counts *counts = opaque;

    g_assert_nonnull(name);
    g_assert_nonnull(path);
    counts->found++;
    counts->shadowed += shadowed;
    counts->refused += refusal != NULL;
}

static vmmiConnect *
open_world(const Fixture *fixture)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiConnect *connect;

    g_setenv("VMMI_RUN_DIR", fixture->path, TRUE);
    connect = vmmiConnectOpen("sim:///source", NULL, 0, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    return connect;
}

static void
test_slots(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_world(fixture);
    const char *name, *layer;
    unsigned int served = 0;

    for (size_t i = 0; connect && vmmiConnectGetCall(connect, i, &name, &layer, NULL); i++) {
        if (!g_str_has_prefix(name, "plugin_"))
            continue;
        /* On a machine with systemd the core has a layer more. */
        if (g_str_equal(name, "plugin_launch") &&
            vmmiPluginScopeApplies(connect, VMMI_LOCALITY_LOCAL))
            g_assert_cmpstr(layer, ==, "systemd scope");
        else
            g_assert_cmpstr(layer, ==, "local");
        served++;
    }
    g_assert_cmpuint(served, ==, 3);
}

static void
test_list(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_world(fixture);
    g_autofree char *good G_GNUC_UNUSED = write_script(fixture, "good", "exit 0");
    g_autofree char *bad = write_script(fixture, "bad", "exit 0");
    Counts counts = { 0 };

    g_assert_cmpint(chmod(bad, 0777), ==, 0);
    g_setenv("VMMI_PLUGIN_PATH", fixture->top, TRUE);
    g_assert_cmpint(vmmiCallPluginList(connect, count, &counts, NULL), ==, 0);
    g_unsetenv("VMMI_PLUGIN_PATH");
    g_assert_cmpuint(counts.found, >=, 2);
    g_assert_cmpuint(counts.refused, >=, 1);
}

static void
test_launch(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiConnect) connect = open_world(fixture);
    g_autofree char *script = write_script(fixture, "plugin", "echo ready; exec sleep 20");
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    const char *const arguments[] = { "plugin", NULL };
    const char *const environment[] = { "PATH=/usr/bin:/bin", NULL };
    const vmmiLaunchRequest request = {
        .size = sizeof(request),
        .plugin_path = script,
        .arguments = arguments,
        .environment = environment,
        .job_dir = vmmiJobGetPath(job),
    };
    vmmiJobResult result;

    g_assert_cmpint(vmmiCallPluginLaunch(connect, &request, NULL), ==, 0);
    vmmiJobCommit(job);
    g_assert_true(wait_for_output(job, "ready"));
    g_assert_cmpint(vmmiCallPluginSignal(connect, vmmiJobGetPath(job), SIGTERM, NULL), ==, 0);
    result = wait_for_end(job);
    g_assert_cmpint(result.kind, ==, VMMI_EXIT_KILLED);
    g_assert_cmpint(result.value, ==, SIGTERM);
    g_assert_cmpint(vmmiCallPluginSignal(connect, vmmiJobGetPath(job), SIGTERM, NULL), ==, -1);
    g_assert_cmpint(vmmiCallPluginSignal(connect, "/nowhere", SIGTERM, NULL), ==, -1);
}

#define TEST(name, func) ADD_FIXTURE("/layer/" name, func, NULL)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    TEST("slots", test_slots);
    TEST("list", test_list);
    TEST("launch", test_launch);
    return g_test_run();
}
