/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-schedule-refused.c: schedules that make no sense are refused before anything starts, with
 * the place.
 */
#include "policies/policies.h"
#include "policy-fixture.h"

#include "../rows.h"

#define SCHEDULE(text) "{'schedule':" text "}"
#define INIT(list) SCHEDULE("{'init':[" list "]}")
#define STALLING(list) SCHEDULE("{'stalling':[" list "]}")
#define WAITS(limit, action) "{'limit':" limit ",'action':" action "}"
#define ABORT "{'name':'abort','params':[]}"
#define DOWN "{'name':'setDowntime','params':['100']}"
#define CONVERGE(list) SCHEDULE("{'convergenceItems':[" list "]}")

static const struct {
    const char *name, *options, *message;
} rows[] = {
    /* empty */
    { "empty", SCHEDULE("{}"), "schedule: has no action" },
    { "empty-lists", SCHEDULE("{'init':[],'stalling':[]}"), "schedule: has no action" },
    { "empty-engine", SCHEDULE("{'initialItems':[],'lastItems':[]}"), "schedule: has no action" },
    { "empty-engine-lists", "{'initialItems':[]}", "the schedule: has no action" },

    /* order */
    { "descending", STALLING(WAITS("3", DOWN) "," WAITS("2", DOWN)),
      "schedule.stalling[1].limit: must be at least 3, that of the one before it, got 2" },
    { "after-any", STALLING(WAITS("-1", DOWN) "," WAITS("4", DOWN)),
      "schedule.stalling[1].limit: must be -1 like the one before it, got 4" },
    { "after-abort", STALLING(WAITS("3", ABORT) "," WAITS("4", DOWN)),
      "schedule.stalling[1]: comes after 'abort', which ends the migration" },
    { "two-aborts", STALLING(WAITS("-1", ABORT) "," WAITS("-1", ABORT)),
      "schedule.stalling[1]: comes after 'abort', which ends the migration" },
    { "abort-first", INIT(DOWN "," ABORT),
      "schedule.init[1]: 'abort' would end the migration as soon as it begins" },
    { "engine-after-abort",
      SCHEDULE("{'convergenceItems':[{'stallingLimit':1,'convergenceItem':{'action':'abort'}}],"
               "'lastItems':[{'action':'abort'}]}"),
      "schedule.lastItems[0]: comes after 'abort', which ends the migration" },
    { "engine-descending",
      CONVERGE("{'stallingLimit':2,'convergenceItem':{'action':'setDowntime','params':['1']}},"
               "{'stallingLimit':1,'convergenceItem':{'action':'setDowntime','params':['2']}}"),
      "schedule.convergenceItems[1].stallingLimit: must be at least 2, that of the one before it, "
      "got 1" },

    /* parameters */
    { "missing", STALLING(WAITS("1", "{'name':'setDowntime','params':[]}")),
      "schedule.stalling[0].action.params[0]: is missing: 'setDowntime' needs a number of ms" },
    { "missing-all", INIT("{'name':'setBandwidth'}"),
      "schedule.init[0].params[0]: is missing: 'setBandwidth' needs a number of MiB/s" },
    { "superfluous", INIT("{'name':'setDowntime','params':['100','200']}"),
      "schedule.init[0].params[1]: is too much: 'setDowntime' takes one parameter" },
    { "superfluous-abort", STALLING(WAITS("1", "{'name':'abort','params':['now']}")),
      "schedule.stalling[0].action.params[0]: is too much: 'abort' takes none" },
    { "not-numeric", INIT("{'name':'setDowntime','params':['fast']}"),
      "schedule.init[0].params[0]: must be a number of 1..2000000 ms, got 'fast'" },
    { "with-unit", INIT("{'name':'setDowntime','params':['100ms']}"), "got '100ms'" },
    { "signed", INIT("{'name':'setDowntime','params':['+100']}"), "got '+100'" },
    { "negative", INIT("{'name':'setDowntime','params':['-1']}"), "got '-1'" },
    { "empty-text", INIT("{'name':'setDowntime','params':['']}"), "1..2000000 ms, got ''" },
    { "zero", INIT("{'name':'setDowntime','params':['0']}"),
      "schedule.init[0].params[0]: must be a number of 1..2000000 ms, got '0'" },
    { "too-long", INIT("{'name':'setDowntime','params':['2000001']}"),
      "must be a number of 1..2000000 ms, got '2000001'" },
    { "huge", INIT("{'name':'setDowntime','params':['99999999999999999999999']}"),
      "got '99999999999999999999999'" },
    { "no-bandwidth", INIT("{'name':'setBandwidth','params':['0']}"),
      "must be a number of 1..8796093022207 MiB/s, got '0'" },
    { "integer-range", INIT("{'name':'setDowntime','params':[2000001]}"),
      "schedule.init[0].params[0]: must be 1..2000000 ms, got 2000001" },
    { "integer-negative", INIT("{'name':'setDowntime','params':[-5]}"),
      "must be 1..2000000 ms, got -5" },
    { "fraction", INIT("{'name':'setDowntime','params':[1.5]}"),
      "schedule.init[0].params[0]: must be a number of ms, got a real number" },
    { "params-text", INIT("{'name':'setDowntime','params':'100'}"),
      "schedule.init[0].params: must be an array, got a string" },

    /* names and keys */
    { "unknown-action", INIT("{'name':'setDowntme','params':['100']}"),
      "schedule.init[0].name: must be one of setDowntime, setBandwidth, postcopy, suspend, abort, "
      "got 'setDowntme'" },
    { "no-name", INIT("{'params':['100']}"), "schedule.init[0]: lacks 'name'" },
    { "name-number", INIT("{'name':5}"),
      "schedule.init[0].name: must be a string, got an integer" },
    { "unknown-key", INIT("{'name':'postcopy','when':1}"),
      "schedule.init[0].when: is unknown, there can be name, params" },
    { "unknown-list", SCHEDULE("{'init':[" DOWN "],'stallng':[]}"),
      "schedule.stallng: is unknown, there can be init, stalling" },
    { "unknown-engine-list", SCHEDULE("{'initialItems':[],'lastItem':[]}"),
      "schedule.lastItem: is unknown, there can be initialItems, convergenceItems, lastItems" },
    { "mixed", SCHEDULE("{'init':[],'lastItems':[]}"),
      "schedule.init: is unknown, there can be initialItems, convergenceItems, lastItems" },
    { "wrong-form-inside", SCHEDULE("{'initialItems':[{'name':'postcopy'}]}"),
      "schedule.initialItems[0].name: is unknown, there can be action, params" },
    { "no-limit", STALLING("{'action':" DOWN "}"), "schedule.stalling[0]: lacks 'limit'" },
    { "no-action", STALLING("{'limit':1}"), "schedule.stalling[0]: lacks 'action'" },
    { "limit-text", STALLING(WAITS("'1'", DOWN)),
      "schedule.stalling[0].limit: must be an integer, got a string" },
    { "limit-range", STALLING(WAITS("-2", DOWN)),
      "schedule.stalling[0].limit: must be -1..1000000 passes, got -2" },
    { "limit-large", STALLING(WAITS("1000001", DOWN)), "-1..1000000 passes, got 1000001" },
    { "engine-no-item", CONVERGE("{'stallingLimit':1}"),
      "schedule.convergenceItems[0]: lacks 'convergenceItem'" },
    { "engine-unknown-action",
      CONVERGE("{'stallingLimit':1,'convergenceItem':{'action':'stop','params':[]}}"),
      "schedule.convergenceItems[0].convergenceItem.action: must be one of" },
    { "list-place", "{'initialItems':[{'action':'setDowntime','params':['x']}]}",
      "initialItems[0].params[0]: must be a number" },

    /* shapes */
    { "not-an-object", SCHEDULE("5"), "schedule: must be an object, got an integer" },
    { "null", SCHEDULE("null"), "schedule: must be an object, got null" },
    { "array", SCHEDULE("[]"), "schedule: must be an object, got an array" },
    { "init-object", SCHEDULE("{'init':{}}"), "schedule.init: must be an array, got an object" },
    { "stalling-null", SCHEDULE("{'stalling':null}"),
      "schedule.stalling: must be an array, got null" },
    { "item-text", STALLING("'abort'"), "schedule.stalling[0]: must be an object, got a string" },
    { "action-text", STALLING(WAITS("1", "'abort'")),
      "schedule.stalling[0].action: must be an object, got a string" },

    /* the other options */
    { "two-schedules", "{'schedule':{'init':[" DOWN "]},'lastItems':[]}",
      "'schedule' cannot be given together with initialItems" },
    { "preset", "{'preset':'ovirt'}", "option 'preset' must be one of ovirt-minimal-downtime, "
                                      "ovirt-suspend, ovirt-post-copy, ovirt-very-large, "
                                      "ovirt-legacy, got 'ovirt'" },
    { "interval-zero", "{'monitorInterval':0}",
      "option 'monitorInterval' must be 1..3600 s, got 0" },
    { "interval-fraction", "{'monitorInterval':2.5}",
      "option 'monitorInterval' must be an unsigned integer" },
    { "misspelt", "{'shedule':{}}", "option 'shedule' is unknown; did you mean 'schedule'?" },
};

static void
test_row(gconstpointer data)
{
    size_t row = GPOINTER_TO_SIZE(data);
    const PolicyCase one = { .policy = &vmmiPolicySchedule, .options = rows[row].options };
    g_auto(PolicyResult) result = { 0 };

    policyRun(&one, NULL, &result);
    g_assert_cmpint(vmmiErrorGetCode(result.error), ==, VMMI_ERR_OPTION);
    policyAssertContains(vmmiErrorGetMessage(result.error), rows[row].message);
}

/* A list without end is cut off before it is read. */
static void
test_too_many(void)
{
    g_autoptr(GString) text = g_string_new("{'schedule':{'init':[" DOWN);
    PolicyCase one = { .policy = &vmmiPolicySchedule };
    g_auto(PolicyResult) result = { 0 };

    for (unsigned int i = 0; i < 40; i++)
        g_string_append(text, "," DOWN);
    g_string_append(text, "]}}");
    one.options = text->str;
    policyRun(&one, NULL, &result);
    policyAssertContains(vmmiErrorGetMessage(result.error),
                         "schedule.init: has 41 items, the limit is 32");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    ADD_ROWS("/policies/schedule/refused/", rows, test_row);
    g_test_add_func("/policies/schedule/refused/too-many", test_too_many);
    return g_test_run();
}
