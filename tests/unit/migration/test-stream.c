/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-stream.c: messages among noise, in time that is bounded whatever the noise is.
 */
#include <string.h>

#include "migration/outcome.h"
#include "migration/stream.h"
#include "util/cleanup.h"
#include "../rows.h"

#define DONE(result, mark)                                                                         \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": " mark           \
    ", \"completion\": {\"result\": \"success\", \"success\": {}}}"
#define STATUS                                                                                     \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"status\", \"timestamp\": 1, \"status\": "     \
    "{\"state\": \"precopy\"}}"

/* 16 levels. */
#define NEST "{\"k\":[{\"k\":[{\"k\":[{\"k\":[{\"k\":[{\"k\":[{\"k\":[{\"k\":["

static const struct {
    const char *name, *text;
    uint64_t timestamp; /* of the completion; 0: there is none */
    const char *noise;
} rows[] = {
    { "empty", "", 0, "" },
    { "only", DONE("success", "1"), 1, "" },
    { "newline", DONE("success", "1") "\n", 1, "" },
    { "noise-around", "a\n" DONE("success", "1") "\nb\n", 1, "a\nb" },
    { "noise-inside-line", "x" DONE("success", "1") "y", 1, "xy" },
    { "last-counts", DONE("success", "1") DONE("success", "2"), 2, DONE("success", "1") },
    { "open-brace-before", "{ {{\n" DONE("success", "1"), 1, "{ {{" },
    { "half-object-before", "{\"a\": \"\n" DONE("success", "1"), 1, "{\"a\": \"" },
    { "half-message-after", DONE("success", "1") "{\"vmmiVersion\": ", 1, "{\"vmmiVersion\":" },
    { "status-is-none", STATUS, 0, STATUS },
    { "other-version", "{\"vmmiVersion\": \"9.0\", \"contentType\": \"completion\"}", 0,
      "{\"vmmiVersion\": \"9.0\", \"contentType\": \"completion\"}" },
    { "inside-open-objects", "{\"a\": {\"b\": " DONE("success", "1"), 1, "{\"a\": {\"b\":" },
    { "inside-open-array", "{\"a\": [{}, " DONE("success", "1") ", " DONE("success", "2") " oops", 2,
      "{\"a\": [{}, " DONE("success", "1") ",  oops" },
    { "inside-too-deep", NEST NEST NEST "{}, " DONE("success", "1") "]]]]", 1,
      NEST NEST NEST "{}, ]]]]" },
    { "quote-before-on-the-line", "say {\"a " DONE("success", "1"), 1, "say {\"a" },
    { "inside-a-whole-object", "{\"a\": " DONE("success", "1") "}", 0,
      "{\"a\": " DONE("success", "1") "}" },
    { "control-characters", "\033[31mred\a", 0, "[31mred" },
    { "broken-utf8",
      "a\xff"
      "b",
      0,
      "a\xef\xbf\xbd"
      "b" },
};

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *noise = NULL;
    g_autoptr(vmmiMessage) found =
        vmmiStreamFindCompletion(rows[row].text, strlen(rows[row].text), &noise);
    uint64_t timestamp = 0;

    if (found)
        vmmiMessageGetTimestamp(found, &timestamp);
    g_assert_cmpuint(timestamp, ==, rows[row].timestamp);
    g_assert_cmpstr(noise, ==, rows[row].noise);
}

#define FLOOD_BYTES (256 * 1024)
static const struct {
    const char *name, *unit;
} floods[] = {
    { "braces", "{" },           { "keys", "{\"" },        { "objects", "{\"a\":" },
    { "strings", "{\"a\":\"{" }, { "arrays", "{\"a\":[" }, { "bytes", "\xff" },
    { "spaces", "{ " },          { "empties", "{}" },      { "whole", STATUS },
};

static void
test_flood(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *noise = NULL;
    g_autoptr(vmmiMessage) found = NULL;

    while (text->len < FLOOD_BYTES)
        g_string_append(text, floods[row].unit);
    g_string_append(text, "\n" DONE("success", "7") "\n");
    found = vmmiStreamFindCompletion(text->str, text->len, &noise);
    g_assert_nonnull(found);
    g_assert_cmpuint(strlen(noise), <=, VMMI_DIAGNOSTICS_MAX_BYTES);
    g_assert_true(g_utf8_validate(noise, -1, NULL));
}

/* A stream that is read in pieces: nothing is skipped, nothing is found twice. */
static void
test_status_pieces(void)
{
    static const char text[] = "noise { " STATUS "\n" STATUS;
    size_t offset = 0, found = 0;

    for (size_t length = 0; length <= strlen(text); length++) {
        size_t consumed = 0;
        g_autoptr(vmmiMessage) status =
            vmmiStreamFindStatus(text + offset, length - offset, &consumed);

        offset += consumed;
        g_assert_cmpuint(offset, <=, length);
        found += status != NULL;
    }
    g_assert_cmpuint(found, ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/migration/stream/completion/", rows, test_row);
    ADD_ROWS("/migration/stream/flood/", floods, test_flood);
    g_test_add_func("/migration/stream/status-pieces", test_status_pieces);
    return g_test_run();
}
