/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start.c: making a migration: guest, plugin, configuration, record, launch. In that order, so that
 * whatever is wrong is found before something is started; a failure leaves nothing behind.
 */
#include <string.h>

#include "migration/begin.h"
#include "plugin/config-merge.h"
#include "util/cleanup.h"

static int
read_options(const vmmiMigrationOptions *given, vmmiMigrationOptions *options, vmmiError **err)
{
    if (vmmiBeginReadOptions(given, given ? given->size : 0, options, sizeof(*options), err) < 0)
        return -1;
    if (!options->guest || !*options->guest)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "a guest's UUID, name or id is needed");
    if (!vmmiRequestUri(options->destination_uri))
        return vmmiErrorSet(err, VMMI_ERR_MALFORMED_PARAMETERS, "a destination URI is needed");
    return 0;
}

/* Arguments can be seen by everybody who lists processes. */
static int
refuse_password(const char *what, const char *uri, vmmiError **err)
{
    const char *authority = uri ? strstr(uri, "://") : NULL;
    const char *at, *colon;

    if (!authority)
        return 0;
    authority += 3;
    at = memchr(authority, '@', strcspn(authority, "/?#"));
    colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    if (!colon)
        return 0;
    return vmmiErrorSet(
        err, VMMI_ERR_MALFORMED_PARAMETERS,
        "the %s URI has a password in it, which every user of this machine could see; "
        "give a password file instead",
        what);
}

static int
find_guest(vmmiBegin *begin, const char *selector, vmmiError **err)
{
    g_autofree char *holder = NULL;

    if (vmmiGuestLookup(begin->connect, selector, &begin->guest, err) < 0)
        return -1;
    if (begin->guest.job != VMMI_JOB_MIGRATION_OUT && begin->guest.job != VMMI_JOB_MIGRATION_IN)
        return 0;
    /* Somebody of ours, or a stranger. */
    vmmiClaimFind(begin->manager->run, begin->connect->world, begin->guest.uuid, &holder, NULL);
    return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "guest '%s' is being migrated already%s%s",
                        begin->guest.name, holder ? ": migration " : "", holder ? holder : "");
}

static int
make_configuration(vmmiBegin *begin, const vmmiMigrationOptions *options, vmmiError **err)
{
    if (vmmiConfigMerge(begin->plugin, begin->connect->uri, options->configuration,
                        options->settings, &begin->config, &begin->origins, err) < 0 ||
        vmmiBeginCheckFeatures(begin, false, err) < 0 ||
        vmmiBeginCompleteConfig(begin, err) < 0)
        return -1;
    if (!begin->connect->layer_names[VMMI_SLOT(migration_check)])
        return 0;
    return vmmiCallMigrationCheck(begin->connect, vmmiRequestGet(begin->request), err);
}

static void
take_options(vmmiBegin *begin, const vmmiMigrationOptions *options)
{
    begin->destination = options->destination;
    begin->plugin_name = options->plugin;
    begin->destination_uri = options->destination_uri;
    begin->migrate_uri = options->migrate_uri;
    begin->attach = VMMI_ATTACH_NEVER;
    begin->describe_timeout_ms = options->describe_timeout_ms;
    begin->start_timeout_ms = options->start_timeout_ms;
    begin->require_survival = options->require_survival;
}

vmmiMigration *
vmmiMigrationStart(vmmiManager *manager, vmmiConnect *connect, const vmmiMigrationOptions *options,
                   vmmiError **err)
{
    g_auto(vmmiBegin) begin = { .manager = manager, .connect = connect };
    vmmiMigrationOptions wanted;

    if (vmmiManagerCheck(manager, err) < 0 || vmmiManagerCheckWritable(manager, err) < 0 ||
        vmmiConnectCheck(connect, VMMI_SLOT(guest_lookup), err) < 0 ||
        read_options(options, &wanted, err) < 0 ||
        refuse_password("destination", wanted.destination_uri, err) < 0 ||
        refuse_password("migration", wanted.migrate_uri, err) < 0)
        return NULL;
    if (wanted.require_survival && vmmiManagerRequireSurvival(manager, err) < 0)
        return NULL;
    take_options(&begin, &wanted);
    if (find_guest(&begin, wanted.guest, err) < 0 || vmmiBeginCheckLaunchable(connect, err) < 0 ||
        vmmiBeginFindPlugin(&begin, err) < 0 || make_configuration(&begin, &wanted, err) < 0 ||
        vmmiBeginMakeJob(&begin, vmmiJobCreate, err) < 0 || vmmiBeginRun(&begin, err) < 0)
        return NULL;
    return g_steal_pointer(&begin.migration);
}
