/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * screen.h: the table of vmmi list --watch on a terminal: drawn in place, put away at the end.
 */
#ifndef VMMI_TOOL_SCREEN_H
#define VMMI_TOOL_SCREEN_H

#include "view.h"

typedef struct {
    bool up;          /* standard output is a terminal, and it shows the table */
    char *last;       /* the table as it was drawn last, for the end */
} Screen;

/* Does nothing where standard output is no terminal that can do it. */
void screen_open(Screen *screen);
/* @empty stands in for a table without rows; @note (or NULL) is the last line. */
void screen_show(Screen *screen, const char *folder, const View *views, size_t count,
                 const char *empty, const char *note);
/* Ctrl-Z: the terminal is as it was before until the command goes on. */
void screen_pause(Screen *screen);
/* Leaves the last table behind, without the escape sequences that move. */
void screen_close(Screen *screen);

#endif
