/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-files.c: the policies and the cells of vmmi simulate, from files and the command line.
 * The formats are in vmmi-sim(7).
 */
#include <string.h>

#include "report.h"
#include "simulate.h"

#define MOST_BYTES (4 * 1024 * 1024)
#define MOST_POLICIES 256
#define CODE VMMI_ERR_MALFORMED_CONFIGURATION

void
sim_policy_free(SimPolicy *policy)
{
    g_free(policy->label);
    g_free(policy->group);
    vmmiPluginUnref(policy->plugin);
    json_decref(policy->policy);
    json_decref(policy->migration);
    g_free(policy);
}

const char *
sim_cell_name(const SimPlan *plan, guint cell)
{
    return json_string_value(json_object_get(json_array_get(plan->cells, cell), "name"));
}

json_t *
sim_read_object(const char *path, vmmiError **err)
{
    g_autoptr(GMappedFile) file = NULL;
    g_autoptr(GError) trouble = NULL;
    json_error_t mistake;
    json_t *object;

    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
        vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' is not a regular file", path);
        return NULL;
    }
    file = g_mapped_file_new(path, FALSE, &trouble);
    if (!file || g_mapped_file_get_length(file) > MOST_BYTES) {
        vmmiErrorSet(err, VMMI_ERR_BAD_PATH, "'%s' cannot be read: %s", path,
                     file ? "it has more than 4 MiB" : trouble->message);
        return NULL;
    }
    object = json_loadb(g_mapped_file_get_length(file) ? g_mapped_file_get_contents(file) : "",
                        g_mapped_file_get_length(file), JSON_REJECT_DUPLICATES, &mistake);
    if (object && json_is_object(object))
        return object;
    if (object)
        vmmiErrorSet(err, CODE, "%s: an object is needed", path);
    else
        vmmiErrorSet(err, CODE, "%s: line %d, column %d: %s", path, mistake.line, mistake.column,
                     mistake.text);
    json_decref(object);
    return NULL;
}

int
sim_check_keys(const json_t *object, const char *file, const char *place, const char *const *known,
               vmmiError **err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return vmmiErrorSet(err, CODE, "%s: '%s' must be an object", file, place);
    json_object_foreach ((json_t *)object, key, value) {
        if (!g_strv_contains(known, key))
            return vmmiErrorSet(err, CODE, "%s: '%s%s%s' is not known here", file, place,
                                *place ? "." : "", key);
    }
    return 0;
}

/* --- policies --------------------------------------------------------------------- */

static vmmiPlugin *
find_plugin(const char *name, vmmiError **err)
{
    vmmiPlugin *plugin = vmmiPluginFind(name, err);

    if (!plugin || vmmiPluginDescribe(plugin, 0, err) < 0) {
        vmmiPluginUnref(plugin);
        return NULL;
    }
    if (vmmiPluginHasFeature(plugin, "simulate"))
        return plugin;
    vmmiErrorSet(err, VMMI_ERR_NOT_SUPPORTED,
                 "plugin '%s' cannot simulate: its description does not name that feature", name);
    vmmiPluginUnref(plugin);
    return NULL;
}

/* Takes @policy and @migration over. */
static int
add_policy(SimPlan *plan, const char *label, const char *group, const char *plugin, json_t *policy,
           json_t *migration, vmmiError **err)
{
    SimPolicy *made = g_new0(SimPolicy, 1);

    made->label = g_strdup(label);
    made->group = g_strdup(group);
    made->policy = policy;
    made->migration = migration;
    for (guint i = 0; i < plan->policies->len; i++) {
        if (g_str_equal(((SimPolicy *)plan->policies->pdata[i])->label, label)) {
            sim_policy_free(made);
            return vmmiErrorSet(err, CODE, "policy '%s' is there twice", label);
        }
    }
    made->plugin = find_plugin(plugin, err);
    if (!made->plugin) {
        sim_policy_free(made);
        return -1;
    }
    g_ptr_array_add(plan->policies, made);
    return 0;
}

int
sim_name_policies(SimPlan *plan, const char *names, vmmiError **err)
{
    g_auto(GStrv) each = g_strsplit(names, ",", MOST_POLICIES);

    for (size_t i = 0; each[i]; i++) {
        if (add_policy(plan, each[i], "", each[i], json_object(), json_object(), err) < 0)
            return -1;
    }
    return 0;
}

/* A string member that may be absent; NULL with @err when it is something else. */
static const char *
string_of(const json_t *object, const char *key, const char *otherwise, const char *file,
          const char *place, vmmiError **err)
{
    const json_t *value = json_object_get(object, key);

    if (!value && otherwise)
        return otherwise;
    if (json_is_string(value) && json_string_length(value) > 0 && json_string_length(value) < 128)
        return json_string_value(value);
    vmmiErrorSet(err, CODE, "%s: '%s.%s' must be a string of 1 to 127 bytes", file, place, key);
    return NULL;
}

static int
read_policy(SimPlan *plan, const json_t *from, const char *file, const char *place, vmmiError **err)
{
    static const char *const known[] = { "label",     "group",     "plugin",  "policy",
                                         "migration", "timeScale", "comment", NULL };
    const json_t *policy = json_object_get(from, "policy");
    const json_t *migration = json_object_get(from, "migration");
    const json_t *scale = json_object_get(from, "timeScale");
    const char *plugin, *label, *group;
    SimPolicy *made;

    if (sim_check_keys(from, file, place, known, err) < 0)
        return -1;
    if ((policy && !json_is_object(policy)) || (migration && !json_is_object(migration)))
        return vmmiErrorSet(err, CODE, "%s: '%s.%s' must be an object", file, place,
                            policy && !json_is_object(policy) ? "policy" : "migration");
    if (scale && !(json_number_value(scale) >= 0.001 && json_number_value(scale) <= 1e6))
        return vmmiErrorSet(err, CODE, "%s: '%s.timeScale' must be a number 0.001..1000000", file,
                            place);
    plugin = string_of(from, "plugin", NULL, file, place, err);
    label = plugin ? string_of(from, "label", plugin, file, place, err) : NULL;
    group = label ? string_of(from, "group", "", file, place, err) : NULL;
    if (!group)
        return -1;
    if (add_policy(plan, label, group, plugin, policy ? json_deep_copy(policy) : json_object(),
                   migration ? json_deep_copy(migration) : json_object(), err) < 0)
        return -1;
    made = plan->policies->pdata[plan->policies->len - 1];
    made->time_scale = json_number_value(scale);
    return 0;
}

int
sim_read_policies(SimPlan *plan, const char *path, vmmiError **err)
{
    static const char *const known[] = { "vmmiPolicies", "policies", "comment", NULL };
    json_auto_t *object = sim_read_object(path, err);
    const json_t *list = json_object_get(object, "policies");
    const json_t *item;
    size_t i;

    if (!object || sim_check_keys(object, path, "", known, err) < 0)
        return -1;
    if (json_integer_value(json_object_get(object, "vmmiPolicies")) != 1)
        return vmmiErrorSet(err, CODE, "%s: 'vmmiPolicies' must be 1", path);
    if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > MOST_POLICIES)
        return vmmiErrorSet(err, CODE, "%s: 'policies' must be an array of 1 to %d items", path,
                            MOST_POLICIES);
    json_array_foreach (list, i, item) {
        g_autofree char *place = g_strdup_printf("policies[%zu]", i);

        if (read_policy(plan, item, path, place, err) < 0)
            return vmmiErrorPrefix(err, "%s: '%s'", path, place);
    }
    return 0;
}

/* --- settings --------------------------------------------------------------------- */

static json_t *
value_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    return value ? value : json_string(text);
}

/* The object in which the last part of a key stands, made on the way; @last: that part. */
static json_t *
walk(SimPolicy *policy, const char *key, const char **last)
{
    json_t *at = policy->policy;
    const char *dot;

    if (g_str_has_prefix(key, "policy.")) {
        key += strlen("policy.");
    } else if (g_str_has_prefix(key, "migration.")) {
        key += strlen("migration.");
        at = policy->migration;
    } else if (strchr(key, '.')) {
        return NULL;
    }
    while ((dot = strchr(key, '.'))) {
        g_autofree char *part = g_strndup(key, (gsize)(dot - key));
        json_t *next = json_object_get(at, part);

        if (!json_is_object(next)) {
            next = json_object();
            json_object_set_new(at, part, next);
        }
        at = next;
        key = dot + 1;
        /* libvirt's parameters have dots in their names. */
        if (g_str_equal(part, "params"))
            break;
    }
    *last = key;
    return at;
}

static int
set(SimPolicy *policy, const char *setting, vmmiError **err)
{
    const char *equals = strchr(setting, '='), *last = NULL;
    g_autofree char *key = equals ? g_strndup(setting, (gsize)(equals - setting)) : NULL;
    json_t *object, *value;

    if (!key || !*key)
        return vmmiErrorSet(err, CODE, "--set needs KEY=VALUE, not '%s'", setting);
    object = walk(policy, key, &last);
    if (!object || !*last)
        return vmmiErrorSet(err, CODE, "--set '%s': only options of the policy and 'migration.' "
                            "have a meaning here", setting);
    value = value_of(equals + 1);
    if (!value || json_object_set_new(object, last, value) < 0)
        return vmmiErrorSet(err, CODE, "--set '%s' is not UTF-8", setting);
    return 0;
}

static void
lay_over(json_t *base, const json_t *over)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)over, key, value) {
        json_t *there = json_object_get(base, key);

        if (json_is_object(there) && json_is_object(value))
            lay_over(there, value);
        else
            json_object_set_new(base, key, json_deep_copy(value));
    }
}

/* Options that a configuration may have beside `policy`, too. */
static void
lift_options(SimPolicy *policy, const json_t *content)
{
    const char *text = vmmiPluginGetDescription(policy->plugin);
    json_auto_t *description = json_loads(text ? text : "{}", JSON_REJECT_DUPLICATES, NULL);
    const json_t *option;
    size_t i;

    json_array_foreach (json_object_get(description, "options"), i, option) {
        const char *name = json_string_value(json_object_get(option, "name"));
        json_t *value = name ? json_object_get(content, name) : NULL;

        if (value && json_is_true(json_object_get(option, "topLevel")))
            json_object_set_new(policy->policy, name, json_deep_copy(value));
    }
}

int
sim_apply(SimPlan *plan, const json_t *content, char **settings, vmmiError **err)
{
    for (guint i = 0; i < plan->policies->len; i++) {
        SimPolicy *policy = plan->policies->pdata[i];

        lift_options(policy, content);
        lay_over(policy->policy, json_object_get(content, "policy"));
        lay_over(policy->migration, json_object_get(content, "migration"));
        for (size_t s = 0; settings && settings[s]; s++) {
            if (set(policy, settings[s], err) < 0)
                return -1;
        }
    }
    return 0;
}

/* --- cells ------------------------------------------------------------------------ */

static int
add_scenario(SimPlan *plan, json_t *scenario, const char *guest, vmmiError **err)
{
    const json_t *guests = json_object_get(scenario, "guests");
    const json_t *item;
    size_t i;

    json_array_foreach (guests, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));

        if (!name)
            return vmmiErrorSet(err, CODE, "%s: 'guests[%zu].name' must be a string", plan->source,
                                i);
        if (!guest || g_str_equal(guest, name))
            json_array_append_new(plan->cells, json_pack("{s:s, s:s, s:O}", "name", name, "guest",
                                                         name, "scenario", scenario));
    }
    if (json_array_size(plan->cells) > 0)
        return 0;
    if (guest)
        return vmmiErrorSet(err, VMMI_ERR_GUEST_UNKNOWN, "%s: there is no guest '%s'",
                            plan->source, guest);
    return vmmiErrorSet(err, CODE, "%s: the scenario has no guests", plan->source);
}

int
sim_read_cells(SimPlan *plan, const char *path, const char *guest, vmmiError **err)
{
    json_auto_t *object = sim_read_object(path, err);
    const char *kind = json_string_value(json_object_get(object, "vmmiSim"));

    if (!object)
        return -1;
    plan->source = g_strdup(path);
    plan->cells = json_array();
    if (g_strcmp0(kind, "scenario") == 0)
        return add_scenario(plan, object, guest, err);
    if (g_strcmp0(kind, "matrix") != 0)
        return vmmiErrorSet(err, CODE, "%s: 'vmmiSim' must be 'scenario' or 'matrix'", path);
    if (guest)
        return vmmiErrorSet(err, VMMI_ERR_INVALID_ARGUMENT,
                            "%s: a guest can be chosen of a scenario, not of a matrix", path);
    return sim_expand_matrix(plan, object, err);
}
