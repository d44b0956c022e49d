/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-unit.c: which unit of the service manager this process belongs to, and whether plugins can
 * have one of their own.
 *
 * Read from files, so that it costs next to nothing and changes nothing. Whether a unit's stop
 * kills what is in it has to be asked: launch-survival.c.
 */
#include "plugin/launch-unit.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "plugin/launch-scope.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/spawn.h"

#define CGROUP_MAX_BYTES (64 * 1024)
#define PASSWD_BYTES 16384

vmmiUnitHost
vmmiUnitThisHost(void)
{
    bool trusted = !vmmiSpawnIsPrivileged();

    return (vmmiUnitHost){
        .root = "",
        .uid = geteuid(),
        .runtime_dir = trusted ? getenv("XDG_RUNTIME_DIR") : NULL,
        .session_bus = trusted ? getenv("DBUS_SESSION_BUS_ADDRESS") : NULL,
        .systemd_run = VMMI_SYSTEMD_RUN,
        .systemctl = VMMI_SYSTEMCTL,
        .loginctl = VMMI_LOGINCTL,
        .pkcheck = VMMI_PKCHECK,
        .env = "/usr/bin/env",
    };
}

static bool
exists(const vmmiUnitHost *host, const char *path)
{
    g_autofree char *full = g_strconcat(host->root, path, NULL);

    return access(full, F_OK) == 0;
}

/* --- which unit ------------------------------------------------------------------- */

static bool
is_unit(const char *name)
{
    return g_str_has_suffix(name, ".service") || g_str_has_suffix(name, ".scope");
}

static vmmiUnitKind
kind_of(const char *name, bool users_manager)
{
    if (g_str_equal(name, "init.scope"))
        return VMMI_UNIT_NONE;
    if (g_str_has_prefix(name, VMMI_SCOPE_PREFIX) && g_str_has_suffix(name, ".scope"))
        return VMMI_UNIT_OWN;
    if (users_manager)
        return VMMI_UNIT_USER;
    return g_str_has_prefix(name, "session-") && g_str_has_suffix(name, ".scope")
               ? VMMI_UNIT_SESSION
               : VMMI_UNIT_SERVICE;
}

/* The innermost unit of a path of control groups; what is below it is the unit's own affair. */
static vmmiUnitKind
parse_path(const char *path, char **name)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    const char *unit = NULL;
    bool users_manager = false;

    for (size_t i = 0; parts[i]; i++) {
        /* A name that the kernel would take for its own file is escaped by one underscore. */
        const char *part = parts[i][0] == '_' ? parts[i] + 1 : parts[i];

        if (!is_unit(part))
            continue;
        users_manager = users_manager || (unit && g_str_has_prefix(unit, "user@"));
        unit = part;
    }
    *name = g_strdup(unit);
    return unit ? kind_of(unit, users_manager) : VMMI_UNIT_NONE;
}

/* What stands behind the second colon of "ID:CONTROLLERS:PATH" when systemd keeps that hierarchy. */
static const char *
path_of(const char *line)
{
    if (g_str_has_prefix(line, "0::"))
        return line + strlen("0::");
    line = strchr(line, ':');
    return line && g_str_has_prefix(line, ":name=systemd:") ? line + strlen(":name=systemd:") : NULL;
}

vmmiUnitKind
vmmiUnitParse(const char *text, char **name)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    *name = NULL;
    for (size_t i = 0; lines[i]; i++) {
        const char *path = path_of(lines[i]);
        vmmiUnitKind kind;

        if (!path)
            continue;
        g_clear_pointer(name, g_free);
        kind = parse_path(path, name);
        if (kind != VMMI_UNIT_NONE)
            return kind;
    }
    return VMMI_UNIT_NONE;
}

static vmmiUnitKind
own_unit(const vmmiUnitHost *host, char **name)
{
    g_autofree char *path = g_strconcat(host->root, "/proc/self/cgroup", NULL);
    g_autofree char *text = NULL;

    if (vmmiFileReadAt(AT_FDCWD, path, CGROUP_MAX_BYTES, false, &text, NULL, NULL) < 0)
        return VMMI_UNIT_NONE;
    return vmmiUnitParse(text, name);
}

/* --- who would make a scope ------------------------------------------------------- */

/* A user without a name is known by number. */
static char *
name_of_user(const vmmiUnitHost *host)
{
    char buffer[PASSWD_BYTES];
    struct passwd entry, *found = NULL;

    if (host->user)
        return g_strdup(host->user);
    if (getpwuid_r(host->uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
        return g_strdup(found->pw_name);
    return g_strdup_printf("%u", (unsigned int)host->uid);
}

static bool
lingers(const vmmiUnitHost *host, const char *user)
{
    g_autofree char *path = g_strconcat("/var/lib/systemd/linger/", user, NULL);

    return !strchr(user, '/') && exists(host, path);
}

/* The runtime directory in which a manager of this user listens, or NULL. */
static char *
find_users_manager(const vmmiUnitHost *host)
{
    g_autofree char *usual = g_strdup_printf("/run/user/%u", (unsigned int)host->uid);
    const char *const places[] = { host->runtime_dir, usual };

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *socket = NULL;

        if (!places[i] || !g_path_is_absolute(places[i]))
            continue;
        socket = g_build_filename(places[i], "systemd/private", NULL);
        if (exists(host, socket))
            return g_strdup(places[i]);
    }
    return NULL;
}

static vmmiScopeMaker
find_maker(const vmmiUnitHost *host, vmmiUnit *unit)
{
    bool bus = exists(host, "/run/dbus/system_bus_socket");

    if (access(host->systemd_run, X_OK) < 0) {
        unit->obstacle = g_strdup_printf("%s is missing", host->systemd_run);
        return VMMI_SCOPE_NOBODY;
    }
    if (host->uid == 0) {
        if (exists(host, "/run/systemd/private") || bus)
            return VMMI_SCOPE_SYSTEM;
        unit->obstacle = g_strdup("/run/systemd/private cannot be reached from here");
        return VMMI_SCOPE_NOBODY;
    }
    /* A manager that goes with the last session of a person is no place for a service's work. */
    if (unit->runtime_dir && (unit->linger || unit->kind != VMMI_UNIT_SERVICE || !bus))
        return VMMI_SCOPE_USER;
    if (bus && unit->kind == VMMI_UNIT_SERVICE)
        return VMMI_SCOPE_POLKIT;
    unit->obstacle = g_strdup_printf("no manager of user %s runs", unit->user);
    return VMMI_SCOPE_NOBODY;
}

void
vmmiUnitLook(const vmmiUnitHost *host, vmmiUnit *unit)
{
    *unit = (vmmiUnit){ .booted = exists(host, "/run/systemd/system") };
    if (!unit->booted)
        return;
    unit->kind = own_unit(host, &unit->name);
    if (unit->kind == VMMI_UNIT_NONE)
        return;
    if (host->uid != 0) {
        unit->user = name_of_user(host);
        unit->linger = lingers(host, unit->user);
        unit->runtime_dir = find_users_manager(host);
    }
    if (unit->kind != VMMI_UNIT_OWN)
        unit->maker = find_maker(host, unit);
}

void
vmmiUnitClear(vmmiUnit *unit)
{
    g_clear_pointer(&unit->name, g_free);
    g_clear_pointer(&unit->user, g_free);
    g_clear_pointer(&unit->runtime_dir, g_free);
    g_clear_pointer(&unit->obstacle, g_free);
}
