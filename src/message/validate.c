/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * validate.c: whether JSON is a VMMI message: the envelope (M1 to M3, B1) and the keys that its
 * kind knows (known-keys.c). Keys that stand in no table are kept as they are.
 */
#include <inttypes.h>
#include <string.h>

#include "message/json.h"
#include "message/known-keys.h"
#include "message/message.h"
#include "message/scanner.h"
#include "util/cleanup.h"

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
wanted_text(const vmmiKnownKey *key)
{
    switch (key->type) {
    case VMMI_KEY_STRING:
        if (key->choices) {
            g_autofree char *list = g_strjoinv("\", \"", (char **)key->choices);

            return g_strdup_printf("one of \"%s\"", list);
        }
        return g_strdup("a string");
    case VMMI_KEY_INTEGER:
        if (key->minimum == 0 && key->maximum == INT64_MAX)
            return g_strdup("an unsigned integer");
        return g_strdup_printf("an integer %" PRId64 "..%" PRId64, key->minimum, key->maximum);
    case VMMI_KEY_BOOL:
        return g_strdup("true or false");
    case VMMI_KEY_ARRAY:
        return g_strdup("an array");
    case VMMI_KEY_STRINGS:
        return g_strdup("an array of strings");
    default:
        return g_strdup("an object");
    }
}

static bool
type_fits(const vmmiKnownKey *key, const json_t *value)
{
    switch (key->type) {
    case VMMI_KEY_STRING:
        return json_is_string(value);
    case VMMI_KEY_INTEGER:
        return json_is_integer(value);
    case VMMI_KEY_BOOL:
        return json_is_boolean(value);
    case VMMI_KEY_ARRAY:
    case VMMI_KEY_STRINGS:
        return json_is_array(value);
    case VMMI_KEY_ANY:
        return true;
    default:
        return json_is_object(value);
    }
}

static bool
range_fits(const vmmiKnownKey *key, const json_t *value)
{
    if (key->type == VMMI_KEY_INTEGER)
        return json_integer_value(value) >= key->minimum &&
               json_integer_value(value) <= key->maximum;
    if (key->type == VMMI_KEY_STRING && key->choices)
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
check_value(const Check *check, const vmmiKnownKey *key, const json_t *value)
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
    if (key->type == VMMI_KEY_STRINGS)
        return check_strings(check, key->path, value);
    return key->type == VMMI_KEY_PARAMS ? check_params(check, key->path, value) : 0;
}

static int
check_keys(const Check *check, const vmmiKnownKey *keys, const json_t *object)
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
    if (check_keys(check, vmmiEnvelopeKeys, root) < 0)
        return -1;
    type = json_string_value(json_object_get(root, "contentType"));
    for (const vmmiKnownKey *key = vmmiEnvelopeKeys; key->path; key++) {
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

    if (check_keys(check, vmmiCompletionKeys, content) < 0)
        return -1;
    result = json_string_value(json_object_get(content, "result"));
    return check_keys(check, g_str_equal(result, "success") ? vmmiSuccessKeys : vmmiErrorKeys,
                      content);
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
        return check_keys(&check, vmmiConfigurationKeys, content);
    if (kind == VMMI_MESSAGE_STATUS)
        return check_keys(&check, vmmiStatusKeys, content);
    return kind == VMMI_MESSAGE_COMPLETION ? check_completion(&check, content) : 0;
}
