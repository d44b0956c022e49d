/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-text.h: a trace as text for a terminal. Pure.
 */
#ifndef VMMI_TOOL_TRACE_TEXT_H
#define VMMI_TOOL_TRACE_TEXT_H

#include "trace.h"

typedef struct {
    int width;      /* columns */
    bool unicode;
} TraceTextStyle;

/* Figures, small charts, actions with their reasons. To be freed with g_free(). */
char *trace_text(const Trace *trace, const TraceTextStyle *style);
/* One row for each trace. To be freed with g_free(). */
char *trace_text_table(const GPtrArray *traces, const TraceTextStyle *style);

#endif
