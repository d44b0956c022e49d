/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * support.c: what the tests of jobs share.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/launch-local.h"
#include "util/clock.h"

#define DEADLINE_MS 20000

void
fixture_set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiError) error = NULL;

    fixture->top = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->top, "run", NULL);
    fixture->run = vmmiRunDirOpen(fixture->path, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_nonnull(fixture->run);
}

void
fixture_tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vmmiRunDirUnref(fixture->run);
    remove_tree(fixture->top);
    g_free(fixture->path);
    g_free(fixture->top);
}

vmmiJob *
make_job(const Fixture *fixture, const char *uuid)
{
    const vmmiJobRecord record = {
        .plugin = "fake", .world = "test", .guest_uuid = uuid, .guest_name = "guest"
    };
    g_autoptr(vmmiError) error = NULL;
    vmmiJob *job = vmmiJobCreate(fixture->run, &record, CONFIG, strlen(CONFIG), &error);

    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_nonnull(job);
    return job;
}

char *
write_script(const Fixture *fixture, const char *name, const char *body)
{
    char *path = g_build_filename(fixture->top, name, NULL);
    g_autofree char *text = g_strconcat("#!/bin/sh\n", body, "\n", NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, 0700), ==, 0);
    return path;
}

int
launch_script(vmmiJob *job, const char *script, vmmiError **err)
{
    g_autofree char *own = g_strdup_printf(VMMI_JOB_ENV "=%s", vmmiJobGetPath(job));
    const char *const arguments[] = { "fake", vmmiJobGetPath(job), NULL };
    const char *const environment[] = { "PATH=/usr/bin:/bin", own, NULL };
    const vmmiLaunchRequest request = {
        .size = sizeof(request),
        .plugin_path = script,
        .arguments = arguments,
        .environment = environment,
        .job_dir = vmmiJobGetPath(job),
    };

    return vmmiLaunchLocal(&request, err);
}

vmmiJob *
start_script(const Fixture *fixture, const char *body)
{
    g_autofree char *script = write_script(fixture, "plugin", body);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    int launched = launch_script(job, script, &error);

    if (launched < 0) {
        g_print("Bail out! %s\n", vmmiErrorGetMessage(error));
        exit(1);   /* no test behind this could say anything */
    }
    vmmiJobCommit(job);
    return g_steal_pointer(&job);
}

bool
wait_until(bool (*condition)(void *opaque), void *opaque)
{
    uint64_t deadline = vmmiClockBoottimeMs() + DEADLINE_MS;

    while (!condition(opaque)) {
        if (vmmiClockBoottimeMs() > deadline)
            return false;
        g_usleep(1000);
    }
    return true;
}

typedef struct {
    vmmiJob *job;
    vmmiPhase phase;
    const char *text;
    vmmiJobResult result;
} Wanted;

static bool
has_ended(void *opaque)
{
    Wanted *wanted = opaque;

    return vmmiJobReadResult(wanted->job, &wanted->result, NULL) != 0;
}

static bool
has_phase(void *opaque)
{
    Wanted *wanted = opaque;
    vmmiJobLiveness liveness;

    return vmmiJobGetLiveness(wanted->job, &liveness, NULL) == 0 && liveness.phase == wanted->phase;
}

static bool
has_output(void *opaque)
{
    Wanted *wanted = opaque;
    g_autofree char *text = read_output(wanted->job);

    return strstr(text, wanted->text) != NULL;
}

vmmiJobResult
wait_for_end(vmmiJob *job)
{
    Wanted wanted = { .job = job };

    g_assert_true(wait_until(has_ended, &wanted));
    return wanted.result;
}

bool
wait_for_phase(vmmiJob *job, vmmiPhase phase)
{
    Wanted wanted = { .job = job, .phase = phase };

    return wait_until(has_phase, &wanted);
}

bool
wait_for_output(vmmiJob *job, const char *text)
{
    Wanted wanted = { .job = job, .text = text };

    return wait_until(has_output, &wanted);
}

char *
read_output(vmmiJob *job)
{
    char *text = NULL;
    size_t length = 0;

    if (vmmiJobReadStream(job, VMMI_JOB_STDOUT, 0, 65536, &text, &length, NULL, NULL) < 0)
        return g_strdup("");
    return text;
}

static int
compare_names(gconstpointer left, gconstpointer right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

char *
list_names(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(" ", (char **)names->pdata);
}
