/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.h: staying with a migration until its end, an interruption or a deadline.
 */
#ifndef VMMI_TOOL_FOLLOW_H
#define VMMI_TOOL_FOLLOW_H

#include "display.h"

typedef struct {
    const Common *common;
    Display display;
    vmmiManager *manager;
    vmmiConnect *connect;
    vmmiMigration *migration;
    const char *destination;
    uint64_t timeout_ms;      /* 0: none */

    /* Inside. */
    uint64_t deadline_ms;     /* monotonic; 0: none, or passed */
    bool timed_out;
    bool abort_wanted, abort_asked;
    uint64_t abort_asked_ms;
    unsigned int interrupts;
    bool leaving, ended;
} Follow;

/* From here on SIGINT, SIGTERM, SIGHUP and SIGWINCH wait for follow_migration(). To be called
 * before something is started. */
void follow_catch_signals(void);
/* Follows and shows; returns how it ended. */
ExitCode follow_migration(Follow *follow);

#endif
