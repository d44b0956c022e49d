/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * taking.h: what the tests of taking over share: plugins that let go, and who is in charge.
 */
#ifndef VMMI_TEST_MIGRATION_TAKING_H
#define VMMI_TEST_MIGRATION_TAKING_H

#include "world.h"

#define UUID1 "00000001-0000-4000-8000-000000000000"
#define MOVE(fixture)                                                                              \
    world_set(&source_world, 1, VMMI_GUEST_RUNNING, VMMI_REASON_OTHER, VMMI_JOB_MIGRATION_OUT)
/* A plugin that lets go when it is told to, as B8 wants it. */
#define LETS_GO                                                                                    \
    "trap '" RELEASED "exit 1' TERM\n: > \"$TOP/$(basename \"$0\").ready\"\n" FOREVER
#define RELEASED                                                                                   \
    "echo \"{\\\"vmmiVersion\\\": \\\"0.4.1\\\", \\\"contentType\\\": \\\"completion\\\", "          \
    "\\\"timestamp\\\": 1, \\\"completion\\\": {\\\"result\\\": \\\"error\\\", \\\"error\\\": "      \
    "{\\\"code\\\": 13, \\\"message\\\": \\\"let go\\\", \\\"details\\\": \\\"\\\"}}}\" >&2; "

vmmiMigration *take_over_with(Fixture *fixture, const vmmiTakeOverOptions *given, vmmiError **err);
vmmiMigration *take_over(Fixture *fixture, const char *plugin, vmmiError **err);
/* "old" in charge of guest 1, whose migration runs; logged as fixture->migration. */
void start_old_with(Fixture *fixture, const char *body, const char *const *settings);
void start_old(Fixture *fixture, const char *body);
/* The id of the migration whose plugin is in charge of guest 1, to be freed. */
char *in_charge(Fixture *fixture);
void expect_in_charge(Fixture *fixture, const char *id);
guint count_records(const Fixture *fixture);
void expect_text(const char *text, const char *needle);
/* Still the old one, as if nothing had been. */
void expect_untouched(Fixture *fixture);

#endif
