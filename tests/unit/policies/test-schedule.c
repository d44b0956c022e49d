/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-schedule.c: the convergence schedule over traces, against the times that VDSM's arithmetic
 * gives. What it refuses is test-schedule-refused.c.
 */
#include <string.h>

#include "policies/policies.h"
#include "policy-fixture.h"
#include "util/cleanup.h"

#include "../rows.h"

/* The one that is in use today. */
#define TODAY                                                                                      \
    "{'init':[{'name':'setDowntime','params':['100']}],'stalling':[{'limit':1,'action':"           \
    "{'name':'setDowntime','params':['150']}},{'limit':-1,'action':{'name':'abort','params':[]}}]}"
#define ENGINE_ITEMS                                                                               \
    "'initialItems':[{'action':'setDowntime','params':['100']}],"                                  \
    "'convergenceItems':[{'stallingLimit':1,'convergenceItem':{'action':'setDowntime',"            \
    "'params':['150']}}],'lastItems':[{'action':'abort','params':[]}]"
#define TODAY_TIMES "0 tune downtimeMs 100; 20000 tune downtimeMs 150; 30000 abort"
#define ONE(init, stalling) "{'schedule':{'init':[" init "],'stalling':[" stalling "]}}"
#define ACTION(name) "{'name':'" name "'}"
#define NUMBER(name, value) "{'name':'" name "','params':['" #value "']}"
#define AT(limit, action) "{'limit':" #limit ",'action':" action "}"

#define RAMP(first, a, b, c, d, e)                                                                 \
    "0 tune downtimeMs " #first "; 20000 tune downtimeMs " #a "; 30000 tune downtimeMs " #b        \
    "; 40000 tune downtimeMs " #c "; 50000 tune downtimeMs " #d "; 60000 tune downtimeMs " #e

/* Short passes: the interval paces the schedule. Long ones: the limits do. */
static const PolicyPasses quick = { .bulk_ms = 7000, .pass_ms = 1700, .until_ms = 150000,
                                    .high_mib = 64, .low_mib = 20, .mib_per_second = 38 };
static const PolicyPasses slow = { .bulk_ms = 28000, .pass_ms = 20000, .until_ms = 250000,
                                   .high_mib = 700, .low_mib = 400, .mib_per_second = 38 };
static const PolicyPasses long_bulk = { .bulk_ms = 24900, .pass_ms = 1700, .until_ms = 150000,
                                        .high_mib = 64, .low_mib = 20, .mib_per_second = 38 };
/* The hypervisor's counter has passes of an earlier, aborted migration. */
static const PolicyPasses second_try = { .first_iteration = 30, .bulk_ms = 28000,
                                         .pass_ms = 20000, .until_ms = 250000, .high_mib = 700,
                                         .low_mib = 400, .mib_per_second = 38 };
/* No pass ends at all. */
static const PolicyPasses endless = { .bulk_ms = 900000, .pass_ms = 1, .until_ms = 100000,
                                      .high_mib = 64, .low_mib = 20, .mib_per_second = 1 };

#define POLICY .policy = &vmmiPolicySchedule
static const struct {
    const char *name;
    const PolicyPasses *passes;
    PolicyCase one;
    const char *actions;
} rows[] = {
    /* oVirt's five: gives up 60 s after the first look behind the bulk pass, 70 s, switches after
     * 30 s... */
    { "minimal-downtime", &quick, { POLICY, .options = "{'preset':'ovirt-minimal-downtime'}" },
      RAMP(100, 150, 200, 300, 400, 500) "; 70000 abort" },
    { "suspend", &quick, { POLICY, .options = "{'preset':'ovirt-suspend'}" },
      RAMP(100, 150, 200, 300, 400, 500) "; 70000 tune downtimeMs 5000; 80000 abort" },
    { "post-copy", &quick, { POLICY, .options = "{'preset':'ovirt-post-copy'}" },
      "0 tune downtimeMs 100; 20000 tune downtimeMs 150; 30000 tune downtimeMs 200; "
      "40000 start-postcopy" },
    { "very-large", &quick, { POLICY, .options = "{'preset':'ovirt-very-large'}" },
      RAMP(300, 400, 500, 700, 1000, 1500) "; 70000 tune downtimeMs 5000; 80000 abort" },
    { "legacy", &quick, { POLICY, .options = "{'preset':'ovirt-legacy'}" },
      "0 tune downtimeMs 101; 20000 tune downtimeMs 104; 30000 tune downtimeMs 120; "
      "40000 tune downtimeMs 189; 50000 tune downtimeMs 500; 90000 tune downtimeMs 500; "
      "100000 abort" },
    { "default", &quick, { POLICY }, RAMP(100, 150, 200, 300, 400, 500) "; 70000 abort" },
    /* ... and with long passes it is several times more patient. */
    { "limits-pace", &slow, { POLICY },
      "0 tune downtimeMs 100; 50000 tune downtimeMs 150; 70000 tune downtimeMs 200; "
      "90000 tune downtimeMs 300; 110000 tune downtimeMs 400; 150000 tune downtimeMs 500; "
      "170000 abort" },
    { "long-bulk", &long_bulk, { POLICY },
      "0 tune downtimeMs 100; 30000 tune downtimeMs 150; 40000 tune downtimeMs 200; "
      "50000 tune downtimeMs 300; 60000 tune downtimeMs 400; 70000 tune downtimeMs 500; "
      "80000 abort" },
    { "counted-from-first-look", &second_try, { POLICY },
      "0 tune downtimeMs 100; 50000 tune downtimeMs 150; 70000 tune downtimeMs 200; "
      "90000 tune downtimeMs 300; 110000 tune downtimeMs 400; 150000 tune downtimeMs 500; "
      "170000 abort" },
    { "no-new-pass", &endless, { POLICY }, "0 tune downtimeMs 100" },

    /* the forms */
    { "today", &quick, { POLICY, .options = "{'schedule':" TODAY ",'monitorInterval':10}" },
      TODAY_TIMES },
    { "engine", &quick, { POLICY, .options = "{'schedule':{" ENGINE_ITEMS "}}" }, TODAY_TIMES },
    { "engine-lists", &quick, { POLICY, .options = "{" ENGINE_ITEMS "}" }, TODAY_TIMES },
    { "over-preset", &quick,
      { POLICY, .options = "{'preset':'ovirt-suspend','schedule':" TODAY "}" }, TODAY_TIMES },
    { "numbers", &quick,
      { POLICY, .options = "{'schedule':{'init':[{'name':'setDowntime','params':[100]}]}}" },
      "0 tune downtimeMs 100" },
    { "no-init", &quick, { POLICY, .options = ONE("", AT(0, ACTION("abort"))) }, "20000 abort" },

    /* the interval */
    { "interval-3", &quick, { POLICY, .options = "{'schedule':" TODAY ",'monitorInterval':3}" },
      "0 tune downtimeMs 100; 9000 tune downtimeMs 150; 12000 abort" },
    { "interval-ms", &quick,
      { POLICY, .options = "{'schedule':" TODAY ",'monitorIntervalMs':2500}" },
      "0 tune downtimeMs 100; 10000 tune downtimeMs 150; 12500 abort" },

    /* the actions */
    { "bandwidth", &quick,
      { POLICY, .options = ONE(NUMBER("setBandwidth", 30), AT(0, NUMBER("setBandwidth", 60))) },
      "0 tune bandwidthMibPerSecond 30; 20000 tune bandwidthMibPerSecond 60" },
    { "suspend-then-abort", &quick,
      { POLICY, .options = ONE("", AT(0, ACTION("suspend")) "," AT(-1, ACTION("abort"))) },
      "20000 suspend; 30000 abort" },
    { "same-limit", &quick,
      { POLICY, .options = ONE("", AT(1, NUMBER("setBandwidth", 60)) "," AT(
                                       1, NUMBER("setDowntime", 200))) },
      "20000 tune bandwidthMibPerSecond 60; 30000 tune downtimeMs 200" },
    { "postcopy-at-once", &quick,
      { POLICY, .options = ONE(ACTION("postcopy"), AT(0, ACTION("abort"))) },
      "0 start-postcopy" },
    { "attached", &quick,
      { POLICY, .options = "{'preset':'ovirt-post-copy'}", .attached = true },
      "0 tune downtimeMs 100; 20000 tune downtimeMs 150; 30000 tune downtimeMs 200; "
      "40000 start-postcopy" },

    /* what fails */
    { "postcopy-fails", &quick,
      { POLICY, .options = "{'preset':'ovirt-post-copy'}", .fails = "start-postcopy" },
      "0 tune downtimeMs 100; 20000 tune downtimeMs 150; 30000 tune downtimeMs 200; "
      "40000 start-postcopy!; 50000 abort" },
    { "tune-fails", &quick, { POLICY, .options = "{'schedule':" TODAY "}", .fails = "tune" },
      "0 tune downtimeMs 100!; 20000 tune downtimeMs 150!; 30000 abort" },
    { "abort-fails", &quick,
      { POLICY, .options = ONE("", AT(3, ACTION("abort"))), .fails = "abort", .stop_ms = 45000 },
      "20000 abort!; 30000 abort!; 40000 abort!" },

    /* without post-copy */
    { "parallel", &quick,
      { POLICY, .options = "{'preset':'ovirt-post-copy'}", .migration = "{'flags':['parallel']}" },
      "0 tune downtimeMs 100; 20000 tune downtimeMs 150; 30000 tune downtimeMs 200; 40000 abort" },
    { "postcopy-forbidden", &quick,
      { POLICY, .options = "{'preset':'ovirt-post-copy'}",
        .migration = "{'flags':['no-postcopy']}" },
      "0 tune downtimeMs 100; 20000 tune downtimeMs 150; 30000 tune downtimeMs 200; 40000 abort" },
};

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    g_autoptr(PolicyTrace) trace = policyTraceNew(256);
    g_auto(PolicyResult) result = { 0 };

    policyTraceAddPasses(trace, rows[row].passes);
    policyRun(&rows[row].one, trace, &result);
    g_assert_cmpstr(vmmiErrorGetMessage(result.error), ==, "");
    g_assert_cmpstr(result.actions, ==, rows[row].actions);
    for (size_t i = 0; i < json_array_size(result.record); i++)
        g_assert_cmpuint(strlen(policyResultReason(&result, i)), >, 20);
}

/* --- a trace of one's own --- */

static const struct {
    const char *name, *trace, *actions;
} traces[] = {
    /* The first look finds no job, the second begins to count. */
    { "late-job", "12000 1 100\n15000 2 20\n21000 3 20\n31000 4 20\n41000 4 20\n",
      "12000 tune downtimeMs 100; 40000 tune downtimeMs 150" },
    { "no-sample", "35000 switchover\n", "" },
    { "switchover", "0 1 100\n11000 2 20\n21000 5 20\n29000 switchover\n30500 6 1\n45000 9 1\n",
      "0 tune downtimeMs 100" },
    { "no-switchover", "0 1 100\n11000 2 20\n21000 5 20\n30500 6 1\n45000 9 1\n",
      "0 tune downtimeMs 100; 30000 tune downtimeMs 150; 40000 abort" },
    /* One action at a look, however many limits have been passed. */
    { "two-due", "0 1 100\n11000 90 20\n25000 91 20\n31000 91 20\n",
      "0 tune downtimeMs 100; 20000 tune downtimeMs 150; 30000 abort" },
    { "pass-unknown", "0 0 100\n11000 0 20\n21000 0 20\n35000 0 20\n", "0 tune downtimeMs 100" },
};

static void
test_trace(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const PolicyCase one = { POLICY, .options = "{'schedule':" TODAY "}" };
    g_autoptr(PolicyTrace) trace = policyTraceNew(256);
    g_auto(PolicyResult) result = { 0 };

    policyTraceAddText(trace, traces[row].trace);
    policyRun(&one, trace, &result);
    g_assert_cmpstr(result.actions, ==, traces[row].actions);
}

/* The job is there, but QEMU has not begun: totals are 0. */
static void
test_preparing(void)
{
    const PolicyCase one = { POLICY, .options = "{'schedule':" TODAY "}" };
    g_autoptr(PolicyTrace) nothing = policyTraceNew(0);
    g_auto(PolicyResult) result = { 0 };

    policyTraceAddText(nothing, "0 0 0\n1000 0 0\n11000 1 0\n21000 3 0\n31000 5 0\n");
    policyRun(&one, nothing, &result);
    g_assert_cmpstr(result.actions, ==, "");
    policyAssertContains(result.reason, "waits for the job to begin; then come 1 initial actions");
}

/* --- how it starts --- */

static const struct {
    const char *name, *options, *migration, *refusal;
    const char *wanted; /* the object `migration` */
} starts[] = {
    { "minimal-downtime", "{'preset':'ovirt-minimal-downtime'}", NULL, NULL,
      "{'flags':['auto_converge']}" },
    { "suspend", "{'preset':'ovirt-suspend'}", NULL, NULL,
      "{'flags':['auto_converge','compressed'],'params':{'compression':'xbzrle'}}" },
    { "post-copy", "{'preset':'ovirt-post-copy'}", NULL, NULL,
      "{'flags':['auto_converge','postcopy']}" },
    { "very-large", "{'preset':'ovirt-very-large'}", NULL, NULL, "{'flags':['auto_converge']}" },
    { "very-large-parallel", "{'preset':'ovirt-very-large'}", "{'flags':['parallel']}", NULL,
      "{'flags':['parallel','auto_converge','zerocopy']}" },
    { "zerocopy-refused", "{'preset':'ovirt-very-large'}", "{'flags':['parallel']}",
      "zero-copy is not available", "{'flags':['parallel','auto_converge']}" },
    { "legacy", "{'preset':'ovirt-legacy'}", NULL, NULL, "{}" },
    { "own", "{'schedule':" TODAY "}", NULL, NULL, "{'flags':['auto_converge']}" },
    { "own-with-postcopy", ONE("", AT(1, ACTION("postcopy"))), NULL, NULL,
      "{'flags':['auto_converge','postcopy']}" },
    { "forbidden", "{'preset':'ovirt-suspend'}", "{'flags':['no-auto_converge','no-compressed']}",
      NULL, "{'flags':['no-auto_converge','no-compressed']}" },
    { "other-compression", "{'preset':'ovirt-suspend'}", "{'params':{'compression':['mt']}}", NULL,
      "{'flags':['auto_converge','compressed'],'params':{'compression':['mt']}}" },
    { "compression-refused", "{'preset':'ovirt-suspend'}", NULL, "xbzrle is not compiled in",
      "{'flags':['auto_converge']}" },
    { "suspend-parallel", "{'preset':'ovirt-suspend'}", "{'flags':['parallel']}", NULL,
      "{'flags':['parallel','auto_converge']}" },
    { "postcopy-parallel", "{'preset':'ovirt-post-copy'}", "{'flags':['parallel']}", NULL,
      "{'flags':['parallel','auto_converge']}" },
    { "postcopy-refused", "{'preset':'ovirt-post-copy'}", NULL,
      "Postcopy is not supported: Userfaultfd not available", "{'flags':['auto_converge']}" },
};

static void
test_start(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const PolicyCase one = { POLICY, .options = starts[row].options,
                             .migration = starts[row].migration, .refusal = starts[row].refusal };
    g_autoptr(json_t) wanted = policyParse(starts[row].wanted);
    g_autofree char *wanted_text = json_dumps(wanted, JSON_SORT_KEYS);
    g_autofree char *got_text = NULL;
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, NULL, &result);
    got_text = json_dumps(result.migration, JSON_SORT_KEYS);
    g_assert_cmpstr(vmmiErrorGetMessage(result.error), ==, "");
    g_assert_cmpstr(got_text, ==, wanted_text);
}

static void
test_nothing_left(void)
{
    const PolicyCase one = { POLICY, .options = ONE("", AT(1, ACTION("postcopy"))),
                             .migration = "{'flags':['parallel']}" };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, NULL, &result);
    g_assert_cmpint(vmmiErrorGetCode(result.error), ==, VMMI_ERR_OPTION);
    policyAssertContains(vmmiErrorGetMessage(result.error),
                         "schedule: nothing is left without post-copy: it does not go together");
}

/* --- what it says --- */

static const struct {
    const char *name, *options;
    const char *migration, *fails;
    uint64_t stop_ms;
    const char *reason;
} says[] = {
    { "before-first-look", "{}", NULL, NULL, 4000,
      "ovirt-minimal-downtime: the first look is at 10.000 s, passes are counted from there; then "
      "comes setDowntime 150 ms" },
    { "between", "{}", NULL, NULL, 25000,
      "ovirt-minimal-downtime: 9 passes since the first look; at the next one, at 30.000 s, comes "
      "setDowntime 200 ms if a new pass has begun and more than 2 are over" },
    { "ran-out", ONE(NUMBER("setDowntime", 100), AT(0, NUMBER("setDowntime", 200))), NULL, NULL,
      25000, "schedule: the schedule has run out after 1 actions: the migration goes on as it is" },
    { "post-copy", "{'preset':'ovirt-post-copy'}", NULL, NULL, 45000,
      "post-copy runs: no more actions" },
    { "failed", "{'preset':'ovirt-post-copy'}", NULL, "start-postcopy", 45000,
      "(an action failed: the host says no): 21 passes since the first look; at the next one, at "
      "50.000 s, comes abort" },
    { "left-out", "{'preset':'ovirt-post-copy'}", "{'flags':['parallel']}", NULL, 4000,
      "(without post-copy: it does not go together with parallel streams): the first look" },
};

static void
test_says(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const PolicyCase one = { POLICY, .options = says[row].options,
                             .migration = says[row].migration, .fails = says[row].fails,
                             .stop_ms = says[row].stop_ms };
    g_autoptr(PolicyTrace) trace = policyTraceNew(256);
    g_auto(PolicyResult) result = { 0 };

    policyTraceAddPasses(trace, &quick);
    policyRun(&one, trace, &result);
    policyAssertContains(result.reason, says[row].reason);
}

static void
test_reasons(void)
{
    const PolicyCase one = { POLICY, .options = "{'schedule':" TODAY "}" };
    g_autoptr(PolicyTrace) trace = policyTraceNew(256);
    g_auto(PolicyResult) result = { 0 };

    policyTraceAddPasses(trace, &quick);
    policyRun(&one, trace, &result);
    g_assert_cmpstr(policyResultReason(&result, 0), ==,
                    "initial action 1 of 1 of schedule: setDowntime 100 ms; 256 MiB are to be "
                    "moved");
    g_assert_cmpstr(policyResultReason(&result, 1), ==,
                    "action 1 of 2 of schedule: setDowntime 150 ms; 6 passes since the first look, "
                    "the limit is 1; 38 MiB remain after 20.0 s");
    g_assert_cmpstr(policyResultReason(&result, 2), ==,
                    "action 2 of 2 of schedule: abort; 12 passes since the first look, any will "
                    "do; 64 MiB remain after 30.0 s");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/policies/schedule/times/", rows, test_row);
    ADD_ROWS("/policies/schedule/trace/", traces, test_trace);
    g_test_add_func("/policies/schedule/trace/preparing", test_preparing);
    ADD_ROWS("/policies/schedule/start/", starts, test_start);
    g_test_add_func("/policies/schedule/start/nothing-left", test_nothing_left);
    ADD_ROWS("/policies/schedule/says/", says, test_says);
    g_test_add_func("/policies/schedule/reasons", test_reasons);
    return g_test_run();
}
