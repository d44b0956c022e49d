/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-uri.c: which URIs are libvirt's, which are broken, and which host is this machine.
 */
#include "drivers/libvirt/internal.h"
#include "../rows.h"

static const struct {
    const char *name, *uri;
    int code;
    vmmiLocality locality;
    const char *needle;
} rows[] = {
    { "qemu", "qemu:///system", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "session", "qemu:///session", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "embed", "qemu:///embed?root=/tmp/x", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "unix", "qemu+unix:///system?socket=/run/x", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "ssh", "qemu+ssh://user@host/system", VMMI_ERR_OK, VMMI_LOCALITY_REMOTE, NULL },
    { "tcp", "qemu+tcp://192.0.2.1/system", VMMI_ERR_OK, VMMI_LOCALITY_REMOTE, NULL },
    { "tls", "qemu+tls://host/system", VMMI_ERR_OK, VMMI_LOCALITY_REMOTE, NULL },
    { "tls-by-default", "qemu://host/system", VMMI_ERR_OK, VMMI_LOCALITY_REMOTE, NULL },
    { "v6", "qemu+tcp://[2001:db8::1]:16509/system", VMMI_ERR_OK, VMMI_LOCALITY_REMOTE, NULL },
    { "ext", "qemu+ext:///system?command=/bin/x", VMMI_ERR_OK, VMMI_LOCALITY_REMOTE, NULL },
    { "test", "test:///default", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "test-over-unix", "test+unix:///default", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "xen", "xen:///system", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "lxc", "lxc+ssh://host/system", VMMI_ERR_OK, VMMI_LOCALITY_REMOTE, NULL },
    { "ch", "ch:///session", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "vbox", "vbox:///session", VMMI_ERR_OK, VMMI_LOCALITY_LOCAL, NULL },
    { "esx", "esx://host/", VMMI_ERR_OK, VMMI_LOCALITY_REMOTE, NULL },
    { "sim", "sim:///", VMMI_ERR_DECLINED, 0, "'sim:///' is not a libvirt URI" },
    { "unknown", "nonsense:///system", VMMI_ERR_DECLINED, 0, "not a libvirt URI" },
    { "no-scheme", "/etc/passwd", VMMI_ERR_DECLINED, 0, "not a libvirt URI" },
    { "empty", "", VMMI_ERR_DECLINED, 0, "not a libvirt URI" },
    { "prefix", "qem:///system", VMMI_ERR_DECLINED, 0, "not a libvirt URI" },
    { "transport", "qemu+carrier-pigeon://host/system", VMMI_ERR_URI, 0,
      "no transport 'carrier-pigeon'" },
    { "password", "qemu+tcp://user:secret@host/system", VMMI_ERR_URI, 0, "holds a password" },
    { "password-with-at", "qemu+tcp://user:p@ss@host/system", VMMI_ERR_URI, 0, "holds a password" },
    { "newline", "qemu+tcp://host/system\n", VMMI_ERR_URI, 0,
      "byte 22 is a control character (0x0a)" },
    { "delete", "qemu+tcp://ho\177st/system", VMMI_ERR_URI, 0,
      "byte 13 is a control character (0x7f)" },
    { "no-path", "qemu:", VMMI_ERR_URI, 0, "'/' is needed" },
};

static void
test_parse(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    vmmiVirtUri parsed = { .locality = (vmmiLocality)77 };
    g_autoptr(vmmiError) error = NULL;
    int result = vmmiVirtUriParse(rows[row].uri, &parsed, &error);

    g_assert_cmpint(vmmiErrorGetCode(error), ==, rows[row].code);
    g_assert_cmpint(result, ==, rows[row].code == VMMI_ERR_OK ? 0 : -1);
    if (rows[row].needle) {
        g_assert_nonnull(strstr(vmmiErrorGetMessage(error), rows[row].needle));
        g_assert_null(strstr(vmmiErrorGetMessage(error), "secret"));
        g_assert_cmpint(parsed.locality, ==, 77);
    } else {
        g_assert_cmpint(parsed.locality, ==, rows[row].locality);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/libvirt/uri/", rows, test_parse);
    return g_test_run();
}
