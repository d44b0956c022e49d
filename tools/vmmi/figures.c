/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures.c: figures of a migration as text for people. Reads no clock, knows no terminal.
 */
#include "figures.h"

#include <inttypes.h>
#include <string.h>

#define BAR_MIN 8
#define BAR_MAX 30
#define GAP 2

char *
figures_bytes(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1023.5 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        unit++;
    }
    return g_strdup_printf("%.*f %s", unit == 0 || value >= 99.95 ? 0 : 1, value, units[unit]);
}

char *
figures_duration(uint64_t milliseconds)
{
    uint64_t seconds = (milliseconds + 500) / 1000;

    if (milliseconds < 1000)
        return g_strdup_printf("%" PRIu64 " ms", milliseconds);
    if (milliseconds < 99950)
        return g_strdup_printf("%.1f s", (double)milliseconds / 1000);
    if (seconds < 3600)
        return g_strdup_printf("%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
    return g_strdup_printf("%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
}

char *
figures_age(uint64_t milliseconds)
{
    uint64_t seconds = milliseconds / 1000;

    if (seconds < 60)
        return g_strdup_printf("%" PRIu64 " s", seconds);
    if (seconds < 3600)
        return g_strdup_printf("%" PRIu64 " min", seconds / 60);
    if (seconds < 48 * 3600)
        return g_strdup_printf("%" PRIu64 " h", seconds / 3600);
    return g_strdup_printf("%" PRIu64 " d", seconds / 86400);
}

/* The parts of the line in the order in which they stand. */
enum {
    PART_STATE,
    PART_PERCENT,
    PART_BAR,
    PART_REMAINING,
    PART_RATE,
    PART_PASS,
    PART_DOWNTIME,
    PART_LEFT,
    N_PARTS
};
/* The order in which they go when the line is too long. */
static const int first_to_go[] = { PART_BAR,       PART_PASS, PART_RATE,   PART_DOWNTIME,
                                   PART_REMAINING, PART_LEFT, PART_PERCENT };

static char *
bytes_part(const vmmiSample *sample, vmmiSampleField field, vmmiSampleField other,
           const char *behind)
{
    g_autofree char *text = NULL;
    uint64_t value;

    if (!vmmiSampleGet(sample, field, &value) && !vmmiSampleGet(sample, other, &value))
        return NULL;
    text = figures_bytes(value);
    /* As wide as the widest: what stands behind it does not jump about. */
    return g_strdup_printf("%8s%s", text, behind);
}

/*
 * The time left: the hypervisor's own figure; else what is left at the rate at which it gets less.
 * A guest that writes faster than the link carries has none, and that is said.
 */
static char *
left_part(vmmiState state, const vmmiSample *sample)
{
    uint64_t rate = vmmiSampleGetOr(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, 0);
    uint64_t dirty = vmmiSampleGetOr(sample, VMMI_SAMPLE_DIRTY_BYTES_PER_SECOND, 0);
    uint64_t left = vmmiSampleGetOr(sample, VMMI_SAMPLE_DATA_REMAINING_BYTES, 0);
    g_autofree char *text = NULL;
    uint64_t eta;

    if (!vmmiSampleGet(sample, VMMI_SAMPLE_ETA_MS, &eta)) {
        if (state != VMMI_STATE_PRECOPY && state != VMMI_STATE_POSTCOPY)
            return NULL;
        if (state == VMMI_STATE_PRECOPY && rate && dirty >= rate)
            return g_strdup("not converging");
        rate -= state == VMMI_STATE_PRECOPY ? dirty : 0;
        if (!rate || !left)
            return NULL;
        eta = (uint64_t)((double)left / (double)rate * 1000);
    }
    text = figures_duration(eta);
    return eta ? g_strconcat(text, " to go", NULL) : NULL;
}

static char *
duration_part(const vmmiSample *sample, vmmiSampleField field, const char *before)
{
    g_autofree char *text = NULL;
    uint64_t value;

    if (!vmmiSampleGet(sample, field, &value))
        return NULL;
    text = figures_duration(value);
    return g_strconcat(before, text, NULL);
}

static char *
pass_part(const vmmiSample *sample)
{
    uint64_t pass;

    return vmmiSampleGet(sample, VMMI_SAMPLE_ITERATION, &pass)
               ? g_strdup_printf("pass %" PRIu64, pass)
               : NULL;
}

static void
fill_parts(char *parts[N_PARTS], vmmiState state, unsigned int percent, const vmmiSample *sample)
{
    parts[PART_STATE] = g_strdup(vmmiStateToString(state));
    parts[PART_PERCENT] = g_strdup_printf("%3u%%", MIN(percent, 100));
    parts[PART_BAR] = g_strnfill(BAR_MIN, ' ');
    parts[PART_REMAINING] = bytes_part(sample, VMMI_SAMPLE_DATA_REMAINING_BYTES,
                                       VMMI_SAMPLE_MEMORY_REMAINING_BYTES, " left");
    parts[PART_RATE] = bytes_part(sample, VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND,
                                  VMMI_SAMPLE_MEMORY_BYTES_PER_SECOND, "/s");
    parts[PART_PASS] = pass_part(sample);
    parts[PART_DOWNTIME] =
        duration_part(sample, VMMI_SAMPLE_DOWNTIME_EXPECTED_MS, "downtime ~");
    parts[PART_LEFT] = left_part(state, sample);
}

static int
width_of(char *const parts[N_PARTS])
{
    int width = -GAP;

    for (int i = 0; i < N_PARTS; i++)
        width += parts[i] ? (int)strlen(parts[i]) + GAP : 0;
    return width;
}

static char *
draw_bar(int width, unsigned int percent, const FiguresStyle *style)
{
    GString *bar = g_string_new(style->colour ? "\033[32m" : "");
    int full = width * (int)MIN(percent, 100) / 100;

    for (int i = 0; i < width; i++) {
        if (i == full && style->colour)
            g_string_append(bar, "\033[0;2m");
        g_string_append(bar, style->unicode ? (i < full || style->colour ? "━" : "─")
                                            : (i < full ? "#" : "."));
    }
    g_string_append(bar, style->colour ? "\033[0m" : "");
    return g_string_free(bar, FALSE);
}

static const char *
state_colour(vmmiState state)
{
    switch (state) {
    case VMMI_STATE_COMPLETED:
        return "\033[1;32m";
    case VMMI_STATE_FAILED:
    case VMMI_STATE_POSTCOPY_BROKEN:
        return "\033[1;31m";
    case VMMI_STATE_ABORTED:
    case VMMI_STATE_RELEASED:
    case VMMI_STATE_UNATTENDED:
    case VMMI_STATE_UNKNOWN:
        return "\033[1;33m";
    default:
        return "\033[1m";
    }
}

static char *
join_parts(char *const parts[N_PARTS], vmmiState state, const FiguresStyle *style)
{
    GString *line = g_string_new(NULL);

    for (int i = 0; i < N_PARTS; i++) {
        if (!parts[i])
            continue;
        if (line->len)
            g_string_append(line, "  ");
        if (i == PART_STATE && style->colour)
            g_string_append_printf(line, "%s%s\033[0m", state_colour(state), parts[i]);
        else
            g_string_append(line, parts[i]);
    }
    return g_string_free(line, FALSE);
}

char *
figures_line(vmmiState state, unsigned int percent, const vmmiSample *sample,
             const FiguresStyle *style)
{
    char *parts[N_PARTS] = { NULL };
    int room = style->width - 1;
    char *line;

    fill_parts(parts, state, percent, sample);
    for (size_t i = 0; i < G_N_ELEMENTS(first_to_go) && width_of(parts) > room; i++)
        g_clear_pointer(&parts[first_to_go[i]], g_free);
    if (width_of(parts) > room)
        parts[PART_STATE][MAX(room, 0)] = '\0';
    if (parts[PART_BAR]) {
        int bar = MIN(BAR_MIN + room - width_of(parts), BAR_MAX);

        g_free(parts[PART_BAR]);
        parts[PART_BAR] = draw_bar(bar, percent, style);
    }
    line = join_parts(parts, state, style);
    for (int i = 0; i < N_PARTS; i++)
        g_free(parts[i]);
    return line;
}

char *
figures_plain(vmmiState state, unsigned int percent, const vmmiSample *sample)
{
    GString *line = g_string_new(NULL);
    char *parts[N_PARTS] = { NULL };

    fill_parts(parts, state, percent, sample);
    g_clear_pointer(&parts[PART_BAR], g_free);
    for (int i = 0; i < N_PARTS; i++) {
        if (parts[i])
            g_string_append_printf(line, "%s%s", line->len ? ", " : "", g_strchug(parts[i]));
        g_free(parts[i]);
    }
    return g_string_free(line, FALSE);
}

/* The first of two figures that is known. */
static bool
get_either(const vmmiSample *sample, vmmiSampleField field, vmmiSampleField other, uint64_t *value)
{
    return vmmiSampleGet(sample, field, value) || vmmiSampleGet(sample, other, value);
}

static void
append_sentence(GString *text, char *part)
{
    if (text->len)
        g_string_append(text, ", ");
    g_string_append(text, part);
    g_free(part);
}

char *
figures_summary(const vmmiSample *statistics)
{
    GString *text = g_string_new(NULL);
    uint64_t value;

    if (vmmiSampleGet(statistics, VMMI_SAMPLE_ELAPSED_MS, &value))
        append_sentence(text, duration_part(statistics, VMMI_SAMPLE_ELAPSED_MS, "total "));
    if (get_either(statistics, VMMI_SAMPLE_DOWNTIME_FINAL_MS, VMMI_SAMPLE_DOWNTIME_NET_MS,
                   &value)) {
        g_autofree char *downtime = figures_duration(value);

        append_sentence(text, g_strconcat("downtime ", downtime, NULL));
    }
    if (get_either(statistics, VMMI_SAMPLE_DATA_PROCESSED_BYTES, VMMI_SAMPLE_MEMORY_PROCESSED_BYTES,
                   &value)) {
        g_autofree char *data = figures_bytes(value);

        append_sentence(text, g_strconcat("data ", data, NULL));
    }
    if (vmmiSampleGet(statistics, VMMI_SAMPLE_ITERATION, &value))
        append_sentence(text, g_strdup_printf("%" PRIu64 " pass%s", value, value == 1 ? "" : "es"));
    return g_string_free(text, FALSE);
}
