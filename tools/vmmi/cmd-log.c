/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-log.c: vmmi log: what a plugin said on the side. That is its journal, if it was made with
 * the kit; what it printed on standard error beside its messages; and where its own log file is.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "log-file.h"
#include "open.h"
#include "report.h"
#include "show.h"
#include "signals.h"

/* The longest message of the protocol. */
#define LONGEST_MESSAGE (1 << 20)

static gboolean follow;

static const GOptionEntry entries[] = {
    { "follow", 'f', 0, G_OPTION_ARG_NONE, &follow, "Stay until the migration has ended, or Ctrl-C",
      NULL },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

typedef struct {
    const Common *common;
    const vmmiRecord *record;
    LogFile *journal, *errors;
    GString *message;         /* what may become a message of the protocol */
    json_t *object;           /* the record */
    size_t said;              /* entries and lines so far */
    bool ended;
} Log;

/* --- one entry ----------------------------------------------------------------------- */

/* An object with the keys that every object about a migration has. */
static json_t *
entry_object(const Log *log, const char *kind)
{
    json_t *object = report_empty_object();

    json_object_update_existing(object, log->object);
    json_object_set_new(object, "kind", json_string(kind));
    return object;
}

static char *
start_text(const json_t *data)
{
    const char *policy = json_string_value(json_object_get(data, "policy"));
    const char *version = json_string_value(json_object_get(data, "version"));

    return g_strdup_printf("%s %s runs%s", policy ? policy : "the plugin", version ? version : "",
                           json_is_true(json_object_get(data, "attached"))
                               ? ", attached to a migration under way"
                               : "");
}

static char *
end_text(const json_t *data)
{
    const char *outcome = json_string_value(json_object_get(data, "outcome"));
    const char *where = json_string_value(json_object_get(data, "where"));
    const json_t *error = json_object_get(data, "error");
    const char *message = json_string_value(json_object_get(error, "message"));

    return g_strdup_printf("end: %s, the guest is on: %s%s%s", outcome ? outcome : "unknown",
                           where ? where : "unknown", message ? "; " : "", message ? message : "");
}

/* NULL: nothing for people. */
static char *
entry_text(const json_t *entry, const char *kind)
{
    const json_t *data = json_object_get(entry, "data");

    if (strcmp(kind, "start") == 0)
        return start_text(data);
    if (strcmp(kind, "state") == 0)
        return g_strdup(json_string_value(json_object_get(entry, "state")));
    if (strcmp(kind, "action") == 0)
        return show_action_text(data);
    return strcmp(kind, "end") == 0 ? end_text(data) : NULL;
}

static void
print_entry(const Log *log, const json_t *entry, const char *kind)
{
    double since = json_number_value(json_object_get(entry, "timestampMs")) -
                   (double)vmmiRecordGetCreatedMs(log->record);
    g_autofree char *text = entry_text(entry, kind), *printable = report_printable(text);

    printf("%9.1f s  %s\n", MAX(since, 0) / 1000, printable);
}

static void
report_entry(const Log *log, json_t *entry, const char *kind)
{
    json_t *object = entry_object(log, kind);

    json_object_update(object, entry);
    report_object(object);
}

/* A line of the journal; samples are no talk. */
static void
take_entry(Log *log, const char *line)
{
    json_t *entry = json_loadb(line, strlen(line), 0, NULL);
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    g_autofree char *text = kind ? entry_text(entry, kind) : NULL;

    if (text) {
        log->said++;
        log->common->json ? report_entry(log, entry, kind) : print_entry(log, entry, kind);
    }
    json_decref(entry);
}

/* --- what was printed ---------------------------------------------------------------- */

static void
say_line(Log *log, const char *line)
{
    g_autofree char *printable = report_printable(line);
    json_t *object;

    if (!*printable)
        return;
    log->said++;
    if (!log->common->json) {
        printf("%11s  %s\n", "", printable);
        return;
    }
    object = entry_object(log, "printed");
    json_object_set_new(object, "text", json_string(printable));
    report_object(object);
}

static void
say_lines(Log *log, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

    for (size_t i = 0; lines[i]; i++)
        say_line(log, lines[i]);
}

/* What looked like a message and is none. */
static void
give_up_message(Log *log)
{
    g_autofree char *text = g_strdup(log->message->str);

    g_string_truncate(log->message, 0);
    say_lines(log, text);
}

/* A line of standard error: messages of the protocol are not printed, they are the outcome. */
static void
take_line(Log *log, const char *line)
{
    json_t *object = NULL;

    if (!log->message->len && line[0] != '{') {
        say_line(log, line);
        return;
    }
    g_string_append_printf(log->message, "%s\n", line);
    if (g_str_has_suffix(line, "}"))
        object = json_loadb(log->message->str, log->message->len, 0, NULL);
    if (json_is_string(json_object_get(object, "contentType")))
        g_string_truncate(log->message, 0);
    else if (object || log->message->len > LONGEST_MESSAGE)
        give_up_message(log);
    json_decref(object);
}

/* --- reading ------------------------------------------------------------------------- */

static void
read_journal(Log *log)
{
    const char *folder = vmmiRecordGetDirectory(log->record);
    char *line;

    if (!log->journal)
        log->journal = log_file_open(folder, "journal");
    while (log->journal && (line = log_file_line(log->journal, false)) != NULL) {
        take_entry(log, line);
        g_free(line);
    }
}

static void
read_errors(Log *log, bool rest)
{
    char *line;

    if (!log->errors)
        log->errors = log_file_open(vmmiRecordGetDirectory(log->record), "stderr");
    while (log->errors && (line = log_file_line(log->errors, rest)) != NULL) {
        take_line(log, line);
        g_free(line);
    }
    if (rest && log->message->len)
        give_up_message(log);
}

/* The library has told messages and the rest apart already when it is known how it ended. */
static void
read_all(Log *log)
{
    const vmmiOutcome *outcome = vmmiRecordGetOutcome(log->record);

    read_journal(log);
    if (outcome)
        say_lines(log, vmmiOutcomeGetDiagnostics(outcome));
    else
        read_errors(log, true);
}

/* --- following ----------------------------------------------------------------------- */

static void
on_end(vmmiMigration *migration G_GNUC_UNUSED, const vmmiOutcome *outcome G_GNUC_UNUSED,
       void *opaque)
{
    ((Log *)opaque)->ended = true;
}

static int
follow_turn(Log *log, vmmiManager *manager, int inotify, vmmiError **err)
{
    struct pollfd fds[3] = {
        { .fd = vmmiManagerGetFd(manager), .events = POLLIN },
        { .fd = signals_fd(), .events = POLLIN },
        { .fd = inotify, .events = POLLIN },
    };
    char events[4096] __attribute__((aligned(8)));
    int number;

    poll(fds, 3, inotify < 0 ? 1000 : -1);
    while (inotify >= 0 && read(inotify, events, sizeof(events)) > 0) {
    }
    while ((number = signals_next()) != 0)
        log->ended = log->ended || number != SIGWINCH;
    if (vmmiManagerDispatch(manager, err) < 0)
        return -1;
    read_journal(log);
    read_errors(log, log->ended);
    fflush(stdout);
    log->ended = log->ended || ferror(stdout);
    return 0;
}

static int
follow_log(Log *log, Opened *opened, vmmiError **err)
{
    const vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks),
        .end = on_end,
        .opaque = log,
    };
    int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), done = 0;

    signals_catch();
    opened->migration =
        vmmiMigrationOpen(opened->manager, vmmiRecordGetId(opened->record), NULL, err);
    if (!opened->migration || vmmiMigrationWatch(opened->migration, &callbacks, err) < 0)
        done = -1;
    if (inotify >= 0 && inotify_add_watch(inotify, vmmiRecordGetDirectory(opened->record),
                                          IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        close(inotify);
        inotify = -1;
    }
    if (done == 0) {
        read_journal(log);
        read_errors(log, false);
        fflush(stdout);
    }
    while (done == 0 && !log->ended)
        done = follow_turn(log, opened->manager, inotify, err);
    if (inotify >= 0)
        close(inotify);
    return done;
}

/* --- the verb ------------------------------------------------------------------------ */

/* Who speaks, and where its own log is. */
static void
begin(Log *log)
{
    const char *text = vmmiRecordGetConfiguration(log->record);
    json_t *configuration = text ? json_loads(text, 0, NULL) : NULL;
    const char *path = show_configured(configuration, "logFilePath");
    g_autofree char *guest = report_printable(vmmiRecordGetGuestName(log->record));
    g_autofree char *plugin = report_printable(vmmiRecordGetPlugin(log->record));
    json_t *object;

    if (log->common->json) {
        object = entry_object(log, "migration");
        json_object_set_new(object, "logFilePath", path ? json_string(path) : json_null());
        report_object(object);
    } else {
        printf("%s under %s, migration %s\n", guest, plugin, vmmiRecordGetId(log->record));
        show_line("log file", path);
    }
    json_decref(configuration);
}

static void
log_clear(Log *log)
{
    log_file_close(log->journal);
    log_file_close(log->errors);
    g_string_free(log->message, TRUE);
    json_decref(log->object);
}

static int
print_log(Opened *opened, vmmiError **err)
{
    Log log = { .common = opened->common, .record = opened->record };
    int done = 0;

    log.message = g_string_new(NULL);
    log.object = open_record_object(opened->record);
    begin(&log);
    if (follow && !vmmiRecordGetOutcome(opened->record))
        done = follow_log(&log, opened, err);
    else
        read_all(&log);
    if (done == 0 && !log.said && !log.common->json)
        printf("Its plugin keeps no journal, and has printed nothing.\n");
    log_clear(&log);
    return done;
}

static ExitCode
run_log(const Common *common, char **arguments)
{
    Opened opened = { .common = common };
    vmmiError *error = NULL;
    ExitCode code = EXIT_DONE;

    if (open_record(&opened, common, arguments[0], &error) < 0 || print_log(&opened, &error) < 0)
        code = open_report(&opened, error);
    vmmiErrorFree(error);
    open_clear(&opened);
    return code;
}

const Verb verb_log = {
    .name = "log",
    .arguments = "ID",
    .summary = "what the policy of a migration did and said",
    .details =
        "ID is that of a migration, or the name or UUID of its guest. Shows, with the time since "
        "the migration was made, the\n"
        "states and actions that a policy made with libvmmi writes down; what the plugin printed "
        "on standard error beside its\n"
        "messages; and the path of its log file, if its configuration names one.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_log,
};
