/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-take-over.c: ending the plugin in charge, and following it on the guest: who wins, and what
 * a taker that is killed leaves.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "support.h"

#define WORLD "test"
#define LIMIT_MS 10000
#define SHORT_MS 200
#define OBEYS "trap 'exit 1' TERM; echo ready; while :; do sleep 0.02; done"
#define DIES "echo ready; while :; do sleep 0.02; done"
#define DEAF "trap '' TERM; echo ready; while :; do sleep 0.02; done"

static vmmiJob *
start(const Fixture *fixture, const char *body)
{
    vmmiJob *job = start_script(fixture, body);

    g_assert_true(wait_for_output(job, "ready"));
    return job;
}

static vmmiJob *
make_successor(const Fixture *fixture, const char *replaces)
{
    const vmmiJobRecord record = {
        .plugin = "next", .world = WORLD, .guest_uuid = UUID, .replaces = replaces
    };
    g_autoptr(vmmiError) error = NULL;
    vmmiJob *job =
        vmmiJobCreateUnclaimed(fixture->run, &record, CONFIG, strlen(CONFIG), &error);

    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_nonnull(job);
    return job;
}

static vmmiJob *
take_over(const Fixture *fixture, unsigned int limit_ms, vmmiError **err)
{
    const vmmiJobRecord record = { .plugin = "next", .world = WORLD, .guest_uuid = UUID };

    return vmmiJobTakeOver(fixture->run, &record, CONFIG, strlen(CONFIG), limit_ms, err);
}

static char *
in_charge(const Fixture *fixture)
{
    char *id = NULL;

    vmmiClaimFind(fixture->run, WORLD, UUID, &id, NULL);
    return id;
}

static vmmiPhase
phase_of(vmmiJob *job)
{
    vmmiJobLiveness liveness = { 0 };

    g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, NULL), ==, 0);
    return liveness.phase;
}

static void
end_for_sure(vmmiJob *job)
{
    vmmiJobSignal(job, SIGKILL, NULL);
    wait_for_end(job);
}

/* --- ending ----------------------------------------------------------------------- */

static const struct {
    const char *name, *body;
    bool stopped, kill;
    int code; /* 0: it ends */
    vmmiExitKind kind;
    int value;
    const char *needle;
} endings[] = {
    { "obeys", OBEYS, false, false, 0, VMMI_EXIT_EXITED, 1, NULL },
    { "dies", DIES, false, false, 0, VMMI_EXIT_KILLED, SIGTERM, NULL },
    { "deaf", DEAF, false, false, VMMI_ERR_GUEST_BUSY, 0, 0, "has not within 200 ms" },
    { "deaf-killed", DEAF, false, true, 0, VMMI_EXIT_KILLED, SIGKILL, NULL },
    { "stopped", OBEYS, true, false, VMMI_ERR_GUEST_BUSY, 0, 0, "is stopped" },
    { "stopped-killed", OBEYS, true, true, 0, VMMI_EXIT_KILLED, SIGKILL, NULL },
};

static bool
is_stopped(void *opaque)
{
    vmmiJobLiveness liveness = { 0 };

    return vmmiJobGetLiveness(opaque, &liveness, NULL) == 0 && liveness.plugin_stopped;
}

static void
stop(vmmiJob *job)
{
    vmmiJobLiveness liveness = { 0 };

    g_assert_cmpint(vmmiJobGetLiveness(job, &liveness, NULL), ==, 0);
    g_assert_cmpint(kill(liveness.plugin_pid, SIGSTOP), ==, 0);
    g_assert_true(wait_until(is_stopped, job));
}

static void
test_ending(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) job = start(fixture, endings[row].body);
    unsigned int limit = strstr(endings[row].name, "deaf") ? SHORT_MS : LIMIT_MS;
    g_autoptr(vmmiError) error = NULL;
    vmmiJobResult result = { 0 };

    if (endings[row].stopped)
        stop(job);
    g_assert_cmpint(vmmiJobEnd(job, endings[row].kill, limit, &error), ==,
                    endings[row].code ? -1 : 0);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, endings[row].code);
    if (endings[row].code) {
        g_autofree char *holder = in_charge(fixture);

        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), endings[row].needle));
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "still in charge"));
        g_assert_cmpstr(holder, ==, vmmiJobGetId(job));
        /* A stopped one was not even asked: it would end when it is woken. */
        g_assert_true(vmmiJobWasAsked(job, VMMI_JOB_ASKED_RELEASE) == !endings[row].stopped);
        end_for_sure(job);
        return;
    }
    g_assert_cmpint(vmmiJobReadResult(job, &result, NULL), ==, 1);
    g_assert_cmpint(result.kind, ==, endings[row].kind);
    g_assert_cmpint(result.value, ==, endings[row].value);
    g_assert_true(vmmiJobWasAsked(job, VMMI_JOB_ASKED_RELEASE));
    g_assert_true(vmmiJobWasAsked(job, VMMI_JOB_ASKED_KILL) == endings[row].kill);
}

static void
test_over(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = start_script(fixture, "exit 0");

    wait_for_end(job);
    g_assert_cmpint(vmmiJobEnd(job, false, 0, NULL), ==, 0);
    g_assert_false(vmmiJobWasAsked(job, VMMI_JOB_ASKED_RELEASE));
}

/* Somebody is about to start it: there is nobody to be told yet. */
static void
test_prepared(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) job = make_job(fixture, UUID);
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiJobEnd(job, true, 50, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
    g_assert_cmpint(phase_of(job), ==, VMMI_PHASE_PREPARED);
}

static void
test_leavable(Fixture *fixture, gconstpointer data)
{
    const vmmiJobRecord record = { .plugin = "x", .world = WORLD, .guest_uuid = UUID };
    g_autofree char *config =
        g_strdup_printf("{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", "
                        "\"configuration\": {\"migration\": {\"mode\": \"%s\"}}}",
                        (const char *)data);
    g_autoptr(vmmiJob) job =
        vmmiJobCreate(fixture->run, &record, config, strlen(config), NULL);
    g_autoptr(vmmiError) error = NULL;
    bool p2p = g_str_equal(data, "p2p");

    g_assert_cmpint(vmmiJobCheckLeavable(job, &error), ==, p2p ? 0 : -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, p2p ? 0 : VMMI_ERR_NOT_SUPPORTED);
}

/* --- following -------------------------------------------------------------------- */

static void
test_follows(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) old = start(fixture, OBEYS);
    g_autoptr(vmmiJob) next = take_over(fixture, LIMIT_MS, NULL);
    g_autofree char *holder = in_charge(fixture);
    g_autofree char *replacement = NULL;

    g_assert_nonnull(next);
    g_assert_cmpint(phase_of(old), ==, VMMI_PHASE_FINISHED);
    g_assert_cmpstr(holder, ==, vmmiJobGetId(next));
    g_assert_cmpstr(vmmiJobGetRecord(next)->replaces, ==, vmmiJobGetId(old));
    replacement = vmmiJobFindReplacement(fixture->run, vmmiJobGetId(old), false);
    g_assert_cmpstr(replacement, ==, vmmiJobGetId(next));
    /* On its way there it has not taken over yet. */
    g_assert_null(vmmiJobFindReplacement(fixture->run, vmmiJobGetId(old), true));
}

static void
test_nobody(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) next = take_over(fixture, LIMIT_MS, NULL);

    g_assert_nonnull(next);
    g_assert_null(vmmiJobGetRecord(next)->replaces);
}

/* The one in charge does not go: nothing is left of the attempt. */
static void
test_stays(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) old = start(fixture, DEAF);
    g_autoptr(vmmiError) error = NULL;
    g_auto(GStrv) jobs = NULL;

    g_assert_null(take_over(fixture, SHORT_MS, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
    jobs = vmmiRunDirListJobs(fixture->run, NULL);
    g_assert_cmpuint(g_strv_length(jobs), ==, 1);
    g_assert_cmpint(phase_of(old), ==, VMMI_PHASE_RUNNING);
    end_for_sure(old);
}

static void
test_alive(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) old = start(fixture, OBEYS);
    g_autoptr(vmmiJob) next = make_successor(fixture, vmmiJobGetId(old));
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiJobClaim(next, vmmiJobGetId(old), &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
    end_for_sure(old);
    g_assert_cmpint(vmmiJobClaim(next, vmmiJobGetId(old), NULL), ==, 0);
}

/* Of two that waited for the same end one wins. The old one's manager may have tidied up, and the
 * winner may have ended again. */
static void
test_second(Fixture *fixture, gconstpointer data)
{
    bool tidied = strstr(data, "tidied"), ended = strstr(data, "ended");
    g_autoptr(vmmiJob) old = start(fixture, OBEYS);
    g_autoptr(vmmiJob) first = make_successor(fixture, vmmiJobGetId(old));
    g_autoptr(vmmiJob) second = make_successor(fixture, vmmiJobGetId(old));
    g_autofree char *script = write_script(fixture, "first", "exit 0");
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiJobEnd(old, false, LIMIT_MS, NULL), ==, 0);
    if (tidied)
        vmmiJobReleaseClaim(old);
    g_assert_cmpint(vmmiJobClaim(first, vmmiJobGetId(old), NULL), ==, 0);
    if (ended) {
        g_assert_cmpint(launch_script(first, script, NULL), ==, 0);
        vmmiJobCommit(first);
        wait_for_end(first);
        if (tidied)
            vmmiJobReleaseClaim(first);
    }
    g_assert_cmpint(vmmiJobClaim(second, vmmiJobGetId(old), &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_BUSY);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), vmmiJobGetId(first)));
}

#define TAKERS 6

static void
test_race(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(vmmiJob) old G_GNUC_UNUSED = start(fixture, OBEYS);
    pid_t children[TAKERS];
    int go[2], won = 0, busy = 0;
    char byte;

    g_assert_cmpint(pipe(go), ==, 0);
    for (int i = 0; i < TAKERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            g_autoptr(vmmiError) error = NULL;
            vmmiJob *job = take_over(fixture, 1000, &error);

            /* Whoever won lives until all have tried. */
            close(go[1]);
            if (read(go[0], &byte, job ? 1 : 0) < 0)
                _exit(2);
            _exit(job ? 0 : vmmiErrorGetCode(error) == VMMI_ERR_GUEST_BUSY ? 14 : 1);
        }
    }
    for (int left = TAKERS; left > 0; left--) {
        int status = -1;

        if (left == 1)
            close(go[1]);
        g_assert_cmpint(wait(&status), >, 0);
        won += WIFEXITED(status) && WEXITSTATUS(status) == 0;
        busy += WIFEXITED(status) && WEXITSTATUS(status) == 14;
    }
    close(go[0]);
    g_assert_cmpint(won, ==, 1);
    g_assert_cmpint(busy, ==, TAKERS - 1);
}

/* --- takers that are killed ------------------------------------------------------- */

static const char *const steps[] = { "made", "told", "ended", "claimed" };

/* A taker that comes so far and no further. */
static void
take_until(const Fixture *fixture, vmmiJob *old, size_t step)
{
    vmmiJob *next = make_successor(fixture, vmmiJobGetId(old));

    if (step >= 1)
        vmmiJobSignal(old, SIGTERM, NULL);
    if (step >= 2)
        vmmiJobEnd(old, false, LIMIT_MS, NULL);
    if (step >= 3)
        vmmiJobClaim(next, vmmiJobGetId(old), NULL);
    raise(SIGKILL);
}

static void
test_killed(Fixture *fixture, gconstpointer data)
{
    size_t step = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiJob) old = start(fixture, OBEYS);
    g_autofree char *replacement = NULL;
    g_autofree char *holder = NULL;
    g_autoptr(vmmiJob) left = NULL;
    g_autoptr(vmmiJob) next = NULL;
    pid_t taker = fork();

    if (taker == 0)
        take_until(fixture, old, step);
    g_assert_cmpint(waitpid(taker, NULL, 0), ==, taker);
    left = vmmiJobOpen(fixture->run, UUID ".2", NULL);
    g_assert_nonnull(left);
    g_assert_cmpint(phase_of(left), ==, VMMI_PHASE_ABANDONED);
    if (step >= 1)
        wait_for_end(old);
    holder = in_charge(fixture);
    g_assert_cmpstr(holder, ==, step == 0 ? vmmiJobGetId(old) : NULL);
    g_assert_null(vmmiJobFindReplacement(fixture->run, vmmiJobGetId(old), false));
    /* A later one can do it. */
    next = make_successor(fixture, vmmiJobGetId(old));
    g_assert_cmpint(vmmiJobEnd(old, false, LIMIT_MS, NULL), ==, 0);
    g_assert_cmpint(vmmiJobClaim(next, step >= 3 ? vmmiJobGetId(left) : vmmiJobGetId(old), NULL),
                    ==, 0);
    replacement = vmmiJobFindReplacement(fixture->run, vmmiJobGetId(old), false);
    g_assert_cmpstr(replacement, ==, vmmiJobGetId(next));
}

#define ADD(name, function, data)                                                                  \
    g_test_add("/job/take-over/" name, Fixture, data, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_FIXTURE_ROWS("/job/take-over/end/", endings, test_ending);
    ADD("end/over", test_over, NULL);
    ADD("end/prepared", test_prepared, NULL);
    ADD("leavable/p2p", test_leavable, "p2p");
    ADD("leavable/managed", test_leavable, "managed");
    ADD("leavable/direct", test_leavable, "direct");
    ADD("follows", test_follows, NULL);
    ADD("nobody", test_nobody, NULL);
    ADD("stays", test_stays, NULL);
    ADD("alive", test_alive, NULL);
    ADD("second/plain", test_second, "plain");
    ADD("second/tidied", test_second, "tidied");
    ADD("second/ended", test_second, "ended");
    ADD("second/tidied-ended", test_second, "tidied-ended");
    ADD("race", test_race, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autofree char *path = g_strdup_printf("/job/take-over/killed/%s", steps[i]);

        g_test_add(path, Fixture, GSIZE_TO_POINTER(i), fixture_set_up, test_killed,
                   fixture_tear_down);
    }
    return g_test_run();
}
