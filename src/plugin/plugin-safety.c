/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-safety.c: whether a file can be trusted to be what its owner put there (B18).
 *
 * Walks the path from the root as the kernel would, links included, and looks at every directory,
 * link and file that it meets. When all of them can be changed by root and the caller alone, nobody
 * else can swap the file between this check and its execution, so checking and executing by path is
 * sound.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/plugin.h"
#include "util/error.h"

#define MAX_LINKS 40
#define NO_GROUP ((gid_t)-1)

typedef struct {
    uid_t uid;
    GString *place;   /* where the walk stands: a directory without links in it, "" is the root */
    GQueue rest;      /* of char *: the components that are still to be visited */
    int links;
    bool arrived;     /* at something that is no directory to go through */
} Walk;

static void
walk_clear(Walk *walk)
{
    g_string_free(walk->place, TRUE);
    g_queue_clear_full(&walk->rest, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

static int
refuse(vmmiError **err, const char *path, const char *format, ...) VMMI_PRINTF(3, 4);

static int
refuse(vmmiError **err, const char *path, const char *format, ...)
{
    g_autofree char *shown = vmmiPluginEscape(*path ? path : "/");
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    return vmmiErrorSet(err, VMMI_ERR_PLUGIN_REFUSED, "'%s' %s", shown, why);
}

/*
 * The group that belongs to one user alone: it has his name and no other member. Not for root,
 * whose group is the primary one of other accounts on some systems.
 */
static gid_t
private_group(uid_t uid)
{
    char user_buffer[4096], group_buffer[16384];
    struct passwd user, *found_user = NULL;
    struct group group, *found_group = NULL;

    if (uid == 0 ||
        getpwuid_r(uid, &user, user_buffer, sizeof(user_buffer), &found_user) != 0 || !found_user ||
        getgrgid_r(user.pw_gid, &group, group_buffer, sizeof(group_buffer), &found_group) != 0 ||
        !found_group || !g_str_equal(user.pw_name, group.gr_name))
        return NO_GROUP;
    for (char **member = group.gr_mem; *member; member++) {
        if (!g_str_equal(*member, user.pw_name))
            return NO_GROUP;
    }
    return group.gr_gid;
}

static int
check_owner(const Walk *walk, const char *path, const struct stat *st, vmmiError **err)
{
    if (st->st_uid == 0 || st->st_uid == walk->uid)
        return 0;
    return refuse(err, path, "is owned by user %u, not by root or by user %u, who would run it",
                  (unsigned int)st->st_uid, (unsigned int)walk->uid);
}

static int
check_writers(const Walk *walk, const char *path, const struct stat *st, vmmiError **err)
{
    unsigned int mode = st->st_mode & 07777;

    if (mode & S_IWOTH) {
        refuse(err, path, "can be written by others (mode %04o)", mode);
    } else if ((mode & S_IWGRP) && st->st_gid != private_group(walk->uid)) {
        refuse(err, path, "can be written by group %u (mode %04o)", (unsigned int)st->st_gid, mode);
    } else {
        return 0;
    }
    vmmiErrorSetDetails(err, "chmod go-w on it makes it acceptable");
    return -1;
}

static int
check_directory(const Walk *walk, const char *path, const struct stat *st, vmmiError **err)
{
    if (check_owner(walk, path, st, err) < 0)
        return -1;
    /* Nobody can replace what belongs to somebody else in a sticky directory; owners are checked
     * one by one. */
    if (st->st_uid == 0 && (st->st_mode & S_ISVTX))
        return 0;
    return check_writers(walk, path, st, err);
}

static const char *
kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR: return "a directory";
    case S_IFIFO: return "a FIFO";
    case S_IFSOCK: return "a socket";
    case S_IFCHR: return "a character device";
    case S_IFBLK: return "a block device";
    default: return "a special file";
    }
}

static int
check_end(const Walk *walk, const char *path, const struct stat *st, vmmiError **err)
{
    if (!S_ISREG(st->st_mode))
        return refuse(err, path, "is %s, not a regular file", kind_of(st->st_mode));
    if (check_owner(walk, path, st, err) < 0)
        return -1;
    if (st->st_mode & (S_ISUID | S_ISGID))
        return refuse(err, path, "is set-%s-id (mode %04o)",
                      st->st_mode & S_ISUID ? "user" : "group", st->st_mode & 07777);
    if (check_writers(walk, path, st, err) < 0)
        return -1;
    if (!(st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
        return refuse(err, path, "is not executable (mode %04o)", st->st_mode & 07777);
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
        return refuse(err, path, "may not be executed by user %u (mode %04o, or a file system "
                                 "without execution)", (unsigned int)walk->uid, st->st_mode & 07777);
    return 0;
}

/* Puts the components of a path in front of those that are still to be visited. */
static void
walk_push(Walk *walk, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);

    for (guint i = g_strv_length(parts); i > 0; i--) {
        if (*parts[i - 1] && !g_str_equal(parts[i - 1], "."))
            g_queue_push_head(&walk->rest, g_strdup(parts[i - 1]));
    }
}

static int
follow_link(Walk *walk, const char *path, vmmiError **err)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof(target) - 1);

    if (length < 0)
        return refuse(err, path, "is a link that cannot be read: %s", g_strerror(errno));
    if (++walk->links > MAX_LINKS)
        return refuse(err, path, "leads through more than %d links", MAX_LINKS);
    target[length] = '\0';
    if (*target == '/')
        g_string_truncate(walk->place, 0);
    walk_push(walk, target);
    return 0;
}

static int
look(const Walk *walk, const char *path, struct stat *st, vmmiError **err)
{
    if (lstat(*path ? path : "/", st) == 0)
        return 0;
    if (walk->links > 0 && (errno == ENOENT || errno == ENOTDIR))
        return refuse(err, path, "does not exist, a link leads to it");
    return refuse(err, path, "cannot be looked at: %s", g_strerror(errno));
}

static void
walk_up(Walk *walk)
{
    const char *slash = strrchr(walk->place->str, '/');

    g_string_truncate(walk->place, slash ? (gsize)(slash - walk->place->str) : 0);
}

/* Visits one component. Returns 0, or -1. */
static int
walk_step(Walk *walk, const char *name, vmmiError **err)
{
    g_autofree char *path = g_strdup_printf("%s/%s", walk->place->str, name);
    bool last = g_queue_is_empty(&walk->rest);
    struct stat st;

    if (g_str_equal(name, "..")) {
        walk_up(walk);
        return 0;
    }
    if (look(walk, path, &st, err) < 0)
        return -1;
    if (S_ISLNK(st.st_mode)) {
        if (check_owner(walk, path, &st, err) < 0)
            return -1;
        return follow_link(walk, path, err);
    }
    if (last) {
        walk->arrived = true;
        return check_end(walk, path, &st, err);
    }
    if (!S_ISDIR(st.st_mode))
        return refuse(err, path, "is %s, not a directory",
                      S_ISREG(st.st_mode) ? "a regular file" : kind_of(st.st_mode));
    g_string_assign(walk->place, path);
    return check_directory(walk, path, &st, err);
}

int
vmmiPluginCheckFile(const char *path, vmmiError **err)
{
    g_auto(Walk) walk = { .uid = geteuid(), .place = g_string_new(NULL), .rest = G_QUEUE_INIT };
    struct stat st;

    if (*path != '/')
        return refuse(err, path, "is not an absolute path");
    if (look(&walk, "", &st, err) < 0 || check_directory(&walk, "", &st, err) < 0)
        return -1;
    walk_push(&walk, path);
    while (!g_queue_is_empty(&walk.rest)) {
        g_autofree char *name = g_queue_pop_head(&walk.rest);

        if (walk_step(&walk, name, err) < 0)
            return -1;
    }
    /* The root itself, or a link that ends with "." or "..". */
    return walk.arrived ? 0 : refuse(err, path, "leads to a directory, not to a regular file");
}
