/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * terminal.c: what standard output can show: NO_COLOR, dumb terminals, the size of the window.
 */
#include "terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <glib.h>

Terminal
terminal_look(void)
{
    const char *term = g_getenv("TERM"), *no_colour = g_getenv("NO_COLOR");
    Terminal terminal;

    terminal.moves = isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    terminal.colour = terminal.moves && !(no_colour && *no_colour);
    terminal.unicode = g_get_charset(NULL);
    return terminal;
}

/* The window's own figure, else that of the environment. */
static int
size_of(unsigned short window, const char *variable, int otherwise)
{
    const char *given = g_getenv(variable);
    guint64 value;

    if (window > 0)
        return window;
    if (given && g_ascii_string_to_unsigned(given, 10, 1, 10000, &value, NULL))
        return (int)value;
    return otherwise;
}

int
terminal_width(void)
{
    struct winsize size = { 0, 0, 0, 0 };

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return size_of(size.ws_col, "COLUMNS", 80);
}

int
terminal_height(void)
{
    struct winsize size = { 0, 0, 0, 0 };

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return size_of(size.ws_row, "LINES", 24);
}
