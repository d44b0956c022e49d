/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-inputs.c: what people write for the simulator: scenarios, URIs, flags and parameters. Each mistake is named with its place.
 */
#include <fcntl.h>
#include <string.h>

#include "drivers/sim/sim-uri.h"
#include "sim-fixture.h"
#include "../rows.h"

/* --- scenarios -------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
    const char *needle; /* NULL: it is taken */
} scenarios[] = {
    { "least", "{'vmmiSim': 'scenario'}", NULL },
    { "guest", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a'}]}", NULL },
    { "small-guest", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'memoryMib': 1}]}", NULL },
    { "all",
      "{'vmmiSim': 'scenario', 'speed': 2.5, 'seed': 3, 'linkMibPerSecond': 10, 'jitterPercent': 0, 'keepaliveMs': 5000, "
      "'steps': {'beginMs': 1, 'prepareMs': 2, 'setupMs': 3, 'deviceMs': 4, 'finishMs': 5, 'confirmMs': 6}, "
      "'hosts': ['a', 'b', 'c'], 'guests': [{'name': 'g', 'uuid': '7844e427-a44f-597c-ad3c-3f5fa2298fa1', 'host': 'c', "
      "'state': 'paused', 'persistent': false, 'memoryMib': 64, 'workingSetMib': 32.5, 'dirtyRateMibPerSecond': 3, "
      "'pattern': 'zipf', 'workingSetAt': 'beginning', 'zipfExponent': 1.2, 'phaseOnMs': 5, 'phaseOffMs': 6, 'zeroPercent': 7, 'unthrottledPercent': 8, "
      "'xbzrlePercent': 9, 'busyPercent': 10, 'faults': [{'step': 'perform', 'kind': 'hang', 'times': 2}], 'refuse': ['postcopy'], "
      "'events': [{'afterMs': 5, 'do': 'dirty-rate', 'mibPerSecond': 5}]}], "
      "'events': [{'atMs': 1, 'do': 'link', 'mibPerSecond': 5}, {'atMs': 2, 'do': 'destroy', 'guest': 'g'}, "
      "{'atMs': 3, 'do': 'restart-host', 'host': 'b'}]}",
      NULL },
    { "not-one", "{'speed': 1}", "'vmmiSim' is missing" },
    { "wrong-kind", "{'vmmiSim': 'world'}", "'vmmiSim' must be 'scenario', got 'world'" },
    { "unknown-key", "{'vmmiSim': 'scenario', 'sped': 1}", "'sped' is not known here" },
    { "speed-zero", "{'vmmiSim': 'scenario', 'speed': 0}",
      "'speed' must be a number 0.001..10000, got 0" },
    { "speed-text", "{'vmmiSim': 'scenario', 'speed': '1'}",
      "'speed' must be a number 0.001..10000, got \"1\"" },
    { "seed-real", "{'vmmiSim': 'scenario', 'seed': 1.5}",
      "'seed' must be an integer 0..9007199254740992, got 1.5" },
    { "one-host", "{'vmmiSim': 'scenario', 'hosts': ['a']}", "'hosts' has 1 items, at least 2" },
    { "many-hosts", "{'vmmiSim': 'scenario', 'hosts': ['a','b','c','d','e','f','g','h','i']}",
      "'hosts' has 9 items, the limit is 8" },
    { "host-twice", "{'vmmiSim': 'scenario', 'hosts': ['a', 'a']}",
      "'hosts[1]': there is a host 'a' already" },
    { "host-name", "{'vmmiSim': 'scenario', 'hosts': ['a', 'b/c']}",
      "'hosts[1]' must be a name of letters" },
    { "host-number", "{'vmmiSim': 'scenario', 'hosts': ['a', 5]}",
      "'hosts[1]' must be a string, got an integer" },
    { "guest-list", "{'vmmiSim': 'scenario', 'guests': {}}",
      "'guests' must be an array, got an object" },
    { "guest-text", "{'vmmiSim': 'scenario', 'guests': ['g']}",
      "'guests[0]' must be an object, got a string" },
    { "guest-without-name", "{'vmmiSim': 'scenario', 'guests': [{}]}",
      "'guests[0].name' is missing" },
    { "guest-empty-name", "{'vmmiSim': 'scenario', 'guests': [{'name': ''}]}",
      "'guests[0].name' must be a string of 1 to 63 bytes" },
    { "guest-twice", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a'}, {'name': 'a'}]}",
      "'guests[1]': there is a guest 'a'" },
    { "guest-uuid", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'uuid': 'x'}]}",
      "'guests[0].uuid' is not a UUID: 'x'" },
    { "memory", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'memoryMib': 0}]}",
      "'guests[0].memoryMib' must be a number 1..16777216, got 0" },
    { "working-set",
      "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'memoryMib': 64, 'workingSetMib': 65}]}",
      "'guests[0].workingSetMib' is 65, the guest's memory is 64" },
    { "set-at", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'workingSetAt': 'x'}]}",
      "'guests[0].workingSetAt' must be 'beginning' or 'end', got 'x'" },
    { "pattern", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'pattern': 'x'}]}",
      "'guests[0].pattern' must be one of 'uniform', 'cyclic', 'zipf', 'phased', got 'x'" },
    { "state", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'state': 'crashed'}]}",
      "'guests[0].state' must be one of 'running', 'paused', 'shutoff', got 'crashed'" },
    { "transient-off",
      "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'state': 'shutoff', 'persistent': false}]}",
      "cannot be shut off" },
    { "guest-host", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'host': 'x'}]}",
      "'guests[0].host': there is no host 'x'" },
    { "fault-step",
      "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'faults': [{'step': 'precopy'}]}]}",
      "'guests[0].faults[0].step' must be one of 'begin'" },
    { "fault-kind",
      "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'faults': [{'step': 'begin', 'kind': 'x'}]}]}",
      "'guests[0].faults[0].kind' must be 'fail' or 'hang', got 'x'" },
    { "refuse", "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'refuse': [1]}]}",
      "'guests[0].refuse[0]' must be a string" },
    { "event-what", "{'vmmiSim': 'scenario', 'events': [{'atMs': 1, 'do': 'x'}]}",
      "'events[0].do' is not known: 'x'" },
    { "event-when", "{'vmmiSim': 'scenario', 'events': [{'do': 'link'}]}",
      "'events[0].atMs' is missing" },
    { "event-clock", "{'vmmiSim': 'scenario', 'events': [{'afterMs': 1, 'do': 'link'}]}",
      "'events[0].afterMs' is not known here" },
    { "event-value", "{'vmmiSim': 'scenario', 'events': [{'atMs': 1, 'do': 'link'}]}",
      "'events[0].mibPerSecond' is missing: 'link' needs it" },
    { "event-host",
      "{'vmmiSim': 'scenario', 'events': [{'atMs': 1, 'do': 'unreachable', 'host': 'x'}]}",
      "'events[0].host': there is no host 'x'" },
    { "event-guest",
      "{'vmmiSim': 'scenario', 'events': [{'atMs': 1, 'do': 'destroy', 'guest': 'x'}]}",
      "'events[0].guest': there is no guest 'x'" },
    { "event-meaning",
      "{'vmmiSim': 'scenario', 'events': [{'atMs': 1, 'do': 'link', 'mibPerSecond': 1, 'host': 'source'}]}",
      "'events[0].host' has no meaning with 'link'" },
    { "guest-event",
      "{'vmmiSim': 'scenario', 'guests': [{'name': 'a', 'events': [{'afterMs': -1, 'do': 'destroy'}]}]}",
      "'guests[0].events[0].afterMs' must be a number 0..86400000, got -1" },
};

static void
test_scenario(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(json_t) scenario = fixture_json(scenarios[row].text);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiSimWorld) world = vmmiSimScenarioBuild("test", scenario, &error);

    if (!scenarios[row].needle) {
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
        g_assert_nonnull(world);
        return;
    }
    g_assert_null(world);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_CONFIGURATION_FAILED);
    if (!strstr(vmmiErrorGetMessage(error), scenarios[row].needle))
        g_test_message("%s", vmmiErrorGetMessage(error));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), scenarios[row].needle));
}

/* --- URIs ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *uri, *host, *world;
    const char *needle; /* NULL: it is taken */
} uris[] = {
    { "plain", "sim:///", "", "default", NULL },
    { "host", "sim:///destination", "destination", "default", NULL },
    { "world", "sim:///source?world=my-world.2", "source", "my-world.2", NULL },
    { "escaped", "sim:///so%75rce?world=%61", "source", "a", NULL },
    { "file", "sim:///?file=/tmp/x/world.json", "", "file-69db51792cebe417", NULL },
    { "file-by-way", "sim:///?file=/tmp//y/../x/world.json", "", "file-69db51792cebe417", NULL },
    { "options", "sim:///?speed=10&memory=512&fail=prepare", "", "default", NULL },
    { "authority", "sim://host/", NULL, NULL, "it must look like sim:///HOST?world=NAME" },
    { "short", "sim:", NULL, NULL, "it must look like" },
    { "fragment", "sim:///#x", NULL, NULL, "it must look like" },
    { "deep", "sim:///a/b", NULL, NULL, "the host must be one name" },
    { "slash", "sim:///a%2Fb", NULL, NULL, "the host must be one name" },
    { "unknown", "sim:///?wrld=x", NULL, NULL, "parameter 'wrld' is not known" },
    { "world-empty", "sim:///?world=", NULL, NULL, "parameter 'world' must be 1 to 48 letters" },
    { "world-path", "sim:///?world=../x", NULL, NULL, "parameter 'world' must be" },
    { "world-dot", "sim:///?world=.x", NULL, NULL, "parameter 'world' must be" },
    { "file-relative", "sim:///?file=x.json", NULL, NULL,
      "parameter 'file' must be an absolute path" },
    { "scenario-relative", "sim:///?scenario=x.json", NULL, NULL,
      "parameter 'scenario' must be an absolute path" },
    { "both", "sim:///?world=a&file=/tmp/x", NULL, NULL, "exclude each other" },
    { "beside-scenario", "sim:///?scenario=/x&memory=5", NULL, NULL,
      "'memory' has no place beside a scenario" },
    { "not-utf8", "sim:///?world=%ff", NULL, NULL, "" },
};

static void
test_uri(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiSimUri) uri = vmmiSimUriParse(uris[row].uri, &error);

    if (!uris[row].needle) {
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
        g_assert_nonnull(uri);
        g_assert_cmpstr(uri->host, ==, uris[row].host);
        g_assert_cmpstr(uri->world, ==, uris[row].world);
        return;
    }
    g_assert_null(uri);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_URI);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), uris[row].uri));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), uris[row].needle));
}

/* What a URI makes of the default world. @needle: in the scenario as text, or in the error. */
static const struct {
    const char *name, *uri;
    bool fine;
    const char *needle;
} made[] = {
    { "default", "sim:///", true, "\"name\":\"guest3\"" },
    { "speed", "sim:///?speed=10", true, "\"speed\":10" },
    { "three-guests-fail", "sim:///?fail=prepare", true, "\"name\":\"guest3\"" },
    { "fail", "sim:///?fail=prepare,finish", true,
      "\"faults\":[{\"step\":\"prepare\",\"kind\":\"fail\"},{\"step\":\"finish\",\"kind\":\"fail\"}]" },
    { "fail-times", "sim:///?hang=begin&fail-times=2", true,
      "{\"step\":\"begin\",\"kind\":\"hang\",\"times\":2}" },
    { "one-guest", "sim:///?memory=512", true,
      "\"guests\":[{\"name\":\"guest1\",\"memoryMib\":512}]" },
    { "named", "sim:///?guest=db&working-set=5.5", true,
      "[{\"name\":\"db\",\"workingSetMib\":5.5}]" },
    { "several", "sim:///?guests=2&pattern=cyclic", true,
      "[{\"name\":\"guest1\",\"pattern\":\"cyclic\"},{\"name\":\"guest2\",\"pattern\":\"cyclic\"}]" },
    { "refuse", "sim:///?guest=a&refuse=postcopy,tls", true, "\"refuse\":[\"postcopy\",\"tls\"]" },
    { "link-after", "sim:///?guest=a&link-after=500:10,900:20.5", true,
      "\"events\":[{\"afterMs\":500,\"mibPerSecond\":10,\"do\":\"link\"},{\"afterMs\":900,\"mibPerSecond\":20.5,\"do\":\"link\"}]" },
    { "destroy-after", "sim:///?guest=a&destroy-after=500", true,
      "{\"afterMs\":500,\"do\":\"destroy\"}" },
    { "unreachable", "sim:///?unreachable=destination", true,
      "\"do\":\"unreachable\",\"host\":\"destination\"" },
    { "no-number", "sim:///?speed=fast", false, "parameter 'speed' must be a number, got 'fast'" },
    { "half-number", "sim:///?memory=5G", false, "parameter 'memory' must be a number, got '5G'" },
    { "too-many", "sim:///?guests=65", false, "parameter 'guests' must be a number 1..64" },
    { "two-names", "sim:///?guests=2&guest=a", false, "'guest' names one guest" },
    { "event-without-value", "sim:///?link-after=500", false, "must be MS:MIB_PER_SECOND" },
    { "event-with-value", "sim:///?destroy-after=500:1", false, "must be MS,..." },
    { "no-file", "sim:///?scenario=/nonexistent/x", false, "No such file" },
};

static void
test_made(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiSimUri) uri = vmmiSimUriParse(made[row].uri, NULL);
    g_autoptr(json_t) scenario = vmmiSimUriScenario(uri, &error);
    g_autofree char *text = scenario ? json_dumps(scenario, JSON_COMPACT) : NULL;

    g_assert_cmpint(scenario != NULL, ==, made[row].fine);
    if (!strstr(text ? text : vmmiErrorGetMessage(error), made[row].needle))
        g_test_message("%s", text ? text : vmmiErrorGetMessage(error));
    g_assert_nonnull(strstr(text ? text : vmmiErrorGetMessage(error), made[row].needle));
    if (scenario) {
        g_autoptr(vmmiSimWorld) world = vmmiSimScenarioBuild("x", scenario, &error);

        g_assert_nonnull(world);
    }
}

/* --- flags and parameters --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *flag;
    vmmiParam param;
    vmmiMode mode;
    int code;
    const char *needle;
} orders[] = {
    { "none", NULL, { 0 }, VMMI_MODE_P2P, VMMI_ERR_OK, "" },
    { "live", "live", { 0 }, VMMI_MODE_P2P, VMMI_ERR_OK, "" },
    { "forbidden", "no-postcopy", { 0 }, VMMI_MODE_P2P, VMMI_ERR_OK, "" },
    { "harmless", "abort_on_error", { 0 }, VMMI_MODE_P2P, VMMI_ERR_OK, "" },
    { "managed",
      NULL,
      { 0 },
      VMMI_MODE_MANAGED,
      VMMI_ERR_NOT_SUPPORTED,
      "mode 'managed' is not supported" },
    { "direct",
      NULL,
      { 0 },
      VMMI_MODE_DIRECT,
      VMMI_ERR_NOT_SUPPORTED,
      "mode 'direct' is not supported" },
    { "unknown-flag",
      "fast",
      { 0 },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "flag 'fast' is not one of libvirt's" },
    { "misspelt-flag",
      "autoconverge",
      { 0 },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "migration flags, did you mean 'auto_converge'?" },
    { "unknown-forbidden",
      "no-fast",
      { 0 },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "flag 'fast'" },
    { "by-mode", "peer2peer", { 0 }, VMMI_MODE_P2P, VMMI_ERR_NOT_SUPPORTED, "'migration.mode'" },
    { "disks", "non_shared_disk", { 0 }, VMMI_MODE_P2P, VMMI_ERR_NOT_SUPPORTED, "no disks" },
    { "no-disks", "no-non_shared_disk", { 0 }, VMMI_MODE_P2P, VMMI_ERR_OK, "" },
    { "zerocopy",
      "zerocopy",
      { 0 },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "needs flag 'parallel'" },
    { "resume",
      "postcopy_resume",
      { 0 },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "needs flag 'postcopy'" },
    { "bandwidth",
      NULL,
      { .name = "bandwidth", .type = VMMI_PARAM_UINT, .uint_value = 5 },
      VMMI_MODE_P2P,
      VMMI_ERR_OK,
      "" },
    { "bandwidth-text",
      NULL,
      { .name = "bandwidth", .type = VMMI_PARAM_STRING, .string_value = "5" },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "parameter 'bandwidth' must be an unsigned integer, got a string" },
    { "bandwidth-negative",
      NULL,
      { .name = "bandwidth", .type = VMMI_PARAM_INT, .int_value = -5 },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "got a negative integer" },
    { "increment",
      NULL,
      { .name = "auto_converge.increment", .type = VMMI_PARAM_UINT, .uint_value = 100 },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "'auto_converge.increment' must be 1..99, got 100" },
    { "xml",
      NULL,
      { .name = "destination_xml", .type = VMMI_PARAM_STRING, .string_value = "<domain/>" },
      VMMI_MODE_P2P,
      VMMI_ERR_OK,
      "" },
    { "rename",
      NULL,
      { .name = "destination_name", .type = VMMI_PARAM_STRING, .string_value = "x" },
      VMMI_MODE_P2P,
      VMMI_ERR_NOT_SUPPORTED,
      "keep their names" },
    { "compression",
      NULL,
      { .name = "compression", .type = VMMI_PARAM_STRING, .string_value = "xbzrle" },
      VMMI_MODE_P2P,
      VMMI_ERR_OK,
      "" },
    { "compression-mt",
      NULL,
      { .name = "compression", .type = VMMI_PARAM_STRING, .string_value = "mt" },
      VMMI_MODE_P2P,
      VMMI_ERR_NOT_SUPPORTED,
      "method 'mt'" },
    { "unknown-param",
      NULL,
      { .name = "bandwith", .type = VMMI_PARAM_UINT },
      VMMI_MODE_P2P,
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "parameter 'bandwith' is not one of libvirt's migration parameters, did you mean "
      "'bandwidth'?" },
};

static void
test_order(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const char *const flags[] = { orders[row].flag, NULL };
    vmmiMigrateRequest request = { .size = sizeof(request),
                                   .flags = flags,
                                   .mode = orders[row].mode,
                                   .params = &orders[row].param,
                                   .n_params = orders[row].param.name ? 1 : 0 };
    g_autoptr(vmmiError) error = NULL;
    vmmiSimOrder order = { .throttle_initial = 77 };
    int result = vmmiSimOrderRead(&request, &order, &error);

    g_assert_cmpint(result, ==, orders[row].code == VMMI_ERR_OK ? 0 : -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, orders[row].code);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), orders[row].needle));
    g_assert_cmpuint(order.throttle_initial, ==, result == 0 ? 20 : 77);
}

static void
test_pair(void)
{
    const char *const flags[] = { "postcopy", "parallel", NULL };
    vmmiMigrateRequest request = { .size = sizeof(request), .flags = flags };
    g_autoptr(vmmiError) error = NULL;
    vmmiSimOrder order;

    g_assert_cmpint(vmmiSimOrderRead(&request, &order, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_NOT_SUPPORTED);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "lose guests"));
}

static const char *const every_flag[] = {
    "live",
    "peer2peer",
    "tunnelled",
    "persist_dest",
    "undefine_source",
    "paused",
    "non_shared_disk",
    "non_shared_inc",
    "change_protection",
    "unsafe",
    "offline",
    "compressed",
    "abort_on_error",
    "auto_converge",
    "rdma_pin_all",
    "postcopy",
    "tls",
    "parallel",
    "non_shared_synchronous_writes",
    "postcopy_resume",
    "zerocopy",
};

/* Every flag that libvirt 9.0 has is known by name, and so is every parameter. */
static void
test_complete(void)
{
    static const char *const params[] = {
        "migrate_uri",
        "destination_name",
        "destination_xml",
        "persistent_xml",
        "bandwidth",
        "bandwidth.postcopy",
        "graphics_uri",
        "listen_address",
        "migrate_disks",
        "disks_port",
        "disks_uri",
        "compression",
        "compression.mt.level",
        "compression.mt.threads",
        "compression.mt.dthreads",
        "compression.xbzrle.cache",
        "auto_converge.initial",
        "auto_converge.increment",
        "parallel.connections",
        "tls.destination",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(every_flag); i++) {
        const char *const list[] = { every_flag[i], NULL };
        vmmiMigrateRequest request = { .size = sizeof(request), .flags = list };
        g_autoptr(vmmiError) error = NULL;
        vmmiSimOrder order;

        vmmiSimOrderRead(&request, &order, &error);
        g_assert_null(strstr(vmmiErrorGetMessage(error), "not one of libvirt's"));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(params); i++) {
        vmmiParam param = { .name = params[i], .type = VMMI_PARAM_BOOL };
        vmmiMigrateRequest request = { .size = sizeof(request), .params = &param, .n_params = 1 };
        g_autoptr(vmmiError) error = NULL;
        vmmiSimOrder order;

        g_assert_cmpint(vmmiSimOrderRead(&request, &order, &error), ==, -1);
        g_assert_null(strstr(vmmiErrorGetMessage(error), "not one of libvirt's"));
    }
}

/* --- the manual ------------------------------------------------------------------------------------------- */

/* A word of the manual on its own. */
static bool
has_word(const char *text, const char *word)
{
    g_autofree char *pattern = g_strdup_printf("(?m)(^|[^a-z-])%s([^a-z-]|$)", word);

    return g_regex_match_simple(pattern, text, 0, 0);
}

/* Each parameter is explained, and the example of a scenario can be used. */
static void
test_manual(void)
{
    g_autofree char *path =
        g_test_build_filename(G_TEST_DIST, "..", "..", "docs", "man", "vmmi-sim.7.rst", NULL);
    g_autofree char *text = NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiSimWorld) world = NULL;
    g_autoptr(json_t) scenario = NULL;
    const char *name, *start;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    for (size_t i = 0; (name = vmmiSimUriParameter(i)); i++) {
        if (!has_word(text, name))
            g_test_message("'%s' is not in the manual", name);
        g_assert_true(has_word(text, name));
    }
    start = strstr(text, "\n    {\n");
    g_assert_nonnull(start);
    scenario = json_loads(start, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, NULL);
    g_assert_nonnull(scenario);
    world = vmmiSimScenarioBuild("manual", scenario, &error);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_nonnull(world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/sim/scenario/", scenarios, test_scenario);
    ADD_ROWS("/sim/uri/", uris, test_uri);
    ADD_ROWS("/sim/made/", made, test_made);
    ADD_ROWS("/sim/order/", orders, test_order);
    g_test_add_func("/sim/manual", test_manual);
    g_test_add_func("/sim/order/pair", test_pair);
    g_test_add_func("/sim/order/complete", test_complete);
    return g_test_run();
}
