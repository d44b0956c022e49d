/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view.c: what is known of a migration, in words. Names and messages are made harmless here.
 */
#include "view.h"

#include <string.h>

#include "figures.h"
#include "open.h"
#include "report.h"
#include "table.h"

View
view_of(const vmmiRecord *record, vmmiMigration *live)
{
    View view = { .record = record };
    vmmiState state;

    view.state_known = vmmiRecordGetState(record, &view.state);
    view.percent = vmmiRecordGetPercent(record);
    view.sample = vmmiRecordGetSample(record);
    view.outcome = vmmiRecordGetOutcome(record);
    if (!live || view.outcome)
        return view;
    state = vmmiMigrationGetState(live);
    view.outcome = vmmiMigrationGetOutcome(live);
    if (!view.state_known || state != VMMI_STATE_STARTING) {
        view.state_known = true;
        view.state = state;
    }
    view.percent = MAX(view.percent, vmmiMigrationGetPercent(live));
    view.sample = vmmiMigrationGetSample(live) ? vmmiMigrationGetSample(live) : view.sample;
    return view;
}

const char *
view_state(const View *view)
{
    if (view->outcome)
        return vmmiOutcomeKindToString(vmmiOutcomeGetKind(view->outcome));
    if (view->state_known)
        return vmmiStateToString(view->state);
    return vmmiPhaseToString(vmmiRecordGetPhase(view->record));
}

const char *
view_colour(const View *view)
{
    if (!view->outcome)
        return view_is_unsettled(view) ? "\033[1;33m" : "\033[1;36m";
    switch (vmmiOutcomeGetKind(view->outcome)) {
    case VMMI_OUTCOME_COMPLETED:
        return "\033[32m";
    case VMMI_OUTCOME_FAILED:
        return "\033[31m";
    default:
        return "\033[33m";
    }
}

bool
view_is_unsettled(const View *view)
{
    return !view->outcome && view->state_known && view->state == VMMI_STATE_UNATTENDED;
}

char *
view_guest(const View *view)
{
    const char *name = vmmiRecordGetGuestName(view->record);

    return report_printable(name && *name ? name : vmmiRecordGetGuestUuid(view->record));
}

uint64_t
view_age_ms(const View *view)
{
    uint64_t now = (uint64_t)g_get_real_time() / 1000;
    uint64_t created = vmmiRecordGetCreatedMs(view->record);

    return now > created ? now - created : 0;
}

char *
view_host(const char *uri)
{
    bool known = uri && *uri && strcmp(uri, "-") != 0;

    return known ? report_printable(uri) : g_strdup("a host that is not known");
}

char *
view_place(vmmiWhere where, const char *source, const char *destination)
{
    g_autofree char *from = view_host(source), *to = view_host(destination);

    switch (where) {
    case VMMI_WHERE_SOURCE:
        return g_strdup_printf("is on the source, %s", from);
    case VMMI_WHERE_DESTINATION:
        return g_strdup_printf("is on the destination, %s", to);
    case VMMI_WHERE_NOWHERE:
        return g_strdup("runs on neither host: it was shut down or destroyed");
    case VMMI_WHERE_BOTH:
        return g_strdup("is paused, each host holds a part: post-copy broke, and can be recovered");
    default:
        return g_strdup_printf("is on %s or on %s, that is not known", from, to);
    }
}

/* --- one line ------------------------------------------------------------------------ */

static char *
ended_where(const View *view)
{
    const char *by = vmmiRecordGetReplacedBy(view->record);
    const vmmiError *error = vmmiOutcomeGetError(view->outcome);
    vmmiWhere where = vmmiOutcomeGetWhere(view->outcome);
    const char *place = vmmiWhereToString(where);
    g_autofree char *message = report_printable(vmmiErrorGetMessage(error));
    g_autofree char *brief = open_brief_id(by), *uri = NULL;

    if (by)
        return g_strdup_printf("replaced by %s", brief ? brief : by);
    if (error)
        return g_strdup_printf("%s: %s", place, message);
    uri = view_host(where == VMMI_WHERE_DESTINATION ? vmmiRecordGetDestinationUri(view->record)
                                                    : vmmiRecordGetSourceUri(view->record));
    return where == VMMI_WHERE_DESTINATION || where == VMMI_WHERE_SOURCE
               ? g_strdup_printf("%s, %s", place, uri)
               : g_strdup(place);
}

static char *
unsettled_where(const View *view)
{
    switch (vmmiRecordGetPhase(view->record)) {
    case VMMI_PHASE_FINISHED:
        return g_strdup("its plugin has ended, how is not looked up yet");
    case VMMI_PHASE_LOST_AT_BOOT:
        return g_strdup("this machine was started anew meanwhile");
    default:
        return g_strdup("its plugin is gone");
    }
}

static void
append_bytes(GString *text, const vmmiSample *sample, vmmiSampleField field, const char *behind)
{
    g_autofree char *bytes = NULL;
    uint64_t value;

    if (!vmmiSampleGet(sample, field, &value))
        return;
    bytes = figures_bytes(value);
    g_string_append_printf(text, "%s%s, ", bytes, behind);
}

char *
view_where(const View *view)
{
    g_autofree char *to = NULL;
    GString *text;

    if (view->outcome)
        return ended_where(view);
    if (vmmiRecordGetPhase(view->record) == VMMI_PHASE_UNCLEAR)
        return g_strdup("its records contradict each other");
    if (view_is_unsettled(view))
        return unsettled_where(view);
    to = view_host(vmmiRecordGetDestinationUri(view->record));
    text = g_string_new(NULL);
    append_bytes(text, view->sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, " left");
    append_bytes(text, view->sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, "/s");
    g_string_append_printf(text, "to %s", to);
    return g_string_free(text, FALSE);
}

/* --- the table ----------------------------------------------------------------------- */

static const TableColumn columns[] = {
    { "ID", false, 0, 0 },     { "GUEST", false, 8, 0 },   { "PLUGIN", false, 6, 1 },
    { "STATE", false, 0, 0 },  { "DONE", true, 0, 2 },     { "WHERE", false, 12, 4 },
    { "AGE", true, 0, 3 },
};

ViewTable *
view_table_new(void)
{
    return table_new(columns, G_N_ELEMENTS(columns));
}

void
view_table_add(ViewTable *table, const View *view)
{
    const char *id = vmmiRecordGetId(view->record);
    bool running = !view->outcome || vmmiOutcomeGetKind(view->outcome) == VMMI_OUTCOME_COMPLETED;

    table_add(table, g_strdup(id), open_brief_id(id), NULL);
    table_add(table, view_guest(view), NULL, "\033[1m");
    table_add(table, report_printable(vmmiRecordGetPlugin(view->record)), NULL, NULL);
    table_add(table, g_strdup(view_state(view)), NULL, view_colour(view));
    table_add(table, running ? g_strdup_printf("%u%%", view->percent) : g_strdup("-"), NULL, NULL);
    table_add(table, view_where(view), NULL, NULL);
    table_add(table, vmmiRecordGetCreatedMs(view->record) ? figures_age(view_age_ms(view))
                                                          : g_strdup("-"),
              NULL, NULL);
}
