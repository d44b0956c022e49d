/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-json.c: strict JSON: what is read, what is refused and in which words, what is written.
 */
#include <string.h>

#include "message/json.h"
#include "message/scanner.h"
#include "util/cleanup.h"
#include "../rows.h"

#define DEEP_OPEN "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
#define DEEP_CLOSE "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"

static const struct {
    const char *name, *text;
    const char *needle;   /* NULL: it is read */
} rows[] = {
    { "empty-object", "{}", NULL },
    { "white-space", " \t\r\n{ } \n", NULL },
    { "values", "{\"a\": [1, -2, 3.5e+2, true, false, null, \"x\", {}], \"b\": 0}", NULL },
    { "escapes", "{\"a\": \"\\u00e4\\n\\\"\\ud83d\\ude00\"}", NULL },
    { "utf8", "{\"ä\": \"日本\"}", NULL },
    { "depth-32", DEEP_OPEN DEEP_CLOSE, NULL },
    { "largest-integer", "{\"a\": 9223372036854775807}", NULL },
    { "empty", "", "there is no object" },
    { "blank", " \n ", "there is no object, only 3 bytes of white space" },
    { "array-root", "[]", "line 1, column 1: an object was expected" },
    { "number-root", "\n 5", "line 2, column 2: an object was expected" },
    { "byte-order-mark", "\xef\xbb\xbf{}", "line 1, column 1: a byte order mark" },
    { "cut", "{\"a\": 1", "line 1, column 8: the text ends before the object is whole" },
    { "trailing", "{} {}", "line 1, column 4: there is something after the end" },
    { "trailing-comma", "{\"a\": 1,}", "line 1, column 9: at 'a': a comma before '}'" },
    { "array-comma", "{\"a\": [1,]}", "line 1, column 10: at 'a[1]': a comma before ']'" },
    { "double-comma", "{\"a\": 1,, \"b\": 2}", "a key in double quotes is missing here" },
    { "no-colon", "{\"a\" 1}", "line 1, column 6: at 'a': ':' is missing" },
    { "no-value", "{\"a\": }", "line 1, column 7: at 'a': a value is missing" },
    { "no-comma", "{\"a\": 1\n \"b\": 2}", "line 2, column 2: at 'a': ',' or '}' is missing" },
    { "bare-key", "{a: 1}", "line 1, column 2: a key in double quotes" },
    { "single-quotes", "{\"a\": 'x'}", "a string needs double quotes" },
    { "bad-literal", "{\"a\": trux}", "line 1, column 10: at 'a': this is not a JSON value" },
    { "nan", "{\"a\": NaN}", "this is not a JSON value" },
    { "leading-zero", "{\"a\": 012}", "superfluous 0" },
    { "leading-plus", "{\"a\": +1}", "this is not a JSON value" },
    { "no-fraction", "{\"a\": 1.}", "a digit is missing" },
    { "no-exponent", "{\"a\": 1e}", "a digit is missing" },
    { "hexadecimal", "{\"a\": 0x1}", "',' or '}' is missing" },
    { "comment", "{/* c */}", "a key in double quotes" },
    { "wrong-bracket", "{\"a\": [1}}", "'}' closes what '[' opened" },
    { "open-string", "{\"a\": \"x\n\"}", "the line ends inside a string" },
    { "control", "{\"a\": \"\x01\"}", "control character" },
    { "bad-escape", "{\"a\": \"\\x\"}", "unknown escape" },
    { "bad-unicode", "{\"a\": \"\\u12g4\"}", "four hexadecimal digits" },
    { "escaped-nul", "{\"a\":\n \"\\u0000\"}", "line 2, column 2: at 'a'" },
    { "lone-surrogate", "{\"a\": \"\\ud83d\"}", "line 1, column 7: at 'a'" },
    { "not-utf8", "{\"a\": \"\xff\"}", "line 1, column 8: this is not UTF-8" },
    { "overlong-utf8", "{\"a\": \"\xc0\x80\"}", "this is not UTF-8" },
    { "duplicate", "{\"a\": 1,\n  \"a\": 2}",
      "line 2, column 3: at 'a': the key stands here a second time" },
    { "duplicate-escaped", "{\"a\": 1, \"\\u0061\": 2}",
      "at 'a': the key stands here a second time" },
    { "duplicate-deep", "{\"m\": {\"x\": [{\"k\": 1, \"k\": 2}]}}", "at 'm.x[0].k'" },
    { "too-large-integer", "{\"a\": 9223372036854775808}",
      "line 1, column 7: at 'a': too big integer" },
    { "too-large-real", "{\"a\": [1, 1e999]}", "at 'a[1]': real number overflow" },
    { "depth-33", "{\"a\":[" DEEP_OPEN DEEP_CLOSE "]}", "more than 32 levels" },
    { "columns-are-characters", "{\"日本\": tru}", "line 1, column 11: at '日本'" },
};

static void
test_parse(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) value = vmmiJsonParse(rows[row].text, strlen(rows[row].text), "file", &error);

    if (!rows[row].needle) {
        g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
        g_assert_nonnull(value);
        return;
    }
    g_assert_null(value);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_MESSAGE);
    g_assert_true(g_str_has_prefix(vmmiErrorGetMessage(error), "file: "));
    if (!strstr(vmmiErrorGetMessage(error), rows[row].needle))
        g_test_fail_printf("'%s' is not in '%s'", rows[row].needle, vmmiErrorGetMessage(error));
    /* The caller may be not interested in the error. */
    g_assert_null(vmmiJsonParse(rows[row].text, strlen(rows[row].text), NULL, NULL));
}

static void
test_nul(void)
{
    static const char inside[] = "{\"a\": \"\0\"}", between[] = "{\0}";
    g_autoptr(vmmiError) error = NULL;

    g_assert_null(vmmiJsonParse(inside, sizeof(inside) - 1, NULL, &error));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "NUL byte"));
    vmmiErrorClear(&error);
    g_assert_null(vmmiJsonParse(between, sizeof(between) - 1, NULL, &error));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "line 1, column 2: NUL byte"));
}

static void
test_size(void)
{
    g_autofree char *text = g_malloc(VMMI_MESSAGE_MAX_BYTES + 1);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) fits = NULL;

    memset(text, ' ', VMMI_MESSAGE_MAX_BYTES + 1);
    text[0] = '{';
    text[VMMI_MESSAGE_MAX_BYTES - 1] = '}';
    fits = vmmiJsonParse(text, VMMI_MESSAGE_MAX_BYTES, NULL, &error);
    g_assert_nonnull(fits);
    text[VMMI_MESSAGE_MAX_BYTES - 1] = ' ';
    text[VMMI_MESSAGE_MAX_BYTES] = '}';
    g_assert_null(vmmiJsonParse(text, VMMI_MESSAGE_MAX_BYTES + 1, NULL, &error));
    g_assert_nonnull(strstr(vmmiErrorGetMessage(error), "more than"));
}

static void
test_value(void)
{
    static const char *const bad[] = { "", "x", "1,2", "1}", "1,\"a\":2", "}", "\"" };
    g_autoptr(json_t) number = vmmiJsonParseValue("5", 1, NULL, NULL);
    g_autoptr(json_t) list = vmmiJsonParseValue(" [1, 2] ", 8, NULL, NULL);

    g_assert_cmpint(json_integer_value(number), ==, 5);
    g_assert_cmpuint(json_array_size(list), ==, 2);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(vmmiError) error = NULL;

        g_assert_null(vmmiJsonParseValue(bad[i], strlen(bad[i]), "KEY", &error));
        g_assert_true(g_str_has_prefix(vmmiErrorGetMessage(error), "KEY: "));
    }
}

static void
test_write(void)
{
    static const char text[] = "{\"z\":[1,2.5,\"\\u0001ä\"],\"a\":{\"b\":null}}";
    g_autoptr(json_t) value = vmmiJsonParse(text, sizeof(text) - 1, NULL, NULL);
    g_autofree char *again = vmmiJsonWrite(value, false);
    g_autofree char *pretty = vmmiJsonWrite(value, true);
    g_autoptr(json_t) back = vmmiJsonParse(pretty, strlen(pretty), NULL, NULL);

    g_assert_cmpstr(again, ==, text);
    g_assert_true(json_equal(value, back));
    g_assert_cmpuint(vmmiJsonDepth(value), ==, 2);
}

static const struct {
    const char *name, *text;
    size_t consumed;
} skips[] = {
    { "incomplete", "{\"a\": {", 0 },
    { "noise-before", "note: {}", 6 },
    { "noise-alone", "note", 4 },
    { "noise-with-brace", "{ x { y", 4 },
    { "whole", " {} rest", 3 },
    { "duplicate", "{\"a\":{},\"a\":1} {}", 14 },
};

static void
test_skip(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    size_t consumed = 99;
    g_autoptr(json_t) value =
        vmmiJsonParseFirst(skips[row].text, strlen(skips[row].text), &consumed, NULL);

    g_assert_cmpuint(consumed, ==, skips[row].consumed);
    g_assert_true(!value == !g_str_equal(skips[row].name, "whole"));
}

static void
test_find(void)
{
    static const char text[] = "{\"a\": 1, \"m\": {\"f\": [\"x\", \"y\"], \"o\": {\"k\": []}}}";
    static const struct { const char *path; size_t value, key; } wanted[] = {
        { "a", 6, 1 }, { "m", 14, 9 }, { "m.f", 20, 15 }, { "m.f[1]", 26, 26 }, { "m.o", 37, 32 },
        { "m.o.k", 43, 38 },
    };
    size_t offset = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
        g_assert_true(vmmiTextFind(text, strlen(text), wanted[i].path, false, &offset));
        g_assert_cmpuint(offset, ==, wanted[i].value);
        g_assert_true(vmmiTextFind(text, strlen(text), wanted[i].path, true, &offset));
        g_assert_cmpuint(offset, ==, wanted[i].key);
    }
    g_assert_false(vmmiTextFind(text, strlen(text), "m.g", false, &offset));
}

/* What is left of an object without "x" and "y"; NULL: it is refused. */
static const struct {
    const char *name, *text, *left;
} prunings[] = {
    { "neither", "{\"a\": 1}", "{\"a\":1}" },
    { "only", "{\"x\": 1}", "{\"x\":null}" },
    { "first", "{\"x\": [1, {\"a\": 2}], \"a\": 3}", "{\"x\":null,\"a\":3}" },
    { "last", "{\"a\": 3, \"x\": {\"y\": {}} }", "{\"a\":3,\"x\":null}" },
    { "between", "{\"a\": 1 , \"x\" : true , \"b\": 2}", "{\"a\":1,\"x\":null,\"b\":2}" },
    { "both", "{\"x\": 1, \"y\": 2, \"a\": 3}", "{\"x\":null,\"y\":null,\"a\":3}" },
    { "comma-in-it", "{\"x\": \",\\\"},{\", \"a\": \",\"}", "{\"x\":null,\"a\":\",\"}" },
    { "below", "{\"a\": {\"x\": 1}, \"b\": [\"x\"]}", "{\"a\":{\"x\":1},\"b\":[\"x\"]}" },
    { "longer-name", "{\"xx\": 1, \"\": 2}", "{\"xx\":1,\"\":2}" },
    { "twice", "{\"x\": 1, \"x\": 2}", NULL },
    { "cut-in-it", "{\"a\": 1, \"x\": [1", NULL },
    { "brackets-in-it", "{\"a\": 1, \"x\": [}", NULL },
    { "behind-it", "{\"x\": 1} {}", NULL },
    { "bad-elsewhere", "{\"x\": 1, \"a\": nul}", NULL },
};

static void
test_pruning(gconstpointer data)
{
    static const char *const keys[] = { "x", "y", NULL };
    size_t row = GPOINTER_TO_SIZE(data);
    const char *text = prunings[row].text;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) object = vmmiJsonParseWithout(text, strlen(text), "it", keys, &error);
    g_autofree char *left = object ? vmmiJsonWrite(object, false) : NULL;

    g_assert_cmpstr(left, ==, prunings[row].left);
    g_assert_true(!object == (vmmiErrorGetCode(error) == VMMI_ERR_MESSAGE));
}

/* Texts of every length around a power of two are written whole. */
static void
test_write_long(void)
{
    for (size_t near = 4096; near <= 16384; near *= 2) {
        for (size_t length = near - 4; length <= near + 4; length++) {
            g_autofree char *text = g_strnfill(length - 2, 'x');
            g_autoptr(json_t) value = json_string(text);
            g_autofree char *written = vmmiJsonWrite(value, false);
            g_autofree char *expected = g_strdup_printf("\"%s\"", text);

            g_assert_cmpstr(written, ==, expected);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/message/json/", rows, test_parse);
    ADD_ROWS("/message/json/skip/", skips, test_skip);
    ADD_ROWS("/message/json/without/", prunings, test_pruning);
    g_test_add_func("/message/json/nul", test_nul);
    g_test_add_func("/message/json/size", test_size);
    g_test_add_func("/message/json/value", test_value);
    g_test_add_func("/message/json/write", test_write);
    g_test_add_func("/message/json/write-long", test_write_long);
    g_test_add_func("/message/json/find", test_find);
    return g_test_run();
}
