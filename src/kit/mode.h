/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mode.h: what a plugin made with the kit can do besides migrating a guest: the options that it is
 * called with instead of a guest, and the features that its description names.
 */
#ifndef VMMI_KIT_MODE_H
#define VMMI_KIT_MODE_H

#include <jansson.h>

#include <libvmmi/vmmi-policy.h>

#include "kit/streams.h"

/* What a mode works with, borrowed. */
typedef struct {
    const vmmiPolicy *policy; /* a checked copy */
    const char *name;         /* of the executable */
    vmmiStreams *streams;     /* .status_fd: its output */
} vmmiKitModeCall;

/*
 * One row. A mode reads standard input, writes to .status_fd, and connects to nothing.
 * @run returns 0, or -1 with an error, which is told in one line on standard error; the exit status
 * is 0 or 1.
 */
typedef struct {
    const char *feature; /* as the description names it; NULL: it is not told */
    const char *option;  /* the only argument: "--vmmi-describe"; NULL: a feature of migrating */
    int (*run)(const vmmiKitModeCall *call, vmmiError **err);
} vmmiKitMode;

/* The mode that an argument asks for; NULL: none. */
const vmmiKitMode *vmmiKitModeFind(const char *option);
/* The features of every plugin of this kit, a new array. */
json_t *vmmiKitModeFeatures(void);
/* What a mode works on: one JSON object that is all of standard input. A new reference, or NULL. */
json_t *vmmiKitModeReadOrder(vmmiError **err);
/* Runs it. Returns the exit status. */
int vmmiKitModeRun(const vmmiKitMode *mode, const vmmiKitModeCall *call);

#endif
