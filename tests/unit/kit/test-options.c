/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-options.c: options that are lists of words, and options beside `policy`.
 */
#include <string.h>

#include "kit/options.h"
#include "message/json.h"
#include "util/cleanup.h"

#include "../rows.h"

static const char *const ways[] = { "postcopy", "suspend", NULL };
static const vmmiPolicyOption options[] = {
    { .name = "permit",
      .type = VMMI_OPTION_STRINGS,
      .default_value = "\"suspend\"",
      .choices = ways,
      .meaning = "what it may do" },
    { .name = "names", .type = VMMI_OPTION_STRINGS, .meaning = "any words" },
    { .name = "level", .type = VMMI_OPTION_UINT, .meaning = "a number" },
    { .name = NULL },
};

static json_t *
parse(const char *quoted)
{
    g_auto(GStrv) parts = g_strsplit(quoted, "'", -1);
    g_autofree char *text = g_strjoinv("\"", parts);

    return vmmiJsonParseValue(text, strlen(text), NULL, NULL);
}

static const struct {
    const char *name, *given;
    const char *words;  /* joined; NULL: refused */
    const char *needle; /* in the error */
} list_rows[] = {
    { "default", "{}", "suspend", NULL },
    { "array", "{'permit': ['postcopy', 'suspend']}", "postcopy+suspend", NULL },
    { "text", "{'permit': 'postcopy'}", "postcopy", NULL },
    { "commas", "{'permit': ' suspend , postcopy'}", "suspend+postcopy", NULL },
    { "nothing", "{'permit': ''}", "", NULL },
    { "empty-array", "{'permit': []}", "", NULL },
    { "twice", "{'permit': 'suspend,postcopy,suspend'}", "suspend+postcopy", NULL },
    { "unknown", "{'permit': 'suspend,postcpy'}", NULL,
      "option 'permit': item 2 must be one of postcopy, suspend, got 'postcpy'" },
    { "gap", "{'permit': 'suspend,,postcopy'}", NULL, "item 2 must be one of" },
    { "number", "{'permit': 5}", NULL, "an array of strings, or a string with commas, got" },
    { "item-number", "{'permit': ['suspend', 5]}", NULL, "item 2 must be one of postcopy, suspend, "
                                                         "got an integer" },
    { "any-word-but-none", "{'names': ['']}", NULL, "item 1 must be a string, not empty" },
};

static void
test_list(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(json_t) given = parse(list_rows[row].given);
    g_autofree char *bad_key = NULL, *words = NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiPolicyConfig) config = vmmiPolicyConfigNew(options, given, &bad_key, &error);
    const char *const *values = NULL;

    if (!list_rows[row].words) {
        g_assert_null(config);
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_OPTION);
        if (!strstr(vmmiErrorGetMessage(error), list_rows[row].needle))
            g_assert_cmpstr(vmmiErrorGetMessage(error), ==, list_rows[row].needle);
        return;
    }
    g_assert_cmpstr(vmmiErrorGetMessage(error), ==, "");
    g_assert_true(vmmiPolicyConfigGetStrings(config, "permit", &values));
    words = g_strjoinv("+", (char **)values);
    g_assert_cmpstr(words, ==, list_rows[row].words);
}

static void
test_absent(void)
{
    g_autofree char *bad_key = NULL;
    g_autoptr(vmmiPolicyConfig) config = vmmiPolicyConfigNew(options, NULL, &bad_key, NULL);
    const char *const *values = NULL;

    g_assert_false(vmmiPolicyConfigGetStrings(config, "names", &values));
    g_assert_false(vmmiPolicyConfigGetStrings(config, "level", &values));
    g_assert_false(vmmiPolicyConfigGetStrings(config, "other", &values));
    g_assert_null(values);
}

static const char *const top_level[] = { "level", "names", NULL };
static const struct {
    const char *name, *content;
    const char *gathered; /* NULL: nothing, or refused */
    const char *bad_key;
} gather_rows[] = {
    { "nothing", "{'verbose': 1}", NULL, NULL },
    { "policy", "{'policy': {'permit': 'suspend'}}", "{'permit': 'suspend'}", NULL },
    { "beside", "{'level': 3}", "{'level': 3}", NULL },
    { "both-kinds", "{'level': 3, 'policy': {'permit': 'suspend'}}",
      "{'level': 3, 'permit': 'suspend'}", NULL },
    { "other-stays", "{'permit': 'suspend'}", NULL, NULL },
    { "wrong-policy", "{'level': 3, 'policy': 5}", "5", NULL },
    { "twice", "{'level': 3, 'policy': {'level': 3}}", NULL, "level" },
};

static void
test_gather(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(json_t) content = parse(gather_rows[row].content);
    g_autoptr(json_t) before = json_deep_copy(content);
    g_autoptr(json_t) wanted = gather_rows[row].gathered ? parse(gather_rows[row].gathered) : NULL;
    g_autofree char *bad_key = NULL;
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(json_t) got = vmmiOptionsGather(top_level, content, &bad_key, &error);

    g_assert_cmpstr(bad_key, ==, gather_rows[row].bad_key);
    g_assert_true((error != NULL) == (gather_rows[row].bad_key != NULL));
    g_assert_true(got == wanted || json_equal(got, wanted));
    g_assert_true(json_equal(content, before));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/kit/options/list/", list_rows, test_list);
    g_test_add_func("/kit/options/list/absent", test_absent);
    ADD_ROWS("/kit/options/gather/", gather_rows, test_gather);
    return g_test_run();
}
