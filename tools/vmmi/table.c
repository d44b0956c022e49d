/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.c: rows of cells as lines that fit a width.
 *
 * What does not fit gives way in this order: long texts for which there are brief ones; the columns
 * that may be cut, the widest first; whole columns. What is too wide even then is cut at the edge.
 */
#include "table.h"

#include <string.h>

#include <glib.h>

#define GAP 2
#define MOST_COLUMNS 16

typedef struct {
    char *text, *brief;
    const char *colour;
} Cell;

struct Table {
    const TableColumn *columns;
    size_t n_columns;
    GArray *cells;
};

/* How each column is shown. */
typedef struct {
    bool shown, brief;
    int width;
} Fit;

static void
cell_clear(void *cell)
{
    g_free(((Cell *)cell)->text);
    g_free(((Cell *)cell)->brief);
}

Table *
table_new(const TableColumn *columns, size_t count)
{
    Table *table = g_new0(Table, 1);

    table->columns = columns;
    table->n_columns = MIN(count, MOST_COLUMNS);
    table->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
    g_array_set_clear_func(table->cells, cell_clear);
    return table;
}

void
table_free(Table *table)
{
    g_array_unref(table->cells);
    g_free(table);
}

void
table_add(Table *table, char *text, char *brief, const char *colour)
{
    Cell cell = { text, brief, colour };

    g_array_append_val(table->cells, cell);
}

size_t
table_rows(const Table *table)
{
    return table->cells->len / table->n_columns;
}

static const Cell *
cell_at(const Table *table, size_t row, size_t column)
{
    return &g_array_index(table->cells, Cell, row * table->n_columns + column);
}

static int
char_width(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

int
table_width_of(const char *text)
{
    int width = 0;

    for (; *text; text = g_utf8_next_char(text))
        width += char_width(g_utf8_get_char(text));
    return width;
}

char *
table_cut(const char *text, int width, bool unicode)
{
    const char *at = text;
    int used = 0;

    if (table_width_of(text) <= width)
        return g_strdup(text);
    if (width < 1)
        return g_strdup("");
    for (; *at && used + char_width(g_utf8_get_char(at)) < width; at = g_utf8_next_char(at))
        used += char_width(g_utf8_get_char(at));
    return g_strdup_printf("%.*s%s", (int)(at - text), text, unicode ? "…" : "~");
}

/* --- fitting ------------------------------------------------------------------------- */

static const char *
text_of(const Cell *cell, const Fit *fit)
{
    return fit->brief && cell->brief ? cell->brief : cell->text;
}

static int
natural_width(const Table *table, size_t column, const Fit *fit)
{
    int width = (int)strlen(table->columns[column].heading);

    for (size_t row = 0; row < table_rows(table); row++)
        width = MAX(width, table_width_of(text_of(cell_at(table, row, column), fit)));
    return width;
}

static int
total_width(const Table *table, const Fit *fits)
{
    int width = -GAP;

    for (size_t i = 0; i < table->n_columns; i++)
        width += fits[i].shown ? fits[i].width + GAP : 0;
    return width;
}

static void
use_briefs(const Table *table, Fit *fits)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        fits[i].brief = true;
        fits[i].width = natural_width(table, i, &fits[i]);
    }
}

/* Takes one column of the terminal from the widest that can give one. Returns whether there is
 * one. */
static bool
narrow(const Table *table, Fit *fits)
{
    Fit *widest = NULL;

    for (size_t i = 0; i < table->n_columns; i++) {
        int least = table->columns[i].least;

        if (fits[i].shown && least && fits[i].width > least &&
            (!widest || fits[i].width > widest->width))
            widest = &fits[i];
    }
    if (widest)
        widest->width--;
    return widest != NULL;
}

/* Leaves out the column that is missed least. Returns whether there is one. */
static bool
leave_out(const Table *table, Fit *fits)
{
    size_t found = table->n_columns;

    for (size_t i = 0; i < table->n_columns; i++) {
        int goes = table->columns[i].goes;

        if (fits[i].shown && goes &&
            (found == table->n_columns || goes < table->columns[found].goes))
            found = i;
    }
    if (found == table->n_columns)
        return false;
    fits[found].shown = false;
    return true;
}

static void
fit(const Table *table, int room, Fit *fits)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        fits[i] = (Fit){ true, false, 0 };
        fits[i].width = natural_width(table, i, &fits[i]);
    }
    if (!room || total_width(table, fits) <= room)
        return;
    use_briefs(table, fits);
    do {
        while (total_width(table, fits) > room && narrow(table, fits)) {
        }
    } while (total_width(table, fits) > room && leave_out(table, fits));
    /* What went has left room for the others. */
    for (bool grew = true; grew && total_width(table, fits) < room;) {
        grew = false;
        for (size_t i = 0; i < table->n_columns && total_width(table, fits) < room; i++) {
            if (fits[i].shown && fits[i].width < natural_width(table, i, &fits[i])) {
                fits[i].width++;
                grew = true;
            }
        }
    }
}

/* --- writing ------------------------------------------------------------------------- */

typedef struct {
    GString *text;
    const TableStyle *style;
    int room, pending;   /* columns left; blanks that stand before the next cell */
} Line;

static void
write_cell(Line *line, const char *text, const char *colour, bool right, int width)
{
    g_autofree char *cut = table_cut(text, MIN(width, MAX(line->room - line->pending, 0)),
                                     line->style->unicode);
    int used = table_width_of(cut), blanks = line->pending + (right ? width - used : 0);
    bool coloured = colour && line->style->colour && *cut;

    blanks = MAX(MIN(blanks, line->room - used), 0);
    if (*cut)
        g_string_append_printf(line->text, "%*s%s%s%s", blanks, "", coloured ? colour : "", cut,
                               coloured ? "\033[0m" : "");
    if (*cut)
        line->room -= blanks + used;
    line->pending = GAP + (*cut ? 0 : line->pending) + (right && *cut ? 0 : width - used);
}

/* Row -1 is that of the headings. */
static void
write_row(GString *text, const Table *table, gssize row, const Fit *fits, const TableStyle *style)
{
    Line line = { text, style, style->width ? MAX(style->width - 1, 0) : G_MAXINT / 2, 0 };

    for (size_t i = 0; i < table->n_columns; i++) {
        const TableColumn *column = &table->columns[i];
        const Cell *cell = row < 0 ? NULL : cell_at(table, (size_t)row, i);

        if (fits[i].shown)
            write_cell(&line, cell ? text_of(cell, &fits[i]) : column->heading,
                       cell ? cell->colour : "\033[2m", column->right, fits[i].width);
    }
    g_string_append_c(text, '\n');
}

char *
table_text(const Table *table, size_t first, const TableStyle *style)
{
    GString *text = g_string_new(NULL);
    Fit fits[MOST_COLUMNS];

    fit(table, style->width ? MAX(style->width - 1, 1) : 0, fits);
    write_row(text, table, -1, fits, style);
    for (size_t row = first; row < table_rows(table); row++)
        write_row(text, table, (gssize)row, fits, style);
    return g_string_free(text, FALSE);
}
