/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.c: the configuration with its origins, and what a policy did, for people.
 */
#include "show.h"

#include <stdio.h>
#include <string.h>

#include "log-file.h"
#include "report.h"
#include "table.h"
#include "terminal.h"

void
show_line(const char *label, const char *text)
{
    g_autofree char *printable = text ? report_printable(text) : NULL;

    if (printable && *printable)
        printf("%-13s %s\n", label, printable);
}

static void
print_table(const Table *table)
{
    Terminal terminal = terminal_look();
    TableStyle style = { 0, terminal.colour, terminal.unicode };
    g_autofree char *text = NULL;

    if (table_rows(table) == 0)
        return;
    text = table_text(table, 0, &style);
    fputs(text, stdout);
}

/* --- the configuration --------------------------------------------------------------- */

static void
add_value(Table *table, const char *path, const json_t *value, const json_t *origins)
{
    const char *origin = json_string_value(json_object_get(origins, path));
    g_autofree char *text = report_json_text(value);

    table_add(table, report_printable(path), NULL, NULL);
    table_add(table, report_printable(text), NULL, NULL);
    table_add(table, report_printable(origin ? origin : "-"), NULL, NULL);
}

/* The values below @path; an origin stands at a value, or at an object as a whole. */
static void
add_values(Table *table, const char *path, json_t *object, const json_t *origins)
{
    const char *key;
    json_t *value;

    json_object_foreach (object, key, value) {
        g_autofree char *below = *path ? g_strconcat(path, ".", key, NULL) : g_strdup(key);

        if (json_object_size(value) > 0 && !json_object_get(origins, below))
            add_values(table, below, value, origins);
        else
            add_value(table, below, value, origins);
    }
}

void
show_configuration(const char *configuration)
{
    static const TableColumn columns[] = {
        { "CONFIGURATION", false, 0, 0 },
        { "VALUE", false, 0, 0 },
        { "FROM", false, 0, 0 },
    };
    json_t *object = configuration ? json_loads(configuration, 0, NULL) : NULL;
    Table *table = table_new(columns, G_N_ELEMENTS(columns));

    add_values(table, "", json_object_get(object, "configuration"),
               json_object_get(object, "origins"));
    if (table_rows(table))
        printf("\n");
    print_table(table);
    table_free(table);
    json_decref(object);
}

const char *
show_configured(const json_t *configuration, const char *key)
{
    return json_string_value(json_object_get(json_object_get(configuration, "configuration"), key));
}

/* --- actions ------------------------------------------------------------------------- */

static const char *
text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static char *
value_text(const json_t *action)
{
    const json_t *value = json_object_get(action, "value");

    return value && !json_is_null(value) ? report_json_text(value) : g_strdup("");
}

char *
show_action_text(const json_t *action)
{
    const char *name = text_at(action, "action"), *what = text_at(action, "what");
    const char *result = text_at(action, "result"), *error = text_at(action, "error");
    const char *reason = text_at(action, "reason");
    g_autofree char *value = value_text(action);
    GString *text = g_string_new(what ? what : name ? name : "action");
    g_autofree char *whole = NULL;

    if (*value)
        g_string_append_printf(text, " %s", value);
    if (result)
        g_string_append_printf(text, ", %s", result);
    if (error)
        g_string_append_printf(text, " (%s)", error);
    if (reason && *reason)
        g_string_append_printf(text, ": %s", reason);
    whole = g_string_free(text, FALSE);
    return report_printable(whole);
}

json_t *
show_journal_actions(const char *directory)
{
    LogFile *journal = directory ? log_file_open(directory, "journal") : NULL;
    json_t *actions = json_array();
    char *line;

    while (journal && (line = log_file_line(journal, false)) != NULL) {
        json_t *entry = json_loadb(line, strlen(line), 0, NULL);
        json_t *data = json_object_get(entry, "data");

        if (g_strcmp0(text_at(entry, "kind"), "action") == 0 && json_is_object(data))
            json_array_append(actions, data);
        json_decref(entry);
        g_free(line);
    }
    log_file_close(journal);
    return actions;
}

void
show_actions(const json_t *actions)
{
    size_t count = json_array_size(actions);

    if (count)
        printf("\nWhat the policy did:\n");
    for (size_t i = 0; i < count; i++) {
        const json_t *action = json_array_get(actions, i);
        const json_t *at = json_object_get(action, "atMs");
        g_autofree char *text = show_action_text(action);

        printf("%9.1f s  %s\n", json_number_value(at) / 1000, text);
    }
}
