/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-shapes.c: row R15 of docs/reliability.md: whatever a plugin leaves on standard error, the
 * outcome is a defined one, and success only with a valid success object.
 *
 * Here texts are found and judged within the process; test-shapes-plugins.c has plugins that write
 * some of them.
 */
#include <string.h>

#include "migration/judge.h"
#include "migration/outcome.h"
#include "migration/stream.h"
#include "util/cleanup.h"
#include "../unit/rows.h"

#include <jansson.h>

#define HEAD "\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": 7"
#define WRAP(content) "{" HEAD ", \"completion\": {" content "}}"
#define GOOD WRAP("\"result\": \"success\", \"success\": {\"note\": \"all {well}\", \"n\": [1, 2]}")
#define BAD                                                                                        \
    WRAP("\"result\": \"error\", \"error\": {\"code\": 8, \"message\": \"no {luck\", "              \
         "\"details\": \"\\\"quoted\\\" } and more\"}")
#define STATUS                                                                                     \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": 1, \"status\": "     \
    "{\"state\": \"precopy\"}}"

/* --- what is concluded ------------------------------------------------------------ */

static vmmiVerdict
judge(vmmiSaid said, const vmmiError *error, vmmiGuestState state, vmmiGuestReason reason)
{
    const vmmiEvidence evidence = {
        .plugin = "p",
        .guest = "g",
        .exit_kind = VMMI_EXIT_EXITED,
        .exit_value = said == VMMI_SAID_ERROR,
        .said = said,
        .error = error,
        .source = { VMMI_LOOK_SEEN, state, reason, VMMI_JOB_NONE },
    };
    vmmiVerdict verdict = { 0 };

    vmmiJudge(&evidence, &verdict);
    return verdict;
}

/* The plugin ended as if all were well: only its word makes the difference. */
static void
check_verdicts(vmmiSaid said, const vmmiError *error)
{
    g_auto(vmmiVerdict) moved = judge(said, error, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED);
    g_auto(vmmiVerdict) stayed = judge(said, error, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER);

    g_assert_cmpint(moved.kind, ==, VMMI_OUTCOME_COMPLETED);
    g_assert_cmpint(moved.error == NULL, ==, said == VMMI_SAID_SUCCESS);
    g_assert_cmpint(stayed.kind, ==, VMMI_OUTCOME_FAILED);
    g_assert_nonnull(stayed.error);
}

static vmmiSaid
look(const char *text, size_t length)
{
    g_autofree char *noise = NULL;
    g_autoptr(vmmiMessage) completion = vmmiStreamFindCompletion(text, length, &noise);
    g_autoptr(vmmiError) error = completion ? vmmiCompletionGetError(completion) : NULL;
    vmmiSaid said = VMMI_SAID_NOTHING;

    g_assert_nonnull(noise);
    g_assert_true(g_utf8_validate(noise, -1, NULL));
    g_assert_cmpuint(strlen(noise), <=, VMMI_DIAGNOSTICS_MAX_BYTES);
    if (completion)
        said = vmmiCompletionIsSuccess(completion) ? VMMI_SAID_SUCCESS : VMMI_SAID_ERROR;
    g_assert_cmpint(error != NULL, ==, said == VMMI_SAID_ERROR);
    check_verdicts(said, error);
    return said;
}

static void
expect(const char *text, size_t length, vmmiSaid said)
{
    vmmiSaid got = look(text, length);

    if (got != said)
        g_test_fail_printf("said %d, not %d: %.*s", got, said, (int)MIN(length, 500), text);
}

/* --- shapes, one by one ----------------------------------------------------------- */

#define NOTHING VMMI_SAID_NOTHING
#define SUCCESS VMMI_SAID_SUCCESS
#define ERROR VMMI_SAID_ERROR

static const struct {
    const char *name, *text;
    vmmiSaid said;
} rows[] = {
    { "none", "", NOTHING },
    { "newline", "\n", NOTHING },
    { "empty-object", "{}", NOTHING },
    { "empty-array", "[]", NOTHING },
    { "null", "null", NOTHING },
    { "text", "Segmentation fault (core dumped)\n", NOTHING },
    { "whole", GOOD, SUCCESS },
    { "whole-error", BAD, ERROR },
    { "empty-success", WRAP("\"result\": \"success\", \"success\": {}"), SUCCESS },
    { "success-without-object", WRAP("\"result\": \"success\""), NOTHING },
    { "success-with-error-object",
      WRAP("\"result\": \"success\", \"error\": {\"code\": 0, \"message\": \"\", \"details\": \"\"}"),
      NOTHING },
    { "both-objects",
      WRAP("\"result\": \"success\", \"success\": {}, \"error\": {\"code\": 1, \"message\": \"\", "
           "\"details\": \"\"}"),
      SUCCESS },
    { "error-without-object", WRAP("\"result\": \"error\""), NOTHING },
    { "error-with-success-object", WRAP("\"result\": \"error\", \"success\": {}"), NOTHING },
    { "empty-content", WRAP(""), NOTHING },
    { "no-content", "{" HEAD "}", NOTHING },
    { "result-unknown", WRAP("\"result\": \"Success\", \"Success\": {}, \"success\": {}"), NOTHING },
    { "result-empty", WRAP("\"result\": \"\", \"success\": {}"), NOTHING },
    { "no-version",
      "{\"contentType\": \"completion\", \"timestamp\": 7, \"completion\": {\"result\": \"success\", "
      "\"success\": {}}}",
      NOTHING },
    { "other-minor",
      "{\"vmmiVersion\": \"0.5.1\", \"contentType\": \"completion\", \"timestamp\": 7, "
      "\"completion\": {\"result\": \"success\", \"success\": {}}}",
      NOTHING },
    { "other-patch",
      "{\"vmmiVersion\": \"0.4.9\", \"contentType\": \"completion\", \"timestamp\": 7, "
      "\"completion\": {\"result\": \"success\", \"success\": {}}}",
      SUCCESS },
    { "no-timestamp",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"completion\": {\"result\": "
      "\"success\", \"success\": {}}}",
      NOTHING },
    { "under-another-key",
      "{" HEAD ", \"Completion\": {\"result\": \"success\", \"success\": {}}}", NOTHING },
    { "type-and-content-differ",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": 7, \"completion\": "
      "{\"result\": \"success\", \"success\": {}}}",
      NOTHING },
    { "duplicate-key",
      WRAP("\"result\": \"error\", \"result\": \"success\", \"success\": {}"), NOTHING },
    { "trailing-comma", WRAP("\"result\": \"success\", \"success\": {},"), NOTHING },
    { "single-quotes", "{'vmmiVersion': '0.4.1', 'contentType': 'completion'}", NOTHING },
    { "comment", WRAP("\"result\": \"success\", /* well */ \"success\": {}"), NOTHING },
    { "nul-escape", WRAP("\"result\": \"success\", \"success\": {\"a\": \"\\u0000\"}"), NOTHING },
    { "nan", WRAP("\"result\": \"success\", \"success\": {\"a\": NaN}"), NOTHING },
    { "negative-timestamp",
      "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": -1, "
      "\"completion\": {\"result\": \"success\", \"success\": {}}}",
      NOTHING },
    { "code-too-large",
      WRAP("\"result\": \"error\", \"error\": {\"code\": 4294967296, \"message\": \"\", "
           "\"details\": \"\"}"),
      NOTHING },
    { "code-real",
      WRAP("\"result\": \"error\", \"error\": {\"code\": 8.0, \"message\": \"\", \"details\": \"\"}"),
      NOTHING },
    { "code-own",
      WRAP("\"result\": \"error\", \"error\": {\"code\": 1234, \"message\": \"\", \"details\": \"\"}"),
      ERROR },
    { "pretty",
      "{\r\n\t\"vmmiVersion\" : \"0.4.1\",\n \"contentType\":\"completion\",\n\n\"timestamp\":7,"
      "\"completion\":{\"result\":\"success\",\"success\":{\n}\n}\n}\n\n",
      SUCCESS },
    { "escaped-keys",
      "{\"vmmiVersi\\u006fn\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": 7, "
      "\"completion\": {\"result\": \"succ\\u0065ss\", \"success\": {}}}",
      SUCCESS },
    { "byte-order-mark", "\xef\xbb\xbf" GOOD, SUCCESS },
    { "two-same", GOOD GOOD, SUCCESS },
    { "error-then-success", BAD "\n" GOOD, SUCCESS },
    { "success-then-error", GOOD "\n" BAD, ERROR },
    { "success-then-invalid", GOOD "\n" WRAP("\"result\": \"error\""), SUCCESS },
    { "error-then-invalid-success", BAD "\n" WRAP("\"result\": \"success\""), ERROR },
    { "invalid-success-then-error", WRAP("\"result\": \"success\"") BAD, ERROR },
    { "three", GOOD BAD GOOD, SUCCESS },
    { "statuses-around", STATUS GOOD STATUS "\n" STATUS, SUCCESS },
    { "statuses-only", STATUS STATUS STATUS, NOTHING },
    { "status-cut-before", "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"sta" GOOD, SUCCESS },
    { "garbage-before", "g_log: {x} [1] \"\n" GOOD, SUCCESS },
    { "garbage-after", GOOD "}}]]\"{\x01\xff", SUCCESS },
    { "nul-like-garbage", "\\0\\0" GOOD "\\0", SUCCESS },
    { "quoted", "\"{\\\"vmmiVersion\\\": \\\"0.4.1\\\"}\"", NOTHING },
    { "quoted-whole",
      "{\"log\": \"{\\\"vmmiVersion\\\": \\\"0.4.1\\\", \\\"contentType\\\": \\\"completion\\\"}\"}",
      NOTHING },
    { "inside-another-object", "{\"log\": " GOOD "}", NOTHING },
    { "inside-an-error",
      WRAP("\"result\": \"error\", \"error\": {\"code\": 8, \"message\": \"\", \"details\": \"\", "
           "\"was\": " GOOD "}"),
      ERROR },
    { "inside-an-array", "[" GOOD "]", SUCCESS },   /* brackets are noise */
};

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    expect(rows[row].text, strlen(rows[row].text), rows[row].said);
}

/* --- cut at every byte ------------------------------------------------------------ */

static void
cut_everywhere(const char *whole, vmmiSaid said, size_t *points)
{
    for (size_t length = 0; length <= strlen(whole); length++) {
        g_autofree char *behind = g_strdup_printf("%.*s\n%s\n", (int)length, whole, BAD);
        g_autofree char *before = g_strdup_printf("%s\n%.*s", BAD, (int)length, whole);
        bool all = length == strlen(whole);

        expect(whole, length, all ? said : NOTHING);
        /* Half of one hides no other. */
        expect(behind, strlen(behind), ERROR);
        expect(before, strlen(before), all ? said : ERROR);
        *points += 3;
    }
}

static void
test_cut(void)
{
    size_t points = 0;

    cut_everywhere(GOOD, SUCCESS, &points);
    cut_everywhere(BAD, ERROR, &points);
    g_assert_cmpuint(points, >=, 3 * 150);
    g_test_message("%zu texts", points);
}

/* The same from the other end. */
static void
test_cut_front(void)
{
    for (size_t start = 1; start <= strlen(GOOD); start++)
        expect(&GOOD[start], strlen(GOOD) - start, NOTHING);
    for (size_t start = 1; start <= strlen(BAD); start++)
        expect(&BAD[start], strlen(BAD) - start, NOTHING);
}

/* --- types, keys, bytes ----------------------------------------------------------- */

static const char *const values[] = { "null", "true",   "0",   "-1",  "7.5", "18446744073709551616",
                                      "\"\"", "\"x\"", "[]", "[{}]", "{}",  "{\"a\": 1}" };

/* What an independent eye makes of one object. */
static vmmiSaid
oracle(const json_t *object)
{
    const json_t *content = json_object_get(object, "completion");
    const json_t *error = json_object_get(content, "error");
    const json_t *code = json_object_get(error, "code");
    const char *version = json_string_value(json_object_get(object, "vmmiVersion"));
    const char *type = json_string_value(json_object_get(object, "contentType"));
    const char *result = json_string_value(json_object_get(content, "result"));
    const json_t *timestamp = json_object_get(object, "timestamp");

    if (!version || !g_str_has_prefix(version, "0.4.") || !g_ascii_isdigit(version[4]) ||
        g_strcmp0(type, "completion") != 0 ||
        !json_is_integer(timestamp) || json_integer_value(timestamp) < 0)
        return NOTHING;
    if (g_strcmp0(result, "success") == 0)
        return json_is_object(json_object_get(content, "success")) ? SUCCESS : NOTHING;
    if (g_strcmp0(result, "error") != 0 || !json_is_integer(code) ||
        !json_is_string(json_object_get(error, "message")) ||
        !json_is_string(json_object_get(error, "details")))
        return NOTHING;
    return ERROR;
}

static void
expect_oracle(const char *text, size_t length)
{
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

    expect(text, length, object ? oracle(object) : NOTHING);
    json_decref(object);
}

/* The object that holds the last part of a dotted path. */
static json_t *
holder(json_t *object, char **parts)
{
    for (; parts[0] && parts[1]; parts++)
        object = json_object_get(object, parts[0]);
    return object;
}

static const char *const paths[] = { "vmmiVersion",
                                     "contentType",
                                     "timestamp",
                                     "completion",
                                     "completion.result",
                                     "completion.success",
                                     "completion.error",
                                     "completion.error.code",
                                     "completion.error.message",
                                     "completion.error.details",
                                     "extra",
                                     "completion.extra",
                                     "completion.success.extra",
                                     "completion.error.extra" };

/* One value in one place; NULL: the key is taken out. */
static bool
change(const char *text, const char *path, const char *value)
{
    json_t *object = json_loads(text, 0, NULL);
    g_auto(GStrv) parts = g_strsplit(path, ".", -1);
    const char *key = parts[g_strv_length(parts) - 1];
    json_t *place = holder(object, parts);
    char *changed;

    if (!json_is_object(place)) {
        json_decref(object);
        return false;
    }
    if (value)
        json_object_set_new(place, key, json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(place, key);
    changed = json_dumps(object, 0);
    expect_oracle(changed, strlen(changed));
    free(changed);
    json_decref(object);
    return true;
}

static void
test_types(void)
{
    static const char *const texts[] = { GOOD, BAD };
    unsigned int shapes = 0;

    for (size_t text = 0; text < G_N_ELEMENTS(texts); text++) {
        for (size_t path = 0; path < G_N_ELEMENTS(paths); path++) {
            for (size_t value = 0; value < G_N_ELEMENTS(values); value++)
                shapes += change(texts[text], paths[path], values[value]);
            shapes += change(texts[text], paths[path], NULL);
        }
    }
    g_assert_cmpuint(shapes, >=, 200);
    g_test_message("%u shapes", shapes);
}

/* Each byte of a completion replaced by each of some. */
static void
test_bytes(void)
{
    static const char others[] = "{}[]\",:\\ x0\n\xff\x01\x7f";

    for (size_t at = 0; at < strlen(GOOD); at++) {
        for (const char *other = others; *other; other++) {
            g_autofree char *text = g_strdup(GOOD);

            text[at] = *other;
            expect_oracle(text, strlen(text));
        }
    }
}

/* A byte of noise on either side, each of all; NUL too. */
static void
test_noise_bytes(void)
{
    for (int byte = 0; byte < 256; byte++) {
        g_autofree char *text = g_strdup_printf(" %s ", GOOD);
        size_t length = strlen(text);

        text[0] = (char)byte;
        expect(text, length, SUCCESS);
        text[length - 1] = (char)byte;
        expect(text, length, SUCCESS);
        text[0] = ' ';
        expect(text, length, SUCCESS);
    }
}

/* --- size ------------------------------------------------------------------------- */

static char *
completion_of(size_t size)
{
    g_autofree char *filling = g_malloc(size + 1);
    size_t bare = strlen(WRAP("\"result\": \"success\", \"success\": {\"a\": \"\"}"));

    memset(filling, 'x', size);
    filling[size - bare] = '\0';
    return g_strdup_printf(WRAP("\"result\": \"success\", \"success\": {\"a\": \"%s\"}"), filling);
}

static const struct {
    const char *name;
    size_t size;
    vmmiSaid said;
} sizes[] = {
    { "1-MiB", VMMI_MESSAGE_MAX_BYTES, SUCCESS },
    { "1-MiB-and-a-byte", VMMI_MESSAGE_MAX_BYTES + 1, NOTHING },
    { "16-MiB", 16 * VMMI_MESSAGE_MAX_BYTES, NOTHING },
};

static void
test_size(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *text = completion_of(sizes[row].size);

    g_assert_cmpuint(strlen(text), ==, sizes[row].size);
    expect(text, strlen(text), sizes[row].said);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/R15/shape/", rows, test_row);
    ADD_ROWS("/R15/size/", sizes, test_size);
    g_test_add_func("/R15/cut", test_cut);
    g_test_add_func("/R15/cut-front", test_cut_front);
    g_test_add_func("/R15/types", test_types);
    g_test_add_func("/R15/bytes", test_bytes);
    g_test_add_func("/R15/noise-bytes", test_noise_bytes);
    return g_test_run();
}
