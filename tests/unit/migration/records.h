/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * records.h: a run directory of a test's own, and records in it, for the tests that only look.
 */
#ifndef VMMI_TEST_MIGRATION_RECORDS_H
#define VMMI_TEST_MIGRATION_RECORDS_H

#include <libvmmi/libvmmi.h>

#include "plugin/job.h"
#include "util/cleanup.h"

#define UUID "6d1b9c9e-0c3f-4d53-9b35-1f6f1e2b7a10"
#define OTHER "c3a6a2f4-3b6d-4b93-8a35-5a2d4f0e9b77"
#define OUTCOME(kind, where) \
    "{\"version\": 1, \"outcome\": \"" kind "\", \"where\": \"" where "\", \"evidence\": \"seen\", " \
    "\"exit\": {\"kind\": \"exited\", \"value\": 0}, \"error\": null, \"diagnostics\": \"\", " \
    "\"statistics\": null, \"completion\": null, \"actions\": []}"
#define ENTRY(seq, rest) "{\"seq\": " #seq ", \"timestampMs\": 1, \"boottimeMs\": 1, " rest "}\n"
#define STATE(seq, name) ENTRY(seq, "\"kind\": \"state\", \"state\": \"" name "\"")
#define SAMPLE(seq, percent) ENTRY(seq, "\"kind\": \"sample\", \"sample\": {\"percent\": " #percent "}")

typedef struct {
    char *top;
    char *path;
    vmmiManager *manager;
    vmmiRunDir *run;
} Fixture;

void set_up(Fixture *fixture, gconstpointer data);
void tear_down(Fixture *fixture, gconstpointer data);
/* A prepared job. */
vmmiJob *make_job(const Fixture *fixture, const char *uuid, const char *name, const char *replaces);
/* One whose plugin ended with 0; and one that was settled besides. */
vmmiJob *make_ended(const Fixture *fixture, const char *uuid, const char *name,
                    const char *replaces);
vmmiJob *make_settled(const Fixture *fixture, const char *uuid, const char *name,
                      const char *outcome);
/* Replaces a file of a job. */
void write_text(const vmmiJob *job, const char *name, const char *text);
/* Fails the test when there is none. */
vmmiRecord *find(const Fixture *fixture, const char *selector);
/* "(unknown)" when it is. */
const char *state_of(const vmmiRecord *record);

#define CHECK(record, phase, state, percent)                                   \
    do {                                                                       \
        g_assert_cmpstr(vmmiPhaseToString(vmmiRecordGetPhase(record)), ==, phase); \
        g_assert_cmpstr(state_of(record), ==, state);                          \
        g_assert_cmpuint(vmmiRecordGetPercent(record), ==, percent);           \
    } while (0)

#define TEST(name, func) g_test_add("/record/" name, Fixture, NULL, set_up, func, tear_down)
#define ROWS(table, group, func, member)                                                   \
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {                                     \
        g_autofree char *path = g_strdup_printf("/record/" group "/%s", table[i].member);  \
                                                                                           \
        g_test_add(path, Fixture, GSIZE_TO_POINTER(i), set_up, func, tear_down);           \
    }

#endif
