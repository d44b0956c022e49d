/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-request.c: the `migration` object of a configuration becomes a request, or an error that
 * names the key.
 */
#include "message/json.h"
#include "migration/request.h"
#include "util/cleanup.h"
#include "../rows.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"

static vmmiRequest *
build(const char *text, vmmiError **err)
{
    g_autoptr(json_t) migration = text ? vmmiJsonParseValue(text, strlen(text), NULL, NULL) : NULL;

    return vmmiRequestNew(migration, UUID, "dst:///system", "-", err);
}

static const struct {
    const char *name, *text;
    int code;
    const char *needle;
} refused[] = {
    { "not-object", "[1]", VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration' must be an object, got an array" },
    { "mode-type", "{\"mode\": 1}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration.mode' must be a string, got an integer" },
    { "mode-name", "{\"mode\": \"tunnel\"}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "must be one of 'p2p', 'managed', 'direct', got 'tunnel'" },
    { "attach-name", "{\"attach\": \"yes\"}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "must be one of 'auto', 'never', 'only', got 'yes'" },
    { "flags-type", "{\"flags\": \"live\"}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration.flags' must be an array of strings" },
    { "flag-type", "{\"flags\": [\"live\", 3]}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration.flags[1]'" },
    { "params-type", "{\"params\": []}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration.params' must be an object" },
    { "param-type", "{\"params\": {\"a.b\": {}}}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration.params.a.b' must be a number" },
    { "param-null", "{\"params\": {\"a\": null}}", VMMI_ERR_MALFORMED_CONFIGURATION, "got null" },
    { "param-list", "{\"params\": {\"a\": [\"b\", true]}}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "an array of strings only" },
    { "keep-type", "{\"keepSource\": 1}", VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration.keepSource' must be a boolean" },
};

static void
test_refused(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(build(refused[row].text, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refused[row].code);
    if (!strstr(vmmiErrorGetMessage(error), refused[row].needle))
        g_test_fail_printf("'%s' lacks '%s'", vmmiErrorGetMessage(error), refused[row].needle);
}

static void
test_defaults(void)
{
    g_autoptr(vmmiRequest) request = build(NULL, NULL);
    const vmmiMigrateRequest *got = vmmiRequestGet(request);

    g_assert_cmpuint(got->size, ==, sizeof(*got));
    g_assert_cmpstr(got->uuid, ==, UUID);
    g_assert_cmpstr(got->destination_uri, ==, "dst:///system");
    g_assert_null(got->migrate_uri);
    g_assert_cmpint(got->mode, ==, VMMI_MODE_P2P);
    g_assert_null(got->flags[0]);
    g_assert_cmpuint(got->n_params, ==, 0);
    g_assert_false(got->keep_source);
    g_assert_cmpint(vmmiRequestGetAttach(request), ==, VMMI_ATTACH_AUTO);
}

static void
test_everything(void)
{
    g_autoptr(vmmiRequest) request =
        build("{\"mode\": \"managed\", \"attach\": \"never\", \"keepSource\": true, \"other\": 1,"
              " \"flags\": [\"auto_converge\", \"postcopy\", \"no-postcopy\"],"
              " \"params\": {\"bandwidth\": 7, \"low\": -3, \"half\": 0.5, \"on\": true, "
              "\"auto_converge.initial\": 20,"
              " \"dname\": \"x\", \"migrate_disks\": [\"vda\", \"vdb\"]}}",
              NULL);
    const vmmiMigrateRequest *got = vmmiRequestGet(request);

    g_assert_cmpint(got->mode, ==, VMMI_MODE_MANAGED);
    g_assert_cmpint(vmmiRequestGetAttach(request), ==, VMMI_ATTACH_NEVER);
    g_assert_true(got->keep_source);
    g_assert_cmpuint(g_strv_length((char **)(gpointer)got->flags), ==, 3);
    g_assert_true(vmmiRequestHasFlag(request, "auto_converge"));
    g_assert_false(vmmiRequestHasFlag(request, "postcopy"));
    g_assert_cmpuint(got->n_params, ==, 7);
    g_assert_cmpstr(got->params[0].name, ==, "bandwidth");
    g_assert_cmpint(got->params[0].type, ==, VMMI_PARAM_UINT);
    g_assert_cmpuint(got->params[0].uint_value, ==, 7);
    g_assert_cmpint(got->params[1].type, ==, VMMI_PARAM_INT);
    g_assert_cmpint(got->params[1].int_value, ==, -3);
    g_assert_cmpint(got->params[2].type, ==, VMMI_PARAM_DOUBLE);
    g_assert_cmpint(got->params[3].type, ==, VMMI_PARAM_BOOL);
    g_assert_true(got->params[3].bool_value);
    g_assert_cmpstr(got->params[4].name, ==, "auto_converge.initial");
    g_assert_cmpstr(got->params[5].string_value, ==, "x");
    g_assert_cmpint(got->params[6].type, ==, VMMI_PARAM_STRINGS);
    g_assert_cmpstr(got->params[6].strings[1], ==, "vdb");
    g_assert_null(got->params[6].strings[2]);
}

static void
test_uris(void)
{
    g_autoptr(json_t) never = json_pack("{s:s}", "attach", "never");
    g_autoptr(json_t) only = json_pack("{s:s}", "attach", "only");
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiRequest) attaching = vmmiRequestNew(only, UUID, "-", "", NULL);
    g_autoptr(vmmiRequest) with_uri = vmmiRequestNew(never, UUID, "d:///", "tcp:1.2.3.4", NULL);

    g_assert_null(vmmiRequestGet(attaching)->destination_uri);
    g_assert_cmpstr(vmmiRequestGet(with_uri)->migrate_uri, ==, "tcp:1.2.3.4");
    g_assert_null(vmmiRequestNew(never, UUID, "-", NULL, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_MALFORMED_PARAMETERS);
    vmmiErrorClear(&error);
    g_assert_null(vmmiRequestNew(never, UUID, "d:///\n", NULL, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_MALFORMED_PARAMETERS);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/migration/request/", refused, test_refused);
    g_test_add_func("/migration/request/defaults", test_defaults);
    g_test_add_func("/migration/request/everything", test_everything);
    g_test_add_func("/migration/request/uris", test_uris);
    return g_test_run();
}
