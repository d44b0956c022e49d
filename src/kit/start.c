/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start.c: the flags and parameters of a start.
 *
 * What the user named or forbade ("x", "no-x") is fixed. Shapes of the user's object are checked
 * when the request is made of it; here a member of a wrong type simply fixes nothing.
 */
#include "kit/start.h"

#include "util/cleanup.h"

struct vmmiPolicyStart {
    json_t *migration;  /* the user's, a copy */
    GHashTable *fixed;  /* the user's flags: name to whether it is on */
    GHashTable *chosen; /* the policy's, the same */
    json_t *params;     /* the policy's: name to value */
};

static void
note_flag(GHashTable *flags, const char *flag)
{
    bool off = g_str_has_prefix(flag, "no-");

    g_hash_table_insert(flags, g_strdup(off ? flag + 3 : flag), GINT_TO_POINTER(!off));
}

vmmiPolicyStart *
vmmiPolicyStartNew(const json_t *migration)
{
    vmmiPolicyStart *start = g_new0(vmmiPolicyStart, 1);
    size_t i;
    json_t *flag;

    start->migration = migration ? json_deep_copy(migration) : json_object();
    start->fixed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    start->chosen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    start->params = json_object();
    json_array_foreach (json_object_get(start->migration, "flags"), i, flag) {
        if (json_is_string(flag))
            note_flag(start->fixed, json_string_value(flag));
    }
    return start;
}

void
vmmiPolicyStartFree(vmmiPolicyStart *start)
{
    if (!start)
        return;
    json_decref(start->migration);
    g_hash_table_unref(start->fixed);
    g_hash_table_unref(start->chosen);
    json_decref(start->params);
    g_free(start);
}

bool
vmmiPolicyStartHasFlag(const vmmiPolicyStart *start, const char *flag)
{
    gpointer value;

    if (g_hash_table_lookup_extended(start->fixed, flag, NULL, &value) ||
        g_hash_table_lookup_extended(start->chosen, flag, NULL, &value))
        return GPOINTER_TO_INT(value);
    return false;
}

bool
vmmiPolicyStartSetFlag(vmmiPolicyStart *start, const char *flag, bool on)
{
    if (!flag || !*flag)
        return false;
    if (!g_hash_table_contains(start->fixed, flag))
        g_hash_table_insert(start->chosen, g_strdup(flag), GINT_TO_POINTER(on));
    return vmmiPolicyStartHasFlag(start, flag) == on;
}

bool
vmmiPolicyStartSetUInt(vmmiPolicyStart *start, const char *param, uint64_t value)
{
    if (!param || !*param || value > INT64_MAX)
        return false;
    if (json_object_get(json_object_get(start->migration, "params"), param))
        return false;
    return json_object_set_new(start->params, param, json_integer((json_int_t)value)) == 0;
}

bool
vmmiPolicyStartSetString(vmmiPolicyStart *start, const char *param, const char *value)
{
    if (!param || !*param || json_object_get(json_object_get(start->migration, "params"), param))
        return false;
    if (!value)
        return json_object_del(start->params, param) == 0;
    return json_object_set_new(start->params, param, json_string(value)) == 0;
}

static void
add_flags(const vmmiPolicyStart *start, json_t *flags)
{
    g_autoptr(GList) names =
        g_list_sort(g_hash_table_get_keys(start->chosen), (GCompareFunc)strcmp);

    for (const GList *at = names; at; at = at->next) {
        if (GPOINTER_TO_INT(g_hash_table_lookup(start->chosen, at->data)))
            json_array_append_new(flags, json_string(at->data));
    }
}

json_t *
vmmiPolicyStartGetMigration(const vmmiPolicyStart *start)
{
    json_t *migration = json_deep_copy(start->migration);

    if (g_hash_table_size(start->chosen)) {
        if (!json_object_get(migration, "flags"))
            json_object_set_new(migration, "flags", json_array());
        add_flags(start, json_object_get(migration, "flags"));
    }
    if (json_object_size(start->params)) {
        if (!json_object_get(migration, "params"))
            json_object_set_new(migration, "params", json_object());
        json_object_update(json_object_get(migration, "params"), start->params);
    }
    return migration;
}
