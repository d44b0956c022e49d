/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display.c: how a running migration is shown. The text of the figures is figures.c.
 */
#include "display.h"

#include <stdio.h>
#include <string.h>

#include "figures.h"
#include "report.h"
#include "terminal.h"
#include "view.h"

void
display_init(Display *display, const Common *common)
{
    Terminal terminal = terminal_look();

    memset(display, 0, sizeof(*display));
    display->mode =
        common->json ? DISPLAY_JSON : terminal.moves ? DISPLAY_MOVING : DISPLAY_LINES;
    display->colour = terminal.colour;
    display->unicode = terminal.unicode;
    display->started_ms = (uint64_t)g_get_monotonic_time() / 1000;
}

void
display_since(Display *display, uint64_t created_ms)
{
    uint64_t now = (uint64_t)g_get_real_time() / 1000;

    if (created_ms && created_ms < now)
        display->started_ms -= MIN(now - created_ms, display->started_ms);
}

void
display_clear(Display *display)
{
    if (!display->drawn)
        return;
    fputs("\r\033[K", stdout);
    fflush(stdout);
    display->drawn = false;
}

static void
draw(Display *display, vmmiMigration *migration, vmmiState state)
{
    FiguresStyle style = { terminal_width(), display->colour, display->unicode };
    g_autofree char *line = figures_line(state, vmmiMigrationGetPercent(migration),
                                         vmmiMigrationGetSample(migration), &style);

    printf("\r%s\033[K", line);
    fflush(stdout);
    display->drawn = true;
}

static char *
name_of(vmmiMigration *migration)
{
    const char *name = vmmiMigrationGetGuestName(migration);

    return report_printable(name && *name ? name : vmmiMigrationGetGuestUuid(migration));
}

void
display_begin(Display *display, vmmiMigration *migration, const char *destination)
{
    g_autofree char *name = name_of(migration);
    g_autofree char *place = view_host(destination);
    g_autofree char *plugin = report_printable(vmmiMigrationGetPlugin(migration));

    if (display->mode != DISPLAY_JSON && !display->terse)
        printf("%s to %s under %s, migration %s\n", name, place, plugin,
               vmmiMigrationGetId(migration));
    fflush(stdout);
}

void
display_replaced(Display *display, vmmiMigration *old, vmmiMigration *successor)
{
    g_autofree char *before = report_printable(vmmiMigrationGetPlugin(old));
    g_autofree char *after = report_printable(vmmiMigrationGetPlugin(successor));

    if (!display->terse && strcmp(before, after) == 0)
        printf("replaced: %s was started anew, migration %s\n", after,
               vmmiMigrationGetId(successor));
    else if (!display->terse)
        printf("replaced: %s gave way to %s, migration %s\n", before, after,
               vmmiMigrationGetId(successor));
    fflush(stdout);
}

/* Before the end most of what is known at the end is null: a line of a stream does without it. */
static void
drop_unknown(json_t *object)
{
    static const char *const stable[] = { "id",      "guest", "uuid",    "plugin", "state",
                                          "outcome", "where", "percent", "error",  NULL };
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe (object, next, key, value) {
        if (json_is_null(value) && !g_strv_contains(stable, key))
            json_object_del(object, key);
    }
}

json_t *
display_object(vmmiMigration *migration, int state)
{
    char *text = vmmiMigrationToJson(migration, NULL);
    json_t *object = text ? json_loadb(text, strlen(text), 0, NULL) : NULL;

    vmmiFree(text);
    if (!object)
        object = json_pack("{s:s?, s:s?}", "id", vmmiMigrationGetId(migration), "uuid",
                           vmmiMigrationGetGuestUuid(migration));
    if (state < VMMI_STATE_LAST) {
        json_object_set_new(object, "state", json_string(vmmiStateToString((vmmiState)state)));
        drop_unknown(object);
    }
    return object;
}

void
display_state(Display *display, vmmiMigration *migration, vmmiState state)
{
    uint64_t now = (uint64_t)g_get_monotonic_time() / 1000;

    /* The final state comes with the end, which knows more. */
    if (vmmiStateIsFinal(state))
        return;
    if (display->terse && display->mode != DISPLAY_MOVING)
        return;
    if (display->mode == DISPLAY_MOVING) {
        draw(display, migration, state);
    } else if (display->mode == DISPLAY_JSON) {
        report_object(display_object(migration, (int)state));
    } else {
        printf("%7.1f s  %3u%%  %s\n", (double)(now - display->started_ms) / 1000,
               vmmiMigrationGetPercent(migration), vmmiStateToString(state));
        fflush(stdout);
    }
}

void
display_sample(Display *display, vmmiMigration *migration)
{
    vmmiState state = vmmiMigrationGetState(migration);

    if (display->mode == DISPLAY_MOVING && !vmmiStateIsFinal(state))
        draw(display, migration, state);
}

void
display_end(Display *display, vmmiMigration *migration, const vmmiOutcome *outcome,
            const char *source, const char *destination)
{
    const vmmiSample *statistics = vmmiOutcomeGetStatistics(outcome);
    const char *kind = vmmiOutcomeKindToString(vmmiOutcomeGetKind(outcome));
    g_autofree char *name = name_of(migration);
    g_autofree char *where = view_place(vmmiOutcomeGetWhere(outcome), source, destination);
    g_autofree char *figures = figures_summary(statistics);
    bool good = vmmiOutcomeGetKind(outcome) == VMMI_OUTCOME_COMPLETED;
    const char *colour = !display->colour ? "" : good ? "\033[1;32m" : "\033[1;33m";

    display_clear(display);
    printf("%s%s%s: %s %s\n", colour, kind, display->colour ? "\033[0m" : "", name, where);
    if (*figures)
        printf("%s\n", figures);
    fflush(stdout);
}
