/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-driver.c: vmmi driver: which drivers there are, and which layer serves which call of a
 * connection.
 */
#include <stdio.h>
#include <string.h>

#include "report.h"

static ExitCode
list_drivers(const Common *common)
{
    json_t *array = json_array();
    const vmmiDriver *driver;

    for (size_t i = 0; (driver = vmmiDriverGet(i)); i++) {
        if (common->json)
            json_array_append_new(array, json_pack("{s:s, s:s}", "name", driver->name, "summary",
                                                   driver->summary));
        else
            printf("%-9s %s\n", driver->name, driver->summary);
    }
    if (common->json)
        report_object(json_pack("{s:O}", "drivers", array));
    json_decref(array);
    return EXIT_DONE;
}

static json_t *
describe_calls(const vmmiConnect *connect)
{
    json_t *array = json_array();
    const char *name, *layer;
    bool mandatory;

    for (size_t i = 0; vmmiConnectGetCall(connect, i, &name, &layer, &mandatory); i++)
        json_array_append_new(array, json_pack("{s:s, s:s?, s:b}", "name", name, "layer", layer,
                                               "mandatory", mandatory));
    return array;
}

static void
print_calls(const vmmiConnect *connect)
{
    const char *name, *layer;
    bool mandatory;

    printf("uri       %s\ndriver    %s\nworld     %s\nlocality  %s\n\n", vmmiConnectGetUri(connect),
           vmmiConnectGetDriver(connect), vmmiConnectGetWorld(connect),
           vmmiConnectIsLocal(connect) ? "local" : "remote");
    printf("%-28s%s\n", "CALL", "LAYER");
    for (size_t i = 0; vmmiConnectGetCall(connect, i, &name, &layer, &mandatory); i++)
        printf("%-28s%s\n", name, layer ? layer : "-");
}

static ExitCode
show_connection(const Common *common)
{
    vmmiError *error = NULL;
    vmmiConnect *connect = vmmiConnectOpen(common->uri, NULL, 0, &error);
    ExitCode code = EXIT_DONE;

    if (!connect) {
        code = report_error(common, error, NULL);
    } else if (common->json) {
        report_object(json_pack("{s:s, s:s, s:s, s:b, s:o}", "uri", vmmiConnectGetUri(connect),
                                "driver", vmmiConnectGetDriver(connect), "world",
                                vmmiConnectGetWorld(connect), "local", vmmiConnectIsLocal(connect),
                                "calls", describe_calls(connect)));
    } else {
        print_calls(connect);
    }
    vmmiConnectUnref(connect);
    vmmiErrorFree(error);
    return code;
}

static ExitCode
run_driver(const Common *common, char **arguments)
{
    if (strcmp(arguments[0], "list") == 0)
        return list_drivers(common);
    if (strcmp(arguments[0], "info") == 0)
        return show_connection(common);
    return report_usage(common, "driver", "'driver' knows 'list' and 'info', not '%s'",
                        arguments[0]);
}

const Verb verb_driver = {
    .name = "driver",
    .arguments = "list|info",
    .summary = "how hosts are reached, and which layer serves which call",
    .details = "'info' connects to the host (-c).",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_driver,
};
