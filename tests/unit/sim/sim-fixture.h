/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-fixture.h: worlds from a line of text, and migrations in virtual time. For the tests of the model.
 */
#ifndef VMMI_TESTS_SIM_FIXTURE_H
#define VMMI_TESTS_SIM_FIXTURE_H

#include "drivers/sim/sim-action.h"
#include "drivers/sim/sim-scenario.h"
#include "drivers/sim/sim-step.h"
#include "util/cleanup.h"

#define SECOND INT64_C(1000000)

/* JSON with ' for ". */
json_t *fixture_json(const char *text);
/* A world from the members of a scenario ("'guests': [...]"); ends the program when it is refused. */
vmmiSimWorld *fixture_world(const char *members);
/* Starts a migration of the first guest from host 0 to host 1; @flags are separated by commas. Returns the job, 0: refused. */
uint64_t fixture_start(vmmiSimWorld *world, const char *flags, vmmiError **err);
/* Lets the world go on until the job has ended, at most until @limit. Returns the result, or NULL. */
const vmmiSimResult *fixture_finish(vmmiSimWorld *world, uint64_t job, int64_t limit);
/* Lets the world go on until the first guest's migration is in a step. Returns whether it got there before @limit. */
bool fixture_reach(vmmiSimWorld *world, vmmiSimPhase step, int64_t limit);
/* "running/migrated": the first guest as a host knows it. To be freed. */
char *fixture_place(const vmmiSimWorld *world, size_t host);

#endif
