/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-corpus.c: files that must be read (y_*) and files that must be refused (n_*), with the
 * refusal's code and words; and what remains of them after many small changes: never a crash, never
 * a message that cannot be written and read back.
 */
#include <string.h>

#include "message/message.h"
#include "util/cleanup.h"
#include "../rows.h"

#define MUTATIONS 400

static const struct {
    const char *name;
    int code;
    const char *needle;
} files[] = {
    { "y_configuration_full", VMMI_ERR_OK, NULL },
    { "y_configuration_empty", VMMI_ERR_OK, NULL },
    { "y_configuration_unknown_keys", VMMI_ERR_OK, NULL },
    { "y_status", VMMI_ERR_OK, NULL },
    { "y_status_empty", VMMI_ERR_OK, NULL },
    { "y_completion_success", VMMI_ERR_OK, NULL },
    { "y_completion_error", VMMI_ERR_OK, NULL },
    { "y_other_type", VMMI_ERR_OK, NULL },
    { "y_escapes_no_newline", VMMI_ERR_OK, NULL },
    { "n_specification_example", VMMI_ERR_MESSAGE,
      "line 7, column 3: at 'configuration.verbose': a comma before '}'" },
    { "n_empty", VMMI_ERR_MESSAGE, "there is no object" },
    { "n_null", VMMI_ERR_MESSAGE, "an object was expected" },
    { "n_array", VMMI_ERR_MESSAGE, "an object was expected" },
    { "n_cut", VMMI_ERR_MESSAGE, "the text ends before the object is whole" },
    { "n_two", VMMI_ERR_MESSAGE, "after the end of the object" },
    { "n_duplicate", VMMI_ERR_MESSAGE, "at 'configuration': the key stands here a second time" },
    { "n_latin1", VMMI_ERR_MESSAGE, "this is not UTF-8" },
    { "n_escaped_nul", VMMI_ERR_MESSAGE, "at 'configuration.connection'" },
    { "n_nul", VMMI_ERR_MESSAGE, "NUL byte" },
    { "n_byte_order_mark", VMMI_ERR_MESSAGE, "byte order mark" },
    { "n_huge_integer", VMMI_ERR_MESSAGE, "too big integer" },
    { "n_huge_real", VMMI_ERR_MESSAGE, "real number overflow" },
    { "n_deep", VMMI_ERR_MESSAGE, "more than 32 levels" },
    { "n_verbose_string", VMMI_ERR_MALFORMED_CONFIGURATION,
      "'verbose' must be an integer 0..10, got a string" },
    { "n_version", VMMI_ERR_PROTOCOL_VERSION, "\"1.0.0\"" },
    { "n_no_timestamp", VMMI_ERR_MESSAGE, "'timestamp' is missing" },
    { "n_error_empty", VMMI_ERR_MESSAGE, "'error.code' is missing" },
    { "n_comment", VMMI_ERR_MESSAGE, "a key in double quotes is missing" },
    { "n_single_quotes", VMMI_ERR_MESSAGE, "a key in double quotes is missing" },
};

static char *
path_of(size_t row)
{
    g_autofree char *file = g_strconcat(files[row].name, ".json", NULL);

    return g_test_build_filename(G_TEST_DIST, "..", "corpus", "message", file, NULL);
}

static void
test_file(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autofree char *path = path_of(row);
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMessage) message = vmmiMessageReadFile(path, &error);

    g_assert_cmpint(vmmiErrorGetCode(error), ==, files[row].code);
    g_assert_true(!message == (files[row].code != VMMI_ERR_OK));
    if (!files[row].needle)
        return;
    g_assert_true(g_str_has_prefix(vmmiErrorGetMessage(error), path));
    if (!strstr(vmmiErrorGetMessage(error), files[row].needle))
        g_test_fail_printf("'%s' is not in '%s'", files[row].needle, vmmiErrorGetMessage(error));
}

/* Each file of the folder has a row, and each row a file. */
static void
test_complete(void)
{
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "..", "corpus", "message", NULL);
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    size_t count = 0;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        bool known = false;

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
            known |= g_str_has_prefix(name, files[i].name) && name[strlen(files[i].name)] == '.';
        if (!known)
            g_test_fail_printf("no row for '%s'", name);
        count++;
    }
    g_dir_close(dir);
    g_assert_cmpuint(count, ==, G_N_ELEMENTS(files));
}

static void
mutate(GRand *random, GByteArray *bytes)
{
    static const char interesting[] = "{}[]\",:\\0123456789eE+-.tfn \n\xff\xc3u";
    guint changes = (guint)g_rand_int_range(random, 1, 4);

    while (changes-- > 0 && bytes->len > 1) {
        guint at = (guint)g_rand_int_range(random, 0, (gint32)bytes->len);
        guint8 byte = (guint8)interesting[g_rand_int_range(random, 0, sizeof(interesting))];

        switch (g_rand_int_range(random, 0, 4)) {
        case 0:
            bytes->data[at] = byte;
            break;
        case 1:
            bytes->data[at] ^= (guint8)(1u << g_rand_int_range(random, 0, 8));
            break;
        case 2:
            g_byte_array_remove_index(bytes, at);
            break;
        default:
            g_byte_array_append(bytes, &byte, 1);
            memmove(bytes->data + at + 1, bytes->data + at, bytes->len - at - 1);
            bytes->data[at] = byte;
        }
    }
}

static void
check_mutant(const char *text, size_t length)
{
    g_autoptr(vmmiError) error = NULL;
    g_autoptr(vmmiMessage) message = vmmiMessageParse(text, length, &error), again = NULL;
    g_autofree char *written = NULL;
    size_t consumed = 0;

    g_assert_true(!message == (vmmiErrorGetCode(error) != VMMI_ERR_OK));
    g_assert_true(g_utf8_validate(vmmiErrorGetMessage(error), -1, NULL));
    vmmiMessageUnref(vmmiMessageParseFirst(text, length, &consumed, NULL));
    g_assert_cmpuint(consumed, <=, length);
    if (!message)
        return;
    written = vmmiMessageToJson(message, false, NULL);
    again = written ? vmmiMessageParse(written, strlen(written), NULL) : NULL;
    if (!again || !json_equal(message->root, again->root))
        g_test_fail_printf("not read back: %.*s", (int)length, text);
}

/* The same changes in each run: the seed is the row. */
static void
test_mutations(void)
{
    for (size_t row = 0; row < G_N_ELEMENTS(files); row++) {
        g_autofree char *path = path_of(row);
        GRand *random = g_rand_new_with_seed((guint32)row);
        g_autofree char *text = NULL;
        size_t length = 0;

        g_assert_true(g_file_get_contents(path, &text, &length, NULL));
        for (int i = 0; i < MUTATIONS; i++) {
            GByteArray *bytes = g_byte_array_new();

            g_byte_array_append(bytes, (guint8 *)text, (guint)length);
            mutate(random, bytes);
            check_mutant(bytes->data ? (char *)bytes->data : "", bytes->len);
            g_byte_array_unref(bytes);
        }
        g_rand_free(random);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/message/corpus/", files, test_file);
    g_test_add_func("/message/corpus/complete", test_complete);
    g_test_add_func("/message/corpus/mutations", test_mutations);
    return g_test_run();
}
