/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display.h: how a running migration is shown: one line that moves on a terminal, one line a change
 * of state elsewhere, one object a change of state with --json.
 */
#ifndef VMMI_TOOL_DISPLAY_H
#define VMMI_TOOL_DISPLAY_H

#include "cmd.h"

typedef enum { DISPLAY_LINES, DISPLAY_MOVING, DISPLAY_JSON } DisplayMode;

typedef struct {
    DisplayMode mode;
    bool colour, unicode;
    bool terse;             /* only the end is of interest; the moving line may move */
    bool drawn;             /* the moving line stands on the screen */
    uint64_t started_ms;
} Display;

void display_init(Display *display, const Common *common);
/* Times count from then: wall clock, milliseconds; 0: unknown. */
void display_since(Display *display, uint64_t created_ms);
/* The first line: who goes where. */
void display_begin(Display *display, vmmiMigration *migration, const char *destination);
void display_state(Display *display, vmmiMigration *migration, vmmiState state);
void display_sample(Display *display, vmmiMigration *migration);
/* Takes the moving line away, before something else is written. */
void display_clear(Display *display);
/* Another plugin is in charge. Not for JSON. */
void display_replaced(Display *display, vmmiMigration *old, vmmiMigration *successor);
/* The last two lines: where the guest runs, and the figures. Not for JSON. */
void display_end(Display *display, vmmiMigration *migration, const vmmiOutcome *outcome,
                 const char *source, const char *destination);
/* The object of a migration as it is, with @state if that is not VMMI_STATE_LAST. */
json_t *display_object(vmmiMigration *migration, int state);

#endif
