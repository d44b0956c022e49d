/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * begin.h: what starting a migration (start.c) and taking one over (take-over.c) have in common:
 * from a plugin's name to a process that is followed.
 */
#ifndef VMMI_MIGRATION_BEGIN_H
#define VMMI_MIGRATION_BEGIN_H

#include "driver/connect.h"
#include "migration/private.h"
#include "migration/request.h"

#include <libvmmi/vmmi-plugin.h>

/* The place of a call in a driver's table. */
#define VMMI_SLOT(member) vmmiDriverSlotAt(offsetof(vmmiDriverOps, member))

/* Everything on the way to a plugin that runs. The first part is the caller's, borrowed; the rest
 * is owned. */
typedef struct {
    vmmiManager *manager;
    vmmiConnect *connect;
    vmmiConnect *destination; /* NULL: none */
    const char *plugin_name;  /* NULL: the default */
    const char *destination_uri, *migrate_uri;
    const char *replaces; /* the record that the new one follows, NULL: none */
    vmmiAttach attach;
    unsigned int describe_timeout_ms, start_timeout_ms;
    bool require_survival;

    vmmiGuestInfo guest;
    vmmiPlugin *plugin;
    vmmiMessage *config;
    json_t *origins;
    vmmiRequest *request;
    vmmiJob *job;
    vmmiMigration *migration;
} vmmiBegin;

void vmmiBeginClear(vmmiBegin *begin);

/*
 * Reads options of a size that the caller chose. Bytes that this library does not know must be
 * zero: an option is never dropped silently. Returns 0 or -1.
 */
int vmmiBeginReadOptions(const void *given, size_t given_size, void *options, size_t size,
                         vmmiError **err);
/* Whether a plugin, a process of its own, could reach the same guests. Returns 0 or -1. */
int vmmiBeginCheckLaunchable(const vmmiConnect *connect, vmmiError **err);
/*
 * Finds the plugin, and asks what it is (B17). One that cannot say it is still a plugin; one that
 * speaks another version of the protocol is refused (B1). Returns 0 or -1.
 */
int vmmiBeginFindPlugin(vmmiBegin *begin, vmmiError **err);
/*
 * Whether the plugin can do what the merged configuration asks of it besides migrating: a trace, a
 * shadow. @shadow: whether it is to be one; a shadow is no way of migrating. Returns 0 or -1.
 */
int vmmiBeginCheckFeatures(const vmmiBegin *begin, bool shadow, vmmiError **err);
/* Adds to the merged configuration what is not the caller's to say: how the source is reached, and
 * what to attach to. Checks the object `migration`. Returns 0 or -1. */
int vmmiBeginCompleteConfig(vmmiBegin *begin, vmmiError **err);
/* Makes the record, begin->job: with vmmiJobCreate() or vmmiJobCreateUnclaimed(). Returns 0 or -1. */
typedef vmmiJob *(*vmmiJobMaker)(vmmiRunDir *run, const vmmiJobRecord *record, const char *config,
                                 size_t config_length, vmmiError **err);
int vmmiBeginMakeJob(vmmiBegin *begin, vmmiJobMaker make, vmmiError **err);
/* Starts the plugin of the record. Returns 0 or -1. */
int vmmiBeginLaunch(const vmmiBegin *begin, vmmiError **err);
/* The same, followed by begin->migration; on failure the record is taken back. Returns 0 or -1. */
int vmmiBeginRun(vmmiBegin *begin, vmmiError **err);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(vmmiBegin, vmmiBeginClear)

#endif
