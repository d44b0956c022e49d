/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.c: staying with a migration. It sleeps in poll() until the manager, a signal or a deadline
 * wakes it.
 *
 * Ctrl-C asks for an abort and waits for the truth; a second one leaves at once. SIGTERM and SIGHUP
 * leave: the migration goes on. The deadline aborts like Ctrl-C.
 */
#include "follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

/* A plugin that is not ready to be asked yet is asked again. */
#define ABORT_RETRY_MS 200

static int signal_pipe[2] = { -1, -1 };

static uint64_t
now_ms(void)
{
    return (uint64_t)g_get_monotonic_time() / 1000;
}

static void
on_signal(int number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)number;

    /* A full pipe holds more signals than anybody has to be told. */
    if (write(signal_pipe[1], &byte, 1) < 0)
        errno = saved;
    errno = saved;
}

void
follow_catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
    struct sigaction action, old;

    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        /* What the caller ignores (nohup) stays ignored. */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

/* --- leaving and aborting
 * --------------------------------------------------------------------------------- */

static void
say(Follow *follow, const char *sentence)
{
    display_clear(&follow->display);
    report_sentence("%s", sentence);
}

static void
tell_how_to_follow(Follow *follow, const char *why)
{
    const char *id = vmmiMigrationGetId(follow->migration);
    json_t *object;

    display_clear(&follow->display);
    if (verb_exists("wait"))
        report_sentence("%s; to follow it: vmmi wait %s", why, id);
    else
        report_sentence("%s; its record is %s", why, vmmiMigrationGetDirectory(follow->migration));
    if (!follow->common->json) {
        printf("%s\n", id);
        return;
    }
    object = display_object(follow->migration, VMMI_STATE_LAST);
    json_object_set_new(object, "detached", json_true());
    report_object(object);
}

static void
ask_for_abort(Follow *follow)
{
    vmmiError *error = NULL;

    if (vmmiMigrationAbort(follow->migration, &error) == 0) {
        follow->abort_asked = true;
    } else if (vmmiErrorGetCode(error) != VMMI_ERR_NOT_READY) {
        say(follow, vmmiErrorGetMessage(error));
        follow->abort_asked = true;
    }
    follow->abort_asked_ms = now_ms();
    vmmiErrorFree(error);
}

static void
handle_signal(Follow *follow, int number)
{
    if (number == SIGWINCH) {
        display_sample(&follow->display, follow->migration);
    } else if (number == SIGINT && follow->interrupts++ == 0) {
        say(follow, "interrupted: aborting the migration; Ctrl-C again leaves at once");
        follow->abort_wanted = true;
    } else {
        follow->leaving = true;
    }
}

static void
read_signals(Follow *follow)
{
    unsigned char bytes[64];
    ssize_t got = read(signal_pipe[0], bytes, sizeof(bytes));

    for (ssize_t i = 0; i < got && !follow->leaving; i++)
        handle_signal(follow, bytes[i]);
}

static void
check_times(Follow *follow)
{
    uint64_t now = now_ms();

    if (follow->deadline_ms && now >= follow->deadline_ms) {
        follow->deadline_ms = 0;
        follow->timed_out = true;
        follow->abort_wanted = true;
        say(follow, "the deadline passed: aborting the migration");
    }
    if (!follow->abort_wanted)
        return;
    if (!follow->abort_asked &&
        (!follow->abort_asked_ms || now >= follow->abort_asked_ms + ABORT_RETRY_MS))
        ask_for_abort(follow);
}

/* Milliseconds to the next thing to do by itself, -1: nothing. */
static int
time_left(const Follow *follow)
{
    uint64_t now = now_ms(), next = follow->deadline_ms;

    if (follow->abort_wanted && !follow->abort_asked)
        next = follow->abort_asked_ms + ABORT_RETRY_MS;
    if (!next)
        return -1;
    return next > now ? (int)MIN(next - now, (uint64_t)G_MAXINT) : 0;
}

/* --- callbacks
 * -------------------------------------------------------------------------------------------- */

static void
on_state(vmmiMigration *migration, vmmiState from G_GNUC_UNUSED, vmmiState to, void *opaque)
{
    display_state(&((Follow *)opaque)->display, migration, to);
}

static void
on_sample(vmmiMigration *migration, const vmmiSample *sample G_GNUC_UNUSED, void *opaque)
{
    display_sample(&((Follow *)opaque)->display, migration);
}

static void
on_end(vmmiMigration *migration G_GNUC_UNUSED, const vmmiOutcome *outcome G_GNUC_UNUSED,
       void *opaque)
{
    ((Follow *)opaque)->ended = true;
}

/* --- the end
 * ---------------------------------------------------------------------------------------------- */

static ExitCode
outcome_code(const Follow *follow, const vmmiOutcome *outcome)
{
    int code = vmmiErrorGetCode(vmmiOutcomeGetError(outcome));

    switch (vmmiOutcomeGetKind(outcome)) {
    case VMMI_OUTCOME_COMPLETED:
        /* The guest has moved; a plugin that contradicts that is an error all the same (B9). */
        return code == VMMI_ERR_PLUGIN_PROTOCOL ? EXIT_FAILED : EXIT_DONE;
    case VMMI_OUTCOME_ABORTED:
        return follow->timed_out || code == VMMI_ERR_DEADLINE ? EXIT_DEADLINE : EXIT_ABORTED;
    case VMMI_OUTCOME_RELEASED:
        return EXIT_RELEASED;
    case VMMI_OUTCOME_FAILED:
        return code == VMMI_ERR_GUEST_BUSY ? EXIT_BUSY
               : code == VMMI_ERR_GUEST_UNKNOWN ? EXIT_NO_SUCH
               : code == VMMI_ERR_DEADLINE ? EXIT_DEADLINE : EXIT_FAILED;
    default:
        return EXIT_UNKNOWN;
    }
}

/* The deadline is what the user set; what the abort looked like from below goes to the details. */
static json_t *
deadline_error(const vmmiError *error)
{
    g_autofree char *below = g_utf8_make_valid(vmmiErrorGetMessage(error), -1);

    return json_pack("{s:i, s:s, s:s}", "code", VMMI_ERR_DEADLINE, "message",
                     "the deadline passed, the migration was aborted", "details", below);
}

static ExitCode
report_end(Follow *follow)
{
    const vmmiOutcome *outcome = vmmiMigrationGetOutcome(follow->migration);
    ExitCode code = outcome_code(follow, outcome);
    bool too_late = follow->timed_out && code == EXIT_DEADLINE;
    const vmmiError *error = vmmiOutcomeGetError(outcome);
    json_t *object;

    display_clear(&follow->display);
    if (error && !too_late)
        report_sentence("%s", vmmiErrorGetMessage(error));
    if (!follow->common->json) {
        display_end(&follow->display, follow->migration, outcome,
                    vmmiConnectGetUri(follow->connect), follow->destination);
        return code;
    }
    object = display_object(follow->migration, VMMI_STATE_LAST);
    if (too_late)
        json_object_set_new(object, "error", deadline_error(error));
    report_object(object);
    return code;
}

static ExitCode
report_leaving(Follow *follow)
{
    bool aborting = follow->abort_asked;

    tell_how_to_follow(follow, aborting ? "left; the abort was asked for, its end is not known yet"
                                        : "detached; the migration goes on");
    return aborting ? EXIT_UNKNOWN : EXIT_RELEASED;
}

static int
turn(Follow *follow, vmmiError **err)
{
    struct pollfd fds[2] = {
        { .fd = vmmiManagerGetFd(follow->manager), .events = POLLIN },
        { .fd = signal_pipe[0], .events = POLLIN },
    };

    if (poll(fds, 2, time_left(follow)) > 0 && fds[1].revents)
        read_signals(follow);
    if (follow->leaving)
        return 0;
    check_times(follow);
    return vmmiManagerDispatch(follow->manager, err) < 0 ? -1 : 0;
}

ExitCode
follow_migration(Follow *follow)
{
    const vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks),
        .state = on_state,
        .sample = on_sample,
        .end = on_end,
        .opaque = follow,
    };
    vmmiError *error = NULL;
    int done;

    follow->deadline_ms = follow->timeout_ms ? now_ms() + follow->timeout_ms : 0;
    display_begin(&follow->display, follow->migration, follow->destination);
    done = vmmiMigrationWatch(follow->migration, &callbacks, &error);
    while (done == 0 && !follow->ended && !follow->leaving)
        done = turn(follow, &error);
    if (done == 0)
        return follow->ended ? report_end(follow) : report_leaving(follow);
    display_clear(&follow->display);
    report_error(follow->common, error, display_object(follow->migration, VMMI_STATE_LAST));
    vmmiErrorFree(error);
    return EXIT_UNKNOWN;
}
