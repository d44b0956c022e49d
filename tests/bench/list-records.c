/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * list-records.c: how long a look at a run directory takes, with 1, 100 and 1,000 records (row R24).
 *
 * Usage: list-records [VMMI-COMMAND [ROUNDS]]
 *
 * Every other record lives: a process of its own holds its lock and does nothing, and its journal
 * is of the length of a minute's migration. The others ended and were settled, with a completion,
 * figures and five actions. Prints the shortest, median and longest time in milliseconds: of
 * vmmiManagerNew() with vmmiManagerListRecords(), and, with a command, of `COMMAND list` and
 * `COMMAND --json list` from start to end.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <libvmmi/libvmmi.h>

#include "message/json.h"
#include "plugin/job.h"
#include "plugin/journal.h"
#include "util/cleanup.h"
#include "util/file.h"

#define SAMPLES 200
#define ACTIONS 5
#define ROUNDS 15

static double
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
fail(const char *what, const vmmiError *error)
{
    fprintf(stderr, "list-records: %s: %s\n", what, vmmiErrorGetMessage(error));
    exit(1);
}

static vmmiSample *
make_sample(uint64_t number)
{
    vmmiSample *sample = vmmiSampleNew();

    for (int field = 0; field < VMMI_SAMPLE_THROTTLE_PERCENT; field++)
        vmmiSampleSet(sample, (vmmiSampleField)field, UINT64_C(123456789) + number);
    vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT, number * 99 / SAMPLES);
    return sample;
}

static void
write_journal(const vmmiJob *job)
{
    g_autoptr(vmmiJournal) journal = vmmiJournalOpen(vmmiJobGetFd(job), NULL);

    vmmiJournalAddState(journal, VMMI_STATE_PRECOPY, NULL, NULL);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        g_autoptr(vmmiSample) sample = make_sample(i);

        vmmiJournalAddSample(journal, sample, 0, NULL, NULL);
    }
}

static char *
make_outcome(void)
{
    g_autoptr(vmmiSample) sample = make_sample(1);
    g_autoptr(json_t) actions = json_array();
    g_autoptr(json_t) root = NULL;

    for (int i = 0; i < ACTIONS; i++)
        json_array_append_new(
            actions, json_pack("{s:i, s:s, s:s, s:i}", "timestampMs", i, "action", "tune",
                               "reason", "it would not be done before its deadline", "value", i));
    root = json_pack("{s:i, s:s, s:s, s:s, s:{s:s, s:i}, s:n, s:s, s:o, s:O}", "version", 1,
                     "outcome", "completed", "where", "destination", "evidence",
                     "source domain is shut off: migrated", "exit", "kind", "exited", "value", 0,
                     "error", "diagnostics", "", "statistics", vmmiSampleToJson(sample), "actions",
                     actions);
    json_object_set_new(root, "completion",
                        json_pack("{s:s, s:s, s:i, s:{s:s, s:{s:O}}}", "vmmiVersion", "0.4.1",
                                  "contentType", "completion", "timestamp", 1, "completion",
                                  "result", "success", "success", "actions", actions));
    return vmmiJsonWrite(root, false);
}

/* Where eight keys of the configuration came from. */
static char *
make_options(void)
{
    g_autoptr(json_t) origins = json_object();
    g_autoptr(json_t) options = json_pack("{s:b, s:O}", "inactive", 0, "origins", origins);

    for (int i = 0; i < 8; i++) {
        g_autofree char *key = g_strdup_printf("migration.params.parameter_%d", i);

        json_object_set_new(origins, key, json_string("/etc/vmmi/conf.d/50-site.json"));
    }
    return vmmiJsonWrite(options, false);
}

static vmmiJob *
make_job(vmmiRunDir *run)
{
    g_autofree char *uuid = g_uuid_string_random();
    g_autofree char *name = g_strdup_printf("guest-%.8s", uuid);
    g_autofree char *options = make_options();
    const vmmiJobRecord record = { .options = options,
                                   .plugin = "adaptive",
                                   .plugin_path = "/usr/libexec/vmmi/adaptive",
                                   .world = "bench",
                                   .guest_uuid = uuid,
                                   .guest_name = name,
                                   .source_uri = "qemu:///system",
                                   .destination_uri = "qemu+ssh://destination/system",
                                   .bare = true };
    vmmiError *error = NULL;
    vmmiJob *job = vmmiJobCreate(run, &record, "{}", 2, &error);

    if (!job)
        fail("cannot make a record", error);
    return job;
}

/* Returns the pid of a process that is the plugin of a new job. */
static pid_t
make_live(vmmiRunDir *run)
{
    g_autoptr(vmmiJob) job = make_job(run);
    int ready[2];
    char byte;
    pid_t pid;

    write_journal(job);
    if (pipe(ready) < 0 || (pid = fork()) < 0)
        fail("cannot fork", NULL);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (vmmiJobHold(job, NULL) < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        fail("a process could not hold its record", NULL);
    close(ready[0]);
    return pid;
}

static void
make_dead(vmmiRunDir *run, const char *outcome)
{
    static const char result[] = "{\"version\": 1, \"kind\": \"exited\", \"value\": 0, "
                                 "\"endedMs\": 1, \"endedBoottimeMs\": 1}";
    g_autoptr(vmmiJob) job = make_job(run);

    write_journal(job);
    vmmiJobCommit(job);
    if (vmmiFileReplaceAt(vmmiJobGetFd(job), "result.json", result, strlen(result), 0600, NULL) <
            0 ||
        vmmiJobSettle(job, outcome, strlen(outcome), NULL) != 1)
        fail("cannot end a record", NULL);
}

/* --- measuring -------------------------------------------------------------------- */

static double
list_here(const char *path, size_t count)
{
    vmmiError *error = NULL;
    double start = now_ms(), end;
    vmmiManager *manager = vmmiManagerNew(path, 0, &error);
    vmmiRecordList *list = manager ? vmmiManagerListRecords(manager, 0, &error) : NULL;

    end = now_ms();
    if (!list || vmmiRecordListGetCount(list) != count)
        fail("not all records were listed", error);
    vmmiRecordListFree(list);
    vmmiManagerFree(manager);
    return end - start;
}

static double
list_with(const char *command, const char *options)
{
    g_autofree char *line = g_strdup_printf("exec %s %s list >/dev/null", command, options);
    double start = now_ms();

    if (system(line) != 0)
        fail("the command failed", NULL);
    return now_ms() - start;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
print_times(size_t records, const char *what, double *times, size_t rounds)
{
    qsort(times, rounds, sizeof(*times), compare);
    printf("%5zu records, %-8s shortest %8.2f ms, median %8.2f ms, longest %8.2f ms\n", records,
           what, times[0], times[rounds / 2], times[rounds - 1]);
    fflush(stdout);
}

static void
remove_tree(const char *path)
{
    g_autofree char *line = g_strdup_printf("rm -rf '%s'", path);

    if (system(line) != 0)
        fprintf(stderr, "list-records: '%s' stays behind\n", path);
}

static void
measure(size_t count, const char *command, size_t rounds)
{
    static const char *const forms[] = { "", "--json" };
    g_autofree char *top = g_dir_make_tmp("vmmi-bench-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(top, "run", NULL);
    g_autofree char *outcome = make_outcome();
    g_autofree double *times = g_new(double, rounds);
    g_autoptr(vmmiRunDir) run = vmmiRunDirOpen(path, NULL);
    g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));

    for (size_t i = 0; i < count; i++) {
        pid_t pid = i % 2 ? 0 : make_live(run);

        if (pid)
            g_array_append_val(pids, pid);
        else
            make_dead(run, outcome);
    }
    for (size_t i = 0; i < rounds; i++)
        times[i] = list_here(path, count);
    print_times(count, "library", times, rounds);
    g_setenv("VMMI_RUN_DIR", path, TRUE);
    for (size_t form = 0; command && form < G_N_ELEMENTS(forms); form++) {
        for (size_t i = 0; i < rounds; i++)
            times[i] = list_with(command, forms[form]);
        print_times(count, form ? "--json" : "command", times, rounds);
    }
    for (guint i = 0; i < pids->len; i++) {
        kill(g_array_index(pids, pid_t, i), SIGKILL);
        waitpid(g_array_index(pids, pid_t, i), NULL, 0);
    }
    remove_tree(top);
}

int
main(int argc, char **argv)
{
    static const size_t counts[] = { 1, 100, 1000 };
    int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS;

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        measure(counts[i], argc > 1 ? argv[1] : NULL, (size_t)MAX(rounds, 1));
    return 0;
}
