/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-file.c: what is read and what is refused; replacing leaves the old file or the new one.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "../rows.h"

static void
make_content(const char *path)
{
    g_assert_true(g_file_set_contents(path, "0123456789", 10, NULL));
}

static void
make_directory(const char *path)
{
    g_assert_cmpint(mkdir(path, 0700), ==, 0);
}

static void
make_fifo(const char *path)
{
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
}

static void
make_link(const char *path)
{
    g_assert_cmpint(symlink("/etc/passwd", path), ==, 0);
}

static const struct {
    const char *name;
    void (*make)(const char *path);
    size_t max_bytes;
    const char *needle;   /* NULL: it is read */
} rows[] = {
    { "content", make_content, 10, NULL },
    { "too-large", make_content, 9, "has 10 bytes, the limit is 9" },
    { "missing", NULL, 10, "No such file" },
    { "directory", make_directory, 10, "is a directory, not a regular file" },
    { "fifo", make_fifo, 10, "is a special file" },
    { "link", make_link, 100000, "Too many levels" },
};

static void
test_read(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *dir = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "file", NULL);
    g_autofree char *text = NULL;
    g_autoptr(vmmiError) error = NULL;
    size_t length = 99;

    if (rows[row].make)
        rows[row].make(path);
    if (rows[row].needle) {
        g_assert_cmpint(vmmiFileReadAt(AT_FDCWD, path, rows[row].max_bytes, true, &text, &length, &error),
                        ==, -1);
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_BAD_PATH);
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), rows[row].needle));
        g_assert_cmpuint(length, ==, 99);
    } else {
        g_assert_cmpint(vmmiFileReadAt(AT_FDCWD, path, rows[row].max_bytes, true, &text, &length, &error),
                        ==, 0);
        g_assert_cmpstr(text, ==, "0123456789");
        g_assert_cmpuint(length, ==, 10);
        g_assert_null(error);
    }
    remove(path);
    rmdir(dir);
}

static void
test_replace(void)
{
    g_autofree char *dir = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "file", NULL);
    g_autofree char *text = NULL;
    vmmi_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    g_assert_cmpint(vmmiFileReplaceAt(fd, "file", "one", 3, 0600, NULL), ==, 0);
    g_assert_cmpint(vmmiFileReplaceAt(fd, "file", "second", 6, 0640, NULL), ==, 0);
    g_assert_cmpint(vmmiFileReadAt(fd, "file", 100, true, &text, NULL, NULL), ==, 0);
    g_assert_cmpstr(text, ==, "second");
    g_assert_cmpint(stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0640);
    unlink(path);
    g_assert_cmpint(rmdir(dir), ==, 0);   /* no temporary file is left */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/file/read/", rows, test_read);
    g_test_add_func("/file/replace", test_replace);
    return g_test_run();
}
