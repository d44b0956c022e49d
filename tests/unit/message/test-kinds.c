/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-kinds.c: what configurations, statuses and completions mean: merging, settings, figures,
 * outcomes.
 */
#include <locale.h>
#include <string.h>

#include "message/configuration.h"
#include "message/json.h"
#include "message/message.h"
#include "util/cleanup.h"
#include "../rows.h"

static const struct {
    const char *name, *base, *over, *merged;
} merges[] = {
    { "scalar", "{\"a\":1}", "{\"a\":2}", "{\"a\":2}" },
    { "new", "{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}" },
    { "deep", "{\"m\":{\"a\":1,\"b\":2}}", "{\"m\":{\"b\":3}}", "{\"m\":{\"a\":1,\"b\":3}}" },
    { "array-replaces", "{\"a\":[1,2]}", "{\"a\":[3]}", "{\"a\":[3]}" },
    { "object-over-scalar", "{\"a\":1}", "{\"a\":{\"b\":2}}", "{\"a\":{\"b\":2}}" },
    { "scalar-over-object", "{\"a\":{\"b\":2}}", "{\"a\":null}", "{\"a\":null}" },
};

static void
test_merge(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(json_t) base = vmmiJsonParse(merges[row].base, strlen(merges[row].base), NULL, NULL);
    g_autoptr(json_t) over = vmmiJsonParse(merges[row].over, strlen(merges[row].over), NULL, NULL);
    g_autofree char *merged = NULL, *untouched = NULL;

    g_assert_cmpint(vmmiConfigurationMerge(base, over, NULL), ==, 0);
    merged = vmmiJsonWrite(base, false);
    untouched = vmmiJsonWrite(over, false);
    g_assert_cmpstr(merged, ==, merges[row].merged);
    g_assert_cmpstr(untouched, ==, merges[row].over);
}

static const struct {
    const char *name, *setting;
    const char *content;   /* NULL: refused */
} settings[] = {
    { "option", "maxDowntimeMs=500", "{\"policy\":{\"maxDowntimeMs\":500}}" },
    { "dotted", "migration.mode=managed", "{\"migration\":{\"mode\":\"managed\"}}" },
    { "json", "migration.flags=[\"postcopy\"]", "{\"migration\":{\"flags\":[\"postcopy\"]}}" },
    { "param", "migration.params.compression.mt.level=9",
      "{\"migration\":{\"params\":{\"compression.mt.level\":9}}}" },
    { "string", "x=a=b c", "{\"policy\":{\"x\":\"a=b c\"}}" },
    { "quoted", "x=\"5\"", "{\"policy\":{\"x\":\"5\"}}" },
    { "empty-value", "x=", "{\"policy\":{\"x\":\"\"}}" },
    { "boolean", "policy.y=true", "{\"policy\":{\"y\":true}}" },
    { "no-equals", "verbose", NULL },
    { "no-key", "=5", NULL },
    { "empty-part", "a..b=5", NULL },
    { "not-utf8", "a=\xff", NULL },
};

static void
test_setting(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(json_t) content = json_object();
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *written = NULL;
    int done = vmmiConfigurationApply(content, settings[row].setting, NULL, &error);

    if (!settings[row].content) {
        g_assert_cmpint(done, ==, -1);
        g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_MALFORMED_CONFIGURATION);
        return;
    }
    written = vmmiJsonWrite(content, false);
    g_assert_cmpstr(written, ==, settings[row].content);
}

static void
test_check(void)
{
    g_autoptr(json_t) content = json_pack("{s:i}", "verbose", 5);
    g_autoptr(vmmiError) error = NULL;
    g_autofree char *path = NULL;

    g_assert_cmpint(vmmiConfigurationCheck(content, &error), ==, 0);
    g_assert_cmpint(vmmiConfigurationApply(content, "migration.mode=fast", &path, NULL), ==, 0);
    g_assert_cmpstr(path, ==, "migration.mode");
    g_assert_cmpint(vmmiConfigurationCheck(content, &error), ==, -1);
    g_assert_cmpstr(
        vmmiErrorGetMessage(error), ==,
        "'migration.mode' must be one of \"p2p\", \"managed\", \"direct\", got \"fast\"");
    g_assert_cmpint(content->refcount, ==, 1);
}

static void
test_status(void)
{
    g_autoptr(vmmiMessage) status = vmmiMessageNew("status", NULL);
    g_autoptr(vmmiSample) sample = vmmiSampleNew(), back = NULL;
    g_autofree char *text = NULL;

    vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT, 40);
    vmmiSampleSet(sample, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 0);
    vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, 300);
    vmmiSampleSet(sample, VMMI_SAMPLE_ETA_MS, 5);
    g_assert_cmpint(vmmiStatusSetSample(status, VMMI_STATE_PRECOPY, sample, NULL), ==, 0);
    text = vmmiMessageGetJson(status, NULL);
    g_assert_cmpstr(text, ==, "{\"state\":\"precopy\",\"percent\":40,\"etaMs\":5,"
                              "\"memory\":{\"remaining\":0},\"downtimeMs\":{\"expected\":300}}");
    back = vmmiStatusGetSample(status);
    g_assert_cmpuint(vmmiSampleGetOr(back, VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, 0), ==, 300);
    g_assert_cmpuint(vmmiSampleGetOr(back, VMMI_SAMPLE_MEMORY_REMAINING_BYTES, 9), ==, 0);
    g_assert_false(vmmiSampleGet(back, VMMI_SAMPLE_MEMORY_TOTAL_BYTES, NULL));
}

/* Never decreasing, 100 only at the end, unknown figures leave (B4). */
static void
test_percent(void)
{
    static const struct { vmmiState state; uint64_t percent, wanted;
    } steps[] = {
        { VMMI_STATE_PRECOPY, 50, 50 },    { VMMI_STATE_PRECOPY, 30, 50 },
        { VMMI_STATE_POSTCOPY, 100, 99 },  { VMMI_STATE_FAILED, 0, 99 },
        { VMMI_STATE_COMPLETED, 10, 100 },
    };
    g_autoptr(vmmiMessage) status = vmmiMessageNew("status", NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        g_autoptr(vmmiSample) sample = vmmiSampleNew();
        uint64_t percent = 0;

        vmmiSampleSet(sample, VMMI_SAMPLE_PERCENT, steps[i].percent);
        if (i == 0)
            vmmiSampleSet(sample, VMMI_SAMPLE_ETA_MS, 7);
        vmmiStatusSetSample(status, steps[i].state, sample, NULL);
        g_assert_true(vmmiMessageGetUInt(status, "percent", &percent));
        g_assert_cmpuint(percent, ==, steps[i].wanted);
        g_assert_true(vmmiMessageHas(status, "etaMs") == (i == 0));
    }
}

static void
test_completion_error(void)
{
    g_autoptr(vmmiError) error = NULL, back = NULL;
    g_autoptr(vmmiMessage) completion = NULL, again = NULL;
    g_autoptr(vmmiSample) sample = vmmiSampleNew(), statistics = NULL;
    g_autofree char *text = NULL;
    vmmiOutcomeKind outcome;
    vmmiWhere where;

    vmmiErrorSet(&error, VMMI_ERR_GUEST_DISAPPEARED, "guest gone \xff");
    vmmiErrorSetDetails(&error, "destroyed");
    completion = vmmiCompletionNewError(error);
    g_assert_false(vmmiCompletionGetOutcome(completion, NULL, NULL));
    vmmiSampleSet(sample, VMMI_SAMPLE_DOWNTIME_FINAL_MS, 12);
    g_assert_cmpint(vmmiCompletionSetStatistics(completion, sample, NULL), ==, 0);
    g_assert_cmpint(
        vmmiCompletionSetOutcome(completion, VMMI_OUTCOME_FAILED, VMMI_WHERE_NOWHERE, NULL), ==, 0);
    g_assert_cmpint(vmmiCompletionSetOutcome(completion, 99, VMMI_WHERE_NOWHERE, NULL), ==, -1);
    vmmiMessageStamp(completion, 1);
    text = vmmiMessageToJson(completion, false, NULL);
    again = vmmiMessageParse(text, strlen(text), NULL);
    g_assert_false(vmmiCompletionIsSuccess(again));
    back = vmmiCompletionGetError(again);
    g_assert_cmpint(vmmiErrorGetCode(back), ==, VMMI_ERR_GUEST_DISAPPEARED);
    g_assert_true(g_str_has_prefix(vmmiErrorGetMessage(back), "guest gone "));
    g_assert_cmpstr(vmmiErrorGetDetails(back), ==, "destroyed");
    g_assert_cmpstr(vmmiErrorGetOrigin(back), ==, "plugin");
    g_assert_true(vmmiCompletionGetOutcome(again, &outcome, &where));
    g_assert_cmpint(outcome, ==, VMMI_OUTCOME_FAILED);
    g_assert_cmpint(where, ==, VMMI_WHERE_NOWHERE);
    statistics = vmmiCompletionGetStatistics(again);
    g_assert_cmpuint(vmmiSampleGetOr(statistics, VMMI_SAMPLE_DOWNTIME_FINAL_MS, 0), ==, 12);
}

/* However long the error, the completion can be written. */
static void
test_completion_long(void)
{
    g_autofree char *large = g_strnfill(3 * 1024 * 1024, 'e');
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMessage) completion = NULL;
    g_autofree char *text = NULL;

    vmmiErrorSet(&error, VMMI_ERR_MIGRATION_FAILED, "%s", large);
    vmmiErrorSetDetails(&error, "%s", large);
    completion = vmmiCompletionNewError(error);
    vmmiMessageStamp(completion, 1);
    text = vmmiMessageToJson(completion, false, NULL);
    g_assert_nonnull(text);
    g_assert_nonnull(strstr(text, "eee..."));
}

static void
test_completion_success(void)
{
    g_autoptr(vmmiMessage) completion = vmmiCompletionNewSuccess(), status = NULL;
    g_autoptr(vmmiError) error = NULL;

    g_assert_true(vmmiCompletionIsSuccess(completion));
    g_assert_null(vmmiCompletionGetError(completion));
    g_assert_null(vmmiCompletionGetStatistics(completion));
    g_assert_cmpint(vmmiCompletionSetOutcome(completion, VMMI_OUTCOME_COMPLETED,
                                             VMMI_WHERE_DESTINATION, NULL), ==, 0);
    status = vmmiMessageNew("status", NULL);
    g_assert_false(vmmiCompletionIsSuccess(status));
    g_assert_null(vmmiCompletionGetError(status));
    g_assert_cmpint(vmmiCompletionSetOutcome(status, VMMI_OUTCOME_COMPLETED, VMMI_WHERE_SOURCE,
                                             &error), ==, -1);
    g_assert_cmpint(vmmiErrorGetCode(error), ==, VMMI_ERR_INVALID_ARGUMENT);
}

static void
test_unknown_keys(void)
{
    static const char text[] =
        "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", \"configuration\": "
        "{\"verbos\": 1,"
        " \"policy\": {\"any\": 1}, \"migration\": {\"params\": {\"x\": 1}, \"flag\": []}}}";
    g_autoptr(vmmiMessage) message = vmmiMessageParse(text, strlen(text), NULL);
    g_auto(GStrv) keys = vmmiMessageGetUnknownKeys(message), none = NULL;
    g_autoptr(vmmiMessage) completion = vmmiCompletionNewSuccess();

    g_assert_cmpuint(g_strv_length(keys), ==, 2);
    g_assert_cmpstr(keys[0], ==, "verbos");
    g_assert_cmpstr(keys[1], ==, "migration.flag");
    none = vmmiMessageGetUnknownKeys(completion);
    g_assert_null(none[0]);
}

const char *__lsan_default_suppressions(void);

/* The C library never gives back what it makes of LOCPATH. For sanitized builds. */
const char *
__lsan_default_suppressions(void)
{
    return "leak:__argz_add_sep\nleak:setlocale\n";
}

/*
 * Numbers do not follow the language of the user. VMMI_TEST_LOCALES: where tests/run has made a
 * German locale.
 */
static void
test_locale(void)
{
    static const char text[] = "{\"a\":0.5}";
    const char *locales = g_getenv("VMMI_TEST_LOCALES");
    g_autofree char *written = NULL;
    g_autoptr(json_t) value = NULL;

    if (locales)
        g_setenv("LOCPATH", locales, TRUE);
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
        g_test_skip("no German locale here");
        return;
    }
    value = vmmiJsonParse(text, strlen(text), NULL, NULL);
    written = vmmiJsonWrite(value, false);
    g_assert_cmpstr(written, ==, text);
    setlocale(LC_ALL, "C");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/message/configuration/merge/", merges, test_merge);
    ADD_ROWS("/message/configuration/setting/", settings, test_setting);
    g_test_add_func("/message/configuration/check", test_check);
    g_test_add_func("/message/status/sample", test_status);
    g_test_add_func("/message/status/percent", test_percent);
    g_test_add_func("/message/completion/error", test_completion_error);
    g_test_add_func("/message/completion/long", test_completion_long);
    g_test_add_func("/message/completion/success", test_completion_success);
    g_test_add_func("/message/unknown-keys", test_unknown_keys);
    g_test_add_func("/message/locale", test_locale);
    return g_test_run();
}
