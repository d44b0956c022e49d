/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-error.c: raising, prefixing, moving and naming errors.
 */
#include <errno.h>

#include "util/cleanup.h"
#include "util/error.h"

static void
test_set_once(void)
{
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiErrorSet(&error, VMMI_ERR_URI, "first %d", 1), ==, -1);
    g_assert_cmpint(vmmiErrorSet(&error, VMMI_ERR_DRIVER, "second"), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_URI);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "first 1");
    g_assert_cmpstr(vmmiErrorGetDetails(error), ==, "");
    g_assert_cmpstr(vmmiErrorGetOrigin(error), ==, "vmmi");
}

static void
test_null(void)
{
    vmmiError *none = NULL;

    g_assert_cmpint(vmmiErrorSet(NULL, VMMI_ERR_URI, "nobody listens"), ==, -1);
    g_assert_cmpint(vmmiErrorPrefix(NULL, "p"), ==, -1);
    g_assert_cmpint(vmmiErrorPrefix(&none, "p"), ==, -1);
    g_assert_null(none);
    vmmiErrorClear(NULL);
    vmmiErrorFree(NULL);
    g_assert_null(vmmiErrorCopy(NULL));
    g_assert_cmpint(vmmiErrorGetCode(NULL), ==, VMMI_ERR_OK);
    g_assert_cmpstr(vmmiErrorGetMessage(NULL), ==, "");
}

static void
test_prefix_and_copy(void)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiError) copy = NULL;

    vmmiErrorSetErrno(&error, VMMI_ERR_BAD_PATH, ENOENT, "cannot open '%s'", "/x");
    vmmiErrorPrefix(&error, "configuration");
    vmmiErrorSetOrigin(&error, "libvirt");
    copy = vmmiErrorCopy(error);
    g_assert_cmpstr(vmmiErrorGetMessage(copy), ==,
                    "configuration: cannot open '/x': No such file or directory");
    g_assert_cmpstr(vmmiErrorGetDetails(copy), ==, "errno 2 (ENOENT)");
    g_assert_cmpstr(vmmiErrorGetOrigin(copy), ==, "libvirt");
}

static void
test_propagate(void)
{
    g_autoptr(vmmiError) dst = NULL;
    vmmiError *src = NULL;

    vmmiErrorSet(&src, VMMI_ERR_AUTH, "a");
    g_assert_cmpint(vmmiErrorPropagate(&dst, src), ==, -1);
    g_assert_true(dst == src);
    src = NULL;
    vmmiErrorSet(&src, VMMI_ERR_URI, "b");
    vmmiErrorPropagate(&dst, src);
    g_assert_cmpint(vmmiErrorGetCode(dst), ==, VMMI_ERR_AUTH);
    src = NULL;
    vmmiErrorSet(&src, VMMI_ERR_URI, "c");
    vmmiErrorPropagate(NULL, src);
}

static void
test_gerror(void)
{
    g_autoptr(vmmiError) error = NULL;

    vmmiErrorSetGError(&error, VMMI_ERR_URI,
                       g_error_new_literal(G_URI_ERROR, G_URI_ERROR_BAD_PORT, "bad port"));
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "bad port");
    g_assert_cmpstr(vmmiErrorGetOrigin(error), ==, "glib");
    g_assert_nonnull(strstr(vmmiErrorGetDetails(error), "g-uri-quark"));
}

static void
test_code_names(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (int code = 0; code <= VMMI_ERR_OUTCOME_UNKNOWN; code++) {
        const char *name = vmmiErrorCodeToString(code);

        if (code > VMMI_ERR_PROTOCOL_VERSION && code < VMMI_ERR_INTERNAL)
            continue;
        if (code != VMMI_ERR_UNKNOWN)
            g_assert_cmpstr(name, !=, "unknown");
        g_assert_true(g_hash_table_add(seen, (gpointer)name));
    }
    g_assert_cmpstr(vmmiErrorCodeToString(1000), ==, "plugin");
    g_assert_cmpstr(vmmiErrorCodeToString(-5), ==, "unknown");
    g_assert_cmpstr(vmmiErrorCodeToString(VMMI_ERR_GUEST_BUSY), ==, "guest-busy");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/error/set-once", test_set_once);
    g_test_add_func("/error/null", test_null);
    g_test_add_func("/error/prefix-and-copy", test_prefix_and_copy);
    g_test_add_func("/error/propagate", test_propagate);
    g_test_add_func("/error/glib-bridge", test_gerror);
    g_test_add_func("/error/code-names", test_code_names);
    return g_test_run();
}
