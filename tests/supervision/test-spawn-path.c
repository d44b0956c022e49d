/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-spawn-path.c: row R20 of docs/reliability.md: which files are executed when a plugin is
 * named, and which never, as root and as an ordinary user. Each row is a start from the call of the
 * library on; what is refused was not executed, not even to describe itself, and left no record.
 *
 * The check alone, with more rows, is tests/unit/plugin/test-safety.c.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <libvmmi/vmmi-error.h>

#include "attempt.h"

#define REFUSED VMMI_ERR_PLUGIN_REFUSED
#define LAUNCH VMMI_ERR_PLUGIN_LAUNCH
#define UNKNOWN VMMI_ERR_PLUGIN_UNKNOWN

/* --- what is prepared ------------------------------------------------------------- */

static bool
set_mode(const char *path, mode_t mode)
{
    g_assert_cmpint(chmod(path, mode), ==, 0);
    return true;
}

static bool
give_away(const char *path)
{
    g_assert_cmpint(lchown(path, STRANGER, STRANGER), ==, 0);
    return true;
}

/* A good candidate; the caller's path of it is in @path, a static one. */
static const char *
good(const Place *place)
{
    static char path[4096];

    make_script(place, place->plugins, "candidate", 0755);
    g_snprintf(path, sizeof(path), "%s/candidate", place->plugins);
    return path;
}

static bool
plain(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return good(place) != NULL;
}

static bool
group_writable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    const char *path = good(place);

    /* The user's own group is private, and may write. */
    return (geteuid() != 0 || chown(path, place->uid, 0) == 0) && set_mode(path, 0775);
}

static bool
others_writable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return set_mode(good(place), 0757);
}

static bool
directory_group_writable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    good(place);
    return (geteuid() != 0 || chown(place->plugins, place->uid, 0) == 0) &&
           set_mode(place->plugins, 0775);
}

static bool
directory_others_writable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    good(place);
    return set_mode(place->plugins, 0777);
}

static bool
parent_group_writable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    good(place);
    return (geteuid() != 0 || chown(place->up, place->uid, 0) == 0) && set_mode(place->up, 0775);
}

static bool
parent_others_writable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    good(place);
    return set_mode(place->up, 0777);
}

static bool
other_owner(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return give_away(good(place));
}

static bool
directory_other_owner(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    good(place);
    return give_away(place->plugins);
}

static bool
parent_other_owner(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    good(place);
    return give_away(place->up);
}

/* Root's own, for an ordinary user. */
static bool
roots(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return chown(good(place), 0, 0) == 0 && chown(place->plugins, 0, 0) == 0;
}

static bool
not_for_him(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    const char *path = good(place);

    return chown(path, 0, 0) == 0 && set_mode(path, 0700);
}

static void
link_to(const Place *place, const char *target, const char *name)
{
    g_autofree char *path = at(place->plugins, name);

    g_assert_cmpint(symlink(target, path), ==, 0);
    if (geteuid() == 0)
        g_assert_cmpint(lchown(path, place->uid, place->gid), ==, 0);
}

static bool
link_out(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    make_script(place, place->elsewhere, "target", 0755);
    link_to(place, "../../elsewhere/target", "candidate");
    return true;
}

static bool
link_out_writable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    make_script(place, place->elsewhere, "target", 0757);
    link_to(place, "../../elsewhere/target", "candidate");
    return true;
}

static bool
link_out_directory_writable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    make_script(place, place->elsewhere, "target", 0755);
    link_to(place, "../../elsewhere/target", "candidate");
    return set_mode(place->elsewhere, 0777);
}

static bool
link_dangling(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    link_to(place, "../../elsewhere/nothing", "candidate");
    return true;
}

static bool
link_loop(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    link_to(place, "candidate", "candidate");
    return true;
}

static bool
link_other_owner(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    g_autofree char *path = at(place->plugins, "candidate");

    make_script(place, place->elsewhere, "target", 0755);
    link_to(place, "../../elsewhere/target", "candidate");
    return give_away(path);
}

/* The directory is reached through a link from elsewhere. */
static bool
link_in(const Place *place, Attempt *attempt)
{
    attempt->path = at(place->elsewhere, "plugins");
    g_assert_cmpint(symlink(place->plugins, attempt->path), ==, 0);
    return good(place) != NULL;
}

static bool
dots_in_path(const Place *place, Attempt *attempt)
{
    attempt->path = at(place->elsewhere, "../up/./plugins");
    return good(place) != NULL;
}

/* What lies behind the dots is looked at all the same. */
static bool
dots_in_path_writable(const Place *place, Attempt *attempt)
{
    attempt->path = at(place->elsewhere, "../up/plugins");
    good(place);
    return set_mode(place->elsewhere, 0777);
}

static bool
relative_path(const Place *place, Attempt *attempt)
{
    attempt->path = g_strdup("plugins");
    return good(place) != NULL && chdir(place->up) == 0;
}

static bool
fifo(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    g_autofree char *path = at(place->plugins, "candidate");

    return mkfifo(path, 0755) == 0 && chown(path, place->uid, place->gid) == 0;
}

static bool
device(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    g_autofree char *path = at(place->plugins, "candidate");

    return mknod(path, S_IFCHR | 0755, makedev(1, 3)) == 0;
}

static bool
unix_socket(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_snprintf(address.sun_path, sizeof(address.sun_path), "%s/candidate", place->plugins);
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool
directory(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    g_autofree char *path = at(place->plugins, "candidate");

    return mkdir(path, 0755) == 0;
}

static bool
set_user_id(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return set_mode(good(place), 04755);
}

static bool
set_group_id(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return set_mode(good(place), 02755);
}

static bool
not_executable(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return set_mode(good(place), 0644);
}

static bool
no_execution(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", place->plugins, "tmpfs", MS_NOEXEC, "mode=0755") < 0)
        return false;
    return good(place) != NULL;
}

static bool
write_file(const Place *place, const char *text)
{
    const char *path = good(place);

    return g_file_set_contents(path, text, -1, NULL) && chmod(path, 0755) == 0 &&
           (geteuid() != 0 || chown(path, place->uid, place->gid) == 0);
}

static bool
no_interpreter(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return write_file(place, "#!/no/such/interpreter\n");
}

static bool
no_program(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return write_file(place, "\x7f" "ELF and nothing else\n");
}

static bool
empty(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    return write_file(place, "");
}

static bool
being_written(const Place *place, Attempt *attempt G_GNUC_UNUSED)
{
    g_autofree char *path = at(place->plugins, "candidate");

    make_program(place, place->plugins, "candidate", 0755);
    return open(path, O_WRONLY | O_CLOEXEC) >= 0;   /* open until the process ends */
}

/* --- names ------------------------------------------------------------------------ */

static bool
named(const Place *place, Attempt *attempt, const char *name)
{
    attempt->name = g_strdup(name);
    return good(place) != NULL;
}

static bool
name_empty(const Place *place, Attempt *attempt)
{
    return named(place, attempt, "");
}

static bool
name_dots(const Place *place, Attempt *attempt)
{
    return named(place, attempt, "..");
}

static bool
name_slash(const Place *place, Attempt *attempt)
{
    return named(place, attempt, "../plugins/candidate");
}

static bool
name_absolute(const Place *place, Attempt *attempt)
{
    return named(place, attempt, good(place));
}

static bool
name_option(const Place *place, Attempt *attempt)
{
    return named(place, attempt, "--help");
}

/* These are there. */
static bool
named_file(const Place *place, Attempt *attempt, const char *name)
{
    make_script(place, place->plugins, name, 0755);
    return named(place, attempt, name);
}

static bool
name_reserved(const Place *place, Attempt *attempt)
{
    return named_file(place, attempt, "migrate");
}

static bool
name_not_utf8(const Place *place, Attempt *attempt)
{
    return named_file(place, attempt, "a\377b");
}

static bool
name_newline(const Place *place, Attempt *attempt)
{
    return named_file(place, attempt, "a\nb");
}

static bool
name_hidden(const Place *place, Attempt *attempt)
{
    return named_file(place, attempt, ".hidden");
}

static bool
name_longest(const Place *place, Attempt *attempt)
{
    g_autofree char *name = g_strnfill(255, 'n');

    return named_file(place, attempt, name);
}

static bool
name_too_long(const Place *place, Attempt *attempt)
{
    g_autofree char *name = g_strnfill(256, 'n');

    return named(place, attempt, name);
}

static bool
name_missing(const Place *place, Attempt *attempt)
{
    return named(place, attempt, "nothing-like-it");
}

/* --- the table -------------------------------------------------------------------- */

typedef enum { ANYBODY, ROOT_MAKES, USER_ONLY } Need;

static const struct {
    const char *name;
    bool (*prepare)(const Place *place, Attempt *attempt);
    int code;              /* 0: it runs */
    const char *message;
    Need need;
} rows[] = {
    { "plain", plain, 0, "", ANYBODY },
    { "group-writable", group_writable, REFUSED, "candidate' can be written by group 0",
      ROOT_MAKES },
    { "others-writable", others_writable, REFUSED, "candidate' can be written by others", ANYBODY },
    { "directory-group-writable", directory_group_writable, REFUSED,
      "plugins' can be written by group 0", ROOT_MAKES },
    { "directory-others-writable", directory_others_writable, REFUSED,
      "plugins' can be written by others", ANYBODY },
    { "parent-group-writable", parent_group_writable, REFUSED, "up' can be written by group 0",
      ROOT_MAKES },
    { "parent-others-writable", parent_others_writable, REFUSED, "up' can be written by others",
      ANYBODY },
    { "other-owner", other_owner, REFUSED, "candidate' is owned by user 12345", ROOT_MAKES },
    { "directory-other-owner", directory_other_owner, REFUSED, "plugins' is owned by user 12345",
      ROOT_MAKES },
    { "parent-other-owner", parent_other_owner, REFUSED, "up' is owned by user 12345",
      ROOT_MAKES },
    { "roots", roots, 0, "", USER_ONLY },
    { "not-for-him", not_for_him, REFUSED, "may not be executed by user", USER_ONLY },
    { "link-out", link_out, 0, "", ANYBODY },
    { "link-out-writable", link_out_writable, REFUSED, "target' can be written by others",
      ANYBODY },
    { "link-out-directory-writable", link_out_directory_writable, REFUSED,
      "elsewhere' can be written by others", ANYBODY },
    { "link-dangling", link_dangling, REFUSED, "nothing' does not exist, a link leads to it",
      ANYBODY },
    { "link-loop", link_loop, REFUSED, "more than 40 links", ANYBODY },
    { "link-other-owner", link_other_owner, REFUSED, "candidate' is owned by user 12345",
      ROOT_MAKES },
    { "link-in", link_in, 0, "", ANYBODY },
    { "dots-in-path", dots_in_path, 0, "", ANYBODY },
    { "dots-in-path-writable", dots_in_path_writable, REFUSED,
      "elsewhere' can be written by others", ANYBODY },
    { "relative-path", relative_path, 0, "", ANYBODY },
    { "fifo", fifo, REFUSED, "is a FIFO, not a regular file", ANYBODY },
    { "device", device, REFUSED, "is a character device", ROOT_MAKES },
    { "socket", unix_socket, REFUSED, "is a socket", ANYBODY },
    { "directory", directory, REFUSED, "is a directory", ANYBODY },
    { "set-user-id", set_user_id, REFUSED, "is set-user-id (mode 4755)", ANYBODY },
    { "set-group-id", set_group_id, REFUSED, "is set-group-id (mode 2755)", ANYBODY },
    { "not-executable", not_executable, REFUSED, "is not executable (mode 0644)", ANYBODY },
    { "no-execution", no_execution, REFUSED, "a file system without execution", ROOT_MAKES },
    { "no-interpreter", no_interpreter, LAUNCH, "interpreter '/no/such/interpreter' is missing",
      ANYBODY },
    { "no-program", no_program, LAUNCH, "neither a program for this machine nor a script",
      ANYBODY },
    { "empty", empty, LAUNCH, "neither a program for this machine nor a script", ANYBODY },
    { "being-written", being_written, LAUNCH, "Text file busy", ANYBODY },
    { "name-empty", name_empty, REFUSED, "plugin name '' is empty", ANYBODY },
    { "name-dots", name_dots, REFUSED, "begins with '.'", ANYBODY },
    { "name-slash", name_slash, REFUSED, "contains '/'", ANYBODY },
    { "name-absolute", name_absolute, REFUSED, "contains '/'", ANYBODY },
    { "name-option", name_option, REFUSED, "begins with '-'", ANYBODY },
    { "name-reserved", name_reserved, REFUSED, "is reserved", ANYBODY },
    { "name-not-utf8", name_not_utf8, REFUSED, "'a\\377b' is not valid UTF-8", ANYBODY },
    { "name-newline", name_newline, REFUSED, "'a\\nb' contains a control character", ANYBODY },
    { "name-hidden", name_hidden, REFUSED, "begins with '.'", ANYBODY },
    { "name-longest", name_longest, 0, "", ANYBODY },
    { "name-too-long", name_too_long, REFUSED, "is longer than 255 bytes", ANYBODY },
    { "name-missing", name_missing, UNKNOWN, "there is no plugin 'nothing-like-it'", ANYBODY },
};

static void
run_row(size_t row, bool as_user)
{
    Place place;
    Attempt result;

    place_init(&place, as_user);
    if (!attempt(&place, rows[row].prepare, &result)) {
        g_test_skip("this cannot be prepared here");
    } else {
        g_assert_cmpint(result.code, ==, rows[row].code);
        g_assert_cmpuint(result.started, ==, rows[row].code == 0);
        g_assert_cmpint(place_ran(&place, NULL), ==, rows[row].code == 0);
        if (!strstr(result.message, rows[row].message))
            g_assert_cmpstr(result.message, ==, rows[row].message);
    }
    place_clear(&place);
}

static void
test_as_self(gconstpointer data)
{
    run_row(GPOINTER_TO_SIZE(data), false);
}

static void
test_as_user(gconstpointer data)
{
    run_row(GPOINTER_TO_SIZE(data), true);
}

static void
test_skipped(gconstpointer data G_GNUC_UNUSED)
{
    g_test_skip("needs root");
}

int
main(int argc, char **argv)
{
    bool root = geteuid() == 0;

    umask(022);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *self = g_strdup_printf("/R20/%s/%s", root ? "root" : "self", rows[i].name);
        g_autofree char *user = g_strdup_printf("/R20/user/%s", rows[i].name);

        if (rows[i].need != USER_ONLY)
            g_test_add_data_func(self, GSIZE_TO_POINTER(i),
                                 rows[i].need == ANYBODY || root ? test_as_self : test_skipped);
        g_test_add_data_func(user, GSIZE_TO_POINTER(i), root ? test_as_user : test_skipped);
    }
    return g_test_run();
}
