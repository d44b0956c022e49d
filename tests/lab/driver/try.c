/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * try.c: the libvirt driver by hand: one call after the other on one connection, for the tests of
 * the lab.
 *
 * Usage: try [-e none|own] [-t CALL_TIMEOUT_MS] [-k KEEPALIVE] [-u USER -p FILE] URI STEP...
 * A step is one word, its parts apart by commas; `perform` goes on in the background until `wait`.
 * Each step prints lines that begin with its name; the first that fails ends the program with 1.
 */
#include <stdio.h>
#include <stdlib.h>

#include "driver/connect.h"
#include "util/cleanup.h"

#define MAX_WORDS 32

typedef struct {
    GMutex lock;
    GCond changed;
    bool running, done;
    vmmiError *error;
    uint64_t iterations;
    GString *seen;                   /* what events said, one word each */
} Progress;

static Progress progress;
static vmmiConnect *connection;
static void *watch;
static char uuid[VMMI_UUID_STRING_SIZE];

static void
on_event(const vmmiEvent *event, void *opaque G_GNUC_UNUSED)
{
    g_autofree char *word = NULL;

    g_mutex_lock(&progress.lock);
    switch (event->type) {
    case VMMI_EVENT_STATE: word = g_strdup_printf("state:%s",
                                                  vmmiStateToString(event->state)); break;
    case VMMI_EVENT_ITERATION: word = g_strdup_printf("iteration:%" G_GUINT64_FORMAT,
                                                      event->iteration); break;
    case VMMI_EVENT_JOB_COMPLETED:
        word = g_strdup_printf("completed:%" G_GUINT64_FORMAT,
                               vmmiSampleGetOr(event->sample, VMMI_SAMPLE_DOWNTIME_FINAL_MS,
                                               999999));
        break;
    case VMMI_EVENT_GUEST:
        word = g_strdup_printf("guest:%s/%s", vmmiGuestStateToString(event->guest_state),
                               vmmiGuestReasonToString(event->reason));
        break;
    case VMMI_EVENT_DISCONNECTED: word = g_strdup("disconnected"); break;
    case VMMI_EVENT_RECONNECTED: word = g_strdup("reconnected"); break;
    }
    g_string_append_printf(progress.seen, " %s", word);
    printf("event %s\n", word);
    fflush(stdout);
    g_cond_broadcast(&progress.changed);
    g_mutex_unlock(&progress.lock);
}

static void
on_done(const vmmiError *error, void *opaque G_GNUC_UNUSED)
{
    g_mutex_lock(&progress.lock);
    progress.done = true;
    progress.error = vmmiErrorCopy(error);
    g_cond_broadcast(&progress.changed);
    g_mutex_unlock(&progress.lock);
}

static int
step_lookup(char **words, vmmiError **err)
{
    vmmiGuestInfo info;

    if (vmmiGuestLookup(connection, words[1], &info, err) < 0)
        return -1;
    g_strlcpy(uuid, info.uuid, sizeof(uuid));
    printf("lookup %s %s id=%d %s/%s job=%s persistent=%d\n", info.uuid, info.name, info.id,
           vmmiGuestStateToString(info.state), vmmiGuestReasonToString(info.reason),
           vmmiJobKindToString(info.job), info.persistent);
    return 0;
}

static int
step_info(char **words G_GNUC_UNUSED, vmmiError **err)
{
    vmmiGuestInfo info;

    if (vmmiGuestGetInfo(connection, uuid, &info, err) < 0)
        return -1;
    printf("info %s/%s job=%s persistent=%d\n", vmmiGuestStateToString(info.state),
           vmmiGuestReasonToString(info.reason), vmmiJobKindToString(info.job), info.persistent);
    return 0;
}

static int
step_monitor(char **words G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiCallGuestMonitor(connection, uuid, on_event, NULL, NULL, &watch, err);
}

static int
step_unmonitor(char **words G_GNUC_UNUSED, vmmiError **err G_GNUC_UNUSED)
{
    vmmiCallGuestUnmonitor(connection, watch);
    return 0;
}

/* A parameter as NAME=VALUE: a number if it is one, with '/' a list. */
static vmmiParam
read_param(const char *name, char *value)
{
    vmmiParam param = { .name = name, .type = VMMI_PARAM_STRING, .string_value = value };
    char *end;
    uint64_t number = g_ascii_strtoull(value, &end, 10);

    if (*value && !*end) {
        param.type = VMMI_PARAM_UINT;
        param.uint_value = number;
    }
    return param;
}

/* [check|perform],MODE,DESTURI,MIGRATEURI,[FLAG|no-FLAG|NAME=VALUE|keep-source|user=U|file=F]... */
static int
ask(char **words, bool check, vmmiError **err)
{
    vmmiConnectOptions destination = VMMI_CONNECT_OPTIONS_INIT;
    vmmiMigrateRequest request = { .size = sizeof(request), .uuid = uuid };
    const char *flags[MAX_WORDS + 1] = { NULL };
    vmmiParam params[MAX_WORDS];
    size_t n_flags = 0;

    request.mode = (vmmiMode)vmmiModeFromString(words[1]);
    request.destination_uri = words[2];
    request.migrate_uri = words[3];
    request.flags = flags;
    request.params = params;
    request.destination_options = &destination;
    for (size_t i = 4; words[i]; i++) {
        char *equals = strchr(words[i], '=');

        if (equals)
            *equals = '\0';
        if (g_str_equal(words[i], "keep-source"))
            request.keep_source = true;
        else if (equals && g_str_equal(words[i], "user"))
            destination.username = equals + 1;
        else if (equals && g_str_equal(words[i], "file"))
            destination.password_file = equals + 1;
        else if (equals)
            params[request.n_params++] = read_param(words[i], equals + 1);
        else
            flags[n_flags++] = words[i];
    }
    if (check)
        return vmmiCallMigrationCheck(connection, &request, err);
    progress.running = true;
    progress.done = false;
    return vmmiCallMigrationPerform(connection, &request, on_done, NULL, NULL, err);
}

static int
step_check(char **words, vmmiError **err)
{
    return ask(words, true, err);
}

static int
step_perform(char **words, vmmiError **err)
{
    return ask(words, false, err);
}

/* wait: for the end of the migration, which is the result. */
static int
step_wait(char **words G_GNUC_UNUSED, vmmiError **err)
{
    gint64 until = g_get_monotonic_time() + 120 * G_USEC_PER_SEC;
    vmmiError *error;

    g_mutex_lock(&progress.lock);
    while (!progress.done && g_cond_wait_until(&progress.changed, &progress.lock, until))
        ;
    error = progress.done ? g_steal_pointer(&progress.error) : NULL;
    if (!progress.done)
        vmmiErrorSet(&error, VMMI_ERR_TIMEOUT, "the migration did not end");
    progress.done = progress.running = false;
    g_mutex_unlock(&progress.lock);
    return error ? vmmiErrorPropagate(err, error) : 0;
}

/* seen,WORD: until an event said so. */
static int
step_seen(char **words, vmmiError **err)
{
    gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    bool found;

    g_mutex_lock(&progress.lock);
    while (!(found = strstr(progress.seen->str, words[1])) &&
           g_cond_wait_until(&progress.changed, &progress.lock, until))
        ;
    g_mutex_unlock(&progress.lock);
    return found ? 0 : vmmiErrorSet(err, VMMI_ERR_TIMEOUT, "no event said '%s'", words[1]);
}

static void
print_sample(const char *name, const vmmiSample *sample)
{
    uint64_t value;

    printf("%s", name);
    for (int i = 0; i < VMMI_SAMPLE_LAST; i++) {
        if (vmmiSampleGet(sample, (vmmiSampleField)i, &value))
            printf(" %s=%" G_GUINT64_FORMAT, vmmiSampleFieldToString((vmmiSampleField)i), value);
    }
    printf("\n");
}

static bool
has_ended(void)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&progress.lock);

    if (progress.done && progress.error)
        printf("ended %s\n", vmmiErrorGetMessage(progress.error));
    return progress.done;
}

/* sample[,FIELD]: until the field is known, or once. */
static int
step_sample(char **words, vmmiError **err)
{
    gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    for (;;) {
        g_autoptr(vmmiSample) sample = vmmiSampleNew();
        g_autoptr(vmmiError) error = NULL;
        vmmiJobKind job;
        int result = vmmiCallMigrationSample(connection, uuid, sample, &job, &error);

        if (result == 0 && (!words[1] || vmmiSampleGet(sample, (vmmiSampleField)
                                                       vmmiSampleFieldFromString(words[1]),
                                                           NULL))) {
            print_sample(vmmiJobKindToString(job), sample);
            return 0;
        }
        if (result < 0 && (!words[1] || vmmiErrorGetCode(error) != VMMI_ERR_STATE))
            return vmmiErrorPropagate(err, g_steal_pointer(&error));
        if (has_ended())
            return vmmiErrorSet(err, VMMI_ERR_STATE, "the migration ended before '%s' was known",
                                words[1]);
        if (g_get_monotonic_time() > until)
            return vmmiErrorSet(err, VMMI_ERR_TIMEOUT, "'%s' never became known", words[1]);
        g_usleep(50000);
    }
}

static int
step_completed(char **words G_GNUC_UNUSED, vmmiError **err)
{
    g_autoptr(vmmiSample) sample = vmmiSampleNew();

    if (vmmiCallMigrationCompletedSample(connection, uuid, sample, err) < 0)
        return -1;
    print_sample("completed", sample);
    return 0;
}

/* tune,WHAT,VALUE: 0 downtime, 1 bandwidth, 2 post-copy bandwidth, 3 cache. */
static int
step_tune(char **words, vmmiError **err)
{
    return vmmiCallMigrationTune(connection, uuid, (vmmiTunable)atoi(words[1]),
                                 g_ascii_strtoull(words[2], NULL, 10), err);
}

static int
step_abort(char **words G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiCallMigrationAbort(connection, uuid, false, err);
}

static int
step_pause(char **words G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiCallMigrationAbort(connection, uuid, true, err);
}

static int
step_postcopy(char **words G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiCallMigrationStartPostcopy(connection, uuid, err);
}

static int
step_suspend(char **words G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiGuestSuspend(connection, uuid, err);
}

static int
step_resume(char **words G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiGuestResume(connection, uuid, err);
}

static int
step_ping(char **words G_GNUC_UNUSED, vmmiError **err)
{
    return vmmiCallPing(connection, err);
}

/* run,COMMAND: a shell command. */
static int
step_run(char **words, vmmiError **err)
{
    fflush(stdout);
    return system(words[1]) == 0 ? 0 : vmmiErrorSet(err, VMMI_ERR_SYSTEM, "'%s' failed", words[1]);
}

/* fail,CODE,STEP...: a step that must fail with a code. */
static int step_fail(char **words, vmmiError **err);

static const struct {
    const char *name;
    int (*run)(char **words, vmmiError **err);
} steps[] = {
    { "lookup", step_lookup },
    { "info", step_info },
    { "monitor", step_monitor },
    { "unmonitor", step_unmonitor },
    { "check", step_check },
    { "perform", step_perform },
    { "wait", step_wait },
    { "seen", step_seen },
    { "sample", step_sample },
    { "completed", step_completed },
    { "tune", step_tune },
    { "abort", step_abort },
    { "pause", step_pause },
    { "postcopy", step_postcopy },
    { "suspend", step_suspend },
    { "resume", step_resume },
    { "ping", step_ping },
    { "run", step_run },
    { "fail", step_fail },
};

static int
take(char **words, vmmiError **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        if (g_str_equal(steps[i].name, words[0]))
            return steps[i].run(words, err);
    }
    return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT, "there is no step '%s'", words[0]);
}

static int
step_fail(char **words, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;

    if (take(words + 2, &error) == 0)
        return vmmiErrorSet(err, VMMI_ERR_STATE, "'%s' did not fail", words[2]);
    printf("fail %d %s [%s] %s\n", vmmiErrorGetCode(error), vmmiErrorGetMessage(error),
           vmmiErrorGetDetails(error), vmmiErrorGetOrigin(error));
    if (vmmiErrorGetCode(error) != atoi(words[1]))
        return vmmiErrorSet(err, VMMI_ERR_STATE, "'%s' failed with %d, not %s", words[2],
                            vmmiErrorGetCode(error), words[1]);
    return 0;
}

static int
refused(const char *what, const vmmiError *error)
{
    printf("error %d %s: %s [%s]\n", vmmiErrorGetCode(error), what, vmmiErrorGetMessage(error),
           vmmiErrorGetDetails(error));
    return 1;
}

int
main(int argc, char **argv)
{
    vmmiConnectOptions options = VMMI_CONNECT_OPTIONS_INIT;
    g_autoptr(vmmiError) error = NULL;
    int result = 0, option;

    options.events = VMMI_EVENTS_OWN;
    while ((option = getopt(argc, argv, "+e:t:k:u:p:")) != -1) {
        switch (option) {
        case 'e': options.events = g_str_equal(optarg,
                                               "own") ? VMMI_EVENTS_OWN : VMMI_EVENTS_NONE; break;
        case 't': options.call_timeout_ms =
            options.open_timeout_ms = (unsigned int)atoi(optarg); break;
        case 'k': options.keepalive_interval_s =
            options.keepalive_count = (unsigned int)atoi(optarg); break;
        case 'u': options.username = optarg; break;
        case 'p': options.password_file = optarg; break;
        default: return 2;
        }
    }
    if (optind >= argc)
        return 2;
    progress.seen = g_string_new(NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    connection = vmmiConnectOpen(argv[optind], &options, 0, &error);
    if (!connection)
        return refused("open", error);
    for (int i = optind + 1; i < argc && result == 0; i++) {
        /* A command may have commas of its own. */
        int most = g_str_has_prefix(argv[i], "run,") ? 2 : MAX_WORDS;
        g_auto(GStrv) words = g_strsplit(argv[i], ",", most);

        if (take(words, &error) < 0)
            result = refused(words[0], error);
    }
    vmmiConnectUnref(connection);
    g_string_free(progress.seen, TRUE);
    vmmiErrorFree(progress.error);
    return result;
}
