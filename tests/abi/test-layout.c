/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-layout.c: where the members of the policy's tables stand, and what its words are worth: what
 * was compiled against an older header goes on working. New members are new rows, at the end.
 */
#include <stddef.h>

#include <glib.h>

#include <libvmmi/libvmmi.h>

/* In words of the machine, so that 32 bits agree with 64 where all members are words. */
#define ROW(type, member, words)                                                                   \
    {                                                                                              \
        #type "." #member, offsetof(type, member), (words) * sizeof(void *)                        \
    }
static const struct {
    const char *name;
    size_t offset, wanted;
} members[] = {
    ROW(vmmiPolicy, struct_size, 0), ROW(vmmiPolicy, name, 2),
    ROW(vmmiPolicy, version, 3),     ROW(vmmiPolicy, summary, 4),
    ROW(vmmiPolicy, needs, 5),       ROW(vmmiPolicy, options, 6),
    ROW(vmmiPolicy, state_size, 7),  ROW(vmmiPolicy, configure, 8),
    ROW(vmmiPolicy, prepare, 9),     ROW(vmmiPolicy, on_event, 10),
    ROW(vmmiPolicy, status, 11),     ROW(vmmiPolicy, clear, 12),
    ROW(vmmiPolicy, top_level, 13),  ROW(vmmiPolicyOption, name, 0),
    ROW(vmmiPolicyEvent, size, 0),
};

static void
test_member(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    g_assert_cmpuint(members[row].offset, ==, members[row].wanted);
}

static const struct {
    const char *name;
    int value, wanted;
} words[] = {
    { "option-bool", VMMI_OPTION_BOOL, 0 },     { "option-uint", VMMI_OPTION_UINT, 1 },
    { "option-string", VMMI_OPTION_STRING, 2 }, { "option-json", VMMI_OPTION_JSON, 3 },
    { "option-strings", VMMI_OPTION_STRINGS, 4 }, { "event-sample", VMMI_POLICY_SAMPLE, 0 },
    { "event-iteration", VMMI_POLICY_ITERATION, 1 }, { "event-state", VMMI_POLICY_STATE, 2 },
    { "event-action", VMMI_POLICY_ACTION, 3 }, { "event-timer", VMMI_POLICY_TIMER, 4 },
    { "api-version", VMMI_POLICY_API_VERSION, 1 },
};

static void
test_word(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    g_assert_cmpint(words[row].value, ==, words[row].wanted);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        g_autofree char *path = g_strconcat("/abi/member/", members[i].name, NULL);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_member);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *path = g_strconcat("/abi/value/", words[i].name, NULL);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_word);
    }
    return g_test_run();
}
