/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-take-over.c: from one live policy to the next (B13): ending the one that is in charge, and
 * following it on the guest.
 *
 * The order is: the new record is made without a claim, the old plugin ends, the claim changes
 * hands, the new plugin starts. Whoever is killed in between leaves an old job that is alive or
 * released, and a new one that was abandoned: nothing that a later one could not take over.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "message/message.h"
#include "plugin/job-private.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

/* A shim writes down how its plugin ended, in a moment; a killed plugin is gone as fast. */
#define AFTERMATH_MS 2000
#define LOOK_MS 5

/* --- ending ----------------------------------------------------------------------- */

int
vmmiJobCheckLeavable(const vmmiJob *job, vmmiError **err)
{
    g_autofree char *text = NULL;
    g_autoptr(vmmiMessage) config = NULL;
    const char *mode = "p2p";
    size_t length = 0;

    if (vmmiJobReadConfig(job, &text, &length, NULL) == 0)
        config = vmmiMessageParse(text, length, NULL);
    if (config)
        vmmiMessageGetString(config, "migration.mode", &mode);
    if (g_str_equal(mode, "p2p"))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                        "migration %s is not peer-to-peer (its mode is '%s'): it would end with "
                        "its plugin and cannot change hands",
                        job->id, mode);
}

static int
raise_in_charge(const vmmiJob *job, const char *why, vmmiError **err)
{
    const char *plugin = job->record.plugin;

    return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "plugin '%s' of migration %s %s: it is still in charge",
                        plugin ? plugin : "?", job->id, why);
}

static bool
is_over(vmmiJob *job)
{
    vmmiJobLiveness liveness;

    return vmmiJobGetLiveness(job, &liveness, NULL) == 0 && !vmmiJobPhaseIsLive(liveness.phase);
}

/* Until the job is dead, its shim included. */
static bool
wait_until_over(vmmiJob *job, uint64_t deadline)
{
    while (!is_over(job)) {
        if (vmmiClockBoottimeMs() >= deadline)
            return false;
        g_usleep(LOOK_MS * 1000);
    }
    return true;
}

/* Returns whether the process has ended. */
static bool
wait_for_process(int pidfd, uint64_t deadline)
{
    for (;;) {
        struct pollfd polled = { .fd = pidfd, .events = POLLIN };
        uint64_t now = vmmiClockBoottimeMs();
        int ready = poll(&polled, 1, now < deadline ? (int)MIN(deadline - now, G_MAXINT) : 0);

        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready > 0;
        if (vmmiClockBoottimeMs() >= deadline)
            return false;
    }
}

static int
kill_and_wait(vmmiJob *job, int pidfd, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;

    vmmiJobMarkAsked(job, VMMI_JOB_ASKED_KILL);
    if (vmmiJobSignal(job, SIGKILL, &error) < 0 && !is_over(job) &&
        vmmiErrorGetCode(error) != VMMI_ERR_STATE)
        return vmmiErrorPropagate(err, g_steal_pointer(&error));
    if (wait_for_process(pidfd, vmmiClockBoottimeMs() + AFTERMATH_MS))
        return 0;
    return raise_in_charge(job, "did not even end by SIGKILL", err);
}

/*
 * A plugin that is being started has no process yet, one that has ended has none any more.
 * Returns a pidfd, or -1: without an error the job is over.
 */
static int
pin_plugin(vmmiJob *job, uint64_t deadline, vmmiJobLiveness *liveness, vmmiError **err)
{
    for (;;) {
        g_autoptr(vmmiError) error = NULL;
        int pidfd = -1;

        if (vmmiJobGetLiveness(job, liveness, err) < 0)
            return -1;
        if (!vmmiJobPhaseIsLive(liveness->phase))
            return -1;
        if (liveness->plugin_alive && (pidfd = vmmiJobOpenPidfd(job, &error)) >= 0)
            return pidfd;
        if (liveness->phase == VMMI_PHASE_UNCLEAR ||
            (error && vmmiErrorGetCode(error) != VMMI_ERR_STATE)) {
            vmmiJobOpenPidfd(job, err);
            return -1;
        }
        if (vmmiClockBoottimeMs() >= deadline)
            return raise_in_charge(job, "is neither running nor over", err);
        g_usleep(LOOK_MS * 1000);
    }
}

/* With its pidfd in hand. */
static int
end_process(vmmiJob *job, int pidfd, bool stopped, bool kill, uint64_t deadline, unsigned int limit,
            vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *why = NULL;

    if (stopped && !kill)
        return raise_in_charge(job, "is stopped and would not hear of its end", err);
    /* Whoever judges its end must know; one that goes by SIGKILL was to let go as well. */
    vmmiJobMarkAsked(job, VMMI_JOB_ASKED_RELEASE);
    if (stopped)
        return kill_and_wait(job, pidfd, err);
    if (vmmiJobSignal(job, SIGTERM, &error) < 0 && vmmiErrorGetCode(error) != VMMI_ERR_STATE)
        return vmmiErrorPropagate(err, g_steal_pointer(&error));
    if (wait_for_process(pidfd, deadline))
        return 0;
    if (kill)
        return kill_and_wait(job, pidfd, err);
    why = g_strdup_printf("was told to end and has not within %u ms", limit);
    return raise_in_charge(job, why, err);
}

int
vmmiJobEnd(vmmiJob *job, bool kill, unsigned int limit_ms, vmmiError **err)
{
    uint64_t deadline = vmmiClockBoottimeMs() + limit_ms;
    g_autoptr(vmmiError) error = NULL;
    vmmiJobLiveness liveness = { 0 };
    vmmi_autofd int pidfd = pin_plugin(job, deadline, &liveness, &error);

    if (error)
        return vmmiErrorPropagate(err, g_steal_pointer(&error));
    if (pidfd >= 0 &&
        end_process(job, pidfd, liveness.plugin_stopped, kill, deadline, limit_ms, err) < 0)
        return -1;
    if (wait_until_over(job, vmmiClockBoottimeMs() + AFTERMATH_MS))
        return 0;
    return raise_in_charge(job, "has ended, but its shim has not: is it stopped?", err);
}

/* --- following -------------------------------------------------------------------- */

int
vmmiJobClaim(vmmiJob *job, const char *expected, vmmiError **err)
{
    g_autofree char *key = vmmiClaimKey(job->record.world, job->record.guest_uuid);

    if (job->lock_fd < 0)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "migration %s was not made by this process",
                            job->id);
    return vmmiClaimSucceed(job->run, key, job, expected, err);
}

/* With the job that is in charge in hand. */
static vmmiJob *
follow(vmmiJob *old, const vmmiJobRecord *record, const char *config, size_t config_length,
       unsigned int limit_ms, vmmiError **err)
{
    vmmiJobRecord next = *record;
    g_autoptr(vmmiJob) job = NULL;

    next.replaces = old->id;
    if (vmmiJobCheckLeavable(old, err) < 0)
        return NULL;
    job = vmmiJobCreateUnclaimed(old->run, &next, config, config_length, err);
    if (!job)
        return NULL;
    if (vmmiJobEnd(old, false, limit_ms, err) == 0 && vmmiJobClaim(job, old->id, err) == 0)
        return g_steal_pointer(&job);
    vmmiJobDiscard(job);
    return NULL;
}

vmmiJob *
vmmiJobTakeOver(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
                size_t config_length, unsigned int limit_ms, vmmiError **err)
{
    g_autofree char *live = NULL;
    g_autoptr(vmmiJob) old = NULL;
    int found = vmmiClaimFind(run, record->world, record->guest_uuid, &live, err);

    if (found < 0)
        return NULL;
    if (found == 0)
        return vmmiJobCreate(run, record, config, config_length, err);
    old = vmmiJobOpen(run, live, err);
    return old ? follow(old, record, config, config_length, limit_ms, err) : NULL;
}
