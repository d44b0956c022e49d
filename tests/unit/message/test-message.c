/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-message.c: envelope and content: what is accepted, what is refused and in which words;
 * values by path; writing.
 */
#include <string.h>

#include "message/message.h"
#include "util/cleanup.h"
#include "../rows.h"

#define CONFIG(content) \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", \"configuration\": " content \
    "}"
#define STATUS(content) \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": 1, " \
    "\"status\": " content "}"
#define DONE(content) \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": 1, " \
    "\"completion\": " content "}"

static const struct {
    const char *name, *text;
    int code;
    const char *needle;
} rows[] = {
    { "configuration/minimal", CONFIG("{}"), VMMI_ERR_OK, NULL },
    { "configuration/full",
      CONFIG("{\"connection\": \"qemu:///system\", \"verbose\": 10, \"logFilePath\": \"/x\","
             " \"connectionCredentials\": {\"username\": \"u\", \"passwordFile\": \"/p\"},"
             " \"migration\": {\"mode\": \"p2p\", \"flags\": [\"postcopy\"], \"attach\": \"auto\","
             " \"params\": {\"bandwidth\": 1, \"x.y\": \"s\", \"l\": [\"a\"], \"b\": true, \"d\": "
             "0.5},"
             " \"keepSource\": false}, \"policy\": {\"any\": [1]}}"),
      VMMI_ERR_OK, NULL },
    { "configuration/unknown-keys", CONFIG("{\"schedule\": [], \"monitorInterval\": 2}"),
      VMMI_ERR_OK, NULL },
    { "configuration/timestamp-is-fine",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", \"timestamp\": 5, "
      "\"configuration\": {}}",
      VMMI_ERR_OK, NULL },
    { "configuration/verbose-string", CONFIG("{\n  \"verbose\": \"x\"}"),
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "line 2, column 14: 'verbose' must be an integer 0..10, got a string" },
    { "configuration/verbose-large", CONFIG("{\"verbose\": 11}"), VMMI_ERR_MALFORMED_CONFIGURATION,
      "'verbose' must be an integer 0..10, got 11" },
    { "configuration/verbose-negative", CONFIG("{\"verbose\": -1}"),
      VMMI_ERR_MALFORMED_CONFIGURATION, "got -1" },
    { "configuration/verbose-real", CONFIG("{\"verbose\": 1.0}"), VMMI_ERR_MALFORMED_CONFIGURATION,
      "got a number with a fraction" },
    { "configuration/connection-null", CONFIG("{\"connection\": null}"),
      VMMI_ERR_MALFORMED_CONFIGURATION, "'connection' must be a string, got null" },
    { "configuration/log-number", CONFIG("{\"logFilePath\": 1}"), VMMI_ERR_MALFORMED_CONFIGURATION,
      "'logFilePath' must be a string" },
    { "configuration/credentials-string", CONFIG("{\"connectionCredentials\": \"root:x\"}"),
      VMMI_ERR_MALFORMED_CONFIGURATION, "'connectionCredentials' must be an object" },
    { "configuration/username-number", CONFIG("{\"connectionCredentials\": {\"username\": 0}}"),
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "'connectionCredentials.username' must be a string, got an integer" },
    { "configuration/mode", CONFIG("{\"migration\": {\"mode\": \"tunnelled\"}}"),
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration.mode' must be one of \"p2p\", \"managed\", \"direct\", got \"tunnelled\"" },
    { "configuration/attach", CONFIG("{\"migration\": {\"attach\": true}}"),
      VMMI_ERR_MALFORMED_CONFIGURATION, "'migration.attach' must be one of" },
    { "configuration/flags-string", CONFIG("{\"migration\": {\"flags\": \"live\"}}"),
      VMMI_ERR_MALFORMED_CONFIGURATION, "'migration.flags' must be an array of strings" },
    { "configuration/flags-item", CONFIG("{\n\"migration\": {\"flags\": [\"live\", 5]}}"),
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "line 2, column 33: 'migration.flags[1]' must be a string, got an integer" },
    { "configuration/params-null", CONFIG("{\"migration\": {\"params\": {\"bandwidth\": null}}}"),
      VMMI_ERR_MALFORMED_CONFIGURATION, "'migration.params.bandwidth' must be a string, a number" },
    { "configuration/params-list", CONFIG("{\"migration\": {\"params\": {\"a.b\": [\"x\", {}]}}}"),
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "'migration.params.a.b[1]' must be a string, got an object" },
    { "configuration/keep-source", CONFIG("{\"migration\": {\"keepSource\": 1}}"),
      VMMI_ERR_MALFORMED_CONFIGURATION, "'migration.keepSource' must be true or false" },
    { "configuration/policy-array", CONFIG("{\"policy\": []}"), VMMI_ERR_MALFORMED_CONFIGURATION,
      "'policy' must be an object, got an array" },
    { "configuration/array", CONFIG("[]"), VMMI_ERR_MALFORMED_CONFIGURATION,
      "'configuration' must be an object" },
    { "version/other-micro",
      "{\"vmmiVersion\": \"0.4.27\", \"contentType\": \"configuration\", \"configuration\": {}}",
      VMMI_ERR_OK, NULL },
    { "version/no-micro",
      "{\"vmmiVersion\": \"0.4\", \"contentType\": \"configuration\", \"configuration\": {}}",
      VMMI_ERR_OK, NULL },
    { "version/newer",
      "{\"vmmiVersion\": \"0.5.0\", \"contentType\": \"configuration\", \"configuration\": {}}",
      VMMI_ERR_PROTOCOL_VERSION, "'vmmiVersion' is \"0.5.0\", this library speaks 0.4.1" },
    { "version/older", "{\"vmmiVersion\": \"0.3.9\", \"contentType\": 5}",
      VMMI_ERR_PROTOCOL_VERSION, "\"0.3.9\"" },
    { "version/longer", "{\"vmmiVersion\": \"0.40.1\", \"contentType\": \"x\"}",
      VMMI_ERR_PROTOCOL_VERSION, "0.40.1" },
    { "version/suffix", "{\"vmmiVersion\": \"0.4.1-rc1\", \"contentType\": \"x\"}",
      VMMI_ERR_PROTOCOL_VERSION, "rc1" },
    { "version/number", "{\"vmmiVersion\": 0.4, \"contentType\": \"x\"}", VMMI_ERR_MESSAGE,
      "line 1, column 17: 'vmmiVersion' must be a string" },
    { "version/missing", "{\"contentType\": \"x\"}", VMMI_ERR_MESSAGE, "'vmmiVersion' is missing" },
    { "envelope/no-type", "{\"vmmiVersion\": \"0.4.1\"}", VMMI_ERR_MESSAGE,
      "'contentType' is missing" },
    { "envelope/empty-type", "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"\", \"\": {}}",
      VMMI_ERR_MESSAGE, "'contentType' is empty" },
    { "envelope/own-key",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"timestamp\", \"timestamp\": 1}",
      VMMI_ERR_MESSAGE, "cannot be \"timestamp\"" },
    { "envelope/no-content", "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\"}",
      VMMI_ERR_MESSAGE, "'configuration' is missing" },
    { "envelope/no-timestamp",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"status\": {}}", VMMI_ERR_MESSAGE,
      "'timestamp' is missing" },
    { "envelope/bad-timestamp",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": -5, \"status\": "
      "{}}",
      VMMI_ERR_MESSAGE, "'timestamp' must be an unsigned integer, got -5" },
    { "envelope/bad-sequence",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"x\", \"timestamp\": 5, \"sequence\": \"1\", "
      "\"x\": 0}",
      VMMI_ERR_MESSAGE, "'sequence' must be an unsigned integer" },
    { "other/any-content",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"a.b\", \"timestamp\": 5, \"a.b\": [1]}",
      VMMI_ERR_OK, NULL },
    { "status/empty", STATUS("{}"), VMMI_ERR_OK, NULL },
    { "status/foreign", STATUS("{\"whatever\": {\"deep\": 1}}"), VMMI_ERR_OK, NULL },
    { "status/percent", STATUS("{\"percent\": 101}"), VMMI_ERR_MESSAGE,
      "'percent' must be an integer 0..100, got 101" },
    { "status/memory", STATUS("{\"memory\": {\"total\": \"1\"}}"), VMMI_ERR_MESSAGE,
      "'memory.total' must be" },
    { "completion/success", DONE("{\"result\": \"success\", \"success\": {}}"), VMMI_ERR_OK, NULL },
    { "completion/free-success", DONE("{\"result\": \"success\", \"success\": {\"outcome\": 5}}"),
      VMMI_ERR_OK, NULL },
    { "completion/error",
      DONE("{\"result\": \"error\", \"error\": {\"code\": 8, \"message\": \"m\", \"details\": "
           "\"d\"}}"),
      VMMI_ERR_OK, NULL },
    { "completion/no-result", DONE("{}"), VMMI_ERR_MESSAGE, "'result' is missing" },
    { "completion/other-result", DONE("{\"result\": \"ok\"}"), VMMI_ERR_MESSAGE,
      "'result' must be one of \"success\", \"error\", got \"ok\"" },
    { "completion/no-success", DONE("{\"result\": \"success\"}"), VMMI_ERR_MESSAGE,
      "'success' is missing" },
    { "completion/success-string", DONE("{\"result\": \"success\", \"success\": \"yes\"}"),
      VMMI_ERR_MESSAGE, "'success' must be an object, got a string" },
    { "completion/no-error", DONE("{\"result\": \"error\", \"success\": {}}"), VMMI_ERR_MESSAGE,
      "'error' is missing" },
    { "completion/no-code",
      DONE("{\"result\": \"error\", \"error\": {\"message\": \"m\", \"details\": \"d\"}}"),
      VMMI_ERR_MESSAGE, "'error.code' is missing" },
    { "completion/large-code",
      DONE("{\"result\": \"error\", \"error\": {\"code\": 4294967296, \"message\": \"m\", "
           "\"details\": \"d\"}}"),
      VMMI_ERR_MESSAGE, "'error.code' must be an integer -2147483648..2147483647, got 4294967296" },
    { "completion/code-string",
      DONE("{\"result\": \"error\", \"error\": {\"code\": \"8\", \"message\": \"m\", \"details\": "
           "\"d\"}}"),
      VMMI_ERR_MESSAGE, "'error.code' must be" },
    { "trailing-comma", CONFIG("{\"verbose\": 1,}"), VMMI_ERR_MESSAGE, "a comma before '}'" },
    { "trailing-bytes", CONFIG("{}") " x", VMMI_ERR_MESSAGE, "after the end of the object" },
};

static void
test_parse(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMessage) message =
        vmmiMessageParse(rows[row].text, strlen(rows[row].text), &error);
    g_autofree char *written = NULL;

    g_assert_cmpint(vmmiErrorGetCode(error), ==, rows[row].code);
    if (rows[row].needle) {
        g_assert_null(message);
        if (!strstr(vmmiErrorGetMessage(error), rows[row].needle))
            g_test_fail_printf("'%s' is not in '%s'", rows[row].needle, vmmiErrorGetMessage(error));
        return;
    }
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    written = vmmiMessageToJson(message, true, NULL);
    {
        g_autoptr(vmmiMessage) again = vmmiMessageParse(written, strlen(written), NULL);

        g_assert_true(again && json_equal(again->root, message->root));
    }
}

/* Each place where a valid message can be cut leaves something that is not a message. */
static void
test_truncation(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t length = strlen(rows[i].text);

        for (size_t cut = 0; !rows[i].needle && cut < length; cut++) {
            /* An exact copy, so that the address sanitizer sees a read behind its end. */
            g_autofree char *part = g_memdup2(rows[i].text, MAX(cut, 1));
            g_autoptr(vmmiError) error = NULL;
            size_t consumed = 99;

            g_assert_null(vmmiMessageParse(part, cut, NULL));
            g_assert_null(vmmiMessageParseFirst(part, cut, &consumed, &error));
            g_assert_cmpuint(consumed, ==, 0);
            g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_MESSAGE);
        }
    }
}

/* Two messages and noise in one stream, as a manager reads standard error (B5). */
static void
test_stream(void)
{
    static const char stream[] = "warning: {odd} [x]\n{\"log\": {\"level\": 1}}\n"
        STATUS("{}") "\n" DONE("{\"result\": \"success\", \"success\": {}}") "bye {\n";
    size_t at = 0, messages = 0, steps = 0;

    while (at < strlen(stream) && steps++ < 100) {
        size_t consumed = 0;
        g_autoptr(vmmiMessage) message = vmmiMessageParseFirst(stream + at, strlen(stream) - at,
                                                               &consumed, NULL);

        messages += message ? 1 : 0;
        if (consumed == 0)
            break;
        at += consumed;
    }
    g_assert_cmpuint(messages, ==, 2);
    g_assert_cmpstr(stream + at, ==, "{\n");
}

static void
test_paths(void)
{
    g_autoptr(vmmiMessage) message = vmmiMessageNew("configuration", NULL);
    g_autofree char *params = NULL, *content = NULL;
    g_autoptr(vmmiError) error = NULL;
    const char *text = NULL;
    uint64_t number = 0;
    bool flag = false;

    g_assert_cmpint(vmmiMessageSetString(message, "connection", "sim:///", NULL), ==, 0);
    g_assert_cmpint(
        vmmiMessageSetUInt(message, "migration.params.compression.xbzrle.cache", 7, NULL), ==, 0);
    g_assert_cmpint(vmmiMessageSetBool(message, "migration.keepSource", true, NULL), ==, 0);
    g_assert_cmpint(vmmiMessageSetJson(message, "migration.flags", "[\"postcopy\"]", NULL), ==, 0);
    g_assert_true(vmmiMessageGetString(message, "connection", &text));
    g_assert_cmpstr(text, ==, "sim:///");
    g_assert_true(
        vmmiMessageGetUInt(message, "migration.params.compression.xbzrle.cache", &number));
    g_assert_cmpuint(number, ==, 7);
    g_assert_true(vmmiMessageGetBool(message, "migration.keepSource", &flag) && flag);
    params = vmmiMessageGetJson(message, "migration.params");
    g_assert_cmpstr(params, ==, "{\"compression.xbzrle.cache\":7}");
    content = vmmiMessageGetJson(message, NULL);
    g_assert_true(g_str_has_prefix(content, "{\"connection\":\"sim:///\""));
    g_assert_true(vmmiMessageHas(message, "migration"));
    g_assert_false(vmmiMessageHas(message, "migration.none"));
    g_assert_false(vmmiMessageGetUInt(message, "connection", &number));
    g_assert_false(vmmiMessageGetString(message, "a..b", &text));
    g_assert_cmpint(vmmiMessageSetUInt(message, "connection.x", 1, &error), ==, -1);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "'connection' is a string, not an object"));
    vmmiErrorClear(&error);
    g_assert_cmpint(vmmiMessageSetUInt(message, "x", UINT64_MAX, &error), ==, -1);
    vmmiErrorClear(&error);
    g_assert_cmpint(vmmiMessageSetString(message, "x", "\xff", &error), ==, -1);
    vmmiErrorClear(&error);
    g_assert_cmpint(vmmiMessageSetJson(message, "x", "{", &error), ==, -1);
}

/* A message that a reader would refuse is not written. */
static void
test_write_checks(void)
{
    g_autoptr(vmmiMessage) status = vmmiMessageNew("status", NULL);
    g_autoptr(vmmiMessage) config = vmmiMessageNew("configuration", NULL);
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *large = g_strnfill(VMMI_MESSAGE_MAX_BYTES, 'x');
    g_autofree char *text = NULL;

    g_assert_null(vmmiMessageToJson(status, false, &error));
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "'timestamp' is missing");
    vmmiErrorClear(&error);
    vmmiMessageStamp(status, 3);
    text = vmmiMessageToJson(status, false, &error);
    g_assert_nonnull(strstr(text, "\"sequence\":3"));
    vmmiMessageSetUInt(config, "verbose", 12, NULL);
    g_assert_null(vmmiMessageToJson(config, false, &error));
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_MALFORMED_CONFIGURATION);
    vmmiErrorClear(&error);
    vmmiMessageSetUInt(config, "verbose", 1, NULL);
    vmmiMessageSetString(config, "logFilePath", large, NULL);
    g_assert_null(vmmiMessageToJson(config, false, &error));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "the limit is 1048576"));
}

static void
test_find(void)
{
    static const char text[] = CONFIG("{\n  \"policy\": {\"limt\": 5}}");
    g_autoptr(vmmiMessage) message = vmmiMessageParse(text, strlen(text), NULL);
    g_autoptr(vmmiError) error = NULL;

    vmmiMessageRaiseAt(message, "policy.limt", true, &error, VMMI_ERR_OPTION, "no option '%s'",
                       "limt");
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "line 2, column 14: no option 'limt'");
    vmmiErrorClear(&error);
    vmmiMessageRaiseAt(message, "policy.limt", false, &error, VMMI_ERR_OPTION, "bad");
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "line 2, column 22: bad");
    vmmiErrorClear(&error);
    vmmiMessageSetUInt(message, "verbose", 1, NULL);
    vmmiMessageRaiseAt(message, "policy.limt", false, &error, VMMI_ERR_OPTION, "bad");
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "bad");
}

static void
test_new(void)
{
    static const char *const refused[] = { "", "timestamp0\xff", "vmmiVersion", "contentType",
                                           NULL };

    for (size_t i = 0; refused[i]; i++) {
        g_autoptr(vmmiError) error = NULL;

        g_assert_null(vmmiMessageNew(refused[i], &error));
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/message/parse/", rows, test_parse);
    g_test_add_func("/message/truncation", test_truncation);
    g_test_add_func("/message/stream", test_stream);
    g_test_add_func("/message/paths", test_paths);
    g_test_add_func("/message/write-checks", test_write_checks);
    g_test_add_func("/message/find", test_find);
    g_test_add_func("/message/new", test_new);
    return g_test_run();
}
