/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * validate.c: whether JSON is a VMMI message: the envelope (M1 to M3, B1), and the keys that each
 * kind of message knows, as one table a kind. Keys that stand in no table are kept as they are.
 */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "message/json.h"
#include "message/message.h"
#include "message/scanner.h"
#include "util/cleanup.h"

typedef enum {
    TYPE_STRING,
    TYPE_INTEGER,   /* minimum to maximum */
    TYPE_BOOL,
    TYPE_OBJECT,
    TYPE_ARRAY,
    TYPE_STRINGS,   /* an array of strings */
    TYPE_PARAMS     /* an object of typed parameters */
} KeyType;

typedef struct {
    const char *path;            /* relative to the content; an object comes before what is in it */
    KeyType type;
    int64_t minimum, maximum;
    const char *const *choices;  /* of a string; NULL: any */
    bool required;               /* when the object around it is there */
} KnownKey;

#define UNSIGNED 0, INT64_MAX

static const char *const modes[] = { "p2p", "managed", "direct", NULL };
static const char *const attach_words[] = { "auto", "never", "only", NULL };
static const char *const results[] = { "success", "error", NULL };

static const KnownKey envelope_keys[] = {
    { .path = "vmmiVersion", .type = TYPE_STRING, .required = true },
    { .path = "contentType", .type = TYPE_STRING, .required = true },
    { "timestamp", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "timestampMs", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "sequence", TYPE_INTEGER, UNSIGNED, NULL, false },
    { .path = NULL },
};

static const KnownKey configuration_keys[] = {
    { .path = "connection", .type = TYPE_STRING },
    { "verbose", TYPE_INTEGER, 0, 10, NULL, false },
    { .path = "logFilePath", .type = TYPE_STRING },
    { .path = "connectionCredentials", .type = TYPE_OBJECT },
    { .path = "connectionCredentials.username", .type = TYPE_STRING },
    { .path = "connectionCredentials.passwordFile", .type = TYPE_STRING },
    { .path = "migration", .type = TYPE_OBJECT },
    { .path = "migration.mode", .type = TYPE_STRING, .choices = modes },
    { .path = "migration.flags", .type = TYPE_STRINGS },
    { .path = "migration.params", .type = TYPE_PARAMS },
    { .path = "migration.attach", .type = TYPE_STRING, .choices = attach_words },
    { .path = "migration.keepSource", .type = TYPE_BOOL },
    { .path = "policy", .type = TYPE_OBJECT },
    { .path = NULL },
};

static const KnownKey status_keys[] = {
    { .path = "state", .type = TYPE_STRING },
    { "elapsedMs", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "percent", TYPE_INTEGER, 0, 100, NULL, false },
    { "etaMs", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "iteration", TYPE_INTEGER, UNSIGNED, NULL, false },
    { .path = "memory", .type = TYPE_OBJECT },
    { "memory.total", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "memory.processed", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "memory.remaining", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "memory.bytesPerSecond", TYPE_INTEGER, UNSIGNED, NULL, false },
    { .path = "disk", .type = TYPE_OBJECT },
    { "disk.total", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "disk.processed", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "disk.remaining", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "disk.bytesPerSecond", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "dirtyBytesPerSecond", TYPE_INTEGER, UNSIGNED, NULL, false },
    { .path = "downtimeMs", .type = TYPE_OBJECT },
    { "downtimeMs.limit", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "downtimeMs.expected", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "downtimeMs.final", TYPE_INTEGER, UNSIGNED, NULL, false },
    { "throttlePercent", TYPE_INTEGER, 0, 100, NULL, false },
    { .path = "policy", .type = TYPE_OBJECT },
    { .path = "policy.name", .type = TYPE_STRING },
    { .path = "policy.reason", .type = TYPE_STRING },
    { .path = NULL },
};

/* What else stands in success or error is free (C2). */
static const KnownKey success_keys[] = {
    { .path = "success", .type = TYPE_OBJECT, .required = true },
    { .path = NULL },
};
static const KnownKey error_keys[] = {
    { .path = "error", .type = TYPE_OBJECT, .required = true },
    { "error.code", TYPE_INTEGER, INT_MIN, INT_MAX, NULL, true },
    { .path = "error.message", .type = TYPE_STRING, .required = true },
    { .path = "error.details", .type = TYPE_STRING, .required = true },
    { .path = NULL },
};
static const KnownKey completion_keys[] = {
    { .path = "result", .type = TYPE_STRING, .choices = results, .required = true },
    { .path = NULL },
};

/* What is checked, and how its mistakes are raised. */
typedef struct {
    const char *text;     /* may be NULL */
    size_t length;
    const char *prefix;   /* of paths in the text: the content type; NULL: the envelope */
    int code;
    vmmiError **err;
} Check;

static int raise_at(const Check *check, const char *path, const char *format, ...)
    VMMI_PRINTF(3, 4);

static int
raise_at(const Check *check, const char *path, const char *format, ...)
{
    g_autofree char *full = NULL, *what = NULL;
    unsigned int line, column;
    size_t offset = 0;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    if (!check->text)
        return vmmiErrorSet(check->err, check->code, "%s", what);
    full = check->prefix && *path ? g_strconcat(check->prefix, ".", path, NULL)
                                  : g_strdup(check->prefix ? check->prefix : path);
    if (!vmmiTextFind(check->text, check->length, full, false, &offset)) {
        /* What is missing has no place but that of the object that should hold it. */
        const char *brace = memchr(check->text, '{', check->length);

        offset = brace ? (size_t)(brace - check->text) : 0;
        if (check->prefix)
            vmmiTextFind(check->text, check->length, check->prefix, false, &offset);
    }
    vmmiTextPlace(check->text, check->length, offset, &line, &column);
    return vmmiErrorSet(check->err, check->code, "line %u, column %u: %s", line, column, what);
}

static char *
wanted_text(const KnownKey *key)
{
    switch (key->type) {
    case TYPE_STRING:
        if (key->choices) {
            g_autofree char *list = g_strjoinv("\", \"", (char **)key->choices);

            return g_strdup_printf("one of \"%s\"", list);
        }
        return g_strdup("a string");
    case TYPE_INTEGER:
        if (key->minimum == 0 && key->maximum == INT64_MAX)
            return g_strdup("an unsigned integer");
        return g_strdup_printf("an integer %" PRId64 "..%" PRId64, key->minimum, key->maximum);
    case TYPE_BOOL:
        return g_strdup("true or false");
    case TYPE_ARRAY:
        return g_strdup("an array");
    case TYPE_STRINGS:
        return g_strdup("an array of strings");
    default:
        return g_strdup("an object");
    }
}

static bool
type_fits(const KnownKey *key, const json_t *value)
{
    switch (key->type) {
    case TYPE_STRING:
        return json_is_string(value);
    case TYPE_INTEGER:
        return json_is_integer(value);
    case TYPE_BOOL:
        return json_is_boolean(value);
    case TYPE_ARRAY:
    case TYPE_STRINGS:
        return json_is_array(value);
    default:
        return json_is_object(value);
    }
}

static bool
range_fits(const KnownKey *key, const json_t *value)
{
    if (key->type == TYPE_INTEGER)
        return json_integer_value(value) >= key->minimum &&
               json_integer_value(value) <= key->maximum;
    if (key->type == TYPE_STRING && key->choices)
        return g_strv_contains(key->choices, json_string_value(value));
    return true;
}

static int
check_strings(const Check *check, const char *path, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);
        g_autofree char *place = g_strdup_printf("%s[%zu]", path, i);

        if (!json_is_string(item))
            return raise_at(check, place, "'%s' must be a string, got %s", place,
                            vmmiJsonTypeName(item));
    }
    return 0;
}

static int
check_params(const Check *check, const char *path, const json_t *object)
{
    for (void *iter = json_object_iter((json_t *)object); iter;
         iter = json_object_iter_next((json_t *)object, iter)) {
        const json_t *value = json_object_iter_value(iter);
        g_autofree char *place = g_strconcat(path, ".", json_object_iter_key(iter), NULL);

        if (json_is_array(value)) {
            if (check_strings(check, place, value) < 0)
                return -1;
        } else if (json_is_object(value) || json_is_null(value)) {
            return raise_at(
                check, place,
                "'%s' must be a string, a number, a boolean or an array of strings, got %s", place,
                vmmiJsonTypeName(value));
        }
    }
    return 0;
}

static int
check_value(const Check *check, const KnownKey *key, const json_t *value)
{
    g_autofree char *wanted = wanted_text(key);
    g_autofree char *got = NULL;

    if (!type_fits(key, value))
        return raise_at(check, key->path, "'%s' must be %s, got %s", key->path, wanted,
                        vmmiJsonTypeName(value));
    if (!range_fits(key, value)) {
        got = vmmiJsonWrite(value, false);
        return raise_at(check, key->path, "'%s' must be %s, got %.64s", key->path, wanted, got);
    }
    if (key->type == TYPE_STRINGS)
        return check_strings(check, key->path, value);
    return key->type == TYPE_PARAMS ? check_params(check, key->path, value) : 0;
}

static int
check_keys(const Check *check, const KnownKey *keys, const json_t *object)
{
    for (; keys->path; keys++) {
        const json_t *value = vmmiPathGet(object, keys->path);

        if (!value && keys->required)
            return raise_at(check, "", "'%s' is missing", keys->path);
        if (value && check_value(check, keys, value) < 0)
            return -1;
    }
    return 0;
}

/* B1: the same major and minor number. */
static bool
version_is_ours(const char *version)
{
    const char *dot = strrchr(VMMI_PROTOCOL_VERSION, '.');
    size_t common = (size_t)(dot - VMMI_PROTOCOL_VERSION);
    const char *rest = version + common;

    if (strncmp(version, VMMI_PROTOCOL_VERSION, common) != 0)
        return false;
    return *rest == '\0' ||
           (*rest == '.' && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

static int
check_envelope(const Check *check, const json_t *root)
{
    const char *version = json_string_value(json_object_get(root, "vmmiVersion"));
    const char *type;

    if (version && !version_is_ours(version)) {
        Check other = *check;

        other.code = VMMI_ERR_PROTOCOL_VERSION;
        return raise_at(&other, "vmmiVersion",
                        "'vmmiVersion' is \"%.64s\", this library speaks %s and its kin of the same"
                        " major and minor number", version, VMMI_PROTOCOL_VERSION);
    }
    if (check_keys(check, envelope_keys, root) < 0)
        return -1;
    type = json_string_value(json_object_get(root, "contentType"));
    for (const KnownKey *key = envelope_keys; key->path; key++) {
        if (g_str_equal(type, key->path))
            return raise_at(check, "contentType", "'contentType' cannot be \"%s\"", type);
    }
    if (!*type)
        return raise_at(check, "contentType", "'contentType' is empty");
    if (vmmiMessageKindOf(type) != VMMI_MESSAGE_CONFIGURATION &&
        !json_object_get(root, "timestamp"))
        return raise_at(check, "", "'timestamp' is missing");
    if (!json_object_get(root, type))
        return raise_at(check, "", "'%s' is missing: the content stands under the name of its type",
                        type);
    return 0;
}

static int
check_completion(const Check *check, const json_t *content)
{
    const char *result;

    if (check_keys(check, completion_keys, content) < 0)
        return -1;
    result = json_string_value(json_object_get(content, "result"));
    return check_keys(check, g_str_equal(result, "success") ? success_keys : error_keys, content);
}

int
vmmiMessageValidate(const json_t *root, const char *text, size_t length, vmmiError **err)
{
    Check check = { text, length, NULL, VMMI_ERR_MESSAGE, err };
    const char *type;
    const json_t *content;
    vmmiMessageKind kind;

    if (check_envelope(&check, root) < 0)
        return -1;
    type = json_string_value(json_object_get(root, "contentType"));
    content = json_object_get(root, type);
    kind = vmmiMessageKindOf(type);
    check.prefix = type;
    if (kind == VMMI_MESSAGE_CONFIGURATION)
        check.code = VMMI_ERR_MALFORMED_CONFIGURATION;
    if (kind != VMMI_MESSAGE_OTHER && !json_is_object(content))
        return raise_at(&check, "", "'%s' must be an object, got %s", type,
                        vmmiJsonTypeName(content));
    if (kind == VMMI_MESSAGE_CONFIGURATION)
        return check_keys(&check, configuration_keys, content);
    if (kind == VMMI_MESSAGE_STATUS)
        return check_keys(&check, status_keys, content);
    return kind == VMMI_MESSAGE_COMPLETION ? check_completion(&check, content) : 0;
}
