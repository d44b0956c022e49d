/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-connect.c: registering drivers, choosing one by URI, merging layers, validating tables. Each fake has one flaw.
 */
#include <sys/wait.h>

#include "driver/connect.h"
#include "util/cleanup.h"
#include "../rows.h"

static int closed;

static void
fake_close(void *priv G_GNUC_UNUSED)
{
    closed++;
}

static int
fake_lookup(void *priv, const char *selector, vmmiGuestInfo *info, vmmiError **err G_GNUC_UNUSED)
{
    memset(info, 0, sizeof(*info));
    g_strlcpy(info->name, priv ? priv : selector, sizeof(info->name));
    return 0;
}

static int
other_lookup(void *priv G_GNUC_UNUSED, const char *selector, vmmiGuestInfo *info G_GNUC_UNUSED,
             vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "the overriding layer knows no '%s'", selector);
}

static int
fake_info(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED,
          vmmiGuestInfo *info G_GNUC_UNUSED, vmmiError **err G_GNUC_UNUSED)
{
    return 0;
}

static int
fake_perform(void *priv G_GNUC_UNUSED, const vmmiMigrateRequest *request G_GNUC_UNUSED,
             vmmiDoneFunc done G_GNUC_UNUSED, void *opaque G_GNUC_UNUSED,
             vmmiFreeFunc free_opaque G_GNUC_UNUSED, vmmiError **err G_GNUC_UNUSED)
{
    return 0;
}

static int
fake_sample(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED,
            vmmiSample *sample G_GNUC_UNUSED, vmmiJobKind *job G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiErrorSet(err, VMMI_ERR_STATE, "no job");
}

static int
fake_abort(void *priv G_GNUC_UNUSED, const char *uuid G_GNUC_UNUSED, bool postcopy G_GNUC_UNUSED,
           vmmiError **err G_GNUC_UNUSED)
{
    return 0;
}

static const vmmiDriverOps full_ops = {
    .close = fake_close,
    .guest_lookup = fake_lookup,
    .guest_get_info = fake_info,
    .migration_perform = fake_perform,
    .migration_sample = fake_sample,
    .migration_abort = fake_abort,
};
static const vmmiDriverOps lookup_ops = { .guest_lookup = other_lookup };
static const vmmiDriverOps short_ops = { .close = fake_close };

static bool
when_remote(void *priv G_GNUC_UNUSED, vmmiLocality locality)
{
    return locality == VMMI_LOCALITY_REMOTE;
}

static const vmmiDriverLayer full_layers[] = {
    { "base", NULL, &full_ops, sizeof(full_ops), (void *)"base-priv" },
    { "remote", when_remote, &lookup_ops, sizeof(lookup_ops), NULL },
};
static const vmmiDriverLayer short_layers[] = {
    { "short", NULL, &short_ops, sizeof(short_ops), NULL },
};

static int
probe_scheme(const char *uri, vmmiError **err)
{
    if (g_str_has_prefix(uri, "fake-broken:"))
        return vmmiErrorSet(err, VMMI_ERR_URI, "'%s' is mine, but broken", uri);
    if (g_str_has_prefix(uri, "fake-"))
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_DECLINED, "'%s' is not mine", uri);
}

static int
fake_open(const char *uri, const vmmiConnectOptions *options, unsigned int flags,
          vmmiDriverOpened *opened, vmmiError **err)
{
    g_assert_cmpuint(flags, ==, 0);
    g_assert_cmpuint(options->call_timeout_ms, ==, 30000);
    if (g_str_has_prefix(uri, "fake-fail:"))
        return vmmiErrorSet(err, VMMI_ERR_CONNECT, "nobody answers");
    opened->locality = g_str_has_prefix(uri, "fake-remote:") ? VMMI_LOCALITY_REMOTE
                                                             : VMMI_LOCALITY_LOCAL;
    opened->layers = g_str_has_prefix(uri, "fake-short:") ? short_layers : full_layers;
    opened->n_layers = g_str_has_prefix(uri, "fake-short:") ? 1 : 2;
    return 0;
}

static const vmmiDriver fake_driver = {
    VMMI_DRIVER_INIT,
    .name = "fake",
    .summary = "a driver for tests",
    .probe = probe_scheme,
    .open = fake_open,
};

static const struct {
    const char *name;
    vmmiDriver driver;
    const char *needle;
} flawed[] = {
    { "no-name", { VMMI_DRIVER_INIT, .summary = "s", .probe = probe_scheme, .open = fake_open }, "lacks .name" },
    { "no-summary", { VMMI_DRIVER_INIT, .name = "f", .probe = probe_scheme, .open = fake_open }, "lacks .summary" },
    { "no-probe", { VMMI_DRIVER_INIT, .name = "f", .summary = "s", .open = fake_open }, "lacks .probe" },
    { "no-open", { VMMI_DRIVER_INIT, .name = "f", .summary = "s", .probe = probe_scheme }, "lacks .open" },
    { "bad-name", { VMMI_DRIVER_INIT, .name = "F f", .summary = "s", .probe = probe_scheme, .open = fake_open },
      "must match" },
    { "taken-name", { VMMI_DRIVER_INIT, .name = "fake", .summary = "s", .probe = probe_scheme, .open = fake_open },
      "registered already" },
    { "future", { .struct_size = sizeof(vmmiDriver), .api_version = 99, .name = "f" }, "not in 1..1" },
    { "short", { .struct_size = 16, .api_version = 1 }, "too short: 16 bytes" },
};

static void
test_flawed(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiDriverRegister(&flawed[row].driver, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_DRIVER);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), flawed[row].needle));
}

static const struct {
    const char *name, *uri;
    int code;
    const char *needle;
} refused[] = {
    { "nobody", "nonsense:///x", VMMI_ERR_DRIVER, "no driver takes the URI 'nonsense:///x'" },
    { "broken", "fake-broken:x", VMMI_ERR_URI, "mine, but broken" },
    { "fail", "fake-fail:x", VMMI_ERR_CONNECT, "nobody answers" },
    { "short", "fake-short:x", VMMI_ERR_DRIVER,
      "lacks .guest_lookup, .guest_get_info, .migration_perform, .migration_sample, .migration_abort" },
};

static void
test_refused(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    closed = 0;
    g_assert_null(vmmiConnectOpen(refused[row].uri, NULL, 0, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refused[row].code);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), refused[row].needle));
    g_assert_cmpint(closed, ==, g_str_equal(refused[row].name, "short") ? 1 : 0);
}

static const char *
layer_of(const vmmiConnect *connect, const char *call)
{
    const char *name, *layer;

    for (size_t i = 0; vmmiConnectGetCall(connect, i, &name, &layer, NULL); i++) {
        if (g_str_equal(name, call))
            return layer;
    }
    g_test_fail_printf("no call '%s'", call);
    return NULL;
}

static void
test_local(void)
{
    g_autoptr(vmmiConnect) connect = vmmiConnectOpen("fake-local:x", NULL, 0, NULL);
    g_autoptr(vmmiError) error = NULL;
    vmmiGuestInfo info;

    g_assert_cmpstr(layer_of(connect, "guest_lookup"), ==, "base");
    g_assert_null(layer_of(connect, "guest_start"));
    g_assert_cmpint(vmmiGuestLookup(connect, "g", &info, NULL), ==, 0);
    g_assert_cmpstr(info.name, ==, "base-priv");
    g_assert_cmpint(vmmiGuestStart(connect, "01234567-89ab-cdef-0123-456789abcdef", &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
    g_assert_cmpstr(vmmiConnectGetWorld(connect), ==, "fake");
    g_assert_true(vmmiConnectIsLocal(connect));
}

static void
test_override_by_locality(void)
{
    g_autoptr(vmmiConnect) connect = vmmiConnectOpen("fake-remote:x", NULL, 0, NULL);
    g_autoptr(vmmiError) error = NULL;
    vmmiGuestInfo info;

    g_assert_cmpstr(layer_of(connect, "guest_lookup"), ==, "remote");
    g_assert_cmpstr(layer_of(connect, "guest_get_info"), ==, "base");
    g_assert_cmpint(vmmiGuestLookup(connect, "g", &info, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_GUEST_UNKNOWN);
}

static void
test_extra_layer(void)
{
    static const vmmiDriverLayer extra[] = { { "extra", NULL, &lookup_ops, sizeof(lookup_ops), NULL } };
    g_autoptr(vmmiConnect) connect = vmmiConnectOpenLayered("fake-local:x", NULL, extra, 1, NULL);

    g_assert_cmpstr(layer_of(connect, "guest_lookup"), ==, "extra");
    g_assert_cmpstr(layer_of(connect, "close"), ==, "base");
}

static void
test_options(void)
{
    struct {
        vmmiConnectOptions known;
        size_t future;
    } newer = { .known = VMMI_CONNECT_OPTIONS_INIT };
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiConnect) connect = NULL;

    newer.known.size = sizeof(newer);
    connect = vmmiConnectOpen("fake-local:x", &newer.known, 0, NULL);
    g_assert_nonnull(connect);
    newer.future = 1;
    g_assert_null(vmmiConnectOpen("fake-local:x", &newer.known, 0, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
    vmmiErrorClear(&error);
    g_assert_null(vmmiConnectOpen("fake-local:x", NULL, 4, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
}

static void
test_refused_after_fork(void)
{
    g_autoptr(vmmiConnect) connect = vmmiConnectOpen("fake-local:x", NULL, 0, NULL);
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        vmmiError *error = NULL;
        vmmiGuestInfo info;
        int got = vmmiGuestLookup(connect, "g", &info, &error);

        _exit(got == -1 && vmmiErrorGetCode(error) == VMMI_ERR_FORKED ? 0 : 1);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
}

static void
test_close_once(void)
{
    vmmiConnect *connect = vmmiConnectOpen("fake-local:x", NULL, 0, NULL);

    closed = 0;
    vmmiConnectUnref(vmmiConnectRef(connect));
    g_assert_cmpint(closed, ==, 0);
    vmmiConnectUnref(connect);
    g_assert_cmpint(closed, ==, 1);
    vmmiConnectUnref(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_assert_cmpint(vmmiDriverRegister(&fake_driver, NULL), ==, 0);
    g_assert_true(vmmiDriverGet(0) == &fake_driver);
    ADD_ROWS("/driver/register/", flawed, test_flawed);
    ADD_ROWS("/driver/open/", refused, test_refused);
    g_test_add_func("/driver/layers/local", test_local);
    g_test_add_func("/driver/layers/override-by-locality", test_override_by_locality);
    g_test_add_func("/driver/layers/extra", test_extra_layer);
    g_test_add_func("/driver/options", test_options);
    g_test_add_func("/driver/refused-after-fork", test_refused_after_fork);
    g_test_add_func("/driver/close-once", test_close_once);
    return g_test_run();
}
