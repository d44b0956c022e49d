/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim-memory.c: which of a guest's pages are still to be sent, and which it has written again.
 */
#include "drivers/sim/sim-memory.h"

#include <math.h>
#include <string.h>

#include "util/enum-table.h"

/* Below this many bytes an arc is nothing: far less than a page. */
#define DUST 1.0
/*
 * The most popular class of a zipf writer is this share of the working set, and each next one is
 * twice as large.
 */
#define SMALLEST_CLASS (1.0 / (1 << (VMMI_SIM_MAX_CLASSES - 1)))

static const char *const pattern_names[] = { "uniform", "cyclic", "zipf", "phased" };
VMMI_ENUM_IMPL(vmmiSimPattern, vmmiSimPattern, VMMI_SIM_PATTERN_LAST, pattern_names);

/* --- classes ---------------------------------------------------------------------------------- */

static size_t
class_count(const vmmiSimLoad *load)
{
    return load->pattern == VMMI_SIM_PATTERN_ZIPF ? VMMI_SIM_MAX_CLASSES : 1;
}

/* Classes end at 2^-11, 2^-10, ..., 1 of the working set, the popular pages first. */
static double
class_edge(size_t index)
{
    return index == 0 ? 0 : ldexp(1.0, (int)index - VMMI_SIM_MAX_CLASSES);
}

static double
class_size(const vmmiSimLoad *load, size_t index)
{
    if (class_count(load) == 1)
        return load->working_set;
    return load->working_set * (class_edge(index + 1) - class_edge(index));
}

/*
 * The integral of x^-s from the smallest class's half on: what a writer with that exponent does to
 * ranks up to x.
 */
static double
zipf_mass(double x, double exponent)
{
    double low = SMALLEST_CLASS / 16;

    x = fmax(x, low);
    if (fabs(exponent - 1) < 1e-9)
        return log(x / low);
    return (pow(x, 1 - exponent) - pow(low, 1 - exponent)) / (1 - exponent);
}

static double
class_share(const vmmiSimLoad *load, size_t index)
{
    double all;

    if (class_count(load) == 1)
        return 1;
    all = zipf_mass(1, load->zipf_exponent);
    return (zipf_mass(class_edge(index + 1), load->zipf_exponent) -
            zipf_mass(class_edge(index), load->zipf_exponent)) /
           all;
}

static double
sync_classes(vmmiSimMemory *memory, const vmmiSimLoad *load)
{
    double fresh = 0;

    for (size_t i = 0; i < class_count(load); i++) {
        double size = class_size(load, i);
        double clean = size - memory->pending[i];
        double hit = size > 0 ? -expm1(-memory->written * class_share(load, i) / size) : 0;

        memory->pending[i] += clean * hit;
        fresh += clean * hit;
    }
    return fresh;
}

/* Classes lie scattered in memory: each gives its share. */
static void
send_classes(vmmiSimMemory *memory, const vmmiSimLoad *load, double bytes)
{
    double all = vmmiSimMemoryPendingSet(memory, load);
    double keep = all > bytes ? 1 - bytes / all : 0;

    for (size_t i = 0; i < class_count(load); i++)
        memory->pending[i] *= keep;
}

/* --- arcs of a ring --------------------------------------------------------------------------- */

static double
arcs_length(const vmmiSimMemory *memory)
{
    double length = 0;

    for (size_t i = 0; i < memory->n_arcs; i++)
        length += memory->arcs[i].end - memory->arcs[i].start;
    return length;
}

static void
remove_arc(vmmiSimMemory *memory, size_t index)
{
    memory->n_arcs--;
    memmove(&memory->arcs[index], &memory->arcs[index + 1],
            (memory->n_arcs - index) * sizeof(memory->arcs[0]));
}

/*
 * When there is no room the two closest arcs become one: a little more is sent, as by a coarser
 * bitmap.
 */
static void
make_room(vmmiSimMemory *memory)
{
    size_t best = 0;

    if (memory->n_arcs < VMMI_SIM_MAX_ARCS)
        return;
    for (size_t i = 1; i + 1 < memory->n_arcs; i++) {
        if (memory->arcs[i + 1].start - memory->arcs[i].end <
            memory->arcs[best + 1].start - memory->arcs[best].end)
            best = i;
    }
    memory->arcs[best].end = memory->arcs[best + 1].end;
    remove_arc(memory, best + 1);
}

/* Adds [start, end) to the sorted, disjoint arcs. */
static void
add_arc(vmmiSimMemory *memory, double start, double end)
{
    size_t at = 0;

    if (end - start < DUST)
        return;
    while (at < memory->n_arcs && memory->arcs[at].end < start)
        at++;
    while (at < memory->n_arcs && memory->arcs[at].start <= end) {
        start = fmin(start, memory->arcs[at].start);
        end = fmax(end, memory->arcs[at].end);
        remove_arc(memory, at);
    }
    make_room(memory);
    at = 0;
    while (at < memory->n_arcs && memory->arcs[at].end < start)
        at++;
    memmove(&memory->arcs[at + 1], &memory->arcs[at],
            (memory->n_arcs - at) * sizeof(memory->arcs[0]));
    memory->arcs[at].start = start;
    memory->arcs[at].end = end;
    memory->n_arcs++;
}

static double
sync_arcs(vmmiSimMemory *memory, const vmmiSimLoad *load)
{
    double before = arcs_length(memory);
    double length = fmin(memory->written, load->working_set);
    double end = memory->writer + length;

    add_arc(memory, memory->writer, fmin(end, load->working_set));
    if (end > load->working_set)
        add_arc(memory, 0, end - load->working_set);
    if (load->working_set > 0)
        memory->writer = fmod(memory->writer + memory->written, load->working_set);
    return arcs_length(memory) - before;
}

/* The sender goes round, from where it is, and takes what it finds. */
static void
send_arcs(vmmiSimMemory *memory, double bytes)
{
    while (bytes > 0 && memory->n_arcs > 0) {
        size_t at = 0;
        double start, taken;

        while (at < memory->n_arcs && memory->arcs[at].end <= memory->position)
            at++;
        if (at == memory->n_arcs) {
            memory->position = 0;
            continue;
        }
        start = fmax(memory->arcs[at].start, memory->position);
        taken = fmin(bytes, memory->arcs[at].end - start);
        bytes -= taken;
        memory->position = start + taken;
        if (start - memory->arcs[at].start >= DUST) {
            double end = memory->arcs[at].end;

            memory->arcs[at].end = start;
            add_arc(memory, memory->position, end);
        } else if (memory->arcs[at].end - memory->position < DUST) {
            memory->position = memory->arcs[at].end;
            remove_arc(memory, at);
        } else {
            memory->arcs[at].start = memory->position;
        }
    }
}

/* --- both ------------------------------------------------------------------------------------- */

void
vmmiSimMemoryStart(vmmiSimMemory *memory, const vmmiSimLoad *load)
{
    memset(memory, 0, sizeof(*memory));
    memory->rest = load->memory - load->working_set;
    memory->ahead = load->set_first ? load->working_set : 0;
    for (size_t i = 0; i < class_count(load); i++)
        memory->pending[i] = class_size(load, i);
    if (load->pattern == VMMI_SIM_PATTERN_CYCLIC)
        add_arc(memory, 0, load->working_set);
}

double
vmmiSimMemoryPendingSet(const vmmiSimMemory *memory, const vmmiSimLoad *load)
{
    double pending = 0;

    if (load->pattern == VMMI_SIM_PATTERN_CYCLIC)
        return arcs_length(memory);
    for (size_t i = 0; i < class_count(load); i++)
        pending += memory->pending[i];
    return pending < DUST ? 0 : pending;
}

double
vmmiSimMemoryPending(const vmmiSimMemory *memory, const vmmiSimLoad *load)
{
    return memory->rest + vmmiSimMemoryPendingSet(memory, load);
}

double
vmmiSimMemoryMissing(const vmmiSimMemory *memory, const vmmiSimLoad *load)
{
    double missing = 0;

    if (load->working_set <= 0)
        return 0;
    if (class_count(load) == 1)
        return fmin(vmmiSimMemoryPendingSet(memory, load) / load->working_set, 1);
    for (size_t i = 0; i < class_count(load); i++)
        missing += class_share(load, i) * memory->pending[i] / class_size(load, i);
    return fmin(missing, 1);
}

double
vmmiSimMemoryNext(const vmmiSimMemory *memory, const vmmiSimLoad *load, bool *rest)
{
    double set = vmmiSimMemoryPendingSet(memory, load);
    double ahead = fmin(memory->ahead, set);

    *rest = ahead < DUST && memory->rest > 0;
    if (*rest)
        return memory->rest;
    return ahead < DUST ? set : ahead;
}

static void
send_set(vmmiSimMemory *memory, const vmmiSimLoad *load, double bytes)
{
    if (load->pattern == VMMI_SIM_PATTERN_CYCLIC)
        send_arcs(memory, bytes);
    else
        send_classes(memory, load, bytes);
    memory->ahead = memory->ahead - bytes < DUST ? 0 : memory->ahead - bytes;
}

void
vmmiSimMemorySend(vmmiSimMemory *memory, const vmmiSimLoad *load, double bytes)
{
    while (bytes > 0) {
        bool rest;
        double here = fmin(bytes, vmmiSimMemoryNext(memory, load, &rest));

        if (here <= 0)
            return;
        if (!rest)
            send_set(memory, load, here);
        else
            memory->rest = memory->rest - here < DUST ? 0 : memory->rest - here;
        bytes -= here;
    }
}

double
vmmiSimMemorySync(vmmiSimMemory *memory, const vmmiSimLoad *load)
{
    double fresh = load->pattern == VMMI_SIM_PATTERN_CYCLIC ? sync_arcs(memory, load)
                                                            : sync_classes(memory, load);

    memory->written = 0;
    return fresh;
}

/* --- the writer ------------------------------------------------------------------------------- */

/* How long a phased writer was on between the world's beginning and a time. */
static double
time_on(const vmmiSimLoad *load, int64_t until)
{
    int64_t period = load->on_us + load->off_us;
    int64_t part;

    if (load->pattern != VMMI_SIM_PATTERN_PHASED || period <= 0)
        return (double)until;
    part = until % period;
    return (double)(until / period) * (double)load->on_us +
           (double)(part < load->on_us ? part : load->on_us);
}

double
vmmiSimLoadWritten(const vmmiSimLoad *load, int64_t from, int64_t to)
{
    return (time_on(load, to) - time_on(load, from)) / 1e6 * load->dirty_rate;
}

double
vmmiSimLoadThrottled(const vmmiSimLoad *load, int64_t percent)
{
    double free = load->unthrottled_share;
    double busy = load->busy_share > 0 ? load->busy_share : 1;

    /* A processor that idles half of the time gets the same work done in the other half. */
    return free + (1 - free) * fmin(1, (double)(100 - percent) / 100 / busy);
}
