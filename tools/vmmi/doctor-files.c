/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor-files.c: looking at files for the checks of vmmi doctor.
 */
#include "doctor.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
doctor_user(void)
{
    const struct passwd *entry = getpwuid(geteuid());

    return entry ? g_strdup(entry->pw_name) : g_strdup_printf("%u", (unsigned int)geteuid());
}

char *
doctor_quote(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@";

    return path[strspn(path, plain)] || !*path ? g_shell_quote(path) : g_strdup(path);
}

char *
doctor_run_directory(const Doctor *doctor)
{
    const char *chosen = g_getenv("VMMI_RUN_DIR");
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");

    if (doctor->common->run_dir)
        return g_strdup(doctor->common->run_dir);
    if (chosen && *chosen)
        return g_strdup(chosen);
    if (geteuid() == 0)
        return g_strdup("/run/vmmi");
    if (runtime && g_path_is_absolute(runtime))
        return g_build_filename(runtime, "vmmi", NULL);
    return g_strdup_printf("/tmp/vmmi-%u", (unsigned int)geteuid());
}

long long
doctor_read_number(const char *path)
{
    FILE *file = fopen(path, "re");
    long long number = -1;

    if (!file)
        return -1;
    if (fscanf(file, "%lld", &number) != 1)
        number = -1;
    fclose(file);
    return number;
}

/* A group that has this user's name is his own, as a rule of distributions; root has none. */
static bool
is_own_group(gid_t gid)
{
    g_autofree char *user = doctor_user();
    const struct group *group = geteuid() == 0 ? NULL : getgrgid(gid);

    return group && g_str_equal(group->gr_name, user) && (!group->gr_mem || !*group->gr_mem);
}

/* One file or directory; the rule is that of plugins. */
static char *
distrust_one(const char *path, char **mend)
{
    g_autofree char *quoted = doctor_quote(path);
    struct stat st;

    if (stat(path, &st) < 0)
        return g_strdup_printf("'%s' cannot be looked at: %s", path, g_strerror(errno));
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        *mend = g_strdup_printf("chown root %s", quoted);
        return g_strdup_printf("'%s' belongs to user %u, who could change it", path,
                               (unsigned int)st.st_uid);
    }
    if (S_ISDIR(st.st_mode) && st.st_uid == 0 && (st.st_mode & S_ISVTX))
        return NULL;
    if (!(st.st_mode & S_IWOTH) && (!(st.st_mode & S_IWGRP) || is_own_group(st.st_gid)))
        return NULL;
    *mend = g_strdup_printf("chmod go-w %s", quoted);
    return g_strdup_printf("'%s' can be written by %s (mode %04o)", path,
                           st.st_mode & S_IWOTH ? "everybody" : "its group",
                           (unsigned int)st.st_mode & 07777);
}

static char *
distrust_upwards(const char *path, char **mend)
{
    g_autofree char *place = g_strdup(path);

    for (;;) {
        char *wrong = distrust_one(place, mend);
        char *above;

        if (wrong || strcmp(place, "/") == 0)
            return wrong;
        above = g_path_get_dirname(place);
        g_free(place);
        place = above;
    }
}

char *
doctor_distrust(const char *path, char **mend)
{
    char *resolved = realpath(path, NULL);
    char *wrong;

    *mend = NULL;
    if (!resolved)
        return g_strdup_printf("'%s' cannot be reached: %s", path, g_strerror(errno));
    /* The way to a link matters as much as what it leads to. */
    wrong = distrust_upwards(resolved, mend);
    if (!wrong && strcmp(path, resolved) != 0)
        wrong = distrust_upwards(path, mend);
    free(resolved);
    return wrong;
}
