/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-tool.c: starts a plugin as a manager does, and tells what is left of jobs: for tests in
 * Python.
 *
 * Usage: job-tool start RUN-DIR PLUGIN [NAME=VALUE]...   makes a job and launches it, then ends
 *        job-tool look RUN-DIR                           removes garbage, describes every job
 *        job-tool signal RUN-DIR NUMBER                  sends a signal to every plugin
 *
 * The pairs are the environment of shim and plugin. Each prints one JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "message/json.h"
#include "plugin/job.h"
#include "plugin/launch-local.h"
#include "util/cleanup.h"
#include "util/error.h"

#define UUID "6d1b9c9e-0c3f-4d53-9b35-1f6f1e2b7a10"
#define CONFIG "{}"
/* In our own environment: what exists in the job before the shim does; how long a launch may take.
 */
#define BLOCKER "VMMI_TEST_BLOCK"
#define TIMEOUT "VMMI_TEST_TIMEOUT_MS"

static void
print(json_t *object)
{
    g_autofree char *text = vmmiJsonWrite(object, false);

    if (!*text)
        abort(); /* there was no memory for it */
    printf("%s\n", text);
    json_decref(object);
}

static int
fail(const vmmiError *error)
{
    print(json_pack("{s:i, s:s, s:s}", "code", vmmiErrorGetCode(error), "message",
                    vmmiErrorGetMessage(error), "details", vmmiErrorGetDetails(error)));
    return 1;
}

static void
block(const vmmiJob *job)
{
    const char *name = g_getenv(BLOCKER);
    g_autofree char *path = name ? g_build_filename(vmmiJobGetPath(job), name, NULL) : NULL;

    if (path)
        mkdir(path, 0700);
}

static int
launch(vmmiJob *job, char **arguments, vmmiError **err)
{
    g_autofree char *own = g_strconcat(VMMI_JOB_ENV "=", vmmiJobGetPath(job), NULL);
    g_autoptr(GPtrArray) environment = g_ptr_array_new();
    const char *const own_arguments[] = { "fake", vmmiJobGetPath(job), NULL };
    const char *timeout = g_getenv(TIMEOUT);
    vmmiLaunchRequest request = { .size = sizeof(request),
                                  .plugin_path = arguments[0],
                                  .arguments = own_arguments,
                                  .job_dir = vmmiJobGetPath(job),
                                  .timeout_ms = timeout ? (unsigned int)atoi(timeout) : 0 };

    g_ptr_array_add(environment, (gpointer) "PATH=/usr/bin:/bin");
    g_ptr_array_add(environment, own);
    for (int i = 1; arguments[i]; i++)
        g_ptr_array_add(environment, arguments[i]);
    g_ptr_array_add(environment, NULL);
    request.environment = (const char *const *)environment->pdata;
    block(job);
    return vmmiLaunchLocal(&request, err);
}

static int
start(vmmiRunDir *run, char **arguments)
{
    const vmmiJobRecord record = { .plugin = "fake", .world = "test", .guest_uuid = UUID };
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiJob) job = vmmiJobCreate(run, &record, CONFIG, strlen(CONFIG), &error);

    if (!job)
        return fail(error);
    if (launch(job, arguments, &error) < 0) {
        vmmiJobDiscard(job);
        return fail(error);
    }
    vmmiJobCommit(job);
    print(json_pack("{s:i, s:s, s:s}", "code", 0, "id", vmmiJobGetId(job), "path",
                    vmmiJobGetPath(job)));
    return 0;
}

static json_t *
describe(vmmiJob *job)
{
    vmmiJobLiveness liveness = { 0 };
    vmmiJobResult result = { 0 };
    g_autoptr(vmmiError) error = NULL;
    int ended;

    if (vmmiJobGetLiveness(job, &liveness, &error) < 0 ||
        (ended = vmmiJobReadResult(job, &result, &error)) < 0)
        return json_pack("{s:s}", "error", vmmiErrorGetMessage(error));
    return json_pack("{s:s, s:s, s:i, s:i, s:b, s:s, s:i, s:s, s:i, s:i}", "path",
                     vmmiJobGetPath(job), "phase", vmmiPhaseToString(liveness.phase), "shimPid",
                     (int)liveness.shim_pid, "pluginPid", (int)liveness.plugin_pid, "ended", ended,
                     "kind", ended ? vmmiExitKindToString(result.kind) : "", "value", result.value,
                     "stage", result.stage, "errno", result.launch_errno, "stoppedSignal",
                     result.stopped_signal);
}

static int
look(vmmiRunDir *run)
{
    g_autoptr(vmmiError) error = NULL;
    g_auto(GStrv) ids = NULL;
    json_t *jobs = json_object();

    vmmiRunDirClean(run);
    ids = vmmiRunDirListJobs(run, &error);
    for (size_t i = 0; ids && ids[i]; i++) {
        g_autoptr(vmmiJob) job = vmmiJobOpen(run, ids[i], &error);

        if (!job)
            break;
        json_object_set_new(jobs, ids[i], describe(job));
    }
    if (error) {
        json_decref(jobs);
        return fail(error);
    }
    print(jobs);
    return 0;
}

/* To the plugins of all jobs. */
static int
send_signal(vmmiRunDir *run, const char *number)
{
    g_autoptr(vmmiError) error = NULL;
    g_auto(GStrv) ids = vmmiRunDirListJobs(run, &error);

    for (size_t i = 0; ids && ids[i]; i++) {
        g_autoptr(vmmiJob) job = vmmiJobOpen(run, ids[i], &error);

        if (!job || vmmiJobSignal(job, atoi(number), &error) < 0)
            break;
    }
    if (error)
        return fail(error);
    print(json_pack("{s:i}", "code", 0));
    return 0;
}

int
main(int argc, char **argv)
{
    g_autoptr(vmmiError) error = NULL;
    vmmiRunDir *run = NULL;
    int status = 2;

    if (argc < 3) {
        fprintf(stderr, "job-tool: start RUN-DIR PLUGIN [NAME=VALUE]... | look RUN-DIR | signal "
                        "RUN-DIR NUMBER\n");
        return 2;
    }
    run = vmmiRunDirOpen(argv[2], &error);
    if (!run)
        return fail(error);
    if (argc > 3 && strcmp(argv[1], "start") == 0)
        status = start(run, argv + 3);
    else if (strcmp(argv[1], "look") == 0)
        status = look(run);
    else if (argc > 3 && strcmp(argv[1], "signal") == 0)
        status = send_signal(run, argv[3]);
    vmmiRunDirUnref(run);
    return status;
}
