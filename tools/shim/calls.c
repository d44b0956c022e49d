/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calls.c: the calls of the control socket: io.vmmi.Job, and what every Varlink service answers.
 *
 * A call is one JSON object: "method", "parameters", "more", "oneway". Names from it are sent back
 * only as they were checked.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "config.h"
#include "control.h"
#include "plugin/job-process.h"

#define JOB "io.vmmi.Job"
#define SERVICE "org.varlink.service"
#define STATUS_MS 5000
#define STATUS_MAX_MS 60000
/* Whoever asks while an answer is awaited shares it, unless that has taken so long. */
#define ASK_AGAIN_MS 1000
/* Members of a call, or of its parameters. */
#define MAX_MEMBERS 16

typedef struct {
    ShimJson method;
    ShimJson parameters;
    bool has_parameters;
    bool more;
    bool oneway;
} Call;

/* --- replies --- */

static void
refuse(ShimClient *client, const char *parameter)
{
    shimClientReply(client,
                    "{\"error\":\"" SERVICE
                    ".InvalidParameter\",\"parameters\":{\"parameter\":\"%s\"}}",
                    parameter);
}

/* @name: a string as it came, quotes included. */
static void
refuse_name(ShimClient *client, const char *error, const char *key, const ShimJson *name)
{
    shimClientReply(client, "{\"error\":\"" SERVICE ".%s\",\"parameters\":{\"%s\":%.*s}}", error,
                    key, (int)name->length, name->text);
}

static const char *
phase_of(const ShimControl *control)
{
    return control->ended ? "finished" : "running";
}

static const char *
word_of(bool value)
{
    return value ? "true" : "false";
}

void
shimCallTellPhase(const ShimControl *control, ShimClient *client)
{
    shimClientReply(client,
                    "{\"parameters\":{\"phase\":\"%s\",\"stopped\":%s,\"stoppedSignal\":%d},"
                    "\"continues\":true}",
                    phase_of(control), word_of(control->shim->stopped),
                    control->shim->stopped_signal);
}

void
shimCallTellEnd(const ShimControl *control, ShimClient *client)
{
    const Shim *shim = control->shim;

    client->asks = SHIM_ASKS_NOTHING;
    if (control->recorded)
        shimClientReply(client,
                        "{\"parameters\":{\"phase\":\"finished\",\"stopped\":false,"
                        "\"stoppedSignal\":%d,\"result\":%s}}",
                        shim->stopped_signal, shim->result_text);
    else
        shimClientReply(client,
                        "{\"error\":\"" JOB ".NotRecorded\",\"parameters\":{\"result\":%s}}",
                        shim->result_text);
}

void
shimCallTellStatus(ShimClient *client, const ShimJson *status)
{
    static const char before[] = "{\"parameters\":{\"status\":", behind[] = "}}";

    client->asks = SHIM_ASKS_NOTHING;
    shimClientPut(client, before, strlen(before));
    shimClientPut(client, status->text, status->length);
    shimClientPut(client, behind, sizeof(behind));
}

static void
tell_ended(ShimClient *client)
{
    shimClientReply(client, "{\"error\":\"" JOB ".Ended\",\"parameters\":{}}");
}

void
shimCallTellNothing(const ShimControl *control, ShimClient *client)
{
    client->asks = SHIM_ASKS_NOTHING;
    if (control->ended)
        tell_ended(client);
    else
        shimClientReply(client,
                        "{\"error\":\"" JOB ".NoAnswer\",\"parameters\":{\"timeoutMs\":%u}}",
                        client->timeout_ms);
}

/* --- io.vmmi.Job --- */

static void
get_info(ShimControl *control, ShimClient *client, const Call *call)
{
    const Shim *shim = control->shim;

    (void)call;
    shimClientReply(
        client,
        "{\"parameters\":{\"id\":\"%s\",\"pluginPid\":%d,\"shimPid\":%d,\"phase\":\"%s\","
        "\"stopped\":%s,\"stoppedSignal\":%d,\"startedMs\":%llu,"
        "\"startedBoottimeMs\":%llu}}",
        shim->id, (int)shim->child, (int)getpid(), phase_of(control), word_of(shim->stopped),
        shim->stopped_signal, (unsigned long long)shim->started_ms,
        (unsigned long long)shim->started_boottime_ms);
}

/* The plugin is our child and not reaped yet: the pid is its own. 0, or an errno. */
static int
send_signal(const ShimControl *control, int number)
{
    return kill(control->shim->child, number) < 0 ? errno : 0;
}

static void
tell_unsent(ShimClient *client, int error)
{
    shimClientReply(client, "{\"error\":\"" JOB ".NotSent\",\"parameters\":{\"errno\":%d}}", error);
}

/* Asks the plugin unless an answer is on its way. False: it has replied what is wrong. */
static bool
ask_plugin(ShimControl *control, ShimClient *client)
{
    uint64_t now = shimNowMs(CLOCK_BOOTTIME);
    bool awaited = shimControlAwaitsStatus(control);
    int error;

    if (awaited && now - control->asked_ms < ASK_AGAIN_MS)
        return true;
    if (!vmmiProcessTakesSignal(control->shim->child, SIGUSR1)) {
        shimClientReply(client, "{\"error\":\"" JOB ".NotReady\",\"parameters\":{}}");
        return false;
    }
    if (!awaited)
        shimStreamsForget(&control->streams);
    error = send_signal(control, SIGUSR1);
    if (error)
        tell_unsent(client, error);
    control->asked_ms = now;
    return !error;
}

static void
get_status(ShimControl *control, ShimClient *client, const Call *call)
{
    uint64_t limit = STATUS_MS;
    ShimJson value;

    if (call->has_parameters && shimJsonGet(&call->parameters, "timeoutMs", &value) &&
        !shimJsonIsNull(&value) &&
        (!shimJsonIsNumber(&value, STATUS_MAX_MS, &limit) || limit < 1)) {
        refuse(client, "timeoutMs");
        return;
    }
    if (control->ended) {
        tell_ended(client);
        return;
    }
    /* An answer that has come already is no answer to this call. */
    if (shimControlAwaitsStatus(control))
        shimControlLook(control);
    if (!ask_plugin(control, client))
        return;
    client->asks = SHIM_ASKS_STATUS;
    client->timeout_ms = (unsigned int)limit;
    /* Not a part of a millisecond too early. */
    client->deadline_ms = shimNowMs(CLOCK_BOOTTIME) + limit + 1;
    shimStreamsHurry(&control->streams);
}

static void
wait_for_end(ShimControl *control, ShimClient *client, const Call *call)
{
    if (control->ended) {
        shimCallTellEnd(control, client);
        return;
    }
    client->asks = SHIM_ASKS_END;
    client->more = call->more;
    if (call->more)
        shimCallTellPhase(control, client);
}

static void
pass_signal(ShimControl *control, ShimClient *client, const Call *call, int number)
{
    int error = control->ended ? 0 : send_signal(control, number);

    if (call->oneway)
        return;
    if (control->ended)
        tell_ended(client);
    else if (error)
        tell_unsent(client, error);
    else
        shimClientReply(client, "{\"parameters\":{}}");
}

static void
abort_migration(ShimControl *control, ShimClient *client, const Call *call)
{
    pass_signal(control, client, call, SIGINT);
}

static void
release_migration(ShimControl *control, ShimClient *client, const Call *call)
{
    pass_signal(control, client, call, SIGTERM);
}

/* --- org.varlink.service --- */

static void
get_service_info(ShimControl *control, ShimClient *client, const Call *call)
{
    (void)control;
    (void)call;
    shimClientReply(client, "{\"parameters\":{\"vendor\":\"libvmmi\",\"product\":\"vmmi-shim\","
                            "\"version\":\"" VMMI_VERSION "\",\"url\":\"\","
                            "\"interfaces\":[\"" SERVICE "\",\"" JOB "\"]}}");
}

static void
get_description(ShimControl *control, ShimClient *client, const Call *call)
{
    ShimJson name;

    (void)control;
    if (!call->has_parameters || !shimJsonGet(&call->parameters, "interface", &name) ||
        !shimJsonIsText(&name))
        refuse(client, "interface");
    else if (shimJsonIsString(&name, JOB))
        shimClientReply(client, "{\"parameters\":{\"description\":\"%s\"}}", shimInterfaceJob);
    else if (shimJsonIsString(&name, SERVICE))
        shimClientReply(client, "{\"parameters\":{\"description\":\"%s\"}}", shimInterfaceService);
    else
        refuse_name(client, "InterfaceNotFound", "interface", &name);
}

/* --- the call itself --- */

static const struct {
    const char *name;
    void (*run)(ShimControl *control, ShimClient *client, const Call *call);
    const char *parameter; /* the only one that it takes, or NULL */
    bool oneway;           /* does something even when nobody hears of it */
} methods[] = {
    { JOB ".GetInfo", get_info, NULL, false },
    { JOB ".Status", get_status, "timeoutMs", false },
    { JOB ".Wait", wait_for_end, NULL, false },
    { JOB ".Abort", abort_migration, NULL, true },
    { JOB ".Release", release_migration, NULL, true },
    { SERVICE ".GetInfo", get_service_info, NULL, false },
    { SERVICE ".GetInterfaceDescription", get_description, "interface", false },
};

/* No more members than one can compare with each other, and none twice. */
static bool
is_sound(const ShimJson *object)
{
    ShimJson key, value;
    size_t place = 0;

    for (int members = 0; shimJsonNext(object, &place, &key, &value); members++) {
        if (members == MAX_MEMBERS)
            return false;
    }
    return !shimJsonHasTwins(object);
}

static bool
read_flag(const ShimJson *object, const char *name, bool *flag)
{
    ShimJson value;

    if (!shimJsonGet(object, name, &value))
        return true;
    *flag = shimJsonIsTrue(&value);
    return shimJsonIsBool(&value);
}

/* Returns NULL, or the name of what is wrong. */
static const char *
read_call(const char *text, size_t length, Call *call)
{
    ShimJson object;
    bool upgrade = false;

    if (!shimJsonIsObject(text, length, &object) || !is_sound(&object))
        return "call";
    if (!shimJsonGet(&object, "method", &call->method) || !shimJsonIsText(&call->method))
        return "method";
    call->has_parameters =
        shimJsonGet(&object, "parameters", &call->parameters) && !shimJsonIsNull(&call->parameters);
    if (call->has_parameters && (*call->parameters.text != '{' || !is_sound(&call->parameters)))
        return "parameters";
    if (!read_flag(&object, "more", &call->more))
        return "more";
    if (!read_flag(&object, "oneway", &call->oneway))
        return "oneway";
    if (!read_flag(&object, "upgrade", &upgrade) || upgrade)
        return "upgrade";
    return NULL;
}

/* False: it has replied that there is a parameter too many. */
static bool
check_parameters(ShimClient *client, const Call *call, const char *known)
{
    ShimJson key, value;
    size_t place = 0;

    while (call->has_parameters && shimJsonNext(&call->parameters, &place, &key, &value)) {
        if (known && shimJsonIsString(&key, known))
            continue;
        if (!call->oneway)
            refuse_name(client, "InvalidParameter", "parameter", &key);
        return false;
    }
    return true;
}

static void
refuse_method(ShimClient *client, const Call *call)
{
    bool ours =
        shimJsonBegins(&call->method, JOB ".") || shimJsonBegins(&call->method, SERVICE ".");
    ShimJson interface = call->method;

    if (ours) {
        refuse_name(client, "MethodNotFound", "method", &call->method);
        return;
    }
    /* What stands before the last dot, with the quotes put back. */
    while (interface.length > 2 && interface.text[interface.length - 1] != '.')
        interface.length--;
    shimClientReply(client,
                    "{\"error\":\"" SERVICE
                    ".InterfaceNotFound\",\"parameters\":{\"interface\":%.*s\"}}",
                    (int)interface.length - 1, interface.text);
}

void
shimCall(ShimControl *control, ShimClient *client, const char *text, size_t length)
{
    Call call = { 0 };
    const char *wrong = read_call(text, length, &call);

    if (wrong) {
        /* Whoever speaks another language is not listened to any longer. */
        refuse(client, wrong);
        shimClientDrop(client);
        return;
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (!shimJsonIsString(&call.method, methods[i].name))
            continue;
        if (check_parameters(client, &call, methods[i].parameter) &&
            (!call.oneway || methods[i].oneway))
            methods[i].run(control, client, &call);
        return;
    }
    if (!call.oneway)
        refuse_method(client, &call);
}
