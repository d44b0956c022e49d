/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * known-keys.c: the tables, and which keys of a message stand in none of them (B1).
 */
#include "message/known-keys.h"

#include <limits.h>
#include <string.h>

#include "message/message.h"
#include "util/cleanup.h"

#define UNSIGNED 0, INT64_MAX

static const char *const modes[] = { "p2p", "managed", "direct", NULL };
static const char *const attach_words[] = { "auto", "never", "only", NULL };
static const char *const results[] = { "success", "error", NULL };

const vmmiKnownKey vmmiEnvelopeKeys[] = {
    { .path = "vmmiVersion", .type = VMMI_KEY_STRING, .required = true },
    { .path = "contentType", .type = VMMI_KEY_STRING, .required = true },
    { "timestamp", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "timestampMs", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "sequence", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { .path = NULL },
};

const vmmiKnownKey vmmiConfigurationKeys[] = {
    { .path = "connection", .type = VMMI_KEY_STRING },
    { "verbose", VMMI_KEY_INTEGER, 0, 10, NULL, false },
    { .path = "logFilePath", .type = VMMI_KEY_STRING },
    { .path = "connectionCredentials", .type = VMMI_KEY_OBJECT },
    { .path = "connectionCredentials.username", .type = VMMI_KEY_STRING },
    { .path = "connectionCredentials.passwordFile", .type = VMMI_KEY_STRING },
    { .path = "migration", .type = VMMI_KEY_OBJECT },
    { .path = "migration.mode", .type = VMMI_KEY_STRING, .choices = modes },
    { .path = "migration.flags", .type = VMMI_KEY_STRINGS },
    { .path = "migration.params", .type = VMMI_KEY_PARAMS },
    { .path = "migration.attach", .type = VMMI_KEY_STRING, .choices = attach_words },
    { .path = "migration.replace", .type = VMMI_KEY_BOOL },
    { .path = "migration.keepSource", .type = VMMI_KEY_BOOL },
    { .path = "migration.trace", .type = VMMI_KEY_STRING },
    { .path = "migration.shadow", .type = VMMI_KEY_BOOL },
    { "migration.shadowWaitMs", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { .path = "policy", .type = VMMI_KEY_OBJECT },
    /* Older than `policy`: the plugin "schedule" has these beside it (B1). */
    { .path = "schedule", .type = VMMI_KEY_ANY },
    { .path = "monitorInterval", .type = VMMI_KEY_ANY },
    { .path = "initialItems", .type = VMMI_KEY_ANY },
    { .path = "convergenceItems", .type = VMMI_KEY_ANY },
    { .path = "lastItems", .type = VMMI_KEY_ANY },
    { .path = NULL },
};

const vmmiKnownKey vmmiStatusKeys[] = {
    { .path = "state", .type = VMMI_KEY_STRING },
    { "elapsedMs", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "percent", VMMI_KEY_INTEGER, 0, 100, NULL, false },
    { "etaMs", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "iteration", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { .path = "memory", .type = VMMI_KEY_OBJECT },
    { "memory.total", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "memory.processed", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "memory.remaining", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "memory.bytesPerSecond", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { .path = "disk", .type = VMMI_KEY_OBJECT },
    { "disk.total", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "disk.processed", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "disk.remaining", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "disk.bytesPerSecond", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "dirtyBytesPerSecond", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { .path = "downtimeMs", .type = VMMI_KEY_OBJECT },
    { "downtimeMs.limit", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "downtimeMs.expected", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "downtimeMs.final", VMMI_KEY_INTEGER, UNSIGNED, NULL, false },
    { "throttlePercent", VMMI_KEY_INTEGER, 0, 100, NULL, false },
    { .path = "policy", .type = VMMI_KEY_OBJECT },
    { .path = "policy.name", .type = VMMI_KEY_STRING },
    { .path = "policy.reason", .type = VMMI_KEY_STRING },
    { .path = "policy.lastAction", .type = VMMI_KEY_ANY },
    { .path = NULL },
};

const vmmiKnownKey vmmiSuccessKeys[] = {
    { .path = "success", .type = VMMI_KEY_OBJECT, .required = true },
    { .path = NULL },
};
const vmmiKnownKey vmmiErrorKeys[] = {
    { .path = "error", .type = VMMI_KEY_OBJECT, .required = true },
    { "error.code", VMMI_KEY_INTEGER, INT_MIN, INT_MAX, NULL, true },
    { .path = "error.message", .type = VMMI_KEY_STRING, .required = true },
    { .path = "error.details", .type = VMMI_KEY_STRING, .required = true },
    { .path = NULL },
};
const vmmiKnownKey vmmiCompletionKeys[] = {
    { .path = "result", .type = VMMI_KEY_STRING, .choices = results, .required = true },
    { .path = NULL },
};

/* --- what is not known
 * ------------------------------------------------------------------------------------ */

static bool
is_known(const vmmiKnownKey *keys, const char *path)
{
    for (; keys->path; keys++) {
        if (g_str_equal(keys->path, path))
            return true;
    }
    return false;
}

/* Whether the table knows keys below a path; what is in other objects is not the library's
 * business. */
static bool
is_described(const vmmiKnownKey *keys, const char *path)
{
    for (; keys->path; keys++) {
        if (g_str_has_prefix(keys->path, path) && keys->path[strlen(path)] == '.')
            return true;
    }
    return false;
}

static void
collect_unknown(const vmmiKnownKey *keys, const json_t *object, const char *prefix,
                GPtrArray *found)
{
    for (void *iter = json_object_iter((json_t *)object); iter;
         iter = json_object_iter_next((json_t *)object, iter)) {
        const json_t *value = json_object_iter_value(iter);
        g_autofree char *path = g_strconcat(prefix, json_object_iter_key(iter), NULL);

        if (!is_known(keys, path)) {
            g_ptr_array_add(found, g_steal_pointer(&path));
        } else if (json_is_object(value) && is_described(keys, path)) {
            g_autofree char *below = g_strconcat(path, ".", NULL);

            collect_unknown(keys, value, below, found);
        }
    }
}

char **
vmmiMessageGetUnknownKeys(const vmmiMessage *message)
{
    GPtrArray *found = g_ptr_array_new();
    vmmiMessageKind kind = vmmiMessageGetKind(message);

    if (kind == VMMI_MESSAGE_CONFIGURATION)
        collect_unknown(vmmiConfigurationKeys, vmmiMessageContent(message), "", found);
    else if (kind == VMMI_MESSAGE_STATUS)
        collect_unknown(vmmiStatusKeys, vmmiMessageContent(message), "", found);
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(found, FALSE);
}
