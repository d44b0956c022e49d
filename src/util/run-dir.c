/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run-dir.c: where the run directory is, and whether a directory may be used as one.
 */
#include "util/run-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "util/cleanup.h"
#include "util/error.h"

#define HINT "set VMMI_RUN_DIR to a directory of your own"
#define NAMED "(VMMI_RUN_DIR names another)"

char *
vmmiRunDirDefaultPath(void)
{
    /* A program that gained privileges does not let its user choose. */
    const char *chosen = secure_getenv("VMMI_RUN_DIR");
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");

    if (chosen && *chosen)
        return g_strdup(chosen);
    if (geteuid() == 0)
        return g_strdup("/run/vmmi");
    if (runtime && g_path_is_absolute(runtime))
        return g_build_filename(runtime, "vmmi", NULL);
    return g_strdup_printf("/tmp/vmmi-%u", (unsigned int)geteuid());
}

char *
vmmiRunDirResolvePath(const char *chosen, vmmiError **err)
{
    g_autofree char *given = chosen && *chosen ? g_strdup(chosen) : vmmiRunDirDefaultPath();

    if (g_path_is_absolute(given))
        return g_canonicalize_filename(given, "/");
    vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "run directory '%s' is not an absolute path; " HINT, given);
    return NULL;
}

int
vmmiRunDirOpenAt(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
check_directory(int fd, const char *path, bool read_only, vmmiError **err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno, "cannot look at run directory '%s'",
                                 path);
    if (read_only && geteuid() == 0)
        return 0;
    if (st.st_uid != geteuid())
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            "run directory '%s' belongs to user %u, not to %u; " HINT, path,
                            (unsigned int)st.st_uid, (unsigned int)geteuid());
    if (st.st_mode & 027)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            "run directory '%s' has mode %04o, others could reach into it: "
                            "if it is for this alone, chmod 0700 it, else " HINT, path, (unsigned int)st.st_mode & 07777);
    return 0;
}

int
vmmiRunDirOpenChecked(int dir_fd, const char *name, const char *path, bool read_only,
                      vmmiError **err)
{
    vmmi_autofd int fd = -1;

    if (!read_only && mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno,
                                 "cannot make run directory '%s' " NAMED, path);
    fd = vmmiRunDirOpenAt(dir_fd, name);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            "'%s' is a link or no directory, it cannot be the run directory; " HINT,
                            path);
    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno,
                                 "cannot open run directory '%s' " NAMED, path);
    if (check_directory(fd, path, read_only, err) < 0)
        return -1;
    return vmmiFdSteal(&fd);
}
