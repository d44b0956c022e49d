/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace.c: what stands in a trace, line by line, and the file of the user's.
 *
 * A trace is meant to be shown to others: passwords in URIs, and what is called one, are left out.
 */
#include "kit/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "message/json.h"
#include "plugin/job-record.h"
#include "util/cleanup.h"
#include "util/error.h"

/* What is larger than this is left out of a start, so that the line is short enough. */
#define MAX_MEMBER_BYTES (24 * 1024)

#define MAX_REASON_BYTES 4096

/* --- what is fit for others ---------------------------------------------------------- */

static bool
is_secret(const char *name)
{
    static const char *const words[] = { "password", "passwd", "secret", "token", "credential" };
    g_autofree char *lower = g_ascii_strdown(name, -1);

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(lower, words[i]))
            return true;
    }
    return false;
}

/* A copy without secrets. A document (XML) can hold any: it is left out. NULL: nothing is left. */
static json_t *
clean(const json_t *value)
{
    const char *text = json_string_value(value);
    g_autofree char *stripped = NULL;
    json_t *copy, *member;
    const char *key;
    size_t i;

    if (text) {
        stripped = vmmiUriStripPassword(text);
        return *text == '<' ? NULL : json_string(stripped);
    }
    if (!json_is_array(value) && !json_is_object(value))
        return json_deep_copy(value);
    copy = json_is_array(value) ? json_array() : json_object();
    json_array_foreach (value, i, member) {
        json_t *cleaned = clean(member);

        if (cleaned)
            json_array_append_new(copy, cleaned);
    }
    json_object_foreach ((json_t *)value, key, member) {
        json_t *cleaned = is_secret(key) ? NULL : clean(member);

        if (cleaned)
            json_object_set_new(copy, key, cleaned);
    }
    return copy;
}

/* Adds a cleaned copy; what is too large is named in `omitted`. */
static void
add(json_t *data, const char *key, const json_t *value)
{
    json_t *copy = value ? clean(value) : NULL;
    g_autofree char *text = copy ? vmmiJsonWrite(copy, false) : NULL;

    if (!copy)
        return;
    if (strlen(text) <= MAX_MEMBER_BYTES) {
        json_object_set_new(data, key, copy);
        return;
    }
    json_decref(copy);
    if (!json_object_get(data, "omitted"))
        json_object_set_new(data, "omitted", json_array());
    json_array_append_new(json_object_get(data, "omitted"), json_string(key));
}

static void
add_string(json_t *data, const char *key, const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    if (valid)
        json_object_set_new(data, key, json_string(valid));
}

static void
add_migration(json_t *data, const json_t *migration)
{
    static const char *const keys[] = { "mode", "flags", "params" };
    const json_t *mode = json_object_get(migration, "mode");

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        add(data, keys[i], json_object_get(migration, keys[i]));
    if (!json_is_string(mode))
        json_object_set_new(data, "mode", json_string("p2p"));
}

/* --- entries ---------------------------------------------------------------------------- */

static json_t *
guest_object(const vmmiTraceStart *start)
{
    json_t *guest = json_object();

    add_string(guest, "uuid", start->uuid);
    add_string(guest, "name", start->guest);
    return guest;
}

static void
add_marks(json_t *data, const vmmiTraceStart *start)
{
    if (start->shadow)
        json_object_set_new(data, "shadow", json_true());
    if (start->simulated)
        json_object_set_new(data, "simulated", json_true());
    add_string(data, "replayOf", start->replay_of);
}

void
vmmiTraceAddStart(vmmiTrace *trace, const vmmiTraceStart *start)
{
    g_autoptr(json_t) data = json_object();
    g_autoptr(json_t) options = start->options ? vmmiPolicyConfigToJson(start->options) : NULL;

    trace->started = true;
    add_string(data, "format", VMMI_TRACE_FORMAT);
    json_object_set_new(data, "formatVersion", json_integer(VMMI_TRACE_FORMAT_VERSION));
    add_string(data, "policy", start->policy->name);
    add_string(data, "version", start->policy->version);
    add_string(data, "plugin", start->plugin);
    add_string(data, "library", vmmiVersionGet(NULL, NULL, NULL));
    if (start->pid)
        json_object_set_new(data, "pid", json_integer(start->pid));
    json_object_set_new(data, "attached", json_boolean(start->attached));
    add_marks(data, start);
    json_object_set_new(data, "guest", guest_object(start));
    json_object_set_new(data, "policyBoottimeMs", json_integer((json_int_t)trace->began_ms));
    add(data, "options", options);
    add_migration(data, start->migration);
    vmmiJournalAddStart(trace->journal, data, NULL);
}

void
vmmiTraceAddState(vmmiTrace *trace, vmmiState state)
{
    vmmiJournalAddState(trace->journal, state, NULL, NULL);
}

void
vmmiTraceAddBegin(vmmiTrace *trace, const json_t *migration, const vmmiError *refusal)
{
    g_autoptr(json_t) data = json_object();

    if (migration)
        add_migration(data, migration);
    if (refusal)
        add_string(data, "refusal", vmmiErrorGetMessage(refusal));
    vmmiJournalAddState(trace->journal, VMMI_STATE_BEGIN, json_object_size(data) ? data : NULL,
                        NULL);
}

void
vmmiTraceAddSample(vmmiTrace *trace, const vmmiSample *sample, uint64_t iteration,
                   const vmmiEngine *engine)
{
    g_autofree char *reason = trace->journal ? vmmiEngineGetReason(engine) : NULL;
    bool changed = trace->reason ? g_strcmp0(reason ? reason : "", trace->reason) != 0
                                 : reason != NULL;

    if (!trace->journal)
        return;
    if (changed) {
        g_free(trace->reason);
        trace->reason = g_strdup(reason ? reason : "");
        if (strlen(trace->reason) > MAX_REASON_BYTES)
            *g_utf8_find_prev_char(trace->reason, trace->reason + MAX_REASON_BYTES) = '\0';
    }
    vmmiJournalAddSample(trace->journal, sample, iteration, changed ? trace->reason : NULL, NULL);
}

void
vmmiTraceAddAction(vmmiTrace *trace, const vmmiAction *action)
{
    g_autoptr(json_t) data = vmmiActionToJson(action);

    json_object_set_new(data, "decidedBoottimeMs",
                        json_integer((json_int_t)(trace->began_ms + action->at_ms)));
    vmmiJournalAddAction(trace->journal, data, NULL);
}

void
vmmiTraceAddEnd(vmmiTrace *trace, const vmmiKitVerdict *verdict, const vmmiSample *statistics)
{
    g_autoptr(json_t) data = json_object();

    add_string(data, "outcome", vmmiOutcomeKindToString(verdict->outcome));
    add_string(data, "where", vmmiWhereToString(verdict->where));
    add_string(data, "evidence", verdict->evidence);
    if (statistics)
        json_object_set_new(data, "statistics", vmmiSampleToJson(statistics));
    if (verdict->error)
        json_object_set_new(data, "error",
                            json_pack("{s:i, s:s}", "code", vmmiErrorGetCode(verdict->error),
                                      "message", vmmiErrorGetMessage(verdict->error)));
    vmmiJournalAddEnd(trace->journal, data, NULL);
}

void
vmmiTraceClear(vmmiTrace *trace)
{
    g_free(trace->reason);
    memset(trace, 0, sizeof(*trace));
}

/* --- the file ---------------------------------------------------------------------------- */

/* Two writers would spoil it; where there are no locks, nobody is asked. */
static int
lock_file(int fd, const char *path, vmmiError **err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    return vmmiErrorSet(err, VMMI_ERR_BAD_PATH,
                        "the trace file '%s' is being written by another process", path);
}

int
vmmiTraceOpenFile(const char *path, vmmiError **err)
{
    vmmi_autofd int fd = -1;
    struct stat st;

    if (!g_path_is_absolute(path))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH,
                            "the trace file '%s' must be an absolute path", path);
    fd = open(path,
              O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return vmmiErrorSetErrno(err, VMMI_ERR_BAD_PATH, errno, "cannot open the trace file '%s'",
                                 path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "the trace file '%s' is not a regular file",
                            path);
    return lock_file(fd, path, err) < 0 ? -1 : vmmiFdSteal(&fd);
}
