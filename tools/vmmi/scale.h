/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scale.h: an axis of a chart: values to places, and the values that are labelled. Pure.
 */
#ifndef VMMI_TOOL_SCALE_H
#define VMMI_TOOL_SCALE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    SCALE_BYTES = 0,
    SCALE_RATE,         /* bytes a second */
    SCALE_MS,
    SCALE_PERCENT,
    SCALE_TIME          /* ms since the beginning */
} ScaleUnit;

#define SCALE_MAX_TICKS 16

typedef struct {
    ScaleUnit unit;
    bool logarithmic;
    double low, high;   /* the ends of the axis, as values */
    double from, to;    /* the same, as places */
} Scale;

/*
 * An axis that shows everything from @least (the smallest value above 0) to @most. It is
 * logarithmic where a linear one would hide what is small. Times and percents never are.
 */
Scale scale_fit(ScaleUnit unit, double least, double most, double from, double to);
/* The place of a value; of one beyond the ends, that end. */
double scale_at(const Scale *scale, double value);
/* The values to label, @most at most; returns how many. @most <= SCALE_MAX_TICKS. */
size_t scale_ticks(const Scale *scale, double *ticks, size_t most);
/* "64 MiB", "200 ms", "1:30". To be freed with g_free(). */
char *scale_label(const Scale *scale, double value);

#endif
