/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ask.c: what the hosts of a migration tell: figures and states for plugins that keep no journal,
 * events if the application asked for them, and evidence after the plugin's end. Answers come from
 * workers, through the mailbox.
 */
#include "driver/connect.h"
#include "migration/private.h"
#include "util/cleanup.h"

/* After the plugin's end the source is asked quickly at first: mostly it needs a moment to put its
 * books in order. */
#define FIRST_LOOKS_MS 50
#define FIRST_LOOKS 5

/* --- events ----------------------------------------------------------------------- */

typedef struct {
    vmmiMailbox *mailbox;
    uint64_t token;
} EventTarget;

static void
free_target(void *opaque)
{
    EventTarget *target = opaque;

    vmmiMailboxUnref(target->mailbox);
    g_free(target);
}

/* On a thread of the driver. */
static void
on_event(const vmmiEvent *event, void *opaque)
{
    EventTarget *target = opaque;
    vmmiAnswer *answer = g_new0(vmmiAnswer, 1);

    answer->kind = VMMI_ANSWER_EVENT;
    answer->token = target->token;
    answer->event = event->type;
    answer->state = event->state;
    answer->sample = vmmiSampleCopy(event->sample);
    if (event->type == VMMI_EVENT_GUEST) {
        answer->look.kind = VMMI_LOOK_SEEN;
        answer->look.state = event->guest_state;
        answer->look.reason = event->reason;
    }
    vmmiMailboxPut(target->mailbox, answer);
}

/* Only when the application runs a loop for them, and said so at open; without events figures are
 * asked for. */
static void
monitor(vmmiMigration *migration)
{
    EventTarget *target;

    if (!migration->connect || migration->connect->options.events == VMMI_EVENTS_NONE)
        return;
    target = g_new0(EventTarget, 1);
    target->mailbox = vmmiMailboxRef(migration->manager->mailbox);
    target->token = migration->token;
    vmmiCallGuestMonitor(migration->connect, vmmiMigrationGetGuestUuid(migration), on_event, target,
                         free_target, &migration->monitor, NULL);
}

/* --- questions -------------------------------------------------------------------- */

/* Without a connection it is the recorded source, unless the record is somebody else's word. */
static vmmiAsker *
find_source(vmmiMigration *migration)
{
    g_auto(vmmiKeptSource) source = { 0 };

    if (migration->connect)
        return vmmiAskerGet(migration->manager, migration->connect);
    if (migration->manager->read_only)
        return NULL;
    vmmiKeptReadSource(migration->job, &source);
    return source.uri ? vmmiAskerGetSource(migration->manager, &source) : NULL;
}

/* The one that the application gave, or had given to the manager that started it. */
static vmmiAsker *
find_destination(vmmiMigration *migration)
{
    g_auto(vmmiKeptSource) destination = { 0 };

    if (migration->destination)
        return vmmiAskerGet(migration->manager, migration->destination);
    if (migration->manager->read_only)
        return NULL;
    vmmiKeptReadDestination(migration->job, &destination);
    return destination.uri ? vmmiAskerGetSource(migration->manager, &destination) : NULL;
}

void
vmmiAskStart(vmmiMigration *migration)
{
    migration->source_asker = find_source(migration);
    migration->destination_asker = find_destination(migration);
    monitor(migration);
    if (migration->source_asker)
        vmmiTimerSet(migration, VMMI_TIMER_POLL, VMMI_POLL_MS);
}

void
vmmiAskStop(vmmiMigration *migration)
{
    if (migration->monitor && migration->source_asker)
        vmmiWorkerUnmonitor(migration->source_asker->worker, migration->monitor);
    migration->monitor = NULL;
    vmmiAskerDrop(migration->manager, migration->source_asker);
    vmmiAskerDrop(migration->manager, migration->destination_asker);
    migration->source_asker = migration->destination_asker = NULL;
}

static int
ask(vmmiMigration *migration, vmmiAsker *asker, vmmiAnswerKind kind)
{
    vmmiWorker *worker = asker ? vmmiAskerGetWorker(migration->manager, asker) : NULL;

    if (!worker)
        return -1;
    return vmmiWorkerAsk(worker, kind, vmmiMigrationGetGuestUuid(migration), migration->token,
                         migration->generation, NULL);
}

void
vmmiAskSource(vmmiMigration *migration)
{
    bool stuck =
        migration->asking && migration->source_asker &&
        vmmiAskerGetWorker(migration->manager, migration->source_asker) != migration->asked;

    if (!migration->source_asker)
        return;
    /* The next one comes with the answer; should there be none, a new worker is asked. */
    vmmiTimerSet(migration, VMMI_TIMER_POLL, VMMI_POLL_MS);
    if (migration->asking && !stuck)
        return;
    migration->generation++;
    migration->asking = ask(migration, migration->source_asker, VMMI_ANSWER_SOURCE) == 0;
    migration->asked = migration->source_asker->worker;
}

bool
vmmiAskDestination(vmmiMigration *migration)
{
    if (!migration->asked_destination)
        migration->asked_destination =
            ask(migration, migration->destination_asker, VMMI_ANSWER_DESTINATION) == 0;
    return migration->asked_destination;
}

void
vmmiAskForget(vmmiMigration *migration)
{
    migration->generation++;
    migration->asking = false;
    migration->looks = 0;
    migration->source.kind = VMMI_LOOK_NEVER;
    migration->at_destination.kind = VMMI_LOOK_NEVER;
    migration->asked_destination = false;
}

void
vmmiAskAgain(vmmiMigration *migration)
{
    vmmiTimerSet(migration, VMMI_TIMER_POLL,
                 migration->looks++ < FIRST_LOOKS ? FIRST_LOOKS_MS : VMMI_POLL_MS);
}

/* --- answers ---------------------------------------------------------------------- */

/* Whether the plugin's own journal tells how far it is. */
static bool
journal_rules(const vmmiMigration *migration)
{
    return migration->journal_seen && !migration->journal_silent;
}

/* The state that a look at the source shows; what libvirt hides is skipped (docs/outcomes.md). */
static void
derive_state(vmmiMigration *migration)
{
    const vmmiLook *look = &migration->source;

    if (look->reason == VMMI_REASON_POSTCOPY_FAILED)
        vmmiNoticeState(migration, VMMI_STATE_POSTCOPY_BROKEN);
    else if (look->state == VMMI_GUEST_PAUSED && look->reason == VMMI_REASON_POSTCOPY)
        vmmiNoticeState(migration, VMMI_STATE_POSTCOPY);
    else if (look->job != VMMI_JOB_MIGRATION_OUT)
        return;
    else if (look->state == VMMI_GUEST_PAUSED && look->reason == VMMI_REASON_MIGRATION)
        vmmiNoticeState(migration, VMMI_STATE_SWITCHOVER);
    else
        vmmiNoticeState(migration, VMMI_STATE_PRECOPY);
}

static void
follow_source(vmmiMigration *migration, vmmiAnswer *answer)
{
    if (!journal_rules(migration)) {
        derive_state(migration);
        if (answer->sample)
            vmmiNoticeSample(migration, g_steal_pointer(&answer->sample));
    }
    if (!migration->inactive && vmmiLookHasLeft(&migration->source))
        vmmiControlOverdue(migration);
    if (journal_rules(migration))
        vmmiTimerStop(migration, VMMI_TIMER_POLL);
}

static void
take_source(vmmiMigration *migration, vmmiAnswer *answer)
{
    migration->asking = false;
    migration->source = answer->look;
    g_free(migration->source_failure);
    migration->source_failure = answer->error ? g_strdup(vmmiErrorGetMessage(answer->error)) : NULL;
    if (vmmiLookIsMoving(&answer->look))
        migration->seen_moving = true;
    if (answer->completed) {
        vmmiSampleFree(migration->completed);
        migration->completed = g_steal_pointer(&answer->completed);
    }
    if (!migration->plugin_ended) {
        follow_source(migration, answer);
        return;
    }
    if (answer->sample)
        vmmiNoticeSample(migration, g_steal_pointer(&answer->sample));
    vmmiSettleAnswered(migration);
}

static void
take_event(vmmiMigration *migration, vmmiAnswer *answer)
{
    if (answer->event == VMMI_EVENT_GUEST)
        migration->event = answer->look;
    if (answer->event == VMMI_EVENT_STATE && !journal_rules(migration) &&
        !vmmiStateIsFinal(answer->state))
        vmmiNoticeState(migration, answer->state);
    if (answer->event == VMMI_EVENT_JOB_COMPLETED && answer->sample) {
        vmmiSampleFree(migration->completed);
        migration->completed = g_steal_pointer(&answer->sample);
    } else if (answer->sample && !journal_rules(migration)) {
        vmmiNoticeSample(migration, g_steal_pointer(&answer->sample));
    }
    /* Something has happened that may settle it. */
    if (migration->plugin_ended && !migration->asking && answer->event != VMMI_EVENT_ITERATION)
        vmmiAskSource(migration);
}

void
vmmiAskAnswered(vmmiMigration *migration, vmmiAnswer *answer)
{
    if (migration->outcome)
        return;
    if (answer->kind == VMMI_ANSWER_EVENT) {
        take_event(migration, answer);
        return;
    }
    if (answer->generation != migration->generation && answer->kind == VMMI_ANSWER_SOURCE)
        return;
    if (answer->kind == VMMI_ANSWER_SOURCE) {
        take_source(migration, answer);
    } else if (answer->kind == VMMI_ANSWER_DESTINATION) {
        migration->at_destination = answer->look;
        if (migration->plugin_ended)
            vmmiSettleAnswered(migration);
    }
}

void
vmmiAskTimer(vmmiMigration *migration, vmmiTimer timer)
{
    if (migration->outcome)
        return;
    if (timer == VMMI_TIMER_SILENCE)
        migration->journal_silent = true;
    if (migration->plugin_ended || !journal_rules(migration))
        vmmiAskSource(migration);
}
