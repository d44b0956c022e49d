/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor-run.c: vmmi doctor on the run directory: who may use it, where it is, whether there is room.
 */
#include "doctor.h"

#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MIB (1024.0 * 1024.0)
/* A record needs some 100 KiB, most of it reserved for what the plugin says. */
#define PROBLEM_MIB 1.0
#define NOTE_MIB 16.0
#define PROBLEM_FILES 100
/* What a busy manager uses. */
#define ENOUGH_INSTANCES 64
#define ENOUGH_WATCHES 4096

static void
check_missing(Doctor *doctor, const char *path, const char *quoted)
{
    g_autofree char *above = g_path_get_dirname(path);
    g_autofree char *user = doctor_user();
    g_autofree char *mend = g_strdup_printf("install -d -m 0700 -o %s %s", user, quoted);

    if (access(above, W_OK | X_OK) == 0)
        doctor_find(doctor, FINDING_OK, NULL, "'%s' is made by the first migration", path);
    else
        doctor_find(doctor, FINDING_PROBLEM, mend, "'%s' does not exist, and cannot be made in '%s': %s",
                    path, above, g_strerror(errno));
}

static void
check_owner(Doctor *doctor, const char *path, const char *quoted, const struct stat *st)
{
    unsigned int mode = st->st_mode & 07777;
    g_autofree char *user = doctor_user();
    g_autofree char *own = g_strdup_printf("chown %s %s", user, quoted);
    g_autofree char *close = g_strdup_printf("chmod 0700 %s", quoted);

    if (st->st_uid != geteuid() && geteuid() == 0)
        doctor_find(doctor, FINDING_NOTE, NULL,
                    "'%s' belongs to user %u: root can look at it with --run-dir, and start nothing "
                    "there", path, (unsigned int)st->st_uid);
    else if (st->st_uid != geteuid())
        doctor_find(doctor, FINDING_PROBLEM, own, "'%s' belongs to user %u, not to %s", path,
                    (unsigned int)st->st_uid, user);
    else if (mode & 027)
        doctor_find(doctor, FINDING_PROBLEM, close,
                    "'%s' has mode %04o: others could reach into it, so it is refused", path, mode);
    else
        doctor_find(doctor, FINDING_OK, NULL, "'%s' belongs to %s, mode %04o", path, user, mode);
}

/* Records are meant to go with the machine's uptime, and to be written without waiting for disks. */
static void
check_place(Doctor *doctor, const char *path)
{
    struct statfs fs;

    if (g_str_has_prefix(path, "/tmp/") && !doctor->common->run_dir && !g_getenv("VMMI_RUN_DIR"))
        doctor_find(doctor, FINDING_NOTE, NULL,
                    "XDG_RUNTIME_DIR is not set, so records are in /tmp, which services may have "
                    "for themselves (PrivateTmp=) and which is cleaned: a system user's service "
                    "should set VMMI_RUN_DIR (see tmpfiles.d/vmmi.conf)");
    else if (statfs(path, &fs) == 0 && fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC)
        doctor_find(doctor, FINDING_NOTE, NULL,
                    "'%s' is not on a tmpfs: records stay over a restart of the machine, where "
                    "they tell of migrations that are lost", path);
}

void
doctor_check_run_directory(Doctor *doctor)
{
    g_autofree char *path = doctor_run_directory(doctor);
    g_autofree char *quoted = doctor_quote(path);
    struct stat st;

    if (!g_path_is_absolute(path)) {
        doctor_find(doctor, FINDING_PROBLEM, NULL, "'%s' is not an absolute path", path);
    } else if (lstat(path, &st) < 0) {
        check_missing(doctor, path, quoted);
        check_place(doctor, path);
    } else if (!S_ISDIR(st.st_mode)) {
        g_autofree char *mend = g_strdup_printf("rm %s", quoted);

        doctor_find(doctor, FINDING_PROBLEM, mend, "'%s' is a link or no directory, so it is refused",
                    path);
    } else {
        check_owner(doctor, path, quoted, &st);
        check_place(doctor, path);
    }
}

void
doctor_check_space(Doctor *doctor)
{
    g_autofree char *path = doctor_run_directory(doctor);
    g_autofree char *above = g_path_get_dirname(path);
    g_autofree char *quoted = doctor_quote(path);
    g_autofree char *mend = g_strdup_printf("du -sh %s/jobs/*", quoted);
    struct statvfs fs;
    double free_mib;

    if (statvfs(path, &fs) < 0 && statvfs(above, &fs) < 0)
        return;
    free_mib = (double)fs.f_bavail * (double)fs.f_frsize / MIB;
    if (free_mib < PROBLEM_MIB || (fs.f_files && fs.f_favail < PROBLEM_FILES))
        doctor_find(doctor, FINDING_PROBLEM, mend,
                    "%.1f MiB and %llu files are free for records: a migration may not start",
                    free_mib, (unsigned long long)fs.f_favail);
    else
        doctor_find(doctor, free_mib < NOTE_MIB ? FINDING_NOTE : FINDING_OK, NULL,
                    "%.0f MiB are free for records", free_mib);
}

void
doctor_check_inotify(Doctor *doctor)
{
    long long instances = doctor_read_number("/proc/sys/fs/inotify/max_user_instances");
    long long watches = doctor_read_number("/proc/sys/fs/inotify/max_user_watches");
    int fd = inotify_init1(IN_CLOEXEC);
    bool watching = fd >= 0 && inotify_add_watch(fd, "/", IN_DELETE_SELF) >= 0;

    if (fd < 0)
        doctor_find(doctor, FINDING_PROBLEM, "sysctl fs.inotify.max_user_instances=1024",
                    "no directory can be watched: %s (at most %lld instances a user)",
                    g_strerror(errno), instances);
    else if (!watching)
        doctor_find(doctor, FINDING_PROBLEM, "sysctl fs.inotify.max_user_watches=524288",
                    "no directory can be watched: %s (at most %lld watches a user)",
                    g_strerror(errno), watches);
    else if (instances >= 0 && instances < ENOUGH_INSTANCES)
        doctor_find(doctor, FINDING_NOTE, "sysctl fs.inotify.max_user_instances=1024",
                    "only %lld processes of a user can watch directories", instances);
    else if (watches >= 0 && watches < ENOUGH_WATCHES)
        doctor_find(doctor, FINDING_NOTE, "sysctl fs.inotify.max_user_watches=524288",
                    "only %lld directories of a user can be watched", watches);
    else
        doctor_find(doctor, FINDING_OK, NULL, "directories can be watched");
    if (fd >= 0)
        close(fd);
}
