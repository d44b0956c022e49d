/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-survival.c: whether plugins that this process starts outlive the stop of its service.
 *
 * What the files tell is launch-unit.c. Here the few questions are asked that only the managers can
 * answer: what a unit's stop kills, whether logind kills what a session leaves behind, what polkit
 * allows. An answer that does not come counts as the worse one.
 */
#include "plugin/launch-survival.h"

#include <string.h>

#include "util/cleanup.h"
#include "util/spawn.h"

#define ASK_MS 2000
#define ASK_MAX_BYTES 4096
#define MANAGE_UNITS "org.freedesktop.systemd1.manage-units"

/* --- questions -------------------------------------------------------------------- */

/* What a program printed, without the newline; NULL when it failed. @status may be NULL. */
static char *
ask(const vmmiUnitHost *host, const vmmiUnit *unit, const char *const *words, int *status)
{
    g_autofree char *runtime =
        unit->runtime_dir ? g_strconcat("XDG_RUNTIME_DIR=", unit->runtime_dir, NULL) : NULL;
    g_autofree char *bus =
        host->session_bus ? g_strconcat("DBUS_SESSION_BUS_ADDRESS=", host->session_bus, NULL)
                          : NULL;
    const char *environment[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL, NULL, NULL };
    const vmmiSpawnRequest request = { .path = words[0], .arguments = words,
                                       .environment = environment, .timeout_ms = ASK_MS,
                                       .max_output = ASK_MAX_BYTES };
    g_auto(vmmiSpawnResult) result = { NULL };

    environment[2] = runtime ? runtime : bus;
    environment[3] = runtime ? bus : NULL;
    if (vmmiSpawnRun(&request, &result, NULL) < 0 || result.kind != VMMI_EXIT_EXITED)
        return NULL;
    if (status)
        *status = result.value;
    else if (result.value != 0)
        return NULL;
    return g_strchomp(g_steal_pointer(&result.output));
}

/* "control-group", "mixed", "process", "none"; NULL when nobody says. */
static char *
ask_kill_mode(const vmmiUnitHost *host, const vmmiUnit *unit)
{
    const char *const of_user[] = { host->systemctl, "--user", "show", "--property=KillMode",
                                    "--value", "--", unit->name, NULL };
    const char *const of_system[] = { host->systemctl, "show", "--property=KillMode", "--value",
                                      "--", unit->name, NULL };
    char *mode = ask(host, unit, unit->kind == VMMI_UNIT_USER ? of_user : of_system, NULL);

    if (mode && !*mode)
        g_clear_pointer(&mode, g_free);
    return mode;
}

/* Whether logind kills what is in a session when it ends. */
static bool
ask_session_kills(const vmmiUnitHost *host, const vmmiUnit *unit)
{
    const char *const words[] = { host->loginctl, "show-user", "--property=KillUserProcesses",
                                  NULL };
    g_autofree char *answer = ask(host, unit, words, NULL);

    return g_strcmp0(answer, "KillUserProcesses=no") != 0;
}

/*
 * What a rule says that goes by the user. One that goes by the unit's name (systemd 257 tells it)
 * cannot be asked for in advance: the first launch shows it.
 */
static bool
ask_polkit(const vmmiUnitHost *host, const vmmiUnit *unit)
{
    g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
    const char *const words[] = { host->pkcheck, "--action-id", MANAGE_UNITS, "--process", pid,
                                  NULL };
    int status = -1;
    g_autofree char *output = ask(host, unit, words, &status);

    return output && status == 0;
}

bool
vmmiSurvivalWantsScope(const vmmiUnitHost *host, const vmmiUnit *unit)
{
    if (unit->maker == VMMI_SCOPE_NOBODY)
        return false;
    return unit->kind != VMMI_UNIT_SESSION || unit->maker == VMMI_SCOPE_SYSTEM || unit->linger ||
           ask_session_kills(host, unit);
}

/* --- conclusions ------------------------------------------------------------------ */

/* Everything of a user's manager goes with it. */
static vmmiSurvival
bound_to_user(const vmmiUnit *unit, char **reason)
{
    *reason = g_strdup_printf("everything that runs under the manager of user %s ends with the "
                              "user's last session: run 'loginctl enable-linger %s'",
                              unit->user, unit->user);
    return VMMI_SURVIVAL_SERVICE_KILLS;
}

static vmmiSurvival
in_scope(const vmmiUnit *unit, char **reason)
{
    if (unit->maker == VMMI_SCOPE_USER && !unit->linger)
        return bound_to_user(unit, reason);
    *reason = g_strdup_printf("each plugin gets a scope of its own, so that stopping '%s' leaves "
                              "it alone", unit->name);
    return VMMI_SURVIVAL_SCOPE;
}

static vmmiSurvival
in_session(const vmmiUnitHost *host, const vmmiUnit *unit, const char *why, char **reason)
{
    const char *user = unit->user ? unit->user : "root";

    if (ask_session_kills(host, unit)) {
        *reason = g_strdup_printf("logind kills what a session leaves behind (KillUserProcesses), "
                                  "and no scope of its own: %s; run 'loginctl enable-linger %s'",
                                  why, user);
        return VMMI_SURVIVAL_SERVICE_KILLS;
    }
    if (unit->user && !unit->linger)
        *reason = g_strdup_printf("logind leaves plugins running when the session ends, but when the "
                                  "last of them has ended, the records go with the runtime "
                                  "directory of user %s: run 'loginctl enable-linger %s' to keep "
                                  "them", user, user);
    else
        *reason = g_strdup("logind leaves plugins running when the session ends");
    return VMMI_SURVIVAL_DETACHED;
}

static vmmiSurvival
in_service(const vmmiUnitHost *host, const vmmiUnit *unit, const char *why, char **reason)
{
    g_autofree char *mode = ask_kill_mode(host, unit);
    bool leaves = mode && (g_str_equal(mode, "process") || g_str_equal(mode, "none"));

    if (leaves && unit->kind == VMMI_UNIT_USER && unit->user && !unit->linger)
        return bound_to_user(unit, reason);
    if (leaves) {
        *reason = g_strdup_printf("'%s' has KillMode=%s, so that its stop leaves plugins alone",
                                  unit->name, mode);
        return VMMI_SURVIVAL_DETACHED;
    }
    *reason = g_strdup_printf("stopping '%s' kills everything in it (KillMode=%s), and plugins get "
                              "no scope of their own: %s; set KillMode=process for it%s%s%s",
                              unit->name, mode ? mode : "?", why,
                              unit->user && !unit->linger ? ", or run 'loginctl enable-linger " : "",
                              unit->user && !unit->linger ? unit->user : "",
                              unit->user && !unit->linger ? "'" : "");
    return VMMI_SURVIVAL_SERVICE_KILLS;
}

static vmmiSurvival
without_unit(const vmmiUnit *unit, char **reason)
{
    if (!unit->booted)
        *reason = g_strdup("systemd does not run here; plugins have a session of their own");
    else if (unit->kind == VMMI_UNIT_OWN)
        *reason = g_strdup_printf("this process runs in '%s', a scope of libvmmi already",
                                  unit->name);
    else
        *reason = g_strdup("this process belongs to no service and no session that could be stopped");
    return VMMI_SURVIVAL_DETACHED;
}

vmmiSurvival
vmmiSurvivalJudge(const vmmiUnitHost *host, const char *last, char **reason)
{
    g_auto(vmmiUnit) unit = { false };
    bool shown = last && !*last;
    const char *why = shown ? NULL : last;

    vmmiUnitLook(host, &unit);
    if (unit.kind == VMMI_UNIT_NONE || unit.kind == VMMI_UNIT_OWN)
        return without_unit(&unit, reason);
    if (!why && !shown && unit.maker == VMMI_SCOPE_POLKIT && !ask_polkit(host, &unit))
        why = "polkit does not allow it (" MANAGE_UNITS ")";
    if (!why && vmmiSurvivalWantsScope(host, &unit))
        return in_scope(&unit, reason);
    if (!why)
        why = unit.obstacle ? unit.obstacle : "it would end with the user's manager";
    return unit.kind == VMMI_UNIT_SESSION ? in_session(host, &unit, why, reason)
                                          : in_service(host, &unit, why, reason);
}
