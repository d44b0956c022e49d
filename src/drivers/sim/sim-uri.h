/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-uri.h: sim:///HOST?world=NAME&...: which world, which host, and what the world is made from.
 */
#ifndef VMMI_SIM_URI_H
#define VMMI_SIM_URI_H

#include <glib.h>
#include <jansson.h>

#include <libvmmi/vmmi-error.h>

#define VMMI_SIM_DEFAULT_WORLD "default"

typedef struct {
    char *uri;
    char *host;         /* "": the first one */
    char *world;        /* a name; for a file one that follows from its path */
    char *file;         /* absolute path, NULL: in the run directory */
    char *scenario;     /* absolute path, NULL: none */
    json_t *options;    /* what defines the world, as written: an object of strings */
} vmmiSimUri;

/* The name of the @index-th parameter, from 0; NULL behind the last. For the test of the manual. */
const char *vmmiSimUriParameter(size_t index);
/* Whether a URI is the simulator's: 0, or -1 with VMMI_ERR_DECLINED. */
int vmmiSimUriProbe(const char *uri, vmmiError **err);
/* VMMI_ERR_URI; the message names the parameter. NULL on failure. */
vmmiSimUri *vmmiSimUriParse(const char *uri, vmmiError **err);
void vmmiSimUriFree(vmmiSimUri *uri);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmmiSimUri, vmmiSimUriFree)

/* The scenario that a URI describes: a file's, or the default one with what the URI says; a new reference, NULL on failure. */
json_t *vmmiSimUriScenario(const vmmiSimUri *uri, vmmiError **err);
/* Whether a world made with @options can be opened by @uri: what the URI says must be the same. Returns 0 or -1. */
int vmmiSimUriMatch(const vmmiSimUri *uri, const json_t *options, vmmiError **err);

#endif
