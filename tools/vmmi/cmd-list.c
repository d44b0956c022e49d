/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-list.c: vmmi list: the migrations of a run directory, running and ended. No host is asked.
 * What changes is shown by list-watch.c.
 */
#include <stdio.h>

#include "list.h"
#include "report.h"
#include "table.h"
#include "terminal.h"
#include "view.h"

static struct {
    gboolean running, ended, watch;
} wanted;

static const GOptionEntry entries[] = {
    { "running", 'r', 0, G_OPTION_ARG_NONE, &wanted.running, "Only those that have not ended",
      NULL },
    { "ended", 'e', 0, G_OPTION_ARG_NONE, &wanted.ended, "Only those that have", NULL },
    { "watch", 'w', 0, G_OPTION_ARG_NONE, &wanted.watch,
      "Stay, and show what changes, until Ctrl-C", NULL },
    { NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
};

char *
list_empty_text(const List *list)
{
    g_autofree char *folder = report_printable(vmmiManagerGetRunDir(list->opened.manager));
    const char *what = list->flags == VMMI_LIST_RUNNING ? "No migration is running"
                       : list->flags == VMMI_LIST_ENDED ? "No migration has ended"
                                                        : "There are no migrations";

    return g_strdup_printf("%s in %s.\nTo start one: vmmi migrate GUEST DESTURI; to try it without "
                           "a hypervisor:\n\n"
                           "    vmmi -c sim:/// migrate guest1 sim:///destination\n",
                           what, folder);
}

char *
list_broken_text(const vmmiRecordList *records)
{
    const vmmiError *first = NULL;
    size_t broken = vmmiRecordListGetBroken(records, &first);

    if (!broken)
        return NULL;
    if (broken == 1)
        return g_strdup_printf("a record cannot be read: %s", vmmiErrorGetMessage(first));
    return g_strdup_printf("%zu records cannot be read, the first: %s", broken,
                           vmmiErrorGetMessage(first));
}

static void
print_table(const List *list, const vmmiRecordList *records)
{
    Terminal terminal = terminal_look();
    TableStyle style = { terminal.moves ? terminal_width() : 0, terminal.colour, terminal.unicode };
    ViewTable *table = view_table_new();
    size_t unsettled = 0;
    g_autofree char *text = NULL;

    for (size_t i = 0; i < vmmiRecordListGetCount(records); i++) {
        View view = view_of(vmmiRecordListGet(records, i), NULL);

        view_table_add(table, &view);
        unsettled += view_is_unsettled(&view);
    }
    if (table_rows(table))
        text = table_text(table, 0, &style);
    else if (vmmiRecordListGetBroken(records, NULL) == 0)
        text = list_empty_text(list);
    fputs(text ? text : "", stdout);
    if (unsettled && terminal.moves)
        printf("\nUnattended: 'vmmi wait ID' finds out how it ended, or follows it to its end.\n");
    table_free(table);
}

/* As the library writes them, one a line: nothing is read and written again. */
static void
print_objects(const vmmiRecordList *records)
{
    const vmmiError *first = NULL;

    for (size_t i = 0; i < vmmiRecordListGetCount(records); i++) {
        char *text = vmmiRecordToJson(vmmiRecordListGet(records, i), NULL);

        if (text)
            puts(text);
        vmmiFree(text);
    }
    if (vmmiRecordListGetBroken(records, &first)) {
        json_t *object = report_empty_object();

        json_object_set_new(object, "error", report_error_object(first));
        report_object(object);
    }
}

static ExitCode
list_once(const List *list)
{
    const Common *common = list->opened.common;
    vmmiError *error = NULL;
    vmmiRecordList *records = vmmiManagerListRecords(list->opened.manager, list->flags, &error);
    g_autofree char *broken = records ? list_broken_text(records) : NULL;
    ExitCode code = EXIT_DONE;

    if (!records)
        code = open_report(&list->opened, error);
    else if (common->json)
        print_objects(records);
    else
        print_table(list, records);
    if (broken)
        report_sentence("%s", broken);
    vmmiRecordListFree(records);
    vmmiErrorFree(error);
    return code;
}

static ExitCode
run_list(const Common *common, char **arguments G_GNUC_UNUSED)
{
    List list = { .flags = 0 };
    vmmiError *error = NULL;
    ExitCode code;

    list.flags |= wanted.running ? VMMI_LIST_RUNNING : 0;
    list.flags |= wanted.ended ? VMMI_LIST_ENDED : 0;
    if (list.flags == (VMMI_LIST_RUNNING | VMMI_LIST_ENDED))
        list.flags = 0;
    if (open_manager(&list.opened, common, &error) < 0)
        code = open_report(&list.opened, error);
    else
        code = wanted.watch ? list_watch(&list) : list_once(&list);
    vmmiErrorFree(error);
    open_clear(&list.opened);
    return code;
}

const Verb verb_list = {
    .name = "list",
    .arguments = "",
    .summary = "the migrations that run, and those that have ended",
    .details =
        "One line for each migration, the oldest first; no host is asked. On a terminal the lines "
        "fit the window, and an\n"
        "id that does not fit is shown as 01234567.1, which every verb takes.\n"
        "\n"
        "With --watch the table stays and changes, until Ctrl-C. Where standard output is no "
        "terminal there is one line,\n"
        "with --json one object, for each migration and each change.",
    .options = entries,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_list,
};
