/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * take-over.c: putting a policy in charge of a migration that runs already (L7, L8, B12, B13).
 *
 * Everything is checked before the plugin in charge is told to end. From then on there is always an
 * answer to who is in charge: the new plugin, the old one (started again), or nobody, and then the
 * error says so. docs/run-directory.md has the order of steps and what a crash between them leaves.
 */
#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "migration/begin.h"
#include "migration/charge.h"
#include "plugin/config-merge.h"
#include "plugin/plugin.h"
#include "util/cleanup.h"
#include "util/clock.h"

#define RELEASE_MS 10000
/* Between two looks at a migration that is about to begin. */
#define LOOK_MS 100

typedef struct {
    vmmiBegin begin;
    vmmiTakeOverOptions options;
    vmmiCharge charge;
    vmmiMessage *recorded; /* the configuration of the old one; NULL: there is none */
    vmmiLook look;         /* at the source, once the old one had ended */
} TakeOver;

static void
take_over_clear(TakeOver *over)
{
    vmmiBeginClear(&over->begin);
    vmmiChargeClear(&over->charge);
    vmmiMessageUnref(over->recorded);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TakeOver, take_over_clear)

/* --- what is asked for ------------------------------------------------------------ */

static int
read_options(const vmmiTakeOverOptions *given, vmmiTakeOverOptions *options, vmmiError **err)
{
    if (vmmiBeginReadOptions(given, given ? given->size : 0, options, sizeof(*options), err) < 0)
        return -1;
    if (options->flags & ~VMMI_TAKE_OVER_KILL)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "flags 0x%x are unknown, only VMMI_TAKE_OVER_KILL is known",
                            options->flags & ~VMMI_TAKE_OVER_KILL);
    if (!options->guest || !*options->guest)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "a guest's UUID, name or id is needed");
    if (!options->release_timeout_ms)
        options->release_timeout_ms = RELEASE_MS;
    return 0;
}

/* @guest: a UUID or name. */
static int
raise_not_migrating(const TakeOver *over, const char *guest, vmmiError **err)
{
    const char *bare = g_str_has_prefix(guest, "uuid:") || g_str_has_prefix(guest, "name:")
                           ? guest + strlen("uuid:")
                           : guest;
    g_autofree char *how =
        vmmiChargeExplainEnd(over->begin.manager->run, over->begin.connect->world, bare);

    return vmmiErrorSet(err, VMMI_ERR_STATE, "guest '%s' is not being migrated%s%s", bare,
                        how ? "; " : "", how ? how : "");
}

/* One that has been moved may be unknown here by now. */
static int
find_guest(TakeOver *over, vmmiError **err)
{
    vmmiBegin *begin = &over->begin;
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *how = NULL;

    if (vmmiGuestLookup(begin->connect, over->options.guest, &begin->guest, &error) < 0) {
        if (vmmiErrorGetCode(error) == VMMI_ERR_GUEST_UNKNOWN)
            how = vmmiChargeExplainEnd(begin->manager->run, begin->connect->world,
                                       over->options.guest);
        return how ? raise_not_migrating(over, over->options.guest, err)
                   : vmmiErrorPropagate(err, g_steal_pointer(&error));
    }
    if (begin->guest.job == VMMI_JOB_MIGRATION_IN)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_BUSY, "guest '%s' is being migrated to this host",
                            begin->guest.name);
    return 0;
}

/* Who is in charge; a plugin that was just started gets some time until its migration shows. */
static int
find_migration(TakeOver *over, vmmiError **err)
{
    vmmiBegin *begin = &over->begin;
    uint64_t deadline = vmmiClockBoottimeMs() + over->options.release_timeout_ms;

    for (;;) {
        g_autoptr(vmmiError) error = NULL;

        vmmiChargeClear(&over->charge);
        if (vmmiChargeFind(begin->manager->run, begin->connect, &begin->guest, &over->charge, err) <
            0)
            return -1;
        if (begin->guest.job == VMMI_JOB_MIGRATION_OUT)
            return 0;
        if (!over->charge.live)
            return raise_not_migrating(over, begin->guest.uuid, err);
        if (vmmiClockBoottimeMs() >= deadline)
            return vmmiErrorSet(err, VMMI_ERR_NOT_READY,
                                "guest '%s' is not being migrated yet by migration %s",
                                begin->guest.name, vmmiJobGetId(over->charge.old));
        g_usleep(LOOK_MS * 1000);
        if (vmmiGuestGetInfo(begin->connect, begin->guest.uuid, &begin->guest, &error) < 0 &&
            vmmiErrorGetCode(error) != VMMI_ERR_GUEST_UNKNOWN)
            return vmmiErrorPropagate(err, g_steal_pointer(&error));
    }
}

/* A trace is of one process: whoever comes next would begin by emptying it. */
static void
forget_trace(vmmiMessage *recorded)
{
    json_t *migration = json_object_get(vmmiMessageContent(recorded), "migration");

    if (json_object_del(migration, "trace") == 0)
        vmmiMessageForgetText(recorded);
}

/* What the new one needs to know of the old one. */
static int
read_old(TakeOver *over, vmmiError **err)
{
    vmmiJob *old = over->charge.old;
    const vmmiJobRecord *record = old ? vmmiJobGetRecord(old) : NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *text = NULL;
    size_t length = 0;

    if (!old)
        return 0;
    over->begin.replaces = vmmiJobGetId(old);
    over->begin.destination_uri = record->destination_uri;
    over->begin.migrate_uri = record->migrate_uri;
    if (!over->begin.plugin_name)
        over->begin.plugin_name = record->plugin;
    if (vmmiJobReadConfig(old, &text, &length, &error) == 0)
        over->recorded = vmmiMessageParse(text, length, &error);
    if (over->recorded)
        forget_trace(over->recorded);
    if (over->recorded)
        return over->charge.live ? vmmiJobCheckLeavable(old, err) : 0;
    /* A dead one has taken it to its grave. */
    if (!over->charge.live)
        return 0;
    vmmiErrorPropagate(err, g_steal_pointer(&error));
    return vmmiErrorPrefix(err, "the configuration of migration %s", vmmiJobGetId(old));
}

static int
make_configuration(TakeOver *over, vmmiError **err)
{
    vmmiBegin *begin = &over->begin;
    const char *old = over->charge.old ? vmmiJobGetRecord(over->charge.old)->plugin : NULL;
    bool same = g_strcmp0(old, vmmiPluginGetName(begin->plugin)) == 0;

    if (vmmiConfigMergeRecord(begin->plugin, begin->connect->uri,
                              over->recorded ? vmmiMessageContent(over->recorded) : NULL, same,
                              over->options.configuration, over->options.settings, &begin->config,
                              &begin->origins, err) < 0)
        return -1;
    return vmmiBeginCheckFeatures(begin, false, err) < 0 ? -1 : vmmiBeginCompleteConfig(begin, err);
}

/* --- from one to the other -------------------------------------------------------- */

/* The old plugin's last word may have been that it is done. A host that does not answer is left to
 * the new one to wait for. */
static int
look_again(TakeOver *over, vmmiError **err)
{
    vmmiBegin *begin = &over->begin;
    g_autoptr(vmmiError) error = NULL;

    if (vmmiGuestGetInfo(begin->connect, begin->guest.uuid, &begin->guest, &error) < 0 &&
        vmmiErrorGetCode(error) != VMMI_ERR_GUEST_UNKNOWN)
        return 0;
    if (error || begin->guest.job != VMMI_JOB_MIGRATION_OUT)
        return raise_not_migrating(over, begin->guest.uuid, err);
    over->look = (vmmiLook){ VMMI_LOOK_SEEN, begin->guest.state, begin->guest.reason,
                             begin->guest.job };
    return 0;
}

/*
 * Writes the outcome of the old one, as whoever follows it would: a killed manager's migrations are
 * followed by nobody. Needs no answer of a host any more.
 */
static void
settle_old(const TakeOver *over)
{
    vmmiMigration *old;

    if (!over->charge.old || over->look.kind != VMMI_LOOK_SEEN)
        return;
    old = vmmiMigrationNew(over->begin.manager, over->begin.connect, over->charge.old);
    old->journal = vmmiJournalReaderNew(vmmiJobGetFd(over->charge.old), NULL);
    vmmiFollowLook(old, NULL);
    old->source = over->look;
    if (!old->outcome && old->plugin_ended)
        vmmiSettleAnswered(old);
    vmmiMigrationUnref(old);
}

/* --- back to the old one ---------------------------------------------------------- */

static int
start_old(const TakeOver *over, vmmiBegin *again, vmmiError **err)
{
    const vmmiJobRecord *record = vmmiJobGetRecord(over->charge.old);

    again->manager = over->begin.manager;
    again->connect = over->begin.connect;
    again->guest = over->begin.guest;
    again->start_timeout_ms = over->begin.start_timeout_ms;
    again->destination_uri = record->destination_uri;
    again->migrate_uri = record->migrate_uri;
    again->replaces = over->begin.replaces;
    again->attach = VMMI_ATTACH_ONLY;
    again->config = vmmiMessageRef(over->recorded);
    again->origins = json_object();
    if (!record->plugin || !record->plugin_path)
        return vmmiErrorSet(err, VMMI_ERR_PLUGIN_UNKNOWN, "its record does not name its file");
    again->plugin = vmmiPluginNew(record->plugin, record->plugin_path, NULL);
    if (vmmiPluginCheckFile(record->plugin_path, err) < 0 ||
        vmmiBeginCompleteConfig(again, err) < 0 || vmmiBeginMakeJob(again, vmmiJobCreateUnclaimed, err) < 0)
        return -1;
    if (vmmiJobClaim(again->job, over->charge.claimed, err) < 0 || vmmiBeginLaunch(again, err) < 0) {
        vmmiJobDiscard(again->job);
        return -1;
    }
    vmmiJobCommit(again->job);
    return 0;
}

/* The new one could not be started. Takes @error; the sentence that is raised ends with who is in
 * charge now. */
static int
fall_back(const TakeOver *over, vmmiError *error, vmmiError **err)
{
    g_auto(vmmiBegin) again = { 0 };
    g_autoptr(vmmiError) failure = NULL;
    g_autofree char *charge = NULL;
    bool restored = over->charge.live && start_old(over, &again, &failure) == 0;

    if (restored)
        charge = g_strdup_printf("plugin '%s' is in charge again, as migration %s",
                                 vmmiPluginGetName(again.plugin), vmmiJobGetId(again.job));
    else if (over->charge.live)
        charge = g_strdup_printf("the migration goes on and nobody is in charge of it: plugin '%s' "
                                 "could not be started again either: %s",
                                 vmmiJobGetRecord(over->charge.old)->plugin,
                                 vmmiErrorGetMessage(failure));
    else
        charge = g_strdup("the migration goes on and nobody is in charge of it, as before");
    settle_old(over);
    vmmiErrorSet(err, vmmiErrorGetCode(error), "%s; %s", vmmiErrorGetMessage(error), charge);
    vmmiErrorSetDetails(err, "%s", vmmiErrorGetDetails(error));
    vmmiErrorFree(error);
    return -1;
}

/* --- all together ----------------------------------------------------------------- */

static int
check(TakeOver *over, vmmiError **err)
{
    if (find_guest(over, err) < 0 || vmmiBeginCheckLaunchable(over->begin.connect, err) < 0 ||
        find_migration(over, err) < 0 || read_old(over, err) < 0 ||
        vmmiBeginFindPlugin(&over->begin, err) < 0)
        return -1;
    return make_configuration(over, err);
}

/* The old one ends, the claim changes hands. On failure the new record is taken back. */
static int
change_hands(TakeOver *over, vmmiError **err)
{
    bool kill = over->options.flags & VMMI_TAKE_OVER_KILL;

    if ((over->charge.live &&
         vmmiJobEnd(over->charge.old, kill, over->options.release_timeout_ms, err) < 0) ||
        look_again(over, err) < 0 || vmmiJobClaim(over->begin.job, over->charge.claimed, err) < 0) {
        vmmiJobDiscard(over->begin.job);
        return -1;
    }
    return 0;
}

static int
run(TakeOver *over, vmmiError **err)
{
    vmmiError *error = NULL;

    if (vmmiBeginMakeJob(&over->begin, vmmiJobCreateUnclaimed, err) < 0 || change_hands(over, err) < 0)
        return -1;
    if (vmmiBeginRun(&over->begin, &error) < 0)
        return fall_back(over, error, err);
    settle_old(over);
    return 0;
}

vmmiMigration *
vmmiMigrationTakeOver(vmmiManager *manager, vmmiConnect *connect,
                      const vmmiTakeOverOptions *options, vmmiError **err)
{
    g_auto(TakeOver) over = { .begin = { .manager = manager, .connect = connect } };

    if (vmmiManagerCheck(manager, err) < 0 || vmmiManagerCheckWritable(manager, err) < 0 ||
        vmmiConnectCheck(connect, VMMI_SLOT(guest_lookup), err) < 0 ||
        read_options(options, &over.options, err) < 0)
        return NULL;
    if (over.options.require_survival && vmmiManagerRequireSurvival(manager, err) < 0)
        return NULL;
    over.begin.require_survival = over.options.require_survival;
    over.begin.destination = over.options.destination;
    over.begin.plugin_name = over.options.plugin;
    over.begin.attach = VMMI_ATTACH_ONLY;
    over.begin.describe_timeout_ms = over.options.describe_timeout_ms;
    over.begin.start_timeout_ms = over.options.start_timeout_ms;
    if (check(&over, err) < 0 || run(&over, err) < 0)
        return NULL;
    return g_steal_pointer(&over.begin.migration);
}
