/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * follow.h: staying with a migration until its end, an interruption or a deadline.
 */
#ifndef VMMI_TOOL_FOLLOW_H
#define VMMI_TOOL_FOLLOW_H

#include "display.h"
#include "open.h"

typedef enum {
    FOLLOW_OWN,        /* vmmi migrate: Ctrl-C and the deadline abort */
    FOLLOW_LOOK,       /* vmmi wait, vmmi attach: they only stop following */
    FOLLOW_ABORT,      /* vmmi abort: it is asked for at once */
    FOLLOW_RELEASE     /* vmmi release */
} FollowPurpose;

typedef struct {
    const Common *common;
    FollowPurpose purpose;
    Display display;
    vmmiManager *manager;
    vmmiConnect *connect;         /* NULL: the library opens what it needs */
    vmmiMigration *migration;     /* a reference; gives way to its successor when it is replaced */
    char *source, *destination;
    uint64_t timeout_ms;          /* 0: none */
    bool no_wait;                 /* only ask */
    bool read_only;               /* the end is not acknowledged */

    /* Inside. */
    uint64_t deadline_ms;         /* monotonic; 0: none, or passed */
    bool timed_out;
    bool ask_wanted, asked;       /* for the abort, or the release */
    uint64_t asked_ms;
    uint64_t seek_since_ms;       /* for a successor; 0: not begun */
    unsigned int interrupts;
    bool quiet;                   /* catching up: nothing is shown */
    bool leaving, ended, refused;
    bool old;                     /* it had ended before it was opened */
    vmmiError *refusal;           /* why what was asked for cannot be done */
} Follow;

/*
 * Follows and shows; returns how it ended. Takes over nothing: what @follow holds is released by
 * follow_clear().
 */
ExitCode follow_migration(Follow *follow);
void follow_clear(Follow *follow);
/* Opens the migration that @selector means and follows it. @timeout_ms 0: without a limit. */
ExitCode follow_selected(const Common *common, const char *selector, FollowPurpose purpose,
                         uint64_t timeout_ms, bool no_wait);
/* The migration of @opened likewise. */
ExitCode follow_opened(Opened *opened, FollowPurpose purpose, uint64_t timeout_ms, bool no_wait);

/* follow-end.c: says how it ended, and acknowledges what was said. */
ExitCode follow_report_end(Follow *follow);
/* Another plugin is in charge now: the old record is reported and acknowledged. */
void follow_report_replaced(Follow *follow, vmmiMigration *successor);
/* It goes on, and whoever asked does not stay. */
ExitCode follow_report_leaving(Follow *follow);
/* "detached": only the hint, and the id or the object. */
void follow_tell_how(Follow *follow, const char *why);

#endif
