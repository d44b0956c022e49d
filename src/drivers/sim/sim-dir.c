/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-dir.c: the directory in which simulated worlds are kept. (The plugin room, which keeps the records of
 * migrations in the same run directory, is above this one.)
 */
#include "drivers/sim/sim-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "util/cleanup.h"
#include "util/error.h"

static char *
run_dir_path(void)
{
    const char *given = secure_getenv("VMMI_RUN_DIR");
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");

    if (given && *given)
        return g_strdup(given);
    if (geteuid() == 0)
        return g_strdup("/run/vmmi");
    if (runtime && g_path_is_absolute(runtime))
        return g_build_filename(runtime, "vmmi", NULL);
    return g_strdup_printf("/tmp/vmmi-%u", (unsigned int)geteuid());
}

/* Opens a directory of ours, and makes it if needed: no link, no other owner, nobody else may write. */
static int
open_own(int parent, const char *name, const char *path, vmmiError **err)
{
    vmmi_autofd int fd = -1;
    struct stat st;

    if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno,
                                 "cannot make the directory '%s'; VMMI_RUN_DIR chooses another one",
                                 path);
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_RUN_DIR, errno,
                                 "cannot open the directory '%s'; VMMI_RUN_DIR chooses another one",
                                 path);
    if (st.st_uid != geteuid())
        return vmmiErrorSet(
            err, VMMI_ERR_RUN_DIR,
            "the directory '%s' belongs to user %u, not to %u; VMMI_RUN_DIR chooses another one",
            path, (unsigned int)st.st_uid, (unsigned int)geteuid());
    if (st.st_mode & 027)
        return vmmiErrorSet(
            err, VMMI_ERR_RUN_DIR,
            "the directory '%s' has mode %04o: others can reach into it; VMMI_RUN_DIR chooses another one",
            path, (unsigned int)st.st_mode & 07777);
    return vmmiFdSteal(&fd);
}

int
vmmiSimDirOpen(char **ret_path, vmmiError **err)
{
    g_autofree char *run = run_dir_path();
    g_autofree char *path = g_build_filename(run, "sim", NULL);
    vmmi_autofd int parent = -1;
    int fd;

    if (!g_path_is_absolute(run))
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            "VMMI_RUN_DIR must be an absolute path, since other processes use it "
                            "too, got '%s'",
                            run);
    parent = open_own(AT_FDCWD, run, run, err);
    fd = parent < 0 ? -1 : open_own(parent, "sim", path, err);
    if (fd >= 0)
        *ret_path = g_steal_pointer(&path);
    return fd;
}
