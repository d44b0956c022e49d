/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spawn-env.c: what a plugin's environment holds.
 *
 * An allow-list: what is not named here never reaches a plugin, so neither LD_* nor PYTHON* nor
 * GLIBC_TUNABLES do.
 */
#include "util/spawn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define FIXED_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *const allowed[] = { "HOME", "USER", "LOGNAME", "LANG", "TZ", "XDG_RUNTIME_DIR" };
/* What ssh and Kerberos need to prove who the user is. */
static const char *const allowed_remote[] = { "SSH_AUTH_SOCK", "KRB5CCNAME", "XDG_CONFIG_HOME" };

bool
vmmiSpawnIsPrivileged(void)
{
    return getauxval(AT_SECURE) != 0;
}

/* qemu+ssh://host/system, qemu+tcp:///system, qemu://host/system; not qemu:///system or
 * qemu+unix:///system. */
static bool
uri_is_remote(const char *uri)
{
    const char *colon = uri ? strstr(uri, "://") : NULL;
    g_autofree char *scheme = NULL;
    const char *transport;

    if (!colon)
        return false;
    scheme = g_strndup(uri, (gsize)(colon - uri));
    transport = strchr(scheme, '+');
    if (transport)
        return !g_str_equal(transport, "+unix");
    return colon[3] != '/' && colon[3] != '\0' && colon[3] != '?';
}

static void
take_over(GHashTable *table, const char *name)
{
    const char *value = secure_getenv(name);

    if (value)
        g_hash_table_insert(table, g_strdup(name), g_strdup(value));
}

static void
take_over_locale(GHashTable *table)
{
    for (char **entry = environ; entry && *entry && !vmmiSpawnIsPrivileged(); entry++) {
        const char *equals = strchr(*entry, '=');

        if (equals && g_str_has_prefix(*entry, "LC_"))
            g_hash_table_insert(table, g_strndup(*entry, (gsize)(equals - *entry)),
                                g_strdup(equals + 1));
    }
}

static int
compare_entries(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char **
table_to_array(GHashTable *table)
{
    GPtrArray *array = g_ptr_array_new();
    GHashTableIter iter;
    gpointer name, value;

    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &name, &value))
        g_ptr_array_add(array, g_strdup_printf("%s=%s", (char *)name, (char *)value));
    g_ptr_array_sort(array, compare_entries);
    g_ptr_array_add(array, NULL);
    return (char **)g_ptr_array_free(array, FALSE);
}

char **
vmmiSpawnEnvironment(const char *uri, const char *const *extra)
{
    g_autoptr(GHashTable) table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    g_hash_table_insert(table, g_strdup("PATH"), g_strdup(FIXED_PATH));
    for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++)
        take_over(table, allowed[i]);
    take_over_locale(table);
    for (size_t i = 0; uri_is_remote(uri) && i < G_N_ELEMENTS(allowed_remote); i++)
        take_over(table, allowed_remote[i]);
    for (; extra && *extra; extra++) {
        const char *equals = strchr(*extra, '=');

        if (equals)
            g_hash_table_insert(table, g_strndup(*extra, (gsize)(equals - *extra)),
                                g_strdup(equals + 1));
    }
    return table_to_array(table);
}
