/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures.h: figures of a migration as text for people. Pure: a sample and a width in, text out.
 */
#ifndef VMMI_TOOL_FIGURES_H
#define VMMI_TOOL_FIGURES_H

#include <stdbool.h>

#include <glib.h>

#include <libvmmi/libvmmi.h>

/* "512 KiB", "12.3 MiB". To be freed with g_free(), as all texts of this file. */
char *figures_bytes(uint64_t bytes);
/* "212 ms", "6.4 s", "2 min 5 s", "1 h 3 min". */
char *figures_duration(uint64_t milliseconds);
/* For tables: "12 s", "5 min", "3 h", "12 d". */
char *figures_age(uint64_t milliseconds);

/* How a line may look. */
typedef struct {
    int width;      /* columns; the text has fewer */
    bool colour;
    bool unicode;
} FiguresStyle;

/*
 * The line that moves: state, percent, a bar, remaining, rate, pass, expected downtime, time left.
 * What is unknown is left out, and so is what does not fit, the least important first. @sample may
 * be NULL.
 */
char *figures_line(vmmiState state, unsigned int percent, const vmmiSample *sample,
                   const FiguresStyle *style);
/* The same without a bar, colours or a limit. */
char *figures_plain(vmmiState state, unsigned int percent, const vmmiSample *sample);
/* "6.4 s in all, downtime 212 ms, 1.2 GiB in 5 passes"; "" when nothing is known. */
char *figures_summary(const vmmiSample *statistics);

#endif
