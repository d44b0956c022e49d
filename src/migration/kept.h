/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kept.h: what the record of a migration keeps for the managers to come: the object `options` of
 * job.json, and config.json as people see it.
 */
#ifndef VMMI_MIGRATION_KEPT_H
#define VMMI_MIGRATION_KEPT_H

#include <stdbool.h>

#include <glib.h>
#include <jansson.h>

#include "plugin/job.h"

/* How a host was reached, to reach it again. Strings are owned; .uri NULL: not known. */
typedef struct {
    char *uri;
    char *username;
    char *password_file;
} vmmiKeptSource;

/*
 * What vmmiJobRecord.options takes; to be freed. @origins: path of a key -> where it came from.
 * @destination: how the application had reached the destination, to hear it as evidence; NULL: it
 * had not. A password in a URI is not written.
 */
char *vmmiKeptWrite(bool inactive, const json_t *origins, const vmmiKeptSource *destination);
/* Whether the guest was shut off when the migration began. */
bool vmmiKeptIsInactive(const vmmiJob *job);
/*
 * The effective configuration as JSON text, {"configuration", "origins"}, to be freed; NULL when
 * the record has none that can be read. Credentials are a user name and a path, never a password.
 */
char *vmmiKeptShowConfiguration(const vmmiJob *job);
char *vmmiKeptFormatConfiguration(const json_t *configuration, const json_t *origins);

/*
 * Whether this record tells that, when it was made, its guest was on its source and was not being
 * migrated: that is checked before a migration is started.
 */
bool vmmiKeptShowsGuest(const vmmiJob *job);

/* Whether the plugin was only to attach to a migration that ran already (B12). */
bool vmmiKeptAttaches(const vmmiJob *job);

void vmmiKeptReadSource(const vmmiJob *job, vmmiKeptSource *source);
void vmmiKeptReadDestination(const vmmiJob *job, vmmiKeptSource *destination);
void vmmiKeptSourceClear(vmmiKeptSource *source);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiKeptSource, vmmiKeptSourceClear)

#endif
