/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-claim.c: in which order a job is made, who gets a guest, plugins without a manager.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "plugin/job-private.h"
#include "support.h"

#define TEST(name, func) ADD_FIXTURE("/claim/" name, func, NULL)
#define RACE_ROUNDS 300

/* --- the commit order --- */

/* What a manager leaves that is killed before a step. */
static const struct {
    const char *name;
    bool job;        /* visible */
    bool claim;
} steps[] = {
    { "directory", false, false },
    { "lock", false, false },
    { "record", false, false },
    { "config", false, false },
    { "streams", false, false },
    { "publish", false, false },
    { "claim", true, false },
    { "done", true, true },
};

static void
die_before(const char *step, void *opaque)
{
    if (g_str_equal(step, opaque))
        kill(getpid(), SIGKILL);
}

static void
kill_manager_before(const Fixture *fixture, const char *step)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        vmmiJobCreateStepwise(fixture->run, &record, CONFIG, strlen(CONFIG), die_before,
                              (void *)step, NULL);
        _exit(1);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status));
}

static void
test_killed_before(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *guests = g_build_filename(fixture->path, "by-guest", NULL);
    g_autofree char *claims = NULL, *left = NULL;
    g_auto(GStrv) found = NULL;
    g_autoptr(vmmiJob) next = NULL;

    kill_manager_before(fixture, steps[row].name);
    found = vmmiRunDirListJobs(fixture->run, NULL);
    claims = list_names(guests);
    g_assert_cmpuint(g_strv_length(found), ==, steps[row].job ? 1 : 0);
    g_assert_cmpstr(claims, ==, steps[row].claim ? UUID "@test" : "");
    if (steps[row].job) {
        g_autoptr(vmmiJob) job = vmmiJobOpen(fixture->run, found[0], NULL);
        vmmiJobResult result = { 0 };

        g_assert_cmpint(vmmiJobReadResult(job, &result, NULL), ==, 1);
        g_assert_cmpint(result.kind, ==, VMMI_EXIT_NOT_STARTED);
    }
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, NULL, NULL), ==, 0);
    /* The guest is free, and garbage goes. */
    next = make_job(fixture, UUID);
    vmmiRunDirClean(fixture->run);
    left = list_names(jobs);
    g_assert_cmpstr(left, ==, steps[row].job ? UUID ".1 " UUID ".2" : UUID ".1");
}

/* What another process makes right now is no garbage. */
static void
clean_meanwhile(const char *step G_GNUC_UNUSED, void *opaque)
{
    vmmiRunDirClean(opaque);
}

static void
test_clean_meanwhile(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    g_autoptr(vmmiJob) job = vmmiJobCreateStepwise(fixture->run, &record, CONFIG, strlen(CONFIG),
                                                   clean_meanwhile, fixture->run, NULL);

    g_assert_nonnull(job);
}

static void
test_discard(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *guests = g_build_filename(fixture->path, "by-guest", NULL);
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autofree char *left = NULL, *claims = NULL;

    vmmiJobDiscard(job);
    left = list_names(jobs);
    claims = list_names(guests);
    g_assert_cmpstr(left, ==, "");
    g_assert_cmpstr(claims, ==, "");
}

/* --- claims --- */

static void
test_busy(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    g_autoptr(vmmiJob) job G_GNUC_UNUSED = make_job(fixture, UUID);
    g_autoptr(vmmiJob) other G_GNUC_UNUSED = make_job(fixture, OTHER_UUID);
    g_autofree char *jobs = g_build_filename(fixture->path, "jobs", NULL);
    g_autofree char *holder = NULL, *left = NULL;
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(vmmiJobCreate(fixture->run, &record, "{}", 2, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), UUID ".1"));
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, &holder, NULL), ==, 1);
    g_assert_cmpstr(holder, ==, UUID ".1");
    g_assert_cmpint(vmmiClaimFind(fixture->run, "elsewhere", UUID, &holder, NULL), ==, 0);
    left = list_names(jobs);
    g_assert_cmpstr(left, ==, UUID ".1 " OTHER_UUID ".1");
}

/* A claim that stayed behind is taken over; the guest's next number is used. */
static void
test_stale(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiJob) next = NULL;
    g_autofree char *holder = NULL;

    vmmiJobCommit(job);   /* nothing was launched: it is dead */
    next = make_job(fixture, UUID);
    g_assert_cmpstr(vmmiJobGetId(next), ==, UUID ".2");
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, &holder, NULL), ==, 1);
    g_assert_cmpstr(holder, ==, UUID ".2");
    vmmiJobReleaseClaim(job);   /* it does not hold it any more */
    g_clear_pointer(&holder, g_free);
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, &holder, NULL), ==, 1);
    vmmiJobReleaseClaim(next);   /* alive: it keeps it */
    g_clear_pointer(&holder, g_free);
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, &holder, NULL), ==, 1);
    vmmiJobCommit(next);
    vmmiJobReleaseClaim(next);
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, NULL, NULL), ==, 0);
}

static const struct {
    const char *name;
    const char *target;     /* NULL: a file */
} odd_claims[] = {
    { "dangling", "../jobs/" UUID ".77" },
    { "elsewhere", "/etc/passwd" },
    { "upwards", "../jobs/../../x" },
    { "file", NULL },
};

static void
test_odd_claim(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path = g_build_filename(fixture->path, "by-guest", UUID "@test", NULL);
    g_autofree char *target = NULL;
    g_autoptr(vmmiJob) job = NULL;

    if (odd_claims[row].target)
        g_assert_cmpint(symlink(odd_claims[row].target, path), ==, 0);
    else
        g_assert_true(g_file_set_contents(path, "", -1, NULL));
    job = make_job(fixture, UUID);
    target = g_file_read_link(path, NULL);
    g_assert_cmpstr(target, ==, "../jobs/" UUID ".1");
}

static const struct {
    const char *name;
    const char *world;
    const char *key;       /* NULL: hashed */
} keys[] = {
    { "libvirt", "libvirt", UUID "@libvirt" },
    { "path", "file:/var/tmp/world", NULL },
    { "parent", "../../x", NULL },
};

static void
test_key(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *key = vmmiClaimKey(keys[row].world, UUID);

    g_assert_null(strchr(key, '/'));
    g_assert_cmpuint(strlen(key), <, 200);
    if (keys[row].key)
        g_assert_cmpstr(key, ==, keys[row].key);
    else
        g_assert_true(g_str_has_prefix(key, UUID "@="));
}

typedef struct {
    int start[2];
    int report[2];
} Race;

/* Starts when the parent closes its end, says what it got, holds the guest until it is killed. */
static pid_t
race_one(const Fixture *fixture, const Race *race)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID };
    pid_t pid = fork();
    char byte;

    if (pid)
        return pid;
    close(race->start[1]);
    if (read(race->start[0], &byte, 1) == 0) {
        g_autoptr(vmmiError) error = NULL;
        vmmiJob *job = vmmiJobCreate(fixture->run, &record, "{}", 2, &error);

        byte = job ? 'w' : vmmiErrorGetCode(error) == VMMI_ERR_GUEST_BUSY ? 'b' : '?';
        if (write(race->report[1], &byte, 1) == 1)
            pause();
    }
    _exit(1);
}

/* Two managers at once: exactly one gets the guest, whether it was free or a dead job's. */
static void
test_race(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    for (int round = 0; round < RACE_ROUNDS; round++) {
        char got[2] = "";
        pid_t pids[2];
        Race race;

        g_assert_cmpint(pipe2(race.start, O_CLOEXEC), ==, 0);
        g_assert_cmpint(pipe2(race.report, O_CLOEXEC), ==, 0);
        for (size_t i = 0; i < 2; i++)
            pids[i] = race_one(fixture, &race);
        close(race.start[0]);
        close(race.start[1]);
        for (size_t i = 0; i < 2; i++)
            g_assert_cmpint(read(race.report[0], &got[i], 1), ==, 1);
        close(race.report[0]);
        close(race.report[1]);
        for (size_t i = 0; i < 2; i++) {
            kill(pids[i], SIGKILL);
            waitpid(pids[i], NULL, 0);
        }
        g_assert_cmpint(got[0] + got[1], ==, 'w' + 'b');
        if (round % 2) {
            g_auto(GStrv) jobs = vmmiRunDirListJobs(fixture->run, NULL);

            for (size_t i = 0; jobs[i]; i++) {
                g_autoptr(vmmiJob) job = vmmiJobOpen(fixture->run, jobs[i], NULL);

                vmmiJobDiscard(job);
            }
        }
    }
}

/* --- bare plugins --- */

static int
run_bare(const Fixture *fixture, int ready, int go)
{
    const vmmiJobRecord record = { .world = "test", .guest_uuid = UUID, .bare = true };
    g_autoptr(vmmiJob) job = vmmiJobCreate(fixture->run, &record, "{}", 2, NULL);
    vmmiJobLiveness liveness;
    char byte;

    if (!job || vmmiJobHold(job, NULL) < 0 || !vmmiJobIsOwn(job))
        return 1;
    /* The plugin looks at itself, and keeps its lock. */
    if (vmmiJobGetLiveness(job, &liveness, NULL) < 0 || liveness.phase != VMMI_PHASE_RUNNING)
        return 2;
    {
        g_autoptr(vmmiJob) again = vmmiJobOpen(fixture->run, vmmiJobGetId(job), NULL);

        if (vmmiJobGetLiveness(again, &liveness, NULL) < 0 || liveness.plugin_pid != getpid() ||
            !vmmiJobIsOwn(again))
            return 3;
    }
    if (write(ready, "", 1) != 1 || read(go, &byte, 1) != 1)
        return 4;
    return vmmiJobLeave(job, 6, NULL) < 0 ? 5 : 6;
}

static void
test_bare(Fixture *fixture, gconstpointer data)
{
    bool killed = data != NULL;
    int ready[2], go[2], status;
    g_autoptr(vmmiJob) job = NULL;
    vmmiJobLiveness liveness;
    vmmiJobResult result;
    char byte;
    pid_t pid;

    g_assert_cmpint(pipe(ready), ==, 0);
    g_assert_cmpint(pipe(go), ==, 0);
    pid = fork();
    if (pid == 0)
        _exit(run_bare(fixture, ready[1], go[0]));
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    job = vmmiJobOpen(fixture->run, UUID ".1", NULL);
    g_assert_nonnull(job);
    g_assert_true(vmmiJobGetRecord(job)->bare);
    g_assert_false(vmmiJobIsOwn(job));
    g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, NULL), ==, 0);
    g_assert_cmpint(liveness.phase, ==, VMMI_PHASE_RUNNING);
    g_assert_cmpint(liveness.plugin_pid, ==, pid);
    g_assert_false(liveness.lock_lost);
    g_assert_false(liveness.shim_alive);
    if (killed)
        kill(pid, SIGKILL);
    else
        g_assert_cmpint(write(go[1], "", 1), ==, 1);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (!killed)
        g_assert_cmpint(WEXITSTATUS(status), ==, 6);
    g_assert_cmpint(vmmiJobReadResult(job, &result, NULL), ==, 1);
    g_assert_cmpint(result.kind, ==, killed ? VMMI_EXIT_UNKNOWN : VMMI_EXIT_EXITED);
    g_assert_cmpint(result.value, ==, killed ? -1 : 6);
    g_assert_cmpint(vmmiClaimFind(fixture->run, "test", UUID, NULL, NULL), ==, 0);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_FIXTURE_ROWS("/claim/killed-before/", steps, test_killed_before);
    TEST("clean-meanwhile", test_clean_meanwhile);
    TEST("discard", test_discard);
    TEST("busy", test_busy);
    TEST("stale", test_stale);
    ADD_FIXTURE_ROWS("/claim/odd/", odd_claims, test_odd_claim);
    ADD_ROWS("/claim/key/", keys, test_key);
    TEST("race", test_race);
    g_test_add("/claim/bare/ends", Fixture, NULL, fixture_set_up, test_bare, fixture_tear_down);
    g_test_add("/claim/bare/killed", Fixture, "", fixture_set_up, test_bare, fixture_tear_down);
    return g_test_run();
}
