/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen.c: the table of vmmi list --watch on a terminal. It has the terminal's second screen, so
 * that neither what stood there before nor a resized window disturbs it.
 */
#include "screen.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "signals.h"
#include "table.h"
#include "terminal.h"

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
/* The title, the headings, and what is said below the table. */
#define OTHER_LINES 4

void
screen_open(Screen *screen)
{
    screen->up = terminal_look().moves;
    if (!screen->up)
        return;
    signals_catch_stop();
    fputs(ENTER, stdout);
    fflush(stdout);
}

void
screen_pause(Screen *screen)
{
    if (!screen->up)
        return;
    fputs(LEAVE, stdout);
    fflush(stdout);
    raise(SIGSTOP);
    fputs(ENTER, stdout);
}

void
screen_close(Screen *screen)
{
    if (!screen->up)
        return;
    fputs(LEAVE, stdout);
    fputs(screen->last ? screen->last : "", stdout);
    fflush(stdout);
    g_clear_pointer(&screen->last, g_free);
    screen->up = false;
}

/* --- drawing ------------------------------------------------------------------------- */

static char *
title(const char *folder, const View *views, size_t count)
{
    g_autofree char *place = report_printable(folder);
    size_t running = 0;

    for (size_t i = 0; i < count; i++)
        running += !views[i].outcome;
    return g_strdup_printf("%zu running, %zu ended in %s (Ctrl-C leaves)", running, count - running,
                           place);
}

/* When there is no room for all: those that have ended go first, the oldest before. */
static size_t
choose(const View *views, size_t count, size_t room, bool *chosen)
{
    size_t left = count > room ? count - room : 0;

    for (size_t i = 0; i < count; i++) {
        chosen[i] = !(left && views[i].outcome);
        left -= !chosen[i];
    }
    for (size_t i = 0; i < count && left; i++) {
        left -= chosen[i];
        chosen[i] = false;
    }
    return count > room ? count - room : 0;
}

static char *
table_of(const View *views, size_t count, const bool *chosen, const TableStyle *style)
{
    ViewTable *table = view_table_new();
    char *text;

    for (size_t i = 0; i < count; i++) {
        if (chosen[i])
            view_table_add(table, &views[i]);
    }
    text = table_text(table, 0, style);
    table_free(table);
    return text;
}

/* A line of its own colour, cut to the window. */
static void
append_line(GString *text, const TableStyle *style, const char *colour, const char *line)
{
    g_autofree char *printable = report_printable(line);
    g_autofree char *cut = table_cut(printable, style->width - 1, style->unicode);

    g_string_append_printf(text, "%s%s%s\n", style->colour ? colour : "", cut,
                           style->colour ? "\033[0m" : "");
}

static void
append_lines(GString *text, const TableStyle *style, const char *lines)
{
    g_auto(GStrv) each = g_strsplit(lines, "\n", -1);

    for (size_t i = 0; each[i]; i++)
        append_line(text, style, "", each[i]);
}

/* Each line over the one that stood there, the rest of it and of the screen cleared. */
static void
write_frame(const char *frame, int height)
{
    g_auto(GStrv) lines = g_strsplit(frame, "\n", -1);
    GString *out = g_string_new("\033[H");

    for (int i = 0; lines[i] && (lines[i + 1] || *lines[i]) && i < height; i++)
        g_string_append_printf(out, "%s%s\033[K", i ? "\n" : "", lines[i]);
    g_string_append(out, "\033[J");
    fputs(out->str, stdout);
    fflush(stdout);
    g_string_free(out, TRUE);
}

void
screen_show(Screen *screen, const char *folder, const View *views, size_t count, const char *empty,
            const char *note)
{
    Terminal terminal = terminal_look();
    TableStyle style = { terminal_width(), terminal.colour, terminal.unicode };
    int height = terminal_height();
    g_autofree bool *chosen = g_new0(bool, count + 1);
    size_t hidden = choose(views, count, (size_t)MAX(height - OTHER_LINES, 1), chosen);
    g_autofree char *head = title(folder, views, count);
    GString *frame = g_string_new(NULL);

    g_free(screen->last);
    screen->last = count ? table_of(views, count, chosen, &style) : g_strdup(empty);
    append_line(frame, &style, "\033[1m", head);
    if (count)
        g_string_append(frame, screen->last);
    else
        append_lines(frame, &style, empty);
    if (hidden) {
        g_autofree char *more = g_strdup_printf("%zu more are not shown", hidden);

        append_line(frame, &style, "\033[2m", more);
    }
    if (note)
        append_line(frame, &style, "\033[33m", note);
    write_frame(frame->str, height);
    g_string_free(frame, TRUE);
}
