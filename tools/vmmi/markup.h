/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * markup.h: text of others inside XML and HTML.
 */
#ifndef VMMI_TOOL_MARKUP_H
#define VMMI_TOOL_MARKUP_H

#include <glib.h>

/* The text as one harmless line: valid UTF-8, no control, format or forbidden characters, at most
 * @limit characters, the last of them a mark that more follows. NULL gives "". To be freed. */
char *markup_clean(const char *text, size_t limit);
/* Appends the text, cleaned and escaped: fit for content and for quoted attributes of both. */
void markup_add(GString *out, const char *text, size_t limit);
/* The text as lines of at most @columns characters each, at most @rows of them. Broken at blanks
 * where there are any. To be freed with g_strfreev(). */
char **markup_wrap(const char *text, size_t columns, size_t rows);

#endif
