/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.h: rows of cells as lines that fit a width. Pure: texts and a width in, text out.
 */
#ifndef VMMI_TOOL_TABLE_H
#define VMMI_TOOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *heading;
    bool right;     /* against the right edge, as numbers are */
    int least;      /* it may be cut to so many columns; 0: it is never cut */
    int goes;       /* when there is no room it is left out, 1 before 2; 0: it stays */
} TableColumn;

typedef struct {
    int width;      /* columns; lines have fewer. 0: no limit */
    bool colour;
    bool unicode;
} TableStyle;

typedef struct Table Table;

/* @columns are borrowed. */
Table *table_new(const TableColumn *columns, size_t count);
void table_free(Table *table);
/*
 * The next cell; rows fill up from the left. @text and @brief are taken; @brief (or NULL) stands in
 * for @text when there is little room. @colour is a static escape sequence, or NULL.
 */
void table_add(Table *table, char *text, char *brief, const char *colour);
size_t table_rows(const Table *table);
/* The line of headings and those of the rows from @first on, each with its newline. To be freed
 * with g_free(). */
char *table_text(const Table *table, size_t first, const TableStyle *style);

/* How many columns of a terminal a text takes. */
int table_width_of(const char *text);
/* The text, cut to @width columns, the last of them a mark that more follows. To be freed with
 * g_free(). */
char *table_cut(const char *text, int width, bool unicode);

#endif
