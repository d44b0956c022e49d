/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * figures-print.c: the figures of a guest as one JSON object on one line. Their names are
 * explained in the lab's README.md.
 */
#include "figures.h"

#define PAGES_PER_MIB 256.0
#define FORGIVEN 10u /* a busy machine may drop or cut so many beats on their way out of QEMU */

static void
print_ms(FILE *file, const char *name, uint64_t us)
{
    fprintf(file, ", \"%s\": %.1f", name, (double)us / 1e3);
}

static void
print_count(FILE *file, const char *name, uint64_t count)
{
    fprintf(file, ", \"%s\": %llu", name, (unsigned long long)count);
}

/* A silence: how long, where it began (counted from the stretch's), how much of it was a stop. */
static void
print_gap(FILE *file, const char *name, uint64_t since, const figures_gap *gap)
{
    fprintf(file, ", \"%s\": ", name);
    if (gap->length == 0)
        fputs("null", file);
    else
        fprintf(file, "{\"ms\": %.1f, \"atMs\": %.1f, \"standstillMs\": %.1f}",
                (double)gap->length / 1e3, (double)(gap->from - since) / 1e3,
                (double)gap->standstill / 1e3);
}

static void
print_rate(FILE *file, const char *name, double pages)
{
    if (pages < 0)
        fprintf(file, ", \"%s\": null", name);
    else
        fprintf(file, ", \"%s\": %.3f", name, pages / PAGES_PER_MIB);
}

static void
print_turn(FILE *file, const figures *f)
{
    if (f->turn_to == 0) {
        fputs(", \"switchover\": null", file);
        return;
    }
    fprintf(file, ", \"switchover\": {\"fromMs\": %.1f, \"toMs\": %.1f, \"movedMs\": ",
            ((double)f->turn_from - (double)f->since) / 1e3,
            ((double)f->turn_to - (double)f->since) / 1e3);
    if (f->moved)
        fprintf(file, "%.1f}", ((double)f->moved - (double)f->since) / 1e3);
    else
        fputs("null}", file);
}

static void
print_beats(FILE *file, const figures *f)
{
    bool sane = f->beats > 0 && f->repeated == 0 && f->lost <= FORGIVEN && f->damaged <= FORGIVEN;

    fprintf(file, ", \"beats\": {\"seen\": %llu", (unsigned long long)f->beats);
    print_count(file, "lost", f->lost);
    print_count(file, "repeated", f->repeated);
    print_count(file, "damaged", f->damaged);
    print_count(file, "moves", f->moves);
    print_count(file, "source", f->per_side[SIDE_SOURCE]);
    print_count(file, "destination", f->per_side[SIDE_DESTINATION]);
    fprintf(file, ", \"side\": \"%s\", \"sane\": %s}", lab_side_name(f->side),
            sane ? "true" : "false");
}

void
figures_print(const figures *f, FILE *file)
{
    fprintf(file, "{\"clock\": \"receiver\", \"sinceUs\": %llu, \"untilUs\": %llu",
            (unsigned long long)f->since, (unsigned long long)f->until);
    print_gap(file, "silence", f->since, &f->longest);
    print_gap(file, "switchoverSilence", f->since, &f->turn);
    print_gap(file, "otherSilence", f->since, &f->other);
    print_count(file, "otherOver100Ms", f->other_over_100);
    print_turn(file, f);
    print_ms(file, "standstillMs", f->standstill);
    print_ms(file, "guestSilenceMs", f->guest_longest);
    print_ms(file, "guestClockMs", f->guest_span);
    print_count(file, "workPages", f->work);
    print_rate(file, "rateBefore", f->before.pages);
    fprintf(file, ", \"steady\": %s", f->before.steady ? "true" : "false");
    print_rate(file, "rateDuring", f->pages_during);
    if (f->lost_known)
        fprintf(file, ", \"workLostMs\": %.1f", f->lost_ms);
    else
        fputs(", \"workLostMs\": null", file);
    print_beats(file, f);
    fputs("}\n", file);
}
