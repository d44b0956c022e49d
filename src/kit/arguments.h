/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arguments.h: what a plugin is called with (I1, B10, B17).
 */
#ifndef VMMI_KIT_ARGUMENTS_H
#define VMMI_KIT_ARGUMENTS_H

#include "kit/mode.h"

/* Strings are borrowed from argv. */
typedef struct {
    const vmmiKitMode *mode;          /* NULL: to migrate; the rest is empty otherwise */
    char uuid[VMMI_UUID_STRING_SIZE]; /* in lower case */
    const char *destination_uri;      /* NULL: "-" was given, only fit for attaching (B12) */
    const char *migrate_uri;          /* NULL: libvirt chooses (B10) */
    const char *configuration;        /* a path, "-", or NULL: the default file (I2) */
} vmmiArguments;

/* Returns 0, or -1 with VMMI_ERR_MISSING_PARAMETERS or VMMI_ERR_MALFORMED_PARAMETERS. */
int vmmiArgumentsParse(int argc, char **argv, vmmiArguments *arguments, vmmiError **err);
/* The name under which a plugin was started, borrowed; @otherwise when argv has none. */
const char *vmmiArgumentsPluginName(int argc, char **argv, const char *otherwise);

#endif
