/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * survival.c: whether migrations that a manager starts outlive the stop of its service: asked once,
 * kept, and corrected by what a launch has shown.
 */
#include "driver/connect.h"
#include "migration/private.h"
#include "plugin/launch-survival.h"
#include "util/cleanup.h"

static void
find_out(vmmiManagerSurvival *survival)
{
    const vmmiUnitHost host = vmmiUnitThisHost();

    if (!survival->reason)
        survival->verdict = vmmiSurvivalJudge(&host, survival->last, &survival->reason);
}

vmmiSurvival
vmmiManagerGetSurvival(const vmmiManager *manager, const char **ret_reason)
{
    const char *reason = "the manager cannot be used here";
    vmmiSurvival verdict = VMMI_SURVIVAL_SERVICE_KILLS;

    if (vmmiManagerCheck(manager, NULL) == 0) {
        find_out(manager->survival);
        verdict = manager->survival->verdict;
        reason = manager->survival->reason;
    }
    if (ret_reason)
        *ret_reason = reason;
    return verdict;
}

int
vmmiManagerRequireSurvival(const vmmiManager *manager, vmmiError **err)
{
    const char *reason;

    if (vmmiManagerGetSurvival(manager, &reason) != VMMI_SURVIVAL_SERVICE_KILLS)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_LAUNCH,
                        "a migration would not outlive the stop of this process's service: %s",
                        reason);
}

void
vmmiManagerNoteLaunch(vmmiManager *manager, vmmiConnect *connect)
{
    vmmiManagerSurvival *survival = manager->survival;
    g_autofree char *note = vmmiConnectGetLaunchNote(connect);

    /* What it had shown is known already, or it was not launched that way. */
    if (!note || g_strcmp0(note, survival->last) == 0)
        return;
    g_clear_pointer(&survival->reason, g_free);
    g_free(survival->last);
    survival->last = g_steal_pointer(&note);
}

vmmiManagerSurvival *
vmmiManagerSurvivalNew(void)
{
    return g_new0(vmmiManagerSurvival, 1);
}

void
vmmiManagerSurvivalFree(vmmiManagerSurvival *survival)
{
    if (!survival)
        return;
    g_free(survival->reason);
    g_free(survival->last);
    g_free(survival);
}
