/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-record.c: job.json, helper.json and result.json as structures.
 *
 * All three are read as coming from a stranger: bounded, strict, no link followed.
 */
#include "plugin/job-record.h"

#include <fcntl.h>
#include <string.h>

#include "message/json.h"
#include "plugin/job-process.h"
#include "plugin/launch-protocol.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"

typedef struct {
    const char *object;   /* NULL: the root */
    const char *key;
    size_t offset;        /* of a const char * in vmmiJobRecord */
} RecordString;

#define STRING(object, key, member) { object, key, offsetof(vmmiJobRecord, member) }
static const RecordString record_strings[] = {
    STRING(NULL, "library", vmmi_version),
    STRING(NULL, "bootId", boot_id),
    STRING(NULL, "replaces", replaces),
    STRING("plugin", "name", plugin),
    STRING("plugin", "path", plugin_path),
    STRING("guest", "uuid", guest_uuid),
    STRING("guest", "name", guest_name),
    STRING("guest", "world", world),
    STRING("uri", "source", source_uri),
    STRING("uri", "destination", destination_uri),
    STRING("uri", "migrate", migrate_uri),
};

static const char **
member_of(const vmmiJobRecord *record, const RecordString *string)
{
    return (const char **)((char *)record + string->offset);
}

char *
vmmiUriStripPassword(const char *uri)
{
    const char *authority = uri ? strstr(uri, "://") : NULL;
    const char *colon, *at;
    size_t length;

    if (!authority)
        return g_strdup(uri);
    authority += strlen("://");
    length = strcspn(authority, "/?#");
    at = g_strrstr_len(authority, (gssize)length, "@");
    colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    if (!colon)
        return g_strdup(uri);
    return g_strdup_printf("%.*s%s", (int)(colon - uri), uri, at);
}

/* Names of guests come from outside and may be no UTF-8. */
static json_t *
string_of(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return json_string(valid);
}

static void
set_string(json_t *root, const RecordString *string, const char *value)
{
    g_autofree char *clean = NULL;
    json_t *object = string->object ? json_object_get(root, string->object) : root;

    if (!value)
        return;
    if (!object) {
        object = json_object();
        json_object_set_new(root, string->object, object);
    }
    clean = g_strcmp0(string->object, "uri") == 0 ? vmmiUriStripPassword(value) : g_strdup(value);
    json_object_set_new(object, string->key, string_of(clean));
}

char *
vmmiJobRecordWrite(const vmmiJobRecord *record, vmmiError **err)
{
    g_autoptr(json_t) root =
        json_pack("{s:i, s:b, s:I, s:I}", "version", VMMI_RECORD_VERSION, "bare", record->bare,
                  "createdMs", (json_int_t)record->created_ms, "createdBoottimeMs",
                  (json_int_t)record->created_boottime_ms);

    for (size_t i = 0; i < G_N_ELEMENTS(record_strings); i++)
        set_string(root, &record_strings[i], *member_of(record, &record_strings[i]));
    if (record->options) {
        json_t *options =
            vmmiJsonParse(record->options, strlen(record->options), "options of a job", err);

        if (!options)
            return NULL;
        json_object_set_new(root, "options", options);
    }
    return vmmiJsonWrite(root, true);
}

int
vmmiJobCheckVersion(const json_t *root, const char *name, vmmiError **err)
{
    uint64_t version = 0;

    if (!vmmiJsonGetUInt(root, "version", &version) || version < 1)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "%s: 'version' must be a number from 1 on",
                            name);
    if (version > VMMI_RECORD_VERSION)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            "%s has version %" G_GUINT64_FORMAT
                            ", this library knows up to %d: use a newer libvmmi",
                            name, version, VMMI_RECORD_VERSION);
    return 0;
}

/* Returns a new reference; NULL without an error: the file is missing. */
static json_t *
parse_file(int dir_fd, const char *name, vmmiError **err)
{
    g_autofree char *text = NULL;
    g_autoptr(vmmiError) error = NULL;
    json_t *root = NULL;
    size_t length;

    if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return NULL;
    if (vmmiFileReadAt(dir_fd, name, VMMI_RECORD_MAX_BYTES, true, &text, &length, &error) == 0)
        root = vmmiJsonParse(text, length, name, &error);
    if (!root)
        vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "%s", vmmiErrorGetMessage(error));
    return root;
}

/* Reads a file of ours: one object with a version that we know. As above. */
static json_t *
read_object(int dir_fd, const char *name, vmmiError **err)
{
    g_autoptr(json_t) root = parse_file(dir_fd, name, err);

    if (root && vmmiJobCheckVersion(root, name, err) < 0)
        return NULL;
    return g_steal_pointer(&root);
}

int
vmmiJobRecordRead(int job_dir_fd, vmmiJobRecord *record, json_t **ret_root, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) root = read_object(job_dir_fd, VMMI_FILE_JOB, &error);
    vmmiJobRecord found = { 0 };

    if (error)
        return vmmiErrorPropagate(err, g_steal_pointer(&error));
    if (!root)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR, "it has no " VMMI_FILE_JOB);
    for (size_t i = 0; i < G_N_ELEMENTS(record_strings); i++) {
        const RecordString *string = &record_strings[i];
        const json_t *object = string->object ? json_object_get(root, string->object) : root;

        vmmiJsonGetString(object, string->key, member_of(&found, string));
    }
    vmmiJsonGetBool(root, "bare", &found.bare);
    vmmiJsonGetUInt(root, "createdMs", &found.created_ms);
    vmmiJsonGetUInt(root, "createdBoottimeMs", &found.created_boottime_ms);
    found.id = record->id;
    *record = found;
    *ret_root = g_steal_pointer(&root);
    return 0;
}

int
vmmiJobProcessRead(int job_dir_fd, vmmiJobProcess *process, vmmiError **err)
{
    g_autoptr(json_t) root = parse_file(job_dir_fd, VMMI_FILE_PROCESS, NULL);
    const char *boot_id = "";
    uint64_t version = 0, pid = 0;

    if (vmmiJsonGetUInt(root, "version", &version) && version > VMMI_RECORD_VERSION)
        return vmmiJobCheckVersion(root, VMMI_FILE_PROCESS, err);
    if (version < 1 || !vmmiJsonGetUInt(root, "pid", &pid) || pid < 1 || pid > G_MAXINT32 ||
        !vmmiJsonGetUInt(root, "startTime", &process->start_time))
        return 0;
    vmmiJsonGetString(root, "bootId", &boot_id);
    g_strlcpy(process->boot_id, boot_id, sizeof(process->boot_id));
    process->pid = (pid_t)pid;
    return 1;
}

static int
write_object(int dir_fd, const char *name, const json_t *object, vmmiError **err)
{
    g_autofree char *text = vmmiJsonWrite(object, false);
    g_autofree char *line = g_strconcat(text, "\n", NULL);

    return vmmiFileReplaceAt(dir_fd, name, line, strlen(line), 0600, err);
}

int
vmmiJobProcessWriteOwn(int job_dir_fd, vmmiError **err)
{
    g_autofree char *boot_id = vmmiProcessBootId();
    g_autoptr(json_t) object = NULL;
    vmmiProcess process;

    if (!vmmiProcessLook(getpid(), &process))
        return vmmiErrorSet(err, VMMI_ERR_SYSTEM, "cannot read /proc/%d/stat of this process",
                            (int)getpid());
    object = json_pack("{s:i, s:i, s:I, s:s}", "version", VMMI_RECORD_VERSION, "pid", (int)getpid(),
                       "startTime", (json_int_t)process.start_time, "bootId", boot_id);
    return write_object(job_dir_fd, VMMI_FILE_PROCESS, object, err);
}

/* Exit status or signal; the kinds without one keep -1. */
static int
read_value(const json_t *root, vmmiJobResult *result, vmmiError **err)
{
    uint64_t value;

    if (result->kind != VMMI_EXIT_EXITED && result->kind != VMMI_EXIT_KILLED)
        return 0;
    if (!vmmiJsonGetUInt(root, "value", &value) || value > 255)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            VMMI_FILE_RESULT ": 'value' must be a number from 0 to 255");
    result->value = (int)value;
    return 0;
}

static void
read_details(const json_t *root, vmmiJobResult *result)
{
    const char *stage = "";
    uint64_t number;

    vmmiJsonGetUInt(root, "endedMs", &result->ended_ms);
    vmmiJsonGetUInt(root, "endedBoottimeMs", &result->ended_boottime_ms);
    if (vmmiJsonGetUInt(root, "stoppedSignal", &number) && number <= 64)
        result->stopped_signal = (int)number;
    if (vmmiJsonGetUInt(root, "errno", &number) && number <= 4095)
        result->launch_errno = (int)number;
    vmmiJsonGetString(root, "stage", &stage);
    g_strlcpy(result->stage, stage, sizeof(result->stage));
}

int
vmmiJobResultRead(int job_dir_fd, vmmiJobResult *result, vmmiError **err)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) root = read_object(job_dir_fd, VMMI_FILE_RESULT, &error);
    const char *kind = "(none)";
    vmmiJobResult found = { .value = -1 };

    if (error)
        return vmmiErrorPropagate(err, g_steal_pointer(&error));
    if (!root)
        return 0;
    vmmiJsonGetString(root, "kind", &kind);
    if (vmmiExitKindFromString(kind) < 0)
        return vmmiErrorSet(err, VMMI_ERR_RUN_DIR,
                            VMMI_FILE_RESULT ": 'kind' is '%s', which is no kind of end", kind);
    found.kind = (vmmiExitKind)vmmiExitKindFromString(kind);
    if (read_value(root, &found, err) < 0)
        return -1;
    read_details(root, &found);
    *result = found;
    return 1;
}

int
vmmiJobResultWriteOwn(int job_dir_fd, int exit_status, vmmiError **err)
{
    g_autoptr(json_t) object = json_pack(
        "{s:i, s:s, s:i, s:I, s:I}", "version", VMMI_RECORD_VERSION, "kind",
        vmmiExitKindToString(VMMI_EXIT_EXITED), "value", exit_status, "endedMs",
        (json_int_t)vmmiClockWallMs(), "endedBoottimeMs", (json_int_t)vmmiClockBoottimeMs());

    return write_object(job_dir_fd, VMMI_FILE_RESULT, object, err);
}
