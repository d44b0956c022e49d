/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-table.c: what came of the runs of vmmi simulate, policy by policy: medians, geometric
 * means, and beside them the best of each.
 *
 * Policies are compared within a group only: who may suspend a guest is not better than who may
 * not.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "simulate.h"
#include "table.h"
#include "terminal.h"

#define EVERY_CELL G_MAXUINT

/* The figures of some runs. */
typedef struct {
    size_t runs, met, completed;
    double total_s, silence_ms, lost_s, mib; /* medians of those that completed */
    double silence_worst_ms, throttle_worst_ms;
    double give_up_s; /* median of those that did not complete; 0: none */
    double score;     /* geometric mean */
} Summary;

static gint
compare(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Sorts @values. 0 for none. */
static double
median(GArray *values)
{
    guint n = values->len;

    if (n == 0)
        return 0;
    g_array_sort(values, compare);
    return (g_array_index(values, double, n / 2) + g_array_index(values, double, (n - 1) / 2)) / 2;
}

/* The runs of a policy, in a cell or in all: rows are sorted, and none is missing. */
static const SimRow *
rows_of(const SimPlan *plan, guint policy, guint cell, size_t *count)
{
    size_t cells = json_array_size(plan->cells);
    size_t first = cell == EVERY_CELL ? policy * cells : policy * cells + cell;

    *count = (cell == EVERY_CELL ? cells : 1) * (size_t)plan->runs;
    return &g_array_index(plan->rows, SimRow, first * plan->runs);
}

/* The median of one figure over the runs that completed, or over the others. */
static double
median_of(const SimPlan *plan, guint policy, guint cell, bool completed, size_t offset)
{
    g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(double));
    size_t count;
    const SimRow *rows = rows_of(plan, policy, cell, &count);

    for (size_t i = 0; i < count; i++) {
        if (rows[i].completed == completed)
            g_array_append_vals(values, (const char *)&rows[i] + offset, 1);
    }
    return median(values);
}

static Summary
summarize(const SimPlan *plan, guint policy, guint cell)
{
    Summary s = { 0 };
    double logs = 0;
    const SimRow *rows = rows_of(plan, policy, cell, &s.runs);

    for (size_t i = 0; i < s.runs; i++) {
        const SimRow *row = &rows[i];

        s.met += row->met;
        s.completed += row->completed;
        s.silence_worst_ms = fmax(s.silence_worst_ms, row->silence_ms);
        s.throttle_worst_ms = fmax(s.throttle_worst_ms, row->throttle_ms);
        logs += log(row->score);
    }
    s.score = s.runs ? exp(logs / (double)s.runs) : 0;
    s.total_s = median_of(plan, policy, cell, true, offsetof(SimRow, total_s));
    s.silence_ms = median_of(plan, policy, cell, true, offsetof(SimRow, silence_ms));
    s.lost_s = median_of(plan, policy, cell, true, offsetof(SimRow, lost_s));
    s.mib = median_of(plan, policy, cell, true, offsetof(SimRow, mib));
    s.give_up_s = median_of(plan, policy, cell, false, offsetof(SimRow, total_s));
    return s;
}

static const SimPolicy *
policy_at(const SimPlan *plan, guint policy)
{
    return plan->policies->pdata[policy];
}

/* The geometric mean of the best score that any policy of a group has in each run. */
static double
best_of_each(const SimPlan *plan, const char *group, guint cell)
{
    size_t count = 0;
    double logs = 0;

    rows_of(plan, 0, cell, &count);
    for (size_t run = 0; run < count; run++) {
        double best = HUGE_VAL;

        for (guint i = 0; i < plan->policies->len; i++) {
            if (g_str_equal(policy_at(plan, i)->group, group))
                best = fmin(best, rows_of(plan, i, cell, &count)[run].score);
        }
        logs += log(best);
    }
    return exp(logs / (double)count);
}

/* --- for people ------------------------------------------------------------------- */

static const TableColumn columns[] = {
    { "POLICY", false, 12, 0 },     { "MET", true, 0, 0 },      { "TOTAL s", true, 0, 0 },
    { "SILENCE ms", true, 0, 0 },   { "WORST ms", true, 0, 0 }, { "THROTTLE ms", true, 0, 3 },
    { "WORK LOST s", true, 0, 2 },  { "DATA MiB", true, 0, 1 }, { "GIVES UP s", true, 0, 4 },
    { "SCORE", true, 0, 0 },        { "/BEST", true, 0, 5 },
};

static void
add_number(Table *table, bool known, const char *format, double value)
{
    char buffer[32];

    g_ascii_formatd(buffer, sizeof(buffer), format, value);
    table_add(table, g_strdup(known ? buffer : "-"), NULL, NULL);
}

static void
add_summary(Table *table, const char *label, const Summary *s, double best)
{
    bool any = s->completed > 0;

    table_add(table, report_printable(label), NULL, NULL);
    table_add(table, g_strdup_printf("%zu/%zu", s->met, s->runs), NULL,
              s->met == s->runs ? NULL : "\033[33m");
    add_number(table, any, "%.1f", s->total_s);
    add_number(table, any, "%.0f", s->silence_ms);
    add_number(table, true, "%.0f", s->silence_worst_ms);
    add_number(table, true, "%.0f", s->throttle_worst_ms);
    add_number(table, any, "%.1f", s->lost_s);
    add_number(table, any, "%.0f", s->mib);
    add_number(table, s->completed < s->runs, "%.1f", s->give_up_s);
    add_number(table, true, "%.2f", s->score);
    add_number(table, best > 0, "%.2f", s->score / best);
}

static void
print_group(const SimPlan *plan, const char *group, guint cell)
{
    Terminal terminal = terminal_look();
    TableStyle style = { terminal.moves ? terminal_width() : 0, terminal.colour, terminal.unicode };
    Table *table = table_new(columns, G_N_ELEMENTS(columns));
    double best = best_of_each(plan, group, cell);
    g_autofree char *text = NULL;

    for (guint i = 0; i < plan->policies->len; i++) {
        const SimPolicy *policy = policy_at(plan, i);
        Summary summary;

        if (!g_str_equal(policy->group, group))
            continue;
        summary = summarize(plan, i, cell);
        add_summary(table, policy->label, &summary, best);
    }
    text = table_text(table, 0, &style);
    printf("%s", text);
    if (table_rows(table) > 1)
        printf("best of each: score %.2f\n", best);
    table_free(table);
}

static bool
is_first_of_group(const SimPlan *plan, guint policy)
{
    for (guint i = 0; i < policy; i++) {
        if (g_str_equal(policy_at(plan, i)->group, policy_at(plan, policy)->group))
            return false;
    }
    return true;
}

static void
print_groups(const SimPlan *plan, guint cell)
{
    for (guint i = 0; i < plan->policies->len; i++) {
        const char *group = policy_at(plan, i)->group;

        if (!is_first_of_group(plan, i))
            continue;
        if (*group) {
            g_autofree char *name = report_printable(group);

            printf("\ngroup %s\n", name);
        }
        print_group(plan, group, cell);
    }
}

void
sim_print(const SimPlan *plan, bool by_cell, double seconds)
{
    guint cells = (guint)json_array_size(plan->cells);

    for (guint i = 0; by_cell && i < cells; i++) {
        g_autofree char *name = report_printable(sim_cell_name(plan, i));

        printf("cell %s\n", name);
        print_groups(plan, i);
        printf("\n");
    }
    if (cells > 1)
        printf("%s%u cells\n", by_cell ? "all " : "", cells);
    if (!by_cell || cells > 1)
        print_groups(plan, EVERY_CELL);
    printf("\n%u migrations in %.1f s\n", plan->rows->len, seconds);
}

/* --- for programs ----------------------------------------------------------------- */

static json_t *
summary_object(const SimPlan *plan, guint policy, double seconds)
{
    Summary s = summarize(plan, policy, EVERY_CELL);
    json_t *object = json_object();

    json_object_set_new(object, "summary", json_true());
    json_object_set_new(object, "label", json_string(policy_at(plan, policy)->label));
    json_object_set_new(object, "group", json_string(policy_at(plan, policy)->group));
    json_object_set_new(object, "runs", json_integer((json_int_t)s.runs));
    json_object_set_new(object, "met", json_integer((json_int_t)s.met));
    json_object_set_new(object, "completed", json_integer((json_int_t)s.completed));
    json_object_set_new(object, "totalSeconds", json_real(s.total_s));
    json_object_set_new(object, "silenceMs", json_real(s.silence_ms));
    json_object_set_new(object, "silenceWorstMs", json_real(s.silence_worst_ms));
    json_object_set_new(object, "throttleSilenceWorstMs", json_real(s.throttle_worst_ms));
    json_object_set_new(object, "workLostSeconds", json_real(s.lost_s));
    json_object_set_new(object, "scoreGeometricMean", json_real(s.score));
    json_object_set_new(object, "bestOfEach",
                        json_real(best_of_each(plan, policy_at(plan, policy)->group, EVERY_CELL)));
    json_object_set_new(object, "seconds", json_real(seconds));
    return object;
}

void
sim_print_json(const SimPlan *plan, double seconds)
{
    for (guint i = 0; i < plan->rows->len; i++)
        puts(g_array_index(plan->rows, SimRow, i).text);
    for (guint i = 0; i < plan->policies->len; i++)
        report_object(summary_object(plan, i, seconds));
}
