/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-search.c: the search path, names, shadowing, and that one bad file ends nothing (D1, D2,
 * B18).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "../rows.h"
#include "../tree.h"

static char *base, *tree_path;

static char *
make_directory(const char *name)
{
    char *path = g_build_filename(base, name, NULL);

    g_assert_cmpint(mkdir(path, 0755), ==, 0);
    return path;
}

static void
make_file(const char *directory, const char *name, mode_t mode)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);

    g_assert_true(g_file_set_contents(path, "#!/bin/sh\n", -1, NULL));
    g_assert_cmpint(chmod(path, mode), ==, 0);
}

static void
set_path(const char *value)
{
    g_setenv("VMMI_PLUGIN_PATH", value, TRUE);
}

/* --- names --- */

static const struct {
    const char *name, *candidate, *needle;   /* needle NULL: it may be a plugin's */
} name_rows[] = {
    { "plain", "touri", NULL },
    { "space", "a b", NULL },
    { "umlaut", "f\303\274r-alle", NULL },
    { "dot-inside", "policy.py", NULL },
    { "hyphen-inside", "my-policy", NULL },
    { "migrate-longer", "migrate2", NULL },
    { "other-case", "Migrate", NULL },
    { "empty", "", "plugin name '' is empty" },
    { "reserved", "migrate", "'migrate' is reserved by the protocol" },
    { "not-utf8", "a\377b", "'a\\377b' is not valid UTF-8" },
    { "overlong-utf8", "a\300\200b", "is not valid UTF-8" },
    { "newline", "a\nb", "'a\\nb' contains a control character" },
    { "escape", "a\033[1m", "'a\\033[1m' contains a control character" },
    { "delete", "a\177", "contains a control character" },
    { "c1", "a\302\205b", "contains a control character" },
    { "slash", "a/b", "'a/b' contains '/'" },
    { "absolute", "/bin/sh", "'/bin/sh' contains '/'" },
    { "dot", ".", "begins with '.'" },
    { "dots", "..", "begins with '.'" },
    { "leading-dot", ".hidden", "begins with '.'" },
    { "leading-hyphen", "-rf", "begins with '-'" },
};

static void
test_name(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;
    int result = vmmiPluginCheckName(name_rows[row].candidate, &error);

    g_assert_cmpint(result, ==, name_rows[row].needle ? -1 : 0);
    g_assert_true(g_utf8_validate(vmmiErrorGetMessage(error), -1, NULL));
    if (name_rows[row].needle) {
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_REFUSED);
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), name_rows[row].needle));
        g_assert_null(vmmiPluginFind(name_rows[row].candidate, NULL));
    }
}

static void
test_name_length(void)
{
    g_autofree char *longest = g_strnfill(255, 'a');
    g_autofree char *too_long = g_strnfill(256, 'a');
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiPluginCheckName(longest, &error), ==, 0);
    g_assert_cmpint(vmmiPluginCheckName(too_long, &error), ==, -1);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "is longer than 255 bytes"));
}

/* --- the path --- */

static void
test_path(void)
{
    g_autofree char *here = g_get_current_dir();
    g_autofree char *relative = g_build_filename(here, "rel", NULL);
    g_auto(GStrv) path = NULL;

    set_path(":/a//:rel:/b:/a::/");
    path = vmmiPluginGetPath();
    g_assert_cmpuint(g_strv_length(path), >=, 5);
    g_assert_cmpstr(path[0], ==, "/a");
    g_assert_cmpstr(path[1], ==, relative);
    g_assert_cmpstr(path[2], ==, "/b");
    g_assert_cmpstr(path[3], ==, "/");
    g_assert_cmpstr(path[4], ==, "/usr/libexec/vmmi");
    g_unsetenv("VMMI_PLUGIN_PATH");
    g_clear_pointer(&path, g_strfreev);
    path = vmmiPluginGetPath();
    g_assert_cmpstr(path[0], ==, "/usr/libexec/vmmi");
}

/* A copy of this program that is set-user-id prints its path; it ignores the environment. */
static void
test_path_privileged(void)
{
    g_autofree char *copy = g_build_filename(base, "privileged", NULL);
    g_autofree char *text = NULL;
    g_autofree char *output = NULL;
    const char *const arguments[] = { copy, "--print-path", NULL };
    gsize length;
    int status = -1;

    if (geteuid() != 0) {
        g_test_skip("needs root");
        return;
    }
    g_assert_true(g_file_get_contents("/proc/self/exe", &text, &length, NULL));
    g_assert_true(g_file_set_contents(copy, text, (gssize)length, NULL));
    g_assert_cmpint(chown(copy, 65534, 65534), ==, 0);
    g_assert_cmpint(chmod(copy, 04755), ==, 0);
    set_path("/from-the-environment");
    g_assert_true(g_spawn_sync(NULL, (char **)arguments, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                               NULL,
                               &output, NULL, &status, NULL));
    unlink(copy);
    if (status != 0) {
        g_test_skip("set-user-id programs do not work here");
        return;
    }
    g_assert_true(g_str_has_prefix(output, "/usr/libexec/vmmi\n"));
    g_assert_null(strstr(output, "/from-the-environment"));
}

static int
print_path(void)
{
    g_auto(GStrv) path = vmmiPluginGetPath();

    if (geteuid() == getuid())
        return 1;   /* the file system does not honour set-user-id */
    for (char **directory = path; *directory; directory++)
        puts(*directory);
    return 0;
}

/* --- searching --- */

/* "name verdict" of what lies below our directory, joined by ", ". */
static char *
list_all(void)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiPluginList) list = vmmiPluginSearch(&error);
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    static const char *const verdicts[] = { "usable", "shadowed", "refused" };

    g_assert_null(error);
    for (size_t i = 0; i < vmmiPluginListGetCount(list); i++) {
        const vmmiPlugin *plugin = vmmiPluginListGet(list, i);
        vmmiPluginVerdict verdict = vmmiPluginGetVerdict(plugin);
        const char *name;

        g_assert_cmpint(verdict == VMMI_PLUGIN_REFUSED, ==, vmmiPluginGetRefusal(plugin) != NULL);
        g_assert_true(g_utf8_validate(vmmiPluginGetName(plugin), -1, NULL));
        g_assert_true(g_utf8_validate(vmmiPluginGetFile(plugin), -1, NULL));
        if (!g_str_has_prefix(vmmiPluginGetFile(plugin), base))
            continue;
        name = vmmiPluginGetName(plugin);
        if (g_str_has_prefix(name, base))
            name = "DIRECTORY";
        g_ptr_array_add(words, g_strdup_printf("%s %s", name, verdicts[verdict]));
    }
    g_assert_null(vmmiPluginListGet(list, vmmiPluginListGetCount(list)));
    g_ptr_array_add(words, NULL);
    return g_strjoinv(", ", (char **)words->pdata);
}

/* Two directories with good and bad files; returns the path that names them. */
static char *
make_tree(void)
{
    g_autofree char *first = make_directory("first");
    g_autofree char *second = make_directory("second");
    g_autofree char *inner G_GNUC_UNUSED = make_directory("first/a-directory");

    make_file(first, "good", 0755);
    make_file(first, "not-executable", 0644);
    make_file(first, "migrate", 0755);
    make_file(first, ".hidden", 0755);
    make_file(first, "new\nline", 0755);
    make_file(first, "\377", 0755);
    make_file(second, "good", 0755);
    make_file(second, "not-executable", 0755);
    make_file(second, "other", 0755);
    return g_strdup_printf("%s/missing:%s:%s:%s/good", base, first, second, first);
}

static void
test_search(void)
{
    g_autofree char *found = NULL;

    set_path(tree_path);
    found = list_all();
    g_assert_cmpstr(found, ==,
                    ".hidden refused, a-directory refused, good usable, migrate refused, "
                    "new\\nline refused, not-executable refused, \\377 refused, "
                    "good shadowed, not-executable shadowed, other usable, DIRECTORY refused");
}

static const struct {
    const char *name, *plugin;
    int code;
    const char *needle;   /* of the file, or of the error */
} find_rows[] = {
    { "first-wins", "good", VMMI_ERR_OK, "/first/good" },
    { "second-directory", "other", VMMI_ERR_OK, "/second/other" },
    { "refused-holds-its-name", "not-executable", VMMI_ERR_PLUGIN_REFUSED,
      "plugin 'not-executable' is refused: '" },
    { "directory", "a-directory", VMMI_ERR_PLUGIN_REFUSED, "is a directory, not a regular file" },
    { "reserved", "migrate", VMMI_ERR_PLUGIN_REFUSED, "is reserved" },
    { "unknown", "nothing-like-it", VMMI_ERR_PLUGIN_UNKNOWN,
      "there is no plugin 'nothing-like-it' in " },
    { "misspelt", "godo", VMMI_ERR_PLUGIN_UNKNOWN, "; did you mean 'good'?" },
    { "none", NULL, VMMI_ERR_INVALID_ARGUMENT, "no plugin was named" },
};

static void
test_find(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiPlugin) plugin = NULL;

    set_path(tree_path);
    plugin = vmmiPluginFind(find_rows[row].plugin, &error);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, find_rows[row].code);
    g_assert_cmpint(plugin != NULL, ==, find_rows[row].code == VMMI_ERR_OK);
    if (plugin) {
        g_assert_true(g_str_has_suffix(vmmiPluginGetFile(plugin), find_rows[row].needle));
        g_assert_cmpstr(vmmiPluginGetName(plugin), ==, find_rows[row].plugin);
        g_assert_cmpint(vmmiPluginGetVerdict(plugin), ==, VMMI_PLUGIN_USABLE);
        g_assert_null(vmmiPluginGetRefusal(plugin));
    } else {
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), find_rows[row].needle));
    }
}

static void
test_null(void)
{
    vmmiPluginListFree(NULL);
    vmmiPluginUnref(NULL);
    g_assert_null(vmmiPluginRef(NULL));
    g_assert_null(vmmiPluginGetName(NULL));
    g_assert_null(vmmiPluginGetFile(NULL));
    g_assert_null(vmmiPluginGetDescription(NULL));
    g_assert_null(vmmiPluginGetVersion(NULL));
    g_assert_null(vmmiPluginGetSummary(NULL));
    g_assert_cmpuint(vmmiPluginListGetCount(NULL), ==, 0);
    g_assert_null(vmmiPluginListGet(NULL, 0));
}

int
main(int argc, char **argv)
{
    int failed;

    if (argc == 2 && g_str_equal(argv[1], "--print-path"))
        return print_path();
    umask(022);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    base = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    if (chmod(base, 0755) < 0)
        return 1;
    tree_path = make_tree();
    ADD_ROWS("/plugin/name/", name_rows, test_name);
    g_test_add_func("/plugin/name/length", test_name_length);
    g_test_add_func("/plugin/path/order", test_path);
    g_test_add_func("/plugin/path/privileged", test_path_privileged);
    g_test_add_func("/plugin/search", test_search);
    ADD_ROWS("/plugin/search/find/", find_rows, test_find);
    g_test_add_func("/plugin/null", test_null);
    failed = g_test_run();
    remove_tree(base);
    g_free(base);
    g_free(tree_path);
    return failed;
}
