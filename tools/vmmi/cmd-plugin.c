/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-plugin.c: vmmi plugin: the policies that can be used here, what they say of themselves, and
 * where they are looked for.
 */
#include <stdio.h>
#include <string.h>

#include "report.h"

static const char *const verdicts[] = { "usable", "shadowed", "refused" };

/* What a plugin says of itself; an error of describing is a reason not to use it. */
static json_t *
describe(vmmiPlugin *plugin, vmmiError **err)
{
    const char *text = NULL;

    if (vmmiPluginGetVerdict(plugin) == VMMI_PLUGIN_USABLE &&
        vmmiPluginDescribe(plugin, 0, err) == 1)
        text = vmmiPluginGetDescription(plugin);
    return text ? json_loadb(text, strlen(text), JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static json_t *
plugin_object(vmmiPlugin *plugin)
{
    vmmiError *reason = NULL;
    json_t *description = describe(plugin, &reason);
    const vmmiError *refusal = reason ? reason : vmmiPluginGetRefusal(plugin);
    g_autofree char *name = g_utf8_make_valid(vmmiPluginGetName(plugin), -1);
    g_autofree char *file = g_utf8_make_valid(vmmiPluginGetFile(plugin), -1);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:o, s:o}", "name", name, "file", file, "verdict",
                  verdicts[vmmiPluginGetVerdict(plugin)], "version", vmmiPluginGetVersion(plugin),
                  "summary", vmmiPluginGetSummary(plugin), "description",
                  description ? description : json_null(), "error", report_error_object(refusal));

    vmmiErrorFree(reason);
    return object;
}

static void
print_plugin_row(vmmiPlugin *plugin)
{
    vmmiError *reason = NULL;
    json_t *description = describe(plugin, &reason);
    const vmmiError *refusal = reason ? reason : vmmiPluginGetRefusal(plugin);
    vmmiPluginVerdict verdict = vmmiPluginGetVerdict(plugin);
    g_autofree char *name = report_printable(vmmiPluginGetName(plugin));
    g_autofree char *file = report_printable(vmmiPluginGetFile(plugin));
    g_autofree char *why = report_printable(vmmiErrorGetMessage(refusal));

    if (verdict == VMMI_PLUGIN_SHADOWED)
        printf("%-12s %-8s not used: another of this name comes before %s\n", name, "-", file);
    else if (refusal)
        printf("%-12s %-8s %s: %s\n", name, "-",
               verdict == VMMI_PLUGIN_REFUSED ? "refused" : "its description is wrong", why);
    else if (description)
        printf("%-12s %-8s %s\n", name, vmmiPluginGetVersion(plugin), vmmiPluginGetSummary(plugin));
    else
        printf("%-12s %-8s %s (does not describe itself)\n", name, "?", file);
    json_decref(description);
    vmmiErrorFree(reason);
}

static ExitCode
list_plugins(const Common *common)
{
    vmmiError *error = NULL;
    vmmiPluginList *list = vmmiPluginSearch(&error);
    json_t *array = json_array();
    ExitCode code = EXIT_DONE;

    if (!list)
        code = report_error(common, error, NULL);
    for (size_t i = 0; list && i < vmmiPluginListGetCount(list); i++) {
        if (common->json)
            json_array_append_new(array, plugin_object(vmmiPluginListGet(list, i)));
        else
            print_plugin_row(vmmiPluginListGet(list, i));
    }
    if (list && common->json)
        report_object(json_pack("{s:O}", "plugins", array));
    else if (list && vmmiPluginListGetCount(list) == 0)
        printf("There is no plugin; 'vmmi plugin path' shows where they are looked for.\n");
    json_decref(array);
    vmmiPluginListFree(list);
    vmmiErrorFree(error);
    return code;
}

/* What the values can be: " (1..3600)", " (a, b)"; "" when they can be any. */
static char *
describe_values(const json_t *option)
{
    const json_t *choices = json_object_get(option, "choices"), *choice;
    const json_t *minimum = json_object_get(option, "minimum");
    const json_t *maximum = json_object_get(option, "maximum");
    g_autoptr(GString) text = g_string_new(NULL);
    size_t i;

    json_array_foreach (choices, i, choice) {
        g_autofree char *shown = report_printable(json_string_value(choice));

        g_string_append_printf(text, "%s%s", i > 0 ? ", " : " (", shown);
    }
    if (maximum)
        g_string_append_printf(text, " (%" JSON_INTEGER_FORMAT "..%" JSON_INTEGER_FORMAT,
                               json_integer_value(minimum), json_integer_value(maximum));
    else if (json_integer_value(minimum) > 0)
        g_string_append_printf(text, " (at least %" JSON_INTEGER_FORMAT,
                               json_integer_value(minimum));
    if (text->len)
        g_string_append_c(text, ')');
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
print_option(const json_t *option)
{
    json_t *fallback = json_object_get(option, "default");
    const char *unit = json_string_value(json_object_get(option, "unit"));
    g_autofree char *meaning =
        report_printable(json_string_value(json_object_get(option, "meaning")));
    g_autofree char *text = fallback ? report_json_text(fallback) : g_strdup("-");
    g_autofree char *values = describe_values(option);

    printf("  %-24s %-7s %-10s %-6s %s%s\n", json_string_value(json_object_get(option, "name")),
           json_string_value(json_object_get(option, "type")), text, unit ? unit : "", meaning,
           values);
}

static void
print_texts(const char *label, const json_t *texts)
{
    if (json_array_size(texts) == 0)
        return;
    printf("%-9s", label);
    for (size_t i = 0; i < json_array_size(texts); i++)
        printf(" %s", json_string_value(json_array_get(texts, i)));
    printf("\n");
}

static void
print_plugin(vmmiPlugin *plugin, const json_t *description)
{
    const json_t *options = json_object_get(description, "options");
    g_autofree char *file = report_printable(vmmiPluginGetFile(plugin));

    printf("name      %s\nfile      %s\n", vmmiPluginGetName(plugin), file);
    if (!description) {
        printf("It does not describe itself; a plugin need not.\n");
        return;
    }
    printf("version   %s\nsummary   %s\n", vmmiPluginGetVersion(plugin),
           vmmiPluginGetSummary(plugin));
    print_texts("protocol", json_object_get(description, "protocolVersions"));
    print_texts("needs", json_object_get(description, "needs"));
    print_texts("features", json_object_get(description, "features"));
    if (json_array_size(options) == 0)
        return;
    printf("\nOptions, as in --set NAME=VALUE:\n  %-24s %-7s %-10s %-6s %s\n", "NAME", "TYPE",
           "DEFAULT", "UNIT", "MEANING");
    for (size_t i = 0; i < json_array_size(options); i++)
        print_option(json_array_get(options, i));
}

static ExitCode
show_plugin(const Common *common, const char *name)
{
    vmmiError *error = NULL;
    vmmiPlugin *plugin = vmmiPluginFind(name, &error);
    json_t *description = plugin ? describe(plugin, &error) : NULL;
    ExitCode code = EXIT_DONE;

    if (error)
        code = report_error(common, error, plugin ? plugin_object(plugin) : NULL);
    else if (common->json)
        report_object(plugin_object(plugin));
    else
        print_plugin(plugin, description);
    json_decref(description);
    vmmiPluginUnref(plugin);
    vmmiErrorFree(error);
    return code;
}

static ExitCode
show_path(const Common *common)
{
    char **folders = vmmiPluginGetPath();
    json_t *array = json_array();

    for (size_t i = 0; folders && folders[i]; i++) {
        g_autofree char *folder = g_utf8_make_valid(folders[i], -1);

        if (common->json)
            json_array_append_new(array, json_string(folder));
        else
            printf("%s\n", folders[i]);
        vmmiFree(folders[i]);
    }
    vmmiFree(folders);
    if (common->json)
        report_object(json_pack("{s:O}", "path", array));
    json_decref(array);
    return EXIT_DONE;
}

static ExitCode
run_plugin(const Common *common, char **arguments)
{
    const char *name = arguments[1];

    if (strcmp(arguments[0], "info") == 0)
        return name ? show_plugin(common, name)
                    : report_usage(common, "plugin", "'plugin info' needs a NAME");
    if (strcmp(arguments[0], "list") != 0 && strcmp(arguments[0], "path") != 0)
        return report_usage(common, "plugin", "'plugin' knows 'list', 'info' and 'path', not '%s'",
                            arguments[0]);
    if (name)
        return report_usage(common, "plugin", "'%s' is one argument too many", name);
    return strcmp(arguments[0], "list") == 0 ? list_plugins(common) : show_path(common);
}

const Verb verb_plugin = {
    .name = "plugin",
    .arguments = "list|info NAME|path",
    .summary = "the policies that can be used here",
    .details = "'list' shows what is found and why something is refused, 'info' one plugin with "
               "its options, 'path' where\n"
               "plugins are looked for. VMMI_PLUGIN_PATH puts directories in front.",
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run_plugin,
};
