/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-scope.c: what a scope of systemd costs a start, and what it costs to know whether one is
 * wanted.
 *
 * Usage: VMMI_SHIM_PATH=SHIM bench-launch-scope [ROUNDS]. Outside of a service it shows the costs of finding
 * that out; tests/systemd/real runs it inside of one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/job.h"
#include "plugin/launch-local.h"
#include "plugin/launch-scope.h"
#include "plugin/launch-survival.h"
#include "util/cleanup.h"

#define PROGRAM "/bin/true"
#define UUID "6d1b9c9e-0c3f-4d53-9b35-1f6f1e2b7a10"
#define LOOKS 1000

static vmmiRunDir *run;

static double
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double
time_start(bool in_scope)
{
    const vmmiJobRecord record = { .plugin = "true", .world = "bench", .guest_uuid = UUID };
    const char *const arguments[] = { PROGRAM, NULL };
    const char *const environment[] = { "PATH=/usr/bin:/bin", NULL };
    const vmmiUnitHost host = vmmiUnitThisHost();
    double begin = now_ms(), took;
    g_autoptr(vmmiJob) job = vmmiJobCreate(run, &record, "{}", 2, NULL);
    const vmmiLaunchRequest request = { .size = sizeof(request),
                                        .plugin_path = PROGRAM,
                                        .arguments = arguments,
                                        .environment = environment,
                                        .job_dir = job ? vmmiJobGetPath(job) : NULL };
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *shown = NULL;
    vmmiJobResult result;
    int done = in_scope ? vmmiLaunchScope(&host, &request, &shown, &error)
                        : vmmiLaunchLocal(&request, &error);

    took = now_ms() - begin;
    if (done < 0) {
        fprintf(stderr, "%s\n", vmmiErrorGetMessage(error));
        exit(1);
    }
    if (shown && *shown)
        fprintf(stderr, "no scope: %s\n", shown);
    vmmiJobCommit(job);
    while (vmmiJobReadResult(job, &result, NULL) == 0)
        g_usleep(500);
    vmmiJobDiscard(job);
    return took;
}

static double
time_look(void)
{
    const vmmiUnitHost host = vmmiUnitThisHost();
    double begin = now_ms();

    for (int i = 0; i < LOOKS; i++) {
        g_auto(vmmiUnit) unit = { false };

        vmmiUnitLook(&host, &unit);
    }
    return (now_ms() - begin) / LOOKS;
}

static double
time_judge(void)
{
    const vmmiUnitHost host = vmmiUnitThisHost();
    double begin = now_ms();
    g_autofree char *reason = NULL;

    vmmiSurvivalJudge(&host, NULL, &reason);
    return now_ms() - begin;
}

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static void
show(const char *name, double *times, size_t count)
{
    qsort(times, count, sizeof(*times), compare);
    printf("%-20s median %7.3f ms, most %7.3f ms\n", name, times[count / 2], times[count - 1]);
}

int
main(int argc, char **argv)
{
    size_t rounds = argc > 1 ? (size_t)MAX(atoi(argv[1]), 1) : 30;
    g_autofree double *plain = g_new0(double, rounds), *scope = g_new0(double, rounds);
    g_autofree double *look = g_new0(double, rounds), *judge = g_new0(double, rounds);
    g_autofree char *top = g_dir_make_tmp("vmmi-bench-XXXXXX", NULL);

    run = vmmiRunDirOpen(top, NULL);
    if (!run)
        return 1;
    for (size_t i = 0; i < rounds; i++) {
        plain[i] = time_start(false);
        scope[i] = time_start(true);
        look[i] = time_look();
        judge[i] = time_judge();
    }
    show("start, no scope", plain, rounds);
    show("start, scope", scope, rounds);
    show("which unit", look, rounds);
    show("survival", judge, rounds);
    vmmiRunDirUnref(run);
    return 0;
}
