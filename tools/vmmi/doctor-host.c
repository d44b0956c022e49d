/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor-host.c: vmmi doctor on this machine and the host: what the service manager does to
 * plugins, the connection, what post-copy needs.
 */
#include "doctor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_MS 10000

/* --- the service manager ---------------------------------------------------------- */

/* What stands between the first quote behind @before and the next; NULL when nothing does. */
static char *
quoted_in(const char *text, const char *before)
{
    const char *start = strstr(text, before);
    const char *end = start ? strchr(start + strlen(before), '\'') : NULL;

    return end ? g_strndup(start + strlen(before), (gsize)(end - start - (ptrdiff_t)strlen(before)))
               : NULL;
}

/* Whether this process is in a unit of a user's own manager. */
static bool
is_below_user_manager(void)
{
    g_autofree char *text = NULL;

    return g_file_get_contents("/proc/self/cgroup", &text, NULL, NULL) && strstr(text, "/user@");
}

static char *
mend_survival(const char *reason)
{
    g_autofree char *user = quoted_in(reason, "'loginctl enable-linger ");
    g_autofree char *unit = quoted_in(reason, "stopping '");
    g_autofree char *quoted = unit ? doctor_quote(unit) : NULL;

    if (user)
        return g_strdup_printf("loginctl enable-linger %s", user);
    if (!unit || !g_str_has_suffix(unit, ".service"))
        return NULL;
    return g_strdup_printf("systemctl %sedit %s   # [Service] KillMode=process",
                           is_below_user_manager() ? "--user " : "", quoted);
}

static void
remove_empty(const char *directory)
{
    static const char *const names[] = { "version", "lock", "jobs", "by-guest", "" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(directory, names[i], NULL);

        remove(path);
    }
}

/* A manager is asked that has a directory of its own, so that nothing is made in the real one. */
void
doctor_check_service(Doctor *doctor)
{
    g_autofree char *directory = g_dir_make_tmp("vmmi-doctor-XXXXXX", NULL);
    vmmiError *error = NULL;
    vmmiManager *manager = directory ? vmmiManagerNew(directory, 0, &error) : NULL;
    const char *reason = NULL;
    vmmiSurvival survival = vmmiManagerGetSurvival(manager, &reason);
    g_autofree char *mend = mend_survival(reason);

    if (!manager)
        doctor_find(doctor, FINDING_NOTE, NULL, "it cannot be told whether plugins go on: %s",
                    vmmiErrorGetMessage(error));
    else if (survival == VMMI_SURVIVAL_SERVICE_KILLS)
        doctor_find(doctor, FINDING_PROBLEM, mend, "plugins end with what started them: %s", reason);
    else
        doctor_find(doctor, FINDING_OK, NULL, "plugins go on without what started them: %s", reason);
    vmmiManagerFree(manager);
    vmmiErrorFree(error);
    if (directory)
        remove_empty(directory);
}

/* The runtime directory of a user goes with the last process of a session, and the records with it. */
void
doctor_check_linger(Doctor *doctor)
{
    g_autofree char *run = doctor_run_directory(doctor);
    g_autofree char *user = doctor_user();
    g_autofree char *file = g_build_filename("/var/lib/systemd/linger", user, NULL);
    g_autofree char *mend = g_strdup_printf("loginctl enable-linger %s", user);

    if (geteuid() == 0 || !g_str_has_prefix(run, "/run/user/") ||
        access("/run/systemd/system", F_OK) < 0)
        doctor_find(doctor, FINDING_OK, NULL, "records do not depend on anybody being logged in");
    else if (access(file, F_OK) == 0)
        doctor_find(doctor, FINDING_OK, NULL, "records stay when %s logs out: lingering is on", user);
    else
        doctor_find(doctor, FINDING_NOTE, mend,
                    "when %s has logged out and no migration is left running, '%s' goes, and the "
                    "records of how they ended with it", user, run);
}

/* --- the host --------------------------------------------------------------------- */

static bool
is_there(const char *const *paths)
{
    for (; *paths; paths++) {
        if (access(*paths, F_OK) == 0)
            return true;
    }
    return false;
}

/* What helps against a local libvirt that does not answer. */
static const char *
mend_host(const char *uri, const char *why, char **buffer)
{
    static const char *const sockets[] = { "/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock",
                                           NULL };
    static const char *const modular[] = { "/usr/lib/systemd/system/virtqemud.service",
                                           "/lib/systemd/system/virtqemud.service", NULL };
    g_autofree char *user = doctor_user();

    if (uri && !g_str_has_prefix(uri, "qemu:///system") && !g_str_has_prefix(uri, "qemu+unix:///system"))
        return NULL;
    if (strstr(why, "ermission denied") || strstr(why, "uthentication")) {
        *buffer = g_strdup_printf("usermod -a -G libvirt %s", user);
        return *buffer;
    }
    if (is_there(sockets))
        return NULL;
    return is_there(modular) ? "systemctl start virtqemud.socket" : "systemctl start libvirtd";
}

void
doctor_check_host(Doctor *doctor)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    const char *uri = doctor->common->uri;
    g_autofree char *buffer = NULL;
    vmmiError *error = NULL;
    vmmiConnect *connect;

    options.open_timeout_ms = OPEN_MS;
    connect = vmmiConnectOpen(uri, &options, 0, &error);
    if (connect)
        doctor_find(doctor, FINDING_OK, NULL, "'%s' answers: driver %s, %s host",
                    vmmiConnectGetUri(connect), vmmiConnectGetDriver(connect),
                    vmmiConnectIsLocal(connect) ? "this" : "another");
    else
        doctor_find(doctor, FINDING_PROBLEM, mend_host(uri, vmmiErrorGetMessage(error), &buffer),
                    "%s%s%sdoes not answer: %s", uri ? "'" : "", uri ? uri : "the default host",
                    uri ? "' " : " ", vmmiErrorGetMessage(error));
    vmmiConnectUnref(connect);
    vmmiErrorFree(error);
}

/* QEMU takes what a page fault in the kernel needs: the call itself, or the device. */
void
doctor_check_postcopy(Doctor *doctor)
{
    long long allowed = doctor_read_number("/proc/sys/vm/unprivileged_userfaultfd");
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    int number = fd < 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    if (number == ENOSYS)
        doctor_find(doctor, FINDING_NOTE, NULL,
                    "guests cannot come here in post-copy: the kernel has no userfaultfd");
    else if (allowed == 1)
        doctor_find(doctor, FINDING_OK, NULL, "guests can come here in post-copy");
    else if (access("/dev/userfaultfd", F_OK) == 0)
        doctor_find(doctor, FINDING_NOTE, "sysctl vm.unprivileged_userfaultfd=1",
                    "guests can come here in post-copy only where QEMU runs as root, or may open "
                    "/dev/userfaultfd and is new enough to use it");
    else
        doctor_find(doctor, FINDING_NOTE, "sysctl vm.unprivileged_userfaultfd=1",
                    "guests can come here in post-copy only where QEMU runs as root%s",
                    number == EPERM ? "; this user is not allowed userfaultfd" : "");
}

/* --- signals ---------------------------------------------------------------------- */

/*
 * A plugin is asked for a status only when the signal would not kill it. Of one that waits in
 * sigwait() this is seen in its memory, which Yama hides from others than its parents.
 */
void
doctor_check_signals(Doctor *doctor)
{
    long long yama = doctor_read_number("/proc/sys/kernel/yama/ptrace_scope");

    if (geteuid() != 0 && yama > 0)
        doctor_find(doctor, FINDING_NOTE, NULL,
                    "a plugin that only waits for signals in sigwait() cannot be asked for its "
                    "status (kernel.yama.ptrace_scope is %lld); plugins that catch or block them "
                    "can", yama);
    else
        doctor_find(doctor, FINDING_OK, NULL, "plugins can be asked for their status");
}
