/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * world.h: a driver whose guests do what a test says, small plugins, and a log of callbacks. The
 * run directory, the shim and the plugin processes are real.
 */
#ifndef VMMI_TEST_MIGRATION_WORLD_H
#define VMMI_TEST_MIGRATION_WORLD_H

#include "migration/private.h"
#include "util/cleanup.h"

#include "../rows.h"

#define GUESTS 128

/* What the text of a plugin may use: completions, and waiting for a file in the test's directory.
 */
#define SAY(result, content)                                                                       \
    "echo '{\"vmmiVersion\": \"0.4.1\", \"contentType\": \"completion\", \"timestamp\": 1, "       \
    "\"completion\": {\"result\": \"" result "\", \"" result "\": {" content "}}}' >&2\n"
#define SAY_SUCCESS SAY("success", "")
#define SAY_ERROR(code)                                                                            \
    SAY("error", "\"code\": " #code ", \"message\": \"said\", \"details\": \"\"")
#define WAIT_FOR(name) "while [ ! -e \"$TOP/" name "\" ]; do sleep 0.01; done\n"
#define FOREVER "while :; do sleep 0.05; done\n"
#define READY ": > \"$TOP/ready\"\n"

typedef struct {
    vmmiGuestState state;
    vmmiGuestReason reason;
    vmmiJobKind job;
} WorldGuest;

/* One host. */
typedef struct {
    GMutex lock;
    GCond changed;
    WorldGuest guests[GUESTS];
    bool lost;          /* every call fails */
    bool stuck;         /* calls do not return */
    uint64_t elapsed_ms; /* of a migration that runs; 0: not told */
    unsigned int asked; /* calls of guest_get_info */
    unsigned int aborted;
    unsigned int monitors;
    vmmiEventFunc func; /* of the last monitor */
    void *func_opaque;
    vmmiFreeFunc func_free;
} World;

extern World source_world, destination_world;

typedef struct {
    char *top; /* removed at the end */
    char *plugins;
    vmmiManager *manager;
    vmmiConnect *connect;
    vmmiConnect *destination;
    GString *log;       /* of callbacks: "starting>precopy sample end:completed " */
    unsigned int freed; /* how often free_opaque ran */
    vmmiMigration *migration;
} Fixture;

/* Registers the drivers; once. */
void world_register(void);
void fixture_set_up(Fixture *fixture, gconstpointer data);
void fixture_tear_down(Fixture *fixture, gconstpointer data);

/* Tests with this fixture: one, and one for each row of a table (rows.h). */
#define ADD_FIXTURE(path, function, data) \
    g_test_add(path, Fixture, data, fixture_set_up, function, fixture_tear_down)
#define ADD_FIXTURE_ROWS(prefix, table, function) \
    ADD_ROWS_WITH(Fixture, fixture_set_up, fixture_tear_down, prefix, table, function)

void world_set(World *world, unsigned int guest, vmmiGuestState state, vmmiGuestReason reason,
               vmmiJobKind job);
void world_set_lost(World *world, bool lost);
void world_set_stuck(World *world, bool stuck);
unsigned int world_count(World *world, const unsigned int *counter);
/* Sends an event to the last monitor. */
void world_send(World *world, const vmmiEvent *event);

/* An executable script "fake" with this body; $TOP is the test's directory. */
void write_plugin(const Fixture *fixture, const char *name, const char *body);
/* Starts "fake" for guest @guest; fails the test when it cannot. */
vmmiMigration *start(Fixture *fixture, unsigned int guest);
vmmiMigration *try_start(Fixture *fixture, const vmmiMigrationOptions *options, vmmiError **err);
/* All callbacks, written to the log. */
vmmiMigrationCallbacks log_callbacks(Fixture *fixture);
/* Starts, logs, keeps it in fixture->migration. */
void start_logged(Fixture *fixture);
/* Makes a file in the test's directory; waits for one. */
void make_file(const Fixture *fixture, const char *name);
bool wait_for_file(const Fixture *fixture, const char *name);
/* Dispatches until the condition holds; false, and a failed test, when 20 s are over. */
bool dispatch_until(Fixture *fixture, bool (*condition)(Fixture *fixture));
bool has_ended(Fixture *fixture);
bool log_has(const Fixture *fixture, const char *text);

#endif
