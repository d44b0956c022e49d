/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-status.c: vmmi status: asks the plugin of a migration how far it is (G1), and prints what it
 * says.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "figures.h"
#include "open.h"
#include "report.h"

static char *timeout;

static const GOptionEntry entries[] = {
    { "timeout", 't', 0, G_OPTION_ARG_FILENAME, &timeout,
      "How long to wait for the answer; else 5 seconds", "SECONDS" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

typedef struct {
    bool answered;
    json_t *status;           /* the content of the answer */
    vmmiError *error;         /* why there is none */
} Answer;

static void
on_status(vmmiMigration *migration G_GNUC_UNUSED, const vmmiMessage *status, const vmmiError *error,
          void *opaque)
{
    Answer *answer = opaque;
    char *text = status ? vmmiMessageGetJson(status, NULL) : NULL;

    answer->answered = true;
    answer->status = text ? json_loadb(text, strlen(text), 0, NULL) : NULL;
    answer->error = vmmiErrorCopy(error);
    vmmiFree(text);
}

/* --- asking -------------------------------------------------------------------------- */

/* What is known before anything is asked, so that a plugin that has ended is known to have. */
static int
catch_up(const Opened *opened, vmmiError **err)
{
    struct pollfd fd = { .fd = vmmiManagerGetFd(opened->manager), .events = POLLIN };
    int done = 0;

    for (int i = 0; i < 100 && done >= 0 && poll(&fd, 1, 0) > 0; i++)
        done = vmmiManagerDispatch(opened->manager, err);
    return done < 0 ? -1 : 0;
}

static int
ask(const Opened *opened, unsigned int timeout_ms, Answer *answer, vmmiError **err)
{
    const vmmiMigrationCallbacks callbacks = {
        .size = sizeof(callbacks),
        .status = on_status,
        .opaque = answer,
    };
    struct pollfd fd = { .fd = vmmiManagerGetFd(opened->manager), .events = POLLIN };

    if (vmmiMigrationWatch(opened->migration, &callbacks, err) < 0 || catch_up(opened, err) < 0 ||
        vmmiMigrationRequestStatus(opened->migration, timeout_ms, err) < 0)
        return -1;
    while (!answer->answered) {
        if (poll(&fd, 1, -1) > 0 && vmmiManagerDispatch(opened->manager, err) < 0)
            return -1;
    }
    return answer->error ? vmmiErrorPropagate(err, vmmiErrorCopy(answer->error)) : 0;
}

/* --- printing ------------------------------------------------------------------------ */

static const char *
text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* A figure of the status; returns whether it is there. */
static bool
figure(const json_t *object, const char *key, uint64_t *value)
{
    const json_t *number = json_object_get(object, key);

    if (!json_is_integer(number) || json_integer_value(number) < 0)
        return false;
    *value = (uint64_t)json_integer_value(number);
    return true;
}

typedef char *(*Formatter)(uint64_t value);

static void
add_figure(GString *line, const json_t *object, const char *key, Formatter format,
           const char *before, const char *behind)
{
    g_autofree char *text = NULL;
    uint64_t value;

    if (!figure(object, key, &value))
        return;
    text = format(value);
    g_string_append_printf(line, "%s%s%s%s", line->len ? ", " : "", before, text, behind);
}

static char *
plain(uint64_t value)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT, (guint64)value);
}

/* Prints a line if there is something on it; takes it. */
static void
print_line(const char *label, GString *line)
{
    if (line->len)
        printf("%-10s %s\n", label, line->str);
    g_string_free(line, TRUE);
}

static GString *
begin_with(const json_t *object, const char *key)
{
    const char *text = text_at(object, key);
    g_autofree char *printable = text ? report_printable(text) : NULL;

    return g_string_new(printable);
}

static void
print_amount(const char *label, const json_t *amount)
{
    GString *line = g_string_new(NULL);
    uint64_t total;

    /* A guest without a disk has none to speak of. */
    if (figure(amount, "total", &total) && total == 0)
        amount = NULL;
    add_figure(line, amount, "remaining", figures_bytes, "", " left");
    add_figure(line, amount, "total", figures_bytes, "", " in all");
    add_figure(line, amount, "bytesPerSecond", figures_bytes, "", "/s");
    print_line(label, line);
}

static void
print_policy(const json_t *policy)
{
    static const char *const keys[] = { "reason", "lastAction" };
    GString *line = begin_with(policy, "name");

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const json_t *value = json_object_get(policy, keys[i]);
        g_autofree char *text = json_is_string(value) ? g_strdup(json_string_value(value))
                                : json_is_object(value) ? report_json_text(value) : NULL;
        g_autofree char *printable = report_printable(text);

        if (*printable)
            g_string_append_printf(line, "%s%s", line->len ? "; " : "", printable);
    }
    print_line("policy", line);
}

static void
print_status(const json_t *status)
{
    const json_t *downtime = json_object_get(status, "downtimeMs");
    GString *line = begin_with(status, "state");

    add_figure(line, status, "percent", plain, "", "%");
    add_figure(line, status, "iteration", plain, "pass ", "");
    print_line("state", line);
    line = g_string_new(NULL);
    add_figure(line, status, "elapsedMs", figures_duration, "", "");
    add_figure(line, status, "etaMs", figures_duration, "", " to go");
    print_line("elapsed", line);
    print_amount("memory", json_object_get(status, "memory"));
    print_amount("disk", json_object_get(status, "disk"));
    line = g_string_new(NULL);
    add_figure(line, status, "dirtyBytesPerSecond", figures_bytes, "", "/s");
    print_line("dirtied", line);
    line = g_string_new(NULL);
    add_figure(line, downtime, "limit", figures_duration, "limit ", "");
    add_figure(line, downtime, "expected", figures_duration, "expected ", "");
    add_figure(line, downtime, "final", figures_duration, "final ", "");
    print_line("downtime", line);
    line = g_string_new(NULL);
    add_figure(line, status, "throttlePercent", plain, "", "%");
    print_line("throttle", line);
    print_policy(json_object_get(status, "policy"));
}

static void
print_answer(const Opened *opened, const Answer *answer)
{
    g_autofree char *guest = report_printable(vmmiRecordGetGuestName(opened->record));
    g_autofree char *plugin = report_printable(vmmiRecordGetPlugin(opened->record));
    json_t *object;

    if (!opened->common->json) {
        printf("%-10s %s under %s, migration %s\n", "guest", guest, plugin,
               vmmiRecordGetId(opened->record));
        print_status(answer->status);
        return;
    }
    object = open_record_object(opened->record);
    json_object_set_new(object, "state",
                        json_string(vmmiStateToString(vmmiMigrationGetState(opened->migration))));
    json_object_set(object, "status", answer->status);
    report_object(object);
}

/* --- the verb ------------------------------------------------------------------------ */

static ExitCode
explain(const Opened *opened, const vmmiError *error)
{
    ExitCode code = open_report(opened, error);

    switch (vmmiErrorGetCode(error)) {
    case VMMI_ERR_TIMEOUT:
        return EXIT_DEADLINE;
    case VMMI_ERR_NOT_READY:
    case VMMI_ERR_STATE:
    case VMMI_ERR_NOT_SUPPORTED:
        return EXIT_FAILED;
    default:
        return code;
    }
}

static ExitCode
run_status(const Common *common, char **arguments)
{
    Opened opened = { .common = common };
    Answer answer = { false, NULL, NULL };
    vmmiError *error = NULL;
    uint64_t timeout_ms = 0;
    ExitCode code = EXIT_DONE;

    if (timeout && (!arguments_timeout(timeout, &timeout_ms) || timeout_ms > G_MAXINT))
        return report_usage(common, "status", "--timeout must be seconds, more than 0, not '%s'",
                            timeout);
    if (open_migration(&opened, common, arguments[0], &error) < 0)
        code = open_report(&opened, error);
    else if (ask(&opened, (unsigned int)timeout_ms, &answer, &error) < 0)
        code = explain(&opened, error);
    else
        print_answer(&opened, &answer);
    open_clear(&opened);
    json_decref(answer.status);
    vmmiErrorFree(answer.error);
    vmmiErrorFree(error);
    return code;
}

const Verb verb_status = {
    .name = "status",
    .arguments = "ID",
    .summary = "ask the policy of a migration how far it is",
    .details =
        "ID is that of a migration, or the name or UUID of its guest. A plugin that has just been "
        "started may not be ready to\n"
        "be asked, and is not: that is said.\n"
        "\n"
        "Exit status: 0 answered, 1 not ready or ended, 5 no such migration, 7 no answer in time.",
    .options = entries,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_status,
};
