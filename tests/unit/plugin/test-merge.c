/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-merge.c: one configuration out of several, the origin of each value, and what is refused
 * before anything starts (B9a, I3, B1).
 */
#include <string.h>
#include <sys/stat.h>

#include "message/json.h"
#include "message/message.h"
#include "plugin/config-merge.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "../rows.h"

#define URI "qemu+unix:///system?socket=/s"
#define MESSAGE(content) "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", " \
                         "\"configuration\": " content "}"
#define MAX_SETTINGS 5   /* with the NULL at the end */

static char *directory;

/* --- what comes out --- */

static const struct {
    const char *name, *uri, *file, *caller;
    const char *settings[MAX_SETTINGS];
    const char *content, *origins;
} rows[] = {
    { "nothing", NULL, NULL, NULL, { NULL },
      "{'connection': 'qemu:///system', 'verbose': 1}",
      "{'connection': 'default', 'verbose': 'default'}" },
    { "connection", URI, NULL, NULL, { NULL },
      "{'connection': '" URI "', 'verbose': 1}",
      "{'connection': 'connection', 'verbose': 'default'}" },
    { "file", NULL, MESSAGE("{'connection': 'test:///x', 'verbose': 3, 'own': {'a': [1]}}"), NULL,
      { NULL },
      "{'connection': 'test:///x', 'verbose': 3, 'own': {'a': [1]}}",
      "{'connection': 'FILE', 'verbose': 'FILE', 'own.a': 'FILE'}" },
    { "connection-over-file", URI, MESSAGE("{'connection': 'test:///x'}"), NULL, { NULL },
      "{'connection': '" URI "', 'verbose': 1}",
      "{'connection': 'connection', 'verbose': 'default'}" },
    { "caller-over-file", NULL,
      MESSAGE("{'migration': {'mode': 'managed', 'flags': ['postcopy', 'compressed'], 'attach': 'auto'}}"),
      "{'migration': {'mode': 'p2p', 'flags': ['persist_dest']}, 'verbose': 1}", { NULL },
      "{'connection': 'qemu:///system', 'verbose': 1, "
      "'migration': {'mode': 'p2p', 'flags': ['persist_dest'], 'attach': 'auto'}}",
      "{'connection': 'default', 'verbose': 'caller', 'migration.mode': 'caller', "
      "'migration.flags': 'caller', 'migration.attach': 'FILE'}" },
    { "caller-gives-message", NULL, NULL, MESSAGE("{'verbose': 2}"), { NULL },
      "{'connection': 'qemu:///system', 'verbose': 2}",
      "{'connection': 'default', 'verbose': 'caller'}" },
    { "caller-same-connection", URI, NULL, "{'connection': '" URI "'}", { NULL },
      "{'connection': '" URI "', 'verbose': 1}",
      "{'connection': 'caller', 'verbose': 'default'}" },
    { "settings-last", NULL, MESSAGE("{'policy': {'a': 1, 'b': 1, 'c': 1}}"),
      "{'policy': {'b': 2, 'c': 2}}",
      { "c=3", "d=word" },
      "{'connection': 'qemu:///system', 'verbose': 1, 'policy': {'a': 1, 'b': 2, 'c': 3, 'd': 'word'}}",
      "{'connection': 'default', 'verbose': 'default', 'policy.a': 'FILE', 'policy.b': 'caller', "
      "'policy.c': '--set', 'policy.d': '--set'}" },
    { "setting-types", NULL, NULL, NULL, { "a=true", "b=\"5\"", "c=[1, 2]", "d=07" },
      "{'connection': 'qemu:///system', 'verbose': 1, "
      "'policy': {'a': true, 'b': '5', 'c': [1, 2], 'd': '07'}}",
      "{'connection': 'default', 'verbose': 'default', 'policy.a': '--set', 'policy.b': '--set', "
      "'policy.c': '--set', 'policy.d': '--set'}" },
    { "setting-empty-value", NULL, NULL, NULL, { "a=", "b=x=y" },
      "{'connection': 'qemu:///system', 'verbose': 1, 'policy': {'a': '', 'b': 'x=y'}}",
      "{'connection': 'default', 'verbose': 'default', 'policy.a': '--set', 'policy.b': '--set'}" },
    { "setting-params", NULL, NULL, "{'migration': {'params': {'bandwidth.postcopy': 5}}}",
      { "migration.params.bandwidth=9", "migration.mode=direct" },
      "{'connection': 'qemu:///system', 'verbose': 1, "
      "'migration': {'mode': 'direct', 'params': {'bandwidth': 9, 'bandwidth.postcopy': 5}}}",
      "{'connection': 'default', 'verbose': 'default', 'migration.mode': '--set', "
      "'migration.params.bandwidth': '--set', 'migration.params.bandwidth.postcopy': 'caller'}" },
    { "setting-params-dots", NULL, NULL, NULL,
      { "migration.params.auto_converge.initial=10", "migration.params.migrate_disks=[\"vda\"]" },
      "{'connection': 'qemu:///system', 'verbose': 1, "
      "'migration': {'params': {'auto_converge.initial': 10, 'migrate_disks': ['vda']}}}",
      "{'connection': 'default', 'verbose': 'default', "
      "'migration.params.auto_converge.initial': '--set', 'migration.params.migrate_disks': '--set'}" },
    { "setting-object-merges", NULL, NULL, "{'policy': {'o': {'a': 1, 'b': 1}}}",
      { "o={\"b\": 2}" },
      "{'connection': 'qemu:///system', 'verbose': 1, 'policy': {'o': {'a': 1, 'b': 2}}}",
      "{'connection': 'default', 'verbose': 'default', 'policy.o.a': 'caller', 'policy.o.b': '--set'}" },
    { "scalar-replaces-object", NULL, MESSAGE("{'own': {'a': {'x': 1}, 'ab': 1}}"),
      "{'own': {'a': 1}}",
      { NULL },
      "{'connection': 'qemu:///system', 'verbose': 1, 'own': {'a': 1, 'ab': 1}}",
      "{'connection': 'default', 'verbose': 'default', 'own.a': 'caller', 'own.ab': 'FILE'}" },
    { "object-replaces-scalar", NULL, MESSAGE("{'own': 1}"), "{'own': {'a': 1}}", { NULL },
      "{'connection': 'qemu:///system', 'verbose': 1, 'own': {'a': 1}}",
      "{'connection': 'default', 'verbose': 'default', 'own.a': 'caller'}" },
    { "empty-object", NULL, MESSAGE("{'own': {'a': 1}, 'other': 1}"),
      "{'own': {}, 'other': {}, 'new': {}}",
      { NULL },
      "{'connection': 'qemu:///system', 'verbose': 1, 'own': {'a': 1}, 'other': {}, 'new': {}}",
      "{'connection': 'default', 'verbose': 'default', 'own.a': 'FILE', 'other': 'caller', "
      "'new': 'caller'}" },
    { "null-replaces", NULL, MESSAGE("{'own': {'a': 1}}"), "{'own': null}", { NULL },
      "{'connection': 'qemu:///system', 'verbose': 1, 'own': null}",
      "{'connection': 'default', 'verbose': 'default', 'own': 'caller'}" },
};

/* Rows are written with ' for ", so that they can be read; FILE is the default file. */
static char *
unquote(const char *text, const char *file)
{
    g_autoptr(GString) string = g_string_new(text);

    g_string_replace(string, "'FILE'", file, 0);
    g_strdelimit(string->str, "'", '"');
    return g_string_free(g_steal_pointer(&string), FALSE);
}

static void
assert_json(const json_t *value, const char *wanted, const char *path)
{
    g_autofree char *file = g_strdup_printf("'%s'", path);
    g_autofree char *text = unquote(wanted, file);
    g_autoptr(json_t) object = vmmiJsonParse(text, strlen(text), NULL, NULL);
    g_autofree char *got = vmmiJsonWrite(value, false);

    g_assert_nonnull(object);
    if (!json_equal(value, object))
        g_assert_cmpstr(got, ==, text);
}

/* The default file of "touri"; removed when @content is NULL. */
static char *
set_file(const char *content)
{
    char *path = vmmiConfigDefaultPath("touri");
    g_autofree char *text = content ? unquote(content, "") : NULL;

    unlink(path);
    if (text)
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path = set_file(rows[row].file);
    g_autofree char *caller = rows[row].caller ? unquote(rows[row].caller, "") : NULL;
    g_autoptr(vmmiPlugin) plugin = vmmiPluginNew("touri", "/x/touri", NULL);
    g_autoptr(vmmiMessage) message = NULL;
    g_autoptr(json_t) origins = NULL;
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiConfigMerge(plugin, rows[row].uri, caller, rows[row].settings, &message,
                                    &origins, &error), ==, 0);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    if (!message)
        return;
    assert_json(vmmiMessageContent(message), rows[row].content, path);
    assert_json(origins, rows[row].origins, path);
    g_assert_cmpint(vmmiMessageGetKind(message), ==, VMMI_MESSAGE_CONFIGURATION);
}

/* --- what is refused --- */

static const struct {
    const char *name, *uri, *file, *caller;
    const char *settings[MAX_SETTINGS];
    int code;
    const char *needle;
} refused_rows[] = {
    { "file-not-json", NULL, "{", NULL, { NULL }, VMMI_ERR_MALFORMED_CONFIGURATION,
      "default configuration: " },
    { "file-trailing-comma", NULL, MESSAGE("{'verbose': 1,}"), NULL, { NULL },
      VMMI_ERR_MALFORMED_CONFIGURATION, "default configuration: " },
    { "file-empty", NULL, "", NULL, { NULL }, VMMI_ERR_MALFORMED_CONFIGURATION, "/touri.json: " },
    { "file-wrong-type", NULL, MESSAGE("{'verbose': 'a'}"), NULL, { NULL },
      VMMI_ERR_MALFORMED_CONFIGURATION, "'verbose'" },
    { "file-other-kind", NULL,
      "{'vmmiVersion': '0.4.1', 'contentType': 'other', 'other': {}, 'timestamp': 1}", NULL,
      { NULL },
      VMMI_ERR_MALFORMED_CONFIGURATION, "'contentType' must be \"configuration\", got \"other\"" },
    { "file-other-version", NULL,
      "{'vmmiVersion': '0.5.0', 'contentType': 'configuration', 'configuration': {}}", NULL,
      { NULL },
      VMMI_ERR_PROTOCOL_VERSION, "0.5.0" },
    { "caller-not-json", NULL, NULL, "verbose: 1", { NULL }, VMMI_ERR_MALFORMED_CONFIGURATION,
      "the caller's configuration: line 1, column 1" },
    { "caller-array", NULL, NULL, "[]", { NULL }, VMMI_ERR_MALFORMED_CONFIGURATION,
      "the caller's configuration: " },
    { "caller-duplicate", NULL, NULL, "{'verbose': 1, 'verbose': 2}", { NULL },
      VMMI_ERR_MALFORMED_CONFIGURATION, "'verbose'" },
    { "caller-wrong-type", NULL, NULL, "{'migration': {'mode': 'fast'}}", { NULL },
      VMMI_ERR_MALFORMED_CONFIGURATION, "migration.mode" },
    { "caller-status", NULL, NULL,
      "{'vmmiVersion': '0.4.1', 'contentType': 'status', 'status': {}, 'timestamp': 1}", { NULL },
      VMMI_ERR_MALFORMED_CONFIGURATION, "got \"status\"" },
    { "caller-half-a-message", NULL, NULL, "{'contentType': 'configuration', 'configuration': {}}",
      { NULL }, VMMI_ERR_MALFORMED_CONFIGURATION, "vmmiVersion" },
    { "caller-other-connection", URI, NULL, "{'connection': 'qemu:///system'}", { NULL },
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "'connection' is 'qemu:///system', but the migration is started" },
    { "setting-no-equals", NULL, NULL, NULL, { "a" }, VMMI_ERR_MALFORMED_CONFIGURATION,
      "'a' is not KEY=VALUE" },
    { "setting-no-key", NULL, NULL, NULL, { "=a" }, VMMI_ERR_MALFORMED_CONFIGURATION,
      "'=a' is not KEY=VALUE" },
    { "setting-empty-part", NULL, NULL, NULL, { "policy..a=1" }, VMMI_ERR_MALFORMED_CONFIGURATION,
      "policy..a" },
    { "setting-below-array", NULL, NULL, "{'migration': {'flags': []}}", { "migration.flags.x=1" },
      VMMI_ERR_MALFORMED_CONFIGURATION, "'flags' is an array, not an object" },
    { "setting-below-scalar", NULL, NULL, "{'policy': {'a': 1}}", { "policy.a.b=1" },
      VMMI_ERR_MALFORMED_CONFIGURATION, "'a' is an integer, not an object" },
    { "setting-wrong-type", NULL, NULL, NULL, { "migration.mode=5" },
      VMMI_ERR_MALFORMED_CONFIGURATION,
      "migration.mode" },
};

static void
test_refused(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path G_GNUC_UNUSED = set_file(refused_rows[row].file);
    g_autofree char *caller = refused_rows[row].caller ? unquote(refused_rows[row].caller,
                                                                 "") : NULL;
    g_autoptr(vmmiPlugin) plugin = vmmiPluginNew("touri", "/x/touri", NULL);
    vmmiMessage *message = NULL;
    json_t *origins = NULL;
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiConfigMerge(plugin, refused_rows[row].uri, caller,
                                    refused_rows[row].settings,
                                    &message, &origins, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, refused_rows[row].code);
    if (!strstr(vmmiErrorGetMessage(error), refused_rows[row].needle))
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, refused_rows[row].needle);
    g_assert_null(message);
    g_assert_null(origins);
}

/* The default file is there, but is no file to read. */
static const struct {
    const char *name;
    bool is_directory;
    const char *target, *needle;
} unreadable_rows[] = {
    { "directory", true, NULL, "is a directory" },
    { "dangling-link", false, "/no/such/file", "No such file or directory" },
    { "device", false, "/dev/zero", "not a regular file" },
};

static void
test_unreadable(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path = set_file(NULL);
    g_autoptr(vmmiPlugin) plugin = vmmiPluginNew("touri", "/x/touri", NULL);
    vmmiMessage *message = NULL;
    g_autoptr(vmmiError) error = NULL;

    if (unreadable_rows[row].is_directory)
        g_assert_cmpint(mkdir(path, 0755), ==, 0);
    else
        g_assert_cmpint(symlink(unreadable_rows[row].target, path), ==, 0);
    g_assert_cmpint(vmmiConfigMerge(plugin, NULL, NULL, NULL, &message, NULL, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_BAD_PATH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), unreadable_rows[row].needle));
    g_assert_null(message);
    remove(path);
}

/* --- options --- */

static const char description[] =
    "{'options': ["
    "{'name': 'downtimeSoftMs', 'type': 'uint', 'minimum': 1, 'maximum': 60000, 'unit': 'ms', 'meaning': 'm'},"
    "{'name': 'atLeast', 'type': 'uint', 'minimum': 5, 'meaning': 'm'},"
    "{'name': 'eager', 'type': 'bool', 'meaning': 'm'},"
    "{'name': 'mood', 'type': 'string', 'choices': ['calm', 'hasty'], 'meaning': 'm'},"
    "{'name': 'label', 'type': 'string', 'meaning': 'm'},"
    "{'name': 'ways', 'type': 'strings', 'choices': ['foot', 'boat'], 'meaning': 'm'},"
    "{'name': 'words', 'type': 'strings', 'meaning': 'm'},"
    "{'name': 'old', 'type': 'uint', 'maximum': 9, 'topLevel': true, 'meaning': 'm'},"
    "{'name': 'steps', 'type': 'json', 'meaning': 'm'}]}";

static const struct {
    const char *name, *description, *setting;
    const char *needle;   /* NULL: fine */
} option_rows[] = {
    { "uint", description, "downtimeSoftMs=60000", NULL },
    { "bool", description, "eager=false", NULL },
    { "choice", description, "mood=hasty", NULL },
    { "text", description, "label=anything", NULL },
    { "json-array", description, "steps=[1]", NULL },
    { "json-object", description, "steps={\"a\": {}}", NULL },
    { "strings-array", description, "ways=[\"boat\"]", NULL },
    { "strings-text", description, "ways=boat, foot", NULL },
    { "strings-none", description, "ways=", NULL },
    { "strings-any", description, "words=a,b", NULL },
    { "strings-choice", description, "ways=boat,swim", "must be one of foot, boat, got 'swim'" },
    { "strings-item", description, "ways=[1]", "must be a string, got an integer" },
    { "strings-number", description, "ways=5", "an array of strings, or a string with commas, got" },
    { "no-options-key", "{}", "anything=1", NULL },
    { "no-description", NULL, "anything=1", NULL },
    { "misspelt", description, "downtimeSofMs=1",
      "option 'downtimeSofMs' of plugin 'touri' (from --set) does not exist; did you mean 'downtimeSoftMs'?" },
    { "unlike", description, "bandwidth=1", "does not exist: it has others" },
    { "no-options", "{'options': []}", "bandwidth=1", "does not exist: it has no options" },
    { "not-an-option", description, "verbose=1", "'verbose' is a key beside 'policy'" },
    { "object", description, "policy.unknown.below=1",
      "option 'unknown' of plugin 'touri' (from --set)" },
    { "too-small", description, "downtimeSoftMs=0", "must be 1..60000 ms, got 0" },
    { "too-large", description, "downtimeSoftMs=60001", "must be 1..60000 ms, got 60001" },
    { "negative", description, "downtimeSoftMs=-1", "must be 1..60000 ms, got -1" },
    { "no-maximum", description, "atLeast=4", "must be at least 5, got 4" },
    { "uint-text", description, "downtimeSoftMs=fast", "must be an integer, got a string" },
    { "uint-fraction", description, "downtimeSoftMs=1.5", "must be an integer, got " },
    { "bool-text", description, "eager=yes", "must be true or false, got a string" },
    { "string-number", description, "label=5", "must be a string, got an integer" },
    { "string-null", description, "label=null", "must be a string, got null" },
    { "not-a-choice", description, "mood=sad", "must be one of calm, hasty, got 'sad'" },
};

static void
test_option(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const char *const settings[] = { option_rows[row].setting, NULL };
    g_autofree char *path G_GNUC_UNUSED = set_file(NULL);
    g_autoptr(vmmiPlugin) plugin = vmmiPluginNew("touri", "/x/touri", NULL);
    g_autoptr(vmmiMessage) message = NULL;
    g_autoptr(vmmiError) error = NULL;
    int result;

    if (option_rows[row].description) {
        g_autofree char *text = unquote(option_rows[row].description, "");

        plugin->description = vmmiJsonParse(text, strlen(text), NULL, NULL);
        g_assert_nonnull(plugin->description);
    }
    result = vmmiConfigMerge(plugin, NULL, NULL, settings, &message, NULL, &error);
    g_assert_cmpint(result, ==, option_rows[row].needle ? -1 : 0);
    g_assert_cmpint(vmmiErrorGetCode(error), ==,
                    option_rows[row].needle ? VMMI_ERR_OPTION : VMMI_ERR_OK);
    if (option_rows[row].needle && !strstr(vmmiErrorGetMessage(error), option_rows[row].needle))
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, option_rows[row].needle);
}

/* --- options that older configurations have at the top level --- */

static const struct {
    const char *name, *file, *caller, *setting;
    const char *content; /* NULL: refused */
    const char *needle;  /* in the origins, or in the error */
} top_rows[] = {
    { "file", MESSAGE("{'old': 3}"), NULL, NULL, "{'old':3}", "'policy.old':'FILE'" },
    { "caller-over-file", MESSAGE("{'old': 3}"), "{'old': 4}", NULL, "{'old':4}",
      "'policy.old':'caller'" },
    { "policy-over-top", MESSAGE("{'old': 3}"), "{'policy': {'old': 5}}", NULL, "{'old':5}",
      "'policy.old':'caller'" },
    { "top-over-policy", MESSAGE("{'policy': {'old': 5, 'eager': true}}"), "{'old': 4}", NULL,
      "{'eager':true,'old':4}", "'policy.old':'caller'" },
    { "setting-over-top", NULL, "{'old': 3}", "old=6", "{'old':6}", "'policy.old':'--set'" },
    { "twice", NULL, "{'old': 3, 'policy': {'old': 3}}", NULL, NULL,
      "option 'old' is given twice: at the top level and in 'policy'" },
    { "too-large", NULL, "{'old': 10}", NULL, NULL, "(from caller) must be 0..9, got 10" },
    { "not-this-one", NULL, "{'eager': 10}", NULL, "null", "'eager':'caller'" },
};

static void
test_top_level(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const char *const settings[] = { top_rows[row].setting, NULL };
    g_autofree char *path = set_file(top_rows[row].file);
    g_autofree char *caller = top_rows[row].caller ? unquote(top_rows[row].caller, "") : NULL;
    g_autofree char *known = unquote(description, "");
    g_autofree char *file = g_strdup_printf("'%s'", path);
    g_autofree char *needle = top_rows[row].content ? unquote(top_rows[row].needle, file)
                                                    : g_strdup(top_rows[row].needle);
    g_autofree char *wanted = NULL, *got = NULL, *shown = NULL;
    g_autoptr(vmmiPlugin) plugin = vmmiPluginNew("touri", "/x/touri", NULL);
    g_autoptr(vmmiMessage) message = NULL;
    g_autoptr(json_t) origins = NULL;
    g_autoptr(vmmiError) error = NULL;

    plugin->description = vmmiJsonParse(known, strlen(known), NULL, NULL);
    vmmiConfigMerge(plugin, NULL, caller, settings, &message, &origins, &error);
    remove(path);
    g_assert_cmpint(vmmiErrorGetCode(error), ==,
                    top_rows[row].content ? VMMI_ERR_OK : VMMI_ERR_OPTION);
    shown = message ? json_dumps(origins, JSON_COMPACT) : g_strdup(vmmiErrorGetMessage(error));
    if (!strstr(shown, needle))
        g_assert_cmpstr(shown, ==, needle);
    if (!message || !top_rows[row].content)
        return;
    wanted = unquote(top_rows[row].content, "");
    got = json_dumps(json_object_get(vmmiMessageContent(message), "policy"),
                     JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    g_assert_cmpstr(got ? got : "null", ==, wanted);
    g_assert_null(json_object_get(vmmiMessageContent(message), "old"));
}

/* --- of a migration that runs --- */

#define RECORD "{'connection': '" URI "', 'verbose': 4, 'policy': {'a': 1, 'b': 2}, " \
               "'connectionCredentials': {'username': 'joe'}, " \
               "'migration': {'flags': ['postcopy'], 'params': {'bandwidth': 3, 'x': 1}, " \
               "'attach': 'never', 'replace': true}}"
#define KEPT "'migration': {'flags': ['postcopy'], 'params': {'bandwidth': 3, 'x': 1}}"

static const struct {
    const char *name, *record;
    bool whole;
    const char *file, *caller;
    const char *settings[MAX_SETTINGS];
    const char *content; /* NULL: refused */
    const char *needle;  /* in the origins, or in the error */
    int code;
} running_rows[] = {
    { "whole", RECORD, true, MESSAGE("{'policy': {'c': 1}}"), NULL, { "b=5" },
      "{'connection': '" URI "', 'verbose': 4, 'policy': {'a': 1, 'b': 5}, "
      "'connectionCredentials': {'username': 'joe'}, " KEPT "}",
      "'policy.a':'record'", 0 },
    { "common", RECORD, false,
      MESSAGE("{'policy': {'c': 1}, 'migration': {'flags': ['live'], 'mode': 'managed'}}"), NULL,
      { NULL },
      "{'connection': '" URI "', 'verbose': 1, 'policy': {'c': 1}, "
      "'connectionCredentials': {'username': 'joe'}, " KEPT "}",
      "'migration.flags':'record'", 0 },
    { "none", NULL, true, MESSAGE("{'migration': {'flags': ['live']}}"), NULL, { NULL },
      "{'connection': '" URI "', 'verbose': 1, 'migration': {'flags': ['live']}}",
      "'connection':'connection'", 0 },
    { "caller", RECORD, true, NULL, "{'migration': {'flags': ['live']}, 'policy': {'b': 3}}",
      { NULL },
      "{'connection': '" URI "', 'verbose': 4, 'policy': {'a': 1, 'b': 3}, "
      "'connectionCredentials': {'username': 'joe'}, "
      "'migration': {'flags': ['live'], 'params': {'bandwidth': 3, 'x': 1}}}",
      "'migration.flags':'caller'", 0 },
    { "speed", RECORD, false, NULL, NULL,
      { "migration.params.bandwidth=9", "migration.params.bandwidth.postcopy=8" },
      "{'connection': '" URI "', 'verbose': 1, 'connectionCredentials': {'username': 'joe'}, "
      "'migration': {'flags': ['postcopy'], "
      "'params': {'bandwidth': 9, 'x': 1, 'bandwidth.postcopy': 8}}}",
      "'migration.params.bandwidth':'--set'", 0 },
    { "same-again", RECORD, false, NULL, NULL,
      { "migration.params.x=1", "migration.flags=[\"postcopy\"]" },
      "{'connection': '" URI "', 'verbose': 1, 'connectionCredentials': {'username': 'joe'}, " KEPT
      "}",
      "'migration.params.x':'--set'", 0 },
    { "param", RECORD, false, NULL, NULL, { "migration.params.x=2" }, NULL,
      "'migration.params.x' cannot be changed while the migration runs", VMMI_ERR_NOT_SUPPORTED },
    { "mode", RECORD, true, NULL, NULL, { "migration.mode=managed" }, NULL, "'migration.mode'",
      VMMI_ERR_NOT_SUPPORTED },
    { "no-record-flags", NULL, true, NULL, NULL, { "migration.flags=[]" }, NULL,
      "'migration.flags'", VMMI_ERR_NOT_SUPPORTED },
    { "other-connection", RECORD, true, NULL, "{'connection': 'test:///x'}", { NULL }, NULL,
      "'test:///x'", VMMI_ERR_MALFORMED_CONFIGURATION },
};

static json_t *
parse(const char *quoted)
{
    g_autofree char *text = unquote(quoted, "");

    return vmmiJsonParse(text, strlen(text), NULL, NULL);
}

static void
test_running(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path = set_file(running_rows[row].file);
    g_autofree char *caller =
        running_rows[row].caller ? unquote(running_rows[row].caller, "") : NULL;
    g_autoptr(vmmiPlugin) plugin = vmmiPluginNew("touri", "/x/touri", NULL);
    g_autoptr(json_t) record = running_rows[row].record ? parse(running_rows[row].record) : NULL;
    g_autofree char *needle = unquote(running_rows[row].needle, "");
    g_autofree char *shown = NULL;
    g_autoptr(vmmiMessage) message = NULL;
    g_autoptr(json_t) origins = NULL;
    g_autoptr(vmmiError) error = NULL;

    vmmiConfigMergeRecord(plugin, URI, record, running_rows[row].whole, caller,
                          running_rows[row].settings, &message, &origins, &error);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, running_rows[row].code);
    if (!running_rows[row].content) {
        g_assert_null(message);
        if (!strstr(vmmiErrorGetMessage(error), running_rows[row].needle))
            g_assert_cmpstr(vmmiErrorGetMessage(error), ==, running_rows[row].needle);
        return;
    }
    if (!message)
        return;
    assert_json(vmmiMessageContent(message), running_rows[row].content, path);
    shown = vmmiJsonWrite(origins, false);
    if (!strstr(shown, needle))
        g_assert_cmpstr(shown, ==, needle);
}

static void
test_default_path(void)
{
    g_autofree char *mine = vmmiConfigDefaultPath("a b");
    g_autofree char *wanted = g_build_filename(directory, "a b.json", NULL);
    g_autofree char *plain = NULL;

    g_assert_cmpstr(mine, ==, wanted);
    g_unsetenv("VMMI_CONF_DIR");
    plain = vmmiConfigDefaultPath("touri");
    g_setenv("VMMI_CONF_DIR", directory, TRUE);
    g_assert_cmpstr(plain, ==, "/etc/vmmi/conf.d/touri.json");
}

int
main(int argc, char **argv)
{
    g_autofree char *file = NULL;
    int failed;

    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    directory = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_setenv("VMMI_CONF_DIR", directory, TRUE);
    ADD_ROWS("/config/merge/", rows, test_row);
    ADD_ROWS("/config/refused/", refused_rows, test_refused);
    ADD_ROWS("/config/unreadable/", unreadable_rows, test_unreadable);
    ADD_ROWS("/config/option/", option_rows, test_option);
    ADD_ROWS("/config/top-level/", top_rows, test_top_level);
    ADD_ROWS("/config/running/", running_rows, test_running);
    g_test_add_func("/config/default-path", test_default_path);
    failed = g_test_run();
    file = set_file(NULL);
    rmdir(directory);
    g_free(directory);
    return failed;
}
