/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-describe.c: what a plugin says about itself, and what is no description (B17).
 *
 * Plugins are shell scripts made on the spot, one flaw each.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "../rows.h"

static char *directory;

/* --- the text --- */

#define HEAD "{'name': 'p', 'version': '1', 'protocolVersions': ['0.4.1'], 'summary': 's'"
#define OPTION(rest) HEAD ", 'options': [{'name': 'a', " rest "}]}"

static const struct {
    const char *name, *text;
    int code;
    const char *needle;
} text_rows[] = {
    { "least", HEAD "}", VMMI_ERR_OK, NULL },
    { "unknown-keys", HEAD ", 'author': {'x': 1}}", VMMI_ERR_OK, NULL },
    { "other-micro",
      "{'name': 'p', 'version': '1', 'protocolVersions': ['1.0.0', '0.4.99'], 'summary': 's'}",
      VMMI_ERR_OK, NULL },
    { "everything",
      HEAD ", 'needs': ['postcopy'], 'options': [{'name': 'a', 'type': 'uint', 'default': 1, 'minimum': 0, "
           "'maximum': 5, 'unit': 'ms', 'meaning': 'm'}, {'name': 'b', 'type': 'string', "
           "'choices': ['x'], 'meaning': 'm'}]}", VMMI_ERR_OK, NULL },
    { "not-json", "touri 1.0", VMMI_ERR_PLUGIN_PROTOCOL, "line 1, column 1" },
    { "two-objects", HEAD "}{}", VMMI_ERR_PLUGIN_PROTOCOL, "line 1, column " },
    { "array", "[]", VMMI_ERR_PLUGIN_PROTOCOL, "line 1, column 1" },
    { "empty-object", "{}", VMMI_ERR_PLUGIN_PROTOCOL, "'name' is missing" },
    { "no-version", "{'name': 'p', 'protocolVersions': ['0.4.1'], 'summary': 's'}",
      VMMI_ERR_PLUGIN_PROTOCOL, "'version' is missing" },
    { "no-summary", "{'name': 'p', 'version': '1', 'protocolVersions': ['0.4.1']}",
      VMMI_ERR_PLUGIN_PROTOCOL, "'summary' is missing" },
    { "name-number", "{'name': 5}", VMMI_ERR_PLUGIN_PROTOCOL,
      "'name' must be a string, got an integer" },
    { "name-empty", "{'name': ''}", VMMI_ERR_PLUGIN_PROTOCOL, "'name' must be one line of text" },
    { "name-escape", "{'name': '\\u001b[1m'}", VMMI_ERR_PLUGIN_PROTOCOL,
      "'name' must be one line of text" },
    { "summary-two-lines",
      "{'name': 'p', 'version': '1', 'protocolVersions': ['0.4.1'], 'summary': 'a\\nb'}",
      VMMI_ERR_PLUGIN_PROTOCOL, "'summary' must be one line of text" },
    { "versions-string",
      "{'name': 'p', 'version': '1', 'protocolVersions': '0.4.1', 'summary': 's'}",
      VMMI_ERR_PLUGIN_PROTOCOL, "'protocolVersions' must be an array, got a string" },
    { "versions-numbers",
      "{'name': 'p', 'version': '1', 'protocolVersions': [0.4], 'summary': 's'}",
      VMMI_ERR_PLUGIN_PROTOCOL, "'protocolVersions[0]' must be a string" },
    { "versions-none", "{'name': 'p', 'version': '1', 'protocolVersions': [], 'summary': 's'}",
      VMMI_ERR_PROTOCOL_VERSION, "speaks protocol version (none), this library speaks 0.4.1" },
    { "versions-others",
      "{'name': 'p', 'version': '1', 'protocolVersions': ['0.3.9', '0.40.1'], 'summary': 's'}",
      VMMI_ERR_PROTOCOL_VERSION,
      "speaks protocol version 0.3.9, 0.40.1, this library speaks 0.4.1" },
    { "needs-object", HEAD ", 'needs': {}}", VMMI_ERR_PLUGIN_PROTOCOL, "'needs' must be an array" },
    { "needs-number", HEAD ", 'needs': ['a', 1]}", VMMI_ERR_PLUGIN_PROTOCOL,
      "'needs[1]' must be a string" },
    { "features-number", HEAD ", 'features': [1]}", VMMI_ERR_PLUGIN_PROTOCOL,
      "'features[0]' must be a string" },
    { "options-object", HEAD ", 'options': {}}", VMMI_ERR_PLUGIN_PROTOCOL,
      "'options' must be an array" },
    { "option-string", HEAD ", 'options': ['a']}", VMMI_ERR_PLUGIN_PROTOCOL,
      "'options[0]' must be an object, got a string" },
    { "option-no-name", HEAD ", 'options': [{}]}", VMMI_ERR_PLUGIN_PROTOCOL,
      "'options[0].name' is missing" },
    { "option-no-type", OPTION("'meaning': 'm'"), VMMI_ERR_PLUGIN_PROTOCOL,
      "'options[0].type' is missing" },
    { "option-no-meaning", OPTION("'type': 'uint'"), VMMI_ERR_PLUGIN_PROTOCOL,
      "'options[0].meaning' is missing" },
    { "option-type", OPTION("'type': 'float', 'meaning': 'm'"), VMMI_ERR_PLUGIN_PROTOCOL,
      "'options[0].type' must be bool, uint, string, strings or json, got 'float'" },
    { "option-minimum", OPTION("'type': 'uint', 'meaning': 'm', 'minimum': -1"),
      VMMI_ERR_PLUGIN_PROTOCOL,
      "'options[0].minimum' must be an integer, at least 0" },
    { "option-choices", OPTION("'type': 'string', 'meaning': 'm', 'choices': [1]"),
      VMMI_ERR_PLUGIN_PROTOCOL, "'options[0].choices[0]' must be a string" },
    { "option-top-level", OPTION("'type': 'strings', 'meaning': 'm', 'topLevel': true"),
      VMMI_ERR_OK, NULL },
    { "option-top-level-text", OPTION("'type': 'uint', 'meaning': 'm', 'topLevel': 'yes'"),
      VMMI_ERR_PLUGIN_PROTOCOL, "'options[0].topLevel' must be true or false, got a string" },
    { "option-twice", HEAD ", 'options': [{'name': 'a', 'type': 'bool', 'meaning': 'm'}, "
      "{'name': 'a', 'type': 'bool', 'meaning': 'm'}]}", VMMI_ERR_PLUGIN_PROTOCOL,
      "'options[1].name' is 'a' for a second time" },
};

static char *
quotes(const char *text)
{
    return g_strdelimit(g_strdup(text), "'", '"');
}

static void
test_text(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *text = quotes(text_rows[row].text);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) object = vmmiPluginParseDescription(text, strlen(text), &error);

    g_assert_cmpint(object != NULL, ==, text_rows[row].code == VMMI_ERR_OK);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, text_rows[row].code);
    if (text_rows[row].needle && !strstr(vmmiErrorGetMessage(error), text_rows[row].needle))
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, text_rows[row].needle);
}

/* --- the run --- */

#define GOOD "cat <<'END'\n" HEAD ", 'features': ['trace']}\nEND\n"

static const struct {
    const char *name, *script;   /* behind "#!/bin/sh" */
    unsigned int timeout_ms;     /* 0: the default */
    int answer, code;
    const char *needle;
} run_rows[] = {
    { "good", GOOD, 0, 1, VMMI_ERR_OK, NULL },
    { "right-argument", "[ $# = 1 ] && [ \"$1\" = --vmmi-describe ] || exit 1\n" GOOD, 0, 1,
      VMMI_ERR_OK, NULL },
    { "noise-on-stderr", "echo noise >&2\n" GOOD, 0, 1, VMMI_ERR_OK, NULL },
    { "child-stays", "sleep 1000 &\n" GOOD, 0, 1, VMMI_ERR_OK, NULL },
    { "unknown-option", "echo 'usage: p UUID' >&2; exit 1", 0, 0, VMMI_ERR_OK, NULL },
    { "unknown-option-on-stdout", "echo 'usage: p UUID'; exit 2", 0, 0, VMMI_ERR_OK, NULL },
    { "good-but-fails", GOOD "exit 1", 0, 0, VMMI_ERR_OK, NULL },
    { "silent", ":", 0, 0, VMMI_ERR_OK, NULL },
    { "reads-stdin", "cat", 0, 0, VMMI_ERR_OK, NULL },
    { "wrong", "echo '{}'", 0, -1, VMMI_ERR_PLUGIN_PROTOCOL,
      "plugin 'candidate' cannot be described: 'name' is missing" },
    { "killed", "kill -SEGV $$", 0, -1, VMMI_ERR_PLUGIN_CRASHED, "it was killed by signal 11" },
    { "hangs", "sleep 1000", 100, -1, VMMI_ERR_TIMEOUT, "did not end within 100 ms" },
    { "too-long", "exec yes", 0, -1, VMMI_ERR_PLUGIN_PROTOCOL, "wrote more than 65536 bytes" },
};

static char *
make_plugin(const char *content)
{
    char *path = g_build_filename(directory, "candidate", NULL);

    g_assert_true(g_file_set_contents(path, content, -1, NULL));
    g_assert_cmpint(chmod(path, 0755), ==, 0);
    return path;
}

static void
test_run(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *body = g_strconcat("#!/bin/sh\n", run_rows[row].script, NULL);
    g_autofree char *path = NULL;
    g_autoptr(vmmiPlugin) plugin = NULL;
    g_autoptr(vmmiError) error = NULL;

    /* Descriptions are written with ' for "; a here-document's own quotes come back. */
    if (strstr(body, "<<'END'")) {
        g_auto(GStrv) parts = g_strsplit(body, "'END'", 2);

        g_strdelimit(parts[1], "'", '"');
        g_free(body);
        body = g_strjoinv("'END'", parts);
    }
    path = make_plugin(body);
    plugin = vmmiPluginFind("candidate", &error);
    g_assert_nonnull(plugin);
    g_assert_cmpint(vmmiPluginDescribe(plugin, run_rows[row].timeout_ms, &error), ==,
                    run_rows[row].answer);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, run_rows[row].code);
    if (run_rows[row].needle && !strstr(vmmiErrorGetMessage(error), run_rows[row].needle))
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, run_rows[row].needle);
    g_assert_cmpint(vmmiPluginGetDescription(plugin) != NULL, ==, run_rows[row].answer == 1);
    if (run_rows[row].answer == 1) {
        g_assert_cmpstr(vmmiPluginGetVersion(plugin), ==, "1");
        g_assert_cmpstr(vmmiPluginGetSummary(plugin), ==, "s");
        g_assert_true(vmmiPluginHasFeature(plugin, "trace"));
        g_assert_false(vmmiPluginHasFeature(plugin, "simulate"));
    }
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    unlink(path);
}

/* Asked once, and again only after a failure. */
static void
test_once(void)
{
    g_autofree char *count = g_build_filename(directory, "count", NULL);
    g_autofree char *script = g_strdup_printf("#!/bin/sh\necho x >>%s\nexit 1\n", count);
    g_autofree char *path = make_plugin(script);
    g_autofree char *text = NULL;
    g_autoptr(vmmiPlugin) plugin = vmmiPluginFind("candidate", NULL);

    g_assert_cmpint(vmmiPluginDescribe(plugin, 0, NULL), ==, 0);
    g_assert_cmpint(vmmiPluginDescribe(plugin, 0, NULL), ==, 0);
    g_assert_true(g_file_get_contents(count, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "x\n");
    unlink(count);
    unlink(path);
}

/* A file that became unsafe after it was found is not run; nor is one that was refused. */
static void
test_refused(void)
{
    g_autofree char *path = make_plugin("#!/bin/sh\n");
    g_autoptr(vmmiPlugin) plugin = vmmiPluginFind("candidate", NULL);
    g_autoptr(vmmiError) error = NULL;
    vmmiError *refusal = NULL;
    g_autoptr(vmmiPlugin) refused = NULL;

    g_assert_cmpint(chmod(path, 0757), ==, 0);
    g_assert_cmpint(vmmiPluginDescribe(plugin, 0, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_REFUSED);
    vmmiErrorClear(&error);
    vmmiErrorSet(&refusal, VMMI_ERR_PLUGIN_REFUSED, "because");
    refused = vmmiPluginNew("x", "/bin/true", refusal);
    g_assert_cmpint(vmmiPluginDescribe(refused, 0, &error), ==, -1);
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "plugin 'x' is refused: because");
    g_assert_cmpint(vmmiPluginDescribe(NULL, 0, NULL), ==, -1);
    unlink(path);
}

static const struct {
    const char *name, *content, *needle;
} exec_rows[] = {
    { "interpreter", "#!/no/such/shell\n", "its interpreter '/no/such/shell' is missing" },
    { "format", "not a program", "neither a program for this machine nor a script" },
};

static void
test_exec(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path = make_plugin(exec_rows[row].content);
    g_autoptr(vmmiPlugin) plugin = vmmiPluginFind("candidate", NULL);
    g_autoptr(vmmiError) error = NULL;

    g_assert_cmpint(vmmiPluginDescribe(plugin, 0, &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_PLUGIN_LAUNCH);
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), exec_rows[row].needle));
    unlink(path);
}

int
main(int argc, char **argv)
{
    int failed;

    umask(022);
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    directory = g_dir_make_tmp("vmmi-test-XXXXXX", NULL);
    g_setenv("VMMI_PLUGIN_PATH", directory, TRUE);
    ADD_ROWS("/describe/text/", text_rows, test_text);
    ADD_ROWS("/describe/run/", run_rows, test_run);
    ADD_ROWS("/describe/exec/", exec_rows, test_exec);
    g_test_add_func("/describe/once", test_once);
    g_test_add_func("/describe/refused", test_refused);
    failed = g_test_run();
    rmdir(directory);
    g_free(directory);
    return failed;
}
