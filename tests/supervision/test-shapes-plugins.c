/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-shapes-plugins.c: row R15 of docs/reliability.md through real processes: plugins that leave
 * odd things on their streams, while the guest moves. More of them, with a guest that stays as
 * well, are in tests/fakes/flawed and tests/unit/migration/test-fakes.c.
 */
#include <string.h>

#include "world.h"
#include "../unit/rows.h"

#define NOISE "yes 'noise on standard error' | head -c 16777216"
#define SLOWLY(text)                                                                               \
    "t='" text "'\nwhile [ -n \"$t\" ]; do printf %s \"${t%\"${t#?}\"}\" >&2; t=${t#?}; done\n"
#define SUCCESS_TEXT                                                                               \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": 1, "             \
    "\"completion\": {\"result\": \"success\", \"success\": {}}}"
#define STATUS_TEXT                                                                                \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": 1, \"status\": {}}"

static const struct {
    const char *name, *body;
    int error;            /* of the outcome; 0: success */
    const char *noise;    /* in the diagnostics; NULL: not looked at */
} rows[] = {
    { "none", "", VMMI_ERR_PLUGIN_PROTOCOL, "" },
    { "text", "echo 'out of luck' >&2\n", VMMI_ERR_PLUGIN_PROTOCOL, "out of luck" },
    { "whole", SAY_SUCCESS, 0, "" },
    { "two", SAY_ERROR(8) SAY_SUCCESS, 0, "\"code\": 8" },
    { "noise-around", "echo '{ [' >&2\n" SAY_SUCCESS "printf '}\\377{' >&2\n", 0, "{ [" },
    { "16-MiB-before", NOISE " >&2\n" SAY_SUCCESS, 0, "noise" },
    { "16-MiB-after", SAY_SUCCESS NOISE " >&2\n", 0, "noise" },
    /* The last 2 MiB are read, then the first one. */
    { "16-MiB-around", NOISE " >&2\n" SAY_SUCCESS NOISE " >&2\n", VMMI_ERR_PLUGIN_PROTOCOL,
      "noise" },
    { "16-MiB-completion",
      "printf '%s' '{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": 1, "
      "\"completion\": {\"result\": \"success\", \"success\": {\"a\": \"' >&2\n" NOISE
      " | tr '\\n' ' ' >&2\necho '\"}}}' >&2\n",
      VMMI_ERR_PLUGIN_PROTOCOL, NULL },
    { "slowly", SLOWLY(SUCCESS_TEXT), 0, "" },
    { "slowly-cut", SLOWLY("{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\""),
      VMMI_ERR_PLUGIN_PROTOCOL, NULL },
    { "in-two-writes",
      "printf '%s' '{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", ' >&2\n"
      "sleep 0.05\necho '\"timestamp\": 1, \"completion\": {\"result\": \"success\", "
      "\"success\": {}}}' >&2\n",
      0, "" },
    /* M5: a manager may have joined the streams; so may a plugin. */
    { "streams-joined-to-error",
      "exec >&2\necho '" STATUS_TEXT "'\n" SAY_SUCCESS "echo '" STATUS_TEXT "'\n", 0, "status" },
    { "streams-joined-to-output", "exec 2>&1\n" SAY_SUCCESS, VMMI_ERR_PLUGIN_PROTOCOL, "" },
    { "streams-closed", "exec >&- 2>&-\n", VMMI_ERR_PLUGIN_PROTOCOL, "" },
    { "cut-by-itself", SAY_ERROR(8) ": > /proc/self/fd/2\n" SAY_SUCCESS, 0, "" },
    { "by-a-child", "(" SAY_SUCCESS ") & wait\n", 0, "" },
    { "binary", "head -c 100000 /dev/zero >&2\n" SAY_SUCCESS "head -c 100000 /dev/zero >&2\n", 0,
      NULL },
};

static void
test_row(Fixture *fixture, gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *body = g_strconcat(WAIT_FOR("go"), rows[row].body, "exit 0\n", NULL);
    const vmmiOutcome *outcome;
    const char *noise;

    write_plugin(fixture, "fake", body);
    fixture->migration = start(fixture, 1);
    g_assert_nonnull(fixture->migration);
    world_set(&source_world, 1, VMMI_GUEST_SHUTOFF, VMMI_REASON_MIGRATED, VMMI_JOB_NONE);
    make_file(fixture, "go");
    if (!fixture->migration || !dispatch_until(fixture, has_ended))
        return;
    outcome = vmmiMigrationGetOutcome(fixture->migration);
    noise = vmmiOutcomeGetDiagnostics(outcome);
    g_assert_cmpint(vmmiOutcomeGetKind(outcome), ==, VMMI_OUTCOME_COMPLETED);
    g_assert_cmpint(vmmiOutcomeGetWhere(outcome), ==, VMMI_WHERE_DESTINATION);
    g_assert_cmpint(vmmiErrorGetCode(vmmiOutcomeGetError(outcome)), ==, rows[row].error);
    g_assert_cmpint(vmmiOutcomeGetExitKind(outcome), ==, VMMI_EXIT_EXITED);
    g_assert_cmpuint(strlen(noise), <=, VMMI_DIAGNOSTICS_MAX_BYTES);
    if (rows[row].noise && (*rows[row].noise ? !strstr(noise, rows[row].noise) : *noise))
        g_test_fail_printf("diagnostics: %.200s", noise);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    world_register();
    ADD_FIXTURE_ROWS("/R15/plugin/", rows, test_row);
    return g_test_run();
}
