/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.h: everything about one migration, for people. The parts of vmmi show.
 */
#ifndef VMMI_TOOL_SHOW_H
#define VMMI_TOOL_SHOW_H

#include "view.h"

/* "label        text", not at all when @text is NULL or empty. @text is made harmless. */
void show_line(const char *label, const char *text);
/* @configuration: {"configuration": {...}, "origins": {...}} as JSON text, or NULL. */
void show_configuration(const char *configuration);
/* What the journal in a migration's directory holds of actions: an array. For as long as there is no
 * outcome. */
json_t *show_journal_actions(const char *directory);
/* What the policy did: a JSON array of actions. */
void show_actions(const json_t *actions);
/* One action on one line: "downtime-ms 300, done: pass 2 left 20 MiB". To be freed with g_free().
 */
char *show_action_text(const json_t *action);
/* The value at a dotted path of the configuration, a string, borrowed; NULL: none. */
const char *show_configured(const json_t *configuration, const char *key);

#endif
