/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * list.h: vmmi list, and vmmi list --watch.
 */
#ifndef VMMI_TOOL_LIST_H
#define VMMI_TOOL_LIST_H

#include "open.h"

typedef struct {
    Opened opened;
    unsigned int flags;       /* of vmmiManagerListRecords() */
} List;

/* "No migrations in DIR.", and how to start one. To be freed with g_free(). */
char *list_empty_text(const List *list);
/* What could not be read: a sentence, or NULL. To be freed with g_free(). */
char *list_broken_text(const vmmiRecordList *records);
/* Shows the table, and its changes until it is interrupted. */
ExitCode list_watch(List *list);

#endif
