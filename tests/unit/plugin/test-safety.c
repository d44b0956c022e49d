/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-safety.c: which files may be run, row by row (B18). Each refused row has exactly one flaw.
 *
 * The candidate is BASE/up/plugins/candidate. Rows that need other owners or another user run as
 * root only; the check then runs in a child that has become the user, since root would be let
 * through.
 */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "../tree.h"

#define SCRIPT "#!/bin/sh\n"

typedef enum { CALLER, ROOT, STRANGER } Owner;
typedef enum { FILE_, DIRECTORY, FIFO, SOCKET, LINK } Kind;

typedef struct {
    const char *name;
    const char *needle;           /* NULL: it may be run */
    Kind kind;
    const char *target;           /* of a link */
    mode_t mode, plugins_mode, up_mode, elsewhere_mode;   /* 0: 0755 */
    Owner owner, plugins_owner, up_owner;
    bool as_user;                 /* the caller is an ordinary user */
    bool own_group;               /* everything belongs to the user's private group */
} Row;

static const Row rows[] = {
    { "plain", NULL, .kind = FILE_ },
    { "not-executable", "candidate' is not executable (mode 0644)", .kind = FILE_, .mode = 0644 },
    { "group-writable", "candidate' can be written by group", .kind = FILE_, .mode = 0775 },
    { "others-writable", "candidate' can be written by others (mode 0757)", .kind = FILE_,
      .mode = 0757 },
    { "set-user-id", "candidate' is set-user-id (mode 4755)", .kind = FILE_, .mode = 04755 },
    { "set-group-id", "candidate' is set-group-id (mode 2755)", .kind = FILE_, .mode = 02755 },
    { "directory", "candidate' is a directory, not a regular file", .kind = DIRECTORY },
    { "fifo", "candidate' is a FIFO, not a regular file", .kind = FIFO },
    { "socket", "candidate' is a socket, not a regular file", .kind = SOCKET },

    { "directory-group-writable", "plugins' can be written by group", .kind = FILE_,
      .plugins_mode = 0775 },
    { "directory-others-writable", "plugins' can be written by others", .kind = FILE_,
      .plugins_mode = 0777 },
    { "above-group-writable", "up' can be written by group", .kind = FILE_, .up_mode = 0775 },
    { "above-others-writable", "up' can be written by others (mode 0757)", .kind = FILE_,
      .up_mode = 0757 },

    { "link", NULL, .kind = LINK, .target = "../../elsewhere/good" },
    { "link-absolute", "is a character device, not a regular file", .kind = LINK,
      .target = "/dev/null" },
    { "link-twice", NULL, .kind = LINK, .target = "../../elsewhere/link-to-good" },
    { "link-with-dots", NULL, .kind = LINK, .target = "./.././../elsewhere//good" },
    { "link-dangling", "elsewhere/nothing' does not exist, a link leads to it", .kind = LINK,
      .target = "../../elsewhere/nothing" },
    { "link-through-file", "good' is a regular file, not a directory", .kind = LINK,
      .target = "../../elsewhere/good/x" },
    { "link-loop", "leads through more than 40 links", .kind = LINK, .target = "candidate" },
    { "link-to-directory", "elsewhere' is a directory, not a regular file", .kind = LINK,
      .target = "../../elsewhere" },
    { "link-to-here", "leads to a directory, not to a regular file", .kind = LINK, .target = "." },
    { "link-to-above", "leads to a directory, not to a regular file", .kind = LINK,
      .target = ".." },
    { "link-to-root", "leads to a directory, not to a regular file", .kind = LINK, .target = "/" },
    { "link-to-unsafe", "unsafe' can be written by others", .kind = LINK,
      .target = "../../elsewhere/unsafe" },
    { "link-to-unsafe-directory", "elsewhere' can be written by others", .kind = LINK,
      .target = "../../elsewhere/good", .elsewhere_mode = 0777 },

    { "root-sticky-directory", NULL, .kind = FILE_, .plugins_mode = 01777, .plugins_owner = ROOT },
    { "root-sticky-above", NULL, .kind = FILE_, .up_mode = 01777, .up_owner = ROOT },
    { "owner-stranger", "candidate' is owned by user", .kind = FILE_, .owner = STRANGER },
    { "directory-owner-stranger", "plugins' is owned by user", .kind = FILE_,
      .plugins_owner = STRANGER },
    { "above-owner-stranger", "up' is owned by user", .kind = FILE_, .up_owner = STRANGER },
    { "link-owner-stranger", "candidate' is owned by user", .kind = LINK,
      .target = "../../elsewhere/good",
      .owner = STRANGER, .plugins_mode = 01777, .plugins_owner = ROOT },
    { "sticky-owner-stranger", "candidate' is owned by user", .kind = FILE_, .owner = STRANGER,
      .plugins_mode = 01777, .plugins_owner = ROOT },

    { "user-own", NULL, .kind = FILE_, .as_user = true },
    { "user-roots", NULL, .kind = FILE_, .owner = ROOT, .plugins_owner = ROOT, .up_owner = ROOT,
      .as_user = true },
    { "user-private-group", NULL, .kind = FILE_, .mode = 0775, .as_user = true, .own_group = true },
    { "user-private-group-directory", NULL, .kind = FILE_, .plugins_mode = 0775, .as_user = true,
      .own_group = true },
    { "user-other-group", "candidate' can be written by group 0", .kind = FILE_, .mode = 0775,
      .as_user = true },
    { "user-others", "candidate' can be written by others", .kind = FILE_, .mode = 0757,
      .as_user = true,
      .own_group = true },
    { "user-sticky-of-user", "plugins' can be written by others", .kind = FILE_,
      .plugins_mode = 01777,
      .as_user = true },
    { "user-stranger", "candidate' is owned by user", .kind = FILE_, .owner = STRANGER,
      .as_user = true },
    { "user-not-for-him", "candidate' may not be executed by user", .kind = FILE_, .mode = 0700,
      .owner = ROOT, .as_user = true },
    { "user-not-to-be-seen", "candidate' cannot be looked at: Permission denied", .kind = FILE_,
      .plugins_mode = 0700, .plugins_owner = ROOT, .as_user = true },
};

static const struct passwd *
ordinary_user(void)
{
    const struct passwd *user = getpwnam("daemon");   /* on Debian with a private group */

    return user ? user : getpwnam("nobody");
}

static mode_t
or_default(mode_t mode)
{
    return mode ? mode : 0755;
}

static void
set_owner(const Row *row, const char *path, Owner owner, mode_t mode)
{
    const struct passwd *user = ordinary_user();
    uid_t uid = owner == STRANGER ? 12345 : owner == CALLER && row->as_user ? user->pw_uid : 0;
    gid_t gid = row->own_group ? user->pw_gid : 0;

    if (geteuid() == 0)
        g_assert_cmpint(lchown(path, uid, gid), ==, 0);
    if (mode)
        g_assert_cmpint(chmod(path, mode), ==, 0);
}

static void
make_script(const char *path, mode_t mode)
{
    g_assert_true(g_file_set_contents(path, SCRIPT, -1, NULL));
    g_assert_cmpint(chmod(path, mode), ==, 0);
}

static void
make_socket(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    vmmi_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
}

static void
make_elsewhere(const char *base, const Row *row)
{
    g_autofree char *elsewhere = g_build_filename(base, "elsewhere", NULL);
    g_autofree char *good = g_build_filename(elsewhere, "good", NULL);
    g_autofree char *unsafe = g_build_filename(elsewhere, "unsafe", NULL);
    g_autofree char *link_path = g_build_filename(elsewhere, "link-to-good", NULL);

    g_assert_cmpint(mkdir(elsewhere, 0755), ==, 0);
    make_script(good, 0755);
    make_script(unsafe, 0757);
    g_assert_cmpint(symlink("good", link_path), ==, 0);
    g_assert_cmpint(chmod(elsewhere, or_default(row->elsewhere_mode)), ==, 0);
}

/* The path of the candidate. */
static char *
make_row(const char *base, const Row *row)
{
    g_autofree char *up = g_build_filename(base, "up", NULL);
    g_autofree char *plugins = g_build_filename(up, "plugins", NULL);
    char *path = g_build_filename(plugins, "candidate", NULL);

    g_assert_cmpint(mkdir(up, 0755), ==, 0);
    g_assert_cmpint(mkdir(plugins, 0755), ==, 0);
    switch (row->kind) {
    case FILE_: make_script(path, 0755); break;
    case DIRECTORY: g_assert_cmpint(mkdir(path, 0755), ==, 0); break;
    case FIFO: g_assert_cmpint(mkfifo(path, 0755), ==, 0); break;
    case SOCKET: make_socket(path); break;
    case LINK: g_assert_cmpint(symlink(row->target, path), ==, 0); break;
    }
    set_owner(row, path, row->owner, row->kind == LINK ? 0 : or_default(row->mode));
    set_owner(row, plugins, row->plugins_owner, or_default(row->plugins_mode));
    set_owner(row, up, row->up_owner, or_default(row->up_mode));
    return path;
}

/* The refusal of a path as the user sees it, "" when there is none, "?" when he could not be
 * become. */
static char *
check_as_user(const char *path)
{
    char message[1024] = "";
    ssize_t got;
    int ends[2], status = -1;
    pid_t pid;

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    pid = fork();
    if (pid == 0) {
        const struct passwd *user = ordinary_user();
        vmmiError *error = NULL;
        const char *text = "?";

        if (setgroups(0, NULL) == 0 && setegid(user->pw_gid) == 0 && seteuid(user->pw_uid) == 0) {
            vmmiPluginCheckFile(path, &error);
            text = vmmiErrorGetMessage(error);
        }
        if (write(ends[1], text, strlen(text)) < 0)
            _exit(1);
        vmmiErrorFree(error);
        _exit(0);
    }
    close(ends[1]);
    got = read(ends[0], message, sizeof(message) - 1);
    close(ends[0]);
    g_assert_cmpint(got, >=, 0);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    return g_strdup(message);
}

static char *
check_as_self(const char *path)
{
    g_autoptr(vmmiError) error = NULL;
    int result = vmmiPluginCheckFile(path, &error);

    g_assert_cmpint(result, ==, error ? -1 : 0);
    if (error)
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_REFUSED);
    return g_strdup(vmmiErrorGetMessage(error));
}

static void
test_row(gconstpointer data)
{
    const Row *row = data;
    g_autofree char *base = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *path = NULL;
    g_autofree char *message = NULL;

    g_assert_cmpint(chmod(base, 0755), ==, 0);
    make_elsewhere(base, row);
    path = make_row(base, row);
    message = row->as_user ? check_as_user(path) : check_as_self(path);
    if (!row->needle)
        g_assert_cmpstr(message, ==, "");
    else if (!strstr(message, row->needle))
        g_assert_cmpstr(message, ==, row->needle);
    remove_tree(base);
}

static bool
needs_root(const Row *row)
{
    return row->as_user || row->owner != CALLER || row->plugins_owner != CALLER ||
           row->up_owner != CALLER ||
           /* An ordinary user's own group may be private. */
           (row->needle && strstr(row->needle, "by group"));
}

static void
test_skipped(gconstpointer data G_GNUC_UNUSED)
{
    g_test_skip("needs root");
}

/* A file system without execution, in a mount namespace of the child's own. */
static void
test_noexec(void)
{
    g_autofree char *base = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(base, "candidate", NULL);
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        vmmiError *error = NULL;
        FILE *file;

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", base, "tmpfs", MS_NOEXEC, "mode=0755") < 0)
            _exit(77);
        file = fopen(path, "we");
        if (!file || fputs(SCRIPT, file) < 0 || fclose(file) != 0 || chmod(path, 0755) < 0)
            _exit(77);
        vmmiPluginCheckFile(path, &error);
        _exit(strstr(vmmiErrorGetMessage(error), "file system without execution") ? 0 : 1);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    rmdir(base);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_test_skip("cannot mount");
    else
        g_assert_cmpint(status, ==, 0);
}

static void
test_path(void)
{
    static const struct {
        const char *path, *message;
    } paths[] = {
        { "relative", "'relative' is not an absolute path" },
        { "/", "'/' leads to a directory, not to a regular file" },
        { "/no/such/file", "'/no' cannot be looked at: No such file or directory" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *message = check_as_self(paths[i].path);

        g_assert_cmpstr(message, ==, paths[i].message);
    }
    g_assert_cmpint(vmmiPluginCheckFile("relative", NULL), ==, -1);
}

int
main(int argc, char **argv)
{
    umask(022);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/plugin/safety/%s", rows[i].name);
        bool skip = needs_root(&rows[i]) && geteuid() != 0;

        g_test_add_data_func(path, &rows[i], skip ? test_skipped : test_row);
    }
    g_test_add_func("/plugin/safety/no-execution", test_noexec);
    g_test_add_func("/plugin/safety/path", test_path);
    return g_test_run();
}
