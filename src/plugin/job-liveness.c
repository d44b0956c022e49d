/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-liveness.c: what lives of a job, derived from locks, files and /proc. Signals are
 * job-signal.c.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/job-lock.h"
#include "plugin/job-private.h"
#include "plugin/job-process.h"
#include "plugin/job-record.h"
#include "plugin/launch-protocol.h"
#include "util/cleanup.h"

bool
vmmiJobPhaseIsLive(vmmiPhase phase)
{
    switch (phase) {
    case VMMI_PHASE_PREPARED:
    case VMMI_PHASE_STARTING:
    case VMMI_PHASE_RUNNING:
    case VMMI_PHASE_ENDING:
    case VMMI_PHASE_UNCLEAR:
        return true;
    default:
        return false;
    }
}

/* What the files say, before anybody interprets it. */
typedef struct {
    bool finished;             /* result.json is there */
    bool same_boot;
    bool recorded;             /* helper.json could be read */
    vmmiJobProcess process;
    bool process_alive;        /* it, with that start time */
    bool process_stopped;
    vmmiJobLocks locks;
} Facts;

static int
look_at_result(int fd, Facts *facts, vmmiError **err)
{
    struct stat st;

    facts->finished = fstatat(fd, VMMI_FILE_RESULT, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (facts->finished && !S_ISREG(st.st_mode))
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            "'" VMMI_FILE_RESULT "' is not a regular file");
    return 0;
}

static int
look_at_process(int fd, const char *this_boot, Facts *facts, vmmiError **err)
{
    int found = vmmiJobProcessRead(fd, &facts->process, err);
    vmmiProcess process;

    facts->recorded = found > 0;
    if (found <= 0 || strcmp(facts->process.boot_id, this_boot) != 0)
        return MIN(found, 0);
    facts->process_alive = vmmiProcessLook(facts->process.pid, &process) &&
                           vmmiProcessIsAlive(&process) &&
                           process.start_time == facts->process.start_time;
    facts->process_stopped = facts->process_alive && strchr("Tt", process.state);
    return 0;
}

bool
vmmiJobDirIsOwn(int job_dir_fd)
{
    g_autofree char *this_boot = vmmiProcessBootId();
    Facts facts = { 0 };

    look_at_process(job_dir_fd, this_boot, &facts, NULL);
    return facts.process_alive && facts.process.pid == getpid();
}

static int
gather(int fd, const char *boot_id, Facts *facts, vmmiError **err)
{
    g_autofree char *this_boot = vmmiProcessBootId();

    facts->same_boot = !boot_id || strcmp(boot_id, this_boot) == 0;
    if (look_at_result(fd, facts, err) < 0 ||
        (!facts->finished && look_at_process(fd, this_boot, facts, err) < 0))
        return -1;
    /* The plugin itself must not touch its lock: closing the descriptor would drop it. */
    if (facts->process_alive && facts->process.pid == getpid()) {
        facts->locks.plugin = true;
        facts->locks.plugin_pid = getpid();
        return 0;
    }
    if (vmmiJobLocksLook(fd, &facts->locks, err) < 0)
        return -1;
    /* It may have ended between the two looks. */
    if (!facts->finished && !facts->locks.shim && !facts->locks.plugin)
        return look_at_result(fd, facts, err);
    return 0;
}

static vmmiPhase
derive(const Facts *facts, bool alive)
{
    if (facts->finished)
        return alive ? VMMI_PHASE_UNCLEAR : VMMI_PHASE_FINISHED;
    if (facts->locks.plugin && facts->recorded && facts->locks.plugin_pid &&
        facts->locks.plugin_pid != facts->process.pid)
        return VMMI_PHASE_UNCLEAR;
    if (alive)
        return facts->recorded ? VMMI_PHASE_RUNNING : VMMI_PHASE_STARTING;
    if (facts->locks.shim)
        return facts->recorded ? VMMI_PHASE_ENDING : VMMI_PHASE_STARTING;
    if (facts->locks.maker)
        return VMMI_PHASE_PREPARED;
    if (!facts->same_boot)
        return VMMI_PHASE_LOST_AT_BOOT;
    return facts->recorded ? VMMI_PHASE_GONE : VMMI_PHASE_ABANDONED;
}

int
vmmiJobDirLook(int job_dir_fd, const char *boot_id, vmmiJobLiveness *liveness, vmmiError **err)
{
    Facts facts = { 0 };
    bool lost, alive;

    if (gather(job_dir_fd, boot_id, &facts, err) < 0)
        return -1;
    lost = !facts.locks.plugin && !facts.finished && facts.process_alive;
    alive = facts.locks.plugin || lost;
    *liveness = (vmmiJobLiveness){
        .phase = derive(&facts, alive),
        .shim_alive = facts.locks.shim,
        .shim_pid = facts.locks.shim_pid,
        .plugin_alive = alive,
        .plugin_pid = lost ? facts.process.pid : facts.locks.plugin_pid,
        .plugin_stopped = facts.process_stopped,
        .lock_lost = lost,
    };
    return 0;
}

bool
vmmiJobDirIsLive(int job_dir_fd)
{
    vmmiJobLiveness liveness;

    return vmmiJobDirLook(job_dir_fd, NULL, &liveness, NULL) < 0 ||
           vmmiJobPhaseIsLive(liveness.phase);
}

int
vmmiJobGetLiveness(vmmiJob *job, vmmiJobLiveness *liveness, vmmiError **err)
{
    if (vmmiJobDirLook(job->fd, job->record.boot_id, liveness, err) < 0)
        return vmmiErrorPrefix(err, "migration %s", job->id);
    return 0;
}
