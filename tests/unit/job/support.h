/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * support.h: a run directory of a test's own, jobs in it, small plugins, and waiting for a
 * condition.
 */
#ifndef VMMI_TEST_JOB_SUPPORT_H
#define VMMI_TEST_JOB_SUPPORT_H

#include "plugin/job.h"
#include "util/cleanup.h"

#include "../rows.h"
#include "../tree.h"

#define UUID "6d1b9c9e-0c3f-4d53-9b35-1f6f1e2b7a10"
#define OTHER_UUID "c3a6a2f4-3b6d-4b93-8a35-5a2d4f0e9b77"
#define CONFIG \
    "{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"configuration\", \"configuration\": {}}"

typedef struct {
    char *top;         /* removed at the end */
    char *path;        /* of the run directory */
    vmmiRunDir *run;
} Fixture;

void fixture_set_up(Fixture *fixture, gconstpointer data);
void fixture_tear_down(Fixture *fixture, gconstpointer data);

/* Tests with this fixture: one, and one for each row of a table (rows.h). */
#define ADD_FIXTURE(path, function, data) \
    g_test_add(path, Fixture, data, fixture_set_up, function, fixture_tear_down)
#define ADD_FIXTURE_ROWS(prefix, table, function) \
    ADD_ROWS_WITH(Fixture, fixture_set_up, fixture_tear_down, prefix, table, function)

/* A prepared job of a guest; fails the test when it cannot be made. */
vmmiJob *make_job(const Fixture *fixture, const char *uuid);
/* An executable script with this body below "#!/bin/sh"; its path is to be freed. */
char *write_script(const Fixture *fixture, const char *name, const char *body);
/*
 * Launches a script for a job, with the job's directory as first argument and VMMI_JOB in the
 * environment.
 */
int launch_script(vmmiJob *job, const char *script, vmmiError **err);
/* Makes a job, launches a script in it, commits. A failure ends the program. */
vmmiJob *start_script(const Fixture *fixture, const char *body);

/* Asks until the answer is true or 20 s are over. */
bool wait_until(bool (*condition)(void *opaque), void *opaque);
/* Waits until the job has ended, and fails the test when it does not. */
vmmiJobResult wait_for_end(vmmiJob *job);
bool wait_for_phase(vmmiJob *job, vmmiPhase phase);
/* Waits until the plugin has written a line that begins with this to its standard output. */
bool wait_for_output(vmmiJob *job, const char *text);
char *read_output(vmmiJob *job);
/* The names in a directory, sorted, joined by spaces. */
char *list_names(const char *directory);

#endif
