/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-plan.c: from a request to libvirt's flags and parameters: defaults, what is refused, and
 * with which words.
 */
#include "drivers/libvirt/plan.h"
#include "../rows.h"

#define P2P VIR_MIGRATE_PEER2PEER
#define LIVE VIR_MIGRATE_LIVE
#define WHOLLY (VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE)
#define DESTINATION "qemu+tcp://192.0.2.2/system"
#define MAX_FLAGS 4

static const struct {
    const char *name;
    vmmiMode mode;
    const char *flags[MAX_FLAGS];
    bool persistent, keep_source;
    unsigned int expected;
} defaults[] = {
    { "transient", VMMI_MODE_P2P, { NULL }, false, false, P2P | LIVE },
    { "persistent", VMMI_MODE_P2P, { NULL }, true, false, P2P | LIVE | WHOLLY },
    { "keep-source", VMMI_MODE_P2P, { NULL }, true, true, P2P | LIVE },
    { "managed", VMMI_MODE_MANAGED, { NULL }, false, false, LIVE },
    { "direct", VMMI_MODE_DIRECT, { NULL }, false, false, LIVE },
    { "not-live", VMMI_MODE_P2P, { "no-live" }, false, false, P2P },
    { "offline", VMMI_MODE_P2P, { "offline" }, true, false, P2P | VIR_MIGRATE_OFFLINE | WHOLLY },
    { "offline-kept", VMMI_MODE_P2P, { "offline" }, true, true,
      P2P | VIR_MIGRATE_OFFLINE | VIR_MIGRATE_PERSIST_DEST },
    { "no-undefine", VMMI_MODE_P2P, { "no-undefine_source" }, true, false,
      P2P | LIVE | VIR_MIGRATE_PERSIST_DEST },
    { "no-persist", VMMI_MODE_P2P, { "no-persist_dest" }, true, false, P2P | LIVE },
    { "kept-and-named", VMMI_MODE_P2P, { "persist_dest" }, true, true,
      P2P | LIVE | VIR_MIGRATE_PERSIST_DEST },
    { "named", VMMI_MODE_P2P, { "postcopy", "auto_converge", "postcopy" }, false, false,
      P2P | LIVE | VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_AUTO_CONVERGE },
};

static const char *const disks[] = { "vda", "vdb", NULL };
static const char *const none[] = { NULL };

#define UINT(key, value) { .name = key, .type = VMMI_PARAM_UINT, .uint_value = value }
#define INT(key, value) { .name = key, .type = VMMI_PARAM_INT, .int_value = value }
#define STRING(key, value) { .name = key, .type = VMMI_PARAM_STRING, .string_value = value }
#define STRINGS(key, value) { .name = key, .type = VMMI_PARAM_STRINGS, .strings = value }
#define BOOL(key) { .name = key, .type = VMMI_PARAM_BOOL, .bool_value = true }

static const struct {
    const char *name;
    vmmiMode mode;
    const char *flags[MAX_FLAGS];
    vmmiParam param;
    const char *destination_uri, *migrate_uri;
    int code;
    const char *needle;
} refused[] = {
    { "flag-unknown", 0, { "postcpy" }, { 0 }, DESTINATION, NULL, VMMI_ERR_MALFORMED_CONFIGURATION,
      "flag 'postcpy' is unknown, did you mean 'postcopy'?" },
    { "flag-far", 0, { "xyzzy" }, { 0 }, DESTINATION, NULL, VMMI_ERR_MALFORMED_CONFIGURATION,
      "flag 'xyzzy' is unknown" },
    { "flag-empty", 0, { "" }, { 0 }, DESTINATION, NULL, VMMI_ERR_MALFORMED_CONFIGURATION,
      "flag '' is unknown" },
    { "forbidden-unknown", 0, { "no-postcpy" }, { 0 }, DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "flag 'postcpy' is unknown" },
    { "both", 0, { "postcopy", "no-postcopy" }, { 0 }, DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "flag 'postcopy' is both named and forbidden" },
    { "peer2peer", 0, { "peer2peer" }, { 0 }, DESTINATION, NULL, VMMI_ERR_MALFORMED_CONFIGURATION,
      "flag 'peer2peer': say it with mode" },
    { "no-peer2peer", 0, { "no-peer2peer" }, { 0 }, DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "say it with mode" },
    { "direct", 0, { "direct" }, { 0 }, DESTINATION, NULL, VMMI_ERR_MALFORMED_CONFIGURATION,
      "say it with mode" },
    { "offline-live", 0, { "offline", "live" }, { 0 }, DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "exclude each other" },
    { "tunnelled-managed", VMMI_MODE_MANAGED, { "tunnelled" }, { 0 }, DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "'tunnelled' needs mode \"p2p\", not \"managed\"" },
    { "param-unknown", 0, { NULL }, UINT("bandwith", 3), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "parameter 'bandwith' is unknown, did you mean 'bandwidth'?" },
    { "param-type", 0, { NULL }, STRING("bandwidth", "3"), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "'bandwidth' must be an integer, got a string" },
    { "param-bool", 0, { NULL }, BOOL("destination_xml"), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "'destination_xml' must be a string, got a boolean" },
    { "param-range", 0, { NULL }, UINT("compression.mt.level", 10), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "'compression.mt.level' must be 0..9, got 10" },
    { "param-negative", 0, { NULL }, INT("bandwidth", -1), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "got -1" },
    { "param-too-large", 0, { NULL }, UINT("bandwidth", UINT64_MAX), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "must be 0..8796093022207, got 18446744073709551615" },
    { "param-empty", 0, { NULL }, STRING("listen_address", ""), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "'listen_address' is empty" },
    { "param-list", 0, { NULL }, STRINGS("listen_address", disks), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "must be a string, got a list of strings" },
    { "list-empty", 0, { NULL }, STRINGS("migrate_disks", none), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "'migrate_disks' is empty" },
    { "list-number", 0, { NULL }, UINT("migrate_disks", 1), DESTINATION, NULL,
      VMMI_ERR_MALFORMED_CONFIGURATION, "must be a list of strings, got an unsigned integer" },
    { "migrate-uri-twice", 0, { NULL }, STRING("migrate_uri", "tcp://a"), DESTINATION, "tcp://b",
      VMMI_ERR_MALFORMED_CONFIGURATION, "'migrate_uri' is given twice" },
    { "destination", 0, { NULL }, { 0 }, "sim:///destination", NULL, VMMI_ERR_URI,
      "the destination's URI 'sim:///destination' is not a libvirt URI" },
    { "destination-password", 0, { NULL }, { 0 }, "qemu+tcp://u:secret@h/system", NULL,
      VMMI_ERR_URI,
      "the destination's URI holds a password" },
    { "destination-control", 0, { NULL }, { 0 }, "qemu+tcp://h/\t", NULL, VMMI_ERR_URI,
      "the destination's URI: byte 13 is a control character" },
    { "migrate-uri-control", 0, { NULL }, { 0 }, DESTINATION, "tcp://h\n", VMMI_ERR_URI,
      "the migration URI: byte 7" },
    { "param-uri-control", 0, { NULL }, STRING("disks_uri", "unix:///a\nb"), DESTINATION, NULL,
      VMMI_ERR_URI, "disks_uri: byte 9 is a control character" },
    { "param-uri-password", 0, { NULL }, STRING("graphics_uri", "spice://u:secret@h:1/"),
      DESTINATION, NULL, VMMI_ERR_URI, "graphics_uri holds a password" },
    { "mode", (vmmiMode)9, { NULL }, { 0 }, DESTINATION, NULL, VMMI_ERR_INVALID_ARGUMENT,
      "mode 9 is not in 0..2" },
};

/* A host that nothing is asked of. */
static vmmiVirtTarget target = { .options = { .open_timeout_ms = 7000 } };
static const vmmiVirtHost host = { .target = &target };

static vmmiMigrateRequest
request_of(vmmiMode mode, const char *const *flags)
{
    vmmiMigrateRequest request = { .size = sizeof(request), .mode = mode, .flags = flags };

    request.uuid = "01234567-89ab-cdef-0123-456789abcdef";
    request.destination_uri = DESTINATION;
    return request;
}

static void
test_default(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const char *flags[MAX_FLAGS + 1] = { NULL };
    g_autoptr(vmmiVirtPlan) plan = NULL;
    g_autoptr(vmmiError) error = NULL;
    vmmiMigrateRequest request;

    memcpy(flags, defaults[row].flags, sizeof(defaults[row].flags));
    request = request_of(defaults[row].mode, flags);
    request.keep_source = defaults[row].keep_source;
    plan = vmmiVirtPlanNew(&host, &request, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    if (plan)
        g_assert_cmphex(vmmiVirtPlanFlags(plan, defaults[row].persistent), ==,
                        defaults[row].expected);
}

static void
test_refused(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const char *flags[MAX_FLAGS + 1] = { NULL };
    g_autoptr(vmmiError) error = NULL;
    vmmiMigrateRequest request;

    memcpy(flags, refused[row].flags, sizeof(refused[row].flags));
    request = request_of(refused[row].mode, flags);
    request.destination_uri = refused[row].destination_uri;
    request.migrate_uri = refused[row].migrate_uri;
    request.params = &refused[row].param;
    request.n_params = refused[row].param.name ? 1 : 0;
    g_assert_null(vmmiVirtPlanNew(&host, &request, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refused[row].code);
    if (!strstr(vmmiErrorGetMessage(error), refused[row].needle))
        g_test_fail_printf("'%s' lacks '%s'", vmmiErrorGetMessage(error), refused[row].needle);
    g_assert_null(strstr(vmmiErrorGetMessage(error), "secret"));
}

/* Every kind of parameter reaches libvirt's list under its name. */
static void
test_params(void)
{
    const vmmiParam params[] = {
        UINT("bandwidth", 100), INT("bandwidth.postcopy", 5), UINT("disks_port", 49152),
        STRING("destination_name", "other"), STRINGS("migrate_disks", disks),
        STRING("compression", "xbzrle"),
    };
    vmmiMigrateRequest request = request_of(VMMI_MODE_P2P, NULL);
    g_autoptr(vmmiVirtPlan) plan = NULL;
    unsigned long long number = 0;
    const char *text = NULL;
    int port = 0;

    request.params = params;
    request.n_params = G_N_ELEMENTS(params);
    request.migrate_uri = "tcp://192.0.2.2";
    plan = vmmiVirtPlanNew(&host, &request, NULL);
    g_assert_nonnull(plan);
    g_assert_cmpint(plan->params.n_items, ==, 8);
    g_assert_cmpint(virTypedParamsGetULLong(plan->params.items, 8, "bandwidth", &number), ==, 1);
    g_assert_cmpuint(number, ==, 100);
    g_assert_cmpint(virTypedParamsGetULLong(plan->params.items, 8, "bandwidth.postcopy", &number),
                    ==, 1);
    g_assert_cmpuint(number, ==, 5);
    g_assert_cmpint(virTypedParamsGetInt(plan->params.items, 8, "disks_port", &port), ==, 1);
    g_assert_cmpint(port, ==, 49152);
    g_assert_cmpint(virTypedParamsGetString(plan->params.items, 8, "migrate_uri", &text), ==, 1);
    g_assert_cmpstr(text, ==, "tcp://192.0.2.2");
}

/* "" and "-" let libvirt choose (B10); a direct migration has one URI. */
static void
test_uris(void)
{
    vmmiMigrateRequest request = request_of(VMMI_MODE_P2P, NULL);
    vmmiVirtPlan *plan;

    request.migrate_uri = "-";
    plan = vmmiVirtPlanNew(&host, &request, NULL);
    g_assert_cmpint(plan->params.n_items, ==, 0);
    vmmiVirtPlanFree(plan);
    request.migrate_uri = "";
    request.destination_uri = "-";
    plan = vmmiVirtPlanNew(&host, &request, NULL);
    g_assert_cmpint(plan->params.n_items, ==, 0);
    g_assert_null(plan->destination_uri);
    vmmiVirtPlanFree(plan);
    request.mode = VMMI_MODE_DIRECT;
    request.destination_uri = "xenmigr://host";
    plan = vmmiVirtPlanNew(&host, &request, NULL);
    g_assert_true(vmmiVirtParamsHave(&plan->params, "migrate_uri"));
    vmmiVirtPlanFree(plan);
}

/* Managed mode: the destination's own credentials, the source's time limits. */
static void
test_destination(void)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    vmmiMigrateRequest request = request_of(VMMI_MODE_MANAGED, NULL);
    g_autoptr(vmmiVirtPlan) plan = NULL;

    options.username = "someone";
    options.password_file = "/file";
    request.destination_options = &options;
    plan = vmmiVirtPlanNew(&host, &request, NULL);
    g_assert_cmpstr(plan->destination->uri, ==, DESTINATION);
    g_assert_cmpstr(plan->destination->username, ==, "someone");
    g_assert_cmpstr(plan->destination->password_file, ==, "/file");
    g_assert_cmpuint(plan->destination->options.open_timeout_ms, ==, 7000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_assert_cmpint(virInitialize(), ==, 0);
    ADD_ROWS("/libvirt/plan/default/", defaults, test_default);
    ADD_ROWS("/libvirt/plan/refused/", refused, test_refused);
    g_test_add_func("/libvirt/plan/params", test_params);
    g_test_add_func("/libvirt/plan/uris", test_uris);
    g_test_add_func("/libvirt/plan/destination", test_destination);
    return g_test_run();
}
