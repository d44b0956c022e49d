/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-simulate.c: vmmi simulate: policies over simulated migrations in virtual time, thousands in
 * seconds.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "report.h"
#include "simulate.h"
#include "terminal.h"

static struct {
    char *scenario, *guest, *plugin, *policies, *config, *runs, *seed, *jobs, *trace;
    char **settings;
    gboolean by_cell;
} wanted;

static const GOptionEntry entries[] = {
    { "scenario", 0, 0, G_OPTION_ARG_FILENAME, &wanted.scenario,
      "What is simulated: a scenario or a matrix, see vmmi-sim(7)", "FILE" },
    { "guest", 0, 0, G_OPTION_ARG_FILENAME, &wanted.guest,
      "One guest of the scenario; else each, one by one", "NAME" },
    { "plugin", 'p', 0, G_OPTION_ARG_FILENAME, &wanted.plugin, "The policies", "NAME[,NAME...]" },
    { "policies", 0, 0, G_OPTION_ARG_FILENAME, &wanted.policies,
      "The policies with their options, see vmmi-sim(7)", "FILE" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &wanted.config,
      "A configuration message, for all policies", "FILE" },
    { "set", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &wanted.settings,
      "One setting, for all policies; a key without a dot is an option of the policy",
      "KEY=VALUE" },
    { "runs", 'n', 0, G_OPTION_ARG_FILENAME, &wanted.runs,
      "So many migrations a policy and situation. 1, or what the matrix says", "N" },
    { "seed", 0, 0, G_OPTION_ARG_FILENAME, &wanted.seed,
      "Of the first of them; the next has the next. 1, or what the matrix says", "N" },
    { "jobs", 'j', 0, G_OPTION_ARG_FILENAME, &wanted.jobs, "So many processes at a time", "N" },
    { "cells", 0, 0, G_OPTION_ARG_NONE, &wanted.by_cell, "A table for each situation as well",
      NULL },
    { "trace", 0, 0, G_OPTION_ARG_FILENAME, &wanted.trace,
      "Write the trace of each run into a directory", "DIR" },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

static void
row_clear(gpointer data)
{
    g_free(((SimRow *)data)->text);
}

static void
plan_init(SimPlan *plan)
{
    memset(plan, 0, sizeof(*plan));
    plan->policies = g_ptr_array_new_with_free_func((GDestroyNotify)sim_policy_free);
    plan->rows = g_array_new(FALSE, FALSE, sizeof(SimRow));
    g_array_set_clear_func(plan->rows, row_clear);
    plan->runs = plan->seed = 1;
    plan->jobs = g_get_num_processors();
}

void
sim_plan_clear(SimPlan *plan)
{
    g_ptr_array_unref(plan->policies);
    g_array_unref(plan->rows);
    json_decref(plan->cells);
    g_free(plan->source);
    g_free(plan->trace);
}

/* Returns whether it is one; @given (may be NULL) says whether there is one at all. */
static bool
read_number(const char *text, guint64 least, guint64 most, bool *given, uint64_t *value)
{
    guint64 number;

    if (!text)
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, least, most, &number, NULL))
        return false;
    *value = number;
    *given = true;
    return true;
}

/* EXIT_DONE, or what was wrong with the command line. */
static ExitCode
check_usage(const Common *common, SimPlan *plan)
{
    uint64_t jobs = plan->jobs;
    bool has_jobs = false;

    if (!wanted.scenario)
        return report_usage(common, "simulate", "--scenario is needed");
    if (!wanted.plugin == !wanted.policies)
        return report_usage(common, "simulate", "one of --plugin and --policies is needed");
    if (!read_number(wanted.runs, 1, SIMULATE_MOST_RUNS, &plan->has_runs, &plan->runs))
        return report_usage(common, "simulate", "--runs must be an integer 1..%d, not '%s'",
                            SIMULATE_MOST_RUNS, wanted.runs);
    if (!read_number(wanted.seed, 0, G_MAXUINT32, &plan->has_seed, &plan->seed))
        return report_usage(common, "simulate", "--seed must be an integer 0..%u, not '%s'",
                            G_MAXUINT32, wanted.seed);
    if (!read_number(wanted.jobs, 1, SIMULATE_MOST_JOBS, &has_jobs, &jobs))
        return report_usage(common, "simulate", "--jobs must be an integer 1..%d, not '%s'",
                            SIMULATE_MOST_JOBS, wanted.jobs);
    plan->jobs = (unsigned int)jobs;
    return EXIT_DONE;
}

static int
read_trace(SimPlan *plan, vmmiError **err)
{
    if (!wanted.trace)
        return 0;
    if (g_mkdir_with_parents(wanted.trace, 0755) < 0 ||
        !g_file_test(wanted.trace, G_FILE_TEST_IS_DIR))
        return vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' is no directory, and cannot become one",
                            wanted.trace);
    plan->trace = g_canonicalize_filename(wanted.trace, NULL);
    return 0;
}

static int
read_config(SimPlan *plan, vmmiError **err)
{
    ArgumentConfig config = { NULL, NULL };
    json_auto_t *content = NULL;
    int result = arguments_config(wanted.config, &config, err);

    if (result == 0 && config.text)
        content = json_loads(config.text, JSON_REJECT_DUPLICATES, NULL);
    if (result == 0)
        result = sim_apply(plan, content, wanted.settings, err);
    arguments_config_clear(&config);
    return result;
}

static int
read_plan(SimPlan *plan, vmmiError **err)
{
    if (sim_read_cells(plan, wanted.scenario, wanted.guest, err) < 0)
        return -1;
    if ((wanted.plugin ? sim_name_policies(plan, wanted.plugin, err)
                       : sim_read_policies(plan, wanted.policies, err)) < 0)
        return -1;
    return read_config(plan, err) < 0 || read_trace(plan, err) < 0 ? -1 : 0;
}

static ExitCode
report_failure(const Common *common, const vmmiError *error)
{
    ExitCode code = report_error(common, error, NULL);

    if (vmmiErrorGetCode(error) == VMMI_ERR_MIGRATION_ABORTED)
        return EXIT_ABORTED;
    return vmmiErrorGetCode(error) == VMMI_ERR_INVALID_ARGUMENT ? EXIT_USAGE : code;
}

static ExitCode
run_simulate(const Common *common, char **arguments G_GNUC_UNUSED)
{
    gint64 began = g_get_monotonic_time();
    vmmiError *error = NULL;
    SimPlan plan;
    ExitCode code;

    plan_init(&plan);
    plan.progress = terminal_look().moves && !common->json;
    code = check_usage(common, &plan);
    if (code == EXIT_DONE && (read_plan(&plan, &error) < 0 || sim_run(&plan, &error) < 0)) {
        code = report_failure(common, error);
    } else if (code == EXIT_DONE) {
        double seconds = (double)(g_get_monotonic_time() - began) / 1e6;

        if (common->json)
            sim_print_json(&plan, seconds);
        else
            sim_print(&plan, wanted.by_cell, seconds);
    }
    vmmiErrorFree(error);
    sim_plan_clear(&plan);
    return code;
}

const Verb verb_simulate = {
    .name = "simulate",
    .arguments = "--scenario FILE --plugin NAME[,NAME...]",
    .summary = "try policies on simulated guests, thousands of migrations in seconds",
    .details =
        "Each policy moves the same guests, in virtual time and without a hypervisor. MET counts "
        "migrations that completed\n"
        "within their deadline and limits; TOTAL, SILENCE, WORK LOST and DATA are medians of those "
        "that completed, SCORE\n"
        "is a geometric mean (20 a second of silence, 1 a second of time, 5 a second of work lost, "
        "600 when not met).\n"
        "\n"
        "Exit status: 0 all runs were made, however they ended; 2 wrong usage or a mistake in a "
        "file; 3 interrupted;\n"
        "5 no such plugin or guest; 125 a plugin failed.",
    .options = entries,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_simulate,
};
