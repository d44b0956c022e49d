/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-json.c: the shim's reader of JSON: the corpus of messages, texts with one mistake each, and
 * every beginning of a text.
 */
#include <string.h>

#include <glib.h>

#include "../../tools/shim/json.h"
#include "util/cleanup.h"
#include "../unit/rows.h"

static const struct {
    const char *name, *text;
    ShimJsonVerdict verdict;
} rows[] = {
    { "empty", "{}", SHIM_JSON_WHOLE },
    { "spaces", "{ \t\r\n}", SHIM_JSON_WHOLE },
    { "every-value", "{\"a\":[1,-0,1.5e+9,2E-3,true,false,null,\"x\",{},[]]}", SHIM_JSON_WHOLE },
    { "escapes", "{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\":\"\\ud834\\udd1e\"}", SHIM_JSON_WHOLE },
    { "utf-8", "{\"\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e\":1}", SHIM_JSON_WHOLE },
    { "behind-is-not-looked-at", "{}}", SHIM_JSON_WHOLE },
    { "array", "[]", SHIM_JSON_BAD },
    { "space-before", " {}", SHIM_JSON_BAD },
    { "no-quotes", "{a:1}", SHIM_JSON_BAD },
    { "single-quotes", "{'a':1}", SHIM_JSON_BAD },
    { "comma-at-the-end", "{\"a\":1,}", SHIM_JSON_BAD },
    { "comma-at-the-beginning", "{,\"a\":1}", SHIM_JSON_BAD },
    { "array-comma", "{\"a\":[1,]}", SHIM_JSON_BAD },
    { "no-colon", "{\"a\" 1}", SHIM_JSON_BAD },
    { "no-value", "{\"a\":}", SHIM_JSON_BAD },
    { "wrong-bracket", "{\"a\":[1}", SHIM_JSON_BAD },
    { "leading-zero", "{\"a\":01}", SHIM_JSON_BAD },
    { "plus", "{\"a\":+1}", SHIM_JSON_BAD },
    { "no-fraction", "{\"a\":1.}", SHIM_JSON_BAD },
    { "no-integer", "{\"a\":.5}", SHIM_JSON_BAD },
    { "no-exponent", "{\"a\":1e}", SHIM_JSON_BAD },
    { "only-minus", "{\"a\":-}", SHIM_JSON_BAD },
    { "nan", "{\"a\":NaN}", SHIM_JSON_BAD },
    { "word", "{\"a\":nul}", SHIM_JSON_BAD },
    { "newline-in-string", "{\"a\":\"\n\"}", SHIM_JSON_BAD },
    { "unknown-escape", "{\"a\":\"\\x\"}", SHIM_JSON_BAD },
    { "escaped-nul", "{\"a\":\"\\u0000\"}", SHIM_JSON_BAD },
    { "short-escape", "{\"a\":\"\\u12\"}", SHIM_JSON_BAD },
    { "high-half", "{\"a\":\"\\ud834\"}", SHIM_JSON_BAD },
    { "high-half-twice", "{\"a\":\"\\ud834\\ud834\"}", SHIM_JSON_BAD },
    { "low-half", "{\"a\":\"\\udd1e\"}", SHIM_JSON_BAD },
    { "latin-1", "{\"a\":\"\xe9\"}", SHIM_JSON_BAD },
    { "overlong", "{\"a\":\"\xc0\xaf\"}", SHIM_JSON_BAD },
    { "overlong-3", "{\"a\":\"\xe0\x80\xaf\"}", SHIM_JSON_BAD },
    { "surrogate-in-utf-8", "{\"a\":\"\xed\xa0\x80\"}", SHIM_JSON_BAD },
    { "beyond-unicode", "{\"a\":\"\xf4\x90\x80\x80\"}", SHIM_JSON_BAD },
    { "continuation-alone", "{\"a\":\"\x80\"}", SHIM_JSON_BAD },
};

/* In a block of its own, so that AddressSanitizer sees a step behind the end. */
static ShimJsonVerdict
scan(const char *text, size_t length, ShimJson *object)
{
    g_autofree char *copy = g_malloc(length ? length : 1);

    if (length)
        memcpy(copy, text, length);
    return shimJsonScan(copy, length, object);
}

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    ShimJson object;

    g_assert_cmpint(scan(rows[row].text, strlen(rows[row].text), &object), ==, rows[row].verdict);
}

/* Every beginning of a good text may go on; none is taken for the whole. */
static void
test_beginnings(void)
{
    for (size_t row = 0; rows[row].verdict == SHIM_JSON_WHOLE; row++) {
        const char *text = rows[row].text;
        ShimJson object = { 0 };
        size_t whole;

        g_assert_cmpint(shimJsonScan(text, strlen(text), &object), ==, SHIM_JSON_WHOLE);
        whole = object.length;
        for (size_t length = 0; length < whole; length++)
            g_assert_cmpint(scan(text, length, &object), ==, SHIM_JSON_CUT);
        for (size_t length = whole; length <= strlen(text); length++) {
            g_assert_cmpint(scan(text, length, &object), ==, SHIM_JSON_WHOLE);
            g_assert_cmpuint(object.length, ==, whole);
        }
    }
}

static void
test_depth(void)
{
    for (size_t depth = 30; depth < 36; depth++) {
        g_autoptr(GString) text = g_string_new(NULL);
        ShimJson object;

        for (size_t i = 0; i < depth; i++)
            g_string_append(text, "{\"a\":");
        g_string_append(text, "1");
        for (size_t i = 0; i < depth; i++)
            g_string_append(text, "}");
        g_assert_cmpint(scan(text->str, text->len, &object), ==,
                        depth <= SHIM_JSON_MAX_DEPTH ? SHIM_JSON_WHOLE : SHIM_JSON_BAD);
    }
}

/* What the shim passes on, the library can read: files y_ and n_ of the messages' corpus. */
static void
test_corpus(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "corpus", "message", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *const shape[] = { "n_array",
                                  "n_byte_order_mark",
                                  "n_comment",
                                  "n_cut",
                                  "n_deep",
                                  "n_empty",
                                  "n_escaped_nul",
                                  "n_latin1",
                                  "n_nul",
                                  "n_single_quotes",
                                  "n_specification_example",
                                  "n_two",
                                  NULL };
    const char *name;
    unsigned int files = 0;

    g_assert_nonnull(dir);
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_autofree char *stem = g_strndup(name, strlen(name) - strlen(".json"));
        g_autofree char *text = NULL;
        gsize length = 0;
        ShimJson object;

        g_assert_true(g_file_get_contents(file, &text, &length, NULL));
        if (g_str_has_prefix(name, "y_"))
            g_assert_true(shimJsonIsObject(text, length, &object));
        else if (g_strv_contains(shape, stem))
            g_assert_false(shimJsonIsObject(text, length, &object));
        files++;
    }
    g_assert_cmpuint(files, >, 20);
}

static void
test_members(void)
{
    static const char text[] =
        " { \"a\" : 1 , \"\\u0062\":\"x\\u00e9\" ,\"c\":{\"a\":[1,\"}\"]},\"n\":null,\"t\":true}";
    ShimJson object, value, inner;
    uint64_t number = 0;

    g_assert_true(shimJsonIsObject(text, strlen(text), &object));
    g_assert_true(shimJsonGet(&object, "a", &value) && shimJsonIsNumber(&value, 9, &number));
    g_assert_cmpuint(number, ==, 1);
    g_assert_true(shimJsonGet(&object, "b", &value) && shimJsonIsText(&value));
    g_assert_false(shimJsonIsString(&value, "x"));
    g_assert_false(shimJsonIsString(&value, "xyz"));
    g_assert_true(shimJsonGet(&object, "c", &inner) && shimJsonGet(&inner, "a", &value));
    g_assert_cmpuint(value.length, ==, strlen("[1,\"}\"]"));
    g_assert_true(shimJsonGet(&object, "n", &value) && shimJsonIsNull(&value));
    g_assert_true(shimJsonGet(&object, "t", &value) && shimJsonIsTrue(&value));
    g_assert_false(shimJsonGet(&object, "", &value));
    g_assert_false(shimJsonGet(&object, "d", &value));
    g_assert_false(shimJsonHasTwins(&object));
}

static const struct {
    const char *name, *text;
    bool twins;
} twins[] = {
    { "none", "{\"a\":1,\"ab\":1,\"b\":{\"a\":1}}", false },
    { "plain", "{\"a\":1,\"b\":2,\"a\":1}", true },
    { "escaped", "{\"\\u00e9\":1,\"\xc3\xa9\":2}", true },
    { "pair", "{\"\\ud834\\udd1e\":1,\"\xf0\x9d\x84\x9e\":2}", true },
    { "three-bytes", "{\"\\u20ac\":1,\"\xe2\x82\xac\":2}", true },
    { "empty", "{\"\":1,\"\":2}", true },
};

static void
test_twins(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    ShimJson object;

    g_assert_true(shimJsonIsObject(twins[row].text, strlen(twins[row].text), &object));
    g_assert_true(shimJsonHasTwins(&object) == twins[row].twins);
}

static const struct {
    const char *text;
    uint64_t largest;
    bool good;
} numbers[] = {
    { "0", 0, true },
    { "1", 0, false },
    { "60000", 60000, true },
    { "60001", 60000, false },
    { "18446744073709551615", UINT64_MAX, true },
    { "18446744073709551616", UINT64_MAX, false },
    { "99999999999999999999", UINT64_MAX, false },
    { "-1", 9, false },
    { "1.0", 9, false },
    { "1e1", 99, false },
};

static void
test_numbers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        ShimJson value = { numbers[i].text, strlen(numbers[i].text) };
        uint64_t number;

        g_assert_true(shimJsonIsNumber(&value, numbers[i].largest, &number) == numbers[i].good);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/shim/json/", rows, test_row);
    ADD_ROWS("/shim/json/twins/", twins, test_twins);
    g_test_add_func("/shim/json/beginnings", test_beginnings);
    g_test_add_func("/shim/json/depth", test_depth);
    g_test_add_func("/shim/json/corpus", test_corpus);
    g_test_add_func("/shim/json/members", test_members);
    g_test_add_func("/shim/json/numbers", test_numbers);
    return g_test_run();
}
