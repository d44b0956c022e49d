/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-state.c: every enum has a name for each value and finds it again; which state may follow which.
 */
#include "util/cleanup.h"
#include "../rows.h"

#define ROW(prefix, last) { #prefix, (const char *(*)(int))(void (*)(void))prefix##ToString, prefix##FromString, last }
static const struct {
    const char *name;
    const char *(*to_string)(int value);
    int (*from_string)(const char *name);
    int last;
} tables[] = {
    ROW(vmmiState, VMMI_STATE_LAST),
    ROW(vmmiOutcomeKind, VMMI_OUTCOME_LAST),
    ROW(vmmiWhere, VMMI_WHERE_LAST),
    ROW(vmmiExitKind, VMMI_EXIT_LAST),
    ROW(vmmiPhase, VMMI_PHASE_LAST),
    ROW(vmmiMode, VMMI_MODE_LAST),
    ROW(vmmiGuestState, VMMI_GUEST_LAST),
    ROW(vmmiGuestReason, VMMI_REASON_LAST),
    ROW(vmmiJobKind, VMMI_JOB_LAST),
};

static void
test_round_trip(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    for (int i = 0; i < tables[row].last; i++) {
        g_assert_nonnull(tables[row].to_string(i));
        g_assert_cmpint(tables[row].from_string(tables[row].to_string(i)), ==, i);
    }
    g_assert_null(tables[row].to_string(tables[row].last));
    g_assert_null(tables[row].to_string(-1));
    g_assert_cmpint(tables[row].from_string("nonsense"), ==, -1);
    g_assert_cmpint(tables[row].from_string(NULL), ==, -1);
}

static const struct {
    vmmiState from, to;
    bool legal;
} transitions[] = {
    { VMMI_STATE_STARTING, VMMI_STATE_PRECOPY, true },
    { VMMI_STATE_PRECOPY, VMMI_STATE_BEGIN, false },
    { VMMI_STATE_POSTCOPY, VMMI_STATE_PRECOPY, false },
    { VMMI_STATE_POSTCOPY_BROKEN, VMMI_STATE_POSTCOPY, true },
    { VMMI_STATE_POSTCOPY_BROKEN, VMMI_STATE_COMPLETED, false },
    { VMMI_STATE_UNATTENDED, VMMI_STATE_COMPLETED, true },
    { VMMI_STATE_UNATTENDED, VMMI_STATE_PRECOPY, false },
    { VMMI_STATE_COMPLETED, VMMI_STATE_FAILED, false },
    { VMMI_STATE_CONFIRM, VMMI_STATE_COMPLETED, true },
};

static void
test_transition(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);

    g_assert_cmpint(vmmiStateMayFollow(transitions[row].from, transitions[row].to), ==,
                    transitions[row].legal);
}

static void
test_final_states_end(void)
{
    for (int from = 0; from < VMMI_STATE_LAST; from++) {
        for (int to = 0; to < VMMI_STATE_LAST; to++) {
            if (vmmiStateIsFinal((vmmiState)from))
                g_assert_false(vmmiStateMayFollow((vmmiState)from, (vmmiState)to));
        }
    }
    g_assert_false(vmmiStateMayFollow((vmmiState)99, VMMI_STATE_FAILED));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/state/names/", tables, test_round_trip);
    for (size_t i = 0; i < G_N_ELEMENTS(transitions); i++) {
        g_autofree char *path = g_strdup_printf("/state/transition/%s-to-%s",
                                                vmmiStateToString(transitions[i].from),
                                                vmmiStateToString(transitions[i].to));

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_transition);
    }
    g_test_add_func("/state/final-states-end", test_final_states_end);
    return g_test_run();
}
