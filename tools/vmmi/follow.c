/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.c: staying with a migration. It sleeps in poll() until the manager, a signal or a
 * deadline wakes it. What is said at the end is follow-end.c.
 *
 * vmmi migrate: Ctrl-C asks for an abort and waits for the truth; a second one leaves at once.
 * SIGTERM and SIGHUP leave: the migration goes on. The deadline aborts like Ctrl-C. The other
 * verbs leave on each of these: what they follow is not theirs.
 *
 * When another plugin takes over (vmmi attach), its migration is followed instead.
 */
#include "follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "report.h"
#include "signals.h"

/* A plugin that is not ready to be asked yet is asked again. */
#define ASK_RETRY_MS 200
/* A successor's record is there before the one that it replaces ends; so long its plugin may take to
 * start, and so long it may take until the next attempt after one that failed. */
#define SEEK_MS 30000
#define SEEK_AGAIN_MS 1000
#define SEEK_RETRY_MS 50
/* What happened before it was opened is not shown. */
#define MOST_CATCHING_UP 100

static uint64_t
now_ms(void)
{
    return (uint64_t)g_get_monotonic_time() / 1000;
}

static void
say(Follow *follow, const char *sentence)
{
    display_clear(&follow->display);
    report_sentence("%s", sentence);
}

/* --- asking -------------------------------------------------------------------------- */

static void
refuse(Follow *follow, vmmiError *error)
{
    if (follow->purpose == FOLLOW_OWN) {
        say(follow, vmmiErrorGetMessage(error));
        vmmiErrorFree(error);
        return;
    }
    follow->refused = true;
    follow->refusal = error;
}

/* Whether there is a plugin that has got the signal, and needs nobody to stay. */
static bool
plugin_lives(const Follow *follow)
{
    const char *id = vmmiMigrationGetId(follow->migration);
    vmmiRecord *record = vmmiManagerFindRecord(follow->manager, id, NULL);
    vmmiPhase phase = record ? vmmiRecordGetPhase(record) : VMMI_PHASE_GONE;

    vmmiRecordFree(record);
    return phase == VMMI_PHASE_STARTING || phase == VMMI_PHASE_RUNNING ||
           phase == VMMI_PHASE_ENDING;
}

static void
ask(Follow *follow)
{
    bool release = follow->purpose == FOLLOW_RELEASE;
    vmmiError *error = NULL;
    int done = release ? vmmiMigrationRelease(follow->migration, &error)
                       : vmmiMigrationAbort(follow->migration, &error);

    follow->asked_ms = now_ms();
    if (done < 0 && vmmiErrorGetCode(error) == VMMI_ERR_NOT_READY) {
        vmmiErrorFree(error);
        return;
    }
    follow->asked = true;
    if (done < 0)
        refuse(follow, error);
    /* Without a plugin the source is asked, and its answer has to be waited for. */
    else if (follow->no_wait && plugin_lives(follow))
        follow->leaving = true;
}

static void
handle_signal(Follow *follow, int number)
{
    if (number == SIGWINCH) {
        display_sample(&follow->display, follow->migration);
    } else if (number == SIGINT && follow->purpose == FOLLOW_OWN && follow->interrupts++ == 0) {
        say(follow, "interrupted: aborting the migration; Ctrl-C again leaves at once");
        follow->ask_wanted = true;
    } else {
        follow->leaving = true;
    }
}

static void
read_signals(Follow *follow)
{
    int number;

    while (!follow->leaving && (number = signals_next()) != 0)
        handle_signal(follow, number);
}

static void
check_times(Follow *follow)
{
    uint64_t now = now_ms();

    if (follow->deadline_ms && now >= follow->deadline_ms) {
        follow->deadline_ms = 0;
        follow->timed_out = true;
        if (follow->purpose == FOLLOW_OWN) {
            follow->ask_wanted = true;
            say(follow, "the deadline passed: aborting the migration");
        } else {
            follow->leaving = true;
        }
    }
    if (follow->ask_wanted && !follow->asked && !follow->ended &&
        (!follow->asked_ms || now >= follow->asked_ms + ASK_RETRY_MS))
        ask(follow);
}

/* Milliseconds to the next thing to do by itself, -1: nothing. */
static int
time_left(const Follow *follow)
{
    uint64_t now = now_ms(), next = follow->deadline_ms;

    if (follow->ask_wanted && !follow->asked)
        next = follow->asked_ms + ASK_RETRY_MS;
    if (follow->seek_since_ms)
        next = now + SEEK_RETRY_MS;
    if (!next)
        return -1;
    return next > now ? (int)MIN(next - now, (uint64_t)G_MAXINT) : 0;
}

/* --- callbacks ----------------------------------------------------------------------- */

static void
on_state(vmmiMigration *migration, vmmiState from G_GNUC_UNUSED, vmmiState to, void *opaque)
{
    Follow *follow = opaque;

    if (!follow->quiet)
        display_state(&follow->display, migration, to);
}

static void
on_sample(vmmiMigration *migration, const vmmiSample *sample G_GNUC_UNUSED, void *opaque)
{
    Follow *follow = opaque;

    if (!follow->quiet)
        display_sample(&follow->display, migration);
}

static void
on_end(vmmiMigration *migration G_GNUC_UNUSED, const vmmiOutcome *outcome G_GNUC_UNUSED,
       void *opaque)
{
    ((Follow *)opaque)->ended = true;
}

/* --- one migration after the other --------------------------------------------------- */

static int
watch(Follow *follow, vmmiError **err)
{
    const vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks),
        .state = on_state,
        .sample = on_sample,
        .end = on_end,
        .opaque = follow,
    };

    return vmmiMigrationWatch(follow->migration, &callbacks, err);
}

/* What happened before comes first, and all at once: only where it stands now is shown. */
static int
catch_up(Follow *follow, vmmiError **err)
{
    struct pollfd fd = { .fd = vmmiManagerGetFd(follow->manager), .events = POLLIN };
    int done = 0;

    follow->quiet = true;
    for (int i = 0; i < MOST_CATCHING_UP && done >= 0 && !follow->ended && poll(&fd, 1, 0) > 0; i++)
        done = vmmiManagerDispatch(follow->manager, err);
    follow->quiet = false;
    return done < 0 ? -1 : 0;
}

/* The migration whose plugin took over, opened; NULL: there is none (yet). */
static vmmiMigration *
open_successor(const Follow *follow)
{
    const char *id = vmmiMigrationGetReplacedBy(follow->migration);

    return id ? vmmiMigrationOpen(follow->manager, id, follow->connect, NULL) : NULL;
}

static int
go_over_to(Follow *follow, vmmiMigration *successor, vmmiError **err)
{
    follow_report_replaced(follow, successor);
    vmmiMigrationUnref(follow->migration);
    follow->migration = successor;
    follow->ended = false;
    follow->asked = false;
    follow->asked_ms = 0;
    follow->seek_since_ms = 0;
    if (watch(follow, err) < 0 || catch_up(follow, err) < 0)
        return -1;
    if (!follow->ended)
        display_state(&follow->display, successor, vmmiMigrationGetState(successor));
    return 0;
}

/* Whether the migration itself may have ended for this verb only: one that was released may have a
 * successor, whose record comes right after. */
static bool
may_have_successor(const Follow *follow)
{
    const vmmiOutcome *outcome = vmmiMigrationGetOutcome(follow->migration);

    if (follow->purpose == FOLLOW_RELEASE)
        return false;
    return outcome ? vmmiOutcomeGetKind(outcome) == VMMI_OUTCOME_RELEASED
                   : vmmiMigrationGetState(follow->migration) == VMMI_STATE_UNATTENDED;
}

/* How long a successor may be waited for: as long as one is being started. */
static uint64_t
seek_time(const Follow *follow)
{
    const char *id = vmmiMigrationGetId(follow->migration);
    vmmiRecordList *records = vmmiManagerListRecords(follow->manager, 0, NULL);
    uint64_t time = 0;

    for (size_t i = 0; i < vmmiRecordListGetCount(records); i++) {
        const vmmiRecord *record = vmmiRecordListGet(records, i);

        if (g_strcmp0(vmmiRecordGetReplaces(record), id) == 0)
            time = MAX(time, vmmiRecordGetOutcome(record) ? SEEK_AGAIN_MS : SEEK_MS);
    }
    vmmiRecordListFree(records);
    return time;
}

/* Returns whether it is the end, -1 on failure. */
static int
seek_successor(Follow *follow, vmmiError **err)
{
    vmmiMigration *successor = may_have_successor(follow) ? open_successor(follow) : NULL;

    if (successor)
        return go_over_to(follow, successor, err);
    if (!follow->ended || !may_have_successor(follow))
        return follow->ended;
    if (!follow->seek_since_ms)
        follow->seek_since_ms = now_ms();
    return follow->old || now_ms() >= follow->seek_since_ms + seek_time(follow);
}

/* Returns whether it is the end, -1 on failure. */
static int
turn(Follow *follow, vmmiError **err)
{
    struct pollfd fds[2] = {
        { .fd = vmmiManagerGetFd(follow->manager), .events = POLLIN },
        { .fd = signals_fd(), .events = POLLIN },
    };

    if (poll(fds, 2, time_left(follow)) > 0 && fds[1].revents)
        read_signals(follow);
    if (!follow->leaving)
        check_times(follow);
    /* Two Ctrl-C at once: it was wanted all the same. */
    else if (follow->ask_wanted && !follow->asked)
        ask(follow);
    if (follow->leaving || follow->refused)
        return 0;
    if (vmmiManagerDispatch(follow->manager, err) < 0)
        return -1;
    return seek_successor(follow, err);
}

/* Returns whether it has ended already, -1 on failure. */
static int
begin(Follow *follow, vmmiError **err)
{
    follow->deadline_ms = follow->timeout_ms ? now_ms() + follow->timeout_ms : 0;
    follow->ask_wanted = follow->purpose == FOLLOW_ABORT || follow->purpose == FOLLOW_RELEASE;
    if (watch(follow, err) < 0 || (follow->purpose != FOLLOW_OWN && catch_up(follow, err) < 0))
        return -1;
    follow->old = follow->ended;
    display_begin(&follow->display, follow->migration, follow->destination);
    if (!follow->ended)
        display_state(&follow->display, follow->migration,
                      vmmiMigrationGetState(follow->migration));
    return seek_successor(follow, err);
}

ExitCode
follow_migration(Follow *follow)
{
    vmmiError *error = NULL;
    ExitCode code;
    int done = begin(follow, &error);

    while (done == 0 && !follow->leaving && !follow->refused)
        done = turn(follow, &error);
    if (done > 0)
        return follow_report_end(follow);
    if (done == 0 && follow->leaving)
        return follow_report_leaving(follow);
    display_clear(&follow->display);
    code = follow->refused ? EXIT_FAILED : EXIT_UNKNOWN;
    report_error(follow->common, follow->refused ? follow->refusal : error,
                 display_object(follow->migration, VMMI_STATE_LAST));
    vmmiErrorFree(error);
    return code;
}

void
follow_clear(Follow *follow)
{
    vmmiMigrationUnref(follow->migration);
    vmmiErrorFree(follow->refusal);
    g_free(follow->source);
    g_free(follow->destination);
    memset(follow, 0, sizeof(*follow));
}

/* --- by a word on the command line --------------------------------------------------- */

ExitCode
follow_opened(Opened *opened, FollowPurpose purpose, uint64_t timeout_ms, bool no_wait)
{
    Follow follow = {
        .common = opened->common,
        .purpose = purpose,
        .manager = opened->manager,
        .migration = vmmiMigrationRef(opened->migration),
        .source = g_strdup(vmmiRecordGetSourceUri(opened->record)),
        .destination = g_strdup(vmmiRecordGetDestinationUri(opened->record)),
        .timeout_ms = timeout_ms,
        .no_wait = no_wait,
        .read_only = opened->read_only,
    };
    ExitCode code;

    signals_catch();
    display_init(&follow.display, opened->common);
    display_since(&follow.display, vmmiRecordGetCreatedMs(opened->record));
    follow.display.terse = purpose == FOLLOW_ABORT || purpose == FOLLOW_RELEASE;
    code = follow_migration(&follow);
    follow_clear(&follow);
    return code;
}

ExitCode
follow_selected(const Common *common, const char *selector, FollowPurpose purpose,
                uint64_t timeout_ms, bool no_wait)
{
    Opened opened = { .common = common };
    vmmiError *error = NULL;
    ExitCode code;

    if (open_migration(&opened, common, selector, &error) < 0)
        code = open_report(&opened, error);
    else
        code = follow_opened(&opened, purpose, timeout_ms, no_wait);
    vmmiErrorFree(error);
    open_clear(&opened);
    return code;
}
