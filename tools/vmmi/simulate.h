/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate.h: what vmmi simulate runs: policies in cells, so many times each, and what came of it.
 *
 * A cell is a situation: a scenario, a guest, a deadline, limits. Files are read in
 * simulate-files.c and simulate-matrix.c, children run in simulate-jobs.c, figures are shown in
 * simulate-table.c.
 */
#ifndef VMMI_TOOL_SIMULATE_H
#define VMMI_TOOL_SIMULATE_H

#include "cmd.h"

#define SIMULATE_MOST_CELLS 4096
#define SIMULATE_MOST_RUNS 100000
#define SIMULATE_MOST_JOBS 256

typedef struct {
    char *label, *group;             /* the group: "" for none */
    vmmiPlugin *plugin;
    json_t *policy, *migration;      /* objects */
    double time_scale;               /* 0: the file does not say */
} SimPolicy;

/* One run, as far as it is looked at here. Times in seconds and milliseconds as their names say. */
typedef struct {
    guint policy, cell;
    uint64_t seed;
    bool met, completed;
    double total_s, silence_ms, throttle_ms, lost_s, mib, score;
    char *text;                      /* the plugin's line */
} SimRow;

typedef struct {
    GPtrArray *policies;             /* of SimPolicy */
    json_t *cells;                   /* an array of objects as in an order */
    char *source;                    /* the file that the cells come from */
    uint64_t runs, seed;             /* runs a policy and cell, the first of their seeds */
    bool has_runs, has_seed;         /* the command line says so */
    unsigned int jobs;
    char *trace;                     /* an absolute directory, or NULL */
    bool progress;
    GArray *rows;                    /* of SimRow, by policy, cell and seed */
} SimPlan;

void sim_plan_clear(SimPlan *plan);
void sim_policy_free(SimPolicy *policy);
const char *sim_cell_name(const SimPlan *plan, guint cell);

/* --- files ------------------------------------------------------------------------ */

/* Reads a JSON object from a file of at most 4 MiB; mistakes are named by line and column. NULL
 * with VMMI_ERR_BAD_PATH or VMMI_ERR_MALFORMED_CONFIGURATION. */
json_t *sim_read_object(const char *path, vmmiError **err);
/* Refuses keys that are not in @known, a list that ends with NULL. */
int sim_check_keys(const json_t *object, const char *file, const char *place,
                   const char *const *known, vmmiError **err);
/* Adds the policies of a file, or of a list of names with commas; plugins are found and described.
 */
int sim_read_policies(SimPlan *plan, const char *path, vmmiError **err);
int sim_name_policies(SimPlan *plan, const char *names, vmmiError **err);
/* Lays a configuration's content, and then "KEY=VALUE" strings, over every policy's own. */
int sim_apply(SimPlan *plan, const json_t *content, char **settings, vmmiError **err);
/* The cells of a scenario or a matrix; @guest NULL: every guest, each in a cell of its own. */
int sim_read_cells(SimPlan *plan, const char *path, const char *guest, vmmiError **err);
/* The cells of a matrix. */
int sim_expand_matrix(SimPlan *plan, const json_t *matrix, vmmiError **err);

/* --- running and showing ---------------------------------------------------------- */

/* Runs everything. Returns 0 with the rows, or -1; VMMI_ERR_MIGRATION_ABORTED: by a signal. */
int sim_run(SimPlan *plan, vmmiError **err);

/* The tables, for people. @by_cell: one for each cell as well. */
void sim_print(const SimPlan *plan, bool by_cell, double seconds);
/* A line for each run and one for each policy, for programs. */
void sim_print_json(const SimPlan *plan, double seconds);

#endif
