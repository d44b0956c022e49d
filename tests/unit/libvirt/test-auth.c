/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-auth.c: which password files are taken, and what is taken from them.
 */
#include <sys/stat.h>

#include "drivers/libvirt/internal.h"
#include "../rows.h"

#define SECRET "s3cret"

static const struct {
    const char *name, *content;
    gssize length;           /* -1: of the content */
    unsigned int mode;
    const char *password;    /* NULL: refused */
    const char *needle;
} rows[] = {
    { "plain", SECRET, -1, 0600, SECRET, NULL },
    { "read-only", SECRET, -1, 0400, SECRET, NULL },
    { "newline", SECRET "\n", -1, 0600, SECRET, NULL },
    { "carriage-return", SECRET "\r\n", -1, 0600, SECRET, NULL },
    { "one-newline-only", SECRET "\n\n", -1, 0600, SECRET "\n", NULL },
    { "spaces-stay", " " SECRET " ", -1, 0600, " " SECRET " ", NULL },
    { "group-reads", SECRET, -1, 0640, NULL,
      "has mode 0640: group and others must have no access" },
    { "others-read", SECRET, -1, 0604, NULL, "has mode 0604" },
    { "others-write", SECRET, -1, 0602, NULL, "has mode 0602" },
    { "empty", "", -1, 0600, NULL, "is empty" },
    { "newline-only", "\n", -1, 0600, NULL, "is empty" },
    { "nul", "s3\0cret", 7, 0600, NULL, "holds a NUL byte" },
};

static void
test_read(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *dir = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "password", NULL);
    g_autoptr(vmmiError) error = NULL;
    char *password = NULL;
    int result;

    g_assert_true(g_file_set_contents(path, rows[row].content, rows[row].length, NULL));
    g_assert_cmpint(chmod(path, rows[row].mode), ==, 0);
    result = vmmiVirtPasswordRead(path, &password, &error);
    g_assert_cmpstr(password, ==, rows[row].password);
    g_assert_cmpint(result, ==, rows[row].password ? 0 : -1);
    if (rows[row].needle) {
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_AUTH);
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), rows[row].needle));
        g_assert_null(strstr(vmmiErrorGetMessage(error), "cret"));
    }
    vmmiVirtPasswordFree(password);
    remove(path);
    rmdir(dir);
}

static void
refuses(const char *path, const char *needle)
{
    g_autoptr(vmmiError) error = NULL;
    char *password = NULL;

    g_assert_cmpint(vmmiVirtPasswordRead(path, &password, &error), ==, -1);
    g_assert_null(password);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_AUTH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), needle));
}

static void
test_kinds(void)
{
    g_autofree char *dir = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "password", NULL);

    refuses(path, "No such file");
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    refuses(path, "is not a regular file");
    remove(path);
    refuses(dir, "is not a regular file");
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    g_assert_cmpint(chmod(path, 0600), ==, 0);
    g_assert_cmpint(truncate(path, 4097), ==, 0);
    refuses(path, "has more than 4096 bytes");
    remove(path);
    rmdir(dir);
}

static void
test_owner(void)
{
    g_autofree char *dir = NULL;
    g_autofree char *path = NULL;

    if (geteuid() != 0) {
        g_test_skip("only root can give a file away");
        return;
    }
    dir = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    path = g_build_filename(dir, "password", NULL);
    g_assert_true(g_file_set_contents(path, SECRET, -1, NULL));
    g_assert_cmpint(chmod(path, 0600), ==, 0);
    g_assert_cmpint(chown(path, 12345, 0), ==, 0);
    refuses(path, "belongs to user 12345, not to root or user 0");
    remove(path);
    rmdir(dir);
}

/* A bare name is one of systemd's credentials. */
static void
test_relative(void)
{
    g_autofree char *dir = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "name", NULL);
    char *password = NULL;

    g_assert_true(g_file_set_contents(path, SECRET "\n", -1, NULL));
    g_assert_cmpint(chmod(path, 0600), ==, 0);
    g_unsetenv("CREDENTIALS_DIRECTORY");
    refuses("name", "an absolute path is needed, or a name in $CREDENTIALS_DIRECTORY");
    g_setenv("CREDENTIALS_DIRECTORY", dir, TRUE);
    g_assert_cmpint(vmmiVirtPasswordRead("name", &password, NULL), ==, 0);
    g_assert_cmpstr(password, ==, SECRET);
    refuses("../name", "an absolute path is needed");
    refuses("..", "an absolute path is needed");
    g_setenv("CREDENTIALS_DIRECTORY", ".", TRUE);
    refuses("name", "an absolute path is needed");
    g_unsetenv("CREDENTIALS_DIRECTORY");
    vmmiVirtPasswordFree(password);
    remove(path);
    rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/libvirt/auth/", rows, test_read);
    g_test_add_func("/libvirt/auth/kinds", test_kinds);
    g_test_add_func("/libvirt/auth/owner", test_owner);
    g_test_add_func("/libvirt/auth/relative", test_relative);
    return g_test_run();
}
