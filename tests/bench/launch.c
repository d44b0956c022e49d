/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch.c: how long a large manager is held up by starting a plugin, side by side with other ways.
 *
 * Usage: VMMI_SHIM_PATH=SHIM bench-launch [RESIDENT-MIB [DESCRIPTORS [ROUNDS]]]
 *
 * Every round starts one process in each way, so that all see the same machine. A start ends
 * when the caller may go on: for fork and GSubprocess when the child has executed its program.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <gio/gio.h>

#include "plugin/job.h"
#include "plugin/launch-local.h"
#include "util/cleanup.h"

#define PROGRAM "/bin/true"
#define UUID "6d1b9c9e-0c3f-4d53-9b35-1f6f1e2b7a10"

static const char *const environment[] = { "PATH=/usr/bin:/bin", NULL };
static vmmiRunDir *run;

static double
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
wait_for_end(vmmiJob *job)
{
    vmmiJobResult result;

    while (vmmiJobReadResult(job, &result, NULL) == 0)
        g_usleep(500);
}

static bool
launch(vmmiJob *job)
{
    const char *const arguments[] = { PROGRAM, NULL };
    const vmmiLaunchRequest request = { .size = sizeof(request),
                                        .plugin_path = PROGRAM,
                                        .arguments = arguments,
                                        .environment = environment,
                                        .job_dir = vmmiJobGetPath(job) };
    g_autoptr(vmmiError) error = NULL;

    if (vmmiLaunchLocal(&request, &error) == 0)
        return true;
    fprintf(stderr, "%s\n", vmmiErrorGetMessage(error));
    return false;
}

/* The record, the claim, the shim, the plugin: all that a start does but checks and description. */
static double
time_launch(void)
{
    const vmmiJobRecord record = { .plugin = "true", .world = "bench", .guest_uuid = UUID };
    double begin = now_ms(), took;
    g_autoptr(vmmiJob) job = vmmiJobCreate(run, &record, "{}", 2, NULL);
    bool launched = job && launch(job);

    if (!launched)
        exit(1);
    vmmiJobCommit(job);
    took = now_ms() - begin;
    wait_for_end(job);
    vmmiJobDiscard(job);
    return took;
}

static double
time_fork(void)
{
    char *const arguments[] = { (char *)PROGRAM, NULL };
    double begin = now_ms(), took;
    int ends[2];
    char byte;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        exit(1);
    pid = fork();
    if (pid == 0) {
        execve(PROGRAM, arguments, (char *const *)environment);
        _exit(127);
    }
    close(ends[1]);
    if (read(ends[0], &byte, 1) != 0)
        exit(1);
    took = now_ms() - begin;
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return took;
}

static double
time_subprocess(void)
{
    double begin = now_ms(), took;
    g_autoptr(GSubprocess) child = g_subprocess_new(G_SUBPROCESS_FLAGS_NONE, NULL, PROGRAM, NULL);

    took = now_ms() - begin;
    if (!child)
        exit(1);
    g_subprocess_wait(child, NULL, NULL);
    return took;
}

static const struct {
    const char *name;
    double (*time)(void);
} ways[] = {
    { "libvmmi", time_launch },
    { "fork+exec", time_fork },
    { "GSubprocess", time_subprocess },
};

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static void
occupy(size_t mib, int descriptors)
{
    char *memory = malloc(mib << 20);
    struct rlimit limit = { 0 };

    if (memory)
        memset(memory, 0x5a, mib << 20);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < descriptors; i++) {
        if (open("/dev/null", O_RDONLY) < 0)
            break;
    }
}

int
main(int argc, char **argv)
{
    int mib = argc > 1 ? atoi(argv[1]) : 1024;
    int descriptors = argc > 2 ? atoi(argv[2]) : 0;
    int rounds = argc > 3 ? atoi(argv[3]) : 50;
    g_autofree char *path = g_dir_make_tmp("vmmi-bench-XXXXXX", NULL);
    g_autofree double *times = g_new(double, (size_t)rounds * G_N_ELEMENTS(ways));

    run = vmmiRunDirOpen(path, NULL);
    if (!run || rounds < 1)
        return 1;
    occupy((size_t)mib, descriptors);
    for (int round = 0; round < rounds; round++) {
        for (size_t way = 0; way < G_N_ELEMENTS(ways); way++)
            times[way * (size_t)rounds + (size_t)round] = ways[way].time();
    }
    printf("%d MiB resident, %d descriptors, %d rounds: caller held up, in ms\n", mib, descriptors,
           rounds);
    for (size_t way = 0; way < G_N_ELEMENTS(ways); way++) {
        double *own = times + way * (size_t)rounds;

        qsort(own, (size_t)rounds, sizeof(*own), compare);
        printf("%-12s median %.2f  min %.2f  90%% %.2f  max %.2f\n", ways[way].name,
               own[rounds / 2], own[0], own[rounds * 9 / 10], own[rounds - 1]);
    }
    vmmiRunDirUnref(run);
    return 0;
}
