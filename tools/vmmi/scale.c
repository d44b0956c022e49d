/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scale.c: an axis of a chart. Bytes are labelled at powers of two, times at minutes and hours.
 */
#include "scale.h"

#include <math.h>

#include <glib.h>

#include "figures.h"

/* A linear axis hides what is below a twentieth of it. */
#define HIDDEN 20.0
/* A logarithmic one has no end: this many times smaller than the largest is small enough. */
#define DEEPEST 65536.0

static double
power_below(double value, double base)
{
    return pow(base, floor(log(value) / log(base) + 1e-9));
}

static double
power_above(double value, double base)
{
    return pow(base, ceil(log(value) / log(base) - 1e-9));
}

static bool
is_binary(ScaleUnit unit)
{
    return unit == SCALE_BYTES || unit == SCALE_RATE;
}

Scale
scale_fit(ScaleUnit unit, double least, double most, double from, double to)
{
    Scale scale = { .unit = unit, .from = from, .to = to };
    double base = is_binary(unit) ? 2 : 10;

    if (!(most > 0))
        most = unit == SCALE_PERCENT ? 100 : is_binary(unit) ? 1 << 20 : 1000;
    if (!(least > 0) || least > most)
        least = most;
    scale.logarithmic = unit != SCALE_PERCENT && unit != SCALE_TIME && most / least > HIDDEN;
    if (scale.logarithmic) {
        scale.low = power_below(MAX(least, most / DEEPEST), base);
        scale.high = is_binary(unit) ? power_above(most, base) : most * 1.25;
    } else {
        scale.high = unit == SCALE_PERCENT ? 100 : unit == SCALE_TIME ? most : most * 1.06;
    }
    return scale;
}

double
scale_at(const Scale *scale, double value)
{
    double part;

    if (scale->logarithmic)
        part = (log(MAX(value, scale->low)) - log(scale->low)) /
               (log(scale->high) - log(scale->low));
    else
        part = (value - scale->low) / (scale->high - scale->low);
    return scale->from + CLAMP(part, 0, 1) * (scale->to - scale->from);
}

/* The smallest step of which there are at most @most in the axis. */
static double
linear_step(const Scale *scale, size_t most)
{
    static const double times[] = { 1,    2,    5,    10,   20,    50,    100,   200,  500,
                                    1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000,
                                    300000, 600000, 900000, 1800000, 3600000 };
    double rough = scale->high / (double)most;

    if (is_binary(scale->unit))
        return power_above(rough, 2);
    if (scale->unit == SCALE_TIME) {
        for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
            if (times[i] >= rough)
                return times[i];
        }
        return ceil(rough / 3600000) * 3600000;
    }
    for (double step = pow(10, floor(log10(rough)));; step *= 10) {
        for (size_t i = 0; i < 3; i++) {
            static const double parts[] = { 1, 2, 5 };

            if (step * parts[i] >= rough * 0.999)
                return step * parts[i];
        }
    }
}

static size_t
linear_ticks(const Scale *scale, double *ticks, size_t most)
{
    double step = scale->unit == SCALE_PERCENT ? 25 : linear_step(scale, most - 1);
    size_t count = 0;

    for (double value = 0; value <= scale->high * 1.0001 && count < most; value += step)
        ticks[count++] = value;
    return count;
}

/* 10, 20, 50, 100... where that is not too many. */
static size_t
decimal_ticks(const Scale *scale, double *ticks)
{
    size_t count = 0;

    for (double ten = scale->low; ten <= scale->high; ten *= 10) {
        for (int part = 1; part <= 5; part += part == 1 ? 1 : 3) {
            if (ten * part <= scale->high * 1.0001 && count < SCALE_MAX_TICKS)
                ticks[count++] = ten * part;
        }
    }
    return count;
}

/* Powers of the base, and of the base's square or cube when there is no room. */
static size_t
log_ticks(const Scale *scale, double *ticks, size_t most)
{
    double base = is_binary(scale->unit) ? 2 : 10, span = log(scale->high / scale->low) / log(base);
    double factor = pow(base, MAX(1, ceil(span / (double)(most - 1))));
    size_t count = 0;

    if (!is_binary(scale->unit) && span < 2.5)
        return decimal_ticks(scale, ticks);
    for (double value = power_above(scale->low, factor);
         value <= scale->high * 1.0001 && count < most; value *= factor)
        ticks[count++] = value;
    return count;
}

size_t
scale_ticks(const Scale *scale, double *ticks, size_t most)
{
    return scale->logarithmic ? log_ticks(scale, ticks, most) : linear_ticks(scale, ticks, most);
}

static char *
time_label(const Scale *scale, double ms)
{
    unsigned long seconds = (unsigned long)(ms / 1000 + 0.5);

    if (scale->high < 2000)
        return g_strdup_printf("%.0f ms", ms);
    if (scale->high < 180000)
        return g_strdup_printf("%g s", ms / 1000);
    if (scale->high < 7200000)
        return g_strdup_printf("%lu:%02lu", seconds / 60, seconds % 60);
    return g_strdup_printf("%lu:%02lu h", seconds / 3600, seconds / 60 % 60);
}

char *
scale_label(const Scale *scale, double value)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    size_t unit = 0;

    switch (scale->unit) {
    case SCALE_TIME:
        return time_label(scale, value);
    case SCALE_PERCENT:
        return g_strdup_printf("%.0f %%", value);
    case SCALE_MS:
        return value < 1000 || scale->high < 2000 ? g_strdup_printf("%.4g ms", value)
                                                  : g_strdup_printf("%.4g s", value / 1000);
    default:
        break;
    }
    for (; value >= 1024 && unit + 1 < G_N_ELEMENTS(units); unit++)
        value /= 1024;
    return g_strdup_printf("%.4g %s%s", value, units[unit], scale->unit == SCALE_RATE ? "/s" : "");
}
