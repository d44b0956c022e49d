/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * signals.h: signals as bytes of a pipe, for a loop that sleeps in poll().
 */
#ifndef VMMI_TOOL_SIGNALS_H
#define VMMI_TOOL_SIGNALS_H

#include <stdbool.h>

/* From here on SIGINT, SIGTERM, SIGHUP and SIGWINCH wait to be read. To be called before something
 * is started. A second call does nothing. */
void signals_catch(void);
/* The same for Ctrl-Z: for a screen that must be put in order first. */
void signals_catch_stop(void);
/* To be polled for reading; -1 before signals_catch(). */
int signals_fd(void);
/* The next signal that came, 0: none. */
int signals_next(void);

#endif
