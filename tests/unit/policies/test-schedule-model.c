/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-schedule-model.c: the convergence schedule against a second account of the same arithmetic,
 * written as oVirt's loop reads: over schedules and traces that chance makes (g_test's seed).
 */
#include "policies/policies.h"
#include "policy-fixture.h"
#include "policy-trace.h"
#include "util/cleanup.h"

#define ROUNDS 300
#define MAX_ITEMS 8
#define UNTIL_MS 200000

typedef struct {
    int limits[MAX_ITEMS];
    int downtimes[MAX_ITEMS]; /* 0: abort */
    size_t n;
    uint64_t interval_ms;
} Plan;

static void
make_plan(Plan *plan)
{
    int limit = g_test_rand_int_range(0, 3);

    plan->n = (size_t)g_test_rand_int_range(1, MAX_ITEMS + 1);
    plan->interval_ms = (uint64_t)g_test_rand_int_range(1, 16) * 1000;
    for (size_t i = 0; i < plan->n; i++) {
        plan->limits[i] = limit;
        plan->downtimes[i] = g_test_rand_int_range(1, 5000);
        limit += g_test_rand_int_range(0, 6);
        if (limit > 20)
            limit = -1;
        if (plan->limits[i] < 0)
            limit = -1;
    }
    if (g_test_rand_bit())
        plan->downtimes[plan->n - 1] = 0;
}

static char *
write_plan(const Plan *plan)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "{'monitorIntervalMs':%d,'schedule':{'stalling':[",
                           (int)plan->interval_ms);
    for (size_t i = 0; i < plan->n; i++) {
        g_string_append_printf(text, "%s{'limit':%d,'action':", i ? "," : "", plan->limits[i]);
        if (plan->downtimes[i])
            g_string_append_printf(text, "{'name':'setDowntime','params':['%d']}}",
                                   plan->downtimes[i]);
        else
            g_string_append(text, "{'name':'abort','params':[]}}");
    }
    g_string_append(text, "]}}");
    return g_string_free(text, FALSE);
}

/* The pass that a look sees: that of the last sample before it. False: there is none yet. */
static bool
pass_at(const PolicyTrace *trace, uint64_t at_ms, uint64_t *pass)
{
    bool found = false;

    for (guint i = 0; i < trace->rows->len; i++) {
        const PolicyTraceRow *row = g_ptr_array_index(trace->rows, i);

        if (row->at_ms >= at_ms)
            break;
        *pass = row->iteration;
        found = true;
    }
    return found;
}

/* The loop as it is described: wait, look, at most one action. */
static char *
foretell(const Plan *plan, const PolicyTrace *trace)
{
    const PolicyTraceRow *end = g_ptr_array_index(trace->rows, trace->rows->len - 1);
    GString *text = g_string_new(NULL);
    uint64_t initial = 0, last = 0, pass;
    bool first = true;
    size_t head = 0;

    for (uint64_t now = plan->interval_ms; now <= end->at_ms; now += plan->interval_ms) {
        if (!pass_at(trace, now, &pass))
            continue;
        if (first)
            initial = last = pass;
        first = false;
        if (pass <= last)
            continue;
        last = pass;
        if (head == plan->n || plan->limits[head] >= (int)(pass - initial))
            continue;
        if (!plan->downtimes[head]) {
            g_string_append_printf(text, "%s%d abort", text->len ? "; " : "", (int)now);
            break;
        }
        g_string_append_printf(text, "%s%d tune downtimeMs %d", text->len ? "; " : "", (int)now,
                               plan->downtimes[head++]);
    }
    return g_string_free(text, FALSE);
}

static void
make_trace(PolicyTrace *trace)
{
    const PolicyPasses passes = {
        .first_iteration = (uint64_t)g_test_rand_int_range(1, 9),
        .bulk_ms = (uint64_t)g_test_rand_int_range(500, 60000),
        .pass_ms = (uint64_t)g_test_rand_int_range(20, 30000),
        .until_ms = UNTIL_MS,
        .high_mib = 64,
        .low_mib = 20,
        .mib_per_second = 38,
    };

    policyTraceAddPasses(trace, &passes);
}

static void
test_model(void)
{
    size_t acted = 0;

    for (size_t i = 0; i < ROUNDS; i++) {
        g_autoptr(PolicyTrace) trace = policyTraceNew(1024);
        g_autofree char *options = NULL, *wanted = NULL;
        g_auto(PolicyResult) result = { 0 };
        Plan plan;

        make_plan(&plan);
        make_trace(trace);
        options = write_plan(&plan);
        wanted = foretell(&plan, trace);
        policyRun(&(PolicyCase){ .policy = &vmmiPolicySchedule, .options = options }, trace,
                  &result);
        g_assert_cmpstr(result.actions, ==, wanted);
        acted += *wanted != '\0';
        if (g_strcmp0(result.actions, wanted) != 0)
            g_test_message("schedule: %s", options);
    }
    g_assert_cmpuint(acted, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    g_test_add_func("/policies/schedule/model", test_model);
    return g_test_run();
}
