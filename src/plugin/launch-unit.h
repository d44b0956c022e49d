/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * launch-unit.h: which unit of the service manager this process belongs to, and whether plugins can
 * have one of their own.
 */
#ifndef VMMI_PLUGIN_LAUNCH_UNIT_H
#define VMMI_PLUGIN_LAUNCH_UNIT_H

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

/* Where to look and whom to ask; tests look elsewhere. All borrowed. */
typedef struct {
    const char *root;          /* in front of /proc, /run and /var; "" in real life */
    uid_t uid;
    const char *user;          /* its name; NULL: looked up when it is needed */
    const char *runtime_dir;   /* XDG_RUNTIME_DIR, NULL when it is not set or not to be trusted */
    const char *session_bus;   /* DBUS_SESSION_BUS_ADDRESS, likewise */
    const char *systemd_run, *systemctl, *loginctl, *pkcheck, *env;
    unsigned int scope_ms;     /* from the call of systemd-run until a shim has begun; 0: 5,000 */
} vmmiUnitHost;

typedef enum {
    VMMI_UNIT_NONE = 0,   /* no systemd, or no unit that could be stopped */
    VMMI_UNIT_SERVICE,    /* of the system's manager */
    VMMI_UNIT_USER,       /* of a user's manager */
    VMMI_UNIT_SESSION,    /* somebody logged in */
    VMMI_UNIT_OWN         /* a scope that was made for a migration */
} vmmiUnitKind;

/* Who would make a scope. */
typedef enum {
    VMMI_SCOPE_NOBODY = 0,
    VMMI_SCOPE_SYSTEM,    /* the system's manager, for root */
    VMMI_SCOPE_USER,      /* the user's own manager */
    VMMI_SCOPE_POLKIT     /* the system's manager, if polkit allows it */
} vmmiScopeMaker;

typedef struct {
    bool booted;          /* systemd is the service manager */
    vmmiUnitKind kind;
    char *name;           /* NULL when there is none */
    char *user;           /* NULL for root, and when there is no unit */
    bool linger;          /* the user's manager stays when nobody is logged in */
    vmmiScopeMaker maker;
    char *runtime_dir;    /* of the user's manager; NULL when there is none */
    char *obstacle;       /* why nobody would make a scope, NULL when somebody would */
} vmmiUnit;

/* This process on this machine; borrows from the environment. */
vmmiUnitHost vmmiUnitThisHost(void);
/*
 * Looks at files only: /run/systemd, /proc/self/cgroup, the sockets of the managers, the list of
 * lingering users. Nothing is started and nobody is asked. Without systemd that is one look.
 */
void vmmiUnitLook(const vmmiUnitHost *host, vmmiUnit *unit);
void vmmiUnitClear(vmmiUnit *unit);
/* The unit and its kind from the text of /proc/self/cgroup; the name is to be freed or NULL. */
vmmiUnitKind vmmiUnitParse(const char *text, char **name);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiUnit, vmmiUnitClear)

#endif
