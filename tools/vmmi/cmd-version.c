/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-version.c: vmmi version: of the command, of the library that runs, of the protocol.
 */
#include <stdio.h>

#include "config.h"
#include "report.h"

static ExitCode
run_version(const Common *common, char **arguments G_GNUC_UNUSED)
{
    const char *library = vmmiVersionGet(NULL, NULL, NULL);

    if (common->json)
        report_object(json_pack("{s:s, s:s, s:s}", "version", VMMI_VERSION, "library", library,
                                "protocol", VMMI_PROTOCOL_VERSION));
    else
        printf("vmmi %s, libvmmi %s, VMMI protocol %s\n", VMMI_VERSION, library,
               VMMI_PROTOCOL_VERSION);
    return EXIT_DONE;
}

const Verb verb_version = {
    .name = "version",
    .arguments = "",
    .summary = "versions of the command, the library and the protocol",
    .run = run_version,
};
