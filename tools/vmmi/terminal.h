/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * terminal.h: what standard output can show.
 */
#ifndef VMMI_TOOL_TERMINAL_H
#define VMMI_TOOL_TERMINAL_H

#include <stdbool.h>

typedef struct {
    bool moves;      /* a terminal on which lines can be drawn anew */
    bool colour;
    bool unicode;
} Terminal;

Terminal terminal_look(void);
/* Asked each time: the window may have been resized. */
int terminal_width(void);
int terminal_height(void);

#endif
